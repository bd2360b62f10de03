/** The state of a simulated host: immutable records by native name, and what one step of the machine gives back. */
import { type Fault, type FaultKind, type FaultMembers, fault, type Outcome, refused } from '../../generic/faults.ts';
import type { Host, Network, PowerState, Storage, Vm, Volume } from '../../generic/model.ts';

/** Content in pages of PAGE_BYTES by number; a page that is all zeroes is not kept. */
export type Pages = ReadonlyMap<number, Uint8Array>;

export interface SavedVm {
  readonly doc: Vm;
  /** Content of its volumes, by native name. */
  readonly contents: ReadonlyMap<string, Pages>;
}

export interface VmRecord {
  readonly native: string;
  readonly doc: Vm;
  readonly saved: ReadonlyMap<string, SavedVm>;
  /** Mark of the call that made it, '' for what was there before. */
  readonly madeBy: string;
}

/** `doc.allocationBytes` is what a thick volume takes; a thin one takes what its pages take. */
export interface VolumeRecord {
  readonly native: string;
  readonly doc: Volume;
  readonly thin: boolean;
  readonly pages: Pages;
  readonly madeBy: string;
}

export interface StorageRecord {
  readonly native: string;
  readonly doc: Storage;
  readonly madeBy: string;
}

export interface NetworkRecord {
  readonly native: string;
  readonly doc: Network;
  readonly madeBy: string;
}

export interface SimState {
  readonly host: Host;
  readonly vms: ReadonlyMap<string, VmRecord>;
  readonly storages: ReadonlyMap<string, StorageRecord>;
  readonly volumes: ReadonlyMap<string, VolumeRecord>;
  readonly networks: ReadonlyMap<string, NetworkRecord>;
  /** Guests that are on their way down, and when they will be. */
  readonly due: ReadonlyMap<string, number>;
  /** Marks of calls that took effect, oldest first: what a probe asks for. */
  readonly marks: ReadonlySet<string>;
}

export type Args = Readonly<Record<string, unknown>>;
export interface SimEvent {
  readonly procedure: 'EVENT.vm' | 'EVENT.storage' | 'EVENT.volume' | 'EVENT.network';
  readonly args: { readonly native: string; readonly hint: string };
}
export interface Step {
  readonly state: SimState;
  readonly reply: Outcome<Record<string, unknown>>;
  readonly events: readonly SimEvent[];
}
export type Procedure = (state: SimState, args: Args, nowMs: number) => Step;

export const PAGE_BYTES = 64 * 1024;
/** Of all volumes and snapshots together: it lies in the memory of the program. */
export const CONTENT_MAX_BYTES = 64 * 1024 * 1024;
export const DISK_MAX_BYTES = 62 * 1024 ** 4;
export const OBJECTS_MAX = 200_000;
const MARKS_MAX = 10_000;

export const took = (state: SimState, events: readonly SimEvent[] = [], value: Record<string, unknown> = {}): Step => ({
  state,
  reply: { ok: true, value },
  events,
});
export const no = (state: SimState, reason: Fault): Step => ({ state, reply: refused(reason), events: [] });
export const refuse = <K extends FaultKind>(state: SimState, kind: K, members: FaultMembers[K], text: string): Step =>
  no(state, fault(kind, members, text));
export const gone = (state: SimState, type: string, id: string): Step =>
  refuse(state, 'object-not-found', { type, id }, `There is no ${type} "${id}".`);
export const wrongState = (state: SimState, requested: PowerState, existing: PowerState): Step =>
  refuse(
    state,
    'wrong-state',
    { requested, existing },
    `The attempted operation cannot be performed in the current state (${existing}).`,
  );

export const put = <V>(map: ReadonlyMap<string, V>, key: string, value: V): ReadonlyMap<string, V> =>
  new Map(map).set(key, value);
export const drop = <V>(map: ReadonlyMap<string, V>, key: string): ReadonlyMap<string, V> => {
  const out = new Map(map);
  out.delete(key);
  return out;
};

/** Arguments come from our own plans and driver: a wrong one is our bug. */
export const text = (args: Args, name: string): string => {
  const value = args[name];
  if (typeof value !== 'string') throw new Error(`argument ${name} is no text`);
  return value;
};
export const textOr = (args: Args, name: string, otherwise: string): string =>
  args[name] === undefined ? otherwise : text(args, name);
export const count = (args: Args, name: string): number => {
  const value = args[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new Error(`argument ${name} is no whole number`);
  return value;
};
export const flag = (args: Args, name: string): boolean => {
  const value = args[name];
  if (typeof value !== 'boolean') throw new Error(`argument ${name} is no boolean`);
  return value;
};

/** Display names: as long as managers show them, nothing that a line or an XML text cannot hold. */
export const isName = (name: string): boolean => {
  if (name.trim() === '' || name.length > 256) return false;
  for (const character of name) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 32 || code === 127 || (code >= 0xd800 && code <= 0xdfff) || code === 0xfffe || code === 0xffff)
      return false;
  }
  return true;
};
/** Names that stand for one file of a flat directory. */
export const isFileName = (name: string): boolean =>
  isName(name) && !name.includes('/') && name !== '.' && name !== '..';

export const volumeNative = (storage: string, name: string): string => `${storage}/${name}`;

/** Remembers that the call took effect; an undo forgets it. */
export const marked = (step: Step, args: Args): Step => {
  if (!step.reply.ok) return step;
  const mark = textOr(args, 'mark', '');
  const undoes = textOr(args, 'undoes', '');
  if (mark === '' && undoes === '') return step;
  const marks = new Set(step.state.marks);
  if (undoes !== '') marks.delete(undoes);
  if (mark !== '') marks.add(mark);
  const oldest = marks.values().next().value;
  if (marks.size > MARKS_MAX && oldest !== undefined) marks.delete(oldest);
  return { ...step, state: { ...step.state, marks } };
};

/** An undo acts only on what the call that it undoes did make. */
export const isForeign = (record: { readonly madeBy: string }, args: Args): boolean =>
  args['undoes'] !== undefined && record.madeBy !== args['undoes'];
