/** Fronts behind one gate in; which of them a connection is for, by its destination's address or by a name, out: one, or several of different APIs, which its requests tell apart. */
import type { HostPort } from '../../runtime/host-port.ts';
import type { Spoken } from './opening.ts';

export interface ChosenFront {
  readonly name: string;
  /** Of several at one place each has another. */
  readonly api: string;
  readonly secure: boolean;
  /** Addresses and names that are its own; none: it has what belongs to no other. */
  readonly at: readonly HostPort[];
}

/** Names of fronts that share a connection, as configured; each such list is the same object everywhere. */
export type Sharers = readonly string[];

export interface Choice {
  /** All that a connection may be for. */
  readonly sharers: readonly Sharers[];
  /** By an address or a name, on the port the client asked for. */
  at(spoken: Spoken, host: string, port: number): Sharers | undefined;
  /** What belongs to no other. */
  rest(spoken: Spoken): Sharers | undefined;
}

const spokenBy = ({ secure }: ChosenFront): Spoken => (secure ? 'tls' : 'http');
const keyOf = (spoken: Spoken, host: string, port: number | undefined): string => `${spoken} ${host} ${port ?? ''}`;
const REST = 'all other addresses';

const placesOf = (fronts: readonly ChosenFront[]): ReadonlyMap<string, readonly ChosenFront[]> => {
  const places = new Map<string, ChosenFront[]>();
  const put = (key: string, front: ChosenFront): void => {
    places.set(key, [...(places.get(key) ?? []), front]);
  };
  for (const front of fronts) {
    if (front.at.length === 0) put(keyOf(spokenBy(front), REST, undefined), front);
    for (const { host, port } of front.at) put(keyOf(spokenBy(front), host, port), front);
  }
  // One at the address alone is at each of its ports, where no other of its API is.
  for (const front of fronts)
    for (const { host, port } of front.at)
      if (port !== undefined)
        for (const other of places.get(keyOf(spokenBy(front), host, undefined)) ?? []) {
          const key = keyOf(spokenBy(front), host, port);
          if (places.get(key)?.every(({ api }) => api !== other.api)) put(key, other);
        }
  return places;
};

/** Two fronts of which a client could reach one alone, as text for people. */
export const clashes = (fronts: readonly ChosenFront[]): string[] => {
  const found: string[] = [];
  for (const [key, here] of placesOf(fronts))
    for (const [n, front] of here.entries()) {
      const before = here.findLast(({ api }, at) => at < n && api === front.api);
      const [, where = ''] = /^\S+ (.*) \d*$/.exec(key) ?? [];
      if (before !== undefined) found.push(`"${before.name}" and "${front.name}" are both at ${where}`);
    }
  return found;
};

/** `onlyOnesTakeAll`: fronts that are alone need no name, as long as nothing passes through beside them. */
export const createChoice = (fronts: readonly ChosenFront[], onlyOnesTakeAll: boolean): Choice => {
  const lists = new Map<string, Sharers>();
  const order = new Map(fronts.map(({ name }, n) => [name, n]));
  const listOf = (here: readonly ChosenFront[]): Sharers => {
    const names = here.map(({ name }) => name).sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
    const key = names.join(' ');
    const list = lists.get(key) ?? names;
    lists.set(key, list);
    return list;
  };
  const places = new Map([...placesOf(fronts)].map(([key, here]) => [key, listOf(here)]));
  const rests = new Map<Spoken, Sharers>();
  for (const spoken of ['tls', 'http'] as const) {
    const all = new Set([...places].flatMap(([key, list]) => (key.startsWith(`${spoken} `) ? [list] : [])));
    const [only] = all.size === 1 && onlyOnesTakeAll ? all : [];
    const rest = places.get(keyOf(spoken, REST, undefined)) ?? only;
    if (rest !== undefined) rests.set(spoken, rest);
  }
  return {
    sharers: [...lists.values()],
    at: (spoken, host, port) => places.get(keyOf(spoken, host, port)) ?? places.get(keyOf(spoken, host, undefined)),
    rest: (spoken) => rests.get(spoken),
  };
};
