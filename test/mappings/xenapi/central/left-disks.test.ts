/** Disks that a destroyed snapshot leaves to be destroyed: each once, for a day, and not without end. */
import { expect, it } from 'vitest';
import { hubId } from '../../../../mappings/generic/ids.ts';
import type { OwnView } from '../../../../mappings/generic/store-view.ts';
import { leaveDisks, takeLeftDisk } from '../../../../mappings/xenapi/central/left-disks.ts';

const setUp = () => {
  const kept = new Map<string, unknown>();
  let nowMs = 1000;
  const later = (ms: number): void => {
    nowMs += ms;
  };
  const own: OwnView = {
    get: (namespace, key) => kept.get(`${namespace} ${key}`),
    put: (namespace, key, value) => void kept.set(`${namespace} ${key}`, value),
    delete: (namespace, key) => void kept.delete(`${namespace} ${key}`),
    list: (namespace) => [...kept].map(([key, value]) => ({ key: key.slice(namespace.length + 1), value })),
  };
  const context = { front: { uuid: 'u' }, own, now: () => nowMs } as Parameters<typeof leaveDisks>[0];
  return { context, kept, later };
};
const snapshot = (n: number) => hubId('snapshot', n);

it('lets each disk be destroyed once', () => {
  const { context, kept } = setUp();
  leaveDisks(context, snapshot(1), [1, 3]);
  expect(takeLeftDisk(context, snapshot(1), 2)).toBe(false);
  expect(takeLeftDisk(context, snapshot(2), 1)).toBe(false);
  expect(takeLeftDisk(context, snapshot(1), 1)).toBe(true);
  expect(takeLeftDisk(context, snapshot(1), 1)).toBe(false);
  expect(takeLeftDisk(context, snapshot(1), 3)).toBe(true);
  expect(kept.size).toBe(0);
});

it('forgets them after a day, and the oldest of very many', () => {
  const { context, kept, later } = setUp();
  leaveDisks(context, snapshot(1), [1]);
  later(25 * 60 * 60 * 1000);
  leaveDisks(context, snapshot(2), [1]);
  expect(takeLeftDisk(context, snapshot(1), 1)).toBe(false);
  for (let n = 3; n < 1200; n++) {
    later(1);
    leaveDisks(context, snapshot(n), [1]);
  }
  expect(kept.size).toBeLessThanOrEqual(1000);
  expect(takeLeftDisk(context, snapshot(1199), 1)).toBe(true);
  expect(takeLeftDisk(context, snapshot(2), 1)).toBe(false);
});
