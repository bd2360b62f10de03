/** Finds the real clients and peers that scripts/peers installs, says by name which are missing, and runs them. */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { witness } from './witnesses.ts';

const CACHE = fileURLToPath(new URL('../../.cache/', import.meta.url));
/** As pinned in scripts/peers. */
export const GOVMOMI_VERSION = 'v0.46.3';
/** govc's own tests, as they are in the module: `*.bats`, test_helper.bash, images/. */
export const BATS_SUITE = join(CACHE, `govmomi-${GOVMOMI_VERSION}`, 'govc', 'test');

const OUTPUT_LIMIT = 256 * 1024 * 1024;
const START_LIMIT_MS = 20_000;
/** Characters that are kept, and that are shown. */
const [KEPT, SHOWN] = [1024 * 1024, 4096];

/** Where each client is looked for: a path of ours, or a command on the PATH. */
const CLIENTS = {
  govc: join(CACHE, 'bin', 'govc'),
  vcsim: join(CACHE, 'bin', 'vcsim'),
  pyvmomi: join(CACHE, 'venv', 'pyvmomi.version'),
  'fence-xenapi': 'fence_xenapi',
  'xenapi-py': join(CACHE, 'venv', 'xenapi.version'),
  schemathesis: join(CACHE, 'schemathesis', 'schemathesis.version'),
  'xen-api': join(CACHE, 'xen-api', 'xen-api.version'),
  'bats-suite': join(BATS_SUITE, 'test_helper.bash'),
  bats: 'bats',
  jq: 'jq',
  curl: 'curl',
  python3: 'python3',
  xmlstarlet: 'xmlstarlet',
  virsh: 'virsh',
  libvirtd: 'libvirtd',
  qemu: 'qemu-system-x86_64',
  'qemu-img': 'qemu-img',
  tini: 'tini',
  'dpkg-deb': 'dpkg-deb',
  'systemd-analyze': 'systemd-analyze',
  xsltproc: 'xsltproc',
  'redis-server': 'redis-server',
  'redis-cli': 'redis-cli',
  setpriv: 'setpriv',
  openssl: 'openssl',
  root: 'unshare',
  netns: 'nsenter',
  ip: 'ip',
  nft: 'nft',
  haproxy: 'haproxy',
  chromium: 'chromium',
} as const;
export type ClientName = keyof typeof CLIENTS;

const onPath = (command: string): string | undefined => {
  // Daemons live in sbin, which is not on every PATH.
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin']) {
    const file = join(folder, command);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not in this folder
    }
  }
  return undefined;
};

let netnsMade: boolean | undefined;
/** Containers may be root and yet make none, or not be allowed to set one up. */
const canMakeNetns = (): boolean => {
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };
  netnsMade ??=
    process.getuid?.() === 0 &&
    spawnSync('unshare', ['-n', '-m', 'ip', 'link', 'set', 'lo', 'up'], { env }).status === 0;
  return netnsMade;
};

/** The path of a client, or undefined. `root` stands for the right to make mount namespaces, `netns` for networks of one's own. */
export const findClient = (name: ClientName): string | undefined => {
  if (name === 'root' && process.getuid?.() !== 0) return undefined;
  if (name === 'netns' && !canMakeNetns()) return undefined;
  const place = CLIENTS[name];
  return place.includes('/') ? (existsSync(place) ? place : undefined) : onPath(place);
};

export const requireClient = (name: ClientName): string => {
  const path = findClient(name);
  if (path === undefined) throw new Error(`${name} is not available: scripts/peers installs it`);
  return path;
};

/** What startLibvirtd needs. */
export const LIBVIRT_CLIENTS = ['root', 'libvirtd', 'qemu', 'virsh', 'tini'] as const satisfies readonly ClientName[];

export type Output = { readonly code: number; readonly stdout: string; readonly stderr: string };
export type RunOptions = {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
  readonly timeoutMs?: number;
};

/** Runs a program to its end; a non-zero exit is an answer, not an error. */
export const runProgram = (file: string, args: readonly string[], options: RunOptions = {}): Promise<Output> =>
  new Promise((resolve) => {
    const child = execFile(
      file,
      [...args],
      {
        env: { ...process.env, ...options.env },
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        maxBuffer: OUTPUT_LIMIT,
        timeout: options.timeoutMs ?? 120_000,
        killSignal: 'SIGKILL',
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        resolve({ code, stdout, stderr: error !== null && stderr === '' ? error.message : stderr });
      },
    );
    child.stdin?.on('error', () => {}); // a program may end without reading its input
    child.stdin?.end(options.input ?? '');
  });

/** Where a vim25 client connects. */
export type Endpoint = { readonly url: string; readonly user: string; readonly password: string };

export type Govc = {
  /** Its output; throws with its complaint. */
  (...args: readonly string[]): Promise<string>;
  readonly result: (args: readonly string[], options?: RunOptions) => Promise<Output>;
  readonly env: Readonly<Record<string, string>>;
};

export const govcOn = (endpoint: Endpoint, env: Readonly<Record<string, string>> = {}): Govc => {
  const variables = {
    GOVC_URL: endpoint.url,
    GOVC_USERNAME: endpoint.user,
    GOVC_PASSWORD: endpoint.password,
    GOVC_INSECURE: 'true',
    GOVC_PERSIST_SESSION: 'false',
    ...env,
  };
  const result = (args: readonly string[], options: RunOptions = {}): Promise<Output> =>
    runProgram(requireClient('govc'), args, { ...options, env: { ...variables, ...options.env } });
  const govc = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await result(args);
    if (code !== 0) throw new Error(`govc ${args.join(' ')}: ${stderr.trim()}`);
    return stdout;
  };
  return Object.assign(govc, { result, env: variables });
};

/** Runs a Python program, given as text, in the environment that has pyVmomi. */
export const python = (program: string, args: readonly string[] = [], options: RunOptions = {}): Promise<Output> => {
  requireClient('pyvmomi');
  return runProgram(join(CACHE, 'venv', 'bin', 'python'), ['-', ...args], { ...options, input: program });
};

export const virshOn = (uri: string, args: readonly string[]): Promise<Output> =>
  runProgram(requireClient('virsh'), ['-q', '-c', uri, ...args]);

export type Vcsim = Endpoint & {
  readonly pid: number;
  readonly stop: () => Promise<void>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

/** The last of what it complains of, or how the end of a program of Go begins. */
const complaintOf = (child: ChildProcess): (() => string) => {
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString('utf8')).slice(-KEPT);
  });
  return () => {
    const end = complaint.search(/^(fatal error|panic): /m);
    return end < 0 ? complaint.slice(-SHOWN) : complaint.slice(end, end + SHOWN);
  };
};

const firstLine = (child: ChildProcess, name: string, complaint: () => string): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = '';
    const limit = setTimeout(() => reject(new Error(`${name} said nothing in time: ${complaint()}`)), START_LIMIT_MS);
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      const end = text.indexOf('\n');
      if (end < 0) return;
      clearTimeout(limit);
      resolve(text.slice(0, end));
    });
    child.once('exit', (code) => {
      clearTimeout(limit);
      reject(new Error(`${name} ended with ${code}: ${complaint()}`));
    });
    child.once('error', reject);
  });

/** Starts govmomi's simulator, for example with `['-esx', '-vm', '10']`; user and password are its defaults. */
export const startVcsim = async (args: readonly string[] = []): Promise<Vcsim> => {
  const child = spawn(requireClient('vcsim'), ['-l', '127.0.0.1:0', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const complaint = complaintOf(child);
  const forget = witness(
    `vcsim (${child.pid})`,
    () => `${complaint()}\nexit code: ${child.exitCode ?? child.signalCode ?? 'none'}`,
  );
  let line: string;
  try {
    line = await firstLine(child, 'vcsim', complaint);
  } catch (error) {
    forget();
    child.kill('SIGKILL');
    throw error;
  }
  const found = /GOVC_URL=(\S+)/.exec(line)?.[1];
  if (found === undefined || child.pid === undefined) {
    child.kill('SIGKILL');
    throw new Error(`vcsim said ${line}`);
  }
  const url = new URL(found);
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  url.username = '';
  url.password = '';
  const stop = async (): Promise<void> => {
    forget();
    child.kill('SIGTERM');
    const stubborn = setTimeout(() => child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(stubborn);
  };
  return { url: url.href, user, password, pid: child.pid, stop, [Symbol.asyncDispose]: stop };
};
