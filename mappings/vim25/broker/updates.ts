/** A filter, what its client has seen, and the store's changes in; ObjectUpdate text for what is new to that client out. */
import type { HubId } from '../../generic/ids.ts';
import type { Brokered } from '../../generic/platform.ts';
import { escapeText } from '../../wire/xml.ts';
import { encodeElement } from '../encode.ts';
import { refOfKey } from '../ids.ts';
import { movedSince, poolRevision } from '../pools.ts';
import type { FilterRecord } from './collectors.ts';
import { type FilterState, type Member, refreshMembers, selectionIsStale } from './filter-state.ts';
import type { ManagedObject, Property } from './managed-object.ts';
import { invalidProperty } from './plan.ts';
import { find, renderAll } from './registry.ts';
import type { Scope } from './scope.ts';
import { pathsFor } from './select.ts';
import { hasQuickStats, VOLATILE_MS } from './volatile.ts';

const TOLD_NOTHING = Number.POSITIVE_INFINITY;
const RENDER_AHEAD = 128;
const KEPT_LEAVES = 256;

/** What the client has: a store version, and the serial of the last answer it got (0: none). */
export interface Seen {
  readonly version: number;
  readonly serial: number;
}

/** What one answer tells of one filter: filled while it is written. */
export interface Told {
  readonly entered: string[];
  readonly gone: string[];
  count: number;
  truncated: boolean;
}

const assign = (path: string, property: Property): string =>
  property === 'unset' || property === 'invalid'
    ? `<changeSet><name>${escapeText(path)}</name><op>assign</op></changeSet>`
    : `<changeSet><name>${escapeText(path)}</name><op>assign</op><val${property.attributes}>${property.inner}</val></changeSet>`;

const objectUpdate = (kind: string, type: string, id: string, sets: string): string =>
  `<objectSet><kind>${kind}</kind><obj type="${type}">${escapeText(id)}</obj>${sets}</objectSet>`;

const isVolatilePath = (type: string, path: string): boolean =>
  hasQuickStats(type) && (path === 'summary' || path.startsWith('summary.quickStats'));

const noteUnset = (member: Member, path: string, property: Property): void => {
  if (property === 'unset' || property === 'invalid') {
    member.unset ??= new Set();
    member.unset.add(path);
  } else member.unset?.delete(path);
};

const stampOf = (property: Property): string =>
  typeof property === 'string' ? property : `${property.attributes}>${property.inner}`;

const noteStamp = (member: Member, path: string, property: Property): void => {
  member.stamps ??= new Map();
  member.stamps.set(path, stampOf(property));
};

/** Everything that is watched, for an object the client has not heard of. Unset ones are assigned no value. */
const whole = (scope: Scope, member: Member, object: ManagedObject, paths: readonly string[]): string => {
  let sets = '';
  let missing = '';
  for (const path of paths) {
    const property = object.property(path);
    if (property === 'invalid')
      missing += encodeElement('missingSet', 'MissingProperty', invalidProperty(path), scope.version);
    else sets += assign(path, property);
    noteUnset(member, path, property);
    if (object.changed(path) === undefined) noteStamp(member, path, property);
  }
  if (member.hub !== undefined && hasQuickStats(member.ref.type)) member.slots = scope.context.store.slots(member.hub);
  return objectUpdate('enter', member.ref.type, member.ref.value, sets + missing);
};

/** The watched paths that changed after what the client has seen; '' when none did. */
const changedPaths = (member: Member, object: ManagedObject, paths: readonly string[], since: number): string => {
  let sets = '';
  for (const path of paths) {
    const version = object.changed(path);
    if (version !== undefined && version <= since) continue;
    const property = object.property(path);
    if (property === 'invalid') continue;
    if (property === 'unset' && member.unset?.has(path)) continue;
    if (version === undefined) {
      // Without a version the text decides. Not known after a restart: sent again.
      if (member.stamps?.get(path) === stampOf(property)) continue;
      noteStamp(member, path, property);
    }
    noteUnset(member, path, property);
    sets += assign(path, property);
  }
  return sets;
};

const volatilePaths = (scope: Scope, member: Member, object: ManagedObject, paths: readonly string[]): string => {
  if (member.hub === undefined) return '';
  const slots = scope.context.store.slots(member.hub);
  if (member.slots === slots) return '';
  member.slots = slots;
  let sets = '';
  for (const path of paths) {
    if (!isVolatilePath(member.ref.type, path)) continue;
    const property = object.property(path);
    if (typeof property !== 'string') sets += assign(path, property);
  }
  return sets;
};

/** Members a change may have touched. undefined: the list of changes is too short, look at all. */
const candidates = (state: FilterState, changed: readonly HubId[] | undefined): Iterable<Member> => {
  if (changed === undefined) return state.members.values();
  const found = new Set<Member>();
  for (const id of changed) for (const member of state.byHub.get(id) ?? []) found.add(member);
  for (const member of state.furniture.values()) found.add(member);
  return found;
};

/** Objects changed since, with the targets of jobs that changed; undefined when the store no longer knows. */
export const changedIds = (scope: Scope, since: number): readonly HubId[] | undefined => {
  const { store, jobs } = scope.context;
  const changes = store.changedSince(since);
  if (changes === undefined) return undefined;
  const ids = changes.map(({ id }) => id);
  for (const job of jobs.changedSince(since)) {
    const target = jobs.get(job)?.target;
    ids.push(job);
    if (target !== undefined) ids.push(target);
  }
  // What a pool shows changed: the pool of all is a member of the host's bundle.
  if (poolRevision(scope.context) > since) {
    ids.push(scope.host);
    const moved = movedSince(scope.context, since);
    if (moved.size > 0)
      for (const { id, uuid } of store.list('vm', scope.host)) if (moved.has(uuid.toLowerCase())) ids.push(id);
  }
  return ids;
};

export const watchesVolatile = (scope: Scope, record: FilterRecord): boolean =>
  ['VirtualMachine', 'HostSystem'].some((type) =>
    pathsFor(record.spec, type, scope.version).some((path) => isVolatilePath(type, path)),
  );

/**
 * Writes the object updates of one filter by `write`, at most `limit`. The members it told of keep `serial`; those it could not fit stay
 * for the next answer.
 */
export function* filterUpdates(
  scope: Scope,
  state: FilterState,
  record: FilterRecord,
  seen: Seen,
  answer: {
    readonly serial: number;
    readonly version: number;
    readonly limit: number;
    readonly changed: readonly HubId[] | undefined;
  },
  told: Told,
  write: (text: string) => Brokered<void>,
): Brokered<void> {
  const { context } = scope;
  if (
    selectionIsStale(scope, state) ||
    (state.readsText && (answer.changed === undefined || answer.changed.some((id) => state.byHub.has(id)))) ||
    hasJobs(state)
  )
    yield* refreshMembers(scope, state, record);
  if (seen.serial === 0) {
    for (const member of state.members.values()) member.entered = TOLD_NOTHING;
    state.left.clear();
  }
  const pathsByType = new Map<string, readonly string[]>();
  const pathsOf = (type: string): readonly string[] => {
    let paths = pathsByType.get(type);
    if (!paths) {
      paths = pathsFor(record.spec, type, scope.version);
      pathsByType.set(type, paths);
    }
    return paths;
  };
  const full = (): boolean => told.count >= answer.limit;

  for (const [key, serial] of state.left) {
    if (serial <= seen.serial) {
      // Kept for a client that lost the answer and asks again, but not for ever.
      if (state.left.size > KEPT_LEAVES) state.left.delete(key);
      continue;
    }
    if (full()) {
      told.truncated = true;
      break;
    }
    const { type, value } = refOfKey(key);
    yield* write(objectUpdate('leave', type, value, ''));
    if (serial === TOLD_NOTHING) {
      state.left.set(key, answer.serial);
      told.gone.push(key);
    }
    told.count++;
  }

  const fresh: Member[] = [];
  for (const member of state.members.values()) {
    if (member.entered <= seen.serial) continue;
    if (told.count + fresh.length >= answer.limit) {
      told.truncated = true;
      break;
    }
    fresh.push(member);
  }
  for (let from = 0; from < fresh.length; from += RENDER_AHEAD) {
    const batch = fresh.slice(from, from + RENDER_AHEAD);
    yield* renderAll(scope, new Set(batch.map(({ hub }) => hub).filter((hub) => hub !== undefined)));
    for (const member of batch) {
      const object = find(scope, member.ref);
      if (!object) continue;
      member.entered = answer.serial;
      member.sentVersion = answer.version;
      member.sentSerial = answer.serial;
      told.entered.push(member.key);
      told.count++;
      yield* write(whole(scope, member, object, pathsOf(member.ref.type)));
    }
  }

  const stale: Member[] = [];
  for (const member of candidates(state, answer.changed)) {
    if (member.entered > seen.serial) continue;
    stale.push(member);
  }
  const nowMs = context.now();
  const tick = nowMs - state.volatileAtMs >= VOLATILE_MS && watchesVolatile(scope, record);
  if (tick) {
    const known = new Set(stale);
    for (const member of state.members.values())
      if (member.entered <= seen.serial && hasQuickStats(member.ref.type) && !known.has(member)) stale.push(member);
  }
  for (let from = 0; from < stale.length; from += RENDER_AHEAD) {
    const batch = stale.slice(from, from + RENDER_AHEAD);
    const wanted = batch.filter(
      ({ hub, slots }) =>
        hub !== undefined && (!tick || answer.changed?.includes(hub) || slots !== context.store.slots(hub)),
    );
    yield* renderAll(scope, new Set(wanted.map(({ hub }) => hub as HubId)));
    for (const member of batch) {
      const since = member.sentSerial <= seen.serial ? Math.max(seen.version, member.sentVersion) : seen.version;
      const object = find(scope, member.ref);
      if (!object) continue;
      if (full()) {
        told.truncated = true;
        return;
      }
      const paths = pathsOf(member.ref.type);
      let sets = changedPaths(member, object, paths, since);
      if (tick && !sets.includes('<name>summary')) sets += volatilePaths(scope, member, object, paths);
      if (sets === '') continue;
      member.sentVersion = answer.version;
      member.sentSerial = answer.serial;
      told.count++;
      yield* write(objectUpdate('modify', member.ref.type, member.ref.value, sets));
    }
  }
  if (tick) state.volatileAtMs = nowMs;
}

/** TaskManager.recentTask -> Task: jobs come without the store's structure changing. */
const hasJobs = (state: FilterState): boolean => {
  if (!state.loose) return false;
  for (const { ref } of state.furniture.values()) if (ref.type === 'TaskManager' || ref.type === 'Task') return true;
  return false;
};
