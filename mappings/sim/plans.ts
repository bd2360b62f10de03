/** Central commands in, plans for the simulated host out. Every step carries a mark that its probe asks for and its undo takes back. */
import type { Command, Params, Verb } from '../generic/commands.ts';
import { done, fault, type Outcome, refused } from '../generic/faults.ts';
import { type HubId, kindOf, numberOf } from '../generic/ids.ts';
import type { Plan } from '../generic/plan.ts';
import type { PlanContext } from '../generic/platform.ts';
import type { Entry } from '../generic/store-view.ts';
import { HOST_NATIVE } from './machine/reading.ts';
import { volumeNative } from './machine/state.ts';
import { madeUuid } from './names.ts';
import { type Draft, drafted, touch } from './plans/draft.ts';
import { planChange, planClone, planCreate, planDelete } from './plans/vms.ts';

export const missing = (id: HubId): Outcome<never> =>
  refused(
    fault('object-not-found', { type: kindOf(id), id }, `The object "${id}" has been deleted or was never there.`),
  );

type Planner<V extends Verb> = (
  params: Params[V],
  target: Entry,
  context: PlanContext,
  draft: Draft,
) => Outcome<unknown> | Promise<Outcome<unknown>>;

/** One call on the VM itself. */
const onVm =
  <V extends Verb>(
    procedure: string,
    args: (params: Params[V], job: HubId) => Readonly<Record<string, unknown>> = () => ({}),
  ): Planner<V> =>
  (params, { native }, { job }, draft) => {
    draft.add(procedure, { vm: native, ...args(params, job) });
    draft.touches.push({ kind: 'vm', native });
    return done(undefined);
  };

const storageOf = (id: HubId, context: PlanContext): Outcome<string> => {
  const entry = context.store.entry(id);
  return entry?.kind === 'storage' ? done(entry.native) : missing(id);
};

const onVolume =
  <P extends { storage: HubId; name: string }>(
    procedure: string,
    args: (params: P) => Readonly<Record<string, unknown>>,
  ) =>
  (params: P, _target: Entry, context: PlanContext, draft: Draft): Outcome<unknown> => {
    const storage = storageOf(params.storage, context);
    if (!storage.ok) return storage;
    draft.queue = storage.value;
    draft.add(procedure, { storage: storage.value, name: params.name, ...args(params) });
    touch(draft, storage.value, params.name);
    return done(undefined);
  };

const volumeCopy: Planner<'volume.copy'> = ({ storage, name, toStorage, toName }, _target, context, draft) => {
  const [from, to] = [storageOf(storage, context), storageOf(toStorage, context)];
  if (!from.ok) return from;
  if (!to.ok) return to;
  draft.queue = to.value;
  draft.add('VOLUME.copy', { storage: from.value, name, toStorage: to.value, toName });
  touch(draft, to.value, toName);
  draft.makes = { kind: 'volume', native: volumeNative(to.value, toName) };
  return done(undefined);
};

const volumeCreate: Planner<'volume.create'> = (params, target, context, draft) => {
  const planned = onVolume<Params['volume.create']>('VOLUME.create', ({ capacityBytes, format, thin }) => ({
    capacityBytes,
    format: format === '' ? 'raw' : format,
    thin,
  }))(params, target, context, draft);
  if (planned.ok) draft.makes = { kind: 'volume', native: volumeNative(draft.queue, params.name) };
  return planned;
};

const onStorage =
  (procedure: string): Planner<'storage.refresh' | 'storage.delete'> =>
  (_params, { native }, context, draft) => {
    draft.add(procedure, { storage: native });
    draft.touches.push({ kind: 'storage', native });
    // What lies in a deleted storage is gone with it.
    if (procedure === 'STORAGE.delete')
      for (const { native: volume } of context.store.list('volume', draft.host))
        if (volume.startsWith(`${native}/`)) draft.touches.push({ kind: 'volume', native: volume });
    return done(undefined);
  };

const storageActive =
  (active: boolean): Planner<'storage.activate' | 'storage.deactivate'> =>
  (_params, { native }, _context, draft) => {
    draft.add('STORAGE.setActive', { storage: native, active });
    draft.touches.push({ kind: 'storage', native });
    return done(undefined);
  };

const storageCreate: Planner<'storage.create'> = (params, _target, { job }, draft) => {
  const { name, path, remoteHost, remotePath, uuid } = params;
  draft.add('STORAGE.create', {
    name,
    uuid: uuid ?? madeUuid(`${job} storage`),
    path: path === '' ? `/sim/${name}` : path,
    ...(remoteHost === undefined ? {} : { remoteHost }),
    ...(remotePath === undefined ? {} : { remotePath }),
  });
  draft.touches.push({ kind: 'storage', native: name });
  draft.makes = { kind: 'storage', native: name };
  return done(undefined);
};

const networkCreate: Planner<'network.create'> = ({ name, bridge, uplinks }, _target, { job }, draft) => {
  draft.add('NETWORK.create', { name, bridge, uplinks: [...uplinks], uuid: madeUuid(`${job} network`) });
  draft.touches.push({ kind: 'network', native: name });
  draft.makes = { kind: 'network', native: name };
  return done(undefined);
};

const onNetwork =
  <V extends 'network.addPortgroup' | 'network.removePortgroup' | 'network.delete'>(procedure: string): Planner<V> =>
  (params, { native }, _context, draft) => {
    draft.add(procedure, { ...params, network: native });
    draft.touches.push({ kind: 'network', native });
    return done(undefined);
  };

/** Who waits for a guest waits beside the VM's queue: pulling the plug must not wait for it. */
const shutdownGuest: Planner<'vm.shutdownGuest'> = (params, target, context, draft) => {
  const { awaitMs } = params;
  const { native } = target;
  if (awaitMs === undefined) return onVm<'vm.shutdownGuest'>('VM.shutdown')(params, target, context, draft);
  draft.queue = `guest:${native}`;
  draft.addAwaited('VM.shutdown', { vm: native }, { probe: 'stopped', args: { vm: native } }, awaitMs);
  draft.touches.push({ kind: 'vm', native });
  return done(undefined);
};

/** Unique in the VM, and known before the snapshot is there. */
const snapshotNative = (job: HubId): string => `snapshot-of-job-${numberOf(job)}`;

const snapshotCreate: Planner<'snapshot.create'> = (params, target, context, draft) => {
  const native = snapshotNative(context.job);
  draft.makes = { kind: 'snapshot', native };
  return onVm<'snapshot.create'>('SNAPSHOT.create', ({ name, description, memory, quiesce }) => ({
    snapshot: native,
    name,
    description,
    memory,
    quiesce,
  }))(params, target, context, draft);
};

const maintenance =
  (on: boolean): Planner<'host.enterMaintenance' | 'host.exitMaintenance'> =>
  (_params, _target, _context, draft) => {
    draft.add('HOST.setMaintenance', { on });
    draft.touches.push({ kind: 'host', native: HOST_NATIVE });
    return done(undefined);
  };

/** It exists as long as the program that simulates it. */
const noPower: Planner<'host.reboot' | 'host.shutdown'> = () =>
  refused(fault('not-supported', {}, 'The simulated host has no power switch.'));

const PLANNERS: { readonly [V in Verb]: Planner<V> } = {
  'vm.start': onVm('VM.start', ({ paused }) => (paused === true ? { paused } : {})),
  'vm.stop': onVm('VM.stop'),
  'vm.reset': onVm('VM.reset'),
  'vm.suspend': onVm('VM.suspend'),
  'vm.pause': onVm('VM.pause'),
  'vm.resume': onVm('VM.resume'),
  'vm.shutdownGuest': shutdownGuest,
  'vm.rebootGuest': onVm('VM.reboot'),
  'vm.create': planCreate,
  'vm.change': planChange,
  'vm.rename': onVm('VM.rename', ({ name }) => ({ name })),
  'vm.delete': planDelete,
  'vm.clone': planClone,
  'vm.setAutostart': onVm('VM.setAutostart', ({ autostart }) => ({ autostart })),
  'snapshot.create': snapshotCreate,
  'snapshot.revert': onVm('SNAPSHOT.revert', ({ snapshot, start }) => ({ snapshot, start: start === true })),
  'snapshot.delete': onVm('SNAPSHOT.delete', ({ snapshot, children }) => ({ snapshot, children })),
  'snapshot.deleteAll': onVm('SNAPSHOT.deleteAll'),
  'snapshot.rename': onVm('SNAPSHOT.rename', ({ snapshot, name, description }) => ({
    snapshot,
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
  })),
  'volume.create': volumeCreate,
  'volume.delete': onVolume('VOLUME.delete', () => ({})),
  'volume.copy': volumeCopy,
  'volume.resize': onVolume<Params['volume.resize']>('VOLUME.resize', ({ capacityBytes }) => ({ capacityBytes })),
  'storage.refresh': onStorage('STORAGE.refresh'),
  'storage.create': storageCreate,
  'storage.activate': storageActive(true),
  'storage.deactivate': storageActive(false),
  'storage.delete': onStorage('STORAGE.delete'),
  'network.create': networkCreate,
  'network.addPortgroup': onNetwork('NETWORK.addPortgroup'),
  'network.removePortgroup': onNetwork('NETWORK.removePortgroup'),
  'network.delete': onNetwork('NETWORK.delete'),
  'host.enterMaintenance': maintenance(true),
  'host.exitMaintenance': maintenance(false),
  'host.reboot': noPower,
  'host.shutdown': noPower,
};

/** The kind each verb's target has; volumes are named by storage and name, whatever the target. */
const targetKind = (verb: Verb): Entry['kind'] | undefined => {
  if (verb.startsWith('volume.')) return undefined;
  if (verb.startsWith('host.')) return 'host';
  if (verb.endsWith('.create') && !verb.startsWith('snapshot.')) return 'host';
  if (verb.startsWith('storage.')) return 'storage';
  return verb.startsWith('network.') ? 'network' : 'vm';
};

export const plan = async (command: Command, context: PlanContext): Promise<Outcome<Plan>> => {
  const target = context.store.entry(command.target);
  const kind = targetKind(command.verb);
  if (!target || (kind !== undefined && target.kind !== kind)) return missing(command.target);
  const draft = drafted(command.host, context.job, kind === 'vm' ? target.native : HOST_NATIVE);
  const planned = await (PLANNERS[command.verb] as Planner<Verb>)(command.params, target, context, draft);
  if (!planned.ok) return planned;
  return done(draft.plan());
};
