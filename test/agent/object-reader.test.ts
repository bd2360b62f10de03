/** Reads of one object that overlap, in every order of their ends: an older state never comes after a newer one. */
import { expect, test } from 'vitest';
import { createObjectReader } from '../../agent/object-reader.ts';
import type { NativeChange } from '../../mappings/generic/native.ts';

const REF = { kind: 'vm', native: 'a' } as const;
const stateOf = (changes: readonly NativeChange[]): unknown[] =>
  changes.map((change) => (change.change === 'put' ? change.object.facts['state'] : change.change));

/** A host with one object, whose reads end when the test says so, with the state that was there when they began. */
const openHost = () => {
  let state = 0;
  const reads: (() => void)[] = [];
  /** The states that it was told. */
  const server: unknown[] = [];
  const acknowledge: (() => void)[] = [];
  const reader = createObjectReader(async () => {
    const object = { ...REF, parts: {}, facts: { state } };
    await new Promise<void>((resolve) => reads.push(resolve));
    return [{ change: 'put', object }];
  });
  return {
    change: () => void state++,
    /** Ends the read that began as the nth. */
    end: async (nth: number): Promise<void> => {
      reads[nth]?.();
      await new Promise((resolve) => setImmediate(resolve));
    },
    begun: () => reads.length,
    acknowledge: async (nth: number): Promise<void> => {
      acknowledge[nth]?.();
      await new Promise((resolve) => setImmediate(resolve));
    },
    server,
    pass: (ready?: () => Promise<unknown>) =>
      reader.pass(
        [REF],
        (changes) => {
          server.push(...stateOf(changes));
          return new Promise<void>((resolve) => acknowledge.push(resolve));
        },
        ready,
      ),
    list: () =>
      reader.list(
        (async function* () {
          yield [{ ...REF, parts: {}, facts: { state } }];
        })(),
        async (batch) => void server.push(...batch.map(({ facts }) => facts['state'])),
      ),
    read: async () => void server.push(...stateOf(await reader.read([REF]))),
  };
};

test('what began earlier and ends later is read again', async () => {
  const host = openHost();
  const first = host.pass();
  host.change();
  const second = host.read();
  await host.end(1);
  await second;
  expect(host.server).toEqual([1]);
  await host.end(0);
  await host.end(2);
  await first;
  expect(host.server).toEqual([1, 1]);
});

test('what was read earlier, and waits for its turn to be sent, is read again when a newer state left meanwhile', async () => {
  const host = openHost();
  const turn = Promise.withResolvers<void>();
  const first = host.pass(() => turn.promise);
  await host.end(0);
  host.change();
  const second = host.read();
  await host.end(1);
  await second;
  turn.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  expect(host.begun()).toBe(3);
  await host.end(2);
  await first;
  expect(host.server).toEqual([1, 1]);
});

test('a server that asks is answered when it has what it was sent before', async () => {
  const host = openHost();
  const first = host.pass();
  await host.end(0);
  await first;
  host.change();
  let isAnswered = false;
  const second = host.read().then(() => {
    isAnswered = true;
  });
  await host.end(1);
  expect([isAnswered, host.server]).toEqual([false, [0]]);
  await host.acknowledge(0);
  await second;
  expect(host.server).toEqual([0, 1]);
});

test('what cannot be sent holds nobody up', async () => {
  const reader = createObjectReader(async (refs) => refs.map((ref) => ({ change: 'gone', ref })));
  const { committed } = await reader.pass([REF], () => Promise.reject(new Error('the link is down')));
  await expect(committed).rejects.toThrow('the link is down');
  expect(await reader.read([REF])).toEqual([{ change: 'gone', ref: REF }]);
  expect(await reader.read([])).toEqual([]);
});

test('an object that never rests holds up nobody who asks for it', async () => {
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  const reader = createObjectReader(async (refs) => {
    await turn();
    return refs.map((ref) => ({ change: 'gone', ref }));
  });
  let isAnswered = false;
  // The next state is read while the one before it is sent, and sent when that has arrived.
  let committed = Promise.resolve();
  for (let n = 0; n < 100; n++) {
    const before = committed;
    const passing = reader.pass(
      [REF],
      () => turn().then(turn),
      () => before,
    );
    if (n === 2)
      void reader.read([REF]).then(() => {
        isAnswered = true;
      });
    ({ committed } = await passing);
  }
  expect(isAnswered).toBe(true);
});

test('a listing tells nothing older than what others read since it began, and nothing that went away', async () => {
  const now = new Map([
    ['changed', 1],
    ['gone', 1],
    ['same', 1],
  ]);
  const objectOf = (native: string) =>
    ({ kind: 'vm', native, parts: {}, facts: { state: now.get(native) ?? 0 } }) as const;
  const reader = createObjectReader(async (refs) =>
    refs.map((ref) =>
      now.has(ref.native) ? { change: 'put', object: objectOf(ref.native) } : { change: 'gone', ref },
    ),
  );
  const listed = [...now.keys()].map(objectOf);
  const turn = Promise.withResolvers<void>();
  const sent: unknown[] = [];
  const listing = reader.list(
    (async function* () {
      yield [objectOf('before')];
      await turn.promise;
      yield listed;
    })(),
    async (batch) => void sent.push(batch.map(({ native, facts }) => [native, facts['state']])),
  );
  now.set('changed', 2);
  now.delete('gone');
  await reader.read([
    { kind: 'vm', native: 'changed' },
    { kind: 'vm', native: 'gone' },
  ]);
  now.set('changed', 3);
  turn.resolve();
  expect(await listing).toBe(4);
  expect(sent).toEqual([[['before', 0]], [['same', 1]], [['changed', 3]]]);
});

test('a read that began before a listing, and ends after it, is read again', async () => {
  const host = openHost();
  const first = host.pass();
  host.change();
  await host.list();
  await host.end(0);
  expect(host.begun()).toBe(2);
  await host.end(1);
  await first;
  expect(host.server).toEqual([1, 1]);
});
