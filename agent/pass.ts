/** The route `pass`: a client's connection in, the same bytes to and from the host; exchanges are noted beside it, never in its way. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { HttpRequest, Platform } from '../mappings/generic/platform.ts';
import { type Clock, exactly } from '../runtime/clock.ts';
import { LIMITS } from '../runtime/limits.ts';
import type { Log } from '../runtime/log.ts';
import { hostConnector } from './connections/certificate.ts';
import type { HttpDialer } from './connections/host-connection.ts';
import { nameOf, textOf } from './connections/http.ts';
import type { Counts } from './counts.ts';
import type { Hops } from './hops.ts';
import { createWatch, framingOf, type WatchedHead } from './http/watch.ts';

/** What a listener hands its connections to. */
export interface Relay {
  /** `address`: the client's, also where a load balancer is between. */
  accept(client: Socket, address: string, secure: boolean): void;
  /** Idle connections end now, the others with the exchange they are in. */
  close(): void;
}

export interface RelayOptions {
  readonly front: string;
  readonly platform: Platform;
  readonly dialer: HttpDialer;
  readonly hops: Pick<Hops, 'wanted' | 'note'>;
  readonly counts: Pick<Counts, 'ended' | 'now'>;
  readonly clock: Clock;
  readonly log: Log;
}

interface Seen {
  readonly exchange: string;
  readonly startMs: number;
  /** The same by the steady clock of the counts. */
  readonly sinceMs: number;
  readonly method: string;
  readonly path: string;
  readonly fields: ReadonlyMap<string, string>;
  /** The request's body up to a bound, to say which call it is; undefined: it is not kept. */
  body: Buffer[] | undefined;
  requestBytes: number;
  answerBytes: number;
  status: number;
}

const outcomeOf = ({ status }: Seen): string => (status === 0 ? 'gone' : status < 400 ? 'value' : `status ${status}`);

const NO_QUERY = new URLSearchParams();

/** The call of a request as its front reads it; arguments are nobody's business here. */
const callOf = ({ front }: Platform, seen: Seen, secure: boolean): { call: string; target: string } | undefined => {
  if (front === undefined || seen.body === undefined || seen.requestBytes > LIMITS.passBodyBytes) return undefined;
  const request: HttpRequest = {
    method: seen.method,
    path: seen.path,
    query: NO_QUERY,
    headers: Object.fromEntries(seen.fields),
    body: Buffer.concat(seen.body),
    secure,
  };
  try {
    const decoded = front.decode(request, NO_INSTANCE);
    return decoded.kind === 'call' ? { call: decoded.call.method, target: decoded.call.target.id } : undefined;
  } catch {
    // It was not meant for us.
    return undefined;
  }
};

/** Decoding asks a front's instance for nothing but its looks. */
const NO_INSTANCE = {
  name: '',
  platform: '',
  host: '' as never,
  hostName: '',
  uuid: '',
  certificate: '',
  port: 0,
  options: {},
};

const FIRST_LINE = /^(\S{1,32}) ([^\s?]*)/;
const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})/;

export const createRelay = ({ front, platform, dialer, hops, counts, clock, log }: RelayOptions): Relay => {
  const at = nameOf(dialer.endpoint);
  const connect = hostConnector(dialer.endpoint, at, dialer.fingerprint, LIMITS.hostConnectMs);
  const run = randomBytes(9).toString('base64url');
  const open = new Set<{ end(): void }>();
  let serial = 0;
  let closing = false;

  const note = (seen: Seen, address: string, secure: boolean): void => {
    const atMs = exactly(clock);
    const { method, path, status, requestBytes, answerBytes } = seen;
    const call = callOf(platform, seen, secure);
    hops.note({
      exchange: seen.exchange,
      shape: 'pass',
      atMs,
      durationMs: atMs - seen.startMs,
      facts: {
        client: address,
        front,
        method: call?.call ?? `${method} ${path}`,
        route: 'pass',
        outcome: outcomeOf(seen),
      },
      detail: {
        ...{ front, address, method, path, ...call, status, requestBytes, answerBytes },
        ...(seen.fields.has('traceparent') && { fields: { traceparent: seen.fields.get('traceparent') } }),
      },
    });
  };

  /** Both directions of one connection, and which answer is whose. */
  const watchBoth = (address: string, secure: boolean, idle: () => void) => {
    const waiting: Seen[] = [];
    let asked: Seen | undefined;
    let answered: Seen | undefined;
    let blind = false;
    const wanted = new WeakSet<Seen>();

    const done = (seen: Seen): void => {
      counts.ended(front, '', 'pass', outcomeOf(seen), seen.sinceMs);
      if (wanted.has(seen)) note(seen, address, secure);
      if (waiting.length === 0) idle();
    };
    const goBlind = (): void => {
      blind = true;
    };
    const requestHead = ({ first, fields }: WatchedHead): Seen => {
      const [, method = '', path = ''] = FIRST_LINE.exec(first) ?? [];
      const seen: Seen = {
        exchange: `${run}-${(++serial).toString(36)}`,
        startMs: exactly(clock),
        sinceMs: counts.now(),
        method,
        path,
        fields,
        body: undefined,
        requestBytes: 0,
        answerBytes: 0,
        status: 0,
      };
      // A file that goes by is one call among the thousands that ask.
      if (hops.wanted(method !== 'POST')) {
        wanted.add(seen);
        if (!fields.has('content-encoding') && !fields.has('transfer-encoding')) seen.body = [];
      }
      return seen;
    };
    const request = createWatch({
      head: (head) => {
        asked = requestHead(head);
        // A client that asks on and reads nothing is held by its socket long before this.
        if (waiting.length >= LIMITS.passWaiting) goBlind();
        else waiting.push(asked);
        return asked.method === 'CONNECT' ? { kind: 'rest' } : framingOf(head, { kind: 'none' });
      },
      body: (bytes) => {
        if (asked === undefined) return;
        asked.requestBytes += bytes.length;
        if (asked.requestBytes <= LIMITS.passBodyBytes) asked.body?.push(Buffer.from(bytes));
      },
      end: () => {
        asked = undefined;
      },
      lost: goBlind,
    });
    const answer = createWatch({
      head: (head) => {
        const status = Number(STATUS_LINE.exec(head.first)?.[1] ?? 0);
        const seen = waiting[0];
        if (status === 0 || seen === undefined) {
          goBlind();
          return { kind: 'rest' };
        }
        // 100 and its like come before the answer itself.
        if (status >= 100 && status < 200 && status !== 101) {
          answered = undefined;
          return { kind: 'none' };
        }
        seen.status = status;
        answered = seen;
        if (status === 101 || seen.method === 'CONNECT') return { kind: 'rest' };
        if (seen.method === 'HEAD' || status === 204 || status === 304) return { kind: 'none' };
        return framingOf(head, { kind: 'rest' });
      },
      body: (bytes) => {
        if (answered !== undefined) answered.answerBytes += bytes.length;
      },
      end: () => {
        if (answered === undefined) return;
        waiting.shift();
        done(answered);
        answered = undefined;
      },
      lost: goBlind,
    });
    return {
      request: (bytes: Buffer): void => {
        if (!blind) request(bytes);
      },
      answer: (bytes: Buffer): void => {
        if (!blind) answer(bytes);
      },
      /** The connection is over: what was under way ends with it. */
      over: (): void => {
        for (const seen of waiting.splice(0)) done(seen);
      },
      isIdle: () => !blind && waiting.length === 0,
    };
  };

  const join = (client: Socket, host: Socket, address: string, secure: boolean): void => {
    const both = watchBoth(address, secure, () => {
      // The piece that was just looked at is not written yet.
      if (closing) queueMicrotask(() => client.end());
    });
    const connection = {
      end: (): void => {
        if (both.isIdle()) client.end();
      },
    };
    open.add(connection);
    const forget = (): void => {
      if (open.delete(connection)) both.over();
    };
    const broken = (): void => {
      client.destroy();
      host.destroy();
    };
    /** The one is gone: the other gets what was written before, for as long as that may take. */
    const ended = (other: Socket): void => {
      forget();
      if (other.destroyed) return;
      other.end(() => clock.after(LIMITS.httpLingerMs, () => other.destroy()));
      clock.after(LIMITS.httpRequestMs, () => other.destroy());
    };
    // Before the pipes: an onlooker sees each piece as it passes.
    client.on('data', both.request);
    host.on('data', both.answer);
    client.pipe(host);
    host.pipe(client);
    for (const [socket, other] of [
      [client, host],
      [host, client],
    ] as const) {
      socket.on('error', broken);
      socket.on('close', () => ended(other));
    }
  };

  return {
    accept: (client, address, secure) => {
      client.pause();
      client.on('error', () => client.destroy());
      const { kind, host = '', port = 0 } = dialer.endpoint;
      connect(
        { hostname: host, host, protocol: `${kind}:`, port: String(port) } as Parameters<typeof connect>[0],
        (error, socket) => {
          if (error !== null || socket === null) {
            log.warn({ front, host: at }, `host away: ${textOf(error)}`);
            client.destroy();
            return;
          }
          if (client.destroyed) {
            socket.destroy();
            return;
          }
          join(client, socket as Socket, address, secure);
        },
      );
    },
    close: () => {
      closing = true;
      for (const connection of open) connection.end();
    },
  };
};
