/** The transform server, composed: agents attach with their functions, each gets the server's; all that is remembered is below. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fault, type Outcome, refused } from '../mappings/generic/faults.ts';
import type { HubId } from '../mappings/generic/ids.ts';
import type { Platform } from '../mappings/generic/platform.ts';
import type { EventsView } from '../mappings/generic/store-view.ts';
import type { Clock } from '../runtime/clock.ts';
import { agreeOn, announced as announcedVersions, disagreement } from '../runtime/link-version.ts';
import type { Log } from '../runtime/log.ts';
import { type AgentApi, type AgentCounts, type Hop, LINK_VERSIONS, type ServerApi } from '../runtime/protocol.ts';
import type { Inspected } from './admin/admin.ts';
import { inspect } from './admin/inspect.ts';
import { createAgentRights } from './agent-rights.ts';
import { readMappingFiles } from './engine/mapping-files.ts';
import type { SheetTexts } from './engine/pipeline.ts';
import { createReload, type Reload } from './engine/reload.ts';
import { createRenderer, type Renderer } from './engine/renderer.ts';
import { createSwitch } from './engine/switch.ts';
import { createThread, type Transformer } from './engine/transformer.ts';
import { createAudit } from './events/audit.ts';
import { createEvents } from './events/events.ts';
import { createJobTrail } from './events/job-trail.ts';
import { createExchanges } from './exchanges/exchanges.ts';
import { createJobRunner } from './exchanges/job-runner.ts';
import { createExchangeLog } from './exchanges/log.ts';
import { createWaits } from './exchanges/waits.ts';
import { handOver } from './hand-over.ts';
import { createIds } from './ids/ids.ts';
import { createJobs, type Jobs } from './jobs/jobs.ts';
import { createOwn } from './own/own.ts';
import { createSessions } from './sessions/sessions.ts';
import { openStorage } from './storage/storage.ts';
import { createStore } from './store/memory.ts';
import type { Store } from './store/store.ts';
import { createVersions } from './store/versions.ts';
import { createGateway } from './sync/gateway.ts';
import { createHosts, type FrontRecord, type HostRecord } from './sync/hosts.ts';
import { createLeases } from './sync/leases.ts';
import { createSampler, SAMPLE_MS } from './sync/statistics.ts';
import { createSync } from './sync/sync.ts';

export interface ServerOptions {
  readonly stateDir: string;
  readonly platforms: Readonly<Record<string, () => Promise<Platform>>>;
  readonly clock: Clock;
  readonly log: Log;
  readonly random?: (bytes: number) => Uint8Array;
  /** The sheet engine; a worker thread on the project's registry when absent. */
  readonly transformer?: Transformer;
  /** The folder of the program, whose changed sheets are reloaded. */
  readonly program?: string;
  /** The registry of the mappings as they are on disk now. */
  readonly fresh?: () => Promise<ServerOptions['platforms']>;
  /** How long a call waits for the first listing of its host. */
  readonly listedMs?: number;
  /** By host name: the agent that alone may hold it. */
  readonly hostAgents?: Readonly<Record<string, string>>;
}

/** One agent's link. */
export interface Attached {
  readonly api: ServerApi;
  /** The link is gone. */
  left(): void;
}

export interface Server extends AsyncDisposable {
  /** `certified`: the agent's name by its certificate, beyond which it has no say. */
  attach(agent: AgentApi, certified?: string): Attached;
  readonly store: Store;
  readonly jobs: Jobs;
  readonly events: EventsView;
  readonly renderer: Renderer;
  /** For the admin endpoint. */
  readonly inspected: Inspected;
  /** Resolves when everything an earlier life left unfinished has ended. */
  readonly recovered: Promise<void>;
  /** Another server takes this one's place: resolves when nothing is under way but waits, which agents will ask again. */
  handOver(): Promise<void>;
  /** Changed sheets and tables are judged and taken over, or refused. */
  readonly reload: Reload;
  backup(file: string): Promise<void>;
  close(): Promise<void>;
}

const JOB_BLOCK = 2048;
const LISTED_MS = 30_000;
const SWEEP_MS = 60_000;
const WARM_AT_ONCE = 16;

export const createServer = (options: ServerOptions): Server => {
  const { clock, log } = options;
  const random = options.random ?? ((bytes: number) => randomBytes(bytes));
  const now = (): number => clock.now();
  const storage = openStorage(options.stateDir);
  const flush = (): Promise<void> => storage.flush();
  const ids = createIds(storage, now);
  const own = createOwn(storage);
  const versions = createVersions(storage, random);
  const store = createStore(ids, versions);
  const events = createEvents(storage, versions, now);
  const audit = createAudit(storage);
  const exchangeLog = createExchangeLog();
  const sessions = createSessions({ own, events, now, random });
  const waits = createWaits(versions, now);
  const hosts = createHosts({ ids, own, random, platforms: options.platforms });
  const read = () => readMappingFiles(options.program);
  const inUse = read();
  const start = (texts: SheetTexts): Transformer => createThread({ texts });
  const transformer = createSwitch(options.transformer ?? start(inUse.texts));
  const { platformOf, platform } = hosts;
  const renderer = createRenderer({ store, platformOf, platform, transformer, log });
  const trail = createJobTrail({ audit, versions, now });
  const sync = createSync({
    store,
    events,
    flush,
    now,
    after: (ms, act) => clock.after(ms, act),
    doerOf: (object, kind) => trail.doerOf(object, kind),
  });
  const gateway = createGateway({ hosts, sync, verbOf: (job) => jobs.get(job)?.verb });
  const hop = (one: Hop): void => exchangeLog.add(one);
  const jobs = createJobs({ storage, store, hosts: gateway, platformOf, renderer, events, clock, ids, log, hop });
  const stopTrail = trail.follow(jobs);
  const leases = createLeases({ store, jobs, host: hosts.get, log });
  /** What a client has read before it will read again: made anew as soon as it changes, so that the read finds it. */
  const warm = async (changed: readonly HubId[]): Promise<void> => {
    for (const { instance } of hosts.fronts()) {
      const old = changed.filter((id) => store.isOld(id, instance.name));
      // A few are most likely what a waiting client is about to read.
      if (old.length > 0) await renderer.rendered(instance, old, old.length <= WARM_AT_ONCE ? 'now' : 'later');
    }
  };
  sync.onChange((changed) => {
    leases.review(changed);
    // Joined objects first: their joiners' versions move only when the new facts are known.
    renderer
      .generic(store.takeJoined())
      .then(() => warm(changed))
      .catch((error: unknown) => {
        if (!closed) log.error({ error }, 'changed documents could not be made');
      });
  });

  const runner = createJobRunner({ jobs, trail, leases, flush });

  const ask = async (host: HubId, question: string, args: Readonly<Record<string, unknown>>): Promise<Outcome> => {
    const record = hosts.get(host);
    const away = refused(fault('host-communication', { host: record?.name ?? host }, 'The host is away.'));
    if (record === undefined) return away;
    // The link rejects only when it is lost.
    return record.agent.ask(host, question, args).catch(() => away);
  };

  const exchanges = createExchanges({
    store,
    jobs: runner,
    events,
    own,
    sessions,
    waits,
    log,
    exchangeLog,
    clock,
    random,
    ask,
    flush,
    ended: () => closed,
    render: (front, list, ahead) => renderer.rendered(front, list, ahead === true ? 'later' : 'now'),
    whenListed: (host) => sync.whenListed(host, options.listedMs ?? LISTED_MS),
  });

  const counted: AgentCounts = { decoded: 0, dispatched: 0, direct: 0 };
  const agents = new Set<AgentApi>();
  sessions.onEnd((id) => {
    waits.endSession(id);
    for (const agent of agents) agent.revokeSessions([id]).catch(() => undefined); // an agent that is away asks again when it is back
  });
  const stopSweep = clock.every(SWEEP_MS, () => void sessions.sweep());
  const sampler = createSampler({
    store,
    ask: (host, question) => ask(host, question, {}),
    generic: (list) => renderer.generic(list),
    now,
  });
  const stopSampling = clock.every(SAMPLE_MS, () => {
    sampler.sample().catch((error: unknown) => {
      if (!closed) log.error({ error }, 'statistics could not be taken');
    });
  });
  const recovered = jobs.recover();
  recovered.catch((error: unknown) => log.error({ error }, 'recovery failed'));
  let closed = false;

  const hostAt = (id: HubId, epoch: number): HostRecord => {
    const record = hosts.at(id, epoch);
    if (record === undefined) throw new Error(`epoch ${epoch} of ${id} is over`);
    return record;
  };
  const frontOf = (name: string): FrontRecord => {
    const front = hosts.front(name);
    if (front === undefined) throw new Error(`there is no front ${name}`);
    return front;
  };

  const rights = createAgentRights({ hosts, own, ids, sessions, assigned: options.hostAgents ?? {}, log });
  const attach = (agent: AgentApi, certified?: string): Attached => {
    agents.add(agent);
    const running = new Set<string>();
    const api: ServerApi = {
      hello: async (hello) => {
        const theirs = announcedVersions(hello);
        const version = agreeOn(LINK_VERSIONS, theirs);
        if (version === undefined) throw new Error(disagreement(hello.agent, theirs, LINK_VERSIONS));
        rights.admit(hello, certified);
        const announced = await hosts.announce(hello, agent);
        for (const front of announced.fronts) store.addFront(front.instance.name, front.platform.render?.joins ?? {});
        const jobIds = ids.jobBlock(JOB_BLOCK);
        await flush();
        return {
          version,
          hosts: Object.fromEntries(announced.hosts.map((host) => [host.name, { id: host.id, epoch: host.epoch }])),
          fronts: Object.fromEntries(announced.fronts.map((front) => [front.instance.name, front.instance])),
          sessionKey: sessions.key,
          jobIds,
        };
      },
      login: async (login) => {
        frontOf(login.front);
        const session = sessions.login(login);
        trail.note({
          user: login.user,
          address: login.address,
          front: login.front,
          verb: 'session.login',
          outcome: 'success',
        });
        await flush();
        return session;
      },
      session: async (id) => sessions.get(id),
      logout: async (id) => {
        sessions.logout(id);
        await flush();
      },
      touch: async (touched) => {
        for (const [id, { lastActiveMs, calls }] of Object.entries(touched)) sessions.touch(id, lastActiveMs, calls);
      },
      loginFailed: async (failed) => {
        sessions.loginFailed(failed);
        trail.note({ ...failed, verb: 'session.login', outcome: 'invalid-login' });
      },
      call: async (exchange) => {
        running.add(exchange.exchange);
        try {
          return await exchanges.call(frontOf(exchange.front), exchange, agent);
        } finally {
          running.delete(exchange.exchange);
        }
      },
      hangUp: async (exchange) => exchanges.hangUp(exchange),
      stream: async (exchange) => {
        const front = frontOf(exchange.front);
        const target = await exchanges.stream(front, exchange);
        return target.ok ? { ok: true, value: { ...target.value, host: front.instance.host } } : target;
      },
      transferred: async (exchange, outcome) => exchanges.transferred(frontOf(exchange.front), exchange, outcome),
      list: async (host, epoch, batch, complete) => {
        const record = hostAt(host, epoch);
        // Whoever waits for the listing may send commands at once.
        if (complete) hosts.setConnected(record, true);
        await sync.list(record, batch, complete);
      },
      changes: async (host, epoch, changes) => void (await sync.changes(hostAt(host, epoch), changes)),
      hostState: async (host, epoch, state) => {
        const record = hostAt(host, epoch);
        await sync.hostState(record, state);
        hosts.setConnected(record, state.connected);
        if (state.connected) leases.offer(record);
      },
      outbox: (name, entries) => {
        for (const entry of entries) trail.address(entry.exchange, entry.address);
        return jobs.outbox(name, entries);
      },
      jobIds: async () => {
        const block = ids.jobBlock(JOB_BLOCK);
        await flush();
        return block;
      },
      lease: async (host, vm) => {
        const record = hosts.get(host);
        return record?.agent === agent ? leases.grant(record, vm) : undefined;
      },
      hops: async (hops) => {
        for (const hop of hops) exchangeLog.add(hop);
      },
      counted: async (since) => {
        counted.decoded += since.decoded;
        counted.dispatched += since.dispatched;
        counted.direct += since.direct;
      },
    };
    const left = (): void => {
      if (!agents.delete(agent)) return;
      for (const exchange of running) exchanges.hangUp(exchange);
      leases.agentLeft(agent);
      for (const record of hosts.left(agent)) {
        sync.hostState(record, { connected: false, text: 'the agent is away' }).catch((error: unknown) => {
          if (!closed) log.error({ host: record.name, error }, 'the host could not be marked as away');
        });
      }
    };
    return { api: certified === undefined ? api : rights.narrow(api, certified), left };
  };

  /** Changed mappings are in use here from now on, and at the fronts of agents a moment later. */
  const renew = async (platforms: ServerOptions['platforms']): Promise<void> => {
    await hosts.renew(platforms);
    for (const front of hosts.fronts()) store.addFront(front.instance.name, front.platform.render?.joins ?? {});
    const told = await Promise.allSettled([...agents].map((agent) => agent.reloadMappings()));
    for (const one of told)
      if (one.status === 'rejected') log.error({ error: one.reason }, 'an agent could not reload its mappings');
  };

  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    stopSweep();
    stopSampling();
    waits.endAll();
    // What was just woken writes its last words before the disk goes.
    await new Promise((resolve) => setImmediate(resolve));
    await transformer.close();
    stopTrail();
    store.finish();
    storage.close();
  };

  return {
    attach,
    store,
    jobs,
    events,
    renderer,
    recovered,
    handOver: () =>
      handOver({
        agents,
        clock,
        running: () => exchanges.running,
        waiting: () => waits.exchanges(),
        jobs: () => jobs.list({ sinceMs: Number.POSITIVE_INFINITY }).length,
      }),
    reload: createReload({
      platforms: options.platforms,
      transformer,
      read,
      inUse,
      start,
      fresh: options.fresh,
      swapped: async (platforms) => {
        if (platforms !== undefined) await renew(platforms);
        renderer.reload();
      },
      fixtures: join(options.program ?? '', 'fixtures'),
    }),
    backup: (file) => storage.backup(file),
    inspected: inspect({
      isOpen: () => !closed && agents.size > 0,
      agents: () => agents.size,
      counted,
      hosts,
      store,
      ids,
      versions,
      sessions,
      jobs,
      exchanges,
      waits,
      leases,
      renderer,
      exchangeLog,
      audit,
    }),
    close,
    [Symbol.asyncDispose]: close,
  };
};
