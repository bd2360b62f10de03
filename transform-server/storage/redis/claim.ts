/** Claims a cell: the right to write it and all that is in it, or who has it; an owner that does nothing for the whole of its time loses it. */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Clock } from '../../../runtime/clock.ts';
import type { Claim } from '../cell-contract.ts';
import { type HeldCell, holdCell, type Run } from './cell.ts';
import type { Connection } from './connection.ts';
import { readContent } from './content.ts';
import type { RedisOptions, Times } from './options.ts';
import { CLAIM, cellKeys, HOLD } from './scripts.ts';

export interface Claims {
  claim(cell: string): Promise<Claim>;
  readonly held: ReadonlyMap<string, HeldCell>;
  /** The store was away: owners could not show that they live, and get the whole of their time again. */
  forget(): void;
}

export const openClaims = (connection: Connection, options: RedisOptions, times: Times, clock: Clock): Claims => {
  const { server, address, prefix } = options;
  const held = new Map<string, HeldCell>();
  /** The last sign of life of each owner that we have met, and since when it is the last. */
  const seen = new Map<string, { readonly mark: string; readonly sinceMs: number }>();
  const reader = connection.client as Redis;

  const claim = async (cell: string): Promise<Claim> => {
    if (!/^[^{}\s]{1,256}$/.test(cell)) throw new Error(`${JSON.stringify(cell)} is no name of a cell`);
    const mine = held.get(cell);
    if (mine !== undefined) throw new Error(`${cell} is held by this server already`);
    const keys = cellKeys(prefix, cell);
    const writer = randomBytes(9).toString('base64url');
    const before = seen.get(cell);
    const idle = before !== undefined && clock.now() - before.sinceMs >= times.redisLeaseMs;
    const sinceMs = clock.now();
    const act = (kind: 'renew' | 'release') => connection.run(HOLD, keys, [writer, 0, '', kind]);
    // What failed on the way may have been done: others need not wait until we count as idle.
    const giveUp = async (error: unknown): Promise<never> => {
      await act('release').catch(() => {});
      throw error;
    };
    const values = [writer, server, address, idle ? before.mark : ''];
    const { word, rest } = await connection.run(CLAIM, keys, values, true).catch(giveUp);
    if (word === 'conflict') return { kind: 'conflict', text: String(rest[0]) };
    if (word === 'elsewhere') {
      const mark = String(rest[2]);
      if (before?.mark !== mark) seen.set(cell, { mark, sinceMs: clock.now() });
      return { kind: 'elsewhere', owner: { server: String(rest[0]), address: String(rest[1]) } };
    }
    seen.delete(cell);
    const token = Number(rest[0]);
    const seq = Number(rest[1]);
    const flat = rest[3] as unknown[];
    const runs: Run[] = [];
    for (let at = 0; at < flat.length; at += 2) runs.push({ writer: String(flat[at]), from: Number(flat[at + 1]) });
    let renewedMs = sinceMs;
    const renew = async (): Promise<void> => {
      const sentMs = clock.now();
      if (sentMs - renewedMs < times.redisRenewMs) return;
      const answer = await act('renew');
      if (answer.word !== 'ok') throw new Error(`${cell}: another server took it while it was read`);
      renewedMs = sentMs;
    };
    try {
      const content = await readContent(reader, { cell, keys, seq, imageSeq: Number(rest[2]) }, renew);
      const storage = holdCell(
        { cell, keys, writer, token, sinceMs: renewedMs, seq, runs, ...content },
        connection,
        options,
        times,
        clock,
      );
      held.set(cell, storage);
      void storage.ended.then(() => held.delete(cell));
      return { kind: 'held', storage };
    } catch (error) {
      return giveUp(error);
    }
  };

  return { claim, held, forget: () => seen.clear() };
};
