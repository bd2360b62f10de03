/** Direct verbs: the host's own power methods, whose refusals say which state the VM is really in. */
import type { Verb } from '../../generic/commands.ts';
import { done, fault, type Outcome, refused } from '../../generic/faults.ts';
import type { NativeRef } from '../../generic/ids.ts';
import type { DriverSend } from '../../generic/platform.ts';
import { powerStates } from '../states.ts';
import { moRef } from '../values.ts';
import { textIn } from './properties.ts';
import { ask, retrieveThese } from './reading.ts';
import type { Answer } from './soap-call.ts';

type Act = (send: DriverSend, native: string) => Promise<Answer>;

const method =
  (name: string): Act =>
  (send, native) =>
    ask(send, name, moRef('VirtualMachine', native), {}, 'work');

/** PowerOn starts a stopped VM too; resuming is only for suspended ones. */
const resume: Act = async (send, native) => {
  const told = await retrieveThese(send, [moRef('VirtualMachine', native)], { VirtualMachine: ['runtime.powerState'] });
  if (!told.ok) return told;
  const state = told.value[0] && textIn(told.value[0], 'runtime.powerState');
  if (state === 'suspended') return method('PowerOnVM_Task')(send, native);
  const existing = powerStates.toGeneric(state as 'poweredOn') ?? 'stopped';
  return refused(fault('wrong-state', { requested: 'running', existing }, 'The virtual machine is not suspended.'));
};

const ACTS: Partial<Record<Verb, Act>> = {
  'vm.start': method('PowerOnVM_Task'),
  'vm.stop': method('PowerOffVM_Task'),
  'vm.reset': method('ResetVM_Task'),
  'vm.suspend': method('SuspendVM_Task'),
  'vm.resume': resume,
  'vm.shutdownGuest': method('ShutdownGuest'),
  'vm.rebootGuest': method('RebootGuest'),
  'vm.pause': async () => refused(fault('not-supported', {}, 'This host has no paused virtual machines.')),
};

export const executeVerb = async (
  send: DriverSend,
  verb: Verb,
  native: string,
): Promise<Outcome<{ touches: NativeRef[] }>> => {
  if (verb === 'storage.refresh') {
    const refreshed = await ask(send, 'RefreshDatastore', moRef('Datastore', native), {}, 'work');
    return refreshed.ok ? done({ touches: [{ kind: 'storage', native }] }) : refreshed;
  }
  const act = ACTS[verb];
  if (!act) throw new Error(`${verb} is no direct verb of this driver`);
  const outcome = await act(send, native);
  return outcome.ok ? done({ touches: [{ kind: 'vm', native }] }) : outcome;
};
