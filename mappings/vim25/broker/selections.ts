/** Filter specs in; large selections out, kept for as long as nothing that they depend on changes. */
import type { Outcome } from '../../generic/faults.ts';
import type { Brokered } from '../../generic/platform.ts';
import { exists } from './registry.ts';
import { type Scope, structureVersion } from './scope.ts';
import { type FilterSpec, type Selection, select } from './select.ts';

/** A selection and what it was made at: the shape of the inventory, and the members of views. */
interface Kept {
  readonly structure: number;
  readonly views: number;
  readonly selection: Selection;
}

/** Small ones are quick to make. */
const LEAST = 64;
const MOST_OBJECTS = 100_000;
const MOST_ROOTS = 4;

export interface Selections {
  readonly kept: Map<string, Kept>;
  objects: number;
}

export const makeSelections = (): Selections => ({ kept: new Map(), objects: 0 });

const drop = (selections: Selections, key: string): void => {
  selections.objects -= selections.kept.get(key)?.selection.objects.length ?? 0;
  selections.kept.delete(key);
};

const keep = (selections: Selections, key: string, kept: Kept): void => {
  drop(selections, key);
  selections.kept.set(key, kept);
  selections.objects += kept.selection.objects.length;
  for (const oldest of selections.kept.keys()) {
    if (selections.objects <= MOST_OBJECTS) break;
    drop(selections, oldest);
  }
};

/** The properties asked for do not matter, only their types do. Views are their session's own. */
const keyOf = ({ context }: Scope, { objectSet, propSet }: FilterSpec): string =>
  JSON.stringify([context.session.id, objectSet, propSet?.map(({ type }) => type)]);

/** As `select`, for reads that come again. */
export function* selectOnce(scope: Scope, spec: FilterSpec): Brokered<Outcome<Selection>> {
  const roots = spec.objectSet ?? [];
  const { selections, viewRevision } = scope.caches;
  const key = roots.length <= MOST_ROOTS ? keyOf(scope, spec) : undefined;
  const version = structureVersion(scope);
  const known = key === undefined ? undefined : selections.kept.get(key);
  if (key !== undefined && known !== undefined) {
    const holds = known.structure === version && known.views === viewRevision;
    if (holds && roots.every(({ obj }) => exists(scope, obj))) return { ok: true, value: known.selection };
    drop(selections, key);
  }
  const selected = yield* select(scope, spec);
  if (key === undefined || !selected.ok) return selected;
  const { objects, missing, reading } = selected.value;
  if (objects.length >= LEAST && missing.length === 0 && !reading.text && !reading.loose)
    keep(selections, key, { structure: version, views: viewRevision, selection: selected.value });
  return selected;
}
