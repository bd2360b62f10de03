/** One lifecycle of a VM, told once as steps: what a client does, and what must then be true on the libvirt side. A client lacks what its API cannot do. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { bootSector } from './boot-sector.ts';
import { requireClient, runProgram } from './clients.ts';
import type { Libvirtd } from './libvirtd.ts';

export const MIB = 1024 * 1024;

export type Seen = { readonly power: string; readonly memoryMiB: number; readonly cpus: number };

/** What a client can do; a member that is absent is not in its API. Faults come back as the name the API gives them. */
export type LifecycleClient = {
  readonly connect: () => Promise<string>;
  readonly list: () => Promise<readonly string[]>;
  readonly create?: (
    name: string,
    spec: { memoryMiB: number; diskMiB: number; network: string; datastore: string },
  ) => Promise<void>;
  readonly see: (name: string) => Promise<Seen>;
  readonly powerOn: (name: string) => Promise<void>;
  readonly powerOff: (name: string) => Promise<void>;
  readonly shutdown: (name: string) => Promise<void>;
  readonly suspend: (name: string) => Promise<void>;
  readonly resume: (name: string) => Promise<void>;
  readonly screenshot: (name: string) => Promise<Buffer>;
  readonly takeSnapshot: (name: string, snapshot: string) => Promise<void>;
  readonly revert: (name: string, snapshot: string) => Promise<void>;
  readonly snapshots?: (name: string) => Promise<readonly string[]>;
  /** The fault's name, or undefined when it was done. */
  readonly setMemory?: (name: string, memoryMiB: number) => Promise<string | undefined>;
  readonly addDisk?: (name: string, datastore: string, file: string, sizeMiB: number) => Promise<void>;
  /** Removes the disk that was added last, with its file. */
  readonly removeDisk?: (name: string) => Promise<void>;
  readonly rename?: (name: string, to: string) => Promise<void>;
  readonly events?: (name: string) => Promise<string>;
  readonly tasks?: (name: string) => Promise<string>;
  readonly destroy: (name: string) => Promise<void>;
  readonly close?: () => Promise<void>;
};

export type Lifecycle = {
  readonly client: LifecycleClient;
  readonly host: Libvirtd;
  readonly network: string;
  readonly datastore: string;
  /** Its name now: renames change it. */
  name: string;
  uuid: string;
  before: { volumes: string; domains: string; files: string };
};

export type Step = {
  readonly name: string;
  readonly needs?: keyof LifecycleClient;
  readonly act: (life: Lifecycle) => Promise<void>;
};

export const MEMORY_MIB = 64;
const LATER_MEMORY_MIB = 96;
const DISK_MIB = 32;

const domstate = async ({ host, uuid }: Lifecycle): Promise<string> => (await host.virsh('domstate', uuid)).trim();
const disks = async ({ host, uuid }: Lifecycle): Promise<readonly string[]> =>
  (await host.virsh('domblklist', uuid, '--details', '--inactive'))
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([, device, , source]) => (device === 'disk' && source !== undefined ? [source] : []));
const memoryMiB = async ({ host, uuid }: Lifecycle): Promise<number> =>
  Number(/<memory unit='KiB'>(\d+)</.exec(await host.virsh('dumpxml', uuid, '--inactive'))?.[1]) / 1024;
const inventory = async (host: Libvirtd, datastore: string): Promise<Lifecycle['before']> => {
  await host.virsh('pool-refresh', datastore);
  const sorted = (text: string): string =>
    text
      .trim()
      .split('\n')
      .map((line) => line.trim())
      .toSorted()
      .join('\n');
  const target = /<path>([^<]*)</.exec(await host.virsh('pool-dumpxml', datastore))?.[1] ?? '';
  return {
    volumes: sorted(await host.virsh('vol-list', datastore)),
    domains: sorted(await host.virsh('list', '--all', '--uuid')),
    files: sorted(
      (await runProgram('find', [target, join(host.root, 'lib/qemu/save'), join(host.root, 'lib/qemu/nvram')])).stdout,
    ),
  };
};

/** What an installation would do: the disk gets a system that obeys the power button. */
const install = async (life: Lifecycle): Promise<void> => {
  const [disk = ''] = await disks(life);
  const image = join(life.host.root, 'boot.img');
  writeFileSync(image, bootSector());
  const format = /format: (\S+)/.exec((await runProgram(requireClient('qemu-img'), ['info', disk])).stdout)?.[1] ?? '';
  const { code, stderr } = await runProgram(requireClient('qemu-img'), [
    ...['convert', '-n', '-f', 'raw', '-O', format, image, disk],
  ]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
};

export const STEPS: readonly Step[] = [
  {
    name: 'connects',
    act: async (life) => {
      expect(await life.client.connect()).toMatch(/ESX/);
      life.before = await inventory(life.host, life.datastore);
    },
  },
  {
    name: 'lists what libvirt has',
    act: async ({ client, host }) => {
      const names = (await host.virsh('list', '--all', '--name'))
        .trim()
        .split('\n')
        .filter((line) => line !== '');
      expect([...(await client.list())].toSorted()).toEqual(names.toSorted());
    },
  },
  {
    name: 'creates a VM with a disk and a NIC',
    act: async (life) => {
      const { client, host, name, network, datastore } = life;
      if (client.create === undefined) {
        // Its API cannot: virsh beside it does, and the client must see the VM.
        await host.virsh('vol-create-as', datastore, `${name}%2f${name}.vmdk`, `${DISK_MIB}M`, '--format', 'qcow2');
        const volume = (await host.virsh('vol-path', `${name}%2f${name}.vmdk`, datastore)).trim();
        const file = join(host.root, `${name}.xml`);
        writeFileSync(
          file,
          `<domain type='qemu'><name>${name}</name><memory unit='MiB'>${MEMORY_MIB}</memory><vcpu>1</vcpu><os><type machine='pc'>hvm</type></os><features><acpi/></features><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${volume}'/><target dev='sda' bus='scsi'/></disk><controller type='scsi' model='virtio-scsi'/>
<interface type='network'><source network='${network}'/><model type='e1000'/></interface><graphics type='vnc' port='-1'/><video><model type='vga'/></video></devices></domain>`,
        );
        await host.virsh('define', file);
        await expect.poll(async () => client.list(), { timeout: 10_000, interval: 100 }).toContain(name);
      } else await client.create(name, { memoryMiB: MEMORY_MIB, diskMiB: DISK_MIB, network, datastore });
      const uuids = (await host.virsh('list', '--all', '--uuid')).trim().split(/\s+/);
      const fresh = uuids.filter((uuid) => !life.before.domains.includes(uuid));
      expect(fresh).toHaveLength(1);
      life.uuid = fresh[0] ?? '';
      const xml = await host.virsh('dumpxml', life.uuid, '--inactive');
      expect(xml).toContain(`<name>${name}</name>`);
      expect(xml.match(/<interface /g)).toHaveLength(1);
      expect(xml).toContain(`<source network='${network}'`);
      expect(await memoryMiB(life)).toBe(MEMORY_MIB);
      const [disk = '', ...others] = await disks(life);
      expect(others).toEqual([]);
      const { stdout } = await runProgram(requireClient('qemu-img'), ['info', disk]);
      expect(stdout).toContain(`(${DISK_MIB * MIB} bytes)`);
      expect(await domstate(life)).toBe('shut off');
      expect(await client.list()).toContain(name);
      await install(life);
    },
  },
  {
    name: 'powers it on',
    act: async (life) => {
      await life.client.powerOn(life.name);
      expect(await domstate(life)).toBe('running');
    },
  },
  {
    name: 'sees it running',
    act: async (life) =>
      expect(await life.client.see(life.name)).toEqual({ power: 'poweredOn', memoryMiB: MEMORY_MIB, cpus: 1 }),
  },
  {
    name: 'takes a screenshot',
    act: async (life) => {
      const picture = await life.client.screenshot(life.name);
      expect(picture.subarray(1, 4).toString('latin1')).toBe('PNG');
      expect(picture.length).toBeGreaterThan(200);
    },
  },
  {
    name: 'suspends it',
    act: async (life) => {
      await life.client.suspend(life.name);
      // Suspended to disk as on ESX: the domain is off with a saved image, or paused.
      expect(['paused', 'shut off']).toContain(await domstate(life));
      expect((await life.client.see(life.name)).power).toBe('suspended');
    },
  },
  {
    name: 'resumes it',
    act: async (life) => {
      await life.client.resume(life.name);
      expect(await domstate(life)).toBe('running');
      expect((await life.client.see(life.name)).power).toBe('poweredOn');
    },
  },
  {
    name: 'memory above the maximum while running gets a fault and changes nothing',
    needs: 'setMemory',
    act: async (life) => {
      const before = await life.host.virsh('dumpxml', life.uuid, '--inactive');
      const fault = await life.client.setMemory?.(life.name, 4096);
      expect(fault).toBeDefined();
      // Not our own embarrassment, nor the host's raw words.
      expect(fault).not.toMatch(/SystemError|HostCommunication|RuntimeFault$/);
      expect(await life.host.virsh('dumpxml', life.uuid, '--inactive')).toBe(before);
    },
  },
  {
    name: 'powers it off',
    act: async (life) => {
      await life.client.powerOff(life.name);
      expect(await domstate(life)).toBe('shut off');
      expect((await life.client.see(life.name)).power).toBe('poweredOff');
    },
  },
  {
    name: 'takes a snapshot',
    act: async (life) => {
      await life.client.takeSnapshot(life.name, 'before the change');
      const names = (await life.host.virsh('snapshot-list', life.uuid, '--name'))
        .trim()
        .split('\n')
        .filter((line) => line !== '');
      expect(names).toHaveLength(1);
      if (life.client.snapshots !== undefined)
        expect(await life.client.snapshots(life.name)).toEqual(['before the change']);
    },
  },
  {
    name: 'changes its memory while off',
    needs: 'setMemory',
    act: async (life) => {
      expect(await life.client.setMemory?.(life.name, LATER_MEMORY_MIB)).toBeUndefined();
      expect(await memoryMiB(life)).toBe(LATER_MEMORY_MIB);
      expect((await life.client.see(life.name)).memoryMiB).toBe(LATER_MEMORY_MIB);
    },
  },
  {
    name: 'reverts to the snapshot',
    act: async (life) => {
      await life.client.revert(life.name, 'before the change');
      expect(await memoryMiB(life)).toBe(MEMORY_MIB);
      expect((await life.client.see(life.name)).memoryMiB).toBe(MEMORY_MIB);
    },
  },
  {
    name: 'adds a disk',
    needs: 'addDisk',
    act: async (life) => {
      await life.client.addDisk?.(life.name, life.datastore, 'second', 16);
      const all = await disks(life);
      expect(all).toHaveLength(2);
      for (const disk of all) expect(existsSync(disk)).toBe(true);
      const { stdout } = await runProgram(requireClient('qemu-img'), ['info', all[1] ?? '']);
      expect(stdout).toContain(`(${16 * MIB} bytes)`);
    },
  },
  {
    name: 'removes the disk',
    needs: 'removeDisk',
    act: async (life) => {
      const [, second = ''] = await disks(life);
      await life.client.removeDisk?.(life.name);
      expect(await disks(life)).toHaveLength(1);
      expect(existsSync(second)).toBe(false);
    },
  },
  {
    name: 'renames it while off',
    needs: 'rename',
    act: async (life) => {
      const to = `${life.name}-off`;
      await life.client.rename?.(life.name, to);
      life.name = to;
      expect(
        (await life.host.virsh('list', '--all', '--title')).split('\n').find((line) => line.includes(to)),
      ).toBeDefined();
      expect((await life.client.list()).filter((name) => name === to)).toHaveLength(1);
    },
  },
  {
    name: 'renames it while running, by its title',
    needs: 'rename',
    act: async (life) => {
      await life.client.powerOn(life.name);
      const to = `${life.name}-on é <&>`;
      await life.client.rename?.(life.name, to);
      life.name = to;
      expect((await life.host.virsh('desc', life.uuid, '--title')).trim()).toBe(to);
      expect(await domstate(life)).toBe('running');
      expect((await life.client.list()).filter((name) => name === to)).toHaveLength(1);
    },
  },
  {
    name: 'shuts it down by its power button',
    act: async (life) => {
      if ((await domstate(life)) !== 'running') await life.client.powerOn(life.name);
      // A press while the BIOS still looks for its disk is lost, as on any machine: press again.
      for (let press = 0; press < 8 && (await domstate(life)) === 'running'; press += 1) {
        await life.client.shutdown(life.name);
        for (let n = 0; n < 30 && (await domstate(life)) === 'running'; n += 1)
          await new Promise((resolve) => setTimeout(resolve, 100));
      }
      await expect.poll(() => domstate(life), { timeout: 10_000, interval: 50 }).toBe('shut off');
      await expect
        .poll(async () => (await life.client.see(life.name)).power, { timeout: 10_000, interval: 100 })
        .toBe('poweredOff');
    },
  },
  {
    name: 'reads its events',
    needs: 'events',
    act: async (life) => {
      const events = await life.client.events?.(life.name);
      expect(events).toMatch(/Created|created/);
      expect(events).toMatch(/powered on|PoweredOn/);
      expect(events).toMatch(/powered off|PoweredOff/);
    },
  },
  {
    name: 'reads its tasks',
    needs: 'tasks',
    act: async (life) => {
      const tasks = await life.client.tasks?.(life.name);
      expect(tasks).toMatch(/success/);
      expect(tasks).toMatch(/PowerOn|powerOn|Rename|rename|Reconfig|reconfigure/);
    },
  },
  {
    name: 'destroys it, and nothing is left behind',
    act: async (life) => {
      await life.client.destroy(life.name);
      expect((await life.host.virshResult(['dominfo', life.uuid])).code).not.toBe(0);
      expect(await life.client.list()).not.toContain(life.name);
      if (life.client.create === undefined) {
        // Its API leaves disks alone: what virsh made, virsh removes.
        await life.host.virshResult(['vol-delete', `${life.name}%2f${life.name}.vmdk`, life.datastore]);
      }
      expect(await inventory(life.host, life.datastore)).toEqual(life.before);
    },
  },
];
