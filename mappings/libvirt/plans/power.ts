/** Power verbs in, one-step plans out: for those that the agent may not do by itself, having no lease on the VM. */
import type { Params, Verb } from '../../generic/commands.ts';
import type { PowerState } from '../../generic/model.ts';
import type { NativeCall } from '../../generic/native.ts';
import type { Plan, Probe } from '../../generic/plan.ts';
import { call, type Planning, probe, refuse, step, targetVm } from '../../generic/planning.ts';
import { dom } from './steps.ts';

interface Act {
  readonly from: readonly PowerState[];
  readonly to: PowerState;
  readonly call: (uuid: string, state: PowerState) => NativeCall;
  readonly probe: (uuid: string, state: PowerState) => Probe;
}

const simple =
  (procedure: string) =>
  (uuid: string): NativeCall =>
    call(procedure, { dom: dom(uuid), flags: 0 });
const bare =
  (procedure: string) =>
  (uuid: string): NativeCall =>
    call(procedure, { dom: dom(uuid) });
const is =
  (name: string) =>
  (uuid: string): Probe =>
    probe(name, { uuid });
const always = (): Probe => probe('always', {});

/** virDomainCreateFlags */
const START_PAUSED = 1;

const startPaused: Act = {
  from: ['stopped', 'suspended'],
  to: 'paused',
  call: (uuid) => call('DOMAIN_CREATE_WITH_FLAGS', { dom: dom(uuid), flags: START_PAUSED }),
  probe: is('domain-paused'),
};

const ACTS: Partial<Record<Verb, Act>> = {
  'vm.start': {
    from: ['stopped', 'suspended', 'paused'],
    to: 'running',
    call: (uuid, state) =>
      state === 'paused' ? bare('DOMAIN_RESUME')(uuid) : simple('DOMAIN_CREATE_WITH_FLAGS')(uuid),
    probe: is('domain-running'),
  },
  'vm.stop': {
    from: ['running', 'paused', 'suspended'],
    to: 'stopped',
    call: (uuid, state) =>
      state === 'suspended' ? simple('DOMAIN_MANAGED_SAVE_REMOVE')(uuid) : simple('DOMAIN_DESTROY_FLAGS')(uuid),
    probe: (uuid, state) => probe(state === 'suspended' ? 'saved-state-absent' : 'domain-inactive', { uuid }),
  },
  'vm.reset': { from: ['running', 'paused'], to: 'running', call: simple('DOMAIN_RESET'), probe: always },
  'vm.suspend': {
    from: ['running', 'paused'],
    to: 'suspended',
    call: simple('DOMAIN_MANAGED_SAVE'),
    probe: is('domain-inactive'),
  },
  'vm.pause': { from: ['running'], to: 'paused', call: bare('DOMAIN_SUSPEND'), probe: is('domain-paused') },
  'vm.resume': { from: ['paused'], to: 'running', call: bare('DOMAIN_RESUME'), probe: is('domain-running') },
  // The guest's own time: the call returns when the button was pressed, and that is all that the verb promises.
  'vm.shutdownGuest': { from: ['running'], to: 'stopped', call: simple('DOMAIN_SHUTDOWN_FLAGS'), probe: always },
  'vm.rebootGuest': { from: ['running'], to: 'running', call: simple('DOMAIN_REBOOT'), probe: always },
};

export const planPower = async (planning: Planning): Promise<Plan> => {
  const { command } = planning;
  const { paused, awaitMs } = command.params as Params['vm.start'] & Params['vm.shutdownGuest'];
  const act = paused === true && command.verb === 'vm.start' ? startPaused : ACTS[command.verb];
  if (!act) throw new Error(`${command.verb} is no power verb`);
  const { doc, native } = targetVm(planning);
  if (doc.template && (act.to === 'running' || act.to === 'paused'))
    refuse('invalid-state', {}, `${doc.name} is a template.`);
  if (!act.from.includes(doc.powerState))
    refuse('wrong-state', { requested: act.to, existing: doc.powerState }, `${doc.name} is ${doc.powerState}.`);
  const uuid = native.native;
  // Who waits for a guest waits beside the queue: pulling the plug must not wait for it.
  if (awaitMs !== undefined && command.verb === 'vm.shutdownGuest')
    return {
      host: command.host,
      queue: `guest:${uuid}`,
      steps: [
        step(command.verb, 'pivot', act.call(uuid, doc.powerState), probe('domain-inactive', { uuid }), {
          awaits: { limitMs: awaitMs },
        }),
      ],
      touches: [{ kind: 'vm', native: uuid }],
    };
  return {
    host: command.host,
    queue: uuid,
    steps: [step(command.verb, 'pivot', act.call(uuid, doc.powerState), act.probe(uuid, doc.powerState))],
    touches: [{ kind: 'vm', native: uuid }],
  };
};
