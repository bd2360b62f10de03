// A conversation with one libvirt daemon: a URI in, a HostTransport out (log-in, typed calls, events, streams). Sans-io: the agent
// owns the socket and pumps receive, tick and drain.
//
//   parseUri(text): Outcome<{ endpoint, name, driver }>                                  uri.ts
//   openTransport(name, options?): LibvirtTransport                                      one per connection; starts the log-in by itself
//   connect(uri): Outcome<{ endpoint, open(options?): LibvirtTransport }>                 both in one: Platform.connect
//   transport.ready: Promise<Outcome<undefined>>
//   transport.call('DOMAIN_GET_XML_DESC', { dom, flags: 2 }): Promise<Outcome<{ xml: string }>>    typed by procedures.ts
//   transport.onEvent(({ procedure, args }) => ...)                                      after CONNECT_..._EVENT_REGISTER_ANY
//   transport.stream('STORAGE_VOL_DOWNLOAD', { vol, offset: 0n, length: 0n }, 'download'): HostStream
//
// A host driver holds one connection for events and reads, N for work, and one for each stream: the daemon stops reading a
// connection while five of its calls run (max_client_requests), and one slow stream blocks its whole connection.
import { type Fault, fault, type Outcome, refused } from '../generic/faults.ts';
import type { Endpoint, HostStream, HostTransport } from '../generic/platform.ts';
import type { ArgsOf, Fields, RetOf } from './codec.ts';
import { type Procedure, procedureNamed } from './codec.ts';
import { type Call, logIn } from './connect.ts';
import { lost, tookTooLong } from './faults.ts';
import { createMachine, type KeepaliveOptions } from './machine.ts';
import type { ProcedureName, StreamName } from './procedures.ts';
import { createStream, type StreamEnd } from './streams.ts';
import { parseUri } from './uri.ts';

export type TransportOptions = {
  readonly readOnly?: boolean;
  /** Calls sent and not answered; more wait here. Whoever has calls that last sends fewer: five of them keep the daemon from reading. */
  readonly maxInFlight?: number;
  /** false: none. Not for a connection whose calls fill all the daemon's slots. */
  readonly keepalive?: KeepaliveOptions | false;
  /** A call that takes longer is given up here (the host goes on with it); 0: never. Seen to within a second. */
  readonly callLimitMs?: number;
};

export interface LibvirtTransport extends HostTransport {
  call<P extends ProcedureName>(procedure: P, args: ArgsOf<P>): Promise<Outcome<RetOf<P>>>;
  call(procedure: string, args: Fields): Promise<Outcome<Fields>>;
  stream<P extends StreamName>(procedure: P, args: ArgsOf<P>, direction: 'download' | 'upload' | 'both'): HostStream;
  stream(procedure: string, args: Fields, direction: 'download' | 'upload' | 'both'): HostStream;
  /** Features the daemon has, once ready: 14 callback ids, 15 close callback, 16 correct order of network-update arguments, 13, ... */
  readonly features: ReadonlySet<number>;
  /** Calls sent or queued and not answered. */
  readonly busy: number;
  /** Frames skipped: late stream data, events of no known number. */
  readonly skipped: number;
}

type Waiting = {
  readonly serial: number;
  readonly procedure: Procedure;
  readonly resolve: (outcome: Outcome<Fields>) => void;
  sinceMs: number | undefined;
};
type Queued = {
  readonly procedure: Procedure;
  readonly args: Fields;
  readonly resolve: (outcome: Outcome<Fields>) => void;
};

/** A stream's unread bytes: above it the connection stops reading. */
const UNREAD_MAX_BYTES = 1024 * 1024;
const TIMEOUT_STEP_MS = 1000;
/** Longest queue of calls not yet sent. */
const MAX_QUEUED = 100_000;

export const openTransport = (name: string, options: TransportOptions = {}): LibvirtTransport => {
  const maxInFlight = options.maxInFlight ?? 32;
  const callLimitMs = options.callLimitMs ?? 0;
  // Silence of fifteen seconds in all, as on the link between agent and server.
  const keepalive = options.keepalive ?? { intervalMs: 3000, count: 4 };

  /** Few, oldest first. */
  const waiting: Waiting[] = [];
  /** Calls given up that the daemon still works on: they hold their place until their late answer comes. */
  const abandoned = new Set<number>();
  const streams = new Map<number, StreamEnd>();
  const listeners: ((event: { procedure: string; args: Fields }) => void)[] = [];
  let queue: Queued[] = [];
  let queueAt = 0;
  let open = false;
  let over: Fault | undefined;
  let features: ReadonlySet<number> = new Set();
  let wake = (): void => {};
  let tickedMs: number | undefined;
  let drainWaits: (() => void)[] = [];
  let resolveReady: (outcome: Outcome<undefined>) => void;
  const ready = new Promise<Outcome<undefined>>((resolve) => {
    resolveReady = resolve;
  });

  const machine = createMachine({
    reply: (serial, outcome) => {
      abandoned.delete(serial);
      const at = waiting.findIndex((one) => one.serial === serial);
      const [call] = at < 0 ? [] : waiting.splice(at, 1);
      call?.resolve(outcome);
      sendQueued();
    },
    event: (event, args) => {
      for (const listener of listeners) listener({ procedure: event.name, args });
    },
    streamData: (serial, data) => streams.get(serial)?.data(data),
    streamHole: (serial, lengthBytes) => streams.get(serial)?.hole(lengthBytes),
    streamClosed: (serial, outcome) => {
      const stream = streams.get(serial);
      streams.delete(serial);
      stream?.closed(outcome);
    },
  });

  const issue = ({ procedure, args, resolve }: Queued): number | undefined => {
    let serial: number;
    try {
      serial = machine.call(procedure, args);
    } catch (error) {
      // Too long, out of range, not well-formed: the caller's values, not the host's fault.
      resolve(refused(fault('invalid-argument', { property: '' }, `${procedure.name}: ${(error as Error).message}`)));
      return undefined;
    }
    waiting.push({ serial, procedure, resolve, sinceMs: undefined });
    return serial;
  };

  const sendQueued = (): void => {
    if (!open) return;
    while (queueAt < queue.length && waiting.length + abandoned.size < maxInFlight) {
      const next = queue[queueAt++] as Queued;
      issue(next);
    }
    if (queueAt === queue.length) {
      queue = [];
      queueAt = 0;
    } else if (queueAt > 1024 && queueAt * 2 > queue.length) {
      queue = queue.slice(queueAt);
      queueAt = 0;
    }
  };

  const unknown = (procedure: string): Fault =>
    fault('not-supported', {}, `libvirt procedure "${procedure.slice(0, 100)}" is not known`);

  const call = (procedureName: string, args: Fields): Promise<Outcome<Fields>> => {
    if (over) return Promise.resolve(refused(over));
    const procedure = procedureNamed(procedureName);
    if (!procedure) return Promise.resolve(refused(unknown(procedureName)));
    if (procedure.reads || procedure.writes) throw new Error(`${procedureName} opens a stream: use stream()`);
    if (queue.length - queueAt >= MAX_QUEUED) {
      return Promise.resolve(refused(fault('busy', {}, `${MAX_QUEUED} calls wait on this connection`)));
    }
    return new Promise((resolve) => {
      queue.push({ procedure, args, resolve });
      sendQueued();
      wake();
    });
  };

  const direct: Call = ((procedureName: ProcedureName, args: Fields): Promise<Outcome<Fields>> => {
    if (over) return Promise.resolve(refused(over));
    return new Promise((resolve) => {
      issue({ procedure: procedureNamed(procedureName) as Procedure, args, resolve });
      wake();
    });
  }) as Call;

  const stream = (procedureName: string, args: Fields, direction: 'download' | 'upload' | 'both'): HostStream => {
    const procedure = procedureNamed(procedureName);
    const wants = { reads: direction !== 'upload', writes: direction !== 'download' };
    let serial: number | undefined;
    const end = createStream({
      // Nothing goes out before the stream is open: a fault must find no data behind it.
      send: (bytes) => serial !== undefined && machine.streamSend(serial, bytes),
      finish: () => serial !== undefined && machine.streamFinish(serial),
      abort: () => serial !== undefined && machine.streamAbort(serial),
      drained: () =>
        over || machine.outputBytes === 0
          ? Promise.resolve()
          : new Promise<void>((resolve) => drainWaits.push(resolve)),
      wake: () => wake(),
    });
    const refusal = (): Fault | undefined => {
      if (over) return over;
      if (!procedure) return unknown(procedureName);
      if ((!wants.reads || procedure.reads) && (!wants.writes || procedure.writes)) return undefined;
      return fault('not-supported', {}, `${procedureName} opens no stream for ${direction}`);
    };
    const begin = (): void => {
      const refusedBy = refusal();
      if (refusedBy || !procedure) {
        end.opened(refused(refusedBy ?? unknown(procedureName)));
        return;
      }
      const resolve = (outcome: Outcome<Fields>): void => {
        if (!outcome.ok && serial !== undefined) streams.delete(serial);
        end.opened(outcome);
      };
      serial = issue({ procedure, args, resolve });
      if (serial !== undefined) streams.set(serial, end);
      wake();
    };
    // Before the log-in is done nothing else may be asked.
    if (open || over) begin();
    else void ready.then((outcome) => (outcome.ok ? begin() : end.opened(outcome)));
    return end.stream;
  };

  const paused = (): boolean => {
    for (const end of streams.values()) if (end.unreadBytes() > UNREAD_MAX_BYTES) return true;
    return false;
  };

  const giveUp = (nowMs: number): void => {
    if (callLimitMs <= 0) return;
    for (const entry of [...waiting]) {
      entry.sinceMs ??= nowMs;
      if (nowMs - entry.sinceMs < callLimitMs) continue;
      waiting.splice(waiting.indexOf(entry), 1);
      abandoned.add(entry.serial);
      entry.resolve(refused(tookTooLong(entry.procedure.name, callLimitMs)));
    }
  };

  const closed = (reason: string): void => {
    if (over) return;
    over = lost(reason);
    // First: answering what waits would send what is queued.
    open = false;
    machine.end(over);
    streams.clear();
    const left = queue.slice(queueAt);
    queue = [];
    queueAt = 0;
    for (const { resolve } of left) resolve(refused(over));
    resolveReady(refused(over));
    for (const resolve of drainWaits.splice(0)) resolve();
  };

  void logIn(direct, name, { readOnly: options.readOnly === true, keepalive: keepalive !== false }).then((outcome) => {
    if (over) return;
    if (!outcome.ok) {
      // The agent closes on a refused log-in; calls that came early get the reason and not only the loss.
      over = outcome.fault;
      for (const { resolve } of queue.splice(0)) resolve(outcome);
      resolveReady(outcome);
      return;
    }
    features = outcome.value;
    open = true;
    if (keepalive !== false) machine.startKeepalive(keepalive);
    resolveReady({ ok: true, value: undefined });
    sendQueued();
    wake();
  });

  const transport: LibvirtTransport = {
    ready,
    call,
    stream,
    onEvent: (listener) => {
      listeners.push(listener);
    },
    receive: (bytes) => machine.receive(bytes),
    tick: (nowMs) => {
      tickedMs = nowMs;
      giveUp(nowMs);
      machine.tick(nowMs, paused());
    },
    wakeAt: () => {
      const pinging = machine.wakeAt();
      const limit =
        callLimitMs > 0 && waiting.length > 0 && tickedMs !== undefined ? tickedMs + TIMEOUT_STEP_MS : undefined;
      return pinging === undefined ? limit : limit === undefined ? pinging : Math.min(pinging, limit);
    },
    drain: () => {
      const bytes = machine.drain();
      const waits = drainWaits;
      drainWaits = [];
      for (const resolve of waits) resolve();
      return bytes;
    },
    closed,
    onOutput: (listener) => {
      wake = listener;
    },
    paused,
    get features() {
      return features;
    },
    get busy() {
      return waiting.length + queue.length - queueAt;
    },
    get skipped() {
      return machine.skipped;
    },
  };
  return transport;
};

/** For the platform's manifest. Every connection of a host gets a transport of its own. */
export const connect = (
  uri: string,
): Outcome<{ endpoint: Endpoint; open(options?: TransportOptions): LibvirtTransport }> => {
  const parsed = parseUri(uri);
  if (!parsed.ok) return parsed;
  const { endpoint, name } = parsed.value;
  return { ok: true, value: { endpoint, open: (options) => openTransport(name, options) } };
};
