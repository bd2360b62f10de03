/** The sheet thread: batches, order of urgency, and objects that break only themselves. */
import { afterAll, describe, expect, test } from 'vitest';
import type { HubId } from '../../../mappings/generic/ids.ts';
import type { Network } from '../../../mappings/generic/model.ts';
import type { FrontInstance } from '../../../mappings/generic/platform.ts';
import { createInThread, createThread } from '../../../transform-server/engine/transformer.ts';
import type { Work } from '../../../transform-server/engine/work.ts';
import { textOf } from '../../../transform-server/store/packed-text.ts';
import { net, PLATFORMS } from './made-up-platform.ts';

const front: FrontInstance = {
  name: 'f',
  platform: 'made-up',
  host: 'host-1' as HubId,
  hostName: 'h',
  uuid: 'u',
  certificate: '',
  port: 0,
  options: {},
};
const generic = (name: string, extra?: string): Work => ({
  work: 'generic',
  platform: 'made-up',
  native: net(name, extra),
});
const render = (name: string): Work => ({
  work: 'render',
  platform: 'made-up',
  front,
  joins: {
    id: 'network-3' as HubId,
    host: front.host,
    storages: [],
    networks: [],
    volumes: [],
    owned: [['nic', 'm1', 'nic-9' as HubId]],
  },
  source: { native: net(name) },
});
const registry = new URL('./made-up-platform.ts', import.meta.url);

const kinds = {
  thread: () => createThread({ registry }),
  'thread with the JavaScript engine': () => createThread({ registry, engine: 'xslt-processor' }),
  'this thread': () => createInThread(PLATFORMS),
};

describe.each(Object.entries(kinds))('%s', (_, create) => {
  const transformer = create();
  afterAll(() => transformer.close());

  test('renders a native object to members with their index', async () => {
    const done = await transformer.run(render('a&amp;b'));
    expect(done).toMatchObject({ ok: true });
    if (!done.ok) return;
    expect(textOf(done.generic ?? '')).toContain('<network><name>a&amp;b</name>');
    const [member] = done.members ?? [];
    expect(member).toMatchObject({
      type: 'Net',
      id: 'f:network-3',
      text: '<name>a&amp;b</name><owned>nic-9</owned>',
      paths: ['name'],
      types: [''],
    });
    const [, , from, to] = Array.from(member?.spans ?? []);
    expect(member?.text.slice(from, to)).toBe('a&amp;b');
  });

  test('changes a native document', async () => {
    const after: Network = {
      name: 'new',
      uuid: 'u',
      bridge: 'b',
      mode: 'nat',
      active: true,
      autostart: false,
      portgroups: [],
      uplinks: [],
    };
    const work: Work = { work: 'change', platform: 'made-up', change: { kind: 'network', after } };
    expect(await transformer.run(work)).toEqual({ ok: true, output: '<net name="new"/>' });
  });

  test('a hundred at once keep their order; a broken one fails alone', async () => {
    const names = Array.from({ length: 100 }, (_, n) => (n === 40 ? 'throws' : `n${n}`));
    const done = await Promise.all(names.map((name, n) => transformer.run(generic(name, n === 41 ? '<bad/>' : ''))));
    done.forEach((one, n) => {
      if (n === 40) expect(one).toEqual({ ok: false, error: 'Error: toGenericInput broke' });
      else if (n === 41) expect(one).toMatchObject({ ok: false, error: expect.stringContaining('SheetError') });
      else expect(one.ok && textOf(one.generic ?? '')).toContain(`<name>n${n}</name>`);
    });
  });

  test('a kind without a sheet is an error of that work', async () => {
    const done = await transformer.run({ work: 'generic', platform: 'made-up', native: { ...net('x'), kind: 'vm' } });
    expect(done).toEqual({ ok: false, error: 'SheetError: made-up has no toGeneric sheet for vm' });
    expect(await transformer.run({ work: 'generic', platform: 'toString', native: net('x') })).toMatchObject({
      ok: false,
    });
  });
});

describe('a thread that is lost', () => {
  test.each(['exits', 'hangs'])('an object that %s fails; its batch and later work are done', async (name) => {
    // Its start is part of it, on a machine that has other things to do.
    const thread = createThread({ registry, limitMs: name === 'hangs' ? 3000 : 30_000 });
    const names = ['a', 'b', name, 'c'];
    const done = await Promise.all(names.map((one) => thread.run(generic(one))));
    expect(done.map((one) => one.ok)).toEqual([true, true, false, true]);
    expect(await thread.run(generic('after'))).toMatchObject({ ok: true });
    await thread.close();
    expect(await thread.run(generic('late'))).toMatchObject({ ok: false });
  });

  test('what is under way or comes when it is closed is no failure of its object', async () => {
    const thread = createThread({ registry });
    await thread.run(generic('warm'));
    const underWay = thread.run(generic('hangs'));
    await Promise.resolve();
    const queued = thread.run(generic('queued'));
    await thread.close();
    for (const done of [underWay, queued, thread.run(generic('late'))])
      expect(await done).toMatchObject({ ok: false, closed: true });
  });
});

test('a thread that does not start fails all work at once', async () => {
  const thread = createThread({ registry: new URL('./no-such-module.ts', import.meta.url) });
  const done = await Promise.all(Array.from({ length: 300 }, (_, n) => thread.run(generic(`n${n}`))));
  expect(new Set(done.map((one) => (one.ok ? 'ok' : one.error.replace(/'.*/, ''))))).toEqual(
    new Set(['the sheet thread broke: Cannot find module ']),
  );
  await thread.close();
});

test('whoever waits goes before what was queued for later', async () => {
  const thread = createThread({ registry });
  await thread.run(generic('warm'));
  const order: string[] = [];
  const later = Array.from({ length: 1000 }, (_, n) =>
    thread.run(generic(`l${n}`), 'later').then(() => order.push('later')),
  );
  await Promise.resolve();
  await thread.run(generic('now')).then(() => order.push('now'));
  await Promise.all(later);
  expect(order.indexOf('now')).toBeLessThan(200);
  await thread.close();
});

test('work that cannot be sent to the thread fails alone', async () => {
  const transformer = createThread({ registry });
  const unsendable = {
    ...generic('bad'),
    native: { ...net('bad'), facts: { f: (() => 1) as unknown as string } },
  } as Work;
  const [before, bad, after] = await Promise.all([
    transformer.run(generic('one')),
    transformer.run(unsendable),
    transformer.run(generic('two')),
  ]);
  expect([before.ok, bad.ok, after.ok]).toEqual([true, false, true]);
  expect((await transformer.run(generic('later'))).ok).toBe(true);
  await transformer.close();
});

test('a platform that could not be loaded is loaded again for the next object', async () => {
  let tries = 0;
  const transformer = createInThread({
    'made-up': () => (++tries === 1 ? Promise.reject(new Error('no such file')) : PLATFORMS['made-up']()),
  });
  expect(await transformer.run(render('a'))).toEqual({ ok: false, error: 'Error: no such file' });
  expect(await transformer.run(render('a'))).toMatchObject({ ok: true });
  expect(await transformer.run(render('b'))).toMatchObject({ ok: true });
  expect(tries).toBe(2);
  await transformer.close();
});
