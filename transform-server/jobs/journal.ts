/** The durable side of jobs: plans before they run, the state of each step, outcomes, audit, job records; rebuilt from it after a crash. */
import type { Outcome } from '../../mappings/generic/faults.ts';
import { type HubId, hubId, numberOf } from '../../mappings/generic/ids.ts';
import type { Job } from '../../mappings/generic/jobs.ts';
import type { FollowUp, Plan } from '../../mappings/generic/plan.ts';
import type { SqlRow, Storage } from '../storage/contract.ts';

/**
 * planned: not sent. sent: on its way, outcome unknown. done: took effect. failed: answered with a fault, without effect.
 * in-doubt: the answer was lost. undoing, undone: its undo is on its way, took effect. stuck: its undo failed for good.
 */
export type StepState = 'planned' | 'sent' | 'done' | 'failed' | 'in-doubt' | 'undoing' | 'undone' | 'stuck';
export type PlanEnd = 'success' | 'undone' | 'stuck';

export interface StepRecord {
  state: StepState;
  /** Sends so far: part of the step's id on the host, so a repeat after an answer is a new step, a re-send never is. */
  attempt: number;
  outcome?: Outcome<Record<string, unknown>>;
}

/** `undoes`: the plan of that job, whose steps are taken back. `then`: what the front does before the plan has its end. */
export interface JournaledPlan extends Plan {
  readonly undoes?: HubId;
  readonly then?: FollowUp;
}

export interface PlanRecord {
  readonly job: HubId;
  readonly plan: JournaledPlan;
  readonly steps: StepRecord[];
  end?: PlanEnd;
}

export interface AuditLine {
  readonly atMs: number;
  readonly what: string;
  readonly detail: unknown;
}

export interface Journal {
  /** `sent`: numbers below it were used by an earlier plan of the job, for sends that agents remember. */
  addPlan(job: HubId, plan: JournaledPlan, sent?: number): PlanRecord;
  /** The plan of another job with its steps as that one left them. */
  addRollback(job: HubId, plan: JournaledPlan, steps: readonly StepRecord[]): PlanRecord;
  /** Writes the present state of a step. */
  saveStep(record: PlanRecord, at: number): void;
  endPlan(record: PlanRecord, end: PlanEnd): void;
  /** Plans that did not end: what recovery works on. */
  openPlans(): PlanRecord[];
  plan(job: HubId): PlanRecord | undefined;
  audit(job: HubId, atMs: number, what: string, detail: unknown): void;
  audits(job: HubId): AuditLine[];
  saveJob(job: Job): void;
  /** The newest, oldest first. */
  jobs(limit: number): Job[];
  /** The record, its plan and its audit go. */
  forget(jobs: readonly HubId[]): void;
  outboxThrough(agent: string): number;
  setOutboxThrough(agent: string, seq: number): void;
  /** Resolves when all written so far is on disk. */
  flush(): Promise<void>;
}

const MIGRATIONS = [
  `CREATE TABLE jobs (n INTEGER PRIMARY KEY, queued INTEGER NOT NULL, record TEXT NOT NULL);
   CREATE INDEX jobs_queued ON jobs (queued, n);
   CREATE TABLE plans (job INTEGER PRIMARY KEY, plan TEXT NOT NULL, finish TEXT NOT NULL);
   CREATE INDEX plans_open ON plans (job) WHERE finish = '';
   CREATE TABLE steps (job INTEGER NOT NULL, at INTEGER NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, attempt INTEGER NOT NULL,
     outcome TEXT NOT NULL, PRIMARY KEY (job, at)) WITHOUT ROWID;
   CREATE TABLE audit (n INTEGER PRIMARY KEY, job INTEGER NOT NULL, at INTEGER NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL);
   CREATE INDEX audit_job ON audit (job, n);
   CREATE TABLE outbox (agent TEXT PRIMARY KEY, through INTEGER NOT NULL) WITHOUT ROWID;`,
];

/** JSON that people can read, with the two value types that host calls use and JSON has not. */
const BYTES = '$bytes';
const BIG = '$bigint';
const format = (value: unknown): string =>
  JSON.stringify(value, function (this: Record<string, unknown>, key: string, converted: unknown) {
    const raw = this[key];
    if (raw instanceof Uint8Array) return { [BYTES]: Buffer.from(raw).toString('base64') };
    if (typeof raw === 'bigint') return { [BIG]: raw.toString() };
    return converted;
  }) ?? 'null';
const parse = <T>(text: string): T =>
  JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value;
    const { [BYTES]: bytes, [BIG]: big } = value as Record<string, unknown>;
    if (typeof bytes === 'string') return new Uint8Array(Buffer.from(bytes, 'base64'));
    if (typeof big === 'string') return BigInt(big);
    return value;
  }) as T;

export const createJournal = (storage: Storage): Journal => {
  storage.migrate('jobs', MIGRATIONS);
  const putJob = storage.prepare('INSERT OR REPLACE INTO jobs VALUES (?, ?, ?)');
  const putPlan = storage.prepare('INSERT OR REPLACE INTO plans VALUES (?, ?, ?)');
  const putStep = storage.prepare('INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?, ?, ?)');
  const dropSteps = storage.prepare('DELETE FROM steps WHERE job = ?');
  const putEnd = storage.prepare('UPDATE plans SET finish = ? WHERE job = ?');
  const putAudit = storage.prepare('INSERT INTO audit (job, at, what, detail) VALUES (?, ?, ?, ?)');
  const getSteps = storage.prepare('SELECT state, attempt, outcome FROM steps WHERE job = ? ORDER BY at');
  const getPlan = storage.prepare('SELECT job, plan, finish FROM plans WHERE job = ?');
  const getOpen = storage.prepare("SELECT job, plan, finish FROM plans WHERE finish = '' ORDER BY job");
  const getAudit = storage.prepare('SELECT at, what, detail FROM audit WHERE job = ? ORDER BY n');
  const getJobs = storage.prepare('SELECT record FROM jobs ORDER BY queued DESC, n DESC LIMIT ?');
  const getOutbox = storage.prepare('SELECT through FROM outbox WHERE agent = ?');
  const putOutbox = storage.prepare('INSERT OR REPLACE INTO outbox VALUES (?, ?)');
  const drops = ['jobs WHERE n', 'plans WHERE job', 'steps WHERE job', 'audit WHERE job'].map((what) =>
    storage.prepare(`DELETE FROM ${what} = ?`),
  );

  const planOf = (row: SqlRow): PlanRecord => {
    const steps = getSteps.all(Number(row['job'])).map((step): StepRecord => {
      const outcome = String(step['outcome']);
      return {
        state: String(step['state']) as StepState,
        attempt: Number(step['attempt']),
        ...(outcome === '' ? {} : { outcome: parse<Outcome<Record<string, unknown>>>(outcome) }),
      };
    });
    const end = String(row['finish']);
    return {
      job: hubId('job', Number(row['job'])),
      plan: parse<JournaledPlan>(String(row['plan'])),
      steps,
      ...(end === '' ? {} : { end: end as PlanEnd }),
    };
  };

  const saveStep = (record: PlanRecord, at: number): void => {
    const step = record.steps[at];
    if (!step) throw new Error(`no step ${at} in the plan of ${record.job}`);
    const outcome = step.outcome === undefined ? '' : format(step.outcome);
    putStep.run(numberOf(record.job), at, record.plan.steps[at]?.name ?? '', step.state, step.attempt, outcome);
  };

  const add = (record: PlanRecord): PlanRecord => {
    dropSteps.run(numberOf(record.job));
    putPlan.run(numberOf(record.job), format(record.plan), '');
    for (const at of record.steps.keys()) saveStep(record, at);
    return record;
  };

  return {
    addPlan: (job, plan, sent = 0) =>
      add({ job, plan, steps: plan.steps.map(() => ({ state: 'planned', attempt: sent })) }),
    addRollback: (job, plan, steps) => add({ job, plan, steps: steps.map((one) => ({ ...one, attempt: 0 })) }),
    saveStep,
    endPlan: (record, end) => {
      record.end = end;
      putEnd.run(end, numberOf(record.job));
    },
    openPlans: () => getOpen.all().map(planOf),
    plan: (job) => {
      const row = getPlan.get(numberOf(job));
      return row === undefined ? undefined : planOf(row);
    },
    audit: (job, atMs, what, detail) => putAudit.run(numberOf(job), atMs, what, format(detail)),
    audits: (job) =>
      getAudit
        .all(numberOf(job))
        .map((row) => ({ atMs: Number(row['at']), what: String(row['what']), detail: parse(String(row['detail'])) })),
    saveJob: (job) => putJob.run(numberOf(job.id), job.queuedMs, format(job)),
    jobs: (limit) =>
      getJobs
        .all(limit)
        .map((row) => parse<Job>(String(row['record'])))
        .reverse(),
    forget: (jobs) => {
      for (const job of jobs) for (const drop of drops) drop.run(numberOf(job));
    },
    outboxThrough: (agent) => Number(getOutbox.get(agent)?.['through'] ?? 0),
    setOutboxThrough: (agent, seq) => putOutbox.run(agent, seq),
    flush: () => storage.flush(),
  };
};
