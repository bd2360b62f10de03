/** The world of a front, brought up to the present version of store, jobs and own data before anybody reads it. */
import type { HubId } from '../../generic/ids.ts';
import { kindOf } from '../../generic/ids.ts';
import type { DocumentKind } from '../../generic/model.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import { type OwnChange, ownChangedSince } from '../own-data.ts';
import { dropInheritance, hasInheritance, inherit } from './inheritance.ts';
import { World } from './world.ts';

/** Nothing here is a truth. */
export interface Caches {
  world: World | undefined;
  /** One that is being built; what it ends with is done step by step, by whoever is there. */
  begun: { readonly world: World; readonly completion: Iterator<undefined, void> } | undefined;
  /** When ended tasks were last looked through, in ms. */
  expiredMs: number;
  /** Encoded snapshots of the newest events, shared by all who wait: by encoding, reference and version. */
  readonly snapshots: { readonly texts: Map<string, string>; length: number };
  /** Whole answers to event.from at one version of the world. */
  answers: { readonly version: number; readonly texts: Map<string, string> };
}

export const makeCaches = (): Caches => ({
  world: undefined,
  begun: undefined,
  expiredMs: 0,
  snapshots: { texts: new Map(), length: 0 },
  answers: { version: -1, texts: new Map() },
});

export interface Scope {
  readonly context: BrokerContext;
  readonly caches: Caches;
}

/** Kinds before those that show facts of them, so that little has to be looked at twice. */
const KINDS = ['host', 'storage', 'volume', 'network', 'vm'] as const satisfies readonly DocumentKind[];
const isKind = (id: HubId): boolean => (KINDS as readonly string[]).includes(kindOf(id));

/** Rendered and taken in together: a batch that holds the thread for a few milliseconds. */
const SLICE = 64;
const EXPIRE_EVERY_MS = 60_000;
/** What changes faster than it can be rendered is left to the next reader. */
const TRIES = 4;

const allOf = ({ store, front }: BrokerContext): HubId[] =>
  KINDS.flatMap((kind) => store.list(kind, front.host).map(({ id }) => id));

/** Documents of all of these, slice by slice; the next slice is begun while one is taken in. */
function* renderSlices(
  ids: readonly HubId[],
  { store }: BrokerContext,
  take: (slice: readonly HubId[]) => void,
): Brokered<void> {
  const without = (slice: readonly HubId[]): HubId[] =>
    slice.filter((id) => store.entry(id) !== undefined && store.rendered(id) === undefined);
  for (let at = 0; at < ids.length; at += SLICE) {
    const slice = ids.slice(at, at + SLICE);
    const missing = without(slice);
    if (missing.length > 0 || ids.length > SLICE)
      yield { effect: 'render', ids: missing, ahead: without(ids.slice(at + SLICE, at + 2 * SLICE)) };
    take(slice);
  }
}

/** undefined: the store has forgotten what changed. */
const changedIds = (world: World, { store, front }: BrokerContext): Set<HubId> | undefined => {
  const changes = store.changedSince(world.version);
  if (changes === undefined) return undefined;
  const ids = new Set(world.late);
  for (const { id, gone } of changes) if (isKind(id) && (gone || store.entry(id)?.host === front.host)) ids.add(id);
  return ids;
};

/** Without a pause: between the look at the versions and the last change made here nothing else runs. */
const apply = (world: World, ids: Iterable<HubId>, own: readonly OwnChange[], context: BrokerContext): void => {
  const { store, jobs } = context;
  const from = world.version;
  const upTo = store.version;
  const jobIds = jobs.changedSince(from);
  const list = [...ids];
  // What was told at this version already is told again under a new one.
  const isNews = upTo === from && list.some((id) => store.rendered(id) !== undefined || !store.entry(id));
  const version = isNews ? context.nextVersion() : upTo;
  for (const id of list) {
    const isThere = store.entry(id) !== undefined;
    const members = isThere ? store.rendered(id) : [];
    if (members === undefined) world.late.add(id);
    else {
      world.late.delete(id);
      world.putMembers(id, members, version, context);
    }
  }
  for (const id of jobIds) {
    const job = jobs.get(id);
    if (job !== undefined) world.putJob(job, version, context);
  }
  for (const { ref } of own) world.ownChanged(ref, version, context);
  world.settle(version, context);
  world.version = version;
};

/** When every member is there: own data and jobs, what follows from all of it, and what clients of an earlier program know. */
function* complete(world: World, context: BrokerContext): Generator<undefined, void> {
  const { version } = world;
  const { jobs, front } = context;
  while (world.settle(version, context, SLICE)) yield;
  for (const job of jobs.list({ host: front.host })) world.putJob(job, version, context);
  world.putAllOwn(version, context);
  while (world.settle(version, context, SLICE)) yield;
  yield* inherit(world, context);
}

const begin = (context: BrokerContext): NonNullable<Caches['begun']> => {
  // Newer than whatever an earlier program told.
  const world = new World(hasInheritance(context) ? context.nextVersion() : context.store.version);
  return { world, completion: complete(world, context) };
};

/** The world from nothing. Others may be at it as well: all put into the same one, and whoever is ready first hands it over. */
function* build({ context, caches }: Scope): Brokered<void> {
  const { store } = context;
  caches.begun ??= begin(context);
  const { begun } = caches;
  const { world, completion } = begun;
  // What changes from here on is taken in as a change.
  const { version } = world;
  const take = (slice: readonly HubId[]): void => {
    // It was handed over meanwhile: what changed since is a change.
    if (caches.begun !== begun) return;
    for (const id of slice) {
      const members = store.entry(id) === undefined ? [] : store.rendered(id);
      if (members === undefined) world.late.add(id);
      else {
        world.late.delete(id);
        world.putMembers(id, members, version, context);
      }
    }
  };
  yield* renderSlices(allOf(context), context, take);
  // What is not there would be told as gone.
  for (let tries = 0; tries < TRIES && world.late.size > 0; tries++)
    yield* renderSlices([...world.late], context, take);
  while (caches.begun === begun && completion.next().done !== true) yield { effect: 'render', ids: [] };
  if (caches.begun !== begun) return;
  world.settle(version, context);
  dropInheritance(context);
  caches.begun = undefined;
  caches.world = world;
}

const expire = (world: World, { context, caches }: Scope): void => {
  const nowMs = context.now();
  if (nowMs - caches.expiredMs < EXPIRE_EVERY_MS) return;
  caches.expiredMs = nowMs;
  world.expireTasks(context);
};

/** The world as it is now. */
export function* sync(scope: Scope): Brokered<World> {
  const { context, caches } = scope;
  const { store } = context;
  for (let tries = 0; ; tries++) {
    const { world } = caches;
    if (world === undefined) {
      yield* build(scope);
      continue;
    }
    expire(world, scope);
    if (world.version === store.version && (world.late.size === 0 || tries > 0)) return world;
    const wanted = changedIds(world, context);
    if (wanted === undefined) {
      // Who asks for events since a version of the old world is told that they are lost.
      caches.world = undefined;
      continue;
    }
    yield* renderSlices([...wanted], context, () => {});
    // Of many who wait together the first takes it in for all.
    if (caches.world !== world || (world.version === store.version && world.late.size === 0)) continue;
    const ids = changedIds(world, context);
    const own = ownChangedSince(context, world.version);
    if (ids === undefined || own === undefined) {
      caches.world = undefined;
      continue;
    }
    apply(world, ids, own, context);
    if (tries >= TRIES) return world;
  }
}
