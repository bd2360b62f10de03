/** A cell that this server holds: writes go to the working copy at once and, batch by batch, to the log on Redis, as long as the cell is ours. */
import { type Clock, sleep } from '../../../runtime/clock.ts';
import type { CellStorage } from '../cell-contract.ts';
import type { Answer, Connection, Value } from './connection.ts';
import { type Staged, stageImage } from './image.ts';
import { openLease } from './lease.ts';
import type { RedisOptions, Times } from './options.ts';
import { CONFLICT, HOLD, REASSERT } from './scripts.ts';
import type { Entry, WorkingCopy } from './working-copy.ts';

/** Writes of one batch wait this long for company. */
const GATHER_MS = 2;

/** Who wrote the entries from `from` on. */
export interface Run {
  readonly from: number;
  readonly writer: string;
}

export interface Held {
  readonly cell: string;
  readonly keys: readonly string[];
  /** This claim's own name in the log. */
  readonly writer: string;
  readonly token: number;
  /** When the claim was sent. */
  readonly sinceMs: number;
  /** What the working copy holds of the log, and who wrote it. */
  readonly seq: number;
  readonly runs: readonly Run[];
  readonly copy: WorkingCopy;
  /** Bytes of the last snapshot, and the log since. */
  readonly snapshotBytes: number;
  readonly logBytes: number;
  readonly logEntries: number;
}

interface Waiter {
  /** Waits for this entry. */
  seq: number;
  readonly sinceMs: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

type Act =
  | { readonly kind: 'append'; readonly seq: number; readonly entry: Entry }
  | { readonly kind: 'snapshot'; readonly seq: number; readonly staged: Staged }
  | { readonly kind: 'renew' | 'release' };

export interface HeldCell extends CellStorage {
  /** Looks whether the cell is still ours, and renews it, unless that was done in the last `afterMs`. */
  look(afterMs?: number): void;
  /** Resolves when nothing more comes from here, however that came. */
  readonly ended: Promise<string>;
}

export const holdCell = (
  held: Held,
  connection: Connection,
  { server, address }: Pick<RedisOptions, 'server' | 'address'>,
  times: Times,
  clock: Clock,
): HeldCell => {
  const { cell, keys, writer, copy } = held;
  const runs: Run[] = [...held.runs];
  let token = held.token;
  /** The last entry that is known to last, and the last one that the working copy has. */
  let known = held.seq;
  let last = held.seq;
  const entries: Entry[] = [];
  let open = false;
  let gathering: (() => void) | undefined;
  let gathered = false;
  let waiters: Waiter[] = [];
  let { snapshotBytes, logBytes, logEntries } = held;
  let snapshot: Extract<Act, { kind: 'snapshot' }> | undefined;
  let staging: Promise<void> | undefined;
  let stages = 0;
  let renewDue = false;
  let closing = false;
  /** Why the cell is ours no more. */
  let over: string | undefined;
  const lease = openLease(clock, times.redisLeaseMs, held.sinceMs);
  const lost = Promise.withResolvers<string>();
  const ended = Promise.withResolvers<string>();
  let pumping = false;

  const writerOf = (seq: number): string => runs.findLast((run) => run.from <= seq)?.writer ?? '';

  const end = (why: string): void => {
    if (over !== undefined) return;
    over = why;
    gathering?.();
    const left = waiters;
    waiters = [];
    for (const one of left) one.reject(new Error(`${cell}: ${why}`));
    lease.ended();
    ended.resolve(why);
    if (!closing) lost.resolve(why);
  };

  const push = (entry: Entry | undefined): void => {
    if (entry === undefined) return;
    last += 1;
    if (runs.at(-1)?.writer !== writer) runs.push({ from: last, writer });
    entries.push(entry);
    logBytes += entry.data.length;
    logEntries += 1;
  };

  /** Ends the open batch: it becomes an entry. */
  const seal = (): void => {
    gathering?.();
    gathering = undefined;
    gathered = false;
    if (!open) return;
    open = false;
    push(copy.end());
    // A batch that changed nothing is no entry.
    for (const one of waiters) one.seq = Math.min(one.seq, last);
    takeImage();
  };

  const stage = (): Promise<Staged> => {
    stages += 1;
    return stageImage(connection.client, `${keys.at(-1)}:${writer}-${stages}`, copy.image());
  };

  /** The log has grown long: the whole as it is now takes its place. */
  const takeImage = (): void => {
    const long = logEntries >= times.redisLogEntries || logBytes >= Math.max(times.redisLogBytes, snapshotBytes);
    if (!long || staging !== undefined || snapshot !== undefined) return;
    const [seq, bytes, count] = [last, logBytes, logEntries];
    logBytes = 0;
    logEntries = 0;
    staging = stage()
      .then((staged) => {
        snapshot = { kind: 'snapshot', seq, staged };
        wake();
      })
      .catch(() => {
        // The next batch tries again.
        logBytes += bytes;
        logEntries += count;
      })
      .finally(() => {
        staging = undefined;
      });
  };

  const settle = (): void => {
    const done = waiters.filter((one) => one.seq <= known);
    waiters = waiters.filter((one) => one.seq > known);
    for (const one of done) one.resolve();
  };

  const next = (): Act | undefined => {
    if (entries.length === 0 && gathered) seal();
    settle();
    const [entry] = entries;
    if (entry !== undefined) return { kind: 'append', seq: known + 1, entry };
    if (snapshot !== undefined && snapshot.seq <= known) return snapshot;
    if (closing) return { kind: 'release' };
    return renewDue ? { kind: 'renew' } : undefined;
  };

  /** The store lacks what we know to have been there: it is written again, unless somebody else has gone on without it. */
  const reassert = async (seq: number, by: string, owner: string): Promise<void> => {
    if (seq > 0 && (seq > last || writerOf(seq) !== by)) {
      const text = `${server} has ${known} entries that were acknowledged, but the store went on without them: entry ${seq} is another server's`;
      return judge(await connection.run(CONFLICT, keys, [text], true), undefined, clock.now());
    }
    seal();
    const through = last;
    const staged = await stage();
    const sentMs = clock.now();
    const answer = await connection.run(
      REASSERT,
      [...keys, staged.key],
      [
        ...[writer, server, address, token, seq, by, owner, through, writerOf(through), staged.bytes],
        ...runs.filter((run) => run.from <= through).flatMap((run) => [run.from, run.writer]),
      ],
      true,
    );
    // Moved: somebody was quicker, and the next answer says who. Unstaged: the store is another one again.
    if (answer.word !== 'held') return judge(answer, undefined, sentMs);
    token = Number(answer.rest[0]);
    entries.splice(0, through - known);
    known = through;
    snapshotBytes = staged.bytes;
    snapshot = undefined;
    lease.renewed(sentMs);
  };

  const judge = async ({ word, rest }: Answer, act: Act | undefined, sentMs: number): Promise<void> => {
    if (word === 'unstaged') snapshot = undefined;
    else if (word === 'conflict') end(`conflict: ${String(rest[0])}`);
    else if (word === 'taken')
      end(rest[0] === '' ? 'another server had the cell meanwhile' : `${String(rest[0])} has the cell now`);
    else if (word === 'differs') await reassert(Number(rest[0]), String(rest[1]), String(rest[2]));
    else if (word === 'ok') {
      renewDue = false;
      if (act?.kind === 'append') {
        entries.shift();
        known = act.seq;
      } else if (act?.kind === 'snapshot') {
        snapshotBytes = act.staged.bytes;
        snapshot = undefined;
      } else if (act?.kind === 'release') end('the storage is closed');
      lease.renewed(sentMs);
    }
  };

  const valuesOf = (act: Act): Value[] => {
    const common = [writer, known, writerOf(known), act.kind];
    if (act.kind === 'append') return [...common, act.seq, act.entry.data, act.entry.kind];
    return act.kind === 'snapshot' ? [...common, act.seq, act.staged.bytes] : common;
  };

  const failed = (error: unknown): void => {
    renewDue = true;
    lease.doubted();
    const late = clock.now() - times.redisFlushMs;
    const given = waiters.filter((one) => one.sinceMs <= late);
    waiters = waiters.filter((one) => one.sinceMs > late);
    for (const one of given) one.reject(error);
  };

  /** One step at a time, in order; what failed is tried again as it was. */
  const pump = async (): Promise<void> => {
    pumping = true;
    for (let act = next(); act !== undefined; act = over === undefined ? next() : undefined) {
      const sentMs = clock.now();
      try {
        const all = act.kind === 'snapshot' ? [...keys, act.staged.key] : keys;
        await judge(await connection.run(HOLD, all, valuesOf(act), act.kind === 'append'), act, sentMs);
      } catch (error) {
        failed(error);
        await sleep(clock, times.redisRetryMs);
      }
    }
    pumping = false;
  };
  const wake = (): void => {
    if (!pumping && over === undefined) pump().catch((error: unknown) => end(String(error)));
  };

  const begin = (): boolean => {
    if (over !== undefined || closing) return false;
    if (open) return true;
    copy.begin();
    open = true;
    gathering = clock.after(GATHER_MS, () => {
      gathered = true;
      wake();
    });
    return true;
  };

  const refusal = (): Error => new Error(`${cell}: ${over ?? 'the storage is closed'}`);
  const flushed = (): Promise<void> =>
    over !== undefined
      ? Promise.reject(refusal())
      : known === last && !open
        ? Promise.resolve()
        : new Promise((resolve, reject) => {
            waiters.push({ seq: last + (open ? 1 : 0), sinceMs: clock.now(), resolve, reject });
          });
  let released: Promise<void> | undefined;
  const release = (): Promise<void> => {
    released ??= (async () => {
      if (over === undefined) seal();
      closing = true;
      const written = flushed();
      wake();
      try {
        await written;
        await Promise.race([ended.promise, sleep(clock, times.redisFlushMs)]);
      } finally {
        end('the storage is closed');
        copy.close();
      }
    })();
    return released;
  };
  const close = (): void => void release().catch(() => {});

  return {
    ...copy.statements(begin),
    get token() {
      return token;
    },
    get available() {
      return lease.held;
    },
    onAvailable: lease.onChange,
    lost: lost.promise,
    ended: ended.promise,
    migrate: (component, steps) => {
      if (over !== undefined || closing) throw refusal();
      seal();
      push(copy.migrate(component, steps));
      wake();
    },
    flush: () => (closing ? Promise.reject(refusal()) : flushed()),
    get dirty() {
      return open || known !== last;
    },
    backup: async (path) => {
      seal();
      wake();
      await copy.backup(path);
    },
    release,
    close,
    [Symbol.dispose]: close,
    look: (afterMs = 0) => {
      renewDue ||= lease.lacks(afterMs);
      wake();
    },
  };
};
