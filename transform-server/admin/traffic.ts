/** Lines of the exchange log in; who called which front how often in the last while, with faults and milliseconds, and how long each method took, out. */
import type { ExchangeLine } from '../exchanges/log.ts';
import type { Parts } from './parts.ts';

export interface Calls {
  calls: number;
  faults: number;
}

export interface FrontTraffic extends Calls {
  /** Of those that are over. */
  totalMs: number;
  over: number;
}

export interface ClientTraffic extends Calls {
  readonly address: string;
  readonly user: string;
  readonly userAgent: string;
  readonly fronts: Map<string, Calls>;
}

export interface Traffic {
  /** Of a busy server the log reaches less far back than was asked for. */
  readonly sinceMs: number;
  readonly fronts: ReadonlyMap<string, FrontTraffic>;
  readonly clients: readonly ClientTraffic[];
}

export const isFault = ({ outcome }: ExchangeLine): boolean => outcome !== 'value' && outcome !== 'running';

/** Newest first. A log is in the order in which exchanges began to be told of, which may differ a little from that of their times. */
const SLACK = 200;
function* linesSince(parts: Parts, sinceMs: number): Generator<ExchangeLine> {
  let old = 0;
  for (const line of parts.exchangeLog.newest()) {
    if (line.atMs >= sinceMs) yield line;
    else {
      old += 1;
      if (old > SLACK) return;
    }
  }
}

const count = (calls: Calls, line: ExchangeLine): void => {
  calls.calls += 1;
  if (isFault(line)) calls.faults += 1;
};

const LOGINS = 500;
type Caller = Pick<ExchangeLine, 'front' | 'client' | 'user'>;
const callerKey = ({ front, client, user }: Caller): string => JSON.stringify([front, client, user]);

/** What clients said they are when they logged in, by front, address and user: of those that are here, and of the last that left. */
const userAgents = ({ hosts, sessions, events }: Parts): ReadonlyMap<string, string> => {
  const left = events
    .newest(LOGINS, ({ kind }) => kind === 'session.login')
    .map(({ user, members }) => ({
      front: members?.['front'] ?? '',
      address: members?.['address'] ?? '',
      user,
      userAgent: members?.['userAgent'] ?? '',
    }));
  const here = hosts
    .fronts()
    .flatMap(({ instance: { name } }) => sessions.view.list(name).map((session) => ({ ...session, front: name })));
  return new Map(
    [...left, ...here].map(({ front, address, user, userAgent }) => [
      callerKey({ front, client: address, user }),
      userAgent,
    ]),
  );
};

const BROWSER = /^(?:Mozilla|$)/;
/** `govc/0.46 (...)` is govc; what every browser and no program says is nothing. */
export const programName = (userAgent: string): string =>
  BROWSER.test(userAgent) ? '' : (/^[^\s/(]+/.exec(userAgent)?.[0] ?? '');

/** Of a line of the log: which program its client is, as far as a log-in of it is known. */
export const programsOf = (all: readonly Parts[]): ((line: Caller) => string) => {
  const known = new Map(all.flatMap((parts) => [...userAgents(parts)]));
  return (line) => programName(known.get(callerKey(line)) ?? '');
};

/** What a client asks before it logs in is its own, where only one at its address calls the same front. */
const adoptNameless = (clients: Map<string, ClientTraffic>): void => {
  for (const [key, nameless] of clients) {
    if (nameless.user !== '') continue;
    const named = [...clients.values()].filter(
      (one) =>
        one.user !== '' &&
        one.address === nameless.address &&
        [...nameless.fronts.keys()].every((name) => one.fronts.has(name)),
    );
    const [owner] = named;
    if (owner === undefined || named.length > 1) continue;
    clients.delete(key);
    owner.calls += nameless.calls;
    owner.faults += nameless.faults;
    for (const [name, { calls, faults }] of nameless.fronts) {
      const ofFront = owner.fronts.get(name);
      if (ofFront === undefined) continue;
      ofFront.calls += calls;
      ofFront.faults += faults;
    }
  }
};

export const trafficOf = (all: readonly Parts[], sinceMs: number): Traffic => {
  const fronts = new Map<string, FrontTraffic>();
  const clients = new Map<string, ClientTraffic>();
  let oldestMs = Number.POSITIVE_INFINITY;
  let isWhole = true;
  for (const parts of all) {
    const agents = userAgents(parts);
    let lines = 0;
    for (const line of linesSince(parts, sinceMs)) {
      lines += 1;
      oldestMs = Math.min(oldestMs, line.atMs);
      const front = fronts.get(line.front) ?? { calls: 0, faults: 0, totalMs: 0, over: 0 };
      fronts.set(line.front, front);
      count(front, line);
      if (line.durationMs !== undefined) {
        front.totalMs += line.durationMs;
        front.over += 1;
      }
      const userAgent = agents.get(callerKey(line)) ?? '';
      const key = JSON.stringify([line.client, line.user, userAgent]);
      const client = clients.get(key) ?? {
        address: line.client,
        user: line.user,
        userAgent,
        calls: 0,
        faults: 0,
        fronts: new Map<string, Calls>(),
      };
      clients.set(key, client);
      count(client, line);
      const ofFront = client.fronts.get(line.front) ?? { calls: 0, faults: 0 };
      client.fronts.set(line.front, ofFront);
      count(ofFront, line);
    }
    if (lines >= parts.exchangeLog.most) isWhole = false;
  }
  adoptNameless(clients);
  return {
    sinceMs: isWhole ? sinceMs : oldestMs,
    fronts,
    clients: [...clients.values()].sort((a, b) => b.calls - a.calls),
  };
};

export interface MethodTimes extends Calls {
  readonly method: string;
  readonly front: string;
  readonly route: string;
  readonly medianMs: number;
  readonly slowMs: number;
  readonly longestMs: number;
}

const at = (sorted: Float64Array, part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;

/** The most called first. Waits for something to happen are long because nothing happened: routes tell them apart. */
export const methodTimes = (all: readonly Parts[], sinceMs: number): readonly MethodTimes[] => {
  const found = new Map<string, { readonly line: ExchangeLine; readonly calls: Calls; readonly times: number[] }>();
  for (const parts of all)
    for (const line of linesSince(parts, sinceMs)) {
      const key = JSON.stringify([line.front, line.method]);
      const one = found.get(key) ?? { line, calls: { calls: 0, faults: 0 }, times: [] };
      found.set(key, one);
      count(one.calls, line);
      if (line.durationMs !== undefined) one.times.push(line.durationMs);
    }
  return [...found.values()]
    .map(({ line: { method, front, route }, calls, times }) => {
      const sorted = Float64Array.from(times).sort();
      return {
        method,
        front,
        route,
        ...calls,
        medianMs: at(sorted, 0.5),
        slowMs: at(sorted, 0.95),
        longestMs: sorted.at(-1) ?? 0,
      };
    })
    .sort((a, b) => b.calls - a.calls);
};
