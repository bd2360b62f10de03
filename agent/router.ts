/** A decoded request to its answer: finds the row, enforces access, and takes the row's route. */
import type { Call, Reply, Row } from '../mappings/generic/call.ts';
import type { Verb } from '../mappings/generic/commands.ts';
import { type Fault, fault } from '../mappings/generic/faults.ts';
import type { HubId } from '../mappings/generic/ids.ts';
import type { SessionContext, StreamRequest } from '../mappings/generic/platform.ts';
import type { Clock } from '../runtime/clock.ts';
import { LinkDown } from '../runtime/link.ts';
import type { Log } from '../runtime/log.ts';
import type { Client } from './client.ts';
import type { Counts } from './counts.ts';
import type { Direct } from './direct.ts';
import { accessFault, faultAnswer, hasArgument, type ServedFront } from './front.ts';
import type { Hops } from './hops.ts';
import type { HostSession } from './host-session.ts';
import type { Leases } from './leases.ts';
import type { Outbox } from './outbox.ts';
import type { ServerPort } from './server-port.ts';
import { createServerRoute, failureOf, outcomeOf, told } from './server-route.ts';
import type { SessionLease, Sessions, Visitor } from './sessions.ts';
import { isCommand, type Trail } from './trail.ts';
import { createTransfers } from './transfers.ts';

export interface Router {
  /** Answers before it returns where nothing has to be waited for: short answers of the agent itself cost no promise. */
  call(front: ServedFront, call: Call, client: Client, token?: string): Promise<void> | void;
  stream(front: ServedFront, request: StreamRequest, client: Client, token?: string): Promise<void>;
  /** Body bytes from the server for an exchange; resolves when there is room. */
  chunk(exchange: string, bytes: Uint8Array): Promise<void>;
  readonly inFlight: number;
  /** The trail of a request, before anything is known of it. */
  follow(front: ServedFront, client: Client, body: Uint8Array): Trail | undefined;
}

export interface RouterOptions {
  readonly server: ServerPort;
  readonly sessions: Sessions;
  readonly leases: Leases;
  readonly outbox: Outbox;
  readonly direct: Direct;
  readonly hops: Hops;
  readonly counts: Counts;
  readonly host: (id: HubId) => HostSession | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

const unsupportedFault = (): Fault => fault('not-supported', {}, 'The operation is not supported on the object.');

export const createRouter = (options: RouterOptions): Router => {
  const { server, sessions, leases, outbox, direct, hops, counts, clock, log } = options;
  const atServer = createServerRoute({ server, outbox, hops, log });
  const { named, caughtUp } = atServer;
  const transfer = createTransfers({ server, host: options.host, log });
  const findLease = (
    served: ServedFront,
    client: Client,
    carried: string | undefined,
  ): SessionLease | undefined | Promise<SessionLease | undefined> => {
    const token = carried ?? served.front.cookieOf(client.head.headers);
    if (token === undefined) return undefined;
    return sessions.leased(token, served.instance.name) ?? sessions.find(token, served.instance.name);
  };

  const refuse = (served: ServedFront, call: Call, client: Client, reason: Fault, token?: string): void => {
    told(client, reason.kind);
    client.answer(faultAnswer(served, reason, call, token));
  };

  const visitorOf = (served: ServedFront, client: Client): Visitor => ({
    front: served.instance.name,
    address: client.address,
    userAgent: client.head.headers['user-agent'] ?? '',
  });

  /** A session for one transfer, of those who bring user and password with it. */
  const loginForTransfer = async (served: ServedFront, client: Client): Promise<SessionLease | undefined> => {
    const credentials = served.front.credentialsOf?.(client.head.headers);
    if (credentials === undefined) return undefined;
    return sessions.login(visitorOf(served, client), credentials.user, credentials.password, '');
  };

  const bySession = (
    served: ServedFront,
    call: Call,
    client: Client,
    lease: SessionLease | undefined,
  ): Promise<void> | void => {
    const { front, instance } = served;
    const visitor = (): Visitor => ({ ...visitorOf(served, client), exchange: named(client) });
    let cookie: string | undefined;
    let user: string | undefined;
    let token = lease?.token;
    const admitted = (fresh: SessionLease | undefined) => {
      if (fresh === undefined) return undefined;
      token = fresh.token;
      user = fresh.session.user;
      cookie = front.setCookie?.(fresh.token, client.secure);
      return fresh.session;
    };
    const context: SessionContext = {
      front: instance,
      nowMs: clock.now(),
      session: lease?.session,
      token: () => token,
      login: async (user, password, locale) => admitted(await sessions.login(visitor(), user, password, locale)),
      loginByTicket: async (ticket, locale) => admitted(await sessions.redeemTicket(visitor(), ticket, locale)),
      ...(lease === undefined ? {} : { cloneTicket: async () => sessions.makeTicket(lease) }),
      logout: async () => {
        if (lease !== undefined) await sessions.logout(lease);
      },
    };
    const send = (reply: Reply): void => {
      told(client, outcomeOf(reply), user);
      client.answer(front.encode(call, reply, instance, token), cookie);
    };
    const reply = front.session(call, context);
    return reply instanceof Promise ? reply.then(send) : send(reply);
  };

  /** A command is logged also where too many reads are. */
  const tellWhole = ({ instance }: ServedFront, row: Row, call: Call, client: Client, lease?: SessionLease): void => {
    if (lease === undefined || client.trail?.isWhole === true) return;
    client.trail = hops.always(instance.name, client, call, row, lease);
  };

  const byLease = async (
    served: ServedFront,
    row: Row,
    call: Call,
    client: Client,
    session: SessionLease,
  ): Promise<void> => {
    const { front, instance } = served;
    const target = front.targetOf(call, instance);
    const central = row.centralIf?.some((path) => hasArgument(call.args, path)) ?? false;
    if (target === undefined || central || row.verb === undefined) return atServer.call(served, call, client, session);
    const lease = leases.get(target) ?? (await leases.obtain(instance.host, target));
    const host = lease === undefined ? undefined : options.host(lease.host);
    // A template answers power commands with a fault that depends on what it is: the server knows.
    if (lease === undefined || lease.template || host === undefined || !host.connected) {
      return atServer.call(served, call, client, session);
    }
    const exchange = hops.nextExchange();
    client.exchange = exchange;
    const { trail } = client;
    const command = {
      row: row as Row & { verb: Verb },
      call,
      lease,
      session: session.session,
      exchange,
      address: client.address,
      trail,
    };
    const started = direct.start(command, host);
    if (started === undefined) return atServer.call(served, call, client, session);
    const { vm, name, native } = lease;
    const { verb } = row;
    const ids = { client: call.target.id, hub: vm, native };
    trail?.as(exchange);
    trail?.hop('command', 0, { verb, ids, job: started.job }, { verb, object: vm, name, job: started.job });
    let reply: Reply;
    if (row.job === true) reply = { kind: 'value', value: front.jobValue(started.job, instance) };
    else {
      const outcome = await started.outcome;
      reply = outcome.ok ? { kind: 'value', value: undefined } : { kind: 'fault', fault: outcome.fault };
    }
    told(client, outcomeOf(reply));
    client.answer(front.encode(call, reply, instance, session.token));
  };

  const byRow = (
    served: ServedFront,
    row: Row,
    call: Call,
    client: Client,
    lease: SessionLease | undefined,
  ): Promise<void> | void => {
    if (isCommand(row)) tellWhole(served, row, call, client, lease);
    switch (row.route) {
      case 'session':
        return bySession(served, call, client, lease);
      case 'direct':
        return lease === undefined
          ? atServer.call(served, call, client, lease)
          : byLease(served, row, call, client, lease);
      case 'central':
        return atServer.call(served, call, client, lease);
      case 'broker':
        return atServer.call(served, call, client, lease);
      // A call is never a stream, and `pass` needs a host of the front's own API: both are refused until there is one.
      case 'refuse':
      case 'stream':
      case 'pass':
        return refuse(served, call, client, unsupportedFault());
      default:
        return row.route satisfies never;
    }
  };

  const withLease = (lease: SessionLease | undefined, act: () => Promise<void> | void): Promise<void> | void => {
    if (lease === undefined) return act();
    lease.calls++;
    lease.touched = true;
    lease.lastActiveMs = clock.now();
    const acted = act();
    if (acted === undefined) return;
    lease.pending++;
    return acted.finally(() => {
      lease.pending--;
      lease.lastActiveMs = clock.now();
    });
  };

  const byAccess = (
    served: ServedFront,
    row: Row,
    call: Call,
    client: Client,
    lease: SessionLease | undefined,
    token: string | undefined,
  ): Promise<void> | void => {
    client.trail?.called(call, row, lease?.session.user ?? '', [token, lease?.token]);
    const denied = accessFault(row.access, lease, call.target.id);
    if (denied !== undefined) return refuse(served, call, client, denied, token);
    counts.add('dispatched');
    return withLease(lease, () => byRow(served, row, call, client, lease));
  };

  const failed = (served: ServedFront, call: Call | undefined, client: Client, error: unknown): void => {
    if (!(error instanceof LinkDown))
      log.error(
        { exchange: client.exchange, front: served.instance.name, error },
        `${call?.method ?? 'a stream'} failed`,
      );
    if (client.gone) return;
    const reason = failureOf(error);
    try {
      if (call === undefined) {
        client.outcome = reason.kind;
        client.answer(served.front.streamAnswer({ ok: false, fault: reason }));
      } else refuse(served, call, client, reason);
    } catch {
      // The head of an answer was already sent.
      client.destroy();
    }
  };

  const answer = (
    served: ServedFront,
    row: Row | undefined,
    call: Call,
    client: Client,
    token: string | undefined,
  ): Promise<void> | void => {
    const failing = (error: unknown): void => failed(served, call, client, error);
    try {
      if (row === undefined) {
        client.trail?.called(call, undefined, '', [token]);
        const reason = fault('method-not-found', { method: call.method }, `Unknown method ${call.method}`);
        return refuse(served, call, client, reason);
      }
      const lease = findLease(served, client, token);
      if (!(lease instanceof Promise)) return byAccess(served, row, call, client, lease, token)?.catch(failing);
      return lease
        .catch((error: unknown) => {
          // A session that only the server can know of; what needs none goes on without it.
          if (!(error instanceof LinkDown) || row.access !== 'none') throw error;
          return undefined;
        })
        .then((found) => byAccess(served, row, call, client, found, token))
        .catch(failing);
    } catch (error) {
      failing(error);
    }
  };

  /** A client that went before its answer has no other outcome. */
  const ended = (
    { instance }: ServedFront,
    row: Row | undefined,
    { outcome = 'gone' }: Client,
    sinceMs: number,
  ): void => counts.ended(instance.name, row?.method ?? '', row?.route ?? 'none', outcome, sinceMs);

  return {
    get inFlight() {
      return atServer.inFlight;
    },
    follow: ({ instance }, client, body) => hops.begin(instance.name, client, body),
    call: (served, call, client, token) => {
      counts.add('decoded');
      const sinceMs = counts.now();
      const row = served.row(call);
      const answered = answer(served, row, call, client, token);
      if (answered !== undefined) return answered.finally(() => ended(served, row, client, sinceMs));
      return ended(served, row, client, sinceMs);
    },
    stream: async (served, request, client, token) => {
      const sinceMs = counts.now();
      let own: SessionLease | undefined;
      const refused = (reason: Fault): void => {
        client.outcome = reason.kind;
        client.answer(served.front.streamAnswer({ ok: false, fault: reason }));
      };
      try {
        let lease = await findLease(served, client, token);
        if (lease === undefined) lease = own = await loginForTransfer(served, client);
        const reads = (request.method === 'GET' || request.method === 'HEAD') && request.tunnel === undefined;
        const access = reads ? 'read' : 'operate';
        const denied = accessFault(access, lease, '');
        if (denied !== undefined || lease === undefined) {
          const reason =
            denied ?? fault('not-authenticated', { privilege: access }, 'The session is not authenticated.');
          return refused(reason);
        }
        await withLease(lease, async () => {
          await caughtUp();
          const session = lease.session.id;
          await transfer({ served, request, client, session, exchange: named(client), refused });
        });
      } catch (error) {
        failed(served, undefined, client, error);
      } finally {
        counts.ended(served.instance.name, '', 'stream', client.outcome ?? 'value', sinceMs);
        // Away with the link: it idles out.
        if (own !== undefined) await sessions.logout(own).catch(() => {});
      }
    },
    chunk: atServer.chunk,
  };
};
