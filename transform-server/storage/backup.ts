/** Backup and restore of a state directory: one file out, the same file back in. */
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DATABASE, openStorage } from './storage.ts';

/** Of a directory that no process holds. A running server is asked for its own (`Storage.backup`). */
export const backupDirectory = async (directory: string, file: string): Promise<void> => {
  if (!existsSync(join(directory, DATABASE))) throw new Error(`${directory} holds no state`);
  if (existsSync(file)) throw new Error(`${file} exists already`);
  using storage = openStorage(directory);
  await storage.backup(file);
};

/** Checks that a file is a whole backup of ours. */
const checkBackup = (file: string): void => {
  if (!existsSync(file)) throw new Error(`${file} does not exist`);
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const whole = db.prepare('PRAGMA integrity_check').get()?.['integrity_check'];
    if (whole !== 'ok') throw new Error(`${file} is damaged: ${String(whole)}`);
    db.prepare('SELECT count(*) FROM components').get();
  } finally {
    db.close();
  }
};

/** Replaces the state of a directory that no process holds; what was there is kept beside it as `.before-restore`. */
export const restoreDirectory = (directory: string, file: string): void => {
  checkBackup(file);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const target = join(directory, DATABASE);
  // Opening takes the lock and folds the write-ahead log into the file, so that no old log meets the new file.
  if (existsSync(target)) openStorage(directory).close();
  const staged = `${target}.restoring`;
  copyFileSync(file, staged);
  if (existsSync(target)) renameSync(target, `${target}.before-restore`);
  for (const suffix of ['-wal', '-shm']) rmSync(`${target}${suffix}`, { force: true });
  renameSync(staged, target);
};
