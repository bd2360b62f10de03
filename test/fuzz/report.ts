/** A fuzz report in, lines for people and what it fails by out. */
import type { FuzzReport } from './run.ts';

const MIB = 1024 * 1024;
const DISPATCH_SHARE = 0.4;
interface Slack {
  readonly share: number;
  readonly bytes: number;
}
/** What a flat program may still grow between the end of its warm-up and the end: what lives in its heaps, and what it has of the system. */
const WARM = { heap: { share: 0.08, bytes: 6 * MIB }, resident: { share: 0.15, bytes: 32 * MIB } };
/** Ended tasks are remembered for ten minutes: before that their number grows with the requests. */
const WARM_SECONDS = 600;
const FILLING = { heap: { share: 0.25, bytes: 32 * MIB }, resident: { share: 0.25, bytes: 64 * MIB } };
const isWarm = ({ seconds, warmShare }: FuzzReport): boolean => seconds * warmShare >= WARM_SECONDS;

/** Of the samples, at the end of the warm-up and at the end. */
const COMPARED = 0.15;

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

interface Growth {
  readonly warm: number;
  readonly end: number;
  readonly most: number;
}

/** After the warm-up and at the end, as medians; and the most. */
export const growthOf = (samples: readonly number[], warmShare: number): Growth => {
  const some = Math.max(1, Math.floor(samples.length * COMPARED));
  const warm = Math.floor(samples.length * warmShare);
  return {
    warm: median(samples.slice(warm, warm + some)),
    end: median(samples.slice(-some)),
    most: Math.max(0, ...samples),
  };
};

const grew = (what: string, { warm, end }: Growth, most: Slack): readonly string[] =>
  end - warm <= Math.max(most.bytes, warm * most.share)
    ? []
    : [`${what} grew from ${Math.round(warm / MIB)} to ${Math.round(end / MIB)} MiB`];

const heapOf = ({ heap }: Pick<FuzzReport, 'heap'>): readonly number[] => heap.map(({ bytes }) => bytes);

/** [] when the run was good. Memory is judged only over a run that is long enough to have warmed up. */
export const failuresOf = (report: FuzzReport, options: { readonly judgeMemory: boolean }): readonly string[] => {
  const { requests, dispatched, driver, driverShare, warmShare } = report;
  const slack = isWarm(report) ? WARM : FILLING;
  return [
    ...(report.alive ? [] : ['the program ended']),
    ...report.hangs,
    ...report.problems,
    ...report.internal.map((text) => `internal: ${text}`),
    ...[...report.errors].map(([line, times]) => `logged ${times} times: ${line}`),
    ...(dispatched >= requests * DISPATCH_SHARE
      ? []
      : [`only ${dispatched} of ${requests} reached the dispatch of a row`]),
    ...(driver >= requests * driverShare ? [] : [`only ${driver} of ${requests} reached a call of the driver`]),
    ...(!options.judgeMemory
      ? []
      : [
          ...(report.heap.length === 0 ? ['nobody looked into the heaps'] : []),
          ...grew('what lives in the heaps', growthOf(heapOf(report), warmShare), slack.heap),
          ...grew('resident memory', growthOf(report.memory, warmShare), slack.resident),
        ]),
  ];
};

const table = (title: string, counts: ReadonlyMap<string, number>, whole: number): readonly string[] => [
  title,
  ...[...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(
      ([name, times]) => `  ${name.padEnd(32)} ${String(times).padStart(8)}  ${((times / whole) * 100).toFixed(1)} %`,
    ),
];

export const linesOf = (report: FuzzReport): readonly string[] => {
  const { requests, seconds, heap, memory, warmShare } = report;
  const share = (number: number): string => `${number} (${((number / requests) * 100).toFixed(1)} %)`;
  const mib = (bytes: number): string => `${Math.round(bytes / MIB)}`;
  const over = (what: string, samples: readonly number[]): string => {
    const { warm, end, most } = growthOf(samples, warmShare);
    const step = Math.max(1, Math.ceil(samples.length / 20));
    const shown = samples.filter((_, at) => at % step === 0).map(mib);
    return `${what}, MiB: after ${warmShare * 100} % ${mib(warm)}, end ${mib(end)}, most ${mib(most)}; ${shown.join(' ')}`;
  };
  return [
    `seed ${report.seed}: ${requests} mutated requests in ${seconds.toFixed(1)} s (${Math.round(requests / seconds)} a second)`,
    ...table('mutations', report.mutations, requests),
    ...table('how far the body can get', report.reach, requests),
    ...table('status', report.statuses, requests),
    ...table('faults', report.faults, requests),
    `decoded by the program        ${share(report.decoded)}`,
    `reached the dispatch of a row ${share(report.dispatched)}   (needed: ${DISPATCH_SHARE * 100} %)`,
    `reached a call of the driver  ${share(report.driver)}   (needed: ${report.driverShare * 100} %)`,
    `slowest answer ${Math.round(report.slowestMs)} ms (${report.slowest}); hangs ${report.hangs.length}; problems ${report.problems.length}; internal ${report.internal.length}; kinds of logged errors ${report.errors.size}`,
    ...(heap.length === 0
      ? []
      : [
          over('lives in the heaps', heapOf(report)),
          `objects of the estate then: ${heap.map(({ estate }) => estate).join(' ')}`,
        ]),
    over('resident', memory),
    ...(isWarm(report)
      ? []
      : [`too short to be strict about memory: ended tasks are remembered for ${WARM_SECONDS / 60} minutes`]),
  ];
};
