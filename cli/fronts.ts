/** Fronts of a checked configuration and the agent's hosts in, fronts of the agent out: what they speak, where they are found, their certificates. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { AgentFront, AgentHost } from '../agent/agent.ts';
import type { HttpDialer } from '../agent/connections/host-connection.ts';
import type { Platform } from '../mappings/generic/platform.ts';
import { ConfigError } from '../runtime/config.ts';
import type { Log } from '../runtime/log.ts';
import { type KeyPair, loadOrMakeLeaf } from '../runtime/tls.ts';
import { type FullConfig, loadPlatform } from './composition.ts';
import { createFrontTls } from './front-tls.ts';
import type { HandedSockets } from './handed-sockets.ts';

type FrontConfig = FullConfig['front'][number];

/** Where a client connects, by front: the path is the API's own. */
const FRONT_PATHS: Readonly<Record<string, string>> = { vim25: '/sdk', xenapi: '' };

const isEverywhere = (listen: string): boolean => listen === '0.0.0.0' || listen === '::';

/** What a certificate of ours is made for: the front's own places at its gate; else the address listened on, this machine's name, loopback, and what the configuration adds. */
const ownPair = (config: FullConfig, name: string, listen: string, { at }: FrontConfig): KeyPair => {
  const here = [
    ...(isEverywhere(listen) ? [] : [listen]),
    hostname(),
    'localhost',
    '127.0.0.1',
    '::1',
    ...config.names,
  ];
  const names = [...new Set(at?.map(({ host }) => host) ?? here)];
  return loadOrMakeLeaf(join(config.state, 'tls'), at === undefined ? 'front' : `front-${name}`, names, Date.now());
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

export const loadFronts = async (
  config: FullConfig,
  hosts: readonly AgentHost[],
  handed: HandedSockets,
  log: Log,
): Promise<AgentFront[]> => {
  const fronts: AgentFront[] = [];
  const taken = new Set<string>();
  const tlsOf = createFrontTls(log);
  for (const wanted of config.front) {
    const platform = await loadPlatform(wanted.platform);
    if (platform.front === undefined) throw new ConfigError(`${platform.title} is no front: it is for hosts only`);
    const host = wanted.host ?? config.host[0]?.name;
    if (host === undefined) throw new ConfigError(`front ${wanted.platform} has no host: name one with --host`);
    const name = wanted.name ?? `${wanted.platform}@${host}`;
    if (fronts.some((front) => front.name === name)) throw new ConfigError(`two fronts have the name "${name}"`);
    const { gate, at = [], socket } = wanted;
    const listen = listenOf(config, wanted);
    const own = `${listen} ${platform.front.port}`;
    const free = !taken.has(own);
    if (wanted.port === undefined && gate === undefined && socket === undefined) taken.add(own);
    const secure = wanted.tls ?? platform.front.tls;
    const served = hosts.find((one) => one.name === host);
    fronts.push({
      name,
      platform,
      front: platform.front,
      host,
      pass: wanted.pass !== false && served !== undefined ? passOf(platform, served) : undefined,
      listen,
      // Only one front can have the APIs' own port.
      port: wanted.port ?? (free || gate !== undefined ? platform.front.port : 0),
      gate: gate === undefined ? undefined : { name: gate, at },
      handed: socket === undefined ? undefined : { name: socket, fds: handed.get(socket) ?? [] },
      tls: secure ? tlsOf(config, wanted, () => ownPair(config, name, listen, wanted)) : undefined,
      // Some APIs write their own address into what they answer.
      options: { address: isEverywhere(listen) ? hostname() : listen, ...wanted.options },
    });
  }
  return fronts;
};

/** The URL a client on this machine uses. */
export const frontUrl = (front: AgentFront, port: number): string => {
  const { listen } = front;
  const address = isEverywhere(listen) ? '127.0.0.1' : listen.includes(':') ? `[${listen}]` : listen;
  return `${front.tls === undefined ? 'http' : 'https'}://${address}:${port}${FRONT_PATHS[front.platform.name] ?? '/'}`;
};
