/** Targets and arguments of a call in, the store's entries with their generic documents out. */
import type { Call } from '../../generic/call.ts';
import type { HubId } from '../../generic/ids.ts';
import type { DocumentKind, Documents, Host, Network, Storage, Vm } from '../../generic/model.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import type { Entry } from '../../generic/store-view.ts';
import { hubIdOf } from '../ids.ts';
import { escapeName } from '../names.ts';
import { isMoRef } from '../values.ts';
import { render } from './effects.ts';
import { refuseDirectly } from './refusal.ts';

export interface Found<K extends DocumentKind> {
  readonly id: HubId;
  readonly entry: Entry;
  readonly doc: Documents[K];
}

const missing = (type: string, id: string): never => refuseDirectly('object-not-found', { type, id });

const RENDER_TRIES = 8;

/** Documents of these entries at their current version; what vanished meanwhile is left out. */
export function* documents<K extends DocumentKind>(
  kind: K,
  entries: readonly Entry[],
  { store }: BrokerContext,
): Brokered<readonly Found<K>[]> {
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

/** The object of a reference; a direct ManagedObjectNotFound where there is none on this front's host. */
export function* objectOf<K extends DocumentKind>(
  kind: K,
  ref: { readonly type: string; readonly value: string },
  context: BrokerContext,
): Brokered<Found<K>> {
  const id = hubIdOf(ref);
  const entry = id && context.store.entry(id);
  if (!entry || entry.kind !== kind || entry.host !== context.front.host) return missing(ref.type, ref.value);
  const [found] = yield* documents(kind, [entry], context);
  return found ?? missing(ref.type, ref.value);
}

export const targetOf = <K extends DocumentKind>(
  kind: K,
  { target }: Call,
  context: BrokerContext,
): Brokered<Found<K>> => objectOf(kind, { type: target.type, value: target.id }, context);

export const vms = (context: BrokerContext): Brokered<readonly Found<'vm'>[]> =>
  documents('vm', context.store.list('vm', context.front.host), context);

export const storages = (context: BrokerContext): Brokered<readonly Found<'storage'>[]> =>
  documents('storage', context.store.list('storage', context.front.host), context);

export const networks = (context: BrokerContext): Brokered<readonly Found<'network'>[]> =>
  documents('network', context.store.list('network', context.front.host), context);

export function* hostOf(context: BrokerContext): Brokered<Host | undefined> {
  const entry = context.store.entry(context.front.host);
  const [found] = entry ? yield* documents('host', [entry], context) : [];
  return found?.doc;
}

/** A client writes a name as it reads it, escaped, or as people write it. */
export const isNamed = (doc: Storage | Network, name: string): boolean =>
  doc.name === name || escapeName(doc.name) === name;

export const referenceOf = (arg: unknown): { readonly type: string; readonly value: string } | undefined =>
  isMoRef(arg) ? arg : undefined;

/** Running, as far as changing its devices goes. */
export const isOn = ({ powerState }: Pick<Vm, 'powerState'>): boolean =>
  powerState === 'running' || powerState === 'paused';
