/** Waits of brokers: a version to get past comes in, 'changed', 'timeout' or 'cancelled' goes out; thousands at once, woken together. */
import type { HubId } from '../../mappings/generic/ids.ts';
import { Numbered } from '../../runtime/numbered.ts';
import type { Versions } from '../store/store.ts';

export type Woken = 'changed' | 'timeout' | 'cancelled';

interface Waiter {
  number: number;
  readonly since: number;
  /** What happens on other hosts wakes it not. */
  readonly host: HubId;
  readonly session: string;
  readonly exchange: string;
  readonly cancel: string;
  readonly timer: NodeJS.Timeout | undefined;
  readonly wake: (how: Woken) => void;
}

export interface Waits {
  wait(waiter: {
    since: number;
    host: HubId;
    untilMs: number;
    session: string;
    exchange: string;
    cancel: string;
  }): Promise<Woken>;
  cancel(session: string, key: string): void;
  endSession(session: string): void;
  endExchange(exchange: string): void;
  endAll(): void;
  /** Exchanges that wait now. */
  exchanges(): readonly string[];
  readonly size: number;
}

/** Woken in one turn; the rest in the next, so that no turn is long. */
const SLICE = 100;
/** setTimeout takes no more. */
const LONGEST_MS = 2 ** 31 - 1;

export const createWaits = (versions: Versions, now: () => number): Waits => {
  const waiters = new Numbered<Waiter>();
  const isDue = ({ since, host }: Pick<Waiter, 'since' | 'host'>): boolean => since < versions.of(host);
  let waking = false;

  const release = (waiter: Waiter, how: Woken): void => {
    if (!waiters.delete(waiter.number)) return;
    clearTimeout(waiter.timer);
    waiter.wake(how);
  };

  const wakeSlice = (due: Waiter[], at: number): void => {
    for (const waiter of due.slice(at, at + SLICE)) release(waiter, 'changed');
    if (at + SLICE < due.length) {
      setImmediate(wakeSlice, due, at + SLICE);
      return;
    }
    waking = false;
    // What changed while the slices were woken.
    if (waiters.values().some(isDue)) wakeAll();
  };

  const wakeAll = (): void => {
    if (waking || waiters.size === 0) return;
    waking = true;
    wakeSlice(waiters.values().filter(isDue), 0);
  };

  versions.onChange(wakeAll);

  const releaseWhere = (matches: (waiter: Waiter) => boolean): void => {
    for (const waiter of waiters.values()) if (matches(waiter)) release(waiter, 'cancelled');
  };

  return {
    wait: ({ since, host, untilMs, session, exchange, cancel }) => {
      if (isDue({ since, host })) return Promise.resolve('changed');
      if (untilMs <= now()) return Promise.resolve('timeout');
      return new Promise((wake) => {
        const left = untilMs - now();
        const timer = left > LONGEST_MS ? undefined : setTimeout(() => release(waiter, 'timeout'), left);
        timer?.unref();
        const waiter: Waiter = { number: 0, since, host, session, exchange, cancel, timer, wake };
        waiter.number = waiters.add(waiter);
      });
    },
    cancel: (session, key) => releaseWhere((waiter) => waiter.session === session && waiter.cancel === key),
    endSession: (session) => releaseWhere((waiter) => waiter.session === session),
    endExchange: (exchange) => releaseWhere((waiter) => waiter.exchange === exchange),
    endAll: () => releaseWhere(() => true),
    exchanges: () => waiters.values().map(({ exchange }) => exchange),
    get size() {
      return waiters.size;
    },
  };
};
