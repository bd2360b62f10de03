/** Disks that go to another volume, as plans: of a machine that is off by a copy and a new definition, of one that runs under its feet. */
import { afterEach, expect, test } from 'vitest';
import type { VmChange } from '../../../mappings/generic/commands.ts';
import type { NativeObject } from '../../../mappings/generic/native.ts';
import { type Estate, fixture, openEstate, POOL, shape, xmlOf } from './plan-estate.ts';

let estate: Estate;
afterEach(() => estate.dispose());

/** One machine, without the snapshots of the fixture, beside its storage. */
const opened = async (running: boolean): Promise<string> => {
  const { native, parts, facts } = fixture('domain-running-snapshot');
  const { domain = '' } = parts;
  const vm: NativeObject = {
    kind: 'vm',
    native,
    parts: running ? { domain, live: parts['live'] ?? domain } : { domain },
    facts: { ...facts, ...(running ? {} : { state: 5, id: -1 }), hasSnapshots: false, currentSnapshot: '' },
  };
  estate = await openEstate([...['host-qemu', 'storage-dir', 'volume-10-tib', 'network-bridge'].map(fixture), vm]);
  return native;
};
const moving = (native: string, more: VmChange = {}): VmChange => {
  const [disk] = estate.vm(native).disks;
  if (!disk) throw new Error('no disk');
  const moveTo = { storage: estate.id(POOL), volumeName: 'moved.qcow2' };
  return { ...more, disks: { change: [{ slot: disk.slot, to: {}, moveTo }] } };
};

test('off: a copy, the definition that names it, and the old volume goes', async () => {
  const native = await opened(false);
  const steps = await estate.steps('vm.change', estate.id(native), { change: moving(native, { description: 'd' }) });
  expect(shape(steps).filter((one) => !one.endsWith('SET_METADATA'))).toEqual([
    'compensatable STORAGE_VOL_CREATE_XML_FROM',
    'pivot DOMAIN_DEFINE_XML_FLAGS',
    'forward-only STORAGE_VOL_DELETE',
  ]);
  expect(steps[0]?.undo).toMatchObject({ procedure: 'STORAGE_VOL_DELETE', args: { vol: { name: 'moved.qcow2' } } });
  expect(xmlOf(steps)).toContain('/moved.qcow2');
});

test('running: the copy catches up before the machine goes over to it; until then all can be taken back', async () => {
  const native = await opened(true);
  const steps = await estate.steps('vm.change', estate.id(native), { change: moving(native) });
  expect(shape(steps)).toEqual([
    'compensatable STORAGE_VOL_CREATE_XML',
    'compensatable DOMAIN_BLOCK_COPY',
    'pivot DOMAIN_BLOCK_JOB_ABORT',
    'forward-only DOMAIN_DEFINE_XML_FLAGS',
    'forward-only STORAGE_VOL_DELETE',
  ]);
  const [, copy, goOver] = steps;
  expect(copy).toMatchObject({ probe: { probe: 'copy-ready' }, undo: { procedure: 'DOMAIN_BLOCK_JOB_ABORT' } });
  expect(copy?.awaits?.limitMs).toBeGreaterThan(120_000);
  expect(copy?.call.args['destxml']).toMatch(/<source file="[^"]*\/moved\.qcow2"\/>/);
  expect(goOver).toMatchObject({ call: { args: { flags: 2 } }, probe: { probe: 'device-is' } });
  expect(xmlOf(steps)).toContain('/moved.qcow2');
});

test('running: nothing else changes with it', async () => {
  const native = await opened(true);
  const change = moving(native, { memoryBytes: 2 ** 25 });
  expect(await estate.fault('vm.change', estate.id(native), { change })).toMatchObject({ kind: 'wrong-state' });
});
