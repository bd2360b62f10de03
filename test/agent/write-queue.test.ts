/** Turns of writers: one at a time, in order, busy after the limit. */
import { describe, expect, test } from 'vitest';
import { createThrottle } from '../../agent/throttle.ts';
import { createWriteQueue } from '../../agent/write-queue.ts';
import { hubId } from '../../mappings/generic/ids.ts';
import { manualClock } from '../../runtime/clock.ts';
import { LIMITS } from '../../runtime/limits.ts';

const job = (n: number) => hubId('job', n);
const settled = async <T>(promise: Promise<T>): Promise<T | 'waiting'> => {
  await new Promise((resolve) => setImmediate(resolve));
  return Promise.race([promise, Promise.resolve('waiting' as const)]);
};

describe('the write queue', () => {
  test('gives one turn after the other, in the order of asking', async () => {
    const queue = createWriteQueue(manualClock());
    expect((await queue.acquire('vm', job(1))).ok).toBe(true);
    const [second, third] = [queue.acquire('vm', job(2)), queue.acquire('vm', job(3))];
    expect(await settled(second)).toBe('waiting');
    queue.release('vm', job(1));
    expect(await settled(second)).toEqual({ ok: true, value: undefined });
    expect(await settled(third)).toBe('waiting');
    queue.release('vm', job(2));
    expect((await third).ok).toBe(true);
    queue.release('vm', job(3));
    expect(queue.busy).toBe(0);
  });
  test('does not hold another VM', async () => {
    const queue = createWriteQueue(manualClock());
    await queue.acquire('a', job(1));
    expect((await queue.acquire('b', job(2))).ok).toBe(true);
  });
  test('answers busy after ten seconds, naming the holder, and lets the next one in later', async () => {
    const clock = manualClock();
    const queue = createWriteQueue(clock);
    await queue.acquire('vm', job(1));
    const late = queue.acquire('vm', job(2));
    clock.advance(9_999);
    expect(await settled(late)).toBe('waiting');
    clock.advance(1);
    const outcome = await late;
    expect(outcome.ok === false && outcome.fault).toMatchObject({ kind: 'busy', members: { job: 'job-1' } });
    queue.release('vm', job(1));
    expect((await queue.acquire('vm', job(3))).ok).toBe(true);
  });
  test('the holder asking again has it; a release by a stranger changes nothing', async () => {
    const queue = createWriteQueue(manualClock());
    await queue.acquire('vm', job(1));
    expect((await queue.acquire('vm', job(1))).ok).toBe(true);
    queue.release('vm', job(5));
    expect(await settled(queue.acquire('vm', job(2)))).toBe('waiting');
  });
  test('a waiter that was given up leaves the queue', async () => {
    const queue = createWriteQueue(manualClock());
    await queue.acquire('vm', job(1));
    const [second, third] = [queue.acquire('vm', job(2)), queue.acquire('vm', job(3))];
    queue.release('vm', job(2));
    expect((await second).ok).toBe(false);
    queue.release('vm', job(1));
    expect((await third).ok).toBe(true);
  });
  test('has a bound', async () => {
    const queue = createWriteQueue(manualClock());
    await queue.acquire('vm', job(1));
    for (let n = 0; n < LIMITS.writeQueueWaiters; n++) void queue.acquire('vm', job(100 + n));
    expect((await queue.acquire('vm', job(2))).ok).toBe(false);
  });
});

describe('the slow-down on bad logins', () => {
  test('doubles after three free failures up to its limit, and is forgotten', () => {
    const clock = manualClock();
    const throttle = createThrottle(clock);
    const waits = Array.from({ length: 12 }, () => {
      const ms = throttle.waitMs('k');
      throttle.failed('k');
      return ms;
    });
    expect(waits).toEqual([0, 0, 0, 250, 500, 1000, 2000, 4000, 8000, 8000, 8000, 8000]);
    expect(throttle.waitMs('other')).toBe(0);
    clock.advance(LIMITS.loginForgetMs + 1);
    expect(throttle.waitMs('k')).toBe(0);
  });
  test('holds one key without holding another, and bounds who waits', async () => {
    const clock = manualClock();
    const throttle = createThrottle(clock);
    for (let n = 0; n < 6; n++) throttle.failed('bad');
    const held = throttle.attempt('bad', async () => 'late');
    expect(await throttle.attempt('good', async () => 'now')).toBe('now');
    expect(await settled(held)).toBe('waiting');
    for (let n = 0; n < LIMITS.loginsQueued - 1; n++) void throttle.attempt('bad', async () => undefined);
    expect(await throttle.attempt('bad', async () => 'too many')).toBeUndefined();
    clock.advance(2000);
    expect(await held).toBe('late');
  });
});
