/** Text that names a place on a network in, its host and port out: `192.0.2.7`, `[2001:db8::7]:443`, `host.example:443`; addresses in one form each. */
import { isIP, isIPv6 } from 'node:net';

export interface HostPort {
  /** An address in the form that sockets show, or a name in lower case. */
  readonly host: string;
  readonly port?: number;
}

/** IPv4 as IPv6, in the form that all others are brought to. */
const MAPPED = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;
const NAME = /^(?!.*\.\.)[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?$/;

/** One text for each address: IPv4 is never written as IPv6, zeros are left out, no zone. */
export const plainAddress = (address: string): string => {
  const [bare = ''] = address.split('%');
  if (!isIPv6(bare)) return bare;
  const six = new URL(`http://[${bare}]/`).hostname.slice(1, -1);
  const [, high, low] = MAPPED.exec(six) ?? [];
  if (high === undefined || low === undefined) return six;
  return [high, low].flatMap((pair) => [Number.parseInt(pair, 16) >> 8, Number.parseInt(pair, 16) & 255]).join('.');
};

/** A name as DNS compares it. */
export const plainName = (name: string): string => name.toLowerCase().replace(/\.$/, '');

export const isAddress = (host: string): boolean => isIP(host) !== 0;

/** undefined: it names no place. */
export const parseHostPort = (text: string): HostPort | undefined => {
  if (isIP(text) !== 0) return { host: plainAddress(text) };
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const [inBrackets, bare] = [parts?.[1], parts?.[2]];
  if (inBrackets !== undefined && !isIPv6(inBrackets)) return undefined;
  const host =
    inBrackets !== undefined ? plainAddress(inBrackets) : isIP(bare ?? '') !== 0 ? (bare ?? '') : plainName(bare ?? '');
  if (!isAddress(host) && (!NAME.test(host) || /^[\d.]+$/.test(host))) return undefined;
  if (parts?.[3] === undefined) return { host };
  const port = Number(parts[3]);
  return port < 1 || port > 65_535 ? undefined : { host, port };
};

export const formatHostPort = ({ host, port }: HostPort): string => {
  if (port === undefined) return host;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
};
