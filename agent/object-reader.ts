/** Re-reads of a host's objects: refs in, changes out to whoever passes them on; an older state of an object comes to nobody after a newer one. */
import type { NativeRef } from '../mappings/generic/ids.ts';
import type { NativeChange } from '../mappings/generic/native.ts';

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

  const isLate = ({ key, began, change }: Found): boolean =>
    change.change !== 'volatile' && (given.get(key) ?? 0) > began;

  const arrived = async (found: readonly Found[]): Promise<void> => {
    for (;;) {
      const awaited = new Set(found.flatMap(({ key }) => onTheWay.get(key) ?? []));
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

  return {
    read: async (refs) => (refs.length === 0 ? [] : readFor(refs, arrived, changesOf)),
    pass: (refs, commit, ready = async () => {}) =>
      readFor(refs, ready, (found) => {
        const committed = commit(changesOf(found));
        const passed = committed.catch(() => {}); // for whoever passes them on to hear of
        for (const { key } of found) onTheWay.set(key, passed);
        void passed.then(() => {
          for (const { key } of found) if (onTheWay.get(key) === passed) onTheWay.delete(key);
        });
        return { committed };
      }),
  };
};
