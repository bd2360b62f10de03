/** What a change makes of a VM: only the named fields differ, and a device that is not there is a fault. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { VmChange } from '../../../mappings/generic/commands.ts';
import { parseDocument } from '../../../mappings/generic/documents.ts';
import { applyChange } from '../../../mappings/generic/vm-change.ts';

const vm = parseDocument(
  'vm',
  readFileSync(new URL('../../../fixtures/libvirt/documents/domain-many-unknown.generic.xml', import.meta.url), 'utf8'),
);

const applied = (change: VmChange) => {
  const outcome = applyChange(vm, change);
  if (!outcome.ok) throw new Error(outcome.fault.text);
  return outcome.value;
};
const faulty = (change: VmChange) => {
  const outcome = applyChange(vm, change);
  return outcome.ok ? undefined : { kind: outcome.fault.kind, members: outcome.fault.members };
};

describe('applyChange', () => {
  test('nothing named, nothing changed', () => expect(applied({})).toEqual(vm));

  test('memory takes its maximum along, room that was there stays', () => {
    expect(applied({ memoryBytes: 8 }).memoryMaxBytes).toBe(
      Math.max(8, vm.memoryMaxBytes === vm.memoryBytes ? 8 : vm.memoryMaxBytes),
    );
    expect(applied({ cpuCount: 3 })).toMatchObject({ cpuCount: 3, cpuMax: 4 });
    expect(applied({ cpuCount: 6 })).toMatchObject({ cpuCount: 6, cpuMax: 6 });
    expect(applied({ cpuHotAdd: false })).toMatchObject({ cpuCount: 2, cpuMax: 2 });
  });

  test('a running VM keeps its maxima: whether the change fits is the host’s to say', () => {
    const outcome = applyChange({ ...vm, powerState: 'running' }, { memoryBytes: 2 ** 40, cpuCount: 99 });
    expect(outcome.ok && outcome.value).toMatchObject({ memoryMaxBytes: vm.memoryMaxBytes, cpuMax: 4 });
  });

  test('attributes are merged, an empty value removes', () => {
    const { attributes } = applied({
      attributes: [
        { owner: 'vim25', key: 'guestinfo.note', value: '' },
        { owner: 'x', key: 'guestinfo.note', value: '1' },
      ],
    });
    expect(attributes).toEqual([{ owner: 'x', key: 'guestinfo.note', value: '1' }]);
  });

  test('a place can be given up and taken in one change', () => {
    const [first] = vm.disks;
    if (!first) throw new Error('the fixture has disks');
    const { device: _, ...fresh } = first;
    const after = applied({
      disks: {
        remove: [{ slot: first.slot, deleteVolume: false }],
        add: [{ ...fresh, medium: { storageName: '', path: '/n' } }],
      },
    });
    expect(after.disks).toHaveLength(2);
    expect(after.disks[1]?.medium.path).toBe('/n');
  });

  test('a medium goes in and out', () => {
    const slot = { bus: 'ide', controller: 0, unit: 0 } as const;
    expect(
      applied({ cdroms: { change: [{ slot, medium: { storageName: 's', volumeName: 'v' } }] } }).cdroms[0]?.medium
        ?.volumeName,
    ).toBe('v');
    expect(applied({ cdroms: { change: [{ slot }] } }).cdroms[0]).not.toHaveProperty('medium');
  });

  test('cards are found by their address, whatever its case, and counted anew', () => {
    const after = applied({
      nics: { remove: ['52:54:00:AB:CD:01'], change: [{ mac: '00:50:56:00:00:02', to: { connected: true } }] },
    });
    expect(after.nics).toMatchObject([{ ordinal: 0, mac: '00:50:56:00:00:02', connected: true }]);
  });

  test.each<[string, VmChange]>([
    [
      'a disk that is not there',
      { disks: { remove: [{ slot: { bus: 'scsi', controller: 2, unit: 0 }, deleteVolume: true }] } },
    ],
    ['a CD-ROM that is not there', { cdroms: { change: [{ slot: { bus: 'sata', controller: 0, unit: 0 } }] } }],
    ['a place that is taken', { cdroms: { add: [{ slot: { bus: 'scsi', controller: 0, unit: 3 } }] } }],
    ['a card that is not there', { nics: { remove: ['52:54:00:00:00:00'] } }],
    [
      'an address that is taken',
      {
        nics: {
          add: [
            {
              ordinal: 0,
              mac: '00:50:56:00:00:02',
              macGenerated: false,
              model: 'e1000',
              networkName: '',
              connected: true,
            },
          ],
        },
      },
    ],
  ])('%s is a fault', (_, change) => expect(faulty(change)).toMatchObject({ kind: 'invalid-device' }));
});
