// The socket half of a connection to a host: an endpoint and a sans-io HostTransport in, a pumped connection out. What is spoken on
// it only the transport knows. An `embedded` endpoint lives in this process and needs no socket.
//
//   openConnection({ endpoint, transport, clock, log }): Promise<Outcome<Connection>>    resolves when the transport is ready
//   connection.transport                                                                 call, stream, onEvent
//   connection.closed: Promise<string>                                                   why it ended; never rejects
//   await connection[Symbol.asyncDispose]()
import { createConnection, type NetConnectOpts, type Socket } from 'node:net';
import { fault, type Outcome, refused } from '../../mappings/generic/faults.ts';
import type { Endpoint, HostTransport } from '../../mappings/generic/platform.ts';
import { openEmbedded } from './embedded.ts';

export type Clock = {
  now(): number;
  /** Calls back once, after so many ms; returns how to forget it. A timer must not keep the program alive. */
  after(delayMs: number, callback: () => void): () => void;
};

export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

export type ConnectionLog = {
  debug(fields: Readonly<Record<string, unknown>>, text: string): void;
  warn(fields: Readonly<Record<string, unknown>>, text: string): void;
};

export type ConnectionOptions<T extends HostTransport> = {
  readonly endpoint: Endpoint;
  readonly transport: T;
  readonly clock?: Clock;
  readonly log?: ConnectionLog;
  /** From the first packet to the end of the log-in. */
  readonly openLimitMs?: number;
};

export interface Connection<T extends HostTransport = HostTransport> extends AsyncDisposable {
  readonly transport: T;
  /** Why it ended. */
  readonly closed: Promise<string>;
  readonly isOpen: boolean;
  close(reason?: string): Promise<void>;
}

const OPEN_LIMIT_MS = 30_000;
/** Not every peer closes after our end; then we do. */
const LINGER_MS = 2000;

const addressOf = (endpoint: Endpoint): Outcome<NetConnectOpts> => {
  const { kind, path, host, port } = endpoint;
  if (kind === 'unix' && path !== undefined) return { ok: true, value: { path } };
  if (kind === 'tcp' && host !== undefined && port !== undefined)
    return { ok: true, value: { host, port, noDelay: true } };
  return refused(fault('not-supported', {}, `no connection to an endpoint of kind ${kind}`));
};

const nameOf = ({ path, host, port }: Endpoint): string => path ?? `${host}:${port}`;

export const openConnection = async <T extends HostTransport>(
  options: ConnectionOptions<T>,
): Promise<Outcome<Connection<T>>> => {
  const { endpoint, transport } = options;
  const clock = options.clock ?? systemClock;
  if (endpoint.kind === 'embedded') {
    const name = endpoint.path ?? 'embedded';
    return openEmbedded(transport, name, clock, options.openLimitMs ?? OPEN_LIMIT_MS, (error) =>
      options.log?.warn({ endpoint: name, error }, 'the embedded host failed'),
    );
  }
  const address = addressOf(endpoint);
  if (!address.ok) {
    transport.closed(address.fault.text);
    return address;
  }
  const at = nameOf(endpoint);
  const socket: Socket = createConnection(address.value);
  let state: 'connecting' | 'open' | 'closed' = 'connecting';
  let scheduled = false;
  let saturated = false;
  let forgetTimer: (() => void) | undefined;
  let timerAtMs: number | undefined;
  let resolveClosed: (reason: string) => void;
  const closed = new Promise<string>((resolve) => {
    resolveClosed = resolve;
  });
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));

  const end = (reason: string, graceful: boolean): void => {
    if (state === 'closed') return;
    state = 'closed';
    forgetTimer?.();
    if (graceful) {
      socket.resume();
      socket.end();
      const forget = clock.after(LINGER_MS, () => socket.destroy());
      socket.once('close', forget);
    } else socket.destroy();
    options.log?.debug({ endpoint: at, reason }, 'connection closed');
    transport.closed(reason);
    resolveClosed(reason);
  };

  /** What a transport throws is about the peer: the conversation is over, the program is not. */
  const guarded = (step: () => void): boolean => {
    try {
      step();
      return true;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      options.log?.warn({ endpoint: at, error }, 'the peer cannot be understood');
      end(`${at}: ${reason}`, false);
      return false;
    }
  };

  const write = (): void => {
    if (saturated) return;
    const chunks = transport.drain();
    if (chunks.length === 0) return;
    if (chunks.length === 1) {
      saturated = !socket.write(chunks[0] as Uint8Array);
      return;
    }
    socket.cork();
    for (const chunk of chunks) saturated = !socket.write(chunk);
    socket.uncork();
  };

  const arm = (): void => {
    const wakeAt = transport.wakeAt();
    if (wakeAt === timerAtMs) return;
    // An earlier timer may stay: it looks again when it fires.
    if (wakeAt !== undefined && timerAtMs !== undefined && timerAtMs < wakeAt) return;
    forgetTimer?.();
    forgetTimer = undefined;
    timerAtMs = wakeAt;
    if (wakeAt === undefined) return;
    forgetTimer = clock.after(Math.max(0, wakeAt - clock.now()), () => {
      timerAtMs = undefined;
      if (state === 'open' && guarded(() => transport.tick(clock.now()))) pump();
    });
  };

  const pump = (): void => {
    scheduled = false;
    if (state !== 'open') return;
    write();
    if (transport.paused()) socket.pause();
    else if (socket.isPaused()) socket.resume();
    arm();
  };

  /** All calls made in one turn leave in one write. */
  const wake = (): void => {
    if (scheduled || state !== 'open') return;
    scheduled = true;
    queueMicrotask(pump);
  };

  transport.onOutput(wake);
  socket.on('data', (bytes: Buffer) => {
    if (state === 'open' && guarded(() => transport.receive(bytes, clock.now()))) wake();
  });
  socket.on('drain', () => {
    saturated = false;
    wake();
  });
  socket.on('error', (error) => end(`${at}: ${error.message}`, false));
  socket.on('end', () => end(`${at}: closed by the host`, false));
  socket.on('close', () => end(`${at}: closed`, false));
  socket.once('connect', () => {
    if (state !== 'connecting') return;
    state = 'open';
    if (guarded(() => transport.tick(clock.now()))) pump();
  });

  const openLimitMs = options.openLimitMs ?? OPEN_LIMIT_MS;
  const forgetLimit = clock.after(openLimitMs, () => end(`${at}: no log-in within ${openLimitMs} ms`, false));
  const ready = await transport.ready;
  forgetLimit();
  if (!ready.ok) {
    end(`${at}: ${ready.fault.text}`, false);
    return ready;
  }

  const close = async (reason = 'closed by us'): Promise<void> => {
    end(reason, true);
    await ended;
  };
  return {
    ok: true,
    value: {
      transport,
      closed,
      get isOpen() {
        return state === 'open';
      },
      close,
      [Symbol.asyncDispose]: () => close(),
    },
  };
};
