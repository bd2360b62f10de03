/** A small host in memory for tests of plans: natives of the fixtures, their generic documents by the real sheets, relations by the real scan. */
import { readFileSync } from 'node:fs';
import { command, type DiskSpec, type Params, type Verb } from '../../../mappings/generic/commands.ts';
import { parseDocument } from '../../../mappings/generic/documents.ts';
import type { Outcome } from '../../../mappings/generic/faults.ts';
import { type HubId, hubId } from '../../../mappings/generic/ids.ts';
import type { DocumentKind, Documents, Vm } from '../../../mappings/generic/model.ts';
import type { NativeObject } from '../../../mappings/generic/native.ts';
import type { Plan, Step } from '../../../mappings/generic/plan.ts';
import type { HostSide, PlanContext, Sheets } from '../../../mappings/generic/platform.ts';
import type { Entry, StoreView } from '../../../mappings/generic/store-view.ts';
import * as libvirt from '../../../mappings/libvirt/host-side.ts';
import { chooseEngine } from '../../../transform-server/engine/engine.ts';
import { parseNative } from '../../golden-pairs.ts';

export const fixture = (name: string): NativeObject =>
  parseNative(readFileSync(new URL(`../../../fixtures/libvirt/documents/${name}.native.xml`, import.meta.url), 'utf8'));

export interface Estate {
  plan<V extends Verb>(verb: V, target: HubId, params: Params[V]): Promise<Outcome<Plan>>;
  /** The plan's steps; throws on a fault. */
  steps<V extends Verb>(verb: V, target: HubId, params: Params[V]): Promise<readonly Step[]>;
  /** Kind and members of the fault; throws on a plan. */
  fault<V extends Verb>(verb: V, target: HubId, params: Params[V]): Promise<unknown>;
  id(native: string): HubId;
  vm(native: string): Vm;
  all(): readonly { readonly native: NativeObject; readonly document: Documents[DocumentKind] }[];
  dispose(): void;
}

export const HOST = hubId('host', 1);

type Side = { readonly hostSide: HostSide; readonly sheets: Sheets };

/** Applies sheets; each is compiled once. */
export const openSheets = async () => {
  const engine = await chooseEngine('libxslt');
  const compiled = new Map<string, ReturnType<typeof engine.compile>>();
  return {
    apply: async (url: URL | undefined, input: string): Promise<string> => {
      if (!url) throw new Error('no such sheet');
      const sheet = compiled.get(url.href) ?? engine.compile(readFileSync(url, 'utf8'));
      compiled.set(url.href, sheet);
      return engine.transform(await sheet, input);
    },
    dispose: () => engine.dispose(),
  };
};

/** Of any platform that is a host. */
export const openEstate = async (
  objects: readonly NativeObject[],
  { hostSide, sheets }: Side = libvirt,
  { job = hubId('job', 77), shared }: { job?: HubId; shared?: Awaited<ReturnType<typeof openSheets>> } = {},
): Promise<Estate> => {
  const { apply, dispose } = shared ?? (await openSheets());
  const items = new Map<
    HubId,
    {
      entry: Entry;
      native: NativeObject;
      doc: Documents[DocumentKind];
      names: string[];
      relations: readonly { to: DocumentKind; native: string }[];
    }
  >();
  let n = 1;
  for (const native of objects) {
    const id = native.kind === 'host' ? HOST : hubId(native.kind, ++n);
    const { name, uuid = '', relations, aliases = [] } = hostSide.scan(native);
    const doc = parseDocument(native.kind, await apply(sheets.toGeneric[native.kind], hostSide.toGenericInput(native)));
    const entry: Entry = {
      id,
      kind: native.kind,
      host: HOST,
      native: native.native,
      name,
      uuid,
      facts: native.facts,
      version: 5,
      stale: false,
    };
    items.set(id, { entry, native, doc, names: [native.native, ...aliases], relations });
  }
  const all = () => [...items.values()];
  const find = (kind: DocumentKind, name: string) =>
    all().find(({ entry, names }) => entry.kind === kind && names.includes(name));
  const store = {
    epoch: 'e',
    entry: (id: HubId) => items.get(id)?.entry,
    find: (_: HubId, kind: DocumentKind, native: string) =>
      all().find(({ entry }) => entry.kind === kind && entry.native === native)?.entry,
    list: (kind: DocumentKind) => all().flatMap(({ entry }) => (entry.kind === kind ? [entry] : [])),
    edges: (id: HubId, to: DocumentKind) => {
      const own =
        items
          .get(id)
          ?.relations.flatMap((one) => (one.to === to ? [find(to, one.native)?.entry.id ?? []].flat() : [])) ?? [];
      const back = all()
        .filter(
          ({ entry, relations }) =>
            entry.kind === to && relations.some((one) => find(one.to, one.native)?.entry.id === id),
        )
        .map(({ entry }) => entry.id);
      return [...new Set([...own, ...back])];
    },
    generic: (_: DocumentKind, id: HubId) => items.get(id)?.doc,
  } as unknown as StoreView;
  const context: PlanContext = {
    job,
    store,
    native: (id) => items.get(id)?.native,
    fromGeneric: (change) =>
      apply((sheets.toHost ?? sheets.fromGeneric)[change.kind], hostSide.fromGenericInput(change)),
  };
  const plan: Estate['plan'] = (verb, target, params) => hostSide.plan(command(verb, HOST, target, params), context);
  const id: Estate['id'] = (native) => {
    const found = all().find(({ entry }) => entry.native === native);
    if (!found) throw new Error(`no ${native} in the estate`);
    return found.entry.id;
  };
  return {
    plan,
    steps: async (verb, target, params) => {
      const outcome = await plan(verb, target, params);
      if (!outcome.ok) throw new Error(`${outcome.fault.kind}: ${outcome.fault.text}`);
      return outcome.value.steps;
    },
    fault: async (verb, target, params) => {
      const outcome = await plan(verb, target, params);
      if (outcome.ok) throw new Error(`a plan of ${outcome.value.steps.length} steps`);
      return { kind: outcome.fault.kind, ...outcome.fault.members };
    },
    id,
    vm: (native) => items.get(id(native))?.doc as Vm,
    all: () => all().map(({ native, doc }) => ({ native, document: doc })),
    dispose,
  };
};

export const POOL = '2cf19850-88c3-47f3-be55-8fbc1cc4955c';
export const LAN = 'a0b1d25f-9b69-4d23-8f66-e699404dc4b5';
export const RUNNING = '11111111-2222-4333-8444-555555555555';
export const OFF = '3f0c9a52-7d1e-4c55-9c0e-0f5b1d5a7701';
export const SAVED = '6695eb01-f6a4-8304-79aa-97f2502e193f';
export const TIB = 1024 ** 4;

const stopped = (): NativeObject => {
  const { parts, facts } = fixture('domain-running-snapshot');
  const text = (parts['domain'] ?? '')
    .replaceAll(RUNNING, '22222222-2222-4333-8444-555555555555')
    .replace('<name>small</name>', '<name>still</name>')
    .replace('52:54:00:00:00:09', '52:54:00:00:00:0a');
  return {
    kind: 'vm',
    native: '22222222-2222-4333-8444-555555555555',
    parts: { domain: text },
    facts: { ...facts, state: 5, id: -1, hasSnapshots: false, currentSnapshot: '' },
  };
};
export const STILL = '22222222-2222-4333-8444-555555555555';

/** The fixtures' host: one VM that runs, one that is suspended, two that are off. */
export const openFixtures = (): Promise<Estate> =>
  openEstate([
    ...[
      'host-qemu',
      'storage-dir',
      'volume-10-tib',
      'network-bridge',
      'domain-running-snapshot',
      'domain-many-unknown',
      'domain-test-driver',
    ].map(fixture),
    stopped(),
  ]);

export const shape = (steps: readonly Step[]) => steps.map(({ kind, call }) => `${kind} ${call.procedure}`);
export const xmlOf = (steps: readonly Step[]): string =>
  String(steps.find(({ call }) => call.procedure === 'DOMAIN_DEFINE_XML_FLAGS')?.call.args['xml']);

export const newDisk = (estate: Estate, capacityBytes: number, thin = true, unit = 0): DiskSpec => ({
  slot: { bus: 'scsi', controller: 0, unit },
  medium: { storageName: 'default' },
  capacityBytes,
  thin,
  readOnly: false,
  shareable: false,
  persistent: true,
  create: { storage: estate.id(POOL), volumeName: `neu%2f${unit}.vmdk`, capacityBytes, thin },
});
export const newVm = (estate: Estate, more: Partial<Vm> = {}): Vm => ({
  ...estate.vm(STILL),
  name: 'neu',
  nativeName: '',
  uuid: '',
  disks: [],
  cdroms: [],
  floppies: [],
  snapshots: [],
  attributes: [],
  autostart: false,
  nics: [{ ordinal: 0, mac: '', macGenerated: true, model: 'vmxnet3', networkName: 'lan', connected: true }],
  ...more,
});
