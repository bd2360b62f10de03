/** Job records in memory, newest last, each change with a version of the store's counter; bounded, and durable by the journal. */
import type { Fault } from '../../mappings/generic/faults.ts';
import { type HubId, hubId } from '../../mappings/generic/ids.ts';
import type { Job } from '../../mappings/generic/jobs.ts';
import type { JobsView } from '../../mappings/generic/store-view.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Ids } from '../ids/ids.ts';
import type { Versions } from '../store/store.ts';
import type { Journal } from './journal.ts';

/** Finished jobs beyond this many go, oldest first, once they are old enough. */
const HISTORY = 5_000;
/** Jobs beyond this many, and beyond so many characters, go whatever their age, if they are finished: what a client gave is in their faults. */
const MOST = 50_000;
const CHARACTERS = 16 * 1024 * 1024;
/** Of a record without what clients give. */
const RECORD = 500;

const lengthOf = ({ nativeTarget, targetName, fault, result }: Job): number =>
  RECORD + JSON.stringify([nativeTarget, targetName, fault, result]).length;

const ID_BLOCK = 64;

/** Who asked and how, as the client's call said it. */
export type JobMeta = Pick<Job, 'user' | 'front' | 'method' | 'nativeTarget' | 'operation' | 'exchange'>;

export type JobFields = Partial<
  Pick<Job, 'state' | 'cancelled' | 'cancelable' | 'progress' | 'startedMs' | 'finishedMs' | 'fault' | 'result'>
>;

export interface Records extends Omit<JobsView, 'cancel'> {
  add(job: Omit<Job, 'version'>): Job;
  /** Changes the record and wakes who waits. */
  change(job: Job, fields: JobFields): void;
  /** How many ended in this life, by verb and outcome: success, or the kind of the fault. */
  readonly ends: JobEnds;
}

/** What its client is told. */
export interface JobEnd {
  readonly fault?: Fault;
  readonly result?: unknown;
}

export type JobEnds = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Ids of jobs that never were: taken in blocks, each of which is written once. */
export const createJobIds = (ids: Pick<Ids, 'jobBlock'>): (() => HubId) => {
  let block = { from: 0, to: 0 };
  return () => {
    if (block.from >= block.to) block = ids.jobBlock(ID_BLOCK);
    return hubId('job', block.from++);
  };
};

export const createRecords = (options: {
  journal: Journal;
  versions: Versions;
  clock: Clock;
  keepMs: number;
  most?: number;
}): Records => {
  const { journal, versions, clock, keepMs, most = CHARACTERS } = options;
  const jobs = new Map<HubId, Job>(journal.jobs(MOST).map((job) => [job.id, job]));
  let length = jobs.values().reduce((sum, job) => sum + lengthOf(job), 0);
  /** A few of the thousands. */
  const unfinished = new Map([...jobs].filter(([, job]) => job.finishedMs === undefined));
  /** Changes in order; an entry counts if it is its job's newest. */
  let changes: { id: HubId; version: number }[] = [...jobs.values()]
    .map(({ id, version }) => ({ id, version }))
    .sort((a, b) => a.version - b.version);

  const ends = new Map<string, Map<string, number>>();
  const count = ({ verb, fault }: Job): void => {
    const outcomes = ends.get(verb) ?? new Map<string, number>();
    ends.set(verb, outcomes);
    const outcome = fault?.kind ?? 'success';
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  };

  const noted = (job: Job): void => {
    job.version = versions.next(job.host);
    changes.push({ id: job.id, version: job.version });
    if (changes.length > 4 * jobs.size + 1000)
      changes = changes.filter(({ id, version }) => jobs.get(id)?.version === version);
  };

  const trim = (): void => {
    if (jobs.size <= HISTORY && length <= most) return;
    const old = clock.now() - keepMs;
    const gone: HubId[] = [];
    for (const job of jobs.values()) {
      const left = jobs.size - gone.length;
      if (left <= HISTORY && length <= most) break;
      if (job.finishedMs === undefined) continue;
      // They stand in the order in which they came: behind one that is young enough are few that are not.
      if (job.finishedMs >= old && left <= MOST && length <= most) break;
      gone.push(job.id);
      length -= lengthOf(job);
    }
    if (gone.length === 0) return;
    for (const id of gone) jobs.delete(id);
    journal.forget(gone);
  };

  return {
    ends,
    get: (id) => jobs.get(id),
    /** `sinceMs`: jobs that have not finished, or finished then or later; infinity: only those that have not. */
    list: (filter = {}) => {
      const { target, host, sinceMs } = filter;
      const among = sinceMs === Number.POSITIVE_INFINITY ? unfinished : jobs;
      return [...among.values()].filter(
        (job) =>
          (target === undefined || job.target === target) &&
          (host === undefined || job.host === host) &&
          (sinceMs === undefined || job.finishedMs === undefined || job.finishedMs >= sinceMs),
      );
    },
    changedSince: (version) => {
      const found: HubId[] = [];
      for (let at = changes.length - 1; at >= 0; at--) {
        const change = changes[at];
        if (change === undefined || change.version <= version) break;
        if (jobs.get(change.id)?.version === change.version) found.push(change.id);
      }
      return found.reverse();
    },
    add: (fields) => {
      const job: Job = { ...fields, version: 0 };
      jobs.set(job.id, job);
      length += lengthOf(job);
      if (job.finishedMs === undefined) unfinished.set(job.id, job);
      else count(job);
      noted(job);
      journal.saveJob(job);
      trim();
      return job;
    },
    change: (job, fields) => {
      const before = lengthOf(job);
      Object.assign(job, fields);
      length += lengthOf(job) - before;
      if (job.finishedMs !== undefined && unfinished.delete(job.id)) count(job);
      noted(job);
      // Progress alone is not worth a write: after a restart it starts anew.
      if (Object.keys(fields).some((name) => name !== 'progress')) journal.saveJob(job);
    },
  };
};
