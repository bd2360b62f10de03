/** The admin endpoint: a server and who may look at it in, an HTTP(S) address with health, metrics and the JSON API out. */
import { randomBytes } from 'node:crypto';
import { createServer, STATUS_CODES } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type { Accounts } from '../../runtime/accounts.ts';
import { systemClock } from '../../runtime/clock.ts';
import { LIMITS } from '../../runtime/limits.ts';
import { type Log, silentLog } from '../../runtime/log.ts';
import type { KeyPair } from '../../runtime/tls.ts';
import type { AuditLine } from '../events/audit.ts';
import { createAccess } from './access.ts';
import { mountConsole } from './console.ts';
import { createFeed } from './feed.ts';
import { createHistory } from './history.ts';
import type { Inspected } from './parts.ts';
import { PROBLEM_TYPE, Problem, problemBody } from './problem.ts';
import { createPrometheus } from './prometheus.ts';
import { mount, refuseOthers } from './route.ts';
import { routesOf } from './routes.ts';
import type { Sources } from './sources.ts';

export type { Inspected } from './parts.ts';

export interface AdminOptions
  extends Partial<
    Pick<Sources, 'version' | 'reload' | 'takeOver' | 'backup' | 'clock' | 'log' | 'logLevel' | 'config'>
  > {
  readonly inspected: Inspected;
  readonly token: string;
  /** Of people who log in at the console. */
  readonly accounts?: Accounts | undefined;
  readonly tls?: KeyPair | undefined;
  /** Loopback when absent. */
  readonly address?: string;
  readonly port?: number;
  /** Listens already: its connections are taken over. */
  readonly acceptor?: { readonly server: NetServer; take(taker: (socket: Socket) => void): void } | undefined;
  /** Every answer is compared with what OpenAPI says of it. */
  readonly strict?: boolean;
}

export interface Admin extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** What another program may accept connections on. */
  readonly acceptor: NetServer;
  close(): Promise<void>;
}

const API = '/api/v1';
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

const tellProblem = (reply: FastifyReply, status: number, detail: string, url: string): FastifyReply =>
  reply
    .code(status)
    .type(PROBLEM_TYPE)
    .send(problemBody(status, detail.slice(0, 500), url.slice(0, 500)));

const MISFITS: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };
/** What is no request, or too long for one: there is none to answer then, only a connection. */
const tellMisfit = ({ code = '' }: NodeJS.ErrnoException, socket: Socket): void => {
  if (!socket.writable) return void socket.destroy();
  const status = MISFITS[code] ?? 400;
  const body = problemBody(status, 'this is no request that can be read', '');
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
};

/** Whatever goes wrong is told in one form; of our own bugs only that there was one. */
const tellProblems = (app: FastifyInstance, log: Log): void => {
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const known = error instanceof Problem;
    const status = known ? error.status : error instanceof URIError ? 400 : (error.statusCode ?? 500);
    if (status >= 500 && !known)
      log.error({ error }, `admin: ${request.method} ${request.routeOptions.url ?? ''} failed`);
    if (known) void reply.headers(error.headers);
    const detail = known || status < 500 ? error.message : 'a bug of ours; the log of the server has it';
    return tellProblem(reply, status, detail, request.url);
  });
  app.setNotFoundHandler((request, reply) => tellProblem(reply, 404, 'there is nothing here', request.url));
};

export const openAdmin = async (options: AdminOptions): Promise<Admin> => {
  const { inspected, token, tls, address = '127.0.0.1', port = 0, acceptor } = options;
  if (token.length < 16) throw new Error('the admin token is too short');
  const clock = options.clock ?? systemClock;
  const now = (): number => clock.now();
  const log = options.log ?? silentLog;
  const access = createAccess({ token, accounts: options.accounts, secure: tls !== undefined, now });
  const feed = createFeed({ inspected, clock });
  const history = createHistory({ inspected, clock });
  const prometheus = createPrometheus(inspected);
  const own: Sources['own'] = {
    ask: async (path) => {
      const headers = { authorization: `Bearer ${token}` };
      return (await app.inject({ method: 'GET', url: `${API}${path}`, headers, remoteAddress: '::' })).payload;
    },
    metrics: () => prometheus.text(),
  };
  const sources: Sources = {
    version: options.version ?? '',
    own,
    inspected,
    access,
    feed,
    history,
    clock,
    life: randomBytes(6).toString('hex'),
    log,
    logLevel: options.logLevel,
    config: options.config,
    ...(options.reload === undefined ? {} : { reload: options.reload }),
    ...(options.takeOver === undefined ? {} : { takeOver: options.takeOver }),
    ...(options.backup === undefined ? {} : { backup: options.backup }),
  };
  const limits = { maxHeaderSize: 32_768, requestTimeout: 30_000, headersTimeout: 10_000 };
  const app = fastify({
    logger: false,
    bodyLimit: LIMITS.adminBodyBytes,
    routerOptions: { maxParamLength: 256 },
    clientErrorHandler: tellMisfit,
    frameworkErrors: (error, request, reply) =>
      void tellProblem(reply, error.statusCode ?? 400, error.message, request.url),
    serverFactory: (answer) =>
      tls === undefined
        ? createServer(limits, answer)
        : createTlsServer({ ...limits, cert: tls.certificate, key: tls.key, minVersion: 'TLSv1.2' }, answer),
  });
  // Many clients name a type with every request; where a body is needed its shape says so.
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) =>
    body === '' ? done(null, undefined) : parseJson(request, body, done),
  );
  // Requests are checked by the shapes themselves; what OpenAPI is made of is not compiled a second time.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  tellProblems(app, log);
  app.addHook('onSend', async (_, reply) => void reply.headers(HEADERS));
  await app.register(rateLimit, {
    global: false,
    max: LIMITS.adminRequestsPerMinute,
    timeWindow: 60_000,
    errorResponseBuilder: (_, { after }) => new Problem(429, `too many requests; come again in ${after}`),
  });
  // Before the hooks of any path: who is refused, or asks for what is not there, is counted as well.
  app.addHook('onRequest', app.rateLimit());
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Transvisor admin API', version: 'v1', description: 'Inspect and operate a transform server.' },
      servers: [{ url: API }],
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer' },
          console: { type: 'apiKey', in: 'cookie', name: 'transvisor-admin' },
        },
      },
      security: [{ token: [] }, { console: [] }],
    },
    stripBasePath: true,
  });
  const note = (line: Pick<AuditLine, 'user' | 'address' | 'method' | 'verb' | 'target' | 'outcome'>): void => {
    const [parts] = inspected.parts();
    parts?.audit.record({ atMs: now(), front: 'admin', targetName: '', job: '', exchange: '', ...line });
    const { user, address, method, target, outcome } = line;
    // One among several that has no cell has no audit either.
    if (parts === undefined) log.info({ user, address, outcome }, `admin: ${method}: ${target}`);
  };
  await app.register(
    async (api) => {
      const routes = routesOf(sources);
      refuseOthers(api, routes);
      for (const one of routes)
        mount(
          {
            app: api,
            access,
            strict: options.strict === true,
            changed: (who, { method, path }, request, status) =>
              note({
                user: who.name,
                address: request.ip,
                method: `${method} ${path}`,
                verb: `admin.${method.toLowerCase()}`,
                target: request.url.slice(API.length, 200),
                outcome: status < 400 ? 'success' : String(status),
              }),
          },
          one,
        );
      api.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
    },
    { prefix: API },
  );
  app.get('/healthz', { schema: { hide: true } }, async (_, reply) => {
    const health = inspected.health();
    return reply.code(health.ok ? 200 : 503).send(health);
  });
  mountConsole(app);
  app.get('/metrics', { schema: { hide: true } }, async (request, reply) => {
    access.admit(request, 'viewer');
    return reply.type(prometheus.contentType).send(await prometheus.text());
  });
  await app.ready();

  const { server } = app;
  server.maxConnections = LIMITS.adminConnections;
  const listening: NetServer = acceptor?.server ?? server;
  /** A server that does not listen itself knows of no connections, and closes none. */
  const accepted = new Set<Socket>();
  if (acceptor !== undefined)
    acceptor.take((socket) => {
      accepted.add(socket);
      socket.once('close', () => accepted.delete(socket));
      server.emit('connection', socket);
    });
  else
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, address, resolve);
    });
  const bound = (listening.address() as AddressInfo).port;

  const close = async (): Promise<void> => {
    feed.close();
    history.close();
    await new Promise<void>((resolve) => {
      listening.close(() => resolve());
      server.closeAllConnections();
      for (const socket of accepted) socket.destroy();
    });
    await app.close();
  };
  const host = address.includes(':') ? `[${address}]` : address;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${host}:${bound}`,
    port: bound,
    acceptor: listening,
    close,
    [Symbol.asyncDispose]: close,
  };
};
