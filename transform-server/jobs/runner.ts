/** A journaled plan in, its end out: forward, or back by its undos. The same walk serves a first run and recovery after a crash. */
import { type Fault, fault, type Outcome } from '../../mappings/generic/faults.ts';
import type { NativeCall } from '../../mappings/generic/native.ts';
import type { ProbeAnswer, Step } from '../../mappings/generic/plan.ts';
import { type Clock, exactly, sleep } from '../../runtime/clock.ts';
import type { HostTurn } from './host-turn.ts';
import type { Journal, PlanEnd, PlanRecord, StepRecord } from './journal.ts';
import { MissingResult, type Results, resolveReferences } from './references.ts';
import type { Timing } from './timing.ts';

export interface RunnerEnd {
  readonly end: PlanEnd;
  /** Why it did not succeed. */
  readonly fault?: Fault;
}

export interface RunOptions {
  readonly record: PlanRecord;
  readonly turn: HostTurn;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly timing: Timing;
  /** The plan is of an earlier life of the server: before its pivot it goes back, after it goes on. */
  readonly recovered: boolean;
  readonly isCancelled: () => boolean;
  /** Called as steps end: how far it is, and whether it can still be cancelled. */
  readonly onStep: (progress: number, cancelable: boolean) => void;
  /** Called before each call that goes to the host. */
  readonly onSend: () => void;
  /** A call that came back; undefined: its answer was lost. */
  readonly onAnswer: (call: NativeCall, sentMs: number, outcome: Outcome<Record<string, unknown>> | undefined) => void;
}

/** Faults that say nothing about whether the host acted: the connection broke while the call was under way. */
const IN_DOUBT: ReadonlySet<string> = new Set(['host-communication', 'timeout']);
/** The undo of what is gone already. */
const GONE: ReadonlySet<string> = new Set(['not-found', 'object-not-found', 'file-not-found']);

/** What the steps of a plan told so far, by their names. */
export const resultsOf = ({ plan, steps }: PlanRecord): Results => {
  const found: Record<string, Readonly<Record<string, unknown>>> = {};
  for (const [at, { outcome }] of steps.entries()) if (outcome?.ok) found[plan.steps[at]?.name ?? ''] = outcome.value;
  return found;
};

export const runPlan = async (options: RunOptions): Promise<RunnerEnd> => {
  const { record, turn, journal, clock, timing, recovered } = options;
  const { job, plan, steps } = record;

  const stepAt = (at: number): readonly [Step, StepRecord] => {
    const step = plan.steps[at];
    const state = steps[at];
    if (!step || !state) throw new Error(`no step ${at} in the plan of ${job}`);
    return [step, state];
  };

  /** The state is on disk before anything that follows from it happens. */
  const mark = async (at: number, change: Partial<StepRecord>): Promise<void> => {
    const [step, state] = stepAt(at);
    Object.assign(state, change);
    journal.saveStep(record, at);
    journal.audit(
      job,
      clock.now(),
      `${step.name}: ${state.state}`,
      change.outcome?.ok === false ? change.outcome.fault : { attempt: state.attempt },
    );
    await journal.flush();
  };

  const results = (): Results => resultsOf(record);

  /** Past the last point of return: a pivot, or a forward-only step, took effect. */
  const isPastPivot = (): boolean =>
    steps.some(({ state }, at) => state === 'done' && plan.steps[at]?.kind !== 'compensatable');

  const probe = async (step: Step): Promise<ProbeAnswer | undefined> => {
    const writer = await turn.held();
    try {
      const answer = await writer.agent.probe(plan.host, writer.epoch, step.probe);
      return answer.ok ? answer.value : undefined;
    } catch {
      await turn.lost();
      return undefined;
    }
  };

  /** A pause between probes that grows. */
  const pauses = (): (() => Promise<void>) => {
    let pauseMs = timing.pollMs;
    return async () => {
      await sleep(clock, pauseMs);
      pauseMs = Math.min(pauseMs * 1.5, timing.pollMostMs);
    };
  };

  /**
   * Whether a step in doubt took effect. "not done" counts once it has held for a while: after kill -9 the host's call keeps running,
   * and its effect can show after a first look. While the host is at it, or does not answer, there is no end: nobody acts on a guess. 'running':
   * so is a step that may last only so long, beyond that. `undoes`: the host took the call, and what of it still runs is stopped by its undo.
   */
  const settle = async (step: Step, undoes = false): Promise<'done' | 'not-done' | 'running'> => {
    const pause = pauses();
    let runningSince: number | undefined;
    let notDoneSince: number | undefined;
    for (;;) {
      const answer = await probe(step);
      const now = clock.now();
      if (answer === 'done' || (answer === 'running' && undoes)) return 'done';
      if (answer === 'not-done' || answer === 'gone') {
        notDoneSince ??= now;
        if (now - notDoneSince >= timing.settleMs) return 'not-done';
      } else notDoneSince = undefined;
      if (answer === 'running') {
        runningSince ??= now;
        if (step.awaits !== undefined && now - runningSince >= step.awaits.limitMs) return 'running';
      }
      await pause();
    }
  };

  /** Asynchronous steps end when the probe says so. undefined: it took effect. */
  const awaitEffect = async (at: number, limitMs: number): Promise<Fault | undefined> => {
    const [step] = stepAt(at);
    const pause = pauses();
    const until = clock.now() + limitMs;
    for (;;) {
      const answer = await probe(step);
      if (answer === 'done') {
        await mark(at, { state: 'done' });
        return undefined;
      }
      if (answer === 'gone') {
        await mark(at, { state: 'failed' });
        return fault('invalid-state', {}, `The host ended "${step.name}" before it took effect.`);
      }
      const isCancelled = step.kind === 'compensatable' && options.isCancelled();
      if (isCancelled || clock.now() >= until) {
        await mark(at, { state: 'in-doubt' });
        return isCancelled ? cancelFault() : lateFault(step);
      }
      await pause();
    }
  };

  /** undefined: the answer was lost. */
  const send = async (id: string, call: NativeCall): Promise<Outcome<Record<string, unknown>> | undefined> => {
    const writer = await turn.held();
    options.onSend();
    const sentMs = exactly(clock);
    try {
      const outcome = await writer.agent.step(plan.host, writer.epoch, id, call);
      options.onAnswer(call, sentMs, outcome);
      return outcome;
    } catch {
      options.onAnswer(call, sentMs, undefined);
      await turn.lost();
      return undefined;
    }
  };

  const lateFault = ({ name }: Step): Fault => fault('timeout', {}, `${name} did not come to its end in time.`);

  const lostFault = (): Fault =>
    fault('host-communication', {}, 'The connection to the host was lost while a step was under way.');

  /** One send of a step, to the point where its state is known. */
  const attempt = async (at: number): Promise<Fault | undefined> => {
    const [step, state] = stepAt(at);
    let call: NativeCall;
    try {
      call = resolveReferences(step.call, results());
    } catch (error) {
      if (!(error instanceof MissingResult)) throw error;
      await mark(at, { state: 'failed' });
      return fault('internal', {}, `${step.name}: ${error.message}`);
    }
    await turn.held();
    // A send whose answer was lost is repeated under its own id, so that an agent that remembers it does not do it twice; one that
    // was answered is repeated as a new send.
    const answered = state.attempt === 0 || state.outcome !== undefined;
    delete state.outcome;
    await mark(at, { state: 'sent', attempt: state.attempt + (answered ? 1 : 0) });
    const outcome = await send(`${job}/${at}/${state.attempt}`, call);
    if (outcome?.ok) {
      await mark(at, { state: step.awaits ? 'sent' : 'done', outcome });
      return step.awaits && awaitEffect(at, step.awaits.limitMs);
    }
    if (outcome && !IN_DOUBT.has(outcome.fault.kind)) {
      await mark(at, { state: 'failed', outcome });
      return outcome.fault;
    }
    await mark(at, { state: 'in-doubt', ...(outcome ? { outcome } : {}) });
    return resolveDoubt(at, outcome?.ok === false ? outcome.fault : lostFault());
  };

  /** Brings a step in doubt to done or planned by its probe. The fault when it had no effect, or none in its time. */
  const resolveDoubt = async (at: number, because: Fault): Promise<Fault | undefined> => {
    const [step] = stepAt(at);
    const answer = await settle(step);
    if (answer === 'running') return lateFault(step);
    await mark(at, { state: answer === 'done' ? 'done' : 'planned' });
    return answer === 'done' ? undefined : because;
  };

  const cancelFault = (): Fault =>
    fault(
      'cancelled',
      {},
      recovered ? 'interrupted: the server was restarted before the point of no return' : 'cancelled',
    );

  /** A step to its end: forward-only ones are repeated once the plan is past its pivot. */
  const advance = async (at: number): Promise<Fault | undefined> => {
    const [step] = stepAt(at);
    let pauseMs = timing.retryMs;
    for (let tries = 1; ; tries++) {
      const failure = await attempt(at);
      if (!failure || step.kind !== 'forward-only' || !isPastPivot() || tries >= timing.retries) return failure;
      await sleep(clock, pauseMs);
      pauseMs *= 2;
    }
  };

  const failedBy = (): Fault | undefined => {
    for (const { state, outcome } of steps) if (state === 'failed' && outcome?.ok === false) return outcome.fault;
    return undefined;
  };

  const forward = async (): Promise<Fault | undefined> => {
    for (const at of plan.steps.keys()) {
      const [step, state] = stepAt(at);
      options.onStep(Math.floor((at * 100) / plan.steps.length), !isPastPivot() && step.kind === 'compensatable');
      if (state.state === 'sent' || state.state === 'in-doubt') {
        // It would go back once this step has come to its end: then it need not come to it.
        if (recovered && !isPastPivot() && step.undo && at + 1 < plan.steps.length) return cancelFault();
        const failure = await resolveDoubt(at, cancelFault());
        if (failure && (!isPastPivot() || stepAt(at)[1].state !== 'planned')) return failure;
      }
      if (state.state === 'done') continue;
      // A plan that was going back when the server died goes on going back, for the reason it had.
      if (state.state !== 'planned' && !(state.state === 'failed' && isPastPivot())) return failedBy() ?? cancelFault();
      if (!isPastPivot() && (recovered || options.isCancelled())) return cancelFault();
      const failure = await advance(at);
      if (failure) return failure;
    }
    return undefined;
  };

  /** Sends an undo until it took effect. false: it fails for good. */
  const undo = async (at: number): Promise<boolean> => {
    const [step, state] = stepAt(at);
    if (!step.undo) return true;
    let call: NativeCall;
    try {
      call = resolveReferences(step.undo, results());
    } catch (error) {
      if (!(error instanceof MissingResult)) throw error;
      return false;
    }
    let pauseMs = timing.retryMs;
    for (let tries = 0; tries < timing.retries; ) {
      if (state.state === 'undoing' && (await settle(step)) === 'not-done') return true;
      await mark(at, { state: 'undoing', attempt: state.attempt + 1 });
      const outcome = await send(`${job}/${at}/undo/${state.attempt}`, call);
      if (outcome?.ok || (outcome && GONE.has(outcome.fault.kind))) return true;
      // Refused: it had no effect, the next try needs no probe. Lost: the loop looks first.
      if (outcome && !IN_DOUBT.has(outcome.fault.kind)) {
        tries += 1;
        journal.audit(job, clock.now(), `${step.name}: undo refused`, outcome.fault);
        state.state = 'done';
        // What has gone by itself cannot be taken back, and need not be.
        if (step.awaits && (await probe(step)) === 'gone') return true;
        await sleep(clock, pauseMs);
        pauseMs *= 2;
      }
    }
    return false;
  };

  const back = async (): Promise<PlanEnd> => {
    let end: PlanEnd = 'undone';
    for (let at = plan.steps.length - 1; at >= 0; at--) {
      const [step, state] = stepAt(at);
      // An effect that may yet come is looked at once more before it is left behind.
      if ((state.state === 'in-doubt' || state.state === 'sent') && step.undo) {
        const answer = await settle(step, state.outcome?.ok === true);
        await mark(at, { state: answer === 'not-done' ? 'planned' : 'done' });
      }
      if (state.state !== 'done' && state.state !== 'undoing') continue;
      const undone = await undo(at);
      await mark(at, { state: undone ? 'undone' : 'stuck' });
      if (!undone) end = 'stuck';
    }
    return end;
  };

  if (plan.undoes !== undefined) {
    options.onStep(0, false);
    if ((await back()) === 'undone') return { end: 'success' };
    return { end: 'stuck', fault: fault('internal', {}, 'Not every step could be taken back: see the journal.') };
  }
  const reason = await forward();
  if (!reason) {
    options.onStep(100, false);
    return { end: 'success' };
  }
  options.onStep(Math.floor((steps.filter(({ state }) => state === 'done').length * 100) / plan.steps.length), false);
  // Past the pivot there is no way back: what was done stays, and the journal says where it stands.
  return { end: isPastPivot() ? 'stuck' : await back(), fault: reason };
};
