/** The simulated host as a pure machine: (state, call, nowMs) in, (state, reply, events) out. Time passes by `advance`. */
import { fault, refused } from '../generic/faults.ts';
import { DEFINITIONS } from './machine/definitions.ts';
import { FURNITURE } from './machine/furniture.ts';
import { advance, POWER, wakeAt } from './machine/power.ts';
import { READING } from './machine/reading.ts';
import { SCREEN } from './machine/screen.ts';
import { SNAPSHOTS } from './machine/snapshots.ts';
import { marked, type Procedure, type SimState, type Step } from './machine/state.ts';
import { STATISTICS } from './machine/statistics.ts';
import { VOLUMES } from './machine/volumes.ts';

export { advance, wakeAt };

export const PROCEDURES = {
  ...READING,
  ...STATISTICS,
  ...SCREEN,
  ...POWER,
  ...DEFINITIONS,
  ...SNAPSHOTS,
  ...VOLUMES,
  ...FURNITURE,
} satisfies Record<string, Procedure>;
export type ProcedureName = keyof typeof PROCEDURES;

export interface SimCall {
  readonly procedure: string;
  readonly args: Readonly<Record<string, unknown>>;
}

export const step = (state: SimState, { procedure, args }: SimCall, nowMs: number): Step => {
  if (!Object.hasOwn(PROCEDURES, procedure)) {
    return {
      state,
      reply: refused(fault('not-supported', {}, `the simulated host has no procedure "${procedure.slice(0, 100)}"`)),
      events: [],
    };
  }
  // An undo of what never took effect, or was undone already, has nothing to do.
  const undoes = args['undoes'];
  if (typeof undoes === 'string' && !state.marks.has(undoes)) {
    return { state, reply: refused(fault('not-found', {}, 'there is nothing to take back')), events: [] };
  }
  const passed = advance(state, nowMs);
  const made = marked(PROCEDURES[procedure as ProcedureName](passed.state, args, nowMs), args);
  return { ...made, events: [...passed.events, ...made.events] };
};
