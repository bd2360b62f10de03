/** volume.*, storage.* and network.* in, their plans out. */
import type { HubId } from '../../../generic/ids.ts';
import type { Plan, PlannedRef, Step } from '../../../generic/plan.ts';
import { call, found, type Planning, paramsOf, probe, refuse, step } from '../../../generic/planning.ts';
import { moRef } from '../../values.ts';
import { HOST_NATIVE } from '../estate.ts';
import { volumeNative } from '../volume-natives.ts';
import { planGrow } from './changes.ts';
import { diskPath, hostFacts, rereadStore, type Store, storeOf, volumeAt, volumeNamed } from './planning.ts';
import { copyDisk, createDisk, deleteDisk, deleteFile, directoryOf, ensureDirectory, extendDisk } from './steps.ts';

const isDisk = (path: string): boolean => /\.vmdk$/i.test(path);

const refs = (store: Store, path: string, planning: Planning): PlannedRef[] => [
  { kind: 'volume', native: volumeNative(store.datastore, path) },
  ...rereadStore(store.datastore, planning),
];

const planOf = (store: Store, path: string, steps: readonly Step[], planning: Planning, makes = false): Plan => ({
  host: planning.command.host,
  queue: volumeNative(store.datastore, path),
  steps,
  touches: refs(store, path, planning),
  ...(makes ? { makes: { kind: 'volume', native: volumeNative(store.datastore, path) } } : {}),
});

const ensured = (store: Store, path: string): Step[] => {
  const directory = directoryOf(path);
  return directory === '' ? [] : [ensureDirectory(store, directory)];
};

export const planVolumeCreate = async (planning: Planning): Promise<Plan> => {
  const { storage, name, capacityBytes, format, thin } = paramsOf(planning, 'volume.create');
  const store = storeOf(storage, planning);
  // An image is uploaded in one go: there is no empty one.
  if (format === 'iso' || /\.(iso|flp)$/i.test(name))
    refuse('not-supported', {}, 'This host takes images by upload only.');
  const path = diskPath(name);
  if (!(capacityBytes > 0))
    refuse('invalid-argument', { property: 'capacityBytes' }, `A disk cannot have ${capacityBytes} bytes.`);
  if (volumeAt(store, path, planning)) refuse('file-exists', { path }, `${path} exists in ${store.name}.`);
  if (!thin && capacityBytes > store.availableBytes)
    refuse('no-disk-space', { storage: store.name }, `There is not enough room in ${store.name}.`);
  return planOf(
    store,
    path,
    [...ensured(store, path), createDisk(store, path, capacityBytes, thin, 'pivot')],
    planning,
    true,
  );
};

const usersOf = (id: HubId, planning: Planning): readonly HubId[] => planning.context.store.edges(id, 'vm');

export const planVolumeDelete = async (planning: Planning): Promise<Plan> => {
  const { storage, name } = paramsOf(planning, 'volume.delete');
  const store = storeOf(storage, planning);
  const { entry, path } = volumeNamed(store, name, planning);
  if (usersOf(entry.id, planning).length > 0) refuse('file-locked', { path }, `${path} is in use.`);
  const steps = [isDisk(path) ? deleteDisk(store, path, 'pivot') : deleteFile(store, path, 'pivot')];
  return planOf(store, path, steps, planning);
};

export const planVolumeCopy = async (planning: Planning): Promise<Plan> => {
  const { storage, name, toStorage, toName } = paramsOf(planning, 'volume.copy');
  const from = storeOf(storage, planning);
  const to = storeOf(toStorage, planning);
  const { path } = volumeNamed(from, name, planning);
  if (!isDisk(path)) refuse('not-supported', {}, 'Only disks are copied.');
  const target = diskPath(toName);
  if (volumeAt(to, target, planning)) refuse('file-exists', { path: target }, `${target} exists in ${to.name}.`);
  const copy = copyDisk({ store: from, path }, { store: to, path: target }, 'pivot');
  return planOf(to, target, [...ensured(to, target), copy], planning, true);
};

export const planVolumeResize = async (planning: Planning): Promise<Plan> => {
  const { storage, name, capacityBytes } = paramsOf(planning, 'volume.resize');
  const store = storeOf(storage, planning);
  const { entry, path } = volumeNamed(store, name, planning);
  const { doc } = found('volume', entry.id, planning);
  if (capacityBytes < doc.capacityBytes)
    refuse('invalid-argument', { property: 'capacityBytes' }, 'A volume cannot shrink.');
  const [user] = usersOf(entry.id, planning);
  if (user === undefined) return planOf(store, path, [extendDisk(store, path, capacityBytes)], planning);
  const plan = await planGrow(found('vm', user, planning), doc.path, capacityBytes, planning);
  return { ...plan, touches: [...plan.touches, ...refs(store, path, planning)] };
};

export const planStorageRefresh = async (planning: Planning): Promise<Plan> => {
  const { command } = planning;
  const { native } = found('storage', command.target, planning).native;
  return {
    host: command.host,
    queue: native,
    steps: [step('refresh', 'pivot', call('RefreshDatastore', { _this: moRef('Datastore', native) }), probe('always'))],
    touches: [{ kind: 'storage', native }],
  };
};

/** A datastore is mounted for as long as the host has it: only a VMFS could be unmounted, and it would stay so after a restart. */
export const planStorageMount = async (planning: Planning): Promise<Plan> => {
  const { command } = planning;
  const { native, doc } = found('storage', command.target, planning);
  if (doc.accessible !== (command.verb === 'storage.activate'))
    refuse('not-supported', {}, 'Datastores of this host are not mounted and unmounted by themselves.');
  return {
    host: command.host,
    queue: native.native,
    steps: [
      step(
        'look again',
        'pivot',
        call('RefreshDatastore', { _this: moRef('Datastore', native.native) }),
        probe('always'),
      ),
    ],
    touches: [{ kind: 'storage', native: native.native }],
  };
};

const managerOf = (name: 'datastoreSystem' | 'networkSystem', planning: Planning): string => {
  const manager = String(hostFacts(planning)[name] ?? '');
  return manager === '' ? refuse('not-supported', {}, 'The host lets nothing of the kind be changed.') : manager;
};

export const planStorageCreate = async (planning: Planning): Promise<Plan> => {
  const { command } = planning;
  const { name, path, remoteHost, remotePath } = paramsOf(planning, 'storage.create');
  const _this = moRef('HostDatastoreSystem', managerOf('datastoreSystem', planning));
  const make =
    remoteHost === undefined
      ? call('CreateLocalDatastore', { _this, name, path })
      : call('CreateNasDatastore', {
          _this,
          spec: { remoteHost, remotePath: remotePath ?? '', localPath: name, accessMode: 'readWrite', type: 'NFS' },
        });
  const made = { kind: 'storage', native: { $from: 'create.result' } } as const;
  return {
    host: command.host,
    queue: HOST_NATIVE,
    steps: [step('create', 'pivot', make, probe('storage-exists', { name }))],
    touches: [made, { kind: 'host', native: HOST_NATIVE }],
    makes: made,
  };
};

export const planStorageDelete = async (planning: Planning): Promise<Plan> => {
  const { command, context } = planning;
  const { native, doc } = found('storage', command.target, planning);
  const _this = moRef('HostDatastoreSystem', managerOf('datastoreSystem', planning));
  const volumes = context.store.edges(command.target, 'volume').flatMap((id) => context.store.entry(id)?.native ?? []);
  return {
    host: command.host,
    queue: native.native,
    steps: [
      step(
        'remove',
        'pivot',
        call('RemoveDatastore', { _this, datastore: moRef('Datastore', native.native) }),
        probe('storage-absent', { name: doc.name }),
      ),
    ],
    touches: [
      { kind: 'storage', native: native.native },
      ...volumes.map((one): PlannedRef => ({ kind: 'volume', native: one })),
    ],
  };
};

/** A network of this host is a port group; one that is made by itself gets a switch of its own. */
export const planNetworkCreate = async (planning: Planning): Promise<Plan> => {
  const { command } = planning;
  const { name, bridge, uplinks } = paramsOf(planning, 'network.create');
  const networkSystem = managerOf('networkSystem', planning);
  const _this = moRef('HostNetworkSystem', networkSystem);
  const vswitch = bridge === '' ? name : bridge;
  const uplink =
    uplinks.length === 0 ? {} : { bridge: { _type: 'HostVirtualSwitchBondBridge', nicDevice: [...uplinks] } };
  return {
    host: command.host,
    queue: HOST_NATIVE,
    steps: [
      step(
        'switch',
        'compensatable',
        call('AddVirtualSwitch', { _this, vswitchName: vswitch, spec: { numPorts: 128, ...uplink } }),
        probe('switch-exists', { networkSystem, name: vswitch }),
        { undo: call('RemoveVirtualSwitch', { _this, vswitchName: vswitch }) },
      ),
      portgroupStep(networkSystem, name, vswitch, 0),
      findNetwork(networkSystem, name),
    ],
    touches: [MADE_NETWORK, { kind: 'host', native: HOST_NATIVE }],
    makes: MADE_NETWORK,
  };
};

/** The host gives the name; the switch and its group are known by names of ours. */
const MADE_NETWORK = { kind: 'network', native: { $from: 'find.network' } } as const;
const findNetwork = (networkSystem: string, name: string): Step =>
  step('find', 'forward-only', call('network.find', { name }), probe('portgroup-exists', { networkSystem, name }));

const portgroupStep = (networkSystem: string, name: string, vswitchName: string, vlanId: number): Step =>
  step(
    'port group',
    'pivot',
    call('AddPortGroup', {
      _this: moRef('HostNetworkSystem', networkSystem),
      portgrp: { name, vlanId, vswitchName, policy: {} },
    }),
    probe('portgroup-exists', { networkSystem, name }),
  );

/** The switch that the command is for, with the manager that changes it. */
const targetSwitch = (planning: Planning) => {
  const { native } = found('network', planning.command.target, planning);
  const networkSystem = String(native.facts['networkSystem'] ?? '');
  if (networkSystem === '') refuse('not-supported', {}, 'A distributed switch is not changed from here.');
  return { native, networkSystem };
};

export const planAddPortgroup = async (planning: Planning): Promise<Plan> => {
  const { command } = planning;
  const { name, vlan } = paramsOf(planning, 'network.addPortgroup');
  const { native, networkSystem } = targetSwitch(planning);
  return {
    host: command.host,
    queue: HOST_NATIVE,
    steps: [
      portgroupStep(networkSystem, name, String(native.facts['bridge'] ?? ''), vlan),
      findNetwork(networkSystem, name),
    ],
    touches: [MADE_NETWORK, { kind: 'host', native: HOST_NATIVE }],
  };
};

const removePortgroup = (planning: Planning, pgName: string): Plan => {
  const { command } = planning;
  const { native, networkSystem } = targetSwitch(planning);
  return {
    host: command.host,
    queue: HOST_NATIVE,
    steps: [
      step(
        'remove port group',
        'pivot',
        call('RemovePortGroup', { _this: moRef('HostNetworkSystem', networkSystem), pgName }),
        probe('portgroup-absent', { networkSystem, name: pgName }),
      ),
    ],
    touches: [{ kind: 'network', native: native.native }],
  };
};

export const planRemovePortgroup = async (planning: Planning): Promise<Plan> =>
  removePortgroup(planning, paramsOf(planning, 'network.removePortgroup').name);

/** The switch stays: other port groups may be on it. */
export const planNetworkDelete = async (planning: Planning): Promise<Plan> =>
  removePortgroup(planning, found('network', planning.command.target, planning).doc.name);
