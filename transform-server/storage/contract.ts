/** The contract of durable storage: SQL writes gathered into one transaction a flush, reads that see them at once. */

export type SqlValue = string | number | bigint | null | Uint8Array;
export type SqlRow = Readonly<Record<string, SqlValue>>;

/** A prepared statement. `run` joins the open batch. */
export interface Statement {
  run(...values: SqlValue[]): void;
  get(...values: SqlValue[]): SqlRow | undefined;
  all(...values: SqlValue[]): SqlRow[];
  iterate(...values: SqlValue[]): Iterable<SqlRow>;
}

export interface Storage extends Disposable {
  /** Brings a component's tables forward: step i is applied once and never changed afterwards. */
  migrate(component: string, steps: readonly string[]): void;
  prepare(sql: string): Statement;
  /** One write outside a prepared statement; joins the open batch. */
  run(sql: string, ...values: SqlValue[]): void;
  /** Resolves when everything written so far is known to last. At once when nothing is open. */
  flush(): Promise<void>;
  /** true: writes wait for their commit. */
  readonly dirty: boolean;
  /** Writes all of it to a file that `restoreDirectory` takes. */
  backup(path: string): Promise<void>;
  close(): void;
}
