/** The audit: every change with who, what, when and outcome comes in, lines stay on disk in order, the newest million. */
import type { SqlRow, Storage } from '../storage/contract.ts';

const MIGRATIONS = [
  `CREATE TABLE audit_lines (
     seq INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, user TEXT NOT NULL, address TEXT NOT NULL, front TEXT NOT NULL,
     method TEXT NOT NULL, verb TEXT NOT NULL, target TEXT NOT NULL, target_name TEXT NOT NULL, job TEXT NOT NULL,
     outcome TEXT NOT NULL, exchange TEXT NOT NULL);
   CREATE UNIQUE INDEX audit_once ON audit_lines (job, outcome) WHERE job <> '';`,
  'CREATE INDEX audit_at ON audit_lines (at_ms);',
];
const KEPT = 1_000_000;
/** Read at once of those that are looked through. */
const CHUNK = 200;

export interface AuditLine {
  readonly atMs: number;
  readonly user: string;
  readonly address: string;
  readonly front: string;
  /** As the wire spells it; '' for what no client asked for. */
  readonly method: string;
  readonly verb: string;
  readonly target: string;
  readonly targetName: string;
  readonly job: string;
  /** 'started', 'success', or the kind of the fault. */
  readonly outcome: string;
  readonly exchange: string;
}

export interface Audit {
  /** A job's line with the same outcome is written once, however often it is told. */
  record(line: AuditLine): void;
  /** Newest last. */
  newest(limit: number): readonly AuditLine[];
  /** Newest first, from `untilMs` on back; read as they are looked at. */
  back(untilMs: number): Iterable<AuditLine>;
}

const lineOf = (row: SqlRow): AuditLine => ({
  atMs: Number(row['at_ms']),
  user: String(row['user']),
  address: String(row['address']),
  front: String(row['front']),
  method: String(row['method']),
  verb: String(row['verb']),
  target: String(row['target']),
  targetName: String(row['target_name']),
  job: String(row['job']),
  outcome: String(row['outcome']),
  exchange: String(row['exchange']),
});

export const createAudit = (storage: Storage, kept = KEPT): Audit => {
  storage.migrate('audit', MIGRATIONS);
  const insert = storage.prepare(
    `INSERT OR IGNORE INTO audit_lines (at_ms, user, address, front, method, verb, target, target_name, job, outcome, exchange)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const prune = storage.prepare('DELETE FROM audit_lines WHERE seq <= (SELECT max(seq) FROM audit_lines) - ?');
  const read = storage.prepare('SELECT * FROM audit_lines ORDER BY seq DESC LIMIT ?');
  const readBack = storage.prepare(
    'SELECT * FROM audit_lines WHERE (at_ms, seq) < (?, ?) ORDER BY at_ms DESC, seq DESC LIMIT ?',
  );
  let since = 0;
  return {
    record: (line) => {
      insert.run(
        line.atMs,
        line.user,
        line.address,
        line.front,
        line.method,
        line.verb,
        line.target,
        line.targetName,
        line.job,
        line.outcome,
        line.exchange,
      );
      since += 1;
      if (since < 1000) return;
      since = 0;
      prune.run(kept);
    },
    newest: (limit) => read.all(limit).map(lineOf).reverse(),
    *back(untilMs) {
      let at: readonly [atMs: number, seq: number] = [untilMs, Number.MAX_SAFE_INTEGER];
      for (;;) {
        const rows = readBack.all(...at, CHUNK);
        for (const row of rows) yield lineOf(row);
        const last = rows.at(-1);
        if (last === undefined || rows.length < CHUNK) return;
        at = [Number(last['at_ms']), Number(last['seq'])];
      }
    },
  };
};
