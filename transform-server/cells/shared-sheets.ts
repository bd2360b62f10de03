/** Sheets that other servers took into use in; looked for now and then, judged, in use here as well, and noted, out. */
import type { Clock } from '../../runtime/clock.ts';
import { LIMITS } from '../../runtime/limits.ts';
import type { Log } from '../../runtime/log.ts';
import type { Mappings } from '../engine/reload.ts';

export interface Adopted {
  readonly path: string;
  readonly outcome: 'success' | 'refused';
}

export const followSheets = async (options: {
  readonly adopt: Mappings['adopt'];
  /** For the audit. */
  readonly note: (adopted: Adopted) => void;
  readonly clock: Clock;
  readonly log: Log;
}): Promise<() => void> => {
  const { adopt, note, clock, log } = options;
  let trouble = '';
  let looking = false;
  const look = async (): Promise<void> => {
    if (looking) return;
    looking = true;
    try {
      const { changed, refused } = await adopt();
      trouble = '';
      for (const path of changed) note({ path, outcome: refused.length === 0 ? 'success' : 'refused' });
      if (changed.length > 0 && refused.length === 0)
        log.info({ count: changed.length }, `sheets: as another server has them: ${changed.join(', ')}`);
      if (refused.length > 0)
        log.error(
          { count: refused.length, error: refused.slice(0, 10) },
          `sheets: those before stay, unlike those of other servers: ${changed.join(', ')}`,
        );
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (text !== trouble) log.warn({ error }, 'sheets: what other servers changed is not known');
      trouble = text;
    } finally {
      looking = false;
    }
  };
  await look();
  return clock.every(LIMITS.sharedSheetsMs, () => void look());
};
