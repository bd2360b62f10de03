/** A call of a `central` row in, the commands and effects that answer it out. */
import type { Call, Reply } from '../../generic/call.ts';
import { type Command, command } from '../../generic/commands.ts';
import { fault, refused } from '../../generic/faults.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import { table } from '../../generic/table.ts';
import { rowOf } from '../commands.ts';
import { searchDatastore, searchDatastoreSubFolders } from '../datastore/browser.ts';
import { copyFile, deleteFile, makeDirectory, moveFile } from '../datastore/files.ts';
import { hubIdOf } from '../ids.ts';
import { createVm } from './create.ts';
import { run, settle, start, value } from './effects.ts';
import { destroyEntity, markTemplate, rebootGuest, renameEntity, unregisterVm } from './entity.ts';
import {
  addPortGroup,
  addVirtualSwitch,
  removePortGroup,
  removeVirtualSwitch,
  updatePortGroup,
  updateVirtualSwitch,
} from './host-network.ts';
import {
  createLocalDatastore,
  createNasDatastore,
  reconfigureAutostart,
  removeDatastore,
  rescan,
} from './host-storage.ts';
import { targetOf } from './inventory.ts';
import { reconfigureVm } from './reconfigure.ts';
import { Refusal, refuse, refuseDirectly } from './refusal.ts';
import { registerVm } from './registration.ts';
import { createScreenshot } from './screenshot.ts';
import {
  createSnapshot,
  removeAllSnapshots,
  removeSnapshot,
  renameSnapshot,
  revertToCurrent,
  revertToSnapshot,
} from './snapshots.ts';
import {
  copyVirtualDisk,
  createVirtualDisk,
  deleteVirtualDisk,
  extendVirtualDisk,
  moveVirtualDisk,
  queryVirtualDiskUuid,
} from './virtual-disks.ts';

type Answer = (call: Call, context: BrokerContext) => Brokered;

/** Volumes that the VM uses are read anew; nothing is cached beside the store. */
function* refreshStorageInfo(call: Call, context: BrokerContext): Brokered {
  const vm = yield* targetOf('vm', call, context);
  for (const storage of context.store.edges(vm.id, 'storage'))
    yield* run(call, command('storage.refresh', vm.entry.host, storage, {}));
  return value();
}

/** Refused by a standalone ESXi host itself. */
function* onlyVcenter(call: Call, context: BrokerContext): Brokered {
  yield* targetOf('vm', call, context);
  return refuseDirectly('not-supported', {}, 'This is an operation of vCenter Server.');
}

/** As ESXi answers it: clients then start the machines one by one. */
// biome-ignore lint/correctness/useYield: an answer like the others
function* powerOnMulti(): Brokered {
  return refuse('not-implemented', {});
}

/** The store follows the host by itself. */
// biome-ignore lint/correctness/useYield: an answer like the others
function* upToDate(): Brokered {
  return value();
}

/** No virtual machine here ever asks a question. */
function* noQuestion(call: Call, context: BrokerContext): Brokered {
  yield* targetOf('vm', call, context);
  return refuseDirectly('invalid-argument', { property: 'questionId' });
}

function* noConsole(call: Call, context: BrokerContext): Brokered {
  yield* targetOf('vm', call, context);
  return refuseDirectly('not-supported', {}, 'Consoles are opened on the host itself.');
}

const ANSWERS = table<Answer>({
  AddPortGroup: addPortGroup,
  AddVirtualSwitch: addVirtualSwitch,
  AcquireTicket: noConsole,
  AnswerVM: noQuestion,
  CloneVM_Task: onlyVcenter,
  CopyDatastoreFile_Task: copyFile,
  CopyVirtualDisk_Task: copyVirtualDisk,
  CreateChildVM_Task: createVm,
  CreateLocalDatastore: createLocalDatastore,
  CreateNasDatastore: createNasDatastore,
  CreateScreenshot_Task: createScreenshot,
  CreateSnapshotEx_Task: createSnapshot,
  CreateSnapshot_Task: createSnapshot,
  CreateVM_Task: createVm,
  CreateVirtualDisk_Task: createVirtualDisk,
  DeleteDatastoreFile_Task: deleteFile,
  DeleteVirtualDisk_Task: deleteVirtualDisk,
  Destroy_Task: destroyEntity,
  ExtendVirtualDisk_Task: extendVirtualDisk,
  MakeDirectory: makeDirectory,
  MarkAsTemplate: markTemplate,
  MarkAsVirtualMachine: markTemplate,
  MoveDatastoreFile_Task: moveFile,
  MoveVirtualDisk_Task: moveVirtualDisk,
  PowerOnMultiVM_Task: powerOnMulti,
  QueryVirtualDiskUuid: queryVirtualDiskUuid,
  RebootGuest: rebootGuest,
  ReconfigVM_Task: reconfigureVm,
  ReconfigureAutostart: reconfigureAutostart,
  RefreshNetworkSystem: upToDate,
  RefreshStorageInfo: refreshStorageInfo,
  RefreshStorageSystem: rescan,
  RegisterVM_Task: registerVm,
  Reload: upToDate,
  RemoveAllSnapshots_Task: removeAllSnapshots,
  RemoveDatastore: removeDatastore,
  RemovePortGroup: removePortGroup,
  RemoveSnapshot_Task: removeSnapshot,
  RemoveVirtualSwitch: removeVirtualSwitch,
  RenameSnapshot: renameSnapshot,
  Rename_Task: renameEntity,
  RescanAllHba: rescan,
  RescanHba: rescan,
  RescanVmfs: rescan,
  RevertToCurrentSnapshot_Task: revertToCurrent,
  RevertToSnapshot_Task: revertToSnapshot,
  SearchDatastoreSubFolders_Task: searchDatastoreSubFolders,
  SearchDatastore_Task: searchDatastore,
  UnregisterVM: unregisterVm,
  UpdatePortGroup: updatePortGroup,
  UpdateVirtualSwitch: updateVirtualSwitch,
});

/** Methods answered here: each has a row of the command table (a test compares them). */
export const centralMethods: readonly string[] = Object.keys(ANSWERS);

/** A direct row whose agent had no lease on the VM. */
function* directly(call: Call, context: BrokerContext): Brokered {
  const row = rowOf(call.method);
  if (row?.verb === undefined) return { kind: 'fault', fault: fault('not-supported', {}, '') };
  const id = hubIdOf({ type: call.target.type, value: call.target.id });
  const entry = id && context.store.entry(id);
  if (!entry || entry.host !== context.front.host)
    return refuseDirectly('object-not-found', { type: call.target.type, id: call.target.id });
  if (entry.kind === 'vm') {
    const { doc } = yield* targetOf('vm', call, context);
    // A template never runs (vSphere API, PowerOnVM_Task).
    if (doc.template) refuseDirectly('invalid-state', {});
  }
  const wanted = { verb: row.verb, host: entry.host, target: entry.id, params: {} } as Command;
  if (row.job === true) return yield* start(call, wanted);
  yield* run(call, wanted);
  return value();
}

export function* centralCall(call: Call, context: BrokerContext): Brokered<Reply> {
  try {
    return yield* (ANSWERS[call.method] ?? directly)(call, context);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const row = rowOf(call.method);
    if (row?.job !== true || error.direct) return { kind: 'fault', fault: error.fault };
    // What is wrong with an operation is told by its task.
    const id = hubIdOf({ type: call.target.type, value: call.target.id });
    const target = id && context.store.entry(id) ? id : context.front.host;
    return yield* settle(call, target, refused(error.fault));
  }
}
