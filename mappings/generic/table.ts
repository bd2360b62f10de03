/** Literal rows in, a look-up table that knows nothing else out: a client's `constructor` or `toString` finds nothing. */
export const table = <T>(rows: Readonly<Record<string, T>>): Readonly<Record<string, T>> =>
  Object.assign(Object.create(null) as Record<string, T>, rows);
