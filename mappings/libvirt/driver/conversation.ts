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

/** The value; undefined when what is asked for is gone. Any other refusal says nothing of that: the reader must not take it for gone. */
export const askFound = async <P extends ProcedureName>(
  send: DriverSend,
  procedure: P,
  args: ArgsOf<P>,
): Promise<RetOf<P> | undefined> => {
  const outcome = await ask(send, procedure, args);
  if (outcome.ok) return outcome.value;
  if (outcome.fault.kind === 'object-not-found' || outcome.fault.kind === 'not-found') return undefined;
  throw new Error(`${procedure}: ${outcome.fault.text}`);
};

/** A list; empty where the host has nothing of the kind at all. */
export const askList = async <P extends ProcedureName>(
  send: DriverSend,
  procedure: P,
  args: ArgsOf<P>,
): Promise<RetOf<P> | undefined> => {
  const outcome = await ask(send, procedure, args);
  if (outcome.ok) return outcome.value;
  if (outcome.fault.kind === 'not-supported') return undefined;
  throw new Error(`${procedure}: ${outcome.fault.text}`);
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
