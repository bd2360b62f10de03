/** VM.start and its kin in, power verbs of the hub out: after the lifecycle's checks, with what a start brings along. */
import type { Brokered } from '../../generic/platform.ts';
import { isDisabled, theHost } from './host.ts';
import { attachPending } from './pending-devices.ts';
import { refuse } from './refusal.ts';
import { checkOperation, type Found, hostOf, machineOf, onlyMachine, xenVmOf } from './targets.ts';
import { type Answer, type Ending, ended, flagArg, last, textArg, type Work } from './work.ts';

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
    const { context } = work;
    const call = { ...work.call, method: 'VM.clean_shutdown' };
    const job = yield* attempt({ ...work, call }, vm);
    if (job) return ended();
    if (context.store.entry(vm.id) === undefined) return ended();
  }
  checkOperation('hard_shutdown', target, work);
  return last(work, 'vm.stop', vm.id, {});
}

/** true: the guest is down. */
function* attempt(work: Work, vm: Found<'vm'>): Brokered<boolean> {
  const command = {
    verb: 'vm.shutdownGuest' as const,
    host: work.context.front.host,
    target: vm.id,
    params: { awaitMs: CLEAN_MS },
  };
  const job = yield { effect: 'run', command, call: work.call };
  return typeof job === 'object' && 'state' in job && job.state === 'success';
}

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
