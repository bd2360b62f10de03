/** What the server may ask of this agent, each call checked against the epoch at which the agent is the host's one writer. */
import { done, fault, type Outcome, refused } from '../mappings/generic/faults.ts';
import type { HubId } from '../mappings/generic/ids.ts';
import type { Clock } from '../runtime/clock.ts';
import type { LeveledLog } from '../runtime/log.ts';
import type { AgentApi } from '../runtime/protocol.ts';
import { AGENT_CALLS, withFittingCalls } from '../runtime/protocol-shapes.ts';
import { queueKey } from './direct.ts';
import type { HostSession } from './host-session.ts';
import type { Leases } from './leases.ts';
import type { Patience } from './patience.ts';
import type { Router } from './router.ts';
import type { ServerPort } from './server-port.ts';
import type { Sessions } from './sessions.ts';
import type { WriteQueue } from './write-queue.ts';

/** A server that came back takes the plans it knows up again in this time; what it does not ask for was given up. */
const TAKE_UP_MS = 30_000;

export const createAgentApi = (options: {
  server: ServerPort;
  host: (id: HubId) => HostSession | undefined;
  isWriter: (host: HubId, epoch: number) => boolean;
  queue: WriteQueue;
  leases: Leases;
  sessions: Sessions;
  router: Router;
  patience: Pick<Patience, 'hold' | 'park'>;
  reloadMappings: () => Promise<void>;
  logLevel: Pick<LeveledLog, 'level'> | undefined;
  clock: Clock;
}): AgentApi => {
  const { server, host, isWriter, queue, leases, sessions, router, patience, clock } = options;
  /** Turns that plans hold or wait for. */
  const plans = new Map<string, { readonly host: HubId; readonly key: string; readonly job: HubId }>();
  const planKey = (key: string, job: HubId): string => `${key}\0${job}`;

  server.onUp((_, { hosts }) => {
    const before = [...plans];
    const giveBack = (isOver: (host: HubId, job: HubId) => boolean): void => {
      for (const [id, plan] of before) {
        if (plans.get(id) !== plan || !isOver(plan.host, plan.job)) continue;
        plans.delete(id);
        queue.release(plan.key, plan.job);
      }
    };
    // A job is written down before anything of it is sent: what the server does not know has done nothing here, and never will.
    const open = new Map(Object.values(hosts).map(({ id, jobs }) => [id, jobs]));
    giveBack((id, job) => open.get(id)?.includes(job) === false);
    clock.after(TAKE_UP_MS, () => giveBack(() => true));
  });

  const away = (id: HubId): Outcome<never> =>
    refused(fault('host-communication', { host: id }, 'This agent does not have the host.'));
  const stale = (): Outcome<never> => refused(fault('concurrent-access', {}, 'The host has another writer now.'));
  const writing = <T>(
    id: HubId,
    epoch: number,
    act: (session: HostSession) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> => {
    if (!isWriter(id, epoch)) return Promise.resolve(stale());
    const session = host(id);
    return session === undefined ? Promise.resolve(away(id)) : act(session);
  };
  const reading = <T>(id: HubId, act: (session: HostSession) => Promise<Outcome<T>>): Promise<Outcome<T>> => {
    const session = host(id);
    return session === undefined ? Promise.resolve(away(id)) : act(session);
  };

  const api: AgentApi = {
    chunk: (exchange, bytes) => router.chunk(exchange, bytes),
    acquire: async (id, epoch, name, job) => {
      if (!isWriter(id, epoch)) return stale();
      const key = queueKey(id, name);
      // A new entry each time: that it was asked for again is what the take-up looks for.
      plans.set(planKey(key, job), { host: id, key, job });
      const turn = await queue.acquire(key, job);
      if (!turn.ok) plans.delete(planKey(key, job));
      return turn.ok ? done(undefined) : turn;
    },
    release: async (id, name, job) => {
      const key = queueKey(id, name);
      plans.delete(planKey(key, job));
      queue.release(key, job);
    },
    step: (id, epoch, step, call) => writing(id, epoch, (session) => session.step(step, call)),
    probe: (id, epoch, probe) => writing(id, epoch, (session) => session.probe(probe)),
    read: (id, refs) => reading(id, (session) => session.read(refs)),
    ask: (id, question, args) => reading(id, (session) => session.ask(question, args)),
    grantLeases: async (granted) => leases.grant(granted),
    revokeLeases: async (vms) => leases.revoke(vms),
    reloadMappings: options.reloadMappings,
    logLevel: async (level) => {
      if (options.logLevel === undefined) throw new Error('this agent writes no log');
      options.logLevel.level = level;
    },
    holdCalls: async () => patience.hold(),
    parkCalls: async (exchanges) => patience.park(exchanges),
    revokeSessions: async (ids) => sessions.revoke(ids),
  };
  return withFittingCalls(api, AGENT_CALLS);
};
