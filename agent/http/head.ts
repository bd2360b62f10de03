/** The text of one request head in, its method, target, fields and body framing out, or the status that refuses it (RFC 9112, the strict reading). */

export interface RequestHead {
  readonly method: string;
  readonly path: string;
  /** What follows the first '?', '' without one. */
  readonly query: string;
  /** Names in lower case; repeated fields joined. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** HTTP/1.0 knows neither chunks nor 100. */
  readonly minor: 0 | 1;
  readonly keepAlive: boolean;
  /** 0: no body; -1: chunked. */
  readonly bodyBytes: number;
  /** The client waits for 100 Continue before it sends its body. */
  readonly awaitsContinue: boolean;
}

export interface Refused {
  readonly kind: 'refused';
  readonly status: number;
}

export const refused = (status: number): Refused => ({ kind: 'refused', status });

const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)$/;
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Of one that does not know the length of its body a client is known to announce a pebibyte: 16 digits. */
const LENGTH = /^\d{1,16}$/;
const ABSOLUTE = /^https?:\/\/[^/?#]+/i;

/** Spaces and tabs only: what else counts as white space in a string does not in a field (a no-break space must not hide an encoding). */
const trimmed = (line: string, from: number): string => {
  let [start, end] = [from, line.length];
  while (start < end && (line.charCodeAt(start) === 32 || line.charCodeAt(start) === 9)) start++;
  while (end > start && (line.charCodeAt(end - 1) === 32 || line.charCodeAt(end - 1) === 9)) end--;
  return line.slice(start, end);
};

/** One field line; undefined when it is none: folded, without a colon, with a space before it, or with control characters. */
export const parseField = (line: string): readonly [name: string, value: string] | undefined => {
  const colon = line.indexOf(':');
  if (colon < 1) return undefined;
  const name = line.slice(0, colon);
  const value = trimmed(line, colon + 1);
  return NAME.test(name) && VALUE.test(value) ? [name.toLowerCase(), value] : undefined;
};

/** Fields that decide where a message ends or whom it is for: two of them are two readings. */
const SINGLE = new Set(['host', 'content-length', 'transfer-encoding', 'authorization', 'expect', 'range']);

const targetOf = (target: string): string | undefined => {
  if (target.startsWith('/') || target === '*') return target;
  const origin = ABSOLUTE.exec(target)?.[0];
  if (origin === undefined) return undefined;
  const rest = target.slice(origin.length);
  return rest.startsWith('/') ? rest : `/${rest}`;
};

/** `text` is all before the empty line, without its line end. */
export const parseHead = (text: string, maxFields: number): RequestHead | Refused => {
  const lines = text.split('\r\n');
  if (lines.some((line) => line.includes('\n'))) return refused(400);
  const [, method = '', target = '', major, minorText] = REQUEST_LINE.exec(lines[0] ?? '') ?? [];
  if (major === undefined) return refused(400);
  if (major !== '1') return refused(505);
  const minor = minorText === '0' ? 0 : 1;
  const location = targetOf(target);
  if (location === undefined) return refused(400);
  if (lines.length - 1 > maxFields) return refused(431);
  const headers: Record<string, string | undefined> = Object.create(null);
  for (let n = 1; n < lines.length; n++) {
    const field = parseField(lines[n] ?? '');
    if (field === undefined) return refused(400);
    const [name, value] = field;
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (SINGLE.has(name)) return refused(400);
    else headers[name] = before + (name === 'cookie' ? '; ' : ', ') + value;
  }
  if (minor === 1 && headers['host'] === undefined) return refused(400);

  const length = headers['content-length'];
  const encoding = headers['transfer-encoding'];
  let bodyBytes = 0;
  if (encoding !== undefined) {
    // A length beside it, or a peer that knows no chunks: somebody on the way may end the message elsewhere.
    if (length !== undefined || minor === 0) return refused(400);
    if (encoding.toLowerCase() !== 'chunked') return refused(501);
    bodyBytes = -1;
  } else if (length !== undefined) {
    if (!LENGTH.test(length) || !Number.isSafeInteger(Number(length))) return refused(400);
    bodyBytes = Number(length);
  }
  const expect = headers['expect'];
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') return refused(417);
  const connection = (headers['connection'] ?? '')
    .toLowerCase()
    .split(',')
    .map((token) => token.trim());
  const mark = location.indexOf('?');
  return {
    method,
    path: mark < 0 ? location : location.slice(0, mark),
    query: mark < 0 ? '' : location.slice(mark + 1),
    headers,
    minor,
    keepAlive: connection.includes('close') ? false : minor === 1 || connection.includes('keep-alive'),
    bodyBytes,
    awaitsContinue: expect !== undefined && minor === 1 && bodyBytes !== 0,
  };
};
