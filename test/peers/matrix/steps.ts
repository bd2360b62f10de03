/** One life of a VM as the matrix's steps: a client of a front acts, and the host's own client says what became of it. */
import { expect } from 'vitest';
import type { Machine, MatrixClient, MatrixHost } from './contract.ts';

/** The words of a front's API for the three wrongs every API knows. */
export type Wrongs = { readonly state: RegExp; readonly id: RegExp; readonly login: RegExp };

export type Life = {
  readonly client: MatrixClient;
  readonly host: MatrixHost;
  readonly wrongs: Wrongs;
  /** Without a paused state in front or host. */
  readonly cannotPause: boolean;
  name: string;
};

export type MatrixStep = { readonly name: string; readonly act: (life: Life) => Promise<void> };

const MEMORY_MIB = 64;
const MORE_MEMORY_MIB = 128;
const DISK_MIB = 16;
const SECOND_DISK_MIB = 24;

const onHost = async ({ host, name }: Pick<Life, 'host' | 'name'>): Promise<Machine | undefined> =>
  (await host.estate()).machines.find((machine) => machine.name === name);
const seen = async ({ client, name }: Pick<Life, 'client' | 'name'>): Promise<Machine | undefined> =>
  (await client.estate()).machines.find((machine) => machine.name === name);
/** Both sides say the same of it. XenAPI knows no order of snapshots. */
const both = async (life: Life, wanted: Partial<Machine>): Promise<void> => {
  const sorted = (one?: Machine) => one && { ...one, snapshots: one.snapshots.toSorted() };
  expect(sorted(await onHost(life)), 'on the host').toMatchObject(wanted);
  expect(sorted(await seen(life)), 'through the front').toMatchObject(wanted);
};
const byName = (machines: readonly Machine[]): Machine[] => machines.toSorted((a, b) => a.name.localeCompare(b.name));

export const STEPS: readonly MatrixStep[] = [
  {
    name: 'connect',
    act: async ({ client }) => expect(await client.connect()).not.toBe(''),
  },
  {
    name: 'inventory',
    act: async ({ client, host }) => {
      const [through, own] = [await client.estate(), await host.estate()];
      expect(byName(through.machines)).toEqual(byName(own.machines));
      expect(own.machines).not.toHaveLength(0);
      expect(through.storages).toEqual(expect.arrayContaining([host.storage]));
      expect(through.networks).toEqual(expect.arrayContaining([host.network]));
    },
  },
  {
    name: 'create',
    act: async (life) => {
      const { client, host, name } = life;
      await client.create(name, {
        memoryMiB: MEMORY_MIB,
        diskMiB: DISK_MIB,
        network: host.network,
        storage: host.storage,
      });
      await both(life, { power: 'off', memoryMiB: MEMORY_MIB, cpus: 1, diskMiB: [DISK_MIB] });
      expect((await onHost(life))?.macs).toHaveLength(1);
      expect((await seen(life))?.macs).toEqual((await onHost(life))?.macs);
    },
  },
  {
    name: 'power cycle',
    act: async (life) => {
      const { client, name, cannotPause } = life;
      await client.power(name, 'on');
      await both(life, { power: 'on' });
      if (!cannotPause) {
        await client.power(name, 'pause');
        await both(life, { power: 'paused' });
        await client.power(name, 'unpause');
        await both(life, { power: 'on' });
      }
      await client.power(name, 'suspend');
      await both(life, { power: 'suspended' });
      await client.power(name, 'resume');
      await both(life, { power: 'on' });
      await client.power(name, 'reset');
      await both(life, { power: 'on' });
      await client.power(name, 'off');
      await both(life, { power: 'off' });
    },
  },
  {
    name: 'reconfigure',
    act: async (life) => {
      await life.client.change(life.name, { memoryMiB: MORE_MEMORY_MIB, cpus: 2 });
      await both(life, { memoryMiB: MORE_MEMORY_MIB, cpus: 2, diskMiB: [DISK_MIB] });
    },
  },
  {
    name: 'disk add/remove',
    act: async (life) => {
      await life.client.addDisk(life.name, SECOND_DISK_MIB, life.host.storage);
      await both(life, { diskMiB: [DISK_MIB, SECOND_DISK_MIB] });
      await life.client.removeDisk(life.name, SECOND_DISK_MIB);
      await both(life, { diskMiB: [DISK_MIB] });
    },
  },
  {
    name: 'snapshot/revert/remove',
    act: async (life) => {
      const { client, host, name } = life;
      await host.inside?.make(name);
      await host.inside?.write(name, 'as it was');
      await client.takeSnapshot(name, 'before');
      await both(life, { snapshots: ['before'], current: 'before' });
      await client.change(name, { memoryMiB: MEMORY_MIB, cpus: 1 });
      await host.inside?.write(name, 'as it became');
      await client.takeSnapshot(name, 'changed');
      await both(life, { memoryMiB: MEMORY_MIB, cpus: 1, snapshots: ['before', 'changed'], current: 'changed' });
      await client.revert(name, 'before');
      const restored = host.revertsConfig ? { memoryMiB: MORE_MEMORY_MIB, cpus: 2 } : {};
      await both(life, { power: 'off', snapshots: ['before', 'changed'], current: 'before', ...restored });
      if (host.inside) expect(await host.inside.read(name)).toBe('as it was');
      await client.removeSnapshot(name, 'changed');
      await both(life, { snapshots: ['before'], current: 'before' });
      await client.removeSnapshot(name, 'before');
      await both(life, { snapshots: [], current: '', diskMiB: [DISK_MIB] });
    },
  },
  {
    name: 'rename',
    act: async (life) => {
      const before = life.name;
      const to = `${before}-renamed`;
      await life.client.rename(before, to);
      life.name = to;
      await both(life, { name: to });
      expect(await onHost({ ...life, name: before })).toBeUndefined();
    },
  },
  {
    name: 'events',
    act: async (life) => {
      const { seen: wait } = await life.client.watch(life.name, 'on');
      await life.host.power(life.name, 'on');
      expect(await wait).toBe(true);
      await life.host.power(life.name, 'off');
      const { seen: again } = await life.client.watch(life.name, 'off');
      expect(await again).toBe(true);
    },
  },
  {
    name: 'tasks',
    act: async (life) => {
      expect(await life.client.task(life.name)).toMatch(/success/);
      await both(life, { power: 'on' });
      await life.client.power(life.name, 'off');
    },
  },
  {
    name: 'wrong state',
    act: async (life) => {
      expect(await life.client.wrongState(life.name)).toMatch(life.wrongs.state);
      await both(life, { power: 'off' });
    },
  },
  {
    name: 'wrong id',
    act: async ({ client, wrongs }) => expect(await client.wrongId()).toMatch(wrongs.id),
  },
  {
    name: 'bad login',
    act: async ({ client, wrongs }) => expect(await client.badLogin()).toMatch(wrongs.login),
  },
  {
    name: 'delete',
    act: async (life) => {
      await life.client.remove(life.name);
      expect(await onHost(life)).toBeUndefined();
      expect(await seen(life)).toBeUndefined();
    },
  },
];
