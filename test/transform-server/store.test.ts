/** The store: versions, relations and derived documents, through changes, re-listings and restarts. */
import { beforeEach, describe, expect, it } from 'vitest';
import { formatDocument } from '../../mappings/generic/documents.ts';
import type { HubId } from '../../mappings/generic/ids.ts';
import { listAll, network, scan, storageObject, vm, volume } from './memory.ts';
import { memory, restart } from './memory-rig.ts';

const OBJECTS = [
  vm('u1', 'alpha|p/a,p/b|m1,m2|n|p'),
  vm('u2', 'beta|p/c|m3|n|p'),
  network('n'),
  storageObject('p'),
  volume('p/a'),
  volume('p/b'),
  volume('p/c'),
];
const at = (kind: 'vm' | 'storage' | 'network' | 'volume', native: string): HubId => {
  const entry = memory.store.view('f').find(memory.host, kind, native);
  if (entry === undefined) throw new Error(`${native} is not there`);
  return entry.id;
};
const versionsOf = () =>
  new Map(
    (['vm', 'storage', 'network', 'volume'] as const).flatMap((kind) =>
      memory.store
        .view('f')
        .list(kind)
        .map((entry) => [entry.id, entry.version] as const),
    ),
  );

describe('the store', () => {
  it('relates both ends, whichever was listed first', () => {
    listAll(memory, OBJECTS);
    const view = memory.store.view('f');
    expect(view.edges(at('vm', 'u1'), 'volume')).toEqual([at('volume', 'p/a'), at('volume', 'p/b')]);
    expect([...view.edges(at('storage', 'p'), 'vm')].sort()).toEqual([at('vm', 'u1'), at('vm', 'u2')].sort());
    expect(view.edges(at('storage', 'p'), 'volume')).toHaveLength(3);
    expect(view.edges(at('volume', 'p/a'), 'storage')).toEqual([at('storage', 'p')]);
    expect(view.entry(at('vm', 'u1'))?.name).toBe('alpha');
  });

  it('moves no version when an unchanged host is listed again', () => {
    listAll(memory, OBJECTS);
    const before = versionsOf();
    const version = memory.versions.current;
    const { counts, lost } = listAll(memory, [...OBJECTS].reverse());
    expect(counts).toMatchObject({ added: [], changed: [], unchanged: OBJECTS.length });
    expect(lost).toEqual([]);
    expect(memory.versions.current).toBe(version);
    expect(versionsOf()).toEqual(before);
    expect(memory.store.view('f').changedSince(version)).toEqual([]);
  });

  it('keeps ids, versions and relation versions of an unchanged host over a restart, and goes on above them', () => {
    listAll(memory, OBJECTS);
    memory.store.put(memory.host, [vm('u2', 'beta 2|p/c|m3|n|p')], scan);
    const edges = memory.store.view('f').edgesVersion(at('storage', 'p'), 'vm');
    const before = versionsOf();
    const token = memory.versions.current;
    const epoch = memory.versions.epoch;
    restart();
    listAll(
      memory,
      OBJECTS.map((object) => (object.native === 'u2' ? vm('u2', 'beta 2|p/c|m3|n|p') : object)),
    );
    expect(memory.versions.epoch).toBe(epoch);
    expect(versionsOf()).toEqual(before);
    expect(memory.store.view('f').changedSince(token)).toEqual([]);
    expect(memory.store.view('f').edgesVersion(at('storage', 'p'), 'vm')).toBeGreaterThanOrEqual(edges);
    expect(memory.store.view('f').edgesVersion(at('storage', 'p'), 'vm')).toBeLessThanOrEqual(token);
    expect(memory.versions.next()).toBeGreaterThan(token);
  });

  it('tells a client of before the restart what changed, came and went meanwhile', () => {
    listAll(memory, OBJECTS);
    const token = memory.versions.current;
    const lost = at('vm', 'u1');
    const kept = at('vm', 'u2');
    restart();
    listAll(memory, [
      ...OBJECTS.filter((object) => object.native !== 'u1' && object.native !== 'u2'),
      vm('u2', 'BETA|p/c|m3|n|p'),
      vm('u3', 'new'),
    ]);
    const changes = new Map(
      memory.store
        .view('f')
        .changedSince(token)
        ?.map((change) => [change.id, change.gone]),
    );
    expect(changes.get(lost)).toBe(true);
    expect(changes.get(kept)).toBe(false);
    expect(changes.get(at('vm', 'u3'))).toBe(false);
    // Its relations lost a VM: that is a change of its own.
    expect(changes.get(at('storage', 'p'))).toBe(false);
    expect(changes.has(at('volume', 'p/c'))).toBe(false);
  });

  it('moves the versions of exactly those that a change concerns', () => {
    listAll(memory, OBJECTS);
    const token = memory.versions.current;
    memory.store.put(memory.host, [vm('u1', 'alpha|p/a,p/c|m1,m2|n|p')], scan);
    const moved = memory.store
      .view('f')
      .changedSince(token)
      ?.map((change) => change.id);
    expect(new Set(moved)).toEqual(new Set([at('vm', 'u1'), at('volume', 'p/b'), at('volume', 'p/c')]));
    expect(memory.store.view('f').edgesVersion(at('storage', 'p'), 'vm')).toBeLessThanOrEqual(token);
  });

  it('unties what is gone and ties it again when it comes back under a new id', () => {
    listAll(memory, OBJECTS);
    const before = at('volume', 'p/a');
    memory.store.gone([before]);
    const view = memory.store.view('f');
    expect(view.entry(before)).toBeUndefined();
    expect(view.edges(at('vm', 'u1'), 'volume')).toEqual([at('volume', 'p/b')]);
    memory.store.put(memory.host, [volume('p/a')], scan);
    const after = at('volume', 'p/a');
    expect(after).not.toBe(before);
    expect(view.edges(at('vm', 'u1'), 'volume')).toContain(after);
  });

  it('relates by other names of an object as well, before and after it comes, and again when it comes back', () => {
    const named = vm('u4', 'delta|path:/p/a,p/b|||');
    listAll(memory, [named, ...OBJECTS]);
    const edges = () => [...memory.store.view('f').edges(at('vm', 'u4'), 'volume')].sort();
    expect(edges()).toEqual([at('volume', 'p/a'), at('volume', 'p/b')].sort());
    memory.store.gone([at('volume', 'p/a')]);
    expect(edges()).toEqual([at('volume', 'p/b')]);
    memory.store.put(memory.host, [volume('p/a')], scan);
    expect(edges()).toEqual([at('volume', 'p/a'), at('volume', 'p/b')].sort());
    memory.store.put(memory.host, [vm('u5', 'epsilon|path:/p/c|||')], scan);
    expect(memory.store.view('f').edges(at('volume', 'p/c'), 'vm')).toContain(at('vm', 'u5'));
  });

  it('gives sub-objects an id when first asked, keeps it, and answers their owner', () => {
    listAll(memory, OBJECTS);
    const view = memory.store.view('f');
    const rows = memory.ids.size;
    const disk = view.owned(at('vm', 'u1'), 'disk', 'p/a');
    expect(disk).toMatch(/^disk-/);
    expect(memory.ids.size).toBe(rows + 1);
    expect(view.owned(at('vm', 'u1'), 'disk', 'no such')).toBeUndefined();
    restart();
    listAll(memory, OBJECTS);
    expect(memory.store.view('f').owned(at('vm', 'u1'), 'disk', 'p/a')).toBe(disk);
    expect(memory.store.view('f').owner(disk as HubId)).toEqual({ owner: at('vm', 'u1'), match: 'p/a' });
  });

  it('says nothing to tokens older than the tombstones it keeps', async () => {
    const { createChangeLog } = await import('../../transform-server/store/change-log.ts');
    const log = createChangeLog(
      [
        { id: 'vm-1' as HubId, version: 5 },
        { id: 'vm-2' as HubId, version: 8 },
      ],
      2,
    );
    expect(log.since(4, () => undefined)).toBeUndefined();
    expect(log.since(5, () => undefined)).toEqual([{ id: 'vm-2', version: 8, gone: true }]);
  });
});

const STORAGE = {
  name: 'p',
  uuid: '',
  kind: 'local',
  path: '/p',
  capacityBytes: 1,
  allocationBytes: 0,
  availableBytes: 1,
  accessible: true,
  autostart: true,
} as const;
const VOLUME = { name: 'a', storageName: 'p', path: '/p/a', format: 'qcow2', capacityBytes: 10, allocationBytes: 1 };
const member = (text: string, spans: number[]) => ({
  type: 'T',
  id: '1',
  text,
  paths: ['a', 'b'],
  spans,
  types: ['', ''],
});

describe('derived documents', () => {
  beforeEach(() => {
    memory.store.addFront('f', { vm: ['volume', 'storage'] });
    listAll(memory, OBJECTS);
  });

  const render = (id: HubId, text: string, spans: number[]): void => {
    const source = memory.store.pending(id, 'f')?.source ?? -1;
    expect(memory.store.putRendered('f', id, source, [member(text, spans)])).toBe(true);
  };

  it('are asked for once a version, and refused when made from an older one', () => {
    const id = at('vm', 'u1');
    const pending = memory.store.pending(id, 'f');
    expect(pending).toMatchObject({ kind: 'vm', generic: true, rendered: true });
    expect(new Set(pending?.joined)).toEqual(new Set([at('volume', 'p/a'), at('volume', 'p/b'), at('storage', 'p')]));
    expect(memory.store.view('f').rendered(id)).toBeUndefined();
    render(id, 'AABB', [0, 2, 0, 2, 2, 4, 2, 4]);
    expect(memory.store.view('f').rendered(id)?.[0]?.text).toBe('AABB');
    memory.store.put(memory.host, [vm('u1', 'changed')], scan);
    expect(memory.store.view('f').rendered(id)).toBeUndefined();
    expect(memory.store.putRendered('f', id, pending?.source ?? -1, [])).toBe(false);
    expect(memory.store.putGeneric(id, pending?.source ?? -1, '<vm/>')).toBe(false);
  });

  it('keep the version of every path whose text is as it was', () => {
    const id = at('vm', 'u1');
    render(id, 'AABB', [0, 2, 0, 2, 2, 4, 2, 4]);
    const first = memory.store.entry(id)?.version;
    memory.store.put(memory.host, [vm('u1', 'changed')], scan);
    render(id, 'AAACBB', [0, 4, 0, 4, 4, 6, 4, 6]);
    const second = memory.store.entry(id)?.version;
    expect([...(memory.store.view('f').rendered(id)?.[0]?.index.changed ?? [])]).toEqual([second, first]);
  });

  it('of a joiner are made anew when a joined fact changes, and only then', () => {
    const id = at('vm', 'u1');
    const disk = at('volume', 'p/a');
    const generic = (of: HubId, text: string): void => {
      expect(memory.store.putGeneric(of, memory.store.pending(of)?.source ?? -1, text)).toBe(true);
    };
    generic(disk, formatDocument('volume', VOLUME));
    generic(at('storage', 'p'), formatDocument('storage', STORAGE));
    expect(memory.store.joins(id).volumes).toEqual([
      {
        id: disk,
        path: '/p/a',
        name: 'a',
        storage: at('storage', 'p'),
        capacityBytes: 10,
        allocationBytes: 1,
        format: 'qcow2',
      },
    ]);
    render(id, 'AABB', [0, 2, 0, 2, 2, 4, 2, 4]);
    const before = memory.store.entry(id)?.version ?? 0;

    memory.store.put(memory.host, [storageObject('p', 'p', { allocation: 5 })], scan);
    expect(memory.store.takeJoined()).toEqual([at('storage', 'p')]);
    generic(at('storage', 'p'), formatDocument('storage', { ...STORAGE, allocationBytes: 5 }));
    expect(memory.store.entry(id)?.version).toBe(before);
    expect(memory.store.view('f').rendered(id)).toBeDefined();

    memory.store.put(memory.host, [volume('p/a', 'grown')], scan);
    generic(disk, formatDocument('volume', { ...VOLUME, capacityBytes: 20 }));
    expect(memory.store.entry(id)?.version).toBeGreaterThan(before);
    expect(memory.store.view('f').rendered(id)).toBeUndefined();
    expect(memory.store.entry(at('vm', 'u2'))?.version).toBeLessThanOrEqual(before);
  });

  it('read as documents with their id', () => {
    const disk = at('volume', 'p/a');
    memory.store.putGeneric(disk, memory.store.pending(disk)?.source ?? -1, formatDocument('volume', VOLUME));
    expect(memory.store.view('f').generic('volume', disk)).toMatchObject({ ...VOLUME, id: disk });
    expect(memory.store.view('f').generic('vm', disk)).toBeUndefined();
  });
});

describe('size', () => {
  it('takes 10,000 VMs (time printed)', async () => {
    const objects = Array.from({ length: 10_000 }, (_, n) => vm(`uuid-${n}`, `vm ${n}|||n|p${'x'.repeat(2500)}`));
    const started = performance.now();
    memory.store.beginListing(memory.host);
    for (let from = 0; from < objects.length; from += 256)
      memory.store.put(memory.host, objects.slice(from, from + 256), scan);
    memory.store.put(memory.host, [network('n')], scan);
    memory.store.endListing(memory.host);
    await memory.storage.flush();
    console.log(`10,000 VMs put, ids committed: ${Math.round(performance.now() - started)} ms`);
    const again = performance.now();
    listAll(memory, [...objects, network('n')]);
    await memory.storage.flush();
    console.log(`listed again unchanged: ${Math.round(performance.now() - again)} ms`);
    expect(memory.store.view('f').list('vm')).toHaveLength(10_000);
    expect(memory.store.view('f').edges(at('network', 'n'), 'vm')).toHaveLength(10_000);
  });
});
