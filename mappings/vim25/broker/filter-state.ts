/** What a filter has told its client so far: members and when they were told of; kept in memory, and by deltas in the session's locals. */
import type { HubId } from '../../generic/ids.ts';
import type { Brokered } from '../../generic/platform.ts';
import type { FilterRecord } from './collectors.ts';
import { exists } from './registry.ts';
import { type Scope, structureVersion } from './scope.ts';
import { type Selected, select } from './select.ts';

export interface Member extends Selected {
  /** Serial of the answer that told the client of it; Infinity: not told yet. */
  entered: number;
  /** Store version its values were last sent at, and the serial of that answer. */
  sentVersion: number;
  sentSerial: number;
  /** Watched paths that had no value when last sent. */
  unset: Set<string> | undefined;
  /** Text of values that have no version, as last sent, by path. */
  stamps: Map<string, string> | undefined;
  /** Statistics as last sent. */
  slots: object | undefined;
}

export interface FilterState {
  readonly id: string;
  readonly members: Map<string, Member>;
  /** Members by the hub object whose change may change them. */
  readonly byHub: Map<HubId, Member[]>;
  /** Members without a hub object, or with values that have no version. */
  readonly furniture: Map<string, Member>;
  /** Gone members, and the serial of the answer that says so; Infinity: not told yet. */
  readonly left: Map<string, number>;
  selectedAt: string;
  /** The selection read rendered text: any change of a member may change it. */
  readsText: boolean;
  /** Something other than the store's structure may change it (views, recent tasks). */
  readonly loose: boolean;
  volatileAtMs: number;
  deltas: number;
}

const MAX_STATES = 4096;
const MAX_DELTAS = 64;

const stateKey = ({ context }: Scope, id: string): string => `${context.session.id} ${id}`;
const deltaPrefix = (id: string): string => `members/${id}/`;
const deltaKey = (id: string, n: number): string => `${deltaPrefix(id)}${String(n).padStart(12, '0')}`;

interface Delta {
  readonly serial: number;
  readonly in: readonly string[];
  readonly out: readonly string[];
}

const traverses = ({ spec }: FilterRecord): boolean =>
  (spec.objectSet ?? []).some(({ selectSet }) => (selectSet?.length ?? 0) > 0);

const makeMember = (selected: Selected): Member => ({
  ...selected,
  entered: Number.POSITIVE_INFINITY,
  sentVersion: 0,
  sentSerial: 0,
  unset: undefined,
  stamps: undefined,
  slots: undefined,
});

const add = (state: FilterState, member: Member): void => {
  state.members.set(member.key, member);
  if (member.hub === undefined) {
    state.furniture.set(member.key, member);
    return;
  }
  const siblings = state.byHub.get(member.hub);
  if (siblings) siblings.push(member);
  else state.byHub.set(member.hub, [member]);
};

const drop = (state: FilterState, member: Member): void => {
  state.members.delete(member.key);
  state.furniture.delete(member.key);
  if (member.hub === undefined) return;
  const rest = (state.byHub.get(member.hub) ?? []).filter((other) => other !== member);
  if (rest.length > 0) state.byHub.set(member.hub, rest);
  else state.byHub.delete(member.hub);
};

/** Members a client was told of before the program started anew, by key, with the serial at which it was told. */
const remembered = (
  scope: Scope,
  id: string,
): { told: Map<string, number>; left: Map<string, number>; rows: number } => {
  const told = new Map<string, number>();
  const left = new Map<string, number>();
  const rows = scope.context.locals.list(deltaPrefix(id));
  for (const { value } of rows) {
    const delta = value as Delta;
    for (const key of delta.in) {
      told.set(key, delta.serial);
      left.delete(key);
    }
    for (const key of delta.out) {
      told.delete(key);
      left.set(key, delta.serial);
    }
  }
  return { told, left, rows: rows.length };
};

/** The state of a filter; made anew from the locals when memory has lost it. `serial` is what the client's token says it has seen. */
export const filterState = (scope: Scope, record: FilterRecord, serial: number): FilterState => {
  const key = stateKey(scope, record.id);
  const { filters } = scope.caches;
  const known = filters.get(key);
  if (known) {
    filters.delete(key);
    filters.set(key, known);
    return known;
  }
  const kept = remembered(scope, record.id);
  const state: FilterState = {
    id: record.id,
    members: new Map(),
    byHub: new Map(),
    furniture: new Map(),
    left: kept.left,
    selectedAt: '',
    readsText: false,
    loose: traverses(record),
    volatileAtMs: scope.context.now(),
    deltas: kept.rows,
  };
  pendingMemory.set(state, { told: kept.told, serial, persisted: kept.rows > 0 });
  if (filters.size >= MAX_STATES)
    for (const oldest of filters.keys()) {
      filters.delete(oldest);
      break;
    }
  filters.set(key, state);
  return state;
};

/** What was remembered, until the first selection takes it over. */
const pendingMemory = new WeakMap<FilterState, { told: Map<string, number>; serial: number; persisted: boolean }>();

export const forgetFilter = (scope: Scope, id: string): void => {
  scope.caches.filters.delete(stateKey(scope, id));
  for (const { key } of scope.context.locals.list(deltaPrefix(id))) scope.context.locals.delete(key);
};

/** What the selection depends on, as a text to compare. */
const selectionStamp = (scope: Scope, state: FilterState): string => {
  const structure = structureVersion(scope);
  return state.loose ? `${structure} ${scope.caches.viewRevision}` : String(structure);
};

export const selectionIsStale = (scope: Scope, state: FilterState): boolean =>
  state.selectedAt !== selectionStamp(scope, state);

/** Selects again and takes note of who came and went. A root that has gone is a member that left, not a fault. */
export function* refreshMembers(scope: Scope, state: FilterState, record: FilterRecord): Brokered<void> {
  const stamp = selectionStamp(scope, state);
  const present = (record.spec.objectSet ?? []).filter(({ obj }) => exists(scope, obj));
  const selection = yield* select(scope, { ...record.spec, objectSet: present });
  if (!selection.ok) return;
  const { objects, reading } = selection.value;
  state.selectedAt = stamp;
  state.readsText = reading.text;
  const memory = pendingMemory.get(state);
  pendingMemory.delete(state);
  const now = new Set<string>();
  for (const selected of objects) {
    now.add(selected.key);
    if (state.members.has(selected.key)) continue;
    const member = makeMember(selected);
    const told =
      memory?.told.get(selected.key) ??
      (memory && !memory.persisted && memory.serial > 0 && !state.loose ? memory.serial : undefined);
    if (told !== undefined) member.entered = told;
    add(state, member);
    state.left.delete(selected.key);
  }
  for (const member of state.members.values()) {
    if (now.has(member.key)) continue;
    drop(state, member);
    // Never told of: nothing to take back.
    if (member.entered !== Number.POSITIVE_INFINITY) state.left.set(member.key, Number.POSITIVE_INFINITY);
  }
  for (const key of memory?.told.keys() ?? []) if (!now.has(key)) state.left.set(key, Number.POSITIVE_INFINITY);
}

/** Keeps what an answer told, so that a version from before a restart can go on. Filters without traversal need no memory. */
export const rememberDelta = (
  scope: Scope,
  state: FilterState,
  serial: number,
  entered: readonly string[],
  gone: readonly string[],
): void => {
  if (!state.loose || (entered.length === 0 && gone.length === 0)) return;
  const { locals } = scope.context;
  if (state.deltas >= MAX_DELTAS) {
    for (const { key } of locals.list(deltaPrefix(state.id))) locals.delete(key);
    const told = [...state.members.values()]
      .filter((member) => member.entered !== Number.POSITIVE_INFINITY)
      .map(({ key }) => key);
    locals.put(deltaKey(state.id, serial), {
      serial,
      in: told,
      out: [...state.left.keys()].slice(-1000),
    } satisfies Delta);
    state.deltas = 1;
    return;
  }
  locals.put(deltaKey(state.id, serial), { serial, in: entered, out: gone } satisfies Delta);
  state.deltas++;
};
