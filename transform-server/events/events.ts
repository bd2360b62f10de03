/** The event log: happenings come in, keyed events go out, oldest first; durable and bounded. */
import type { HubEvent } from '../../mappings/generic/jobs.ts';
import type { EventsView } from '../../mappings/generic/store-view.ts';
import type { Statement, Storage } from '../storage/contract.ts';
import type { Versions } from '../store/store.ts';

const MIGRATIONS = ['CREATE TABLE events (key INTEGER PRIMARY KEY, event TEXT NOT NULL);'];
/** Kept in memory and on disk; older ones go. */
const KEPT = 20_000;

export const createEvents = (storage: Storage, versions: Versions, now: () => number, kept = KEPT): EventsView => {
  storage.migrate('events', MIGRATIONS);
  const insert: Statement = storage.prepare('INSERT INTO events VALUES (?, ?)');
  const prune: Statement = storage.prepare('DELETE FROM events WHERE key <= ?');
  let log: HubEvent[] = storage
    .prepare('SELECT event FROM events ORDER BY key DESC LIMIT ?')
    .all(kept)
    .map((row) => JSON.parse(String(row['event'])) as HubEvent)
    .reverse();
  let latest = log.at(-1)?.key ?? 0;

  /** Keys are strictly increasing but for gaps: position by halving. */
  const firstAfter = (key: number): number => {
    let low = 0;
    let high = log.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((log[middle]?.key ?? 0) > key) high = middle;
      else low = middle + 1;
    }
    return low;
  };

  return {
    get latest() {
      return latest;
    },
    since: (after, limit) => {
      const from = firstAfter(after);
      return log.slice(from, from + Math.max(0, limit));
    },
    newest: (limit, match) => {
      const found: HubEvent[] = [];
      for (let at = log.length - 1; at >= 0 && found.length < limit; at--) {
        const event = log[at];
        if (event !== undefined && (match === undefined || match(event))) found.push(event);
      }
      return found.reverse();
    },
    post: (fields) => {
      latest += 1;
      const event: HubEvent = { ...fields, key: latest, chain: fields.chain ?? latest, atMs: now() };
      log.push(event);
      insert.run(event.key, JSON.stringify(event));
      // In steps, so that a full log does not delete one row an event.
      if (log.length >= kept + Math.ceil(kept / 10)) {
        log = log.slice(-kept);
        prune.run((log[0]?.key ?? 1) - 1);
      }
      versions.next(event.host);
      return event;
    },
  };
};
