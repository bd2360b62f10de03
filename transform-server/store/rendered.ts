/** Rendered bundles of one front: packed members come in and are kept with a version per path; readers get them with text and spans made. */
import type { HubId } from '../../mappings/generic/ids.ts';
import type { PathIndex, RenderedMember } from '../../mappings/generic/store-view.ts';
import { createGoneMembers, type GoneMembers } from './gone-members.ts';
import { indexOfTemplate, isPacked, type Packed, PackedMember, spansOf, type TemplateIndex } from './packed-member.ts';
import { plainText, textOf, valuesOf } from './packed-text.ts';
import type { MemberText } from './store.ts';

interface Shape {
  readonly paths: readonly string[];
  readonly ordinals: ReadonlyMap<string, number>;
  /** Most documents are rendered once, many at one version: these share one array, which is never written. */
  uniform: { version: number; changed: Float64Array } | undefined;
}

/** What all documents of a template share. */
interface Known {
  readonly shape: Shape;
  readonly types: readonly string[];
}

interface Kept {
  readonly member: Packed;
  readonly known: Known;
  readonly changed: Float64Array;
  readonly created: number;
}

interface Bundle {
  source: number;
  readonly members: readonly Kept[];
}

/** Documents of one shape share their path names; a shape that no longer occurs costs little, but not without end. */
const SHAPES = 20_000;

/** Lives as long as a reader looks at it: what is made here is not kept. */
class View implements RenderedMember, PathIndex {
  readonly #kept: Kept;
  #values: string[] | undefined;
  #text: string | undefined;
  #spans: readonly number[] | undefined;

  constructor(kept: Kept) {
    this.#kept = kept;
  }

  #made(): string[] {
    this.#values ??= valuesOf(this.#kept.member.packed);
    return this.#values;
  }

  get type(): string {
    return this.#kept.member.type;
  }
  get id(): string {
    return this.#kept.member.id;
  }
  get text(): string {
    this.#text ??= textOf(this.#kept.member.packed, this.#made());
    return this.#text;
  }
  get index(): PathIndex {
    return this;
  }
  get paths(): readonly string[] {
    return this.#kept.known.shape.paths;
  }
  get ordinals(): ReadonlyMap<string, number> {
    return this.#kept.known.shape.ordinals;
  }
  get spans(): readonly number[] {
    this.#spans ??= spansOf(this.#kept.member.index, this.#made());
    return this.#spans;
  }
  get types(): readonly string[] {
    return this.#kept.known.types;
  }
  get changed(): Float64Array {
    return this.#kept.changed;
  }
  get created(): number {
    return this.#kept.created;
  }
}

export interface Rendered {
  get(id: HubId, source: number): readonly RenderedMember[] | undefined;
  has(id: HubId, source: number): boolean;
  /** Rendered once, for another source than this. */
  isOld(id: HubId, source: number): boolean;
  put(id: HubId, source: number, members: readonly MemberText[]): void;
  /** `version`: at which the object ended. */
  delete(id: HubId, version: number): void;
  clear(): void;
  readonly gone: GoneMembers;
  readonly size: number;
}

/** `from`: the version of the store at which the front was added. */
export const createRendered = (from: number): Rendered => {
  const gone = createGoneMembers(from);
  const bundles = new Map<HubId, Bundle>();
  const shapes = new Map<string, Shape>();
  const typeLists = new Map<string, readonly string[]>();
  const templates = new WeakMap<TemplateIndex, Known>();

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

  const knownOf = (index: TemplateIndex): Known => {
    let known = templates.get(index);
    if (known === undefined) {
      known = { shape: shape(index.paths), types: types(index.types) };
      templates.set(index, known);
    }
    return known;
  };

  const packed = (text: MemberText): Packed => {
    if (isPacked(text)) return text;
    const plain = plainText(text.text);
    return new PackedMember(text.type, text.id, plain, indexOfTemplate(plain, text));
  };

  const kept = (text: MemberText, source: number, before: Kept | undefined): Kept => {
    const member = packed(text);
    const known = knownOf(member.index);
    if (before === undefined) return { member, known, changed: uniform(known.shape, source), created: source };
    const was = before.member.packed;
    if (was.template === member.packed.template && was.values === member.packed.values) return before;
    const oldView = new View(before);
    const newView = new View({ ...before, member, known });
    if (oldView.text === newView.text) return before;
    const { paths } = known.shape;
    const changed = new Float64Array(paths.length);
    const aligned = oldView.paths === paths;
    for (let at = 0; at < paths.length; at++) {
      const old = aligned ? at : oldView.ordinals.get(paths[at] ?? '');
      const isSame = old !== undefined && same(newView.text, newView.spans, at, oldView.text, oldView.spans, old);
      changed[at] = isSame ? (before.changed[old] ?? source) : source;
    }
    return { member, known, changed, created: before.created };
  };

  return {
    get: (id, source) => {
      const bundle = bundles.get(id);
      return bundle?.source === source ? bundle.members.map((one) => new View(one)) : undefined;
    },
    has: (id, source) => bundles.get(id)?.source === source,
    isOld: (id, source) => {
      const bundle = bundles.get(id);
      return bundle !== undefined && bundle.source !== source;
    },
    put: (id, source, members) => {
      const before = bundles.get(id)?.members ?? [];
      for (const { member } of before) {
        if (members.some((one) => one.type === member.type && one.id === member.id)) continue;
        gone.add({ owner: id, type: member.type, id: member.id, version: source });
      }
      bundles.set(id, {
        source,
        members: members.map((one) =>
          kept(
            one,
            source,
            before.find(({ member }) => member.type === one.type && member.id === one.id),
          ),
        ),
      });
    },
    delete: (id, version) => {
      for (const { member } of bundles.get(id)?.members ?? [])
        gone.add({ owner: id, type: member.type, id: member.id, version });
      bundles.delete(id);
    },
    clear: () => bundles.clear(),
    gone,
    get size() {
      return bundles.size;
    },
  };
};
