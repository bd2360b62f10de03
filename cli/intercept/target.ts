/** Where a rule sends traffic: the `to` of a rule and the configuration in, a port and the addresses that answer there out. */
import { isIP } from 'node:net';
import { type Config, ConfigError, nearest } from '../../runtime/config.ts';
import { type InterceptRule, isAddress } from '../../runtime/intercept-config.ts';

export const FAMILIES = ['ip', 'ip6'] as const;
export type Family = (typeof FAMILIES)[number];

export const familyOf = (address: string): Family => (isIP(address) === 4 ? 'ip' : 'ip6');

export interface Target {
  /** As the configuration has it. */
  readonly says: string;
  readonly port: number;
  /** By family: the one address that answers, or every address of this machine. A family that is missing is not answered. */
  readonly answers: Readonly<Partial<Record<Family, string | 'any'>>>;
  /** It may be on another machine. */
  readonly literal: boolean;
}

type Named = { readonly kind: string; readonly name: string; readonly listen: string; readonly port: number };

const namedTargets = ({ listen, host, front }: Config): Named[] =>
  front.map((one) => ({
    kind: 'front',
    name: one.name ?? `${one.platform}@${one.host ?? host[0]?.name ?? ''}`,
    listen: one.listen ?? listen,
    port: one.port ?? 0,
  }));

const answersOf = (listen: string): Target['answers'] => {
  // A listener on :: answers both.
  if (listen === '::') return { ip: 'any', ip6: 'any' };
  if (listen === '0.0.0.0') return { ip: 'any' };
  return { [familyOf(listen)]: listen };
};

const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.');

const LITERAL = /^(?:(\d+\.\d+\.\d+\.\d+)|\[([0-9A-Fa-f:.]+)\])?:(\d{1,5})$/;

const literal = (to: string): Target | undefined => {
  const parts = LITERAL.exec(to);
  if (parts === null) return undefined;
  const address = parts[1] ?? parts[2];
  const port = Number(parts[3]);
  if ((address !== undefined && !isAddress(address)) || port < 1 || port > 65_535)
    throw new ConfigError(`intercept: to "${to}": not ADDRESS:PORT or :PORT`);
  return { says: to, port, answers: answersOf(address ?? '::'), literal: address !== undefined };
};

const named = (to: string, config: Config): Target => {
  const known = namedTargets(config);
  const found = known.find(({ name }) => name === to);
  if (found === undefined) {
    const near = nearest(
      to,
      known.map(({ name }) => name),
    );
    throw new ConfigError(
      `intercept: to "${to}": no front has that name${near === undefined ? '' : `; did you mean "${near}"?`}`,
    );
  }
  const { kind, name, listen, port } = found;
  if (port === 0) throw new ConfigError(`intercept: ${kind} ${name} has no port of its own: set its port`);
  if (!isAddress(listen))
    throw new ConfigError(`intercept: ${kind} ${name} listens on "${listen}": an address is needed, not a name`);
  return { says: name, port, answers: answersOf(listen), literal: false };
};

export const targetOf = ({ mode, to, masquerade }: InterceptRule, config: Config): Target => {
  const target = literal(to) ?? named(to, config);
  if (mode === 'redirect' && target.literal)
    throw new ConfigError(`intercept: to "${to}": redirect stays on this machine; dnat leads to another address`);
  if (masquerade && (mode !== 'dnat' || !target.literal))
    throw new ConfigError(`intercept: to "${to}": masquerade belongs to dnat to another machine, by its address`);
  const loopback = Object.values(target.answers).find(isLoopback);
  // The kernel drops what comes from outside for a loopback address.
  if (mode !== 'tproxy' && loopback !== undefined)
    throw new ConfigError(
      `intercept: ${target.says} listens on ${loopback}, where nothing from outside arrives: set its listen`,
    );
  return target;
};
