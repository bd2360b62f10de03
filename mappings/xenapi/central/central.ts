/** A call that writes, or asks what a write would meet, in; the commands and effects that answer it out. */
import type { Call, Reply } from '../../generic/call.ts';
import { done, fault, type Outcome, refused } from '../../generic/faults.ts';
import type { HubId } from '../../generic/ids.ts';
import type { Job } from '../../generic/jobs.ts';
import type { FollowUp } from '../../generic/plan.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import { table } from '../../generic/table.ts';
import { parseRef, refOf, xenId } from '../ids.ts';
import { deviceFieldAnswer } from './device-fields.ts';
import { FOLLOWERS, type Follower } from './follow-ups.ts';
import { HOST, HOST_FOLLOWERS } from './host.ts';
import { MIGRATION, MIGRATION_FOLLOWERS } from './migration.ts';
import { NETWORK } from './network.ts';
import { ownFieldAnswer } from './own-fields.ts';
import { PBD } from './pbd.ts';
import { PENDING_FOLLOWERS } from './pending-devices.ts';
import { Refusal } from './refusal.ts';
import { SR, SR_FOLLOWERS } from './sr.ts';
import { TASK } from './task-calls.ts';
import { VBD, VBD_FOLLOWERS } from './vbd.ts';
import { VBD_MEDIA } from './vbd-media.ts';
import { VDI } from './vdi.ts';
import { VIF } from './vif.ts';
import { VIF_TRAFFIC } from './vif-traffic.ts';
import { VM_ASSERTS } from './vm-asserts.ts';
import { VM_CPUS } from './vm-cpus.ts';
import { createVm } from './vm-create.ts';
import { vmFieldAnswer } from './vm-fields.ts';
import { VM_MAKE, VM_MAKE_FOLLOWERS } from './vm-make.ts';
import { VM_MEMORY } from './vm-memory.ts';
import { VM_POWER, VM_POWER_FOLLOWERS } from './vm-power.ts';
import { VM_SNAPSHOTS, VM_SNAPSHOTS_FOLLOWERS } from './vm-snapshots.ts';
import { type Answer, type Ending, resultOf, runCommand, type Work } from './work.ts';

const ANSWERS = table<Answer>({
  'VM.create': createVm,
  ...VM_ASSERTS,
  ...VM_CPUS,
  ...VM_MAKE,
  ...VM_MEMORY,
  ...VM_POWER,
  ...VM_SNAPSHOTS,
  ...VBD,
  ...VBD_MEDIA,
  ...VIF,
  ...VIF_TRAFFIC,
  ...VDI,
  ...SR,
  ...PBD,
  ...HOST,
  ...MIGRATION,
  ...NETWORK,
  ...TASK,
});

/** Methods that are answered by name: each has a row of the command table (a test compares them). */
export const centralMethods: readonly string[] = Object.keys(ANSWERS);

/** undefined: nothing here answers it. */
export const answerOf = (method: string): Answer | undefined =>
  ANSWERS[method] ?? vmFieldAnswer(method) ?? deviceFieldAnswer(method) ?? ownFieldAnswer(method);

const FOLLOW_UPS = table<Follower>({
  ...FOLLOWERS,
  ...HOST_FOLLOWERS,
  ...MIGRATION_FOLLOWERS,
  ...PENDING_FOLLOWERS,
  ...SR_FOLLOWERS,
  ...VBD_FOLLOWERS,
  ...VM_MAKE_FOLLOWERS,
  ...VM_POWER_FOLLOWERS,
  ...VM_SNAPSHOTS_FOLLOWERS,
});

const ASYNC = /^(Internal)?Async\./;

const taskOf = (job: Job, { front }: BrokerContext): Reply => ({
  kind: 'value',
  value: refOf(xenId('task', job.id), front),
});

/** What a task is about: the hub object of the call, or the host. */
const subjectOf = ({ target }: Call, { front, store }: BrokerContext): HubId => {
  const owner = parseRef(target.id, front)?.owner;
  return owner !== undefined && store.entry(owner) !== undefined ? owner : front.host;
};

function* settled(call: Call, context: BrokerContext, outcome: Outcome): Brokered {
  const target = subjectOf(call, context);
  return taskOf((yield { effect: 'settle', call, target, outcome }) as Job, context);
}

function* answered(work: Work): Brokered<Ending> {
  const answer = answerOf(work.call.method);
  if (!answer) throw new Refusal(fault('not-implemented', {}, `${work.call.method} is not served`));
  return yield* answer(work);
}

/** The answer is the value itself. */
function* wait(work: Work): Brokered<Reply> {
  const ending = yield* answered(work);
  if (ending.kind === 'value') return { kind: 'value', value: ending.value };
  const job = yield* runCommand(work, ending.command, ending.then);
  return { kind: 'value', value: resultOf(job.result, work.context) };
}

/** The answer is a task: of the last command, and what follows that; what came before it is done when the client sees it. */
function* begin(call: Call, work: Work): Brokered<Reply> {
  const { context } = work;
  try {
    const ending = yield* answered(work);
    if (ending.kind === 'value') return yield* settled(call, context, done(ending.value));
    const { command, then } = ending;
    return taskOf((yield { effect: 'start', command, call, ...(then && { then }) }) as Job, context);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return yield* settled(call, context, refused(error.fault));
  }
}

export function* centralCall(call: Call, context: BrokerContext): Brokered<Reply> {
  const isAsync = ASYNC.test(call.method);
  const own: Call = { ...call, method: call.method.replace(ASYNC, '') };
  const work: Work = { call: own, context, self: call.target.id, args: call.args };
  if (isAsync) return yield* begin(call, work);
  try {
    return yield* wait(work);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { kind: 'fault', fault: error.fault };
  }
}

/** The end of a job whose command had something to follow it. */
export function* centralFollow(
  job: Job,
  { name, args }: FollowUp,
  outcome: Outcome,
  context: BrokerContext,
): Brokered<Outcome> {
  const { method, nativeTarget: target, operation } = job;
  const call: Call = { method: method.replace(ASYNC, ''), target, args: {}, version: '', operation };
  const follower = FOLLOW_UPS[name];
  if (follower === undefined) throw new Error(`nothing is known of the follow-up ${name}`);
  try {
    return done(yield* follower({ call, context, self: target.id, args }, outcome));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return refused(error.fault);
  }
}
