/** QueryPerf: what was measured of a machine, in the intervals of ESXi. */
import { describe, expect, test } from 'vitest';
import { hubId } from '../../../mappings/generic/ids.ts';
import { moRef } from '../../../mappings/vim25/values.ts';
import { createHistories } from '../../../transform-server/store/history.ts';
import { World } from './broker-fake.ts';

const VM = hubId('vm', 10);

describe('performance of the past hour', () => {
  const SLOT = 20_000;
  const asked = (spec: Readonly<Record<string, unknown>>) => {
    const world = new World();
    const root = world.login('k');
    const histories = createHistories({ mostBytes: 1024 * 1024 });
    const until = Math.floor(world.nowMs / SLOT) * SLOT;
    for (let n = 5; n > 0; n--)
      histories.record(VM, until - n * SLOT, until - (n - 1) * SLOT, {
        cpu: n / 10,
        memory: n * 1024,
        'disk.read': n * 1024,
      });
    const history = histories.of(VM);
    if (history) world.store.histories.set(VM, history);
    const querySpec = [
      {
        entity: moRef('VirtualMachine', '10'),
        metricId: [12, 65611, 131078].map((counterId) => ({ counterId, instance: '' })),
        ...spec,
      },
    ];
    const xml = world.answer(root, 'QueryPerf', ['PerformanceManager', 'ha-perfmgr'], { querySpec });
    const of = (counterId: number): number[] => {
      const [, values = ''] =
        new RegExp(`<counterId>${counterId}</counterId><instance></instance></id>((?:<value>\\d+</value>)*)`).exec(
          xml,
        ) ?? [];
      return [...values.matchAll(/<value>(\d+)</g)].map(([, text]) => Number(text));
    };
    return { xml, of, until };
  };

  test('is told in intervals of 20 seconds, oldest first, without waiting for another sample', () => {
    const { xml, of, until } = asked({ intervalId: 20 });
    expect(of(12)).toEqual([10_000, 8000, 6000, 4000, 2000]);
    expect(of(65611)).toEqual([5, 4, 3, 2, 1]);
    expect(of(131078)).toEqual([5, 4, 3, 2, 1]);
    const times = [...xml.matchAll(/<timestamp>([^<]+)<\/timestamp><interval>20</g)].map(([, text]) =>
      Date.parse(text ?? ''),
    );
    expect(times).toEqual([4, 3, 2, 1, 0].map((n) => until - n * SLOT));
  });

  test('as much of it as was asked for: the newest, or between two moments', () => {
    expect(asked({ maxSample: 2 }).of(65611)).toEqual([2, 1]);
    const { until } = asked({});
    const iso = (n: number): string => new Date(until - n * SLOT).toISOString();
    expect(asked({ startTime: iso(4), endTime: iso(1) }).of(65611)).toEqual([4, 3, 2]);
    expect(asked({ startTime: iso(0) }).xml).not.toContain('PerfEntityMetric');
    expect(asked({ maxSample: 2, format: 'csv' }).xml).toContain('<value>2,1</value>');
  });
});
