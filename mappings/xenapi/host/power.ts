/** Direct verbs in, the host's power calls out; those that the host works on for a while are tasks that are waited for. */
import type { Verb } from '../../generic/commands.ts';
import { done, type Outcome } from '../../generic/faults.ts';
import type { NativeRef } from '../../generic/ids.ts';
import type { NativeCall } from '../../generic/native.ts';
import type { DriverSend } from '../../generic/platform.ts';
import { table } from '../../generic/table.ts';
import { ask, gone, refOfUuid } from './reading/estate.ts';

export const startCall = (vm: string): NativeCall => ({
  procedure: 'Async.VM.start',
  args: { vm, start_paused: false, force: false },
});
export const resumeCall = (vm: string): NativeCall => ({
  procedure: 'Async.VM.resume',
  args: { vm, start_paused: false, force: false },
});
/** It comes up with its CPUs stopped. */
export const pausedCall = ({ procedure, args }: NativeCall): NativeCall => ({
  procedure,
  args: { ...args, start_paused: true },
});

const plain =
  (procedure: string) =>
  (vm: string): NativeCall => ({ procedure, args: { vm } });
export const unpauseCall = plain('Async.VM.unpause');

export const POWER_CALLS = table<(vm: string) => NativeCall>({
  'vm.start': startCall,
  'vm.stop': plain('Async.VM.hard_shutdown'),
  'vm.reset': plain('Async.VM.hard_reboot'),
  'vm.suspend': plain('Async.VM.suspend'),
  'vm.pause': plain('Async.VM.pause'),
  'vm.resume': unpauseCall,
  // These promise that the guest was asked: the task ends when the guest has ended, which may be minutes.
  'vm.shutdownGuest': plain('Begin.VM.clean_shutdown'),
  'vm.rebootGuest': plain('Begin.VM.clean_reboot'),
});

/** What a start of a VM in that state is: the host has a word of its own for each. */
const otherStart = (state: string | undefined): ((vm: string) => NativeCall) | undefined =>
  state === 'suspended' ? resumeCall : state === 'paused' ? unpauseCall : undefined;

const stateTold = (outcome: Outcome): string | undefined => {
  const native = outcome.ok ? undefined : outcome.fault.native;
  return native?.code === 'VM_BAD_POWER_STATE' && Array.isArray(native.detail)
    ? String(native.detail[2]).toLowerCase()
    : undefined;
};

export const executeVerb = async (
  send: DriverSend,
  verb: Verb,
  native: string,
): Promise<Outcome<{ touches: NativeRef[] }>> => {
  if (verb === 'storage.refresh') {
    const sr = await refOfUuid(send, 'SR', native, 'work');
    if (sr === undefined) return gone('storage', native);
    const scanned = await ask(send, 'Async.SR.scan', { sr }, 'work');
    return scanned.ok ? done({ touches: [{ kind: 'storage', native }] }) : scanned;
  }
  const make = POWER_CALLS[verb];
  if (!make) throw new Error(`${verb} is no direct verb of this driver`);
  const vm = await refOfUuid(send, 'VM', native, 'work');
  if (vm === undefined) return gone('vm', native);
  const perform = ({ procedure, args }: NativeCall): Promise<Outcome> => ask(send, procedure, args, 'work');
  let outcome = await perform(make(vm));
  const other = verb === 'vm.start' ? otherStart(stateTold(outcome)) : undefined;
  if (other) outcome = await perform(other(vm));
  return outcome.ok ? done({ touches: [{ kind: 'vm', native }] }) : outcome;
};
