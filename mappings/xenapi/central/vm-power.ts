/** VM.start and its kin in, power verbs of the hub out: after the lifecycle's checks, with what a start brings along. */
import type { Outcome } from '../../generic/faults.ts';
import type { Brokered } from '../../generic/platform.ts';
import type { Follower } from './follow-ups.ts';
import { isDisabled, theHost } from './host.ts';
import { attachPending } from './pending-devices.ts';
import { Refusal, refuse } from './refusal.ts';
import { checkOperation, type Found, hostOf, idOf, machineOf, onlyMachine, xenVmOf } from './targets.ts';
import { type Answer, type Ending, flagArg, last, run, textArg, type Work } from './work.ts';

/** As long as XenAPI's own server waits for a guest to go down. */
const SHUTDOWN_MS = 20 * 60_000;
/** VM.shutdown pulls the plug after this. */
const CLEAN_MS = 60_000;

const starts = (operation: string): Answer =>
  function* (work: Work): Brokered<Ending> {
    const vm = yield* machineOf(operation, work);
    const named = operation.endsWith('_on') ? yield* hostOf(textArg(work, 'host'), work) : undefined;
    if (isDisabled(named ?? (yield* theHost(work)), work))
      // Where none is named there is none left to choose from.
      named === undefined ? refuse('NO_HOSTS_AVAILABLE') : refuse('HOST_DISABLED', named.ref);
    if (vm.doc.powerState === 'stopped') yield* attachPending(vm, work);
    return last(work, 'vm.start', vm.id, flagArg(work, 'start_paused') ? { paused: true } : {});
  };

const simply = (
  operation: string,
  verb: 'vm.pause' | 'vm.resume' | 'vm.suspend' | 'vm.stop' | 'vm.reset' | 'vm.rebootGuest',
): Answer =>
  function* (work: Work): Brokered<Ending> {
    const vm = yield* machineOf(operation, work);
    return last(work, verb, vm.id, {});
  };

function* cleanShutdown(work: Work): Brokered<Ending> {
  const vm = yield* machineOf('clean_shutdown', work);
  return last(work, 'vm.shutdownGuest', vm.id, { awaitMs: SHUTDOWN_MS });
}

/** A guest that has tools is asked first; one that has none, or does not listen, is stopped. */
function* shutdown(work: Work): Brokered<Ending> {
  const target = yield* xenVmOf(work.self, work);
  checkOperation('shutdown', target, work);
  const vm: Found<'vm'> = onlyMachine(target);
  const standing = vm.doc.powerState;
  if (standing === 'running' && vm.doc.guest.toolsRunning) {
    checkOperation('clean_shutdown', target, work);
    return last(work, 'vm.shutdownGuest', vm.id, { awaitMs: CLEAN_MS }, { name: 'VM.asked', args: {} });
  }
  checkOperation('hard_shutdown', target, work);
  return last(work, 'vm.stop', vm.id, {});
}

/** The guest did not listen: it is stopped, unless who asked thinks better of it. */
function* asked(work: Work, outcome: Outcome): Brokered<void> {
  if (!outcome.ok && outcome.fault.kind === 'cancelled') throw new Refusal(outcome.fault);
  const { owner } = idOf('VM', work.self, work);
  if (outcome.ok || work.context.store.entry(owner) === undefined) return;
  const target = yield* xenVmOf(work.self, work);
  if (onlyMachine(target).doc.powerState === 'stopped') return;
  checkOperation('hard_shutdown', target, work);
  yield* run(work, 'vm.stop', owner, {});
}

export const VM_POWER_FOLLOWERS: Readonly<Record<string, Follower>> = { 'VM.asked': asked };

export const VM_POWER: Readonly<Record<string, Answer>> = {
  'VM.start': starts('start'),
  'VM.start_on': starts('start_on'),
  'VM.resume': starts('resume'),
  'VM.resume_on': starts('resume_on'),
  'VM.pause': simply('pause', 'vm.pause'),
  'VM.unpause': simply('unpause', 'vm.resume'),
  'VM.suspend': simply('suspend', 'vm.suspend'),
  'VM.hard_shutdown': simply('hard_shutdown', 'vm.stop'),
  'VM.hard_reboot': simply('hard_reboot', 'vm.reset'),
  'VM.clean_reboot': simply('clean_reboot', 'vm.rebootGuest'),
  'VM.clean_shutdown': cleanShutdown,
  'VM.shutdown': shutdown,
};
