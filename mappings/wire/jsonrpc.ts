/** JSON-RPC 1 or 2 bytes within bounds in, a call or a response with typed values out; and the same the other way round. */
import {
  boundedText,
  CALL_LIMITS,
  type Decoded,
  decoded,
  Encoded,
  isList,
  isStruct,
  parseInteger,
  Refusal,
  type RpcLimits,
  type WireStruct,
  WireTime,
  type WireValue,
} from './rpc-value.ts';

export type JsonRpcVersion = 1 | 2;
export type JsonRpcId = string | bigint;

/** What an answer must repeat. */
export interface JsonRpcHead {
  /** 1: the message has no member `jsonrpc`. */
  readonly version: JsonRpcVersion;
  readonly id: JsonRpcId;
}
export interface JsonRpcCall extends JsonRpcHead {
  readonly method: string;
  readonly params: readonly WireValue[];
}
/** Version 1 writes [message, ...data]; version 2 {code, message, data}. */
export interface JsonRpcFailure {
  /** Of version 2; 1 where version 1 has none. */
  readonly code: bigint;
  readonly message: string;
  readonly data: readonly WireValue[];
}
/** One of the two is there. */
export type JsonRpcResponse = JsonRpcHead &
  (
    | { readonly value: WireValue; readonly failure?: undefined }
    | { readonly value?: undefined; readonly failure: JsonRpcFailure }
  );

const malformed = (text: string): Refusal => new Refusal('malformed', text);

const NUMBER = /-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
/** A reader of its own: JSON.parse rounds integers and has no bounds on depth and number of values. */
class Reader {
  readonly #text: string;
  readonly #limits: RpcLimits;
  #at = 0;
  #values = 0;

  constructor(text: string, limits: RpcLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  whole(): WireValue {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) throw malformed('text follows the message');
    return value;
  }

  #space(): void {
    // Space, tab, line feed, carriage return. Most often there is none.
    for (let code = this.#text.charCodeAt(this.#at); code <= 32; code = this.#text.charCodeAt(++this.#at))
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
  }

  #take(character: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #count(): void {
    if (++this.#values > this.#limits.maxValues)
      throw new Refusal('too-many-values', `the message has more than ${this.#limits.maxValues} values`);
  }

  #string(): string {
    // Most strings have no escape: look for the end first, and let the slow pattern judge only the others.
    const end = this.#text.indexOf('"', this.#at + 1);
    const plain = end < 0 ? '' : this.#text.slice(this.#at + 1, end);
    if (end >= 0 && !/[\\\u0000-\u001f]/.test(plain)) {
      this.#at = end + 1;
      return plain;
    }
    STRING.lastIndex = this.#at;
    const match = STRING.exec(this.#text);
    if (!match) throw malformed('a string is not one of JSON');
    this.#at = STRING.lastIndex;
    return JSON.parse(match[0]) as string;
  }

  #number(): WireValue {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (!match) throw malformed('there is no value where one must be');
    this.#at = NUMBER.lastIndex;
    if (match[2] !== undefined || match[3] !== undefined) return Number(match[0]);
    // More than 64 bits: a floating-point number that its writer printed without a point.
    return parseInteger(match[0]) ?? Number(match[0]);
  }

  #word(word: string, value: WireValue): WireValue {
    if (!this.#text.startsWith(word, this.#at)) throw malformed('there is no value where one must be');
    this.#at += word.length;
    return value;
  }

  #list(depth: number): WireValue {
    const items: WireValue[] = [];
    if (this.#take(']')) return items;
    do items.push(this.#value(depth + 1));
    while (this.#take(','));
    if (!this.#take(']')) throw malformed('an array does not end');
    return items;
  }

  #struct(depth: number): WireValue {
    const members = new Map<string, WireValue>();
    if (this.#take('}')) return members;
    do {
      this.#space();
      if (this.#text[this.#at] !== '"') throw malformed('a member has no name');
      this.#count();
      const name = this.#string();
      if (!this.#take(':')) throw malformed('a member has no value');
      members.set(name, this.#value(depth + 1));
    } while (this.#take(','));
    if (!this.#take('}')) throw malformed('an object does not end');
    return members;
  }

  #value(depth: number): WireValue {
    this.#count();
    if (depth > this.#limits.maxDepth)
      throw new Refusal('too-deep', `values are nested deeper than ${this.#limits.maxDepth}`);
    this.#space();
    switch (this.#text[this.#at]) {
      case '"':
        return this.#string();
      case '[':
        this.#at++;
        return this.#list(depth);
      case '{':
        this.#at++;
        return this.#struct(depth);
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }
}

/** Any JSON text within bounds. */
export const decodeValue = (
  input: string | Uint8Array,
  limits: Partial<RpcLimits> = {},
): Decoded<{ readonly value: WireValue }> => {
  const bounds = { ...CALL_LIMITS, ...limits };
  return decoded(() => ({ value: new Reader(boundedText(input, bounds), bounds).whole() }));
};

const message = (input: string | Uint8Array, limits: Partial<RpcLimits>): WireStruct => {
  const bounds = { ...CALL_LIMITS, ...limits };
  const root = new Reader(boundedText(input, bounds), bounds).whole();
  if (!isStruct(root)) throw malformed('the message is no object');
  return root;
};

const head = (root: WireStruct): JsonRpcHead => {
  const declared = root.get('jsonrpc');
  if (declared !== undefined && declared !== '2.0') throw malformed('the version of the message is unknown');
  const id = root.get('id');
  if (typeof id !== 'string' && typeof id !== 'bigint') throw malformed('the id is neither an integer nor a string');
  return { version: declared === undefined ? 1 : 2, id };
};

/** Version 1 needs its parameters as an array. Version 2 may leave them out, and an object is one positional argument. */
export const decodeCall = (
  input: string | Uint8Array,
  limits: Partial<RpcLimits> = {},
): Decoded<{ readonly call: JsonRpcCall }> =>
  decoded(() => {
    const root = message(input, limits);
    const own = head(root);
    const method = root.get('method');
    if (typeof method !== 'string' || method === '') throw malformed('the call names no method');
    const given = root.get('params') ?? null;
    if (isList(given)) return { call: { ...own, method, params: given } };
    if (own.version === 1) throw malformed('the parameters are no array');
    if (given === null) return { call: { ...own, method, params: [] } };
    if (isStruct(given)) return { call: { ...own, method, params: [given] } };
    throw malformed('the parameters are neither an array nor an object');
  });

const failureOf = (version: JsonRpcVersion, error: WireValue): JsonRpcFailure => {
  if (version === 1 && isList(error)) {
    const [text, ...data] = error;
    if (typeof text === 'string') return { code: 1n, message: text, data };
  }
  if (version === 2 && isStruct(error)) {
    const code = error.get('code');
    const text = error.get('message');
    const data = error.get('data') ?? [];
    if (typeof code === 'bigint' && typeof text === 'string')
      return { code, message: text, data: isList(data) ? data : [data] };
  }
  throw malformed('the error is not one of this version');
};

export const decodeResponse = (
  input: string | Uint8Array,
  limits: Partial<RpcLimits> = {},
): Decoded<{ readonly response: JsonRpcResponse }> =>
  decoded<{ readonly response: JsonRpcResponse }>(() => {
    const root = message(input, limits);
    const own = head(root);
    const error = root.get('error') ?? null;
    if (error !== null) return { response: { ...own, failure: failureOf(own.version, error) } };
    const value = root.get('result');
    if (value === undefined) throw malformed('the response has neither a result nor an error');
    return { response: { ...own, value } };
  });

const isWhole = (text: string): boolean => !/[.e]/.test(text);

/** JSON. Integers are written as they are, however large; a number always looks like one (`1.0`); what JSON has no number for is null. */
export const encodeValue = (value: WireValue): string => {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint' || typeof value === 'boolean' || value === null) return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return 'null';
    const text = Object.is(value, -0) ? '-0' : String(value);
    return isWhole(text) ? `${text}.0` : text;
  }
  if (value instanceof WireTime) return JSON.stringify(value.text);
  if (value instanceof Encoded) return value.text;
  if (isStruct(value)) {
    let text = '{';
    for (const [name, member] of value)
      text += `${text === '{' ? '' : ','}${JSON.stringify(name)}:${encodeValue(member)}`;
    return `${text}}`;
  }
  return `[${(value as readonly WireValue[]).map(encodeValue).join(',')}]`;
};

export const encodeCall = (call: JsonRpcCall): string =>
  `{${call.version === 2 ? '"jsonrpc":"2.0",' : ''}"method":${JSON.stringify(call.method)},"params":${encodeValue(
    call.params,
  )},"id":${encodeValue(call.id)}}`;

/** The answer to the call of that head. */
export const encodeResponse = ({ version, id }: JsonRpcHead, value: WireValue): string =>
  version === 2
    ? `{"jsonrpc":"2.0","result":${encodeValue(value)},"id":${encodeValue(id)}}`
    : `{"result":${encodeValue(value)},"error":null,"id":${encodeValue(id)}}`;

export const encodeFailure = ({ version, id }: JsonRpcHead, failure: JsonRpcFailure): string => {
  const { code, message: text, data } = failure;
  return version === 2
    ? `{"jsonrpc":"2.0","error":{"code":${code},"message":${JSON.stringify(text)},"data":${encodeValue(data)}},"id":${encodeValue(id)}}`
    : `{"result":null,"error":${encodeValue([text, ...data])},"id":${encodeValue(id)}}`;
};
