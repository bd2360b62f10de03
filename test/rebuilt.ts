/** A document of a VM, a volume, a storage or a network in; commands that make it on a host that has none, and the host's name of it, out. */
import type { DiskSpec } from '../mappings/generic/commands.ts';
import type { DocumentKind, Documents, Network, Snapshot, Storage, Vm, Volume } from '../mappings/generic/model.ts';
import type { WrittenHost } from './written-host.ts';

/** Every disk is a new one of that name; the host's own names of devices are left to it. */
export const askedFor = (
  { disks, ...vm }: Vm,
  storage: (name: string) => NonNullable<DiskSpec['create']>['storage'],
): { vm: Vm; disks: DiskSpec[] } => {
  const own = <T extends { device?: string }>({ device: _, ...rest }: T): Omit<T, 'device'> => rest;
  return {
    vm: { ...vm, disks: [], cdroms: vm.cdroms.map(own), floppies: vm.floppies.map(own), snapshots: [] },
    disks: disks.map(own).map((disk) => ({
      ...disk,
      create: {
        storage: storage(disk.medium.storageName),
        volumeName: disk.medium.volumeName ?? '',
        capacityBytes: disk.capacityBytes,
        thin: disk.thin,
      },
    })),
  };
};

const named = (kind: DocumentKind, name: string, estate: Awaited<ReturnType<WrittenHost['estate']>>): string => {
  const found = estate.all().find(({ native, document }) => native.kind === kind && document.name === name);
  if (!found) throw new Error(`the host has no ${kind} ${name}`);
  return found.native.native;
};

const toPower = async (host: WrittenHost, target: string, wanted: Vm['powerState']): Promise<void> => {
  const state = async (): Promise<Vm['powerState']> => (await host.estate()).vm(target).powerState;
  const plain = () => ({ target, params: {} });
  if ((await state()) === wanted) return;
  if (wanted === 'stopped') return void (await host.run('vm.stop', plain));
  if ((await state()) !== 'running') await host.run((await state()) === 'stopped' ? 'vm.start' : 'vm.resume', plain);
  if (wanted === 'suspended') await host.run('vm.suspend', plain);
  if (wanted === 'paused') await host.run('vm.pause', plain);
};

/** Parents first. */
const grown = (snapshots: readonly Snapshot[]): Snapshot[] => {
  const below = (parent: string | undefined): Snapshot[] =>
    snapshots.filter((one) => one.parent === parent).flatMap((one) => [one, ...below(one.native)]);
  return below(undefined);
};

/** Each is taken on top of its parent; the host names it anew. */
const takeSnapshots = async (host: WrittenHost, target: string, snapshots: readonly Snapshot[]): Promise<void> => {
  const natives = new Map<string, string>();
  const current = async (): Promise<string> =>
    (await host.estate()).vm(target).snapshots.find((one) => one.current)?.native ?? '';
  const revert = async (to: string): Promise<void> => {
    const snapshot = natives.get(to) ?? '';
    if ((await current()) !== snapshot) await host.run('snapshot.revert', () => ({ target, params: { snapshot } }));
  };
  for (const { native, name, description, powerState, hasMemory, quiesced, parent } of grown(snapshots)) {
    if (parent !== undefined) await revert(parent);
    await toPower(host, target, powerState);
    const params = { name, description, memory: hasMemory, quiesce: quiesced };
    await host.run('snapshot.create', () => ({ target, params }));
    natives.set(native, await current());
  }
  const last = snapshots.find((one) => one.current);
  if (last) await revert(last.native);
};

const makeVm = async (host: WrittenHost, vm: Vm): Promise<string> => {
  const target = await host.run('vm.create', (estate) => ({
    params: { ...askedFor(vm, (name) => estate.id(named('storage', name, estate))), anyUuid: true },
  }));
  await takeSnapshots(host, target, vm.snapshots);
  if (!vm.template) await toPower(host, target, vm.powerState);
  return target;
};

const makeVolume = (host: WrittenHost, { name, storageName, capacityBytes, format }: Volume): Promise<string> =>
  host.run('volume.create', (estate) => ({
    params: { storage: estate.id(named('storage', storageName, estate)), name, capacityBytes, format, thin: true },
  }));

const makeStorage = (host: WrittenHost, { name, path, remoteHost, remotePath }: Storage): Promise<string> =>
  host.run('storage.create', () => ({
    params: {
      name,
      path,
      ...(remoteHost === undefined ? {} : { remoteHost }),
      ...(remotePath === undefined ? {} : { remotePath }),
    },
  }));

const makeNetwork = async (host: WrittenHost, { name, bridge, uplinks, portgroups }: Network): Promise<string> => {
  const made = await host.run('network.create', () => ({ params: { name, bridge, uplinks } }));
  for (const group of portgroups)
    if (group.name !== name)
      await host.run('network.addPortgroup', () => ({ target: made, params: { name: group.name, vlan: group.vlan } }));
  return made;
};

export const rebuilt = <K extends DocumentKind>(
  host: WrittenHost,
  kind: K,
  document: Documents[K],
): Promise<string> => {
  switch (kind) {
    case 'vm':
      return makeVm(host, document as Vm);
    case 'volume':
      return makeVolume(host, document as Volume);
    case 'storage':
      return makeStorage(host, document as Storage);
    case 'network':
      return makeNetwork(host, document as Network);
    default:
      throw new Error(`no ${kind} is made`);
  }
};
