/** Where ids take their numbers: rows written so far in, the next number out, each given once; counted here, or from blocks that many servers share. */
import type { Statement, Storage } from '../storage/contract.ts';

/** A block of numbers, [from, to), that nobody else ever gets. */
export type Reserve = (size: number) => Promise<{ readonly from: number; readonly to: number }>;

export interface Numbers {
  /** The first of so many in a row. Throws when so many are not at hand. */
  take(count: number): number;
  /** The same, where no row of ours says afterwards that they were taken. */
  takeUnwritten(count: number): number;
  /** undefined: enough are at hand for all that one message may need; else resolves when there are. */
  enough(): Promise<void> | undefined;
}

/** The highest number of a row in [from, to); 0: there is none. */
type Highest = (from: number, to: number) => number;

/** All numbers are this storage's own. */
export const countNumbers = (storage: Storage, highest: Highest): Numbers => {
  const moved = storage.prepare(`UPDATE counters SET value = ? WHERE name = 'next'`);
  const counter = storage.prepare(`SELECT value FROM counters WHERE name = 'next'`).get()?.['value'];
  // Rows are never deleted, so the highest one counts as much as the counter, which only job blocks move.
  let next = Math.max(highest(0, Number.MAX_SAFE_INTEGER) + 1, Number(counter));
  const take = (count: number): number => {
    const first = next;
    next += count;
    return first;
  };
  return {
    take,
    takeUnwritten: (count) => {
      const first = take(count);
      moved.run(next);
      return first;
    },
    enough: () => undefined,
  };
};

/** A host of 10,000 objects is listed with a few of them, and 100,000 hosts leave numbers small enough for every API. */
const BLOCK = 16_384;
/** No message needs more. */
const ENOUGH = 8192;

const MIGRATIONS = [
  'CREATE TABLE number_blocks (first INTEGER PRIMARY KEY, next INTEGER NOT NULL, last INTEGER NOT NULL);',
];

/** Numbers are had in blocks, which stay this storage's own until they are used up. */
export const blockNumbers = (storage: Storage, highest: Highest, reserve: Reserve): Numbers => {
  storage.migrate('numbers', MIGRATIONS);
  const add = storage.prepare('INSERT INTO number_blocks VALUES (?, ?, ?)');
  const moved: Statement = storage.prepare('UPDATE number_blocks SET next = ? WHERE first = ?');
  const usedUp = storage.prepare('DELETE FROM number_blocks WHERE first = ?');
  const blocks = storage
    .prepare('SELECT first, next, last FROM number_blocks ORDER BY first')
    .all()
    .map((row) => {
      const [first, next, last] = [Number(row['first']), Number(row['next']), Number(row['last'])];
      return { first, next: Math.max(next, highest(first, last + 1) + 1), last };
    });
  let refilling: Promise<void> | undefined;
  const left = (): number => blocks.reduce((sum, { next, last }) => sum + last + 1 - next, 0);

  const refill = async (): Promise<void> => {
    while (left() < ENOUGH) {
      const { from, to } = await reserve(BLOCK);
      add.run(from, from, to - 1);
      blocks.push({ first: from, next: from, last: to - 1 });
    }
  };
  const refilled = (): Promise<void> => {
    refilling ??= refill().finally(() => {
      refilling = undefined;
    });
    return refilling;
  };
  const take = (count: number, written: boolean): number => {
    const block = blocks.find(({ next, last }) => last + 1 - next >= count);
    if (block === undefined) throw new Error('no numbers for ids are at hand: the shared store has not given any');
    const first = block.next;
    block.next += count;
    if (block.next > block.last) {
      usedUp.run(block.first);
      blocks.splice(blocks.indexOf(block), 1);
    } else if (!written) moved.run(block.next, block.first);
    // Ahead of need; who needs them waits for it, and hears what is wrong.
    if (left() < ENOUGH) refilled().catch(() => {});
    return first;
  };
  return {
    take: (count) => take(count, true),
    takeUnwritten: (count) => take(count, false),
    enough: () => (left() < ENOUGH ? refilled() : undefined),
  };
};
