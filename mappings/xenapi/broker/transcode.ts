/** A record's text as XML-RPC members in, the same record as a JSON object out: by the type table, in one pass. */
import { rulesOf, TAIL } from '../render/bundle.ts';
import type { Type } from '../types.ts';
import { encodeJson } from '../values.ts';

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Content of an element to the text it means. */
export const unescapeText = (text: string): string =>
  text.includes('&')
    ? text.replace(
        /&(?:#x([0-9a-fA-F]+)|#([0-9]+)|(\w+));/g,
        (whole, hex?: string, decimal?: string, name?: string) => {
          if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
          if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
          return NAMED[name ?? ''] ?? whole;
        },
      )
    : text;

const SPECIAL = /[&"\\\u0000-\u001f\ud800-\udfff]/;
const quoted = (raw: string): string => (SPECIAL.test(raw) ? JSON.stringify(unescapeText(raw)) : `"${raw}"`);

const EMPTY_SET = '<array><data></data></array>';
const EMPTY_MAP = '<struct></struct>';
const SET_HEAD = '<array><data>';
const SET_TAIL = '</data></array>';
const MAP_HEAD = '<struct>';
const MAP_TAIL = '</struct>';
const ITEM_HEAD = '<value>';
const ITEM_TAIL = '</value>';
const ENTRY_HEAD = '<member><name>';
const NAME_TAIL = '</name><value>';
const BOOL_HEAD = '<boolean>';
const BOOL_LENGTH = '<boolean>1</boolean>'.length;
const FLOAT_HEAD = '<double>';
const FLOAT_TAIL = '</double>';
const TIME_HEAD = '<dateTime.iso8601>';
const TIME_TAIL = '</dateTime.iso8601>';
const ONE = 49;

/** Stands where the next value begins; each reader leaves it behind the value it read. */
interface Cursor {
  readonly text: string;
  at: number;
}

/** Text that is not of its type is our error: read on, it would never end. */
const stand = (cursor: Cursor, mark: string): void => {
  if (!cursor.text.startsWith(mark, cursor.at)) throw new Error(`a record has no ${mark} at ${cursor.at}`);
  cursor.at += mark.length;
};

const upTo = (cursor: Cursor, from: number): string => {
  const end = cursor.text.indexOf('<', from);
  cursor.at = end;
  return cursor.text.slice(from, end);
};

const readSet = (cursor: Cursor, of: Type): string => {
  const { text } = cursor;
  if (text.startsWith(EMPTY_SET, cursor.at)) {
    cursor.at += EMPTY_SET.length;
    return '[]';
  }
  cursor.at += SET_HEAD.length;
  let out = '';
  while (!text.startsWith(SET_TAIL, cursor.at)) {
    stand(cursor, ITEM_HEAD);
    out += (out === '' ? '[' : ',') + readValue(cursor, of);
    cursor.at += ITEM_TAIL.length;
  }
  cursor.at += SET_TAIL.length;
  return `${out}]`;
};

const readMap = (cursor: Cursor, value: Type): string => {
  const { text } = cursor;
  if (text.startsWith(EMPTY_MAP, cursor.at)) {
    cursor.at += EMPTY_MAP.length;
    return '{}';
  }
  cursor.at += MAP_HEAD.length;
  let out = '';
  while (!text.startsWith(MAP_TAIL, cursor.at)) {
    stand(cursor, ENTRY_HEAD);
    const key = upTo(cursor, cursor.at);
    cursor.at += NAME_TAIL.length;
    out += `${out === '' ? '{' : ','}${quoted(key)}:${readValue(cursor, value)}`;
    cursor.at += TAIL.length;
  }
  cursor.at += MAP_TAIL.length;
  return `${out}}`;
};

const readValue = (cursor: Cursor, type: Type): string => {
  switch (type.kind) {
    case 'int':
      return upTo(cursor, cursor.at);
    case 'bool': {
      const isTrue = cursor.text.charCodeAt(cursor.at + BOOL_HEAD.length) === ONE;
      cursor.at += BOOL_LENGTH;
      return isTrue ? 'true' : 'false';
    }
    case 'float': {
      const number = upTo(cursor, cursor.at + FLOAT_HEAD.length);
      cursor.at += FLOAT_TAIL.length;
      return encodeJson(type, Number(number));
    }
    case 'datetime': {
      const time = upTo(cursor, cursor.at + TIME_HEAD.length);
      cursor.at += TIME_TAIL.length;
      return `"${time}"`;
    }
    case 'set':
      return readSet(cursor, type.of);
    case 'map':
      return readMap(cursor, type.value);
    default:
      return quoted(upTo(cursor, cursor.at));
  }
};

/** One value: what stands between `<value>` and `</value>`. */
export const jsonOfField = (type: Type, inner: string): string => readValue({ text: `${inner}<`, at: 0 }, type);

/** What stands before each field of a class. */
const leads = new Map<string, readonly string[]>();
const leadsOf = (cls: string): readonly string[] => {
  let known = leads.get(cls);
  if (known === undefined) {
    known = rulesOf(cls).map(({ name }, at) => `${at === 0 ? '{' : ','}"${name}":`);
    leads.set(cls, known);
  }
  return known;
};

/** Joined, not added up: it is kept, and a string of pieces holds each of them and the text they were cut from. */
export const jsonOfRecord = (cls: string, text: string): string => {
  const cursor: Cursor = { text, at: 0 };
  const lead = leadsOf(cls);
  const pieces: string[] = [];
  for (const [at, { type, head }] of rulesOf(cls).entries()) {
    cursor.at += head.length;
    pieces.push(lead[at] as string, readValue(cursor, type));
    cursor.at += TAIL.length;
  }
  pieces.push('}');
  return pieces.join('');
};
