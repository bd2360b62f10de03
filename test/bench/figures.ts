/** Numbers in, the few figures that are printed out. */

export const quantile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN;
};
export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Of their mean. */
export const standardError = (values: readonly number[]): number => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1) / values.length);
};

export type Figure = {
  readonly name: string;
  readonly ours: string;
  readonly theirs: string;
  /** The figure that the target is about. */
  readonly value: number;
  readonly unit: string;
  readonly target: string;
  readonly met: boolean;
};

export const atLeast = (name: string, ours: string, theirs: string, value: number, target: number): Figure => ({
  name,
  ours,
  theirs,
  value,
  unit: 'times',
  target: `at least ${target} times`,
  met: value >= target,
});
export const atMost = (
  name: string,
  ours: string,
  theirs: string,
  value: number,
  unit: string,
  target: number,
): Figure => ({
  name,
  ours,
  theirs,
  value,
  unit,
  target: `at most ${target} ${unit}`,
  met: value <= target,
});

/** Without a target. */
export const plain = (name: string, ours: string, theirs: string, value: number, unit: string): Figure => ({
  name,
  ours,
  theirs,
  value,
  unit,
  target: '-',
  met: true,
});

export const figureText = ({ name, ours, theirs, value, unit, target, met }: Figure): string =>
  `| ${name} | ${ours} | ${theirs} | **${value.toFixed(value < 10 ? 2 : 1)} ${unit}** | ${target} | ${target === '-' ? '-' : met ? 'met' : '**missed**'} |`;
