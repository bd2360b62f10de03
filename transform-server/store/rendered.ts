/** Rendered bundles of one front: packed members come in and are kept with a version per path; readers get them with text and spans made. */
import type { HubId } from '../../mappings/generic/ids.ts';
import type { RenderedMember } from '../../mappings/generic/store-view.ts';
import { createGoneMembers, type GoneMembers } from './gone-members.ts';
import { KeptMember, KnownTemplate, type Shape } from './kept-member.ts';
import { indexOfTemplate, isPacked, type Packed, PackedMember, type TemplateIndex } from './packed-member.ts';
import { plainText } from './packed-text.ts';
import type { MemberText } from './store.ts';

interface Bundle {
  source: number;
  readonly members: readonly KeptMember[];
}

/** Documents of one shape share their path names; a shape that no longer occurs costs little, but not without end. */
const SHAPES = 20_000;

export interface Rendered {
  get(id: HubId, source: number): readonly RenderedMember[] | undefined;
  has(id: HubId, source: number): boolean;
  /** Rendered once, for another source than this. */
  isOld(id: HubId, source: number): boolean;
  put(id: HubId, source: number, members: readonly MemberText[]): void;
  /** `version`: at which the object ended. */
  delete(id: HubId, version: number): void;
  readonly gone: GoneMembers;
  readonly size: number;
}

/** `from`: the version of the store at which the front was added. */
export const createRendered = (from: number): Rendered => {
  const gone = createGoneMembers(from);
  const bundles = new Map<HubId, Bundle>();
  const shapes = new Map<string, Shape>();
  const typeLists = new Map<string, readonly string[]>();
  const templates = new WeakMap<TemplateIndex, KnownTemplate>();

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

  const knownOf = ({ packed: { template }, index }: Packed): KnownTemplate => {
    let known = templates.get(index);
    if (known === undefined) {
      known = new KnownTemplate(template, index, shape(index.paths), types(index.types));
      templates.set(index, known);
    }
    return known;
  };

  const packed = (text: MemberText): Packed => {
    if (isPacked(text)) return text;
    const plain = plainText(text.text);
    return new PackedMember(text.type, text.id, plain, indexOfTemplate(plain, text));
  };

  /** The versions of the paths of a text that differs from the one before. */
  const changedSince = (before: KeptMember, after: KeptMember, source: number): Float64Array => {
    const [old, now] = [before.text, after.text];
    const [oldSpans, nowSpans] = [before.spans, after.spans];
    const outer = (text: string, spans: readonly number[], at: number): string =>
      text.slice(spans[at * 4], spans[at * 4 + 1]);
    const aligned = before.paths === after.paths;
    return Float64Array.from(after.paths, (path, at) => {
      const was = aligned ? at : before.ordinals.get(path);
      const same = was !== undefined && outer(now, nowSpans, at) === outer(old, oldSpans, was);
      return same ? (before.changed[was] ?? source) : source;
    });
  };

  const kept = (text: MemberText, source: number, before: KeptMember | undefined): KeptMember => {
    const member = packed(text);
    const { type, id } = member;
    const { values } = member.packed;
    if (before?.holds(member.packed) === true) return before;
    const known = knownOf(member);
    const made = new KeptMember(
      type,
      id,
      known,
      values,
      uniform(known.shape, source),
      before === undefined ? source : before.created,
    );
    if (before === undefined) return made;
    if (before.text === made.text) return before;
    return new KeptMember(type, id, known, values, changedSince(before, made, source), before.created);
  };

  return {
    get: (id, source) => {
      const bundle = bundles.get(id);
      return bundle?.source === source ? bundle.members : undefined;
    },
    has: (id, source) => bundles.get(id)?.source === source,
    isOld: (id, source) => {
      const bundle = bundles.get(id);
      return bundle !== undefined && bundle.source !== source;
    },
    put: (id, source, members) => {
      const before = bundles.get(id)?.members ?? [];
      for (const member of before) {
        if (members.some((one) => one.type === member.type && one.id === member.id)) continue;
        gone.add({ owner: id, type: member.type, id: member.id, version: source });
      }
      bundles.set(id, {
        source,
        members: members.map((one) =>
          kept(
            one,
            source,
            before.find((member) => member.type === one.type && member.id === one.id),
          ),
        ),
      });
    },
    delete: (id, version) => {
      for (const member of bundles.get(id)?.members ?? [])
        gone.add({ owner: id, type: member.type, id: member.id, version });
      bundles.delete(id);
    },
    gone,
    get size() {
      return bundles.size;
    },
  };
};
