/** The type table of the vim25 API: one text line a type (types.data.json) in; typed rows, parsed when first asked for, out. */
import data from './types.data.json' with { type: 'json' };

/** A member of a data object, a property of a managed object, or a parameter of a method. */
export interface Member {
  readonly name: string;
  /** As the wire names it: 'string', 'VirtualMachineConfigInfo', 'HostSystem' (a reference). */
  readonly type: string;
  readonly array: boolean;
  readonly optional: boolean;
  /** Index into `versions` of the first version that has it. */
  readonly since: number;
  /** '' where the API names none of its own. */
  readonly privilege: string;
}

export interface PrimitiveType {
  readonly kind: 'primitive';
  readonly name: string;
  /** The value of xsi:type: 'xsd:string'. PropertyPath, TypeName and MethodName are strings on the wire. */
  readonly xsd: string;
}
export interface EnumType {
  readonly kind: 'enum';
  readonly name: string;
  readonly since: number;
  readonly values: ReadonlySet<string>;
}
export interface DataType {
  readonly kind: 'data';
  readonly name: string;
  /** '' at the root. */
  readonly base: string;
  readonly since: number;
  readonly own: readonly Member[];
}
export interface ManagedType {
  readonly kind: 'managed';
  readonly name: string;
  readonly base: string;
  readonly since: number;
  /** 'vim.VirtualMachine', as texts for people name it. */
  readonly vmodl: string;
  readonly own: readonly Member[];
}
export type Type = PrimitiveType | EnumType | DataType | ManagedType;

export interface Method {
  readonly name: string;
  /** The managed type that declares it. */
  readonly owner: string;
  readonly since: number;
  readonly vmodl: string;
  /** undefined: void. */
  readonly result: Member | undefined;
  /** What a task it returns will hold ('VirtualMachine', 'void', 'ArrayOfX' as 'X[]'); '' where it returns none. */
  readonly taskResult: string;
  readonly privilege: string;
  readonly faults: readonly string[];
  readonly params: readonly Member[];
}

/** All versions of the API in the table, oldest first; `since` counts in these. */
export const versions: readonly string[] = data.versions;

const PRIMITIVES =
  'string int long short byte boolean double float dateTime base64Binary anyURI anyType TypeName PropertyPath MethodName'.split(
    ' ',
  );
const STRINGS_ON_THE_WIRE = new Set(['TypeName', 'PropertyPath', 'MethodName']);

/** Called by pyVmomi for every attribute, in no WSDL and no registry (seen: pyVmomi StubAdapterAccessorImpl). */
const FETCH = 'F Fetch ManagedObject 0 fetch anyType? System.View - prop:PropertyPath';

const typeLines = new Map<string, string>();
const methodLines = new Map<string, string>();
for (const line of [...data.lines, FETCH]) {
  const name = line.slice(2, line.indexOf(' ', 2) < 0 ? undefined : line.indexOf(' ', 2));
  (line.startsWith('F') ? methodLines : typeLines).set(name, line);
}

const parsedTypes = new Map<string, Type>(
  PRIMITIVES.map((name) => [
    name,
    { kind: 'primitive', name, xsd: `xsd:${STRINGS_ON_THE_WIRE.has(name) ? 'string' : name}` } satisfies PrimitiveType,
  ]),
);
const parsedMethods = new Map<string, Method>();
const allMembers = new Map<string, readonly Member[]>();
const memberMaps = new Map<string, ReadonlyMap<string, Member>>();

const MEMBER = /^([^:]+):([^[?@!]+)(\[\])?(\?)?(?:@(\d+))?(?:!(.+))?$/;

const parseMember = (word: string, ownerSince: number): Member => {
  const match = MEMBER.exec(word);
  if (!match) throw new Error(`type table: bad member '${word}'`);
  return {
    name: match[1] as string,
    type: match[2] as string,
    array: match[3] !== undefined,
    optional: match[4] !== undefined,
    since: match[5] === undefined ? ownerSince : Number(match[5]),
    privilege: match[6] ?? '',
  };
};

const parseType = (line: string): Type => {
  const [kind, name = '', ...words] = line.split(' ');
  if (kind === 'E') return { kind: 'enum', name, since: Number(words[0]), values: new Set(words.slice(1)) };
  const base = words[0] === '-' ? '' : (words[0] ?? '');
  const since = Number(words[1]);
  if (kind === 'D')
    return { kind: 'data', name, base, since, own: words.slice(2).map((word) => parseMember(word, since)) };
  return {
    kind: 'managed',
    name,
    base,
    since,
    vmodl: words[2] ?? '',
    own: words.slice(3).map((word) => parseMember(word, since)),
  };
};

export const typeOf = (name: string): Type | undefined => {
  const known = parsedTypes.get(name);
  if (known) return known;
  const line = typeLines.get(name);
  if (line === undefined) return undefined;
  const type = parseType(line);
  parsedTypes.set(name, type);
  return type;
};

export const managedObject = (name: string): ManagedType | undefined => {
  const type = typeOf(name);
  return type?.kind === 'managed' ? type : undefined;
};

export const dataObject = (name: string): DataType | undefined => {
  const type = typeOf(name);
  return type?.kind === 'data' ? type : undefined;
};

/** undefined: no such enumeration. */
export const enumValues = (name: string): ReadonlySet<string> | undefined => {
  const type = typeOf(name);
  return type?.kind === 'enum' ? type.values : undefined;
};

/** A type is a subtype of itself. Every data object is an anyType. */
export const isSubtype = (name: string, base: string): boolean => {
  if (base === 'anyType') return typeOf(name) !== undefined;
  for (let at = name; at !== ''; ) {
    if (at === base) return true;
    const type = typeOf(at);
    if (type === undefined || type.kind === 'primitive' || type.kind === 'enum') return false;
    at = type.base;
  }
  return false;
};

/** All members in WSDL order, inherited ones first. [] for types without members. */
export const members = (name: string): readonly Member[] => {
  const known = allMembers.get(name);
  if (known) return known;
  const type = typeOf(name);
  if (type === undefined || type.kind === 'primitive' || type.kind === 'enum') return [];
  const list = type.base === '' ? type.own : [...members(type.base), ...type.own];
  allMembers.set(name, list);
  return list;
};

export const memberMap = (name: string): ReadonlyMap<string, Member> => {
  let map = memberMaps.get(name);
  if (!map) {
    map = new Map(members(name).map((member) => [member.name, member]));
    memberMaps.set(name, map);
  }
  return map;
};

/** One member by name. */
export const member = (type: string, name: string): Member | undefined => memberMap(type).get(name);

let subtypeIndex: Map<string, string[]> | undefined;

/** Direct subtypes by name, for both data and managed types. */
const directSubtypes = (name: string): readonly string[] => {
  if (!subtypeIndex) {
    subtypeIndex = new Map();
    for (const line of typeLines.values()) {
      if (line.startsWith('E')) continue;
      const [, own = '', base = ''] = line.split(' ', 3);
      const siblings = subtypeIndex.get(base);
      if (siblings) siblings.push(own);
      else subtypeIndex.set(base, [own]);
    }
  }
  return subtypeIndex.get(name) ?? [];
};

/** Depth first. The type itself is not among them. */
export const subtypes = (name: string): readonly string[] =>
  directSubtypes(name).flatMap((child) => [child, ...subtypes(child)]);

const memberOfSubtype = (type: string, name: string): Member | undefined => {
  for (const child of subtypes(type)) {
    const found = member(child, name);
    if (found) return found;
  }
  return undefined;
};

/**
 * The member a property path ends at: 'config.hardware.device[4000].backing.fileName'. Where the declared type lacks a step,
 * its subtypes are asked (a device's backing). A keyed step ends at one element: `array` is false. undefined: no such path.
 */
export const memberAt = (type: string, path: string): Member | undefined => {
  let at = type;
  let found: Member | undefined;
  for (const step of splitPath(path)) {
    if (step.key !== undefined) {
      if (!found?.array) return undefined;
      found = { ...found, array: false };
      continue;
    }
    found = member(at, step.name) ?? memberOfSubtype(at, step.name);
    if (!found) return undefined;
    at = found.type;
  }
  return found;
};

/** A path in steps; a key in brackets, with or without quotes, is a step of its own. Malformed brackets give a step that matches nothing. */
const splitPath = (path: string): readonly { readonly name: string; readonly key?: string }[] => {
  const steps: { name: string; key?: string }[] = [];
  const pattern = /([^.[\]]+)|\[(?:"([^"]*)"|([^\]"]*))\]/y;
  let at = 0;
  while (at < path.length) {
    if (path[at] === '.' && at > 0) at++;
    pattern.lastIndex = at;
    const match = pattern.exec(path);
    if (!match) return [{ name: '' }];
    if (match[1] !== undefined) steps.push({ name: match[1] });
    else steps.push({ name: '', key: match[2] ?? match[3] ?? '' });
    at = pattern.lastIndex;
  }
  return steps.length > 0 ? steps : [{ name: '' }];
};

/** The member that tells elements of an array of this type apart in `[key]` steps: 'key' where there is one. */
export const keyOf = (type: string): string | undefined => (memberMap(type).has('key') ? 'key' : undefined);

const parseMethod = (line: string): Method => {
  const [, name = '', owner = '', sinceText, vmodl = '', resultText = '', privilege = '', faults = '', ...params] =
    line.split(' ');
  const since = Number(sinceText);
  const [declared = '', taskResult = ''] = resultText.split('>');
  return {
    name,
    owner,
    since,
    vmodl,
    result: declared.startsWith('void') ? undefined : parseMember(`returnval:${declared}`, since),
    taskResult,
    privilege: privilege === '-' ? '' : privilege,
    faults: faults === '-' ? [] : faults.split(','),
    params: params.map((word) => parseMember(word, since)),
  };
};

/** By its name on the wire, which names one owner in all of vim25. */
export const methodOf = (name: string): Method | undefined => {
  const known = parsedMethods.get(name);
  if (known) return known;
  const line = methodLines.get(name);
  if (line === undefined) return undefined;
  const method = parseMethod(line);
  parsedMethods.set(name, method);
  return method;
};

/** Methods a managed type declares itself or inherits. */
export const methodsOf = (type: string): readonly Method[] =>
  methodNames()
    .map((name) => methodOf(name) as Method)
    .filter((method) => isSubtype(type, method.owner));

export const methodNames = (): readonly string[] => [...methodLines.keys()];
export const typeNames = (): readonly string[] => [...PRIMITIVES, ...typeLines.keys()];

/** xsi:type of a value of this type: 'xsd:string', 'ManagedObjectReference', 'VirtualMachineConfigInfo'. */
export const wireTypeOf = (name: string): string => {
  const type = typeOf(name);
  if (type === undefined) return name;
  if (type.kind === 'primitive') return type.xsd;
  return type.kind === 'managed' ? 'ManagedObjectReference' : name;
};

/** Tag of the members of an ArrayOfX: 'string', 'ManagedObjectReference', 'VirtualDevice'. */
export const itemTagOf = (name: string): string => {
  const wire = wireTypeOf(name);
  return wire.startsWith('xsd:') ? wire.slice(4) : wire;
};

/** 'ArrayOfString', 'ArrayOfManagedObjectReference', 'ArrayOfVirtualDevice'. */
export const arrayTypeOf = (name: string): string => {
  const tag = itemTagOf(name);
  return `ArrayOf${(tag[0] ?? '').toUpperCase()}${tag.slice(1)}`;
};

const primitivesByArray = new Map(
  PRIMITIVES.filter((name) => !STRINGS_ON_THE_WIRE.has(name)).map((name) => [arrayTypeOf(name), name]),
);

/** The item type of 'ArrayOfX'; 'ManagedObject' for references. undefined: not an array type. */
export const itemTypeOf = (arrayType: string): string | undefined => {
  if (!arrayType.startsWith('ArrayOf')) return undefined;
  const primitive = primitivesByArray.get(arrayType);
  if (primitive) return primitive;
  const item = arrayType.slice(7);
  if (item === 'ManagedObjectReference') return 'ManagedObject';
  return typeLines.has(item) ? item : undefined;
};
