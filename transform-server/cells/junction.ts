/** One agent's link in; its hosts' cells, here or at other servers, behind one set of functions out. */
import type { HubId } from '../../mappings/generic/ids.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';
import { LIMITS } from '../../runtime/limits.ts';
import { LinkDown } from '../../runtime/link.ts';
import { agreeOn, announced, disagreement } from '../../runtime/link-version.ts';
import type { Log } from '../../runtime/log.ts';
import {
  type AgentApi,
  type AgentHello,
  type JobIds,
  LINK_VERSIONS,
  type OutboxEntry,
  type ServerApi,
  type ServerHello,
} from '../../runtime/protocol.ts';
import { handOver, type UnderWay } from '../hand-over.ts';
import type { Part } from './cell.ts';
import { createRecent } from './recent.ts';

export interface Junction {
  readonly api: ServerApi;
  /** Calls come to rest: nothing but waits is under way, and the agent has parked them. */
  park(): Promise<void>;
  /** The link is gone. */
  left(): void;
}

interface JunctionOptions {
  readonly agent: AgentApi;
  /** The cell of a host, wherever it is. LinkDown while nobody has it. `stale`: the agent is to greet again. */
  readonly seat: (host: string, stale: () => void) => Promise<Part>;
  /** Which host a front serves, where another link of the same agent said so: of a program that another one replaced. */
  readonly hostOf: (agent: string, front: string) => string | undefined;
  readonly told: (hello: AgentHello) => void;
  readonly jobIds: () => Promise<JobIds>;
  readonly sessionKey: Uint8Array;
  /** false: this server can have no cell at all now, and another may. */
  readonly isReady: () => boolean;
  /** Ends the link: the agent comes again at once, and greets. */
  readonly end: (why: string) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Versions of the link from which on an agent is told which entries of its outbox are to come again. */
const TOLD_LATER = 2;

const away = (host: string): LinkDown => new LinkDown(`no server has the cell of ${host} now`);
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export const createJunction = (options: JunctionOptions): Junction => {
  const { agent, seat, end, clock, log } = options;
  let agentName = '';
  let speaks = 0;
  let wanted: readonly string[] = [];
  let gone = false;
  let renewing = false;
  const parts = new Map<string, Part>();
  const hostOfFront = new Map<string, string>();
  const hostOfId = new Map<HubId, string>();
  const sessions = createRecent<string>(LIMITS.sessionsLeased);
  /** Of exchanges, also of those that have ended: their hops come later. */
  const exchanges = createRecent<string>(LIMITS.cellExchanges);
  const running = new Set<string>();
  /** Log-ins and the like, for which a client waits as well. */
  let asked = 0;
  const said = new Map<string, string>();

  const say = (host: string, why: string): void => {
    if (said.get(host) === why) return;
    said.set(host, why);
    log.warn({ host }, `cell: ${why}`);
  };
  const part = (host: string): Part => {
    const found = parts.get(host);
    if (found === undefined) throw away(host);
    return found;
  };
  const ofHost = (id: HubId): ServerApi => {
    const host = hostOfId.get(id);
    if (host === undefined) throw away(id);
    return part(host).api;
  };
  const missing = (): readonly string[] => wanted.filter((host) => !parts.has(host));

  const underWay = async (): Promise<UnderWay> => {
    const all = await Promise.allSettled([...parts.values()].map((one) => one.underWay()));
    const told = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    return {
      running: running.size + asked,
      waiting: told.flatMap(({ waiting }) => waiting.filter((exchange) => running.has(exchange))),
      jobs: told.reduce((sum, { jobs }) => sum + jobs, 0),
    };
  };
  const park = (): Promise<void> => handOver({ agents: new Set([agent]), clock, underWay });

  /** The agent greets again, and its hosts are found where they are then. */
  const renew = async (why: string): Promise<void> => {
    if (renewing || gone) return;
    renewing = true;
    await park();
    log.info({}, `link: agent ${agentName} is to greet again: ${why}`);
    end(why);
  };

  const keep = (host: string, one: Part): void => {
    parts.set(host, one);
    said.delete(host);
    void one.ended.then((why) => {
      if (parts.get(host) !== one) return;
      parts.delete(host);
      if (gone) return;
      say(host, why);
      void seek(host);
    });
    if (one.giveUp !== undefined) void draw(host, one, one.giveUp);
  };
  const stale = (): void => void renew('the shared store is back');

  /** Until the cell can be had: then the agent is asked to greet again, together with others that come back at about the same time. */
  const seek = async (host: string): Promise<void> => {
    for (let waitMs: number = LIMITS.cellRetryFirstMs; !gone; waitMs = Math.min(waitMs * 2, LIMITS.cellRetryMostMs)) {
      await sleep(clock, waitMs);
      if (gone) return;
      try {
        (await seat(host, () => {})).left();
        break;
      } catch (error) {
        say(host, textOf(error));
      }
    }
    const others = missing().length > 1;
    if (others) await sleep(clock, LIMITS.cellGatherMs);
    await renew(`the cell of ${host} can be had`);
  };

  /** A cell at another server comes here, where its agent is, once nothing is under way there. */
  const draw = async (host: string, one: Part, giveUp: () => Promise<boolean>): Promise<void> => {
    while (!gone && parts.get(host) === one) {
      await sleep(clock, LIMITS.cellDrawMs);
      if (gone || parts.get(host) !== one) return;
      if (await giveUp().catch(() => true)) return;
    }
  };

  /** Its answer for one host; undefined: it was not found before `over`. */
  const greet = async (hello: AgentHello, host: string, over: () => boolean): Promise<ServerHello | undefined> => {
    const fronts = hello.fronts.filter((front) => front.host === host);
    const hosts = hello.hosts.filter(({ name }) => name === host);
    while (!over()) {
      try {
        const one = await seat(host, stale);
        if (over()) one.left();
        else {
          try {
            const answer = await one.api.hello({ ...hello, hosts, fronts });
            if (over()) return void one.left();
            keep(host, one);
            return answer;
          } catch (error) {
            one.left();
            throw error;
          }
        }
      } catch (error) {
        // Whoever refuses the agent has the cell: no other server will say anything else.
        if (!(error instanceof LinkDown)) throw error;
        say(host, error.message);
        await sleep(clock, LIMITS.cellRetryFirstMs);
      }
    }
    return undefined;
  };

  const hello = async (greeting: AgentHello): Promise<ServerHello> => {
    const theirs = announced(greeting);
    const version = agreeOn(LINK_VERSIONS, theirs);
    if (version === undefined) throw new Error(disagreement(greeting.agent, theirs, LINK_VERSIONS));
    if (!options.isReady()) {
      // Behind the answer: so soon that the agent asks another server, if it knows one.
      setImmediate(() => end('the shared store is away'));
      throw new LinkDown('the shared store is away');
    }
    const hosts = greeting.hosts.map(({ name }) => name);
    for (const { name, host } of greeting.fronts)
      if (!hosts.includes(host))
        throw new Error(`front ${name} serves host ${host}, which agent ${greeting.agent} does not have`);
    for (const one of [...parts.values()].splice(0)) one.left();
    parts.clear();
    agentName = greeting.agent;
    speaks = version;
    wanted = [];
    let over = false;
    const answers: ServerHello[] = [];
    const first = Promise.withResolvers<void>();
    const all = Promise.all(
      hosts.map(async (host) => {
        const answer = await greet(greeting, host, () => over || gone);
        if (answer === undefined) return;
        for (const { id } of Object.values(answer.hosts)) hostOfId.set(id, host);
        answers.push(answer);
        first.resolve();
      }),
    ).then(() => {});
    try {
      await Promise.race([all, sleep(clock, LIMITS.cellPartialMs)]);
      if (answers.length === 0 && hosts.length > 0)
        await Promise.race([all, first.promise, sleep(clock, LIMITS.cellGreetMs - LIMITS.cellPartialMs)]);
    } finally {
      over = true;
      all.catch(() => {}); // told to the agent, if it came in time
    }
    if (answers.length === 0 && hosts.length > 0) throw new LinkDown(said.get(hosts[0] ?? '') ?? 'no cell can be had');
    const jobIds = await options.jobIds();
    hostOfFront.clear();
    for (const { name, host } of greeting.fronts) hostOfFront.set(name, host);
    wanted = hosts;
    options.told(greeting);
    for (const host of missing()) void seek(host);
    return {
      version: Math.min(version, ...answers.map((answer) => answer.version)),
      hosts: Object.fromEntries(answers.flatMap((answer) => Object.entries(answer.hosts))),
      fronts: Object.fromEntries(answers.flatMap((answer) => Object.entries(answer.fronts))),
      sessionKey: options.sessionKey,
      jobIds,
      logsExchanges: answers.some(({ logsExchanges }) => logsExchanges !== false),
    };
  };

  /** A host of the agent's own, or of the program that took its place: that one greeted, and clients of this one wait on. */
  const ofFront = async (front: string): Promise<{ readonly host: string; readonly api: ServerApi }> => {
    const own = hostOfFront.get(front);
    const host = own ?? options.hostOf(agentName, front);
    if (host === undefined) throw new LinkDown(`no host of front ${front} is known`);
    if (own === undefined && !parts.has(host)) keep(host, await seat(host, stale));
    return { host, api: part(host).api };
  };
  const byHost = <T>(items: readonly T[], hostOf: (item: T) => string | undefined): Map<string, T[]> => {
    const groups = new Map<string, T[]>();
    for (const item of items) {
      const host = hostOf(item) ?? wanted.find((name) => parts.has(name));
      if (host !== undefined) groups.set(host, [...(groups.get(host) ?? []), item]);
    }
    return groups;
  };
  /** Where a session is; all parts, where that is not known. */
  const partsOf = (session: string): readonly Part[] => {
    const home = sessions.get(session);
    const found = home === undefined ? undefined : parts.get(home);
    return home === undefined ? [...parts.values()] : found === undefined ? [] : [found];
  };

  const outbox: ServerApi['outbox'] = async (name, entries) => {
    const isWhole = missing().length === 0;
    const taken = new Set<OutboxEntry>();
    const known: OutboxEntry[] = [];
    for (const entry of entries) {
      if (hostOfId.has(entry.host)) known.push(entry);
      else if (isWhole) {
        taken.add(entry);
        log.error({}, `link: an entry in the outbox of agent ${name} is of ${entry.host}, which is none of its hosts`);
      }
    }
    let why: unknown = away(missing()[0] ?? '');
    await Promise.all(
      [...byHost(known, (entry) => hostOfId.get(entry.host))].map(async ([host, some]) => {
        try {
          await part(host).api.outbox(name, some);
          for (const entry of some) taken.add(entry);
        } catch (error) {
          why = error;
        }
      }),
    );
    if (taken.size === 0 && entries.length > 0) throw why;
    const later = entries.filter((entry) => !taken.has(entry)).map(({ seq }) => seq);
    if (later.length === 0 || speaks >= TOLD_LATER) return { through: entries.at(-1)?.seq ?? 0, later };
    // An agent that knows no other way tells all from the first that is not taken.
    const first = entries.findIndex(({ seq }) => seq === later[0]);
    const through = entries[first - 1]?.seq;
    if (through === undefined) throw why;
    return { through };
  };

  const session: ServerApi['session'] = async (id) => {
    const asked = partsOf(id);
    const isSure = asked.length > 0 && (sessions.get(id) !== undefined || missing().length === 0);
    const answers = await Promise.allSettled(asked.map((one) => one.api.session(id)));
    const at = answers.findIndex((one) => one.status === 'fulfilled' && one.value !== undefined);
    const found = answers[at];
    if (found?.status === 'fulfilled' && found.value !== undefined) {
      const home = hostOfFront.get(found.value.front);
      if (home !== undefined) sessions.set(id, home);
      return found.value;
    }
    // It may be at one that does not answer: a client must not be told that its session has ended.
    const failed = answers.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    if (!isSure) throw away(missing()[0] ?? '');
    return undefined;
  };

  const awaited =
    <Args extends readonly unknown[], Answer>(act: (...args: Args) => Promise<Answer>) =>
    async (...args: Args): Promise<Answer> => {
      asked += 1;
      try {
        return await act(...args);
      } finally {
        asked -= 1;
      }
    };

  const api: ServerApi = {
    hello,
    login: awaited(async (login) => {
      const { host, api: at } = await ofFront(login.front);
      const made = await at.login(login);
      sessions.set(made.id, host);
      return made;
    }),
    session: awaited(session),
    logout: awaited(async (id) => void (await Promise.all(partsOf(id).map((one) => one.api.logout(id))))),
    touch: async (touched) => {
      const groups = new Map<Part, typeof touched>();
      for (const [id, activity] of Object.entries(touched))
        for (const one of partsOf(id)) groups.set(one, { ...groups.get(one), [id]: activity });
      await Promise.all([...groups].map(([one, some]) => one.api.touch(some)));
    },
    loginFailed: async (failed) => (await ofFront(failed.front)).api.loginFailed(failed),
    call: async (exchange) => {
      running.add(exchange.exchange);
      try {
        const { host, api: at } = await ofFront(exchange.front);
        exchanges.set(exchange.exchange, host);
        return await at.call(exchange);
      } finally {
        running.delete(exchange.exchange);
      }
    },
    hangUp: async (exchange) => parts.get(exchanges.get(exchange) ?? '')?.api.hangUp(exchange),
    stream: awaited(async (exchange) => {
      const { host, api: at } = await ofFront(exchange.front);
      exchanges.set(exchange.exchange, host);
      return at.stream(exchange);
    }),
    transferred: awaited(async (exchange, outcome) =>
      (await ofFront(exchange.front)).api.transferred(exchange, outcome),
    ),
    list: async (id, epoch, batch, complete) => ofHost(id).list(id, epoch, batch, complete),
    changes: async (id, epoch, changes) => ofHost(id).changes(id, epoch, changes),
    hostState: async (id, epoch, state) => ofHost(id).hostState(id, epoch, state),
    outbox: awaited(outbox),
    jobIds: () => options.jobIds(),
    lease: awaited(async (id, vm) => ofHost(id).lease(id, vm)),
    hops: async (hops) => {
      // What an agent did by itself no cell was asked: its front says whose it is.
      for (const { exchange, facts } of hops) {
        const host = hostOfFront.get(facts?.front ?? '');
        if (host !== undefined && exchanges.get(exchange) === undefined) exchanges.set(exchange, host);
      }
      for (const [host, some] of byHost(hops, (hop) => exchanges.get(hop.exchange)))
        await parts.get(host)?.api.hops(some);
    },
    counted: async (since) => void (await parts.values().next().value?.api.counted(since)),
  };

  return {
    api,
    park,
    left: () => {
      gone = true;
      for (const one of parts.values()) one.left();
      parts.clear();
    },
  };
};
