/** A JavaScript value and a declared type in, XML text by the type table and the client's version out; writers are compiled per type. */
import { escapeAttribute, escapeText } from '../wire/xml.ts';
import {
  arrayTypeOf,
  isSubtype,
  itemTagOf,
  itemTypeOf,
  type Member,
  memberMap,
  members,
  typeOf,
  wireTypeOf,
} from './types.ts';
import type { MoRef, Rendered, Typed } from './values.ts';
import { versionIndex } from './versions.ts';

/** What stands between the tags. */
type Inner = (value: unknown) => string;
/** The whole element, '' for a value that is not there. */
type Whole = (value: unknown) => string;

interface Compiled {
  readonly version: number;
  readonly inners: Map<string, Inner>;
  readonly wholes: Map<string, Whole>;
}

const compiledByVersion = new Map<number, Compiled>();

const compiledFor = (version: number): Compiled => {
  let compiled = compiledByVersion.get(version);
  if (!compiled) {
    compiled = { version, inners: new Map(), wholes: new Map() };
    compiledByVersion.set(version, compiled);
  }
  return compiled;
};

const wrong = (type: string, value: unknown): Error =>
  // Numbers are no secrets, anything else may be one.
  new Error(`vim25 encode: ${typeof value === 'number' ? value : `what is ${typeof value}`} is no ${type}`);

const integerWriter = (type: string, bits: number): Inner => {
  const limit = 2 ** (bits - 1);
  return (value) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= -limit && value < limit) return String(value);
    throw wrong(type, value);
  };
};

const writeLong: Inner = (value) => {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  if (typeof value === 'number' && Number.isInteger(value)) value = BigInt(value);
  if (typeof value === 'bigint' && BigInt.asIntN(64, value) === value) return value.toString();
  throw wrong('long', value);
};

const writeFloating: Inner = (value) => {
  if (typeof value !== 'number') throw wrong('double', value);
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'INF' : '-INF';
};

const writeString: Inner = (value) => {
  if (typeof value !== 'string') throw wrong('string', value);
  return escapeText(value);
};

const DATE_TIME = /^-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** Milliseconds since the epoch, or RFC 3339 text with an offset (libvirt and pyVmomi refuse it without one). */
const writeDateTime: Inner = (value) => {
  if (typeof value === 'number') return new Date(value).toISOString();
  if (typeof value === 'string' && DATE_TIME.test(value)) return value;
  throw wrong('dateTime', value);
};

const writeBoolean: Inner = (value) => {
  if (typeof value !== 'boolean') throw wrong('boolean', value);
  return value ? 'true' : 'false';
};

const writeBinary: Inner = (value) => {
  if (!(value instanceof Uint8Array)) throw wrong('base64Binary', value);
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
};

const PRIMITIVES: Readonly<Record<string, Inner>> = {
  string: writeString,
  anyURI: writeString,
  PropertyPath: writeString,
  TypeName: writeString,
  MethodName: writeString,
  int: integerWriter('int', 32),
  short: integerWriter('short', 16),
  byte: integerWriter('byte', 8),
  long: writeLong,
  double: writeFloating,
  float: writeFloating,
  boolean: writeBoolean,
  dateTime: writeDateTime,
  base64Binary: writeBinary,
};

const enumWriter = (name: string, values: ReadonlySet<string>): Inner => {
  return (value) => {
    if (typeof value === 'string' && values.has(value)) return value;
    throw wrong(name, value);
  };
};

const writeReference = (tag: string, value: unknown, attributes: string): string => {
  const { type, value: id } = value as MoRef;
  if (typeof type !== 'string' || typeof id !== 'string') throw wrong('ManagedObjectReference', value);
  return `<${tag} type="${escapeAttribute(type)}"${attributes}>${escapeText(id)}</${tag}>`;
};

/** Every member the object has must be one the table knows: a misspelt one must not vanish silently. */
const refuseUnknown = (type: string, object: object): void => {
  const known = memberMap(type);
  for (const name of Object.keys(object)) {
    if (name !== '_type' && !known.has(name)) throw new Error(`vim25 encode: ${type} has no member ${name}`);
  }
};

const dataWriter = (name: string, compiled: Compiled): Inner => {
  const visible = members(name).filter((member) => member.since <= compiled.version);
  const names = visible.map((member) => member.name);
  let writers: Whole[] | undefined;
  return (value) => {
    if (typeof value !== 'object' || value === null) throw wrong(name, value);
    // Compiled at the first value: types refer to each other in circles.
    writers ??= visible.map((member) => memberWriter(member, compiled));
    const object = value as Record<string, unknown>;
    const xml = object['_xml'];
    if (typeof xml === 'string') return xml;
    let text = '';
    let written = '_type' in object ? 1 : 0;
    for (let at = 0; at < names.length; at++) {
      const member = object[names[at] as string];
      if (member === undefined || member === null) continue;
      written++;
      text += (writers[at] as Whole)(member);
    }
    if (written !== Object.keys(object).length) refuseUnknown(name, object);
    return text;
  };
};

const innerOf = (name: string, compiled: Compiled): Inner => {
  const known = compiled.inners.get(name);
  if (known) return known;
  const type = typeOf(name);
  let inner: Inner;
  if (type?.kind === 'primitive' && PRIMITIVES[name]) inner = PRIMITIVES[name];
  else if (type?.kind === 'enum') inner = enumWriter(name, type.values);
  else if (type?.kind === 'data') inner = dataWriter(name, compiled);
  else throw new Error(`vim25 encode: no type ${name}`);
  compiled.inners.set(name, inner);
  return inner;
};

/** The nearest base the client's version has. */
const compatible = (name: string, compiled: Compiled): string => {
  let at = name;
  for (
    let type = typeOf(at);
    type?.kind === 'data' && type.since > compiled.version && type.base !== '';
    type = typeOf(at)
  )
    at = type.base;
  return at;
};

/** Members of types a client's version lacks are written as its nearest base, without what the base has not. */
const trimmed = (object: Record<string, unknown>, type: string): Record<string, unknown> => {
  const known = memberMap(type);
  return Object.fromEntries(Object.entries(object).filter(([name]) => known.has(name)));
};

const dataElement = (tag: string, declared: string, compiled: Compiled): Whole => {
  const declaredInner = innerOf(declared, compiled);
  const open = `<${tag}>`;
  const close = `</${tag}>`;
  return (value) => {
    const stated = (value as { _type?: string } | null)?._type;
    if (stated === undefined || stated === declared) return open + declaredInner(value) + close;
    if (!isSubtype(stated, declared)) throw wrong(declared, value);
    const dynamic = compatible(stated, compiled);
    const object =
      dynamic === stated || '_xml' in (value as object) ? value : trimmed(value as Record<string, unknown>, dynamic);
    const typeAttribute = dynamic === declared ? '' : ` xsi:type="${dynamic}"`;
    return `<${tag}${typeAttribute}>${innerOf(dynamic, compiled)(object)}${close}`;
  };
};

const singleWriter = (tag: string, declared: string, compiled: Compiled): Whole => {
  if (declared === 'anyType') return (value) => anyElement(tag, value, compiled);
  const type = typeOf(declared);
  if (type === undefined) throw new Error(`vim25 encode: no type ${declared}`);
  if (type.kind === 'managed') return (value) => writeReference(tag, value, '');
  if (type.kind === 'data') return dataElement(tag, declared, compiled);
  const inner = innerOf(declared, compiled);
  const open = `<${tag}>`;
  const close = `</${tag}>`;
  return (value) => open + inner(value) + close;
};

const memberWriter = (member: Member, compiled: Compiled): Whole => {
  const key = `${member.name} ${member.type}${member.array ? '[]' : ''}`;
  let whole = compiled.wholes.get(key);
  if (!whole) {
    const single = singleWriter(member.name, member.type, compiled);
    whole = member.array ? repeated(single, member) : single;
    compiled.wholes.set(key, whole);
  }
  return whole;
};

const signed = (bytes: Uint8Array): readonly number[] => [
  ...new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength),
];

const repeated = (single: Whole, member: Member): Whole => {
  return (value) => {
    const list = member.type === 'byte' && value instanceof Uint8Array ? signed(value) : value;
    if (!Array.isArray(list)) throw wrong(`${member.type}[]`, value);
    let text = '';
    for (const item of list) text += single(item);
    return text;
  };
};

// ---- anyType: the value says what it is ----

const INT_LIMIT = 2 ** 31;

const typeOfPlain = (value: unknown): string => {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'boolean';
    case 'bigint':
      return 'long';
    case 'number':
      if (!Number.isInteger(value)) return 'double';
      return value >= -INT_LIMIT && value < INT_LIMIT ? 'int' : 'long';
    default:
      if (value instanceof Uint8Array) return 'base64Binary';
      throw wrong('anyType', value);
  }
};

const arrayContent = (item: string, values: unknown, compiled: Compiled): string => {
  const list = item === 'byte' && values instanceof Uint8Array ? signed(values) : values;
  if (!Array.isArray(list)) throw wrong(`ArrayOf ${item}`, values);
  const tag = itemTagOf(item);
  let text = '';
  // libvirt needs the type on every member of an array inside an Any.
  for (const value of list)
    text += item === 'anyType' ? anyElement(tag, value, compiled) : anyElement(tag, value, compiled, item);
  return text;
};

/** `declared`: the item type of the array it stands in, for values that do not say their own. */
const anyElement = (tag: string, value: unknown, compiled: Compiled, declared?: string): string => {
  if (value === undefined || value === null) return '';
  const stated = typeof value === 'object' ? (value as { _type?: string })._type : undefined;
  if (stated === 'ManagedObjectReference') return writeReference(tag, value, ' xsi:type="ManagedObjectReference"');
  const name = stated ?? declared ?? typeOfPlain(value);
  const item = itemTypeOf(name);
  const wrapped = typeof value === 'object' && '_value' in value;
  const xml = typeof value === 'object' ? (value as Partial<Rendered>)._xml : undefined;
  if (item !== undefined) {
    const content = xml ?? arrayContent(item, wrapped ? (value as Typed)._value : value, compiled);
    return `<${tag} xsi:type="${name}">${content}</${tag}>`;
  }
  const type = typeOf(name);
  if (type?.kind === 'managed') return writeReference(tag, value, ' xsi:type="ManagedObjectReference"');
  if (type?.kind === 'data') {
    const dynamic = compatible(name, compiled);
    const object = dynamic === name || xml !== undefined ? value : trimmed(value as Record<string, unknown>, dynamic);
    return `<${tag} xsi:type="${dynamic}">${innerOf(dynamic, compiled)(object)}</${tag}>`;
  }
  const inner = xml ?? innerOf(name, compiled)(wrapped ? (value as Typed)._value : value);
  return `<${tag} xsi:type="${wireTypeOf(name)}">${inner}</${tag}>`;
};

// ---- what others call ----

/** One element. '' for undefined and null. `version` as in `Call.version`. */
export const encodeElement = (tag: string, declared: string, value: unknown, version = ''): string => {
  if (value === undefined || value === null) return '';
  return elementWriter(tag, declared, false, version)(value);
};

/** As encodeElement, for an array: the element once for each item. */
export const encodeRepeated = (tag: string, declared: string, values: unknown, version = ''): string => {
  if (values === undefined || values === null) return '';
  return elementWriter(tag, declared, true, version)(values);
};

/** The writer itself, for loops: compiled once, called for every value. */
export const elementWriter = (
  tag: string,
  declared: string,
  array: boolean,
  version = '',
): ((value: unknown) => string) =>
  memberWriter(
    { name: tag, type: declared, array, optional: true, since: 0, privilege: '' },
    compiledFor(versionIndex(version)),
  );

/** What stands between the tags of a value of a known type: what rendered documents keep. */
export const encodeInner = (type: string, value: unknown, version = ''): string =>
  innerOf(type, compiledFor(versionIndex(version)))(value);

/** `<val xsi:type="...">` for a value that is declared anyType, by the declared type of the property it comes from. */
export const encodeAny = (tag: string, declared: string, array: boolean, value: unknown, version = ''): string => {
  const compiled = compiledFor(versionIndex(version));
  if (array)
    return `<${tag} xsi:type="${arrayTypeOf(declared)}">${arrayContent(declared, value ?? [], compiled)}</${tag}>`;
  return declared === 'anyType' ? anyElement(tag, value, compiled) : anyElement(tag, value, compiled, declared);
};

/** The same around text already written: `type` is the dynamic type of one value or of each item of an array. */
export const openAny = (tag: string, type: string, array = false): string =>
  `<${tag} xsi:type="${array ? arrayTypeOf(type) : itemTypeOf(type) === undefined ? wireTypeOf(type) : type}">`;
