/** Who asks the admin API, and what they may: a token or a log-in of a console in, a name and a role out. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Accounts } from '../../runtime/accounts.ts';
import { Problem } from './problem.ts';

/** Each may do what those before it may. */
export const ROLES = ['viewer', 'operator', 'administrator'] as const;
export type AdminRole = (typeof ROLES)[number];

export interface Who {
  readonly name: string;
  readonly role: AdminRole;
  /** Sent back with every change by a client that is known by its cookie; '' for one with a token. */
  readonly csrf: string;
}

export interface Access {
  login(user: string, password: string): Promise<{ readonly who: Who; readonly cookie: string }>;
  logout(request: FastifyRequest): string;
  /** Whether who asked would be let in still; asking is no use of the log-in. */
  holds(request: FastifyRequest): boolean;
  /** Throws 401, or 403 where the role is too small or the request may be another site's. */
  admit(request: FastifyRequest, needed: AdminRole): Who;
}

const COOKIE = 'transvisor-admin';
const IDLE_MS = 8 * 3_600_000;
const MOST = 1000;
const ROLE_OF = { administrator: 'administrator', operator: 'operator', 'read-only': 'viewer' } as const;
const CHANGES = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
const same = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));

const cookieOf = (request: FastifyRequest): string | undefined =>
  new RegExp(`(?:^|;\\s*)${COOKIE}=([A-Za-z0-9_-]{43})(?:;|$)`).exec(request.headers.cookie ?? '')?.[1];

export const createAccess = (options: {
  readonly token: string;
  /** Those of the installation; undefined: only the token enters. */
  readonly accounts: Accounts | undefined;
  readonly secure: boolean;
  readonly now: () => number;
}): Access => {
  const { token, accounts, secure, now } = options;
  /** By the digest of the cookie. */
  const sessions = new Map<string, { readonly who: Who; seenMs: number }>();
  const keyOf = (cookie: string): string => digest(cookie).toString('base64');
  const setCookie = (value: string, maxAge: number): string =>
    `${COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAge}${secure ? '; Secure' : ''}`;

  const sessionOf = (request: FastifyRequest) => {
    const cookie = cookieOf(request);
    const key = cookie === undefined ? '' : keyOf(cookie);
    const found = sessions.get(key);
    if (found === undefined || now() - found.seenMs <= IDLE_MS) return { key, found };
    sessions.delete(key);
    return { key, found: undefined };
  };
  const bySession = (request: FastifyRequest): Who | undefined => {
    const { key, found } = sessionOf(request);
    if (found === undefined) return undefined;
    found.seenMs = now();
    // The one unused for longest is first.
    sessions.delete(key);
    sessions.set(key, found);
    return found.who;
  };
  const bearerOf = ({ headers }: FastifyRequest): string | undefined =>
    /^Bearer ([^\s]{1,512})$/.exec(headers.authorization ?? '')?.[1];

  /** A browser says where a request comes from; what says nothing is no browser. */
  const isForeign = ({ headers }: FastifyRequest): boolean => {
    const site = headers['sec-fetch-site'];
    if (site !== undefined && site !== 'same-origin' && site !== 'none') return true;
    const origin = headers.origin;
    return origin !== undefined && URL.parse(origin)?.host !== headers.host;
  };

  return {
    login: async (user, password) => {
      const account = await accounts?.check(user, password);
      if (account === undefined) throw new Problem(401, 'the user or the password is wrong');
      const value = randomBytes(32).toString('base64url');
      const who = { name: account.name, role: ROLE_OF[account.role], csrf: randomBytes(16).toString('base64url') };
      sessions.set(keyOf(value), { who, seenMs: now() });
      const oldest = sessions.keys().next().value;
      if (sessions.size > MOST && oldest !== undefined) sessions.delete(oldest);
      return { who, cookie: setCookie(value, IDLE_MS / 1000) };
    },
    logout: (request) => {
      const cookie = cookieOf(request);
      if (cookie !== undefined) sessions.delete(keyOf(cookie));
      return setCookie('', 0);
    },
    // The token does not change while the program runs.
    holds: (request) => bearerOf(request) !== undefined || sessionOf(request).found !== undefined,
    admit: (request, needed) => {
      const bearer = bearerOf(request);
      const who: Who | undefined =
        bearer === undefined
          ? bySession(request)
          : same(bearer, token)
            ? { name: 'token', role: 'administrator', csrf: '' }
            : undefined;
      if (who === undefined)
        throw new Problem(401, 'log in, or send the admin token', { 'www-authenticate': 'Bearer' });
      if (ROLES.indexOf(who.role) < ROLES.indexOf(needed))
        throw new Problem(403, `the role ${needed} is needed; ${who.name} is ${who.role}`);
      if (who.csrf !== '' && CHANGES.has(request.method)) {
        const sent = request.headers['x-csrf-token'];
        if (isForeign(request) || typeof sent !== 'string' || !same(sent, who.csrf))
          throw new Problem(403, 'a change needs the header x-csrf-token of this log-in, from this site');
      }
      return who;
    },
  };
};
