/** The whole life of a machine, written through unmodified XenAPI clients as their users' programs do it, each step read back on the host. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import type { Transvisor } from './transvisor.ts';
import { newDisk, newDrive } from './xen-records.ts';
import {
  laneForEach,
  libvirtQemu,
  libvirtQemuApart,
  productOn,
  type Seen,
  simulated,
  XEN_LANES,
  type XenHostUnderTest,
  type XenLaneKind,
  xenApiLane,
} from './xenapi-lanes.ts';

vi.setConfig({ testTimeout: 150_000, hookTimeout: 120_000 });

const MIB = 1024 * 1024;
const NOTHING = 'OpaqueRef:NULL';
const LANES: Readonly<Record<string, XenLaneKind>> = {
  ...XEN_LANES,
  'xen-api over XML-RPC': { open: (at) => xenApiLane(at, 'xml-rpc'), numbers: Number },
};

const HOSTS = [
  ['the simulated host', [], simulated],
  ['libvirt with QEMU', LIBVIRT_CLIENTS, libvirtQemu],
  ['libvirt with QEMU, through agent and server apart', LIBVIRT_CLIENTS, libvirtQemuApart],
] as const;

for (const [hostName, needs, startHost] of HOSTS)
  describeWith([...needs, 'qemu-img', 'xen-api', 'xenapi-py'], `a machine on ${hostName}`, () => {
    let host: XenHostUnderTest;
    let product: Transvisor;
    beforeAll(async () => {
      host = await startHost();
      product = await productOn(host);
    });
    afterAll(async () => {
      await product?.stop();
      await host?.stop();
    });

    describe.each(Object.entries(LANES))('by %s', (laneName, kind) => {
      const lane = laneForEach(kind, () => product);
      const { numbers } = kind;

      const one = async (cls: string, pick: (record: Record<string, unknown>) => boolean): Promise<string> => {
        const all = (await lane.call(`${cls}.get_all_records`)) as Record<string, Record<string, unknown>>;
        const found = Object.entries(all).find(([, record]) => pick(record));
        if (!found) throw new Error(`no ${cls} of that kind`);
        return found[0];
      };

      test('is made from a template, changed, run, saved, reverted and taken away', async () => {
        const { call, task } = lane;
        const name = `life by ${laneName}`;
        const before = await host.left?.();
        const [template] = (await call('VM.get_by_name_label', 'Other install media')) as string[];
        const sr = await one('SR', ({ content_type }) => content_type === 'user');
        const network = await one('network', ({ name_label }) => name_label === 'VM Network');

        // As Ansible and XO make one: a copy of the template, stripped of its disks, provisioned, then sized.
        const vm = (await task('VM.clone', template, name)) as string;
        const uuid = String(await call('VM.get_uuid', vm));
        const seen = async (what: Partial<Seen>): Promise<void> => {
          if (host.seen) expect(await host.seen(uuid)).toMatchObject(what);
        };
        expect(await call('VM.get_is_a_template', vm)).toBe(true);
        expect(await lane.refusal('VM.start', vm, false, false)).toEqual(['VM_IS_TEMPLATE', vm, 'start']);
        await call('VM.set_name_description', vm, 'made by a test');
        await call('VM.remove_from_other_config', vm, 'disks');
        await task('VM.provision', vm);
        expect(await call('VM.get_is_a_template', vm)).toBe(false);
        await call('VM.set_VCPUs_max', vm, numbers(2));
        await call(
          'VM.set_memory_limits',
          vm,
          numbers(16 * MIB),
          numbers(64 * MIB),
          numbers(32 * MIB),
          numbers(32 * MIB),
        );
        await call('VM.set_VCPUs_at_startup', vm, numbers(1));
        await call('VM.add_to_xenstore_data', vm, 'vm-data/role', 'test');
        await seen({ state: 'shut off', name, memoryMiB: 32, memoryMaxMiB: 64, cpus: 1, cpuMax: 2, disks: [] });

        const makeDisk = async (label: string): Promise<string> =>
          String(
            await call(
              'VDI.create',
              newDisk(sr, numbers(MIB), { name_label: label, xenstore_data: {}, sm_config: {}, tags: [] }),
            ),
          );
        const drive = (vdi: string, userdevice: string, type: 'Disk' | 'CD') =>
          call(
            'VBD.create',
            newDrive(vm, vdi, {
              userdevice,
              bootable: userdevice === '0',
              mode: type === 'CD' ? 'RO' : 'RW',
              type,
              unpluggable: type === 'Disk',
              empty: vdi === NOTHING,
              other_config: { owner: 'test' },
            }),
          );
        const system = await makeDisk('system disk');
        await host.install?.(String(await call('VDI.get_location', system)));
        expect(((await call('VM.get_allowed_VBD_devices', vm)) as string[])[0]).toBe('0');
        const root = (await drive(system, '0', 'Disk')) as string;
        const cd = (await drive(NOTHING, '3', 'CD')) as string;
        const vif = (await call('VIF.create', {
          VM: vm,
          network,
          device: '0',
          MAC: '',
          MTU: numbers(1500),
          other_config: { k: 'v' },
          qos_algorithm_type: '',
          qos_algorithm_params: {},
        })) as string;
        const mac = String(await call('VIF.get_MAC', vif));
        await seen({ disks: ['vda', 'hdd'], macs: [mac] });
        expect(await call('VBD.get_other_config', root)).toEqual({ owner: 'test' });
        expect(await call('VBD.get_empty', cd)).toBe(true);

        await call('VM.start', vm, false, false);
        await seen({ state: 'running' });
        expect(await lane.refusal('VM.start', vm, false, false)).toEqual([
          'VM_BAD_POWER_STATE',
          vm,
          'halted',
          'running',
        ]);
        await task('VM.pause', vm);
        await seen({ state: 'paused' });
        await call('VM.unpause', vm);

        // Made while it runs, plugged later: it is the same VBD all along.
        const data = await makeDisk('data disk');
        const extra = (await drive(data, '1', 'Disk')) as string;
        expect(await call('VBD.get_currently_attached', extra)).toBe(false);
        expect(await call('VM.get_VBDs', vm)).toContain(extra);
        await seen({ disks: ['vda', 'hdd'] });
        await task('VBD.plug', extra);
        expect(await call('VBD.get_record', extra)).toMatchObject({
          currently_attached: true,
          VDI: data,
          VM: vm,
          userdevice: '1',
        });
        await seen({ disks: ['vda', 'vdb', 'hdd'] });
        expect(await lane.refusal('VDI.destroy', data)).toEqual(['VDI_IN_USE', data, 'destroy']);

        expect(
          await lane.refusal('VM.set_memory_limits', vm, numbers(0), numbers(64 * MIB), numbers(0), numbers(64 * MIB)),
        ).toEqual(['VM_BAD_POWER_STATE', vm, 'halted', 'running']);
        await task('VM.suspend', vm);
        await seen({ state: 'saved' });
        expect(await call('VM.get_power_state', vm)).toBe('Suspended');
        await task('VM.resume', vm, false, true);
        await seen({ state: 'running' });
        await task('VM.clean_shutdown', vm);
        await seen({ state: 'shut off' });
        expect(await call('VM.get_power_state', vm)).toBe('Halted');
        await call('VM.set_memory_dynamic_range', vm, numbers(16 * MIB), numbers(64 * MIB));
        await seen({ memoryMiB: 64 });

        const snapshot = (await task('VM.snapshot', vm, 'before')) as string;
        await seen({ snapshots: ['before'] });
        expect(await call('VM.get_snapshot_of', snapshot)).toBe(vm);
        const labels = [];
        for (const vbd of (await call('VM.get_VBDs', snapshot)) as string[])
          labels.push(await call('VDI.get_name_label', await call('VBD.get_VDI', vbd)));
        expect(labels).toEqual(['system disk', 'data disk']);
        await call('VM.set_is_a_template', snapshot, false);
        await call(
          'VM.set_memory_limits',
          vm,
          numbers(16 * MIB),
          numbers(48 * MIB),
          numbers(48 * MIB),
          numbers(48 * MIB),
        );
        await seen({ memoryMiB: 48, memoryMaxMiB: 48 });
        await call('VM.start', vm, false, false);
        await task('VM.revert', snapshot);
        await seen({ state: 'shut off', memoryMiB: 64, memoryMaxMiB: 64 });
        expect(await call('VM.get_power_state', vm)).toBe('Halted');
        await task('VM.destroy', snapshot);
        await seen({ snapshots: [] });

        await call('VM.set_name_label', vm, `${name} (2)`);
        await seen({ name: `${name} (2)` });
        await call('VBD.destroy', extra);
        await seen({ disks: ['vda', 'hdd'] });
        await call('VDI.resize', data, numbers(2 * MIB));
        expect(Number(await call('VDI.get_virtual_size', data))).toBe(2 * MIB);
        expect(await call('VDI.get_name_label', data)).toBe('data disk');

        await task('VM.destroy', vm);
        expect(await lane.refusal('VM.get_record', vm)).toEqual(['HANDLE_INVALID', 'VM', vm]);
        for (const vdi of [system, data]) await task('VDI.destroy', vdi);
        await lane.settled();
        expect(await host.left?.()).toEqual(before);
      });

      test('is stopped at once while its guest is still being asked', async () => {
        const { call, task } = lane;
        const [template] = (await call('VM.get_by_name_label', 'Other install media')) as string[];
        const vm = (await task('VM.clone', template, `deaf to ${laneName}`)) as string;
        await task('VM.provision', vm);
        await call('VM.set_memory_limits', vm, numbers(0), numbers(32 * MIB), numbers(32 * MIB), numbers(32 * MIB));
        await call('VM.start', vm, false, false);
        // Power that goes the short way otherwise.
        await call('VM.add_to_blocked_operations', vm, 'pause', 'not today');
        expect(await lane.refusal('VM.pause', vm)).toEqual(['OPERATION_BLOCKED', vm, 'not today']);
        await call('VM.remove_from_blocked_operations', vm, 'pause');
        await call('VM.pause', vm);
        await call('VM.unpause', vm);
        const asked = (await call('Async.VM.clean_shutdown', vm)) as string;
        const fromMs = Date.now();
        await call('VM.hard_shutdown', vm);
        expect(Date.now() - fromMs).toBeLessThan(8000);
        expect(await call('VM.get_power_state', vm)).toBe('Halted');
        await expect.poll(() => call('task.get_status', asked), { timeout: 20_000 }).not.toBe('pending');
        await call('task.destroy', asked);
        expect(await lane.refusal('task.get_status', asked)).toEqual(['HANDLE_INVALID', 'task', asked]);
        await task('VM.destroy', vm);
      });

      test('may be called as another is', async () => {
        const { call, task } = lane;
        const [template] = (await call('VM.get_by_name_label', 'Other install media')) as string[];
        const name = `twin by ${laneName}`;
        const twins = [
          await task('VM.clone', template, name),
          await call('VM.clone', template, `${name} (2)`),
        ] as string[];
        await call('VM.set_name_label', twins[1], name);
        expect((await call('VM.get_by_name_label', name)) as string[]).toHaveLength(2);
        // One of them is changed, and it is that one.
        await call('VM.set_name_description', twins[1], 'the second');
        expect(await call('VM.get_name_description', twins[0])).not.toBe('the second');
        for (const vm of twins) await call('VM.destroy', vm);
        expect(await call('VM.get_by_name_label', name)).toEqual([]);
      });
    });
  });
