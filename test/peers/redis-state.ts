/** Shared state on a Redis of the tests: options with short times, holders in this process and as programs of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CellStorage, SharedState } from '../../transform-server/storage/cell-contract.ts';
import type { RedisOptions } from '../../transform-server/storage/redis/options.ts';
import { openRedisState } from '../../transform-server/storage/redis/state.ts';
import { until } from './redis.ts';

export const TIMES = {
  redisLeaseMs: 2000,
  redisRenewMs: 400,
  redisCommandMs: 1000,
  redisConnectMs: 1000,
  redisRetryMs: 50,
  redisFlushMs: 2000,
};

/** For tests that wait for replicas, which on a busy machine take their time. */
export const WAITING = { waitReplicas: 1, times: { ...TIMES, redisCommandMs: 4000 } };

export const optionsFor = (url: string, server: string, more: Partial<RedisOptions> = {}): RedisOptions => ({
  mode: 'single',
  urls: [url],
  prefix: 'tv',
  waitReplicas: 0,
  server,
  address: `wss://${server}.test:7443`,
  times: TIMES,
  ...more,
});

const opened: SharedState[] = [];
export const openState = async (
  url: string,
  server: string,
  more: Partial<RedisOptions> = {},
): Promise<SharedState> => {
  const state = await openRedisState(optionsFor(url, server, more));
  opened.push(state);
  return state;
};

export const TABLE = ['CREATE TABLE t (n INTEGER PRIMARY KEY, v TEXT NOT NULL)'];

/** The cell, with a table for the tests; throws where somebody else has it. */
export const hold = async (state: SharedState, cell: string): Promise<CellStorage> => {
  const claim = await state.claim(cell);
  if (claim.kind !== 'held') throw new Error(`${cell} is not to be had: ${JSON.stringify(claim)}`);
  claim.storage.migrate('t', TABLE);
  return claim.storage;
};

/** The cell as soon as its owner counts as gone. */
export const takeOver = async (state: SharedState, cell: string): Promise<CellStorage> => {
  let storage: CellStorage | undefined;
  await until(`${cell} is free`, async () => {
    const claim = await state.claim(cell);
    if (claim.kind === 'conflict') throw new Error(claim.text);
    if (claim.kind === 'held') storage = claim.storage;
    return storage !== undefined;
  });
  if (storage === undefined) throw new Error('unreachable');
  return storage;
};

export const put = async (storage: CellStorage, ...numbers: number[]): Promise<void> => {
  for (const n of numbers) {
    storage.run('INSERT INTO t VALUES (?, ?)', n, `value ${n}`);
    await storage.flush();
  }
};

export const numbersIn = (storage: CellStorage): number[] =>
  storage
    .prepare('SELECT n FROM t ORDER BY n')
    .all()
    .map((row) => Number(row['n']));

/** A program that holds a cell and writes number after number; what it says. */
export interface Holder {
  readonly said: readonly string[];
  /** Numbers that it was told to last. */
  done(): number[];
  signal(signal: NodeJS.Signals): void;
  kill(): Promise<void>;
}

const running = new Set<ChildProcess>();
export const startHolder = async (options: RedisOptions, cell: string): Promise<Holder> => {
  const program = fileURLToPath(new URL('./redis-holder.ts', import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify({ options, cell })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const said: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => said.push(line));
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    running.delete(child);
    await ended;
  };
  const done = (): number[] =>
    said.flatMap((line) => (line.startsWith('done ') ? [Number(line.slice('done '.length))] : []));
  await until('the holder writes', () => done().length > 3);
  return { said, done, signal: (signal) => void child.kill(signal), kill };
};

const borrowed: AsyncDisposable[] = [];
/** A server or an address that one test has for itself. */
export const forThisTest = <T extends AsyncDisposable>(thing: T): T => {
  borrowed.push(thing);
  return thing;
};

/** For afterEach: states are closed while what they are on is still there. */
export const endTest = async (): Promise<void> => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
  await Promise.all(opened.splice(0).map((state) => state.close()));
  for (const thing of borrowed.splice(0).reverse()) await thing[Symbol.asyncDispose]();
};
