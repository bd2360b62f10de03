/** Values of either wire in; plain ones out that a journal and a link can hold: text, truth values, lists and objects. */
import { isList, isStruct, WireTime, type WireValue } from '../../wire/rpc-value.ts';

/** Integers are text, as XML-RPC writes them and JSON does not: both wires give the same. */
export type Plain = string | boolean | readonly Plain[] | PlainRecord;
export type PlainRecord = { readonly [key: string]: Plain };

export const plainOf = (value: WireValue): Plain => {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint' || typeof value === 'number') return String(value);
  if (value === null) return '';
  if (value instanceof WireTime) return value.text;
  if (isStruct(value)) return Object.fromEntries([...value].map(([name, member]) => [name, plainOf(member)]));
  if (isList(value)) return value.map(plainOf);
  return value.text;
};

export const isRecord = (value: Plain | undefined): value is PlainRecord =>
  typeof value === 'object' && !Array.isArray(value);

/** A field that is text; '' where the host has no such field, being older or newer than this was written. */
export const textIn = (record: PlainRecord, field: string): string => {
  const value = record[field];
  return typeof value === 'string' ? value : '';
};
export const listIn = (record: PlainRecord, field: string): readonly string[] => {
  const value = record[field];
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
};
/** A map of texts. Keys are anybody's: ask with Object.hasOwn or `mapGet`. */
export const mapIn = (record: PlainRecord, field: string): Readonly<Record<string, string>> => {
  const value = record[field];
  return isRecord(value)
    ? Object.fromEntries(Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string'))
    : {};
};
export const mapGet = (map: Readonly<Record<string, string>>, key: string): string | undefined =>
  Object.hasOwn(map, key) ? map[key] : undefined;
