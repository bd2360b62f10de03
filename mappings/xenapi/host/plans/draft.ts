/** Steps of plans in XenAPI's words, each a call with the probe that tells whether it took effect and its undo; and a plan in the making. */
import type { HubId } from '../../../generic/ids.ts';
import type { NativeCall } from '../../../generic/native.ts';
import type { Plan, PlannedRef, Probe, Step, StepKind } from '../../../generic/plan.ts';
import { call, probe, sealed } from '../../../generic/planning.ts';
import type { Locator } from '../locate.ts';

/*
 * Arguments of calls and probes may hold a locator where a reference stands (locate.ts). The probes (answered by probes.ts):
 * - field-is { cls, self, field, key?, is }: the field, or that key of a map or set, is one of these texts; '' for a key that is not there
 * - located { locator }: what it looks for is there
 * - absent { cls, self }
 * - reverted { vm, snapshot, images }: the VM stands on that snapshot, with images that are not the earlier ones
 * - idle { vdi }: never done, `running` while the host works on that image
 * - labelled { cls, label }: there is one of that label
 * - always {}: a step without an effect to look for
 * Calls that are not the host's own: set_key { cls, self, field, key, value }, value null removes; destroy_if_there { cls, self };
 * stamp_images { vm }; nothing {}.
 */

export type Ref = string | Locator;

export interface Draft {
  queue: string;
  /** Of objects made before, for marks. */
  count: number;
  add(name: string, kind: StepKind, call: NativeCall, probe: Probe, undo?: NativeCall): Step;
  touch(...refs: readonly PlannedRef[]): void;
  makes: PlannedRef | undefined;
  readonly steps: readonly Step[];
  /** What must be done once there is no way back: it comes after everything else. */
  later(name: string, call: NativeCall, probe: Probe): void;
  plan(): Plan;
}

const isSameRef = (a: PlannedRef, b: PlannedRef): boolean =>
  a.kind === b.kind && JSON.stringify(a.native) === JSON.stringify(b.native);

/** What a plan that changes nothing does. */
const WITHOUT_EFFECT = call('nothing');

export const newDraft = (host: HubId, queue: string): Draft => {
  const steps: Step[] = [];
  const last: Step[] = [];
  const touches: PlannedRef[] = [];
  // Results are found by the names of steps, whose parts a dot would divide.
  const named = (name: string): string => `${steps.length + last.length + 1} ${name.replaceAll('.', ' ')}`;
  const draft: Draft = {
    queue,
    count: 0,
    makes: undefined,
    steps,
    add: (name, kind, native, asked, undo) => {
      const step: Step = { name: named(name), kind, call: native, probe: asked, ...(undo ? { undo } : {}) };
      steps.push(step);
      return step;
    },
    later: (name, native, asked) => {
      last.push({ name: named(name), kind: 'forward-only', call: native, probe: asked });
    },
    touch: (...refs) => {
      for (const ref of refs) if (!touches.some((one) => isSameRef(one, ref))) touches.push(ref);
    },
    plan: () => ({
      host,
      queue: draft.queue,
      steps: sealed([...steps, ...last], WITHOUT_EFFECT),
      touches,
      ...(draft.makes ? { makes: draft.makes } : {}),
    }),
  };
  return draft;
};

/** The uuid that a step's object got from the host. */
export const uuidFrom = ({ name }: Step): { readonly $from: string } => ({ $from: `${name}.uuid` });

// ---- steps that many plans have ----

const shown = (value: unknown): string => String(value);

/** A field by its setter. */
export const setField = (
  draft: Draft,
  cls: string,
  self: Ref,
  field: string,
  value: string | number | boolean,
  before: string | number | boolean,
): void => {
  const set = (to: string | number | boolean): NativeCall => call(`${cls}.set_${field}`, { self, value: to });
  draft.add(
    `set ${field}`,
    'compensatable',
    set(value),
    probe('field-is', { cls, self, field, is: [shown(value)] }),
    set(before),
  );
};

/** A key of a map; undefined takes it away. Only what differs becomes a step. */
export const setKey = (
  draft: Draft,
  cls: string,
  self: Ref,
  field: string,
  key: string,
  value: string | undefined,
  before: string | undefined,
): void => {
  if (value === before) return;
  const set = (to: string | undefined): NativeCall => call('set_key', { cls, self, field, key, value: to ?? null });
  draft.add(
    `set ${field} ${key}`,
    'compensatable',
    set(value),
    probe('field-is', { cls, self, field, key, is: [value ?? ''] }),
    set(before),
  );
};

/** Of our own keys: nothing is written where there is nothing to say. */
export const orNone = (text: string): string | undefined => (text === '' ? undefined : text);

/** A tag is a set's member. */
export const setTag = (draft: Draft, self: Ref, tag: string, wanted: boolean): void => {
  const add = call('VM.add_tags', { self, value: tag });
  const remove = call('VM.remove_tags', { self, value: tag });
  draft.add(
    `tag ${tag}`,
    'compensatable',
    wanted ? add : remove,
    probe('field-is', { cls: 'VM', self, field: 'tags', key: tag, is: [wanted ? tag : ''] }),
    wanted ? remove : add,
  );
};
