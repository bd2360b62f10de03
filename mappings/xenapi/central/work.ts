/** One call under way: what came in, and the ways in which it can end; the effects of the server as functions that an answer delegates to. */
import type { Call } from '../../generic/call.ts';
import { type Command, command, type Params, type Verb } from '../../generic/commands.ts';
import { type Fault, fault } from '../../generic/faults.ts';
import { type HubId, kindOf, parseHubId } from '../../generic/ids.ts';
import type { Job } from '../../generic/jobs.ts';
import type { FollowUp } from '../../generic/plan.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import { xenFault } from '../faults.ts';
import { NULL_REF, refOf, xenId } from '../ids.ts';
import { Refusal } from './refusal.ts';

export interface Work {
  /** By the method's own name: without `Async.`. */
  readonly call: Call;
  readonly context: BrokerContext;
  /** The object called, as the client refers to it. */
  readonly self: string;
  /** By the data model's parameter names, decoded by their types. */
  readonly args: Readonly<Record<string, unknown>>;
}

/** A value, or the command that is left to do, with what follows it: it is the task of an asynchronous call. Its job's result is the answer. */
export type Ending =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'command'; readonly command: Command; readonly then?: FollowUp };

export type Answer = (work: Work) => Brokered<Ending>;

export const ended = (value?: unknown): Ending => ({ kind: 'value', value });

export const last = <V extends Verb>(
  work: Work,
  verb: V,
  target: HubId,
  params: Params[V],
  then?: FollowUp,
): Ending => ({
  kind: 'command',
  command: command(verb, work.context.front.host, target, params),
  ...(then && { then }),
});

const CLASS_OF = {
  vm: 'VM',
  template: 'VM',
  snapshot: 'VM',
  volume: 'VDI',
  storage: 'SR',
  network: 'network',
} as const;

/** What a command made, by reference. */
export const madeRef = (result: unknown, { front }: Pick<BrokerContext, 'front'>): string => {
  const id = result as HubId | undefined;
  const cls = id === undefined ? undefined : (CLASS_OF as Readonly<Record<string, string>>)[kindOf(id)];
  return id === undefined || cls === undefined ? NULL_REF : refOf(xenId(cls, id), front);
};

/** A job's result as the call promises it: a hub id by its reference, what a follow-up says as it is. */
export const resultOf = (result: unknown, context: Pick<BrokerContext, 'front'>): unknown =>
  typeof result === 'string' && parseHubId(result) !== undefined ? madeRef(result, context) : result;

/** Another command holds the VM: which, as that API says it. */
const busyFault = (reason: Fault, target: HubId, { context }: Work): Fault => {
  const { front, jobs } = context;
  if (reason.kind !== 'busy' || kindOf(target) !== 'vm') return reason;
  const id = (reason.members as { job?: HubId }).job;
  const job = id === undefined ? undefined : jobs.get(id);
  const vm = refOf(xenId('VM', target), front);
  const operation = job?.method.slice(job.method.lastIndexOf('.') + 1) ?? 'unknown';
  return xenFault(
    'OTHER_OPERATION_IN_PROGRESS',
    'VM',
    vm,
    operation,
    id === undefined ? NULL_REF : refOf(xenId('task', id), front),
  );
};

/** A command to its end; its fault is ours. */
export function* runCommand(work: Work, wanted: Command, then?: FollowUp): Brokered<Job> {
  const job = (yield { effect: 'run', command: wanted, call: work.call, ...(then && { then }) }) as Job;
  if (job.fault) throw new Refusal(busyFault(job.fault, wanted.target, work));
  if (job.state !== 'success') throw new Refusal(fault('internal', {}, `${wanted.verb} ended as ${job.state}`));
  return job;
}

export const run = <V extends Verb>(work: Work, verb: V, target: HubId, params: Params[V]): Brokered<Job> =>
  runCommand(work, command(verb, work.context.front.host, target, params));

export function* render(ids: readonly HubId[]): Brokered<void> {
  if (ids.length > 0) yield { effect: 'render', ids };
}

// ---- arguments: decoded by their types already, so a wrong one is our error ----

export const textArg = ({ args }: Pick<Work, 'args'>, name: string): string => String(args[name] ?? '');
export const numberArg = ({ args }: Pick<Work, 'args'>, name: string): number => Number(args[name] ?? 0);
export const flagArg = ({ args }: Pick<Work, 'args'>, name: string): boolean => args[name] === true;
export const mapArg = ({ args }: Pick<Work, 'args'>, name: string): Readonly<Record<string, string>> =>
  (args[name] ?? {}) as Readonly<Record<string, string>>;
export const setArg = ({ args }: Pick<Work, 'args'>, name: string): readonly string[] =>
  (args[name] ?? []) as readonly string[];

/** The record that a constructor is given, with only the members that the client wrote. */
export const recordArg = (work: Work): Pick<Work, 'args'> => ({
  args: (work.args['args'] ?? {}) as Readonly<Record<string, unknown>>,
});
