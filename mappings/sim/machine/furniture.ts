/** Storages and networks of the simulated host, made, extended and taken away; the host itself in maintenance. */
import type { Network } from '../../generic/model.ts';
import {
  type Args,
  count,
  drop,
  flag,
  gone,
  isFileName,
  isForeign,
  isName,
  type NetworkRecord,
  OBJECTS_MAX,
  type Procedure,
  put,
  refuse,
  type SimEvent,
  type SimState,
  type Step,
  type StorageRecord,
  text,
  textOr,
  took,
} from './state.ts';
import { usersOf, volumeEvent } from './volumes.ts';

const storageEvent = (native: string, hint: string): SimEvent => ({
  procedure: 'EVENT.storage',
  args: { native, hint },
});
const networkEvent = (native: string, hint: string): SimEvent => ({
  procedure: 'EVENT.network',
  args: { native, hint },
});

/** What a storage made by a client has: it lies nowhere, so it is as large as is useful. */
const CAPACITY_BYTES = 1024 ** 4;

const createStorage: Procedure = (state, args) => {
  const name = text(args, 'name');
  if (!isFileName(name)) return refuse(state, 'invalid-name', { name }, `"${name}" is no name for a storage.`);
  if (state.storages.has(name))
    return refuse(state, 'duplicate-name', { name }, `The storage "${name}" already exists.`);
  if (state.storages.size >= OBJECTS_MAX)
    return refuse(state, 'too-many', { limit: OBJECTS_MAX }, 'The simulated host holds no more storages.');
  const [remoteHost, remotePath] = [textOr(args, 'remoteHost', ''), textOr(args, 'remotePath', '')];
  const record: StorageRecord = {
    native: name,
    doc: {
      name,
      uuid: text(args, 'uuid'),
      kind: remoteHost === '' ? 'local' : 'nfs',
      path: text(args, 'path'),
      capacityBytes: CAPACITY_BYTES,
      allocationBytes: 0,
      availableBytes: CAPACITY_BYTES,
      accessible: true,
      autostart: true,
      ...(remoteHost === '' ? {} : { remoteHost }),
      ...(remotePath === '' ? {} : { remotePath }),
    },
    madeBy: textOr(args, 'mark', ''),
  };
  return took({ ...state, storages: put(state.storages, name, record) }, [storageEvent(name, 'storage.added')]);
};

const deleteStorage: Procedure = (state, args) => {
  const name = text(args, 'storage');
  const record = state.storages.get(name);
  if (!record || isForeign(record, args)) return gone(state, 'storage', name);
  const held = [...state.volumes.values()].filter(({ doc }) => doc.storageName === name);
  if (held.some((volume) => usersOf(state, volume).length > 0))
    return refuse(state, 'busy', {}, `The storage "${name}" is in use.`);
  const volumes = new Map(state.volumes);
  for (const { native } of held) volumes.delete(native);
  const events = held.map(({ native }) => volumeEvent(native, 'volume.deleted'));
  return took({ ...state, storages: drop(state.storages, name), volumes }, [
    ...events,
    storageEvent(name, 'storage.removed'),
  ]);
};

const setActive: Procedure = (state, args) => {
  const name = text(args, 'storage');
  const record = state.storages.get(name);
  if (!record) return gone(state, 'storage', name);
  const accessible = args['active'] === true;
  const isRunning = (native: string): boolean => {
    const power = state.vms.get(native)?.doc.powerState;
    return power === 'running' || power === 'paused';
  };
  const held = [...state.volumes.values()].filter(({ doc }) => doc.storageName === name);
  if (!accessible && held.some((volume) => usersOf(state, volume).some(isRunning)))
    return refuse(state, 'busy', {}, `The storage "${name}" is in use.`);
  const next = { ...record, doc: { ...record.doc, accessible } };
  return took({ ...state, storages: put(state.storages, name, next) }, [storageEvent(name, 'storage.changed')]);
};

const refreshStorage: Procedure = (state, args) => {
  const name = text(args, 'storage');
  return state.storages.has(name) ? took(state, [storageEvent(name, 'storage.changed')]) : gone(state, 'storage', name);
};

const createNetwork: Procedure = (state, args) => {
  const name = text(args, 'name');
  if (!isName(name)) return refuse(state, 'invalid-name', { name }, `"${name}" is no name for a network.`);
  if (state.networks.has(name))
    return refuse(state, 'duplicate-name', { name }, `The network "${name}" already exists.`);
  if (state.networks.size >= OBJECTS_MAX)
    return refuse(state, 'too-many', { limit: OBJECTS_MAX }, 'The simulated host holds no more networks.');
  const uplinks = args['uplinks'] as readonly string[];
  const doc: Network = {
    name,
    uuid: text(args, 'uuid'),
    bridge: text(args, 'bridge'),
    mode: uplinks.length > 0 ? 'bridge' : 'isolated',
    active: true,
    autostart: true,
    portgroups: [],
    uplinks: [...uplinks],
  };
  return took(
    { ...state, networks: put(state.networks, name, { native: name, doc, madeBy: textOr(args, 'mark', '') }) },
    [networkEvent(name, 'network.added')],
  );
};

const onNetwork =
  (act: (state: SimState, record: NetworkRecord, args: Args) => Step): Procedure =>
  (state, args) => {
    const native = text(args, 'network');
    const record = state.networks.get(native);
    return record && !isForeign(record, args) ? act(state, record, args) : gone(state, 'network', native);
  };

const isUsed = (state: SimState, name: string): boolean =>
  [...state.vms.values()].some(({ doc }) => doc.nics.some(({ networkName }) => networkName === name));

const withNetwork = (state: SimState, record: NetworkRecord, portgroups: Network['portgroups']): Step =>
  took({ ...state, networks: put(state.networks, record.native, { ...record, doc: { ...record.doc, portgroups } }) }, [
    networkEvent(record.native, 'network.changed'),
  ]);

const addPortgroup = onNetwork((state, record, args) => {
  const [name, vlan] = [text(args, 'name'), count(args, 'vlan')];
  if (!isName(name)) return refuse(state, 'invalid-name', { name }, `"${name}" is no name for a port group.`);
  if (vlan < 0 || vlan > 4095)
    return refuse(state, 'invalid-argument', { property: 'vlan' }, 'A VLAN is a number from 0 to 4095.');
  const isTaken =
    state.networks.has(name) ||
    [...state.networks.values()].some(({ doc }) => doc.portgroups.some((one) => one.name === name));
  if (isTaken) return refuse(state, 'already-exists', { name }, `The port group "${name}" already exists.`);
  return withNetwork(state, record, [...record.doc.portgroups, { name, vlan }]);
});

const removePortgroup = onNetwork((state, record, args) => {
  const name = text(args, 'name');
  if (!record.doc.portgroups.some((one) => one.name === name)) return gone(state, 'portgroup', name);
  if (isUsed(state, name)) return refuse(state, 'busy', {}, `The port group "${name}" is in use.`);
  return withNetwork(
    state,
    record,
    record.doc.portgroups.filter((one) => one.name !== name),
  );
});

const deleteNetwork = onNetwork((state, { native, doc }) =>
  isUsed(state, native) || doc.portgroups.some(({ name }) => isUsed(state, name))
    ? refuse(state, 'busy', {}, `The network "${native}" is in use.`)
    : took({ ...state, networks: drop(state.networks, native) }, [networkEvent(native, 'network.removed')]),
);

const setMaintenance: Procedure = (state, args) => {
  const maintenance = flag(args, 'on');
  const up = [...state.vms.values()].find(({ doc }) => doc.powerState === 'running' || doc.powerState === 'paused');
  if (maintenance && up) return refuse(state, 'invalid-state', {}, `The VM "${up.doc.name}" runs on the host.`);
  return took({ ...state, host: { ...state.host, maintenance } });
};

export const FURNITURE = {
  'STORAGE.create': createStorage,
  'STORAGE.delete': deleteStorage,
  'STORAGE.refresh': refreshStorage,
  'STORAGE.setActive': setActive,
  'NETWORK.create': createNetwork,
  'NETWORK.delete': deleteNetwork,
  'NETWORK.addPortgroup': addPortgroup,
  'NETWORK.removePortgroup': removePortgroup,
  'HOST.setMaintenance': setMaintenance,
} satisfies Record<string, Procedure>;
