/** Plans for XenServer hosts, from the golden documents: which calls they are made of, in which order, and what is refused before any. */
import { describe, expect, test } from 'vitest';
import type { DiskSpec, VmChange } from '../../../../mappings/generic/commands.ts';
import type { Nic } from '../../../../mappings/generic/model.ts';
import { callsOf, goldenEstate, planOf } from './rig.ts';

const estate = goldenEstate();
/** The same VM as it is when it is off. */
const off = goldenEstate((_, text) =>
  text
    .replace('<power_state>Running</power_state>', '<power_state>Halted</power_state>')
    .replace('<powerState>running</powerState>', '<powerState>stopped</powerState>')
    .replaceAll('<currently_attached>true</currently_attached>', '<currently_attached>false</currently_attached>'),
);
const OURS = 'xen-vm-ours';
const change = (from: typeof estate, wanted: VmChange) => from.plan('vm.change', from.id(OURS), { change: wanted });

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

describe('a change', () => {
  test('that changes nothing asks nothing of the host', async () => {
    const { name, description, cpuCount, memoryBytes, bootOrder } = estate.vm(OURS);
    const plan = planOf(await change(estate, { name, description, cpuCount, memoryBytes, bootOrder, attributes: [] }));
    expect(plan.steps.map(({ call, kind }) => [call.procedure, kind])).toEqual([['nothing', 'pivot']]);
  });

  test('of words is the same running and off: a setter for each, with its undo', async () => {
    const wanted: VmChange = { name: 'other', description: 'd', autostart: true, osId: 'debian12' };
    for (const from of [estate, off]) {
      const planned = await change(from, wanted);
      expect(callsOf(planned)).toEqual([
        'VM.set_name_label other',
        'VM.set_name_description d',
        'pool.other_config.auto_poweron = true',
        'VM.other_config.auto_poweron = true',
        'VM.other_config.transvisor.os = debian12',
      ]);
      const { steps } = planOf(planned);
      expect(steps[0]?.undo?.args['value']).toBe('gold');
      expect(steps.map(({ kind }) => kind).slice(0, -1)).toEqual(Array(4).fill('compensatable'));
      expect(steps.at(-1)?.kind).toBe('pivot');
    }
  });

  test('of attributes goes to the API’s own fields or under our key', async () => {
    const planned = await change(estate, {
      attributes: [
        { owner: 'xenapi', key: 'other_config.XenCenter.CustomFields.owner', value: '' },
        // An empty value of the API's own, as the hub keeps it.
        { owner: 'xenapi', key: 'xenstore_data.empty', value: '\\' },
        { owner: 'xenapi', key: 'xenstore_data.vm-data/x', value: '2' },
        { owner: 'xenapi', key: 'tags.prod', value: '' },
        { owner: 'xenapi', key: 'tags.test', value: '1' },
        { owner: 'vim25', key: 'guestinfo.note', value: 'c' },
      ],
    });
    expect(callsOf(planned)).toEqual([
      'VM.other_config.XenCenter.CustomFields.owner = nothing',
      'VM.xenstore_data.empty = ',
      'VM.xenstore_data.vm-data/x = 2',
      'VM.remove_tags prod',
      'VM.add_tags test',
      'VM.other_config.transvisor.attribute.vim25.guestinfo.note = c',
    ]);
  });

  test('of sizes of a VM that is off sets its limits, and never more CPUs than at most', async () => {
    expect(callsOf(await change(off, { memoryBytes: 4 * GIB, cpuCount: 4 }))).toEqual([
      `VM.set_memory_limits ${16 * MIB} ${4 * GIB} ${4 * GIB} ${4 * GIB}`,
      'VM.set_VCPUs_max 4',
      'VM.set_VCPUs_at_startup 4',
    ]);
    expect(callsOf(await change(off, { cpuCount: 1 }))).toEqual(['VM.set_VCPUs_at_startup 1', 'VM.set_VCPUs_max 1']);
  });

  test('of sizes of a running VM stays within what it was started with', async () => {
    expect(callsOf(await change(estate, { memoryBytes: 64 * MIB }))).toEqual([
      `Async.VM.set_memory_dynamic_range ${64 * MIB} ${64 * MIB}`,
    ]);
    expect(await change(estate, { memoryBytes: GIB })).toMatchObject({ fault: { kind: 'invalid-vm-config' } });
    expect(await change(estate, { cpuCount: 3 })).toMatchObject({ fault: { kind: 'invalid-vm-config' } });
    expect(await change(estate, { cpuCount: 1 })).toMatchObject({ fault: { kind: 'wrong-state' } });
    expect(await change(estate, { coresPerSocket: 2 })).toMatchObject({ fault: { kind: 'wrong-state' } });
    expect(await change(estate, { cpuMax: 8 })).toMatchObject({ fault: { kind: 'wrong-state' } });
    expect(await change(estate, { memoryMaxBytes: GIB })).toMatchObject({ fault: { kind: 'wrong-state' } });
  });

  test('of firmware and boot order', async () => {
    expect(callsOf(await change(off, { firmware: 'bios', bootOrder: ['network', 'disk'], secureBoot: true }))).toEqual([
      'VM.platform.secureboot = true',
      'VM.HVM_boot_params.firmware = bios',
      'VM.platform.device-model = qemu-upstream-compat',
      'VM.HVM_boot_params.order = nc',
    ]);
  });

  test('to what another has, or to what this host cannot do, is refused', async () => {
    expect(await change(estate, { name: 'vm-0' })).toMatchObject({ fault: { kind: 'duplicate-name' } });
    // Where the API that asks lets names repeat, the host does as well.
    const repeated = await estate.plan('vm.change', estate.id(OURS), { change: { name: 'vm-0' }, nameMayRepeat: true });
    expect(callsOf(repeated)).toEqual(['VM.set_name_label vm-0']);
    expect(await change(estate, { name: ' ' })).toMatchObject({ fault: { kind: 'invalid-name' } });
    expect(await change(estate, { uuid: '00000000-0000-4000-8000-000000000001' })).toMatchObject({
      fault: { kind: 'not-supported' },
    });
    expect(await change(off, { serialPorts: 1 })).toMatchObject({ fault: { kind: 'not-supported' } });
    expect(await change(off, { cpuCount: 1000 })).toMatchObject({ fault: { kind: 'invalid-vm-config' } });
    const floppies = { add: [{ slot: { bus: 'fdc' as const, controller: 0, unit: 0 } }] };
    expect(await change(off, { floppies })).toMatchObject({ fault: { kind: 'invalid-device' } });
  });
});

const newDisk = (unit: number, more: Partial<DiskSpec> = {}): DiskSpec => ({
  slot: { bus: 'scsi', controller: 0, unit },
  medium: { storageName: 'Local storage' },
  capacityBytes: GIB,
  thin: true,
  readOnly: false,
  shareable: false,
  persistent: true,
  create: { storage: estate.id('xen-storage'), volumeName: 'gold%2fnew.vmdk', capacityBytes: GIB, thin: true },
  ...more,
});

describe('disks', () => {
  test('are made, then attached; plugged in where the VM runs', async () => {
    expect(callsOf(await change(off, { disks: { add: [newDisk(2)] } }))).toEqual(['Async.VDI.create', 'VBD.create']);
    const planned = await change(estate, { disks: { add: [newDisk(2)] } });
    expect(callsOf(planned)).toEqual(['Async.VDI.create', 'VBD.create', 'Async.VBD.plug']);
    const { steps, touches } = planOf(planned);
    expect(steps[0]?.call.args['args']).toMatchObject({
      name_label: 'gold/new.vmdk',
      virtual_size: GIB,
      other_config: { 'transvisor.job': 'job-7.1', 'transvisor.name': 'gold%2fnew.vmdk' },
    });
    // What the job made is found by its mark, whatever became of the answer.
    const made = { find: 'made', cls: 'VDI', label: 'gold/new.vmdk', mark: 'job-7.1' };
    expect(steps[0]?.undo).toEqual({ procedure: 'Async.VDI.destroy', args: { self: made } });
    expect(steps[1]?.call.args['args']).toMatchObject({ VDI: made, userdevice: '2', other_config: {} });
    expect(touches).toContainEqual({ kind: 'volume', native: { $from: `${steps[0]?.name}.uuid` } });
  });

  test('at a place of another bus keep it beside', async () => {
    const slot = { bus: 'sata', controller: 0, unit: 1 } as const;
    const { steps } = planOf(await change(off, { disks: { add: [newDisk(0, { slot })] } }));
    // 0, 1 and 3 are taken by others.
    expect(steps[1]?.call.args['args']).toMatchObject({
      userdevice: '2',
      other_config: { 'transvisor.slot': 'sata0:1' },
    });
  });

  test('go with their volume only if that is wanted, and when there is no way back', async () => {
    const slot = { bus: 'scsi', controller: 0, unit: 1 } as const;
    const kept = await change(estate, { disks: { remove: [{ slot, deleteVolume: false }] } });
    expect(callsOf(kept)).toEqual(['Async.VBD.unplug', 'VBD.destroy']);
    const gone = planOf(await change(estate, { disks: { remove: [{ slot, deleteVolume: true }] } }));
    expect(gone.steps.map(({ call, kind }) => [call.procedure, kind])).toEqual([
      ['Async.VBD.unplug', 'compensatable'],
      ['VBD.destroy', 'pivot'],
      ['destroy_if_there', 'forward-only'],
    ]);
    expect(gone.steps[1]?.undo).toMatchObject({ procedure: 'VBD.create', args: { args: { userdevice: '1' } } });
  });

  test('grow and do not shrink', async () => {
    const slot = { bus: 'scsi', controller: 0, unit: 1 } as const;
    const to = (capacityBytes: number): VmChange => ({ disks: { change: [{ slot, to: { capacityBytes } }] } });
    expect(callsOf(await change(off, to(20 * GIB)))).toEqual([`Async.VDI.resize ${20 * GIB}`]);
    expect(await change(off, to(GIB))).toMatchObject({ fault: { kind: 'invalid-device' } });
    expect(await change(off, to(3 * 1024 * GIB))).toMatchObject({ fault: { kind: 'invalid-device' } });
  });

  test('of no known volume, at no such place, or of a taken name are refused', async () => {
    const { create: _, ...unmade } = newDisk(2, { medium: { storageName: 'Local storage', volumeName: 'none' } });
    expect(await change(off, { disks: { add: [unmade] } })).toMatchObject({ fault: { kind: 'invalid-device' } });
    const slot = { bus: 'scsi', controller: 1, unit: 1 } as const;
    expect(await change(off, { disks: { remove: [{ slot, deleteVolume: false }] } })).toMatchObject({
      fault: { kind: 'invalid-device' },
    });
    const taken = newDisk(2, {
      create: { storage: estate.id('xen-storage'), volumeName: 'gold%2fdata.vmdk', capacityBytes: GIB, thin: true },
    });
    expect(await change(off, { disks: { add: [taken] } })).toMatchObject({ fault: { kind: 'file-exists' } });
  });

  test('CDs are exchanged at any time, their drives only while the VM is off', async () => {
    const slot = { bus: 'ide', controller: 0, unit: 0 } as const;
    const other = { bus: 'ide', controller: 1, unit: 0 } as const;
    const iso = { storageName: 'ISO library', volume: estate.id('xen-volume-iso') };
    // The same image is no change, none is an eject.
    expect(callsOf(await change(estate, { cdroms: { change: [{ slot, medium: iso }] } }))).toEqual(['nothing']);
    expect(callsOf(await change(estate, { cdroms: { change: [{ slot }] } }))).toEqual(['Async.VBD.eject']);
    expect(callsOf(await change(off, { cdroms: { add: [{ slot: other, medium: iso }] } }))).toEqual(['VBD.create']);
    expect(await change(estate, { cdroms: { add: [{ slot: other }] } })).toMatchObject({
      fault: { kind: 'wrong-state' },
    });
  });
});

describe('cards', () => {
  const MAC = estate.vm(OURS).nics[0]?.mac ?? '';
  const NETWORK = estate.vm(OURS).nics[0]?.networkName ?? '';
  const nic: Nic = {
    ordinal: 1,
    mac: '',
    macGenerated: true,
    model: 'virtio',
    networkName: NETWORK,
    connected: true,
  };

  test('come and go, plugged in where the VM runs', async () => {
    const planned = await change(estate, { nics: { add: [nic] } });
    expect(callsOf(planned)).toEqual(['VIF.create', 'Async.VIF.plug']);
    expect(planOf(planned).steps[0]?.call.args['args']).toMatchObject({ device: '1', MAC: '' });
    expect(callsOf(await change(off, { nics: { remove: [MAC.toUpperCase()] } }))).toEqual(['VIF.destroy']);
    expect(callsOf(await change(estate, { nics: { remove: [MAC] } }))).toEqual(['Async.VIF.unplug', 'VIF.destroy']);
  });

  test('change their link at any time, their address only while the VM is off', async () => {
    const to = (wanted: Partial<Nic>): VmChange => ({ nics: { change: [{ mac: MAC, to: wanted }] } });
    expect(callsOf(await change(estate, to({ connected: false })))).toEqual(['VIF.set_locking_mode disabled']);
    expect(callsOf(await change(estate, to({ model: 'virtio' })))).toEqual([
      'VIF.other_config.transvisor.model = nothing',
    ]);
    expect(callsOf(await change(off, to({ mac: '02:00:00:00:00:01' })))).toEqual(['VIF.destroy', 'VIF.create']);
    expect(await change(estate, to({ mac: '02:00:00:00:00:01' }))).toMatchObject({ fault: { kind: 'wrong-state' } });
    expect(await change(off, to({ networkName: 'none' }))).toMatchObject({ fault: { kind: 'invalid-device' } });
  });
});

describe('snapshots', () => {
  const [live, before] = estate.vm(OURS).snapshots.map(({ native }) => native);
  const at = (from: typeof estate) => from.id(OURS);

  test('are checkpoints where the memory is wanted and there is one', async () => {
    const params = { name: 's', description: 'beside', memory: true, quiesce: false };
    expect(callsOf(await estate.plan('snapshot.create', at(estate), params))).toEqual(['Async.VM.checkpoint']);
    // A copy has the words of the VM: others are set.
    const other = { ...params, description: 'mine', memory: false };
    expect(callsOf(await estate.plan('snapshot.create', at(estate), other))).toEqual([
      'Async.VM.snapshot',
      'VM.set_name_description mine',
    ]);
    expect(callsOf(await off.plan('snapshot.create', at(off), params))).toEqual(['Async.VM.snapshot']);
  });

  test('are reverted to as they were: with their memory running, else off', async () => {
    const revert = (snapshot: string | undefined, start?: boolean) =>
      estate.plan('snapshot.revert', at(estate), {
        snapshot: snapshot ?? '',
        ...(start === undefined ? {} : { start }),
      });
    const back = ['Async.VM.revert', 'stamp_images'];
    expect(callsOf(await revert(live))).toEqual([...back, 'Async.VM.resume false false']);
    expect(callsOf(await revert(live, false))).toEqual([...back, 'Async.VM.hard_shutdown']);
    expect(callsOf(await revert(before))).toEqual(back);
    expect(callsOf(await revert(before, true))).toEqual([...back, 'Async.VM.start false false']);
    expect(await revert('none')).toMatchObject({ fault: { kind: 'object-not-found' } });
  });

  test('go with their images, and with what stands on them only if that is wanted', async () => {
    const drop = async (snapshot: string | undefined, children: boolean) =>
      callsOf(await estate.plan('snapshot.delete', at(estate), { snapshot: snapshot ?? '', children }));
    const one = ['Async.VM.destroy', 'destroy_if_there', 'destroy_if_there'];
    expect(await drop(before, false)).toEqual(one);
    // With an image of the memory.
    expect(await drop(live, false)).toEqual([...one, 'destroy_if_there']);
    expect(await drop(before, true)).toEqual([...one, ...one, 'destroy_if_there']);
    const all = callsOf(await estate.plan('snapshot.deleteAll', at(estate), {}));
    expect(all.filter((one) => one === 'Async.VM.destroy')).toHaveLength(2);
    expect(await estate.plan('snapshot.deleteAll', estate.id('xen-vm-others'), {})).toMatchObject({
      fault: { kind: 'not-found' },
    });
  });

  test('are renamed by their setters', async () => {
    const params = { snapshot: before ?? '', name: 'first', description: '' };
    expect(callsOf(await estate.plan('snapshot.rename', at(estate), params))).toEqual([
      'VM.set_name_label first',
      'VM.set_name_description ',
    ]);
  });
});

describe('a VM', () => {
  test('is deleted when it is off, with its snapshots and, if wanted, its volumes', async () => {
    expect(await estate.plan('vm.delete', estate.id(OURS), { deleteVolumes: false })).toMatchObject({
      fault: { kind: 'wrong-state' },
    });
    const plan = planOf(await off.plan('vm.delete', off.id(OURS), { deleteVolumes: true }));
    expect(plan.steps[0]).toMatchObject({ kind: 'pivot', call: { procedure: 'Async.VM.destroy' } });
    expect(plan.steps.slice(1).every(({ kind }) => kind === 'forward-only')).toBe(true);
    // Two snapshots with two images each, one of them with its memory, and the two disks.
    expect(plan.steps.filter(({ call }) => call.procedure === 'destroy_if_there')).toHaveLength(7);
    const kept = planOf(await off.plan('vm.delete', off.id(OURS), { deleteVolumes: false }));
    expect(kept.steps.filter(({ call }) => call.procedure === 'destroy_if_there')).toHaveLength(5);
  });

  test('that has no lease is powered by a plan, from the states that a verb starts from', async () => {
    expect(callsOf(await off.plan('vm.start', off.id(OURS), {}))).toEqual(['Async.VM.start false false']);
    expect(callsOf(await estate.plan('vm.stop', estate.id(OURS), {}))).toEqual(['Async.VM.hard_shutdown']);
    expect(await estate.plan('vm.start', estate.id(OURS), {})).toMatchObject({
      fault: { kind: 'wrong-state', members: { requested: 'running', existing: 'running' } },
    });
    expect(await estate.plan('vm.start', estate.id('xen-vm-template'), {})).toMatchObject({
      fault: { kind: 'invalid-state' },
    });
  });

  test('is cloned by copies of its disks, each marked before its first byte, with addresses of its own', async () => {
    const params = { name: 'copy', uuid: '', change: {}, template: false };
    const plan = planOf(await off.plan('vm.clone', off.id(OURS), params));
    expect(plan.steps.map(({ call }) => call.procedure)).toEqual([
      ...['Async.VDI.create', 'Async.VDI.copy', 'Async.VDI.create', 'Async.VDI.copy'],
      ...['VM.create', 'VBD.create', 'VBD.create', 'VBD.create', 'VIF.create'],
    ]);
    const record = plan.steps[4]?.call.args['args'] as { other_config: Record<string, string> };
    expect(Object.keys(record.other_config)).not.toContain('mac_seed');
    expect(plan.steps.at(-1)?.call.args['args']).toMatchObject({ MAC: '' });
    expect(plan.makes).toEqual({ kind: 'vm', native: { $from: `${plan.steps[4]?.name}.uuid` } });
    expect(await estate.plan('vm.clone', estate.id(OURS), params)).toMatchObject({ fault: { kind: 'wrong-state' } });
  });
});

describe('a new VM', () => {
  const vm = { ...off.vm(OURS), name: 'new', disks: [], cdroms: [], snapshots: [] };
  const create = (uuid: string, anyUuid?: boolean) =>
    off.plan('vm.create', off.host, { vm: { ...vm, uuid }, disks: [], ...(anyUuid === undefined ? {} : { anyUuid }) });

  test('has the UUID that the host gives it: one that is asked for is refused', async () => {
    expect(callsOf(await create(''))).toEqual(['VM.create', 'VIF.create']);
    expect(callsOf(await create(vm.uuid, true))).toEqual(['VM.create', 'VIF.create']);
    expect(await create(vm.uuid)).toMatchObject({ fault: { kind: 'not-supported' } });
  });

  test('is there with the job’s mark from its first moment', async () => {
    const [step] = planOf(await create('')).steps;
    expect(step?.call.args['args']).toMatchObject({ other_config: { 'transvisor.job': 'job-7.vm' } });
    expect(step?.undo?.args['self']).toEqual({ find: 'made', cls: 'VM', label: 'new', mark: 'job-7.vm' });
  });
});

describe('storage and networks', () => {
  const storage = estate.id('xen-storage');
  test('volumes are made, copied, grown and deleted', async () => {
    const create = { storage, name: 'x', capacityBytes: GIB, format: '', thin: true };
    expect(callsOf(await estate.plan('volume.create', storage, create))).toEqual(['Async.VDI.create']);
    const name = 'gold%2fdata.vmdk';
    const copy = { storage, name, toStorage: storage, toName: 'y' };
    expect(callsOf(await estate.plan('volume.copy', storage, copy))).toEqual(['Async.VDI.create', 'Async.VDI.copy']);
    expect(planOf(await estate.plan('volume.delete', storage, { storage, name })).steps).toMatchObject([
      { kind: 'pivot', call: { procedure: 'Async.VDI.destroy' } },
    ]);
    expect(
      planOf(await estate.plan('volume.resize', storage, { storage, name, capacityBytes: 20 * GIB })).steps,
    ).toMatchObject([{ kind: 'pivot', call: { procedure: 'Async.VDI.resize' } }]);
    expect(await estate.plan('volume.delete', storage, { storage, name: 'none' })).toMatchObject({
      fault: { kind: 'file-not-found' },
    });
  });

  test('a storage in use is not let go; an NFS export is taken in', async () => {
    expect(await estate.plan('storage.delete', storage, {})).toMatchObject({ fault: { kind: 'busy' } });
    const nfs = { name: 'nfs', path: '', remoteHost: '192.0.2.5', remotePath: '/export' };
    const [step] = planOf(await estate.plan('storage.create', estate.host, nfs)).steps;
    expect(step?.call.args).toMatchObject({
      type: 'nfs',
      device_config: { server: '192.0.2.5', serverpath: '/export' },
      shared: true,
    });
  });

  test('a network is internal; what would need a port of the host is refused', async () => {
    const internal = { name: 'inside', bridge: '', uplinks: [] };
    expect(callsOf(await estate.plan('network.create', estate.host, internal))).toEqual(['network.create']);
    expect(await estate.plan('network.create', estate.host, { ...internal, uplinks: ['eth1'] })).toMatchObject({
      fault: { kind: 'not-supported' },
    });
    expect(await estate.plan('network.addPortgroup', estate.id('xen-network'), { name: 'x', vlan: 5 })).toMatchObject({
      fault: { kind: 'not-supported' },
    });
  });
});
