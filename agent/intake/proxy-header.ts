/** The first bytes of a connection through a load balancer in, whom it names as client and destination out (The PROXY protocol, versions 1 and 2). */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { plainAddress } from '../../runtime/host-port.ts';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export type ProxyHeader =
  | { readonly kind: 'more' }
  /** What it is instead is not guessed. */
  | { readonly kind: 'malformed' }
  | {
      readonly kind: 'header';
      /** Its length: what follows is the client's. */
      readonly bytes: number;
      /** undefined: the connection is the load balancer's own, as of its health checks. */
      readonly named: { readonly client: Endpoint; readonly destination: Endpoint } | undefined;
    };

const MORE: ProxyHeader = { kind: 'more' };
const MALFORMED: ProxyHeader = { kind: 'malformed' };
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V1_START = Buffer.from('PROXY ', 'latin1');
/** With its line end, section 2.1. */
const V1_BYTES = 107;
const V2_BYTES = 16;
/** Addresses take at most 216 bytes; what else comes are TLVs, which hold nothing that decides here. */
const V2_MOST_BYTES = 4096;

const begins = (bytes: Buffer, start: Buffer): boolean =>
  bytes.subarray(0, start.length).equals(start.subarray(0, bytes.length));

const port = (text: string | undefined): number => {
  const value = /^(0|[1-9]\d{0,4})$/.test(text ?? '') ? Number(text) : Number.NaN;
  return value <= 65_535 ? value : Number.NaN;
};

const readV1 = (bytes: Buffer): ProxyHeader => {
  const end = bytes.indexOf('\n');
  if (end < 0) return bytes.length >= V1_BYTES ? MALFORMED : MORE;
  if (end >= V1_BYTES || bytes[end - 1] !== 13) return MALFORMED;
  const length = end + 1;
  const [, family, ...rest] = bytes.toString('latin1', 0, end - 1).split(' ');
  if (family === 'UNKNOWN') return { kind: 'header', bytes: length, named: undefined };
  const isFamily = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : undefined;
  const [from = '', to = '', fromPort, toPort] = rest;
  const [clientPort, ownPort] = [port(fromPort), port(toPort)];
  if (isFamily === undefined || rest.length !== 4 || !isFamily(from) || !isFamily(to)) return MALFORMED;
  if (Number.isNaN(clientPort) || Number.isNaN(ownPort)) return MALFORMED;
  return {
    kind: 'header',
    bytes: length,
    named: {
      client: { address: plainAddress(from), port: clientPort },
      destination: { address: plainAddress(to), port: ownPort },
    },
  };
};

const v4At = (bytes: Buffer, at: number): string => bytes.subarray(at, at + 4).join('.');
const v6At = (bytes: Buffer, at: number): string => {
  const groups: string[] = [];
  for (let n = 0; n < 16; n += 2) groups.push(bytes.readUInt16BE(at + n).toString(16));
  return groups.join(':');
};

/** By family and transport, 2.2: bytes of one address and how it is written. */
const FAMILIES: Readonly<Record<number, readonly [bytes: number, text: (bytes: Buffer, at: number) => string]>> = {
  17: [4, v4At],
  33: [16, v6At],
};

const readV2 = (bytes: Buffer): ProxyHeader => {
  if (bytes.length < V2_BYTES) return MORE;
  const command = bytes[12];
  if (command !== 0x20 && command !== 0x21) return MALFORMED;
  const length = bytes.readUInt16BE(14);
  const whole = V2_BYTES + length;
  if (whole > V2_MOST_BYTES) return MALFORMED;
  const family = FAMILIES[bytes[13] ?? 0];
  const addressBytes = family?.[0] ?? 0;
  if (command === 0x21 && family !== undefined && length < 2 * addressBytes + 4) return MALFORMED;
  if (bytes.length < whole) return MORE;
  // LOCAL, and what is no TCP connection over IP: its own addresses count.
  if (command === 0x20 || family === undefined) return { kind: 'header', bytes: whole, named: undefined };
  const ports = V2_BYTES + 2 * addressBytes;
  const address = (at: number): string => plainAddress(family[1](bytes, at));
  return {
    kind: 'header',
    bytes: whole,
    named: {
      client: { address: address(V2_BYTES), port: bytes.readUInt16BE(ports) },
      destination: { address: address(V2_BYTES + addressBytes), port: bytes.readUInt16BE(ports + 2) },
    },
  };
};

/** `bytes`: all that came so far. */
export const readProxyHeader = (bytes: Buffer): ProxyHeader => {
  if (bytes.length === 0) return MORE;
  if (begins(bytes, SIGNATURE)) return bytes.length < SIGNATURE.length ? MORE : readV2(bytes);
  if (begins(bytes, V1_START)) return bytes.length < V1_START.length ? MORE : readV1(bytes);
  return MALFORMED;
};

const thisMachine = new BlockList();
thisMachine.addSubnet('127.0.0.0', 8);
thisMachine.addSubnet('0.0.0.0', 8);
thisMachine.addSubnet('::', 127, 'ipv6');
const isThisMachine = (address: string): boolean => thisMachine.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');

/** Who is not on this machine may not be led to what listens for this machine alone. */
export const mayName = (balancer: string, destination: string | undefined): boolean =>
  destination === undefined || isThisMachine(balancer) || !isThisMachine(destination);
