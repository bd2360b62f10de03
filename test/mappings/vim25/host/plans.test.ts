/** Plans of a vim25 host: the API's methods in their order, what can be taken back, and what is refused before anything is sent. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DiskSpec } from '../../../../mappings/generic/commands.ts';
import type { Vm } from '../../../../mappings/generic/model.ts';
import type { NativeObject } from '../../../../mappings/generic/native.ts';
import type { Step } from '../../../../mappings/generic/plan.ts';
import { hostSide } from '../../../../mappings/vim25/host/host-side.ts';
import { sheets } from '../../../../mappings/vim25/render/render-side.ts';
import { parseNative } from '../../../golden-pairs.ts';
import { type Estate, HOST, openEstate } from '../../libvirt/plan-estate.ts';

const fixture = (name: string): NativeObject =>
  parseNative(
    readFileSync(new URL(`../../../../fixtures/vim25/documents/${name}.native.xml`, import.meta.url), 'utf8'),
  );

const natives = [
  'host-vcenter',
  'storage-local',
  'volume-disk-10tib',
  'volume-iso',
  'network-portgroup',
  'network-distributed',
  'vm-running-snapshots',
  'vm-template',
].map(fixture);
const nativeOf = (kind: NativeObject['kind'], at = 0): string =>
  natives.filter((one) => one.kind === kind)[at]?.native ?? '';
const STORE = nativeOf('storage');
const RUNNING = nativeOf('vm');
const TEMPLATE = nativeOf('vm', 1);
/** The template as a VM that is off. */
const STILL = 'vm-still';
const still: NativeObject = (() => {
  const { parts, facts } = fixture('vm-template');
  const vm = (parts['vm'] ?? '')
    .replace(`moid="${TEMPLATE}"`, `moid="${STILL}"`)
    .replace(/<template([^>]*)>true/, '<template$1>false')
    .replaceAll('a template', 'still')
    .replace(/(<uuid[^>]*>)[^<]*/, '$120b1c7c3-0000-4000-8000-000000000001');
  return { kind: 'vm', native: STILL, parts: { ...parts, vm }, facts };
})();

let estate: Estate;
beforeAll(async () => {
  estate = await openEstate([...natives, still], { hostSide, sheets });
});
afterAll(() => estate.dispose());

const shape = (steps: readonly Step[]): string[] => steps.map(({ kind, call }) => `${kind} ${call.procedure}`);
const argsOf = (steps: readonly Step[], procedure: string): Readonly<Record<string, unknown>> =>
  steps.find(({ call }) => call.procedure === procedure)?.call.args ?? {};
const specOf = (steps: readonly Step[], procedure = 'ReconfigVM_Task'): string => {
  const args = argsOf(steps, procedure);
  return ((args['spec'] ?? args['config']) as { _xml: string } | undefined)?._xml ?? '';
};

const newDisk = (more: Partial<DiskSpec> = {}): DiskSpec => ({
  slot: { bus: 'virtio', controller: 0, unit: 0 },
  medium: { storageName: 'LocalDS_0' },
  capacityBytes: 4 * 1024 ** 3,
  thin: true,
  readOnly: false,
  shareable: false,
  persistent: true,
  create: { storage: estate.id(STORE), volumeName: 'neu%2fneu.qcow2', capacityBytes: 4 * 1024 ** 3, thin: true },
  ...more,
});
const newVm = (more: Partial<Vm> = {}): Vm => ({
  ...estate.vm(STILL),
  name: 'neu',
  nativeName: '',
  uuid: '',
  disks: [],
  cdroms: [],
  snapshots: [],
  attributes: [{ owner: 'xenapi', key: 'other_config:a', value: '1' }],
  nics: [
    {
      ordinal: 0,
      mac: '02:00:00:00:00:01',
      macGenerated: false,
      model: 'virtio',
      networkName: 'DC0_DVPG0',
      connected: true,
    },
  ],
  ...more,
});

describe('a disk that is to move', () => {
  it.each([
    ['while the machine runs', RUNNING, 'wrong-state'],
    ['outside every datastore', STILL, 'invalid-device'],
  ])('stays %s', async (_, native, kind) => {
    const { slot } = estate.vm(native).disks[0] ?? newDisk();
    const change = {
      disks: { change: [{ slot, to: {}, moveTo: { storage: estate.id(STORE), volumeName: 'moved' } }] },
    };
    expect(await estate.fault('vm.change', estate.id(native), { change })).toMatchObject({ kind });
  });
});

describe('the host itself', () => {
  it('is none of several behind a vCenter', async () => {
    for (const verb of ['host.enterMaintenance', 'host.exitMaintenance', 'host.reboot', 'host.shutdown'] as const)
      expect(await estate.fault(verb, HOST, {})).toMatchObject({ kind: 'not-supported' });
  });
});

describe('vm.create', () => {
  it('makes directory and disk, which are taken back, then the VM, and finds out what the host calls it', async () => {
    const outcome = await estate.plan('vm.create', HOST, { vm: newVm(), disks: [newDisk()] });
    if (!outcome.ok) throw new Error(outcome.fault.text);
    const { steps, makes } = outcome.value;
    expect(shape(steps)).toEqual([
      'compensatable directory.ensure',
      'compensatable CreateVirtualDisk_Task',
      'pivot CreateVM_Task',
      'forward-only vm.find',
    ]);
    expect(makes).toEqual({ kind: 'vm', native: { $from: 'find.vm' } });
    expect(argsOf(steps, 'CreateVirtualDisk_Task')).toMatchObject({
      name: '[LocalDS_0] neu/neu.qcow2.vmdk',
      spec: { diskType: 'thin', capacityKb: 4 * 1024 ** 2 },
    });
    expect(steps[1]?.undo).toMatchObject({
      procedure: 'DeleteVirtualDisk_Task',
      args: { name: '[LocalDS_0] neu/neu.qcow2.vmdk' },
    });
    const spec = specOf(steps, 'CreateVM_Task');
    expect(spec).toContain('<vmPathName>[LocalDS_0] neu/neu.vmx</vmPathName>');
    expect(spec).toContain('<fileName>[LocalDS_0] neu/neu.qcow2.vmdk</fileName>');
    expect(spec).toContain('<portgroupKey>dvportgroup-12</portgroupKey>');
    expect(spec).toMatch(/ParaVirtualSCSIController[\s\S]*VirtualDisk[\s\S]*VirtualVmxnet3/);
    expect(spec).toMatch(/transvisor\.job<\/key><value xsi:type="xsd:string">job-77/);
    expect(spec).toMatch(/transvisor\.xenapi\.other_config%3Aa<\/key><value xsi:type="xsd:string">1/);
    expect(argsOf(steps, 'CreateVM_Task')).toMatchObject({
      _this: { type: 'Folder', value: 'group-2' },
      pool: { type: 'ResourcePool', value: 'resgroup-23' },
    });
  });

  it('asks for the same VM when it is planned again', async () => {
    const uuidOf = async (): Promise<string | undefined> =>
      /<uuid>([^<]*)/.exec(
        specOf(await estate.steps('vm.create', HOST, { vm: newVm(), disks: [] }), 'CreateVM_Task'),
      )?.[1];
    expect(await uuidOf()).toMatch(/^[0-9a-f-]{36}$/);
    expect(await uuidOf()).toBe(await uuidOf());
  });

  it('goes on with templates and with autostart where the host has a manager of it', async () => {
    const vm = newVm({ template: true });
    expect(shape(await estate.steps('vm.create', HOST, { vm, disks: [] })).at(-1)).toBe('forward-only MarkAsTemplate');
  });

  it.each([
    ['a name that is there', { name: 'still' }, 'duplicate-name'],
    ['a name of nothing', { name: ' ' }, 'invalid-name'],
    ['a UUID that is there', { uuid: '20b1c7c3-0000-4000-8000-000000000001' }, 'already-exists'],
  ])('refuses %s', async (_, more, kind) => {
    expect(await estate.fault('vm.create', HOST, { vm: newVm(more), disks: [] })).toMatchObject({ kind });
  });

  it('refuses networks and disks that are not there, or are there already', async () => {
    const nics = newVm().nics.map((nic) => ({ ...nic, networkName: 'nowhere' }));
    expect(await estate.fault('vm.create', HOST, { vm: newVm({ nics }), disks: [] })).toMatchObject({
      kind: 'invalid-device',
    });
    const create = { storage: estate.id(STORE), volumeName: 'DC0_H0_VM0%2fbig.vmdk', capacityBytes: 1, thin: true };
    expect(await estate.fault('vm.create', HOST, { vm: newVm(), disks: [newDisk({ create })] })).toMatchObject({
      kind: 'file-exists',
    });
    const { create: _, ...bare } = newDisk({ medium: { storageName: 'LocalDS_0', volumeName: 'none.vmdk' } });
    expect(await estate.fault('vm.create', HOST, { vm: newVm(), disks: [bare] })).toMatchObject({
      kind: 'file-not-found',
    });
  });

  it('refuses what this host has no place for', async () => {
    const asked = (vm: Partial<Vm>, disk: Partial<DiskSpec> = {}) =>
      estate.fault('vm.create', HOST, { vm: newVm(vm), disks: [newDisk(disk)] });
    expect(await asked({}, { readOnly: true })).toMatchObject({ kind: 'not-supported' });
    expect(await asked({ serialPorts: 1 })).toMatchObject({ kind: 'not-supported' });
  });
});

describe('vm.change', () => {
  const change = (native: string, wanted: Parameters<Estate['steps']>[2] extends never ? never : object) =>
    estate.steps('vm.change', estate.id(native), { change: wanted });

  it('is one ConfigSpec of what differs', async () => {
    const steps = await change(RUNNING, { memoryBytes: 64 * 1024 ** 2, description: 'd' });
    expect(shape(steps)).toEqual(['pivot ReconfigVM_Task']);
    expect(specOf(steps)).toBe('<annotation>d</annotation><memoryMB>64</memoryMB>');
    expect(steps[0]?.probe).toMatchObject({ probe: 'config-moved', args: { vm: RUNNING } });
  });

  it('makes disks before and deletes files after', async () => {
    const [, second] = estate.vm(RUNNING).disks;
    if (second === undefined) throw new Error('the fixture has two disks');
    const steps = await change(RUNNING, {
      disks: {
        add: [newDisk({ slot: { bus: 'scsi', controller: 0, unit: 4 } })],
        remove: [{ slot: second.slot, deleteVolume: true }],
      },
    });
    expect(shape(steps)).toEqual([
      'compensatable directory.ensure',
      'compensatable CreateVirtualDisk_Task',
      'pivot ReconfigVM_Task',
      'forward-only DeleteVirtualDisk_Task',
    ]);
    expect(argsOf(steps, 'DeleteVirtualDisk_Task')['name']).toBe('[LocalDS_0] DC0_H0_VM0/big.vmdk');
  });

  it('changes nothing where nothing differs, and says so with a step that is none', async () => {
    expect(shape(await change(RUNNING, { description: estate.vm(RUNNING).description }))).toEqual([
      'pivot CurrentTime',
    ]);
  });

  it('makes a template a VM before it is changed, in the pool of its datastore', async () => {
    const steps = await change(TEMPLATE, { template: false, cpuCount: 2 });
    expect(shape(steps)).toEqual(['forward-only MarkAsVirtualMachine', 'pivot ReconfigVM_Task']);
    expect(argsOf(steps, 'MarkAsVirtualMachine')).toMatchObject({ pool: { value: 'resgroup-23' } });
    expect(shape(await change(STILL, { template: true }))).toEqual(['pivot MarkAsTemplate']);
  });

  it('refuses a stale version, a place that is taken, and what this host does not change', async () => {
    const fault = (params: { change: object; atVersion?: number }) =>
      estate.fault('vm.change', estate.id(RUNNING), params);
    expect(await fault({ change: { cpuCount: 2 }, atVersion: 4 })).toMatchObject({ kind: 'concurrent-access' });
    expect(await fault({ change: { disks: { add: [newDisk()] } } })).toMatchObject({ kind: 'invalid-device' });
    expect(await fault({ change: { serialPorts: 3 } })).toMatchObject({ kind: 'not-supported' });
    const [first] = estate.vm(RUNNING).disks;
    const readOnly = { change: [{ slot: first?.slot, to: { readOnly: true } }] };
    expect(await fault({ change: { disks: readOnly } })).toMatchObject({ kind: 'not-supported' });
    expect(await fault({ change: { name: 'still' } })).toMatchObject({ kind: 'duplicate-name' });
  });
});

describe('vm.clone and vm.delete', () => {
  it('copy every disk beside its own, and no address', async () => {
    const params = { name: 'copy', uuid: '', change: {}, template: false };
    const steps = await estate.steps('vm.clone', estate.id(STILL), params);
    expect(shape(steps)).toEqual([
      'compensatable directory.ensure',
      'compensatable CopyVirtualDisk_Task',
      'pivot CreateVM_Task',
      'forward-only vm.find',
    ]);
    expect(argsOf(steps, 'CopyVirtualDisk_Task')).toMatchObject({
      sourceName: '[LocalDS_0] still/still.vmdk',
      destName: '[LocalDS_0] copy/copy.vmdk',
    });
    expect(specOf(steps, 'CreateVM_Task')).toContain('<addressType>generated</addressType>');
    expect(specOf(steps, 'CreateVM_Task')).not.toContain('macAddress');
    expect(await estate.fault('vm.clone', estate.id(RUNNING), params)).toMatchObject({ kind: 'wrong-state' });
  });

  it('destroy with the files, or unregister and clear away what is the VM’s alone', async () => {
    const steps = (deleteVolumes: boolean) => estate.steps('vm.delete', estate.id(STILL), { deleteVolumes });
    expect(shape(await steps(true))).toEqual(['pivot Destroy_Task']);
    const kept = await steps(false);
    expect(shape(kept)).toEqual(['pivot UnregisterVM', 'forward-only DeleteDatastoreFile_Task']);
    expect(await estate.fault('vm.delete', estate.id(RUNNING), { deleteVolumes: true })).toMatchObject({
      kind: 'wrong-state',
    });
  });
});

describe('snapshots', () => {
  const [first, second] = ['snapshot-119', 'snapshot-121'];
  it.each([
    ['snapshot.create', { name: 'n', description: '', memory: true, quiesce: false }, 'CreateSnapshot_Task'],
    ['snapshot.revert', { snapshot: first, start: false }, 'RevertToSnapshot_Task'],
    ['snapshot.delete', { snapshot: second, children: true }, 'RemoveSnapshot_Task'],
    ['snapshot.deleteAll', {}, 'RemoveAllSnapshots_Task'],
    ['snapshot.rename', { snapshot: second, name: 'x' }, 'RenameSnapshot'],
  ] as const)('%s', async (verb, params, method) => {
    const steps = await estate.steps(verb, estate.id(RUNNING), params as never);
    expect(shape(steps)).toEqual([`pivot ${method}`]);
  });
  it('that are not there are refused', async () => {
    const params = { snapshot: 'snapshot-1', children: false };
    expect(await estate.fault('snapshot.delete', estate.id(RUNNING), params)).toMatchObject({
      kind: 'object-not-found',
    });
  });
});

describe('volumes, storages, networks', () => {
  const BIG = 'DC0_H0_VM0%2fbig.vmdk';
  it('grow a disk with the VM that has it', async () => {
    const params = { storage: estate.id(STORE), name: BIG, capacityBytes: 11 * 1024 ** 4 };
    const steps = await estate.steps('volume.resize', estate.id(STORE), params);
    expect(shape(steps)).toEqual(['pivot ReconfigVM_Task']);
    expect(specOf(steps)).toContain('<capacityInBytes>12094627905536</capacityInBytes>');
    expect(await estate.fault('volume.resize', estate.id(STORE), { ...params, capacityBytes: 1 })).toMatchObject({
      kind: 'invalid-argument',
    });
  });
  it('delete no disk that is in use, and copy any', async () => {
    const at = { storage: estate.id(STORE), name: BIG };
    expect(await estate.fault('volume.delete', estate.id(STORE), at)).toMatchObject({ kind: 'file-locked' });
    const copy = await estate.steps('volume.copy', estate.id(STORE), { ...at, toStorage: at.storage, toName: 'b.raw' });
    expect(argsOf(copy, 'CopyVirtualDisk_Task')['destName']).toBe('[LocalDS_0] b.raw.vmdk');
  });
  it('take images by upload only', async () => {
    const params = { storage: estate.id(STORE), name: 'x.iso', capacityBytes: 0, format: 'iso', thin: true };
    expect(await estate.fault('volume.create', estate.id(STORE), params)).toMatchObject({ kind: 'not-supported' });
  });
  it('make a network of a switch and a port group, and no port group on a distributed switch', async () => {
    const steps = await estate.steps('network.create', HOST, { name: 'lan', bridge: '', uplinks: ['vmnic1'] });
    expect(shape(steps)).toEqual(['compensatable AddVirtualSwitch', 'pivot AddPortGroup', 'forward-only network.find']);
    const distributed = estate.id('DistributedVirtualPortgroup:dvportgroup-12');
    expect(await estate.fault('network.addPortgroup', distributed, { name: 'x', vlan: 1 })).toMatchObject({
      kind: 'not-supported',
    });
  });
});

describe('vm.setAutostart', () => {
  it('is refused where no manager of it is there', async () => {
    const set = (autostart: boolean) => estate.plan('vm.setAutostart', estate.id(STILL), { autostart });
    expect(await set(true)).toMatchObject({ ok: false, fault: { kind: 'not-supported' } });
    expect(await set(false)).toMatchObject({ ok: true });
  });
});

describe('power', () => {
  it('has no pause', async () => {
    expect(await estate.fault('vm.pause', estate.id(RUNNING), {})).toMatchObject({ kind: 'not-supported' });
    expect(await estate.fault('vm.resume', estate.id(STILL), {})).toMatchObject({ kind: 'wrong-state' });
  });
  it('of a guest is told, or waited for beside the queue until the guest is off', async () => {
    const told = await estate.steps('vm.shutdownGuest', estate.id(RUNNING), {});
    expect(told[0]).toMatchObject({ call: { procedure: 'ShutdownGuest' }, probe: { probe: 'always' } });
    const waited = await estate.plan('vm.shutdownGuest', estate.id(RUNNING), { awaitMs: 5000 });
    expect(waited).toMatchObject({
      value: {
        queue: `guest:${RUNNING}`,
        steps: [{ probe: { probe: 'power-is', args: { state: 'poweredOff' } }, awaits: { limitMs: 5000 } }],
      },
    });
  });
});
