/** What the simulated XenServer host does to machines, disks and storages, by the rules of the API. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isStruct } from '../../mappings/wire/rpc-value.ts';
import { disk, drive, openRig, type Rig } from './rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await openRig();
});
afterEach(() => rig.close());

const NOTHING = 'OpaqueRef:NULL';
const MIB = 1n << 20n;
const TEXT = expect.any(String) as unknown as string;

const defaultStorage = (): Promise<string> => rig.named('SR', 'Local storage');

/** Halted, without disk or card. */
const emptyVm = async (name: string): Promise<string> => {
  const vm = String(await rig.call('VM.clone', await rig.named('VM', 'Other install media'), name));
  await rig.call('VM.provision', vm);
  return vm;
};

describe('copies', () => {
  test('provision makes the disks the template asks for', async () => {
    const template = await rig.named('VM', 'Other install media');
    const vm = String(await rig.call('VM.clone', template, 'with disks'));
    expect(await rig.call('VM.get_is_a_template', vm)).toBe(true);
    const disks =
      '<provision><disk device="0" size="8388608" sr="" bootable="true" type="system"/><disk device="1" size="1" sr="" bootable="false" type="user"/></provision>';
    await rig.call('VM.add_to_other_config', vm, 'disks', disks);
    await rig.call('VM.provision', vm);
    expect(await rig.call('VM.get_is_a_template', vm)).toBe(false);
    const made = [];
    for (const vbd of await rig.refs('VM', vm, 'VBDs')) {
      const vdi = String(await rig.call('VBD.get_VDI', vbd));
      made.push([
        await rig.call('VBD.get_userdevice', vbd),
        await rig.call('VBD.get_bootable', vbd),
        await rig.call('VDI.get_virtual_size', vdi),
        await rig.call('VDI.get_type', vdi),
        await rig.call('VDI.get_SR', vdi),
      ]);
    }
    const sr = await defaultStorage();
    expect(made).toEqual([
      ['0', true, 8n * MIB, 'system', sr],
      ['1', false, MIB, 'user', sr],
    ]);
    const config = await rig.call('VM.get_other_config', vm);
    expect(isStruct(config) && config.has('disks')).toBe(false);
    expect(await rig.refusal('VM.provision', vm)).toEqual(['ONLY_PROVISION_TEMPLATE']);
  });

  test('a full copy goes to the storage that is named, and to no ISO library', async () => {
    const vm = await rig.named('VM', 'vm-1');
    const { host } = rig.sim.landmarks;
    const other = String(
      await rig.call('SR.create', host, new Map(), 0n, 'second', '', 'nfs', 'user', true, new Map()),
    );
    const copy = String(await rig.call('VM.copy', vm, 'elsewhere', other));
    const disks = [];
    for (const vbd of await rig.refs('VM', copy, 'VBDs')) {
      const vdi = String(await rig.call('VBD.get_VDI', vbd));
      if (vdi !== NOTHING) disks.push(await rig.call('VDI.get_SR', vdi));
    }
    expect(disks).toEqual([other]);
    const macs = await Promise.all(
      [vm, copy].map(async (owner) => rig.call('VIF.get_MAC', (await rig.refs('VM', owner, 'VIFs'))[0] ?? '')),
    );
    expect(macs[0]).not.toBe(macs[1]);
    expect(await rig.refusal('VM.copy', vm, 'x', await rig.named('SR', 'ISO library'))).toEqual([
      'OPERATION_NOT_ALLOWED',
      TEXT,
    ]);
  });

  test('snapshots are a chain, and one in the middle can go', async () => {
    const vm = await rig.named('VM', 'vm-1');
    const [first, second] = [
      String(await rig.call('VM.snapshot', vm, 'first')),
      String(await rig.call('VM.snapshot', vm, 'second')),
    ];
    expect(await rig.call('VM.get_parent', second)).toBe(first);
    expect(await rig.call('VM.get_parent', vm)).toBe(second);
    expect(await rig.refs('VM', first, 'children')).toEqual([second]);
    const mac = async (owner: string): Promise<unknown> =>
      rig.call('VIF.get_MAC', (await rig.refs('VM', owner, 'VIFs'))[0] ?? '');
    expect(await mac(first)).toBe(await mac(vm));
    expect(await rig.refusal('VM.start', first, false, false)).toEqual(['VM_IS_SNAPSHOT', first, 'start']);
    await rig.call('VM.destroy', first);
    expect(await rig.call('VM.get_parent', second)).toBe(NOTHING);
    expect(await rig.refs('VM', vm, 'snapshots')).toEqual([second]);
    const spared = String(
      await rig.call('VM.snapshot', vm, 'without disk', [
        await rig.call('VBD.get_VDI', (await rig.refs('VM', vm, 'VBDs'))[0] ?? ''),
      ]),
    );
    expect(await rig.refs('VM', spared, 'VBDs')).toHaveLength(1);
  });

  test('a VM becomes a template and back; the default template stays', async () => {
    const vm = await rig.named('VM', 'vm-1');
    await rig.call('VM.set_is_a_template', vm, true);
    expect(await rig.call('VM.get_metrics', vm)).toBe(NOTHING);
    expect(await rig.refusal('VM.start', vm, false, false)).toEqual(['VM_IS_TEMPLATE', vm, 'start']);
    await rig.call('VM.set_is_a_template', vm, false);
    await rig.call('VM.start', vm, false, false);
    expect(await rig.refusal('VM.set_is_a_template', vm, true)).toEqual([
      'VM_BAD_POWER_STATE',
      vm,
      'halted',
      'running',
    ]);
    const template = await rig.named('VM', 'Other install media');
    expect(await rig.refusal('VM.destroy', template)).toEqual(['VM_IS_TEMPLATE', template, 'destroy']);
  });
});

describe('a machine', () => {
  test('that does not fit starts nowhere, and it is said why', async () => {
    const vm = await rig.named('VM', 'vm-1');
    const much = 1n << 50n;
    await rig.call('VM.set_memory_limits', vm, 16n * MIB, much, much, much);
    expect(await rig.refusal('VM.start', vm, false, false)).toEqual(['NO_HOSTS_AVAILABLE']);
    const { host } = rig.sim.landmarks;
    expect(await rig.refusal('VM.assert_can_boot_here', vm, host)).toEqual(['HOST_NOT_ENOUGH_FREE_MEMORY', TEXT, TEXT]);
    expect(await rig.call('VM.get_possible_hosts', vm)).toEqual([]);
    await rig.call('VM.set_memory', vm, 64n * MIB);
    await rig.call('host.disable', host);
    expect(await rig.refusal('VM.start_on', vm, host, false, false)).toEqual(['HOST_DISABLED', host]);
    await rig.call('host.enable', host);
    await rig.call('VM.start', vm, false, false);
  });

  test('without a disk has no agent: it is not asked to end, nor given devices', async () => {
    const vm = await emptyVm('bare');
    await rig.call('VM.start', vm, false, false);
    expect(await rig.call('VM.get_guest_metrics', vm)).toBe(NOTHING);
    const allowed = (await rig.call('VM.get_allowed_operations', vm)) as string[];
    expect(allowed).toContain('hard_shutdown');
    for (const operation of ['clean_shutdown', 'clean_reboot', 'suspend', 'checkpoint'])
      expect(allowed).not.toContain(operation);
    expect(await rig.refusal('VM.clean_shutdown', vm)).toEqual(['VM_FAILED_SHUTDOWN_ACKNOWLEDGMENT', vm]);
    expect(await rig.refusal('VM.set_VCPUs_number_live', vm, 1n)).toEqual(['VM_LACKS_FEATURE', vm]);
    const vdi = String(await rig.call('VDI.create', disk(await defaultStorage(), MIB)));
    const vbd = String(await rig.call('VBD.create', drive(vm, vdi)));
    expect(await rig.refusal('VBD.plug', vbd)).toEqual(['VM_MISSING_PV_DRIVERS', vm]);
  });

  test('with an agent has an address as soon as it runs', async () => {
    const metrics = String(await rig.call('VM.get_guest_metrics', await rig.named('VM', 'vm-0')));
    const networks = await rig.call('VM_guest_metrics.get_networks', metrics);
    expect(isStruct(networks) && networks.get('0/ip')).toMatch(/^192\.0\.2\.\d+$/);
  });

  test('that controls the host is left alone', async () => {
    const vm = rig.sim.landmarks.dom0;
    const said = ['OPERATION_NOT_ALLOWED', 'This operation is not allowed on a control domain'];
    expect(await rig.refusal('VM.hard_shutdown', vm)).toEqual(said);
    expect(await rig.refusal('VM.snapshot', vm, 'x')).toEqual(said);
    expect(await rig.refusal('VM.destroy', vm)).toEqual(['VM_BAD_POWER_STATE', vm, 'halted, suspended', 'running']);
  });

  test('has processors and memory within their order', async () => {
    const vm = await rig.named('VM', 'vm-1');
    expect(await rig.refusal('VM.set_VCPUs_at_startup', vm, 2n)).toEqual(['INVALID_VALUE', TEXT, '2']);
    await rig.call('VM.set_VCPUs_max', vm, 4n);
    await rig.call('VM.set_VCPUs_at_startup', vm, 2n);
    expect(await rig.refusal('VM.set_VCPUs_max', vm, 1n)).toEqual(['INVALID_VALUE', TEXT, '1']);
    const limits = (...sizes: bigint[]): Promise<readonly string[] | undefined> =>
      rig.refusal('VM.set_memory_limits', vm, ...sizes.map((size) => size * MIB));
    expect(await limits(16n, 128n, 256n, 128n)).toEqual(['MEMORY_CONSTRAINT_VIOLATION_ORDER']);
    expect(await limits(16n, 256n, 128n, 256n)).toBeUndefined();
    await rig.call('VM.start', vm, false, false);
    expect(await limits(16n, 256n, 128n, 256n)).toEqual(['VM_BAD_POWER_STATE', vm, 'halted', 'running']);
    await rig.call('VM.set_memory_dynamic_range', vm, 64n * MIB, 128n * MIB);
    await rig.call('VM.set_VCPUs_number_live', vm, 3n);
    const metrics = String(await rig.call('VM.get_metrics', vm));
    expect(await rig.call('VM_metrics.get_VCPUs_number', metrics)).toBe(3n);
    expect(await rig.call('VM_metrics.get_memory_actual', metrics)).toBe(128n * MIB);
  });
});

describe('disks and storages', () => {
  test('one disk is written by one machine at a time', async () => {
    const sr = await defaultStorage();
    const vdi = String(await rig.call('VDI.create', disk(sr, MIB)));
    const [one, two] = [await emptyVm('one'), await emptyVm('two')];
    await rig.call('VBD.create', drive(one, vdi));
    await rig.call('VBD.create', drive(two, vdi));
    await rig.call('VM.start', one, false, false);
    expect(await rig.refusal('VM.start', two, false, false)).toEqual(['VDI_IN_USE', vdi]);
    expect(await rig.call('VM.get_power_state', two)).toBe('Halted');
    expect(await rig.refusal('VDI.destroy', vdi)).toEqual(['VDI_IN_USE', vdi, 'destroy']);
    expect(await rig.refusal('VDI.forget', vdi)).toEqual(['VDI_IN_USE', vdi, 'forget']);
    expect(await rig.call('VDI.get_allowed_operations', vdi)).toEqual(expect.arrayContaining(['snapshot', 'clone']));
    await rig.call('VM.hard_shutdown', one);
    await rig.call('VM.start', two, false, false);
    await rig.call('VM.hard_shutdown', two);
    await rig.call('VDI.destroy', vdi);
    // The drives go with the disk.
    expect(await rig.refs('VM', one, 'VBDs')).toEqual([]);
  });

  test('a disk grows, does not shrink, and must fit', async () => {
    const sr = await defaultStorage();
    const vdi = String(await rig.call('VDI.create', disk(sr, 4n * MIB)));
    await rig.call('VDI.resize', vdi, 8n * MIB);
    expect(await rig.call('VDI.get_virtual_size', vdi)).toBe(8n * MIB);
    expect((await rig.refusal('VDI.resize', vdi, MIB))?.[0]).toBe('SR_BACKEND_FAILURE_79');
    expect((await rig.refusal('VDI.create', disk(sr, 1n << 60n)))?.[0]).toBe('SR_BACKEND_FAILURE_44');
    expect(await rig.refusal('VDI.create', disk(await rig.named('SR', 'ISO library'), MIB))).toEqual([
      'SR_OPERATION_NOT_SUPPORTED',
      await rig.named('SR', 'ISO library'),
    ]);
    const readOnly = String(await rig.call('VDI.create', disk(sr, MIB, { read_only: true })));
    expect(await rig.refusal('VBD.create', drive(await emptyVm('reader'), readOnly))).toEqual([
      'VDI_READONLY',
      readOnly,
    ]);
  });

  test('a storage is put away when nothing uses it any more', async () => {
    const sr = await defaultStorage();
    const [pbd = ''] = await rig.refs('SR', sr, 'PBDs');
    expect((await rig.refusal('PBD.unplug', pbd))?.[0]).toBe('VDI_IN_USE');
    expect(await rig.refusal('SR.forget', sr)).toEqual(['SR_HAS_PBD', sr]);
    await rig.call('VM.hard_shutdown', await rig.named('VM', 'vm-0'));
    await rig.call('PBD.unplug', pbd);
    expect(await rig.refusal('VDI.create', disk(sr, MIB))).toEqual(['SR_NO_PBDS', sr]);
    expect(await rig.refusal('SR.destroy', sr)).toEqual(['SR_NOT_EMPTY']);
    await rig.call('SR.forget', sr);
    expect(await rig.refusal('SR.get_record', sr)).toEqual(['HANDLE_INVALID', 'SR', sr]);
    expect(await rig.refusal('PBD.get_record', pbd)).toEqual(['HANDLE_INVALID', 'PBD', pbd]);
  });

  test('a network goes when nothing is plugged into it', async () => {
    const network = await rig.named('network', 'Pool-wide network associated with eth0');
    expect((await rig.refusal('network.destroy', network))?.[0]).toBe('NETWORK_CONTAINS_VIF');
    await rig.call('VM.hard_shutdown', await rig.named('VM', 'vm-0'));
    expect((await rig.refusal('network.destroy', network))?.[0]).toBe('NETWORK_CONTAINS_PIF');
  });
});

describe('what takes time', () => {
  test('waits for its turn, then is judged by what is there', async () => {
    const slow = await openRig({ operationMs: 30, busyMs: 2000 });
    const vm = await slow.named('VM', 'vm-1');
    const both = await Promise.all([
      slow.refusal('VM.start', vm, false, false),
      slow.refusal('VM.start', vm, false, false),
    ]);
    expect(both).toEqual([undefined, ['VM_BAD_POWER_STATE', vm, 'halted', 'running']]);
    await slow.close();
  });

  test('can be cancelled while it runs, and nothing has happened', async () => {
    const slow = await openRig({ operationMs: 50 });
    const vm = await slow.named('VM', 'vm-1');
    const task = String(await slow.call('Async.VM.start', vm, false, false));
    await slow.call('task.cancel', task);
    await expect.poll(() => slow.call('task.get_status', task)).toBe('cancelled');
    expect(await slow.call('task.get_error_info', task)).toEqual(['TASK_CANCELLED', task]);
    expect(await slow.call('VM.get_power_state', vm)).toBe('Halted');
    const operations = await slow.call('VM.get_current_operations', vm);
    expect(isStruct(operations) && operations.size).toBe(0);
    expect((await slow.refusal('task.cancel', task))?.[0]).toBe('OPERATION_NOT_ALLOWED');
    await slow.close();
  });

  test('goes on when its task is destroyed, and the task goes at the end', async () => {
    const slow = await openRig({ operationMs: 50 });
    const vm = await slow.named('VM', 'vm-1');
    const task = String(await slow.call('Async.VM.start', vm, false, false));
    await slow.call('task.destroy', task);
    expect(await slow.call('task.get_status', task)).toBe('pending');
    await expect.poll(() => slow.refusal('task.get_status', task)).toEqual(['HANDLE_INVALID', 'task', task]);
    expect(await slow.call('VM.get_power_state', vm)).toBe('Running');
    await slow.close();
  });

  test('is forgotten as a task after its time', async () => {
    const short = await openRig({ taskKeptMs: 30 });
    const task = String(await short.call('Async.VM.start', await short.named('VM', 'vm-1'), false, false));
    await expect.poll(() => short.refusal('task.get_record', task)).toEqual(['HANDLE_INVALID', 'task', task]);
    await short.close();
  });
});
