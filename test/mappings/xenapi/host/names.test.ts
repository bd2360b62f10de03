/** Names of volumes, storages and networks: no two alike, and none that a copy took with it. */
import { expect, test } from 'vitest';
import type { KeptClass } from '../../../../mappings/xenapi/host/kept-fields.ts';
import { distinctNames } from '../../../../mappings/xenapi/host/names.ts';
import type { PlainRecord } from '../../../../mappings/xenapi/host/plain.ts';
import { objectsOf } from '../../../../mappings/xenapi/host/reading/objects.ts';
import { scan } from '../../../../mappings/xenapi/host/scan.ts';

const image = (uuid: string, more: PlainRecord = {}): PlainRecord => ({
  uuid,
  SR: 'OpaqueRef:sr',
  managed: true,
  ...more,
});
const made = (whose: string) => ({ 'transvisor.name': 'vm%2fvm.vmdk', 'transvisor.uuid': whose });

const namesOf = (images: readonly PlainRecord[], content = 'user'): string[] => {
  const tables = new Map<KeptClass, ReadonlyMap<string, PlainRecord>>([
    ['SR', new Map([['OpaqueRef:sr', { uuid: 'sr', name_label: 'Local', content_type: content }]])],
    ['VDI', new Map(images.map((one) => [`OpaqueRef:${String(one['uuid'])}`, one]))],
  ]);
  const namesakes = new Set(images.map((one) => String(one['uuid'])));
  const objects = objectsOf({ of: (cls) => tables.get(cls) ?? new Map(), namesakes });
  return objects.refs('volume').map((ref) => {
    const object = objects.volume(ref);
    return object ? scan(object).name : '';
  });
};

test('a volume is called as it was made; a copy that others made of it is not, a revert is', () => {
  const label = { name_label: 'vm/vm.vmdk' };
  const original = image('11111111-aaaa', { ...label, other_config: made('11111111-aaaa') });
  const copy = image('22222222-bbbb', { ...label, other_config: made('11111111-aaaa') });
  expect(namesOf([original, copy])).toEqual(['vm%2fvm.vmdk', 'vm_vm.vmdk-22222222']);
  // The image that it was copied from is gone.
  expect(namesOf([copy])).toEqual(['vm%2fvm.vmdk']);
  // Whose it is was never written.
  expect(namesOf([image('33333333-cccc', { other_config: { 'transvisor.name': 'x' } })])).toEqual(['x']);
});

test('a volume of others is called by its label and uuid, an ISO image by its file, one without a label by its uuid', () => {
  expect(namesOf([image('11111111-aaaa', { name_label: '0' }), image('22222222-bbbb', { name_label: '0' })])).toEqual([
    '0-11111111',
    '0-22222222',
  ]);
  expect(namesOf([image('11111111-aaaa', { name_label: 'debian.iso' })], 'iso')).toEqual(['debian.iso']);
  expect(namesOf([image('11111111-aaaa')])).toEqual(['11111111-aaaa']);
});

test('storages of one label are told apart', () => {
  const records = new Map<string, PlainRecord>([
    ['a', { uuid: '11111111-aaaa', name_label: 'Local storage' }],
    ['b', { uuid: '22222222-bbbb', name_label: 'Local storage' }],
    ['c', { uuid: '33333333-cccc', name_label: 'ISO' }],
    ['d', { uuid: '44444444-dddd', name_label: '' }],
  ]);
  expect([...distinctNames(records).values()]).toEqual([
    'Local storage (11111111)',
    'Local storage (22222222)',
    'ISO',
    '44444444-dddd',
  ]);
});
