/** Storage of a directory: what every storage promises, one process at a time, backup and restore. */
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { restoreDirectory, snapshotDirectory } from '../../transform-server/storage/backup.ts';
import { DirectoryInUse, openStorage } from '../../transform-server/storage/storage.ts';
import { stateDirectory } from './memory.ts';
import { storageContract } from './storage-contract.ts';

let state: ReturnType<typeof stateDirectory>;
beforeEach(() => {
  state = stateDirectory();
});
afterEach(() => state.remove());

const TABLE = ['CREATE TABLE t (n INTEGER PRIMARY KEY, v TEXT NOT NULL)'];

describe('storage of a directory', () => {
  storageContract(() => ({
    open: () => Promise.resolve(openStorage(state.directory)),
    end: (storage) => Promise.resolve(storage.close()),
  }));

  it('refuses a second opener by name of the directory, and lets one in after the first closed', () => {
    const first = openStorage(state.directory);
    expect(() => openStorage(state.directory)).toThrow(DirectoryInUse);
    expect(() => openStorage(state.directory)).toThrow(state.directory);
    first.close();
    openStorage(state.directory).close();
  });

  it('on a disk without room it says so once, flushes nothing more, and what was flushed before is there', async () => {
    const losses: unknown[] = [];
    {
      using storage = openStorage(state.directory, (error) => losses.push(error));
      storage.migrate('t', TABLE);
      storage.run('INSERT INTO t VALUES (1, ?)', 'flushed');
      await storage.flush();
      storage.run('PRAGMA max_page_count = 1');
      storage.run('INSERT INTO t VALUES (2, ?)', 'with it');
      const flushed = storage.flush();
      flushed.catch(() => {}); // judged below
      expect(() => storage.run('INSERT INTO t VALUES (3, ?)', 'x'.repeat(1_000_000))).toThrow('full');
      await expect(flushed).rejects.toThrow('full');
      storage.run('INSERT INTO t VALUES (4, ?)', 'after it');
      await expect(storage.flush()).rejects.toThrow('full');
      expect(losses).toEqual([expect.objectContaining({ message: 'database or disk is full' })]);
    }
    using storage = openStorage(state.directory);
    expect(storage.prepare('SELECT v FROM t').all()).toEqual([{ v: 'flushed' }]);
  });

  it('comes back from a backup, keeping what was there beside it', async () => {
    const file = join(state.directory, 'saved');
    const home = join(state.directory, 'home');
    {
      using storage = openStorage(home);
      storage.migrate('t', TABLE);
      storage.run('INSERT INTO t VALUES (1, ?)', 'kept');
    }
    renameSync(await snapshotDirectory(home), file);
    {
      using storage = openStorage(home);
      storage.run('DELETE FROM t');
    }
    const before = restoreDirectory(home, file) ?? '';
    using storage = openStorage(home);
    expect(storage.prepare('SELECT v FROM t').get()?.['v']).toBe('kept');
    expect(existsSync(join(before, 'transvisor.db'))).toBe(true);
  });

  it('restores nothing from a file that is no backup, nor under a running process', () => {
    using storage = openStorage(state.directory);
    expect(() => restoreDirectory(state.directory, join(state.directory, 'transvisor.pid'))).toThrow();
    storage.commit();
    expect(() => openStorage(state.directory)).toThrow(DirectoryInUse);
  });
});
