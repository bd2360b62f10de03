/** What every durable storage promises: given a place that is opened again and again, the tests of it. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { restoreDirectory } from '../../transform-server/storage/backup.ts';
import type { SqlRow, SqlValue, Storage } from '../../transform-server/storage/contract.ts';
import { openStorage } from '../../transform-server/storage/storage.ts';
import { temporaryFolder } from '../temporary.ts';

/** One place of durable state: each `open` sees what was there at the last `end`. */
export interface StoragePlace {
  open(): Promise<Storage>;
  end(storage: Storage): Promise<void>;
}

const TABLE = ['CREATE TABLE t (n INTEGER PRIMARY KEY, v TEXT NOT NULL)'];

/** Every kind of table, key and value that components use. */
const KINDS = [
  `CREATE TABLE plain (n INTEGER PRIMARY KEY, v);
   CREATE TABLE counted (seq INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT NOT NULL);
   CREATE TABLE pairs (a TEXT NOT NULL, b INTEGER NOT NULL, v TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
   CREATE TABLE named (n INTEGER PRIMARY KEY, name TEXT NOT NULL, open INTEGER NOT NULL);
   CREATE UNIQUE INDEX named_once ON named (name) WHERE open = 1;
   INSERT INTO pairs VALUES ('first', 1, NULL)`,
];
const TABLES = ['plain', 'counted', 'pairs', 'named', 'components'];

/** The same numbers at each run. */
const dice = (seed: number) => {
  let state = seed;
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
};

const write = (storage: Storage, roll: (below: number) => number): void => {
  const n = roll(40);
  const values: SqlValue[] = [
    null,
    roll(1e6),
    0.1 * roll(100),
    `text ${roll(1e6)} ü\0`,
    new Uint8Array([roll(256), 0, 255]),
    2n ** 62n,
  ];
  const value = values[roll(values.length)] ?? null;
  const acts = [
    () => storage.run('INSERT OR REPLACE INTO plain VALUES (?, ?)', n, value),
    () => storage.run('DELETE FROM plain WHERE n = ?', n),
    () => storage.run('UPDATE plain SET v = ? WHERE n > ?', value, n),
    () => storage.run('INSERT INTO counted (v) VALUES (?)', `c${n}`),
    () => storage.run('DELETE FROM counted WHERE seq < (SELECT max(seq) FROM counted) - 5'),
    () => storage.run('INSERT OR REPLACE INTO pairs VALUES (?, ?, ?)', `a${roll(3)}`, n, value === null ? null : 'x'),
    () => storage.run('DELETE FROM pairs WHERE b = ?', n),
    () => storage.run('INSERT OR REPLACE INTO named VALUES (?, ?, ?)', n, `name ${roll(5)}`, roll(2)),
    () => storage.run('UPDATE named SET open = 0 WHERE n = ?', n),
  ];
  acts[roll(acts.length)]?.();
};

const contentOf = (storage: Storage): Record<string, SqlRow[]> =>
  Object.fromEntries(
    TABLES.map((table) => {
      // As text: whole numbers of 64 bits have no place in a number.
      const columns = storage
        .prepare('SELECT name FROM pragma_table_info(?)')
        .all(table)
        .map((row) => `quote("${String(row['name'])}")`);
      return [table, storage.prepare(`SELECT ${columns.join(" || ' ' || ")} AS row FROM ${table} ORDER BY 1`).all()];
    }),
  );

export const storageContract = (place: () => StoragePlace): void => {
  const using = async <T>(act: (storage: Storage) => Promise<T> | T): Promise<T> => {
    const storage = await place().open();
    try {
      return await act(storage);
    } finally {
      await place().end(storage);
    }
  };

  it('gathers writes into one batch, readable at once, durable after flush', () =>
    using(async (storage) => {
      storage.migrate('t', TABLE);
      const insert = storage.prepare('INSERT INTO t VALUES (?, ?)');
      for (let n = 1; n <= 100; n++) insert.run(n, 'x');
      expect(storage.dirty).toBe(true);
      expect(storage.prepare('SELECT count(*) AS c FROM t').get()?.['c']).toBe(100);
      expect([...storage.prepare('SELECT n FROM t WHERE n < 3').iterate()].map((row) => row['n'])).toEqual([1, 2]);
      await storage.flush();
      expect(storage.dirty).toBe(false);
      await storage.flush();
    }));

  it('takes a batch that changes nothing for done', () =>
    using(async (storage) => {
      storage.migrate('t', TABLE);
      storage.run('DELETE FROM t');
      await storage.flush();
      storage.run('INSERT INTO t VALUES (1, ?)', 'a');
      storage.run('DELETE FROM t');
      await storage.flush();
      expect(storage.dirty).toBe(false);
    }));

  it('brings tables forward step by step and refuses what a newer program wrote', async () => {
    await using((storage) => storage.migrate('t', TABLE));
    await using((storage) => storage.migrate('t', [...TABLE, 'ALTER TABLE t ADD COLUMN w INTEGER NOT NULL DEFAULT 7']));
    await using((storage) => {
      expect(() => storage.migrate('t', TABLE)).toThrow(/version 2.*knows 1/);
      storage.run('INSERT INTO t (n, v) VALUES (1, ?)', 'a');
      expect(storage.prepare('SELECT w FROM t').get()?.['w']).toBe(7);
    });
    await using((storage) => expect(storage.prepare('SELECT w FROM t').get()?.['w']).toBe(7));
  });

  it('undoes a migration that fails as a whole', () =>
    using((storage) => {
      expect(() => storage.migrate('t', [...TABLE, 'NOT SQL'])).toThrow();
      storage.migrate('t', TABLE);
      expect(storage.prepare('SELECT count(*) AS c FROM t').get()?.['c']).toBe(0);
    }));

  it('gives back every value of every kind of table, however often it is opened', async () => {
    const roll = dice(4);
    let before: Record<string, SqlRow[]> | undefined;
    for (let round = 0; round < 8; round++) {
      before = await using(async (storage) => {
        storage.migrate('kinds', KINDS);
        if (before !== undefined) expect(contentOf(storage)).toEqual(before);
        for (let batch = 0; batch < 15; batch++) {
          for (let n = roll(12); n >= 0; n--) write(storage, roll);
          // Some flushes have company, some are alone, some batches are left to the next.
          if (roll(3) > 0) await Promise.all([storage.flush(), storage.flush()]);
        }
        return contentOf(storage);
      });
    }
    expect(before?.['plain']?.length).toBeGreaterThan(5);
    expect(before?.['counted']?.length).toBeGreaterThan(3);
  });

  it('writes a backup that a directory is restored from', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'saved');
    const before = await using(async (storage) => {
      storage.migrate('kinds', KINDS);
      const roll = dice(5);
      for (let n = 0; n < 100; n++) write(storage, roll);
      await storage.backup(file);
      return contentOf(storage);
    });
    restoreDirectory(join(folder, 'home'), file);
    using restored = openStorage(join(folder, 'home'));
    expect(contentOf(restored)).toEqual(before);
  });

  it('neither writes nor promises after it is closed', async () => {
    const storage = await place().open();
    storage.migrate('t', TABLE);
    const insert = storage.prepare('INSERT INTO t VALUES (?, ?)');
    await place().end(storage);
    insert.run(1, 'late');
    await expect(storage.flush()).rejects.toThrow(/closed/);
    await using((again) => expect(again.prepare('SELECT count(*) AS c FROM t').get()?.['c']).toBe(0));
  });
};
