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
const FIRST_LENGTH = 8;
const VALUE_BYTES = 4;
/** What was not measured for longer is not known: the mean of a long silence says nothing of its parts. */
const MOST_SLOTS_OF_ONE = 3;

/** The value of slot n stands at n modulo the length: the newest `values.length` slots are there. */
interface Ring {
  values: Float32Array;
  first: number;
  last: number;
}

type Series = readonly Ring[];

interface Recorded {
  readonly series: Map<string, Series>;
  untilMs: number;
}

export interface Histories {
  record(id: HubId, fromMs: number, toMs: number, measured: Readonly<Record<string, number>>): void;
  of(id: HubId): History | undefined;
  forget(id: HubId): void;
}

const newRing = (): Ring => ({ values: new Float32Array(0), first: -1, last: -1 });
const isKept = ({ values, last }: Ring, slot: number): boolean => slot <= last && slot > last - values.length;
const at = (ring: Ring, slot: number): number =>
  isKept(ring, slot) ? (ring.values[slot % ring.values.length] ?? Number.NaN) : Number.NaN;
/** Nothing of then was overwritten. */
const reaches = (ring: Ring, slot: number): boolean =>
  slot > ring.last - ring.values.length || ring.first > ring.last - ring.values.length;

const meanOf = (ring: Ring, first: number, last: number): number => {
  let sum = 0;
  let count = 0;
  for (let slot = Math.max(first, ring.first, ring.last - ring.values.length + 1); slot <= last; slot++) {
    if (slot > ring.last) break;
    const value = at(ring, slot);
    if (Number.isNaN(value)) continue;
    sum += value;
    count += 1;
  }
  return count === 0 ? Number.NaN : sum / count;
};

export const createHistories = ({ mostBytes }: { readonly mostBytes: number }): Histories => {
  const all = new Map<HubId, Recorded>();
  let bytes = 0;

  /** When there is no more room, a ring stays as long as it is and forgets sooner. */
  const lengthen = (ring: Ring, most: number): void => {
    const length = Math.min(most, Math.max(FIRST_LENGTH, ring.values.length * 2));
    const more = (length - ring.values.length) * VALUE_BYTES;
    if (ring.values.length > 0 && bytes + more > mostBytes) return;
    const values = new Float32Array(length).fill(Number.NaN);
    for (let slot = Math.max(0, ring.last - ring.values.length + 1); slot <= ring.last; slot++)
      values[slot % length] = at(ring, slot);
    ring.values = values;
    bytes += more;
  };

  const put = (ring: Ring, slot: number, value: number, most: number): void => {
    if (ring.first < 0) ring.first = slot;
    if (slot - ring.first >= ring.values.length && ring.values.length < most) lengthen(ring, most);
    for (let skipped = Math.max(ring.last + 1, slot - ring.values.length + 1); skipped < slot; skipped++)
      ring.values[skipped % ring.values.length] = Number.NaN;
    ring.last = Math.max(ring.last, slot);
    if (isKept(ring, slot)) ring.values[slot % ring.values.length] = value;
  };

  /** Longer steps that end before this slot get their means from the shorter ones. */
  const consolidate = (series: Series, slot: number): void => {
    const lastMs = (series[0] as Ring).last * FINEST.ms;
    if (lastMs < 0) return;
    for (let n = 1; n < STEPS.length; n++) {
      const [finer, coarser] = [STEPS[n - 1] as Step, STEPS[n] as Step];
      const ended = Math.floor(lastMs / coarser.ms);
      if (Math.floor((slot * FINEST.ms) / coarser.ms) <= ended) return;
      const parts = coarser.ms / finer.ms;
      const mean = meanOf(series[n - 1] as Ring, ended * parts, (ended + 1) * parts - 1);
      put(series[n] as Ring, ended, mean, coarser.most);
    }
  };

  const record: Histories['record'] = (id, fromMs, toMs, measured) => {
    const last = Math.floor(toMs / FINEST.ms) - 1;
    const first = Math.max(Math.floor(fromMs / FINEST.ms), last - MOST_SLOTS_OF_ONE + 1);
    if (last < first) return;
    let known = all.get(id);
    if (known === undefined) {
      known = { series: new Map(), untilMs: 0 };
      all.set(id, known);
    }
    known.untilMs = (last + 1) * FINEST.ms;
    for (const [name, value] of Object.entries(measured)) {
      let series = known.series.get(name);
      if (series === undefined) {
        series = STEPS.map(newRing);
        known.series.set(name, series);
      }
      for (let slot = first; slot <= last; slot++) {
        consolidate(series, slot);
        put(series[0] as Ring, slot, value, FINEST.most);
      }
    }
  };

  const mean = (series: Series, fromMs: number, toMs: number): number => {
    for (const [n, { ms }] of STEPS.entries()) {
      const ring = series[n] as Ring;
      const first = Math.floor(fromMs / ms);
      if (ms > toMs - fromMs && n > 0) break;
      if (ring.first >= 0 && reaches(ring, first))
        return meanOf(ring, first, Math.max(first, Math.ceil(toMs / ms) - 1));
    }
    return Number.NaN;
  };

  return {
    record,
    of: (id) => {
      const known = all.get(id);
      if (known === undefined) return undefined;
      return {
        names: [...known.series.keys()],
        untilMs: known.untilMs,
        mean: (name, fromMs, toMs) => {
          const series = known.series.get(name);
          return series === undefined ? Number.NaN : mean(series, fromMs, toMs);
        },
      };
    },
    forget: (id) => {
      for (const series of all.get(id)?.series.values() ?? [])
        for (const { values } of series) bytes -= values.length * VALUE_BYTES;
      all.delete(id);
    },
  };
};
