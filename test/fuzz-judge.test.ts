/** The fuzzer's judge of memory: what fills up to a bound is flat, what grows with the requests is not. */
import { expect, test } from 'vitest';
import { failuresOf } from './fuzz/report.ts';
import type { FuzzReport } from './fuzz/run.ts';

const MIB = 1024 * 1024;
const SAMPLES = Array.from({ length: 60 }, (_, at) => at / 59);

const report: FuzzReport = {
  seed: 1,
  requests: 60_000,
  driverShare: 0,
  warmShare: 0.5,
  seconds: 1200,
  mutations: new Map(),
  reach: new Map(),
  statuses: new Map(),
  faults: new Map(),
  decoded: 60_000,
  dispatched: 60_000,
  driver: 60_000,
  slowestMs: 0,
  slowest: '',
  hangs: [],
  problems: [],
  internal: [],
  errors: new Map(),
  memory: [],
  heap: [],
  alive: true,
};

const judged = (heap: (share: number) => number, resident: (share: number) => number): readonly string[] =>
  failuresOf(
    {
      ...report,
      memory: SAMPLES.map((share) => resident(share) * MIB),
      heap: SAMPLES.map((share) => ({ requests: share * 60_000, estate: 100, bytes: heap(share) * MIB })),
    },
    { judgeMemory: true },
  );

const filling = (share: number): number => 100 + 80 * Math.min(share, 0.4);
const noisy = (share: number): number => filling(share) * (1 + 0.15 * Math.sin(share * 200));

test('what fills up during the warm-up is flat, however much garbage comes and goes', () => {
  expect(judged(filling, noisy)).toEqual([]);
});

test('a slow and steady growth is told, of the heaps and of the whole', () => {
  const told = (failures: readonly string[]): string[] => failures.map((text) => text.replace(/\d+/g, 'N'));
  expect(told(judged((share) => 100 + 40 * share, noisy))).toEqual(['what lives in the heaps grew from N to N MiB']);
  expect(told(judged(filling, (share) => 200 + 150 * share))).toEqual(['resident memory grew from N to N MiB']);
});

test('a run in which nobody looked is no proof', () => {
  expect(failuresOf(report, { judgeMemory: true })).toEqual(['nobody looked into the heaps']);
  expect(failuresOf(report, { judgeMemory: false })).toEqual([]);
});
