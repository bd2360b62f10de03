/** Objects that the host's events made dirty: marks in, re-read changes out; coalesced while a read is under way, never delayed by a timer. */
import type { NativeRef } from '../mappings/generic/ids.ts';
import type { NativeChange } from '../mappings/generic/native.ts';
import { LIMITS } from '../runtime/limits.ts';
import { type Commit, type ObjectReader, refKey, refOf } from './object-reader.ts';

export type Mark = { readonly ref: NativeRef; readonly hint?: string };

export interface DirtyObjects {
  add(marks: readonly Mark[]): void;
  /** Reads nothing until `go`: the host is being listed, or one side is away. */
  hold(): void;
  go(): void;
  readonly count: number;
}

export const createDirtyObjects = (options: {
  pass: ObjectReader['pass'];
  commit: Commit;
  failed: (error: unknown) => void;
}): DirtyObjects => {
  const marks = new Map<string, { ref: NativeRef; hints: string[] }>();
  let held = true;
  let scheduled = false;
  let running = false;

  /** One change for each happening: the object is the same, the event log gets them all. */
  const withHints = (
    changes: readonly NativeChange[],
    taken: ReadonlyMap<string, { hints: string[] }>,
  ): NativeChange[] =>
    changes.flatMap((change): NativeChange[] => {
      const hints = taken.get(refKey(refOf(change)))?.hints ?? [];
      if (hints.length === 0 || change.change === 'volatile') return [change];
      return hints.map((hint) => ({ ...change, hint }));
    });

  const run = async (): Promise<void> => {
    running = true;
    // The next read runs while the server commits the one before; the order of commits is kept.
    let committing: Promise<void> = Promise.resolve();
    try {
      while (marks.size > 0 && !held) {
        const taken = new Map([...marks].slice(0, LIMITS.dirtyBatch));
        for (const key of taken.keys()) marks.delete(key);
        const before = committing;
        ({ committed: committing } = await options.pass(
          [...taken.values()].map(({ ref }) => ref),
          (changes) => options.commit(withHints(changes, taken)),
          () => before,
        ));
        committing.catch(() => {}); // awaited at the next turn or at the end
      }
      await committing;
    } catch (error) {
      held = true;
      options.failed(error);
    } finally {
      running = false;
    }
    // Marked between the last look and the end.
    if (marks.size > 0 && !held) schedule();
  };
  const schedule = (): void => {
    if (scheduled || running || held) return;
    scheduled = true;
    // All events of one packet come in one turn: one read serves them.
    queueMicrotask(() => {
      scheduled = false;
      if (!running && !held && marks.size > 0) void run();
    });
  };
  return {
    get count() {
      return marks.size;
    },
    add: (added) => {
      for (const { ref, hint } of added) {
        const key = refKey(ref);
        const mark = marks.get(key) ?? { ref, hints: [] };
        if (hint !== undefined && mark.hints.length < LIMITS.hintsPerObject) mark.hints.push(hint);
        if (marks.size < LIMITS.dirtyRefs || marks.has(key)) marks.set(key, mark);
        else {
          // More than can be kept: nothing less than a listing will do.
          held = true;
          marks.clear();
          options.failed(new Error('too many changed objects wait to be read'));
          return;
        }
      }
      schedule();
    },
    hold: () => {
      held = true;
    },
    go: () => {
      held = false;
      schedule();
    },
  };
};
