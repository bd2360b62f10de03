/** The data model as a table: its size and samples as the API's own model has them, and look-ups by hostile names. */
import { describe, expect, test } from 'vitest';
import {
  classNameOf,
  classNames,
  classOf,
  enumValues,
  formatType,
  messageOf,
  parseType,
  recordFields,
  relations,
  resolveCall,
  type Type,
  zero,
} from '../../../mappings/xenapi/types.ts';

const known = (name: string) => {
  const found = classOf(name);
  if (!found) throw new Error(name);
  return found;
};
const all = classNames.map(known);

describe('the model', () => {
  test('has as many classes, fields and messages as its source', () => {
    expect(classNames).toHaveLength(73);
    expect(all.flatMap(({ fields }) => fields)).toHaveLength(950);
    expect(all.flatMap(({ messages }) => messages)).toHaveLength(2258);
    expect(relations).toHaveLength(62);
  });
  test('names only classes and enumerations it has', () => {
    const named = (type: Type): boolean => {
      if (type.kind === 'ref' || type.kind === 'record') return classOf(type.class) !== undefined;
      if (type.kind === 'enum') return enumValues(type.name) !== undefined;
      if (type.kind === 'set' || type.kind === 'option') return named(type.of);
      return type.kind !== 'map' || (named(type.key) && named(type.value));
    };
    const types = all.flatMap(({ fields, messages }) => [
      ...fields.map(({ type }) => type),
      ...messages.flatMap(({ params, result }) => [result, ...params.map(({ type }) => type)]),
    ]);
    expect(types.filter((type) => !named(type)).map(formatType)).toEqual([]);
  });
  test('has every message once', () => {
    for (const { messages } of all) expect(new Set(messages.map(({ name }) => name)).size).toBe(messages.length);
  });
  test('both ends of a relation are fields that refer to each other', () => {
    const target = (type: Type | undefined): string | undefined =>
      type?.kind === 'ref' ? type.class : type?.kind === 'set' ? target(type.of) : undefined;
    for (const { from, to } of relations) {
      expect(target(classOf(from.class)?.field(from.field)?.type)).toBe(to.class);
      expect(target(classOf(to.class)?.field(to.field)?.type)).toBe(from.class);
    }
  });
});

describe('a field', () => {
  test('has type, qualifier, default and life', () => {
    expect(known('VM').field('power_state')).toEqual({
      name: 'power_state',
      type: { kind: 'enum', name: 'vm_power_state' },
      qualifier: 'StaticRO',
      internal: false,
      default: 'Halted',
      stage: 'published',
      since: 'rio',
    });
    expect(known('VM').field('platform')).toMatchObject({ qualifier: 'StaticRO' });
    expect(known('host').field('license_server')?.default).toEqual({ address: 'localhost', port: '27000' });
    expect(known('VM').field('groups')).toMatchObject({ stage: 'prototyped' });
  });
  test('that is a reference has none but the null reference as its default', () => {
    expect(known('VM').field('snapshot_of')?.default).toBe('OpaqueRef:NULL');
    const defaults = all.flatMap(({ fields }) => fields.filter(({ type }) => type.kind === 'ref'));
    expect(new Set(defaults.map((field) => field.default))).toEqual(new Set([undefined, 'OpaqueRef:NULL']));
  });
  test('that is internal is not in a record', () => {
    expect(known('VM').field('recommended_guidances')?.internal).toBe(true);
    expect(recordFields('VM')).toHaveLength(92);
    expect(recordFields('VM').map(({ name }) => name)).not.toContain('recommended_guidances');
    expect(messageOf('VM.get_recommended_guidances')).toBeUndefined();
  });
});

describe('a message', () => {
  test('written out in the model', () => {
    expect(messageOf('VM.snapshot')).toMatchObject({
      params: [{ name: 'vm' }, { name: 'new_name' }, { name: 'ignore_vdis', default: [] }],
      result: { kind: 'ref', class: 'VM' },
      async: true,
      session: true,
      hidden: false,
      does: undefined,
    });
    expect(messageOf('VM.snapshot')?.errors).toContain('VM_BAD_POWER_STATE');
    expect(messageOf('session.login_with_password')).toMatchObject({ session: false, async: false });
    expect(messageOf('VMPP.protect_now')).toMatchObject({ stage: 'removed' });
  });
  test('derived from fields and flags', () => {
    expect(messageOf('pool.add_to_other_config')).toMatchObject({
      does: { kind: 'add-to', field: { name: 'other_config' } },
      params: [{ name: 'self' }, { name: 'key' }, { name: 'value' }],
    });
    expect(messageOf('VM.add_tags')).toMatchObject({
      does: { kind: 'add' },
      params: [{}, { type: { kind: 'string' } }],
    });
    expect(messageOf('VBD.create')).toMatchObject({ does: { kind: 'create' }, async: true });
    expect(messageOf('VM.get_all_where')).toMatchObject({ hidden: true });
    expect(messageOf('session.get_all')).toBeUndefined();
    expect(messageOf('VM.set_power_state')).toBeUndefined();
  });
  test.each([
    ['VM.start', 'VM.start', false],
    ['VM_start', 'VM.start', false],
    ['Async.VM.start', 'VM.start', true],
    ['InternalAsync.VM.start', 'VM.start', true],
    ['VM_metrics_get_record', 'VM_metrics.get_record', false],
    ['host_cpu_get_all', 'host_cpu.get_all', false],
  ])('called %s', (name, wire, async) => {
    expect(resolveCall(name)).toMatchObject({ message: { wire }, async });
  });
  test.each([
    '',
    '.',
    'VM',
    'VM.',
    '.start',
    'VM.toString',
    'VM.__proto__',
    '__proto__.toString',
    'constructor.name',
    'vm.start',
    'Async.Async.VM.start',
    '_'.repeat(300_000),
  ])('not called by hostile names', (name) => {
    expect(resolveCall(name)).toBeUndefined();
  });
});

test.each(['toString', '__proto__', 'constructor', ''])('no class and no enumeration is called %s', (name) => {
  expect([classOf(name), classNameOf(name), enumValues(name), known('VM').field(name)]).toEqual(
    Array(4).fill(undefined),
  );
  expect(recordFields(name)).toEqual([]);
});

test('events name classes in lower case', () => {
  expect([classNameOf('vm'), classNameOf('VBD'), classNameOf('vm_guest_metrics')]).toEqual([
    'VM',
    'VBD',
    'VM_guest_metrics',
  ]);
});

test.each<[string, string, unknown]>([
  ['{@VIF:string}', '(VIF ref -> string) map', {}],
  ['{int:[string]}', '(int -> string set) map', {}],
  ['[#on_boot]', 'enum on_boot set', []],
  ['#on_boot', 'enum on_boot', 'reset'],
  ['$sr_stat?', 'sr_stat record option', null],
  ['@VM', 'VM ref', 'OpaqueRef:NULL'],
  ['-', 'void', ''],
  ['datetime', 'datetime', '19700101T00:00:00Z'],
])('the type %s', (text, people, value) => {
  expect(formatType(parseType(text))).toBe(people);
  expect(zero(parseType(text))).toEqual(value);
});
