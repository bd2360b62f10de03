/** Sync: a host's listing and its changes come in over the link, the store, the slots and the event log follow; old epochs are refused. */
import type { HubId } from '../../mappings/generic/ids.ts';
import type { EventKind } from '../../mappings/generic/jobs.ts';
import type { NativeChange, NativeObject, Scan } from '../../mappings/generic/native.ts';
import type { Entry, EventsView } from '../../mappings/generic/store-view.ts';
import type { Store } from '../store/store.ts';
import { happeningOf, isState, kindOfVerb, wordsOf } from './happenings.ts';
import type { Unreadable } from './unreadable.ts';

export interface SyncedHost {
  readonly id: HubId;
  readonly name: string;
  readonly epoch: number;
  readonly scan: (object: NativeObject) => Scan;
  /** As its agent told last; false as well once the agent has left. */
  readonly connected?: boolean;
  /** Its agent has told nothing yet. */
  readonly awaited?: boolean;
  /** Told when a listing is whole. */
  readonly whole?: () => void;
}

/** Who did it, when a job of ours did: the event carries it. */
export interface Doer {
  readonly user: string;
  readonly job: HubId;
  readonly verb?: string;
}

export interface Sync {
  list(host: SyncedHost, batch: readonly NativeObject[], complete: boolean): Promise<void>;
  /** Returns the ids that were put, changed or gone. */
  changes(host: SyncedHost, changes: readonly NativeChange[], doer?: Doer): Promise<readonly HubId[]>;
  hostState(host: SyncedHost, state: { connected: boolean; text: string }): Promise<void>;
  /** Resolves true when the host was listed once, false after the limit. */
  whenListed(host: HubId, limitMs: number): Promise<boolean>;
  /** Objects moved: leases on them may be void. */
  onChange(listener: (ids: readonly HubId[]) => void): void;
}

export interface SyncOptions {
  readonly store: Store;
  readonly unreadable: Unreadable;
  readonly events: EventsView;
  /** Makes ids durable before the agent is told that they are. */
  readonly flush: () => Promise<void>;
  readonly after: (ms: number, act: () => void) => () => void;
  readonly now: () => number;
  /** A job that explains a happening the host only hinted at. */
  readonly doerOf?: (object: HubId, kind: EventKind) => Doer | undefined;
}

/** The same state told twice within this time, by a re-read and by the host's own event, is one happening. */
const TWICE_MS = 5000;
/** The host's word of a state may come this long after a direct command's own, when the server was away. */
const STATE_TWICE_MS = 60_000;
const TOLD = 10_000;
/** Objects put in one turn of the event loop, each some fifty microseconds: the host must not wait for us with its next answers. */
const SLICE = 8;

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const createSync = ({ store, unreadable, events, flush, after, now, doerOf }: SyncOptions): Sync => {
  const listings = new Map<HubId, number>();
  const connected = new Map<HubId, boolean>();
  /** Hosts whose objects are shown as those of a host that does not answer. */
  const shownAway = new Set<HubId>();
  const waiting = new Map<HubId, Set<() => void>>();
  /** By host: the changes that are taken in now. Those of an object come in the order of its states. */
  const turns = new Map<HubId, Promise<unknown>>();
  const inTurn = <T>(host: HubId, act: () => Promise<T>): Promise<T> => {
    const turn = (turns.get(host) ?? Promise.resolve()).then(act);
    turns.set(
      host,
      turn.catch(() => {}),
    );
    return turn;
  };
  const listeners: ((ids: readonly HubId[]) => void)[] = [];
  const tell = (ids: readonly HubId[]): void => {
    if (ids.length > 0) for (const listener of listeners) listener(ids);
  };

  /** The host's document says whether it is reached: the driver cannot know. */
  const withState = (host: SyncedHost, object: NativeObject): NativeObject =>
    object.kind === 'host'
      ? {
          ...object,
          facts: { ...object.facts, connected: connected.get(host.id) ?? true, away: shownAway.has(host.id) },
        }
      : object;

  /** Last told of an object, its states apart from all else: a state is left before it is entered again. */
  const told = new Map<string, { kind: EventKind; atMs: number }>();
  const isRepeated = (object: HubId, kind: EventKind, caused: boolean): boolean => {
    const key = isState(kind) ? `${object} state` : object;
    const last = told.get(key);
    // A change may follow another at once, but then each has a cause; the host's echo of one has none.
    const echo = isState(kind) || (kind === 'vm.changed' && !caused);
    if (last?.kind === kind && echo && now() - last.atMs < (isState(kind) ? STATE_TWICE_MS : TWICE_MS)) return true;
    told.delete(key);
    told.set(key, { kind, atMs: now() });
    const oldest = told.keys().next().value;
    if (told.size > TOLD && oldest !== undefined) told.delete(oldest);
    return false;
  };

  const post = (host: SyncedHost, object: HubId, name: string, kind: EventKind | undefined, cause?: Doer): void => {
    if (kind === undefined || isRepeated(object, kind, cause !== undefined)) return;
    const doer = cause ?? doerOf?.(object, kind);
    events.post({
      kind,
      host: host.id,
      object,
      objectName: name,
      user: doer?.user ?? '',
      text: wordsOf(kind, name),
      ...(doer === undefined ? {} : { job: doer.job }),
    });
  };

  const putOne = (host: SyncedHost, object: NativeObject, hint: string | undefined, doer?: Doer): HubId | undefined => {
    const before = store.view('').find(host.id, object.kind, object.native);
    const nameBefore = before?.name;
    const counts = unreadable.put(host, [withState(host, object)]);
    const id = counts.added[0] ?? counts.changed[0] ?? before?.id;
    const change = counts.added.length > 0 ? 'added' : 'changed';
    // A hint tells of a happening even where nothing is left of it to see (a reset).
    if (id !== undefined && (counts.unchanged === 0 || hint !== undefined)) {
      const name = store.entry(id)?.name ?? '';
      post(
        host,
        id,
        name,
        happeningOf({ kind: object.kind, change, hint, nameBefore, name }) ?? kindOfVerb(doer?.verb, object.kind),
        doer,
      );
    }
    // Stale: what it is now cannot be read.
    return counts.unchanged > 0 && before?.stale !== true ? undefined : id;
  };

  const loseOne = (host: SyncedHost, entry: Entry, hint: string | undefined, doer?: Doer): HubId => {
    const kind = happeningOf({ kind: entry.kind, change: 'gone', hint, name: entry.name });
    post(host, entry.id, entry.name, kind, doer);
    store.gone([entry.id]);
    return entry.id;
  };

  /** What the store has in an object that the object's complete list does not name. */
  const notContained = (host: SyncedHost, { kind, native, contains }: NativeObject): Entry[] => {
    const view = store.view('');
    const holder = contains && view.find(host.id, kind, native);
    if (contains === undefined || holder === undefined) return [];
    const named = new Set(contains.natives);
    return view
      .edges(holder.id, contains.kind)
      .map((id) => view.entry(id))
      .filter((entry) => entry !== undefined)
      .filter((entry) => !named.has(entry.native));
  };

  const takeIn = async (host: SyncedHost, changes: readonly NativeChange[], doer?: Doer): Promise<HubId[]> => {
    const moved: HubId[] = [];
    let done = 0;
    for (const change of changes) {
      switch (change.change) {
        case 'put': {
          const id = putOne(host, change.object, change.hint, doer);
          if (id !== undefined) moved.push(id);
          for (const entry of notContained(host, change.object)) moved.push(loseOne(host, entry, undefined, doer));
          break;
        }
        case 'gone': {
          if (change.ref.kind === 'host') break;
          unreadable.gone(host.id, change.ref);
          const entry = store.view('').find(host.id, change.ref.kind as 'vm', change.ref.native);
          if (entry !== undefined) moved.push(loseOne(host, entry, change.hint, doer));
          break;
        }
        case 'volatile': {
          const entry = store.view('').find(host.id, change.ref.kind as 'vm', change.ref.native);
          if (entry !== undefined) store.setSlots(entry.id, change.slots);
          break;
        }
        default:
          change satisfies never;
      }
      done += 1;
      if (done % SLICE === 0) await nextTurn();
    }
    return moved;
  };

  return {
    list: async (host, batch, complete) => {
      const first = !store.listed(host.id);
      if (listings.get(host.id) !== host.epoch) {
        listings.set(host.id, host.epoch);
        store.beginListing(host.id);
        unreadable.clear(host.id);
      }
      const added: HubId[] = [];
      const changed: HubId[] = [];
      await inTurn(host.id, async () => {
        for (let at = 0; at < batch.length; at += SLICE) {
          const objects = batch.slice(at, at + SLICE).map((object) => withState(host, object));
          const counts = unreadable.put(host, objects);
          added.push(...counts.added);
          changed.push(...counts.changed);
          await nextTurn();
        }
      });
      // What came while we did not look is an event; what was there when we first looked is none.
      if (!first) {
        for (const id of added) {
          const entry = store.entry(id);
          if (entry !== undefined)
            post(host, id, entry.name, happeningOf({ kind: entry.kind, change: 'added', name: entry.name }));
        }
        tell(changed);
      }
      if (complete && listings.get(host.id) === host.epoch) {
        listings.delete(host.id);
        const lost = store.endListing(host.id, unreadable.list(host.id));
        host.whole?.();
        for (const entry of lost)
          post(host, entry.id, entry.name, happeningOf({ kind: entry.kind, change: 'gone', name: entry.name }));
        tell(lost.map((entry) => entry.id));
      }
      // Ids are shown to nobody before a flush of their own; the agent asks only at the end whether all are on disk.
      if (!complete) return;
      await flush();
      for (const wake of waiting.get(host.id) ?? []) wake();
      waiting.delete(host.id);
    },

    changes: async (host, changes, doer) => {
      const moved = await inTurn(host.id, () => takeIn(host, changes, doer));
      await flush();
      tell(moved);
      return moved;
    },

    hostState: async (host, state) => {
      const before = connected.get(host.id) ?? false;
      // An agent that left took its clients along, or passes them on: nobody looks until it is back.
      const hasLeft = host.connected === false && host.awaited === false;
      const renews = state.connected ? shownAway.delete(host.id) : !hasLeft && !shownAway.has(host.id);
      if (renews && !state.connected) shownAway.add(host.id);
      connected.set(host.id, state.connected);
      // A listing that the loss cut short starts anew.
      if (!state.connected) listings.delete(host.id);
      const all = (['vm', 'storage', 'volume', 'network', 'host'] as const).flatMap((kind) =>
        store.view('').list(kind, host.id),
      );
      const native = store.native(host.id);
      if (native !== undefined) unreadable.put(host, [withState(host, native)]);
      if (renews) store.renewDerived(host.id);
      // Back again, each object loses its mark when the new listing names it.
      if (!state.connected)
        store.setStale(
          all.map((entry) => entry.id),
          true,
        );
      if (before !== state.connected) {
        const kind = state.connected ? 'host.connected' : 'host.disconnected';
        events.post({
          kind,
          host: host.id,
          object: host.id,
          objectName: host.name,
          user: '',
          text: wordsOf(kind, host.name),
          ...(state.text === '' ? {} : { members: { reason: state.text } }),
        });
      }
      if (!state.connected) tell(all.filter((entry) => entry.kind === 'vm').map((entry) => entry.id));
      await flush();
    },

    whenListed: (host, limitMs) => {
      if (store.listed(host)) return Promise.resolve(true);
      return new Promise((resolve) => {
        const wakers = waiting.get(host) ?? new Set<() => void>();
        waiting.set(host, wakers);
        const cancel = after(limitMs, () => {
          wakers.delete(wake);
          resolve(false);
        });
        const wake = (): void => {
          cancel();
          resolve(true);
        };
        wakers.add(wake);
      });
    },
    onChange: (listener) => {
      listeners.push(listener);
    },
  };
};
