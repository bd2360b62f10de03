/** Durable storage on one SQLite file: statements come in, one transaction a flush is written and synced off the thread; one process at a time. */
import { closeSync, fdatasync, fdatasyncSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import type { Storage } from './contract.ts';
import { applySteps, missingSteps, openTables, statementsOf } from './tables.ts';

export const DATABASE = 'transvisor.db';
const LOCK_NOTE = 'transvisor.pid';
/** Writes of one batch wait this long for company before they are synced together. */
const GATHER_MS = 2;

/** The storage of one directory, which is a disk's: it can be written out on the spot. */
export interface DirectoryStorage extends Storage {
  readonly directory: string;
  /** As `flush`, now, on this turn. */
  commit(): void;
}

/** Another process works on the directory. */
export class DirectoryInUse extends Error {
  constructor(directory: string, pid: string) {
    super(
      `the state directory ${directory} is in use by another process${pid === '' ? '' : ` (pid ${pid})`}; one process at a time may open it`,
    );
    this.name = 'DirectoryInUse';
  }
}

const isBusy = (error: unknown): boolean => {
  const code = (error as { errcode?: unknown }).errcode;
  return typeof code === 'number' && ((code & 0xff) === 5 || (code & 0xff) === 6);
};

const pidNote = (directory: string): string => {
  try {
    return readFileSync(join(directory, LOCK_NOTE), 'utf8').trim();
  } catch {
    return '';
  }
};

const open = (directory: string): DatabaseSync => {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const db = new DatabaseSync(join(directory, DATABASE));
  try {
    db.exec('PRAGMA busy_timeout = 0');
    // Exclusive locking is the lock of the directory: the kernel drops it when the process dies, however it dies.
    db.exec('PRAGMA locking_mode = EXCLUSIVE');
    db.exec('PRAGMA journal_mode = WAL');
    db.exec('PRAGMA synchronous = FULL');
    db.exec('PRAGMA temp_store = MEMORY');
    openTables(db, directory);
    // From here on a commit writes the log and we sync it ourselves, off this thread. Checkpoints still sync what they need.
    db.exec('PRAGMA synchronous = NORMAL');
  } catch (error) {
    db.close();
    throw isBusy(error) ? new DirectoryInUse(directory, pidNote(directory)) : error;
  }
  writeFileSync(join(directory, LOCK_NOTE), `${process.pid}\n`, { mode: 0o600 });
  return db;
};

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** SQLite's result codes of a disk that is full, fails, or holds nonsense: it has taken the open batch back then. */
const LOSSES: ReadonlySet<number> = new Set([10, 11, 13]);

/** `onLost`: once, when something that was written will not be on disk. This process alone knows of it then, and must not go on. */
export const openStorage = (
  directory: string,
  onLost: (error: unknown) => void = (error) => {
    throw error;
  },
): DirectoryStorage => {
  const db = open(directory);
  // The write-ahead log stays one file as long as the database is open, and SQLite holds no lock on it that closing would drop.
  const log = openSync(join(directory, `${DATABASE}-wal`), 'r+');
  let dirty = false;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  /** Wait for the open batch. */
  let waiting: Waiter[] = [];
  /** Wait until the log is synced; the batches they wait for are in it. */
  let written: Waiter[] = [];
  let unsynced = false;
  let syncing: Waiter[] | undefined;
  /** After a loss, or a failed sync, nothing says what is on disk: no flush succeeds any more. */
  let broken: unknown;

  const settle = (waiters: readonly Waiter[]): void => {
    for (const one of waiters) {
      if (broken === undefined) one.resolve();
      else one.reject(broken);
    }
  };
  const lose = (error: unknown): void => {
    if (broken !== undefined) return;
    broken = error;
    clearTimeout(timer);
    settle(waiting.splice(0));
    onLost(error);
  };
  const failed = (error: unknown): void => {
    const code = (error as { errcode?: unknown }).errcode;
    if (typeof code === 'number' && LOSSES.has(code & 0xff)) lose(error);
  };

  /** false: the storage is closed. To whoever still runs this is the end of the process: nothing is written, no flush succeeds. */
  const begin = (): boolean => {
    if (closed || broken !== undefined) return false;
    if (dirty) return true;
    db.exec('BEGIN IMMEDIATE');
    dirty = true;
    timer = setTimeout(gathered, GATHER_MS);
    return true;
  };

  /** Ends the batch: it is in the log, but not yet on disk. */
  const write = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const released = waiting;
    waiting = [];
    if (dirty && broken === undefined) {
      try {
        db.exec('COMMIT');
        dirty = false;
        unsynced = true;
      } catch (error) {
        lose(error);
      }
    }
    written.push(...released);
  };

  const sync = (): void => {
    if (syncing !== undefined) return;
    if (!unsynced) {
      settle(written.splice(0));
      return;
    }
    unsynced = false;
    const released = written;
    written = [];
    syncing = released;
    fdatasync(log, (error) => {
      // Closed meanwhile: that synced too.
      if (syncing === undefined) return;
      syncing = undefined;
      if (error !== null) lose(error);
      settle(released);
      sync();
    });
  };

  const gathered = (): void => {
    write();
    sync();
  };

  const commit = (): void => {
    write();
    if (unsynced || syncing !== undefined) {
      try {
        fdatasyncSync(log);
        unsynced = false;
      } catch (error) {
        lose(error);
      }
    }
    settle(written.splice(0));
  };

  const migrate = (component: string, steps: readonly string[]): void => {
    commit();
    const missing = missingSteps(db, directory, component, steps);
    if (missing !== undefined) applySteps(db, missing);
  };

  const close = (): void => {
    if (closed) return;
    commit();
    closed = true;
    clearTimeout(timer);
    settle(syncing ?? []);
    syncing = undefined;
    closeSync(log);
    db.close();
  };

  return {
    directory,
    migrate,
    ...statementsOf(db, begin, failed),
    flush: () => {
      if (closed) return Promise.reject(new Error('the storage is closed'));
      if (broken !== undefined) return Promise.reject(broken);
      if (!dirty && !unsynced && syncing === undefined) return Promise.resolve();
      return new Promise<void>((resolve, reject) => {
        if (dirty) waiting.push({ resolve, reject });
        else written.push({ resolve, reject });
        if (dirty) timer ??= setTimeout(gathered, GATHER_MS);
        else sync();
      });
    },
    commit,
    get dirty() {
      return dirty || unsynced || syncing !== undefined;
    },
    backup: async (path) => {
      commit();
      await backup(db, path);
    },
    close,
    [Symbol.dispose]: close,
  };
};
