/** What the plans of every platform begin with: the command and the store in; found objects, steps and refusals that become the command's fault out. */
import type { Command, Params, Verb } from './commands.ts';
import { done, type Fault, type FaultKind, type FaultMembers, fault, refused } from './faults.ts';
import type { HubId } from './ids.ts';
import type { DocumentKind, Documents } from './model.ts';
import type { NativeCall, NativeObject } from './native.ts';
import type { Plan, Probe, Step, StepKind } from './plan.ts';
import type { HostSide, PlanContext } from './platform.ts';
import type { Entry } from './store-view.ts';

export interface Planning {
  readonly command: Command;
  readonly context: PlanContext;
}

export const paramsOf = <V extends Verb>(planning: Planning, _verb: V): Params[V] =>
  planning.command.params as Params[V];

/** Thrown in the middle of planning, caught once in planWith, where it becomes the answer. */
export class Refusal extends Error {
  readonly fault: Fault;
  constructor(reason: Fault) {
    super(reason.text);
    this.fault = reason;
  }
}

export const refuse = <K extends FaultKind>(kind: K, members: FaultMembers[K], text: string): never => {
  throw new Refusal(fault(kind, members, text));
};

export const planWith =
  (planners: Readonly<Record<Verb, (planning: Planning) => Promise<Plan>>>): HostSide['plan'] =>
  async (command, context) => {
    try {
      return done(await planners[command.verb]({ command, context }));
    } catch (error) {
      if (error instanceof Refusal) return refused(error.fault);
      throw error;
    }
  };

export interface Found<K extends DocumentKind> {
  readonly id: HubId;
  readonly entry: Entry;
  readonly native: NativeObject;
  readonly doc: Documents[K];
}

export const notThere = (kind: DocumentKind, id: string): never =>
  refuse('object-not-found', { type: kind, id }, `There is no ${kind} ${id}.`);

/** The object with its documents. The server has rendered all that a plan may read before it asks for the plan. */
export const found = <K extends DocumentKind>(kind: K, id: HubId, { context }: Planning): Found<K> => {
  const entry = context.store.entry(id);
  const native = context.native(id);
  if (!entry || entry.kind !== kind || !native) return notThere(kind, id);
  const doc = context.store.generic(kind, id);
  if (!doc) throw new Error(`${id} was not rendered before planning`);
  return { id, entry, native, doc };
};

/** The VM that the command is for. */
export const targetVm = (planning: Planning): Found<'vm'> => found('vm', planning.command.target, planning);

export const mustBeStopped = ({ doc }: Found<'vm'>): void => {
  if (doc.powerState !== 'stopped')
    refuse('wrong-state', { requested: 'stopped', existing: doc.powerState }, `${doc.name} must be powered off.`);
};

/** Who takes a host out of service means that nothing runs on it: a host would wait for it, or pull the plug. */
export const mustRunNothing = ({ command, context }: Planning): void => {
  const up = context.store.list('vm', command.host).find(({ id }) => {
    const state = context.store.generic('vm', id)?.powerState;
    return state === 'running' || state === 'paused';
  });
  if (up) refuse('invalid-state', {}, `${up.name} runs on the host.`);
};

export const step = (
  name: string,
  kind: StepKind,
  call: NativeCall,
  probe: Probe,
  more: Pick<Step, 'undo' | 'awaits'> = {},
): Step => ({ name, kind, call, probe, ...more });

export const probe = (name: string, args: Readonly<Record<string, unknown>> = {}): Probe => ({ probe: name, args });

export const call = (procedure: string, args: Readonly<Record<string, unknown>> = {}): NativeCall => ({
  procedure,
  args,
});

/**
 * The last step that can be taken back becomes the point of no return where a plan has none of its own. The journal keeps no empty plan: what
 * changes nothing is one call without an effect.
 */
export const sealed = (steps: readonly Step[], withoutEffect: NativeCall): Step[] => {
  if (steps.length === 0) return [step('nothing to change', 'pivot', withoutEffect, probe('always'))];
  if (steps.some(({ kind }) => kind === 'pivot')) return [...steps];
  const last = steps.findLastIndex(({ kind }) => kind === 'compensatable');
  return steps.map((one, at) => (at === Math.max(last, 0) ? { ...one, kind: 'pivot' } : one));
};
