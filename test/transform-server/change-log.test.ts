/** The change log by itself: who is told what of which host, and what is not even looked at. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HubId } from '../../mappings/generic/ids.ts';
import { createChangeLog } from '../../transform-server/store/change-log.ts';

const id = (text: string): HubId => text as HubId;
const A = id('host:1');
const B = id('host:2');

describe('the log of what changed', () => {
  test('a reader of one host looks at nothing that happens on others', () => {
    const log = createChangeLog([], 10);
    log.add(A, id('vm:1'), 1);
    for (let n = 0; n < 1000; n++) log.add(B, id(`vm:${n + 10}`), n + 2);
    const looked: HubId[] = [];
    const found = log.since(
      0,
      (one) => {
        looked.push(one);
        return 1;
      },
      A,
    );
    expect(found).toEqual([{ id: id('vm:1'), version: 1, gone: false }]);
    expect(looked).toEqual([id('vm:1')]);
  });

  test('a host that is listed again leaves the lines of others alone', () => {
    const log = createChangeLog([], 10);
    log.add(A, id('vm:1'), 1);
    log.add(B, id('vm:2'), 2);
    // Restored by its mark: older than what was told meanwhile.
    log.rebuild(B, [
      { id: id('vm:3'), version: 3 },
      { id: id('vm:2'), version: 2 },
    ]);
    const current = (one: HubId): number => Number(one.slice(3));
    expect(log.since(0, current, A)?.map((one) => one.id)).toEqual([id('vm:1')]);
    expect(log.since(2, current, B)?.map((one) => one.id)).toEqual([id('vm:3')]);
    expect(log.since(0, current)?.map((one) => one.version)).toEqual([1, 2, 3]);
  });

  test('whoever is behind the oldest tombstone that is kept cannot be told what is gone', () => {
    const log = createChangeLog([], 3);
    for (let n = 1; n <= 7; n++) log.bury(id(`vm:${n}`), n);
    expect(log.since(3, () => undefined, A)).toBeUndefined();
    expect(log.since(4, () => undefined, A)?.map((one) => one.version)).toEqual([5, 6, 7]);
  });

  test('of any changes each reader is told the newest of each object of its host, oldest first', () => {
    const step = fc.record({ host: fc.constantFrom(A, B), vm: fc.nat(4), gone: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 1200 }), fc.nat(1200), (steps, since) => {
        const log = createChangeLog([], 10_000);
        const now = new Map<HubId, number>();
        const wanted = new Map<HubId, { version: number; gone: boolean; host: HubId }>();
        for (const [at, { host, vm, gone }] of steps.entries()) {
          const one = id(`${host} ${vm}`);
          const version = at + 1;
          if (gone) log.bury(one, version);
          else log.add(host, one, version);
          if (gone) now.delete(one);
          else now.set(one, version);
          wanted.set(one, { version, gone, host });
        }
        for (const host of [A, B, undefined]) {
          const expected = [...wanted]
            .filter(([, one]) => one.version > since && (host === undefined || one.host === host || one.gone))
            .map(([one, { version, gone }]) => ({ id: one, version, gone }))
            .sort((a, b) => a.version - b.version);
          const found = log.since(since, (one) => now.get(one), host) ?? [];
          // A grave is told as often as it was dug.
          expect(found.filter((one) => wanted.get(one.id)?.version === one.version)).toEqual(expected);
          expect(found.every((one) => one.gone || now.get(one.id) === one.version)).toBe(true);
        }
      }),
    );
  });
});
