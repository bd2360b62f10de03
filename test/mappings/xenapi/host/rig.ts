/** The golden documents of a XenServer host as a store that plans are made from; and the steps of a plan, shortly. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { command, type Params, type Verb } from '../../../../mappings/generic/commands.ts';
import { parseDocument } from '../../../../mappings/generic/documents.ts';
import type { Outcome } from '../../../../mappings/generic/faults.ts';
import { type HubId, hubId } from '../../../../mappings/generic/ids.ts';
import type { DocumentKind, Documents, Vm } from '../../../../mappings/generic/model.ts';
import type { NativeCall, NativeObject } from '../../../../mappings/generic/native.ts';
import type { Plan } from '../../../../mappings/generic/plan.ts';
import type { PlanContext } from '../../../../mappings/generic/platform.ts';
import type { Entry } from '../../../../mappings/generic/store-view.ts';
import { plan } from '../../../../mappings/xenapi/host/plans.ts';
import { paramsOf } from '../../../../mappings/xenapi/host/rpc.ts';
import { scan } from '../../../../mappings/xenapi/host/scan.ts';
import { resolveCall } from '../../../../mappings/xenapi/types.ts';
import { parseNative } from '../../../golden-pairs.ts';

const FOLDER = fileURLToPath(new URL('../../../../fixtures/xenapi/documents/', import.meta.url));

interface Item {
  readonly entry: Entry;
  readonly native: NativeObject;
  readonly doc: Documents[DocumentKind];
}

export interface Estate {
  readonly host: HubId;
  id(name: string): HubId;
  vm(name: string): Vm;
  native(name: string): NativeObject;
  plan<V extends Verb>(verb: V, target: HubId, params: Params[V]): Promise<Outcome<Plan>>;
}

export interface Named {
  /** By which a test asks for it. */
  readonly name: string;
  readonly native: NativeObject;
  readonly doc: Documents[DocumentKind];
}

/** `change` alters a document and its native part before anything is made of them. */
export const goldenEstate = (change: (file: string, text: string) => string = (_, text) => text): Estate => {
  const read = (name: string): string => change(name, readFileSync(FOLDER + name, 'utf8'));
  const files = readdirSync(FOLDER).filter((file) => file.startsWith('xen-') && file.endsWith('.native.xml'));
  return estateOf(
    files.map((file) => {
      const native = parseNative(read(file));
      const doc = parseDocument(native.kind, read(file.replace('.native.', '.generic.')).trim());
      return { name: file.replace('.native.xml', ''), native, doc };
    }),
  );
};

export const estateOf = (objects: readonly Named[]): Estate => {
  const items = new Map<HubId, Item>();
  const byName = new Map<string, HubId>();
  let host = hubId('host', 1);
  for (const [n, { name: asked, native, doc }] of objects.entries()) {
    const id = hubId(native.kind, n + 1);
    if (native.kind === 'host') host = id;
    byName.set(asked, id);
    const { name, uuid = '' } = scan(native);
    const entry: Entry = {
      id,
      kind: native.kind,
      host: hubId('host', 1),
      native: native.native,
      name,
      uuid,
      facts: native.facts,
      version: 1,
      stale: false,
    };
    items.set(id, { entry, native, doc });
  }
  const all = (): Item[] => [...items.values()].map((item) => ({ ...item, entry: { ...item.entry, host } }));
  const find = (kind: DocumentKind, native: string): Item | undefined =>
    all().find(({ entry }) => entry.kind === kind && entry.native === native);
  const related = (item: Item, to: DocumentKind): HubId[] =>
    scan(item.native)
      .relations.filter((one) => one.to === to)
      .flatMap((one) => find(to, one.native)?.entry.id ?? []);
  const store = {
    version: 1,
    epoch: 'e',
    entry: (id: HubId) => all().find(({ entry }) => entry.id === id)?.entry,
    find: (_: HubId, kind: DocumentKind, native: string) => find(kind, native)?.entry,
    list: (kind: DocumentKind) =>
      all()
        .filter(({ entry }) => entry.kind === kind)
        .map(({ entry }) => entry),
    edges: (id: HubId, to: DocumentKind): HubId[] => {
      const item = items.get(id);
      if (!item) return [];
      const back = all().filter((other) => other.entry.kind === to && related(other, item.entry.kind).includes(id));
      return [...new Set([...related(item, to), ...back.map(({ entry }) => entry.id)])];
    },
    generic: (_: DocumentKind, id: HubId) => items.get(id)?.doc,
  };
  const context = {
    job: hubId('job', 7),
    store: store as unknown as PlanContext['store'],
    native: (id: HubId) => items.get(id)?.native,
    fromGeneric: () => Promise.reject(new Error('no document is asked for')),
  } satisfies PlanContext;
  const idOf = (name: string): HubId => {
    const id = byName.get(name);
    if (id === undefined) throw new Error(`there is no ${name}`);
    return id;
  };
  return {
    host,
    id: idOf,
    vm: (name) => items.get(idOf(name))?.doc as Vm,
    native: (name) => items.get(idOf(name))?.native as NativeObject,
    plan: (verb, target, params) => plan(command(verb, host, target, params), context),
  };
};

const withoutLocators = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutLocators);
  if (typeof value !== 'object' || value === null) return value;
  if ('find' in value) return 'OpaqueRef:found';
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutLocators(one)]));
};

/** The calls that the driver makes of one of its own. */
const meant = ({ procedure, args }: NativeCall): NativeCall[] => {
  const { cls, self, field, key, value } = args as Record<string, string | null>;
  if (procedure === 'nothing' || procedure === 'stamp_images') return [];
  if (procedure === 'destroy_if_there') return [{ procedure: `Async.${cls}.destroy`, args: { self } }];
  if (procedure !== 'set_key') return [{ procedure, args }];
  const remove = { procedure: `${cls}.remove_from_${field}`, args: { self, key } };
  return value === null ? [remove] : [remove, { procedure: `${cls}.add_to_${field}`, args: { self, key, value } }];
};

/** Every call of a plan is one of the data model, with arguments of its types. */
const judge = ({ steps }: Plan): void => {
  for (const step of steps)
    for (const call of [step.call, ...(step.undo ? [step.undo] : [])].flatMap(meant)) {
      const message = resolveCall(call.procedure);
      if (!message) throw new Error(`the data model has no ${call.procedure}`);
      if (message.async && !message.message.async) throw new Error(`${call.procedure} is never a task`);
      paramsOf(message.message, withoutLocators(call.args) as Record<string, unknown>, 'OpaqueRef:session', 'json');
    }
};

export const planOf = (outcome: Outcome<Plan>): Plan => {
  if (!outcome.ok) throw new Error(outcome.fault.text);
  judge(outcome.value);
  return outcome.value;
};

/** `Async.VM.start`, and what is set to what. */
export const callsOf = (outcome: Outcome<Plan>): string[] => {
  return planOf(outcome).steps.map(({ call: { procedure, args } }) => {
    const { self, cls, field, key, value, args: record, ...rest } = args as Record<string, unknown>;
    if (procedure === 'set_key')
      return `${String(cls)}.${String(field)}.${String(key)} = ${value === null ? 'nothing' : String(value)}`;
    if (value !== undefined) return `${procedure} ${String(value)}`;
    const numbers = Object.values(rest).filter((one) => typeof one === 'number' || typeof one === 'boolean');
    return [procedure, ...numbers].join(' ');
  });
};
