/** Rendered bundles of one front: member texts with their path spans come in, members with a version per path are kept. */
import type { HubId } from '../../mappings/generic/ids.ts';
import type { PathIndex, RenderedMember } from '../../mappings/generic/store-view.ts';
import type { MemberText } from './store.ts';

interface Shape {
  readonly paths: readonly string[];
  readonly ordinals: ReadonlyMap<string, number>;
  /** Most documents are rendered once, many at one version: these share one array, which is never written. */
  uniform: { version: number; changed: Float64Array } | undefined;
}

interface Bundle {
  source: number;
  readonly members: readonly RenderedMember[];
}

/** Documents of one shape share their path names; a shape that no longer occurs costs little, but not without end. */
const SHAPES = 20_000;

export interface Rendered {
  get(id: HubId, source: number): readonly RenderedMember[] | undefined;
  put(id: HubId, source: number, members: readonly MemberText[]): void;
  delete(id: HubId): void;
  clear(): void;
  readonly size: number;
}

/** A text of its own: a slice would keep the whole sheet output alive. */
const owned = (text: string): string => Buffer.from(text, 'utf8').toString('utf8');

export const createRendered = (): Rendered => {
  const bundles = new Map<HubId, Bundle>();
  const shapes = new Map<string, Shape>();
  const typeLists = new Map<string, readonly string[]>();

  const shape = (paths: readonly string[]): Shape => {
    const key = paths.join('\n');
    const known = shapes.get(key);
    if (known !== undefined) return known;
    if (shapes.size >= SHAPES) shapes.clear();
    const kept = [...paths];
    const made: Shape = { paths: kept, ordinals: new Map(kept.map((path, at) => [path, at])), uniform: undefined };
    shapes.set(key, made);
    return made;
  };

  const types = (list: readonly string[]): readonly string[] => {
    const key = list.join('\n');
    const known = typeLists.get(key);
    if (known !== undefined) return known;
    if (typeLists.size >= SHAPES) typeLists.clear();
    const kept = [...list];
    typeLists.set(key, kept);
    return kept;
  };

  const uniform = (of: Shape, version: number): Float64Array => {
    if (of.uniform?.version !== version)
      of.uniform = { version, changed: new Float64Array(of.paths.length).fill(version) };
    return of.uniform.changed;
  };

  const same = (
    a: string,
    aSpans: ArrayLike<number>,
    aAt: number,
    b: string,
    bSpans: ArrayLike<number>,
    bAt: number,
  ): boolean => {
    const aStart = aSpans[aAt * 4] ?? 0;
    const aEnd = aSpans[aAt * 4 + 1] ?? 0;
    const bStart = bSpans[bAt * 4] ?? 0;
    const bEnd = bSpans[bAt * 4 + 1] ?? 0;
    return aEnd - aStart === bEnd - bStart && a.slice(aStart, aEnd) === b.slice(bStart, bEnd);
  };

  const member = (text: MemberText, source: number, before: RenderedMember | undefined): RenderedMember => {
    if (before !== undefined && before.text === text.text) return before;
    const of = shape(text.paths);
    const spans = Int32Array.from(text.spans);
    if (spans.length !== of.paths.length * 4)
      throw new Error(`${text.type} ${text.id}: ${spans.length} span numbers for ${of.paths.length} paths`);
    let changed: Float64Array;
    if (before === undefined) {
      changed = uniform(of, source);
    } else {
      changed = new Float64Array(of.paths.length);
      const known = before.index;
      const aligned = known.paths === of.paths;
      for (let at = 0; at < of.paths.length; at++) {
        const was = aligned ? at : known.ordinals.get(of.paths[at] ?? '');
        const kept = was !== undefined && same(text.text, spans, at, before.text, known.spans, was);
        changed[at] = kept ? (known.changed[was] ?? source) : source;
      }
    }
    const index: PathIndex = { paths: of.paths, ordinals: of.ordinals, spans, types: types(text.types), changed };
    return { type: text.type, id: text.id, text: owned(text.text), index };
  };

  return {
    get: (id, source) => {
      const bundle = bundles.get(id);
      return bundle?.source === source ? bundle.members : undefined;
    },
    put: (id, source, members) => {
      const before = bundles.get(id)?.members ?? [];
      bundles.set(id, {
        source,
        members: members.map((one) =>
          member(
            one,
            source,
            before.find((old) => old.type === one.type && old.id === one.id),
          ),
        ),
      });
    },
    delete: (id) => bundles.delete(id),
    clear: () => bundles.clear(),
    get size() {
      return bundles.size;
    },
  };
};
