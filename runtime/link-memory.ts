/** Two ends of a link in one process: every message is bytes, arrives later, and tests may delay, drop and reorder it. */

import { LIMITS } from './limits.ts';
import { type Channel, LinkDown } from './link.ts';

/** What a test does to messages; by default they arrive in order on the next turn of the event loop. */
export interface Weather {
  /** true: the message is lost. */
  readonly drop?: (bytes: Uint8Array) => boolean;
  readonly delayMs?: () => number;
  /** Picks which of the waiting messages is delivered next; in order when absent. */
  readonly pick?: (waiting: number) => number;
}

export interface MemoryPair {
  readonly left: Channel;
  readonly right: Channel;
  /** Changes the weather from now on. */
  set(weather: Weather): void;
  cut(reason: string): void;
}

export const memoryPair = (initial: Weather = {}): MemoryPair => {
  let weather = initial;
  let closedBy: string | undefined;
  const closers: ((reason: string) => void)[] = [];

  const direction = () => {
    const waiting: Uint8Array[] = [];
    const early: Uint8Array[] = [];
    let waitingBytes = 0;
    let armed = false;
    let room: (() => void)[] = [];
    let listener: ((bytes: Uint8Array) => void) | undefined;
    const deliver = (bytes: Uint8Array): void => {
      if (closedBy !== undefined) return;
      if (listener === undefined) early.push(bytes);
      else listener(bytes);
    };
    const flush = (): void => {
      armed = false;
      const pick = weather.pick;
      // Only what waits now: messages sent meanwhile take the next turn.
      for (let count = waiting.length; count > 0 && closedBy === undefined; count--) {
        const at = pick === undefined ? 0 : Math.min(waiting.length - 1, Math.max(0, pick(waiting.length)));
        const [bytes] = waiting.splice(at, 1);
        if (bytes === undefined) break;
        waitingBytes -= bytes.length;
        deliver(bytes);
      }
      if (waitingBytes < LIMITS.linkHighWaterBytes && room.length > 0) {
        const waiters = room;
        room = [];
        for (const go of waiters) go();
      }
    };
    const enqueue = (bytes: Uint8Array): void => {
      if (closedBy !== undefined) return;
      waiting.push(bytes);
      waitingBytes += bytes.length;
      if (!armed) {
        armed = true;
        setImmediate(flush);
      }
    };
    const send = (bytes: Uint8Array): Promise<void> | void => {
      if (closedBy !== undefined) throw new LinkDown(`the link is closed: ${closedBy}`);
      if (weather.drop?.(bytes) === true) return undefined;
      const delayMs = weather.delayMs?.() ?? 0;
      if (delayMs > 0) setTimeout(() => enqueue(bytes), delayMs);
      else enqueue(bytes);
      if (waitingBytes > LIMITS.linkQueueBytes) {
        close('the queue of the link is full');
        return undefined;
      }
      return waitingBytes < LIMITS.linkHighWaterBytes ? undefined : new Promise((resolve) => room.push(resolve));
    };
    const listen = (to: (bytes: Uint8Array) => void): void => {
      listener = to;
      for (const bytes of early.splice(0)) to(bytes);
    };
    const release = (): void => {
      for (const go of room.splice(0)) go();
    };
    return { send, listen, release };
  };

  const there = direction();
  const back = direction();
  const close = (reason: string): void => {
    if (closedBy !== undefined) return;
    closedBy = reason;
    there.release();
    back.release();
    setImmediate(() => {
      for (const closer of closers.splice(0)) closer(reason);
    });
  };
  const onClose = (listener: (reason: string) => void): void => {
    const reason = closedBy;
    if (reason === undefined) closers.push(listener);
    else setImmediate(() => listener(reason));
  };
  return {
    left: { send: there.send, onMessage: back.listen, onClose, close },
    right: { send: back.send, onMessage: there.listen, onClose, close },
    set: (next) => {
      weather = next;
    },
    cut: close,
  };
};
