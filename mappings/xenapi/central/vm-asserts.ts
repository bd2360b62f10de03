/** Questions about what could be done to a VM in; places that are free, hosts that fit, or the error that doing it would meet, out. */
import type { Brokered } from '../../generic/platform.ts';
import { refOf, xenId } from '../ids.ts';
import type { Refused } from '../lifecycle.ts';
import { MOST_USERDEVICE, MOST_VIF_DEVICE } from '../seats.ts';
import { takenDevices, takenUserdevices } from './devices.ts';
import { isDisabled, theHost } from './host.ts';
import { refuse } from './refusal.ts';
import { checkOperation, type Found, hostOf, isUp, type XenVm, xenVmOf } from './targets.ts';
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

/** Why the machine cannot be started on the host. One that runs there is where it can be. */
const bootRefusal = (vm: XenVm, host: Found<'host'>, work: Work): Refused | undefined => {
  if (!host.doc.connected) return ['HOST_OFFLINE', host.ref];
  const isThere = vm.kind === 'dom0' || (vm.kind === 'vm' && isUp(vm));
  if (!isThere && isDisabled(host, work)) return ['HOST_DISABLED', host.ref];
  const needed = vm.kind === 'vm' ? vm.doc.memoryBytes : 0;
  if (needed > host.doc.memoryBytes)
    return ['HOST_NOT_ENOUGH_FREE_MEMORY', String(needed), String(host.doc.memoryBytes)];
  return undefined;
};

function* possibleHosts(work: Work): Brokered<Ending> {
  const vm = yield* xenVmOf(work.self, work);
  const host = yield* theHost(work);
  return ended(bootRefusal(vm, host, work) === undefined ? [host.ref] : []);
}

function* assertCanBootHere(work: Work): Brokered<Ending> {
  const vm = yield* xenVmOf(work.self, work);
  const host = yield* hostOf(textArg(work, 'host'), work);
  const refused = bootRefusal(vm, host, work);
  return refused === undefined ? ended() : refuse(...refused);
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
