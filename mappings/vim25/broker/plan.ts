/** A type, a set of paths and the shape of a document in; a list of slices out, made once and then followed for every object of that shape. */

import { fault } from '../../generic/faults.ts';
import type { HubId } from '../../generic/ids.ts';
import type { RenderedMember } from '../../generic/store-view.ts';
import { escapeText } from '../../wire/xml.ts';
import { elementWriter } from '../encode.ts';
import { localized } from '../faults.ts';
import { member, typeOf, wireTypeOf } from '../types.ts';
import type { ManagedObject } from './managed-object.ts';
import { relationOf } from './relations.ts';
import { summaryText } from './rendered.ts';
import type { Scope } from './scope.ts';
import { hasQuickStats } from './volatile.ts';

interface SliceStep {
  readonly kind: 'slice' | 'summary';
  readonly ordinal: number;
  /** `<propSet><name>config</name><val` */
  readonly head: string;
  /** ` xsi:type="VirtualMachineConfigInfo">`, for documents that write none. */
  readonly declared: string;
}
interface OtherStep {
  readonly kind: 'other';
  readonly path: string;
  readonly head: string;
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

const compileStep = (
  ref: { readonly type: string; readonly value: string },
  path: string,
  document: RenderedMember | undefined,
): PlanStep => {
  const head = headOf(path);
  const ordinal = document?.index.ordinals.get(path);
  const [name = '', second, ...more] = path.split('.');
  const first = member(ref.type, name);
  const inSummary = name === 'summary' && hasQuickStats(ref.type);
  if (document && ordinal !== undefined && first && more.length === 0 && !relationOf(ref, name) && !first.array) {
    if (second === undefined) {
      const declared = ` xsi:type="${wireTypeOf(first.type)}">`;
      if (isPlain(first.type)) return { kind: inSummary ? 'summary' : 'slice', ordinal, head, declared };
    } else if (!(inSummary && second === 'quickStats')) {
      const parent = document.index.ordinals.get(name);
      // A dynamic type at the parent may differ between documents of one shape.
      const declared =
        parent === undefined || document.index.types[parent] !== '' ? undefined : member(first.type, second);
      if (declared && !declared.array && isPlain(declared.type))
        return { kind: 'slice', ordinal, head, declared: ` xsi:type="${wireTypeOf(declared.type)}">` };
    }
  }
  return { kind: 'other', path, head };
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
    plan = paths.map((path) => compileStep(ref, path, document));
    byShape.set(shape, plan);
  }
  return plan;
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
  for (let at = 0; at < plan.length; at++) {
    const step = plan[at] as PlanStep;
    if (step.kind === 'slice' && document) {
      const { spans, types } = document.index;
      const place = step.ordinal * 4;
      const dynamic = types[step.ordinal];
      text +=
        step.head +
        (dynamic ? ` xsi:type="${dynamic}">` : step.declared) +
        document.text.slice(spans[place + 2], spans[place + 3]) +
        '</val></propSet>';
    } else if (step.kind === 'summary' && document && hub !== undefined) {
      const dynamic = document.index.types[step.ordinal];
      text +=
        step.head +
        (dynamic ? ` xsi:type="${dynamic}">` : step.declared) +
        summaryText(scope, hub, document, step.ordinal) +
        '</val></propSet>';
    } else if (step.kind === 'other') {
      asked ??= object();
      const property = asked?.property(step.path) ?? 'unset';
      if (property === 'invalid') missing += missingText(step.path, scope.version);
      else if (property !== 'unset') text += `${step.head}${property.attributes}>${property.inner}</val></propSet>`;
    }
  }
  return text + missing;
};

export const invalidProperty = (path: string) => ({
  path,
  fault: localized(fault('invalid-property', { name: path }, '')),
});

/** A path that is none. */
export const missingText = (path: string, version: string): string =>
  elementWriter('missingSet', 'MissingProperty', false, version)(invalidProperty(path));
