/** Starts real Redis servers on loopback, alone, under Sentinels or as a cluster, in folders of their own, and ends them by pid. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Output, requireClient, runProgram } from './clients.ts';

/** For describeWith. */
export const REDIS_CLIENTS = ['redis-server', 'redis-cli', 'setpriv'] as const;
/** What a deployment that loses nothing uses. */
export const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always'];
const START_LIMIT_MS = 20_000;

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/** Below the ports that the system gives away, with the port of a cluster's bus, 10,000 above: a share for each of the files that run side by side. */
const FIRST_PORT = 20_000;
const PORTS = 1350;
const share = FIRST_PORT + PORTS * (Number(process.env['VITEST_POOL_ID'] ?? 1) % 2);
let taken = randomInt(PORTS);

/** Never the one before: servers that start at once have not taken theirs yet. */
const freePort = async (): Promise<number> => {
  for (;;) {
    taken = (taken + 1) % PORTS;
    const port = share + taken;
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port;
  }
};

/** Waits until something is so; says what was waited for when it does not come. */
export const until = async (
  what: string,
  so: () => Promise<boolean> | boolean,
  limitMs = START_LIMIT_MS,
): Promise<void> => {
  const end = performance.now() + limitMs;
  while (!(await so())) {
    if (performance.now() > end) throw new Error(`not in time: ${what}`);
    await sleep(20);
  }
};

export interface RedisServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Its answer; throws with its complaint. */
  cli(...args: readonly string[]): Promise<string>;
  signal(signal: NodeJS.Signals): void;
  /** Ends without warning. */
  kill(): Promise<void>;
  /** Again after its end, on the same port and folder. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface RedisSetting {
  readonly args?: readonly string[];
  /** Lines of a configuration file, which a Sentinel rewrites. */
  readonly lines?: readonly string[];
  /** How redis-cli is let in. */
  readonly cliArgs?: readonly string[];
  readonly cliEnv?: Readonly<Record<string, string>>;
  /** Listens with TLS only. */
  readonly tlsArgs?: readonly string[];
}

export const startRedis = async (setting: RedisSetting = {}): Promise<RedisServer> => {
  const program = requireClient('redis-server');
  const tie = requireClient('setpriv');
  const cliProgram = requireClient('redis-cli');
  const folder = mkdtempSync(join(tmpdir(), 'tv-redis-'));
  const port = await freePort();
  const tls = setting.tlsArgs !== undefined;
  const file = join(folder, 'redis.conf');
  writeFileSync(
    file,
    ['bind 127.0.0.1', `dir ${folder}`, 'save ""', 'repl-diskless-sync-delay 0', ...(setting.lines ?? [])]
      .map((line) => `${line}\n`)
      .join(''),
  );
  const ports = tls
    ? ['--port', '0', '--tls-port', String(port), ...(setting.tlsArgs ?? [])]
    : ['--port', String(port)];
  let child: ChildProcess | undefined;
  let ended: Promise<void> = Promise.resolve();

  const ask = (args: readonly string[]): Promise<Output> =>
    runProgram(cliProgram, ['-p', String(port), ...(setting.cliArgs ?? []), ...args], {
      env: setting.cliEnv ?? {},
      timeoutMs: START_LIMIT_MS,
    });
  const cli = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await ask(args);
    if (code !== 0 || /^(ERR|WRONG|NO)/.test(stdout))
      throw new Error(`redis-cli ${args.join(' ')}: ${stdout}${stderr}`);
    return stdout.trim();
  };
  const start = async (): Promise<void> => {
    // It ends with us, however we end.
    const started = spawn(tie, ['--pdeathsig', 'KILL', program, file, ...ports, ...(setting.args ?? [])], {
      stdio: 'ignore',
    });
    child = started;
    ended = new Promise((resolve) => started.once('exit', () => resolve()));
    await until('redis-server answers', async () => (await ask(['ping'])).stdout.trim() === 'PONG');
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child?.kill('SIGCONT');
    child?.kill(signal);
    await ended;
  };
  const stop = async (): Promise<void> => {
    await end('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  await start();
  return {
    port,
    url: `${tls ? 'rediss' : 'redis'}://127.0.0.1:${port}`,
    cli,
    signal: (signal) => void child?.kill(signal),
    kill: () => end('SIGKILL'),
    start,
    stop,
    [Symbol.asyncDispose]: stop,
  };
};

export const startReplica = async (master: RedisServer): Promise<RedisServer> => {
  const replica = await startRedis({
    args: [...DURABLE, '--replicaof', '127.0.0.1', String(master.port)],
  });
  await until('the replica has caught up', async () =>
    (await master.cli('info', 'replication')).includes(`port=${replica.port},state=online`),
  );
  return replica;
};

/** Three Sentinels over a master and its replicas, quick to notice. */
export const startSentinels = async (name: string, master: RedisServer): Promise<RedisServer[]> => {
  const sentinels = await Promise.all(
    [1, 2, 3].map(() =>
      startRedis({
        args: ['--sentinel'],
        lines: [
          `sentinel monitor ${name} 127.0.0.1 ${master.port} 2`,
          `sentinel down-after-milliseconds ${name} 1000`,
          `sentinel failover-timeout ${name} 5000`,
        ],
      }),
    ),
  );
  for (const one of sentinels) {
    await until('the Sentinels know each other and the replicas', async () => {
      const known = await one.cli('sentinel', 'master', name);
      return /num-other-sentinels\n2\b/.test(known) && /num-slaves\n2\b/.test(known);
    });
  }
  return sentinels;
};

/** Three masters that share the slots, each with as many replicas. */
export const startCluster = async (replicas = 0): Promise<RedisServer[]> => {
  const nodes = await Promise.all(
    Array.from({ length: 3 * (1 + replicas) }, () =>
      startRedis({ args: [...DURABLE, '--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'] }),
    ),
  );
  const made = await runProgram(requireClient('redis-cli'), [
    ...['--cluster', 'create', ...nodes.map(({ port }) => `127.0.0.1:${port}`)],
    ...['--cluster-replicas', String(replicas), '--cluster-yes'],
  ]);
  if (made.code !== 0) throw new Error(`the cluster was not made: ${made.stdout}${made.stderr}`);
  for (const node of nodes) {
    await until('the cluster is up', async () => (await node.cli('cluster', 'info')).includes('cluster_state:ok'));
  }
  const links = (): Promise<string[]> => Promise.all(nodes.map((node) => node.cli('info', 'replication')));
  await until(
    'every replica follows its master',
    async () => (await links()).join().split('state=online').length - 1 === 3 * replicas,
  );
  return nodes;
};
