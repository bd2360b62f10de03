/** The effects of the server as functions that a central call delegates to: `yield* run(...)`. */
import type { Call, Reply } from '../../generic/call.ts';
import type { Command } from '../../generic/commands.ts';
import { done, fault, type Outcome } from '../../generic/faults.ts';
import type { HubId } from '../../generic/ids.ts';
import type { Job } from '../../generic/jobs.ts';
import type { Brokered } from '../../generic/platform.ts';
import { refOf } from '../ids.ts';
import { Refusal } from './refusal.ts';

export const value = (shown?: unknown): Reply => ({ kind: 'value', value: shown });

const taskOf = (job: Job): Reply => {
  const ref = refOf(job.id);
  if (!ref) throw new Error(`${job.id} is no task`);
  return value({ _type: 'ManagedObjectReference', type: ref.type, value: ref.value });
};

export function* render(ids: readonly HubId[]): Brokered<void> {
  if (ids.length > 0) yield { effect: 'render', ids };
}

/** The command as a job whose task is the answer. */
export function* start(call: Call, command: Command): Brokered {
  return taskOf((yield { effect: 'start', command, call }) as Job);
}

/** The command to its end; its fault is ours. */
export function* run(call: Call, command: Command): Brokered<Job> {
  const job = (yield { effect: 'run', command, call }) as Job;
  if (job.fault) throw new Refusal(job.fault, false);
  if (job.state !== 'success') throw new Refusal(fault('internal', {}, `${command.verb} ended as ${job.state}`), false);
  return job;
}

/** A task that already has its outcome. */
export function* settle(call: Call, target: HubId, outcome: Outcome): Brokered {
  return taskOf((yield { effect: 'settle', call, target, outcome }) as Job);
}

/** Several commands behind one task: all but the last are run, and the task is the last one's; none: a task that is done. */
export function* runAll(call: Call, target: HubId, commands: readonly Command[]): Brokered {
  const last = commands.at(-1);
  if (!last) return yield* settle(call, target, done(undefined));
  for (const command of commands.slice(0, -1)) yield* run(call, command);
  return yield* start(call, last);
}

export function* ask(host: HubId, question: string, args: Readonly<Record<string, unknown>>): Brokered<unknown> {
  const outcome = (yield { effect: 'ask', host, question, args }) as Outcome;
  if (!outcome.ok) throw new Refusal(outcome.fault, false);
  return outcome.value;
}
