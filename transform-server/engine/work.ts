/** What crosses from the main thread to the pipeline and back: work on one object in, texts and their index out. All structured-cloneable. */
import type { HubId } from '../../mappings/generic/ids.ts';
import type { DocumentKind, Documents } from '../../mappings/generic/model.ts';
import type { NativeObject } from '../../mappings/generic/native.ts';
import type { FrontInstance, Joins } from '../../mappings/generic/platform.ts';
import type { MemberText } from '../store/store.ts';

/** Joins with the function resolved to its table. */
export interface JoinsTable extends Omit<Joins, 'owned'> {
  readonly owned: readonly (readonly [kind: 'disk' | 'nic' | 'snapshot', match: string, id: HubId])[];
}

export interface Change {
  readonly kind: DocumentKind;
  readonly native?: NativeObject;
  readonly before?: Documents[DocumentKind];
  readonly after: Documents[DocumentKind];
}

export type Work =
  /** The generic text of a native object. */
  | { readonly work: 'generic'; readonly platform: string; readonly native: NativeObject }
  /** The rendered bundle for a front; from the native object when the generic document is not there yet. */
  | {
      readonly work: 'render';
      readonly platform: string;
      readonly front: FrontInstance;
      readonly joins: JoinsTable;
      readonly source:
        | { readonly native: NativeObject }
        | { readonly kind: DocumentKind; readonly generic: Documents[DocumentKind] };
    }
  /** A native document changed by a generic one. */
  | { readonly work: 'change'; readonly platform: string; readonly change: Change };

export type WorkDone =
  | { readonly ok: true; readonly generic?: string; readonly members?: readonly MemberText[]; readonly output?: string }
  | { readonly ok: false; readonly error: string };

/** A batch's answers for postMessage: the paths and types of a shape are sent once, all spans lie in one buffer. */
export interface PackedBatch {
  readonly shapes: readonly { readonly paths: readonly string[]; readonly types: readonly string[] }[];
  readonly spans: Int32Array;
  readonly done: readonly PackedDone[];
}

type PackedMember = readonly [
  type: string,
  id: string,
  text: string,
  shape: number,
  spansAt: number,
  spansLength: number,
];
type PackedDone =
  | {
      readonly ok: true;
      readonly generic?: string;
      readonly members?: readonly PackedMember[];
      readonly output?: string;
    }
  | { readonly ok: false; readonly error: string };

export const packBatch = (batch: readonly WorkDone[]): PackedBatch => {
  const shapes: { paths: readonly string[]; types: readonly string[] }[] = [];
  const shapeOf = new Map<string, number>();
  let total = 0;
  for (const one of batch) if (one.ok) for (const member of one.members ?? []) total += member.spans.length;
  const spans = new Int32Array(total);
  let at = 0;
  const done = batch.map((one): PackedDone => {
    if (!one.ok || !one.members) return one as PackedDone;
    const members = one.members.map((member): PackedMember => {
      const key = `${member.paths.join(' ')}\n${member.types.join(' ')}`;
      let shape = shapeOf.get(key);
      if (shape === undefined) {
        shape = shapes.push({ paths: member.paths, types: member.types }) - 1;
        shapeOf.set(key, shape);
      }
      spans.set(member.spans, at);
      at += member.spans.length;
      return [member.type, member.id, member.text, shape, at - member.spans.length, member.spans.length];
    });
    return { ...one, members };
  });
  return { shapes, spans, done };
};

export const unpackBatch = (packed: PackedBatch): WorkDone[] =>
  packed.done.map((one): WorkDone => {
    if (!one.ok || !one.members) return one as WorkDone;
    const members = one.members.map(([type, id, text, shape, from, length]): MemberText => {
      const { paths, types } = packed.shapes[shape] ?? { paths: [], types: [] };
      return { type, id, text, paths, types, spans: packed.spans.subarray(from, from + length) };
    });
    return { ...one, members };
  });

export const joinsTable = (
  joins: Joins,
  matches: readonly { readonly kind: 'disk' | 'nic' | 'snapshot'; readonly match: string }[],
): JoinsTable => ({
  id: joins.id,
  host: joins.host,
  storages: joins.storages,
  networks: joins.networks,
  volumes: joins.volumes,
  owned: matches.flatMap(({ kind, match }) => {
    const id = joins.owned(kind, match);
    return id === undefined ? [] : [[kind, match, id] as const];
  }),
});

export const joinsOf = (table: JoinsTable): Joins => {
  const owned = new Map(table.owned.map(([kind, match, id]) => [`${kind} ${match}`, id]));
  return { ...table, owned: (kind, match) => owned.get(`${kind} ${match}`) };
};
