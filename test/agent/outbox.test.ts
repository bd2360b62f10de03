/** The outbox: what was put survives the end of the program, reaches the server once in order, and is bounded. */
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openOutbox } from '../../agent/outbox.ts';
import { createServerPort } from '../../agent/server-port.ts';
import { fault } from '../../mappings/generic/faults.ts';
import { hubId } from '../../mappings/generic/ids.ts';
import { systemClock } from '../../runtime/clock.ts';
import { LinkDown } from '../../runtime/link.ts';
import { silentLog } from '../../runtime/log.ts';
import type { OutboxEntry, ServerApi, ServerHello } from '../../runtime/protocol.ts';
import { temporaryFolder } from '../temporary.ts';

const entry = (
  job: number,
  phase: 'started' | 'finished',
  extra: Partial<OutboxEntry> = {},
): Omit<OutboxEntry, 'seq'> => ({
  exchange: `x-${job}`,
  job: hubId('job', job),
  verb: 'vm.start',
  host: hubId('host', 1),
  target: hubId('vm', 2),
  targetName: 'web',
  user: 'ann',
  address: '',
  front: 'f',
  method: 'm',
  nativeTarget: { type: 'VM', id: '2' },
  operation: '',
  atMs: 1,
  phase,
  ...extra,
});

const HELLO = { hosts: {}, fronts: {} } as unknown as ServerHello;
const newPath = (): string => join(temporaryFolder(), 'outbox');

const open = (path: string, deliver?: (entries: readonly OutboxEntry[]) => Promise<number>) => {
  const server = createServerPort();
  const seen: OutboxEntry[] = [];
  const api = {
    outbox: async (_: string, entries: readonly OutboxEntry[]) => {
      if (deliver !== undefined) return { through: await deliver(entries) };
      seen.push(...entries);
      return { through: entries.at(-1)?.seq ?? 0 };
    },
  } as unknown as ServerApi;
  const outbox = openOutbox({ path, agent: 'a', server, clock: systemClock, log: silentLog });
  return { outbox, server, seen, up: () => server.up(api, HELLO) };
};
const phases = (entries: readonly OutboxEntry[]): string[] => entries.map((one) => `${one.job} ${one.phase}`);

describe('the outbox', () => {
  test('waits for the server and then delivers in order, with growing numbers', async () => {
    const { outbox, up, seen } = open(newPath());
    outbox.put(entry(1, 'started'));
    outbox.put(entry(1, 'finished', { fault: fault('busy', {}, 'x') }));
    await expect(outbox.flushed()).rejects.toBeInstanceOf(LinkDown);
    up();
    await outbox.flushed();
    expect(phases(seen)).toEqual(['job-1 started', 'job-1 finished']);
    expect(seen[1]?.seq).toBeGreaterThan(seen[0]?.seq ?? Number.NaN);
    expect(seen[1]?.fault?.kind).toBe('busy');
    expect(outbox.waiting).toBe(0);
    outbox.close();
  });

  test('is on the file the moment put returns: a killed program loses nothing', async () => {
    const path = newPath();
    const before = open(path);
    before.outbox.put(entry(1, 'started'));
    before.outbox.put(entry(1, 'finished'));
    // No close: as after kill -9. The file is read by another one.
    const copy = newPath();
    writeFileSync(copy, readFileSync(path));
    const after = open(copy);
    after.up();
    await after.outbox.flushed();
    expect(phases(after.seen)).toEqual(['job-1 started', 'job-1 finished']);
    before.outbox.close();
    after.outbox.close();
  });

  test('every torn tail leaves the whole records before it', async () => {
    const path = newPath();
    const { outbox } = open(path);
    outbox.put(entry(1, 'started'));
    outbox.put(entry(1, 'finished'));
    const whole = statSync(path).size;
    outbox.put(entry(2, 'started'));
    outbox.put(entry(2, 'finished'));
    outbox.close();
    const bytes = readFileSync(path);
    for (let length = whole; length < bytes.length; length += 37) {
      const copy = newPath();
      writeFileSync(copy, bytes);
      truncateSync(copy, length);
      const again = open(copy);
      again.up();
      await again.outbox.flushed();
      expect(phases(again.seen).slice(0, 2)).toEqual(['job-1 started', 'job-1 finished']);
      // What is appended after the tail was cut off is read again.
      again.outbox.put(entry(3, 'started'));
      again.outbox.close();
      const third = open(copy);
      expect(third.outbox.waiting).toBeGreaterThanOrEqual(1);
      third.outbox.close();
    }
  });

  test('a changed byte is noticed and nothing after it is believed', async () => {
    const path = newPath();
    const { outbox } = open(path);
    outbox.put(entry(1, 'started'));
    const at = statSync(path).size + 20;
    outbox.put(entry(1, 'finished'));
    outbox.close();
    const bytes = readFileSync(path);
    bytes[at] = (bytes[at] ?? 0) ^ 0xff;
    writeFileSync(path, bytes);
    const after = open(path);
    after.up();
    await after.outbox.flushed();
    expect(after.seen.map((one) => one.fault?.kind)).toEqual([undefined, 'host-communication']);
    after.outbox.close();
  });

  test('a command under way at kill -9 gets an end with a fault, also when the server has its start', async () => {
    const path = newPath();
    const before = open(path);
    before.up();
    before.outbox.put(entry(7, 'started'));
    await before.outbox.flushed();
    before.outbox.close();
    const after = open(path);
    after.up();
    await after.outbox.flushed();
    expect(phases(after.seen)).toEqual(['job-7 finished']);
    expect(after.seen[0]?.fault?.kind).toBe('host-communication');
    expect(after.seen[0]?.seq).toBeGreaterThan(before.seen[0]?.seq ?? Number.NaN);
    after.outbox.close();
  });

  test('what was acknowledged is not sent again by the next run, what was not is', async () => {
    const path = newPath();
    let acknowledge = true;
    const before = open(path, async (entries) => {
      if (!acknowledge) throw new LinkDown('away');
      return entries.at(-1)?.seq ?? 0;
    });
    before.up();
    before.outbox.put(entry(1, 'started'));
    before.outbox.put(entry(1, 'finished'));
    await before.outbox.flushed();
    acknowledge = false;
    before.outbox.put(entry(2, 'started'));
    before.outbox.put(entry(2, 'finished'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    before.outbox.close();
    const after = open(path);
    after.up();
    await after.outbox.flushed();
    expect(phases(after.seen)).toEqual(['job-2 started', 'job-2 finished']);
    after.outbox.close();
  });

  test('the file does not grow for ever, and an open start outlives its compaction', async () => {
    const path = newPath();
    const one = open(path);
    one.up();
    one.outbox.put(entry(9999, 'started'));
    for (let job = 1; job <= 1500; job++) {
      one.outbox.put(entry(job, 'started'));
      one.outbox.put(entry(job, 'finished'));
      if (job % 50 === 0) await one.outbox.flushed();
    }
    await one.outbox.flushed();
    expect(statSync(path).size).toBeLessThan(512 * 1024);
    one.outbox.close();
    const after = open(path);
    after.up();
    await after.outbox.flushed();
    expect(phases(after.seen)).toEqual(['job-9999 finished']);
    after.outbox.close();
  });

  test('holds nobody up for what the server cannot write down now, and keeps it over the end of the program', async () => {
    const path = newPath();
    const [near, far] = [hubId('host', 1), hubId('host', 2)];
    let away = true;
    const taken: OutboxEntry[] = [];
    const api = {
      outbox: async (_: string, entries: readonly OutboxEntry[]) => {
        const later = entries.filter(({ host }) => away && host === far);
        if (later.length === entries.length) throw new LinkDown('that host is away');
        taken.push(...entries.filter((one) => !later.includes(one)));
        return { through: entries.at(-1)?.seq ?? 0, later: later.map(({ seq }) => seq) };
      },
    } as unknown as ServerApi;
    const begin = () => {
      const server = createServerPort();
      const outbox = openOutbox({ path, agent: 'a', server, clock: systemClock, log: silentLog });
      server.up(api, HELLO);
      return outbox;
    };
    const first = begin();
    first.put(entry(1, 'started', { host: far }));
    first.put(entry(2, 'started', { host: near }));
    await first.flushed();
    first.put(entry(1, 'finished', { host: far }));
    first.put(entry(2, 'finished', { host: near }));
    await first.flushed();
    expect(first.waiting).toBe(0);
    expect(phases(taken)).toEqual(['job-2 started', 'job-2 finished']);
    // Tried again without company: nobody who waits for others is told of it.
    await new Promise((resolve) => setTimeout(resolve, 1300));
    first.put(entry(3, 'started', { host: near }));
    await first.flushed();
    first.close();

    away = false;
    taken.length = 0;
    const second = begin();
    await second.flushed();
    expect(phases(taken).toSorted()).toEqual(['job-1 finished', 'job-1 started', 'job-3 finished']);
    second.close();
    const third = begin();
    expect(third.waiting).toBe(0);
    third.close();
  });
});
