/** HTTP/1.1 requests out of bytes, without I/O: pieces of any size in; heads, pieces of bodies and their ends out, one at a time and in order. */
import { parseField, parseHead, type Refused, type RequestHead, refused } from './head.ts';

export interface ReaderLimits {
  readonly headBytes: number;
  readonly fields: number;
}

export type Item =
  | { readonly kind: 'head'; readonly head: RequestHead }
  | { readonly kind: 'body'; readonly bytes: Buffer }
  | { readonly kind: 'end' }
  /** Nothing after it can be understood: the connection ends. */
  | Refused;

export interface RequestReader {
  push(bytes: Buffer): void;
  /** undefined: more bytes are needed. Whoever does not ask holds the client back. */
  next(): Item | undefined;
  /** Bytes that wait to be asked for. */
  buffered(): number;
  /** No byte of a next request has come. */
  atRest(): boolean;
  /** What has come and was not asked for; nothing is read any more. */
  rest(): Buffer;
  /** The same with the head that was asked for just now. */
  unread(): Buffer;
}

const NONE: Buffer = Buffer.alloc(0);
const END: Item = { kind: 'end' };
const HEAD_END = Buffer.from('\r\n\r\n');
const [LF, CR] = [10, 13];
/** Empty lines that some clients send after a body. */
const MAX_BLANK_LINES = 4;
const MAX_SIZE_LINE = 256;
/** Chunk extensions and trailers of one body: they mean nothing to us, so a body must not consist of them. */
const MAX_OVERHEAD = 16 * 1024;
const SIZE_LINE = /^([0-9a-fA-F]{1,12})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?$/;
/** Clients on a kept connection repeat their head to the letter; one of this size is kept with what it said. */
const MAX_REPEATED_HEAD = 2048;

const isToken = (byte: number): boolean => byte > 32 && byte < 127;

export const createRequestReader = (limits: ReaderLimits): RequestReader => {
  let held = NONE;
  let at = 0;
  let waiting: Buffer[] | undefined;
  let waitingBytes = 0;
  let state: 'head' | 'sized' | 'size' | 'chunk' | 'chunk-end' | 'trailer' | 'dead' = 'head';
  /** Bytes of this body or chunk still to come. */
  let left = 0;
  let overhead = 0;
  let trailers = 0;
  let blankLines = 0;
  /** Where the last head began. */
  let headAt = 0;
  /** Up to here there is no end of the head. */
  let searched = 0;
  let lastBytes = NONE;
  let lastItem: Item | undefined;

  const merge = (): void => {
    if (waiting === undefined) return;
    held = Buffer.concat([held.subarray(at), ...waiting]);
    searched = Math.max(0, searched - at);
    at = 0;
    waiting = undefined;
    waitingBytes = 0;
  };
  const refuse = (status: number): Item => {
    state = 'dead';
    held = NONE;
    at = 0;
    return refused(status);
  };
  /** A line end without its carriage return, before `end`. */
  const hasBareLine = (from: number, end: number): boolean => {
    for (let lf = held.indexOf(LF, from); lf >= 0 && lf < end; lf = held.indexOf(LF, lf + 1)) {
      if (lf === from || held[lf - 1] !== CR) return true;
    }
    return false;
  };

  const skipBlankLines = (): Item | undefined => {
    while (held[at] === CR && at + 1 < held.length) {
      if (held[at + 1] !== LF || ++blankLines > MAX_BLANK_LINES) return refuse(400);
      at += 2;
    }
    const first = held[at];
    return first === undefined || first === CR || isToken(first) ? undefined : refuse(400);
  };
  const begin = (item: Item & { kind: 'head' }): Item => {
    const { bodyBytes } = item.head;
    left = bodyBytes;
    overhead = 0;
    trailers = 0;
    blankLines = 0;
    searched = 0;
    state = bodyBytes < 0 ? 'size' : 'sized';
    return item;
  };
  const readHead = (): Item | undefined => {
    const repeated = lastBytes.length;
    if (lastItem !== undefined && held.length - at >= repeated && lastBytes.compare(held, at, at + repeated) === 0) {
      headAt = at;
      at += repeated;
      return begin(lastItem as Item & { kind: 'head' });
    }
    const bad = skipBlankLines();
    if (bad !== undefined) return bad;
    if (at >= held.length) return undefined;
    const end = held.indexOf(HEAD_END, Math.max(at, searched - 3));
    const most = at + limits.headBytes;
    if (end < 0 || end > most) {
      // Without waiting for an end that may never come.
      if (hasBareLine(at, Math.min(held.length, most))) return refuse(400);
      if (end > most || held.length > most + HEAD_END.length) return refuse(431);
      searched = held.length;
      return undefined;
    }
    const parsed = parseHead(held.toString('latin1', at, end), limits.fields);
    if ('kind' in parsed) return refuse(parsed.status);
    const item: Item & { kind: 'head' } = { kind: 'head', head: parsed };
    const after = end + HEAD_END.length;
    // Passwords stay no longer than their request.
    const keeps = after - at <= MAX_REPEATED_HEAD && parsed.headers['authorization'] === undefined;
    lastBytes = keeps ? Buffer.from(held.subarray(at, after)) : NONE;
    lastItem = keeps ? item : undefined;
    headAt = at;
    at = after;
    return begin(item);
  };

  /** Up to `left` bytes of what there is. */
  const take = (): Item | undefined => {
    if (at >= held.length) return undefined;
    const bytes = held.subarray(at, Math.min(held.length, at + left));
    at += bytes.length;
    left -= bytes.length;
    return { kind: 'body', bytes };
  };
  /** A line of a chunked body without its end; undefined: more is needed, null: it is none. */
  const takeLine = (most: number): string | undefined | null => {
    const end = held.indexOf(LF, at);
    if ((end < 0 ? held.length : end) - at > most + 1) return null;
    if (end < 0) return undefined;
    if (end === at || held[end - 1] !== CR) return null;
    const line = held.toString('latin1', at, end - 1);
    at = end + 1;
    return line;
  };
  const finish = (): Item => {
    state = 'head';
    return END;
  };

  const step = (): Item | 'again' | undefined => {
    switch (state) {
      case 'head':
        return readHead();
      case 'sized':
        return left === 0 ? finish() : take();
      case 'size': {
        const line = takeLine(MAX_SIZE_LINE);
        if (line === undefined) return undefined;
        const size = line === null ? undefined : SIZE_LINE.exec(line)?.[1];
        if (line === null || size === undefined) return refuse(400);
        overhead += line.length - size.length;
        if (overhead > MAX_OVERHEAD) return refuse(400);
        left = Number.parseInt(size, 16);
        state = left === 0 ? 'trailer' : 'chunk';
        return 'again';
      }
      case 'chunk':
        if (left > 0) return take();
        state = 'chunk-end';
        return 'again';
      case 'chunk-end':
        if (at < held.length && held[at] !== CR) return refuse(400);
        if (at + 1 >= held.length) return undefined;
        if (held[at + 1] !== LF) return refuse(400);
        at += 2;
        state = 'size';
        return 'again';
      case 'trailer': {
        const line = takeLine(MAX_OVERHEAD - overhead);
        if (line === undefined) return undefined;
        if (line === '') return finish();
        overhead += line === null ? 0 : line.length;
        if (line === null || ++trailers > limits.fields || parseField(line) === undefined) return refuse(400);
        return 'again';
      }
      case 'dead':
        return undefined;
      default:
        return state satisfies never;
    }
  };

  const leave = (from: number): Buffer => {
    const rest = held.subarray(from);
    refuse(0);
    return rest;
  };

  return {
    push: (bytes) => {
      if (state === 'dead') return;
      if (waiting === undefined && at >= held.length) {
        held = bytes;
        at = 0;
        searched = 0;
      } else {
        waiting ??= [];
        waiting.push(bytes);
        waitingBytes += bytes.length;
      }
    },
    next: () => {
      merge();
      for (;;) {
        const item = step();
        if (item !== 'again') return item;
      }
    },
    buffered: () => held.length - at + waitingBytes,
    rest: () => {
      merge();
      return leave(at);
    },
    unread: () => leave(headAt),
    atRest: () => state === 'head' && at >= held.length && waiting === undefined,
  };
};
