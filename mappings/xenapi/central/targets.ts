/** References in, the hub's objects with their documents out; HANDLE_INVALID where there is none on this front's host. */
import { type HubId, kindOf } from '../../generic/ids.ts';
import type { DocumentKind, Documents, Snapshot } from '../../generic/model.ts';
import type { Brokered } from '../../generic/platform.ts';
import type { Entry } from '../../generic/store-view.ts';
import { DEFAULT_TEMPLATES, type DefaultTemplate } from '../default-templates.ts';
import { parseRef, refOf, type XenId, xenId } from '../ids.ts';
import { refusalOf, type Standing } from '../lifecycle.ts';
import { isForgotten, readOwn } from '../own-data.ts';
import { xenPowerState } from '../states.ts';
import { attributeMap } from '../vm-attributes.ts';
import { invalidHandle, notSupported, refuse } from './refusal.ts';
import { render, type Work } from './work.ts';

export interface Found<K extends DocumentKind> {
  readonly id: HubId;
  readonly ref: string;
  readonly entry: Entry;
  readonly doc: Documents[K];
}

const RENDER_TRIES = 8;

/** Documents of these entries at their current version; what vanished meanwhile is left out. */
export function* documents<K extends DocumentKind>(
  kind: K,
  entries: readonly Entry[],
  { context }: Work,
): Brokered<readonly { readonly id: HubId; readonly entry: Entry; readonly doc: Documents[K] }[]> {
  const { store } = context;
  // What changes while it is rendered is rendered again: it has not vanished.
  for (let tries = 0; tries < RENDER_TRIES; tries++) {
    const absent = entries.filter(({ id }) => store.entry(id) !== undefined && store.generic(kind, id) === undefined);
    if (absent.length === 0) break;
    yield* render(absent.map(({ id }) => id));
  }
  return entries.flatMap((entry) => {
    const doc = store.generic(kind, entry.id);
    return doc ? [{ id: entry.id, entry, doc }] : [];
  });
}

export const idOf = (cls: string, ref: string, { context }: Pick<Work, 'context'>): XenId => {
  const id = parseRef(ref, context.front);
  return id?.cls === cls ? id : invalidHandle(cls, ref);
};

function* found<K extends DocumentKind>(kind: K, cls: string, ref: string, id: HubId, work: Work): Brokered<Found<K>> {
  const { store, front } = work.context;
  const entry = store.entry(id);
  if (entry?.kind !== kind || entry.host !== front.host) return invalidHandle(cls, ref);
  const [one] = yield* documents(kind, [entry], work);
  return one ? { ...one, ref } : invalidHandle(cls, ref);
}

/** Of classes whose objects are hub objects themselves. */
const objectOf =
  <K extends DocumentKind>(kind: K, cls: string) =>
  (ref: string, work: Work): Brokered<Found<K>> => {
    const id = idOf(cls, ref, work);
    return found(kind, cls, ref, id.part === 0 ? id.owner : ('' as HubId), work);
  };

/** What lies outside every storage is shown in one of its own, in which nothing can be made. */
export const storageOf = (ref: string, work: Work): Brokered<Found<'storage'>> => {
  if (idOf('SR', ref, work).owner === work.context.front.host) return refuse('SR_OPERATION_NOT_SUPPORTED', ref);
  return objectOf('storage', 'SR')(ref, work);
};
export const storageOfPbd = (ref: string, work: Work): Brokered<Found<'storage'>> => {
  const { owner } = idOf('PBD', ref, work);
  const { front } = work.context;
  if (owner === front.host) return refuse('SR_OPERATION_NOT_SUPPORTED', refOf(xenId('SR', owner), front));
  return shownPbd(ref, work);
};
function* shownPbd(ref: string, work: Work): Brokered<Found<'storage'>> {
  const storage = yield* objectOf('storage', 'PBD')(ref, work);
  return isForgotten(work.context, ref) && !storage.doc.accessible ? invalidHandle('PBD', ref) : storage;
}
/** Interfaces of the host are networks too, but none that a machine can be in. */
export const networkOf = (ref: string, work: Work): Brokered<Found<'network'>> => {
  if (idOf('network', ref, work).owner === work.context.front.host)
    return notSupported('network', ref, 'no machine can be attached to an interface of the host itself');
  return objectOf('network', 'network')(ref, work);
};
/** The one host. */
export const hostOf = objectOf('host', 'host');

// ---- VMs: machines, snapshots, the built-in templates, the control domain ----

export type XenVm =
  | ({ readonly kind: 'vm' } & Found<'vm'>)
  | {
      readonly kind: 'snapshot';
      readonly id: HubId;
      readonly ref: string;
      readonly vm: Found<'vm'>;
      readonly snapshot: Snapshot;
    }
  | { readonly kind: 'template'; readonly ref: string; readonly template: DefaultTemplate }
  | { readonly kind: 'dom0'; readonly ref: string };

export function* xenVmOf(ref: string, work: Work): Brokered<XenVm> {
  const { owner, part } = idOf('VM', ref, work);
  const { store, front } = work.context;
  // What may be done to a machine hangs on its host as well.
  yield* documents('host', [store.entry(front.host) ?? []].flat(), work);
  if (owner === front.host) {
    const template = DEFAULT_TEMPLATES.find((one) => one.part === part);
    if (template) return { kind: 'template', ref, template };
    return part === 0 ? { kind: 'dom0', ref } : invalidHandle('VM', ref);
  }
  if (kindOf(owner) === 'snapshot') {
    const at = store.owner(owner);
    if (!at) return invalidHandle('VM', ref);
    const vm = yield* found('vm', 'VM', ref, at.owner, work);
    const snapshot = vm.doc.snapshots.find(({ native }) => native === at.match);
    return snapshot ? { kind: 'snapshot', id: owner, ref, vm, snapshot } : invalidHandle('VM', ref);
  }
  return { kind: 'vm', ...(yield* found('vm', 'VM', ref, owner, work)) };
}

export const standingOf = (target: XenVm, { context }: Pick<Work, 'context'>): Standing => {
  const { ref } = target;
  const { store, front } = context;
  const plain = {
    ref,
    state: 'Halted',
    isTemplate: false,
    isDefaultTemplate: false,
    isSnapshot: false,
    isControlDomain: false,
    blocked: {},
  } as const;
  switch (target.kind) {
    case 'vm':
      return {
        ...plain,
        state: xenPowerState(target.doc.powerState),
        movesLive: store.generic('host', front.host)?.controls.includes('liveMoves') === true,
        hasSnapshots: target.doc.snapshots.length > 0,
        isTemplate: target.doc.template,
        blocked: attributeMap(target.doc, 'blocked_operations'),
      };
    case 'snapshot':
      return {
        ...plain,
        state: target.snapshot.hasMemory && target.snapshot.powerState !== 'stopped' ? 'Suspended' : 'Halted',
        isTemplate: readOwn(context, ref, 'is_a_template') !== false,
        isSnapshot: true,
      };
    case 'template':
      return { ...plain, isTemplate: true, isDefaultTemplate: true };
    case 'dom0':
      return { ...plain, state: 'Running', isControlDomain: true };
    default:
      return target satisfies never;
  }
};

export const checkOperation = (operation: string, target: XenVm, work: Pick<Work, 'context'>): void => {
  const refused = refusalOf(operation, standingOf(target, work));
  if (refused) refuse(...refused);
};

/** The machine itself, once the operation is known to be allowed on it. */
export function* machineOf(operation: string, work: Work): Brokered<Found<'vm'>> {
  const target = yield* xenVmOf(work.self, work);
  checkOperation(operation, target, work);
  return onlyMachine(target);
}

/** What is done to a VM of the host's own; snapshots and what is built in take no part. */
export const onlyMachine = (target: XenVm): Found<'vm'> => {
  switch (target.kind) {
    case 'vm':
      return target;
    case 'snapshot':
      return refuse('OPERATION_NOT_ALLOWED', 'The hardware of a snapshot cannot be changed');
    case 'template':
      return refuse('OPERATION_NOT_ALLOWED', 'A built-in template cannot be changed: clone it first');
    case 'dom0':
      return refuse('OPERATION_NOT_ALLOWED', 'This operation is not allowed on the control domain');
    default:
      return target satisfies never;
  }
};

export const isUp = ({ doc }: Pick<Found<'vm'>, 'doc'>): boolean =>
  doc.powerState === 'running' || doc.powerState === 'paused';

// ---- VDIs ----

/** A volume by its VDI; what lies outside every storage, or inside a snapshot, is no volume. */
export function* volumeOf(ref: string, work: Work): Brokered<Found<'volume'> & { readonly storage: HubId }> {
  const { owner, part } = idOf('VDI', ref, work);
  if (kindOf(owner) !== 'volume' || part !== 0) {
    const known = work.context.store.entry(owner) ?? work.context.store.owner(owner);
    return known ? refuse('VDI_NOT_MANAGED', ref) : invalidHandle('VDI', ref);
  }
  const volume = yield* found('volume', 'VDI', ref, owner, work);
  const { store, front } = work.context;
  const at = store.edges(volume.id, 'storage')[0];
  const storage = at ?? store.list('storage', front.host).find(({ name }) => name === volume.doc.storageName)?.id;
  return storage === undefined ? invalidHandle('VDI', ref) : { ...volume, storage };
}
