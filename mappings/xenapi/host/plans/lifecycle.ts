/** vm.delete and the power verbs in, their plans out: the latter for those that the agent may not do by itself, having no lease on the VM. */
import type { Params } from '../../../generic/commands.ts';
import type { Plan } from '../../../generic/plan.ts';
import { call, type Planning, paramsOf, probe, refuse } from '../../../generic/planning.ts';
import { isDisk } from '../native-vm.ts';
import { POWER_CALLS, pausedCall, resumeCall, unpauseCall } from '../power.ts';
import { newDraft } from './draft.ts';
import { isActive, isShared, targetVm, wrongState } from './planning.ts';
import { dropSnapshot } from './snapshots.ts';
import { destroyImage } from './volumes.ts';

export const planDelete = async (planning: Planning): Promise<Plan> => {
  const { deleteVolumes } = paramsOf(planning, 'vm.delete');
  const target = targetVm(planning);
  const { ref, vm, doc, entry } = target;
  if (isActive(target)) wrongState(target, `${doc.name} must be powered off.`);
  const draft = newDraft(planning.command.host, entry.native);
  // Its saved memory is an image that would outlive it.
  if (doc.powerState === 'suspended')
    draft.add(
      'power off',
      'compensatable',
      call('Async.VM.hard_shutdown', { vm: ref }),
      probe('field-is', { cls: 'VM', self: ref, field: 'power_state', is: ['Halted'] }),
    );
  draft.add('destroy', 'pivot', call('Async.VM.destroy', { self: ref }), probe('absent', { cls: 'VM', self: ref }));
  draft.touch({ kind: 'vm', native: entry.native });
  for (const snapshot of vm.snapshots) dropSnapshot(draft, snapshot, 'forward-only');
  if (deleteVolumes)
    for (const { image } of vm.drives.filter(isDisk))
      if (image && !isShared(image, target.id, planning)) destroyImage(draft, image);
  return draft.plan();
};

/** States from which a verb starts, the state it leads to and how the host spells that, '' where it leads nowhere. */
const POWER = {
  'vm.start': [['stopped', 'suspended', 'paused'], 'running', 'Running'],
  'vm.stop': [['running', 'paused', 'suspended'], 'stopped', 'Halted'],
  'vm.reset': [['running', 'paused'], 'running', ''],
  'vm.suspend': [['running'], 'suspended', 'Suspended'],
  'vm.pause': [['running'], 'paused', 'Paused'],
  'vm.resume': [['paused'], 'running', 'Running'],
  'vm.shutdownGuest': [['running'], 'stopped', ''],
  'vm.rebootGuest': [['running'], 'running', ''],
} as const;
const STARTED_PAUSED = [['stopped', 'suspended'], 'paused', 'Paused'] as const;
export type PowerVerb = keyof typeof POWER;

export const planPower = async (planning: Planning): Promise<Plan> => {
  const verb = planning.command.verb as PowerVerb;
  const target = targetVm(planning);
  const { ref, doc, entry } = target;
  const { paused, awaitMs } = planning.command.params as Params['vm.start'] & Params['vm.shutdownGuest'];
  const [from, to, state] = paused === true && verb === 'vm.start' ? STARTED_PAUSED : POWER[verb];
  if (doc.template && (verb === 'vm.start' || to === 'running'))
    refuse('invalid-state', {}, `${doc.name} is a template.`);
  if (!(from as readonly string[]).includes(doc.powerState))
    refuse('wrong-state', { requested: to, existing: doc.powerState }, `${doc.name} is ${doc.powerState}.`);
  const draft = newDraft(planning.command.host, entry.native);
  const make = POWER_CALLS[verb];
  if (!make) throw new Error(`${verb} is no power verb`);
  const other = verb !== 'vm.start' ? undefined : doc.powerState === 'suspended' ? resumeCall : unpauseCall;
  const running = other !== undefined && doc.powerState !== 'stopped' ? other(ref) : make(ref);
  const native = to === 'paused' && verb === 'vm.start' ? pausedCall(running) : running;
  // Who waits for a guest waits beside the queue: pulling the plug must not wait for it.
  if (awaitMs !== undefined) {
    const halted = probe('field-is', { cls: 'VM', self: ref, field: 'power_state', is: ['Halted'] });
    draft.queue = `guest:${entry.native}`;
    draft.add(verb, 'pivot', native, halted);
    draft.touch({ kind: 'vm', native: entry.native });
    const { steps, ...plan } = draft.plan();
    return { ...plan, steps: steps.map((one) => ({ ...one, awaits: { limitMs: awaitMs } })) };
  }
  draft.add(
    verb,
    'pivot',
    native,
    state === '' ? probe('always', {}) : probe('field-is', { cls: 'VM', self: ref, field: 'power_state', is: [state] }),
  );
  draft.touch({ kind: 'vm', native: entry.native });
  return draft.plan();
};
