/** Statistics of the past: means over any time, at the fineness that is kept for it, in bounded memory. */
import { describe, expect, test } from 'vitest';
import { hubId } from '../../mappings/generic/ids.ts';
import { NOTHING_COUNTED, type VmSample } from '../../mappings/generic/statistics.ts';
import { createHistories } from '../../transform-server/store/history.ts';
import { hostMeasures, vmMeasures } from '../../transform-server/sync/measures.ts';

const VM = hubId('vm', 1);
const STEP = 20_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const T0 = 400 * DAY;
const ROOM = { mostBytes: 1024 * 1024 };

const recorded = (count: number, valueAt: (n: number) => number, options = ROOM) => {
  const histories = createHistories(options);
  for (let n = 0; n < count; n++) {
    const from = T0 + n * STEP;
    histories.record(VM, from, from + STEP, { cpu: valueAt(n) });
  }
  const history = histories.of(VM);
  if (history === undefined) throw new Error('nothing was recorded');
  return { histories, history };
};

describe('a history', () => {
  test('the mean of a part of a sample is the sample, of several their mean', () => {
    const { history } = recorded(30, (n) => n);
    expect(history.mean('cpu', T0 + 5000, T0 + 10_000)).toBe(0);
    expect(history.mean('cpu', T0 + 20_000, T0 + 25_000)).toBe(1);
    expect(history.mean('cpu', T0, T0 + 60_000)).toBe(1);
    expect(history.untilMs).toBe(T0 + 30 * STEP);
    expect(history.names).toEqual(['cpu']);
  });

  test('what was not measured is not known: before, after, in between, under another name', () => {
    const { histories, history } = recorded(3, () => 7);
    histories.record(VM, T0 + 10 * STEP, T0 + 11 * STEP, { cpu: 9 });
    expect(history.mean('cpu', T0 - STEP, T0)).toBeNaN();
    expect(history.mean('cpu', T0 + 5 * STEP, T0 + 6 * STEP)).toBeNaN();
    expect(history.mean('cpu', T0 + 11 * STEP, T0 + 12 * STEP)).toBeNaN();
    expect(history.mean('memory', T0, T0 + STEP)).toBeNaN();
    expect(history.mean('cpu', T0 + 10 * STEP, T0 + 11 * STEP)).toBe(9);
    expect(histories.of(hubId('vm', 2))).toBeUndefined();
  });

  test('samples that come early or late leave no gap and count nowhere twice', () => {
    const histories = createHistories(ROOM);
    let from = T0 + 3000;
    for (const late of [21_000, 19_500, 24_000, 17_000, 20_001, 19_999]) {
      histories.record(VM, from, from + late, { cpu: 1 });
      from += late;
    }
    const history = histories.of(VM);
    for (let at = T0; at < (history?.untilMs ?? 0); at += STEP) expect(history?.mean('cpu', at, at + STEP)).toBe(1);
    expect(history?.untilMs).toBe(Math.floor(from / STEP) * STEP);
  });

  test('after a long silence only the last minute is known', () => {
    const histories = createHistories(ROOM);
    histories.record(VM, T0, T0 + HOUR, { cpu: 5 });
    expect(histories.of(VM)?.mean('cpu', T0 + HOUR - 60_000, T0 + HOUR)).toBe(5);
    expect(histories.of(VM)?.mean('cpu', T0, T0 + HOUR - 60_000)).toBeNaN();
  });

  test('hours and days are kept when the minutes are forgotten', () => {
    const perDay = DAY / STEP;
    const { history } = recorded(3 * perDay, (n) => Math.floor((n * STEP) / HOUR));
    expect(history.mean('cpu', T0 + 5 * HOUR, T0 + 6 * HOUR)).toBe(5);
    expect(history.mean('cpu', T0, T0 + DAY)).toBeCloseTo(11.5);
    // Two hours are kept in steps of 20 seconds, a day ago nobody knows minutes any more.
    expect(history.mean('cpu', T0 + DAY, T0 + DAY + 60_000)).toBeNaN();
    expect(history.mean('cpu', T0 + 3 * DAY - HOUR, T0 + 3 * DAY - HOUR + 60_000)).toBe(71);
  });

  test('two weeks later the hours of the first are gone, its days are not', () => {
    const histories = createHistories(ROOM);
    for (let at = T0; at < T0 + 14 * DAY; at += STEP) histories.record(VM, at, at + STEP, { cpu: 2 });
    const history = histories.of(VM);
    expect(history?.mean('cpu', T0 + HOUR, T0 + 2 * HOUR)).toBeNaN();
    expect(history?.mean('cpu', T0 + DAY, T0 + 2 * DAY)).toBe(2);
  });

  test('without room it reaches back less far, and what was forgotten gives its room back', () => {
    const tight = { mostBytes: 100 };
    const { histories, history } = recorded(100, (n) => n, tight);
    expect(history.mean('cpu', T0 + 99 * STEP, T0 + 100 * STEP)).toBe(99);
    expect(history.mean('cpu', T0 + 10 * STEP, T0 + 11 * STEP)).toBeNaN();
    histories.forget(VM);
    expect(histories.of(VM)).toBeUndefined();
    for (let n = 0; n < 16; n++) histories.record(VM, T0 + n * STEP, T0 + (n + 1) * STEP, { cpu: n });
    expect(histories.of(VM)?.mean('cpu', T0, T0 + STEP)).toBe(0);
  });
});

const sample = (more: Partial<VmSample>): VmSample => ({
  ...NOTHING_COUNTED,
  native: 'v',
  memoryBytes: 64,
  residentBytes: 32,
  ...more,
});

describe('what was measured between two samples', () => {
  test('threads kept busy, and bytes and requests by the second', () => {
    const before = sample({ readBytes: 100, threadNs: [0, 0], nics: [{ receivedBytes: 0, sentBytes: 0 }] });
    const now = sample({
      cpuNs: 3e9,
      readBytes: 300,
      threadNs: [2e9, 1e9],
      nics: [{ receivedBytes: 40, sentBytes: 20 }],
    });
    expect(vmMeasures(now, before, 2000)).toMatchObject({
      cpu: 1.5,
      'cpu.0': 1,
      'cpu.1': 0.5,
      memory: 32,
      'disk.read': 100,
      'disk.writes': 0,
      'nic.0.received': 20,
      'nic.0.sent': 10,
    });
  });

  test('a counter that began anew counts from nothing, a disk that is new has no rate yet', () => {
    const disk = { device: 'vda', readBytes: 500, writtenBytes: 0, readRequests: 5, writeRequests: 0 };
    const before = sample({ cpuNs: 9e9, disks: [disk] });
    const now = sample({
      cpuNs: 1e9,
      disks: [
        { ...disk, readBytes: 200 },
        { ...disk, device: 'vdb' },
      ],
    });
    const measured = vmMeasures(now, before, 1000);
    expect(measured).toMatchObject({ cpu: 1, 'disk.vda.read': 200 });
    expect(Object.keys(measured).filter((name) => name.includes('vdb'))).toEqual([]);
  });

  test('of a host: what is used of its memory', () => {
    const host = { cpuNs: 0, idleNs: 0, memoryBytes: 100, freeBytes: 30 };
    expect(hostMeasures({ ...host, cpuNs: 5e8, threadNs: [1e9] }, { ...host, threadNs: [0] }, 1000)).toEqual({
      cpu: 0.5,
      'cpu.0': 1,
      memory: 70,
    });
  });
});
