/** What state on Redis costs beside the embedded one: flushes a second and how long one takes, both synced to the same disk; prints a table. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Storage } from '../../transform-server/storage/contract.ts';
import { openRedisState } from '../../transform-server/storage/redis/state.ts';
import { openStorage } from '../../transform-server/storage/storage.ts';
import { DURABLE, startRedis, startReplica } from '../peers/redis.ts';
import { median, quantile } from './figures.ts';

const SECONDS = Number(process.argv[2] ?? 3);
/** About what a step of a job writes. */
const VALUE = 'x'.repeat(300);

interface Figures {
  readonly perSecond: number;
  readonly medianMs: number;
  readonly p99Ms: number;
}

let next = 1;
const measure = async (storages: readonly Storage[], writers: number): Promise<Figures> => {
  const took: number[] = [];
  const begin = performance.now();
  const end = begin + SECONDS * 1000;
  await Promise.all(
    Array.from({ length: writers }, async (_, at) => {
      const storage = storages[at % storages.length];
      if (storage === undefined) return;
      const insert = storage.prepare('INSERT INTO t VALUES (?, ?)');
      while (performance.now() < end) {
        const from = performance.now();
        insert.run(next++, VALUE);
        await storage.flush();
        took.push(performance.now() - from);
      }
    }),
  );
  const seconds = (performance.now() - begin) / 1000;
  return { perSecond: took.length / seconds, medianMs: median(took), p99Ms: quantile(took, 0.99) };
};

const TABLE = ['CREATE TABLE t (n INTEGER PRIMARY KEY, v TEXT NOT NULL)'];
const print = (name: string, { perSecond, medianMs, p99Ms }: Figures, beside?: Figures): void => {
  const ratio = beside === undefined ? '' : `${(perSecond / beside.perSecond).toFixed(2)} of embedded`;
  process.stdout.write(
    `${name.padEnd(52)} ${perSecond.toFixed(0).padStart(7)}/s  median ${medianMs.toFixed(1)} ms  p99 ${p99Ms.toFixed(1)} ms  ${ratio}\n`,
  );
};

const folder = mkdtempSync(join(tmpdir(), 'tv-cost-'));
const master = await startRedis({ args: DURABLE });
try {
  const embedded = openStorage(folder);
  embedded.migrate('t', TABLE);
  const counts = [1, 64];
  const beside = new Map<number, Figures>();
  for (const writers of counts) {
    const figures = await measure([embedded], writers);
    beside.set(writers, figures);
    print(`embedded, ${writers} writers`, figures);
  }
  embedded.close();
  const onRedis = async (name: string, waitReplicas: number): Promise<void> => {
    const state = await openRedisState({
      ...{ mode: 'single', urls: [master.url], prefix: name, waitReplicas, server: 'a', address: 'wss://a.test' },
    });
    const cells: Storage[] = [];
    for (let n = 0; n < 16; n++) {
      const claim = await state.claim(`cell-${n}`);
      if (claim.kind !== 'held') throw new Error(claim.kind);
      claim.storage.migrate('t', TABLE);
      cells.push(claim.storage);
    }
    for (const writers of counts)
      print(`${name}, ${writers} writers`, await measure(cells.slice(0, 1), writers), beside.get(writers));
    print(`${name}, 64 writers on 16 cells`, await measure(cells, 64), beside.get(64));
    await state.close();
  };
  await onRedis('redis', 0);
  await using _ = await startReplica(master);
  await onRedis('redis-and-a-replica', 1);
} finally {
  await master.stop();
  rmSync(folder, { recursive: true, force: true });
}
