/** The transform server, composed: agents attach with their functions, each gets the server's; all that is remembered is below. */
import { randomBytes } from 'node:crypto';
import { fault, type Outcome, refused } from '../mappings/generic/faults.ts';
import type { HubId } from '../mappings/generic/ids.ts';
import type { Platform } from '../mappings/generic/platform.ts';
import type { EventsView } from '../mappings/generic/store-view.ts';
import { type Clock, sleep, steadily } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { AgentApi, AgentCounts, Hop, JobIds, ServerApi } from '../runtime/protocol.ts';
import { createTally } from '../runtime/tally.ts';
import { inspect } from './admin/inspect.ts';
import type { Inspected } from './admin/parts.ts';
import { createAgentFunctions } from './agent-functions.ts';
import { createAgentRights } from './agent-rights.ts';
import { openMappings } from './engine/mappings.ts';
import type { Reload } from './engine/reload.ts';
import { createRenderer, type Renderer } from './engine/renderer.ts';
import type { Transformer } from './engine/transformer.ts';
import { createAudit } from './events/audit.ts';
import { createEvents } from './events/events.ts';
import { createJobTrail } from './events/job-trail.ts';
import { createExchanges } from './exchanges/exchanges.ts';
import { createJobRunner } from './exchanges/job-runner.ts';
import { createExchangeLog } from './exchanges/log.ts';
import { createWaits } from './exchanges/waits.ts';
import { handOver, type UnderWay } from './hand-over.ts';
import { createIds } from './ids/ids.ts';
import type { Reserve } from './ids/numbers.ts';
import { createJobs, type Jobs, type JobsOptions } from './jobs/jobs.ts';
import { createOwn } from './own/own.ts';
import { createSessions } from './sessions/sessions.ts';
import type { Storage } from './storage/contract.ts';
import { openStorage } from './storage/storage.ts';
import { createStore } from './store/memory.ts';
import type { Store } from './store/store.ts';
import { createVersions } from './store/versions.ts';
import { createGateway } from './sync/gateway.ts';
import { createHosts } from './sync/hosts.ts';
import { withLag } from './sync/lag.ts';
import { createLeases } from './sync/leases.ts';
import { createSampler, LOOK_MS } from './sync/statistics.ts';
import { createSync } from './sync/sync.ts';
import { createUnreadable } from './sync/unreadable.ts';

/** What a server that is one of many does not have for itself. */
export interface Shared {
  /** Open already; who opened it closes it after the server. */
  readonly storage: Storage;
  readonly reserve: Reserve;
  readonly sessionKey: Uint8Array;
  readonly transformer: Transformer;
  /** The storage does not answer: what cannot be flushed is no error of ours. */
  readonly away: () => boolean;
}

export interface ServerOptions {
  /** Not used where the storage is shared. */
  readonly stateDir: string;
  /** What was written there will not be on disk: the program must end, and begin again with what is. An uncaught error when absent. */
  readonly onLost?: (error: unknown) => void;
  /** Agents get no numbers for jobs here then. */
  readonly shared?: Shared;
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
  /** How many exchanges the log keeps; 0: none. */
  readonly exchanges?: number;
}

/** One agent's link. */
export interface Attached {
  readonly api: ServerApi;
  /** The link is gone. */
  left(): void;
}

export interface Server extends AsyncDisposable {
  /** `certified`: the agent's name by its certificate, beyond which it has no say. `end` closes its link. */
  attach(agent: AgentApi, certified?: string, end?: (why: string) => void): Attached;
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
  underWay(): UnderWay;
  /** Changed mappings, and the platforms of that registry where more than sheets changed. */
  renew(platforms: ServerOptions['platforms'] | undefined): Promise<void>;
  /** Changed sheets and tables are judged and taken over, or refused. */
  readonly reload: Reload;
  backup(file: string): Promise<void>;
  close(): Promise<void>;
}

const JOB_BLOCK = 2048;
const NO_JOB_IDS: JobIds = { from: 0, to: 0 };
const LISTED_MS = 30_000;
const FRONT_MS = 250;
const SWEEP_MS = 60_000;
const WARM_AT_ONCE = 16;

export const createServer = (options: ServerOptions): Server => {
  const { clock, log } = options;
  const random = options.random ?? ((bytes: number) => randomBytes(bytes));
  const now = (): number => clock.now();
  const { shared } = options;
  const storage = shared?.storage ?? openStorage(options.stateDir, options.onLost);
  const flush = (): Promise<void> => storage.flush();
  const ids = createIds(storage, now, shared?.reserve);
  const own = createOwn(storage);
  const versions = createVersions(storage, random);
  const store = createStore(ids, versions);
  const events = createEvents(storage, versions, now);
  const audit = createAudit(storage);
  const exchangeLog = createExchangeLog(options.exchanges);
  const sessions = createSessions({
    own,
    events,
    now,
    steady: () => steadily(clock),
    idleMsOf: (front) => hosts.front(front)?.platform.front?.idleMs,
    random,
    key: shared?.sessionKey,
  });
  const waits = createWaits(versions, now);
  const hosts = createHosts({ ids, own, random, platforms: options.platforms });
  const mappings = openMappings({
    platforms: options.platforms,
    fresh: options.fresh,
    now,
    program: options.program,
    stateDir: shared === undefined ? options.stateDir : undefined,
    transformer: shared?.transformer ?? options.transformer,
    log,
  });
  const { transformer } = mappings;
  const { platformOf, platform } = hosts;
  const renderer = createRenderer({ store, platformOf, platform, transformer, log });
  const trail = createJobTrail({ audit, versions, now });
  const unreadable = createUnreadable(store, log);
  const sync = withLag(
    createSync({
      store,
      unreadable,
      events,
      flush,
      now,
      after: (ms, act) => clock.after(ms, act),
      doerOf: (object, kind) => trail.doerOf(object, kind),
    }),
    clock,
  );
  const gateway = createGateway({ hosts, sync, verbOf: (job) => jobs.get(job)?.verb });
  const hop = (one: Hop): void => exchangeLog.add(one);
  const follow: JobsOptions['follow'] = async (job, then, outcome) => {
    // After a restart its agent has to come first; until then nobody can ask for the job there.
    for (;;) {
      const front = hosts.front(job.front);
      if (front !== undefined) return exchanges.follow(front, job, then, outcome);
      if (closed) throw new Error('the server has ended');
      await sleep(clock, FRONT_MS);
    }
  };
  const jobs = createJobs({
    storage,
    store,
    hosts: gateway,
    platformOf,
    renderer,
    events,
    clock,
    ids,
    log,
    hop,
    follow,
  });
  const stopTrail = trail.follow(jobs);
  const leases = createLeases({ store, jobs, host: hosts.get, log });
  /** What a client has read before it will read again: made anew as soon as it changes, so that the read finds it. */
  const warm = async (changed: readonly HubId[]): Promise<void> => {
    const moved = new Set(changed.map((id) => store.entry(id)?.host));
    for (const { instance } of hosts.fronts()) {
      if (!moved.has(instance.host)) continue;
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
    away: () => shared?.away() === true,
    render: (front, list, ahead) => renderer.rendered(front, list, ahead === true ? 'later' : 'now'),
    whenListed: (host) => sync.whenListed(host, options.listedMs ?? LISTED_MS),
  });

  const counted: AgentCounts = { decoded: 0, dispatched: 0, direct: 0 };
  const tally = createTally();
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
  const stopSampling = clock.every(LOOK_MS, () => {
    sampler.sample().catch((error: unknown) => {
      if (!closed) log.error({ error }, 'statistics could not be taken');
    });
  });
  const recovered = jobs.recover();
  recovered.catch((error: unknown) => log.error({ error }, 'recovery failed'));
  let closed = false;

  const rights = createAgentRights({
    hosts,
    own,
    ids,
    sessions,
    assigned: options.hostAgents ?? {},
    givesJobIds: shared === undefined,
    log,
  });
  /** What agents act on and the admin endpoint looks at. */
  const parts = {
    hosts,
    store,
    ids,
    own,
    sessions,
    jobs,
    events,
    exchanges,
    waits,
    leases,
    renderer,
    unreadable,
    exchangeLog,
    audit,
    counted,
    tally,
  };
  const functionsOf = createAgentFunctions({
    ...parts,
    trail,
    sync,
    rights,
    flush,
    jobIds: () => (shared === undefined ? ids.jobBlock(JOB_BLOCK) : NO_JOB_IDS),
  });
  const attach = (agent: AgentApi, certified?: string): Attached => {
    agents.add(agent);
    const running = new Set<string>();
    const api = functionsOf(agent, certified, running);
    const left = (): void => {
      if (!agents.delete(agent)) return;
      for (const exchange of running) exchanges.hangUp(exchange);
      leases.agentLeft(agent);
      for (const record of hosts.left(agent)) {
        sync.hostState(record, { connected: false, text: 'the agent is away' }).catch((error: unknown) => {
          if (!closed && shared?.away() !== true)
            log.error({ host: record.name, error }, 'the host could not be marked as away');
        });
      }
    };
    return { api, left };
  };

  /** Changed mappings are in use here from now on, and at the fronts of agents a moment later. */
  const renewPlatforms = async (platforms: ServerOptions['platforms']): Promise<void> => {
    await hosts.renew(platforms);
    for (const front of hosts.fronts()) store.addFront(front.instance.name, front.platform.render?.joins ?? {});
    const told = await Promise.allSettled([...agents].map((agent) => agent.reloadMappings()));
    for (const one of told)
      if (one.status === 'rejected') log.error({ error: one.reason }, 'an agent could not reload its mappings');
  };

  const renew: Server['renew'] = async (platforms) => {
    if (platforms !== undefined) await renewPlatforms(platforms);
    renderer.reload();
  };
  const { reload, library } = mappings.reloadable(renew);
  const underWay = (): UnderWay => ({
    running: exchanges.running,
    jobs: jobs.list({ sinceMs: Number.POSITIVE_INFINITY }).length,
    waiting: waits.exchanges(),
  });

  /** What is not written down costs clients no more than a fresh start. */
  const rest = async (): Promise<void> => {
    if (shared?.away() === true) return;
    for (const front of hosts.fronts())
      await exchanges.rest(front).catch((error: unknown) => {
        log.error({ front: front.instance.name, error }, 'what its clients were told could not be written down');
      });
  };

  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    stopSweep();
    stopSampling();
    waits.endAll();
    // What was just woken writes its last words before the disk goes.
    await new Promise((resolve) => setImmediate(resolve));
    await rest();
    if (shared === undefined) await transformer.close();
    stopTrail();
    store.finish();
    if (shared === undefined) storage.close();
  };

  return {
    attach,
    store,
    jobs,
    events,
    renderer,
    recovered,
    handOver: () => handOver({ agents, clock, underWay }),
    underWay,
    renew,
    reload,
    backup: (file) => storage.backup(file),
    inspected: inspect(
      { ...parts, isOpen: () => !closed && agents.size > 0, agents: () => agents.size, lag: sync },
      library,
    ),
    close,
    [Symbol.asyncDispose]: close,
  };
};
