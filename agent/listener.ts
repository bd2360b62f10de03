/** The HTTP(S) listener of one front: bounded requests in, calls and streams to the router out. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { fault } from '../mappings/generic/faults.ts';
import type { HttpRequest } from '../mappings/generic/platform.ts';
import { LIMITS } from '../runtime/limits.ts';
import type { Log } from '../runtime/log.ts';
import type { KeyPair } from '../runtime/tls.ts';
import { type Client, createClient } from './client.ts';
import { faultAnswer, type ServedFront } from './front.ts';
import type { Router } from './router.ts';

export interface Listener {
  readonly port: number;
  /** Requests are answered from now on; those that came before get 503. */
  serve(front: ServedFront, router: Router): void;
  close(): Promise<void>;
}

const NO_QUERY = new URLSearchParams();
const EMPTY = new Uint8Array();

export const openListener = async (options: {
  readonly address: string;
  readonly port: number;
  readonly tls: KeyPair | undefined;
  readonly log: Log;
}): Promise<Listener> => {
  const { address, port, tls, log } = options;
  let served: ServedFront | undefined;
  let router: Router | undefined;
  let inFlight = 0;
  const secure = tls !== undefined;

  const toRequest = (request: IncomingMessage, body: Uint8Array): HttpRequest => {
    const url = request.url ?? '/';
    const mark = url.indexOf('?');
    return {
      method: request.method ?? 'GET',
      path: mark < 0 ? url : url.slice(0, mark),
      query: mark < 0 ? NO_QUERY : new URLSearchParams(url.slice(mark + 1)),
      headers: request.headers,
      body,
      secure,
    };
  };
  const decode = (front: ServedFront, to: Router, client: Client, body: Uint8Array): Promise<void> | void => {
    const decoded = front.front.decode(toRequest(client.request, body), front.instance);
    switch (decoded.kind) {
      case 'call':
        return to.call(front, decoded.call, client);
      case 'stream':
        return to.stream(front, decoded.stream, client);
      case 'answer':
        return client.answer(decoded.answer);
      case 'fault':
        return client.answer(faultAnswer(front, decoded.fault));
      default:
        return decoded satisfies never;
    }
  };
  const act = (front: ServedFront, to: Router, client: Client, body: Uint8Array): void => {
    inFlight++;
    const broken = (error: unknown): void => {
      log.error({ front: front.instance.name, error }, 'a request could not be answered');
      client.destroy();
    };
    try {
      const answered = decode(front, to, client, body);
      if (answered === undefined) inFlight--;
      else {
        answered.catch(broken).finally(() => {
          inFlight--;
        });
      }
    } catch (error) {
      inFlight--;
      broken(error);
    }
  };

  /** Too large: the fault goes out at once, the rest is swallowed within bounds so that the client gets to read it. */
  const tooLarge = (front: ServedFront, client: Client): void => {
    const { request } = client;
    client.answer(
      faultAnswer(front, fault('invalid-request', {}, `The request is larger than ${front.front.maxBodyBytes} bytes.`)),
    );
    let swallowed = 0;
    request.on('data', (bytes: Buffer) => {
      swallowed += bytes.length;
      if (swallowed > LIMITS.drainBodyBytes) request.destroy();
    });
    request.resume();
  };

  /** Requests whose body is not complete, by the round in which they began: a body has at least one round of time, at most two. */
  const gathering = new Map<IncomingMessage, number>();
  let round = 0;
  const rounds = setInterval(() => {
    for (const [request, began] of gathering) {
      if (began < round || request.destroyed) {
        gathering.delete(request);
        request.destroy();
      }
    }
    round++;
  }, LIMITS.httpRequestMs);
  rounds.unref();

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const [front, to] = [served, router];
    if (front === undefined || to === undefined || inFlight >= LIMITS.exchangesInFlight) {
      response.writeHead(503, { 'retry-after': '1', 'content-length': '0', connection: 'close' }).end();
      return;
    }
    const client = createClient(request, response, secure);
    const url = request.url ?? '/';
    const mark = url.indexOf('?');
    if (front.front.isStream(request.method ?? 'GET', mark < 0 ? url : url.slice(0, mark))) {
      // The router reads the body; whatever it leaves unread must not block the next request of the connection.
      response.once('close', () => request.resume());
      act(front, to, client, EMPTY);
      return;
    }
    const most = front.front.maxBodyBytes;
    if (Number(request.headers['content-length'] ?? 0) > most) {
      tooLarge(front, client);
      return;
    }
    // Nearly every request comes in one piece; a list of pieces is made only for the others.
    let only: Buffer | undefined;
    let pieces: Buffer[] | undefined;
    let size = 0;
    const onData = (bytes: Buffer): void => {
      size += bytes.length;
      if (size > most) {
        request.off('data', onData);
        request.off('end', onEnd);
        gathering.delete(request);
        tooLarge(front, client);
      } else if (only === undefined) only = bytes;
      else if (pieces === undefined) pieces = [only, bytes];
      else pieces.push(bytes);
    };
    const onEnd = (): void => {
      gathering.delete(request);
      act(front, to, client, pieces === undefined ? (only ?? EMPTY) : Buffer.concat(pieces));
    };
    gathering.set(request, round);
    request.on('data', onData);
    request.on('end', onEnd);
  };

  const shared = {
    maxHeaderSize: LIMITS.httpHeaderBytes,
    headersTimeout: LIMITS.httpHeadersMs,
    // Streams take as long as they take: a client that sends its head must only keep sending.
    requestTimeout: 0,
    keepAliveTimeout: LIMITS.httpKeepAliveMs,
    keepAlive: true,
    noDelay: true,
  };
  const http: Server =
    tls === undefined
      ? createServer(shared, onRequest)
      : createTlsServer({ ...shared, key: tls.key, cert: tls.certificate, minVersion: 'TLSv1.2' }, onRequest);
  http.maxConnections = LIMITS.httpConnections;
  http.timeout = 0;
  const sockets = new Set<Socket>();
  http.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  // A client that speaks no HTTP gets an answer and the end of its connection.
  http.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  });
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, address, () => {
      http.off('error', reject);
      http.on('error', (error) => log.error({ error }, 'listener failed'));
      resolve();
    });
  });
  const at = http.address();
  return {
    port: at !== null && typeof at === 'object' ? at.port : port,
    serve: (front, to) => {
      served = front;
      router = to;
    },
    close: () =>
      new Promise((resolve) => {
        clearInterval(rounds);
        http.close(() => resolve());
        http.closeIdleConnections();
        // Waiting clients would keep the program for minutes.
        setTimeout(() => {
          for (const socket of sockets) socket.destroy();
        }, 200).unref();
      }),
  };
};
