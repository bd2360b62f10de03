/** The event log: happenings come in, keyed events go out, oldest first; durable and bounded. */
import type { HubEvent } from '../../mappings/generic/jobs.ts';
import type { EventsView } from '../../mappings/generic/store-view.ts';
import type { Statement, Storage } from '../storage/contract.ts';
import { firstAfter } from '../store/first-after.ts';
import type { Versions } from '../store/store.ts';

const MIGRATIONS = ['CREATE TABLE events (key INTEGER PRIMARY KEY, event TEXT NOT NULL);'];
/** Kept in memory and on disk, and characters of them: whoever names things decides how long a name is. Older ones go. */
const KEPT = 20_000;
const CHARACTERS = 8 * 1024 * 1024;

export const createEvents = (
  storage: Storage,
  versions: Versions,
  now: () => number,
  kept = KEPT,
  most = CHARACTERS,
): EventsView => {
  storage.migrate('events', MIGRATIONS);
  const insert: Statement = storage.prepare('INSERT INTO events VALUES (?, ?)');
  const prune: Statement = storage.prepare('DELETE FROM events WHERE key <= ?');
  const rows = storage
    .prepare('SELECT event FROM events ORDER BY key DESC LIMIT ?')
    .all(kept)
    .map((row) => String(row['event']))
    .reverse();
  let log = rows.map((text) => JSON.parse(text) as HubEvent);
  /** Of each event in the log. */
  let lengths = rows.map((text) => text.length);
  let length = lengths.reduce((sum, one) => sum + one, 0);
  let latest = log.at(-1)?.key ?? 0;

  /** In steps of a tenth, so that a full log does not delete one row an event. The newest stays, however long it is. */
  const trim = (): void => {
    if (log.length < kept * 1.1 && length <= most) return;
    let gone = 0;
    while (gone < log.length - 1 && (log.length - gone > kept || length > most * 0.9)) length -= lengths[gone++] ?? 0;
    log = log.slice(gone);
    lengths = lengths.slice(gone);
    prune.run((log[0]?.key ?? 1) - 1);
  };

  return {
    get latest() {
      return latest;
    },
    since: (after, limit) => {
      const from = firstAfter(log, ({ key }) => key, after);
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
      const text = JSON.stringify(event);
      log.push(event);
      lengths.push(text.length);
      length += text.length;
      insert.run(event.key, text);
      trim();
      versions.next(event.host);
      return event;
    },
  };
};
