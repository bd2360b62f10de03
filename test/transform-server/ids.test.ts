/** Ids: never given twice, matched by volume, MAC or slot, the same after a restart. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HubId, numberOf } from '../../mappings/generic/ids.ts';
import { createIds, type Ids } from '../../transform-server/ids/ids.ts';
import { openStorage } from '../../transform-server/storage/storage.ts';
import { stateDirectory } from './memory.ts';

let state: ReturnType<typeof stateDirectory>;
beforeEach(() => {
  state = stateDirectory();
});
afterEach(() => state.remove());

const withIds = <T>(act: (ids: Ids) => T): T => {
  using storage = openStorage(state.directory);
  return act(createIds(storage, () => 1));
};

describe('ids', () => {
  it('gives a name the same id over restarts and never gives a number twice, whatever comes and goes', () => {
    const names = fc.constantFrom('a', 'b', 'c', 'd');
    const act = fc.oneof(
      fc.record({ act: fc.constant('mint' as const), name: names }),
      fc.record({ act: fc.constant('retire' as const), name: names }),
      fc.record({ act: fc.constant('block' as const), name: names }),
      fc.record({ act: fc.constant('sub' as const), name: names }),
      fc.record({ act: fc.constant('reopen' as const), name: names }),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
        const place = stateDirectory();
        let storage = openStorage(place.directory);
        let ids = createIds(storage, () => 1);
        const live = new Map<string, HubId>();
        const subs = new Map<string, HubId>();
        const used = new Set<number>();
        const fresh = (n: number): void => {
          expect(used.has(n)).toBe(false);
          used.add(n);
        };
        const host = ids.mint(undefined, 'host', 'h');
        used.add(numberOf(host));
        try {
          for (const { act: what, name } of acts) {
            const known = live.get(name);
            if (what === 'mint') {
              const id = ids.mint(host, 'vm', name);
              if (known === undefined) fresh(numberOf(id));
              else expect(id).toBe(known);
              live.set(name, id);
            } else if (what === 'retire' && known !== undefined) {
              ids.retire(known, 5);
              live.delete(name);
              subs.delete(name);
              expect(ids.lookup(known)).toBeUndefined();
            } else if (what === 'block') {
              const { from, to } = ids.jobBlock(3);
              for (let n = from; n < to; n++) fresh(n);
            } else if (what === 'sub' && known !== undefined) {
              const id = ids.mintSub(known, { kind: 'disk', match: 'v', slot: '0' });
              if (subs.has(name)) expect(id).toBe(subs.get(name));
              else fresh(numberOf(id));
              subs.set(name, id);
              expect(ids.lookup(id)?.owner).toBe(known);
            } else if (what === 'reopen') {
              storage.close();
              storage = openStorage(place.directory);
              ids = createIds(storage, () => 1);
            }
            for (const [key, id] of live) {
              expect(ids.resolve(host, 'vm', key)).toBe(id);
              expect(ids.lookup(id)?.native).toBe(key);
            }
          }
        } finally {
          storage.close();
          place.remove();
        }
      }),
      { numRuns: 40 },
    );
  });

  it('keeps a disk by its volume wherever it sits, by its slot when the volume is new, and lets it go otherwise', () => {
    withIds((ids) => {
      const vm = ids.mint(ids.mint(undefined, 'host', 'h'), 'vm', 'u');
      const a = ids.mintSub(vm, { kind: 'disk', match: 'a', slot: '0' });
      const b = ids.mintSub(vm, { kind: 'disk', match: 'b', slot: '1' });
      const n = ids.mintSub(vm, { kind: 'nic', match: 'm1', slot: '0' });
      // a moved to slot 1, slot 0 holds a new volume, b is gone.
      ids.matchSubs(
        vm,
        [
          { kind: 'disk', match: 'c', slot: '0' },
          { kind: 'disk', match: 'a', slot: '1' },
          { kind: 'nic', match: 'm2', slot: '0' },
        ],
        9,
      );
      expect(ids.sub(vm, 'disk', 'a')).toBe(a);
      expect(ids.lookup(b)).toBeUndefined();
      expect(ids.sub(vm, 'nic', 'm2')).toBe(n);
      expect(ids.sub(vm, 'nic', 'm1')).toBeUndefined();
      ids.matchSubs(vm, [{ kind: 'disk', match: 'd', slot: '1' }], 10);
      expect(ids.sub(vm, 'disk', 'd')).toBe(a);
    });
  });

  it('does not take a deleted snapshot for a new one', () => {
    withIds((ids) => {
      const vm = ids.mint(ids.mint(undefined, 'host', 'h'), 'vm', 'u');
      const before = ids.mintSub(vm, { kind: 'snapshot', match: 's1', slot: '' });
      ids.matchSubs(vm, [{ kind: 'snapshot', match: 's2', slot: '' }], 3);
      expect(ids.lookup(before)).toBeUndefined();
      expect(ids.sub(vm, 'snapshot', 's2')).toBeUndefined();
    });
  });

  it('remembers tombstones of primary objects in order of their versions', () => {
    const [a, b] = withIds((ids) => {
      const host = ids.mint(undefined, 'host', 'h');
      const first = ids.mint(host, 'vm', 'a');
      const second = ids.mint(host, 'vm', 'b');
      ids.mintSub(first, { kind: 'disk', match: 'v', slot: '0' });
      ids.retire(second, 4);
      ids.retire(first, 7);
      return [first, second];
    });
    withIds((ids) => {
      expect(ids.tombstones(10)).toEqual([
        { id: b, version: 4 },
        { id: a, version: 7 },
      ]);
      expect(ids.tombstones(1)).toEqual([{ id: a, version: 7 }]);
    });
  });

  it('takes a number of another kind for nothing', () => {
    withIds((ids) => {
      const vm = ids.mint(ids.mint(undefined, 'host', 'h'), 'vm', 'u');
      expect(ids.lookup(`volume-${numberOf(vm)}` as HubId)).toBeUndefined();
    });
  });
});

describe('a host that is another platform now', () => {
  const vm = (uuid: string, name: string) => ({ uuid, name });

  it('keeps the ids of the VMs that moved with it, by UUID and else by name, over a restart in the middle', () => {
    const before = withIds((ids) => {
      const host = ids.mint(undefined, 'host', 'h');
      return {
        host,
        byUuid: ids.mint(host, 'vm', 'dom-1', vm('AAAA', 'web')),
        byName: ids.mint(host, 'vm', 'dom-2', vm('bbbb', 'db')),
        twinA: ids.mint(host, 'vm', 'dom-3', vm('cccc', 'twin')),
        twinB: ids.mint(host, 'vm', 'dom-4', vm('dddd', 'twin')),
        left: ids.mint(host, 'vm', 'dom-5', vm('eeee', 'left behind')),
      };
    });
    // A crash before the new listing was whole: the same host is announced once more.
    withIds((ids) => ids.orphan(before.host));
    withIds((ids) => {
      ids.orphan(before.host);
      expect(ids.mint(before.host, 'vm', 'vm-7', vm('aaaa', 'another name'))).toBe(before.byUuid);
      expect(ids.mint(before.host, 'vm', 'vm-8', vm('', 'db'))).toBe(before.byName);
      const twin = ids.mint(before.host, 'vm', 'vm-9', vm('ffff', 'twin'));
      expect([before.twinA, before.twinB]).not.toContain(twin);
      expect(ids.mint(before.host, 'vm', 'dom-1', vm('', ''))).not.toBe(before.byUuid);
      expect(ids.living(before.host)).toContain(before.left);
      ids.retire(before.left, 9);
      expect(ids.living(before.host)).not.toContain(before.left);
      expect(ids.mint(before.host, 'vm', 'vm-10', vm('eeee', 'left behind'))).not.toBe(before.left);
      expect(ids.lookup(before.byUuid)?.native).toBe('vm-7');
    });
    withIds((ids) => expect(ids.resolve(before.host, 'vm', 'vm-7')).toBe(before.byUuid));
  });

  it('knows a VM by the identity it was given last', () => {
    withIds((ids) => {
      const host = ids.mint(undefined, 'host', 'h');
      const id = ids.mint(host, 'vm', 'dom-1', vm('', 'old'));
      ids.setIdentity(id, vm('', 'new'));
      ids.orphan(host);
      expect(ids.mint(host, 'vm', 'x', vm('', 'old'))).not.toBe(id);
      expect(ids.mint(host, 'vm', 'y', vm('', 'new'))).toBe(id);
    });
  });
});
