/** The HTTP(S) listener of one front, or of several at one place: bounded requests in, calls and streams to the router out. */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type SecureContextOptions, Server as TlsServer } from 'node:tls';
import { fault } from '../mappings/generic/faults.ts';
import type { Decoded, HttpRequest } from '../mappings/generic/platform.ts';
import { LIMITS } from '../runtime/limits.ts';
import type { Log } from '../runtime/log.ts';
import type { KeyPair } from '../runtime/tls.ts';
import { suitesFor, type TlsWishes } from '../runtime/tls-suites.ts';
import type { Acceptor, Entrance } from './acceptor.ts';
import type { Client } from './client.ts';
import { faultAnswer, frontFor, type ServedFront } from './front.ts';
import { createFieldTexts, dateField } from './http/answer-head.ts';
import { HttpConnection, type Requests } from './http/connection.ts';
import type { Relay } from './pass.ts';
import type { Router } from './router.ts';

/** The pair that a front's clients are shown, as it is now. */
export interface FrontTls extends KeyPair, TlsWishes {
  /** Called when the pair has become another; gives the end of it. */
  onRenewed?(listener: () => void): () => void;
}

export interface Listener {
  readonly port: number;
  /** Requests are answered from now on, each by the front whose it is; those that came before get 503. */
  serve(fronts: readonly ServedFront[], router: Router): void;
  /** What accepts its connections, to be passed on to another program; undefined: a gate does. */
  readonly acceptor: Server | undefined;
  /** Accepts no more; resolves when every client has its answer and is gone, or at the limit. */
  drain(limitMs: number): Promise<void>;
  close(): Promise<void>;
}

const DRAIN_TICK_MS = 50;
const NO_QUERY = new URLSearchParams();

const toRequest = ({ head, secure }: Client, body: Uint8Array): HttpRequest => ({
  method: head.method,
  path: head.path,
  query: head.query === '' ? NO_QUERY : new URLSearchParams(head.query),
  headers: head.headers,
  body,
  secure,
});

const contextOf = (tls: FrontTls): SecureContextOptions => ({
  key: tls.key,
  cert: tls.certificate,
  ...suitesFor(tls),
});

const endsOf = ({ remoteAddress, remotePort, localAddress, localPort }: Socket): string =>
  `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;

/** A call without arguments holds no secret, and pollers send it again and again: the same bytes on the same connection are the same call. */
const isRepeatable = (decoded: Decoded, body: Uint8Array): boolean => {
  if (decoded.kind !== 'call' || body.length > LIMITS.repeatedBodyBytes) return false;
  for (const _ in decoded.call.args) return false;
  return true;
};

export const openListener = async (options: {
  readonly address: string;
  readonly port: number;
  readonly tls: FrontTls | undefined;
  /** Somebody else accepts: the connections are taken over, and wait until the front is served. */
  readonly source?: Acceptor | Entrance | undefined;
  /** Takes the connections as they are: the front's requests are answered elsewhere. */
  readonly relay?: Relay | undefined;
  /** By front, where several share connections: takes one over with the first request of its own, for good. */
  readonly relays?: ReadonlyMap<string, Relay> | undefined;
  readonly log: Log;
}): Promise<Listener> => {
  const { address, port, tls, source, relay, relays, log } = options;
  let served: readonly ServedFront[] = [];
  let router: Router | undefined;
  let inFlight = 0;
  let date = dateField(new Date());

  const decode = (front: ServedFront, client: Client, body: Uint8Array): Decoded => {
    const before = client.decodedBefore(body);
    if (before !== undefined) return before;
    const decoded = front.front.decode(toRequest(client, body), front.instance);
    if (isRepeatable(decoded, body)) client.remember(body, decoded);
    return decoded;
  };
  const dispatch = (front: ServedFront, to: Router, client: Client, body: Uint8Array): Promise<void> | void => {
    client.trail = to.follow(front, client, body);
    const decoded = decode(front, client, body);
    client.trail?.decoded();
    switch (decoded.kind) {
      case 'call':
        return to.call(front, decoded.call, client, decoded.token);
      case 'stream':
        return to.stream(front, decoded.stream, client, decoded.token);
      case 'answer':
        return client.answer(decoded.answer);
      case 'fault':
        return client.answer(faultAnswer(front, decoded.fault));
      default:
        return decoded satisfies never;
    }
  };

  const requests: Requests = {
    get date() {
      return date;
    },
    fields: createFieldTexts(),
    admit: (head) => {
      const front = frontFor(served, head);
      if (front === undefined || router === undefined || inFlight >= LIMITS.exchangesInFlight) return undefined;
      if (relays?.has(front.instance.name)) return 'relayed';
      const { isStream, maxBodyBytes } = front.front;
      return isStream(head.method, head.path) ? 'pulled' : maxBodyBytes;
    },
    arrived: (client, body) => {
      const [front, to] = [frontFor(served, client.head), router];
      if (front === undefined || to === undefined) return client.destroy();
      const broken = (error: unknown): void => {
        log.error({ exchange: client.exchange, front: front.instance.name, error }, 'a request could not be answered');
        client.destroy();
      };
      try {
        const answered = dispatch(front, to, client, body);
        if (answered === undefined) return;
        inFlight++;
        answered.catch(broken).finally(() => {
          inFlight--;
        });
      } catch (error) {
        broken(error);
      }
    },
    tooLarge: (client) => {
      const front = frontFor(served, client.head);
      if (front === undefined) return client.destroy();
      const text = `The request is larger than ${front.front.maxBodyBytes} bytes.`;
      client.answer(faultAnswer(front, fault('invalid-request', {}, text)));
    },
    relayed: (connection, head) => {
      const front = frontFor(served, head);
      connections.delete(connection);
      const socket = connection.giveBack();
      relays?.get(front?.instance.name ?? '')?.accept(socket, connection.address, connection.secure);
    },
  };

  const connections = new Set<HttpConnection>();
  /** Clients that a load balancer named: TLS makes another socket of theirs, of which its two ends are known. */
  const named = new Map<string, string>();
  const accept = (socket: Socket): void => {
    // A client that has said all still reads.
    socket.allowHalfOpen = true;
    const address = (named.size === 0 ? undefined : named.get(endsOf(socket))) ?? socket.remoteAddress ?? '';
    if (relay !== undefined) {
      relay.accept(socket, address, tls !== undefined);
      return;
    }
    const connection = new HttpConnection(socket, address, tls !== undefined, requests);
    connections.add(connection);
    socket.once('close', () => connections.delete(connection));
  };
  const shared = { noDelay: true, keepAlive: true };
  const server: Server =
    tls === undefined
      ? createServer(shared, accept)
      : createTlsServer(
          {
            ...shared,
            ...contextOf(tls),
            ALPNProtocols: ['http/1.1', 'http/1.0'],
            handshakeTimeout: LIMITS.httpHeadersMs,
          },
          accept,
        );
  server.maxConnections = LIMITS.httpConnections;
  const endRenewals = tls?.onRenewed?.(() => {
    // Present connections keep what they began with.
    if (server instanceof TlsServer) server.setSecureContext(contextOf(tls));
  });
  /** As `server` does with those it accepts; what was read of it lies in it. */
  const enter = (socket: Socket, client?: string): void => {
    // Half a greeting of TLS is none.
    socket.allowHalfOpen = false;
    if (client !== undefined) {
      const ends = endsOf(socket);
      named.set(ends, client);
      socket.once('close', () => named.delete(ends));
    }
    server.emit('connection', socket);
    // TLS reads from beneath it.
    if (tls === undefined && relay === undefined) socket.resume();
  };
  // Of TLS those, too, whose handshake is not over.
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  // Whoever speaks no TLS to a TLS port.
  server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
  const ticks = setInterval(() => {
    date = dateField(new Date());
    for (const connection of connections) connection.sweep();
  }, LIMITS.httpTickMs);
  ticks.unref();

  if (source === undefined)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, address, () => {
        server.off('error', reject);
        server.on('error', (error) => log.error({ error }, 'listener failed'));
        resolve();
      });
    });
  const listening = source === undefined ? server : 'server' in source ? source.server : undefined;
  const at = listening?.address() ?? null;
  const closeRelays = (): void => {
    relay?.close();
    for (const one of relays?.values() ?? []) one.close();
  };
  const endConnections = (): void => {
    closeRelays();
    for (const connection of connections) connection.close();
  };
  const stop = (): void => {
    clearInterval(ticks);
    endRenewals?.();
    endConnections();
  };
  return {
    port: at !== null && typeof at === 'object' ? at.port : port,
    serve: (fronts, to) => {
      served = fronts;
      router = to;
      source?.take(enter);
    },
    acceptor: listening,
    drain: (limitMs) =>
      new Promise((resolve) => {
        listening?.close();
        closeRelays();
        for (const connection of connections) connection.retire();
        const done = (): void => {
          clearInterval(watch);
          stop();
          for (const socket of sockets) socket.destroy();
          resolve();
        };
        let leftMs = limitMs;
        const watch = setInterval(() => {
          leftMs -= DRAIN_TICK_MS;
          if (limitMs - leftMs === LIMITS.drainIdleMs) endConnections();
          if (sockets.size === 0 || leftMs <= 0) done();
        }, DRAIN_TICK_MS);
      }),
    close: () =>
      new Promise((resolve) => {
        if (listening?.listening === true) listening.close(() => resolve());
        else resolve();
        stop();
        // Waiting clients would keep the program for minutes.
        setTimeout(() => {
          for (const socket of sockets) socket.destroy();
        }, 200).unref();
      }),
  };
};
