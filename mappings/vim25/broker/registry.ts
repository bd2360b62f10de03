/** References in, managed objects out: hub objects from the store and its rendered bundles, furniture from the services that make it. */
import { type HubId, kindOf } from '../../generic/ids.ts';
import type { Brokered } from '../../generic/platform.ts';
import { FURNITURE as F, hubIdOf, refKey, refOf } from '../ids.ts';
import { escapeName } from '../names.ts';
import { poolOf } from '../pools.ts';
import { type MoRef, moRef } from '../values.ts';
import { FurnitureObject, type Made } from './furniture.ts';
import { type ManagedObject, referencesIn } from './managed-object.ts';
import { FOLDERS, relationOf } from './relations.ts';
import { memberIn, RenderedObject } from './rendered.ts';
import type { Scope } from './scope.ts';

/** Makes the furniture of one type; undefined: no such object. */
export type Maker = (scope: Scope, ref: MoRef) => Made | undefined;

const HOST_MEMBERS = new Set(
  [
    F.host,
    F.computeResource,
    F.rootPool,
    F.networkSystem,
    F.virtualNicManager,
    F.storageSystem,
    F.datastoreSystem,
    F.serviceSystem,
    F.firewallSystem,
    F.dateTimeSystem,
    F.autoStartManager,
    F.certificateManager,
    F.datastoreBrowser,
    F.environmentBrowser,
  ].map(refKey),
);

const entityBasics = (name: string): Made => ({
  values: {
    name: () => name,
    overallStatus: () => 'green',
    configStatus: () => 'green',
    alarmActionsEnabled: () => false,
    disabledMethod: () => [],
  },
});

const folder: Maker = (_scope, ref) => {
  const known = FOLDERS[ref.value];
  if (!known) return undefined;
  const basics = entityBasics(known.name);
  return { values: { ...basics.values, childType: () => known.childType } };
};

const datacenter: Maker = (_scope, ref) =>
  ref.value === F.datacenter.value
    ? { values: { ...entityBasics('ha-datacenter').values, configuration: () => ({ _type: 'DatacenterConfigInfo' }) } }
    : undefined;

/** Snapshots whose bundle has no member of their own. */
const makers = new Map<string, Maker>([
  ['Folder', folder],
  ['Datacenter', datacenter],
]);

/** Services register what they make; twice is our bug. */
export const furnish = (type: string, maker: Maker): void => {
  if (makers.has(type)) throw new Error(`two makers of ${type}`);
  makers.set(type, maker);
};

/** The hub object whose bundle holds the object; undefined for furniture. Says nothing of whether it exists. */
export const bundleOf = (scope: Scope, ref: { readonly type: string; readonly value: string }): HubId | undefined => {
  if (HOST_MEMBERS.has(refKey(ref))) return scope.host;
  const id = hubIdOf(ref);
  if (id === undefined || kindOf(id) === 'job') return undefined;
  return kindOf(id) === 'snapshot' ? scope.context.store.owner(id)?.owner : id;
};

/** One front serves one host: objects of others are not there. */
export const isOurs = (scope: Scope, id: HubId): boolean => {
  const entry = scope.context.store.entry(id);
  return entry !== undefined && (entry.host === scope.host || id === scope.host);
};

export const exists = (scope: Scope, ref: { readonly type: string; readonly value: string }): boolean => {
  const bundle = bundleOf(scope, ref);
  if (bundle !== undefined) return isOurs(scope, bundle);
  return makers.get(ref.type)?.(scope, moRef(ref.type, ref.value)) !== undefined;
};

/** As far as it is rendered now: what a stale bundle would hold reads as unset. Bring it up with `renderAll` first. */
export const find = (scope: Scope, ref: MoRef): ManagedObject | undefined => {
  const bundle = bundleOf(scope, ref);
  if (bundle !== undefined) {
    if (!isOurs(scope, bundle)) return undefined;
    const document = memberIn(scope.context.store.rendered(bundle), ref);
    const made = document ? undefined : makers.get(ref.type)?.(scope, ref);
    return made ? new FurnitureObject(scope, ref, made) : new RenderedObject(scope, ref, bundle, document);
  }
  const made = makers.get(ref.type)?.(scope, ref);
  return made && new FurnitureObject(scope, ref, made);
};

const RENDER_TRIES = 8;

/** Brings whatever of these is not at its current version up to it: what others change meanwhile is rendered again, lest it reads as unset. */
export function* renderAll(scope: Scope, ids: Iterable<HubId>): Brokered<void> {
  const { store } = scope.context;
  let wanted = [...ids];
  for (let tries = 0; tries < RENDER_TRIES; tries++) {
    wanted = wanted.filter((id) => store.entry(id) && store.rendered(id) === undefined);
    if (wanted.length === 0) return;
    yield { effect: 'render', ids: wanted };
  }
}

/** Properties whose references are known without rendering anything. */
const withoutText = (ref: { readonly type: string; readonly value: string }, path: string): boolean =>
  relationOf(ref, path) !== undefined || bundleless(ref);

const bundleless = (ref: { readonly type: string; readonly value: string }): boolean =>
  !HOST_MEMBERS.has(refKey(ref)) && (hubIdOf(ref) === undefined || ref.type === 'Task');

/** What a selection depends on besides the shape of the inventory and the members of views. */
export interface Reading {
  text: boolean;
  /** Jobs, or values of the broker's own objects: they change without a trace. */
  loose: boolean;
}

const isView = (ref: MoRef, path: string): boolean =>
  path === 'view' && (ref.type === 'ContainerView' || ref.type === 'ListView' || ref.type === 'InventoryView');

/** References a property holds, for traversal. A property that does not exist holds none: base types of a spec match many. */
export function* references(scope: Scope, ref: MoRef, path: string, reading: Reading): Brokered<readonly MoRef[]> {
  const relation = relationOf(ref, path);
  const bundle = bundleOf(scope, ref);
  if (relation) {
    if (relation.jobs === true) reading.loose = true;
    return relation.get(scope, bundle);
  }
  if (bundle === undefined && !isView(ref, path)) reading.loose = true;
  if (!withoutText(ref, path) && bundle !== undefined) {
    reading.text = true;
    yield* renderAll(scope, [bundle]);
  }
  const property = find(scope, ref)?.property(path);
  return property === undefined || property === 'unset' || property === 'invalid' ? [] : referencesIn(property, moRef);
}

/** The name without rendering, escaped as vim25 shows it; undefined for what has none. */
export const nameOf = (scope: Scope, ref: MoRef): string | undefined => {
  const fixed = FOLDERS[ref.value]?.name;
  if (ref.type === 'Folder') return fixed;
  if (ref.type === 'Datacenter') return 'ha-datacenter';
  if (ref.type === 'ResourcePool') {
    const pool = poolOf(scope.context, ref.value);
    return pool === undefined ? 'Resources' : escapeName(pool.name);
  }
  const id = hubIdOf(ref) ?? (ref.type === 'HostSystem' || ref.type === 'ComputeResource' ? scope.host : undefined);
  const entry = id === undefined ? undefined : scope.context.store.entry(id);
  return entry && escapeName(entry.name);
};

/** What is below an entity in the inventory, in the order clients list it. */
export const childrenOf = (scope: Scope, ref: MoRef): readonly MoRef[] => {
  switch (ref.type) {
    case 'Folder':
      return relationOf(ref, 'childEntity')?.get(scope, undefined) ?? [];
    case 'Datacenter':
      return [F.vmFolder, F.hostFolder, F.datastoreFolder, F.networkFolder];
    case 'ComputeResource':
      return [F.host, F.rootPool];
    case 'ResourcePool':
      return ['resourcePool', 'vm'].flatMap((property) => relationOf(ref, property)?.get(scope, undefined) ?? []);
    default:
      return [];
  }
};

export const refsOf = (ids: readonly HubId[]): MoRef[] => ids.map(refOf).filter((ref) => ref !== undefined);
