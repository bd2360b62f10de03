/** The hosts and fronts that agents announce: names come in, ids, epochs and the one writer of each host go out. */
import type { HubId } from '../../mappings/generic/ids.ts';
import type { FrontInstance, Platform } from '../../mappings/generic/platform.ts';
import type { AgentApi, AgentHello } from '../../runtime/protocol.ts';
import type { Ids } from '../ids/ids.ts';
import type { Own } from '../own/own.ts';
import type { SyncedHost } from './sync.ts';

const EPOCHS = 'host-epochs';
const FRONTS = 'front-uuids';
const PLATFORMS = 'host-platforms';
const MOST = 10_000;

export interface HostRecord extends SyncedHost {
  readonly agentName: string;
  readonly agent: AgentApi;
  platform: Platform;
  connected: boolean;
  /** Its agent has not told yet whether the host answers. */
  awaited: boolean;
}

export interface FrontRecord {
  readonly instance: FrontInstance;
  readonly platform: Platform;
}

export interface Hosts {
  /** The agent is the writer of its hosts from now on, at a new epoch each. */
  announce(
    hello: AgentHello,
    agent: AgentApi,
  ): Promise<{ hosts: readonly HostRecord[]; fronts: readonly FrontRecord[] }>;
  /** The agent's link is gone. */
  left(agent: AgentApi): readonly HostRecord[];
  get(id: HubId): HostRecord | undefined;
  platformOf(id: HubId): Platform | undefined;
  /** The record, if the epoch is the present one: an agent that lost the host must not write. */
  at(id: HubId, epoch: number): HostRecord | undefined;
  /** The same platforms of another registry, from now on. */
  renew(platforms: HostsOptions['platforms']): Promise<void>;
  setConnected(record: HostRecord, connected: boolean): void;
  whenConnected(id: HubId): Promise<void>;
  front(name: string): FrontRecord | undefined;
  platform(name: string): Platform | undefined;
  list(): readonly HostRecord[];
  fronts(): readonly FrontRecord[];
}

export interface HostsOptions {
  readonly ids: Ids;
  readonly own: Own;
  readonly random: (bytes: number) => Uint8Array;
  readonly platforms: Readonly<Record<string, () => Promise<Platform>>>;
}

const uuidOf = (bytes: Uint8Array): string => {
  const copy = Uint8Array.from(bytes);
  copy[6] = ((copy[6] ?? 0) & 0x0f) | 0x40;
  copy[8] = ((copy[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(copy).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
};

export const createHosts = ({ ids, own, random, platforms }: HostsOptions): Hosts => {
  let registry = platforms;
  const hosts = new Map<HubId, HostRecord>();
  /** Kept when an agent leaves: what the store holds can still be rendered. */
  const platformOfHost = new Map<HubId, Platform>();
  const fronts = new Map<string, FrontRecord>();
  const loaded = new Map<string, Platform>();
  const waiting = new Map<HubId, (() => void)[]>();

  const load = async (name: string): Promise<Platform> => {
    const known = loaded.get(name);
    if (known !== undefined) return known;
    const loader = Object.hasOwn(registry, name) ? registry[name] : undefined;
    if (loader === undefined) throw new Error(`there is no platform ${name}`);
    const platform = await loader();
    loaded.set(name, platform);
    return platform;
  };

  const frontUuid = (name: string): string => {
    const known = own.get(FRONTS, name);
    if (typeof known === 'string') return known;
    const made = uuidOf(random(16));
    own.put(FRONTS, name, made);
    return made;
  };

  return {
    announce: async (hello, agent) => {
      if (hello.hosts.length > MOST || hello.fronts.length > MOST)
        throw new Error(`agent ${hello.agent} announces too many hosts or fronts`);
      const platformsOfHosts = await Promise.all(hello.hosts.map((host) => load(host.platform)));
      const platformsOfFronts = await Promise.all(hello.fronts.map((front) => load(front.platform)));
      const announced = hello.hosts.map((host, at): HostRecord => {
        const platform = platformsOfHosts[at];
        const side = platform?.host;
        if (platform === undefined || side === undefined) throw new Error(`${host.platform} drives no hosts`);
        const id = ids.mint(undefined, 'host', host.name);
        const known = hosts.get(id);
        if (known !== undefined && known.agent !== agent && known.agentName !== hello.agent) {
          throw new Error(`host ${host.name} belongs to agent ${known.agentName}; one agent at a time may hold it`);
        }
        // Until the new listing is whole: after a crash in its middle the ids are still to be found again.
        const before = own.get(PLATFORMS, host.name);
        if (before !== undefined && before !== host.platform) ids.orphan(id);
        const epoch = Number(own.get(EPOCHS, host.name) ?? 0) + 1;
        own.put(EPOCHS, host.name, epoch);
        const record: HostRecord = {
          id,
          name: host.name,
          epoch,
          scan: (object) => (record.platform.host ?? side).scan(object),
          whole: () => {
            if (own.get(PLATFORMS, host.name) !== host.platform) own.put(PLATFORMS, host.name, host.platform);
          },
          agentName: hello.agent,
          agent,
          platform,
          connected: false,
          awaited: true,
        };
        return record;
      });
      for (const record of announced) {
        hosts.set(record.id, record);
        platformOfHost.set(record.id, record.platform);
      }
      const served = hello.fronts.map((front, at): FrontRecord => {
        const platform = platformsOfFronts[at];
        const host = announced.find((one) => one.name === front.host);
        if (platform?.broker === undefined) throw new Error(`${front.platform} has no front`);
        if (host === undefined)
          throw new Error(`front ${front.name} serves host ${front.host}, which agent ${hello.agent} does not have`);
        const { name, port, certificate, options } = front;
        return {
          platform,
          instance: {
            name,
            platform: front.platform,
            host: host.id,
            hostName: host.name,
            uuid: frontUuid(name),
            certificate,
            port,
            options,
          },
        };
      });
      for (const front of served) fronts.set(front.instance.name, front);
      return { hosts: announced, fronts: served };
    },
    left: (agent) => {
      const lost = [...hosts.values()].filter((record) => record.agent === agent);
      for (const record of lost) {
        record.connected = false;
        hosts.delete(record.id);
      }
      return lost;
    },
    get: (id) => hosts.get(id),
    platformOf: (id) => platformOfHost.get(id),
    at: (id, epoch) => {
      const record = hosts.get(id);
      return record?.epoch === epoch ? record : undefined;
    },
    renew: async (next) => {
      const names = [...loaded.keys()];
      registry = next;
      loaded.clear();
      const renewed = new Map(await Promise.all(names.map(async (name) => [name, await load(name)] as const)));
      const newest = (platform: Platform): Platform => renewed.get(platform.name) ?? platform;
      for (const record of hosts.values()) record.platform = newest(record.platform);
      for (const [id, platform] of platformOfHost) platformOfHost.set(id, newest(platform));
      for (const [name, front] of fronts) fronts.set(name, { ...front, platform: newest(front.platform) });
    },
    setConnected: (record, connected) => {
      record.connected = connected;
      record.awaited = false;
      if (!connected) return;
      for (const wake of waiting.get(record.id) ?? []) wake();
      waiting.delete(record.id);
    },
    whenConnected: (id) => {
      if (hosts.get(id)?.connected === true) return Promise.resolve();
      return new Promise((resolve) => {
        const wakers = waiting.get(id) ?? [];
        wakers.push(resolve);
        waiting.set(id, wakers);
      });
    },
    front: (name) => fronts.get(name),
    platform: (name) => loaded.get(name),
    list: () => [...hosts.values()],
    fronts: () => [...fronts.values()],
  };
};
