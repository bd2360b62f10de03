/** Re-reads of a host's objects: refs in, changes out, never an older state of an object after a newer one of it was given out. */
import type { NativeRef } from '../mappings/generic/ids.ts';
import type { NativeChange } from '../mappings/generic/native.ts';

export const refOf = (change: NativeChange): NativeRef =>
  change.change === 'put' ? { kind: change.object.kind, native: change.object.native } : change.ref;

export const refKey = (ref: NativeRef): string => `${ref.kind}\0${ref.native}`;

export type ObjectReader = (refs: readonly NativeRef[]) => Promise<NativeChange[]>;

/**
 * Two reads of one object may overtake each other: the one that began earlier may end later with the older state. Such a result is
 * read again instead of being given out.
 */
export const createObjectReader = (read: ObjectReader): ObjectReader => {
  let serial = 0;
  let underWay = 0;
  /** By object: when the newest read that was given out began. Forgotten as soon as no read is under way. */
  const given = new Map<string, number>();

  const readOnce = async (refs: readonly NativeRef[], attempts: number): Promise<NativeChange[]> => {
    const began = ++serial;
    underWay++;
    try {
      const changes = await read(refs);
      const fresh: NativeChange[] = [];
      const late: NativeRef[] = [];
      for (const change of changes) {
        const ref = refOf(change);
        const key = refKey(ref);
        if ((given.get(key) ?? 0) > began && change.change !== 'volatile') late.push(ref);
        else {
          fresh.push(change);
          if (underWay > 1) given.set(key, began);
        }
      }
      if (late.length > 0 && attempts > 0) fresh.push(...(await readOnce(late, attempts - 1)));
      return fresh;
    } finally {
      underWay--;
      if (underWay === 0) given.clear();
    }
  };
  return (refs) => (refs.length === 0 ? Promise.resolve([]) : readOnce(refs, 3));
};
