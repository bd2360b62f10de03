/** Exchanges: a client's call comes in from an agent, the front's broker answers it from the store, body bytes and a reply go back. */
import type { Call, Reply, Session } from '../../mappings/generic/call.ts';
import type { Command } from '../../mappings/generic/commands.ts';
import { type FaultKind, type FaultMembers, fault, type Outcome, refused } from '../../mappings/generic/faults.ts';
import type { HubId } from '../../mappings/generic/ids.ts';
import type { Job } from '../../mappings/generic/jobs.ts';
import type { FollowUp } from '../../mappings/generic/plan.ts';
import type {
  Broker,
  BrokerContext,
  Brokered,
  FrontInstance,
  Platform,
  StreamRequest,
  StreamTarget,
} from '../../mappings/generic/platform.ts';
import type { EventsView, JobsView, OwnView } from '../../mappings/generic/store-view.ts';
import { type Clock, exactly } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { AgentApi, Exchange } from '../../runtime/protocol.ts';
import { UnderWay } from '../../runtime/under-way.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { Store } from '../store/store.ts';
import { type Body, createBody } from './body.ts';
import { driveBroker, HungUp, nextTurn } from './drive.ts';
import type { Begun, ExchangeLog } from './log.ts';
import { createNoting } from './noting.ts';
import { createRows, denied, nobody, type Rows } from './rows.ts';
import { createServices, type Running } from './services.ts';
import type { Waits } from './waits.ts';

/** Who asks for a job, and how. */
export interface JobOrigin {
  readonly exchange: string;
  readonly user: string;
  readonly address: string;
  readonly front: string;
  readonly call: Call;
}

/** What exchanges need of jobs. */
export interface JobRunner {
  readonly view: JobsView;
  /** Resolves when the job is in the journal. */
  start(command: Command, origin: JobOrigin, then?: FollowUp): Promise<Job>;
  /** Resolves when it ended. */
  run(command: Command, origin: JobOrigin, then?: FollowUp): Promise<Job>;
  settle(target: HubId, host: HubId, outcome: Outcome, origin: JobOrigin): Promise<Job>;
}

export interface ServedFront {
  readonly instance: FrontInstance;
  readonly platform: Platform;
}

export interface ExchangesOptions {
  readonly store: Store;
  readonly jobs: JobRunner;
  readonly events: EventsView;
  readonly own: OwnView;
  readonly sessions: Sessions;
  readonly waits: Waits;
  readonly log: Log;
  readonly exchangeLog: ExchangeLog;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  /** `ahead`: behind whoever waits. */
  readonly render: (front: FrontInstance, ids: readonly HubId[], ahead?: boolean) => Promise<void>;
  readonly whenListed: (host: HubId) => Promise<boolean>;
  readonly ask: (host: HubId, question: string, args: Readonly<Record<string, unknown>>) => Promise<Outcome>;
  readonly flush: () => Promise<void>;
  readonly ended: () => boolean;
  /** true: what is remembered cannot be written just now, which is no error of ours. */
  readonly away?: () => boolean;
  /** At once; more are refused. */
  readonly most?: number;
}

export interface Exchanges {
  call(front: ServedFront, exchange: Exchange, agent: Pick<AgentApi, 'chunk'>): Promise<Reply>;
  stream(
    front: ServedFront,
    exchange: Omit<Exchange, 'call'> & { request: StreamRequest },
  ): Promise<Outcome<StreamTarget>>;
  /** The broker is told how a transfer ended. */
  transferred(
    front: ServedFront,
    exchange: Omit<Exchange, 'call'> & { request: StreamRequest },
    outcome: Outcome,
  ): Promise<void>;
  /** What its front has left to do for a job, once its host is listed; no client waits for it here. */
  follow(front: ServedFront, job: Job, then: FollowUp, outcome: Outcome): Promise<Outcome>;
  hangUp(exchange: string): void;
  /** When nobody is answered any more: the broker writes down what the next server is to know. */
  rest(front: ServedFront): Promise<void>;
  readonly running: number;
  /** Exchanges that asked their host at least once. */
  readonly asking: number;
}

const MOST = 16_384;

const faulty = <K extends FaultKind>(kind: K, members: FaultMembers[K], text: string): Reply => ({
  kind: 'fault',
  fault: fault(kind, members, text),
});

export const createExchanges = (options: ExchangesOptions): Exchanges => {
  const { store, jobs, sessions, waits, clock, exchangeLog, log } = options;
  const running = new UnderWay<Running>();
  const tables = new Map<Platform, Rows>();
  let asking = 0;
  const hop = createNoting(exchangeLog, clock);
  const servicesOf = createServices({
    ...options,
    hop,
    asks: () => {
      asking++;
    },
  });

  const rowsOf = (platform: Platform): Rows => {
    let rows = tables.get(platform);
    if (rows === undefined) {
      rows = createRows(platform.commands);
      tables.set(platform, rows);
    }
    return rows;
  };

  const contextOf = (front: FrontInstance, session: Session): BrokerContext => ({
    front,
    session,
    now: () => clock.now(),
    random: options.random,
    store: store.view(front.name, front.host),
    jobs: jobs.view,
    events: options.events,
    own: options.own,
    sessions: sessions.view,
    locals: sessions.locals(session.id),
    cancel: (key) => waits.cancel(session.id, key),
    nextVersion: () => store.versions.next(front.host),
  });

  /** The object a client names, as the log shows it; most calls of an API's own services name none. */
  const objectOf = ({ instance, platform }: ServedFront, call: Call): HubId | undefined =>
    call.target.id === '' ? undefined : platform.front?.targetOf(call, instance);

  /** Runs one broker generator with everything an exchange has: hang-up, session, flush before the answer. */
  const drive = async <T>(
    front: ServedFront,
    exchange: Omit<Exchange, 'call'>,
    session: Session,
    body: Body | undefined,
    begin: (broker: Broker, context: BrokerContext) => Brokered<T>,
    failed: (kind: 'busy' | 'internal' | 'host-communication' | 'hung-up') => T,
  ): Promise<T> => {
    const broker = front.platform.broker;
    if (broker === undefined) throw new Error(`${front.platform.name} has no broker`);
    if (running.size >= (options.most ?? MOST)) return failed('busy');
    if (running.has(exchange.exchange)) throw new Error(`exchange ${exchange.exchange} is running already`);
    const detailed = exchangeLog.isOn && exchange.detailed !== false;
    const state: Running = { gone: false, asked: false, detailed };
    running.set(exchange.exchange, state);
    const release = session.id === '' ? undefined : sessions.hold(session.id);
    const services = servicesOf(front.instance, session, exchange, state, body);
    try {
      if (!(await options.whenListed(front.instance.host))) return failed('host-communication');
      const context = contextOf(front.instance, session);
      const answer = await driveBroker(begin(broker, context), services);
      await body?.end();
      // Ids, versions and session state that the answer shows are on disk before it leaves.
      await options.flush();
      return options.ended() ? failed('hung-up') : answer;
    } catch (error) {
      // A server that has ended answers nobody.
      if (error instanceof HungUp || options.ended()) return failed('hung-up');
      if (options.away?.() === true) return failed('host-communication');
      log.error(
        { exchange: exchange.exchange, front: front.instance.name, platform: front.platform.name, error },
        'exchange failed',
      );
      hop(exchange.exchange, 'error', 0, { error: error instanceof Error ? error.message : String(error) });
      return failed('internal');
    } finally {
      services.noteSheets();
      running.delete(exchange.exchange);
      release?.();
    }
  };

  const failureOf = (front: ServedFront, kind: 'busy' | 'internal' | 'host-communication' | 'hung-up') => {
    switch (kind) {
      case 'busy':
        return fault('too-many', { limit: options.most ?? MOST }, 'Too many requests are under way.');
      case 'host-communication':
        return fault(
          'host-communication',
          { host: front.instance.hostName },
          `${front.instance.hostName} was not listed yet.`,
        );
      case 'hung-up':
        return fault('cancelled', {}, 'The client is gone.');
      case 'internal':
        return fault('internal', {}, 'The server failed on this request; its log says why.');
      default:
        return kind satisfies never;
    }
  };

  return {
    call: async (front, exchange, agent) => {
      const since = exactly(clock);
      const { call } = exchange;
      const target = call.target.id;
      const known = exchange.session === '' ? undefined : sessions.get(exchange.session);
      // A session of one front is none of another.
      const session = known?.front === exchange.front ? known : undefined;
      const row = rowsOf(front.platform).find(call);
      const { method, args } = call;
      const { exchange: id, address: client, front: at, detailed } = exchange;
      let brief: Begun | undefined;
      if (exchangeLog.isOn) {
        const object = objectOf(front, call);
        const entry = object === undefined ? undefined : store.entry(object);
        const [user, route] = [session?.user ?? '', row?.route ?? ''];
        const facts = {
          client,
          front: at,
          method,
          user,
          route,
          object: entry?.id ?? object ?? '',
          name: entry?.name ?? '',
        };
        // An agent that says whether it tells more tells the call as well.
        if (detailed === false) brief = exchangeLog.begin({ exchange: id, atMs: since, ...facts });
        else hop(id, 'call', 0, detailed === undefined ? { method, target: call.target, args } : undefined, facts);
      }
      const answer = await (async (): Promise<Reply> => {
        if (row === undefined)
          return faulty('method-not-found', { method: call.method }, `There is no method ${call.method}.`);
        const denial = denied(row, session?.role, target);
        if (denial !== undefined) return { kind: 'fault', fault: denial };
        if (row.route === 'refuse')
          return faulty('not-supported', {}, row.because ?? `${call.method} is not supported.`);
        if (row.route === 'session' || row.route === 'pass' || row.route === 'stream') {
          return faulty('invalid-request', {}, `${call.method} is not for the server.`);
        }
        const body = createBody((bytes) => agent.chunk(exchange.exchange, bytes), options.flush);
        return drive<Reply>(
          front,
          exchange,
          session ?? nobody(exchange.front, exchange.address),
          body,
          (broker, context) => broker.call(call, context),
          (kind) => ({ kind: 'fault', fault: failureOf(front, kind) }),
        );
      })();
      const outcome = answer.kind === 'fault' ? answer.fault.kind : 'value';
      if (brief !== undefined) exchangeLog.end(brief, id, exactly(clock), outcome);
      else {
        const told =
          answer.kind === 'fault' ? { fault: answer.fault } : answer.kind === 'value' ? { value: answer.value } : {};
        hop(id, 'answer', since, told, { outcome });
      }
      return answer;
    },

    stream: async (front, exchange) => {
      const since = exactly(clock);
      const session = sessions.get(exchange.session);
      const { request } = exchange;
      const { method, path, query } = request;
      const facts = { client: exchange.address, front: exchange.front, user: session?.user ?? '', route: 'stream' };
      hop(exchange.exchange, 'stream', 0, { method, path, query }, { ...facts, method: `${method} ${path}` });
      const answer = await (async (): Promise<Outcome<StreamTarget>> => {
        if (session === undefined || session.front !== exchange.front) {
          return refused(fault('not-authenticated', { privilege: 'read' }, 'The session is not authenticated.'));
        }
        const reads = request.method === 'GET' || request.method === 'HEAD';
        const access = request.tunnel !== undefined ? 'operate' : reads ? 'read' : 'admin';
        const denial = denied({ method: request.method, on: '', route: 'stream', access }, session.role, request.path);
        if (denial !== undefined) return refused(denial);
        return drive<Outcome<StreamTarget>>(
          front,
          exchange,
          session,
          undefined,
          (broker, context) => broker.stream(request, context),
          (kind) => refused(failureOf(front, kind)),
        );
      })();
      hop(
        exchange.exchange,
        'answer',
        since,
        { outcome: answer.ok ? answer.value.kind : answer.fault },
        { outcome: answer.ok ? 'value' : answer.fault.kind },
      );
      return answer;
    },

    transferred: async (front, exchange, outcome) => {
      const session = sessions.get(exchange.session);
      hop(
        exchange.exchange,
        'outcome',
        0,
        { outcome: outcome.ok ? 'ok' : outcome.fault },
        { outcome: outcome.ok ? 'value' : outcome.fault.kind },
      );
      await drive<void>(
        front,
        exchange,
        session?.front === exchange.front ? session : nobody(exchange.front, exchange.address),
        undefined,
        function* (broker, context) {
          if (broker.transferred !== undefined) yield* broker.transferred(exchange.request, outcome, context);
        },
        () => undefined,
      );
    },

    follow: async (front, job, then, outcome) => {
      const { platform, instance } = front;
      if (platform.broker?.follow === undefined) throw new Error(`nothing follows a job of ${platform.name}`);
      while (!(await options.whenListed(instance.host))) if (options.ended()) throw new Error('the server has ended');
      const session = { ...nobody(job.front, ''), user: job.user };
      const state: Running = { gone: false, asked: false, detailed: exchangeLog.isOn };
      const services = servicesOf(
        instance,
        session,
        { exchange: job.exchange, front: job.front, session: '', address: '' },
        state,
        undefined,
      );
      return driveBroker(platform.broker.follow(job, then, outcome, contextOf(instance, session)), services);
    },

    hangUp: (id) => {
      const state = running.get(id);
      if (state === undefined) return;
      state.gone = true;
      waits.endExchange(id);
    },
    rest: async ({ instance, platform }) => {
      const context = contextOf(instance, nobody(instance.name, ''));
      for (const _ of platform.broker?.rest?.(context) ?? []) await nextTurn();
    },
    get running() {
      return running.size;
    },
    get asking() {
      return asking;
    },
  };
};
