/**
 * One object in; out, for each field of its generic document, which values of the host's document it comes from and which of each front's
 * it becomes. Nobody declares that: one value at a time is exchanged for another, and what comes out different tells.
 */
import { parseDocument } from '../../mappings/generic/documents.ts';
import type { HubId } from '../../mappings/generic/ids.ts';
import type { DocumentKind, Documents } from '../../mappings/generic/model.ts';
import type { NativeObject } from '../../mappings/generic/native.ts';
import type { FrontInstance } from '../../mappings/generic/platform.ts';
import type { Renderer } from '../engine/renderer.ts';
import { type Leaf, leavesOf } from './leaves.ts';
import { otherNative, otherValue } from './other-value.ts';

export interface PlaceOf {
  readonly path: string;
  readonly value: string;
}

export interface FieldLife {
  readonly field: string;
  readonly value: string;
  /** Of the host's document. */
  readonly native: readonly PlaceOf[];
  /** By front; none: the front does not show the field. */
  readonly fronts: Readonly<Record<string, readonly PlaceOf[]>>;
}

export interface Comparison {
  readonly fields: readonly FieldLife[];
  /** Values of the host's document that the generic one does not depend on: they stay with the host as they are. */
  readonly unread: readonly PlaceOf[];
  /** There are more values than were tried. */
  readonly cut: boolean;
}

type Scalar = string | number | boolean;
interface Field {
  readonly path: string;
  readonly value: Scalar;
}

const FIELDS = 150;
const NATIVE_VALUES = 300;
const LEAVES = 5000;
const PLACES = 12;
const VALUE = 300;
/** Names of other objects, which are not for exchanging: they are shown as relations. */
const REFERENCES = /(?:^|\.)(?:id|storage|volume|network)$/;

const fieldsOf = (value: unknown, path = ''): Field[] => {
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object') return REFERENCES.test(path) ? [] : [{ path, value: value as Scalar }];
  return Object.entries(value).flatMap(([key, one]) =>
    fieldsOf(one, Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`),
  );
};

const withValue = <T extends object>(document: T, path: string, value: Scalar): T => {
  const copy = structuredClone(document);
  const steps = path.split(/[.[\]]+/).filter((step) => step !== '');
  const last = steps.pop() ?? '';
  let at = copy as Record<string, unknown>;
  for (const step of steps) at = at[step] as Record<string, unknown>;
  at[last] = value;
  return copy;
};

const placeOf = ({ path, text }: Pick<Leaf, 'path' | 'text'>): PlaceOf => ({ path, value: text.slice(0, VALUE) });

/** Those of `before` that are not in `after`, or are something else there. */
const differing = (before: readonly Leaf[], after: readonly Leaf[]): readonly PlaceOf[] => {
  const now = new Map(after.map(({ path, text }) => [path, text]));
  const was = new Set(before.map(({ path }) => path));
  const gone = before.filter(({ path, text }) => now.get(path) !== text).map(placeOf);
  // What the value keeps away is told by its place alone.
  const come = after.filter(({ path }) => !was.has(path)).map(({ path }) => ({ path, value: '' }));
  return [...gone, ...come];
};

/** Values that move with whatever changes (a change version, a digest) say nothing of any one field. */
const withoutDigests = (
  found: readonly (readonly [string, readonly PlaceOf[]])[],
): readonly (readonly [string, readonly PlaceOf[]])[] => {
  const often = new Map<string, number>();
  for (const [, places] of found) for (const { path } of places) often.set(path, (often.get(path) ?? 0) + 1);
  const most = Math.max(8, found.length / 3);
  return found.map(([field, places]) => [
    field,
    places.filter(({ path }) => path === '' || (often.get(path) ?? 0) <= most).slice(0, PLACES),
  ]);
};

/** What of each front's document depends on each field. */
const becomes = async (
  renderer: Renderer,
  id: HubId,
  generic: Documents[DocumentKind],
  fields: readonly Field[],
  front: FrontInstance,
): Promise<ReadonlyMap<string, readonly PlaceOf[]> | undefined> => {
  const text = await renderer.tried(id, { front, generic });
  if (text === undefined) return undefined;
  const leaves = leavesOf(text, LEAVES);
  const found = await Promise.all(
    fields.map(async ({ path, value }): Promise<[string, readonly PlaceOf[]]> => {
      const other = await renderer.tried(id, { front, generic: withValue(generic, path, otherValue(path, value)) });
      // A sheet that refuses another value looks at it, wherever it goes.
      return [path, other === undefined ? [{ path: '', value: '' }] : differing(leaves, leavesOf(other, LEAVES))];
    }),
  );
  return new Map(withoutDigests(found));
};

/** What of the generic document depends on each value of the host's. */
const comesFrom = async (
  renderer: Renderer,
  id: HubId,
  native: NativeObject,
  tried: readonly { readonly part: string; readonly leaf: Leaf }[],
): Promise<readonly (readonly string[])[]> => {
  const genericOf = async (object: NativeObject): Promise<Map<string, Scalar> | undefined> => {
    const text = await renderer.tried(id, { native: object });
    if (text === undefined) return undefined;
    return new Map(fieldsOf(parseDocument(native.kind, text)).map(({ path, value }) => [path, value]));
  };
  const before = await genericOf(native);
  if (before === undefined) return tried.map(() => []);
  return Promise.all(
    tried.map(async ({ part, leaf }) => {
      const text = native.parts[part] ?? '';
      const changed = text.slice(0, leaf.start) + otherNative(leaf.path, leaf.text) + text.slice(leaf.end);
      const after = await genericOf({ ...native, parts: { ...native.parts, [part]: changed } }).catch(() => undefined);
      if (after === undefined) return [''];
      return [...before.keys(), ...[...after.keys()].filter((key) => !before.has(key))].filter(
        (key) => before.get(key) !== after.get(key),
      );
    }),
  );
};

export const compare = async (
  renderer: Renderer,
  id: HubId,
  native: NativeObject,
  generic: Documents[DocumentKind],
  fronts: readonly FrontInstance[],
): Promise<Comparison> => {
  const all = fieldsOf(generic);
  const fields = all.slice(0, FIELDS);
  const leaves = Object.entries(native.parts).flatMap(([part, text]) =>
    leavesOf(text, LEAVES).map((leaf) => ({ part, leaf })),
  );
  const tried = leaves.slice(0, NATIVE_VALUES);
  const reached = await comesFrom(renderer, id, native, tried);
  const rendered: [string, ReadonlyMap<string, readonly PlaceOf[]>][] = [];
  for (const front of fronts) {
    const found = await becomes(renderer, id, generic, fields, front);
    if (found !== undefined) rendered.push([front.name, found]);
  }
  return {
    fields: fields.map(({ path, value }) => ({
      field: path,
      value: String(value).slice(0, VALUE),
      native: tried
        .filter((_, at) => reached[at]?.includes(path))
        .slice(0, PLACES)
        .map(({ leaf }) => placeOf(leaf)),
      fronts: Object.fromEntries(rendered.map(([name, found]) => [name, found.get(path) ?? []])),
    })),
    unread: tried.filter((_, at) => reached[at]?.length === 0).map(({ leaf }) => placeOf(leaf)),
    cut: all.length > fields.length || leaves.length > tried.length,
  };
};
