/** Texts of sheets that nobody judged in; a thread of their own out, bounded in time and memory, on which they may do what they like. */
import type { SheetTexts } from './pipeline.ts';
import type { ThreadOptions, Transformer } from './transformer.ts';
import type { Work, WorkDone } from './work.ts';

export type Start = (texts: SheetTexts, bounds?: Pick<ThreadOptions, 'limitMs' | 'memoryMb'>) => Transformer;

export interface Trial extends AsyncDisposable {
  run(work: Work): Promise<WorkDone>;
}

export const TRIAL = {
  /** Of one piece of work, with the start of the thread. */
  limitMs: 5_000,
  /** Of all that is tried in one go. */
  allMs: 15_000,
  memoryMb: 256,
  /** Trials at the same time. */
  most: 4,
} as const;

/** undefined: as many are under way as may be. */
export type OpenTrial = (texts: SheetTexts) => Trial | undefined;

export const createTrials = (
  start: Start,
  bounds: { readonly [K in keyof typeof TRIAL]: number } = TRIAL,
): OpenTrial => {
  const { limitMs, allMs, memoryMb, most } = bounds;
  let open = 0;
  return (texts) => {
    if (open >= most) return undefined;
    open += 1;
    const transformer = start(texts, { limitMs, memoryMb });
    let isOver = false;
    let isEnded = false;
    const timer = setTimeout(() => {
      isOver = true;
      void transformer.close();
    }, allMs);
    return {
      run: async (work) => {
        const done = await transformer.run(work);
        return isOver && !done.ok ? { ok: false, error: `not done within ${allMs / 1000} s in all` } : done;
      },
      [Symbol.asyncDispose]: async () => {
        if (isEnded) return;
        isEnded = true;
        clearTimeout(timer);
        await transformer.close();
        open -= 1;
      },
    };
  };
};
