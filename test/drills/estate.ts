/** Two KVM hosts with machines in; the product in front of them, and what a drill asks of it whatever its form, out. */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Libvirtd, startLibvirtd } from '../peers/libvirtd.ts';
import {
  type AgentSetting,
  type RunningAgent,
  type RunningServer,
  type Servers,
  type ServersSetting,
  startServers,
} from '../peers/servers.ts';
import { type FrontEndpoint, type FrontName, startTransvisor, type Transvisor } from '../peers/transvisor.ts';
import { type Doing, doingsIn, LOGS_CALLS } from './host-log.ts';

export const VENDORS = ['vim25', 'xenapi'] as const satisfies readonly FrontName[];
const MACHINES = ['red', 'green', 'blue'];

export type DrillHost = {
  readonly name: string;
  readonly libvirtd: Libvirtd;
  /** Those that are written to, by clients of both vendors. */
  readonly machines: readonly string[];
  /** Those that are switched on and off, one by each vendor. */
  readonly switched: Readonly<Record<FrontName, string>>;
  readonly kill9: () => Promise<void>;
  /** What was carried out on it, by its own word. */
  readonly doings: () => readonly Doing[];
};

export type Admin = { readonly url: string; readonly token: string };

/** The product, as far as every drill needs it. */
export type Estate = AsyncDisposable & {
  readonly front: (host: DrillHost, vendor: FrontName) => FrontEndpoint;
  /** Of the server that has the host; undefined while none has. */
  readonly admin: (host: DrillHost) => Promise<Admin | undefined>;
  readonly log: () => string;
};

const domain = (name: string, uuid: string): string =>
  `<domain type='qemu'><name>${name}</name><uuid>${uuid}</uuid><description>${firstText(name)}</description><memory unit='MiB'>16</memory><vcpu>1</vcpu><os><type machine='pc'>hvm</type></os></domain>`;
export const firstText = (machine: string): string => `at first ${machine}`;

/** What libvirt has on its disk, which is what it begins its next life with. */
const descriptionsOn = ({ root }: Libvirtd): ReadonlyMap<string, string> =>
  new Map(
    readdirSync(join(root, 'etc/qemu'))
      .filter((file) => file.endsWith('.xml'))
      .map((file) => {
        const text = readFileSync(join(root, 'etc/qemu', file), 'utf8');
        return [file.slice(0, -'.xml'.length), /<description>([^<]*)</.exec(text)?.[1] ?? ''] as const;
      }),
  );

export const startHost = async (name: string): Promise<DrillHost> => {
  const libvirtd = await startLibvirtd({ qemu: true, config: LOGS_CALLS });
  const machines = MACHINES.map((machine) => `${name}-${machine}`);
  const switched = { vim25: `${name}-switched-v`, xenapi: `${name}-switched-x` };
  const all = [...machines, ...Object.values(switched)];
  const names = new Map(all.map((machine) => [randomUUID() as string, machine]));
  for (const [uuid, machine] of names) writeFileSync(join(libvirtd.root, `${machine}.xml`), domain(machine, uuid));
  await libvirtd.virsh(all.map((machine) => `define ${libvirtd.root}/${machine}.xml`).join('; '));
  /** What was on the disk when its libvirtd was killed, one for each time. */
  const found: ReadonlyMap<string, string>[] = [];
  const kill9 = async (): Promise<void> => {
    await libvirtd.kill9();
    found.push(descriptionsOn(libvirtd));
  };
  const doings = (): readonly Doing[] => doingsIn(libvirtd.log(), names, found);
  return { name, libvirtd, machines, switched, kill9, doings };
};

const SERVERS = ['a', 'b'] as const;
type ServerName = (typeof SERVERS)[number];

/** Two servers on Redis, an agent for each host: the first one's is at server a, the second one's at b. */
export type TwoServers = Estate & {
  readonly servers: Servers;
  readonly server: (name: ServerName) => RunningServer;
  readonly startServer: (name: ServerName) => Promise<void>;
  readonly agent: (host: DrillHost) => RunningAgent;
  readonly startAgent: (host: DrillHost) => Promise<void>;
};

export const openTwoServers = async (hosts: readonly DrillHost[], setting: ServersSetting): Promise<TwoServers> => {
  const servers = await startServers(setting);
  const running = new Map<ServerName, RunningServer>();
  const agents = new Map<DrillHost, RunningAgent>();
  const startServer = async (name: ServerName): Promise<void> => {
    running.set(name, await servers.server(name));
  };
  const startAgent = async (host: DrillHost): Promise<void> => {
    const order = hosts.indexOf(host) % 2 === 0 ? SERVERS : SERVERS.toReversed();
    const wanted: AgentSetting = { hosts: [`${host.name}=${host.libvirtd.uri}`], servers: order, fronts: VENDORS };
    agents.set(host, await servers.agent(`agent-${host.name}`, wanted));
  };
  const server: TwoServers['server'] = (name) => {
    const found = running.get(name);
    if (found === undefined) throw new Error(`no server ${name} was started`);
    return found;
  };
  const agent: TwoServers['agent'] = (host) => {
    const found = agents.get(host);
    if (found === undefined) throw new Error(`no agent of ${host.name} was started`);
    return found;
  };
  try {
    // In turn: the first one makes the authority of their certificates.
    for (const name of SERVERS) await startServer(name);
    for (const host of hosts) await startAgent(host);
  } catch (error) {
    await servers[Symbol.asyncDispose]();
    throw error;
  }
  return {
    servers,
    server,
    startServer,
    agent,
    startAgent,
    front: (host, vendor) => agent(host).front(vendor),
    admin: async (host) => {
      for (const one of running.values()) {
        if (!one.runs()) continue;
        const { here } = await one.cells().catch(() => ({ here: [] }));
        if (here.some(({ cell, available }) => cell === host.name && available))
          return (one.ready as { admin: Admin }).admin;
      }
      return undefined;
    },
    log: () => servers.log(),
    [Symbol.asyncDispose]: () => servers[Symbol.asyncDispose](),
  };
};

/** One host, and one program with its own store. */
export type Embedded = Estate & { readonly product: Transvisor };

export const openEmbedded = async (
  host: DrillHost,
  options: { program: string; state?: string },
): Promise<Embedded> => {
  const product = await startTransvisor({ ...options, host: `${host.name}=${host.libvirtd.uri}`, fronts: VENDORS });
  return {
    product,
    front: (_, vendor) => product.front(vendor),
    admin: async () => (product.alive() ? product.admin : undefined),
    log: product.wholeLog,
    [Symbol.asyncDispose]: () => product[Symbol.asyncDispose](),
  };
};
