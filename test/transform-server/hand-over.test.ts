/** The server's side of a hand-over: agents hold first, what runs ends, what waits is parked with its agent. */
import { expect, test } from 'vitest';
import { systemClock } from '../../runtime/clock.ts';
import type { AgentApi } from '../../runtime/protocol.ts';
import { handOver } from '../../transform-server/hand-over.ts';
import { compose, recordingAgent } from './composed.ts';
import { stateDirectory, vm } from './memory.ts';

const agent = (said: string[], more: Partial<AgentApi> = {}): AgentApi => ({
  ...recordingAgent(),
  holdCalls: async () => void said.push('hold'),
  parkCalls: async (exchanges) => void said.push(`park ${exchanges.join(' ')}`),
  ...more,
});

test('ends what runs before it parks what waits', async () => {
  const said: string[] = [];
  let running = 3;
  let jobs = 1;
  const over = handOver({
    agents: new Set([agent(said)]),
    clock: systemClock,
    underWay: () => ({ running, waiting: ['x1', 'x2'], jobs }),
  });
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(said).toEqual(['hold']);
  running = 2;
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(said).toEqual(['hold']);
  jobs = 0;
  await over;
  expect(said).toEqual(['hold', 'park x1 x2']);
});

test('an agent that does not answer keeps nobody', async () => {
  const said: string[] = [];
  const lost = agent([], {
    holdCalls: async () => {
      throw new Error('the link is lost');
    },
  });
  await handOver({
    agents: new Set([lost, agent(said)]),
    clock: systemClock,
    underWay: () => ({ running: 0, waiting: [], jobs: 0 }),
  });
  expect(said).toEqual(['hold', 'park ']);
});

test('what a front writes down at the end is there for the next server, and nobody is answered behind it', async () => {
  const state = stateDirectory();
  const first = await compose(state.directory);
  await first.list([vm('u1', 'alpha')]);
  const session = await first.login();
  const waiting = first.api.call(first.exchange(session.id, 'wait', { ms: 60_000 }));
  await new Promise((resolve) => setTimeout(resolve, 10));
  first.attached.left();
  const { version } = first.server.store.view('f', first.host.id);
  await first.server.close();
  expect(await waiting).toMatchObject({ kind: 'fault', fault: { kind: 'cancelled' } });
  const second = await compose(state.directory);
  await second.list([vm('u1', 'alpha')]);
  expect(await second.api.call(second.exchange(session.id, 'rested'))).toEqual({ kind: 'value', value: version });
  await second.server.close();
  state.remove();
});
