/** A fuzz report in, lines for people and what it fails by out. */
import type { FuzzReport } from './run.ts';

const MIB = 1024 * 1024;
const DISPATCH_SHARE = 0.4;
/** What a flat program may still grow between the end of its warm-up and the end. */
const GROWTH_SHARE = 0.25;
const GROWTH_BYTES = 64 * MIB;

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

/** Resident bytes after the warm-up and at the end: medians of a tenth of the run each. */
export const memoryOf = ({
  memory,
  warmShare,
}: Pick<FuzzReport, 'memory' | 'warmShare'>): {
  readonly warm: number;
  readonly end: number;
  readonly most: number;
} => {
  const tenth = Math.max(1, Math.floor(memory.length / 10));
  const warm = Math.floor(memory.length * warmShare);
  return {
    warm: median(memory.slice(warm, warm + tenth)),
    end: median(memory.slice(-tenth)),
    most: Math.max(0, ...memory),
  };
};

/** [] when the run was good. Memory is judged only over a run that is long enough to have warmed up. */
export const failuresOf = (report: FuzzReport, options: { readonly judgeMemory: boolean }): readonly string[] => {
  const { requests, dispatched, driver, driverShare } = report;
  const { warm, end } = memoryOf(report);
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
    ...(!options.judgeMemory || end - warm <= Math.max(GROWTH_BYTES, warm * GROWTH_SHARE)
      ? []
      : [`memory grew from ${Math.round(warm / MIB)} to ${Math.round(end / MIB)} MiB`]),
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
  const { requests, seconds, memory } = report;
  const share = (number: number): string => `${number} (${((number / requests) * 100).toFixed(1)} %)`;
  const { warm, end, most } = memoryOf(report);
  const mib = (bytes: number): string => `${Math.round(bytes / MIB)}`;
  const step = Math.max(1, Math.ceil(memory.length / 20));
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
    `memory, MiB: warm ${mib(warm)}, end ${mib(end)}, most ${mib(most)}; ${memory
      .filter((_, at) => at % step === 0)
      .map(mib)
      .join(' ')}`,
  ];
};
