/** The lanes of a host: how many calls are under way on a connection, and who waits for whom. */
import { expect, test } from 'vitest';
import { openLanes } from '../../agent/lanes.ts';
import { done, type Outcome } from '../../mappings/generic/faults.ts';
import { sim } from '../../mappings/sim/platform.ts';
import { LIMITS } from '../../runtime/limits.ts';

type Answer = Outcome<Record<string, unknown>>;
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const clock = { now: () => 0, after: () => () => {}, every: () => () => {} };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** One read and one work connection to a host that answers when it is told to. */
const setUp = async () => {
  const under = new Map<string, (answer: Answer) => void>();
  let most = 0;
  const real = sim.connect?.('sim:///lanes');
  if (real?.ok !== true) throw new Error('no host');
  const dialer = {
    endpoint: real.value.endpoint,
    open: () => ({
      ...real.value.open(),
      call: (procedure: string) =>
        new Promise<Answer>((resolve) => {
          under.set(procedure, resolve);
          most = Math.max(most, under.size);
        }),
    }),
  };
  const opened = await openLanes({
    dialer,
    host: 'lanes',
    counts: { read: 1, work: 1 },
    clock: clock as never,
    log: quiet as never,
    onEvent: () => {},
  });
  if (!opened.ok) throw new Error(opened.fault.text);
  const answered: string[] = [];
  return {
    answered,
    under,
    most: () => most,
    ask: (name: string, lane: 'read' | 'work' | 'listing') =>
      void opened.value.send.call(name, {}, lane).then(() => answered.push(name)),
    answer: async (count: number) => {
      for (const [name, resolve] of [...under].slice(0, count)) {
        under.delete(name);
        resolve(done({}));
      }
      await turn();
    },
    close: () => opened.value.close(),
  };
};

test('a few calls are under way, the rest wait in order', async () => {
  const lanes = await setUp();
  for (let n = 0; n < 10; n++) lanes.ask(`r${n}`, 'read');
  expect(lanes.under.size).toBe(LIMITS.laneInFlight);
  while (lanes.under.size > 0) await lanes.answer(1);
  expect(lanes.most()).toBe(LIMITS.laneInFlight);
  expect(lanes.answered).toEqual(Array.from({ length: 10 }, (_, n) => `r${n}`));
  await lanes.close();
});

test('a listing has many under way, refilled by the half', async () => {
  const lanes = await setUp();
  const all = LIMITS.listingInFlight;
  for (let n = 0; n < all * 3; n++) lanes.ask(`l${n}`, 'listing');
  expect(lanes.under.size).toBe(all);
  await lanes.answer(all / 2 - 1);
  expect(lanes.under.size).toBe(all / 2 + 1);
  await lanes.answer(1);
  expect(lanes.under.size).toBe(all);
  while (lanes.under.size > 0) await lanes.answer(3);
  expect(lanes.most()).toBe(all);
  expect(new Set(lanes.answered).size).toBe(all * 3);
  await lanes.close();
});

test('another read goes before what a listing has still to ask', async () => {
  const lanes = await setUp();
  for (let n = 0; n < 100; n++) lanes.ask(`l${n}`, 'listing');
  lanes.ask('read', 'read');
  while (!lanes.under.has('read')) await lanes.answer(1);
  // Only what was under way when it came was answered before.
  expect(lanes.answered.length).toBeLessThan(LIMITS.listingInFlight);
  while (lanes.under.size > 0) await lanes.answer(4);
  expect(lanes.answered).toHaveLength(101);
  await lanes.close();
});
