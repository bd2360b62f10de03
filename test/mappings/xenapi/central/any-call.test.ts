/** Calls with any arguments of the right types: each is answered by a value or by an error of the API, none breaks, and none is told an internal error. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PowerState } from '../../../../mappings/generic/model.ts';
import { commands } from '../../../../mappings/xenapi/commands.ts';
import { enumValues, recordFields, resolveCall, type Type } from '../../../../mappings/xenapi/types.ts';
import {
  DOM0,
  GIB,
  HOST,
  ISO,
  NETWORK,
  NULL,
  POOL,
  ref,
  SNAPSHOT,
  SPARE,
  TEMPLATE,
  testHost,
  VOLUME,
  vbd,
  vif,
  WEB,
} from './host.ts';

const MAC = '52:54:00:00:00:01';
const REFS: Readonly<Record<string, readonly string[]>> = {
  VM: [ref('VM', WEB), ref('VM', SNAPSHOT), TEMPLATE, DOM0],
  VBD: [vbd(0), vbd(3), vbd(1), vbd(0, SNAPSHOT)],
  VIF: [vif(MAC), vif('02:00:00:00:00:07')],
  VDI: [ref('VDI', VOLUME), ref('VDI', SPARE), ref('VDI', ISO), ref('VDI', SNAPSHOT, 1), ref('VDI', WEB, 4)],
  SR: [ref('SR', POOL), ref('SR', HOST)],
  PBD: [ref('PBD', POOL)],
  network: [ref('network', NETWORK), ref('network', HOST)],
  host: [ref('host', HOST)],
  pool: [ref('pool', HOST)],
};

const keys = fc.constantFrom(
  'a',
  'disks',
  'cores-per-socket',
  'order',
  'firmware',
  'image-format',
  'start',
  '__proto__',
  '',
);
const texts = fc.oneof(
  fc.constantFrom(
    '',
    '0',
    '1',
    '7',
    'autodetect',
    'RW',
    'CD',
    'Disk',
    'nfs',
    'file',
    MAC,
    '/srv/x',
    'true',
    '\u0000',
    '<provision><disk/></provision>',
  ),
  fc.string({ maxLength: 20, unit: 'binary' }),
);

const argumentOf = (type: Type): fc.Arbitrary<unknown> => {
  switch (type.kind) {
    case 'bool':
      return fc.boolean();
    case 'int':
      return fc.oneof(fc.constantFrom(0, 1, 2, 512, GIB, 4 * GIB, -1, Number.MAX_SAFE_INTEGER), fc.maxSafeInteger());
    case 'float':
      return fc.double({ noNaN: true });
    case 'datetime':
      return fc.constantFrom(0, 1_700_000_000_000);
    case 'enum':
      return fc.constantFrom(...(enumValues(type.name) ?? ['']));
    case 'ref': {
      const known = REFS[type.class] ?? [];
      const wrong = fc.constantFrom(NULL, '', 'OpaqueRef:x', ref('VM', WEB), ref('task', HOST, 5));
      return known.length === 0
        ? wrong
        : fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...known) }, { weight: 1, arbitrary: wrong });
    }
    case 'set':
      return fc.array(argumentOf(type.of), { maxLength: 3 });
    case 'map':
      return fc.dictionary(
        type.key.kind === 'enum' ? (argumentOf(type.key) as fc.Arbitrary<string>) : keys,
        argumentOf(type.value),
        { maxKeys: 4 },
      );
    case 'record':
      return fc
        .record(Object.fromEntries(recordFields(type.class).map((field) => [field.name, argumentOf(field.type)])), {
          requiredKeys: [],
        })
        .map((record) => ({ ...record }));
    case 'option':
      return argumentOf(type.of);
    default:
      return texts;
  }
};

const methods = commands.flatMap(({ method, route, job }) =>
  (route === 'central' || route === 'direct') && job !== true ? [method] : [],
);

const calls = fc.constantFrom(...methods).chain((method) => {
  const message = resolveCall(method)?.message;
  if (!message) throw new Error(`no ${method}`);
  const args = Object.fromEntries(message.params.map(({ name, type }) => [name, argumentOf(type)]));
  const self = argumentOf({ kind: 'ref', class: message.class }) as fc.Arbitrary<string>;
  return fc.record({ method: fc.constant(method), self, args: fc.record(args), isAsync: fc.boolean() });
});

const states: readonly PowerState[] = ['stopped', 'running', 'paused', 'suspended'];

test('answers', () => {
  const codes = new Map<string, number>();
  fc.assert(
    fc.property(
      fc.array(calls, { minLength: 1, maxLength: 6 }),
      fc.constantFrom(...states),
      fc.boolean(),
      (sequence, powerState, template) => {
        const host = testHost();
        for (const [cls, refs] of Object.entries(REFS))
          for (const one of refs)
            for (const owner of [HOST, WEB, POOL, NETWORK, VOLUME, SPARE]) host.show(owner, cls, one, {});
        host.setWeb({ powerState, template: template && powerState === 'stopped' });
        for (const { method, self, args, isAsync } of sequence) {
          if (isAsync && resolveCall(method)?.message.async === true) {
            expect(host.value(`Async.${method}`, self, args)).toMatch(/^OpaqueRef:/);
            continue;
          }
          const answer = host.value(method, self, args);
          const message = resolveCall(method)?.message;
          const isError = Array.isArray(answer) && message?.result.kind !== 'set';
          const code = isError ? String(answer[0]) : 'a value';
          codes.set(code, (codes.get(code) ?? 0) + 1);
          if (isError) expect(code).toMatch(/^[A-Z][A-Z0-9_]+$/);
          expect([code, method, answer]).not.toContain('INTERNAL_ERROR');
        }
      },
    ),
    { numRuns: 400 },
  );
  // The arguments reach what is behind the first look-up.
  expect(codes.get('a value') ?? 0).toBeGreaterThan(150);
  expect(codes.size).toBeGreaterThan(12);
});
