/** References from one object to another in; for each object who refers to it, by the field that shows it, out: the "many" ends of relations. */
import { CLASSES_WITH_OBJECTS } from '../commands.ts';
import { classOf, relations } from '../types.ts';
import { type Item, isNull, placesOf } from './item.ts';

export interface Relation {
  readonly fromClass: string;
  readonly fromPlace: number;
  readonly toClass: string;
  readonly toField: string;
  readonly toPlace: number;
}

/** Those of the data model whose one end is a reference and whose other end is a set. */
const RELATIONS: readonly Relation[] = relations.flatMap(({ from, to }) => {
  const one = classOf(from.class)?.field(from.field);
  const many = classOf(to.class)?.field(to.field);
  const fromPlace = placesOf(from.class).get(from.field);
  const toPlace = placesOf(to.class).get(to.field);
  const served = CLASSES_WITH_OBJECTS.has(from.class) && CLASSES_WITH_OBJECTS.has(to.class);
  if (!served || one?.type.kind !== 'ref' || many?.type.kind !== 'set') return [];
  if (fromPlace === undefined || toPlace === undefined) return [];
  return [{ fromClass: from.class, fromPlace, toClass: to.class, toField: to.field, toPlace }];
});

const group = (key: (relation: Relation) => string): ReadonlyMap<string, readonly Relation[]> => {
  const groups = new Map<string, Relation[]>();
  for (const relation of RELATIONS) {
    const name = key(relation);
    groups.set(name, [...(groups.get(name) ?? []), relation]);
  }
  return groups;
};
const fromClass = group((relation) => relation.fromClass);
const toClass = group((relation) => relation.toClass);
const NONE: readonly Relation[] = [];

const relationsFrom = (cls: string): readonly Relation[] => fromClass.get(cls) ?? NONE;
export const relationsTo = (cls: string): readonly Relation[] => toClass.get(cls) ?? NONE;

const NOBODY: ReadonlySet<string> = new Set();

export class Ends {
  readonly #targets = new Map<string, readonly string[]>();
  readonly #sources = new Map<string, Map<Relation, Set<string>>>();

  /** The references of an object as they are now; returns those that it came to and those that it left. */
  put(item: Item, field: (place: number) => string): readonly string[] {
    const of = relationsFrom(item.cls);
    if (of.length === 0) return [];
    const before = this.#targets.get(item.ref);
    const after = of.map(({ fromPlace }) => field(fromPlace));
    if (before?.every((ref, at) => ref === after[at]) === true) return [];
    this.#targets.set(item.ref, after);
    return this.#move(item.ref, of, before, after);
  }

  drop(item: Item): readonly string[] {
    const before = this.#targets.get(item.ref);
    this.#targets.delete(item.ref);
    return before === undefined ? [] : this.#move(item.ref, relationsFrom(item.cls), before, undefined);
  }

  #move(
    ref: string,
    of: readonly Relation[],
    before: readonly string[] | undefined,
    after: readonly string[] | undefined,
  ): readonly string[] {
    const touched: string[] = [];
    for (const [at, relation] of of.entries()) {
      const old = before?.[at] ?? '';
      const now = after?.[at] ?? '';
      if (old === now) continue;
      if (!isNull(old)) {
        this.#part(old, relation, ref);
        touched.push(old);
      }
      if (!isNull(now)) {
        const byRelation = this.#sources.get(now) ?? new Map<Relation, Set<string>>();
        const refs = byRelation.get(relation) ?? new Set<string>();
        refs.add(ref);
        byRelation.set(relation, refs);
        this.#sources.set(now, byRelation);
        touched.push(now);
      }
    }
    return touched;
  }

  #part(target: string, relation: Relation, ref: string): void {
    const byRelation = this.#sources.get(target);
    const refs = byRelation?.get(relation);
    refs?.delete(ref);
    if (refs?.size === 0) byRelation?.delete(relation);
    if (byRelation?.size === 0) this.#sources.delete(target);
  }

  /** The objects that an object refers to. */
  targets(ref: string): readonly string[] {
    return this.#targets.get(ref) ?? [];
  }

  sources(ref: string, relation: Relation): ReadonlySet<string> {
    return this.#sources.get(ref)?.get(relation) ?? NOBODY;
  }

  /** By the name of the field that shows them. */
  shown(cls: string, ref: string, field: string): ReadonlySet<string> {
    const relation = relationsTo(cls).find(({ toField }) => toField === field);
    return relation === undefined ? NOBODY : this.sources(ref, relation);
  }
}
