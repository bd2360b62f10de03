/** The values that both remote-call codecs (XML-RPC, JSON-RPC) give and take, their bounds and refusals; and times as both write them. */

/** A date and time as written on the wire; parseTime tells the moment. */
export class WireTime {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Text that the same codec's encodeValue made before, written as it is: for replies put together from kept pieces. Never decoded. */
export class Encoded {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Keys are the client's: a Map has no inherited names and keeps the order, also of keys that look like numbers. */
export type WireStruct = ReadonlyMap<string, WireValue>;

/**
 * bigint is an integer, number a floating-point number: neither is ever taken for the other, and 64-bit integers survive.
 * string is text, whether the wire gave it a type or not. null is nil.
 */
export type WireValue =
  | string
  | boolean
  | bigint
  | number
  | null
  | WireTime
  | readonly WireValue[]
  | WireStruct
  | Encoded;

export const isStruct = (value: WireValue): value is WireStruct => value instanceof Map;
export const isList = (value: WireValue): value is readonly WireValue[] => Array.isArray(value);

/** A literal in, a struct out; members that are undefined are left out. */
export const struct = (members: Readonly<Record<string, WireValue | undefined>>): WireStruct => {
  const map = new Map<string, WireValue>();
  for (const [name, value] of Object.entries(members)) if (value !== undefined) map.set(name, value);
  return map;
};

export interface RpcLimits {
  readonly maxBytes: number;
  /** Of values within values. */
  readonly maxDepth: number;
  /** Of values in the whole message; member names count as one each. */
  readonly maxValues: number;
}

/** For what clients send. Who reads replies of a host gives larger ones. */
export const CALL_LIMITS: RpcLimits = { maxBytes: 300 * 1024, maxDepth: 32, maxValues: 100_000 };

export type RpcFaultKind = 'malformed' | 'encoding' | 'dtd-refused' | 'too-large' | 'too-deep' | 'too-many-values';

/** Why a message was refused. `text` is for people and names no content of the message. */
export interface RpcFault {
  readonly kind: RpcFaultKind;
  readonly text: string;
}

export type Decoded<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly fault: RpcFault };

/** Leaves a decoder from inside; the codecs turn it into a fault. */
export class Refusal extends Error {
  readonly fault: RpcFault;
  constructor(kind: RpcFaultKind, text: string) {
    super(text);
    this.fault = { kind, text };
  }
}

/** Runs a decoder; its refusal becomes the fault, any other error is ours and passes through. */
export const decoded = <T extends object>(decode: () => T): Decoded<T> => {
  try {
    return { ok: true, ...decode() };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, fault: error.fault };
    throw error;
  }
};

/** UTF-8 bytes or a text, within the bound. */
export const boundedText = (input: string | Uint8Array, limits: RpcLimits): string => {
  // A UTF-16 unit is at least one byte of UTF-8, so a text is never longer than its bytes.
  if (input.length > limits.maxBytes)
    throw new Refusal('too-large', `the message is larger than ${limits.maxBytes} bytes`);
  if (typeof input === 'string') return input;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(input);
  } catch {
    throw new Refusal('encoding', 'the message is not UTF-8');
  }
};

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** A decimal integer of at most 64 bits, as text; undefined: none. */
export const parseInteger = (text: string): bigint | undefined => {
  if (!/^[+-]?\d{1,40}$/.test(text)) return undefined;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return value < INT64_MIN || value > INT64_MAX ? undefined : value;
};

const TIME = /^(\d{4})-?(\d\d)-?(\d\d)T(\d\d):?(\d\d):?(\d\d)(\.\d{1,9})?(Z|[+-]\d\d(?::?\d\d)?)?$/;

/** ISO 8601 with or without dashes, colons, fractions and zone, in; milliseconds of UTC out. Without a zone it is UTC. undefined: no such time. */
export const parseTime = (text: string): number | undefined => {
  const match = TIME.exec(text.trim());
  if (!match) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  // A second of 60 is a leap second, which UTC milliseconds do not have.
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1) return undefined;
  const zone = match[8] ?? 'Z';
  const digits = zone === 'Z' ? '0000' : zone.slice(1).replace(':', '').padEnd(4, '0');
  const offset = (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))) * (zone.startsWith('-') ? -1 : 1);
  const fraction = Math.floor(Number(`0${match[7] ?? ''}`) * 1000);
  return date.getTime() + ((hour * 60 + minute - offset) * 60 + second) * 1000 + fraction;
};

/** Milliseconds of UTC in, `YYYYMMDDTHH:MM:SSZ` out. */
export const formatTime = (ms: number): string =>
  `${new Date(ms)
    .toISOString()
    .slice(0, 19)
    .replace(/^(\d{4})-(\d\d)-/, '$1$2')}Z`;
