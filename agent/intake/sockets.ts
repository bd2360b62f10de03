/** Where to listen in, listening sockets out: opened here, handed over by a service manager, or passed on by the program before this one. */
import { once } from 'node:events';
import { type AddressInfo, createServer, isIP, isIPv6 } from 'node:net';
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

/**
 * Listening sockets of the program before this one. Each is taken once, by whoever is to listen at its address and port now, whatever it was for
 * before; by its name where the configuration leaves the port open.
 */
export interface PassedOn {
  at(name: string, host: string, port: number): Acceptor | undefined;
  /** Those that a service manager had handed over under the name. */
  handed(name: string): ReadonlyMap<string, Acceptor>;
  /** Clients of what nobody listens to any more are refused, not left waiting. */
  closeRest(): void;
}

const isPlace = (at: ReturnType<Acceptor['server']['address']>, host: string, port: number): boolean =>
  at !== null && typeof at === 'object' && at.port === port && (at.address === host || isIP(host) === 0);

/** Before the program that holds those places lets go of anything: fails where one of the others cannot be listened to. */
export const tryPlaces = async (
  places: readonly Omit<ListenPlace, 'name'>[],
  held: readonly AddressInfo[],
): Promise<void> => {
  for (const { listen, port, handed } of places) {
    if (handed !== undefined || port === 0) continue;
    for (const host of listen) {
      if (held.some((at) => isPlace(at, host, port))) continue;
      const { server } = await listening({ host, port, ipv6Only: listen.length > 1 && isIPv6(host) });
      server.close();
      await once(server, 'close');
    }
  }
};

/** Under which it is passed on, whoever listens there. */
export const handedName = (name: string, n: number): string => `socket:${name}:${n}`;

export const createPassedOn = (before: ReadonlyMap<string, Acceptor> = new Map()): PassedOn => {
  const left = new Map(before);
  const take = (name: string): Acceptor | undefined => {
    const acceptor = left.get(name);
    left.delete(name);
    return acceptor;
  };
  const isAt = ({ server }: Acceptor, host: string, port: number): boolean => isPlace(server.address(), host, port);
  return {
    at: (name, host, port) => {
      if (port === 0) return take(name);
      // A host that is named may stand for any address.
      const named = left.get(name);
      if (named !== undefined && isAt(named, host, port)) return take(name);
      const [found] = isIP(host) === 0 ? [] : ([...left].find(([, one]) => isAt(one, host, port)) ?? []);
      return found === undefined ? undefined : take(found);
    },
    handed: (name) => {
      const found = new Map<string, Acceptor>();
      for (let n = 0; ; n++) {
        const acceptor = take(handedName(name, n));
        if (acceptor === undefined) return found;
        found.set(handedName(name, n), acceptor);
      }
    },
    closeRest: () => {
      for (const acceptor of left.values()) acceptor.close();
      left.clear();
    },
  };
};

const open = async (
  { name, listen, port, handed }: ListenPlace,
  passed: PassedOn,
  found: Map<string, Acceptor>,
): Promise<void> => {
  if (handed !== undefined) {
    for (const [key, acceptor] of passed.handed(handed.name)) found.set(key, acceptor);
    if (found.size > 0) return;
    for (const [n, fd] of handed.fds.entries()) found.set(handedName(handed.name, n), await listening({ fd }));
    if (found.size === 0) throw new Error(`gate ${name}: no listening socket "${handed.name}" was handed over`);
    return;
  }
  let free = port;
  for (const host of listen) {
    const key = `gate:${name}:${host}:${port}`;
    // Beside an IPv4 socket on the same port.
    const ipv6Only = listen.length > 1 && isIPv6(host);
    const acceptor = passed.at(key, host, port) ?? (await listening({ host, port: free, ipv6Only }));
    found.set(key, acceptor);
    const at = acceptor.server.address();
    if (at !== null && typeof at === 'object') free = at.port;
  }
};

/** By the names under which they are passed on. */
export const openSockets = async (
  place: ListenPlace,
  passed: PassedOn = createPassedOn(),
): Promise<ReadonlyMap<string, Acceptor>> => {
  const found = new Map<string, Acceptor>();
  try {
    await open(place, passed, found);
  } catch (error) {
    for (const { server } of found.values()) server.close();
    throw error;
  }
  return found;
};

/** The one socket of a listener that has none of its own. */
export const handedAcceptor = async ({ name, fds }: HandedSockets, passed = createPassedOn()): Promise<Acceptor> => {
  const [before] = passed.handed(name).values();
  if (before !== undefined) return before;
  const [fd, ...more] = fds;
  if (fd === undefined || more.length > 0)
    throw new Error(`${fds.length} listening sockets "${name}" were handed over, where one is needed`);
  return listening({ fd });
};
