/** Numbers that nobody has twice: blocks out of one counter, each registered, and registered again where a Redis has lost it. */
import { LIMITS } from '../../../runtime/limits.ts';
import type { Connection } from './connection.ts';
import { KEEP, numberKeys, TAKE } from './scripts.ts';

interface Block {
  readonly from: string;
  readonly to: string;
  /** The cell they are for; '': the server's. */
  readonly cell: string;
}

export interface Numbers {
  take(size: number, cell: string): Promise<{ from: number; to: number }>;
  /** Registers again what this server has taken; answers with what others have of it. */
  keep(): Promise<readonly { readonly cell: string; readonly text: string }[]>;
}

export const openNumbers = (connection: Connection, prefix: string, server: string): Numbers => {
  const keys = numberKeys(prefix);
  /** The latest: one that is old enough has reached every replica. */
  let blocks: Block[] = [];
  const holder = (cell: string): string => `${server} ${cell}`;
  return {
    take: async (size, cell) => {
      if (!Number.isSafeInteger(size) || size < 1) throw new Error(`${size} is no size of a block`);
      const { rest } = await connection.run(TAKE, keys, [size, holder(cell)], true);
      const block = { from: String(rest[0]), to: String(rest[1]), cell };
      const to = Number(block.to);
      if (!Number.isSafeInteger(to)) throw new Error('the numbers are used up');
      blocks = [...blocks.slice(1 - LIMITS.redisBlocks), block];
      return { from: Number(block.from), to };
    },
    keep: async () => {
      const clashes: { cell: string; text: string }[] = [];
      for (const cell of new Set(blocks.map((block) => block.cell))) {
        const mine = blocks.filter((block) => block.cell === cell).flatMap(({ from, to }) => [from, to]);
        const { rest } = await connection.run(KEEP, keys, [holder(cell), ...mine], true);
        for (let at = 0; at < rest.length; at += 2)
          clashes.push({ cell, text: `numbers ${String(rest[at])} were given again: ${String(rest[at + 1])}` });
      }
      return clashes;
    },
  };
};
