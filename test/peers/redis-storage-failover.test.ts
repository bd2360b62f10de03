/** Shared state where Redis fails over: replicas that are waited for, what a promoted replica lacks is written again, two truths close a cell. */

import { randomUUID } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { describeWith } from './describe-with.ts';
import { DURABLE, REDIS_CLIENTS, type RedisServer, startRedis, startReplica, startSentinels, until } from './redis.ts';
import { endTest, forThisTest, hold, numbersIn, openState, put, TIMES, takeOver, WAITING } from './redis-state.ts';
import { openRelay, type Relay } from './relay.ts';

afterEach(endTest);

const runOf = async (redis: RedisServer): Promise<string> =>
  /run_id:(\w+)/.exec(await redis.cli('info', 'server'))?.[1] ?? '';

/** A master, its replica, and the address that servers know, which is the master's until it is turned. */
interface Pair {
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly address: Relay;
  readonly url: string;
  /** From now on the replica hears nothing more. */
  cut(): Promise<void>;
}
const startPair = async (): Promise<Pair> => {
  const master = forThisTest(await startRedis({ args: DURABLE }));
  const replica = forThisTest(await startReplica(master));
  const address = forThisTest(await openRelay(master.port));
  const synced = async (): Promise<boolean> => {
    const offset = /master_repl_offset:(\d+)/;
    const [one, other] = await Promise.all([master.cli('info', 'replication'), replica.cli('info', 'replication')]);
    return offset.exec(one)?.[1] === offset.exec(other)?.[1];
  };
  const cut = async (): Promise<void> => {
    await until('the replica has all', synced);
    await replica.cli('replicaof', 'no', 'one');
  };
  return { master, replica, address, url: `redis://127.0.0.1:${address.port}`, cut };
};

describeWith(REDIS_CLIENTS, 'replicas', () => {
  test('a flush is done when as many replicas as asked for have it, and not before', async () => {
    const { master, replica } = await startPair();
    const state = await openState(master.url, 'a', WAITING);
    expect(state.warnings).toEqual([]);
    const storage = await hold(state, 'one');
    for (let n = 1; n <= 20; n++) {
      await put(storage, n);
      expect(await replica.cli('hget', 'tv:{one}:state', 'seq')).toBe(String(n + 1));
    }
    replica.signal('SIGSTOP');
    storage.run('INSERT INTO t VALUES (21, ?)', 'x');
    await expect(storage.flush()).rejects.toThrow(/0 of 1 replicas/);
    expect(storage.available).toBe(false);
    await expect(state.numbers(1)).rejects.toThrow(/0 of 1 replicas/);
    replica.signal('SIGCONT');
    await until('it is available again', () => storage.available);
    await put(storage, 22);
    await storage.release();
    expect(numbersIn(await hold(state, 'one'))).toEqual(Array.from({ length: 22 }, (_, n) => n + 1));
  });

  test('a claim that replicas do not hear of leaves the cell free', async () => {
    const { master, replica } = await startPair();
    const a = await openState(master.url, 'a', WAITING);
    replica.signal('SIGSTOP');
    await expect(a.claim('one')).rejects.toThrow(/0 of 1 replicas/);
    const b = await openState(master.url, 'b');
    expect(await b.claim('one')).toMatchObject({ kind: 'held' });
  });

  test('a replica that is not waited for is said', async () => {
    const { master } = await startPair();
    expect((await openState(master.url, 'a')).warnings).toEqual([expect.stringMatching(/none is waited for/)]);
  });
});

describeWith(REDIS_CLIENTS, 'a failover that loses acknowledged writes', () => {
  test('the holder writes them again, and numbers are not given twice', async () => {
    const { replica, address, url, cut } = await startPair();
    const state = await openState(url, 'a');
    const storage = await hold(state, 'one');
    await put(storage, 1, 2);
    await state.numbers(10, 'one');
    await cut();
    await put(storage, 3, 4);
    const lostBlock = await state.numbers(10, 'one');
    address.turnTo(replica.port);
    const other = await openState(replica.url, 'b');
    const theirs = await other.numbers(10, 'two');
    await until('it is back', () => storage.available && state.available);
    expect(theirs.from).toBeGreaterThanOrEqual(lostBlock.to);
    expect(await replica.cli('zrange', 'tv:{numbers}:blocks', '0', '-1')).toContain(
      `${lostBlock.from}-${lostBlock.to} a one`,
    );
    await put(storage, 5);
    await storage.release();
    expect(numbersIn(await hold(other, 'one'))).toEqual([1, 2, 3, 4, 5]);
  });

  test('so it does where the replica knew nothing of its claim', async () => {
    const { replica, address, url, cut } = await startPair();
    const state = await openState(url, 'a');
    const first = await hold(state, 'one');
    await put(first, 1);
    await first.release();
    await cut();
    const storage = await hold(state, 'one');
    address.turnTo(replica.port);
    await until('it is back', () => storage.available && state.available);
    await put(storage, 2);
    await storage.release();
    expect(numbersIn(await hold(await openState(replica.url, 'b'), 'one'))).toEqual([1, 2]);
  });

  test('a server that took the cell meanwhile and wrote nothing loses it again', async () => {
    const { replica, address, url, cut } = await startPair();
    const storage = await hold(await openState(url, 'a'), 'one');
    await put(storage, 1);
    await cut();
    await put(storage, 2);
    const other = await takeOver(await openState(replica.url, 'b'), 'one');
    expect(numbersIn(other)).toEqual([1]);
    address.turnTo(replica.port);
    expect(await other.lost).toBe('a has the cell now');
    await until('it is back', () => storage.available);
    expect(storage.token).toBeGreaterThan(other.token);
    await put(storage, 3);
    await storage.release();
    expect(numbersIn(await hold(await openState(replica.url, 'c'), 'one'))).toEqual([1, 2, 3]);
  });

  test('where another server has gone on without them, the cell is closed for both', async () => {
    const { replica, address, url, cut } = await startPair();
    const storage = await hold(await openState(url, 'a'), 'one');
    await put(storage, 1);
    await cut();
    await put(storage, 2, 3);
    const b = await openState(replica.url, 'b');
    const other = await takeOver(b, 'one');
    await put(other, 2);
    address.turnTo(replica.port);
    expect(await storage.lost).toMatch(/conflict: a has \d entries that were acknowledged/);
    expect(await other.lost).toMatch(/conflict: a has/);
    storage.run('INSERT INTO t VALUES (9, ?)', 'x');
    await expect(storage.flush()).rejects.toThrow(/conflict/);
    await expect(other.flush()).rejects.toThrow(/conflict/);
    expect(await b.claim('one')).toMatchObject({ kind: 'conflict' });
    // Other cells go on.
    await put(await hold(b, 'two'), 1);
  });

  test('where nothing acknowledged is missing, a server that has the cell by now keeps it', async () => {
    const { replica, address, url, cut } = await startPair();
    const storage = await hold(await openState(url, 'a'), 'one');
    await put(storage, 1);
    await cut();
    const b = await openState(replica.url, 'b');
    const other = await takeOver(b, 'one');
    await put(other, 2);
    address.turnTo(replica.port);
    expect(await storage.lost).toBe('b has the cell now');
    await put(other, 3);
    await other.release();
    expect(numbersIn(await hold(b, 'one'))).toEqual([1, 2, 3]);
  });

  test('numbers that somebody else has got too close the cell they were for, and no other', async () => {
    const { replica, address, url, cut } = await startPair();
    const state = await openState(url, 'a');
    const [one, two] = [await hold(state, 'one'), await hold(state, 'two')];
    await state.numbers(10, 'two');
    await cut();
    const block = await state.numbers(10, 'one');
    // A person has set the counter back.
    await replica.cli('hset', 'tv:{numbers}:next', 'next', String(block.from + 5), 'run', await runOf(replica));
    await (await openState(replica.url, 'b')).numbers(10, 'three');
    address.turnTo(replica.port);
    expect(await one.lost).toMatch(/conflict: numbers .* a one were given again: .* b three/);
    await until('the other cell is back', () => two.available);
    await put(two, 1);
  });
});

describeWith(REDIS_CLIENTS, 'Sentinel', () => {
  test('a master that is killed with writes that no replica has: the promoted one gets them from the holder', async () => {
    const name = `m-${randomUUID()}`;
    const master = forThisTest(await startRedis({ args: DURABLE }));
    const replicas = [await startReplica(master), await startReplica(master)].map(forThisTest);
    const sentinels = (await startSentinels(name, master)).map(forThisTest);
    const urls = sentinels.map((one) => one.url);
    const setting = { mode: 'sentinel', urls, masterName: name } as const;
    const state = await openState('', 'a', setting);
    const storage = await hold(state, 'one');
    await put(storage, 1, 2, 3);
    for (const replica of replicas) replica.signal('SIGSTOP');
    await master.cli('client', 'kill', 'type', 'replica');
    await put(storage, 4, 5);
    await master.kill();
    for (const replica of replicas) replica.signal('SIGCONT');
    await until('it is said', () => !storage.available && !state.available, TIMES.redisLeaseMs);
    await until('a replica is promoted and the cell is back', () => storage.available && state.available, 60_000);
    await put(storage, 6);
    await storage.release();
    await until('every Sentinel knows who is promoted', async () => {
      const named = await Promise.all(sentinels.map((one) => one.cli('sentinel', 'get-master-addr-by-name', name)));
      return named.every((address) => !address.includes(String(master.port)));
    });
    const b = await openState('', 'b', setting);
    expect(numbersIn(await hold(b, 'one'))).toEqual([1, 2, 3, 4, 5, 6]);
    await expect(openState('', 'c', { ...setting, masterName: 'nobody' })).rejects.toThrow(/[Ss]entinel/);
  });
});
