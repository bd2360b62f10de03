/** What one link may say: greeted first, of fitting shape, each exchange once; an agent that says anything else is cut off. */
import { expect, test } from 'vitest';
import type { HubId } from '../../mappings/generic/ids.ts';
import { manualClock } from '../../runtime/clock.ts';
import { LIMITS } from '../../runtime/limits.ts';
import { silentLog } from '../../runtime/log.ts';
import type { AgentApi, AgentHello, Exchange, ServerApi } from '../../runtime/protocol.ts';
import { createAdmission } from '../../transform-server/exchanges/admission.ts';

const HELLO: AgentHello = { version: 2, oldest: 1, agent: 'a', hosts: [], fronts: [] };
const exchange = (id: string, args: Readonly<Record<string, unknown>> = {}): Exchange => ({
  exchange: id,
  front: 'f',
  session: '',
  address: '',
  call: { method: 'm', target: { type: 't', id: '1' }, args, version: '', operation: '' },
});

const rig = (version = 2) => {
  const clock = manualClock();
  let drawn = 0;
  const admission = createAdmission({ random: (bytes) => new Uint8Array(bytes).fill(++drawn), clock, log: silentLog });
  const served: string[] = [];
  const held: PromiseWithResolvers<void>[] = [];
  const ends: string[] = [];
  let failing = false;
  const api = {
    hello: async () => ({ version, hosts: {}, fronts: {}, sessionKey: new Uint8Array(1), jobIds: { from: 1, to: 2 } }),
    call: async ({ exchange: id, call }: Exchange) => {
      served.push(id);
      if (call.method === 'hang') {
        const turn = Promise.withResolvers<void>();
        held.push(turn);
        await turn.promise;
      }
      return { kind: 'value', value: id };
    },
    transferred: async ({ exchange: id }: { exchange: string }) => void served.push(`end of ${id}`),
    touch: async () => {
      if (failing) throw new Error('no');
    },
    session: async () => undefined,
  } as unknown as ServerApi;
  const remote = { ask: async () => ({ ok: 'perhaps' }), probe: async () => ({ ok: true, value: 'done' }) } as never;
  let answering: AgentApi | undefined;
  const attach = (agent: AgentApi): ServerApi => {
    answering = agent;
    return api;
  };
  const link = (name?: string) => admission.admit({ remote, name, attach, end: (why) => ends.push(why) });
  return { clock, admission, served, held, ends, link, agent: () => answering, fail: () => (failing = true) };
};

test('an exchange is carried out once on its link, and never on another', async () => {
  const { link, served, ends } = rig();
  const [first, second] = [link(), link()];
  const one = (await first.hello(HELLO)).exchanges ?? '';
  const two = (await second.hello(HELLO)).exchanges ?? '';
  expect(one).not.toBe(two);
  await first.call(exchange(`${one}-2`));
  await first.call(exchange(`${one}-1`));
  for (const id of [`${one}-2`, `${one}-1`, `${one}-01`, `${one}-`, `${one}--1`, `${two}-5`, 'anything', ''])
    await expect(first.call(exchange(id)), id).rejects.toThrow(/none of this link, or was asked before/);
  await expect(second.call(exchange(`${one}-3`))).rejects.toThrow(/none of this link/);
  expect([served, ends]).toEqual([[`${one}-2`, `${one}-1`], []]);
});

test('an exchange far behind the newest is old', async () => {
  const { link, served } = rig();
  const api = link();
  const name = (await api.hello(HELLO)).exchanges ?? '';
  await api.call(exchange(`${name}-${(100_000).toString(36)}`));
  await expect(api.call(exchange(`${name}-1`))).rejects.toThrow(/asked before/);
  expect(served).toHaveLength(1);
});

test('an agent one version older names its exchanges itself; on one link each counts once', async () => {
  const { link, served } = rig(1);
  const api = link();
  await api.hello(HELLO);
  await api.call(exchange('own-1'));
  await expect(api.call(exchange('own-1'))).rejects.toThrow(/asked before/);
  expect(served).toEqual(['own-1']);
});

test('the end of a transfer is told once, whatever the link', async () => {
  const { link, served } = rig();
  const [first, second] = [link(), link()];
  await Promise.all([first.hello(HELLO), second.hello(HELLO)]);
  const transfer = { exchange: 'x-1', front: 'f', session: 's', address: '', request: { method: 'PUT', path: '/' } };
  await first.transferred(transfer as never, { ok: true, value: undefined });
  await expect(second.transferred(transfer as never, { ok: true, value: undefined })).rejects.toThrow(/told before/);
  expect(served).toEqual(['end of x-1']);
});

test('what comes before the greeting, a second greeting and what no agent says end the link, and the agent is gone for a while', async () => {
  for (const say of [
    async (api: ServerApi) => api.session('s'),
    async (api: ServerApi) => {
      await api.hello(HELLO);
      await api.hello(HELLO);
    },
    async (api: ServerApi) => {
      await api.hello(HELLO);
      await api.touch({ s: { lastActiveMs: Number.NaN, calls: 1 } });
    },
    async (api: ServerApi) => {
      await api.hello(HELLO);
      await api.session({} as never);
    },
  ]) {
    const { link, ends, admission, clock } = rig();
    const api = link('a');
    await expect(say(api)).rejects.toThrow();
    expect(ends).toHaveLength(1);
    await expect(api.session('s')).rejects.toThrow('the link has ended');
    expect([admission.bars('a'), admission.bars('b'), admission.bars(undefined)]).toEqual([true, false, false]);
    clock.advance(LIMITS.linkBarredMs);
    expect(admission.bars('a')).toBe(false);
  }
});

test('an answer that no agent gives ends the link, and nobody has to do with it', async () => {
  const { link, agent, ends } = rig();
  link();
  expect(await agent()?.probe('host-1' as HubId, 1, { probe: 'p', args: {} })).toEqual({ ok: true, value: 'done' });
  await expect(agent()?.ask('host-1' as HubId, 'q', {})).rejects.toThrow(/the answer to ask/);
  expect(ends).toHaveLength(1);
});

test('a request nested without end is its client that hears of it, not the link', async () => {
  const { link, ends } = rig();
  const api = link();
  const name = (await api.hello(HELLO)).exchanges ?? '';
  let args: Record<string, unknown> = {};
  for (let depth = 0; depth < 1000; depth++) args = { args };
  expect(await api.call(exchange(`${name}-1`, args))).toMatchObject({
    kind: 'fault',
    fault: { kind: 'invalid-request' },
  });
  expect(ends).toEqual([]);
});

test('a flood of calls leaves room for other agents, and calls that only fail end the link', async () => {
  const { link, ends, held, served, fail } = rig();
  const api = link();
  const name = (await api.hello(HELLO)).exchanges ?? '';
  const hanging = { ...exchange('').call, method: 'hang' };
  const calls = Array.from({ length: LIMITS.linkCallsAtOnce + 5 }, (_, n) =>
    api.call({ ...exchange(`${name}-${(n + 1).toString(36)}`), call: hanging }),
  );
  await new Promise((resolve) => setImmediate(resolve));
  expect(served).toHaveLength(LIMITS.linkCallsAtOnce);
  for (const turn of held) turn.resolve();
  const answers = await Promise.all(calls);
  expect(answers.filter((answer) => answer.kind === 'fault')).toHaveLength(5);
  fail();
  for (let n = 0; n <= LIMITS.linkFailures; n++) await expect(api.touch({})).rejects.toThrow();
  expect(ends).toEqual(['too many calls that fail']);
});
