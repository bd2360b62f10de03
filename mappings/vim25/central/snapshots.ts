/** Calls on snapshots in, `snapshot.*` commands on their VM out. */
import type { Call } from '../../generic/call.ts';
import { command, type Params } from '../../generic/commands.ts';
import { done } from '../../generic/faults.ts';
import type { Snapshot } from '../../generic/model.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import { hubIdOf, refOf } from '../ids.ts';
import { run, settle, start, value } from './effects.ts';
import { type Found, isOn, objectOf, targetOf } from './inventory.ts';
import { refuse, refuseDirectly } from './refusal.ts';
import { nameOf } from './vm-names.ts';

/** The snapshot that a call is on, with its VM. */
function* snapshotOf({ target }: Call, context: BrokerContext): Brokered<{ vm: Found<'vm'>; snapshot: Snapshot }> {
  const missing = (): never => refuseDirectly('object-not-found', { type: target.type, id: target.id });
  const id = hubIdOf({ type: target.type, value: target.id });
  const owned = id && context.store.owner(id);
  const ref = owned && refOf(owned.owner);
  if (!ref) return missing();
  const vm = yield* objectOf('vm', ref, context);
  const snapshot = vm.doc.snapshots.find(({ native }) => native === owned.match);
  return snapshot ? { vm, snapshot } : missing();
}

export function* createSnapshot(call: Call, context: BrokerContext): Brokered {
  const vm = yield* targetOf('vm', call, context);
  const {
    name,
    description = '',
    memory,
    quiesce,
    quiesceSpec,
  } = call.args as {
    name: string;
    description?: string;
    memory: boolean;
    quiesce?: boolean;
    quiesceSpec?: unknown;
  };
  // Without a running guest there is no memory to keep and nobody to quiesce; ESXi leaves both out silently.
  const keepsMemory = memory && isOn(vm.doc);
  const params: Params['snapshot.create'] = {
    name: nameOf(name),
    description,
    memory: keepsMemory,
    quiesce: (quiesce === true || quiesceSpec !== undefined) && !keepsMemory && vm.doc.guest.toolsRunning,
  };
  return yield* start(call, command('snapshot.create', vm.entry.host, vm.id, params));
}

const revertParams = ({ native }: Snapshot, args: Call['args']): Params['snapshot.revert'] => ({
  snapshot: native,
  ...(args['suppressPowerOn'] === true ? { start: false } : {}),
});

export function* revertToSnapshot(call: Call, context: BrokerContext): Brokered {
  const { vm, snapshot } = yield* snapshotOf(call, context);
  return yield* start(call, command('snapshot.revert', vm.entry.host, vm.id, revertParams(snapshot, call.args)));
}

export function* revertToCurrent(call: Call, context: BrokerContext): Brokered {
  const vm = yield* targetOf('vm', call, context);
  const current = vm.doc.snapshots.find((snapshot) => snapshot.current);
  if (!current) return refuse('not-found', {});
  return yield* start(call, command('snapshot.revert', vm.entry.host, vm.id, revertParams(current, call.args)));
}

export function* removeSnapshot(call: Call, context: BrokerContext): Brokered {
  const { vm, snapshot } = yield* snapshotOf(call, context);
  const params = { snapshot: snapshot.native, children: call.args['removeChildren'] === true };
  return yield* start(call, command('snapshot.delete', vm.entry.host, vm.id, params));
}

export function* removeAllSnapshots(call: Call, context: BrokerContext): Brokered {
  const vm = yield* targetOf('vm', call, context);
  if (vm.doc.snapshots.length === 0) return yield* settle(call, vm.id, done(undefined));
  return yield* start(call, command('snapshot.deleteAll', vm.entry.host, vm.id, {}));
}

export function* renameSnapshot(call: Call, context: BrokerContext): Brokered {
  const { vm, snapshot } = yield* snapshotOf(call, context);
  const { name, description } = call.args as { name?: string; description?: string };
  const params: Params['snapshot.rename'] = {
    snapshot: snapshot.native,
    ...(name === undefined || name === '' ? {} : { name: nameOf(name, true) }),
    ...(description === undefined ? {} : { description }),
  };
  yield* run(call, command('snapshot.rename', vm.entry.host, vm.id, params));
  return value();
}
