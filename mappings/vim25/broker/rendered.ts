/** A member of a rendered bundle in; a managed object whose properties are slices of its text, relations, and constants out. */
import type { HubId } from '../../generic/ids.ts';
import type { RenderedMember } from '../../generic/store-view.ts';
import { CONSTANT_PROPERTIES } from '../render/constants.ts';
import { member as memberOf, wireTypeOf } from '../types.ts';
import type { MoRef } from '../values.ts';
import { fragmentOf, type ManagedObject, type Property } from './managed-object.ts';
import { couldName, isReference, parsePath, type Step } from './path.ts';
import { relationOf } from './relations.ts';
import type { Scope } from './scope.ts';
import { array, childrenOf, dynamicTypeAt, keyed, only, type Span, single } from './text.ts';
import { hasQuickStats, quickStats } from './volatile.ts';

/** Positions in the spans of an index. */
export const placesOf = (
  ordinal: number,
): { readonly start: number; readonly end: number; readonly innerStart: number; readonly innerEnd: number } => ({
  start: ordinal * 4,
  end: ordinal * 4 + 1,
  innerStart: ordinal * 4 + 2,
  innerEnd: ordinal * 4 + 3,
});

/** The text of a path with its tags: of repeated elements all of them. */
const outerText = (document: RenderedMember, ordinal: number): string => {
  const { start, end } = placesOf(ordinal);
  return document.between(start, end);
};

/** Inner text of `summary` with the statistics of now in it. */
export const summaryText = (scope: Scope, hub: HubId, document: RenderedMember, ordinal: number): string => {
  const { ordinals } = document.index;
  const { innerStart, innerEnd } = placesOf(ordinal);
  const stats = quickStats(scope, document.type, hub);
  if (stats === undefined) return document.between(innerStart, innerEnd);
  const own = ordinals.get('summary.quickStats');
  const next = own ?? ordinals.get('summary.overallStatus');
  if (next === undefined) return document.between(innerStart, innerEnd);
  const { start, end } = placesOf(next);
  const rest = document.between(own === undefined ? start : end, innerEnd);
  return `${document.between(innerStart, start)}<quickStats>${stats}</quickStats>${rest}`;
};

/** Goes down from one element by the steps that are left. */
const descend = (text: string, span: Span, type: string, steps: readonly Step[]): Property => {
  const [step, ...rest] = steps;
  if (step === undefined) return single(text, span, type);
  if ('key' in step || isReference(type)) return 'invalid';
  const dynamic = dynamicTypeAt(text, span, type);
  const found = memberOf(dynamic, step.name);
  if (!found) return 'invalid';
  const children = childrenOf(text, span.innerStart, span.innerEnd, step.name);
  return spread(text, children, found.type, found.array, rest);
};

/** The elements of one member: as a whole, by key, or, where there is only one, further down. */
const spread = (
  text: string,
  elements: readonly Span[],
  type: string,
  repeated: boolean,
  rest: readonly Step[],
): Property => {
  const [next, ...further] = rest;
  if (repeated) {
    if (next === undefined) return array(text, elements, type);
    if (!couldName(type, true, rest) || !('key' in next)) return 'invalid';
    const element = keyed(text, elements, next.key);
    return element === undefined ? 'unset' : descend(text, element, type, further);
  }
  const only = elements[0];
  if (only === undefined) return couldName(type, false, rest) ? 'unset' : 'invalid';
  return descend(text, only, type, rest);
};

/** Whether a path holds the statistics of now. */
export const showsQuickStats = (type: string, name: string, second: Step | undefined): boolean =>
  name === 'summary' &&
  hasQuickStats(type) &&
  (second === undefined || !('name' in second) || second.name === 'quickStats');

/** Rights depend on who asks. -1 and -2 are the roles Admin and Read-only of every ESXi host. */
export const roleId = (scope: Scope): number => (scope.context.session.role === 'read-only' ? -2 : -1);

export class RenderedObject implements ManagedObject {
  readonly ref: MoRef;
  readonly hub: HubId;
  readonly #scope: Scope;
  /** Absent: relations and constants are all that there is. */
  readonly #document: RenderedMember | undefined;

  constructor(scope: Scope, ref: MoRef, hub: HubId, document: RenderedMember | undefined) {
    this.ref = ref;
    this.hub = hub;
    this.#scope = scope;
    this.#document = document;
  }

  property(path: string): Property {
    const first = memberOf(this.ref.type, path);
    const steps = first ? [{ name: path }] : parsePath(path);
    const [head, ...rest] = steps ?? [];
    if (head === undefined || !('name' in head)) return 'invalid';
    const declared = first ?? memberOf(this.ref.type, head.name);
    if (!declared) return 'invalid';
    const { name } = head;
    const relation = relationOf(this.ref, name);
    if (relation) {
      if (rest.length > 0) return 'invalid';
      const list = relation.get(this.#scope, this.hub);
      if (!relation.array && list.length === 0) return 'unset';
      return fragmentOf('ManagedObject', relation.array, relation.array ? list : list[0], this.#scope.version);
    }
    if (name === 'effectiveRole')
      return rest.length > 0 ? 'invalid' : fragmentOf('int', true, [roleId(this.#scope)], this.#scope.version);
    const document = this.#document;
    const ordinal = document?.index.ordinals.get(name);
    if (document && ordinal !== undefined)
      return this.#indexed(document, ordinal, name, declared.type, declared.array, rest);
    const constant = CONSTANT_PROPERTIES[this.ref.type]?.[name];
    if (constant !== undefined) {
      const span = { start: 0, innerStart: 0, innerEnd: constant.length, end: constant.length };
      return rest.length === 0
        ? { attributes: ` xsi:type="${wireTypeOf(declared.type)}"`, inner: constant }
        : descend(constant, span, declared.type, rest);
    }
    if (!couldName(declared.type, declared.array, rest)) return 'invalid';
    return declared.array && rest.length === 0 ? array('', [], declared.type) : 'unset';
  }

  #indexed(
    document: RenderedMember,
    ordinal: number,
    name: string,
    type: string,
    repeated: boolean,
    rest: readonly Step[],
  ): Property {
    const { index } = document;
    if (repeated) {
      const text = outerText(document, ordinal);
      return spread(text, childrenOf(text, 0, text.length, name), type, true, rest);
    }
    const [second] = rest;
    if (showsQuickStats(this.ref.type, name, second)) return this.#summary(document, ordinal, type, rest);
    if (second && 'name' in second) {
      const place = index.ordinals.get(`${name}.${second.name}`);
      const found = place === undefined ? undefined : memberOf(index.types[ordinal] || type, second.name);
      if (place !== undefined && found) {
        const below = rest.slice(1);
        const text = outerText(document, place);
        if (found.array) return spread(text, childrenOf(text, 0, text.length, second.name), found.type, true, below);
        return descend(text, only(text), found.type, below);
      }
    }
    const text = outerText(document, ordinal);
    return descend(text, only(text), type, rest);
  }

  #summary(document: RenderedMember, ordinal: number, type: string, rest: readonly Step[]): Property {
    const inner = summaryText(this.#scope, this.hub, document, ordinal);
    const dynamic = document.index.types[ordinal] || wireTypeOf(type);
    if (rest.length === 0) return { attributes: ` xsi:type="${dynamic}"`, inner };
    const whole = `<s>${inner}</s>`;
    return descend(whole, only(whole), document.index.types[ordinal] || type, rest);
  }

  changed(path: string): number | undefined {
    const { store } = this.#scope.context;
    const name = /^\w+/.exec(path)?.[0] ?? path;
    const relation = relationOf(this.ref, name);
    if (relation) {
      if (relation.jobs) return undefined;
      const edges = relation.edge === undefined ? 0 : store.edgesVersion(this.hub, relation.edge);
      return Math.max(edges, relation.revision?.(this.#scope, this.hub) ?? 0);
    }
    const index = this.#document?.index;
    if (!index) return store.entry(this.hub)?.version ?? 0;
    const second = /^\w+\.\w+/.exec(path)?.[0];
    const ordinal = (second === undefined ? undefined : index.ordinals.get(second)) ?? index.ordinals.get(name);
    return ordinal === undefined ? undefined : (index.changed[ordinal] ?? 0);
  }
}

/** A member of a bundle, by type and id. */
export const memberIn = (
  members: readonly RenderedMember[] | undefined,
  ref: { readonly type: string; readonly value: string },
): RenderedMember | undefined => members?.find(({ type, id }) => type === ref.type && id === ref.value);
