/** Counts of what this agent did: one addition each, told to the server as increments once a second, shown there as metrics. */
import type { Clock } from '../runtime/clock.ts';
import { LIMITS } from '../runtime/limits.ts';
import type { AgentCounts } from '../runtime/protocol.ts';
import type { ServerPort } from './server-port.ts';

export interface Counts {
  add(name: keyof AgentCounts): void;
  close(): void;
}

export const createCounts = (server: ServerPort, clock: Clock): Counts => {
  let untold: AgentCounts = { decoded: 0, dispatched: 0, direct: 0 };
  const stop = clock.every(LIMITS.countsTickMs, () => {
    const { decoded, dispatched, direct } = untold;
    if (server.api === undefined || decoded + dispatched + direct === 0) return;
    untold = { decoded: 0, dispatched: 0, direct: 0 };
    server.api.counted({ decoded, dispatched, direct }).catch(() => {}); // figures of a second are lost with the link
  });
  return {
    add: (name) => {
      untold[name]++;
    },
    close: stop,
  };
};
