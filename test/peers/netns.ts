/** Network namespaces of a client, a gateway and three hosts, joined by veths and a bridge, IPv4 and IPv6; whatever happens to the test, nothing of them stays. */
import { type ChildProcess, spawn } from 'node:child_process';
import { type Output, type RunOptions, requireClient, runProgram } from './clients.ts';

/** A machine as far as the network goes. It lives as long as its keeper's input, that as long as we do, and what runs there no longer. */
export type Place = {
  readonly name: string;
  readonly pid: number;
  /** By which others reach it. */
  readonly ip: string;
  readonly ip6: string;
  /** A command line that runs another one there. */
  readonly command: (...words: readonly string[]) => readonly [file: string, args: string[]];
  readonly run: (words: readonly string[], options?: RunOptions) => Promise<Output>;
  /** A shell script; gives its output, throws with its complaint. */
  readonly sh: (script: string) => Promise<string>;
  readonly start: (words: readonly string[]) => ChildProcess;
};

export type Network = {
  readonly client: Place;
  readonly gateway: Place;
  readonly hosts: readonly Place[];
  readonly places: readonly Place[];
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

const HOSTS = [1, 2, 3];
/** Documentation's own addresses (RFC 5737, RFC 3849). */
export const addressOfHost = (host: number): readonly [ip: string, ip6: string] => [
  `192.0.2.1${host}`,
  `2001:db8:2::1${host}`,
];
/** As everybody's /etc/hosts has them: all of them are the gateway's address. */
export const nameOfHost = (host: number, family: 4 | 6): string => `kvm-${host}.v${family}.example`;

/** Daemons and tools of the network live in sbin, which is not on every PATH. */
const PROGRAMS = `${process.env['PATH']}:/usr/sbin:/sbin`;

const KEEPER = `
# Addresses count at once: these networks are empty. And what comes from where no answer would go is dropped, as on careful machines.
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter
ip link set lo up
file=$(mktemp)
printf '127.0.0.1 localhost\\n::1 localhost\\n%b' "$NAMES" >"$file"
mount --bind "$file" /etc/hosts && rm -f "$file" || exit 1
echo ready
read -r _
for process in /proc/[0-9]*; do
  [ "\${process#/proc/}" != $$ ] && [ "$process/ns/mnt" -ef /proc/self/ns/mnt ] && kill -KILL "\${process#/proc/}" 2>/dev/null
done
`;

type Keeper = { readonly child: ChildProcess; readonly pid: number; readonly ended: Promise<void> };

/** A network and a mount namespace of its own, without a name that could stay behind. */
const keep = async (names: string): Promise<Keeper> => {
  const child = spawn('unshare', ['-n', '-m', '--propagation', 'private', 'sh', '-c', KEEPER], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // An interrupt at the terminal must reach it as the end of its input only.
    detached: true,
    env: { ...process.env, PATH: PROGRAMS, NAMES: names },
  });
  let says = '';
  child.stderr.on('data', (chunk: Buffer) => {
    says = (says + chunk.toString('utf8')).slice(-2048);
  });
  child.stdin.on('error', () => {}); // it ended first
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()).once('error', () => resolve()));
  await Promise.race([new Promise((resolve) => child.stdout.once('data', resolve)), ended]);
  if (child.exitCode !== null || child.pid === undefined) throw new Error(`no network namespace: ${says}`);
  return { child, pid: child.pid, ended };
};

const placeOf = (name: string, { pid }: Keeper, [ip, ip6]: readonly [string, string]): Place => {
  const command: Place['command'] = (...words) => [
    requireClient('netns'),
    ['-t', String(pid), '-n', '-m', '--', ...words],
  ];
  const run: Place['run'] = (words, options = {}) =>
    runProgram(...command(...words), { ...options, env: { PATH: PROGRAMS, ...options.env } });
  return {
    name,
    pid,
    ip,
    ip6,
    command,
    run,
    sh: async (script) => {
      const { code, stdout, stderr } = await run(['sh', '-e', '-c', script]);
      if (code !== 0) throw new Error(`${name}: ${stderr.trim()}\n${script}`);
      return stdout;
    },
    start: (words) => {
      const [file, args] = command(...words);
      return spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, PATH: PROGRAMS } });
    },
  };
};

const namesOfHosts = HOSTS.flatMap((host) => [
  `198.51.100.1 ${nameOfHost(host, 4)}\\n`,
  `2001:db8:1::1 ${nameOfHost(host, 6)}\\n`,
]).join('');

/** The kernel brings links up in its own time, and gives each an address of its own last. */
const SETTLED = `
  links=$(($(ip -o link show up | wc -l) - 1))
  until [ "$(ip -6 route show table local | grep -c '^local fe80::')" = "$links" ] &&
    ! { ip route show table all; ip -6 route show table all; } | grep -q linkdown; do sleep 0.02; done
`;

/** The client's network, the gateway's two feet and its bridge, and the hosts on it. */
const join = async (client: Place, gateway: Place, hosts: readonly Place[]): Promise<void> => {
  await gateway.sh(`
    ip link add clients type veth peer name up0 netns ${client.pid}
    ip link add estate type bridge
    ip addr add 198.51.100.1/24 dev clients
    ip addr add 2001:db8:1::1/64 dev clients
    ip addr add 192.0.2.1/24 dev estate
    ip addr add 2001:db8:2::1/64 dev estate
    ip link set clients up
    ip link set estate up
    sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    ${hosts.map(({ pid, name }) => `ip link add ${name} type veth peer name up0 netns ${pid}; ip link set ${name} master estate up`).join('\n')}
  `);
  const plug = ({ ip, ip6 }: Place, router: string, router6: string): string => `
    ip addr add ${ip}/24 dev up0
    ip addr add ${ip6}/64 dev up0
    ip link set up0 up
    ip route add default via ${router}
    ip -6 route add default via ${router6}`;
  await client.sh(plug(client, '198.51.100.1', '2001:db8:1::1'));
  await Promise.all(hosts.map((host) => host.sh(plug(host, '192.0.2.1', '2001:db8:2::1'))));
  await Promise.all([client, gateway, ...hosts].map((place) => place.sh(SETTLED)));
};

export const openNetwork = async (): Promise<Network> => {
  const keepers: Keeper[] = [];
  const close = async (): Promise<void> => {
    for (const { child } of keepers) child.stdin?.end();
    await Promise.all(keepers.map(({ ended }) => ended));
  };
  const place = async (name: string, addresses: readonly [string, string]): Promise<Place> => {
    const keeper = await keep(namesOfHosts);
    keepers.push(keeper);
    return placeOf(name, keeper, addresses);
  };
  try {
    const client = await place('client', ['198.51.100.10', '2001:db8:1::10']);
    const gateway = await place('gateway', ['198.51.100.1', '2001:db8:1::1']);
    const hosts: Place[] = [];
    for (const host of HOSTS) hosts.push(await place(`kvm-${host}`, addressOfHost(host)));
    await join(client, gateway, hosts);
    return { client, gateway, hosts, places: [client, gateway, ...hosts], [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
};
