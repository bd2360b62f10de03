/** The parts of the server in; its functions for one agent's link out, each waiting for numbers where it may give ids. */
import type { HubId } from '../mappings/generic/ids.ts';
import { agreeOn, announced as announcedVersions, disagreement } from '../runtime/link-version.ts';
import { type AgentApi, type AgentCounts, type JobIds, LINK_VERSIONS, type ServerApi } from '../runtime/protocol.ts';
import type { Tally } from '../runtime/tally.ts';
import type { AgentRights } from './agent-rights.ts';
import type { JobTrail } from './events/job-trail.ts';
import type { Exchanges } from './exchanges/exchanges.ts';
import type { ExchangeLog } from './exchanges/log.ts';
import type { Ids } from './ids/ids.ts';
import type { Jobs } from './jobs/jobs.ts';
import type { Sessions } from './sessions/sessions.ts';
import type { Store } from './store/store.ts';
import type { FrontRecord, HostRecord, Hosts } from './sync/hosts.ts';
import type { Leases } from './sync/leases.ts';
import type { Sync } from './sync/sync.ts';

interface AgentFunctionsOptions {
  readonly hosts: Hosts;
  readonly store: Store;
  readonly ids: Ids;
  readonly sessions: Sessions;
  readonly trail: JobTrail;
  readonly exchanges: Exchanges;
  readonly exchangeLog: ExchangeLog;
  readonly sync: Sync;
  readonly leases: Leases;
  readonly jobs: Jobs;
  readonly rights: AgentRights;
  readonly counted: AgentCounts;
  readonly tally: Tally;
  readonly flush: () => Promise<void>;
  readonly jobIds: () => JobIds;
}

/** `certified`: the agent's name by its certificate. `running`: the exchanges of the link that have no answer yet. */
type AgentFunctions = (agent: AgentApi, certified: string | undefined, running: Set<string>) => ServerApi;

export const createAgentFunctions = (options: AgentFunctionsOptions): AgentFunctions => {
  const { hosts, store, ids, sessions, trail, exchanges, exchangeLog } = options;
  const { sync, leases, jobs, rights, counted, tally, flush } = options;
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

  return (agent, certified, running) => {
    const api: ServerApi = {
      hello: async (hello) => {
        const theirs = announcedVersions(hello);
        const version = agreeOn(LINK_VERSIONS, theirs);
        if (version === undefined) throw new Error(disagreement(hello.agent, theirs, LINK_VERSIONS));
        await ids.enough();
        rights.admit(hello, certified);
        const announced = await hosts.announce(hello, agent);
        for (const front of announced.fronts) store.addFront(front.instance.name, front.platform.render?.joins ?? {});
        const jobIds = options.jobIds();
        await flush();
        return {
          version,
          hosts: Object.fromEntries(
            announced.hosts.map(({ name, id, epoch }) => [name, { id, epoch, jobs: jobs.open(id) }]),
          ),
          fronts: Object.fromEntries(announced.fronts.map((front) => [front.instance.name, front.instance])),
          sessionKey: sessions.key,
          jobIds,
          logsExchanges: exchangeLog.isOn,
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
        // Of the agent's clock nothing is taken: it may be another one.
        for (const [id, { calls }] of Object.entries(touched)) sessions.touch(id, calls);
      },
      loginFailed: async (failed) => {
        sessions.loginFailed(failed);
        trail.note({ ...failed, verb: 'session.login', outcome: 'invalid-login' });
      },
      call: async (exchange) => {
        running.add(exchange.exchange);
        try {
          await ids.enough();
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
        await ids.enough();
        const record = hostAt(host, epoch);
        // Whoever waits for the listing may send commands at once.
        if (complete) hosts.setConnected(record, true);
        await sync.list(record, batch, complete);
      },
      changes: async (host, epoch, changes) => {
        await ids.enough();
        await sync.changes(hostAt(host, epoch), changes);
      },
      hostState: async (host, epoch, state) => {
        const record = hostAt(host, epoch);
        await sync.hostState(record, state);
        hosts.setConnected(record, state.connected);
        if (state.connected) leases.offer(record);
      },
      outbox: async (name, entries) => {
        await ids.enough();
        for (const entry of entries) trail.address(entry.exchange, entry.address);
        return jobs.outbox(name, entries);
      },
      jobIds: async () => {
        await ids.enough();
        const block = options.jobIds();
        await flush();
        return block;
      },
      lease: async (host, vm) => {
        const record = hosts.get(host);
        return record?.agent === agent ? leases.grant(record, vm) : undefined;
      },
      hops: async (hops) => {
        for (const hop of hops) exchangeLog.add(hop, 'agent');
      },
      counted: async (since) => {
        counted.decoded += since.decoded;
        counted.dispatched += since.dispatched;
        counted.direct += since.direct;
        if (since.tally !== undefined) tally.merge(since.tally);
      },
    };
    return certified === undefined ? api : rights.narrow(api, certified);
  };
};
