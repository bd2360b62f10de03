/** The server's records of sessions: log-ins come in, sessions with an idle end and state of their own go out; durable. */
import type { Session } from '../../mappings/generic/call.ts';
import type { BrokerContext } from '../../mappings/generic/platform.ts';
import type { EventsView, SessionsView } from '../../mappings/generic/store-view.ts';
import type { Own } from '../own/own.ts';

const RECORDS = 'sessions';
const LOCALS = 'session-locals';
const KEYS = 'session-key';
/** Of fronts that nobody serves just now. */
const LONGEST_IDLE_MS = 24 * 3_600_000;
/** Last-active times move with every call; on disk they may lag this much. */
const SAVE_EVERY_MS = 60_000;
/** Per front. The session idle for longest makes room: a script that never logs out must not lock people out. */
const MOST = 2000;
const TEXT_LIMIT = 1024;

export interface Login {
  readonly front: string;
  readonly user: string;
  readonly fullName: string;
  readonly role: Session['role'];
  readonly address: string;
  readonly userAgent: string;
  readonly locale: string;
}

export interface Sessions {
  /** Signs session tokens; the same for the life of the state directory. */
  readonly key: Uint8Array;
  login(login: Login): Session;
  /** undefined: never was, ended or expired. */
  get(id: string): Session | undefined;
  /** It was used a moment ago. */
  touch(id: string, calls: number): void;
  /** A call in progress keeps its session alive; returns the function that ends it. */
  hold(id: string): () => void;
  logout(id: string): boolean;
  loginFailed(failed: { front: string; user: string; address: string }): void;
  locals(id: string): BrokerContext['locals'];
  /** Ends those idle for too long; returns their ids. */
  sweep(): readonly string[];
  /** Whoever keeps something for a session lets go of it here. */
  onEnd(listener: (id: string) => void): void;
  readonly view: SessionsView;
  readonly size: number;
}

export interface SessionsOptions {
  readonly own: Own;
  readonly events: EventsView;
  readonly now: () => number;
  /** Idle time is counted by it: a clock that is set ends no session. `now` when absent. */
  readonly steady?: () => number;
  readonly random: (bytes: number) => Uint8Array;
  /** How long a session of that front may be unused; undefined: nobody serves the front just now. */
  readonly idleMsOf: (front: string) => number | undefined;
  readonly most?: number;
  /** Of all servers; one of the state directory's own when absent. */
  readonly key?: Uint8Array | undefined;
}

const uuid = (bytes: Uint8Array): string => {
  const hex = Buffer.from(bytes).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

const cut = (text: string): string => text.slice(0, TEXT_LIMIT);

export const createSessions = (options: SessionsOptions): Sessions => {
  const { own, events, now, random, most = MOST } = options;
  const steady = options.steady ?? now;
  const sessions = new Map<string, Session>();
  /** When each was used last, by steady time. */
  const used = new Map<string, number>();
  const saved = new Map<string, number>();
  const holds = new Map<string, number>();
  const listeners: ((id: string) => void)[] = [];

  for (const { key, value } of own.list(RECORDS)) {
    const session = value as Session;
    sessions.set(key, session);
    saved.set(key, session.lastActiveMs);
    used.set(key, steady() - Math.max(0, now() - session.lastActiveMs));
  }

  const ownKey = (): Uint8Array => {
    let text = own.get(KEYS, 'key');
    if (typeof text !== 'string') {
      text = Buffer.from(random(32)).toString('base64');
      own.put(KEYS, 'key', text);
    }
    return Uint8Array.from(Buffer.from(text as string, 'base64'));
  };
  const key = options.key ?? ownKey();

  const save = (session: Session): void => {
    own.put(RECORDS, session.id, session);
    saved.set(session.id, session.lastActiveMs);
  };

  const use = (session: Session): void => {
    session.lastActiveMs = now();
    used.set(session.id, steady());
  };
  const expired = ({ id, front }: Session): boolean =>
    !holds.has(id) && steady() - (used.get(id) ?? 0) >= (options.idleMsOf(front) ?? LONGEST_IDLE_MS);

  const end = (session: Session, text: string): void => {
    if (!sessions.delete(session.id)) return;
    saved.delete(session.id);
    used.delete(session.id);
    own.delete(RECORDS, session.id);
    own.clear(LOCALS, `${session.id}/`);
    events.post({
      kind: 'session.logout',
      user: session.user,
      text,
      members: {
        front: session.front,
        address: session.address,
        session: session.key,
        userAgent: session.userAgent,
        loginMs: String(session.createdMs),
        calls: String(session.calls),
      },
    });
    for (const listener of listeners) listener(session.id);
  };

  const ofFront = (front: string): Session[] =>
    [...sessions.values()].filter((session) => session.front === front && !expired(session));

  return {
    key,
    login: (login) => {
      const ours = ofFront(login.front);
      if (ours.length >= most) {
        const idle = ours
          .filter((session) => !holds.has(session.id))
          .sort((a, b) => (used.get(a.id) ?? 0) - (used.get(b.id) ?? 0))[0];
        if (idle !== undefined) end(idle, `session of ${idle.user} ended to make room`);
      }
      const at = now();
      const session: Session = {
        id: Buffer.from(random(20)).toString('hex'),
        key: uuid(random(16)),
        front: login.front,
        user: login.user,
        fullName: cut(login.fullName),
        role: login.role,
        address: login.address,
        userAgent: cut(login.userAgent),
        locale: cut(login.locale),
        createdMs: at,
        lastActiveMs: at,
        calls: 0,
      };
      sessions.set(session.id, session);
      use(session);
      save(session);
      events.post({
        kind: 'session.login',
        user: session.user,
        text: `${session.user} logged in from ${session.address}`,
        members: { front: session.front, address: session.address, session: session.key, userAgent: session.userAgent },
      });
      return session;
    },
    get: (id) => {
      const session = sessions.get(id);
      if (session === undefined) return undefined;
      if (!expired(session)) return session;
      end(session, `session of ${session.user} expired`);
      return undefined;
    },
    touch: (id, calls) => {
      const session = sessions.get(id);
      if (session === undefined) return;
      use(session);
      // The agent tells its count so far; it starts anew when the lease is taken anew.
      session.calls = Math.max(session.calls, calls);
      if (Math.abs(session.lastActiveMs - (saved.get(id) ?? 0)) >= SAVE_EVERY_MS) save(session);
    },
    hold: (id) => {
      holds.set(id, (holds.get(id) ?? 0) + 1);
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        const left = (holds.get(id) ?? 1) - 1;
        if (left > 0) holds.set(id, left);
        else holds.delete(id);
        const session = sessions.get(id);
        if (session !== undefined) use(session);
      };
    },
    logout: (id) => {
      const session = sessions.get(id);
      if (session !== undefined) end(session, `${session.user} logged out`);
      return session !== undefined;
    },
    loginFailed: ({ front, user, address }) => {
      events.post({
        kind: 'session.loginFailed',
        user: cut(user),
        text: `log-in failed for ${cut(user)} from ${address}`,
        members: { front, address },
      });
    },
    locals: (id) => ({
      get: (name) => own.get(LOCALS, `${id}/${name}`),
      put: (name, value) => {
        // A call that outlives its session must leave nothing behind.
        if (sessions.has(id)) own.put(LOCALS, `${id}/${name}`, value);
      },
      delete: (name) => own.delete(LOCALS, `${id}/${name}`),
      list: (prefix) =>
        own.list(LOCALS, `${id}/${prefix}`).map(({ key: name, value }) => ({ key: name.slice(id.length + 1), value })),
    }),
    sweep: () => {
      const ended = [...sessions.values()].filter(expired);
      for (const session of ended) end(session, `session of ${session.user} expired`);
      return ended.map((session) => session.id);
    },
    onEnd: (listener) => {
      listeners.push(listener);
    },
    view: {
      list: ofFront,
      terminate: (id) => {
        const session = sessions.get(id) ?? [...sessions.values()].find((one) => one.key === id);
        if (session !== undefined) end(session, `session of ${session.user} was terminated`);
        return session !== undefined;
      },
    },
    get size() {
      return sessions.size;
    },
  };
};
