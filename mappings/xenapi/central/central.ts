/** A call that writes, or asks what a write would meet, in; the commands and effects that answer it out. */
import type { Call, Reply } from '../../generic/call.ts';
import { done, fault, type Outcome, refused } from '../../generic/faults.ts';
import type { HubId } from '../../generic/ids.ts';
import type { Job } from '../../generic/jobs.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import { table } from '../../generic/table.ts';
import { parseRef, refOf, xenId } from '../ids.ts';
import { deviceFieldAnswer } from './device-fields.ts';
import { HOST } from './host.ts';
import { MIGRATION } from './migration.ts';
import { NETWORK } from './network.ts';
import { ownFieldAnswer } from './own-fields.ts';
import { PBD } from './pbd.ts';
import { Refusal } from './refusal.ts';
import { SR } from './sr.ts';
import { TASK } from './task-calls.ts';
import { VBD } from './vbd.ts';
import { VBD_MEDIA } from './vbd-media.ts';
import { VDI } from './vdi.ts';
import { VIF } from './vif.ts';
import { VIF_TRAFFIC } from './vif-traffic.ts';
import { VM_ASSERTS } from './vm-asserts.ts';
import { VM_CPUS } from './vm-cpus.ts';
import { createVm } from './vm-create.ts';
import { vmFieldAnswer } from './vm-fields.ts';
import { VM_MAKE } from './vm-make.ts';
import { VM_MEMORY } from './vm-memory.ts';
import { VM_POWER } from './vm-power.ts';
import { VM_SNAPSHOTS } from './vm-snapshots.ts';
import { type Answer, type Ending, madeRef, runCommand, type Work } from './work.ts';

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
  const job = yield* runCommand(work, ending.command);
  return { kind: 'value', value: job.result === undefined ? undefined : madeRef(job.result, work.context) };
}

/** The answer is a task; what came before its last command is done when the client sees it. */
function* begin(call: Call, work: Work): Brokered<Reply> {
  const { context } = work;
  try {
    const ending = yield* answered(work);
    if (ending.kind === 'value') return yield* settled(call, context, done(ending.value));
    return taskOf((yield { effect: 'start', command: ending.command, call }) as Job, context);
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
