/** What a server works on: a database in memory, out of a snapshot and the entries of a log; writes come out as further entries. */
import { backup, DatabaseSync, type Session } from 'node:sqlite';
import { applySteps, type Migration, missingSteps, openTables, statementsOf } from '../tables.ts';

/** `changes`: a changeset of SQLite. `steps`: a migration, as JSON. */
export interface Entry {
  readonly kind: 'changes' | 'steps';
  readonly data: Uint8Array;
}

export type WorkingCopy = ReturnType<typeof openWorkingCopy>;

/** `place` is what messages call it. */
export const openWorkingCopy = (place: string, image?: Uint8Array) => {
  const db = new DatabaseSync(':memory:');
  if (image !== undefined) db.deserialize(image);
  openTables(db, place);
  let session: Session | undefined;

  /** Changesets know rows by their primary key, and leave out tables that have none. */
  const checkKeys = (): void => {
    const bare = db
      .prepare(
        `SELECT name FROM sqlite_schema AS t WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
         AND NOT EXISTS (SELECT 1 FROM pragma_table_info(t.name) WHERE pk > 0)`,
      )
      .get()?.['name'];
    if (bare !== undefined) throw new Error(`${place}: the table ${String(bare)} has no primary key`);
  };

  return {
    /** Takes an entry of the log in. */
    apply: ({ kind, data }: Entry): void => {
      if (kind === 'steps') applySteps(db, JSON.parse(Buffer.from(data).toString('utf8')) as Migration);
      else if (!db.applyChangeset(data))
        throw new Error(`${place}: an entry of the log does not fit what was before it`);
    },
    statements: (begin: () => boolean) => statementsOf(db, begin),
    begin: (): void => {
      session = db.createSession();
      db.exec('BEGIN IMMEDIATE');
    },
    /** Ends the batch; undefined: nothing is different. */
    end: (): Entry | undefined => {
      db.exec('COMMIT');
      const data = session?.changeset();
      session?.close();
      session = undefined;
      return data === undefined || data.length === 0 ? undefined : { kind: 'changes', data };
    },
    /** Outside a batch. undefined: the component is as the program wants it. */
    migrate: (component: string, steps: readonly string[]): Entry | undefined => {
      const missing = missingSteps(db, place, component, steps);
      if (missing === undefined) return undefined;
      applySteps(db, missing);
      checkKeys();
      return { kind: 'steps', data: Buffer.from(JSON.stringify(missing)) };
    },
    /** Outside a batch: the whole of it. */
    image: (): Uint8Array => db.serialize(),
    backup: async (path: string): Promise<void> => {
      await backup(db, path);
    },
    close: (): void => {
      session?.close();
      session = undefined;
      db.close();
    },
  };
};
