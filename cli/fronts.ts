/** Fronts of a checked configuration and the agent's hosts in, fronts of the agent out: what they speak, where they are found, their certificates. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { AgentFront, AgentHost } from '../agent/agent.ts';
import type { HttpDialer } from '../agent/connections/host-connection.ts';
import type { FrontTls } from '../agent/listener.ts';
import type { Front, Platform } from '../mappings/generic/platform.ts';
import { ConfigError } from '../runtime/config.ts';
import type { HostPort } from '../runtime/host-port.ts';
import type { Log } from '../runtime/log.ts';
import { type KeyPair, loadOrMakeLeaf } from '../runtime/tls.ts';
import type { FullConfig } from './flags.ts';
import { createFrontTls } from './front-tls.ts';
import type { HandedSockets } from './handed-sockets.ts';
import { loadPlatform } from './hosts.ts';
import { neighboursOf, type Placed, tlsTogether } from './shared-places.ts';

type FrontConfig = FullConfig['front'][number];

/** Where a client connects, by front: the path is the API's own. */
const FRONT_PATHS: Readonly<Record<string, string>> = { vim25: '/sdk', xenapi: '' };

const isEverywhere = (listen: string): boolean => listen === '0.0.0.0' || listen === '::';

/** What a certificate of ours is made for: the places at a gate of those that show it, of whom the first gives it its name; else the address listened on, this machine's name, loopback, and what the configuration adds. */
const ownPair = (config: FullConfig, name: string, listen: string, at: readonly HostPort[]): KeyPair => {
  const here = [
    ...(isEverywhere(listen) ? [] : [listen]),
    hostname(),
    'localhost',
    '127.0.0.1',
    '::1',
    ...config.names,
  ];
  const isPlaced = at.length > 0;
  const names = [...new Set(isPlaced ? at.map(({ host }) => host) : here)];
  return loadOrMakeLeaf(join(config.state, 'tls'), isPlaced ? `front-${name}` : 'front', names, Date.now());
};

/** Client and host of the same API: nothing is translated. */
const passOf = (platform: Platform, { dialer, ...host }: AgentHost): HttpDialer | undefined =>
  platform.name === host.platform && 'converse' in dialer ? dialer : undefined;

/** The first address that clients find it at. */
const listenOf = (config: FullConfig, wanted: FrontConfig): string => {
  const gate = config.gate.find(({ name }) => name === wanted.gate);
  const [first] = [wanted.at?.[0]?.host ?? gate?.listen ?? wanted.listen ?? config.listen].flat();
  return first ?? config.listen;
};

type Loaded = Placed & { readonly platform: Platform; readonly front: Front; readonly host: string };

/** With their platforms and names, and what they are known by at their gates. */
const placed = async (config: FullConfig): Promise<readonly Loaded[]> => {
  const found: Loaded[] = [];
  for (const wanted of config.front) {
    const platform = await loadPlatform(wanted.platform);
    const { front } = platform;
    if (front === undefined) throw new ConfigError(`${platform.title} is no front: it is for hosts only`);
    const host = wanted.host ?? config.host[0]?.name;
    if (host === undefined) throw new ConfigError(`front ${wanted.platform} has no host: name one with --host`);
    const name = wanted.name ?? `${wanted.platform}@${host}`;
    if (found.some((other) => other.name === name)) throw new ConfigError(`two fronts have the name "${name}"`);
    const { gate = '', at = [] } = wanted;
    found.push({ name, api: platform.name, platform, front, host, secure: wanted.tls ?? front.tls, gate, at, wanted });
  }
  return found;
};

export const loadFronts = async (
  config: FullConfig,
  hosts: readonly AgentHost[],
  handed: HandedSockets,
  log: Log,
): Promise<AgentFront[]> => {
  const all = await placed(config);
  const taken = new Set<string>();
  const tlsOf = createFrontTls(log);
  /** By the first of those that show it. */
  const shown = new Map<Placed, FrontTls>();
  const sharedTls = (one: Placed, listen: string): FrontTls => {
    const neighbours = one.wanted.gate === undefined ? [one] : neighboursOf(one, all);
    const [first = one] = neighbours;
    const at = neighbours.flatMap((neighbour) => neighbour.at);
    const tls =
      shown.get(first) ??
      tlsOf(config, { ...first.wanted, ...tlsTogether(neighbours) }, () => ownPair(config, first.name, listen, at));
    shown.set(first, tls);
    return tls;
  };
  return all.map((one) => {
    const { name, platform, front, host, secure, at, wanted } = one;
    const { gate, socket } = wanted;
    const listen = listenOf(config, wanted);
    const own = `${listen} ${front.port}`;
    const free = !taken.has(own);
    if (wanted.port === undefined && gate === undefined && socket === undefined) taken.add(own);
    const served = hosts.find((other) => other.name === host);
    return {
      name,
      platform,
      front,
      host,
      pass: wanted.pass !== false && served !== undefined ? passOf(platform, served) : undefined,
      listen,
      // Only one front can have the APIs' own port.
      port: wanted.port ?? (free || gate !== undefined ? front.port : 0),
      gate: gate === undefined ? undefined : { name: gate, at },
      handed: socket === undefined ? undefined : { name: socket, fds: handed.get(socket) ?? [] },
      tls: secure ? sharedTls(one, listen) : undefined,
      // Some APIs write their own address into what they answer.
      options: { address: isEverywhere(listen) ? hostname() : listen, ...wanted.options },
    };
  });
};

/** The URL a client on this machine uses. */
export const frontUrl = (front: AgentFront, port: number): string => {
  const { listen } = front;
  const address = isEverywhere(listen) ? '127.0.0.1' : listen.includes(':') ? `[${listen}]` : listen;
  return `${front.tls === undefined ? 'http' : 'https'}://${address}:${port}${FRONT_PATHS[front.platform.name] ?? '/'}`;
};
