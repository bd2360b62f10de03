/** The admin endpoint: HTTP comes in, health, Prometheus metrics and the exchange log as JSON go out, a POST reloads or asks for a successor; a bearer token guards all but health. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Hop } from '../../runtime/protocol.ts';

/** What the endpoint shows of the server. */
export interface Inspected {
  health(): {
    readonly ok: boolean;
    readonly hosts: readonly { readonly name: string; readonly connected: boolean; readonly listed: boolean }[];
  };
  /** Figures of now, by metric name without prefix. */
  figures(): Readonly<Record<string, { readonly help: string; readonly value: number }>>;
  exchanges(limit: number): readonly unknown[];
  explain(exchange: string): readonly Hop[] | undefined;
  audit(limit: number): readonly unknown[];
  /** Of one among many: which cells are here, and who else is there. */
  cells?(): Promise<unknown>;
}

export interface AdminOptions {
  readonly inspected: Inspected;
  /** POST /reload: `refused` holds why nothing was taken over. */
  readonly reload?: () => Promise<{ readonly refused: readonly unknown[] }>;
  /** POST /take-over: asks for a new program in the place of this one. */
  readonly takeOver?: () => void;
  readonly token: string;
  /** Loopback when absent. */
  readonly address?: string;
  readonly port?: number;
  /** Listens already: its connections are taken over. */
  readonly acceptor?: { readonly server: NetServer; take(taker: (socket: Socket) => void): void } | undefined;
}

export interface Admin extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** What another program may accept connections on. */
  readonly acceptor: NetServer;
  close(): Promise<void>;
}

const PREFIX = 'transvisor_';
const LIST_MOST = 1000;

const sameText = (a: string, b: string): boolean => {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
};

const send = (response: ServerResponse, status: number, type: string, body: string): void => {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
};

const sendJson = (response: ServerResponse, status: number, value: unknown): void =>
  send(response, status, 'application/json', `${JSON.stringify(value)}\n`);

const limitOf = (url: URL): number => {
  const asked = Number(url.searchParams.get('limit') ?? '100');
  return Number.isInteger(asked) && asked > 0 ? Math.min(asked, LIST_MOST) : 100;
};

export const openAdmin = async ({
  inspected,
  reload,
  takeOver,
  token,
  address = '127.0.0.1',
  port = 0,
  acceptor,
}: AdminOptions): Promise<Admin> => {
  if (token.length < 16) throw new Error('the admin token is too short');
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: PREFIX });
  const gauges = new Map<string, Gauge>();

  const metrics = (): Promise<string> => {
    for (const [name, { help, value }] of Object.entries(inspected.figures())) {
      let gauge = gauges.get(name);
      if (gauge === undefined) {
        gauge = new Gauge({ name: `${PREFIX}${name}`, help, registers: [registry] });
        gauges.set(name, gauge);
      }
      gauge.set(value);
    }
    return registry.metrics();
  };

  const isAllowed = (request: IncomingMessage): boolean => {
    const given = /^Bearer ([^\s]{1,512})$/.exec(request.headers.authorization ?? '')?.[1];
    return given !== undefined && sameText(given, token);
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://admin');
    const acts = (url.pathname === '/reload' && reload) || (url.pathname === '/take-over' && takeOver);
    if (acts ? request.method !== 'POST' : request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', acts ? 'POST' : 'GET, HEAD');
      return sendJson(response, 405, { error: acts ? 'only POST' : 'only GET' });
    }
    if (url.pathname === '/healthz') {
      const health = inspected.health();
      return sendJson(response, health.ok ? 200 : 503, health);
    }
    if (!isAllowed(request)) {
      response.setHeader('www-authenticate', 'Bearer');
      return sendJson(response, 401, { error: 'a bearer token is needed' });
    }
    if (url.pathname === '/program') return sendJson(response, 200, { pid: process.pid });
    if (acts === takeOver && takeOver !== undefined) {
      takeOver();
      return sendJson(response, 202, { pid: process.pid });
    }
    if (acts === reload && reload !== undefined) {
      const report = await reload();
      return sendJson(response, report.refused.length === 0 ? 200 : 409, report);
    }
    if (url.pathname === '/metrics') return send(response, 200, registry.contentType, await metrics());
    if (url.pathname === '/exchanges') return sendJson(response, 200, { exchanges: inspected.exchanges(limitOf(url)) });
    if (url.pathname === '/cells' && inspected.cells !== undefined)
      return sendJson(response, 200, await inspected.cells());
    if (url.pathname === '/audit') return sendJson(response, 200, { audit: inspected.audit(limitOf(url)) });
    const exchange = /^\/exchanges\/([^/]{1,200})$/.exec(url.pathname)?.[1];
    if (exchange === undefined) return sendJson(response, 404, { error: 'no such page' });
    const hops = inspected.explain(decodeURIComponent(exchange));
    if (hops === undefined) return sendJson(response, 404, { error: 'no such exchange; the log keeps the newest' });
    return sendJson(response, 200, { exchange: decodeURIComponent(exchange), hops });
  };

  const server = createServer(
    { maxHeaderSize: 16_384, requestTimeout: 10_000, headersTimeout: 10_000 },
    (request, response) => {
      request.resume();
      answer(request, response).catch((error: unknown) => {
        if (!response.headersSent)
          sendJson(response, error instanceof URIError || error instanceof TypeError ? 400 : 500, { error: 'failed' });
        else response.destroy();
      });
    },
  );
  server.maxConnections = 64;
  const listening: NetServer = acceptor?.server ?? server;
  if (acceptor !== undefined) acceptor.take((socket) => server.emit('connection', socket));
  else
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, address, resolve);
    });
  const bound = (listening.address() as AddressInfo).port;

  const close = (): Promise<void> =>
    new Promise((resolve) => {
      listening.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    url: `http://${address.includes(':') ? `[${address}]` : address}:${bound}`,
    port: bound,
    acceptor: listening,
    close,
    [Symbol.asyncDispose]: close,
  };
};
