/** The keys of a cell and the head of its log in, what the cell holds at that head, as a database in memory, out. */
import type { Redis } from 'ioredis';
import { LIMITS } from '../../../runtime/limits.ts';
import { readImage } from './image.ts';
import { type Entry, openWorkingCopy } from './working-copy.ts';

/** `imageSeq`: the entry up to which the snapshot holds everything. `between` is called before each piece, and may throw. */
export const readContent = async (
  reader: Redis,
  { cell, keys, seq, imageSeq }: { cell: string; keys: readonly string[]; seq: number; imageSeq: number },
  between: () => Promise<void>,
) => {
  const [, , , logKey = '', imageKey = ''] = keys;
  const snapshot = imageSeq === 0 ? undefined : await readImage(reader, imageKey, between);
  const copy = openWorkingCopy(cell, snapshot?.image);
  try {
    let through = snapshot === undefined ? 0 : imageSeq;
    let logBytes = 0;
    while (through < seq) {
      await between();
      const page = await reader.xrangeBuffer(logKey, `${through + 1}-0`, `${seq}-0`, 'COUNT', LIMITS.redisLogPage);
      if (page.length === 0) throw new Error(`${cell}: the log ends at ${through}, its head is at ${seq}`);
      for (const [id, [kind, data]] of page) {
        if (id.toString() !== `${through + 1}-0` || kind === undefined || data === undefined)
          throw new Error(`${cell}: the log lacks entry ${through + 1}`);
        copy.apply({ kind: kind.toString() as Entry['kind'], data });
        through += 1;
        logBytes += data.length;
      }
    }
    return { copy, logBytes, logEntries: seq - imageSeq, snapshotBytes: snapshot?.bytes ?? 0 };
  } catch (error) {
    copy.close();
    throw error;
  }
};
