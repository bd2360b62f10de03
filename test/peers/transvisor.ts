/** Starts the product as a person does (`./transvisor up`, or server and agent apart), waits for its ready file, and gives its endpoints, pids and end. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Endpoint, requireClient } from './clients.ts';
import { type Launched, launch, tailOf } from './launch.ts';

export const PROGRAM = fileURLToPath(new URL('../../transvisor', import.meta.url));

export type TransvisorOptions = {
  readonly host: string;
  /** Fronts on it; vim25 when none is named. The first one is the endpoint of the result itself. */
  readonly fronts?: readonly FrontName[];
  /** Ports of fronts; any free one when absent. */
  readonly ports?: Readonly<Partial<Record<FrontName, number>>>;
  /** `transvisor server` and `transvisor agent` apart, each with a state directory of its own. */
  readonly twoProcesses?: boolean;
  /** Of two processes: the address of their link; a socket of our own when absent. Certificates are in the state directories. */
  readonly link?: string;
  /** More flags of `up` or `agent`. */
  readonly options?: readonly string[];
  /** More of the configuration file of `up` or `agent` (TOML). */
  readonly config?: string;
  readonly user?: string;
  readonly password?: string;
  /** The `transvisor` of another copy of the program. */
  readonly program?: string;
  /** The agent's, where it is another one. */
  readonly agentProgram?: string;
  /** Kept at the end when given; else a directory of our own that goes with us. */
  readonly state?: string;
};

export type Half = 'server' | 'agent';
export type FrontName = 'vim25' | 'xenapi';
export type FrontEndpoint = Endpoint & {
  readonly fingerprint: string;
  readonly fingerprint256: string;
  /** It passes: users are the host's own. */
  readonly pass?: boolean;
};

export type Transvisor = FrontEndpoint & {
  /** Where each front answers. */
  readonly front: (name: FrontName) => FrontEndpoint;
  readonly admin: { readonly url: string; readonly token: string };
  /** The address of the link of two processes. */
  readonly link: () => string;
  readonly state: string;
  /** The program that listens for clients. */
  readonly pid: () => number;
  /** Every program of ours: one, or the server and the agent. */
  readonly pids: () => readonly number[];
  readonly alive: () => boolean;
  /** SIGTERM, and waits; gives the exit codes. */
  readonly stop: (half?: Half) => Promise<readonly (number | null)[]>;
  /** SIGKILL. */
  readonly kill9: (half?: Half) => Promise<void>;
  /** Starts what does not run, on the same ports and the same state. */
  readonly restart: (half?: Half) => Promise<void>;
  /** The end of what the programs wrote. */
  readonly log: () => string;
  /** All that the programs wrote. */
  readonly wholeLog: () => string;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

type Ready = { readonly [name in FrontName]?: FrontEndpoint } & {
  readonly admin?: { url: string; token: string };
  readonly link?: string;
};

const runs = (program: Launched | undefined): program is Launched => program?.runs() === true;

export const startTransvisor = async (options: TransvisorOptions): Promise<Transvisor> => {
  const root = mkdtempSync(join(tmpdir(), 'tvp-'));
  const state = options.state ?? join(root, 'state');
  const user = options.user ?? 'root';
  const password = options.password ?? 'pass-for-tests';
  const passwordFile = join(root, 'password');
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  const configFile = join(root, 'transvisor.toml');
  writeFileSync(configFile, options.config ?? '');
  const two = options.twoProcesses === true;
  // Short: a unix socket's path has at most 107 bytes.
  let linkAddress = options.link ?? `unix:${join(root, 'link')}`;
  const link = (): string[] => [
    ...['--link', linkAddress],
    ...(options.link === undefined ? ['--link-token-file', join(root, 'link-token')] : []),
  ];
  const programs = new Map<Half, Launched>();
  const fronts = options.fronts ?? ['vim25'];
  let ports: Readonly<Record<string, number>> = options.ports ?? {};
  let ready: Ready = {};

  const started = async (half: Half, args: readonly string[]): Promise<Ready> => {
    const own = half === 'agent' ? options.agentProgram : undefined;
    const program = await launch(own ?? options.program ?? PROGRAM, args, join(root, half));
    programs.set(half, program);
    return program.ready as Ready;
  };

  const hostFlags = [
    ...['--config', configFile, '--host', options.host, '--listen', '127.0.0.1'],
    ...['--user', user, '--password-file', passwordFile],
    ...(options.options ?? []),
  ];
  const folder = (half: Half): string => {
    const path = two ? join(state, half) : state;
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  };
  const start = async (half: Half): Promise<void> => {
    const flag = (name: string): string[] => ['--port', `${name}=${ports[name] ?? 0}`];
    const frontPorts = fronts.flatMap(flag);
    let got: Ready;
    if (!two)
      got = await started('agent', ['up', ...hostFlags, ...frontPorts, ...flag('admin'), '--state', folder('agent')]);
    else if (half === 'agent')
      got = await started('agent', ['agent', ...hostFlags, ...frontPorts, ...link(), '--state', folder('agent')]);
    else {
      const file = join(root, 'server.toml');
      writeFileSync(file, `[admin]\nport = ${ports['admin'] ?? 0}\n`);
      got = await started('server', ['server', '--config', file, ...link(), '--state', folder('server')]);
    }
    // With the port it got.
    linkAddress = got.link ?? linkAddress;
    ready = { ...ready, ...got };
    const urls = [...fronts.map((name) => [name, ready[name]?.url] as const), ['admin', ready.admin?.url] as const];
    ports = Object.fromEntries(
      urls.map(([name, url]) => [name, url === undefined ? (ports[name] ?? 0) : Number(new URL(url).port)]),
    );
  };

  const halves = (half: Half | undefined): readonly Half[] => {
    if (half !== undefined && !two) throw new Error('there are no halves in one process');
    // The agent goes first and comes last: the server makes the link's token.
    return half !== undefined ? [half] : two ? ['agent', 'server'] : ['agent'];
  };
  const stop = async (half?: Half): Promise<readonly (number | null)[]> => {
    const codes: (number | null)[] = [];
    for (const one of halves(half)) {
      const program = programs.get(one);
      if (!runs(program)) continue;
      codes.push(await program.stop());
    }
    return codes;
  };
  const kill9 = async (half?: Half): Promise<void> => {
    await Promise.all(halves(half).map(async (one) => programs.get(one)?.kill9()));
  };
  const restart = async (half?: Half): Promise<void> => {
    for (const one of halves(half).toReversed()) if (!runs(programs.get(one))) await start(one);
  };
  const dispose = async (): Promise<void> => {
    await stop();
    rmSync(root, { recursive: true, force: true });
  };
  const wholeLog = (): string =>
    (['server', 'agent'] as const)
      .map((half) => join(root, `${half}.log`))
      .filter((file) => existsSync(file))
      .map((file) => readFileSync(file, 'utf8'))
      .join('');
  const log = (): string => ['server', 'agent'].map((half) => tailOf(join(root, `${half}.log`))).join('');

  try {
    await restart();
    const { admin } = ready;
    const front = (name: FrontName): FrontEndpoint => {
      const found = ready[name];
      if (found === undefined) throw new Error(`the ready file has no ${name}: ${JSON.stringify(ready)}`);
      return { ...found, password: found.password === '' ? password : found.password };
    };
    if (admin === undefined) throw new Error(`the ready file has no admin: ${JSON.stringify(ready)}`);
    return {
      ...front(fronts[0] ?? 'vim25'),
      front,
      admin,
      link: () => linkAddress,
      state,
      pid: () => programs.get('agent')?.pid ?? 0,
      pids: () => [...programs.values()].filter(runs).map(({ pid }) => pid),
      alive: () => [...programs.values()].every(runs),
      stop,
      kill9,
      restart,
      log,
      wholeLog,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await kill9();
    rmSync(root, { recursive: true, force: true });
    throw error;
  }
};

/** What a client that wants host and port apart is given. */
export const hostAndPort = (endpoint: Endpoint): readonly [host: string, port: string] => {
  const { hostname, port } = new URL(endpoint.url);
  return [hostname, port];
};

/** The URI of libvirt's own ESX client; the password goes beside it. */
export const esxUri = (endpoint: Endpoint): string => {
  const { host } = new URL(endpoint.url);
  return `esx://${encodeURIComponent(endpoint.user)}@${host}/?no_verify=1`;
};

/** virsh reads the password of an esx:// connection from a file. */
export const esxAuthFile = (endpoint: Endpoint, path: string): string => {
  requireClient('virsh');
  writeFileSync(
    path,
    `[credentials-us]\nusername=${endpoint.user}\npassword=${endpoint.password}\n\n[auth-esx-default]\ncredentials=us\n`,
    { mode: 0o600 },
  );
  return path;
};
