/** What every database of ours begins with: the table of components and their versions, brought forward step by step, and statements that open a batch. */
import type { DatabaseSync } from 'node:sqlite';
import type { SqlRow, SqlValue, Statement } from './contract.ts';

/** Layout of the database as a whole; components carry versions of their own. */
const FORMAT = 1;

/** Steps of one component, as they were applied: its version was `from` before. */
export interface Migration {
  readonly component: string;
  readonly from: number;
  readonly steps: readonly string[];
}

const version = (db: DatabaseSync): number => Number(db.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0);

/** Makes an empty database ours; refuses one of a newer program. `place` is for the message. */
export const openTables = (db: DatabaseSync, place: string): void => {
  db.exec('BEGIN IMMEDIATE');
  db.exec('CREATE TABLE IF NOT EXISTS components (name TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID');
  db.exec('COMMIT');
  const format = version(db);
  if (format > FORMAT) throw new Error(`${place} was written by a newer version (format ${format}, known ${FORMAT})`);
  if (format < FORMAT) db.exec(`PRAGMA user_version = ${FORMAT}`);
};

/** What is still to be done for a component; undefined: nothing. */
export const missingSteps = (
  db: DatabaseSync,
  place: string,
  component: string,
  steps: readonly string[],
): Migration | undefined => {
  const found = db.prepare('SELECT version FROM components WHERE name = ?').get(component);
  const from = Number(found?.['version'] ?? 0);
  if (from > steps.length) {
    throw new Error(
      `${place}: ${component} is at version ${from}, this program knows ${steps.length}; use the newer program`,
    );
  }
  return from === steps.length ? undefined : { component, from, steps: steps.slice(from) };
};

/** All steps or none. */
export const applySteps = (db: DatabaseSync, { component, from, steps }: Migration): void => {
  db.exec('BEGIN IMMEDIATE');
  try {
    for (const step of steps) db.exec(step);
    db.prepare('INSERT OR REPLACE INTO components VALUES (?, ?)').run(component, from + steps.length);
    db.exec('COMMIT');
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
};

/** Statements of a database; `begin` opens a batch before a write, false refuses it; `failed` hears of writes that could not be made. */
export const statementsOf = (
  db: DatabaseSync,
  begin: () => boolean,
  failed: (error: unknown) => void = () => {},
): { prepare(sql: string): Statement; run(sql: string, ...values: SqlValue[]): void } => {
  const write = (act: () => unknown): void => {
    try {
      if (begin()) act();
    } catch (error) {
      failed(error);
      throw error;
    }
  };
  return {
    prepare: (sql) => {
      const prepared = db.prepare(sql);
      return {
        run: (...values) => write(() => prepared.run(...values)),
        get: (...values) => prepared.get(...values) as SqlRow | undefined,
        all: (...values) => prepared.all(...values) as SqlRow[],
        iterate: (...values) => prepared.iterate(...values) as Iterable<SqlRow>,
      };
    },
    run: (sql, ...values) => write(() => db.prepare(sql).run(...values)),
  };
};

export const isTable = (db: DatabaseSync, name: string): boolean =>
  db.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").get(name) !== undefined;
