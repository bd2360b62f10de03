/** Direct verbs: at most three native calls each. Wrong state is found from the host's own refusal, never guessed before. */
import type { Verb } from '../../generic/commands.ts';
import { done, type Fault, fault, type Outcome, refused } from '../../generic/faults.ts';
import type { NativeRef } from '../../generic/ids.ts';
import type { PowerState } from '../../generic/model.ts';
import type { DriverSend } from '../../generic/platform.ts';
import { domain } from './arguments.ts';
import { ask, askOr } from './conversation.ts';

/** VIR_ERR_OPERATION_INVALID */
const OPERATION_INVALID = '55';
/** VIR_ERR_INTERNAL_ERROR: the test driver of libvirt 9.0 says only that of a domain that runs already, or that does not run. */
const INTERNAL_ERROR = '1';

/** virDomainState to the hub's, without the managed-save image that makes a stopped one suspended. */
const POWER: Readonly<Record<number, PowerState>> = {
  1: 'running',
  2: 'running',
  3: 'paused',
  4: 'running',
  5: 'stopped',
  6: 'stopped',
  7: 'running',
};

const stateOf = async (send: DriverSend, uuid: string): Promise<PowerState> =>
  POWER[
    (await askOr(send, 'DOMAIN_GET_STATE', { dom: domain(uuid), flags: 0 }, { state: 0, reason: 0 }, 'work')).state
  ] ?? 'stopped';

/** A domain that is off with its memory saved is suspended to whoever asked. */
const stateShown = async (send: DriverSend, uuid: string): Promise<PowerState> => {
  const state = await stateOf(send, uuid);
  if (state !== 'stopped') return state;
  const saved = await askOr(
    send,
    'DOMAIN_HAS_MANAGED_SAVE_IMAGE',
    { dom: domain(uuid), flags: 0 },
    { result: 0 },
    'work',
  );
  return saved.result === 1 ? 'suspended' : state;
};

const isInvalid = (reason: Fault): boolean => reason.native?.code === OPERATION_INVALID;
const wrongState = (requested: PowerState, existing: PowerState, reason: Fault): Outcome<never> =>
  refused(fault('wrong-state', { requested, existing }, reason.text, reason.native));

/** The state is the one the call needs, so something else stands in its way (a network that is not active): the host's own words say what. */
const hindered = (reason: Fault): Outcome<never> =>
  refused(
    fault('internal', {}, `A general system error occurred: ${reason.native?.text ?? reason.text}`, reason.native),
  );

type Act = (send: DriverSend, uuid: string) => Promise<Outcome>;

/** The call, and on "not in this state" the fault with the state the VM is really in. `from`: where the call belongs. */
const orWrongState =
  (requested: PowerState, from: PowerState, act: Act): Act =>
  async (send, uuid) => {
    const outcome = await act(send, uuid);
    if (outcome.ok || !(isInvalid(outcome.fault) || outcome.fault.native?.code === INTERNAL_ERROR)) return outcome;
    const existing = await stateShown(send, uuid);
    if (existing !== from) return wrongState(requested, existing, outcome.fault);
    return isInvalid(outcome.fault) ? hindered(outcome.fault) : outcome;
  };

const start: Act = async (send, uuid) => {
  const outcome = await ask(send, 'DOMAIN_CREATE_WITH_FLAGS', { dom: domain(uuid), flags: 0 }, 'work');
  if (outcome.ok || !(isInvalid(outcome.fault) || outcome.fault.native?.code === INTERNAL_ERROR)) return outcome;
  const existing = await stateOf(send, uuid);
  if (existing === 'stopped') return isInvalid(outcome.fault) ? hindered(outcome.fault) : outcome;
  if (existing === 'paused') return ask(send, 'DOMAIN_RESUME', { dom: domain(uuid) }, 'work');
  return wrongState('running', existing, outcome.fault);
};

/** A suspended VM has no process to stop: turning it off is throwing its saved state away. */
const stop: Act = async (send, uuid) => {
  const outcome = await ask(send, 'DOMAIN_DESTROY_FLAGS', { dom: domain(uuid), flags: 0 }, 'work');
  if (outcome.ok || !isInvalid(outcome.fault)) return outcome;
  const saved = await askOr(
    send,
    'DOMAIN_HAS_MANAGED_SAVE_IMAGE',
    { dom: domain(uuid), flags: 0 },
    { result: 0 },
    'work',
  );
  if (saved.result === 1) return ask(send, 'DOMAIN_MANAGED_SAVE_REMOVE', { dom: domain(uuid), flags: 0 }, 'work');
  return wrongState('stopped', 'stopped', outcome.fault);
};

const ACTS: Partial<Record<Verb, Act>> = {
  'vm.start': start,
  'vm.stop': stop,
  'vm.reset': orWrongState('running', 'running', (send, uuid) =>
    ask(send, 'DOMAIN_RESET', { dom: domain(uuid), flags: 0 }, 'work'),
  ),
  'vm.suspend': orWrongState('suspended', 'running', (send, uuid) =>
    ask(send, 'DOMAIN_MANAGED_SAVE', { dom: domain(uuid), flags: 0 }, 'work'),
  ),
  'vm.pause': orWrongState('paused', 'running', (send, uuid) =>
    ask(send, 'DOMAIN_SUSPEND', { dom: domain(uuid) }, 'work'),
  ),
  'vm.resume': orWrongState('running', 'paused', (send, uuid) =>
    ask(send, 'DOMAIN_RESUME', { dom: domain(uuid) }, 'work'),
  ),
  'vm.shutdownGuest': orWrongState('stopped', 'running', (send, uuid) =>
    ask(send, 'DOMAIN_SHUTDOWN_FLAGS', { dom: domain(uuid), flags: 0 }, 'work'),
  ),
  'vm.rebootGuest': orWrongState('running', 'running', (send, uuid) =>
    ask(send, 'DOMAIN_REBOOT', { dom: domain(uuid), flags: 0 }, 'work'),
  ),
};

export const executeVerb = async (
  send: DriverSend,
  verb: Verb,
  native: string,
): Promise<Outcome<{ touches: NativeRef[] }>> => {
  const act = ACTS[verb];
  if (!act) throw new Error(`${verb} is no direct verb of this driver`);
  const outcome = await act(send, native);
  return outcome.ok ? done({ touches: [{ kind: 'vm', native }] }) : refused(outcome.fault);
};
