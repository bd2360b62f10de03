/**
 * The data model of XenAPI as facts: one text line a field or message (types.data.json) in; typed rows, parsed when first asked for, out.
 *
 * Use: `classOf('VM')?.field('power_state')`, `recordFields('VM')` (what a record on the wire has, in its order),
 * `messageOf('VM.start')` (also `Async.VM.start` and `VM_start` through `resolveCall`), `enumValues('vm_power_state')`.
 * Every look-up takes a client's text and knows nothing but the rows: `toString` or `__proto__` find nothing.
 * A type is a small tree (`Type`); `default` is JSON in the form of the type: a ref is its text, a time `19700101T00:00:00Z`,
 * a map an object, undefined where the model has none (`zero(type)` gives the value of an unset field).
 * Messages the model does not write out (get_record, get_<field>, add_to_<field>, ...) are derived, and say in `does` what they do.
 *
 * Rows. A field: name qualifier type life [default]. Qualifier: D read-only, S set only when made, W writable; `!` internal, never on the wire.
 * A message: name flags life result errors param:type[=default]... Flags: a has Async, h not in the published reference, o without session.
 * Life: `*` prototyped, `~` deprecated, `-` removed, then the release, `.` where there is nothing to say.
 * A class: name flags life. Flags: R get_record, get_by_uuid and getters; N get_by_name_label; A get_all, get_all_records and _where;
 * C create, destroy; E events; P kept over a restart. Types: `@VM` reference, `$VM` record, `#vm_operations` enumeration, `[x]` set,
 * `{a:b}` map, `x?` perhaps absent, `-` nothing.
 */
import { table } from '../generic/table.ts';
import data from './types.data.json' with { type: 'json' };

export type Type =
  | { readonly kind: 'string' | 'int' | 'float' | 'bool' | 'datetime' | 'void' }
  | { readonly kind: 'enum'; readonly name: string }
  | { readonly kind: 'ref' | 'record'; readonly class: string }
  | { readonly kind: 'set' | 'option'; readonly of: Type }
  | { readonly kind: 'map'; readonly key: Type; readonly value: Type };

export type Default = string | number | boolean | null | readonly Default[] | { readonly [key: string]: Default };

/** removed: still a name on the wire; a removed message answers MESSAGE_REMOVED, a removed field still has its key. */
export type LifeStage = 'published' | 'prototyped' | 'deprecated' | 'removed';
export interface Life {
  readonly stage: LifeStage;
  /** Release or version that brought it (`rio`, `1.303.0`), ''. */
  readonly since: string;
}

export interface Field extends Life {
  readonly name: string;
  readonly type: Type;
  /** RO: the server's alone. StaticRO: given to `create` only. RW: also set_, and add_ and remove_ for sets and maps. */
  readonly qualifier: 'RO' | 'StaticRO' | 'RW';
  /** In the server's database, on no wire. */
  readonly internal: boolean;
  /** undefined: the model has none. */
  readonly default: Default | undefined;
}

export interface Param {
  readonly name: string;
  readonly type: Type;
  /** With one, callers may leave it out, and the model allows that at the end only. */
  readonly default: Default | undefined;
}

/** What a derived message does. add and remove: one item of a set; add-to and remove-from: one key of a map. */
export type Does =
  | { readonly kind: 'get-field' | 'set-field' | 'add' | 'remove' | 'add-to' | 'remove-from'; readonly field: Field }
  | {
      readonly kind:
        | 'get-record'
        | 'get-by-uuid'
        | 'get-by-name-label'
        | 'get-all'
        | 'get-all-where'
        | 'get-all-records'
        | 'get-all-records-where'
        | 'create'
        | 'destroy';
    };

export interface Message extends Life {
  readonly name: string;
  /** `VM.start`. */
  readonly wire: string;
  readonly class: string;
  /** Without the session, which comes first on the wire where `session`. `create` has one: the record. */
  readonly params: readonly Param[];
  readonly result: Type;
  /** Error codes the model declares; any message may answer more. */
  readonly errors: readonly string[];
  readonly async: boolean;
  /** Not in the published reference, yet callable and in system.listMethods. */
  readonly hidden: boolean;
  readonly session: boolean;
  /** undefined: written out in the model, with a meaning of its own. */
  readonly does: Does | undefined;
}

export interface Class extends Life {
  readonly name: string;
  /** All of the model, internal ones too. */
  readonly fields: readonly Field[];
  readonly field: (name: string) => Field | undefined;
  /** Derived and explicit ones. */
  readonly messages: readonly Message[];
  readonly hasEvents: boolean;
  /** Survives a restart of the server. */
  readonly persistent: boolean;
  /** Has get_all, get_all_records and the _where forms. */
  readonly listed: boolean;
  /** Has get_by_name_label. */
  readonly named: boolean;
}

export const NULL_REF = 'OpaqueRef:NULL';
/** Means "never", "not set". */
export const NEVER = '19700101T00:00:00Z';

const SIMPLE = table<Type>(
  Object.fromEntries(
    (['string', 'int', 'float', 'bool', 'datetime'] as const).map((kind) => [kind, { kind } satisfies Type]),
  ),
);
const VOID: Type = { kind: 'void' };

const bad = (text: string): Error => new Error(`data model: bad row '${text}'`);

/** The type at the start of a text, and how long it is. */
const typeAt = (text: string, start: number): readonly [Type, number] => {
  const word = (): string => /^[A-Za-z0-9_]*/.exec(text.slice(start + 1))?.[0] ?? '';
  let type: Type;
  let end: number;
  switch (text[start]) {
    case '-':
      return [VOID, start + 1];
    case '@':
      [type, end] = [{ kind: 'ref', class: word() }, start + 1 + word().length];
      break;
    case '$':
      [type, end] = [{ kind: 'record', class: word() }, start + 1 + word().length];
      break;
    case '#':
      [type, end] = [{ kind: 'enum', name: word() }, start + 1 + word().length];
      break;
    case '[': {
      const [of, after] = typeAt(text, start + 1);
      [type, end] = [{ kind: 'set', of }, after + 1];
      break;
    }
    case '{': {
      const [key, colon] = typeAt(text, start + 1);
      const [value, after] = typeAt(text, colon + 1);
      [type, end] = [{ kind: 'map', key, value }, after + 1];
      break;
    }
    default: {
      const name = /^[a-z]+/.exec(text.slice(start))?.[0] ?? '';
      const simple = SIMPLE[name];
      if (simple === undefined) throw bad(text);
      [type, end] = [simple, start + name.length];
    }
  }
  return text[end] === '?' ? [{ kind: 'option', of: type }, end + 1] : [type, end];
};

/** The notation of the rows. */
export const parseType = (text: string): Type => {
  const [type, end] = typeAt(text, 0);
  if (end !== text.length) throw bad(text);
  return type;
};

const STAGES = table<LifeStage>({ '*': 'prototyped', '~': 'deprecated', '-': 'removed' });

const parseLife = (text: string): Life => {
  if (text === '.') return { stage: 'published', since: '' };
  const stage = STAGES[text[0] ?? ''];
  return stage === undefined ? { stage: 'published', since: text } : { stage, since: text.slice(1) };
};

const QUALIFIERS = table<Field['qualifier']>({ D: 'RO', S: 'StaticRO', W: 'RW' });

const FIELD = /^(\S+) ([DSW])(!?) (\S+) (\S+)(?: (.*))?$/;

/** The model gives some references the default '', which its server never writes: objects are made with the null reference. */
const parseDefault = (type: Type, json: string | undefined): Default | undefined => {
  if (json === undefined) return undefined;
  const value = JSON.parse(json) as Default;
  return type.kind === 'ref' && value === '' ? NULL_REF : value;
};

const parseField = (row: string): Field => {
  const match = FIELD.exec(row);
  if (!match) throw bad(row);
  const [, name = '', qualifier = '', internal, typeText = '', life = '', json] = match;
  const type = parseType(typeText);
  return {
    name,
    type,
    qualifier: QUALIFIERS[qualifier] as Field['qualifier'],
    internal: internal === '!',
    default: parseDefault(type, json),
    ...parseLife(life),
  };
};

const PARAM = /^([^:]+):([^=]+)(?:=(.*))?$/;

const parseParam = (word: string): Param => {
  const match = PARAM.exec(word);
  if (!match) throw bad(word);
  const [, name = '', typeText = '', json] = match;
  const type = parseType(typeText);
  return { name, type, default: parseDefault(type, json) };
};

const parseMessage = (owner: string, row: string): Message => {
  const [name = '', flags = '', life = '', result = '', errors = '', ...params] = row.split(' ');
  return {
    name,
    wire: `${owner}.${name}`,
    class: owner,
    params: params.map(parseParam),
    result: parseType(result),
    errors: errors === '.' ? [] : errors.split(','),
    async: flags.includes('a'),
    hidden: flags.includes('h'),
    session: !flags.includes('o'),
    does: undefined,
    ...parseLife(life),
  };
};

const param = (name: string, type: Type): Param => ({ name, type, default: undefined });

const derive = (owner: string, flags: string, life: Life, fields: readonly Field[]): readonly Message[] => {
  const self = param('self', { kind: 'ref', class: owner });
  const text: Type = { kind: 'string' };
  const ref: Type = { kind: 'ref', class: owner };
  const record: Type = { kind: 'record', class: owner };
  const refs: Type = { kind: 'set', of: ref };
  const records: Type = { kind: 'map', key: ref, value: record };
  const made: Message[] = [];
  const add = (name: string, does: Does, params: readonly Param[], result: Type, more: Partial<Message> = {}): void => {
    made.push({
      name,
      wire: `${owner}.${name}`,
      class: owner,
      params,
      result,
      errors: [],
      async: false,
      hidden: false,
      session: true,
      does,
      ...life,
      ...more,
    });
  };
  if (flags.includes('R')) {
    add('get_record', { kind: 'get-record' }, [self], record);
    add('get_by_uuid', { kind: 'get-by-uuid' }, [param('uuid', text)], ref);
  }
  if (flags.includes('C')) {
    add('create', { kind: 'create' }, [param('args', record)], ref, { async: true });
    add('destroy', { kind: 'destroy' }, [self], VOID, { async: true });
  }
  if (flags.includes('N')) add('get_by_name_label', { kind: 'get-by-name-label' }, [param('label', text)], refs);
  if (flags.includes('A')) {
    add('get_all', { kind: 'get-all' }, [], refs);
    add('get_all_where', { kind: 'get-all-where' }, [param('expr', text)], refs, { hidden: true });
    add('get_all_records_where', { kind: 'get-all-records-where' }, [param('expr', text)], records, { hidden: true });
    add('get_all_records', { kind: 'get-all-records' }, [], records);
  }
  if (!flags.includes('R')) return made;
  for (const field of fields) {
    if (field.internal) continue;
    const own = { stage: field.stage, since: field.since };
    const { name, type } = field;
    add(`get_${name}`, { kind: 'get-field', field }, [self], type, own);
    if (field.qualifier !== 'RW') continue;
    add(`set_${name}`, { kind: 'set-field', field }, [self, param('value', type)], VOID, own);
    if (type.kind === 'set') {
      add(`add_${name}`, { kind: 'add', field }, [self, param('value', type.of)], VOID, own);
      add(`remove_${name}`, { kind: 'remove', field }, [self, param('value', type.of)], VOID, own);
    } else if (type.kind === 'map') {
      const key = param('key', type.key);
      add(`add_to_${name}`, { kind: 'add-to', field }, [self, key, param('value', type.value)], VOID, own);
      add(`remove_from_${name}`, { kind: 'remove-from', field }, [self, key], VOID, own);
    }
  }
  return made;
};

const parseClass = (row: { line: string; fields: string[]; messages: string[] }): Class => {
  const [name = '', flags = '', lifeText = ''] = row.line.split(' ');
  const life = parseLife(lifeText);
  const fields = row.fields.map(parseField);
  const byName = new Map(fields.map((field) => [field.name, field]));
  return {
    name,
    fields,
    field: (wanted) => byName.get(wanted),
    messages: [...derive(name, flags, life, fields), ...row.messages.map((message) => parseMessage(name, message))],
    hasEvents: flags.includes('E'),
    persistent: flags.includes('P'),
    listed: flags.includes('A'),
    named: flags.includes('N'),
    ...life,
  };
};

const rows = new Map(data.classes.map((row) => [row.line.slice(0, row.line.indexOf(' ')), row]));
const parsed = new Map<string, Class>();
const messages = new Map<string, ReadonlyMap<string, Message>>();
const records = new Map<string, readonly Field[]>();

/** All classes, struct-only ones (`event`, `sr_stat`) among them, in the order of the model. */
export const classNames: readonly string[] = [...rows.keys()];

/** By its exact name (`VM`, `host_metrics`). */
export const classOf = (name: string): Class | undefined => {
  const known = parsed.get(name);
  if (known) return known;
  const row = rows.get(name);
  if (row === undefined) return undefined;
  const made = parseClass(row);
  parsed.set(name, made);
  return made;
};

const lowerNames = new Map(classNames.map((name) => [name.toLowerCase(), name]));

/** By a name in any case, as event.from takes them: `vm` is VM. */
export const classNameOf = (anyCase: string): string | undefined => lowerNames.get(anyCase.toLowerCase());

/** What a record has on the wire: all fields but the internal ones. Every record of a class has exactly these keys. */
export const recordFields = (name: string): readonly Field[] => {
  const known = records.get(name);
  if (known) return known;
  const fields = (classOf(name)?.fields ?? []).filter((field) => !field.internal);
  records.set(name, fields);
  return fields;
};

/** By its name on the wire, `VM.start`, without alias and prefix. */
export const messageOf = (wire: string): Message | undefined => {
  const dot = wire.indexOf('.');
  const owner = wire.slice(0, Math.max(dot, 0));
  let own = messages.get(owner);
  if (own === undefined) {
    const found = classOf(owner);
    if (found === undefined) return undefined;
    own = new Map(found.messages.map((message) => [message.name, message]));
    messages.set(owner, own);
  }
  return own.get(wire.slice(dot + 1));
};

/** The longest name of the model is far shorter; a client's may have a border at every character. */
const MAX_METHOD = 200;

export interface ResolvedCall {
  readonly message: Message;
  readonly async: boolean;
}

/** A client's method name: `VM.start`, `VM_start`, `Async.VM.start`, `InternalAsync.VM.start`. undefined: the model has no such message. */
export const resolveCall = (method: string): ResolvedCall | undefined => {
  if (method.length > MAX_METHOD) return undefined;
  const prefix = /^(Internal)?Async\./.exec(method)?.[0] ?? '';
  const async = prefix !== '';
  const name = method.slice(prefix.length);
  const exact = messageOf(name);
  if (exact !== undefined) return { message: exact, async };
  // Names of classes have underscores too, so every one may be the border: VM_metrics_get_record.
  for (let at = name.indexOf('_'); at > 0; at = name.indexOf('_', at + 1)) {
    const found = messageOf(`${name.slice(0, at)}.${name.slice(at + 1)}`);
    if (found !== undefined) return { message: found, async };
  }
  return undefined;
};

const enums = new Map(
  data.enums.map((row) => {
    const [name = '', ...values] = row.split(' ');
    return [name, new Set(values) as ReadonlySet<string>];
  }),
);

/** In the order of the model. undefined: no such enumeration. */
export const enumValues = (name: string): ReadonlySet<string> | undefined => enums.get(name);

export interface End {
  readonly class: string;
  readonly field: string;
}

/** Fields that are two ends of one relation: a change of `from` changes `to` as well, and both objects are in events. */
export const relations: readonly { readonly from: End; readonly to: End }[] = data.relations.map((row) => {
  const [from, to] = row.split(' ').map((end) => {
    const dot = end.indexOf('.');
    return { class: end.slice(0, dot), field: end.slice(dot + 1) };
  });
  if (from === undefined || to === undefined) throw bad(row);
  return { from, to };
});

/** The value of a field that nothing was said about, in the form of `Default`. */
export const zero = (type: Type): Default => {
  switch (type.kind) {
    case 'int':
    case 'float':
      return 0;
    case 'bool':
      return false;
    case 'datetime':
      return NEVER;
    case 'enum':
      return enums.get(type.name)?.values().next().value ?? '';
    case 'ref':
      return NULL_REF;
    case 'set':
      return [];
    case 'map':
    case 'record':
      return {};
    case 'option':
      return null;
    default:
      return '';
  }
};

/** `(VM -> string) map`, as people write types of this API. */
export const formatType = (type: Type): string => {
  switch (type.kind) {
    case 'enum':
      return `enum ${type.name}`;
    case 'ref':
    case 'record':
      return `${type.class} ${type.kind}`;
    case 'set':
    case 'option':
      return `${formatType(type.of)} ${type.kind}`;
    case 'map':
      return `(${formatType(type.key)} -> ${formatType(type.value)}) map`;
    default:
      return type.kind;
  }
};
