/** VM.snapshot, checkpoint and revert in, snapshot verbs of the hub out. */
import type { Outcome } from '../../generic/faults.ts';
import type { HubId } from '../../generic/ids.ts';
import type { Brokered } from '../../generic/platform.ts';
import { type Follower, made } from './follow-ups.ts';
import { notSupported, refuse } from './refusal.ts';
import { checkOperation, documents, isUp, machineOf, xenVmOf } from './targets.ts';
import { type Answer, type Ending, last, run, setArg, textArg, type Work } from './work.ts';

const takes = (operation: 'snapshot' | 'checkpoint'): Answer =>
  function* (work: Work): Brokered<Ending> {
    const vm = yield* machineOf(operation, work);
    const ignored = setArg(work, 'ignore_vdis');
    if (ignored.length > 0) notSupported('ignore_vdis', ignored.join(', '), 'a snapshot holds all disks of a machine');
    return last(work, 'snapshot.create', vm.id, {
      name: textArg(work, 'new_name'),
      description: '',
      memory: operation === 'checkpoint',
      quiesce: false,
    });
  };

/** The machine ends halted; one whose memory is in the snapshot ends suspended. */
function* revert(work: Work): Brokered<Ending> {
  const target = yield* xenVmOf(work.self, work);
  checkOperation('revert', target, work);
  if (target.kind !== 'snapshot') return refuse('ONLY_REVERT_SNAPSHOT');
  const { vm, snapshot } = target;
  const comesUp = snapshot.hasMemory && (snapshot.powerState === 'running' || snapshot.powerState === 'paused');
  if (!comesUp) return last(work, 'snapshot.revert', vm.id, { snapshot: snapshot.native, start: false });
  const then = { name: 'VM.reverted', args: { vm: vm.id } };
  return last(work, 'snapshot.revert', vm.id, { snapshot: snapshot.native }, then);
}

function* reverted(work: Work, outcome: Outcome): Brokered<void> {
  made(outcome);
  const vm = work.args['vm'] as HubId;
  const entry = work.context.store.entry(vm);
  const [now] = yield* documents('vm', entry === undefined ? [] : [entry], work);
  if (now !== undefined && isUp(now)) yield* run(work, 'vm.suspend', vm, {});
}

export const VM_SNAPSHOTS_FOLLOWERS: Readonly<Record<string, Follower>> = { 'VM.reverted': reverted };

export const VM_SNAPSHOTS: Readonly<Record<string, Answer>> = {
  'VM.snapshot': takes('snapshot'),
  'VM.checkpoint': takes('checkpoint'),
  'VM.revert': revert,
};
