/** Storage: one process a directory, batches, migrations, backup and restore. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backupDirectory, restoreDirectory } from '../../transform-server/storage/backup.ts';
import { DirectoryInUse, openStorage } from '../../transform-server/storage/storage.ts';
import { stateDirectory } from './memory.ts';

let state: ReturnType<typeof stateDirectory>;
beforeEach(() => {
  state = stateDirectory();
});
afterEach(() => state.remove());

const TABLE = ['CREATE TABLE t (n INTEGER PRIMARY KEY, v TEXT NOT NULL)'];

describe('storage', () => {
  it('refuses a second opener by name of the directory, and lets one in after the first closed', () => {
    const first = openStorage(state.directory);
    expect(() => openStorage(state.directory)).toThrow(DirectoryInUse);
    expect(() => openStorage(state.directory)).toThrow(state.directory);
    first.close();
    openStorage(state.directory).close();
  });

  it('gathers writes into one batch, readable at once, durable after flush', async () => {
    using storage = openStorage(state.directory);
    storage.migrate('t', TABLE);
    const insert = storage.prepare('INSERT INTO t VALUES (?, ?)');
    for (let n = 1; n <= 100; n++) insert.run(n, 'x');
    expect(storage.dirty).toBe(true);
    expect(storage.prepare('SELECT count(*) AS c FROM t').get()?.['c']).toBe(100);
    await storage.flush();
    expect(storage.dirty).toBe(false);
    await storage.flush();
  });

  it('brings tables forward step by step and refuses what a newer program wrote', () => {
    const open = (steps: string[]): void => {
      using storage = openStorage(state.directory);
      storage.migrate('t', steps);
    };
    open(TABLE);
    open([...TABLE, 'ALTER TABLE t ADD COLUMN w INTEGER NOT NULL DEFAULT 7']);
    using storage = openStorage(state.directory);
    expect(() => storage.migrate('t', TABLE)).toThrow(/version 2.*knows 1/);
    storage.run('INSERT INTO t (n, v) VALUES (1, ?)', 'a');
    expect(storage.prepare('SELECT w FROM t').get()?.['w']).toBe(7);
  });

  it('undoes a migration that fails as a whole', () => {
    using storage = openStorage(state.directory);
    expect(() => storage.migrate('t', [...TABLE, 'NOT SQL'])).toThrow();
    storage.migrate('t', TABLE);
    expect(storage.prepare('SELECT count(*) AS c FROM t').get()?.['c']).toBe(0);
  });

  it('comes back from a backup, keeping what was there beside it', async () => {
    const file = join(state.directory, 'saved');
    const home = join(state.directory, 'home');
    {
      using storage = openStorage(home);
      storage.migrate('t', TABLE);
      storage.run('INSERT INTO t VALUES (1, ?)', 'kept');
    }
    await backupDirectory(home, file);
    await expect(backupDirectory(home, file)).rejects.toThrow(/exists already/);
    {
      using storage = openStorage(home);
      storage.run('DELETE FROM t');
    }
    restoreDirectory(home, file);
    using storage = openStorage(home);
    expect(storage.prepare('SELECT v FROM t').get()?.['v']).toBe('kept');
    expect(existsSync(join(home, 'transvisor.db.before-restore'))).toBe(true);
  });

  it('restores nothing from a file that is no backup, nor under a running process', () => {
    using storage = openStorage(state.directory);
    expect(() => restoreDirectory(state.directory, join(state.directory, 'transvisor.pid'))).toThrow();
    storage.commit();
    expect(() => openStorage(state.directory)).toThrow(DirectoryInUse);
  });

  it('neither writes nor promises after it is closed', async () => {
    const storage = openStorage(state.directory);
    storage.migrate('t', TABLE);
    const insert = storage.prepare('INSERT INTO t VALUES (?, ?)');
    storage.close();
    insert.run(1, 'late');
    await expect(storage.flush()).rejects.toThrow(/closed/);
    using again = openStorage(state.directory);
    expect(again.prepare('SELECT count(*) AS c FROM t').get()?.['c']).toBe(0);
  });
});
