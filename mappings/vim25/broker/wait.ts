/** WaitForUpdates(Ex) and CheckForUpdates: a version in; an UpdateSet of what changed since, as soon as there is something, out. */
import type { Call } from '../../generic/call.ts';
import { fault } from '../../generic/faults.ts';
import type { HubId } from '../../generic/ids.ts';
import type { Brokered } from '../../generic/platform.ts';
import { hubIdOf } from '../ids.ts';
import { collectorState, type FilterRecord, filtersOf, waitKey } from './collectors.ts';
import { filterState, rememberDelta, selectionIsStale } from './filter-state.ts';
import { Pieces, refuse, value } from './retrieve.ts';
import type { Scope } from './scope.ts';
import { changedIds, filterUpdates, type Seen, type Told, watchesVolatile } from './updates.ts';
import { VOLATILE_MS } from './volatile.ts';

const PAGE = 100;
/** A wait without a limit looks up this often, for the sake of nothing but its own clock. */
const FOREVER_MS = 30 * 60 * 1000;

const TOKEN = /^(.{1,64})\.(\d{1,16})\.(\d{1,16})$/;

/** undefined: not one of ours, or of another life of the store. */
const readVersion = ({ context }: Scope, text: string): Seen | undefined => {
  if (text === '') return { version: 0, serial: 0 };
  const match = TOKEN.exec(text);
  if (!match || match[1] !== context.store.epoch) return undefined;
  const version = Number(match[2]);
  return version <= context.store.version ? { version, serial: Number(match[3]) } : undefined;
};

const writeVersion = ({ context }: Scope, version: number, serial: number): string =>
  `${context.store.epoch}.${version}.${serial}`;

interface Limits {
  readonly objects: number;
  /** undefined: for ever. */
  readonly waitMs: number | undefined;
}

/** One answer, if there is anything to say. Returns whether it wrote one. */
function* answerOnce(
  scope: Scope,
  collector: string,
  records: readonly FilterRecord[],
  seen: Seen,
  limits: Limits,
): Brokered<boolean> {
  const { store } = scope.context;
  const counter = collectorState(scope, collector);
  counter.serial = Math.max(counter.serial, seen.serial) + 1;
  const serial = counter.serial;
  const version = store.version;
  const changed = seen.serial === 0 ? [] : changedIds(scope, seen.version);
  const out = new Pieces();
  let budget = limits.objects;
  let opened = false;
  let truncated = false;
  const texts: string[] = [];
  for (const record of records) {
    const state = filterState(scope, record, seen.serial);
    const told: Told = { entered: [], gone: [], count: 0, truncated: false };
    const parts: string[] = [];
    let inFilter = false;
    const write = function* (text: string): Brokered<void> {
      if (limits.objects !== Number.POSITIVE_INFINITY) {
        parts.push(text);
        return;
      }
      // Without a limit the version is known from the start, so it can stream.
      if (!opened) yield* out.add(`<returnval><version>${writeVersion(scope, version, serial)}</version>`);
      opened = true;
      if (!inFilter) yield* out.add(`<filterSet><filter type="PropertyFilter">${record.id}</filter>`);
      inFilter = true;
      yield* out.add(text);
    };
    yield* filterUpdates(scope, state, record, seen, { serial, version, limit: budget, changed }, told, write);
    if (inFilter) yield* out.add('</filterSet>');
    if (parts.length > 0)
      texts.push(`<filterSet><filter type="PropertyFilter">${record.id}</filter>${parts.join('')}</filterSet>`);
    budget -= told.count;
    truncated ||= told.truncated;
    rememberDelta(scope, state, serial, told.entered, told.gone);
  }
  if (!opened && texts.length === 0 && (seen.serial > 0 || records.length === 0)) return false;
  if (!opened) {
    // Until all is told, changes count from where the client was; objects it has never heard of come whole anyway.
    const from = truncated && seen.version > 0 ? seen.version : version;
    yield* out.add(`<returnval><version>${writeVersion(scope, from, serial)}</version>`);
    for (const text of texts) yield* out.add(text);
    if (truncated) yield* out.add('<truncated>true</truncated>');
  }
  yield* out.add('</returnval>');
  yield* out.flush();
  return true;
}

/** Whether anything that happened after `since` could touch these filters: what most of many waiting sessions can tell at once. */
const mayTouch = (
  scope: Scope,
  records: readonly FilterRecord[],
  changed: readonly HubId[] | undefined,
  seen: Seen,
): boolean => {
  if (changed === undefined) return true;
  for (const record of records) {
    const state = filterState(scope, record, seen.serial);
    if (selectionIsStale(scope, state)) return true;
    // Tasks are the one furniture that many wait for: their jobs are among the changed ids.
    for (const { ref } of state.furniture.values()) {
      const job = ref.type === 'Task' ? hubIdOf(ref) : undefined;
      if (job === undefined || changed.includes(job)) return true;
    }
    for (const id of changed) if (state.byHub.has(id)) return true;
  }
  return false;
};

function* updates(scope: Scope, call: Call, limits: Limits): Brokered {
  const { context } = scope;
  const collector = call.target.id;
  let seen = readVersion(scope, String(call.args['version'] ?? ''));
  if (!seen) return refuse(fault('invalid-version', {}, ''));
  const counter = collectorState(scope, collector);
  const { cancelled } = counter;
  const deadline = limits.waitMs === undefined ? undefined : context.now() + limits.waitMs;
  let look = true;
  for (;;) {
    const since = context.store.version;
    const records = filtersOf(scope, collector);
    if (look) {
      if (yield* answerOnce(scope, collector, records, seen, limits)) return { kind: 'body' };
      // Nothing to tell up to here: what comes later is all that need be looked at.
      if (seen.serial > 0) seen = { version: since, serial: seen.serial };
    }
    const nowMs = context.now();
    if (deadline !== undefined && nowMs >= deadline) return value(undefined);
    const restless = records.some((record) => watchesVolatile(scope, record));
    const untilMs = Math.min(deadline ?? nowMs + FOREVER_MS, restless ? nowMs + VOLATILE_MS : nowMs + FOREVER_MS);
    const { poked } = counter;
    counter.waiting++;
    const woken = yield { effect: 'wait', since, untilMs, cancel: waitKey(scope, collector) };
    counter.waiting--;
    if (counter.cancelled !== cancelled) return refuse(fault('cancelled', {}, ''));
    const now = filtersOf(scope, collector);
    // A new filter wakes by the same key; anything else that cancels is the session's end.
    if (woken === 'cancelled' && counter.poked === poked) return refuse(fault('cancelled', {}, ''));
    look =
      woken !== 'changed' ||
      counter.poked !== poked ||
      now.length !== records.length ||
      mayTouch(scope, now, changedIds(scope, since), seen);
  }
}

export function* waitForUpdates(scope: Scope, call: Call): Brokered {
  return yield* updates(scope, call, { objects: Number.POSITIVE_INFINITY, waitMs: undefined });
}

export function* checkForUpdates(scope: Scope, call: Call): Brokered {
  return yield* updates(scope, call, { objects: Number.POSITIVE_INFINITY, waitMs: 0 });
}

export function* waitForUpdatesEx(scope: Scope, call: Call): Brokered {
  const options = (call.args['options'] ?? {}) as { maxWaitSeconds?: number; maxObjectUpdates?: number };
  const { maxWaitSeconds, maxObjectUpdates = 0 } = options;
  if (maxWaitSeconds !== undefined && maxWaitSeconds < 0)
    return refuse(fault('invalid-argument', { property: 'options.maxWaitSeconds' }, ''));
  const objects = maxObjectUpdates > 0 ? Math.min(PAGE, maxObjectUpdates) : PAGE;
  return yield* updates(scope, call, {
    objects,
    waitMs: maxWaitSeconds === undefined ? undefined : maxWaitSeconds * 1000,
  });
}
