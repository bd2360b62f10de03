/** An element tree and a declared type in, a JavaScript value by the type table out, or the fault that says which property was wrong. */
import { fault, type Outcome } from '../generic/faults.ts';
import { attributeOf, type XmlElement, XSD_NS, XSI_NS, xsiTypeOf } from '../wire/xml.ts';
import {
  dataObject,
  isSubtype,
  itemTypeOf,
  type Member,
  type Method,
  memberMap,
  members,
  type Type,
  typeOf,
} from './types.ts';
import { type DataObject, moRef, typed } from './values.ts';

/** Leaves nested decoding; caught at this file's exported functions. */
class Refusal extends Error {
  readonly kind: 'invalid-request' | 'invalid-argument';
  readonly path: string;
  constructor(kind: Refusal['kind'], path: string, text: string) {
    super(text);
    this.kind = kind;
    this.path = path;
  }
}

const badStructure = (path: string, text: string): Refusal =>
  new Refusal('invalid-request', path, path === '' ? text : `${text}\n\nwhile parsing property "${path}"`);

const badValue = (path: string): Refusal =>
  new Refusal('invalid-argument', path, `A specified parameter was not correct: ${path}`);

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

const INTEGER = /^[+-]?\d{1,20}$/;
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;
const DATE_TIME =
  /^-?\d{4,}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d{2}:\d{2})?$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

const integer = (text: string, bits: number, path: string): number => {
  const value = INTEGER.test(text) ? Number(text) : Number.NaN;
  const limit = 2 ** (bits - 1);
  if (!(value >= -limit && value < limit)) throw badValue(path);
  return value;
};

const long = (text: string, path: string): number | bigint => {
  if (!INTEGER.test(text)) throw badValue(path);
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  const exact = BigInt(text.replace('+', ''));
  if (BigInt.asIntN(64, exact) !== exact) throw badValue(path);
  return exact;
};

const floating = (text: string, path: string): number => {
  if (text === 'INF') return Number.POSITIVE_INFINITY;
  if (text === '-INF') return Number.NEGATIVE_INFINITY;
  if (text === 'NaN') return Number.NaN;
  if (!NUMBER.test(text)) throw badValue(path);
  return Number(text);
};

/** Every day that is possible in its month; the text itself is kept, so that nothing of it is lost. */
const dateTime = (text: string, path: string): string => {
  const day = DATE_TIME.exec(text)?.[2];
  if (day === undefined) throw badValue(path);
  // Date.parse takes 31 days in every month and runs over into the next.
  if (Number(day) > 28 && new Date(`${text.slice(0, text.indexOf('T'))}T00:00:00Z`).getUTCDate() !== Number(day)) {
    throw badValue(path);
  }
  return text;
};

const primitive = (name: string, raw: string, path: string): unknown => {
  switch (name) {
    case 'string':
    case 'anyURI':
    case 'PropertyPath':
    case 'TypeName':
    case 'MethodName':
      return raw;
    case 'int':
      return integer(raw.trim(), 32, path);
    case 'short':
      return integer(raw.trim(), 16, path);
    case 'byte':
      return integer(raw.trim(), 8, path);
    case 'long':
      return long(raw.trim(), path);
    case 'double':
    case 'float':
      return floating(raw.trim(), path);
    case 'boolean': {
      const text = raw.trim();
      if (text === 'true' || text === '1') return true;
      if (text === 'false' || text === '0') return false;
      throw badValue(path);
    }
    case 'dateTime':
      return dateTime(raw.trim(), path);
    case 'base64Binary': {
      const text = raw.replace(/\s+/g, '');
      if (text.length % 4 !== 0 || !BASE64.test(text)) throw badValue(path);
      return Buffer.from(text, 'base64');
    }
    default:
      throw new Error(`no decoder for ${name}`);
  }
};

const leaf = (element: XmlElement, path: string): string => {
  if (element.children.length > 0)
    throw badStructure(path, `Unexpected element tag "${element.children[0]?.name}" seen`);
  return element.text;
};

const isNil = (element: XmlElement): boolean => {
  const nil = attributeOf(element, 'nil', XSI_NS);
  return nil === 'true' || nil === '1';
};

const reference = (element: XmlElement, path: string): unknown => {
  const type = attributeOf(element, 'type');
  const value = leaf(element, path).trim();
  if (type === undefined || type === '') throw badStructure(path, 'A managed object reference has no type attribute');
  return moRef(type.slice(type.indexOf(':') + 1), value);
};

/** A data object's dynamic type: xsi:type if it says a subtype of the declared one. */
const dynamicType = (element: XmlElement, declared: string, path: string): string => {
  const stated = xsiTypeOf(element);
  if (stated === undefined || stated.name === declared) return declared;
  if (typeOf(stated.name)?.kind !== 'data' || !isSubtype(stated.name, declared)) {
    throw badStructure(path, `Type ${stated.name} is not a ${declared}`);
  }
  return stated.name;
};

const decodeObject = (element: XmlElement, declared: string, path: string): DataObject => {
  const type = dynamicType(element, declared, path);
  const known = memberMap(type);
  const object: Record<string, unknown> = { _type: type };
  for (const child of element.children) {
    const member = known.get(child.name);
    if (member === undefined)
      throw badStructure(join(path, child.name), `Unexpected element tag "${child.name}" seen in a ${type}`);
    addMember(object, member, child, path);
  }
  const since = dataObject(type)?.since ?? 0;
  for (const member of members(type)) {
    if (member.optional || object[member.name] !== undefined) continue;
    if (member.array) object[member.name] = [];
    // A client that knows the type knows the members it was born with; later ones it may be too old for.
    else if (member.since <= since) {
      throw badStructure(path, `Required property ${member.name} is missing from data object of type ${type}`);
    }
  }
  packBytes(object, members(type));
  return object;
};

const addMember = (object: Record<string, unknown>, member: Member, element: XmlElement, path: string): void => {
  const at = join(path, member.name);
  if (isNil(element)) return;
  if (!member.array) {
    if (object[member.name] !== undefined) throw badStructure(at, `Element "${member.name}" occurs more than once`);
    object[member.name] = decodeAs(element, member.type, at);
    return;
  }
  const list = object[member.name] as unknown[] | undefined;
  if (list) list.push(decodeAs(element, member.type, `${at}[${list.length}]`));
  else object[member.name] = [decodeAs(element, member.type, `${at}[0]`)];
};

const anyValue = (element: XmlElement, path: string): unknown => {
  const stated = xsiTypeOf(element);
  if (stated === undefined) throw badStructure(path, 'A value of type anyType has no xsi:type');
  const { name } = stated;
  const item = stated.ns === XSD_NS ? undefined : itemTypeOf(name);
  if (item !== undefined) {
    return typed(
      name,
      element.children.map((child, at) => decodeAs(child, item, `${path}[${at}]`)),
    );
  }
  if (name === 'ManagedObjectReference') return reference(element, path);
  const type = typeOf(name);
  if (type === undefined || type.kind === 'managed' || name === 'anyType')
    throw badStructure(path, `Unknown type ${name}`);
  if (type.kind === 'data') return decodeObject(element, name, path);
  const value = decodeAs(element, name, path);
  return name === 'string' || name === 'boolean' || name === 'int' ? value : typed(name, value);
};

const enumValue = (element: XmlElement, type: Extract<Type, { kind: 'enum' }>, path: string): string => {
  const value = leaf(element, path).trim();
  if (!type.values.has(value)) throw badValue(path);
  return value;
};

const decodeAs = (element: XmlElement, declared: string, path: string): unknown => {
  if (declared === 'anyType') return anyValue(element, path);
  const type = typeOf(declared);
  if (type === undefined) throw new Error(`type table: no type ${declared}`);
  switch (type.kind) {
    case 'primitive':
      return primitive(declared, leaf(element, path), path);
    case 'enum':
      return enumValue(element, type, path);
    case 'managed':
      return reference(element, path);
    case 'data':
      return decodeObject(element, declared, path);
    default:
      return type satisfies never;
  }
};

/** Byte arrays are one Buffer to the rest of the program, repeated numbers on the wire. */
const packBytes = (object: Record<string, unknown>, list: readonly Member[]): void => {
  for (const member of list) {
    const value = object[member.name];
    if (member.type === 'byte' && member.array && Array.isArray(value))
      object[member.name] = Buffer.from(value as number[]);
  }
};

const guard = <T>(work: () => T): Outcome<T> => {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    switch (error.kind) {
      case 'invalid-argument':
        return { ok: false, fault: fault('invalid-argument', { property: error.path }, error.message) };
      case 'invalid-request':
        return { ok: false, fault: fault('invalid-request', {}, error.message) };
      default:
        return error.kind satisfies never;
    }
  }
};

/** One element as a value of a declared type. `path` names it in faults. */
export const decodeValue = (element: XmlElement, declared: string, path = ''): Outcome =>
  guard(() => decodeAs(element, declared, path));

/** The arguments of a call by name, `_this` left out. Parameters are found by name, so their order does not matter. */
export const decodeArguments = (method: Method, call: XmlElement): Outcome<Record<string, unknown>> =>
  guard(() => {
    const args: Record<string, unknown> = {};
    for (const child of call.children) {
      if (child.name === '_this') continue;
      const param = method.params.find((candidate) => candidate.name === child.name);
      if (!param)
        throw badStructure(child.name, `Unexpected element tag "${child.name}" seen in a call of ${method.name}`);
      addMember(args, param, child, '');
    }
    for (const param of method.params) {
      if (param.optional || args[param.name] !== undefined) continue;
      if (!param.array && param.since <= method.since)
        throw badStructure(param.name, `Required parameter ${param.name} is missing from a call of ${method.name}`);
      if (param.array) args[param.name] = [];
    }
    packBytes(args, method.params);
    return args;
  });

/** The `_this` of a call. */
export const decodeTarget = (call: XmlElement): Outcome<{ type: string; id: string }> =>
  guard(() => {
    const element = call.children.find((child) => child.name === '_this');
    if (!element) throw badStructure('_this', 'The call names no object');
    const type = attributeOf(element, 'type') ?? '';
    const id = leaf(element, '_this').trim();
    if (type === '' || id === '')
      throw badStructure('_this', 'A managed object reference has no type attribute or no value');
    return { type: type.slice(type.indexOf(':') + 1), id };
  });
