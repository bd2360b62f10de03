/** A small web server as a host, and a conversation of plain texts with it: what the agent's half of HTTP is judged with. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { DialOptions, HttpDialer } from '../../../agent/connections/host-connection.ts';
import { done, fault, refused } from '../../../mappings/generic/faults.ts';
import type { HttpConversation } from '../../../mappings/generic/platform.ts';
import { systemClock } from '../../../runtime/clock.ts';
import { silentLog } from '../../../runtime/log.ts';
import { Secret } from '../../../runtime/secret.ts';
import type { KeyPair } from '../../../runtime/tls.ts';

export const PASSWORD = 'pa55-w0rd-never-shown';

export type Answer = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

export interface WebHost extends AsyncDisposable {
  readonly port: number;
  /** `METHOD path body` of every request. */
  readonly seen: string[];
}

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
};

/** Log-in at `/login`, `/leave`, all else is `answer`'s; `raw`: asked first, and answers without the body having been read. */
export const serveWeb = async (answer: Answer, leaf?: KeyPair, raw?: Answer): Promise<WebHost> => {
  const seen: string[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.url?.startsWith('/raw') === true) {
      seen.push(`${request.method} ${request.url}`);
      raw?.(request, response, Buffer.alloc(0));
      return;
    }
    const body = await bodyOf(request);
    seen.push(`${request.method} ${request.url} ${body.toString().slice(0, 100)}`.trim());
    if (request.url === '/login')
      response.writeHead(body.toString() === `ann:${PASSWORD}` ? 200 : 403).end('session-1');
    else if (request.url === '/leave') response.end();
    else answer(request, response, body);
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    serve(request, response).catch(() => response.destroy());
  };
  const server =
    leaf === undefined
      ? createServer(listener)
      : createSecureServer({ cert: leaf.certificate, key: leaf.key }, listener);
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};

/** Calls are `POST /call/<procedure>` with `body`; what is heard comes line by line from `GET /listen`. */
export const converse = (
  options: { listens?: boolean; limitMs?: number; maxBytes?: number } = {},
): HttpConversation => {
  let session = '';
  const headers = (): Record<string, string> => ({ 'x-session': session });
  const conversation: HttpConversation = {
    *open({ user, password }) {
      const got = yield {
        step: 'ask',
        ask: { method: 'POST', path: '/login', headers: {}, body: `${user}:${password}` },
      };
      if (got.status !== 200) return refused(fault('invalid-login', {}, 'wrong user name or password'));
      session = Buffer.from(got.body).toString();
      return done(undefined);
    },
    *call(procedure, args) {
      const got = yield {
        step: 'ask',
        ask: {
          method: 'POST',
          path: `/call/${procedure}`,
          headers: headers(),
          body: String(args['body'] ?? ''),
          ...(options.limitMs === undefined ? {} : { limitMs: options.limitMs }),
          ...(options.maxBytes === undefined ? {} : { maxBytes: options.maxBytes }),
        },
      };
      if (procedure === 'twice') yield { step: 'pause', ms: 5 };
      return done({ status: got.status, text: Buffer.from(got.body).toString(), header: got.headers['x-answer'] });
    },
    stream: (procedure, args, direction) =>
      procedure === 'refuse'
        ? refused(fault('not-supported', {}, 'no such transfer'))
        : done({
            method: direction === 'download' ? 'GET' : 'PUT',
            path: procedure,
            headers: { ...headers(), ...((args['headers'] as Record<string, string> | undefined) ?? {}) },
          }),
    leave: () => ({ method: 'POST', path: '/leave', headers: headers() }),
  };
  if (options.listens !== true) return conversation;
  return {
    ...conversation,
    *listen() {
      for (;;) {
        const got = yield { step: 'ask', ask: { method: 'GET', path: '/listen', headers: headers(), limitMs: 60_000 } };
        const text = Buffer.from(got.body).toString();
        if (text === 'over') return refused(fault('not-authenticated', { privilege: '' }, 'the session is over'));
        const lines = text.split('\n').filter((line) => line !== '');
        yield { step: 'events', events: lines.map((procedure) => ({ procedure, args: {} })) };
      }
    },
  };
};

export const dialerTo = (
  port: number,
  over: Partial<HttpDialer> & { user?: string; secure?: boolean; conversation?: HttpConversation } = {},
): HttpDialer => ({
  endpoint: { kind: over.secure === true ? 'https' : 'http', host: '127.0.0.1', port },
  converse: () => over.conversation ?? converse(),
  credentials: over.credentials ?? (() => ({ user: over.user ?? 'ann', password: new Secret(PASSWORD) })),
  fingerprint: over.fingerprint,
});

export const dialOptions = (dialer: HttpDialer, listens = false): DialOptions => ({
  dialer,
  listens,
  clock: systemClock,
  log: silentLog,
});
