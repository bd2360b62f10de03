/** Where to listen in, listening sockets out: opened here, handed over by a service manager, or passed on by the program before this one. */
import { once } from 'node:events';
import { createServer, isIPv6 } from 'node:net';
import { type Acceptor, createAcceptor } from '../acceptor.ts';

/** Sockets that a service manager listens on for this program. */
export interface HandedSockets {
  readonly name: string;
  /** File descriptors; none in a program that takes another's place. */
  readonly fds: readonly number[];
}

export interface ListenPlace {
  readonly name: string;
  /** Addresses, all on one port. */
  readonly listen: readonly string[];
  readonly port: number;
  /** Instead of addresses and port. */
  readonly handed?: HandedSockets | undefined;
}

const listening = async (at: Parameters<ReturnType<typeof createServer>['listen']>[0]): Promise<Acceptor> => {
  const server = createServer().listen(at);
  await once(server, 'listening');
  return createAcceptor(server);
};

const open = async (
  { name, listen, port, handed }: ListenPlace,
  before: ReadonlyMap<string, Acceptor>,
  found: Map<string, Acceptor>,
): Promise<void> => {
  if (handed !== undefined) {
    const prefix = `gate:${name}:socket:${handed.name}:`;
    for (const [key, acceptor] of before) if (key.startsWith(prefix)) found.set(key, acceptor);
    if (found.size > 0) return;
    for (const [n, fd] of handed.fds.entries()) found.set(`${prefix}${n}`, await listening({ fd }));
    if (found.size === 0) throw new Error(`gate ${name}: no listening socket "${handed.name}" was handed over`);
    return;
  }
  let free = port;
  for (const host of listen) {
    const key = `gate:${name}:${host}:${port}`;
    // Beside an IPv4 socket on the same port.
    const ipv6Only = listen.length > 1 && isIPv6(host);
    const acceptor = before.get(key) ?? (await listening({ host, port: free, ipv6Only }));
    found.set(key, acceptor);
    const at = acceptor.server.address();
    if (at !== null && typeof at === 'object') free = at.port;
  }
};

/** By the names under which they are passed on. */
export const openSockets = async (
  place: ListenPlace,
  before: ReadonlyMap<string, Acceptor> = new Map(),
): Promise<ReadonlyMap<string, Acceptor>> => {
  const found = new Map<string, Acceptor>();
  try {
    await open(place, before, found);
  } catch (error) {
    for (const { server } of found.values()) server.close();
    throw error;
  }
  return found;
};

/** The one socket of a listener that has none of its own. */
export const handedAcceptor = ({ name, fds }: HandedSockets): Promise<Acceptor> => {
  const [fd, ...more] = fds;
  if (fd === undefined || more.length > 0)
    throw new Error(`${fds.length} listening sockets "${name}" were handed over, where one is needed`);
  return listening({ fd });
};
