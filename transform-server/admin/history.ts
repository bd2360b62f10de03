/** Figures of the server in, taken every few seconds; what they were in the last hour and, coarser, in the last day out. */
import type { Clock } from '../../runtime/clock.ts';
import type { Inspected } from './parts.ts';

export interface Point {
  readonly atMs: number;
  readonly value: number;
}

export interface History {
  readonly names: readonly string[];
  /** Oldest first. */
  series(name: string, sinceMs: number): readonly Point[];
  close(): void;
}

const FINE_MS = 5000;
const FINE_KEPT = 720;
const COARSE_EVERY = 12;
const COARSE_KEPT = 1440;

/** A ring of the figures of one moment each. */
class Ring {
  readonly #rows: { readonly atMs: number; readonly values: Float64Array }[] = [];
  readonly #most: number;
  constructor(most: number) {
    this.#most = most;
  }
  add(atMs: number, values: Float64Array): void {
    this.#rows.push({ atMs, values });
    if (this.#rows.length > this.#most) this.#rows.shift();
  }
  get firstMs(): number {
    return this.#rows[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }
  points(at: number, sinceMs: number, untilMs = Number.POSITIVE_INFINITY): Point[] {
    return this.#rows
      .filter(({ atMs, values }) => atMs >= sinceMs && atMs < untilMs && at < values.length)
      .map(({ atMs, values }) => ({ atMs, value: values[at] ?? 0 }));
  }
}

export const createHistory = ({
  inspected,
  clock,
  memory = () => process.memoryUsage.rss(),
}: {
  readonly inspected: Inspected;
  readonly clock: Clock;
  readonly memory?: () => number;
}): History => {
  const fine = new Ring(FINE_KEPT);
  const coarse = new Ring(COARSE_KEPT);
  /** Places in the rows; names only come. */
  const places = new Map<string, number>();
  let taken = 0;
  const placeOf = (name: string): number => {
    const known = places.get(name);
    if (known !== undefined) return known;
    places.set(name, places.size);
    return places.size - 1;
  };
  const take = (): void => {
    const figures = Object.entries(inspected.figures()).map(([name, { value }]): [string, number] => [name, value]);
    figures.push(['memory_bytes', memory()]);
    for (const [name] of figures) placeOf(name);
    const values = new Float64Array(places.size);
    for (const [name, value] of figures) values[placeOf(name)] = value;
    const atMs = clock.now();
    fine.add(atMs, values);
    if (taken % COARSE_EVERY === 0) coarse.add(atMs, values);
    taken += 1;
  };
  const stop = clock.every(FINE_MS, take);
  take();
  return {
    get names() {
      return [...places.keys()];
    },
    series: (name, sinceMs) => {
      const at = places.get(name);
      if (at === undefined) return [];
      return [...coarse.points(at, sinceMs, fine.firstMs), ...fine.points(at, sinceMs)];
    },
    close: stop,
  };
};
