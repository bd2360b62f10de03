/** A finished job in, what takes it back as a job of its own out: its steps' undos in reverse order, or why it stays as it is. */
import { hash } from 'node:crypto';
import { done, type Fault, fault, type Outcome, refused } from '../../mappings/generic/faults.ts';
import type { HubId, NativeRef } from '../../mappings/generic/ids.ts';
import type { Job } from '../../mappings/generic/jobs.ts';
import type { Plan } from '../../mappings/generic/plan.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Store } from '../store/store.ts';
import { type createBarrier, isDocumentKind } from './barrier.ts';
import type { HostsGateway } from './gateway.ts';
import type { HostTurn } from './host-turn.ts';
import type { AuditLine, Journal, JournaledPlan, PlanRecord } from './journal.ts';
import type { JobMeta, Records } from './records.ts';
import { resolveRef } from './references.ts';
import { resultsOf } from './runner.ts';

/** Content hashes of the objects that a job touched, as it left them; '' of one that it left gone. By kind and native name. */
export type Left = Readonly<Record<string, string>>;

/** Lines of the journal: what a finished job left behind, and that its rollback began. */
const ENDED_WELL = 'ended: success';
const ROLLBACK_BEGUN = 'rollback begun';

/** Many change what these hold, and none of that stands in the way of an undo. */
const CONTAINERS: ReadonlySet<string> = new Set(['storage', 'host']);

export const touchesOf = (record: PlanRecord): NativeRef[] => {
  const results = resultsOf(record);
  return record.plan.touches.flatMap((ref) => resolveRef(ref, results) ?? []);
};

/** The step that cannot be taken back. */
const lastingStep = ({ plan, steps }: PlanRecord): string | undefined =>
  plan.steps.find(({ undo }, at) => steps[at]?.state === 'done' && undo === undefined)?.name;

const sorted = (value: Readonly<Record<string, unknown>>): unknown =>
  Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));

export const leftNow = (record: PlanRecord, store: Store): Left => {
  const view = store.view('');
  return Object.fromEntries(
    touchesOf(record).flatMap(({ kind, native }) => {
      if (!isDocumentKind(kind) || CONTAINERS.has(kind)) return [];
      const entry = view.find(record.plan.host, kind, native);
      const object = entry && store.native(entry.id);
      return [
        [
          `${kind} ${native}`,
          object === undefined ? '' : hash('sha256', JSON.stringify([sorted(object.parts), sorted(object.facts)])),
        ],
      ];
    }),
  );
};

/** For the journal of a job that went well; undefined: it can never be taken back. */
export const leftBy = (record: PlanRecord, store: Store): Left | undefined =>
  record.plan.undoes !== undefined || lastingStep(record) !== undefined ? undefined : leftNow(record, store);

const isLeft = (detail: unknown): detail is Left => typeof detail === 'object' && detail !== null;

/** What a rollback works on. */
interface Undoing {
  readonly original: Job;
  readonly record: PlanRecord;
  readonly left: Left;
  readonly plan: JournaledPlan;
  readonly target: HubId;
}

export interface Rollbacks {
  /** A job that takes a finished one back, or why none can. */
  rollback(id: HubId, user: string): Outcome<Job>;
  /** Why it cannot be taken back, as seen from here: the host may still tell of a change. undefined: it can. */
  lasting(id: HubId): Fault | undefined;
}

const no = (text: string): Outcome<never> => refused(fault('invalid-state', {}, text));

export const createRollbacks = (options: {
  records: Pick<Records, 'get' | 'change'>;
  journal: Journal;
  store: Store;
  hosts: HostsGateway;
  clock: Clock;
  barrier: ReturnType<typeof createBarrier>;
  turnOf: (job: Job, plan: Plan) => HostTurn;
  finish: (job: Job, end: { fault?: Fault }) => void;
  /** A job that does this. */
  begin: (host: HubId, target: HubId, meta: JobMeta, run: (job: Job) => Promise<void>) => Job;
  carryOut: (job: Job, record: PlanRecord, turn: HostTurn) => Promise<unknown>;
}): Rollbacks => {
  const { records, journal, store, hosts, clock } = options;

  /** An earlier rollback that went well, or has not ended. */
  const earlier = (audit: readonly AuditLine[]): string | undefined => {
    for (const { what, detail } of audit) {
      if (what !== ROLLBACK_BEGUN) continue;
      const { job } = detail as { job: HubId };
      const state = records.get(job)?.state;
      if (state === 'running' || state === 'queued') return `${job} is taking it back.`;
      if (state !== 'error') return `It was taken back by ${job}.`;
    }
    return undefined;
  };

  const changedSince = ({ record, left }: Undoing): Fault | undefined => {
    const now = leftNow(record, store);
    const changed = Object.keys(left).find((name) => left[name] !== now[name]);
    if (changed === undefined) return undefined;
    const how = left[changed] === '' ? 'exists again' : now[changed] === '' ? 'is gone' : 'has changed';
    return fault('concurrent-access', {}, `The ${changed} ${how} since the job ended.`);
  };

  const prepare = (id: HubId): Outcome<Undoing> => {
    const original = records.get(id);
    if (original === undefined) return refused(fault('not-found', {}, 'There is no such job, or not any more.'));
    if (original.finishedMs === undefined) return no('The job has not ended.');
    const record = journal.plan(id);
    if (record === undefined) return no('The job had no plan: its agent sent the command straight to the host.');
    const { plan } = record;
    if (plan.undoes !== undefined) return no('The job is a rollback itself.');
    if (record.end !== 'success') return no('The job did not succeed: its journal says what became of its steps.');
    if (plan.then !== undefined) return no('What the front did behind it has no undo.');
    const step = lastingStep(record);
    if (step !== undefined) return no(`The step "${step}" has no undo.`);
    const audit = journal.audits(id);
    const by = earlier(audit);
    if (by !== undefined) return no(by);
    const left = audit.findLast(({ what }) => what === ENDED_WELL)?.detail;
    if (!isLeft(left)) return no('It is not known in which state the job left its objects.');
    if (hosts.writer(plan.host) === undefined)
      return refused(fault('host-communication', {}, 'The host is not connected.'));
    const { makes, then: _, ...rest } = plan;
    const made = makes && resolveRef(makes, resultsOf(record));
    const undoing: Undoing = {
      original,
      record,
      left,
      // What was made has a queue of its own by now.
      plan: { ...rest, queue: made?.native ?? plan.queue, undoes: id },
      target: made !== undefined && typeof original.result === 'string' ? (original.result as HubId) : original.target,
    };
    const because = changedSince(undoing);
    return because === undefined ? done(undoing) : refused(because);
  };

  const takeBack = async (job: Job, undoing: Undoing): Promise<void> => {
    const { plan, original, record } = undoing;
    const turn = options.turnOf(job, plan);
    const taken = await turn.first();
    if (!taken.ok) return options.finish(job, { fault: taken.fault });
    try {
      // What others did there and the host has not told yet.
      const isRead = await options.barrier(plan.host, touchesOf(record), { job: job.id, user: job.user });
      const because = isRead
        ? changedSince(undoing)
        : fault('host-communication', {}, 'The host could not be asked whether anything changed.');
      if (because !== undefined) return options.finish(job, { fault: because });
      const back = journal.addRollback(job.id, plan, record.steps);
      records.change(job, { state: 'running', startedMs: clock.now() });
      journal.audit(job.id, clock.now(), 'planned', { undoes: original.id, user: job.user });
      journal.audit(original.id, clock.now(), ROLLBACK_BEGUN, { job: job.id, user: job.user });
      await journal.flush();
      await options.carryOut(job, back, turn);
    } finally {
      await turn.release();
    }
  };

  return {
    rollback: (id, user) => {
      const prepared = prepare(id);
      if (!prepared.ok) return prepared;
      const { plan, target, original } = prepared.value;
      const { nativeTarget } = original;
      const meta = { user, front: 'admin', method: `rollback of ${id}`, nativeTarget, operation: '', exchange: '' };
      return done(options.begin(plan.host, target, meta, (job) => takeBack(job, prepared.value)));
    },
    lasting: (id) => {
      const prepared = prepare(id);
      return prepared.ok ? undefined : prepared.fault;
    },
  };
};
