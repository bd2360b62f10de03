/** Counts of what this agent did: an addition each, told to the server as increments once a second, shown there as metrics. */
import { type Clock, steadily } from '../runtime/clock.ts';
import { LIMITS } from '../runtime/limits.ts';
import type { AgentCounts } from '../runtime/protocol.ts';
import { createTally } from '../runtime/tally.ts';
import type { ServerPort } from './server-port.ts';

export interface Counts {
  add(name: keyof AgentCounts): void;
  /** Steady time, for `ended`. */
  now(): number;
  /** An exchange has its answer. `method`: of the command table, else ''. */
  ended(front: string, method: string, route: string, outcome: string, sinceMs: number): void;
  close(): void;
}

export const createCounts = (server: ServerPort, clock: Clock): Counts => {
  let untold: AgentCounts = { decoded: 0, dispatched: 0, direct: 0 };
  const tally = createTally();
  const stop = clock.every(LIMITS.countsTickMs, () => {
    if (server.api === undefined) return;
    const { decoded, dispatched, direct } = untold;
    const ended = tally.take();
    if (decoded + dispatched + direct === 0 && ended === undefined) return;
    untold = { decoded: 0, dispatched: 0, direct: 0 };
    // Figures of a second are lost with the link.
    server.api.counted({ decoded, dispatched, direct, ...(ended && { tally: ended }) }).catch(() => {});
  });
  return {
    add: (name) => {
      untold[name]++;
    },
    now: () => steadily(clock),
    ended: (front, method, route, outcome, sinceMs) =>
      tally.add(front, method, route, outcome, steadily(clock) - sinceMs),
    close: stop,
  };
};
