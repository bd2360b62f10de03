/**
 * The rows of XenAPI's data model: a line of text in; the typed class, field or message out.
 *
 * A type is a small tree (`Type`); `default` is JSON in the form of the type: a ref is its text, a time `19700101T00:00:00Z`,
 * a map an object, undefined where the model has none.
 * Messages the model does not write out (get_record, get_<field>, add_to_<field>, ...) are derived, and say in `does` what they do.
 *
 * A field: name qualifier type life [default]. Qualifier: D read-only, S set only when made, W writable; `!` internal, never on the wire.
 * A message: name flags life result errors param:type[=default]... Flags: a has Async, h not in the published reference, o without session.
 * Life: `*` prototyped, `~` deprecated, `-` removed, then the release, `.` where there is nothing to say.
 * A class: name flags life. Flags: R get_record, get_by_uuid and getters; N get_by_name_label; A get_all, get_all_records and _where;
 * C create, destroy; E events; P kept over a restart. Types: `@VM` reference, `$VM` record, `#vm_operations` enumeration, `[x]` set,
 * `{a:b}` map, `x?` perhaps absent, `-` nothing.
 */
import { table } from '../generic/table.ts';

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

const SIMPLE = table<Type>(
  Object.fromEntries(
    (['string', 'int', 'float', 'bool', 'datetime'] as const).map((kind) => [kind, { kind } satisfies Type]),
  ),
);
const VOID: Type = { kind: 'void' };

export const badRow = (text: string): Error => new Error(`data model: bad row '${text}'`);

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
      if (simple === undefined) throw badRow(text);
      [type, end] = [simple, start + name.length];
    }
  }
  return text[end] === '?' ? [{ kind: 'option', of: type }, end + 1] : [type, end];
};

/** The notation of the rows. */
export const parseType = (text: string): Type => {
  const [type, end] = typeAt(text, 0);
  if (end !== text.length) throw badRow(text);
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
  if (!match) throw badRow(row);
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
  if (!match) throw badRow(word);
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

/** With the messages that its flags and fields imply. */
export const parseClass = (row: { line: string; fields: string[]; messages: string[] }): Class => {
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
