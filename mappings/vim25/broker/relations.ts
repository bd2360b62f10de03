/** Which objects belong to which: reference properties that are never in rendered text, by type and property, from the store's edges. */
import type { HubId } from '../../generic/ids.ts';
import type { DocumentKind } from '../../generic/model.ts';
import { table } from '../../generic/table.ts';
import { FURNITURE as F, refOf } from '../ids.ts';
import {
  childPools,
  isRoot,
  machineRevision,
  placeOfMachine,
  poolOf,
  poolRef,
  poolRevision,
  poolsOf,
} from '../pools.ts';
import type { MoRef } from '../values.ts';
import type { Scope } from './scope.ts';

export interface Relation {
  readonly array: boolean;
  /** The store relation it comes from: its version is the property's. Absent: it never changes while the object lives. */
  readonly edge?: DocumentKind;
  /** Jobs come and go without moving edges. */
  readonly jobs?: boolean;
  /** Store version at which what is in own data last changed it. */
  readonly revision?: (scope: Scope, hub: HubId | undefined) => number;
  get(scope: Scope, hub: HubId | undefined): readonly MoRef[];
}

const refs = (ids: readonly HubId[]): MoRef[] => {
  const list: MoRef[] = [];
  for (const id of ids) {
    const ref = refOf(id);
    if (ref) list.push(ref);
  }
  return list;
};

const all =
  (kind: DocumentKind): Relation['get'] =>
  ({ context, host }) =>
    refs(context.store.list(kind, host).map(({ id }) => id));

const far =
  (to: DocumentKind): Relation['get'] =>
  ({ context }, hub) =>
    hub === undefined ? [] : refs(context.store.edges(hub, to));

const fixed = (...list: MoRef[]): Relation => ({ array: false, get: () => list });
const fixedArray = (...list: MoRef[]): Relation => ({ array: true, get: () => list });

/** Finished tasks stay in recentTask for ten minutes, as long as clients look for them. */
const RECENT_MS = 10 * 60 * 1000;
const MAX_RECENT = 200;

export const recentTasks = ({ context, host }: Scope, target?: HubId): readonly MoRef[] => {
  const sinceMs = context.now() - RECENT_MS;
  return refs(
    context.jobs
      .list(target === undefined ? { host, sinceMs } : { target, sinceMs })
      .slice(-MAX_RECENT)
      .map(({ id }) => id),
  );
};

const recentTask: Relation = {
  array: true,
  jobs: true,
  get: (scope, hub) => (hub === undefined ? [] : recentTasks(scope, hub)),
};

/** Every VM lies on a datastore, if only with its .vmx: without disks that is the host's first. */
const vmDatastore: Relation['get'] = (scope, hub) => {
  const found = far('storage')(scope, hub);
  return found.length > 0
    ? found
    : refs(
        scope.context.store
          .list('storage', scope.host)
          .slice(0, 1)
          .map(({ id }) => id),
      );
};

const revision = ({ context }: Scope): number => poolRevision(context);

const vmPool: Relation['get'] = ({ context }, hub) => {
  const entry = hub && context.store.entry(hub);
  return [entry ? poolRef(placeOfMachine(context, entry.uuid)) : F.rootPool];
};

/** Which pool it is decides what is in it; without child pools all machines are in the one that is. */
const inPool =
  (moid: string): Relation['get'] =>
  ({ context, host }) => {
    const machines = context.store.list('vm', host);
    const isIn = isRoot(moid) && poolsOf(context).length === 0 ? undefined : moid;
    return refs(
      machines.filter(({ uuid }) => isIn === undefined || placeOfMachine(context, uuid) === isIn).map(({ id }) => id),
    );
  };

const poolRelation = (moid: string, property: string): Relation | undefined => {
  switch (property) {
    case 'parent':
      return isRoot(moid)
        ? fixed(F.computeResource)
        : {
            array: false,
            revision,
            get: ({ context }) => [poolRef(poolOf(context, moid)?.parent ?? F.rootPool.value)],
          };
    case 'owner':
      return fixed(F.computeResource);
    case 'resourcePool':
      return {
        array: true,
        revision,
        get: ({ context }) => childPools(context, moid).map((pool) => poolRef(pool.moid)),
      };
    case 'vm':
      return { array: true, edge: 'vm', revision, get: inPool(moid) };
    case 'recentTask':
      return fixedArray();
    default:
      return undefined;
  }
};

export const RELATIONS = table<Readonly<Record<string, Relation>>>({
  VirtualMachine: {
    parent: fixed(F.vmFolder),
    resourcePool: {
      array: false,
      revision: ({ context }, hub) => machineRevision(context, (hub && context.store.entry(hub)?.uuid) ?? ''),
      get: vmPool,
    },
    environmentBrowser: fixed(F.environmentBrowser),
    datastore: { array: true, edge: 'storage', get: vmDatastore },
    network: { array: true, edge: 'network', get: far('network') },
    recentTask,
  },
  Datastore: {
    parent: fixed(F.datastoreFolder),
    browser: fixed(F.datastoreBrowser),
    vm: { array: true, edge: 'vm', get: far('vm') },
    recentTask,
  },
  Network: {
    parent: fixed(F.networkFolder),
    host: fixedArray(F.host),
    vm: { array: true, edge: 'vm', get: far('vm') },
    recentTask,
  },
  HostSystem: {
    parent: fixed(F.computeResource),
    datastoreBrowser: fixed(F.datastoreBrowser),
    vm: { array: true, edge: 'vm', get: all('vm') },
    datastore: { array: true, edge: 'storage', get: all('storage') },
    network: { array: true, edge: 'network', get: all('network') },
    recentTask,
  },
  ComputeResource: {
    parent: fixed(F.hostFolder),
    resourcePool: fixed(F.rootPool),
    environmentBrowser: fixed(F.environmentBrowser),
    host: fixedArray(F.host),
    datastore: { array: true, edge: 'storage', get: all('storage') },
    network: { array: true, edge: 'network', get: all('network') },
    recentTask: fixedArray(),
  },
  HostDatastoreBrowser: {
    datastore: { array: true, edge: 'storage', get: all('storage') },
  },
  EnvironmentBrowser: {
    datastoreBrowser: fixed(F.datastoreBrowser),
  },
  Datacenter: {
    parent: fixed(F.rootFolder),
    vmFolder: fixed(F.vmFolder),
    hostFolder: fixed(F.hostFolder),
    datastoreFolder: fixed(F.datastoreFolder),
    networkFolder: fixed(F.networkFolder),
    datastore: { array: true, edge: 'storage', get: all('storage') },
    network: { array: true, edge: 'network', get: all('network') },
    recentTask: fixedArray(),
  },
});

/** Folders differ by moid: what is in each, and above it. */
export const FOLDERS = table<{
  readonly name: string;
  readonly childType: readonly string[];
  readonly parent?: MoRef;
  readonly children: Relation;
}>({
  [F.rootFolder.value]: { name: 'ha-folder-root', childType: ['Datacenter'], children: fixedArray(F.datacenter) },
  [F.vmFolder.value]: {
    name: 'vm',
    childType: ['VirtualMachine'],
    parent: F.datacenter,
    children: { array: true, edge: 'vm', get: all('vm') },
  },
  [F.hostFolder.value]: {
    name: 'host',
    childType: ['ComputeResource'],
    parent: F.datacenter,
    children: fixedArray(F.computeResource),
  },
  [F.datastoreFolder.value]: {
    name: 'datastore',
    childType: ['Datastore'],
    parent: F.datacenter,
    children: { array: true, edge: 'storage', get: all('storage') },
  },
  [F.networkFolder.value]: {
    name: 'network',
    childType: ['Network'],
    parent: F.datacenter,
    children: { array: true, edge: 'network', get: all('network') },
  },
});

/** The relation of one property of one object; undefined: not a relation. */
export const relationOf = (
  ref: { readonly type: string; readonly value: string },
  property: string,
): Relation | undefined => {
  if (ref.type === 'Folder') {
    const folder = FOLDERS[ref.value];
    if (!folder) return undefined;
    if (property === 'childEntity') return folder.children;
    if (property === 'parent') return folder.parent ? fixed(folder.parent) : { array: false, get: () => [] };
    return undefined;
  }
  if (ref.type === 'ResourcePool') return poolRelation(ref.value, property);
  const relations = RELATIONS[ref.type];
  return relations && Object.hasOwn(relations, property) ? relations[property] : undefined;
};
