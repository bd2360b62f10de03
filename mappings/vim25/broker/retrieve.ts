/** RetrieveProperties, its paged form and Fetch: specs in, ObjectContent text streamed out in pieces. */

import type { Call, Reply } from '../../generic/call.ts';
import { type Fault, fault } from '../../generic/faults.ts';
import type { HubId } from '../../generic/ids.ts';
import type { Brokered } from '../../generic/platform.ts';
import type { RenderedMember } from '../../generic/store-view.ts';
import { escapeText } from '../../wire/xml.ts';
import { elementWriter } from '../encode.ts';
import { localized } from '../faults.ts';
import { refOfKey } from '../ids.ts';
import { escapeName } from '../names.ts';
import { type MoRef, moRef } from '../values.ts';
import { followPlan, planFor } from './plan.ts';
import { bundleOf, exists, find, renderAll } from './registry.ts';
import { memberIn, RenderedObject } from './rendered.ts';
import type { Scope } from './scope.ts';
import { checkSpec, type FilterSpec, objectNotFound, pathsFor, type Selected } from './select.ts';
import { selectOnce } from './selections.ts';
import { token } from './tokens.ts';

const BATCH = 256;
const PIECE = 64 * 1024;

export const refuse = (reason: Fault): Reply => ({ kind: 'fault', fault: reason });
export const value = (answer: unknown): Reply => ({ kind: 'value', value: answer });

/** Gathers text and lets it go in pieces that are worth a trip over the link. */
export class Pieces {
  #text = '';
  *add(text: string): Brokered<void> {
    this.#text += text;
    if (this.#text.length >= PIECE) yield* this.flush();
  }
  *flush(): Brokered<void> {
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    yield { effect: 'write', text };
  }
}

interface TypePlan {
  readonly type: string;
  readonly paths: readonly string[];
  readonly key: string;
  /** Nothing but the name of an object whose entry has it: no document need be made for it. */
  readonly isName: boolean;
}

const NAMED: ReadonlySet<string> = new Set(['VirtualMachine', 'Datastore', 'Network']);
const NAME_BEFORE = '<propSet><name>name</name><val xsi:type="xsd:string">';
const NAME_AFTER = '</val></propSet>';

/** `<obj type="VirtualMachine">7</obj>`, made once for each object of a selection that is kept. */
const objText = (selected: Selected): string => {
  selected.text ??= ['<obj type="', selected.ref.type, '">', escapeText(selected.ref.value), '</obj>'].join('');
  return selected.text;
};

/** Those of a batch whose documents are not there. */
const withoutDocument = (
  { context: { store } }: Scope,
  batch: readonly Selected[],
  planOf: (type: string) => TypePlan,
): HubId[] => {
  const missing = new Set<HubId>();
  for (const { hub, ref } of batch) {
    const { paths, isName } = planOf(ref.type);
    if (hub === undefined || paths.length === 0 || isName) continue;
    if (store.rendered(hub) === undefined && store.entry(hub) !== undefined) missing.add(hub);
  }
  return [...missing];
};

/** Documents of a batch, brought up where they are missing; those of the next batch are then begun as well. */
function* documentsOf(
  scope: Scope,
  batch: readonly Selected[],
  next: readonly Selected[],
  planOf: (type: string) => TypePlan,
): Brokered<readonly (readonly RenderedMember[] | undefined)[]> {
  const { store } = scope.context;
  const found = new Array<readonly RenderedMember[] | undefined>(batch.length);
  let isWhole = true;
  const look = (): void => {
    for (let at = 0; at < batch.length; at++) {
      const { hub, ref } = batch[at] as Selected;
      const { paths, isName } = planOf(ref.type);
      if (hub === undefined || paths.length === 0 || found[at] !== undefined) continue;
      found[at] = store.rendered(hub);
      if (found[at] === undefined && !isName) isWhole = false;
    }
  };
  look();
  if (isWhole) return found;
  const ids = withoutDocument(scope, batch, planOf);
  if (ids.length > 0) yield { effect: 'render', ids, ahead: withoutDocument(scope, next, planOf) };
  look();
  return found;
}

/** Writes `<tag>obj, propSet..., missingSet...</tag>` for each object. Those that vanished since they were selected are left out. */
function* writeObjects(
  scope: Scope,
  out: Pieces,
  tag: string,
  spec: FilterSpec,
  objects: readonly Selected[],
): Brokered<void> {
  const { store } = scope.context;
  const types = new Map<string, TypePlan>();
  let last: TypePlan | undefined;
  /** Objects of one type come together. */
  const planOf = (type: string): TypePlan => {
    if (last?.type === type) return last;
    last = types.get(type);
    if (!last) {
      last = typePlan(spec, type, scope.version);
      types.set(type, last);
    }
    return last;
  };
  const open = `<${tag}>`;
  const close = `</${tag}>`;
  let text = '';
  for (let from = 0; from < objects.length; from += BATCH) {
    const batch = objects.slice(from, from + BATCH);
    const next = objects.slice(from + BATCH, from + 2 * BATCH);
    const documents = yield* documentsOf(scope, batch, next, planOf);
    for (let at = 0; at < batch.length; at++) {
      const selected = batch[at] as Selected;
      const { ref, hub } = selected;
      const { paths, key, isName } = planOf(ref.type);
      const members = documents[at];
      let sets = '';
      if (hub === undefined) {
        const object = find(scope, ref);
        if (!object) continue;
        const plan = planFor(scope, `${key} ${ref.value}`, ref, paths, undefined);
        sets = followPlan(scope, plan, undefined, undefined, () => object);
      } else if (members === undefined && isName) {
        const entry = store.entry(hub);
        if (!entry) continue;
        sets = `${NAME_BEFORE}${escapeText(escapeName(entry.name))}${NAME_AFTER}`;
      } else {
        if (members === undefined && !store.entry(hub)) continue;
        const single = members?.length === 1 ? members[0] : undefined;
        const document =
          single && single.type === ref.type && single.id === ref.value ? single : memberIn(members, ref);
        const plan = planFor(scope, key, ref, paths, document);
        sets = followPlan(scope, plan, hub, document, () =>
          document ? new RenderedObject(scope, ref, hub, document) : find(scope, ref),
        );
      }
      text += open + objText(selected) + sets + close;
      if (text.length >= PIECE) {
        yield { effect: 'write', text };
        text = '';
      }
    }
  }
  yield* out.add(text);
}

const typePlan = (spec: FilterSpec, type: string, version: string): TypePlan => {
  const paths = pathsFor(spec, type, version);
  return { type, paths, key: `${type} ${paths.join(' ')}`, isName: NAMED.has(type) && paths.join() === 'name' };
};

const missingObject = (tag: string, ref: MoRef, version: string): string =>
  elementWriter(
    tag,
    'ObjectContent',
    false,
    version,
  )({ obj: ref, missingSet: [{ path: '', fault: localized(objectNotFound(ref)) }] });

const specsOf = (call: Call): readonly FilterSpec[] =>
  (call.args['specSet'] as readonly FilterSpec[] | undefined) ?? [];

function* selectAll(
  scope: Scope,
  specs: readonly FilterSpec[],
): Brokered<Fault | { spec: FilterSpec; objects: readonly Selected[]; missing: readonly MoRef[] }[]> {
  const found: { spec: FilterSpec; objects: readonly Selected[]; missing: readonly MoRef[] }[] = [];
  for (const spec of specs) {
    const wrong = checkSpec(spec);
    if (wrong) return wrong;
    const selection = yield* selectOnce(scope, spec);
    if (!selection.ok) return selection.fault;
    found.push({ spec, objects: selection.value.objects, missing: selection.value.missing });
  }
  return found;
}

export function* retrieveProperties(scope: Scope, call: Call): Brokered {
  const found = yield* selectAll(scope, specsOf(call));
  if (!Array.isArray(found)) return refuse(found as Fault);
  const out = new Pieces();
  for (const { spec, objects, missing } of found) {
    for (const ref of missing) yield* out.add(missingObject('returnval', ref, scope.version));
    yield* out.flush();
    yield* writeObjects(scope, out, 'returnval', spec, objects);
    yield* out.flush();
  }
  return { kind: 'body' };
}

/** What a token stands for; the offset is a record of its own, so that turning a page does not write the list again. */
interface Page {
  readonly specs: readonly FilterSpec[];
  readonly sets: readonly (readonly string[])[];
  readonly size: number;
}

const pageKey = (id: string): string => `page/${id}`;
const offsetKey = (id: string): string => `page-at/${id}`;

const invalidToken = (): Reply => refuse(fault('invalid-property', { name: 'token' }, ''));

const tokenOf = (id: string, offset: number): string => `${id}-${offset}`;

function* writePage(scope: Scope, id: string, page: Page, from: number): Brokered {
  const total = page.sets.reduce((sum, keys) => sum + keys.length, 0);
  const to = Math.min(total, from + page.size);
  const { locals } = scope.context;
  if (to < total) locals.put(offsetKey(id), to);
  else {
    locals.delete(pageKey(id));
    locals.delete(offsetKey(id));
  }
  const out = new Pieces();
  yield* out.add(`<returnval>${to < total ? `<token>${tokenOf(id, to)}</token>` : ''}`);
  yield* out.flush();
  let start = 0;
  for (const [at, keys] of page.sets.entries()) {
    const slice = keys.slice(Math.max(0, from - start), Math.max(0, to - start));
    start += keys.length;
    const spec = page.specs[at];
    if (!spec || slice.length === 0) continue;
    const objects = slice.map((key) => {
      const ref = refOfKey(key);
      return { ref, key, hub: bundleOf(scope, ref), text: undefined };
    });
    yield* writeObjects(scope, out, 'objects', spec, objects);
  }
  yield* out.add('</returnval>');
  yield* out.flush();
  return { kind: 'body' };
}

export function* retrievePropertiesEx(scope: Scope, call: Call): Brokered {
  const specs = specsOf(call);
  const options = call.args['options'] as { maxObjects?: number } | undefined;
  const size = options?.maxObjects ?? 0;
  const found = yield* selectAll(scope, specs);
  if (!Array.isArray(found)) return refuse(found as Fault);
  const total = found.reduce((sum, { objects, missing }) => sum + objects.length + missing.length, 0);
  // As on ESXi: nothing selected, nothing returned.
  if (total === 0) return value(undefined);
  const selected = found.reduce((sum, { objects }) => sum + objects.length, 0);
  if (size > 0 && selected > size) {
    const id = token(scope);
    const page: Page = { specs, sets: found.map(({ objects }) => objects.map(({ key }) => key)), size };
    scope.context.locals.put(pageKey(id), page);
    return yield* writePage(scope, id, page, 0);
  }
  const out = new Pieces();
  yield* out.add('<returnval>');
  yield* out.flush();
  for (const { spec, objects, missing } of found) {
    yield* writeObjects(scope, out, 'objects', spec, objects);
    for (const ref of missing) yield* out.add(missingObject('objects', ref, scope.version));
  }
  yield* out.add('</returnval>');
  yield* out.flush();
  return { kind: 'body' };
}

const readToken = (scope: Scope, text: unknown): { id: string; at: number; page: Page } | undefined => {
  const match = /^([0-9a-f-]+)-(\d+)$/.exec(String(text));
  if (!match) return undefined;
  const [, id = '', offset] = match;
  const page = scope.context.locals.get(pageKey(id)) as Page | undefined;
  const at = Number(offset);
  return page && scope.context.locals.get(offsetKey(id)) === at ? { id, at, page } : undefined;
};

export function* continueRetrieve(scope: Scope, call: Call): Brokered {
  const known = readToken(scope, call.args['token']);
  if (!known) return invalidToken();
  return yield* writePage(scope, known.id, known.page, known.at);
}

export function cancelRetrieve(scope: Scope, call: Call): Reply {
  const known = readToken(scope, call.args['token']);
  if (!known) return invalidToken();
  scope.context.locals.delete(pageKey(known.id));
  scope.context.locals.delete(offsetKey(known.id));
  return value(undefined);
}

/** Every attribute that pyVmomi reads is one of these: on any object, whole first-level properties. */
export function* fetchProperty(scope: Scope, call: Call): Brokered {
  const ref = moRef(call.target.type, call.target.id);
  const path = String(call.args['prop'] ?? '');
  const hub = bundleOf(scope, ref);
  if (hub !== undefined) yield* renderAll(scope, [hub]);
  if (!exists(scope, ref)) return refuse(objectNotFound(ref));
  const property = find(scope, ref)?.property(path) ?? 'unset';
  if (property === 'invalid') return refuse(fault('invalid-property', { name: path }, ''));
  // An empty FetchResponse is how ESXi says unset.
  if (property === 'unset') return value(undefined);
  yield { effect: 'write', text: `<returnval${property.attributes}>${property.inner}</returnval>` };
  return { kind: 'body' };
}
