/** A host in memory for tests of writes: documents in, a broker context out that carries out the commands it is given and notes them. */
import type { Call, Reply, Session } from '../../../../mappings/generic/call.ts';
import type { Command, DiskSpec, Params } from '../../../../mappings/generic/commands.ts';
import { done, type Fault, fault, type Outcome, refused } from '../../../../mappings/generic/faults.ts';
import { type HubId, hubId } from '../../../../mappings/generic/ids.ts';
import type { Job } from '../../../../mappings/generic/jobs.ts';
import type { DocumentKind, Documents, PowerState, Vm } from '../../../../mappings/generic/model.ts';
import type { FollowUp } from '../../../../mappings/generic/plan.ts';
import type { BrokerContext, Brokered, Effect, Resume } from '../../../../mappings/generic/platform.ts';
import type { RenderedMember } from '../../../../mappings/generic/store-view.ts';
import { applyChange, diskOfSpec } from '../../../../mappings/generic/vm-change.ts';
import { PlainText } from '../../../../mappings/xenapi/broker/item.ts';
import { centralCall, centralFollow } from '../../../../mappings/xenapi/central/central.ts';
import { xenError } from '../../../../mappings/xenapi/faults.ts';
import { type Default, resolveCall } from '../../../../mappings/xenapi/types.ts';
import { driveBy, type Entries, fixedDice, ownValuesIn, renderIn, storeOf } from '../../entry-store.ts';
import {
  front,
  GIB,
  HOST,
  hostDoc,
  ISO,
  NETWORK,
  NOW,
  networkDoc,
  POOL,
  SPARE,
  storageDoc,
  VOLUME,
  volumeDoc,
  WEB,
  webDoc,
} from './estate.ts';

export interface TestHost {
  readonly context: BrokerContext;
  readonly commands: { readonly how: 'run' | 'start'; readonly method: string; readonly command: Command }[];
  /** Outcomes of jobs that were settled. */
  readonly settled: Outcome[];
  /** Sessions of the front. */
  readonly loggedIn: ReadonlySet<string>;
  put<K extends DocumentKind>(kind: K, id: HubId, doc: Documents[K]): void;
  /** Gone, by another way than ours. */
  drop(id: HubId): void;
  web(): Vm;
  /** The VM as it shall stand. */
  setWeb(more: Partial<Vm>): void;
  relate(id: HubId, to: DocumentKind, others: HubId[]): void;
  /** The next command of the verb ends so. */
  failNext(verb: Command['verb'], reason: Fault): void;
  /** What a record shows of a class that is not rendered in these tests. */
  show(owner: HubId, cls: string, shown: string, fields: Readonly<Record<string, Default>>): void;
  call(method: string, self: string, args?: Readonly<Record<string, unknown>>): Reply;
  /** Anything that a broker does, to its end. */
  drive<T>(work: Brokered<T>): T;
  /** The value, or the error as `[code, ...params]`. */
  value(method: string, self: string, args?: Readonly<Record<string, unknown>>): unknown;
}

const MOVES: Readonly<Partial<Record<Command['verb'], PowerState>>> = {
  'vm.start': 'running',
  'vm.stop': 'stopped',
  'vm.suspend': 'suspended',
  'vm.pause': 'paused',
  'vm.resume': 'running',
  'vm.shutdownGuest': 'stopped',
};

export const testHost = (): TestHost => {
  const entries: Entries = new Map();
  const edges = new Map<string, HubId[]>();
  const own = new Map<string, unknown>();
  const members = new Map<HubId, RenderedMember[]>();
  const failures: { verb: Command['verb']; reason: Fault }[] = [];
  const commands: TestHost['commands'] = [];
  const settled: Outcome[] = [];
  const jobsById = new Map<HubId, Job>();
  const loggedIn = new Set(['s', 'another']);
  let jobs = 100;
  let minted = 200;
  let version = 10;

  const docOf = <K extends DocumentKind>(id: HubId): Documents[K] => entries.get(id)?.doc as Documents[K];
  const put = <K extends DocumentKind>(kind: K, id: HubId, doc: Documents[K]): void => {
    const { name, uuid = '' } = doc as { name: string; uuid?: string };
    const native = uuid === '' ? name : uuid;
    entries.set(id, {
      entry: { id, kind, host: HOST, native, name, uuid, facts: {}, version: ++version, stale: false },
      doc,
      rendered: false,
    });
  };
  const volumesOf = (vm: Vm): HubId[] => [...vm.disks, ...vm.cdroms].flatMap(({ medium }) => medium?.volume ?? []);
  const putVm = (id: HubId, doc: Vm): void => {
    put('vm', id, doc);
    edges.set(`${id} storage`, [POOL]);
    for (const [other, { entry }] of entries)
      if (entry.kind === 'volume')
        edges.set(
          `${other} vm`,
          [...entries.values()].flatMap((one) =>
            one.entry.kind === 'vm' && volumesOf(one.doc as Vm).includes(other) ? [one.entry.id] : [],
          ),
        );
  };
  const made = (kind: 'vm' | 'volume' | 'network' | 'storage' | 'snapshot'): HubId => hubId(kind, ++minted);
  const volumeFor = (spec: DiskSpec): DiskSpec => {
    if (!spec.create) return spec;
    const id = made('volume');
    const { storage, volumeName: name, capacityBytes } = spec.create;
    put('volume', id, volumeDoc(name, { capacityBytes }));
    edges.set(`${id} storage`, [storage]);
    return { ...spec, medium: { ...spec.medium, volume: id } };
  };

  type DiskChange = NonNullable<NonNullable<Params['vm.change']['change']['disks']>['change']>[number];
  const movedFor = ({ moveTo, ...one }: DiskChange): DiskChange => {
    if (!moveTo) return one;
    const { storage, volumeName } = moveTo;
    const volume = made('volume');
    const storageName = entries.get(storage)?.entry.name ?? '';
    put('volume', volume, volumeDoc(volumeName, { storageName }));
    edges.set(`${volume} storage`, [storage]);
    return { ...one, to: { ...one.to, medium: { storageName, storage, volume, volumeName } } };
  };

  /** What the command does to the documents; a job's result. */
  const carryOut = ({ verb, target, params }: Command): HubId | Fault | undefined => {
    const failing = failures.findIndex((one) => one.verb === verb);
    if (failing >= 0) return failures.splice(failing, 1)[0]?.reason;
    const to = MOVES[verb];
    if (to !== undefined) {
      const { paused } = params as Params['vm.start'];
      putVm(target, { ...docOf<'vm'>(target), powerState: paused === true ? 'paused' : to });
      return undefined;
    }
    switch (verb) {
      case 'vm.change': {
        const { change } = params as Params['vm.change'];
        const disks = change.disks && {
          ...change.disks,
          ...(change.disks.add ? { add: change.disks.add.map(volumeFor) } : {}),
          ...(change.disks.change ? { change: change.disks.change.map(movedFor) } : {}),
        };
        const after = applyChange(docOf<'vm'>(target), { ...change, ...(disks ? { disks } : {}) });
        if (!after.ok) return after.fault;
        putVm(target, after.value);
        return undefined;
      }
      case 'vm.create': {
        const { vm, disks } = params as Params['vm.create'];
        const id = made('vm');
        putVm(id, { ...vm, disks: disks.map(volumeFor).map(diskOfSpec) });
        return id;
      }
      case 'vm.clone': {
        const { name, uuid, template, change } = params as Params['vm.clone'];
        const after = applyChange({ ...docOf<'vm'>(target), name, uuid, template, snapshots: [], nics: [] }, change);
        if (!after.ok) return after.fault;
        const id = made('vm');
        putVm(id, after.value);
        return id;
      }
      case 'vm.delete':
        entries.delete(target);
        return undefined;
      case 'volume.create': {
        const { storage, name, capacityBytes, format } = params as Params['volume.create'];
        const id = made('volume');
        put('volume', id, volumeDoc(name, { capacityBytes, format }));
        edges.set(`${id} storage`, [storage]);
        return id;
      }
      case 'volume.copy': {
        const id = made('volume');
        put('volume', id, volumeDoc((params as Params['volume.copy']).toName));
        return id;
      }
      case 'snapshot.create':
        return made('snapshot');
      case 'network.create':
        return made('network');
      case 'storage.create':
        return made('storage');
      default:
        return undefined;
    }
  };

  const store = storeOf(entries, edges, { rendered: (id) => members.get(id) });
  const context = {
    front,
    session: { id: 's', role: 'administrator' } as unknown as Session,
    now: () => NOW,
    nextVersion: () => ++version,
    random: fixedDice(),
    store,
    jobs: {
      get: (id: HubId) => jobsById.get(id),
      cancel: (id: HubId) => jobsById.get(id)?.cancelable === true,
      list: () => [...jobsById.values()],
      changedSince: () => [],
    },
    own: ownValuesIn(own),
    sessions: {
      list: () => [...loggedIn].map((id) => ({ id })),
      terminate: (id: string) => loggedIn.delete(id),
    },
  } as unknown as BrokerContext;
  const job = (method: string, more: Partial<Job>): Job => {
    const record = { id: hubId('job', ++jobs), method, state: 'success', cancelable: false, ...more } as Job;
    jobsById.set(record.id, record);
    return record;
  };
  const endOf = (outcome: Outcome): Partial<Job> =>
    outcome.ok
      ? { state: 'success', ...(outcome.value === undefined ? {} : { result: outcome.value }) }
      : { state: 'error', fault: outcome.fault };
  /** As a journal gives it back. */
  const journaled = (then: FollowUp): FollowUp => JSON.parse(JSON.stringify(then)) as FollowUp;
  const serve = (effect: Effect): Resume => {
    switch (effect.effect) {
      case 'render':
        return renderIn(entries, effect.ids);
      case 'run':
      case 'start': {
        const { command, call, then } = effect;
        commands.push({ how: effect.effect, method: call.method, command });
        const result = carryOut(command);
        const outcome = typeof result === 'object' ? refused(result) : done(result);
        const { method, target: nativeTarget, operation } = call;
        const record = job(method, { nativeTarget, operation });
        return Object.assign(
          record,
          endOf(then === undefined ? outcome : drive(centralFollow(record, journaled(then), outcome, context))),
        );
      }
      case 'settle':
        settled.push(effect.outcome);
        return job(effect.call.method, endOf(effect.outcome));
      default:
        throw new Error(`no ${effect.effect} here`);
    }
  };
  const drive = driveBy(serve);
  const host: TestHost = {
    context,
    commands,
    settled,
    loggedIn,
    put,
    drop: (id) => void entries.delete(id),
    web: () => docOf<'vm'>(WEB),
    setWeb: (more) => putVm(WEB, { ...docOf<'vm'>(WEB), ...more }),
    relate: (id, to, others) => void edges.set(`${id} ${to}`, others),
    failNext: (verb, reason) => void failures.push({ verb, reason }),
    show: (owner, cls, shown, fields) => {
      const text = new PlainText(cls, fields).text(cls, undefined);
      members.set(owner, [...(members.get(owner) ?? []), { type: cls, id: shown, text } as unknown as RenderedMember]);
    },
    drive,
    call: (method, self, args = {}) => {
      const message = resolveCall(method)?.message;
      if (!message) throw new Error(`no method ${method}`);
      const call: Call = {
        method,
        target: { type: message.class, id: self },
        args,
        version: 'xmlrpc',
        operation: '',
      };
      return drive(centralCall(call, context));
    },
    value: (method, self, args) => {
      const reply = host.call(method, self, args);
      if (reply.kind === 'value') return reply.value;
      if (reply.kind !== 'fault') throw new Error('a body');
      const { code, params } = xenError(reply.fault, {
        front,
        call: { method, target: { type: method.split('.')[0] ?? '', id: self }, args: args ?? {} },
      });
      return [code, ...params];
    },
  };
  put('host', HOST, hostDoc);
  put('storage', POOL, storageDoc('default'));
  put('network', NETWORK, networkDoc);
  put('volume', VOLUME, volumeDoc('web.qcow2'));
  put('volume', SPARE, volumeDoc('spare.qcow2', { capacityBytes: 2 * GIB }));
  put('volume', ISO, volumeDoc('debian.iso', { format: 'iso', capacityBytes: GIB }));
  for (const id of [VOLUME, SPARE, ISO]) edges.set(`${id} storage`, [POOL]);
  putVm(WEB, webDoc());
  return host;
};

export const onlyCommand = (host: TestHost): Command => {
  if (host.commands.length !== 1)
    throw new Error(`${host.commands.length} commands: ${host.commands.map(({ command }) => command.verb).join()}`);
  return host.commands[0]?.command as Command;
};

/** Attributes of an owner as an object. */
export const kept = (vm: Pick<Vm, 'attributes'>, owner = 'xenapi'): Record<string, string> =>
  Object.fromEntries(vm.attributes.filter((one) => one.owner === owner).map(({ key, value }) => [key, value]));

export * from './estate.ts';
export { done, fault, refused };
