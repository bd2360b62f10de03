/** How long jobs wait for what; tests shorten it. */
export const TIMING = {
  /** First and longest pause between two probes. */
  pollMs: 100,
  pollMostMs: 2_000,
  /** How long "not done" must hold before a step in doubt counts as without effect: a call that outlived its caller shows late. */
  settleMs: 3_000,
  /** Pauses before a forward-only step or an undo is repeated, doubling. */
  retryMs: 200,
  retries: 6,
  /** A job whose host is away so long ends as an error for its client; its plan goes on when the host is back. */
  giveUpMs: 60_000,
  /** Read your own writes: then success with the object marked stale. */
  barrierMs: 5_000,
  /** A finished job stays readable at least so long. */
  keepMs: 10 * 60_000,
} as const;
export type Timing = { readonly [K in keyof typeof TIMING]: number };
