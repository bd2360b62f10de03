/** Generic documents: model objects to plain XML (elements only) and back, by the schema table. Input and output of every sheet. */
import { type FieldType, SCHEMA, STRUCT_OF, type StructName } from './document-schema.ts';
import type { DocumentKind, Documents } from './model.ts';

type Plain = Record<string, unknown>;

const SPECIAL = /[&<>\r]/;
const NAMED: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' };
const escapeText = (text: string): string =>
  SPECIAL.test(text) ? text.replace(/[&<>\r]/g, (c) => NAMED[c] ?? c) : text;

const formatField = (element: string, type: FieldType, value: unknown): string => {
  if (value === undefined) return '';
  if (typeof type !== 'string') {
    const [item, singular] = type;
    let out = '';
    for (const one of value as readonly unknown[]) out += formatField(singular, item, one);
    return out;
  }
  if (type === 's') return `<${element}>${escapeText(value as string)}</${element}>`;
  if (type === 'n' || type === 'b') return `<${element}>${String(value)}</${element}>`;
  return `<${element}>${formatFields(type, value as Plain)}</${element}>`;
};

const formatFields = (struct: StructName, value: Plain): string => {
  let out = '';
  const fields: Readonly<Record<string, FieldType>> = SCHEMA[struct];
  for (const field in fields) out += formatField(field, fields[field] as FieldType, value[field]);
  return out;
};

/** `<vm>...</vm>`; absent fields are absent elements. */
export const formatDocument = <K extends DocumentKind>(kind: K, document: Documents[K]): string =>
  `<${kind}>${formatFields(STRUCT_OF[kind], document as unknown as Plain)}</${kind}>`;

// ---- reading: our own sheets' output only; anything unexpected is a broken sheet and throws ----

/** For one struct: element name -> [field, type of one item, array?]. */
const READERS = new Map<
  StructName,
  Map<string, { field: string; type: Exclude<FieldType, readonly unknown[]>; array: boolean }>
>();
const readerOf = (struct: StructName) => {
  let reader = READERS.get(struct);
  if (!reader) {
    reader = new Map();
    const fields: Readonly<Record<string, FieldType>> = SCHEMA[struct];
    for (const field in fields) {
      const type = fields[field] as FieldType;
      if (typeof type === 'string') reader.set(field, { field, type, array: false });
      else reader.set(type[1], { field, type: type[0], array: true });
    }
    READERS.set(struct, reader);
  }
  return reader;
};

const ENTITY: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const unescapeText = (text: string): string =>
  text.includes('&')
    ? text.replace(/&(?:#x([0-9a-fA-F]+)|#([0-9]+)|(\w+));/g, (whole, hex: string, decimal: string, name: string) =>
        hex
          ? String.fromCodePoint(Number.parseInt(hex, 16))
          : decimal
            ? String.fromCodePoint(Number(decimal))
            : (ENTITY[name] ?? whole),
      )
    : text;

interface Cursor {
  readonly text: string;
  at: number;
}

const broken = (cursor: Cursor, why: string): Error => new Error(`generic document: ${why} at ${cursor.at}`);

/** After `<`: name and whether it was self-closed; the cursor stands behind `>`. */
const readTag = (cursor: Cursor): { name: string; empty: boolean } => {
  const end = cursor.text.indexOf('>', cursor.at);
  if (end < 0) throw broken(cursor, 'unclosed tag');
  const empty = cursor.text.charCodeAt(end - 1) === 47;
  const inner = cursor.text.slice(cursor.at, empty ? end - 1 : end);
  const space = inner.search(/\s/);
  cursor.at = end + 1;
  return { name: space < 0 ? inner : inner.slice(0, space), empty };
};

const readScalar = (cursor: Cursor, name: string, type: 's' | 'n' | 'b'): unknown => {
  const end = cursor.text.indexOf('<', cursor.at);
  if (!cursor.text.startsWith(`</${name}>`, end)) throw broken(cursor, `text expected in ${name}`);
  const text = unescapeText(cursor.text.slice(cursor.at, end));
  cursor.at = end + name.length + 3;
  if (type === 's') return text;
  if (type === 'b') return text.trim() === 'true';
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number))
    throw broken(cursor, `number expected in ${name}, found '${text}'`);
  return number;
};

const emptyStruct = (struct: StructName): Plain => {
  const out: Plain = {};
  for (const { field, array } of readerOf(struct).values()) if (array) out[field] = [];
  return out;
};

const readStruct = (cursor: Cursor, struct: StructName, closing: string): Plain => {
  const reader = readerOf(struct);
  const out = emptyStruct(struct);
  for (;;) {
    const open = cursor.text.indexOf('<', cursor.at);
    if (open < 0) throw broken(cursor, `end of ${closing} expected`);
    cursor.at = open + 1;
    if (cursor.text.charCodeAt(cursor.at) === 47) {
      const { name } = readTag(cursor);
      if (name !== `/${closing}`) throw broken(cursor, `</${closing}> expected, found <${name}>`);
      return out;
    }
    const { name, empty } = readTag(cursor);
    const rule = reader.get(name);
    if (!rule) throw broken(cursor, `${struct} has no field ${name}`);
    let value: unknown;
    if (rule.type === 's' || rule.type === 'n' || rule.type === 'b')
      value = empty ? (rule.type === 's' ? '' : undefined) : readScalar(cursor, name, rule.type);
    else value = empty ? emptyStruct(rule.type) : readStruct(cursor, rule.type, name);
    if (rule.array) (out[rule.field] as unknown[]).push(value);
    else if (value !== undefined) out[rule.field] = value;
  }
};

/** Reads what a to-generic sheet wrote. Array fields are always present; required scalars are the sheet's duty. */
export const parseDocument = <K extends DocumentKind>(kind: K, text: string): Documents[K] => {
  const start = text.indexOf(`<${kind}`);
  if (start < 0) throw new Error(`generic document: no <${kind}> in ${text.length} characters`);
  const cursor: Cursor = { text, at: start + 1 };
  const { name, empty } = readTag(cursor);
  if (name !== kind) throw broken(cursor, `<${kind}> expected`);
  return (empty ? emptyStruct(STRUCT_OF[kind]) : readStruct(cursor, STRUCT_OF[kind], kind)) as unknown as Documents[K];
};
