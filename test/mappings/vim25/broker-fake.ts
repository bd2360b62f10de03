/** An in-memory store, jobs, events and session for tests of the broker: what the transform server would hand it, without one. */
import type { Call, Reply, Role, Session } from '../../../mappings/generic/call.ts';
import { fault } from '../../../mappings/generic/faults.ts';
import { type HubId, hubId, kindOf } from '../../../mappings/generic/ids.ts';
import type { HubEvent, Job } from '../../../mappings/generic/jobs.ts';
import type { DocumentKind } from '../../../mappings/generic/model.ts';
import type { BrokerContext, Brokered, Effect, Resume } from '../../../mappings/generic/platform.ts';
import type { History } from '../../../mappings/generic/statistics.ts';
import type { Entry, PathIndex, RenderedMember, StoreView } from '../../../mappings/generic/store-view.ts';
import { createBroker } from '../../../mappings/vim25/broker/broker.ts';
import { encodeReturn, wrapReply } from '../../../mappings/vim25/front.ts';
import { indexPaths } from '../../../mappings/vim25/render/path-index.ts';

export const HOST = hubId('host', 1);

interface Item {
  entry: Entry;
  texts: { type: string; id: string; text: string }[];
  members: RenderedMember[] | undefined;
  edges: Map<DocumentKind, { ids: HubId[]; version: number }>;
  slots: Record<string, unknown>;
}

class FakeStore implements StoreView {
  version = 1;
  epoch = 'e1';
  rendersAsked = 0;
  readonly items = new Map<HubId, Item>();
  readonly log: { id: HubId; version: number; gone: boolean }[] = [];
  readonly #shapes = new Map<string, { paths: readonly string[]; ordinals: ReadonlyMap<string, number> }>();

  add(id: HubId, name: string, uuid: string, texts: Item['texts']): void {
    this.version++;
    this.items.set(id, {
      entry: {
        id,
        kind: kindOf(id) as DocumentKind,
        host: HOST,
        native: `native-${id}`,
        name,
        uuid,
        facts: {},
        version: this.version,
        stale: false,
      },
      texts,
      members: undefined,
      edges: new Map(),
      slots: {},
    });
    this.log.push({ id, version: this.version, gone: false });
  }

  relate(one: HubId, other: HubId): void {
    this.version++;
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      const edges = this.items.get(from)?.edges;
      const kind = kindOf(to) as DocumentKind;
      edges?.set(kind, { ids: [...(edges.get(kind)?.ids ?? []), to], version: this.version });
    }
    this.log.push({ id: one, version: this.version, gone: false }, { id: other, version: this.version, gone: false });
  }

  /** New text for the first member. */
  change(id: HubId, edit: (text: string) => string, name?: string): void {
    const item = this.items.get(id);
    if (!item) throw new Error(`no ${id}`);
    this.version++;
    const [first, ...rest] = item.texts;
    if (!first) throw new Error('nothing to edit');
    const before = this.rendered(id) ?? this.#render(item);
    item.texts = [{ ...first, text: edit(first.text) }, ...rest];
    item.entry = { ...item.entry, version: this.version, ...(name === undefined ? {} : { name }) };
    this.#render(item, before);
    item.members = undefined;
    this.#before.set(id, before);
    this.log.push({ id, version: this.version, gone: false });
  }
  readonly #before = new Map<HubId, readonly RenderedMember[]>();
  remove(id: HubId): void {
    this.version++;
    this.items.delete(id);
    this.log.push({ id, version: this.version, gone: true });
  }

  #render(item: Item, before?: readonly RenderedMember[]): RenderedMember[] {
    return item.texts.map(({ type, id, text }, at) => {
      const { paths, spans, types } = indexPaths(text);
      const key = paths.join(' ');
      let shape = this.#shapes.get(key);
      if (!shape) {
        shape = { paths, ordinals: new Map(paths.map((path, n) => [path, n])) };
        this.#shapes.set(key, shape);
      }
      const old = before?.[at];
      const changed = Float64Array.from(paths, (path, n) => {
        const was = old?.index.ordinals.get(path);
        if (!old || was === undefined) return item.entry.version;
        const same =
          old.text.slice(old.index.spans[was * 4], old.index.spans[was * 4 + 1]) ===
          text.slice(spans[n * 4], spans[n * 4 + 1]);
        return same ? (old.index.changed[was] ?? 0) : item.entry.version;
      });
      const index: PathIndex = { ...shape, spans: Int32Array.from(spans), types, changed };
      const between = (from: number, to: number): string => text.slice(spans[from], spans[to]);
      return { type, id, text, index, between, created: item.entry.version };
    });
  }

  /** The effect `render`. */
  bringUp(ids: readonly HubId[]): void {
    this.rendersAsked++;
    for (const id of ids) {
      const item = this.items.get(id);
      if (item && !item.members) item.members = this.#render(item, this.#before.get(id));
    }
    this.afterRender.shift()?.();
  }
  /** What happens before the next renderings are looked at. */
  afterRender: (() => void)[] = [];
  /** Something that its text is joined with changed: the text may, its version does not. */
  dirty(id: HubId): void {
    const item = this.items.get(id);
    if (item?.members) this.#before.set(id, item.members);
    if (item) item.members = undefined;
  }
  membersGone = () => [];
  entry(id: HubId): Entry | undefined {
    return this.items.get(id)?.entry;
  }
  find(): Entry | undefined {
    return undefined;
  }
  list(kind: DocumentKind): readonly Entry[] {
    return [...this.items.values()].map(({ entry }) => entry).filter((entry) => entry.kind === kind);
  }
  edges(id: HubId, to: DocumentKind): readonly HubId[] {
    return this.items.get(id)?.edges.get(to)?.ids ?? [];
  }
  edgesVersion(id: HubId, to: DocumentKind): number {
    return this.items.get(id)?.edges.get(to)?.version ?? 0;
  }
  rendered(id: HubId): readonly RenderedMember[] | undefined {
    return this.items.get(id)?.members;
  }
  generic(): undefined {
    return undefined;
  }
  changedSince(version: number): readonly { id: HubId; version: number; gone: boolean }[] | undefined {
    const newest = new Map<HubId, { id: HubId; version: number; gone: boolean }>();
    for (let at = this.log.length - 1; at >= 0; at--) {
      const row = this.log[at];
      if (!row || row.version <= version) break;
      if (!newest.has(row.id)) newest.set(row.id, row);
    }
    return [...newest.values()];
  }
  owned(): undefined {
    return undefined;
  }
  owner(): undefined {
    return undefined;
  }
  readonly histories = new Map<HubId, History>();
  history(id: HubId): History | undefined {
    return this.histories.get(id);
  }
  slots(id: HubId): Readonly<Record<string, unknown>> {
    return this.items.get(id)?.slots ?? {};
  }
}

export const vmText = (
  n: number,
  more: { name?: string; memoryMB?: number; power?: string; padding?: number } = {},
): string => {
  const { name = `vm ${n}`, memoryMB = 512, power = 'poweredOff', padding = 0 } = more;
  const filler = `<extraConfig><key>guestinfo.a</key><value xsi:type="xsd:string">one &amp; two</value></extraConfig>${'<extraConfig><key>pad</key><value xsi:type="xsd:string">0123456789012345678901234567890123456789</value></extraConfig>'.repeat(padding)}`;
  return (
    `<name>${name}</name>` +
    `<config><name>${name}</name><uuid>u-${n}</uuid><instanceUuid>i-${n}</instanceUuid><files><vmPathName>[ds] v${n}/v${n}.vmx</vmPathName></files>` +
    `<hardware><numCPU>2</numCPU><memoryMB>${memoryMB}</memoryMB>` +
    `<device xsi:type="VirtualIDEController"><key>200</key><deviceInfo><label>IDE 0</label><summary>IDE 0</summary></deviceInfo><busNumber>0</busNumber></device>` +
    `<device xsi:type="VirtualE1000"><key>4000</key><deviceInfo><label>Network adapter 1</label><summary>n</summary></deviceInfo><macAddress>00:50:56:00:00:01</macAddress></device>` +
    `</hardware>${filler}</config>` +
    `<runtime><host type="HostSystem">ha-host</host><connectionState>connected</connectionState><powerState>${power}</powerState></runtime>` +
    `<guest><guestState>notRunning</guestState></guest>` +
    `<summary><vm type="VirtualMachine">${n}</vm><runtime><powerState>${power}</powerState></runtime><config><name>${name}</name></config><quickStats/><overallStatus>green</overallStatus></summary>` +
    `<overallStatus>green</overallStatus><configStatus>green</configStatus>`
  );
};

export class World {
  readonly store = new FakeStore();
  readonly jobs = new Map<HubId, Job>();
  readonly events: HubEvent[] = [];
  readonly sessions: Session[] = [];
  readonly locals = new Map<string, Map<string, unknown>>();
  readonly cancelled = new Set<string>();
  nowMs = 1_700_000_000_000;
  /** What happens while a call waits, one step each time. */
  meanwhile: (() => Resume)[] = [];
  effects: Effect[] = [];
  statistics: unknown = { vms: [], host: {} };
  broker = createBroker();
  #random = 0;

  constructor(vms = 3, padding = 0) {
    this.store.add(HOST, 'esx1', 'h-1', [
      {
        type: 'HostSystem',
        id: 'ha-host',
        text: '<name>esx1</name><summary><hardware><cpuMhz>2000</cpuMhz></hardware><overallStatus>green</overallStatus></summary><hardware><systemInfo><uuid>h-1</uuid></systemInfo></hardware><configManager><networkSystem type="HostNetworkSystem">networkSystem</networkSystem></configManager>',
      },
      { type: 'ComputeResource', id: 'ha-compute-res', text: '<name>esx1</name>' },
      { type: 'ResourcePool', id: 'ha-root-pool', text: '<name>Resources</name>' },
      {
        type: 'HostNetworkSystem',
        id: 'networkSystem',
        text: '<networkInfo><vswitch><name>vSwitch0</name></vswitch></networkInfo>',
      },
    ]);
    this.store.add(hubId('storage', 2), 'ds', 'd-2', [
      {
        type: 'Datastore',
        id: 'datastore-2',
        text: '<name>ds</name><summary><datastore type="Datastore">datastore-2</datastore><name>ds</name></summary><info xsi:type="VmfsDatastoreInfo"><name>ds</name><url>/x</url></info>',
      },
    ]);
    this.store.add(hubId('network', 3), 'VM Network', 'n-3', [
      { type: 'Network', id: 'network-3', text: '<name>VM Network</name><summary><name>VM Network</name></summary>' },
    ]);
    for (let n = 10; n < 10 + vms; n++) this.addVm(n, padding);
  }

  addVm(n: number, padding = 0): HubId {
    const id = hubId('vm', n);
    this.store.add(id, `vm ${n}`, `u-${n}`, [{ type: 'VirtualMachine', id: String(n), text: vmText(n, { padding }) }]);
    this.store.relate(id, hubId('storage', 2));
    this.store.relate(id, hubId('network', 3));
    return id;
  }

  login(key: string, role: Role = 'administrator'): Session {
    const session: Session = {
      id: `id-${key}`,
      key,
      front: 'f',
      user: 'root',
      fullName: 'root',
      role,
      address: '127.0.0.1',
      userAgent: 'test',
      locale: 'en_US',
      createdMs: this.nowMs,
      lastActiveMs: this.nowMs,
      calls: 0,
    };
    this.sessions.push(session);
    this.locals.set(session.id, new Map());
    return session;
  }

  /** Records are kept as JSON, as the server keeps them. */
  context(session: Session): BrokerContext {
    const locals = this.locals.get(session.id) ?? new Map<string, unknown>();
    const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
    return {
      front: {
        name: 'f',
        platform: 'vim25',
        host: HOST,
        hostName: 'esx1',
        uuid: 'front-uuid',
        ...{ certificate: '', port: 443, options: {} },
      },
      session,
      now: () => this.nowMs,
      random: (bytes) => Uint8Array.from({ length: bytes }, () => (this.#random = (this.#random * 31 + 7) % 251)),
      store: this.store,
      jobs: {
        get: (id) => this.jobs.get(id),
        list: (filter = {}) =>
          [...this.jobs.values()].filter((job) => filter.target === undefined || job.target === filter.target),
        cancel: (id) => this.cancelled.add(id) !== undefined,
        changedSince: (version) => [...this.jobs.values()].filter((job) => job.version > version).map(({ id }) => id),
      },
      events: {
        latest: this.events.length,
        since: (after, limit) => this.events.filter(({ key }) => key > after).slice(0, limit),
        newest: (limit, match = () => true) => this.events.filter(match).slice(-limit),
        post: (event) => {
          const made = { chain: this.events.length + 1, ...event, key: this.events.length + 1, atMs: this.nowMs };
          this.events.push(made);
          return made;
        },
      },
      own: { get: () => undefined, put: () => {}, delete: () => {}, list: () => [] },
      sessions: {
        list: () => this.sessions,
        terminate: (id) =>
          this.sessions.splice(
            this.sessions.findIndex((each) => each.id === id),
            1,
          ).length > 0,
      },
      locals: {
        get: (key) => (locals.has(key) ? json(locals.get(key)) : undefined),
        put: (key, value) => void locals.set(key, json(value)),
        delete: (key) => void locals.delete(key),
        list: (prefix) =>
          [...locals]
            .filter(([key]) => key.startsWith(prefix))
            .sort()
            .map(([key, value]) => ({ key, value: json(value) })),
      },
      cancel: (key) => void this.cancelled.add(key),
      nextVersion: () => ++this.store.version,
    };
  }

  /** Runs a call to its end; waits are answered by `meanwhile`, else by their time-out. */
  run(
    session: Session,
    method: string,
    target: readonly [string, string],
    args: Record<string, unknown> = {},
  ): { reply: Reply; body: string } {
    const call: Call = { method, target: { type: target[0], id: target[1] }, args, version: '6.7', operation: '' };
    const work: Brokered = this.broker.call(call, this.context(session));
    let body = '';
    this.effects = [];
    let step = work.next();
    for (let n = 0; !step.done; n++) {
      if (n > 100_000) throw new Error('does not end');
      const effect = step.value;
      if (effect.effect !== 'write') this.effects.push(effect);
      let resume: Resume;
      if (effect.effect === 'render') this.store.bringUp(effect.ids);
      else if (effect.effect === 'write') body += effect.text;
      else if (effect.effect === 'wait') {
        const next = this.meanwhile.shift();
        if (next) resume = next();
        else {
          this.nowMs = effect.untilMs;
          resume = 'timeout';
        }
      } else if (effect.effect === 'ask') resume = { ok: true, value: this.statistics };
      else throw new Error(`unexpected ${effect.effect}`);
      step = work.next(resume);
    }
    return { reply: step.value, body };
  }

  /** The answer's XML, or the kind of its fault. */
  answer(
    session: Session,
    method: string,
    target: readonly [string, string],
    args: Record<string, unknown> = {},
  ): string {
    const { reply, body } = this.run(session, method, target, args);
    if (reply.kind === 'fault') return `fault ${reply.fault.kind} ${JSON.stringify(reply.fault.members)}`;
    if (reply.kind === 'value') return encodeReturn({ method, version: '6.7' }, reply.value);
    void wrapReply({ method, version: '6.7' });
    return body;
  }
}

export * from './broker-specs.ts';

export const idIn = (xml: string): string => /<returnval[^>]*>([^<]*)</.exec(xml)?.[1] ?? '';
export const job = (n: number, more: Partial<Job> = {}): Job => ({
  id: hubId('job', n),
  verb: 'vm.start',
  host: HOST,
  target: hubId('vm', 10),
  targetName: 'vm 10',
  user: 'root',
  front: 'f',
  method: 'PowerOnVM_Task',
  nativeTarget: { type: 'VirtualMachine', id: '10' },
  operation: '',
  exchange: 'x',
  state: 'running',
  cancelled: false,
  cancelable: false,
  queuedMs: 1_700_000_000_000,
  version: 1,
  ...more,
});
export { fault };
