/** The change log: which objects of a host, or of all, moved after a version, and bounded tombstones of those that are gone. */
import type { HubId } from '../../mappings/generic/ids.ts';
import { firstAfter } from './first-after.ts';

export interface Change {
  readonly id: HubId;
  readonly version: number;
  readonly gone: boolean;
}

export interface ChangeLog {
  add(host: HubId, id: HubId, version: number): void;
  bury(id: HubId, version: number): void;
  /** The host's lines anew from what lives there, when they are read next: restored versions are older than the newest. `live` can be gone through again at any time. */
  rebuild(host: HubId, live: Iterable<{ readonly id: HubId; readonly version: number }>): void;
  /** Oldest first; of one host and whatever is gone, or of all. */
  since(version: number, current: (id: HubId) => number | undefined, host?: HubId): readonly Change[] | undefined;
}

/** Lines of a host that may have been overtaken, beside as many as it has objects. */
const SLACK = 250;

interface HostLog {
  lines: Change[];
  /** Lines when each object had one. */
  objects: number;
  /** A rebuild that is due: done when somebody reads, not in the turn that ends a listing. */
  due: Iterable<{ readonly id: HubId; readonly version: number }> | undefined;
}

const byVersion = (a: Change, b: Change): number => a.version - b.version;
const versionOf = ({ version }: Change): number => version;

/** `tombstones`: those kept durably, oldest first. `limit`: how many are remembered. */
export const createChangeLog = (tombstones: readonly { id: HubId; version: number }[], limit: number): ChangeLog => {
  /** Of all hosts: a durable one does not say of which it was. */
  let graves: Change[] = tombstones.map(({ id, version }) => ({ id, version, gone: true }));
  /** One for each host: a reader of one host looks at none of what happens on a thousand others. */
  const hosts = new Map<HubId, HostLog>();
  /** Clients at an older version cannot be told what is gone. */
  let floor = tombstones.length >= limit ? (tombstones[0]?.version ?? 0) : 0;

  const logOf = (host: HubId): HostLog => {
    let log = hosts.get(host);
    if (log === undefined) {
      log = { lines: [], objects: 0, due: undefined };
      hosts.set(host, log);
    }
    return log;
  };

  /** Keeps the newest line of each object. */
  const compact = (log: HostLog): void => {
    const newest = new Map<HubId, Change>();
    for (const change of log.lines) newest.set(change.id, change);
    log.lines = log.lines.filter((change) => newest.get(change.id) === change);
    log.objects = log.lines.length;
  };

  const linesOf = (log: HostLog): readonly Change[] => {
    if (log.due !== undefined) {
      log.lines = Array.from(log.due, ({ id, version }) => ({ id, version, gone: false })).sort(byVersion);
      log.objects = log.lines.length;
      log.due = undefined;
    }
    return log.lines;
  };

  return {
    add: (host, id, version) => {
      const log = logOf(host);
      log.lines.push({ id, version, gone: false });
      if (log.lines.length > 2 * log.objects + SLACK) compact(log);
    },
    bury: (id, version) => {
      graves.push({ id, version, gone: true });
      if (graves.length <= limit * 2) return;
      floor = Math.max(floor, graves.at(-limit - 1)?.version ?? 0);
      graves = graves.slice(-limit);
    },
    rebuild: (host, live) => {
      logOf(host).due = live;
    },
    since: (version, current, host) => {
      if (version < floor) return undefined;
      const found: Change[] = [];
      const gather = (lines: readonly Change[]): void => {
        for (let at = firstAfter(lines, versionOf, version); at < lines.length; at++) {
          const change = lines[at];
          if (change === undefined) continue;
          // Lines that a later one of the same object has overtaken are skipped.
          const now = current(change.id);
          if (change.gone ? now === undefined : now === change.version) found.push(change);
        }
      };
      gather(graves);
      let sources = found.length > 0 ? 1 : 0;
      for (const log of host === undefined ? hosts.values() : [logOf(host)]) {
        const before = found.length;
        gather(linesOf(log));
        if (found.length > before) sources += 1;
      }
      return sources > 1 ? found.sort(byVersion) : found;
    },
  };
};
