/** A type, a set of paths and the shape of a document in; a list of slices out, made once and then followed for every object of that shape. */

import { fault } from '../../generic/faults.ts';
import type { HubId } from '../../generic/ids.ts';
import type { RenderedMember } from '../../generic/store-view.ts';
import { escapeText } from '../../wire/xml.ts';
import { elementWriter } from '../encode.ts';
import { localized } from '../faults.ts';
import { member, typeOf, wireTypeOf } from '../types.ts';
import { addFragment, type Fragments, fragmentIn, isShort, numberOfPath } from './fragments.ts';
import type { ManagedObject } from './managed-object.ts';
import { parsePath } from './path.ts';
import { relationOf } from './relations.ts';
import { placesOf, showsQuickStats, summaryText } from './rendered.ts';
import type { Scope } from './scope.ts';
import { hasQuickStats } from './volatile.ts';

interface SliceStep {
  readonly kind: 'slice' | 'summary';
  readonly number: number;
  readonly ordinal: number;
  /** Where its content lies in the index. */
  readonly from: number;
  readonly to: number;
  /** `<propSet><name>config</name><val` */
  readonly head: string;
  /** ` xsi:type="VirtualMachineConfigInfo">`, for documents that write none. */
  readonly declared: string;
  /** Turned out to be too long to be kept. */
  isLong: boolean;
}
interface OtherStep {
  readonly kind: 'other';
  readonly number: number;
  readonly path: string;
  readonly head: string;
  /** Nothing but the document decides it. */
  readonly isText: boolean;
}
export type PlanStep = SliceStep | OtherStep;
export type Plan = readonly PlanStep[];

const headOf = (path: string): string => `<propSet><name>${escapeText(path)}</name><val`;
const NO_SHAPE: readonly string[] = [];
const MAX_PLANS = 2000;

const isPlain = (type: string): boolean => {
  const kind = typeOf(type)?.kind;
  return kind === 'data' || kind === 'primitive' || kind === 'enum';
};

const isTextOf = (
  ref: { readonly type: string; readonly value: string },
  path: string,
  { index }: RenderedMember,
): boolean => {
  const [head, second] = parsePath(path) ?? [];
  if (head === undefined || !('name' in head) || !index.ordinals.has(head.name)) return false;
  // Rights depend on who asks.
  if (head.name === 'effectiveRole') return false;
  return relationOf(ref, head.name) === undefined && !showsQuickStats(ref.type, head.name, second);
};

const compileStep = (
  { caches }: Scope,
  ref: { readonly type: string; readonly value: string },
  path: string,
  document: RenderedMember | undefined,
): PlanStep => {
  const head = headOf(path);
  const number = numberOfPath(caches.pathNumbers, path);
  const ordinal = document?.index.ordinals.get(path);
  const [name = '', second, ...more] = path.split('.');
  const first = member(ref.type, name);
  const inSummary = name === 'summary' && hasQuickStats(ref.type);
  const slice = (kind: 'slice' | 'summary', at: number, type: string): SliceStep => {
    const { innerStart: from, innerEnd: to } = placesOf(at);
    const declared = ` xsi:type="${wireTypeOf(type)}">`;
    return { kind, number, ordinal: at, from, to, head, declared, isLong: false };
  };
  if (document && ordinal !== undefined && first && more.length === 0 && !relationOf(ref, name) && !first.array) {
    if (second === undefined) {
      if (isPlain(first.type)) return slice(inSummary ? 'summary' : 'slice', ordinal, first.type);
    } else if (!(inSummary && second === 'quickStats')) {
      const parent = document.index.ordinals.get(name);
      // A dynamic type at the parent may differ between documents of one shape.
      const declared =
        parent === undefined || document.index.types[parent] !== '' ? undefined : member(first.type, second);
      if (declared && !declared.array && isPlain(declared.type)) return slice('slice', ordinal, declared.type);
    }
  }
  return { kind: 'other', number, path, head, isText: document !== undefined && isTextOf(ref, path, document) };
};

/** `key` names type and paths. Shapes are told apart by the identity of the index's list of paths. */
export const planFor = (
  scope: Scope,
  key: string,
  ref: { readonly type: string; readonly value: string },
  paths: readonly string[],
  document: RenderedMember | undefined,
): Plan => {
  const { plans } = scope.caches;
  let byShape = plans.get(key);
  if (!byShape) {
    if (plans.size >= MAX_PLANS) plans.clear();
    byShape = new Map();
    plans.set(key, byShape);
  }
  const shape = document?.index.paths ?? NO_SHAPE;
  let plan = byShape.get(shape);
  if (!plan) {
    if (byShape.size >= MAX_PLANS) byShape.clear();
    plan = paths.map((path) => compileStep(scope, ref, path, document));
    byShape.set(shape, plan);
  }
  return plan;
};

/** A propSet of the object's own text; short ones are kept with the document. */
const sliceText = (scope: Scope, step: SliceStep, hub: HubId | undefined, document: RenderedMember): string => {
  const dynamic = document.index.types[step.ordinal];
  const type = dynamic ? ` xsi:type="${dynamic}">` : step.declared;
  const inner =
    step.kind === 'summary' && hub !== undefined
      ? summaryText(scope, hub, document, step.ordinal)
      : document.between(step.from, step.to);
  // A short one is kept: as a string of its own it holds none of those it was put together or cut out of.
  return step.isLong
    ? `${step.head}${type}${inner}</val></propSet>`
    : [step.head, type, inner, '</val></propSet>'].join('');
};

const fragmentsOf = ({ caches }: Scope, document: RenderedMember): Fragments => {
  let fragments = caches.fragments.get(document);
  if (fragments === undefined) {
    fragments = [];
    caches.fragments.set(document, fragments);
  }
  return fragments;
};

/** PropSets of one object; missing ones last, as ObjectContent has them. */
export const followPlan = (
  scope: Scope,
  plan: Plan,
  hub: HubId | undefined,
  document: RenderedMember | undefined,
  object: () => ManagedObject | undefined,
): string => {
  let text = '';
  let missing = '';
  let asked: ManagedObject | undefined;
  let fragments: Fragments | undefined;
  for (let at = 0; at < plan.length; at++) {
    const step = plan[at] as PlanStep;
    const keeps =
      document !== undefined && (step.kind === 'slice' ? !step.isLong : step.kind === 'other' && step.isText);
    if (keeps) {
      fragments ??= fragmentsOf(scope, document);
      const known = fragmentIn(fragments, step.number);
      if (known !== undefined) {
        text += known;
        continue;
      }
    }
    let made = '';
    if (step.kind !== 'other') {
      if (document === undefined) continue;
      made = sliceText(scope, step, hub, document);
      if (!isShort(made.length)) step.isLong = true;
    } else {
      asked ??= object();
      const property = asked?.property(step.path) ?? 'unset';
      if (property === 'invalid') {
        missing += missingText(step.path, scope.version);
        continue;
      }
      if (property !== 'unset')
        made = [step.head, property.attributes, '>', property.inner, '</val></propSet>'].join('');
    }
    if (fragments !== undefined && keeps && isShort(made.length)) addFragment(fragments, step.number, made);
    text += made;
  }
  return text + missing;
};

export const invalidProperty = (path: string) => ({
  path,
  fault: localized(fault('invalid-property', { name: path }, '')),
});

/** A path that is none. */
const missingText = (path: string, version: string): string =>
  elementWriter('missingSet', 'MissingProperty', false, version)(invalidProperty(path));
