/** A right that ends by this server's own steady clock unless it is renewed: answers and failures of the store in, whether to count on it out. */
import type { Clock } from '../../../runtime/clock.ts';

export interface Lease {
  readonly held: boolean;
  /** It is short of a renewal: none was had for that long. */
  lacks(ms: number): boolean;
  /** The store answered to what was sent then. */
  renewed(sentMs: number): void;
  /** The store did not answer: nothing is known until it does. */
  doubted(): void;
  ended(): void;
  /** Every change of `held`; gives the end of it. */
  onChange(listener: (held: boolean) => void): () => void;
}

export const openLease = (clock: Clock, leaseMs: number, sinceMs: number): Lease => {
  let renewedMs = sinceMs;
  let answering = true;
  let over = false;
  let told = true;
  let cancel: (() => void) | undefined;
  const listeners = new Set<(held: boolean) => void>();
  const held = (): boolean => !over && answering && clock.now() < renewedMs + leaseMs;
  const tell = (): void => {
    if (told === held()) return;
    told = !told;
    for (const listener of listeners) listener(told);
  };
  const wait = (): void => {
    cancel?.();
    cancel = clock.after(Math.max(0, renewedMs + leaseMs - clock.now()) + 1, tell);
  };
  wait();
  return {
    get held() {
      return held();
    },
    lacks: (ms) => clock.now() - renewedMs >= ms,
    renewed: (sentMs) => {
      renewedMs = sentMs;
      answering = true;
      wait();
      tell();
    },
    doubted: () => {
      answering = false;
      tell();
    },
    ended: () => {
      over = true;
      cancel?.();
      tell();
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
};
