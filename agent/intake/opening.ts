/** The first bytes of a connection in, what is spoken on it and whom it is for out: TLS by its server name, HTTP by its Host field. */
import { isAddress, parseHostPort } from '../../runtime/host-port.ts';
import { LIMITS } from '../../runtime/limits.ts';
import { parseHead } from '../http/head.ts';
import { readClientHello } from './client-hello.ts';

export type Spoken = 'tls' | 'http';

const TLS_START = /^\x16(?:$|\x03)/;
const HTTP_START = /^[A-Z]{3,20} [/*hH]/;
const HTTP_MAYBE = /^[A-Z]{0,20}$|^[A-Z]{3,20} $/;
const START_BYTES = 24;
const HEAD_END = '\r\n\r\n';

/** undefined: it cannot be told yet. */
export const spokenIn = (bytes: Buffer): Spoken | 'other' | undefined => {
  const start = bytes.toString('latin1', 0, START_BYTES);
  if (TLS_START.test(start)) return start.length < 2 ? undefined : 'tls';
  if (HTTP_START.test(start)) return 'http';
  return HTTP_MAYBE.test(start) ? undefined : 'other';
};

const hostField = (bytes: Buffer): { readonly name: string | undefined } | undefined => {
  const end = bytes.indexOf(HEAD_END);
  if (end < 0) return undefined;
  const head = parseHead(bytes.toString('latin1', 0, end), LIMITS.httpFields);
  return { name: 'kind' in head ? undefined : parseHostPort(head.headers['host'] ?? '')?.host };
};

/** undefined: more is needed. */
export const nameIn = (spoken: Spoken, bytes: Buffer): { readonly name: string | undefined } | undefined => {
  if (spoken === 'http') return hostField(bytes);
  const hello = readClientHello(bytes);
  if (hello === undefined) return undefined;
  // Addresses are no server names (RFC 6066, 3); some clients send them all the same.
  const { serverName } = hello;
  return { name: serverName !== undefined && isAddress(serverName) ? parseHostPort(serverName)?.host : serverName };
};
