/** The write queue of each VM: direct and central commands take turns in it; a turn that does not come in time is the busy fault. */
import { done, fault, type Outcome, refused } from '../mappings/generic/faults.ts';
import type { HubId } from '../mappings/generic/ids.ts';
import type { Clock } from '../runtime/clock.ts';
import { LIMITS } from '../runtime/limits.ts';

export interface WriteQueue {
  /** Waits for the turn of `holder`; the same holder asking again has it already. */
  acquire(queue: string, holder: HubId): Promise<Outcome<undefined>>;
  release(queue: string, holder: HubId): void;
  /** Gives back everything held or waited for: the agent is no longer the writer. */
  clear(): void;
  readonly busy: number;
}

interface Turn {
  holder: HubId;
  readonly waiting: { readonly holder: HubId; go(outcome: Outcome<undefined>): void }[];
}

export const createWriteQueue = (clock: Clock, waitMs: number = LIMITS.writeQueueWaitMs): WriteQueue => {
  const turns = new Map<string, Turn>();
  const busy = (holder: HubId): Outcome<never> =>
    refused(fault('busy', { job: holder }, 'Another operation on this object is in progress.'));
  return {
    get busy() {
      return turns.size;
    },
    acquire: async (queue, holder) => {
      const turn = turns.get(queue);
      if (turn === undefined) {
        turns.set(queue, { holder, waiting: [] });
        return done(undefined);
      }
      if (turn.holder === holder) return done(undefined);
      if (turn.waiting.length >= LIMITS.writeQueueWaiters) return busy(turn.holder);
      return new Promise((resolve) => {
        const waiter = {
          holder,
          go: (outcome: Outcome<undefined>) => {
            forget();
            resolve(outcome);
          },
        };
        const forget = clock.after(waitMs, () => {
          const at = turn.waiting.indexOf(waiter);
          if (at >= 0) turn.waiting.splice(at, 1);
          resolve(busy(turn.holder));
        });
        turn.waiting.push(waiter);
      });
    },
    release: (queue, holder) => {
      const turn = turns.get(queue);
      if (turn === undefined) return;
      if (turn.holder !== holder) {
        // The plan was given up while it still waited.
        const at = turn.waiting.findIndex((waiter) => waiter.holder === holder);
        const [waiter] = at < 0 ? [] : turn.waiting.splice(at, 1);
        waiter?.go(busy(turn.holder));
        return;
      }
      const next = turn.waiting.shift();
      if (next === undefined) {
        turns.delete(queue);
        return;
      }
      turn.holder = next.holder;
      next.go(done(undefined));
    },
    clear: () => {
      for (const turn of turns.values()) for (const waiter of turn.waiting) waiter.go(busy(turn.holder));
      turns.clear();
    },
  };
};
