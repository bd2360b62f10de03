/** Shared state on one real Redis: the promises of every storage, one holder at a time, fencing, and nothing acknowledged lost. */
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CellStorage, SharedState } from '../../transform-server/storage/cell-contract.ts';
import { type StoragePlace, storageContract } from '../transform-server/storage-contract.ts';
import { describeWith } from './describe-with.ts';
import { DURABLE, REDIS_CLIENTS, type RedisServer, startRedis, until } from './redis.ts';
import { endTest, hold, numbersIn, openState, optionsFor, put, startHolder, TIMES, takeOver } from './redis-state.ts';

describeWith(REDIS_CLIENTS, 'state on one Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis({ args: DURABLE });
  });
  afterAll(async () => {
    await redis.stop();
  });
  afterEach(endTest);

  describe('a cell as storage', () => {
    storageContract(() => place);
    let place: StoragePlace;
    let state: SharedState;
    let cell: string;
    beforeAll(() => {
      place = {
        open: async () => {
          const claim = await state.claim(cell);
          if (claim.kind !== 'held') throw new Error(claim.kind);
          return claim.storage;
        },
        end: (storage) => (storage as CellStorage).release(),
      };
    });
    // Small logs, so that the suite sees snapshots as well as entries.
    beforeEach(async () => {
      cell = randomUUID();
      state = await openState(redis.url, 'a', { times: { ...TIMES, redisLogEntries: 7 } });
    });
  });

  test('of two that claim a cell at once one has it, and the other hears who', async () => {
    const [a, b] = await Promise.all([openState(redis.url, 'a'), openState(redis.url, 'b')]);
    const cell = randomUUID();
    const claims = await Promise.all([a.claim(cell), b.claim(cell)]);
    expect(claims.map((claim) => claim.kind).sort()).toEqual(['elsewhere', 'held']);
    const loser = claims.findIndex((claim) => claim.kind === 'elsewhere');
    expect(claims[loser]).toEqual({
      kind: 'elsewhere',
      owner: [
        { server: 'b', address: 'wss://b.test:7443' },
        { server: 'a', address: 'wss://a.test:7443' },
      ][loser],
    });
  });

  test('a cell that is released is had at once by another, with a greater token and all that was written', async () => {
    const [a, b] = await Promise.all([openState(redis.url, 'a'), openState(redis.url, 'b')]);
    const cell = randomUUID();
    const first = await hold(a, cell);
    await put(first, 1, 2);
    first.run('INSERT INTO t VALUES (3, ?)', 'not flushed');
    await first.release();
    const second = await hold(b, cell);
    expect(second.token).toBeGreaterThan(first.token);
    expect(numbersIn(second)).toEqual([1, 2, 3]);
    await expect(first.flush()).rejects.toThrow(/closed/);
  });

  test('a state that is closed gives its cells up', async () => {
    const cell = randomUUID();
    const a = await openState(redis.url, 'a');
    (await hold(a, cell)).run('INSERT INTO t VALUES (1, ?)', 'x');
    await a.close();
    expect(numbersIn(await hold(await openState(redis.url, 'b'), cell))).toEqual([1]);
  });

  test('an idle holder keeps its cell while others ask for it', async () => {
    const [a, b] = await Promise.all([openState(redis.url, 'a'), openState(redis.url, 'b')]);
    const cell = randomUUID();
    const storage = await hold(a, cell);
    const end = performance.now() + 2 * TIMES.redisLeaseMs;
    while (performance.now() < end) {
      expect(await b.claim(cell)).toMatchObject({ kind: 'elsewhere' });
      await sleep(100);
    }
    expect(storage.available).toBe(true);
    await put(storage, 1);
  });

  test('after kill -9 of a holder another has the cell within its time, with all that was acknowledged', async () => {
    const cell = randomUUID();
    const holder = await startHolder(optionsFor(redis.url, 'a'), cell);
    const b = await openState(redis.url, 'b');
    expect(await b.claim(cell)).toMatchObject({ kind: 'elsewhere', owner: { server: 'a' } });
    await holder.kill();
    const storage = await takeOver(b, cell);
    const found = numbersIn(storage);
    expect(found).toEqual(expect.arrayContaining(holder.done()));
    // At most the one that was on its way.
    expect(found.length - holder.done().length).toBeLessThanOrEqual(1);
    await put(storage, found.length + 1);
  });

  test('a holder that slept through its time writes nothing more, and hears who has the cell', async () => {
    const cell = randomUUID();
    const holder = await startHolder(optionsFor(redis.url, 'a'), cell);
    const b = await openState(redis.url, 'b');
    holder.signal('SIGSTOP');
    const storage = await takeOver(b, cell);
    const before = numbersIn(storage);
    await put(storage, 1_000_001);
    holder.signal('SIGCONT');
    await until('the sleeper hears', () => holder.said.includes('lost b has the cell now'));
    await put(storage, 1_000_002);
    await storage.release();
    expect(numbersIn(await hold(b, cell))).toEqual([...before, 1_000_001, 1_000_002]);
    expect(before).toEqual(expect.arrayContaining(holder.done()));
    expect(holder.said.some((line) => line.startsWith('failed') && line.includes('b has the cell now'))).toBe(true);
  });

  test('a log that grows is replaced by a snapshot, and what is read afterwards is the same', async () => {
    const cell = randomUUID();
    const a = await openState(redis.url, 'a', { times: { ...TIMES, redisLogEntries: 20 } });
    const storage = await hold(a, cell);
    const log = `tv:{${cell}}:log`;
    await put(storage, ...Array.from({ length: 100 }, (_, n) => n));
    await until('the log is cut', async () => Number(await redis.cli('xlen', log)) < 25);
    expect(Number(await redis.cli('hget', `tv:{${cell}}:state`, 'through'))).toBeGreaterThan(70);
    await storage.release();
    expect(numbersIn(await hold(a, cell))).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });

  test('a large cell goes as a snapshot of many pieces, while it is written to', async () => {
    const cell = randomUUID();
    const a = await openState(redis.url, 'a', { times: { ...TIMES, redisLogEntries: 20 } });
    const storage = await hold(a, cell);
    storage.migrate('blobs', ['CREATE TABLE blobs (n INTEGER PRIMARY KEY, v BLOB NOT NULL)']);
    const blobs = Array.from({ length: 40 }, () => randomBytes(100_000));
    for (const [n, blob] of blobs.entries()) {
      storage.run('INSERT INTO blobs VALUES (?, ?)', n, blob);
      await storage.flush();
    }
    await until('a snapshot is there', async () => Number(await redis.cli('strlen', `tv:{${cell}}:image`)) > 1_500_000);
    await storage.release();
    const again = await hold(a, cell);
    const found = again.prepare('SELECT v FROM blobs ORDER BY n').all();
    expect(
      found.map((row) => Buffer.from(row['v'] as Uint8Array).equals(blobs[found.indexOf(row)] ?? Buffer.of())),
    ).toEqual(blobs.map(() => true));
  });

  test('a log with a gap is refused, and the cell is given back', async () => {
    const cell = randomUUID();
    const a = await openState(redis.url, 'a');
    const storage = await hold(a, cell);
    await put(storage, 1, 2, 3);
    await storage.release();
    await redis.cli('xdel', `tv:{${cell}}:log`, '3-0');
    await expect(a.claim(cell)).rejects.toThrow(/lacks entry 3/);
    await expect(a.claim(cell)).rejects.toThrow(/lacks entry 3/);
  });

  test('a table without a primary key is refused: its changes would not reach the log', async () => {
    const storage = await hold(await openState(redis.url, 'a'), randomUUID());
    expect(() => storage.migrate('bare', ['CREATE TABLE bare (v TEXT)'])).toThrow(/bare has no primary key/);
  });

  test('a conflict closes the cell for its holder and for all who ask, until a person removes it', async () => {
    const cell = randomUUID();
    const [a, b] = await Promise.all([openState(redis.url, 'a'), openState(redis.url, 'b')]);
    const storage = await hold(a, cell);
    await put(storage, 1);
    await redis.cli('set', `tv:{${cell}}:conflict`, 'two truths');
    storage.run('INSERT INTO t VALUES (2, ?)', 'x');
    await expect(storage.flush()).rejects.toThrow(/two truths/);
    expect(await storage.lost).toMatch(/two truths/);
    expect(storage.available).toBe(false);
    expect(await b.claim(cell)).toEqual({ kind: 'conflict', text: 'two truths' });
    await redis.cli('del', `tv:{${cell}}:conflict`);
    expect(numbersIn(await takeOver(b, cell))).toEqual([1]);
  });

  test('numbers are given once, however many ask at once', async () => {
    const states = await Promise.all(['a', 'b', 'c', 'd'].map((server) => openState(redis.url, server)));
    const blocks = await Promise.all(
      states.flatMap((state) => Array.from({ length: 100 }, (_, n) => state.numbers(1 + (n % 50), `cell-${n % 7}`))),
    );
    const all = blocks.sort((one, other) => one.from - other.from);
    expect(all).toHaveLength(400);
    for (const [at, block] of all.entries()) expect(block.from).toBeGreaterThanOrEqual(all[at - 1]?.to ?? 1);
  });

  test('a secret is made by the first and the same for all', async () => {
    const states = await Promise.all(['a', 'b', 'c'].map((server) => openState(redis.url, server)));
    const name = randomUUID();
    const made = await Promise.all(states.map((state, n) => state.secret(name, () => new Uint8Array([n, 255, 0]))));
    expect(new Set(made.map((bytes) => Buffer.from(bytes).toString('hex'))).size).toBe(1);
  });

  test('servers are listed while they live', async () => {
    const prefix = { prefix: `tv-${randomUUID()}` };
    const [a, b] = [await openState(redis.url, 'a', prefix), await openState(redis.url, 'b', prefix)];
    const record = (server: string) => ({ server, address: `wss://${server}.test:7443` });
    expect(await a.servers()).toEqual(expect.arrayContaining([record('a'), record('b')]));
    await b.close();
    expect(await a.servers()).toEqual([record('a')]);
    const holder = await startHolder(optionsFor(redis.url, 'c', prefix), 'one');
    expect(await a.servers()).toContainEqual(record('c'));
    await holder.kill();
    await until('the dead one is gone', async () => (await a.servers()).length === 1);
  });
});
