/** What changes in the server in, numbered events for those who watch out: looked for a few times a second while somebody watches, so that nothing that serves clients waits for it. */
import type { HubId } from '../../mappings/generic/ids.ts';
import type { Clock } from '../../runtime/clock.ts';
import { objectLine } from './found-object.ts';
import type { Inspected, Parts } from './parts.ts';
import { programsOf } from './traffic.ts';

export const FEED_KINDS = [
  'exchange',
  'object',
  'job',
  'session',
  'host',
  'agent',
  'metric',
  'audit',
  'mapping',
  'reset',
] as const;
export type FeedKind = (typeof FEED_KINDS)[number];

export interface FeedEvent {
  readonly seq: number;
  readonly kind: FeedKind;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Feed {
  /** Those after `seq`; undefined: too old, or of another life of the server. */
  since(seq: number): readonly FeedEvent[] | undefined;
  readonly latest: number;
  /** Called with each batch; gives the end of it. */
  watch(listener: (events: readonly FeedEvent[]) => void): () => void;
  readonly watchers: number;
  close(): void;
}

const LOOK_MS = 400;
const METRICS_MS = 5000;
const KEPT = 2000;
/** More objects or exchanges in one look are told as `reset`: whoever shows lists asks for them anew. */
const MOST = 200;

/** What was seen of one server's parts at the last look. */
interface Seen {
  version: number;
  exchanges: number;
  audit: string;
}

type Tell = (kind: FeedKind, data: FeedEvent['data']) => void;

const lookAtObjects = (parts: Parts, seen: Seen, tell: Tell): void => {
  const { store, jobs } = parts;
  const view = store.view('');
  if (view.version === seen.version) return;
  const since = seen.version;
  seen.version = view.version;
  const changes = view.changedSince(since);
  if (changes === undefined || changes.length > MOST) tell('reset', { of: 'object' });
  else
    for (const { id, gone } of changes) {
      const entry = gone ? undefined : store.entry(id);
      tell('object', entry === undefined ? { id, gone: true } : objectLine(parts, entry));
    }
  for (const id of jobs.changedSince(since).slice(-MOST)) {
    const job = jobs.get(id);
    if (job !== undefined)
      tell('job', { id, verb: job.verb, state: job.state, target: job.target, targetName: job.targetName });
  }
};

const lookAtExchanges = (parts: Parts, seen: Seen, tell: Tell): void => {
  const { exchangeLog } = parts;
  const lines = exchangeLog.since(seen.exchanges);
  seen.exchanges = exchangeLog.mark;
  // Whoever shows a list asks for its newest page; whoever follows is told what was left out.
  if (lines.length > MOST) tell('exchange', { left: lines.length - MOST });
  if (lines.length === 0) return;
  const programOf = programsOf([parts]);
  for (const line of lines.slice(-MOST)) tell('exchange', { id: line.exchange, ...line, program: programOf(line) });
};

const lookAtAudit = ({ audit }: Parts, seen: Seen, tell: Tell): void => {
  const newest = JSON.stringify(audit.newest(1));
  if (newest === seen.audit) return;
  seen.audit = newest;
  tell('audit', {});
};

export const createFeed = ({ inspected, clock }: { inspected: Inspected; clock: Clock }): Feed => {
  let kept: FeedEvent[] = [];
  let latest = 0;
  const listeners = new Set<(events: readonly FeedEvent[]) => void>();
  let seen = new WeakMap<Parts, Seen>();
  let states = '';
  let mappings: object | undefined;
  let metricsMs = 0;
  let stop: (() => void) | undefined;

  const seenOf = (parts: Parts): Seen => {
    let found = seen.get(parts);
    if (found === undefined) {
      // From here on: what was before is asked for.
      const audit = JSON.stringify(parts.audit.newest(1));
      found = { version: parts.store.view('').version, exchanges: parts.exchangeLog.mark, audit };
      seen.set(parts, found);
    }
    return found;
  };

  /** Few and small: compared whole. */
  const lookAtStates = (all: readonly Parts[], tell: Tell): void => {
    const now = JSON.stringify(
      all.map(({ hosts, sessions }) => [
        hosts.list().map(({ id, agentName, connected, epoch }) => [id as HubId, agentName, connected, epoch]),
        sessions.size,
      ]),
    );
    if (now === states) return;
    if (states !== '') for (const kind of ['host', 'agent', 'session'] as const) tell(kind, {});
    states = now;
  };

  const look = (): void => {
    const events: FeedEvent[] = [];
    const tell: Tell = (kind, data) => {
      latest += 1;
      events.push({ seq: latest, kind, data });
    };
    const all = inspected.parts();
    for (const parts of all) {
      const before = seenOf(parts);
      lookAtObjects(parts, before, tell);
      lookAtExchanges(parts, before, tell);
      lookAtAudit(parts, before, tell);
    }
    lookAtStates(all, tell);
    const { inUse } = inspected.library;
    if (mappings !== undefined && mappings !== inUse) tell('mapping', {});
    mappings = inUse;
    if (clock.now() - metricsMs >= METRICS_MS) {
      metricsMs = clock.now();
      const figures = Object.entries(inspected.figures()).map(([name, { value }]) => [name, value]);
      tell('metric', { atMs: metricsMs, figures: Object.fromEntries(figures) });
    }
    if (events.length === 0) return;
    kept = [...kept, ...events].slice(-KEPT);
    for (const listener of listeners) listener(events);
  };

  return {
    since: (seq) => {
      if (seq > latest || seq < latest - kept.length) return undefined;
      return kept.filter((event) => event.seq > seq);
    },
    get latest() {
      return latest;
    },
    watch: (listener) => {
      listeners.add(listener);
      if (stop === undefined) {
        // While nobody watched nothing was looked at: numbers go on, but not from one to the next.
        latest += 1;
        kept = [];
        seen = new WeakMap();
        states = '';
        mappings = undefined;
        for (const parts of inspected.parts()) seenOf(parts);
        look();
        stop = clock.every(LOOK_MS, look);
      }
      return () => {
        if (!listeners.delete(listener) || listeners.size > 0) return;
        stop?.();
        stop = undefined;
      };
    },
    get watchers() {
      return listeners.size;
    },
    close: () => {
      listeners.clear();
      stop?.();
      stop = undefined;
    },
  };
};
