/** Leases on sessions: a cookie in, the session out. The MAC is checked here, the record is the server's, the password never crosses the link. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Session } from '../mappings/generic/call.ts';
import type { Accounts } from '../runtime/accounts.ts';
import type { Clock } from '../runtime/clock.ts';
import { LIMITS } from '../runtime/limits.ts';
import { LinkDown } from '../runtime/link.ts';
import type { Log } from '../runtime/log.ts';
import { present, type ServerPort } from './server-port.ts';
import { createThrottle } from './throttle.ts';

export interface SessionLease {
  session: Session;
  readonly token: string;
  /** Exchanges under way: a waiting client is active. */
  pending: number;
  lastActiveMs: number;
  calls: number;
  touched: boolean;
  /** Rounds in which the server was told nothing of it. */
  quiet: number;
}

export interface Visitor {
  readonly front: string;
  readonly address: string;
  readonly userAgent: string;
  /** The one it logs in by. */
  readonly exchange?: string;
}

export interface Sessions {
  /** The lease of a token when this agent holds one: no waiting. */
  leased(token: string, front: string): SessionLease | undefined;
  /** Asks the server for a session whose MAC is right; LinkDown when it is away. */
  find(token: string, front: string): Promise<SessionLease | undefined>;
  login(visitor: Visitor, user: string, password: string, locale: string): Promise<SessionLease | undefined>;
  makeTicket(lease: SessionLease): string;
  redeemTicket(visitor: Visitor, ticket: string, locale: string): Promise<SessionLease | undefined>;
  logout(lease: SessionLease): Promise<void>;
  revoke(ids: readonly string[]): void;
  readonly count: number;
  close(): void;
}

export const createSessions = (options: {
  accounts: Accounts;
  server: ServerPort;
  clock: Clock;
  log: Log;
}): Sessions => {
  const { accounts, server, clock, log } = options;
  const throttle = createThrottle(clock);
  const byToken = new Map<string, SessionLease>();
  const byId = new Map<string, SessionLease>();
  const finding = new Map<string, Promise<SessionLease | undefined>>();
  const tickets = new Map<string, { lease: SessionLease; untilMs: number }>();
  /** Revoked while their `session` call was under way: must not come back by its answer. */
  const revoked = new Set<string>();
  /** Logged out while the server was away: told as soon as it is back, before anything else. */
  const left = new Set<string>();

  const mac = (id: string): string =>
    createHmac('sha256', server.hello?.sessionKey ?? randomBytes(32))
      .update(id)
      .digest('hex')
      .slice(0, 40);
  const tokenOf = (id: string): string => `${id}-${mac(id)}`;
  const idOf = (token: string): string | undefined => {
    const cut = token.length - 41;
    if (cut < 1 || cut > 128 || token[cut] !== '-' || server.hello === undefined) return undefined;
    const id = token.slice(0, cut);
    const [given, wanted] = [Buffer.from(token.slice(cut + 1)), Buffer.from(mac(id))];
    return given.length === wanted.length && timingSafeEqual(given, wanted) ? id : undefined;
  };

  const drop = (lease: SessionLease): void => {
    byToken.delete(lease.token);
    byId.delete(lease.session.id);
  };
  const adopt = (session: Session): SessionLease => {
    const held = byId.get(session.id);
    if (held !== undefined) return held;
    if (byToken.size >= LIMITS.sessionsLeased) {
      const oldest = byToken.values().find((lease) => lease.pending === 0);
      // Only the lease goes; the session itself is found again at its next call.
      if (oldest !== undefined) drop(oldest);
    }
    const lease: SessionLease = {
      session,
      token: tokenOf(session.id),
      pending: 0,
      lastActiveMs: clock.now(),
      calls: 0,
      touched: false,
      quiet: 0,
    };
    byToken.set(lease.token, lease);
    byId.set(session.id, lease);
    return lease;
  };
  const tellLeft = async (id: string): Promise<void> => {
    const { api } = server;
    if (api === undefined) return;
    try {
      await api.logout(id);
      left.delete(id);
    } catch (error) {
      // Told again by the next link.
      if (!(error instanceof LinkDown)) throw error;
    }
  };
  // In rounds of steady time: a clock that is set makes nobody idle.
  const isIdle = ({ pending, touched, quiet }: SessionLease): boolean =>
    pending === 0 && !touched && quiet * LIMITS.sessionTouchMs > LIMITS.sessionIdleMs;
  const expire = (lease: SessionLease): void => {
    drop(lease);
    server.api?.logout(lease.session.id).catch(() => {}); // it expires at the server by itself as well
  };

  const touch = (): void => {
    const active: Record<string, { lastActiveMs: number; calls: number }> = {};
    let any = false;
    for (const lease of byToken.values()) {
      if (lease.pending > 0) lease.lastActiveMs = clock.now();
      lease.quiet = lease.pending > 0 || lease.touched ? 0 : lease.quiet + 1;
      if (isIdle(lease)) {
        expire(lease);
        continue;
      }
      if (!lease.touched && lease.pending === 0) continue;
      any = true;
      active[lease.session.id] = { lastActiveMs: lease.lastActiveMs, calls: lease.calls };
      lease.touched = false;
    }
    if (any) server.api?.touch(active).catch(() => {}); // told again with the next activity
    for (const [ticket, { untilMs }] of tickets) if (untilMs < clock.now()) tickets.delete(ticket);
  };
  const stopTouching = clock.every(LIMITS.sessionTouchMs, touch);
  const find: Sessions['find'] = async (token, front) => {
    const id = idOf(token);
    if (id === undefined) return undefined;
    let search = finding.get(id);
    if (search === undefined) {
      search = (async () => {
        revoked.delete(id);
        const session = await present(server).session(id);
        return session === undefined || revoked.has(id) ? undefined : adopt(session);
      })().finally(() => finding.delete(id));
      finding.set(id, search);
    }
    const lease = await search;
    return lease?.session.front === front ? lease : undefined;
  };
  // A server that restarted may have ended sessions meanwhile: each is asked for again, at once, lest it is away when they are used next.
  server.onUp(() => {
    const idle = [...byToken.values()].filter((lease) => lease.pending === 0);
    for (const lease of idle) drop(lease);
    revoked.clear();
    for (const id of left) tellLeft(id).catch((error: unknown) => log.error({ error }, 'a log-out was not told'));
    const recent = idle.toSorted((a, b) => b.lastActiveMs - a.lastActiveMs).slice(0, LIMITS.sessionsRenewed);
    for (const { token, session } of recent) find(token, session.front).catch(() => {}); // asked for again with its next call
  });

  const open = async (visitor: Visitor, user: string, fullName: string, role: Session['role'], locale: string) => {
    const { exchange: _, ...from } = visitor;
    return adopt(await present(server).login({ ...from, user, fullName, role, locale }));
  };

  return {
    get count() {
      return byToken.size;
    },
    leased: (token, front) => {
      const lease = byToken.get(token);
      if (lease === undefined || lease.session.front !== front) return undefined;
      if (!isIdle(lease)) return lease;
      expire(lease);
      return undefined;
    },
    find,
    login: async (visitor, user, password, locale) => {
      // Before the password is looked at: an absent server must not become an oracle, nor cost a hash.
      present(server);
      const key = JSON.stringify([visitor.address, user.slice(0, LIMITS.userNameBytes)]);
      const account = await throttle.attempt(key, async () => {
        const found = await accounts.check(user, password);
        if (found === undefined) throttle.failed(key);
        else throttle.succeeded(key);
        return found;
      });
      if (account !== undefined) return open(visitor, account.name, account.fullName, account.role, locale);
      const { front, address, exchange } = visitor;
      log.warn({ exchange, user: user.slice(0, 64), address, front }, 'login refused');
      server.api?.loginFailed({ front, user: user.slice(0, LIMITS.userNameBytes), address }).catch(() => {}); // also in the log above
      return undefined;
    },
    makeTicket: (lease) => {
      if (tickets.size >= LIMITS.cloneTickets) tickets.delete(tickets.keys().next().value ?? '');
      const ticket = `cst-${randomBytes(24).toString('hex')}`;
      tickets.set(ticket, { lease, untilMs: clock.now() + LIMITS.cloneTicketMs });
      return ticket;
    },
    redeemTicket: async (visitor, ticket, locale) => {
      const found = tickets.get(ticket);
      tickets.delete(ticket);
      if (found === undefined || found.untilMs < clock.now() || byId.get(found.lease.session.id) !== found.lease)
        return undefined;
      if (found.lease.session.front !== visitor.front) return undefined;
      const { user, fullName, role } = found.lease.session;
      return open(visitor, user, fullName, role, locale);
    },
    logout: async (lease) => {
      const { id } = lease.session;
      drop(lease);
      // Beyond the bound it ends at the server by its idle time.
      if (left.size < LIMITS.sessionsLeased) left.add(id);
      await tellLeft(id);
    },
    revoke: (ids) => {
      for (const id of ids) {
        const lease = byId.get(id);
        if (lease !== undefined) drop(lease);
        if (finding.has(id)) revoked.add(id);
      }
    },
    close: stopTouching,
  };
};
