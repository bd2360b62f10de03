/** Measured numbers of objects over intervals in; means over any time of the last two hours, the last week and the last year out, in bounded memory. */
import type { HubId } from '../../mappings/generic/ids.ts';
import type { History } from '../../mappings/generic/statistics.ts';

const SECOND = 1000;
const HOUR = 3600 * SECOND;
/** Each step holds means of the one before it, for longer. */
const STEPS = [
  { ms: 20 * SECOND, most: 360 },
  { ms: HOUR, most: 168 },
  { ms: 24 * HOUR, most: 366 },
] as const;
type Step = (typeof STEPS)[number];
const [FINEST] = STEPS;
const FIRST_ROWS = 4;
const VALUE_BYTES = 4;
/** What was not measured for longer is not known: the mean of a long silence says nothing of its parts. */
const MOST_SLOTS_OF_ONE = 3;

/** The names of columns; objects that are measured in the same way share it. */
interface Shape {
  readonly names: readonly string[];
  readonly columns: ReadonlyMap<string, number>;
}

/** The row of slot n stands at n modulo the number of rows: the newest are there. */
interface Ring {
  values: Float32Array;
  rows: number;
  first: number;
  last: number;
}

interface Recorded {
  shape: Shape;
  /** By step; the longer ones begin when the first of their steps has ended. */
  readonly rings: Ring[];
  untilMs: number;
}

export interface Histories {
  record(id: HubId, fromMs: number, toMs: number, measured: Readonly<Record<string, number>>): void;
  of(id: HubId): History | undefined;
  forget(id: HubId): void;
}

/** The oldest slot of which something is kept. */
const oldest = ({ first, last, rows }: Ring): number => Math.max(first, last - rows + 1);

const meanOf = (ring: Ring, column: number, width: number, from: number, to: number): number => {
  let sum = 0;
  let count = 0;
  for (let slot = Math.max(from, oldest(ring)); slot <= Math.min(to, ring.last); slot++) {
    const value = ring.values[(slot % ring.rows) * width + column] ?? Number.NaN;
    if (Number.isNaN(value)) continue;
    sum += value;
    count += 1;
  }
  return count === 0 ? Number.NaN : sum / count;
};

export const createHistories = ({ mostBytes }: { readonly mostBytes: number }): Histories => {
  const all = new Map<HubId, Recorded>();
  const shapes = new Map<string, Shape>();
  let bytes = 0;

  const shapeOf = (names: readonly string[]): Shape => {
    const key = names.join(' ');
    const known = shapes.get(key);
    if (known !== undefined) return known;
    const shape = { names, columns: new Map(names.map((name, n) => [name, n])) };
    shapes.set(key, shape);
    return shape;
  };

  /** The same rows in another number of places, or with columns at the end that nothing is known of. */
  const lay = (ring: Ring, rows: number, before: number, width: number): void => {
    const values = new Float32Array(rows * width).fill(Number.NaN);
    for (let slot = Math.max(0, oldest(ring)); slot <= ring.last; slot++) {
      const at = (slot % ring.rows) * before;
      values.set(ring.values.subarray(at, at + before), (slot % rows) * width);
    }
    bytes += (values.length - ring.values.length) * VALUE_BYTES;
    ring.values = values;
    ring.rows = rows;
  };

  /** The place of the slot's row, which is empty then. When there is no more room, a ring stays as long as it is and forgets sooner. */
  const placeOf = (ring: Ring, slot: number, width: number, most: number): number => {
    if (ring.first < 0) ring.first = slot;
    const more = Math.min(most, ring.rows * 2);
    const isFull = slot - ring.first >= ring.rows && ring.rows < most;
    if (isFull && bytes + (more - ring.rows) * width * VALUE_BYTES <= mostBytes) lay(ring, more, width, width);
    for (let empty = Math.max(ring.last + 1, slot - ring.rows + 1); empty <= slot; empty++)
      ring.values.fill(Number.NaN, (empty % ring.rows) * width, (empty % ring.rows) * width + width);
    ring.last = Math.max(ring.last, slot);
    return (slot % ring.rows) * width;
  };

  const begin = (rings: Ring[], width: number): Ring => {
    const ring: Ring = { values: new Float32Array(0), rows: 0, first: -1, last: -1 };
    lay(ring, FIRST_ROWS, width, width);
    rings.push(ring);
    return ring;
  };

  /** Longer steps that end before this slot get their means from the shorter ones. */
  const consolidate = ({ rings, shape: { names } }: Recorded, slot: number): void => {
    const lastMs = (rings[0]?.last ?? -1) * FINEST.ms;
    for (let n = 1; n < STEPS.length && lastMs >= 0; n++) {
      const [finer, coarser] = [STEPS[n - 1] as Step, STEPS[n] as Step];
      const ended = Math.floor(lastMs / coarser.ms);
      if (Math.floor((slot * FINEST.ms) / coarser.ms) <= ended) return;
      const parts = coarser.ms / finer.ms;
      const from = rings[n - 1] as Ring;
      const to = rings[n] ?? begin(rings, names.length);
      const place = placeOf(to, ended, names.length, coarser.most);
      for (let column = 0; column < names.length; column++)
        to.values[place + column] = meanOf(from, column, names.length, ended * parts, (ended + 1) * parts - 1);
    }
  };

  const recordOf = (id: HubId, names: readonly string[]): Recorded => {
    const known = all.get(id);
    if (known === undefined) {
      const recorded: Recorded = { shape: shapeOf(names), rings: [], untilMs: 0 };
      begin(recorded.rings, names.length);
      all.set(id, recorded);
      return recorded;
    }
    const { shape, rings } = known;
    const added = names.filter((name) => !shape.columns.has(name));
    if (added.length > 0) {
      known.shape = shapeOf([...shape.names, ...added]);
      for (const ring of rings) lay(ring, ring.rows, shape.names.length, known.shape.names.length);
    }
    return known;
  };

  const record: Histories['record'] = (id, fromMs, toMs, measured) => {
    const last = Math.floor(toMs / FINEST.ms) - 1;
    const first = Math.max(Math.floor(fromMs / FINEST.ms), last - MOST_SLOTS_OF_ONE + 1);
    const names = Object.keys(measured);
    if (last < first || names.length === 0) return;
    const recorded = recordOf(id, names);
    const { shape, rings } = recorded;
    const [finest] = rings;
    // The clock was set back further than is kept.
    if (finest === undefined || first <= finest.last - finest.rows) return;
    recorded.untilMs = (last + 1) * FINEST.ms;
    for (let slot = first; slot <= last; slot++) {
      consolidate(recorded, slot);
      const place = placeOf(finest, slot, shape.names.length, FINEST.most);
      for (const name of names) finest.values[place + (shape.columns.get(name) ?? 0)] = measured[name] ?? Number.NaN;
    }
  };

  const mean = ({ rings, shape }: Recorded, column: number, fromMs: number, toMs: number): number => {
    for (const [n, { ms }] of STEPS.entries()) {
      const ring = rings[n];
      if (ring === undefined || (n > 0 && ms > toMs - fromMs)) break;
      const first = Math.floor(fromMs / ms);
      const isKept = first >= oldest(ring) || oldest(ring) === ring.first;
      if (isKept) return meanOf(ring, column, shape.names.length, first, Math.max(first, Math.ceil(toMs / ms) - 1));
    }
    return Number.NaN;
  };

  return {
    record,
    of: (id) => {
      const recorded = all.get(id);
      if (recorded === undefined) return undefined;
      const { shape, untilMs } = recorded;
      return {
        names: shape.names,
        untilMs,
        mean: (name, fromMs, toMs) => {
          const column = shape.columns.get(name);
          return column === undefined ? Number.NaN : mean(recorded, column, fromMs, toMs);
        },
      };
    },
    forget: (id) => {
      for (const { values } of all.get(id)?.rings ?? []) bytes -= values.length * VALUE_BYTES;
      all.delete(id);
    },
  };
};
