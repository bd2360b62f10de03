/** The durable outbox of direct commands: starts and ends in, acknowledged batches to the server out. An append-only file that survives kill -9. */
import {
  closeSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { Packr } from 'msgpackr';
import { fault } from '../mappings/generic/faults.ts';
import type { Clock } from '../runtime/clock.ts';
import { LIMITS } from '../runtime/limits.ts';
import { LinkDown } from '../runtime/link.ts';
import type { Log } from '../runtime/log.ts';
import type { OutboxEntry, ServerApi } from '../runtime/protocol.ts';
import type { ServerPort } from './server-port.ts';

export interface Outbox {
  /** Written before it returns. false: it, or the disk, is full, the command must not start. 'finished' always finds room. */
  put(entry: Omit<OutboxEntry, 'seq'>): boolean;
  /** Resolves when the server has all that was put before; at once when nothing waits; LinkDown while it is away. */
  flushed(): Promise<void>;
  readonly waiting: number;
  close(): void;
}

type Record =
  | { readonly kind: 'entry'; readonly entry: OutboxEntry }
  | { readonly kind: 'through'; readonly seq: number };

const packr = new Packr({ useRecords: false });
const HEADER = 8;
const COMPACT_BYTES = 256 * 1024;

/** Length, CRC-32, MessagePack. */
const encodeRecord = (record: Record): Buffer => {
  const body = packr.pack(record);
  const bytes = Buffer.allocUnsafe(HEADER + body.length);
  bytes.writeUInt32BE(body.length, 0);
  bytes.writeUInt32BE(crc32(body), 4);
  body.copy(bytes, HEADER);
  return bytes;
};

/** The whole records at the start; what follows them was torn by the end of the program. */
const decodeRecords = (bytes: Buffer): { records: Record[]; goodBytes: number } => {
  const records: Record[] = [];
  let at = 0;
  while (at + HEADER <= bytes.length) {
    const length = bytes.readUInt32BE(at);
    const body = bytes.subarray(at + HEADER, at + HEADER + length);
    if (length === 0 || body.length < length || crc32(body) !== bytes.readUInt32BE(at + 4)) break;
    records.push(packr.unpack(body) as Record);
    at += HEADER + length;
  }
  return { records, goodBytes: at };
};

export const openOutbox = (options: {
  path: string;
  agent: string;
  server: ServerPort;
  clock: Clock;
  log: Log;
}): Outbox => {
  const { path, agent, server, clock, log } = options;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  let fd = openSync(path, 'a+', 0o600);
  let fileBytes = fstatSync(fd).size;
  /** Not yet acknowledged, by seq: insertion order is seq order. */
  const queue = new Map<number, { entry: OutboxEntry; bytes: number }>();
  let queueBytes = 0;
  /** Of hosts that the server cannot write down just now: others are not held up by them. Their numbers stay above what is acknowledged. */
  const late = new Map<number, OutboxEntry>();
  let lateDue = false;
  /** Commands that started and did not end; kept even when the server has the start. */
  const open = new Map<string, OutboxEntry>();
  // A new file starts above every number an earlier file of this agent can have reached.
  let seq = Math.floor(clock.now()) * 1024;
  let through = 0;
  let dirty = false;
  let syncing = false;
  /** Its fsync is under way: another thread works on the number, which must not become another file's. */
  let inSync: number | undefined;
  let retired: number | undefined;
  let pumping = false;
  let retrying = false;
  /** A pump follows at the end of this turn. */
  let told = false;
  let closed = false;
  let failing = false;
  let waiters: { readonly seq: number; resolve(): void; reject(error: Error): void }[] = [];

  const remember = (entry: OutboxEntry, bytes: number): void => {
    queue.set(entry.seq, { entry, bytes });
    queueBytes += bytes;
    seq = Math.max(seq, entry.seq);
    if (entry.phase === 'started') open.set(entry.job, entry);
    else open.delete(entry.job);
  };
  const acknowledged = (upTo: number): void => {
    through = Math.max(through, upTo);
    for (const [number, { bytes }] of queue) {
      if (number > upTo) break;
      queue.delete(number);
      queueBytes -= bytes;
    }
  };

  const { records, goodBytes } = decodeRecords(readFileSync(path));
  if (goodBytes < fileBytes) {
    log.warn({ count: fileBytes - goodBytes }, 'outbox: bytes of a torn record dropped');
    ftruncateSync(fd, goodBytes);
    fileBytes = goodBytes;
  }
  for (const record of records) {
    if (record.kind === 'through') {
      seq = Math.max(seq, record.seq);
      acknowledged(record.seq);
    } else remember(record.entry, 0);
  }

  /** What cannot be written (a full disk) is told once, until it can again. */
  const attempt = (write: () => void): boolean => {
    try {
      write();
      failing = false;
      return true;
    } catch (error) {
      if (!failing) log.error({ error }, 'outbox: cannot be written; direct commands go through the server meanwhile');
      failing = true;
      return false;
    }
  };
  /** Its bytes; undefined: it is not in the file. */
  const append = (record: Record): number | undefined => {
    const bytes = encodeRecord(record);
    // Written at once: the kernel keeps it through kill -9. The disk has it a moment later, for all records of that moment.
    const written = attempt(() => {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    });
    if (!written) {
      // Half a record would hide all that follow it.
      ftruncateSync(fd, fileBytes);
      return undefined;
    }
    fileBytes += bytes.length;
    dirty = true;
    if (!syncing) {
      syncing = true;
      clock.after(LIMITS.outboxFsyncMs, sync);
    }
    return bytes.length;
  };
  const sync = (): void => {
    if (closed || !dirty) {
      syncing = false;
      return;
    }
    dirty = false;
    inSync = fd;
    fsync(fd, (error) => {
      inSync = undefined;
      if (retired !== undefined) closeSync(retired);
      retired = undefined;
      if (error !== null && !closed) log.error({ error }, 'outbox: fsync failed');
      sync();
    });
  };
  /** Acknowledged records leave the file when there is nothing else to keep but the open starts. */
  const compact = (): void => {
    if (queue.size > 0 || late.size > 0 || fileBytes < COMPACT_BYTES || retired !== undefined) return;
    if (!attempt(() => writeCompact(`${path}.new`))) return;
    const { size } = statSync(`${path}.new`);
    renameSync(`${path}.new`, path);
    const old = fd;
    fd = openSync(path, 'a+', 0o600);
    if (inSync === old) retired = old;
    else closeSync(old);
    fileBytes = size;
  };
  const writeCompact = (to: string): void => {
    // Open starts come before `through`, which marks them as known to the server.
    const kept = Buffer.concat([
      ...[...open.values()].map((entry) => encodeRecord({ kind: 'entry', entry })),
      encodeRecord({ kind: 'through', seq: Math.max(through, seq) }),
    ]);
    writeFileSync(to, kept, { mode: 0o600, flush: true });
  };

  const settle = (): void => {
    const ready = waiters.filter((waiter) => waiter.seq <= through);
    if (ready.length === 0) return;
    waiters = waiters.filter((waiter) => waiter.seq > through);
    for (const waiter of ready) waiter.resolve();
  };
  const retry = (): void => {
    if (closed || retrying) return;
    retrying = true;
    clock.after(LIMITS.outboxRetryMs, () => {
      retrying = false;
      lateDue = true;
      void pump();
    });
  };
  const failWaiters = (): void => {
    for (const waiter of waiters.splice(0)) waiter.reject(new LinkDown('the transform server is away'));
  };
  const send = async (api: ServerApi, batch: readonly OutboxEntry[]): Promise<void> => {
    const answer = await api.outbox(agent, batch);
    const later = new Set(answer.later);
    const again = batch.filter((entry) => later.has(entry.seq));
    for (const [number, entry] of late) {
      if (number > answer.through) continue;
      late.delete(number);
      if (!batch.includes(entry)) again.push(entry);
    }
    acknowledged(answer.through);
    if (closed) return;
    // First: what says that the others are taken must not say it of these.
    for (const entry of again) {
      const next = { ...entry, seq: ++seq };
      late.set(next.seq, next);
      append({ kind: 'entry', entry: next });
    }
    append({ kind: 'through', seq: answer.through });
    settle();
    compact();
  };
  const pump = async (): Promise<void> => {
    if (pumping || closed) return;
    pumping = true;
    try {
      while (server.api !== undefined && !closed) {
        if (queue.size > 0) {
          const batch = [...queue.values()].slice(0, LIMITS.outboxBatch);
          await send(
            server.api,
            batch.map(({ entry }) => entry),
          );
        } else if (lateDue && late.size > 0) {
          lateDue = false;
          await send(server.api, [...late.values()].slice(0, LIMITS.outboxBatch)).catch((error: unknown) => {
            // Still away: nobody waits for these.
            if (!(error instanceof LinkDown)) throw error;
          });
        } else break;
      }
    } catch (error) {
      if (!(error instanceof LinkDown)) log.error({ error }, 'outbox: the server refused a batch');
      failWaiters();
      retry();
    } finally {
      pumping = false;
      if (late.size > 0) retry();
    }
  };

  const put: Outbox['put'] = (draft) => {
    const full = queue.size + late.size >= LIMITS.outboxEntries || queueBytes >= LIMITS.outboxBytes;
    if (closed || (full && draft.phase === 'started')) return false;
    const entry: OutboxEntry = { ...draft, seq: ++seq };
    const bytes = append({ kind: 'entry', entry });
    if (bytes === undefined && entry.phase === 'started') return false;
    // An end that is not in the file is told all the same; killed before that, its outcome is not known.
    remember(entry, bytes ?? 0);
    // After the command's own turn: the host and the client come before the report.
    if (!told) {
      told = true;
      setImmediate(() => {
        told = false;
        void pump();
      });
    }
    return true;
  };

  // A start that was put off stands behind its end.
  for (const record of records)
    if (record.kind === 'entry' && record.entry.phase === 'finished') open.delete(record.entry.job);
  // Commands that were under way when the program was killed: their outcome is not known here, and a job must not stay open for ever.
  for (const entry of [...open.values()]) {
    const { seq: _, phase: __, ...rest } = entry;
    const lost = fault('host-communication', {}, 'The agent ended while the command ran; its outcome is not known.');
    put({ ...rest, phase: 'finished', atMs: clock.now(), fault: lost });
  }
  server.onUp(() => {
    lateDue = true;
    void pump();
  });
  server.onDown(failWaiters);

  return {
    put,
    get waiting() {
      return queue.size;
    },
    flushed: () => {
      if (queue.size === 0) return Promise.resolve();
      if (server.api === undefined) return Promise.reject(new LinkDown('the transform server is away'));
      const wanted = [...queue.keys()].at(-1) ?? 0;
      return new Promise((resolve, reject) => {
        waiters.push({ seq: wanted, resolve, reject });
        // Tried again later: whoever asks hears now whether the server takes it.
        if (retrying) void pump();
      });
    },
    close: () => {
      if (closed) return;
      closed = true;
      for (const waiter of waiters.splice(0)) waiter.reject(new LinkDown('the agent is ending'));
      fsyncSync(fd);
      closeSync(fd);
    },
  };
};
