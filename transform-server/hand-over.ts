/** Agents and what is under way in; nothing but waits under way, and those parked with their agents, out: another server may come. */
import { type Clock, sleep } from '../runtime/clock.ts';
import { LIMITS } from '../runtime/limits.ts';
import type { AgentApi } from '../runtime/protocol.ts';

export interface UnderWay {
  /** Exchanges. */
  readonly running: number;
  /** Those of them that wait for a change. */
  readonly waiting: readonly string[];
  /** Commands that have not ended. What takes longer is taken up by the next server, from the journal. */
  readonly jobs: number;
}

const POLL_MS = 10;

export const handOver = async (options: {
  readonly agents: ReadonlySet<AgentApi>;
  readonly clock: Clock;
  readonly underWay: () => UnderWay | Promise<UnderWay>;
}): Promise<void> => {
  const { agents, clock, underWay } = options;
  /** An agent that does not answer has clients that hear of a lost server. */
  const tell = (act: (agent: AgentApi) => Promise<void>): Promise<unknown> =>
    Promise.race([Promise.allSettled([...agents].map((agent) => act(agent))), sleep(clock, LIMITS.handOverToldMs)]);
  await tell((agent) => agent.holdCalls());
  const untilMs = clock.now() + LIMITS.handOverDrainMs;
  let now = await underWay();
  while ((now.running > now.waiting.length || now.jobs > 0) && clock.now() < untilMs) {
    await sleep(clock, POLL_MS);
    now = await underWay();
  }
  await tell((agent) => agent.parkCalls(now.waiting));
};
