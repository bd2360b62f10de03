/** Calls across a hand-over: what is new waits, what only waited is asked again, everything else is told that the server is away. */
import { expect, test } from 'vitest';
import { AskAgain, createPatience } from '../../agent/patience.ts';
import { createServerPort } from '../../agent/server-port.ts';
import { manualClock } from '../../runtime/clock.ts';
import { LinkDown } from '../../runtime/link.ts';
import type { Exchange, ServerApi, ServerHello } from '../../runtime/protocol.ts';

const HELLO = {
  version: 1,
  hosts: {},
  fronts: {},
  sessionKey: new Uint8Array(32),
  jobIds: { from: 0, to: 1 },
} satisfies ServerHello;
const exchange = (id: string): Exchange => ({ exchange: id }) as Exchange;
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A server that keeps every call until it is answered or its link ends. */
const scripted = () => {
  const calls = new Map<string, PromiseWithResolvers<unknown>>();
  const api = {
    call: ({ exchange: id }: Exchange) => {
      const one = Promise.withResolvers<unknown>();
      one.promise.catch(() => {});
      calls.set(id, one);
      return one.promise;
    },
    session: async (id: string) => ({ id }),
  } as unknown as ServerApi;
  return {
    api,
    calls,
    end: () => {
      for (const one of calls.values()) one.reject(new LinkDown('gone'));
    },
  };
};

const rig = () => {
  const clock = manualClock();
  const port = createServerPort();
  const patience = createPatience(port, clock, 1000);
  const first = scripted();
  port.up(first.api, HELLO);
  /** As a router asks: what was parked once more, under another id. */
  const call = (id: string): Promise<unknown> => {
    const { api } = patience;
    if (api === undefined) return Promise.reject(new LinkDown('away'));
    return api.call(exchange(id)).catch(async (error: unknown) => {
      if (!(error instanceof AskAgain)) throw error;
      await patience.held;
      return call(`${id} again`);
    });
  };
  return { clock, port, patience, first, call };
};

test('without a hand-over a lost link is told at once', async () => {
  const { port, patience, first, call } = rig();
  const under = call('a');
  await turn();
  port.down();
  first.end();
  await expect(under).rejects.toThrow(LinkDown);
  expect(patience.api).toBeUndefined();
});

test('new calls wait for the server that comes; parked ones are asked again, once, of it', async () => {
  const { port, patience, first, call } = rig();
  const waits = call('wait');
  const command = call('command');
  await turn();
  patience.hold();
  const held = call('new');
  await turn();
  expect([...first.calls.keys()]).toEqual(['wait', 'command']);
  patience.park(['wait']);
  port.down();
  first.end();
  // Nobody knows whether it was carried out.
  await expect(command).rejects.toThrow(LinkDown);
  const second = scripted();
  port.up(second.api, HELLO);
  await turn();
  expect([...second.calls.keys()].sort()).toEqual(['new', 'wait again']);
  second.calls.get('wait again')?.resolve('changed');
  second.calls.get('new')?.resolve('done');
  expect(await Promise.all([waits, held])).toEqual(['changed', 'done']);
  expect(await patience.api?.session('s')).toEqual({ id: 's' });
});

test('what was parked and answered all the same is not asked again', async () => {
  const { port, patience, first, call } = rig();
  const waits = call('wait');
  await turn();
  patience.hold();
  patience.park(['wait']);
  first.calls.get('wait')?.resolve('changed');
  expect(await waits).toBe('changed');
  port.down();
  const second = scripted();
  port.up(second.api, HELLO);
  await turn();
  expect(second.calls.size).toBe(0);
});

test('a server that does not come is away after the limit', async () => {
  const { clock, port, patience, first, call } = rig();
  const waits = call('wait');
  await turn();
  patience.hold();
  patience.park(['wait']);
  port.down();
  first.end();
  const held = call('new');
  const told = Promise.allSettled([waits, held]);
  await turn();
  clock.advance(1000);
  expect((await told).map((one) => one.status === 'rejected' && one.reason instanceof LinkDown)).toEqual([true, true]);
  expect(patience.api).toBeUndefined();
});
