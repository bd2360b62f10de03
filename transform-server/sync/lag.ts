/** Sync and a clock in, the same with how long each host's copy here is behind the host out. */
import type { HubId } from '../../mappings/generic/ids.ts';
import { type Clock, steadily } from '../../runtime/clock.ts';
import type { Sync } from './sync.ts';

export interface SyncLag {
  /** 0: all that the host told is taken in, and it answers. */
  lagMs(host: HubId): number;
}

export const withLag = (sync: Sync, clock: Clock): Sync & SyncLag => {
  /** By host, since when: of what is being taken in the oldest first, and of a host that is away or was not listed to its end. */
  const pending = new Map<HubId, Set<{ readonly sinceMs: number }>>();
  const behind = new Map<HubId, number>();
  const now = (): number => steadily(clock);
  const taking = async <T>(host: HubId, act: () => Promise<T>): Promise<T> => {
    const one = { sinceMs: now() };
    const ones = pending.get(host) ?? new Set();
    pending.set(host, ones);
    ones.add(one);
    try {
      return await act();
    } finally {
      ones.delete(one);
    }
  };
  const fallBehind = (host: HubId): void => {
    if (!behind.has(host)) behind.set(host, now());
  };
  return {
    ...sync,
    list: async (host, batch, complete) => {
      fallBehind(host.id);
      await taking(host.id, () => sync.list(host, batch, complete));
      if (complete) behind.delete(host.id);
    },
    changes: (host, changes, doer) => taking(host.id, () => sync.changes(host, changes, doer)),
    hostState: (host, state) => {
      // Back again, it is listed anew before it counts as known.
      if (!state.connected) fallBehind(host.id);
      return sync.hostState(host, state);
    },
    lagMs: (host) => {
      const oldest = pending.get(host)?.values().next().value?.sinceMs;
      const sinceMs = Math.min(oldest ?? Number.POSITIVE_INFINITY, behind.get(host) ?? Number.POSITIVE_INFINITY);
      return sinceMs === Number.POSITIVE_INFINITY ? 0 : now() - sinceMs;
    },
  };
};
