/** Values of the data model, by their declared type: plain values in, XML-RPC or JSON text out; what clients send in, plain values out. */
import { encodeValue as encodeJsonValue } from '../wire/jsonrpc.ts';
import {
  Encoded,
  formatTime,
  isList,
  isStruct,
  parseInteger,
  parseTime,
  type WireStruct,
  WireTime,
  type WireValue,
} from '../wire/rpc-value.ts';
import { encodeValue as encodeXmlValue } from '../wire/xmlrpc.ts';
import { type Default, enumValues, NULL_REF, recordFields, type Type, zero } from './types.ts';

/** Integers are text in XML-RPC and literal numbers in JSON; all else looks alike in both. */
type Encoding = 'xml' | 'json';

const XML_TEXT = /^-?\d+$/;

const encodeInt = (value: unknown, encoding: Encoding): WireValue => {
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw new Error(`${value} is no integer that a number can hold`);
  const text = String(value ?? 0);
  if (!XML_TEXT.test(text)) throw new Error(`${text.length} characters are no integer`);
  return encoding === 'xml' ? text : BigInt(text);
};

const encodeTime = (value: unknown): WireTime =>
  new WireTime(typeof value === 'string' ? value : formatTime(typeof value === 'number' ? value : 0));

const entriesOf = (value: unknown): Iterable<readonly [unknown, unknown]> => {
  if (value instanceof Map) return value.entries();
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const encodeRecord = (cls: string, value: unknown, encoding: Encoding): WireStruct => {
  const given = isRecord(value) ? value : {};
  const members = new Map<string, WireValue>();
  for (const { name, type, default: unset } of recordFields(cls)) {
    const own = Object.hasOwn(given, name) ? given[name] : undefined;
    const shown = own ?? unset ?? zero(type);
    if (type.kind === 'option' && (shown === null || shown === undefined)) continue;
    members.set(name, toWire(type, shown, encoding));
  }
  return members;
};

/** A value of our own making: one that does not fit its type is our error. Absent ones get the type's own "unset". */
export const toWire = (type: Type, value: unknown, encoding: Encoding): WireValue => {
  // Text that was encoded before, for this encoding.
  if (value instanceof Encoded) return value;
  switch (type.kind) {
    case 'void':
      return '';
    case 'int':
      return encodeInt(value, encoding);
    case 'float':
      return Number(value ?? 0);
    case 'bool':
      return value === true;
    case 'datetime':
      return encodeTime(value);
    case 'string':
    case 'enum':
      return typeof value === 'string' ? value : String(value ?? zero(type));
    case 'ref':
      return typeof value === 'string' ? value : NULL_REF;
    case 'set':
      return Array.isArray(value) ? value.map((item) => toWire(type.of, item, encoding)) : [];
    case 'map': {
      const members = new Map<string, WireValue>();
      for (const [key, item] of entriesOf(value)) members.set(String(key), toWire(type.value, item, encoding));
      return members;
    }
    case 'record':
      return encodeRecord(type.class, value, encoding);
    case 'option':
      return value === undefined || value === null ? null : toWire(type.of, value, encoding);
    default:
      return type satisfies never;
  }
};

/** `<value>…</value>`, as in replies and in the result of a task (also over JSON). */
export const encodeXml = (type: Type, value: unknown): string => encodeXmlValue(toWire(type, value, 'xml'));

export const encodeJson = (type: Type, value: unknown): string => encodeJsonValue(toWire(type, value, 'json'));

/** What a parameter that was left out counts as, in the form of decoded arguments. */
export const missingArgument = (type: Type, unset: Default | undefined): unknown =>
  type.kind === 'datetime' && typeof unset === 'string' ? parseTime(unset) : unset;

/** What an argument is not. `field` is the parameter or the member of the record. */
export type BadArgument =
  | { readonly kind: 'type'; readonly field: string }
  | { readonly kind: 'value'; readonly field: string; readonly value: string };

export type DecodedArgument =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly bad: BadArgument };

class Unfit extends Error {
  readonly bad: BadArgument;
  constructor(bad: BadArgument) {
    super(bad.kind);
    this.bad = bad;
  }
}

const wrongType = (field: string): Unfit => new Unfit({ kind: 'type', field });
const wrongValue = (field: string, value: string): Unfit =>
  new Unfit({ kind: 'value', field, value: value.slice(0, 256) });

const textOf = (value: WireValue, field: string): string => {
  if (typeof value !== 'string') throw wrongType(field);
  return value;
};

const intOf = (value: WireValue, field: string): number => {
  // Clients of XML-RPC send text, for its own integers have 32 bits.
  const whole = typeof value === 'string' ? parseInteger(value.trim()) : value;
  if (typeof whole !== 'bigint') throw wrongType(field);
  const number = Number(whole);
  // No size, count or number of ours is larger; a rounded one would be another.
  if (!Number.isSafeInteger(number)) throw wrongValue(field, String(whole));
  return number;
};

const floatOf = (value: WireValue, field: string): number => {
  const text = typeof value === 'string' ? value.trim() : undefined;
  const number = text === undefined ? value : text === '' ? Number.NaN : Number(text);
  if (typeof number !== 'number' && typeof number !== 'bigint') throw wrongType(field);
  if (Number.isNaN(Number(number))) throw wrongType(field);
  return Number(number);
};

/** Milliseconds of UTC. */
const timeOf = (value: WireValue, field: string): number => {
  const text = value instanceof WireTime ? value.text : textOf(value, field);
  const time = parseTime(text);
  if (time === undefined) throw wrongValue(field, text);
  return time;
};

const enumOf = (name: string, value: WireValue, field: string): string => {
  const text = textOf(value, field);
  if (enumValues(name)?.has(text) !== true) throw wrongValue(field, text);
  return text;
};

/** Only the members that were given; those that the class does not have are ignored, as the API's own server does. */
const recordOf = (cls: string, value: WireValue, field: string): Record<string, unknown> => {
  if (!isStruct(value)) throw wrongType(field);
  const record: [string, unknown][] = [];
  for (const { name, type } of recordFields(cls)) {
    const member = value.get(name);
    if (member !== undefined) record.push([name, fromWire(type, member, name)]);
  }
  return Object.fromEntries(record);
};

const fromWire = (type: Type, value: WireValue, field: string): unknown => {
  switch (type.kind) {
    case 'void':
      return undefined;
    case 'string':
    case 'ref':
      return textOf(value, field);
    case 'int':
      return intOf(value, field);
    case 'float':
      return floatOf(value, field);
    case 'bool':
      if (typeof value !== 'boolean') throw wrongType(field);
      return value;
    case 'datetime':
      return timeOf(value, field);
    case 'enum':
      return enumOf(type.name, value, field);
    case 'set':
      if (!isList(value)) throw wrongType(field);
      return value.map((item) => fromWire(type.of, item, field));
    case 'map': {
      if (!isStruct(value)) throw wrongType(field);
      const entries: [string, unknown][] = [];
      for (const [key, item] of value)
        entries.push([String(fromWire(type.key, key, field)), fromWire(type.value, item, field)]);
      return Object.fromEntries(entries);
    }
    case 'record':
      return recordOf(type.class, value, field);
    case 'option':
      return value === null ? undefined : fromWire(type.of, value, field);
    default:
      return type satisfies never;
  }
};

/** An argument as a client sent it. Times become milliseconds, integers numbers, maps and records plain objects. */
export const decodeArgument = (type: Type, value: WireValue, field: string): DecodedArgument => {
  try {
    return { ok: true, value: fromWire(type, value, field) };
  } catch (error) {
    if (error instanceof Unfit) return { ok: false, bad: error.bad };
    throw error;
  }
};
