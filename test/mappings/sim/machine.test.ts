/** The machine by itself: calls and times in, states, replies and events out. */
import { describe, expect, test } from 'vitest';
import { fixture } from '../../../mappings/sim/fixture.ts';
import type { SimState } from '../../../mappings/sim/machine/state.ts';
import { advance, type PROCEDURES, step, wakeAt } from '../../../mappings/sim/machine.ts';
import { parseUri } from '../../../mappings/sim/uri.ts';
import { faultOf } from './rig.ts';

const NOW = 1_700_000_000_000;
const first = (vms = 4): SimState => fixture('default', vms, NOW);
const vmNamed = (state: SimState, name: string): string =>
  [...state.vms.values()].find(({ doc }) => doc.name === name)?.native ?? '';
const run = (state: SimState, procedure: keyof typeof PROCEDURES, args: Record<string, unknown>, nowMs = NOW) =>
  step(state, { procedure, args }, nowMs);

describe('the first state', () => {
  test('has the named host, storage, network and VMs, two of them running', () => {
    const state = first();
    expect(state.host.name).toBe('localhost.localdomain');
    expect([...state.storages.keys()]).toEqual(['datastore1']);
    expect([...state.networks.keys()]).toEqual(['VM Network']);
    expect([...state.vms.values()].map(({ doc }) => `${doc.name} ${doc.powerState}`)).toEqual([
      'demo-1 running',
      'demo-2 running',
      'demo-3 stopped',
      'demo-4 stopped',
    ]);
  });
  test('is the same for the same name and another for another', () => {
    const uuids = (name: string) => [...fixture(name, 500, NOW).vms.keys()];
    expect(uuids('a')).toEqual(uuids('a'));
    expect(new Set([...uuids('a'), ...uuids('b')]).size).toBe(1000);
    const macs = [...fixture('a', 500, NOW).vms.values()].map(({ doc }) => doc.nics[0]?.mac);
    expect(new Set(macs).size).toBe(500);
  });
});

describe('power', () => {
  test('a started VM runs, and a second start is the wrong state', () => {
    const state = first();
    const vm = vmNamed(state, 'demo-3');
    const started = run(state, 'VM.start', { vm }, NOW + 5);
    expect(started.reply.ok).toBe(true);
    expect(started.state.vms.get(vm)?.doc).toMatchObject({
      powerState: 'running',
      startedMs: NOW + 5,
      guest: { toolsRunning: true },
    });
    expect(started.events).toEqual([{ procedure: 'EVENT.vm', args: { native: vm, hint: 'vm.started' } }]);
    expect(run(started.state, 'VM.start', { vm }).reply).toMatchObject({
      ok: false,
      fault: { kind: 'wrong-state', members: { requested: 'running', existing: 'running' } },
    });
    expect(state.vms.get(vm)?.doc.powerState).toBe('stopped');
  });
  test.each([
    ['VM.stop', 'stopped', 'wrong-state'],
    ['VM.reset', 'stopped', 'wrong-state'],
    ['VM.suspend', 'stopped', 'wrong-state'],
    ['VM.pause', 'stopped', 'wrong-state'],
    ['VM.resume', 'running', 'wrong-state'],
    ['VM.shutdown', 'stopped', 'wrong-state'],
    ['VM.reboot', 'stopped', 'wrong-state'],
  ] as const)('%s of a %s VM is refused as %s', (procedure, power, kind) => {
    const state = first();
    const refused = run(state, procedure, { vm: vmNamed(state, power === 'running' ? 'demo-1' : 'demo-3') });
    expect(faultOf(refused.reply)).toBe(kind);
    expect(refused.events).toEqual([]);
  });
  test('a clean shutdown takes two seconds and ends with an event', () => {
    const state = first();
    const vm = vmNamed(state, 'demo-1');
    const asked = run(state, 'VM.shutdown', { vm }).state;
    expect(asked.vms.get(vm)?.doc.powerState).toBe('running');
    expect(wakeAt(asked)).toBe(NOW + 2000);
    expect(advance(asked, NOW + 1999).events).toEqual([]);
    const down = advance(run(asked, 'VM.shutdown', { vm }, NOW + 1000).state, NOW + 2000);
    expect(down.events).toEqual([{ procedure: 'EVENT.vm', args: { native: vm, hint: 'vm.stopped' } }]);
    expect(down.state.vms.get(vm)?.doc).toMatchObject({
      powerState: 'stopped',
      guest: { toolsRunning: false, addresses: [] },
    });
    expect(wakeAt(down.state)).toBeUndefined();
  });
  test("a VM stopped on its guest's way down is not stopped again later", () => {
    const state = first();
    const vm = vmNamed(state, 'demo-1');
    const back = run(run(run(state, 'VM.shutdown', { vm }).state, 'VM.stop', { vm }).state, 'VM.start', { vm }).state;
    expect(advance(back, NOW + 5000).state.vms.get(vm)?.doc.powerState).toBe('running');
  });
  test('more memory than the host has does not start', () => {
    const state = first();
    const vm = vmNamed(state, 'demo-3');
    const record = state.vms.get(vm);
    if (!record) throw new Error('no demo-3');
    const large = {
      ...state,
      vms: new Map(state.vms).set(vm, { ...record, doc: { ...record.doc, memoryBytes: state.host.memoryBytes + 1 } }),
    };
    expect(faultOf(run(large, 'VM.start', { vm }).reply)).toBe('insufficient-memory');
  });
});

describe('volumes', () => {
  const create = { storage: 'datastore1', name: 'a.img', capacityBytes: 1024 ** 2, format: 'raw', thin: true };
  test('a name twice, a path out of the storage and an impossible size are refused', () => {
    const { state } = run(first(), 'VOLUME.create', create);
    expect(faultOf(run(state, 'VOLUME.create', create).reply)).toBe('already-exists');
    for (const name of ['../x', '..', 'a/b', '', 'a\u0000b'])
      expect(faultOf(run(state, 'VOLUME.create', { ...create, name }).reply)).toBe('invalid-name');
    expect(faultOf(run(state, 'VOLUME.create', { ...create, name: 'b', capacityBytes: 1024 ** 5 }).reply)).toBe(
      'invalid-argument',
    );
    expect(
      faultOf(run(state, 'VOLUME.create', { ...create, name: 'b', capacityBytes: 1024 ** 4 * 3, thin: false }).reply),
    ).toBe('no-disk-space');
    expect(faultOf(run(state, 'VOLUME.create', { ...create, storage: 'none' }).reply)).toBe('object-not-found');
  });
  test('what was written is read back, across pages, and holes are zeroes', () => {
    const made = run(first(), 'VOLUME.create', create).state;
    const volume = 'datastore1/a.img';
    const bytes = new Uint8Array(200_000).map((_, n) => n % 251);
    const { state } = run(made, 'VOLUME.write', { volume, offset: 100_000, bytes });
    const read = run(state, 'VOLUME.read', { volume, offset: 99_990, length: 200_020 }).reply;
    if (!read.ok) throw new Error('refused');
    const back = read.value['bytes'] as Uint8Array;
    expect(Buffer.compare(back.subarray(10, 200_010), bytes)).toBe(0);
    expect([...back.subarray(0, 10), ...back.subarray(200_010)]).toEqual(new Array(20).fill(0));
    expect(
      (
        run(made, 'VOLUME.read', { volume, offset: 100_000, length: 4 }).reply as unknown as {
          value: { bytes: Uint8Array };
        }
      ).value.bytes,
    ).toEqual(new Uint8Array(4));
  });
  test('content beyond the bound is no disk space, zeroes take none', () => {
    let state = run(first(), 'VOLUME.create', { ...create, capacityBytes: 1024 ** 3 }).state;
    const volume = 'datastore1/a.img';
    const full = new Uint8Array(8 * 1024 ** 2).fill(1);
    for (let n = 0; n < 8; n++) {
      const written = run(state, 'VOLUME.write', { volume, offset: n * full.length, bytes: full });
      expect(written.reply.ok).toBe(true);
      state = written.state;
    }
    expect(
      faultOf(run(state, 'VOLUME.write', { volume, offset: 8 * full.length, bytes: full.subarray(0, 1) }).reply),
    ).toBe('no-disk-space');
    expect(
      run(state, 'VOLUME.write', { volume, offset: 8 * full.length, bytes: new Uint8Array(1024 ** 2) }).reply.ok,
    ).toBe(true);
    const emptied = run(state, 'VOLUME.write', { volume, offset: 0, bytes: new Uint8Array(full.length) }).state;
    expect(run(emptied, 'VOLUME.write', { volume, offset: 8 * full.length, bytes: full }).reply.ok).toBe(true);
  });
  test('the disk of a running VM is locked', () => {
    const state = first();
    const disk = { storage: 'datastore1', name: 'demo-1%2fdemo-1.vmdk' };
    expect(faultOf(run(state, 'VOLUME.delete', disk).reply)).toBe('file-locked');
    expect(faultOf(run(state, 'VOLUME.open', { volume: `${disk.storage}/${disk.name}`, writes: true }).reply)).toBe(
      'file-locked',
    );
    expect(run(state, 'VOLUME.delete', { ...disk, name: 'demo-3%2fdemo-3.vmdk' }).reply.ok).toBe(true);
  });
});

describe('snapshots', () => {
  test('revert brings back the definition and the content, not the name', () => {
    let state = first();
    const vm = vmNamed(state, 'demo-3');
    const volume = 'datastore1/demo-3%2fdemo-3.vmdk';
    const write = (value: number) => {
      state = run(state, 'VOLUME.write', { volume, offset: 0, bytes: Uint8Array.of(value) }).state;
    };
    write(1);
    state = run(state, 'SNAPSHOT.create', {
      vm,
      snapshot: 's1',
      name: 'one',
      description: '',
      memory: true,
      quiesce: false,
    }).state;
    write(2);
    state = run(state, 'VM.rename', { vm, name: 'renamed' }).state;
    state = run(state, 'VM.start', { vm }).state;
    const back = run(state, 'SNAPSHOT.revert', { vm, snapshot: 's1' });
    expect(back.events).toEqual([{ procedure: 'EVENT.vm', args: { native: vm, hint: 'snapshot.reverted' } }]);
    expect(back.state.vms.get(vm)?.doc).toMatchObject({
      name: 'renamed',
      powerState: 'stopped',
      snapshots: [{ native: 's1', current: true, hasMemory: false }],
    });
    const read = run(back.state, 'VOLUME.read', { volume, offset: 0, length: 1 }).reply;
    expect(read.ok && read.value['bytes']).toEqual(Uint8Array.of(1));
  });
  test('deleting one in the middle hands its children to its parent; deleting with children takes the branch', () => {
    let state = first();
    const vm = vmNamed(state, 'demo-1');
    for (const snapshot of ['a', 'b', 'c'])
      state = run(state, 'SNAPSHOT.create', {
        vm,
        snapshot,
        name: snapshot,
        description: '',
        memory: true,
        quiesce: true,
      }).state;
    const tree = (now: SimState) =>
      now.vms
        .get(vm)
        ?.doc.snapshots.map(({ native, parent, current }) => `${parent ?? ''}>${native}${current ? '*' : ''}`);
    expect(tree(state)).toEqual(['>a', 'a>b', 'b>c*']);
    expect(tree(run(state, 'SNAPSHOT.delete', { vm, snapshot: 'b', children: false }).state)).toEqual(['>a', 'a>c*']);
    expect(tree(run(state, 'SNAPSHOT.delete', { vm, snapshot: 'b', children: true }).state)).toEqual(['>a*']);
    expect(tree(run(state, 'SNAPSHOT.deleteAll', { vm }).state)).toEqual([]);
    expect(faultOf(run(state, 'SNAPSHOT.delete', { vm, snapshot: 'x', children: false }).reply)).toBe(
      'object-not-found',
    );
  });
});

describe('marks', () => {
  test('a call that took effect is remembered, a refused one is not; an undo acts only on what the call made', () => {
    const create = { storage: 'datastore1', name: 'm', capacityBytes: 0, format: 'raw', thin: true };
    const seen = (state: SimState, mark: string) =>
      (run(state, 'MARK.seen', { mark }).reply as unknown as { value: { seen: boolean } }).value.seen;
    const { state } = run(first(), 'VOLUME.create', { ...create, mark: 'j.1' });
    expect(seen(state, 'j.1')).toBe(true);
    expect(seen(run(state, 'VOLUME.create', { ...create, mark: 'j.2' }).state, 'j.2')).toBe(false);
    const other = run(run(state, 'VOLUME.delete', create).state, 'VOLUME.create', create).state;
    expect(faultOf(run(other, 'VOLUME.delete', { ...create, undoes: 'j.1' }).reply)).toBe('object-not-found');
    const undone = run(state, 'VOLUME.delete', { ...create, undoes: 'j.1' });
    expect(undone.reply.ok).toBe(true);
    expect(seen(undone.state, 'j.1')).toBe(false);
    expect(faultOf(run(undone.state, 'VOLUME.delete', { ...create, undoes: 'j.1' }).reply)).toBe('not-found');
  });
});

describe('statistics', () => {
  test('counters grow with the time, are the same for the same time, and stand still for what is off', () => {
    const state = first();
    type Stats = {
      vms: { native: string; cpuNs: number; sentBytes: number }[];
      host: { cpuNs: number; idleNs: number; freeBytes: number };
    };
    const at = (nowMs: number, natives?: string[]) =>
      (run(state, 'STATS.sample', natives ? { natives } : {}, nowMs).reply as unknown as { value: Stats }).value;
    expect(at(NOW + 60_000)).toEqual(at(NOW + 60_000));
    let before = at(NOW);
    expect(before.vms).toHaveLength(2);
    for (let n = 1; n < 50; n++) {
      const now = at(NOW + n * 20_000);
      for (const [index, vm] of now.vms.entries()) {
        expect(vm.cpuNs).toBeGreaterThan(before.vms[index]?.cpuNs ?? Infinity);
        expect(vm.cpuNs - (before.vms[index]?.cpuNs ?? 0)).toBeLessThan(2 * 20_000 * 1_000_000);
      }
      expect(now.host.cpuNs).toBeGreaterThan(before.host.cpuNs);
      expect(now.host.idleNs).toBeGreaterThan(before.host.idleNs);
      before = now;
    }
    expect(at(NOW + 60_000, [vmNamed(state, 'demo-3')]).vms).toMatchObject([{ cpuNs: 0, sentBytes: 0 }]);
  });
});

test('an unknown procedure is refused', () => {
  expect(faultOf(step(first(), { procedure: 'constructor', args: {} }, NOW).reply)).toBe('not-supported');
});

test.each([
  ['sim:///default', { name: 'default', vms: 4 }],
  ['sim:///default?vms=0', { name: 'default', vms: 0 }],
  ['sim:///lab-2?vms=10000', { name: 'lab-2', vms: 10_000 }],
])('%s is read', (uri, value) => {
  expect(parseUri(uri)).toEqual({ ok: true, value });
});
test.each([
  'sim://host/default',
  'sim:///',
  'sim:///default?vms=x',
  'sim:///default?vms=-1',
  'sim:///default?vms=',
  'sim:///default?vm=1',
  'sim:///../x/y',
  'test:///default',
  '',
])('"%s" is refused', (uri) => {
  expect(faultOf(parseUri(uri))).toBe('invalid-argument');
});
