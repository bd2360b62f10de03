/** The connections to one host: calls by lane in, their outcomes out; a few under way on each connection, the rest in order. */
import { fault, type Outcome, refused } from '../mappings/generic/faults.ts';
import type { DriverSend, HostStream } from '../mappings/generic/platform.ts';
import type { Clock } from '../runtime/clock.ts';
import { LIMITS } from '../runtime/limits.ts';
import type { Log } from '../runtime/log.ts';
import { type Dialer, dial, type HostConnection } from './connections/host-connection.ts';
import { HOST_SOCKET, openHostSocket } from './connections/host-socket.ts';

export type { Dialer } from './connections/host-connection.ts';

export type Lane = 'read' | 'work';
type CallLane = Parameters<DriverSend['call']>[2];

/** A connection is lost: what was asked of it may or may not have happened. */
export class HostLost extends Error {
  override readonly name = 'HostLost';
}

export const lostFault = (host: string): Outcome<never> =>
  refused(
    fault('host-communication', { host }, 'A general system error occurred: the connection to the host was lost.'),
  );

interface Slot {
  connection: HostConnection;
  inFlight: number;
  /** A listing sends half of what may be under way at a time: a write for every single call would cost more than the call. */
  refills: boolean;
}
interface Waiting {
  readonly procedure: string;
  readonly args: Readonly<Record<string, unknown>>;
  resolve(outcome: Outcome<Record<string, unknown>>): void;
  reject(error: Error): void;
}

export type NativeEvent = { readonly procedure: string; readonly args: Readonly<Record<string, unknown>> };

export interface Lanes {
  readonly send: DriverSend;
  /** Why the host is lost: resolved once, when any connection ended by itself. */
  readonly lost: Promise<string>;
  /** Fresh read connections, so that registrations for events start anew; the old ones end when their calls have. */
  renewRead(): Promise<Outcome<undefined>>;
  /** A stream beside the calls, or on a connection of its own where the host's protocol wants that. */
  stream(
    procedure: string,
    args: Readonly<Record<string, unknown>>,
    direction: 'download' | 'upload' | 'both',
  ): Promise<Outcome<{ stream: HostStream; close(): void }>>;
  close(): Promise<void>;
}

export const openLanes = async (options: {
  dialer: Dialer;
  host: string;
  counts: { readonly read: number; readonly work: number };
  clock: Clock;
  log: Log;
  onEvent: (event: NativeEvent) => void;
}): Promise<Outcome<Lanes>> => {
  const { dialer, host, counts, clock, log, onEvent } = options;
  const slots: Record<Lane, Slot[]> = { read: [], work: [] };
  const queues: Record<CallLane, Waiting[]> = { read: [], work: [], listing: [] };
  const retired = new Set<HostConnection>();
  const { promise: lost, resolve: lose } = Promise.withResolvers<string>();
  let ended = false;

  const end = (reason: string): void => {
    if (ended) return;
    ended = true;
    for (const lane of ['read', 'work', 'listing'] as const) {
      for (const waiting of queues[lane].splice(0)) waiting.reject(new HostLost(reason));
    }
    lose(reason);
  };
  const add = (lane: Lane, connection: HostConnection, into: Slot[]): void => {
    if (lane === 'read') {
      connection.onEvent((event) => {
        if (!retired.has(connection)) onEvent(event);
      });
    }
    connection.closed
      .then((reason) => {
        if (!retired.has(connection)) end(reason);
      })
      .catch(() => {}); // `closed` never rejects
    into.push({ connection, inFlight: 0, refills: true });
  };
  const openMany = async (lane: Lane, count: number): Promise<Outcome<Slot[]>> => {
    const opened = await Promise.all(
      Array.from({ length: count }, () => dial({ dialer, listens: lane === 'read', clock, log })),
    );
    const failed = opened.find((outcome) => !outcome.ok);
    const into: Slot[] = [];
    for (const outcome of opened) {
      if (!outcome.ok) continue;
      if (failed === undefined) add(lane, outcome.value, into);
      else void outcome.value.close('another connection to the host failed');
    }
    return failed !== undefined && !failed.ok ? failed : { ok: true, value: into };
  };

  const start = (lane: Lane, slot: Slot, waiting: Waiting): void => {
    slot.inFlight++;
    slot.connection.call(waiting.procedure, waiting.args).then(
      (outcome) => {
        finish(lane, slot);
        // A transport answers what it cannot send or lost by this fault, without words of the host: no one may take it for the host's.
        const lost = !outcome.ok && outcome.fault.kind === 'host-communication' && outcome.fault.native === undefined;
        if (lost) waiting.reject(new HostLost(outcome.fault.text));
        else waiting.resolve(outcome);
      },
      (error: unknown) => {
        // A call rejects only when its connection is lost.
        const reason = error instanceof Error ? error.message : String(error);
        waiting.reject(new HostLost(reason));
        finish(lane, slot);
        if (!retired.has(slot.connection)) end(reason);
      },
    );
  };
  const takesListing = (slot: Slot): boolean => {
    if (slot.inFlight >= LIMITS.listingInFlight) slot.refills = false;
    else if (slot.inFlight <= LIMITS.listingInFlight / 2) slot.refills = true;
    return slot.refills;
  };
  /** A listing waits for the other reads. */
  const nextOf = (lane: Lane, slot: Slot): Waiting | undefined => {
    if (queues[lane].length > 0) return slot.inFlight < LIMITS.laneInFlight ? queues[lane].shift() : undefined;
    return lane === 'read' && takesListing(slot) ? queues.listing.shift() : undefined;
  };
  const finish = (lane: Lane, slot: Slot): void => {
    slot.inFlight--;
    if (retired.has(slot.connection)) {
      if (slot.inFlight === 0) void slot.connection.close('renewed');
      return;
    }
    if (ended) return;
    for (let next = nextOf(lane, slot); next !== undefined; next = nextOf(lane, slot)) start(lane, slot, next);
  };
  const call: DriverSend['call'] = (procedure, args, lane) =>
    new Promise((resolve, reject) => {
      if (ended) return reject(new HostLost(`the connection to ${host} is lost`));
      let best: Slot | undefined;
      const own = lane === 'listing' ? 'read' : lane;
      for (const slot of slots[own]) {
        const takes = lane === 'listing' ? takesListing(slot) : slot.inFlight < LIMITS.laneInFlight;
        if (takes && (best === undefined || slot.inFlight < best.inFlight)) best = slot;
      }
      const waiting = { procedure, args, resolve, reject };
      if (best !== undefined && (lane !== 'listing' || queues.read.length === 0)) return start(own, best, waiting);
      if (queues[lane].length >= LIMITS.laneQueue)
        return resolve(refused(fault('busy', {}, `too many calls wait for ${host}`)));
      queues[lane].push(waiting);
      return undefined;
    });

  const stream: Lanes['stream'] = async (procedure, args, direction) => {
    if (procedure === HOST_SOCKET) return openHostSocket(dialer.endpoint, args);
    const shared = slots.work[0]?.connection ?? slots.read[0]?.connection;
    if (shared?.sharesStreams === true && !ended) {
      const opening = shared.stream(procedure, args, direction);
      return { ok: true, value: { stream: opening, close: () => opening.abort('the stream is over') } };
    }
    const opened = await dial({ dialer, listens: false, clock, log });
    if (!opened.ok) return opened;
    const connection = opened.value;
    const opening = connection.stream(procedure, args, direction);
    return { ok: true, value: { stream: opening, close: () => void connection.close('the stream is over') } };
  };
  const gather: DriverSend['gather'] = async (procedure, args, maxBytes) => {
    const opened = await stream(procedure, args, 'download');
    if (!opened.ok) return opened;
    const pieces: Uint8Array[] = [];
    let size = 0;
    opened.value.stream.onChunk((bytes) => {
      size += bytes.length;
      if (size <= maxBytes) pieces.push(bytes.slice());
      else opened.value.stream.abort('more than is wanted');
    });
    const started = await opened.value.stream.opened;
    const outcome = started.ok ? await opened.value.stream.finished : started;
    opened.value.close();
    if (size > maxBytes) return refused(fault('too-many', { limit: maxBytes }, `more than ${maxBytes} bytes`));
    return outcome.ok ? { ok: true, value: Buffer.concat(pieces) } : outcome;
  };

  // One after the other: a host that refuses the log-in hears it once.
  const read = await openMany('read', counts.read);
  if (!read.ok) return read;
  const work = await openMany('work', counts.work);
  if (!work.ok) {
    ended = true;
    for (const slot of read.value) void slot.connection.close('another connection to the host failed');
    return work;
  }
  slots.read = read.value;
  slots.work = work.value;

  return {
    ok: true,
    value: {
      send: { call, gather },
      lost,
      renewRead: async () => {
        const fresh = await openMany('read', counts.read);
        if (!fresh.ok) return fresh;
        const old = slots.read;
        slots.read = fresh.value;
        for (const slot of old) {
          retired.add(slot.connection);
          if (slot.inFlight === 0) void slot.connection.close('renewed');
        }
        return { ok: true, value: undefined };
      },
      stream,
      close: async () => {
        end('closed by us');
        const all = [...slots.read, ...slots.work].map((slot) => slot.connection);
        for (const connection of all) retired.add(connection);
        await Promise.all(all.map((connection) => connection.close()));
      },
    },
  };
};
