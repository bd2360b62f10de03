/** Questions about what could be done to a VM in; places that are free, hosts that fit, or the error that doing it would meet, out. */
import type { Brokered } from '../../generic/platform.ts';
import { refOf, xenId } from '../ids.ts';
import { MOST_USERDEVICE, MOST_VIF_DEVICE } from '../seats.ts';
import { takenDevices, takenUserdevices } from './devices.ts';
import { refuse } from './refusal.ts';
import { checkOperation, hostOf, xenVmOf } from './targets.ts';
import { type Answer, type Ending, ended, numberArg, textArg, type Work } from './work.ts';

const places = (most: number, taken: ReadonlySet<number>): string[] => {
  const free: string[] = [];
  for (let place = 0; place <= most; place++) if (!taken.has(place)) free.push(String(place));
  return free;
};

function* allowedVbdDevices(work: Work): Brokered<Ending> {
  const vm = yield* xenVmOf(work.self, work);
  return ended(places(MOST_USERDEVICE, vm.kind === 'vm' ? takenUserdevices(vm, work.context) : new Set()));
}

function* allowedVifDevices(work: Work): Brokered<Ending> {
  const vm = yield* xenVmOf(work.self, work);
  return ended(places(MOST_VIF_DEVICE, vm.kind === 'vm' ? takenDevices(vm, work.context) : new Set()));
}

function* possibleHosts(work: Work): Brokered<Ending> {
  yield* xenVmOf(work.self, work);
  const { front } = work.context;
  return ended([refOf(xenId('host', front.host), front)]);
}

function* assertCanBootHere(work: Work): Brokered<Ending> {
  const vm = yield* xenVmOf(work.self, work);
  const { doc: host } = yield* hostOf(textArg(work, 'host'), work);
  if (!host.connected) refuse('HOST_OFFLINE', textArg(work, 'host'));
  const needed = vm.kind === 'vm' ? vm.doc.memoryBytes : 0;
  if (needed > host.memoryBytes) refuse('HOST_NOT_ENOUGH_FREE_MEMORY', String(needed), String(host.memoryBytes));
  return ended();
}

function* assertOperationValid(work: Work): Brokered<Ending> {
  const vm = yield* xenVmOf(work.self, work);
  checkOperation(textArg(work, 'op'), vm, work);
  return ended();
}

/** They are computed whenever a record is read. */
function* updateAllowedOperations(work: Work): Brokered<Ending> {
  yield* xenVmOf(work.self, work);
  return ended();
}

/** What the hypervisor needs beside the guest's memory is its own affair. */
function* memoryOverhead(work: Work): Brokered<Ending> {
  yield* xenVmOf(work.self, work);
  return ended(0);
}

function* maximiseMemory(work: Work): Brokered<Ending> {
  yield* xenVmOf(work.self, work);
  return ended(numberArg(work, 'total'));
}

function* cooperative(work: Work): Brokered<Ending> {
  yield* xenVmOf(work.self, work);
  return ended(true);
}

/** A machine with a disk of this host's own could not run on another. */
function* assertAgile(work: Work): Brokered<Ending> {
  const vm = yield* xenVmOf(work.self, work);
  if (vm.kind !== 'vm') return ended();
  const { store, front } = work.context;
  const [storage] = store.edges(vm.id, 'storage');
  if (storage !== undefined) refuse('HA_CONSTRAINT_VIOLATION_SR_NOT_SHARED', refOf(xenId('SR', storage), front));
  return ended();
}

export const VM_ASSERTS: Readonly<Record<string, Answer>> = {
  'VM.get_allowed_VBD_devices': allowedVbdDevices,
  'VM.get_allowed_VIF_devices': allowedVifDevices,
  'VM.get_possible_hosts': possibleHosts,
  'VM.assert_can_boot_here': assertCanBootHere,
  'VM.assert_operation_valid': assertOperationValid,
  'VM.assert_agile': assertAgile,
  'VM.update_allowed_operations': updateAllowedOperations,
  'VM.compute_memory_overhead': memoryOverhead,
  'VM.maximise_memory': maximiseMemory,
  'VM.get_cooperative': cooperative,
};
