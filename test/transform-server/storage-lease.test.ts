/** A lease: it ends by its own clock, and is told. */
import { expect, test } from 'vitest';
import { manualClock } from '../../runtime/clock.ts';
import { openLease } from '../../transform-server/storage/redis/lease.ts';

const start = () => {
  const clock = manualClock(0);
  const lease = openLease(clock, 1000, 0);
  const heard: boolean[] = [];
  lease.onChange((held) => heard.push(held));
  return { clock, lease, heard };
};

test('a lease counts from when its renewal was sent, not from when the answer came', () => {
  const { clock, lease, heard } = start();
  clock.advance(900);
  lease.renewed(400);
  clock.advance(499);
  expect(lease.held).toBe(true);
  clock.advance(1);
  expect(lease.held).toBe(false);
  clock.advance(10);
  expect(heard).toEqual([false]);
  lease.renewed(1410);
  expect([lease.held, heard]).toEqual([true, [false, true]]);
});

test('an answer that comes after the end of the lease it renews does not make it held', () => {
  const { clock, lease } = start();
  clock.advance(5000);
  lease.renewed(3000);
  expect(lease.held).toBe(false);
});

test('a store that does not answer is doubted at once, until it does', () => {
  const { clock, lease, heard } = start();
  clock.advance(10);
  lease.doubted();
  lease.doubted();
  expect([lease.held, heard]).toEqual([false, [false]]);
  lease.renewed(10);
  expect([lease.held, heard]).toEqual([true, [false, true]]);
});

test('what has ended is held no more, whatever comes', () => {
  const { lease, heard } = start();
  lease.ended();
  lease.renewed(0);
  expect([lease.held, heard]).toEqual([false, [false]]);
});
