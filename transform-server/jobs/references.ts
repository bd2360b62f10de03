/** Arguments with `{ $from: 'step.path' }` and earlier results in, plain arguments out. */
import type { NativeRef } from '../../mappings/generic/ids.ts';
import type { NativeCall } from '../../mappings/generic/native.ts';
import type { PlannedRef } from '../../mappings/generic/plan.ts';

export type Results = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** A plan refers to a result that is not there: the plan is wrong, or the result was lost with the process that got it. */
export class MissingResult extends Error {
  override readonly name = 'MissingResult';
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);

const lookup = (path: string, results: Results): unknown => {
  let value: unknown = results;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name))
      throw new MissingResult(`no result ${path}`);
    value = (value as Record<string, unknown>)[name];
  }
  if (value === undefined) throw new MissingResult(`no result ${path}`);
  return value;
};

const resolveValue = (value: unknown, results: Results): unknown => {
  if (Array.isArray(value)) return value.map((one) => resolveValue(one, results));
  if (!isPlain(value)) return value;
  const from = value['$from'];
  if (typeof from === 'string' && Object.keys(value).length === 1) return lookup(from, results);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, resolveValue(one, results)]));
};

export const resolveReferences = (call: NativeCall, results: Results): NativeCall => ({
  procedure: call.procedure,
  args: resolveValue(call.args, results) as Readonly<Record<string, unknown>>,
});

/** undefined: the step that tells the name has no result. */
export const resolveRef = ({ kind, native }: PlannedRef, results: Results): NativeRef | undefined => {
  if (typeof native === 'string') return { kind, native };
  try {
    const found = lookup(native.$from, results);
    return typeof found === 'string' ? { kind, native: found } : undefined;
  } catch (error) {
    if (error instanceof MissingResult) return undefined;
    throw error;
  }
};
