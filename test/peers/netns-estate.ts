/** The estate of the network's tests: three KVM hosts of one machine each behind a gateway, and a client's whole visit to each of them, checked by virsh on the host. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { requireClient } from './clients.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { openNetwork, type Place } from './netns.ts';
import { CLIENTS } from './netns-clients.ts';
import { startAll } from './netns-programs.ts';

export type KvmHost = Place &
  AsyncDisposable & {
    readonly number: number;
    readonly libvirtd: Libvirtd;
    /** Its only machine; no other host has one of that name. */
    readonly machine: string;
    /** The URI of an agent on the host, and of one elsewhere. */
    readonly uri: string;
    readonly uriFromAfar: string;
  };

export type NetworkEstate = {
  readonly client: Place;
  readonly gateway: Place;
  readonly hosts: readonly KvmHost[];
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

const LIBVIRT_PORT = 16_509;

const machineXml = (name: string): string =>
  `<domain type='qemu'><name>${name}</name><memory unit='MiB'>16</memory><vcpu>1</vcpu><os><type machine='pc'>hvm</type></os><devices><graphics type='vnc' autoport='yes'/></devices></domain>`;

const startHost = async (place: Place, number: number): Promise<KvmHost> => {
  const libvirtd = await startLibvirtd({ qemu: true, networkOf: place.pid, tcpPort: LIBVIRT_PORT });
  const machine = `vm-${number}`;
  writeFileSync(join(libvirtd.root, 'vm.xml'), machineXml(machine));
  await libvirtd.virsh('define', join(libvirtd.root, 'vm.xml'));
  const uriFromAfar = `qemu+tcp://${place.ip}/system`;
  return { ...place, number, libvirtd, machine, uri: libvirtd.uri, uriFromAfar, [Symbol.asyncDispose]: libvirtd.stop };
};

export const openEstate = async (): Promise<NetworkEstate> => {
  await using stack = new AsyncDisposableStack();
  const network = stack.use(await openNetwork());
  const hosts = await startAll(
    stack,
    network.hosts.map((place, at) => startHost(place, at + 1)),
  );
  const kept = stack.move();
  const { client, gateway } = network;
  return { client, gateway, hosts, [Symbol.asyncDispose]: () => kept.disposeAsync() };
};

const stateOf = async ({ libvirtd, machine, run }: KvmHost): Promise<string> => {
  const { stdout } = await run([requireClient('virsh'), '-q', '-c', libvirtd.uri, 'domstate', machine]);
  return stdout.trim();
};

/** At each host, where `originOf` says it is: all clients at once, connected and listing, then in turn powering on, and off what the one before powered on. */
export const visit = async (
  { client, hosts }: NetworkEstate,
  originOf: (host: KvmHost, family: 4 | 6) => string,
): Promise<void> => {
  const allAt = async (host: KvmHost, origin: string): Promise<void> => {
    await using stack = new AsyncDisposableStack();
    const opened = await startAll(
      stack,
      Object.values(CLIENTS).map((open) => open(client, origin)),
    );
    for (const one of opened) expect(await one.names(), origin).toEqual([host.machine]);
    for (const [n, one] of [...opened, ...opened.slice(0, 1)].entries()) {
      const [what, state] = n % 2 === 0 ? (['on', 'running'] as const) : (['off', 'shut off'] as const);
      await one.power(host.machine, what);
      expect(await stateOf(host), `${what} at ${origin}`).toBe(state);
    }
  };
  await Promise.all(
    hosts.map(async (host) => {
      for (const family of [4, 6] as const) await allAt(host, originOf(host, family));
    }),
  );
};

/** The host's own address and the standard port. */
export const own = ({ ip, ip6 }: KvmHost, family: 4 | 6): string => `https://${family === 4 ? ip : `[${ip6}]`}`;

/** All that `intercept` may change. */
export const networkState = (place: Place): Promise<string> =>
  place.sh('nft list ruleset; ip rule; ip -6 rule; ip route show table all; ip -6 route show table all');
