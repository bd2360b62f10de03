/** How a program that stays up ends: SIGTERM or SIGINT closes everything once and exits with 0; a second one does not wait. */
import type { Log } from '../runtime/log.ts';
import { EXIT } from './exit-codes.ts';
import { type Predecessor, untilReplaced } from './succession.ts';

export const untilSignal = (): Promise<NodeJS.Signals> =>
  new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });

/** Stays up until a signal ends it, or until another program that took its place has ended. The exit code. */
export const stayUp = async (
  running: { readonly predecessor: Predecessor; readonly log: Log; close(): Promise<void> },
  ended: Promise<NodeJS.Signals>,
): Promise<number> => {
  const replaced = untilReplaced(running.predecessor, running.log);
  const end = await Promise.race([ended, replaced]);
  // What still waits here was told to the successor, and went with it.
  if (typeof end === 'number') process.exit(end);
  await closeAll([running.close]);
  return EXIT.ok;
};

const CLOSE_MS = 10_000;
/** Ctrl-C below npm comes twice, from the terminal and from npm: that is one wish, not impatience. */
const ECHO_MS = 500;

/** Closes in order; what does not end in time is left, since nothing durable depends on a clean end. */
export const closeAll = async (closers: readonly (() => Promise<void> | void)[]): Promise<void> => {
  const begun = performance.now();
  const impatient = (): void => {
    if (performance.now() - begun > ECHO_MS) process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, impatient);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_MS);
  });
  const closing = (async () => {
    for (const close of closers) await close();
  })();
  await Promise.race([closing, late]);
  clearTimeout(timer);
};
