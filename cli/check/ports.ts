/** Listening places of a configuration in; which of them cannot be bound, and why, out. Each is bound for a moment. */
import { createServer } from 'node:net';
import { parseLinkAddress } from '../../runtime/link-address.ts';
import type { FullConfig } from '../flags.ts';
import { loadPlatform } from '../hosts.ts';
import type { Finding, Place } from './finding.ts';

export type Program = 'up' | 'agent' | 'server';

interface Listening {
  readonly name: string;
  /** A front: others may be at its place, and what is wrong with that is said elsewhere. */
  readonly shares?: true;
  readonly address: string;
  readonly port: number;
  readonly where: string;
}

const FIXES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'end the other program, or choose another port',
  EACCES:
    'ports below 1024 need root or CAP_NET_BIND_SERVICE, which the unit of the package gives; or choose a higher one',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'no such name',
};

const listeningOf = async (config: FullConfig, program: Program, place: Place): Promise<Listening[]> => {
  const found: Listening[] = [];
  const agent = program !== 'server';
  const api = new Set<string>();
  for (const [n, front] of agent ? config.front.entries() : []) {
    if (front.gate !== undefined || front.socket !== undefined) continue;
    const address = front.listen ?? config.listen;
    const { port: norm } = (await loadPlatform(front.platform)).front ?? { port: 0 };
    // As at the start: of several fronts one has the API's own port, the others any free one.
    const own = `${address} ${norm}`;
    const port = front.port ?? (api.has(own) ? 0 : norm);
    if (front.port === undefined) api.add(own);
    const name = `front ${front.name ?? front.platform}`;
    found.push({ name, shares: true, address, port, where: place(['front', n, 'port']) });
  }
  for (const [n, { name, listen, port }] of agent ? config.gate.entries() : [])
    for (const address of [listen ?? config.listen].flat())
      if (port !== undefined) found.push({ name: `gate ${name}`, address, port, where: place(['gate', n, 'port']) });
  if (program !== 'agent' && config.admin.socket === undefined)
    found.push({
      name: 'admin',
      address: config.admin.listen,
      port: config.admin.port,
      where: place(['admin', 'port']),
    });
  const [listensAt = ''] = [config.link.address ?? ''].flat();
  const link = program === 'server' ? parseLinkAddress(listensAt) : undefined;
  if (link !== undefined && link.kind !== 'unix')
    found.push({ name: 'link', address: link.host, port: link.port, where: place(['link', 'address']) });
  return found;
};

const bindFailure = ({ address, port }: Listening): Promise<NodeJS.ErrnoException | undefined> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });

export const lookAtPorts = async (config: FullConfig, program: Program, place: Place): Promise<Finding[]> => {
  const wanted = (await listeningOf(config, program, place)).filter(({ port }) => port !== 0);
  const findings: Finding[] = [];
  const seen = new Map<string, Listening>();
  // One after the other: two places of the configuration must not be in each other's way.
  for (const one of wanted) {
    const { name, address, port, where } = one;
    const at = `${address.includes(':') ? `[${address}]` : address}:${port}`;
    const before = seen.get(at);
    seen.set(at, one);
    if (before?.shares && one.shares) continue;
    if (before !== undefined) {
      const what = `${name} and ${before.name} both want ${at}`;
      findings.push({ level: 'error', what, where, fix: 'name another port' });
      continue;
    }
    const failure = await bindFailure(one);
    if (failure === undefined) continue;
    const what = failure.code === 'EADDRINUSE' ? `${at} is in use` : `${at} cannot be listened on (${failure.code})`;
    findings.push({ level: 'error', what: `${name}: ${what}`, where, fix: FIXES[failure.code ?? ''] ?? '' });
  }
  return findings;
};
