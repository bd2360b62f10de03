/** The renderer on the real store: at most once per version, together for all who ask, and one object's failure is its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { HubId } from '../../../mappings/generic/ids.ts';
import type { FrontInstance } from '../../../mappings/generic/platform.ts';
import { silentLog } from '../../../runtime/log.ts';
import { createRenderer } from '../../../transform-server/engine/renderer.ts';
import { createInThread, type Transformer } from '../../../transform-server/engine/transformer.ts';
import type { Work, WorkDone } from '../../../transform-server/engine/work.ts';
import { createIds } from '../../../transform-server/ids/ids.ts';
import { openStorage } from '../../../transform-server/storage/storage.ts';
import { createStore } from '../../../transform-server/store/memory.ts';
import { createVersions } from '../../../transform-server/store/versions.ts';
import { madeUp, net, PLATFORMS } from './made-up-platform.ts';

const setUp = (before: (work: Work) => WorkDone | undefined = () => undefined) => {
  const directory = mkdtempSync(join(tmpdir(), 'renderer-'));
  const storage = openStorage(directory);
  const ids = createIds(storage, Date.now);
  const versions = createVersions(storage, (bytes) => new Uint8Array(bytes).fill(7));
  const store = createStore(ids, versions);
  const host = ids.mint(undefined, 'host', 'h');
  const works: Work[] = [];
  const inThread = createInThread(PLATFORMS);
  const transformer: Transformer = {
    ...inThread,
    run: (work) => {
      works.push(work);
      const done = before(work);
      return done ? Promise.resolve(done) : inThread.run(work);
    },
  };
  onTestFinished(async () => {
    await inThread.close();
    storage.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const platform = (name: string) => (name === 'made-up' ? madeUp : undefined);
  const renderer = createRenderer({ store, platform, platformOf: () => madeUp, transformer, log: silentLog });
  const front: FrontInstance = {
    name: 'f',
    platform: 'made-up',
    host,
    hostName: 'h',
    uuid: 'u',
    certificate: '',
    port: 0,
    options: {},
  };
  store.addFront('f', madeUp.render?.joins ?? {});
  const put = (...objects: Parameters<typeof store.put>[1]): HubId[] => {
    store.put(host, objects, (object) => madeUp.host?.scan(object) ?? { name: object.native, relations: [], owns: [] });
    return objects.map((object) => store.view('f').find(host, object.kind, object.native)?.id as HubId);
  };
  return { store, host, renderer, front, put, works, view: store.view('f') };
};

test('renders once per version, generic document included', async () => {
  const { renderer, front, put, works, view } = setUp();
  const [a] = put(net('a'), net('b')) as [HubId, HubId];
  await Promise.all([renderer.rendered(front, [a]), renderer.rendered(front, [a]), renderer.rendered(front, [a])]);
  await renderer.rendered(front, [a]);
  expect(works.length).toBe(1);
  expect(view.generic('network', a)).toMatchObject({ name: 'a', bridge: 'br0' });
  const owned = view.owned(a, 'nic', 'm1');
  expect(owned).toMatch(/^nic-/);
  expect(view.rendered(a)).toMatchObject([
    { type: 'Net', id: `f:${a}`, text: `<name>a</name><owned>${owned}</owned>` },
  ]);
  put(net('a'));
  await renderer.rendered(front, [a]);
  expect(works.length).toBe(1);
  put(net('a', '<changed/>'));
  expect(view.rendered(a)).toBeUndefined();
  await renderer.rendered(front, [a]);
  expect(works.length).toBe(2);
});

test('a generic document that is there is not made again', async () => {
  const { renderer, front, put, works } = setUp();
  const [a] = put(net('a')) as [HubId];
  await Promise.all([renderer.generic([a]), renderer.generic([a])]);
  await renderer.rendered(front, [a]);
  expect(works.map((work) => (work.work === 'render' ? `render from ${Object.keys(work.source)}` : work.work))).toEqual(
    ['generic', 'render from kind,generic'],
  );
});

test('an object that changes while it is rendered is rendered again', async () => {
  let changed = false;
  const { renderer, front, put, works, view } = setUp(() => {
    if (!changed) {
      changed = true;
      put(net('a', '<changed/>'));
    }
    return undefined;
  });
  const [a] = put(net('a')) as [HubId];
  await renderer.rendered(front, [a]);
  expect(works.length).toBe(2);
  expect(view.rendered(a)).toBeDefined();
});

test('what was not made since the sheets are closed is no failure', async () => {
  const { renderer, front, put, view } = setUp(() => ({ ok: false, error: 'closed', closed: true }));
  const [a] = put(net('a')) as [HubId];
  await renderer.generic([a]);
  await renderer.rendered(front, [a]);
  expect([view.rendered(a), renderer.failures, renderer.counts.failed]).toEqual([undefined, [], 0]);
});

test('a sheet that fails for one object fails for it alone, once per version', async () => {
  const { renderer, front, put, works, view } = setUp();
  const [a, bad, c] = put(net('a'), net('bad', '<bad/>'), net('c')) as [HubId, HubId, HubId];
  await renderer.rendered(front, [a, bad, c]);
  expect([a, bad, c].map((id) => view.rendered(id)?.length)).toEqual([1, undefined, 1]);
  expect(renderer.failures).toMatchObject([{ id: bad, front: 'f', text: expect.stringContaining('SheetError') }]);
  const before = works.length;
  await renderer.rendered(front, [a, bad, c]);
  expect(works.length).toBe(before);
  put(net('bad'));
  await renderer.rendered(front, [bad]);
  expect(view.rendered(bad)?.length).toBe(1);
  expect(renderer.failures).toEqual([]);
});

test('objects that are gone are skipped; of kinds without a sheet only the generic document is made', async () => {
  const { renderer, front, put, store, works } = setUp();
  const [a, v] = put(net('a'), { ...net('v'), kind: 'volume' }) as [HubId, HubId];
  store.gone([a]);
  await renderer.rendered(front, [a, v, 'vm-999' as HubId]);
  expect(works.map(({ work }) => work)).toEqual(['generic']);
});

test('a change that its sheet refuses is thrown', async () => {
  const { renderer } = setUp();
  const after = {
    name: 'x',
    uuid: 'u',
    bridge: 'b',
    mode: 'nat',
    active: true,
    autostart: false,
    portgroups: [],
    uplinks: [],
  } as const;
  const change = { ...after, portgroups: [], uplinks: [] };
  expect(await renderer.fromGeneric('made-up', { kind: 'network', after: change })).toBe('<net name="x"/>');
  await expect(renderer.fromGeneric('made-up', { kind: 'vm', after: change as never })).rejects.toThrow(
    'no fromGeneric sheet for vm',
  );
});

test('after a reload all is made anew when it is read; what comes out the same has not changed', async () => {
  const { renderer, front, put, works, view, store } = setUp();
  const [a] = put(net('a'), net('b')) as [HubId, HubId];
  await renderer.rendered(front, [a]);
  const before = view.rendered(a)?.[0];
  const at = before?.index.changed[0];
  const version = store.versions.current;
  renderer.reload();
  expect(view.rendered(a)).toBeUndefined();
  // Whoever waits looks again.
  expect(view.changedSince(version)?.map((one) => one.id)).toEqual([a]);
  await renderer.rendered(front, [a]);
  expect(works.length).toBe(2);
  expect([view.rendered(a)?.[0]?.text, view.rendered(a)?.[0]?.index.changed[0]]).toEqual([before?.text, at]);
});

test('what older sheets made while they were swapped is not kept', async () => {
  let reloaded = false;
  const { renderer, front, put, works, view } = setUp(() => {
    if (reloaded) return;
    reloaded = true;
    renderer.reload();
  });
  const [a] = put(net('a')) as [HubId];
  await renderer.rendered(front, [a]);
  expect(works.length).toBe(2);
  expect(view.rendered(a)).toBeDefined();
});
