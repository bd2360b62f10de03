/** What is left to do of a call when its command has ended in, as data that was kept beside the plan; own data written and the call's answer out. */
import type { Outcome } from '../../generic/faults.ts';
import type { FollowUp } from '../../generic/plan.ts';
import type { Brokered } from '../../generic/platform.ts';
import { dropOwnFields, removeOwnObject, writeOwn } from '../own-data.ts';
import type { Default } from '../types.ts';
import { Refusal } from './refusal.ts';
import { madeRef, type Work } from './work.ts';

/** `work.args` are those of the follow-up; those of the call are gone. It may be done twice, when the server dies over it. */
export type Follower = (work: Work, outcome: Outcome) => Brokered<unknown>;

/** What the command made; its fault is ours. */
export const made = (outcome: Outcome): unknown => {
  if (!outcome.ok) throw new Refusal(outcome.fault);
  return outcome.value;
};

/** Fields of an object by name, as clients gave them. */
export type Given = readonly (readonly [field: string, value: Default])[];

export const writeGiven = (ref: string, given: Given, { context }: Pick<Work, 'context'>): void => {
  for (const [field, value] of given) writeOwn(context, ref, field, value);
};

const isUnset = (value: unknown): boolean =>
  value === undefined ||
  value === '' ||
  (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

export const givenIn = ({ args }: Pick<Work, 'args'>, fields: readonly string[]): Given =>
  fields.filter((field) => !isUnset(args[field])).map((field) => [field, args[field] as Default]);

/** What was made has these fields, which no host keeps. */
export const givenTo = (given: Given): FollowUp => ({ name: 'given', args: { given } });

// biome-ignore lint/correctness/useYield: a follow-up like the others
function* given(work: Work, outcome: Outcome): Brokered<string> {
  const ref = madeRef(made(outcome), work.context);
  writeGiven(ref, work.args['given'] as Given, work);
  return ref;
}

/** Nothing is kept for objects that are gone with it, nor those that were kept here. */
export const dropped = (refs: readonly string[], objects: readonly string[] = []): FollowUp => ({
  name: 'dropped',
  args: { refs, objects },
});

// biome-ignore lint/correctness/useYield: a follow-up like the others
function* drop({ args, context }: Work, outcome: Outcome): Brokered<void> {
  made(outcome);
  for (const ref of args['refs'] as readonly string[]) dropOwnFields(context, ref);
  for (const ref of args['objects'] as readonly string[]) removeOwnObject(context, ref);
}

export const FOLLOWERS: Readonly<Record<string, Follower>> = { given, dropped: drop };
