/** Typed calls over the agent's `DriverSend`: procedure and arguments in, results out. A refused read is a value, not an error. */
import type { Outcome } from '../../generic/faults.ts';
import type { DriverSend } from '../../generic/platform.ts';
import type { ArgsOf, RetOf } from '../codec.ts';
import type { ProcedureName } from '../procedures.ts';

export const ask = <P extends ProcedureName>(
  send: DriverSend,
  procedure: P,
  args: ArgsOf<P>,
  lane: 'read' | 'work' = 'read',
): Promise<Outcome<RetOf<P>>> =>
  send.call(procedure, args as Readonly<Record<string, unknown>>, lane) as Promise<Outcome<RetOf<P>>>;

/** The value, or what stands for it where the host has none. */
export const askOr = async <P extends ProcedureName, D>(
  send: DriverSend,
  procedure: P,
  args: ArgsOf<P>,
  otherwise: D,
  lane: 'read' | 'work' = 'read',
): Promise<RetOf<P> | D> => {
  const outcome = await ask(send, procedure, args, lane);
  return outcome.ok ? outcome.value : otherwise;
};

/** At most `width` at once: enough to fill the pipe, few enough not to hold ten thousand documents. */
export const inParallel = async <T, R>(
  items: readonly T[],
  width: number,
  act: (item: T) => Promise<R>,
): Promise<R[]> => {
  const results = new Array<R>(items.length);
  let next = 0;
  const run = async (): Promise<void> => {
    for (let n = next++; n < items.length; n = next++) results[n] = await act(items[n] as T);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, run));
  return results;
};
