/** Hops of exchanges for the exchange log: noted here for next to nothing, sent in batches; the first of every second only, when clients press. */
import type { Clock } from '../runtime/clock.ts';
import { LIMITS } from '../runtime/limits.ts';
import type { Hop } from '../runtime/protocol.ts';
import type { ServerPort } from './server-port.ts';

export interface Hops {
  /** Asked once an exchange: false means that this exchange is not logged. */
  wanted(): boolean;
  note(hop: Hop): void;
  close(): void;
}

export const createHops = (server: ServerPort, clock: Clock): Hops => {
  let queue: Hop[] = [];
  let budget: number = LIMITS.hopsPerSecond;
  let scheduled = false;
  const stopRefill = clock.every(1000, () => {
    budget = LIMITS.hopsPerSecond;
  });
  const send = (): void => {
    scheduled = false;
    const batch = queue;
    queue = [];
    server.api?.hops(batch).catch(() => {}); // the log is a ring: what is lost is lost
  };
  return {
    wanted: () => server.api !== undefined && budget-- > 0,
    note: (hop) => {
      if (queue.length >= LIMITS.hopsQueued) return;
      queue.push(hop);
      if (scheduled) return;
      scheduled = true;
      clock.after(LIMITS.hopsTickMs, send);
    },
    close: stopRefill,
  };
};
