/** Several transform servers on one Redis, and agents that know some of them: each a program of its own, with its files in one folder. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
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
};

export type Servers = AsyncDisposable & {
  readonly redis: RedisServer;
  /** Also one that ran before, on the same state directory. */
  readonly server: (name: string) => Promise<RunningServer>;
  readonly agent: (name: string, setting: AgentSetting) => Promise<RunningAgent>;
  /** Of all programs, or of one. */
  readonly log: (name?: string) => string;
};

export const startServers = async (program = PROGRAM): Promise<Servers> => {
  const root = mkdtempSync(join(tmpdir(), 'tvs-'));
  const redis = await startRedis({ args: DURABLE });
  const programs: Launched[] = [];
  const linkOf = (name: string): string => `unix:${join(root, `${name}.sock`)}`;
  const token = join(root, 'token');
  writeFileSync(token, 'a secret that all servers and agents know\n', { mode: 0o600 });
  const passwordFile = join(root, 'password');
  writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  const run = async (command: string, name: string, config: string, args: readonly string[]): Promise<Launched> => {
    const file = join(root, `${name}.toml`);
    writeFileSync(file, config);
    const state = join(root, name);
    mkdirSync(state, { recursive: true });
    const started = await launch(program, [command, '--config', file, '--state', state, ...args], state);
    programs.push(started);
    return started;
  };
  const ports = new Map<string, number>();

  const server: Servers['server'] = async (name) => {
    const config = [
      `[admin]\nport = ${ports.get(name) ?? 0}`,
      `[link]\naddress = "${linkOf(name)}"\ntokenFile = "${token}"`,
      `[redis]\nurl = "${redis.url}"\n[server]\nname = "${name}"`,
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

  const agent: Servers['agent'] = async (name, { hosts, servers, fronts = ['vim25'] }) => {
    const config = `[link]\naddress = ${JSON.stringify(servers.map(linkOf))}\ntokenFile = "${token}"\n[agent]\nname = "${name}"`;
    const flags = [
      ...hosts.flatMap((host) => ['--host', host]),
      ...fronts.flatMap((front) => ['--port', `${front}=0`]),
      ...['--listen', '127.0.0.1', '--user', USER, '--password-file', passwordFile],
    ];
    const started = await run('agent', name, config, flags);
    const ready = started.ready as Readonly<Record<string, FrontEndpoint>>;
    const front = (wanted: FrontName): FrontEndpoint => {
      const found = ready[wanted];
      if (found === undefined) throw new Error(`the ready file has no ${wanted}: ${JSON.stringify(ready)}`);
      return { ...found, password: PASSWORD };
    };
    return { ...started, front };
  };

  return {
    redis,
    server,
    agent,
    log: (name) =>
      readdirSync(root)
        .filter((file) => file.endsWith('.log') && (name === undefined || file === `${name}.log`))
        .map((file) => (existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : ''))
        .join(''),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(programs.map((one) => one.stop()));
      await redis[Symbol.asyncDispose]();
      rmSync(root, { recursive: true, force: true });
    },
  };
};
