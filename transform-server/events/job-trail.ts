/** The trail of jobs: their records come in as they change, audit lines go out, and the job that explains a happening on a host. */
import type { HubId } from '../../mappings/generic/ids.ts';
import type { EventKind, Job } from '../../mappings/generic/jobs.ts';
import type { JobsView } from '../../mappings/generic/store-view.ts';
import type { Versions } from '../store/store.ts';
import { explains } from '../sync/happenings.ts';
import type { Doer } from '../sync/sync.ts';
import type { Audit } from './audit.ts';

export interface JobTrail {
  /** Returns the function that ends it, with the last lines written. */
  follow(jobs: JobsView): () => void;
  /** Where an exchange came from: job records do not say. */
  address(exchange: string, address: string): void;
  /** A line that no job stands for. */
  note(line: { user: string; address: string; front: string; verb: string; outcome: string }): void;
  doerOf(object: HubId, kind: EventKind): Doer | undefined;
}

/** A host's own event comes this soon after the command, if it comes. */
const EXPLAINS_MS = 5000;
const ADDRESSES = 20_000;
const RECENT = 500;

export const createJobTrail = (options: { audit: Audit; versions: Versions; now: () => number }): JobTrail => {
  const { audit, versions, now } = options;
  const addresses = new Map<string, string>();
  /** The jobs that changed last, newest last: few, so that an event costs no walk over the history. */
  const recent = new Map<HubId, Job>();
  let seen = versions.current;

  const record = (job: Job): void => {
    const line = {
      user: job.user,
      address: addresses.get(job.exchange) ?? '',
      front: job.front,
      method: job.method,
      verb: job.verb,
      target: job.target,
      targetName: job.targetName,
      job: job.id,
      exchange: job.exchange,
    };
    audit.record({ ...line, atMs: job.queuedMs, outcome: 'started' });
    if (job.finishedMs !== undefined)
      audit.record({ ...line, atMs: job.finishedMs, outcome: job.fault?.kind ?? 'success' });
  };

  const remember = (job: Job): void => {
    recent.delete(job.id);
    recent.set(job.id, job);
    const oldest = recent.keys().next().value;
    if (recent.size > RECENT && oldest !== undefined) recent.delete(oldest);
  };

  let jobs: JobsView | undefined;
  /** The listener runs once a turn; an event in the same turn must see its job as well. */
  const catchUp = (): void => {
    if (jobs === undefined || versions.current === seen) return;
    const since = seen;
    seen = versions.current;
    for (const id of jobs.changedSince(since)) {
      const job = jobs.get(id);
      if (job === undefined) continue;
      record(job);
      remember(job);
    }
  };

  return {
    follow: (view) => {
      jobs = view;
      const stop = versions.onChange(catchUp);
      return () => {
        catchUp();
        stop();
      };
    },
    address: (exchange, address) => {
      addresses.set(exchange, address);
      const oldest = addresses.keys().next().value;
      if (addresses.size > ADDRESSES && oldest !== undefined) addresses.delete(oldest);
    },
    note: (line) =>
      audit.record({ ...line, atMs: now(), method: '', target: '', targetName: '', job: '', exchange: '' }),
    doerOf: (object, kind) => {
      catchUp();
      for (const job of [...recent.values()].reverse()) {
        if (job.finishedMs !== undefined && now() - job.finishedMs > EXPLAINS_MS) continue;
        if (!explains(job.verb, kind)) continue;
        const makes = kind === 'vm.created' && (job.finishedMs === undefined || job.result === object);
        if (job.target === object || makes) return { user: job.user, job: job.id, verb: job.verb };
      }
      return undefined;
    },
  };
};
