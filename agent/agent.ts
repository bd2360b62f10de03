/** The agent: hosts, fronts and accounts in; listeners on sockets, connections to hosts and one link to the server out. */
import type { Server } from 'node:net';
import { join } from 'node:path';
import type { HubId } from '../mappings/generic/ids.ts';
import type { Driver, Front, Platform } from '../mappings/generic/platform.ts';
import type { PLATFORMS } from '../mappings/platforms.ts';
import type { Accounts } from '../runtime/accounts.ts';
import { type Clock, sleep } from '../runtime/clock.ts';
import type { HostPort } from '../runtime/host-port.ts';
import { LIMITS } from '../runtime/limits.ts';
import { type Channel, type Link, openLink, UNLIMITED } from '../runtime/link.ts';
import { agreeOn, announced } from '../runtime/link-version.ts';
import type { LeveledLog, Log } from '../runtime/log.ts';
import { type AgentHello, LINK_VERSIONS, type ServerApi } from '../runtime/protocol.ts';
import { leafOf } from '../runtime/tls.ts';
import type { Acceptor, Entrance } from './acceptor.ts';
import { createAgentApi } from './agent-api.ts';
import type { HttpDialer } from './connections/host-connection.ts';
import { createCounts } from './counts.ts';
import { createDirect, type Direct } from './direct.ts';
import { serveFront } from './front.ts';
import { createHops } from './hops.ts';
import { createHostSession, type HostSession } from './host-session.ts';
import type { ChosenFront } from './intake/choice.ts';
import { type Gate, type GateConfig, openGate } from './intake/gate.ts';
import { createPassage } from './intake/passage.ts';
import { createPassedOn, type HandedSockets, handedAcceptor, handedName } from './intake/sockets.ts';
import { createJobIds } from './job-ids.ts';
import type { Dialer } from './lanes.ts';
import { createLeases } from './leases.ts';
import { type FrontTls, type Listener, openListener } from './listener.ts';
import { openOutbox } from './outbox.ts';
import { createRelay, type Relay } from './pass.ts';
import { createPatience } from './patience.ts';
import { createRouter } from './router.ts';
import { createServerPort } from './server-port.ts';
import { createSessions } from './sessions.ts';
import { createWriteQueue } from './write-queue.ts';

export interface AgentHost {
  readonly name: string;
  readonly platform: string;
  readonly uri: string;
  readonly driver: Driver;
  readonly dialer: Dialer;
}

export interface AgentFront {
  readonly name: string;
  readonly platform: Platform;
  readonly front: Front;
  /** Name of the host it serves. */
  readonly host: string;
  readonly listen: string;
  readonly port: number;
  /** Of one that has no socket of its own: the gate that accepts for it, and what it is known by there. */
  readonly gate?: { readonly name: string; readonly at: readonly HostPort[] } | undefined;
  /** A socket that a service manager listens on for it. */
  readonly handed?: HandedSockets | undefined;
  readonly tls: FrontTls | undefined;
  /** Client and host speak the same API: their bytes pass as they are. */
  readonly pass?: HttpDialer | undefined;
  readonly options: Readonly<Record<string, string>>;
}

export interface AgentOptions {
  readonly name: string;
  readonly state: string;
  readonly hosts: readonly AgentHost[];
  readonly fronts: readonly AgentFront[];
  readonly gates?: readonly GateConfig[];
  readonly accounts: Accounts;
  /** Sockets that a program before this one listens on; all are taken, or closed. */
  readonly acceptors?: ReadonlyMap<string, Acceptor>;
  /** The registry of the mappings on disk, when they may be reloaded. */
  readonly fresh?: () => Promise<typeof PLATFORMS>;
  readonly clock: Clock;
  readonly log: Log;
  /** Of the log of the program, which the server may change. */
  readonly logLevel?: Pick<LeveledLog, 'level'>;
}

export interface Agent {
  readonly fronts: readonly {
    readonly name: string;
    readonly platform: string;
    readonly host: string;
    readonly port: number;
  }[];
  /** A link came up; the server may have been away before. */
  attach(channel: Channel): void;
  /** Every front answers and every host was listed once. */
  readonly ready: Promise<void>;
  readonly hosts: readonly HostSession[];
  /** By front: what another program may accept connections on. */
  readonly acceptors: ReadonlyMap<string, Server>;
  /** Another agent takes this one's place: resolves when direct commands have ended and the outbox is free. */
  handOver(): Promise<void>;
  /** Accepts no more; resolves when every client has its answer, or at the limit. */
  drain(limitMs: number): Promise<void>;
  close(): Promise<void>;
}

const frontsAt = (gate: string, fronts: readonly AgentFront[]): ChosenFront[] =>
  fronts.flatMap(({ name, platform, tls, gate: own }) =>
    own?.name === gate ? [{ name, api: platform.name, secure: tls !== undefined, at: own.at }] : [],
  );

/** Fronts with one listener: one alone, or several at the same place of a gate. */
interface Served {
  readonly fronts: readonly AgentFront[];
  readonly listener: Listener;
}

/** With the number of commands that have not ended. */
const counting = (direct: Direct): Direct & { readonly running: number } => {
  let running = 0;
  return {
    start: (command, host) => {
      const started = direct.start(command, host);
      if (started === undefined) return undefined;
      running += 1;
      void started.outcome.finally(() => {
        running -= 1;
      });
      return started;
    },
    get running() {
      return running;
    },
  };
};

export const startAgent = async (options: AgentOptions): Promise<Agent> => {
  const { clock, log } = options;
  const server = createServerPort();
  const hops = createHops(server, clock);
  const counts = createCounts(server, clock);
  const served: Served[] = [];
  const gates = new Map<string, Gate>();
  const passage = createPassage({ clock, log });
  const passed = createPassedOn(options.acceptors);
  const closeGates = (): void => {
    for (const gate of gates.values()) gate.close();
  };
  const listen = async (fronts: readonly AgentFront[], source: Acceptor | Entrance | undefined): Promise<void> => {
    const [first, ...others] = fronts;
    if (first === undefined) return;
    const relays = new Map<string, Relay>();
    for (const { name, platform, pass } of fronts)
      if (pass !== undefined)
        relays.set(name, createRelay({ front: name, platform, dialer: pass, hops, counts, clock, log }));
    const { listen: address, port, tls } = first;
    const taking = others.length === 0 ? { relay: relays.get(first.name) } : { relays };
    served.push({ fronts, listener: await openListener({ address, port, tls, source, ...taking, log }) });
  };
  try {
    for (const config of options.gates ?? []) {
      const fronts = frontsAt(config.name, options.fronts);
      const gate = await openGate({ config, fronts, passed, passage, clock, log });
      gates.set(config.name, gate);
      for (const [names, entrance] of gate.entrances)
        await listen(
          options.fronts.filter(({ name }) => names.includes(name)),
          entrance,
        );
    }
    for (const front of options.fronts) {
      const { name, gate, handed, listen: address, port } = front;
      if (gate !== undefined) continue;
      await listen([front], handed ? await handedAcceptor(handed, passed) : passed.at(name, address, port));
    }
    passed.closeRest();
  } catch (error) {
    closeGates();
    await Promise.all(served.map(({ listener }) => listener.close()));
    throw error;
  }
  /** The port that clients connect to: where another one is before it, the API's own unless its places say which. */
  const portOf = ({ name, port, gate }: AgentFront): number => {
    if (gate === undefined) return served.find(({ fronts }) => fronts[0]?.name === name)?.listener.port ?? port;
    const its = options.gates?.find((one) => one.name === gate.name);
    const isBehind = its?.handed !== undefined || its?.trusted !== undefined;
    return gate.at[0]?.port ?? (isBehind ? port : (gates.get(gate.name)?.port ?? port));
  };

  const patience = createPatience(server, clock);
  const sessions = createSessions({ accounts: options.accounts, server: patience, clock, log });
  const leases = createLeases(server);
  const queue = createWriteQueue(clock);
  const outbox = openOutbox({
    path: join(options.state, `outbox-${options.name}`),
    agent: options.name,
    server,
    clock,
    log,
  });
  const isWriter = (id: HubId, epoch: number): boolean =>
    Object.values(server.hello?.hosts ?? {}).some((host) => host.id === id && host.epoch === epoch);
  const direct = counting(createDirect({ queue, outbox, jobIds: createJobIds(server), clock, log, isWriter, counts }));
  const hostSessions = new Map<string, HostSession>();
  const byId = new Map<HubId, HostSession>();
  const host = (id: HubId): HostSession | undefined => byId.get(id);
  const router = createRouter({ server: patience, sessions, leases, outbox, direct, hops, counts, host, clock, log });
  const api = createAgentApi({
    server,
    host,
    isWriter,
    queue,
    leases,
    sessions,
    router,
    patience,
    reloadMappings: () => reloadMappings(),
    logLevel: options.logLevel,
    clock,
  });

  const { promise: answering, resolve: markAnswering } = Promise.withResolvers<void>();
  let leaving = false;
  /** What fronts speak, by platform, where it is newer than what the program began with. */
  let renewed: ReadonlyMap<string, Platform> = new Map();
  const serve = (): void => {
    for (const { fronts, listener } of served) {
      const known = fronts.flatMap(({ name, platform, front }) => {
        const instance = server.hello?.fronts[name];
        const newest = renewed.get(platform.name) ?? platform;
        return instance === undefined ? [] : [serveFront(newest, newest.front ?? front, instance)];
      });
      if (known.length > 0) listener.serve(known, router);
    }
  };
  const reloadMappings = async (): Promise<void> => {
    if (options.fresh === undefined || leaving) return;
    const platforms = await options.fresh();
    const names = new Set(options.fronts.map(({ platform }) => platform.name));
    renewed = new Map(
      await Promise.all(
        [...names].map(async (name): Promise<[string, Platform]> => {
          const load = platforms[name];
          if (load === undefined) throw new Error(`the mappings on disk have no platform ${name}`);
          return [name, await load()];
        }),
      ),
    );
    serve();
  };
  server.onUp((_, hello) => {
    if (leaving) return;
    byId.clear();
    // Revocations may have been missed while the link was down.
    leases.revokeAll();
    for (const [name, { id }] of Object.entries(hello.hosts)) {
      const session = hostSessions.get(name);
      if (session !== undefined) byId.set(id, session);
    }
    for (const { name } of options.fronts)
      if (hello.fronts[name] === undefined) log.error({ front: name }, 'the server does not know the front');
    serve();
    markAnswering();
  });
  // After the line above: a host that lists at once finds its identity.
  for (const { name, driver, dialer } of options.hosts) {
    hostSessions.set(name, createHostSession({ name, driver, dialer, server, clock, log }));
  }

  /** As things are now: a front's certificate may be another one by the next link. */
  const hello = (): AgentHello => ({
    version: LINK_VERSIONS.newest,
    oldest: LINK_VERSIONS.oldest,
    agent: options.name,
    hosts: options.hosts.map(({ name, platform, uri }) => ({ name, platform, uri })),
    fronts: options.fronts.map((front) => ({
      name: front.name,
      platform: front.platform.name,
      host: front.host,
      port: portOf(front),
      certificate: front.tls === undefined ? '' : leafOf(front.tls.certificate),
      options: front.options,
    })),
  });
  let current: Link<ServerApi> | undefined;
  let refusal = '';
  let closed = false;

  const greet = async (link: Link<ServerApi>): Promise<void> => {
    try {
      // Whoever took over has the hosts and fronts; here are only clients that wait.
      const answer = await link.remote.hello(leaving ? { ...hello(), hosts: [], fronts: [] } : hello());
      if (agreeOn(LINK_VERSIONS, announced(answer)) === undefined)
        throw new Error(`the server chose version ${answer.version} of the link, which this agent does not speak`);
      if (current !== link || closed) return;
      server.up(link.remote, answer);
      refusal = '';
      log.info({}, `link: up, version ${answer.version}`);
    } catch (error) {
      if (current !== link || closed) return;
      const why = error instanceof Error ? error.message : String(error);
      if (why !== refusal) log.error({}, `link: the server did not greet: ${why}`);
      refusal = why;
      clock.after(LIMITS.linkReconnectMostMs, () => {
        if (current === link && !closed) void greet(link);
      });
    }
  };

  return {
    fronts: hello().fronts.map(({ name, platform, host: of, port }) => ({ name, platform, host: of, port })),
    hosts: [...hostSessions.values()],
    ready: Promise.all([answering, ...[...hostSessions.values()].map((session) => session.listed)]).then(
      () => undefined,
    ),
    attach: (channel) => {
      current?.close('a newer link came up');
      const link = openLink<ServerApi>(api, channel, { log, unlimited: UNLIMITED });
      current = link;
      void link.closed.then((reason) => {
        if (current !== link) return;
        current = undefined;
        server.down();
        if (!closed) log.warn({}, `link: down: ${reason}`);
      });
      void greet(link);
    },
    acceptors: new Map([
      ...served.flatMap(({ fronts: [front], listener: { acceptor } }) =>
        acceptor === undefined || front === undefined
          ? []
          : [[front.handed === undefined ? front.name : handedName(front.handed.name, 0), acceptor] as const],
      ),
      ...[...gates.values()].flatMap(({ acceptors }) => [...acceptors]),
    ]),
    handOver: async () => {
      leaving = true;
      leases.close();
      for (const session of hostSessions.values()) session.rest();
      const untilMs = clock.now() + LIMITS.handOverDrainMs;
      while (direct.running > 0 && clock.now() < untilMs) await sleep(clock, 10);
      if (server.api !== undefined) await Promise.race([outbox.flushed(), sleep(clock, LIMITS.handOverDrainMs)]);
      outbox.close();
    },
    drain: async (limitMs) => {
      for (const gate of gates.values()) gate.stop();
      await Promise.all([passage, ...served.map(({ listener }) => listener)].map((one) => one.drain(limitMs)));
    },
    close: async () => {
      if (closed) return;
      closed = true;
      closeGates();
      passage.close();
      await Promise.all(served.map(({ listener }) => listener.close()));
      await Promise.all([...hostSessions.values()].map((session) => session.close()));
      sessions.close();
      hops.close();
      counts.close();
      outbox.close();
      current?.close('the agent is ending');
    },
  };
};
