/** Records that no data model promises: whatever a host tells, objects are made of it or left out, and nothing throws. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { NativeObject } from '../../../../mappings/generic/native.ts';
import { readXml } from '../../../../mappings/wire/xml.ts';
import { hostSide } from '../../../../mappings/xenapi/host/host-side.ts';
import { KEPT, type KeptClass } from '../../../../mappings/xenapi/host/kept-fields.ts';
import type { Plain, PlainRecord } from '../../../../mappings/xenapi/host/plain.ts';
import { objectsOf } from '../../../../mappings/xenapi/host/reading/objects.ts';
import { createRefIndex } from '../../../../mappings/xenapi/host/ref-index.ts';

const CLASSES = Object.keys(KEPT) as KeptClass[];
const refOf = (n: number): string => `OpaqueRef:${n}`;
const ref = fc.integer({ min: 0, max: 5 }).map(refOf);
const text = fc.oneof(
  ref,
  fc.constantFrom('', '0', '3', '-1', 'NaN', 'Running', 'Halted', 'CD', 'Disk', 'true', 'OpaqueRef:NULL', '__proto__'),
  fc.string({ unit: 'binary', maxLength: 12 }),
);
const plain: fc.Arbitrary<Plain> = fc.oneof(
  text,
  fc.boolean(),
  fc.array(fc.oneof(ref, text), { maxLength: 4 }),
  fc.dictionary(text, text, { maxKeys: 3 }),
);
const recordOf = (cls: KeptClass): fc.Arbitrary<PlainRecord> =>
  fc.record(Object.fromEntries(KEPT[cls].map((field) => [field, plain])), {
    requiredKeys: [],
  }) as fc.Arbitrary<PlainRecord>;
const estate = fc
  .tuple(...CLASSES.map((cls) => fc.array(recordOf(cls), { maxLength: 4 })))
  .map(
    (tables) => new Map(CLASSES.map((cls, n) => [cls, new Map((tables[n] ?? []).map((one, at) => [refOf(at), one]))])),
  );

test('objects, scans and inputs of sheets are made of anything', () => {
  let made = 0;
  fc.assert(
    fc.property(estate, (tables) => {
      const objects = objectsOf({ of: (cls) => tables.get(cls) ?? new Map() });
      const all: (NativeObject | undefined)[] = [objects.host()];
      for (const kind of ['vm', 'volume', 'storage', 'network'] as const)
        all.push(...objects.refs(kind).map((one) => objects[kind](one)));
      for (const object of all) {
        if (!object) continue;
        made += 1;
        hostSide.scan(object);
        const read = readXml(hostSide.toGenericInput(object));
        expect(read.ok ? '' : read.fault.text).toBe('');
      }
    }),
    { numRuns: 300, seed: 11 },
  );
  expect(made).toBeGreaterThan(1000);
});

test('a snapshot of itself belongs to nobody', () => {
  const index = createRefIndex();
  const record = { uuid: 'u', is_a_snapshot: true, snapshot_of: 'OpaqueRef:s' };
  expect(index.hear([{ cls: 'VM', ref: 'OpaqueRef:s', operation: 'add', record }])).toEqual([]);
});

test('events of anything mark objects or nothing', () => {
  const event = fc.integer({ min: 0, max: CLASSES.length - 1 }).chain((n) => {
    const cls = CLASSES[n] as KeptClass;
    return fc.record({
      cls: fc.constant(cls),
      ref,
      operation: fc.constantFrom('add' as const, 'mod' as const, 'del' as const),
      record: fc.option(recordOf(cls), { nil: undefined }),
    });
  });
  fc.assert(
    fc.property(fc.array(fc.array(event, { maxLength: 6 }), { maxLength: 6 }), (batches) => {
      const index = createRefIndex();
      for (const batch of batches) {
        for (const { ref: one } of [...index.hear(batch), ...index.late()]) expect(typeof one.native).toBe('string');
        for (const { cls, ref: one, record } of batch) if (record) index.observe(cls, one, record);
      }
    }),
    { numRuns: 300, seed: 12 },
  );
});
