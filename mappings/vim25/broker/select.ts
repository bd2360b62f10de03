/** A PropertyFilterSpec in; the objects it selects, each once, with the paths of each type folded, out. */
import { type Fault, fault, type Outcome } from '../../generic/faults.ts';
import type { HubId } from '../../generic/ids.ts';
import type { Brokered } from '../../generic/platform.ts';
import { refKey } from '../ids.ts';
import { isSubtype, managedObject, members } from '../types.ts';
import type { MoRef } from '../values.ts';
import { versionIndex } from '../versions.ts';
import { bundleOf, exists, type Reading, references } from './registry.ts';
import type { Scope } from './scope.ts';

/** As decode.ts gives them; JSON-safe. */
export interface SelectionSpec {
  readonly _type?: string;
  readonly name?: string;
  readonly type?: string;
  readonly path?: string;
  readonly skip?: boolean;
  readonly selectSet?: readonly SelectionSpec[];
}
export interface PropertySpec {
  readonly type: string;
  readonly all?: boolean;
  readonly pathSet?: readonly string[];
}
export interface ObjectSpec {
  readonly obj: MoRef;
  readonly skip?: boolean;
  readonly selectSet?: readonly SelectionSpec[];
}
export interface FilterSpec {
  readonly propSet?: readonly PropertySpec[];
  readonly objectSet?: readonly ObjectSpec[];
  readonly reportMissingObjectsInResults?: boolean;
}

export interface Selected {
  readonly ref: MoRef;
  readonly key: string;
  readonly hub: HubId | undefined;
  /** Its element in an answer, once one was made. */
  text: string | undefined;
}

export interface Selection {
  readonly objects: readonly Selected[];
  readonly missing: readonly MoRef[];
  readonly reading: Reading;
}

const MAX_SPECS = 1000;
const MAX_OBJECTS = 200_000;

export const invalidArgument = (property: string): Fault =>
  fault('invalid-argument', { property }, `A specified parameter was not correct: ${property}`);
export const objectNotFound = (ref: { readonly type: string; readonly value: string }): Fault =>
  fault('object-not-found', { type: ref.type, id: ref.value }, '');

const refusedWith = (reason: Fault): Outcome<never> => ({ ok: false, fault: reason });

/** What is wrong with a spec before anything is looked at. */
export const checkSpec = (spec: FilterSpec): Fault | undefined => {
  if (!spec.propSet?.length) return invalidArgument('propSet');
  if (!spec.objectSet?.length) return invalidArgument('objectSet');
  for (const { type } of spec.propSet) if (!managedObject(type)) return invalidArgument('propSet.type');
  const names = new Set<string>();
  const used = new Set<string>();
  let count = 0;
  const walk = (specs: readonly SelectionSpec[], depth: number): Fault | undefined => {
    for (const each of specs) {
      if (++count > MAX_SPECS || depth > 32) return invalidArgument('selectSet');
      if (each.type === undefined) {
        if (each.name === undefined) return invalidArgument('selectSet.name');
        used.add(each.name);
        continue;
      }
      if (!managedObject(each.type)) return invalidArgument('selectSet.type');
      if (each.name !== undefined && each.name !== '') names.add(each.name);
      const wrong = walk(each.selectSet ?? [], depth + 1);
      if (wrong) return wrong;
    }
    return undefined;
  };
  for (const { selectSet } of spec.objectSet) {
    const wrong = walk(selectSet ?? [], 0);
    if (wrong) return wrong;
  }
  for (const name of used) if (!names.has(name)) return invalidArgument('selectSet.name');
  return undefined;
};

interface Traversal {
  readonly id: number;
  readonly type: string;
  readonly path: string;
  readonly skip: boolean;
  /** Filled when all are known: names may point anywhere. */
  next: readonly Traversal[];
}

/** SelectionSpecs resolved to the traversals they name. */
const compile = (specs: readonly ObjectSpec[]): Traversal[][] => {
  const named = new Map<string, Traversal>();
  const all: { traversal: Traversal; below: readonly SelectionSpec[] }[] = [];
  const made = new Map<SelectionSpec, Traversal>();
  const collect = (list: readonly SelectionSpec[]): void => {
    for (const spec of list) {
      if (spec.type === undefined) continue;
      const traversal: Traversal = {
        id: all.length,
        type: spec.type,
        path: spec.path ?? '',
        skip: spec.skip === true,
        next: [],
      };
      made.set(spec, traversal);
      all.push({ traversal, below: spec.selectSet ?? [] });
      if (spec.name !== undefined && spec.name !== '') named.set(spec.name, traversal);
      collect(spec.selectSet ?? []);
    }
  };
  for (const { selectSet } of specs) collect(selectSet ?? []);
  const resolve = (list: readonly SelectionSpec[]): Traversal[] =>
    list.map((spec) => made.get(spec) ?? named.get(spec.name ?? '')).filter((traversal) => traversal !== undefined);
  for (const { traversal, below } of all) traversal.next = resolve(below);
  return specs.map(({ selectSet }) => resolve(selectSet ?? []));
};

/** Which traversals apply to a type: asked for every object, so remembered. */
const matcher = (): ((traversal: Traversal, type: string) => boolean) => {
  const known = new Map<string, boolean>();
  return ({ id, type: base }, type) => {
    const key = `${id} ${type}`;
    let answer = known.get(key);
    if (answer === undefined) {
      answer = isSubtype(type, base);
      known.set(key, answer);
    }
    return answer;
  };
};

/** Whether an object comes and goes only with the shape of the inventory. */
const isSteady = (type: string, hub: HubId | undefined): boolean =>
  hub === undefined ? type === 'Folder' || type === 'Datacenter' : type !== 'VirtualMachineSnapshot';

export function* select(scope: Scope, spec: FilterSpec): Brokered<Outcome<Selection>> {
  const objectSet = spec.objectSet ?? [];
  const starts = compile(objectSet);
  const applies = matcher();
  const wanted = new Map<string, boolean>();
  const isWanted = (type: string): boolean => {
    let answer = wanted.get(type);
    if (answer === undefined) {
      answer = (spec.propSet ?? []).some((set) => isSubtype(type, set.type));
      wanted.set(type, answer);
    }
    return answer;
  };
  const chosen = new Map<string, Selected>();
  const travelled = new Set<string>();
  const missing: MoRef[] = [];
  const reading: Reading = { text: false, loose: false };
  const choose = (ref: MoRef): void => {
    if (!isWanted(ref.type)) return;
    const key = refKey(ref);
    if (chosen.has(key)) return;
    const id = bundleOf(scope, ref);
    // The store's own string, if it has the object: found again by identity.
    const hub = id === undefined ? undefined : (scope.context.store.entry(id)?.id ?? id);
    if (!isSteady(ref.type, hub)) reading.loose = true;
    chosen.set(key, { ref, key, hub, text: undefined });
  };
  for (const [at, { obj, skip }] of objectSet.entries()) {
    if (!exists(scope, obj)) {
      if (spec.reportMissingObjectsInResults !== true) return refusedWith(objectNotFound(obj));
      missing.push(obj);
      continue;
    }
    if (skip !== true) choose(obj);
    const stack: [MoRef, readonly Traversal[]][] = [[obj, starts[at] ?? []]];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const [from, traversals] = top;
      const below: [MoRef, readonly Traversal[]][] = [];
      for (const traversal of traversals) {
        if (!applies(traversal, from.type)) continue;
        const visit = `${traversal.id} ${from.type}:${from.value}`;
        if (travelled.has(visit)) continue;
        travelled.add(visit);
        for (const target of yield* references(scope, from, traversal.path, reading)) {
          // A list view keeps what has gone since.
          if (!traversal.skip && (target.type !== 'Task' || exists(scope, target))) choose(target);
          if (traversal.next.length > 0) below.push([target, traversal.next]);
        }
      }
      if (chosen.size > MAX_OBJECTS) return refusedWith(fault('too-many', { limit: MAX_OBJECTS }, ''));
      while (below.length > 0) stack.push(below.pop() as [MoRef, readonly Traversal[]]);
    }
  }
  return { ok: true, value: { objects: [...chosen.values()], missing, reading } };
}

/** Paths asked of a type: every spec that matches it folded into one list. */
export const pathsFor = (spec: FilterSpec, type: string, version: string): readonly string[] => {
  const paths = new Set<string>();
  const newest = versionIndex(version);
  for (const { type: base, all, pathSet } of spec.propSet ?? []) {
    if (!isSubtype(type, base)) continue;
    if (all === true) for (const { name, since } of members(type)) if (since <= newest) paths.add(name);
    for (const path of pathSet ?? []) if (path !== '') paths.add(path);
  }
  return [...paths];
};
