/** Several transform servers on one Redis, and agents that know some of them: each a program of its own, with its files in one folder. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from './clients.ts';
import { type Launched, launch } from './launch.ts';
import { DURABLE, type RedisServer, startRedis } from './redis.ts';
import type { FrontEndpoint, FrontName } from './transvisor.ts';

const PROGRAM = fileURLToPath(new URL('../../transvisor', import.meta.url));
const USER = 'root';
const PASSWORD = 'pass-for-tests';

type Cells = {
  readonly here: readonly { readonly cell: string; readonly available: boolean; readonly agents: number }[];
  readonly elsewhere: readonly { readonly cell: string; readonly server: string }[];
  readonly servers: readonly { readonly server: string }[];
};

export type RunningServer = Launched & {
  readonly name: string;
  readonly cells: () => Promise<Cells>;
};
export type RunningAgent = Launched & {
  readonly front: (name: FrontName) => FrontEndpoint;
};

export type AgentSetting = {
  /** `--host` flags. */
  readonly hosts: readonly string[];
  /** Servers, the one that is tried first first. */
  readonly servers: readonly string[];
  readonly fronts?: readonly string[];
  /** More flags. */
  readonly options?: readonly string[];
};

export type Servers = AsyncDisposable & {
  readonly redis: RedisServer;
  /** Also one that ran before, on the same state directory. */
  readonly server: (name: string) => Promise<RunningServer>;
  readonly agent: (name: string, setting: AgentSetting) => Promise<RunningAgent>;
  /** Of all programs, or of one. */
  readonly log: (name?: string) => string;
};

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const at = server.address();
      server.close(() => resolve(at !== null && typeof at === 'object' ? at.port : 0));
    });
  });

export type ServersSetting = {
  readonly program?: string;
  /** The link over TLS, on ports of loopback, with a certificate for each program; else a socket and a token. */
  readonly tls?: boolean;
  /** One server by itself, with its state in a directory. */
  readonly embedded?: boolean;
  /** Another Redis than a durable one by itself, which ends with the servers, and how they are told of it (TOML below `[redis]`). */
  readonly redis?: { readonly server: RedisServer; readonly config: string };
};

export const startServers = async (setting: ServersSetting = {}): Promise<Servers> => {
  const { program = PROGRAM, tls = false } = setting;
  const root = mkdtempSync(join(tmpdir(), 'tvs-'));
  const authority = join(root, 'authority');
  const redis =
    setting.embedded === true ? undefined : (setting.redis?.server ?? (await startRedis({ args: DURABLE })));
  const redisConfig = setting.redis?.config ?? `url = "${redis?.url}"`;
  const programs: Launched[] = [];
  const starting = new Set<Promise<Launched>>();
  const ending = new AbortController();
  const linkPorts = new Map<string, number>();
  const linkOf = (name: string): string =>
    tls ? `tls:127.0.0.1:${linkPorts.get(name)}` : `unix:${join(root, `${name}.sock`)}`;
  const ca = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await runProgram(program, ['ca', 'issue', ...args, '--state', authority]);
    if (code !== 0) throw new Error(`ca issue ${args.join(' ')}: ${stderr}`);
  };
  /** What the program needs for its link. */
  const equip = async (name: string, as: 'agent' | 'server'): Promise<void> => {
    const folder = join(root, name, 'tls');
    if (!tls || existsSync(join(folder, 'link.crt'))) return;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (as === 'agent') return ca('--agent', name, '--out', join(folder, 'link'));
    linkPorts.set(name, await freePort());
    if (!existsSync(join(authority, 'tls', 'link.crt'))) await ca('--server', '127.0.0.1');
    cpSync(join(authority, 'tls'), folder, { recursive: true });
  };
  const token = join(root, 'token');
  writeFileSync(token, 'a secret that all servers and agents know\n', { mode: 0o600 });
  const passwordFile = join(root, 'password');
  writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  const run = async (command: string, name: string, config: string, args: readonly string[]): Promise<Launched> => {
    const file = join(root, `${name}.toml`);
    writeFileSync(file, config);
    const state = join(root, name);
    mkdirSync(state, { recursive: true });
    const launched = launch(program, [command, '--config', file, '--state', state, ...args], state, ending.signal);
    starting.add(launched);
    const started = await launched.finally(() => starting.delete(launched));
    programs.push(started);
    return started;
  };
  const ports = new Map<string, number>();

  const server: Servers['server'] = async (name) => {
    await equip(name, 'server');
    const config = [
      `[admin]\nport = ${ports.get(name) ?? 0}`,
      `[link]\naddress = "${linkOf(name)}"\ntokenFile = "${token}"`,
      ...(redis === undefined ? [] : [`[redis]\n${redisConfig}\n[server]\nname = "${name}"`]),
    ];
    const started = await run('server', name, config.join('\n'), []);
    const { admin } = started.ready as { readonly admin: { readonly url: string; readonly token: string } };
    // A successor listens where the one before did: on a port with a number.
    ports.set(name, Number(new URL(admin.url).port));
    const cells = async (): Promise<Cells> => {
      const answer = await fetch(`${admin.url}/api/v1/cells`, { headers: { authorization: `Bearer ${admin.token}` } });
      return (await answer.json()) as Cells;
    };
    return { ...started, name, cells };
  };

  const agent: Servers['agent'] = async (name, { hosts, servers, fronts = ['vim25'], options = [] }) => {
    await equip(name, 'agent');
    const config = `[link]\naddress = ${JSON.stringify(servers.map(linkOf))}\ntokenFile = "${token}"\n[agent]\nname = "${name}"`;
    const flags = [
      ...hosts.flatMap((host) => ['--host', host]),
      ...fronts.flatMap((front) => ['--port', `${front}=${ports.get(`${name} ${front}`) ?? 0}`]),
      ...['--listen', '127.0.0.1', '--user', USER, '--password-file', passwordFile],
      ...options,
    ];
    const started = await run('agent', name, config, flags);
    const ready = started.ready as Readonly<Record<string, FrontEndpoint>>;
    // Where clients know it, also after its restart.
    for (const front of fronts) ports.set(`${name} ${front}`, Number(new URL(ready[front]?.url ?? '').port));
    const front = (wanted: FrontName): FrontEndpoint => {
      const found = ready[wanted];
      if (found === undefined) throw new Error(`the ready file has no ${wanted}: ${JSON.stringify(ready)}`);
      return { ...found, password: PASSWORD };
    };
    return { ...started, front };
  };

  return {
    get redis() {
      if (redis === undefined) throw new Error('there is no Redis');
      return redis;
    },
    server,
    agent,
    log: (name) =>
      readdirSync(root)
        .filter((file) => file.endsWith('.log') && (name === undefined || file === `${name}.log`))
        .map((file) => (existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : ''))
        .join(''),
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await Promise.allSettled(starting);
      await Promise.all(programs.map((one) => one.stop()));
      await redis?.[Symbol.asyncDispose]();
      rmSync(root, { recursive: true, force: true });
    },
  };
};
