/** Re-reads of a host's objects: refs in, changes out to whoever passes them on; an older state of an object comes to nobody after a newer one. */
import type { NativeRef } from '../mappings/generic/ids.ts';
import type { NativeChange, NativeObject } from '../mappings/generic/native.ts';
import { LIMITS } from '../runtime/limits.ts';

export const refOf = (change: NativeChange): NativeRef =>
  change.change === 'put' ? { kind: change.object.kind, native: change.object.native } : change.ref;

export const refKey = (ref: NativeRef): string => `${ref.kind}\0${ref.native}`;

/** Sends them to the server. */
export type Commit = (changes: readonly NativeChange[]) => Promise<void>;

export interface ObjectReader {
  /** For a server that asked: its answer leaves when the server has all that was sent of these objects before. */
  read(refs: readonly NativeRef[]): Promise<NativeChange[]>;
  /** For `commit`, which is called in the order of the states; `ready` resolves when it may be. Resolves when it was called. */
  pass(
    refs: readonly NativeRef[],
    commit: Commit,
    ready?: () => Promise<unknown>,
  ): Promise<{ readonly committed: Promise<void> }>;
  /** A listing, batch by batch; what others read since it began is sent as they found it or newer. Resolves with the number of objects when the server has all. */
  list(
    batches: AsyncIterable<readonly NativeObject[]>,
    send: (batch: readonly NativeObject[]) => Promise<void>,
  ): Promise<number>;
}

type Found = { readonly key: string; readonly began: number; readonly change: NativeChange };

const TRIES = 3;

/**
 * Two reads of one object may overtake each other: the one that began earlier may end later with the older state, or end earlier and be
 * passed on later. The one is read again, the other is waited for.
 */
export const createObjectReader = (source: (refs: readonly NativeRef[]) => Promise<NativeChange[]>): ObjectReader => {
  let serial = 0;
  let underWay = 0;
  /** By object: when the newest read that was given out began. Forgotten as soon as no read is under way. */
  const given = new Map<string, number>();
  /** By object: the newest state that the server was sent and has not acknowledged. */
  const onTheWay = new Map<string, Promise<void>>();

  const isOvertaken = (key: string, began: number): boolean => (given.get(key) ?? 0) > began;
  const isLate = ({ key, began, change }: Found): boolean => change.change !== 'volatile' && isOvertaken(key, began);

  /** They are on their way until the server has them, or cannot get them. */
  const follow = (keys: readonly string[], sent: Promise<void>): void => {
    const over = sent.catch(() => {}); // for whoever sent them to hear of
    for (const key of keys) onTheWay.set(key, over);
    void over.then(() => {
      for (const key of keys) if (onTheWay.get(key) === over) onTheWay.delete(key);
    });
  };

  /** The server has what is older. Of what is newer there may be no end, and it is not waited for. */
  const arrived = async (found: readonly Found[]): Promise<void> => {
    for (;;) {
      const older = found.filter(({ key, began }) => !isOvertaken(key, began));
      const awaited = new Set(older.flatMap(({ key }) => onTheWay.get(key) ?? []));
      if (awaited.size === 0) return;
      await Promise.all(awaited);
    }
  };

  /** `give` is called in the very turn in which nothing newer had been given out. */
  const readFor = async <T>(
    refs: readonly NativeRef[],
    ready: (found: readonly Found[]) => Promise<unknown>,
    give: (found: readonly Found[]) => T,
  ): Promise<T> => {
    underWay++;
    try {
      let found: Found[] = [];
      for (let tries = 0, wanted = refs; ; tries++) {
        const began = ++serial;
        for (const change of await source(wanted)) found.push({ key: refKey(refOf(change)), began, change });
        await ready(found);
        const late = found.filter(isLate);
        if (late.length > 0) found = found.filter((one) => !isLate(one));
        // Whoever was given the newer state has passed it on.
        if (late.length === 0 || tries === TRIES) break;
        wanted = late.map(({ change }) => refOf(change));
      }
      if (underWay > 1) for (const { key, began } of found) given.set(key, began);
      return give(found);
    } finally {
      underWay--;
      if (underWay === 0) given.clear();
    }
  };
  const changesOf = (found: readonly Found[]): NativeChange[] => found.map(({ change }) => change);

  const pass: ObjectReader['pass'] = (refs, commit, ready = async () => {}) =>
    readFor(refs, ready, (found) => {
      const committed = commit(changesOf(found));
      follow(
        found.map(({ key }) => key),
        committed,
      );
      return { committed };
    });

  return {
    read: async (refs) => (refs.length === 0 ? [] : readFor(refs, arrived, changesOf)),
    pass,
    list: async (batches, send) => {
      const began = ++serial;
      underWay++;
      let count = 0;
      const inFlight: Promise<void>[] = [];
      const put = (objects: readonly NativeObject[]): Promise<void> => {
        const sent = send(objects);
        inFlight.push(sent);
        return sent;
      };
      try {
        for await (const batch of batches) {
          count += batch.length;
          const current: NativeObject[] = [];
          const overtaken: NativeRef[] = [];
          for (const object of batch) {
            const { kind, native } = object;
            const key = refKey(object);
            if (isOvertaken(key, began)) overtaken.push({ kind, native });
            else {
              current.push(object);
              if (underWay > 1) given.set(key, began);
            }
          }
          follow(current.map(refKey), put(current));
          if (overtaken.length > 0)
            await pass(overtaken, (changes) =>
              // What is gone meanwhile is not listed.
              put(changes.flatMap((change) => (change.change === 'put' ? [change.object] : []))),
            );
          while (inFlight.length >= LIMITS.listInFlight) await inFlight.shift();
        }
        await Promise.all(inFlight);
        return count;
      } finally {
        underWay--;
        if (underWay === 0) given.clear();
      }
    },
  };
};
