/** A pool of one host through XenAPI clients: the host disabled and switched off, disks that move between its storages; each read back by the host's own client. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { govcOn, LIBVIRT_CLIENTS, startVcsim } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { startLibvirtd } from './libvirtd.ts';
import { startTransvisor, type Transvisor, type TransvisorOptions } from './transvisor.ts';
import { newDisk } from './xen-records.ts';
import { laneForEach, linesOf, machineWith, XEN_LANES } from './xenapi-lanes.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const MIB = 1024 * 1024;
const USER = 'pool';
const PASSWORD = 'secret of the host';

interface OneHost {
  readonly options: Pick<TransvisorOptions, 'host' | 'options'>;
  /** The storage it comes with. */
  readonly home: string;
  /** Of storages that the client makes. */
  readonly folder: (name: string) => string;
  /** Where the disks of the machine lie, as the host says it. */
  readonly disks: (uuid: string) => Promise<readonly string[]>;
  /** How a storage is told in them. */
  readonly inStorage: (name: string) => RegExp;
  readonly volumes: (storage: string) => Promise<readonly string[]>;
  /** undefined: the host has no such mode. */
  readonly maintenance?: () => Promise<boolean>;
  /** It moves disks of machines that run. */
  readonly movesLive: boolean;
  /** Its storages can be put out of use. */
  readonly unplugs: boolean;
  /** What host.reboot answers on it. */
  readonly reboot: readonly string[];
  readonly stop: () => Promise<void>;
}

const libvirtHost = async (): Promise<OneHost> => {
  const host = await startLibvirtd({ qemu: true });
  return {
    options: { host: host.uri },
    home: 'default',
    folder: (name) => join(host.root, name),
    disks: async (uuid) =>
      [...(await host.virsh('dumpxml', uuid)).matchAll(/<source file='([^']+)'/g)].map((found) => found[1] ?? ''),
    inStorage: (name) => new RegExp(name === 'default' ? `^${host.poolFolder}/` : `/${name}/`),
    volumes: async (storage) =>
      linesOf(await host.virsh('vol-list', storage)).map((line) => line.split(/\s+/)[0] ?? ''),
    movesLive: true,
    unplugs: true,
    reboot: ['NOT_IMPLEMENTED', 'host.reboot'],
    stop: () => host.stop(),
  };
};

const vcsimHost = async (): Promise<OneHost> => {
  const vcsim = await startVcsim(['-esx', '-tls=false', '-vm', '0', '-username', USER, '-password', PASSWORD]);
  const root = mkdtempSync(join(tmpdir(), 'tvo-'));
  const passwordFile = join(root, 'password');
  writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
  const govc = govcOn({ url: vcsim.url, user: USER, password: PASSWORD });
  const json = async <T>(...args: readonly string[]): Promise<T> => JSON.parse(await govc(...args)) as T;
  type Device = { backing?: { fileName?: string }; capacityInKB?: number };
  return {
    options: {
      host: `esx+http://${new URL(vcsim.url).host}/`,
      options: ['--host-user', USER, '--host-password-file', passwordFile],
    },
    home: 'LocalDS_0',
    folder: (name) => join(root, name),
    disks: async (uuid) => {
      const {
        virtualMachines: [vm],
      } = await json<{ virtualMachines: { config: { hardware: { device: Device[] } } }[] }>(
        'vm.info',
        '-json',
        `-vm.uuid=${uuid}`,
      );
      return (vm?.config.hardware.device ?? []).flatMap(({ backing, capacityInKB }) =>
        capacityInKB === undefined || backing?.fileName === undefined ? [] : [backing.fileName],
      );
    },
    inStorage: (name) => new RegExp(`^\\[${name}\\]`),
    volumes: async (storage) =>
      linesOf(await govc('datastore.ls', '-R', '-ds', storage)).filter((line) => /\.vmdk$/.test(line)),
    maintenance: async () => {
      const {
        hostSystems: [host],
      } = await json<{ hostSystems: { runtime: { inMaintenanceMode: boolean } }[] }>('host.info', '-json');
      return host?.runtime.inMaintenanceMode === true;
    },
    movesLive: false,
    unplugs: false,
    reboot: ['NOT_IMPLEMENTED', 'host.reboot'],
    stop: async () => {
      await vcsim.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
};

for (const [hostName, needs, start] of [
  ['libvirt with QEMU', LIBVIRT_CLIENTS, libvirtHost],
  ['an ESXi host', ['vcsim', 'govc'], vcsimHost],
] as const)
  describeWith([...needs, 'xen-api', 'xenapi-py'], `a pool of one host, ${hostName}`, () => {
    let one: OneHost;
    let product: Transvisor;
    beforeAll(async () => {
      one = await start();
      product = await startTransvisor({ ...one.options, fronts: ['xenapi'] });
    });
    afterAll(async () => {
      await product?.stop();
      await one?.stop();
    });

    describe.each(Object.entries(XEN_LANES))('by %s', (laneName, kind) => {
      const lane = laneForEach(kind, () => product);
      const { call } = lane;
      const { numbers } = kind;
      const tag = laneName.replace(/\W/g, '');
      const theHost = async (): Promise<string> => String(((await call('host.get_all')) as string[])[0]);
      const home = async (): Promise<string> => String(((await call('SR.get_by_name_label', one.home)) as string[])[0]);
      /** A machine that is off, with one disk. */
      const machine = async (name: string): Promise<{ vm: string; vdi: string; vbd: string; uuid: string }> => {
        const vdi = String(
          await call(
            'VDI.create',
            newDisk(await home(), numbers(4 * MIB), {
              name_label: `disk of ${name}`,
              name_description: 'it moves',
              other_config: { mine: 'kept' },
            }),
          ),
        );
        const made = await machineWith(lane, name, vdi);
        const size = numbers(32 * MIB);
        await call('VM.set_memory_limits', made.vm, size, size, size, size);
        return { vdi, ...made };
      };
      const away = async (vm: string): Promise<void> => {
        for (const vbd of (await call('VM.get_VBDs', vm)) as string[])
          await call('VDI.destroy', await call('VBD.get_VDI', vbd));
        await call('VM.destroy', vm);
      };

      test('what is disabled starts nothing, is left, and starts again when it is enabled', async () => {
        const host = await theHost();
        const { vm } = await machine(`kept ${tag}`);
        expect(await lane.refusal('host.reboot', host)).toEqual(['HOST_NOT_DISABLED']);
        await lane.task('host.disable', host);
        expect(await call('host.get_enabled', host)).toBe(false);
        if (one.maintenance) expect(await one.maintenance()).toBe(true);
        expect(await lane.refusal('VM.start', vm, false, false)).toEqual(['NO_HOSTS_AVAILABLE']);
        expect(await lane.refusal('VM.assert_can_boot_here', vm, host)).toEqual(['HOST_DISABLED', host]);
        expect(await call('VM.get_possible_hosts', vm)).toEqual([]);
        await lane.task('host.evacuate', host);
        const allowed = (await call('host.get_allowed_operations', host)) as string[];
        expect(allowed.includes('reboot')).toBe(one.maintenance !== undefined);
        await lane.task('host.enable', host);
        expect(await call('host.get_enabled', host)).toBe(true);
        if (one.maintenance) expect(await one.maintenance()).toBe(false);

        await call('VM.start', vm, false, false);
        expect(await lane.refusal('host.evacuate', host)).toEqual(['NO_HOSTS_AVAILABLE', vm]);
        expect(await call('host.get_vms_which_prevent_evacuation', host)).toEqual({ [vm]: ['NO_HOSTS_AVAILABLE', vm] });
        expect(await call('VM.get_allowed_operations', vm)).toContain('pool_migrate');
        await lane.task('VM.pool_migrate', vm, host, { live: 'true' });
        expect(await call('VM.get_resident_on', vm)).toBe(host);
        await call('host.disable', host);
        expect(await lane.refusal('host.shutdown', host)).toEqual(['HOST_IN_USE', host, 'vm', vm]);
        await call('VM.hard_reboot', vm);
        await call('VM.hard_shutdown', vm);
        expect(await lane.refusal('host.reboot', host)).toEqual(one.reboot);
        await call('host.enable', host);
        await away(vm);
      });

      test('disks move to another storage of the host and back, with what is known of them', async () => {
        const host = await theHost();
        const storage = `fast${tag}`;
        mkdirSync(one.folder(storage));
        const config = { location: one.folder(storage) };
        const sr = String(await call('SR.create', host, config, '0', storage, '', 'file', 'user', false, {}));
        const { vm, vdi, vbd, uuid } = await machine(`mover ${tag}`);
        const before = await one.volumes(one.home);
        const moves = async (): Promise<boolean> =>
          ((await call('VM.get_allowed_operations', vm)) as string[]).includes('migrate_send');
        expect(await moves()).toBe(true);
        const taken = await lane.task('VM.snapshot', vm, 'in the disks');
        expect(await moves()).toBe(false);
        expect((await lane.refusal('VDI.pool_migrate', vdi, sr, {}))[0]).toBe('OPERATION_NOT_ALLOWED');
        await lane.task('VM.destroy', taken);
        expect(await moves()).toBe(true);
        expect(await lane.refusal('VDI.pool_migrate', vdi, 'OpaqueRef:0', {})).toEqual([
          'HANDLE_INVALID',
          'SR',
          'OpaqueRef:0',
        ]);

        const moved = String(await lane.task('VDI.pool_migrate', vdi, sr, {}));
        expect(await one.disks(uuid)).toEqual([expect.stringMatching(one.inStorage(storage))]);
        expect((await one.volumes(one.home)).length).toBeLessThan(before.length);
        expect(await call('VBD.get_VDI', vbd)).toBe(moved);
        expect(await call('VDI.get_record', moved)).toMatchObject({
          name_label: `disk of mover ${tag}`,
          name_description: 'it moves',
          other_config: { mine: 'kept' },
          SR: sr,
        });

        const [pif] = (await call('host.get_PIFs', host)) as string[];
        const dest = await call('host.migrate_receive', host, await call('PIF.get_network', pif), {});
        expect(await lane.refusal('VM.assert_can_migrate', vm, dest, true, {}, {}, {})).toEqual([
          'VDI_NOT_IN_MAP',
          moved,
        ]);
        await call('VM.assert_can_migrate', vm, dest, true, { [moved]: await home() }, {}, {});
        expect(await lane.task('VM.migrate_send', vm, dest, true, { [moved]: await home() }, {}, {})).toBe(vm);
        expect(await one.disks(uuid)).toEqual([expect.stringMatching(one.inStorage(one.home))]);
        expect(await one.volumes(storage)).toEqual([]);
        await call('VM.start', vm, false, false);
        const now = String(await call('VBD.get_VDI', vbd));
        const allowed = (await call('VM.get_allowed_operations', vm)) as string[];
        expect(allowed.includes('migrate_send')).toBe(one.movesLive);
        if (one.movesLive) {
          // The machine goes on while its disk is copied, and writes to the copy from then on: also when it starts anew.
          const there = String(await lane.task('VDI.pool_migrate', now, sr, {}));
          expect(await call('VM.get_power_state', vm)).toBe('Running');
          expect(await one.disks(uuid)).toEqual([expect.stringMatching(one.inStorage(storage))]);
          expect(await call('VDI.get_name_label', there)).toBe(`disk of mover ${tag}`);
          expect((await one.volumes(one.home)).length).toBeLessThan(before.length);
          await call('VM.hard_shutdown', vm);
          expect(await one.disks(uuid)).toEqual([expect.stringMatching(one.inStorage(storage))]);
          await call('VM.start', vm, false, false);
        } else
          expect(await lane.refusal('VDI.pool_migrate', now, sr, {})).toEqual([
            'VM_BAD_POWER_STATE',
            vm,
            'halted',
            'running',
          ]);
        await call('VM.hard_shutdown', vm);
        await away(vm);
      });

      test('a script from before event.from hears what changes', async () => {
        const { vm } = await machine(`heard ${tag}`);
        await call('event.register', ['VM']);
        await call('VM.set_name_description', vm, 'changed');
        const heard = (await call('event.next')) as Record<string, unknown>[];
        expect(heard).toContainEqual(expect.objectContaining({ class: 'vm', operation: 'mod', ref: vm }));
        await call('event.unregister', ['VM']);
        const [code, session] = await lane.refusal('event.next');
        expect([code, session]).toEqual(['SESSION_NOT_REGISTERED', expect.stringMatching(/^OpaqueRef:(?!NULL)/)]);
        await away(vm);
      });

      test('a disk is kept as it was, a storage is found, put away and put back', async () => {
        const host = await theHost();
        const { vm, vdi } = await machine(`as it was ${tag}`);
        const before = await one.volumes(one.home);
        const taken = String(await lane.task('VDI.snapshot', vdi, {}));
        // A disk of vSphere is two files.
        expect((await one.volumes(one.home)).length).toBeGreaterThan(before.length);
        expect(await call('VDI.get_record', taken)).toMatchObject({ is_a_snapshot: true, snapshot_of: vdi });
        expect(await call('VDI.get_snapshots', vdi)).toEqual([taken]);
        await call('VDI.destroy', vdi);
        expect(await call('VDI.get_snapshot_of', taken)).toBe('OpaqueRef:NULL');
        await call('VDI.destroy', taken);
        await call('VM.destroy', vm);

        const location = one.folder(`away${tag}`);
        mkdirSync(location);
        const probe = async (): Promise<string> => String(await call('SR.probe', host, { location }, 'file', {}));
        expect(await probe()).not.toContain('<SR>');
        const sr = String(
          await call('SR.create', host, { location }, '0', `away${tag}`, '', 'file', 'user', false, {}),
        );
        if (one.unplugs) {
          expect(await probe()).toContain(`<UUID>${await call('SR.get_uuid', sr)}</UUID>`);
          const [pbd] = (await call('SR.get_PBDs', sr)) as string[];
          const config = await call('PBD.get_device_config', pbd);
          expect(await lane.refusal('PBD.destroy', pbd)).toEqual([
            'OPERATION_NOT_ALLOWED',
            'PBD is currently attached',
          ]);
          await call('PBD.unplug', pbd);
          await call('PBD.destroy', pbd);
          expect(await call('SR.get_PBDs', sr)).toEqual([]);
          const record = { host, SR: sr, device_config: config, other_config: {} };
          expect(await call('PBD.create', record)).toBe(pbd);
          await call('PBD.plug', pbd);
          expect(await call('PBD.get_currently_attached', pbd)).toBe(true);
          await call('PBD.unplug', pbd);
          const uuid = String(await call('SR.get_uuid', sr));
          expect(await lane.refusal('SR.introduce', uuid, 'back', '', 'file', 'user', false, {})).toEqual([
            'SR_UUID_EXISTS',
            uuid,
          ]);
          await call('SR.forget', sr);
          expect(await probe()).toContain(`<UUID>${uuid}</UUID>`);
          const back = String(await call('SR.introduce', uuid, `back${tag}`, 'as before', 'file', 'user', false, {}));
          expect(await call('SR.get_record', back)).toMatchObject({ uuid, name_label: `back${tag}`, PBDs: [] });
          const again = String(await call('PBD.create', { host, SR: back, device_config: config, other_config: {} }));
          await call('PBD.plug', again);
          expect(await one.volumes(`back${tag}`)).toEqual([]);
          await call('PBD.unplug', again);
          await call('SR.forget', back);
        }
      });
    });
  });
