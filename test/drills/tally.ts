/** What drills saw of what is promised: one line a promise in, a table with counts and what was broken out. */

export type Tally = {
  /** Notes one look at a promise; `seen` says what was there instead when it was not kept. */
  readonly note: (promised: string, kept: boolean, seen: string) => void;
  readonly broken: () => readonly string[];
  /** promised | kept of looked at | seen. */
  readonly table: () => readonly string[];
};

type Line = { kept: number; looks: number; last: string; readonly broken: string[] };

export const createTally = (promises: readonly string[]): Tally => {
  const lines = new Map<string, Line>(
    promises.map((promised) => [promised, { kept: 0, looks: 0, last: '', broken: [] }]),
  );
  return {
    note: (promised, kept, seen) => {
      const line = lines.get(promised);
      if (line === undefined) throw new Error(`nobody promised: ${promised}`);
      line.looks += 1;
      if (kept) line.kept += 1;
      else line.broken.push(seen);
      line.last = seen;
    },
    broken: () => [...lines].flatMap(([promised, { broken }]) => broken.map((seen) => `${promised}: ${seen}`)),
    table: () => {
      const width = Math.max(...promises.map((promised) => promised.length));
      return [
        `${'promised'.padEnd(width)} | kept        | seen`,
        ...[...lines].map(([promised, { kept, looks, broken, last }]) => {
          const seen = looks === 0 ? 'never looked at' : broken.length > 0 ? `BROKEN: ${broken[0]}` : last;
          return `${promised.padEnd(width)} | ${`${kept} of ${looks}`.padEnd(11)} | ${seen}`;
        }),
      ];
    },
  };
};
