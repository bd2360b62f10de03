/** Starts a real libvirtd of its own (private directories, own host UUID, QEMU under TCG) and gives its URIs, a virsh on it, and its end. */
import { spawn } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Output, runProgram, virshOn } from './clients.ts';
import { witness } from './witnesses.ts';

/** What libvirtd keeps in /etc, /run and /var is private: each of these is bound over the system's own in a mount namespace. */
const PRIVATE_FOLDERS = {
  etc: '/etc/libvirt',
  run: '/run/libvirt',
  lib: '/var/lib/libvirt',
  cache: '/var/cache/libvirt',
  log: '/var/log/libvirt',
} as const;

const START_LIMIT_MS = 30_000;
const FIRST_DISPLAY = 5900;
const DISPLAYS = 50;
/** QEMU's probed capabilities survive the daemon, so that only the first start ever pays 1.4 s for them. */
const CAPABILITIES = fileURLToPath(new URL('../../.cache/libvirt-qemu-capabilities', import.meta.url));

/**
 * The keeper lives in the mount namespace, below a subreaper: QEMU processes that outlive a killed daemon are reaped at once
 * (libvirt polls for zombies), and the namespace outlives the daemon. When its input ends, by stop() or because this process died,
 * it ends everything in its namespace: nothing is left behind whatever happens here.
 */
const KEEPER = `
set -u
root=$1; shift
for pair in "$@"; do
  target=\${pair#*=}
  mkdir -p "$target"
  mount --bind "$root/\${pair%%=*}" "$target" || exit 1
done
mkdir -p /var/cache/libvirt/qemu
mount --bind "$CAPABILITIES" /var/cache/libvirt/qemu || exit 1
# TCG everywhere: a KVM that is there but hardly runs 16-bit code (seen: kvm-pvm, the guest never leaves its BIOS) must not decide the tests.
# Read-only, so that libvirt, being root, finds it unusable.
if [ -e /dev/kvm ]; then
  : >"$root/no-kvm"
  mount --bind "$root/no-kvm" /dev/kvm && mount -o remount,bind,ro /dev/kvm || exit 1
fi
echo ready
while read -r word; do
  case $word in
    start) libvirtd $LISTEN -f /etc/libvirt/libvirtd.conf -p "$root/libvirtd.pid" </dev/null >>"$root/libvirtd.log" 2>&1 & ;;
  esac
done
sweep() {
  for process in /proc/[0-9]*; do
    pid=\${process#/proc/}
    [ "$pid" = $$ ] || [ "$pid" = $PPID ] && continue
    [ "$process/ns/mnt" -ef /proc/self/ns/mnt ] && kill "$1" "$pid" 2>/dev/null
  done
}
sweep -TERM
sleep 0.1
sweep -KILL
# What is mounted upon something cannot be removed.
umount /var/cache/libvirt/qemu
umount /dev/kvm 2>/dev/null
rm -rf "$root"
`;

export type LibvirtdOptions = {
  /** Connect `uri` and `virsh` to qemu:///system (with pool `default` and network `lan`) instead of the test driver. */
  readonly qemu?: boolean;
  /** Also listen on this TCP port of 127.0.0.1, without authentication. */
  readonly tcpPort?: number;
  /** The process in whose network it lives, listening on every address there; in this one's when absent. */
  readonly networkOf?: number;
  /** More lines of its configuration. */
  readonly config?: string;
};

export type Libvirtd = {
  /** `qemu+unix:///system?socket=...` or `test+unix:///default?socket=...`. */
  readonly uri: string;
  readonly qemuUri: string;
  /** The test driver of the same daemon; a path other than /default is a node XML file of the caller's. */
  readonly testUri: (nodeXml?: string) => string;
  readonly tcpUri: string | undefined;
  readonly socket: string;
  readonly hostUuid: string;
  /** The folder of everything private to this daemon; scratch files may be put there. */
  readonly root: string;
  /** The target folder of the dir pool `default`. */
  readonly poolFolder: string;
  /** Runs virsh on `uri`; gives its output, throws with its complaint. */
  readonly virsh: (...args: readonly string[]) => Promise<string>;
  readonly virshResult: (args: readonly string[], uri?: string) => Promise<Output>;
  readonly pid: () => number;
  /** The processes of this daemon's namespace, by command name. */
  readonly processes: () => Promise<readonly string[]>;
  readonly log: () => string;
  /** SIGKILL to the daemon; its QEMU processes go on. */
  readonly kill9: () => Promise<void>;
  /** Starts the daemon again after kill9, or ends it cleanly and starts it. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const accepts = (socket: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = connect(socket);
    probe.once('connect', () => resolve(probe.destroy() !== undefined));
    probe.once('error', () => resolve(false));
  });

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // A zombie still answers signals.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

const until = async (condition: () => boolean | Promise<boolean>, says: () => string): Promise<void> => {
  const end = Date.now() + START_LIMIT_MS;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(says());
    await sleep(15);
  }
};

const writeConfiguration = (
  root: string,
  hostUuid: string,
  { tcpPort, networkOf, config = '' }: LibvirtdOptions,
): void => {
  for (const name of Object.keys(PRIVATE_FOLDERS)) mkdirSync(join(root, name), { mode: 0o755 });
  mkdirSync(join(root, 'pool'), { mode: 0o755 });
  const listen =
    tcpPort === undefined
      ? ''
      : `listen_tls=0\nlisten_tcp=1\nauth_tcp="none"\n${networkOf === undefined ? 'listen_addr="127.0.0.1"\n' : ''}tcp_port="${tcpPort}"\n`;
  writeFileSync(
    join(root, 'etc/libvirtd.conf'),
    `auth_unix_rw="none"\nauth_unix_ro="none"\nunix_sock_rw_perms="0777"\nlog_level=4\nhost_uuid="${hostUuid}"\nmax_client_requests=100\n${listen}${config}`,
  );
  // Displays of their own: two daemons that know nothing of each other would both take port 5900.
  const display = FIRST_DISPLAY + DISPLAYS * randomInt(1000);
  // user root: otherwise a root-only /dev/kvm makes libvirt probe QEMU again at every start. namespaces, cgroups, owners: not in containers.
  writeFileSync(
    join(root, 'etc/qemu.conf'),
    'user="root"\ngroup="root"\nstdio_handler="file"\nsecurity_driver="none"\ncgroup_controllers=[]\nnamespaces=[]\nremember_owner=0\nseccomp_sandbox=0\n' +
      `remote_display_port_min=${display}\nremote_display_port_max=${display + DISPLAYS - 1}\n`,
  );
};

const POOL = (folder: string): string =>
  `<pool type='dir'><name>default</name><target><path>${folder}</path></target></pool>`;
/** A bridge network starts without any privilege, even if the bridge does not exist; guests use `<interface type='user'>`. */
const NETWORK = `<network><name>lan</name><forward mode='bridge'/><bridge name='br-none'/></network>`;

export const startLibvirtd = async (options: LibvirtdOptions = {}): Promise<Libvirtd> => {
  // Short: a unix socket's path has at most 107 bytes.
  const root = mkdtempSync(join(tmpdir(), 'tv-'));
  chmodSync(root, 0o755);
  const hostUuid = randomUUID();
  writeConfiguration(root, hostUuid, options);
  mkdirSync(CAPABILITIES, { recursive: true });

  const binds = Object.entries(PRIVATE_FOLDERS).map(([name, target]) => `${name}=${target}`);
  const inside = options.networkOf === undefined ? [] : ['nsenter', '-t', String(options.networkOf), '-n'];
  const alone = ['unshare', '-m', '--propagation', 'private', 'tini', '-s', '--'];
  const [program = '', ...args] = [...inside, ...alone, 'sh', '-c', KEEPER, 'keeper', root, ...binds];
  const keeper = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    // A group of its own: an interrupt at the terminal must reach the keeper as the end of its input only.
    detached: true,
    // Daemons live in sbin, which is not on every PATH.
    env: {
      ...process.env,
      PATH: `${process.env['PATH']}:/usr/sbin:/sbin`,
      CAPABILITIES,
      LISTEN: options.tcpPort === undefined ? '' : '-l',
    },
  });
  let keeperSays = '';
  keeper.stderr.on('data', (chunk: Buffer) => {
    keeperSays = (keeperSays + chunk.toString('utf8')).slice(-4096);
  });
  keeper.stdin.on('error', () => {}); // the keeper ended first: its exit is waited for elsewhere
  const ended = new Promise<void>((resolve) => {
    keeper.once('exit', () => resolve());
    keeper.once('error', (error) => {
      keeperSays += error.message;
      resolve();
    });
  });
  const ready = new Promise<void>((resolve) => keeper.stdout.once('data', () => resolve()));
  await Promise.race([ready, ended.then(() => undefined)]);
  if (keeper.exitCode !== null || keeper.pid === undefined) {
    rmSync(root, { recursive: true, force: true });
    throw new Error(`libvirtd harness: the mount namespace could not be made (root is needed): ${keeperSays}`);
  }
  // Kept: after stop() the keeper is gone, and its namespace must be looked for all the same.
  const inode = /\[(\d+)\]/.exec(readlinkSync(`/proc/${keeper.pid}/ns/mnt`))?.[1];

  const socket = join(root, 'run/libvirt-sock');
  const qemuUri = `qemu+unix:///system?socket=${socket}`;
  const testUri = (nodeXml = '/default'): string => `test+unix://${nodeXml}?socket=${socket}`;
  const uri = options.qemu === true ? qemuUri : testUri();
  const log = (): string => readFileSync(join(root, 'libvirtd.log'), 'utf8');
  const pid = (): number => Number(readFileSync(join(root, 'libvirtd.pid'), 'utf8').trim());

  const launch = async (): Promise<void> => {
    rmSync(join(root, 'libvirtd.pid'), { force: true });
    rmSync(socket, { force: true });
    keeper.stdin.write('start\n');
    await until(
      () => accepts(socket),
      () => `libvirtd did not answer on ${socket}: ${log().slice(-2000)}`,
    );
  };
  /** libvirtd that is asked to end while it takes its guests back kills them: each must answer through its monitor first. */
  const guestsAreBack = async (): Promise<boolean> => {
    const { stdout } = await virshOn(qemuUri, ['list', '--name']);
    for (const name of stdout.split('\n').filter((line) => line !== '')) {
      if ((await virshOn(qemuUri, ['domblkerror', name])).code !== 0) return false;
    }
    return true;
  };
  const end = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    const daemon = pid();
    if (signal === 'SIGTERM' && options.qemu === true) await until(guestsAreBack, () => 'a guest did not come back');
    if (alive(daemon)) process.kill(daemon, signal);
    await until(
      () => !alive(daemon),
      () => `libvirtd ${daemon} did not end by ${signal}`,
    );
  };
  const forget = witness(`libvirtd (${socket})`, () => log().slice(-2000));
  const stop = async (): Promise<void> => {
    forget();
    keeper.stdin.end();
    await ended;
    rmSync(root, { recursive: true, force: true });
  };

  const virshResult = (args: readonly string[], at: string = uri): Promise<Output> => virshOn(at, args);
  const virsh = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await virshResult(args);
    if (code !== 0) throw new Error(`virsh ${args.join(' ')}: ${stderr.trim()}`);
    return stdout;
  };
  const processes = async (): Promise<readonly string[]> => {
    const { stdout: rows } = await runProgram('ps', ['-e', '-o', 'mntns=,comm=']);
    return rows
      .split('\n')
      .map((row) => row.trim().split(/\s+/))
      .flatMap(([namespace, name]) => (namespace === inode && name !== undefined ? [name] : []));
  };

  const libvirtd: Libvirtd = {
    uri,
    qemuUri,
    testUri,
    tcpUri: options.tcpPort === undefined ? undefined : `qemu+tcp://127.0.0.1:${options.tcpPort}/system`,
    socket,
    hostUuid,
    root,
    poolFolder: join(root, 'pool'),
    virsh,
    virshResult,
    pid,
    processes,
    log,
    kill9: () => end('SIGKILL'),
    restart: async () => {
      if (alive(pid())) await end('SIGTERM');
      await launch();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
  try {
    await launch();
    if (options.qemu === true) {
      writeFileSync(join(root, 'pool.xml'), POOL(libvirtd.poolFolder));
      writeFileSync(join(root, 'network.xml'), NETWORK);
      // One virsh, one connection: seven of them cost more than the daemon's start.
      await virsh(
        `pool-define ${root}/pool.xml; pool-start default; pool-autostart default; net-define ${root}/network.xml; net-start lan; net-autostart lan`,
      );
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return libvirtd;
};
