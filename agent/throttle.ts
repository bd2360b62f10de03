/** Slow-down on repeated bad logins: failures by user and address in, the wait before the next answer out. Others are never held. */
import type { Clock } from '../runtime/clock.ts';
import { LIMITS } from '../runtime/limits.ts';

export interface Throttle {
  /** How long the next attempt of this key waits before its password is looked at. */
  waitMs(key: string): number;
  failed(key: string): void;
  succeeded(key: string): void;
  /** Runs attempts of one key one after the other; undefined when too many wait already. */
  attempt<T>(key: string, act: () => Promise<T>): Promise<T | undefined>;
}

export const createThrottle = (clock: Clock): Throttle => {
  const failures = new Map<string, { count: number; lastMs: number }>();
  const queues = new Map<string, { tail: Promise<unknown>; length: number }>();

  const waitMs = (key: string): number => {
    const entry = failures.get(key);
    if (entry === undefined) return 0;
    if (clock.now() - entry.lastMs > LIMITS.loginForgetMs) {
      failures.delete(key);
      return 0;
    }
    const over = entry.count - LIMITS.loginFreeFailures;
    return over < 0 ? 0 : Math.min(LIMITS.loginMostWaitMs, LIMITS.loginFirstWaitMs * 2 ** Math.min(over, 16));
  };
  return {
    waitMs,
    failed: (key) => {
      const entry = failures.get(key);
      // The oldest key goes first: its wait is the most likely to be over.
      if (entry === undefined && failures.size >= LIMITS.loginKeys) failures.delete(failures.keys().next().value ?? '');
      failures.delete(key);
      failures.set(key, { count: (entry?.count ?? 0) + 1, lastMs: clock.now() });
    },
    succeeded: (key) => void failures.delete(key),
    attempt: async (key, act) => {
      const queue = queues.get(key) ?? { tail: Promise.resolve(), length: 0 };
      if (queue.length >= LIMITS.loginsQueued) return undefined;
      queue.length++;
      queues.set(key, queue);
      const turn = queue.tail.then(async () => {
        const ms = waitMs(key);
        if (ms > 0) await new Promise<void>((resolve) => void clock.after(ms, resolve));
        return act();
      });
      queue.tail = turn.catch(() => {});
      try {
        return await turn;
      } finally {
        queue.length--;
        if (queue.length === 0) queues.delete(key);
      }
    },
  };
};
