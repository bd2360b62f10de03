/** The change log: which objects moved after a version, and bounded tombstones of those that are gone. */
import type { HubId } from '../../mappings/generic/ids.ts';

export interface Change {
  readonly id: HubId;
  readonly version: number;
  readonly gone: boolean;
}

export interface ChangeLog {
  add(id: HubId, version: number, gone: boolean): void;
  /** Starts anew from what lives when it is read next; restored versions are older than the newest. `live` can be gone through again at any time. */
  rebuild(live: Iterable<{ readonly id: HubId; readonly version: number }>): void;
  since(version: number, current: (id: HubId) => number | undefined): readonly Change[] | undefined;
}

/** Lines that may have been overtaken, beside as many as there are objects. */
const SLACK = 5000;

/** `tombstones`: those kept durably, oldest first. `limit`: how many are remembered. */
export const createChangeLog = (tombstones: readonly { id: HubId; version: number }[], limit: number): ChangeLog => {
  let log: Change[] = tombstones.map(({ id, version }) => ({ id, version, gone: true }));
  let graves = log.length;
  let live = 0;
  /** A rebuild that is due: done when somebody reads, not in the turn that ends a listing. */
  let due: Iterable<{ readonly id: HubId; readonly version: number }> | undefined;
  /** Clients at an older version cannot be told what is gone. */
  let floor = tombstones.length >= limit ? (tombstones[0]?.version ?? 0) : 0;

  const firstAfter = (version: number): number => {
    let low = 0;
    let high = log.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((log[middle]?.version ?? 0) > version) high = middle;
      else low = middle + 1;
    }
    return low;
  };

  /** Keeps the newest line of each object and the newest tombstones. */
  const compact = (): void => {
    const newest = new Map<HubId, Change>();
    for (const change of log) newest.set(change.id, change);
    const kept = log.filter((change) => newest.get(change.id) === change);
    let surplus = kept.filter((change) => change.gone).length - limit;
    log = kept.filter((change) => {
      if (!change.gone || surplus <= 0) return true;
      surplus -= 1;
      floor = Math.max(floor, change.version);
      return false;
    });
    graves = log.filter((change) => change.gone).length;
    live = log.length - graves;
  };

  const rebuild = (entries: Iterable<{ readonly id: HubId; readonly version: number }>): void => {
    const dead = log.filter((change) => change.gone);
    const alive: Change[] = [];
    for (const { id, version } of entries) alive.push({ id, version, gone: false });
    live = alive.length;
    log = [...dead, ...alive].sort((a, b) => a.version - b.version);
  };

  return {
    add: (id, version, gone) => {
      log.push({ id, version, gone });
      if (gone) graves += 1;
      if (log.length > 2 * (live + graves) + SLACK || graves > limit * 2) compact();
    },
    rebuild: (entries) => {
      due = entries;
    },
    since: (version, current) => {
      if (due !== undefined) {
        rebuild(due);
        due = undefined;
      }
      if (version < floor) return undefined;
      const found: Change[] = [];
      for (let at = firstAfter(version); at < log.length; at++) {
        const change = log[at];
        if (change === undefined) continue;
        // Lines that a later one of the same object has overtaken are skipped.
        const now = current(change.id);
        if (change.gone ? now === undefined : now === change.version) found.push(change);
      }
      return found;
    },
  };
};
