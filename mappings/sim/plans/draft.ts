/** A plan in the making: calls in order, each given its mark, probe and undo; the last point of return is the step named pivot. */
import type { HubId, NativeRef } from '../../generic/ids.ts';
import type { Plan, Probe, Step, StepKind } from '../../generic/plan.ts';
import { volumeNative } from '../machine/state.ts';
import type { ProcedureName } from '../machine.ts';

type Fields = Readonly<Record<string, unknown>>;

export interface Draft {
  readonly host: HubId;
  queue: string;
  readonly touches: NativeRef[];
  makes: NativeRef | undefined;
  /** Without an undo the first such step is the pivot; those after it are repeated until done. */
  add(procedure: ProcedureName | (string & {}), args: Fields, undo?: { procedure: ProcedureName; args: Fields }): void;
  /** A step that ends when the probe says so. */
  addAwaited(procedure: ProcedureName, args: Fields, probe: Probe, limitMs: number): void;
  plan(): Plan;
}

export const drafted = (host: HubId, job: HubId, queue: string): Draft => {
  const steps: Step[] = [];
  const draft: Draft = {
    host,
    queue,
    touches: [],
    makes: undefined,
    add: (procedure, args, undo) => {
      const mark = `${job}.${steps.length + 1}`;
      const kind: StepKind = undo
        ? 'compensatable'
        : steps.some((step) => step.kind === 'pivot')
          ? 'forward-only'
          : 'pivot';
      steps.push({
        name: `${procedure.toLowerCase().replace('.', '-')}-${steps.length + 1}`,
        kind,
        call: { procedure, args: { ...args, mark } },
        probe: { probe: 'mark', args: { mark } },
        ...(undo ? { undo: { procedure: undo.procedure, args: { ...undo.args, undoes: mark } } } : {}),
      });
    },
    addAwaited: (procedure, args, probe, limitMs) => {
      draft.add(procedure, args);
      const last = steps.pop();
      if (last) steps.push({ ...last, probe, awaits: { limitMs } });
    },
    plan: () => ({
      host,
      queue: draft.queue,
      steps,
      touches: draft.touches,
      ...(draft.makes ? { makes: draft.makes } : {}),
    }),
  };
  return draft;
};

/** A volume and the storage whose room it takes. */
export const touch = (draft: Draft, storage: string, name: string): void => {
  for (const ref of [
    { kind: 'volume', native: volumeNative(storage, name) },
    { kind: 'storage', native: storage },
  ] as const) {
    if (!draft.touches.some(({ kind, native }) => kind === ref.kind && native === ref.native)) draft.touches.push(ref);
  }
};
