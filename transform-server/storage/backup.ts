/** Backup and restore of a state directory: one file out, a database with the other files in a table of it; the same file back in. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LIMITS } from '../../runtime/limits.ts';
import { DATABASE, openStorage } from './storage.ts';
import { isTable } from './tables.ts';

/** Accounts, tokens, certificates and keys, outboxes, changed sheets: all files there but those of a program that runs, and of other programs in folders of theirs. */
const FOLDERS = ['.', 'tls', 'sheets'];
const PASSING = /\.(new|pid|sock)(-|$)|^transvisor\.db/;
const SNAPSHOT = 'backup.new';

const filesOf = (directory: string): string[] =>
  FOLDERS.flatMap((folder) =>
    existsSync(join(directory, folder))
      ? readdirSync(join(directory, folder), { withFileTypes: true })
          .filter((entry) => entry.isFile() && !PASSING.test(entry.name))
          .map((entry) => join(folder, entry.name))
      : [],
  );

const bytesOf = (path: string): Buffer => {
  const { size } = statSync(path);
  if (size > LIMITS.backupFileBytes) throw new Error(`${path} is too large for a backup: ${size} bytes`);
  return readFileSync(path);
};

/** Written within the directory, for its owner alone; whoever asked moves it away. `copy` writes the database, if there is one. */
export const writeSnapshot = async (directory: string, copy: (path: string) => Promise<void>): Promise<string> => {
  const path = join(directory, SNAPSHOT);
  rmSync(path, { force: true });
  closeSync(openSync(path, 'wx', 0o600));
  await copy(path);
  const db = new DatabaseSync(path);
  try {
    // Of one file, whatever becomes of it.
    db.exec('PRAGMA journal_mode = DELETE');
    db.exec('BEGIN; CREATE TABLE backup_files (name TEXT PRIMARY KEY, mode INTEGER NOT NULL, content BLOB NOT NULL)');
    const add = db.prepare('INSERT INTO backup_files VALUES (?, ?, ?)');
    for (const name of filesOf(directory))
      add.run(name, statSync(join(directory, name)).mode & 0o777, bytesOf(join(directory, name)));
    db.exec('COMMIT');
  } finally {
    db.close();
  }
  return path;
};

/** The same of a directory that no process holds. A running server is asked for its own. */
export const snapshotDirectory = async (directory: string): Promise<string> => {
  const hasDatabase = existsSync(join(directory, DATABASE));
  if (!hasDatabase && filesOf(directory).length === 0) throw new Error(`${directory} holds no state`);
  using storage = hasDatabase ? openStorage(directory) : undefined;
  return await writeSnapshot(directory, (path) => storage?.backup(path) ?? Promise.resolve());
};

/** Checks that a file is a whole backup of ours. */
export const checkBackup = (file: string): void => {
  if (!existsSync(file)) throw new Error(`${file} does not exist`);
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const whole = db.prepare('PRAGMA integrity_check').get()?.['integrity_check'];
    if (whole !== 'ok') throw new Error(`${file} is damaged: ${String(whole)}`);
    if (!isTable(db, 'components') && !isTable(db, 'backup_files')) throw new Error(`${file} is no backup of a state`);
  } finally {
    db.close();
  }
};

/** More than a deployment mints between a backup and its restore. */
export const IDS_SKIPPED = 1_000_000;

/**
 * Clients have seen what came after the backup: its ids mean nothing any more, and must not be given to other objects; its versions are
 * not the ones that will be counted now, so that whoever waits is told to read anew.
 */
export const leaveBehind = (db: DatabaseSync, random: (bytes: number) => Uint8Array = randomBytes): void => {
  if (isTable(db, 'counters')) {
    const highest = isTable(db, 'ids') ? 'SELECT coalesce(max(n), 0) FROM ids' : '0';
    db.exec(`UPDATE counters SET value = max(value, (${highest})) + ${IDS_SKIPPED} WHERE name = 'next'`);
  }
  if (isTable(db, 'versions')) db.prepare('UPDATE versions SET epoch = ?').run(Buffer.from(random(6)).toString('hex'));
};

/** The files of the backup in a folder of their own; the database is what is left of it. */
const unpack = (file: string, staged: string, random: (bytes: number) => Uint8Array): void => {
  const target = join(staged, DATABASE);
  copyFileSync(file, target);
  const db = new DatabaseSync(target);
  let hasDatabase: boolean;
  try {
    hasDatabase = isTable(db, 'components');
    const rows = isTable(db, 'backup_files') ? db.prepare('SELECT name, mode, content FROM backup_files').all() : [];
    for (const { name, mode, content } of rows) {
      const path = join(staged, String(name));
      if (!FOLDERS.includes(dirname(String(name))))
        throw new Error(`${file} holds a file that is none of a state: ${name}`);
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writeFileSync(path, content as Uint8Array, { mode: Number(mode), flag: 'wx' });
    }
    leaveBehind(db, random);
    if (rows.length > 0) db.exec('DROP TABLE backup_files; VACUUM');
  } finally {
    db.close();
  }
  if (!hasDatabase) rmSync(target);
};

const syncFolder = (path: string): void => {
  const fd = openSync(path, 'r');
  fsyncSync(fd);
  closeSync(fd);
};

const move = (names: readonly string[], from: string, to: string): void => {
  for (const name of names) {
    if (!existsSync(join(from, name))) continue;
    mkdirSync(dirname(join(to, name)), { recursive: true, mode: 0o700 });
    renameSync(join(from, name), join(to, name));
  }
};

/** Replaces the state of a directory that no process holds; what was there is kept in a folder beside it, whose path it gives. */
export const restoreDirectory = (
  directory: string,
  file: string,
  nowMs = Date.now(),
  random: (bytes: number) => Uint8Array = randomBytes,
): string | undefined => {
  checkBackup(file);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // Opening takes the lock and folds the write-ahead log into the file, so that no old log meets the new file.
  if (existsSync(join(directory, DATABASE))) openStorage(directory).close();
  const staged = join(directory, '.restoring');
  rmSync(staged, { recursive: true, force: true });
  mkdirSync(staged, { mode: 0o700 });
  unpack(file, staged, random);
  const stamp = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const before = join(directory, `before-restore-${stamp}`);
  const old = [DATABASE, ...filesOf(directory)];
  move(old, directory, before);
  for (const suffix of ['-wal', '-shm']) rmSync(join(directory, `${DATABASE}${suffix}`), { force: true });
  move([DATABASE, ...filesOf(staged)], staged, directory);
  rmSync(staged, { recursive: true });
  syncFolder(directory);
  return existsSync(before) ? before : undefined;
};
