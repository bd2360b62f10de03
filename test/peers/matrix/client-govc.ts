/** The matrix's acts as govc commands; the same client reads a vim25 host directly. */
import { type Endpoint, type Govc, govcOn } from '../clients.ts';
import type { Estate, Machine, MatrixClient, Power, PowerAct } from './contract.ts';

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

const POWER: Readonly<Record<string, Power>> = { poweredOn: 'on', poweredOff: 'off', suspended: 'suspended' };
const NATIVE: Readonly<Record<Power, string>> = {
  on: 'poweredOn',
  off: 'poweredOff',
  suspended: 'suspended',
  paused: '',
};
const FLAGS: Readonly<Record<Exclude<PowerAct, 'pause' | 'unpause'>, string>> = {
  on: '-on',
  off: '-off',
  suspend: '-suspend',
  resume: '-on',
  reset: '-reset',
};

type Device = { capacityInKB?: number; capacityInBytes?: number; macAddress?: string };
type Ref = { value: string };
type Tree = { name: string; snapshot: Ref; childSnapshotList?: Tree[] | null };
type Vm = {
  name: string;
  runtime: { powerState: string };
  config: { hardware: { memoryMB: number; numCPU: number; device: Device[] } };
  snapshot?: { rootSnapshotList: Tree[]; currentSnapshot?: Ref | null } | null;
};

const flat = (tree: Tree): Tree[] => [tree, ...(tree.childSnapshotList ?? []).flatMap(flat)];
const snapshotsOf = (snapshot: Vm['snapshot']): Pick<Machine, 'snapshots' | 'current'> => {
  const all = (snapshot?.rootSnapshotList ?? []).flatMap(flat);
  const current = all.find((one) => one.snapshot.value === snapshot?.currentSnapshot?.value);
  return { snapshots: all.map(({ name }) => name), current: current?.name ?? '' };
};

const machineOf = ({ name, runtime, config, snapshot }: Vm): Machine => ({
  name: decodeURIComponent(name),
  power: POWER[runtime.powerState] ?? 'off',
  memoryMiB: config.hardware.memoryMB,
  cpus: config.hardware.numCPU,
  diskMiB: config.hardware.device.flatMap(({ capacityInKB }) =>
    capacityInKB === undefined ? [] : [capacityInKB / 1024],
  ),
  macs: config.hardware.device.flatMap(({ macAddress }) => macAddress?.toLowerCase() ?? []),
  ...snapshotsOf(snapshot),
});

/** The fault's type, from the trace of what came over the wire: govc itself prints only its text. */
const faultOf = (text: string): string => {
  const typed = /<detail>\s*<([A-Za-z]+)Fault[\s>]/.exec(text)?.[1] ?? /<fault[^>]*:type="([A-Za-z]+)"/.exec(text)?.[1];
  return typed ?? text.trim().slice(-300);
};

export const govcMatrix = (endpoint: Endpoint): MatrixClient => {
  const govc = govcOn(endpoint);
  const json = async <T>(...args: string[]): Promise<T> => JSON.parse(await govc(...args)) as T;
  const find = async (type: string): Promise<string[]> => lines(await govc('find', '-type', type, '/'));
  const pathOf = async (name: string): Promise<string> => {
    const found = (await find('m')).find((path) => decodeURIComponent(path.slice(path.lastIndexOf('/') + 1)) === name);
    if (found === undefined) throw new Error(`govc finds no ${name}`);
    return found;
  };
  const names = (paths: readonly string[]): string[] =>
    paths.map((path) => decodeURIComponent(path.slice(path.lastIndexOf('/') + 1)));
  const failing = async (client: Govc, command: string, ...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await client.result([command, '-trace', ...args]);
    if (code === 0) throw new Error(`govc ${command} was done: ${stdout}`);
    return faultOf(`${stdout}${stderr}`);
  };
  return {
    connect: () => govc('about'),
    estate: async (): Promise<Estate> => {
      const paths = await find('m');
      const machines: Machine[] = [];
      if (paths.length > 0) {
        const { virtualMachines } = await json<{ virtualMachines: Vm[] | null }>('vm.info', '-json', ...paths);
        machines.push(...(virtualMachines ?? []).map(machineOf));
      }
      return { machines, storages: names(await find('s')), networks: names(await find('n')) };
    },
    create: async (name, { memoryMiB, diskMiB, network, storage }) => {
      // A vCenter has several.
      const [pool = ''] = (await find('p')).toSorted();
      await govc(
        ...['vm.create', '-m', String(memoryMiB), '-c', '1', '-g', 'otherGuest64', '-disk', `${diskMiB}M`],
        ...['-pool', pool, '-ds', storage, '-net', network, '-net.adapter', 'e1000', '-on=false', name],
      );
    },
    power: async (name, act) => {
      if (act === 'pause' || act === 'unpause') throw new Error('vim25 has no paused state');
      await govc('vm.power', FLAGS[act], await pathOf(name));
    },
    change: async (name, { memoryMiB, cpus }) =>
      void (await govc('vm.change', '-vm', await pathOf(name), '-m', String(memoryMiB), '-c', String(cpus))),
    addDisk: async (name, sizeMiB, storage) =>
      void (await govc(
        ...['vm.disk.create', '-vm', await pathOf(name), '-ds', storage, '-name', `${name}/second`],
        ...['-size', `${sizeMiB}M`],
      )),
    removeDisk: async (name, sizeMiB) => {
      const vm = await pathOf(name);
      const { devices } = await json<{ devices: (Device & { name: string })[] }>(
        'device.info',
        '-json',
        '-vm',
        vm,
        'disk-*',
      );
      const found = devices.findLast(({ capacityInKB }) => capacityInKB === sizeMiB * 1024);
      await govc('device.remove', '-vm', vm, '-keep=false', found?.name ?? 'there is none of this size');
    },
    takeSnapshot: async (name, snapshot) =>
      void (await govc('snapshot.create', '-vm', await pathOf(name), '-m=false', snapshot)),
    revert: async (name, snapshot) => void (await govc('snapshot.revert', '-vm', await pathOf(name), snapshot)),
    removeSnapshot: async (name, snapshot) => void (await govc('snapshot.remove', '-vm', await pathOf(name), snapshot)),
    rename: async (name, to) => void (await govc('object.rename', await pathOf(name), to)),
    remove: async (name) => void (await govc('vm.destroy', await pathOf(name))),
    watch: async (name, power) => {
      const vm = await pathOf(name);
      const seen = govc('object.collect', '-s', vm, '-runtime.powerState', NATIVE[power]).then((text) =>
        text.includes(NATIVE[power]),
      );
      seen.catch(() => {}); // awaited by the test, later
      // Its first update tells the present state; then it waits.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return { seen };
    },
    task: async (name) => {
      const vm = await pathOf(name);
      await govc('vm.power', '-on', vm);
      return await govc('tasks', vm);
    },
    wrongState: async (name) => failing(govc, 'vm.power', '-off', await pathOf(name)),
    wrongId: () => failing(govc, 'object.collect', '-s', 'VirtualMachine:vm-987654321', 'name'),
    badLogin: () => failing(govcOn({ ...endpoint, password: 'wrong' }), 'about'),
    close: async () => {},
  };
};
