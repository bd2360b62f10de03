/** The first bytes of a TLS connection in, the server name its client asks for out, without a word of TLS spoken (RFC 8446, 4.1.2; RFC 6066, 3). */
import { plainName } from '../../runtime/host-port.ts';

export interface ClientHello {
  /** undefined: it names none, or is no ClientHello that can be read; TLS itself will say so. */
  readonly serverName: string | undefined;
}

const NAMELESS: ClientHello = { serverName: undefined };
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const RECORD_HEAD = 5;
const MESSAGE_HEAD = 4;
const MAX_RECORD = 16_384;

/** The handshake bytes of the records that have come whole or in part; undefined: no such records. */
const handshakeBytes = (bytes: Buffer): Buffer | undefined => {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] !== HANDSHAKE || (at + 1 < bytes.length && bytes[at + 1] !== 3)) return undefined;
    if (at + RECORD_HEAD > bytes.length) break;
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > MAX_RECORD) return undefined;
    pieces.push(bytes.subarray(at + RECORD_HEAD, at + RECORD_HEAD + length));
    at += RECORD_HEAD + length;
  }
  return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
};

/** Walks vectors of a known extent; what runs over its end throws, as reading outside of a buffer does. */
const cursor = (bytes: Buffer) => {
  let at = 0;
  const vector = (lengthBytes: 1 | 2): Buffer => {
    const length = bytes.readUIntBE(at, lengthBytes);
    const start = at + lengthBytes;
    if (start + length > bytes.length) throw new RangeError('a vector runs over its end');
    at = start + length;
    return bytes.subarray(start, at);
  };
  return {
    skip: (count: number): void => {
      at += count;
    },
    number: (count: 1 | 2): number => {
      const value = bytes.readUIntBE(at, count);
      at += count;
      return value;
    },
    vector,
    isOver: () => at >= bytes.length,
  };
};

const NAME = /^[\x21-\x7e]{1,255}$/;

const serverNameOf = (body: Buffer): string | undefined => {
  const hello = cursor(body);
  hello.skip(2 + 32);
  hello.vector(1);
  hello.vector(2);
  hello.vector(1);
  if (hello.isOver()) return undefined;
  const extensions = cursor(hello.vector(2));
  while (!extensions.isOver()) {
    const type = extensions.number(2);
    const data = extensions.vector(2);
    if (type !== SERVER_NAME) continue;
    const names = cursor(cursor(data).vector(2));
    while (!names.isOver()) {
      const kind = names.number(1);
      const name = names.vector(2).toString('latin1');
      if (kind === 0) return NAME.test(name) ? plainName(name) : undefined;
    }
    return undefined;
  }
  return undefined;
};

/** `bytes`: all that came so far. undefined: more is needed. */
export const readClientHello = (bytes: Buffer): ClientHello | undefined => {
  const handshake = handshakeBytes(bytes);
  if (handshake === undefined) return NAMELESS;
  if (handshake.length > 0 && handshake[0] !== CLIENT_HELLO) return NAMELESS;
  if (handshake.length < MESSAGE_HEAD) return undefined;
  const length = handshake.readUIntBE(1, 3);
  if (length > 4 * MAX_RECORD) return NAMELESS;
  if (handshake.length < MESSAGE_HEAD + length) return undefined;
  try {
    return { serverName: serverNameOf(handshake.subarray(MESSAGE_HEAD, MESSAGE_HEAD + length)) };
  } catch {
    return NAMELESS;
  }
};
