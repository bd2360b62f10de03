/** Shared state on a real Redis Cluster of three nodes: cells on all of them, a node that ends and comes back, slots that move. */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { checkNothingShared, restoreShared, saveShared } from '../../transform-server/storage/redis/backup.ts';
import { temporaryFolder } from '../temporary.ts';
import { requireClient, runProgram } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { REDIS_CLIENTS, type RedisServer, startCluster, until } from './redis.ts';
import { endTest, forThisTest, hold, numbersIn, openState, optionsFor, put, WAITING } from './redis-state.ts';

const CELLS = Array.from({ length: 12 }, (_, n) => `host-${n}`);

afterEach(endTest);

describeWith(REDIS_CLIENTS, 'a Redis Cluster of three nodes', () => {
  let nodes: RedisServer[] = [];
  const setting = () => ({ mode: 'cluster', urls: nodes.slice(0, 2).map((node) => node.url) }) as const;
  const open = (server: string) => openState('', server, setting());
  beforeAll(async () => {
    nodes = await startCluster();
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  });

  test('cells lie on all of its nodes, go from server to server, and numbers are given once', async () => {
    const [a, b] = [await open('a'), await open('b')];
    expect(a.warnings).toEqual([]);
    await Promise.all(CELLS.map(async (cell) => put(await hold(a, cell), 1, 2, 3)));
    for (const node of nodes) expect(await node.cli('keys', 'tv:*:log')).not.toBe('');
    expect(await b.claim('host-0')).toMatchObject({ kind: 'elsewhere', owner: { server: 'a' } });
    const blocks = await Promise.all(Array.from({ length: 60 }, (_, n) => (n % 2 === 0 ? a : b).numbers(5)));
    expect(new Set(blocks.map((block) => block.from)).size).toBe(60);
    expect((await b.servers()).map((one) => one.server).sort()).toEqual(['a', 'b']);
    await a.close();
    for (const cell of CELLS) expect(numbersIn(await hold(b, cell))).toEqual([1, 2, 3]);
  });

  test('a backup has the cells of all nodes, under a writer, and goes where there is nothing', async () => {
    const a = await open('a');
    const held = await Promise.all(CELLS.map((cell) => hold(a, `saved-${cell}`)));
    for (let n = 1; n <= 20; n++) await Promise.all(held.map((storage) => put(storage, n)));
    const file = join(temporaryFolder(), 'backup');
    let going = true;
    const writers = (async () => {
      for (let n = 100; going; n++) await Promise.all(held.map((storage) => put(storage, n)));
    })();
    const options = optionsFor('', 'c', setting());
    expect(await saveShared(options, file)).toBeGreaterThanOrEqual(CELLS.length);
    going = false;
    await writers;
    await expect(checkNothingShared(options)).rejects.toThrow('has state already');
    const other = { ...options, prefix: 'new' };
    await checkNothingShared(other);
    await restoreShared(other, file);
    const c = await openState('', 'c', { ...setting(), prefix: 'new' });
    for (const cell of CELLS) {
      const numbers = numbersIn(await hold(c, `saved-${cell}`));
      expect(numbers.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
      // What came beside it is there up to some moment, without a gap.
      expect(numbers.slice(20)).toEqual(numbers.slice(20).map((_, n) => n + 100));
    }
    expect((await c.numbers(1)).from).toBeGreaterThan((await a.numbers(1)).from);
  });

  test('a node that is killed and comes back: its cells go on where they were', async () => {
    const a = await open('a');
    const held = await Promise.all(CELLS.map((cell) => hold(a, `again-${cell}`)));
    await Promise.all(held.map((storage) => put(storage, 1)));
    await nodes[0]?.kill();
    await until('it is said', () => held.some((storage) => !storage.available));
    await nodes[0]?.start();
    await until('all are back', () => held.every((storage) => storage.available), 30_000);
    await Promise.all(held.map((storage) => put(storage, 2)));
    await Promise.all(held.map((storage) => storage.release()));
    for (const cell of CELLS) expect(numbersIn(await hold(a, `again-${cell}`))).toEqual([1, 2]);
  });

  test('slots that move to another node under a writer: nothing is lost or done twice', async () => {
    const a = await open('a');
    const held = await Promise.all(CELLS.map((cell) => hold(a, `moved-${cell}`)));
    const onFirst = async (): Promise<number> =>
      (await nodes[0]?.cli('keys', 'tv:{moved-*:log'))?.split('\n').filter(Boolean).length ?? 0;
    const before = await onFirst();
    let going = true;
    let rounds = 0;
    const writers = (async () => {
      for (; going; rounds++) await Promise.all(held.map((storage) => put(storage, rounds)));
    })();
    const [from, to] = await Promise.all(nodes.slice(0, 2).map((node) => node.cli('cluster', 'myid')));
    const moved = await runProgram(requireClient('redis-cli'), [
      ...[
        '--cluster',
        'reshard',
        `127.0.0.1:${nodes[0]?.port}`,
        '--cluster-from',
        from ?? '',
        '--cluster-to',
        to ?? '',
      ],
      ...['--cluster-slots', '2500', '--cluster-pipeline', '100', '--cluster-yes'],
    ]);
    going = false;
    await writers;
    expect(moved.code, moved.stdout.slice(-2000)).toBe(0);
    expect(rounds).toBeGreaterThan(5);
    expect(await onFirst()).toBeLessThan(before);
    await Promise.all(held.map((storage) => storage.release()));
    const all = Array.from({ length: rounds }, (_, n) => n);
    for (const cell of CELLS) expect(numbersIn(await hold(a, `moved-${cell}`))).toEqual(all);
  });
});

describeWith(REDIS_CLIENTS, 'a Redis Cluster with replicas that are waited for', () => {
  test('a master that is killed under a writer: a replica takes its place, and nothing acknowledged is lost', async () => {
    const nodes = (await startCluster(1)).map(forThisTest);
    const setting = { mode: 'cluster', urls: nodes.map((node) => node.url), ...WAITING } as const;
    const a = await openState('', 'a', setting);
    expect(a.warnings).toEqual([]);
    const held = await Promise.all(CELLS.map((cell) => hold(a, cell)));
    await Promise.all(held.map((storage) => put(storage, 1, 2, 3)));
    const isMaster = async (node: RedisServer): Promise<boolean> => (await node.cli('role')).startsWith('master');
    const masters = await Promise.all(nodes.map(isMaster));
    const killed = nodes[masters.indexOf(true)];
    const alive = nodes.filter((node) => node !== killed);
    await killed?.kill();
    await until('it is said', () => held.some((storage) => !storage.available));
    await until(
      'a replica is promoted',
      async () => (await Promise.all(alive.map(isMaster))).filter(Boolean).length === 3,
    );
    // It is missing among the replicas now: until it is back the new master's writes do not count.
    await killed?.start();
    await until('all are back', () => held.every((storage) => storage.available), 60_000);
    await Promise.all(held.map((storage) => put(storage, 4)));
    await a.close();
    const b = await openState('', 'b', setting);
    for (const cell of CELLS) expect(numbersIn(await hold(b, cell))).toEqual([1, 2, 3, 4]);
  });
});
