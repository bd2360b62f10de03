/** Plans of vm.create and vm.change: the calls, their order and kinds, their probes, and what is refused before anything is sent. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DiskSpec } from '../../../mappings/generic/commands.ts';
import type { Vm } from '../../../mappings/generic/model.ts';
import {
  type Estate,
  HOST,
  newDisk,
  newVm,
  OFF,
  openFixtures,
  POOL,
  RUNNING,
  SAVED,
  STILL,
  shape,
  TIB,
  xmlOf,
} from './plan-estate.ts';

let estate: Estate;
beforeAll(async () => {
  estate = await openFixtures();
});
afterAll(() => estate.dispose());

describe('vm.create', () => {
  test('makes volumes that can be taken back, then defines; the job marks the definition', async () => {
    const outcome = await estate.plan('vm.create', HOST, {
      vm: newVm(estate),
      disks: [newDisk(estate, 4294967296), newDisk(estate, 10 * TIB, true, 1)],
    });
    if (!outcome.ok) throw new Error(outcome.fault.text);
    const { steps, makes, touches } = outcome.value;
    expect(shape(steps)).toEqual([
      'compensatable STORAGE_VOL_CREATE_XML',
      'compensatable STORAGE_VOL_CREATE_XML',
      'pivot DOMAIN_DEFINE_XML_FLAGS',
    ]);
    expect(steps[1]?.call.args['xml']).toContain(`<capacity unit="bytes">${10 * TIB}</capacity>`);
    expect(steps[0]?.undo).toEqual({
      procedure: 'STORAGE_VOL_DELETE',
      args: { vol: { pool: 'default', name: 'neu%2f0.vmdk' }, flags: 0 },
    });
    expect(steps[0]?.probe).toEqual({
      probe: 'volume-capacity',
      args: { pool: 'default', poolUuid: POOL, name: 'neu%2f0.vmdk', capacityBytes: 4294967296 },
    });
    const xml = xmlOf(steps);
    expect(xml).toContain('<source file="/srv/pool/neu%2f0.vmdk"/>');
    expect(xml).toContain('job>job-77</');
    expect(xml).toMatch(/<features><acpi\/><apic\/>/);
    expect(xml).toMatch(/<mac address="52:54:00:/);
    expect(makes?.kind).toBe('vm');
    expect(xml).toContain(`<uuid>${makes?.native}</uuid>`);
    expect(touches).toContainEqual({ kind: 'volume', native: `${POOL}/neu%2f0.vmdk` });
  });

  test('the same plan made twice makes the same machine', async () => {
    const [one, two] = [
      await estate.steps('vm.create', HOST, { vm: newVm(estate), disks: [] }),
      await estate.steps('vm.create', HOST, { vm: newVm(estate), disks: [] }),
    ];
    expect(one).toEqual(two);
  });

  test('the domain name is a slug that is free; the title keeps the display name', async () => {
    const xml = xmlOf(await estate.steps('vm.create', HOST, { vm: newVm(estate, { name: '../é <&>' }), disks: [] }));
    expect(xml).toContain('<name>_-é &lt;&amp;&gt;</name>');
    expect(xml).toContain('<title>../é &lt;&amp;&gt;</title>');
    // `bücher-1` is the domain name of a VM with another title.
    expect(
      xmlOf(await estate.steps('vm.create', HOST, { vm: newVm(estate, { name: 'bücher-1' }), disks: [] })),
    ).toContain('<name>bücher-1-2</name>');
  });

  test.each<[string, () => { vm: Vm; disks: DiskSpec[] }, object]>([
    [
      'a name that is taken',
      () => ({ vm: newVm(estate, { name: 'small' }), disks: [] }),
      { kind: 'duplicate-name', name: 'small' },
    ],
    ['an empty name', () => ({ vm: newVm(estate, { name: ' ' }), disks: [] }), { kind: 'invalid-name' }],
    ['a name of two lines', () => ({ vm: newVm(estate, { name: 'a\nb' }), disks: [] }), { kind: 'invalid-name' }],
    [
      '10,000 CPUs',
      () => ({ vm: newVm(estate, { cpuCount: 10_000, cpuMax: 10_000 }), disks: [] }),
      { kind: 'invalid-vm-config', property: 'cpuCount' },
    ],
    [
      'no memory',
      () => ({ vm: newVm(estate, { memoryBytes: 0 }), disks: [] }),
      { kind: 'invalid-vm-config', property: 'memoryBytes' },
    ],
    [
      'a disk of 1 PB',
      () => ({ vm: newVm(estate), disks: [newDisk(estate, 1024 * TIB)] }),
      { kind: 'invalid-device', index: 0, property: 'capacityBytes' },
    ],
    [
      'a thick disk larger than the storage',
      () => ({ vm: newVm(estate), disks: [newDisk(estate, TIB, false)] }),
      { kind: 'no-disk-space', storage: 'default' },
    ],
    [
      'thick disks that together are',
      () => ({
        vm: newVm(estate),
        disks: [newDisk(estate, 200 * 2 ** 30, false), newDisk(estate, 200 * 2 ** 30, false, 1)],
      }),
      { kind: 'no-disk-space' },
    ],
    [
      'a network that is not there',
      () => ({
        vm: newVm(estate, {
          nics: [{ ordinal: 0, mac: '', macGenerated: true, model: 'e1000', networkName: 'no', connected: true }],
        }),
        disks: [],
      }),
      { kind: 'invalid-device' },
    ],
    [
      'a UUID that is taken',
      () => ({ vm: newVm(estate, { uuid: RUNNING.toUpperCase() }), disks: [] }),
      { kind: 'already-exists' },
    ],
  ])('refuses %s', async (_, params, fault) =>
    expect(await estate.fault('vm.create', HOST, params())).toMatchObject(fault),
  );

  test('refuses a volume that is there', async () => {
    const spec = newDisk(estate, 4096);
    const disks = [
      { ...spec, create: { ...(spec.create as NonNullable<DiskSpec['create']>), volumeName: 'a%2fa.vmdk' } },
    ];
    expect(await estate.fault('vm.create', HOST, { vm: newVm(estate), disks })).toMatchObject({ kind: 'file-exists' });
  });
});

describe('vm.change', () => {
  test('a stopped VM gets one new definition', async () => {
    const steps = await estate.steps('vm.change', estate.id(OFF), {
      change: { memoryBytes: 2 ** 33, description: 'x', nics: { remove: ['00:50:56:00:00:02'] } },
    });
    expect(shape(steps)).toEqual(['pivot DOMAIN_DEFINE_XML_FLAGS']);
    expect(xmlOf(steps)).toContain('<currentMemory unit="KiB">8388608</currentMemory>');
    expect(steps[0]?.probe).toMatchObject({ probe: 'config-differs', args: { uuid: OFF } });
  });

  test.each([
    ['one whose snapshots lie in it', RUNNING, 'invalid-state'],
    ['one that another machine has as well', STILL, 'file-locked'],
    ['one outside every storage', OFF, 'invalid-device'],
  ])('a disk does not move away from under %s', async (_, native, kind) => {
    const [disk] = estate.vm(native).disks;
    if (!disk) throw new Error('no disk');
    const moveTo = { storage: estate.id(POOL), volumeName: 'moved.qcow2' };
    const change = { disks: { change: [{ slot: disk.slot, to: {}, moveTo }] } };
    expect(await estate.fault('vm.change', estate.id(native), { change })).toMatchObject({ kind });
  });

  test('words alone need no new definition, and take effect on a running VM at once', async () => {
    const steps = await estate.steps('vm.change', estate.id(RUNNING), {
      change: { name: 'neu', description: 'd', attributes: [{ owner: 'o', key: 'k', value: 'v' }] },
    });
    expect(shape(steps)).toEqual([
      'compensatable DOMAIN_SET_METADATA',
      'compensatable DOMAIN_SET_METADATA',
      'pivot DOMAIN_SET_METADATA',
    ]);
    expect(steps.map(({ call }) => call.args['flags'])).toEqual([3, 3, 3]);
    expect(steps[0]?.call.args).toMatchObject({ type: 1, metadata: 'neu' });
    expect(steps[0]?.undo?.args).toMatchObject({ type: 1, metadata: null });
  });

  test('a running VM is changed live first, then its definition', async () => {
    const change = {
      cdroms: { add: [] },
      memoryBytes: 2 ** 25,
      disks: { add: [newDisk(estate, 2 ** 20)] },
      nics: {
        remove: ['52:54:00:00:00:09'],
        add: [
          {
            ordinal: 1,
            mac: '52:54:00:00:00:77',
            macGenerated: true,
            model: 'e1000' as const,
            networkName: 'lan',
            connected: true,
          },
        ],
      },
    };
    const steps = await estate.steps('vm.change', estate.id(RUNNING), { change });
    expect(shape(steps)).toEqual([
      'compensatable STORAGE_VOL_CREATE_XML',
      'compensatable DOMAIN_ATTACH_DEVICE_FLAGS',
      'compensatable DOMAIN_ATTACH_DEVICE_FLAGS',
      'compensatable DOMAIN_DETACH_DEVICE_FLAGS',
      'compensatable DOMAIN_SET_MEMORY_FLAGS',
      'pivot DOMAIN_DEFINE_XML_FLAGS',
    ]);
    const [, disk, , gone] = steps;
    expect(disk?.call.args).toMatchObject({ flags: 1, xml: expect.stringContaining('/srv/pool/neu%2f0.vmdk') });
    expect(disk?.undo).toMatchObject({ procedure: 'DOMAIN_DETACH_DEVICE_FLAGS' });
    expect(gone?.awaits?.limitMs).toBeGreaterThan(0);
    expect(gone?.probe).toEqual({
      probe: 'device-absent',
      args: { uuid: RUNNING, element: 'interface', key: '52:54:00:00:00:09' },
    });
  });

  test.each<[string, string, object, object]>([
    [
      'memory above the maximum of a running VM',
      RUNNING,
      { memoryBytes: 2 ** 32 },
      { kind: 'invalid-vm-config', property: 'memoryBytes' },
    ],
    [
      'CPUs above the maximum of a running VM',
      RUNNING,
      { cpuCount: 4 },
      { kind: 'invalid-vm-config', property: 'cpuCount' },
    ],
    [
      'firmware of a running VM',
      RUNNING,
      { firmware: 'efi' },
      { kind: 'wrong-state', requested: 'stopped', existing: 'running' },
    ],
    ['hardware of a suspended VM', SAVED, { cpuCount: 1 }, { kind: 'wrong-state', existing: 'suspended' }],
    ['another UUID', OFF, { uuid: RUNNING }, { kind: 'not-supported' }],
    ['a name that is taken', OFF, { name: 'small' }, { kind: 'duplicate-name' }],
    ['10,000 CPUs', OFF, { cpuCount: 10_000 }, { kind: 'invalid-vm-config' }],
    [
      'a disk that shrinks',
      STILL,
      { disks: { change: [{ slot: { bus: 'virtio', controller: 0, unit: 0 }, to: { capacityBytes: 4096 } }] } },
      { kind: 'invalid-device', property: 'capacityBytes' },
    ],
  ])('refuses %s', async (_, native, change, fault) =>
    expect(await estate.fault('vm.change', estate.id(native), { change })).toMatchObject(fault),
  );

  test('refuses what was changed by someone else meanwhile', async () => {
    expect(await estate.fault('vm.change', estate.id(OFF), { change: {}, atVersion: 4 })).toMatchObject({
      kind: 'concurrent-access',
    });
    expect(
      shape(await estate.steps('vm.change', estate.id(OFF), { change: { description: 'n' }, atVersion: 5 })),
    ).toEqual(['pivot DOMAIN_SET_METADATA']);
  });

  test('grows the volume of a stopped VM, the block device of a running one', async () => {
    const change = {
      disks: {
        change: [{ slot: { bus: 'virtio' as const, controller: 0, unit: 0 }, to: { capacityBytes: 11 * TIB } }],
      },
    };
    expect(shape(await estate.steps('vm.change', estate.id(STILL), { change }))).toEqual(['pivot STORAGE_VOL_RESIZE']);
    const [running] = await estate.steps('vm.change', estate.id(RUNNING), { change });
    expect(running?.call).toEqual({
      procedure: 'DOMAIN_BLOCK_RESIZE',
      args: { dom: { uuid: RUNNING }, disk: 'vda', size: String(11 * TIB), flags: 1 },
    });
  });
});
