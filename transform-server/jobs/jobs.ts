/** Commands in, job records out: planned, journaled, run and recovered here; the agents' direct commands are recorded beside them. */
import type { Command } from '../../mappings/generic/commands.ts';
import { done, type Fault, fault, type Outcome, refused } from '../../mappings/generic/faults.ts';
import type { HubId } from '../../mappings/generic/ids.ts';
import type { Job } from '../../mappings/generic/jobs.ts';
import type { FollowUp, Plan } from '../../mappings/generic/plan.ts';
import type { Platform } from '../../mappings/generic/platform.ts';
import type { EventsView, JobsView } from '../../mappings/generic/store-view.ts';
import { type Clock, exactly } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { ExchangeFacts, Hop, OutboxEntry } from '../../runtime/protocol.ts';
import type { Renderer } from '../engine/renderer.ts';
import type { Ids } from '../ids/ids.ts';
import type { Storage } from '../storage/contract.ts';
import type { Store } from '../store/store.ts';
import { createBarrier, isDocumentKind } from './barrier.ts';
import type { HostsGateway } from './gateway.ts';
import { createHostTurn, type HostTurn } from './host-turn.ts';
import { type AuditLine, createJournal, type PlanRecord } from './journal.ts';
import { createOutbox } from './outbox.ts';
import { createPlanner, planShown } from './planner.ts';
import { createJobIds, createRecords, type JobEnd, type JobEnds, type JobMeta } from './records.ts';
import { createRecovery } from './recovery.ts';
import { resolveRef } from './references.ts';
import { createRepeats } from './repeats.ts';
import { createRollbacks, leftBy, type Rollbacks, touchesOf } from './rollback.ts';
import { type RunnerEnd, resultsOf, runPlan } from './runner.ts';
import { TIMING, type Timing } from './timing.ts';

export interface Jobs extends JobsView, Rollbacks {
  /** A command as a job; the record at once. Show its id after `Storage.flush`. A repeat of the same exchange gets the same job. */
  start(command: Command, meta: JobMeta, then?: FollowUp): Job;
  /** The same, resolved when the job has ended. */
  run(command: Command, meta: JobMeta, then?: FollowUp): Promise<Job>;
  ended(id: HubId): Promise<Job | undefined>;
  /** A front's own job that has its outcome already. */
  settle(meta: JobMeta & { readonly host: HubId; readonly target: HubId }, outcome: Outcome): Job;
  /** The agents' direct commands, each recorded once; resolves when they are on disk and what they changed is in the store. */
  outbox(agent: string, entries: readonly OutboxEntry[]): Promise<{ readonly through: number }>;
  /** false: it is past its point of no return, or ended, or not ours to stop. */
  cancel(id: HubId): boolean;
  /** Ends what an earlier life of the server left unfinished; resolves when all of it has ended, which may take a host's return. */
  recover(): Promise<void>;
  /** Those that may have begun at the host and not ended: written down before anything of them was sent. */
  open(host: HubId): readonly HubId[];
  journal(id: HubId): { readonly plan: PlanRecord | undefined; readonly audit: readonly AuditLine[] };
  /** Plans of this life that sent at least one call to their host. */
  readonly sent: number;
  /** Of this life, by verb and outcome. */
  readonly ends: JobEnds;
}

export interface JobsOptions {
  readonly storage: Storage;
  readonly store: Store;
  readonly hosts: HostsGateway;
  /** Of a host, by its id. */
  readonly platformOf: (host: HubId) => Platform | undefined;
  readonly renderer: Renderer;
  readonly events: EventsView;
  readonly clock: Clock;
  readonly ids: Pick<Ids, 'jobBlock' | 'resolve' | 'mint'>;
  readonly log: Log;
  /** For the exchange log: what became of an exchange's command. */
  readonly hop?: (hop: Hop) => void;
  /** What a front does once its command has an outcome: the job ends with what this resolves with. */
  readonly follow?: (job: Job, then: FollowUp, outcome: Outcome) => Promise<Outcome>;
  readonly timing?: Partial<Timing>;
}

/** A plan is made anew so often when others change its object beside us; the sends of each have numbers of their own. */
const MOST_PLANS = 4;
const SENDS_OF_PLAN = 1000;

export const createJobs = (options: JobsOptions): Jobs => {
  const { storage, store, hosts, events, clock, ids, log } = options;
  const timing: Timing = { ...TIMING, ...options.timing };
  const journal = createJournal(storage);
  const records = createRecords({ journal, versions: store.versions, clock, keepMs: timing.keepMs });
  const barrier = createBarrier({ hosts, store, clock, timing, log });
  const plan = createPlanner(options);

  let sent = 0;
  const mintId = createJobIds(ids);

  const cancelled = new Set<HubId>();
  const waiters = new Map<HubId, ((job: Job) => void)[]>();
  const repeats = createRepeats();

  const nameOf = (target: HubId): string => store.entry(target)?.name ?? '';

  const post = (job: Job, kind: 'job.started' | 'job.failed', text: string): void => {
    const { id, host, target, targetName, user } = job;
    events.post({ kind, host, object: target, objectName: targetName, user, job: id, text });
  };

  const hop = (job: Job, shape: string, sinceMs: number, detail: Hop['detail'], facts?: ExchangeFacts): void => {
    const atMs = exactly(clock);
    const durationMs = Math.max(0, atMs - sinceMs);
    options.hop?.({ exchange: job.exchange, shape, atMs, durationMs, ...(facts && { facts }), detail });
  };

  const finish = (job: Job, end: JobEnd): void => {
    cancelled.delete(job.id);
    // Its client was told already, because the host was away too long.
    if (job.finishedMs !== undefined) return;
    const isCancelled = end.fault?.kind === 'cancelled';
    records.change(job, {
      state: end.fault ? 'error' : 'success',
      finishedMs: clock.now(),
      cancelable: false,
      cancelled: isCancelled,
      ...(end.fault ? { fault: end.fault } : { progress: 100 }),
      ...(end.result === undefined ? {} : { result: end.result }),
    });
    hop(
      job,
      'outcome',
      job.queuedMs,
      { job: job.id, ...(end.fault ? { fault: end.fault } : { result: end.result ?? 'success' }) },
      { job: job.id, outcome: end.fault?.kind ?? 'value' },
    );
    if (end.fault) post(job, 'job.failed', end.fault.text);
    const waiting = waiters.get(job.id) ?? [];
    waiters.delete(job.id);
    // Whoever waited answers a client: the end is on disk first.
    const resumeAll = (): void => {
      for (const resume of waiting) resume(job);
    };
    journal.flush().then(resumeAll, (error: unknown) => {
      log.error({ exchange: job.exchange, job: job.id, error }, 'the end of a job could not be written');
      resumeAll();
    });
  };

  const madeBy = (job: Job, record: PlanRecord): HubId | undefined => {
    const { plan: made } = record;
    const makes = made.makes && resolveRef(made.makes, resultsOf(record));
    if (!makes) return undefined;
    const { kind, native } = makes;
    if (!isDocumentKind(kind))
      return kind === 'disk' || kind === 'nic' || kind === 'snapshot'
        ? store.view(job.front).owned(job.target, kind, native)
        : undefined;
    return ids.resolve(made.host, kind, native) ?? ids.mint(made.host, kind, native);
  };

  const turnOf = (job: Job, wanted: Plan, recovered = false): HostTurn =>
    createHostTurn({
      hosts,
      clock,
      timing,
      host: wanted.host,
      queue: wanted.queue,
      job: job.id,
      recovered,
      onAway: () =>
        finish(job, {
          fault: fault(
            'host-communication',
            {},
            'The host is away; the command is brought to its end when it returns.',
          ),
        }),
    });

  /** The write queue is free for what follows. */
  const followed = async (
    job: Job,
    then: FollowUp | undefined,
    turn: HostTurn | undefined,
    end: JobEnd,
  ): Promise<JobEnd> => {
    if (then === undefined || options.follow === undefined) return end;
    await turn?.release();
    const told = await options.follow(job, then, end.fault ? refused(end.fault) : done(end.result));
    return told.ok ? { result: told.value } : { fault: told.fault };
  };

  /**
   * The walk of a journaled plan, the barrier behind it, what follows, and the end of the job, in that order. true: the host refused it for
   * what somebody else changed there, nothing of it is left, and the job has not ended.
   */
  const carryOut = async (
    job: Job,
    record: PlanRecord,
    turn: HostTurn,
    { recovered, mayRepeat }: { recovered: boolean; mayRepeat: boolean },
  ): Promise<boolean> => {
    let isSent = false;
    const end: RunnerEnd = await runPlan({
      record,
      turn,
      journal,
      clock,
      timing,
      recovered,
      isCancelled: () => cancelled.has(job.id),
      onStep: (progress, cancelable) => {
        if (job.finishedMs === undefined && (job.progress !== progress || job.cancelable !== cancelable))
          records.change(job, { progress, cancelable });
      },
      onSend: () => {
        if (!isSent) sent++;
        isSent = true;
      },
      onAnswer: (call, sentMs, outcome) =>
        hop(job, 'native', sentMs, {
          ...call,
          outcome: outcome === undefined ? 'the answer was lost' : outcome.ok ? outcome.value : outcome.fault,
        }),
    });
    const touches = touchesOf(record);
    const endedMs = exactly(clock);
    const isRead = await barrier(record.plan.host, touches, { exchange: job.exchange, job: job.id, user: job.user });
    hop(job, 'barrier', endedMs, { touches });
    const left = isRead && end.end === 'success' ? leftBy(record, store) : undefined;
    const isRepeated = mayRepeat && end.end === 'undone' && end.fault?.kind === 'concurrent-access';
    const own: JobEnd = end.fault ? { fault: end.fault } : { result: madeBy(job, record) };
    const told = isRepeated ? own : await followed(job, record.plan.then, turn, own);
    journal.endPlan(record, end.end);
    journal.audit(job.id, clock.now(), `ended: ${end.end}`, end.fault ?? left ?? null);
    if (end.end === 'stuck')
      log.error(
        { exchange: job.exchange, job: job.id, verb: job.verb, outcome: end.fault?.kind ?? '' },
        'a plan ended half done: see its journal',
      );
    if (isRepeated) records.change(job, { state: 'queued' });
    else finish(job, told);
    return isRepeated;
  };

  const work = async (job: Job, command: Command, then: FollowUp | undefined): Promise<void> => {
    const versionOf = (): number => store.entry(command.target)?.version ?? 0;
    const seen = versionOf();
    let begunMs = exactly(clock);
    let planned = await plan(job.id, command, job.front);
    let turn: HostTurn | undefined;
    const refuse = async (why: Fault): Promise<void> => finish(job, await followed(job, then, turn, { fault: why }));
    if (!planned.ok) return refuse(planned.fault);
    const { queue } = planned.value;
    turn = turnOf(job, planned.value);
    hop(job, 'plan', begunMs, planShown(planned.value), { job: job.id });
    begunMs = exactly(clock);
    const taken = await turn.first();
    hop(job, 'queue', begunMs, { queue });
    if (!taken.ok) return refuse(taken.fault);
    try {
      for (let made = 0; ; made++) {
        if (made > 0 || versionOf() !== seen) {
          // Somebody wrote while we waited for the turn, or beside us: what was planned from is no more.
          begunMs = exactly(clock);
          planned = await plan(job.id, command, job.front);
          if (planned.ok && planned.value.queue !== queue)
            planned = refused(fault('concurrent-access', {}, 'The object changed.'));
          if (planned.ok) hop(job, 'plan', begunMs, planShown(planned.value));
        }
        if (!planned.ok) return await refuse(planned.fault);
        if (cancelled.has(job.id)) return await refuse(fault('cancelled', {}, 'cancelled'));
        const record = journal.addPlan(job.id, { ...planned.value, ...(then && { then }) }, made * SENDS_OF_PLAN);
        records.change(job, { state: 'running', startedMs: clock.now() });
        journal.audit(job.id, clock.now(), 'planned', { verb: command.verb, target: command.target, user: job.user });
        await journal.flush();
        if (!(await carryOut(job, record, turn, { recovered: false, mayRepeat: made + 1 < MOST_PLANS }))) return;
      }
    } finally {
      await turn.release();
    }
  };

  /** A thrown error is our bug: the job ends, the plan stays open in the journal for the next recovery. */
  const guarded = async (job: Job, run: () => Promise<void>): Promise<void> => {
    try {
      await run();
    } catch (error) {
      log.error({ exchange: job.exchange, job: job.id, verb: job.verb, error }, 'a job broke');
      journal.audit(job.id, clock.now(), 'broke', { error: String(error) });
      finish(job, { fault: fault('internal', {}, 'internal error; see the log') });
    }
  };

  const blank = (verb: Job['verb'], host: HubId, target: HubId, meta: JobMeta): Omit<Job, 'version' | 'state'> => ({
    id: mintId(),
    verb,
    host,
    target,
    targetName: nameOf(target),
    user: meta.user,
    front: meta.front,
    method: meta.method,
    nativeTarget: meta.nativeTarget,
    operation: meta.operation,
    exchange: meta.exchange,
    cancelled: false,
    cancelable: false,
    queuedMs: clock.now(),
  });

  const begun = (fields: ReturnType<typeof blank>, run: (job: Job) => Promise<void>): Job => {
    const job = records.add({ ...fields, state: 'queued' });
    post(job, 'job.started', job.verb);
    void guarded(job, () => run(job));
    return job;
  };

  const started = (command: Command, meta: JobMeta, then?: FollowUp): Job => {
    const known = repeats.find(meta.exchange, command);
    const earlier = known && records.get(known);
    if (earlier) return earlier;
    const { verb, host, target } = command;
    const fields = { ...blank(verb, host, target, meta), cancelable: true };
    const job = begun(fields, (one) => work(one, command, then));
    repeats.note(meta.exchange, command, job.id);
    return job;
  };

  const rollbacks = createRollbacks({
    records,
    journal,
    store,
    hosts,
    clock,
    barrier,
    turnOf,
    finish,
    begin: (host, target, meta, run) => begun(blank('job.rollback', host, target, meta), run),
    carryOut: (job, record, turn) => carryOut(job, record, turn, { recovered: false, mayRepeat: false }),
  });

  const recovery = createRecovery({
    records,
    journal,
    clock,
    finish,
    guarded,
    carryOut: (job, record) => {
      const turn = turnOf(job, record.plan, true);
      return carryOut(job, record, turn, { recovered: true, mayRepeat: false }).finally(() => turn.release());
    },
  });

  const ended = async (id: HubId): Promise<Job | undefined> => {
    const job = records.get(id);
    if (!job || job.finishedMs !== undefined) return job;
    return new Promise((resolve) => waiters.set(id, [...(waiters.get(id) ?? []), resolve]));
  };

  return {
    get: records.get,
    list: records.list,
    changedSince: records.changedSince,
    ends: records.ends,
    start: started,
    run: async (command, meta, then) => {
      const job = started(command, meta, then);
      return (await ended(job.id)) ?? job;
    },
    ended,
    settle: (meta, outcome) => {
      const job = records.add({
        ...blank('front.task', meta.host, meta.target, meta),
        state: 'running',
        startedMs: clock.now(),
      });
      finish(job, outcome.ok ? { result: outcome.value } : { fault: outcome.fault });
      return job;
    },
    outbox: createOutbox({
      journal,
      records,
      hosts,
      nameOf,
      finish,
      begun: (job) => post(job, 'job.started', job.verb),
      log,
    }),
    cancel: (id) => {
      const job = records.get(id);
      if (!job?.cancelable || job.finishedMs !== undefined) return false;
      cancelled.add(id);
      return true;
    },
    ...rollbacks,
    ...recovery,
    journal: (id) => ({ plan: journal.plan(id), audit: journal.audits(id) }),
    get sent() {
      return sent;
    },
  };
};
