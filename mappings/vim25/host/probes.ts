/** Probes of plan steps: a question to the host whether a step took effect, answered from what the host says now. */
import { done, type Outcome, refused } from '../../generic/faults.ts';
import type { Probe, ProbeAnswer } from '../../generic/plan.ts';
import type { DriverSend } from '../../generic/platform.ts';
import { childOf, childrenOf, type XmlElement } from '../../wire/xml.ts';
import { moRef } from '../values.ts';
import { autostartOf } from './estate.ts';
import { refIn, type Told, textIn } from './properties.ts';
import { retrieveAll, retrieveThese } from './reading.ts';
import type { Args } from './soap-call.ts';
import { runStep } from './steps.ts';
import { isThere, type Place, readVolume } from './volumes.ts';

type Question = (send: DriverSend, args: Args) => Promise<Outcome<ProbeAnswer>>;

const text = (args: Args, name: string): string => {
  const value = args[name];
  if (typeof value !== 'string') throw new Error(`a probe without ${name}`);
  return value;
};

const answer = (isDone: boolean): Outcome<ProbeAnswer> => done(isDone ? 'done' : 'not-done');

const GONE = new Set(['object-not-found', 'not-found']);

/** Properties of one object; undefined: it is not there. */
const told = async (
  send: DriverSend,
  type: string,
  moid: string,
  paths: readonly string[],
): Promise<Outcome<Told | undefined>> => {
  const found = await retrieveThese(send, [moRef(type, moid)], { [type]: paths });
  if (found.ok) return done(found.value[0]);
  return GONE.has(found.fault.kind) ? done(undefined) : found;
};

const ofVm =
  (paths: readonly string[], judge: (vm: Told, args: Args) => boolean): Question =>
  async (send, args) => {
    const found = await told(send, 'VirtualMachine', text(args, 'vm'), paths);
    if (!found.ok) return found;
    return answer(found.value !== undefined && judge(found.value, args));
  };

const tasksOf = async (send: DriverSend, vm: string): Promise<boolean> => {
  const found = await told(send, 'VirtualMachine', vm, ['recentTask']);
  const tasks = found.ok ? (found.value?.values.get('recentTask')?.children ?? []) : [];
  const refs = tasks.flatMap((task) => refIn(task) ?? []);
  if (refs.length === 0) return false;
  const states = await retrieveThese(send, refs, { Task: ['info.state'] });
  return states.ok && states.value.some((task) => ['running', 'queued'].includes(textIn(task, 'info.state')));
};

/** While the host still works on the VM, "not yet" is not "no". */
const orRunning =
  (question: Question): Question =>
  async (send, args) => {
    const outcome = await question(send, args);
    if (!outcome.ok || outcome.value !== 'not-done') return outcome;
    return (await tasksOf(send, text(args, 'vm'))) ? done('running') : outcome;
  };

/** Every snapshot of a tree, whatever lies below what. */
const snapshotsIn = (list: readonly XmlElement[]): XmlElement[] =>
  list.flatMap((one) => [one, ...snapshotsIn(childrenOf(one, 'childSnapshotList'))]);
const snapshotsOf = (vm: Told): XmlElement[] => {
  const info = vm.values.get('snapshot');
  return info === undefined ? [] : snapshotsIn(childrenOf(info, 'rootSnapshotList'));
};
const snapshotRef = (one: XmlElement): string => refIn(childOf(one, 'snapshot'))?.value ?? '';
const named = (one: XmlElement, member: string): string => childOf(one, member)?.text ?? '';

const fileThere =
  (wanted: boolean): Question =>
  async (send, args) => {
    const found = await isThere(send, args['place'] as Place, text(args, 'path'));
    return found.ok ? answer(found.value === wanted) : found;
  };

/** A host that does not tell the capacity cannot be asked for it: that the file is there has to do. */
const fileCapacity: Question = async (send, args) => {
  const found = await readVolume(send, args['place'] as Place, text(args, 'path'));
  if (!found.ok) return found;
  const capacity = Number(found.value?.facts['capacity'] ?? 0);
  return answer(found.value !== undefined && (capacity === 0 || capacity >= Number(args['capacityBytes'])));
};

const namedObject =
  (type: string, wanted: boolean): Question =>
  async (send, args) => {
    for await (const page of retrieveAll(send, { [type]: ['name'] }))
      if (page.some((one) => textIn(one, 'name') === text(args, 'name'))) return answer(wanted);
    return answer(!wanted);
  };

/** Port groups and switches of a host's network system. */
const networkHas =
  (list: string, key: string, wanted: boolean): Question =>
  async (send, args) => {
    const found = await told(send, 'HostNetworkSystem', text(args, 'networkSystem'), ['networkInfo']);
    if (!found.ok) return found;
    const info = found.value?.values.get('networkInfo');
    const names = (info === undefined ? [] : childrenOf(info, list)).map((one) => {
      const spec = childOf(one, 'spec');
      return named(key === 'spec.name' && spec ? spec : one, 'name');
    });
    return answer(names.includes(text(args, 'name')) === wanted);
  };

const QUESTIONS: Readonly<Record<string, Question>> = {
  always: async () => done('done'),
  'vm-exists': async (send, args) => {
    const found = await runStep(send, { procedure: 'vm.find', args: { uuid: text(args, 'uuid') } });
    if (found.ok) return done('done');
    return found.fault.kind === 'not-found' ? done('not-done') : refused(found.fault);
  },
  'vm-absent': async (send, args) => {
    const found = await told(send, 'VirtualMachine', text(args, 'vm'), ['name']);
    return found.ok ? answer(found.value === undefined) : found;
  },
  'power-is': orRunning(ofVm(['runtime.powerState'], (vm, args) => textIn(vm, 'runtime.powerState') === args['state'])),
  'name-is': orRunning(ofVm(['name'], (vm, args) => textIn(vm, 'name') === args['name'])),
  'config-moved': orRunning(
    ofVm(['config.changeVersion'], (vm, args) => textIn(vm, 'config.changeVersion') !== args['changeVersion']),
  ),
  'template-is': ofVm(
    ['config.template'],
    (vm, args) => (textIn(vm, 'config.template') === 'true') === args['template'],
  ),
  'snapshot-made': orRunning(
    ofVm(['snapshot'], (vm, args) =>
      snapshotsOf(vm).some(
        (one) =>
          named(one, 'name') === args['name'] && !(args['known'] as readonly string[]).includes(snapshotRef(one)),
      ),
    ),
  ),
  'snapshot-absent': orRunning(
    ofVm(['snapshot'], (vm, args) => !snapshotsOf(vm).some((one) => snapshotRef(one) === args['snapshot'])),
  ),
  'no-snapshots': orRunning(ofVm(['snapshot'], (vm) => snapshotsOf(vm).length === 0)),
  'snapshot-current': orRunning(
    ofVm(['snapshot'], (vm, args) => {
      const info = vm.values.get('snapshot');
      return refIn(info && childOf(info, 'currentSnapshot'))?.value === args['snapshot'];
    }),
  ),
  'snapshot-named': ofVm(['snapshot'], (vm, args) =>
    snapshotsOf(vm).some(
      (one) =>
        snapshotRef(one) === args['snapshot'] &&
        (['name', 'description'] as const).every(
          (member) => args[member] === undefined || named(one, member) === args[member],
        ),
    ),
  ),
  'autostart-is': async (send, args) => {
    const found = await told(send, 'HostAutoStartManager', text(args, 'manager'), ['config']);
    if (!found.ok) return found;
    return answer(autostartOf(found.value).includes(text(args, 'vm')) === args['autostart']);
  },
  'maintenance-is': async (send, args) => {
    const path = 'runtime.inMaintenanceMode';
    const found = await told(send, 'HostSystem', text(args, 'host'), [path]);
    if (!found.ok) return found;
    return answer(found.value !== undefined && (textIn(found.value, path) === 'true') === args['on']);
  },
  'file-exists': fileThere(true),
  'file-absent': fileThere(false),
  'file-capacity': fileCapacity,
  'storage-exists': namedObject('Datastore', true),
  'storage-absent': namedObject('Datastore', false),
  'switch-exists': networkHas('vswitch', 'name', true),
  'switch-absent': networkHas('vswitch', 'name', false),
  'portgroup-exists': networkHas('portgroup', 'spec.name', true),
  'portgroup-absent': networkHas('portgroup', 'spec.name', false),
};

/** Throws on a probe that plans may not ask: that is our bug. */
export const probeHost = (send: DriverSend, probe: Probe): Promise<Outcome<ProbeAnswer>> => {
  const question = QUESTIONS[probe.probe];
  if (!question) throw new Error(`vim25 has no probe ${probe.probe}`);
  return question(send, probe.args);
};
