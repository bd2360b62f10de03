/** Ends of exchanges in, by front, method, route and outcome, and how long they took in fixed buckets; sums that cross the link out. */
import { LIMITS } from './limits.ts';

/** Upper bounds of the buckets in milliseconds; one more is without an end. */
export const BUCKETS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000] as const;

/** `method` is one of the command table, else ''; `outcome`: value, or the kind of the fault. */
export interface ExchangeSum {
  readonly front: string;
  readonly method: string;
  readonly route: string;
  readonly outcome: string;
  readonly count: number;
}

export interface LatencySum {
  readonly front: string;
  readonly route: string;
  readonly sumMs: number;
  /** One for each bucket and one for what took longer, each by itself. */
  readonly buckets: readonly number[];
}

export interface TallySums {
  readonly exchanges: readonly ExchangeSum[];
  readonly latencies: readonly LatencySum[];
}

export interface Tally {
  /** Costs four look-ups and an addition: every exchange is counted, whether it is logged or not. */
  add(front: string, method: string, route: string, outcome: string, ms: number): void;
  merge(sums: TallySums): void;
  /** All since the last `take`, or ever. */
  sums(): TallySums;
  /** The same, and it begins anew; undefined: there was nothing. */
  take(): TallySums | undefined;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
interface Latency extends Omit<Mutable<LatencySum>, 'buckets'> {
  buckets: number[];
}
type Tree = Map<string, Tree | Mutable<ExchangeSum>>;

const childOf = (tree: Tree, key: string): Tree => {
  const known = tree.get(key);
  if (known !== undefined) return known as Tree;
  const made: Tree = new Map();
  tree.set(key, made);
  return made;
};

const bucketOf = (ms: number): number => {
  let at = 0;
  while (at < BUCKETS_MS.length && ms > (BUCKETS_MS[at] as number)) at += 1;
  return at;
};

export const createTally = (most: number = LIMITS.tallyCells): Tally => {
  let tree: Tree = new Map();
  let cells: Mutable<ExchangeSum>[] = [];
  let latencies: Latency[] = [];
  let byRoute = new Map<string, Map<string, Latency>>();

  const cellOf = (front: string, method: string, route: string, outcome: string): Mutable<ExchangeSum> => {
    const outcomes = childOf(childOf(childOf(tree, front), method), route);
    const known = outcomes.get(outcome);
    if (known !== undefined) return known as Mutable<ExchangeSum>;
    // Names come from tables, which end; who makes names up gets none of his own.
    if (cells.length >= most && method !== '') return cellOf(front, '', route, outcome);
    const made = { front, method, route, outcome, count: 0 };
    outcomes.set(outcome, made);
    cells.push(made);
    return made;
  };
  const latencyOf = (front: string, route: string): Latency => {
    let routes = byRoute.get(front);
    if (routes === undefined) {
      routes = new Map();
      byRoute.set(front, routes);
    }
    let latency = routes.get(route);
    if (latency === undefined) {
      latency = { front, route, sumMs: 0, buckets: new Array<number>(BUCKETS_MS.length + 1).fill(0) };
      routes.set(route, latency);
      latencies.push(latency);
    }
    return latency;
  };
  const sums = (): TallySums => ({ exchanges: cells, latencies });

  return {
    add: (front, method, route, outcome, ms) => {
      cellOf(front, method, route, outcome).count += 1;
      const latency = latencyOf(front, route);
      latency.sumMs += ms;
      const at = bucketOf(ms);
      latency.buckets[at] = (latency.buckets[at] ?? 0) + 1;
    },
    merge: (told) => {
      for (const { front, method, route, outcome, count } of told.exchanges)
        cellOf(front, method, route, outcome).count += count;
      for (const { front, route, sumMs, buckets } of told.latencies) {
        const latency = latencyOf(front, route);
        latency.sumMs += sumMs;
        latency.buckets = latency.buckets.map((count, at) => count + (buckets[at] ?? 0));
      }
    },
    sums,
    take: () => {
      if (cells.length === 0) return undefined;
      const taken = sums();
      tree = new Map();
      cells = [];
      latencies = [];
      byRoute = new Map();
      return taken;
    },
  };
};
