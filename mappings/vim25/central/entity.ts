/** Destroy, rename, unregister, templates and the guest's own power: calls on a managed entity in, commands on its VM out. */
import type { Call } from '../../generic/call.ts';
import { command } from '../../generic/commands.ts';
import { done } from '../../generic/faults.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import { volumeNameOf } from '../../generic/volume-path.ts';
import { deleteOwn, putOwn, volumesOf } from '../datastore/tree.ts';
import { formatVmx } from '../datastore/vmx.ts';
import { escapeName, parseDatastorePath } from '../names.ts';
import { childPools, forgetMachine, placeMachine, poolOf, putPool, removePool } from '../pools.ts';
import { vmPathOf } from '../render/vm-input.ts';
import { checkPlacement } from './create.ts';
import { run, settle, start, value } from './effects.ts';
import { type Found, isNamed, isOn, storages, targetOf } from './inventory.ts';
import { refuseOtherName } from './reconfigure.ts';
import { refuse, refuseDirectly } from './refusal.ts';
import { nameOf } from './vm-names.ts';

const needsStopped = ({ doc }: Found<'vm'>, direct: boolean): void => {
  if (doc.powerState === 'stopped') return;
  const members = { requested: 'stopped', existing: doc.powerState } as const;
  if (direct) refuseDirectly('wrong-state', members);
  else refuse('wrong-state', members);
};

const isVm = ({ target }: Call): boolean => target.type === 'VirtualMachine';

/** The storage and path of the VM's .vmx file. */
function* filesOf(
  vm: Found<'vm'>,
  context: BrokerContext,
): Brokered<{ text: string; storage?: Found<'storage'>; path: string }> {
  const all = yield* storages(context);
  const docs = all.map(({ doc }) => doc);
  const at = parseDatastorePath(vmPathOf(vm.doc, docs));
  const storage = at && all.find(({ doc }) => isNamed(doc, at.datastore));
  return { text: formatVmx(vm.doc, docs), path: at?.path ?? '', ...(storage ? { storage } : {}) };
}

/** A child pool: what was in it is in its parent then. */
function* destroyPool(call: Call, context: BrokerContext): Brokered {
  const pool = poolOf(context, call.target.id);
  if (!pool) return refuseDirectly('not-supported', {}, 'The root pool is the whole host.');
  removePool(context, pool);
  return yield* settle(call, context.front.host, done(undefined));
}

function* renamePool(call: Call, context: BrokerContext): Brokered {
  const pool = poolOf(context, call.target.id);
  if (!pool) return refuseDirectly('not-supported', {}, 'The root pool is the whole host.');
  const name = nameOf(call.args['newName'] as string);
  if (childPools(context, pool.parent).some((other) => other.name === name && other.moid !== pool.moid))
    refuse('duplicate-name', { name: escapeName(name) });
  putPool(context, { ...pool, name });
  return yield* settle(call, context.front.host, done(undefined));
}

export function* destroyEntity(call: Call, context: BrokerContext): Brokered {
  if (call.target.type === 'ResourcePool') return yield* destroyPool(call, context);
  if (!isVm(call))
    return refuseDirectly('not-supported', {}, 'A standalone host keeps its folders, pools, datastores and networks.');
  const vm = yield* targetOf('vm', call, context);
  // ESXi destroys a suspended machine.
  if (isOn(vm.doc)) refuse('wrong-state', { requested: 'stopped', existing: vm.doc.powerState });
  const { storage, path } = yield* filesOf(vm, context);
  // What an earlier registration left behind; while the VM is there its file is made from it.
  if (storage) deleteOwn(context.own, storage.id, path);
  const uploaded = storage && volumesOf(storage.entry, context).find(({ name }) => name === volumeNameOf(path));
  if (storage && uploaded)
    yield* run(call, command('volume.delete', vm.entry.host, storage.id, { storage: storage.id, name: uploaded.name }));
  forgetMachine(context, vm.entry.uuid);
  return yield* start(call, command('vm.delete', vm.entry.host, vm.id, { deleteVolumes: true }));
}

export function* renameEntity(call: Call, context: BrokerContext): Brokered {
  if (call.target.type === 'ResourcePool') return yield* renamePool(call, context);
  if (!isVm(call)) return refuseDirectly('not-supported', {}, 'Only virtual machines can be renamed on this host.');
  const vm = yield* targetOf('vm', call, context);
  const name = nameOf(call.args['newName'] as string);
  refuseOtherName(name, vm, context);
  if (name === vm.doc.name) return yield* settle(call, vm.id, done(undefined));
  return yield* start(call, command('vm.rename', vm.entry.host, vm.id, { name }));
}

export function* unregisterVm(call: Call, context: BrokerContext): Brokered {
  const vm = yield* targetOf('vm', call, context);
  if (isOn(vm.doc)) refuseDirectly('wrong-state', { requested: 'stopped', existing: vm.doc.powerState });
  const { storage, path, text } = yield* filesOf(vm, context);
  if (!storage || path === '')
    return refuseDirectly('invalid-state', {}, 'No datastore can keep the configuration of this virtual machine.');
  // First, so that no machine is gone without its file; while it is there the file made from it stands before this one.
  putOwn(context.own, storage.id, path, {
    kind: 'file',
    base64: Buffer.from(text).toString('base64'),
    modifiedMs: context.now(),
  });
  yield* run(call, command('vm.delete', vm.entry.host, vm.id, { deleteVolumes: false }));
  return value();
}

export function* markTemplate(call: Call, context: BrokerContext): Brokered {
  const vm = yield* targetOf('vm', call, context);
  const template = call.method === 'MarkAsTemplate';
  const pool = template ? undefined : checkPlacement(call.args['pool'], call.args['host'], context);
  if (vm.doc.template === template)
    refuseDirectly('not-supported', {}, template ? 'It is a template already.' : 'It is no template.');
  needsStopped(vm, true);
  yield* run(call, command('vm.change', vm.entry.host, vm.id, { change: { template } }));
  if (pool !== undefined) placeMachine(context, vm.entry.uuid, pool);
  return value();
}

/** RebootGuest needs VMware Tools, or the guest agent that stands for them. */
export function* rebootGuest(call: Call, context: BrokerContext): Brokered {
  const vm = yield* targetOf('vm', call, context);
  if (vm.doc.powerState !== 'running')
    refuseDirectly('wrong-state', { requested: 'running', existing: vm.doc.powerState });
  if (!vm.doc.guest.toolsRunning) refuseDirectly('tools-unavailable', {});
  yield* run(call, command('vm.rebootGuest', vm.entry.host, vm.id, {}));
  return value();
}
