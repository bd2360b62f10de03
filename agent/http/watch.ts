/** Bytes of one direction of an HTTP/1 connection in, where its messages begin and end out: a bounded onlooker, which refuses nothing. */

/** How a message's body ends, told by who knows the request to an answer. */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  /** To the end of the connection. */
  | { readonly kind: 'rest' };

export interface WatchedHead {
  /** First line, and fields by lower-case name; of a repeated one the last. */
  readonly first: string;
  readonly fields: ReadonlyMap<string, string>;
}

export interface Onlooker {
  head(head: WatchedHead): Framing;
  /** A piece of the body as it is on the wire, chunks' own lines among it. */
  body(bytes: Buffer): void;
  end(): void;
  /** Not understood: nothing more is told. */
  lost(): void;
}

const HEAD_MOST_BYTES = 64 * 1024;
const LINE_MOST_BYTES = 4096;
const CR_LF = '\r\n';
const HEAD_END = '\r\n\r\n';

const parsed = (text: string): WatchedHead => {
  const [first = '', ...lines] = text.split(CR_LF);
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { first, fields };
};

/** What the fields alone say. */
export const framingOf = ({ fields }: WatchedHead, otherwise: Framing): Framing => {
  if (/\bchunked\b/i.test(fields.get('transfer-encoding') ?? '')) return { kind: 'chunked' };
  const length = fields.get('content-length');
  if (length === undefined) return otherwise;
  return /^\d{1,16}$/.test(length) ? { kind: 'length', bytes: Number(length) } : { kind: 'rest' };
};

export const createWatch = (onlooker: Onlooker): ((bytes: Buffer) => void) => {
  let state: 'head' | 'length' | 'size' | 'chunk' | 'trailer' | 'rest' | 'lost' = 'head';
  /** Text of a head or line that is not whole yet. */
  let text = '';
  let left = 0;

  const lose = (): void => {
    state = 'lost';
    text = '';
    onlooker.lost();
  };
  const finish = (): void => {
    state = 'head';
    onlooker.end();
  };

  const readHead = (bytes: Buffer, from: number): number => {
    // Empty lines between messages are allowed.
    if (text === '') while (from < bytes.length && (bytes[from] === 13 || bytes[from] === 10)) from++;
    const kept = text.length;
    const chunk = bytes.toString('latin1', from, Math.min(bytes.length, from + HEAD_MOST_BYTES - kept + 1));
    text += chunk;
    const end = text.indexOf(HEAD_END, Math.max(0, kept - 3));
    if (end < 0) {
      if (text.length > HEAD_MOST_BYTES) lose();
      return bytes.length;
    }
    const head = parsed(text.slice(0, end));
    text = '';
    const framing = onlooker.head(head);
    switch (framing.kind) {
      case 'none':
        finish();
        break;
      case 'length':
        left = framing.bytes;
        state = 'length';
        if (left === 0) finish();
        break;
      case 'chunked':
        state = 'size';
        break;
      case 'rest':
        state = 'rest';
        break;
      default:
        framing satisfies never;
    }
    return from + end + HEAD_END.length - kept;
  };

  /** A line of its own; undefined: it is not whole yet, and all of `bytes` is in it. */
  const readLine = (bytes: Buffer, from: number): { line: string; next: number } | undefined => {
    const end = bytes.indexOf(10, from);
    text += bytes.toString('latin1', from, end < 0 ? Math.min(bytes.length, from + LINE_MOST_BYTES + 1) : end);
    if (text.length > LINE_MOST_BYTES) lose();
    if (end < 0 || state === 'lost') return undefined;
    const line = text.endsWith('\r') ? text.slice(0, -1) : text;
    text = '';
    return { line, next: end + 1 };
  };

  const readSize = (bytes: Buffer, from: number): number => {
    const read = readLine(bytes, from);
    onlooker.body(bytes.subarray(from, read?.next ?? bytes.length));
    if (read === undefined) return bytes.length;
    const size = /^\s*([0-9a-f]{1,13})\s*(;|$)/i.exec(read.line)?.[1];
    if (size === undefined) lose();
    else if (Number.parseInt(size, 16) === 0) state = 'trailer';
    else {
      // With the line end behind it.
      left = Number.parseInt(size, 16) + 2;
      state = 'chunk';
    }
    return read.next;
  };

  const readTrailer = (bytes: Buffer, from: number): number => {
    const read = readLine(bytes, from);
    onlooker.body(bytes.subarray(from, read?.next ?? bytes.length));
    if (read?.line === '') finish();
    return read?.next ?? bytes.length;
  };

  const readBody = (bytes: Buffer, from: number): number => {
    const next = Math.min(bytes.length, from + left);
    onlooker.body(from === 0 && next === bytes.length ? bytes : bytes.subarray(from, next));
    left -= next - from;
    if (left === 0) {
      if (state === 'length') finish();
      else state = 'size';
    }
    return next;
  };

  return (bytes) => {
    for (let at = 0; at < bytes.length; ) {
      switch (state) {
        case 'head':
          at = readHead(bytes, at);
          break;
        case 'size':
          at = readSize(bytes, at);
          break;
        case 'trailer':
          at = readTrailer(bytes, at);
          break;
        case 'length':
        case 'chunk':
          at = readBody(bytes, at);
          break;
        case 'rest':
          onlooker.body(at === 0 ? bytes : bytes.subarray(at));
          return;
        case 'lost':
          return;
        default:
          state satisfies never;
      }
    }
  };
};
