/** snapshot.* in, their plans out. A snapshot is named by the host, which tells the name when it has made it. */
import type { Snapshot } from '../../../generic/model.ts';
import type { NativeCall } from '../../../generic/native.ts';
import type { Plan, Probe, Step } from '../../../generic/plan.ts';
import {
  call,
  type Found,
  type Planning,
  paramsOf,
  probe,
  refuse,
  sealed,
  step,
  targetVm,
} from '../../../generic/planning.ts';
import { moRef } from '../../values.ts';
import { onVm, WITHOUT_EFFECT } from './steps.ts';

const planOf = ({ command }: Planning, vm: Found<'vm'>, steps: readonly Step[], more: Partial<Plan> = {}): Plan => ({
  host: command.host,
  queue: vm.native.native,
  steps: sealed(steps, WITHOUT_EFFECT),
  touches: [{ kind: 'vm', native: vm.native.native }],
  ...more,
});

const snapshotOf = (vm: Found<'vm'>, native: string): Snapshot =>
  vm.doc.snapshots.find((one) => one.native === native) ??
  refuse('object-not-found', { type: 'snapshot', id: native }, `${vm.doc.name} has no snapshot ${native}.`);

const onSnapshot = (method: string, native: string, args: Readonly<Record<string, unknown>> = {}): NativeCall =>
  call(method, { _this: moRef('VirtualMachineSnapshot', native), ...args });

const pivot = (name: string, done: NativeCall, seen: Probe): Step => step(name, 'pivot', done, seen);

export const planSnapshot = async (planning: Planning): Promise<Plan> => {
  const { name, description, memory, quiesce } = paramsOf(planning, 'snapshot.create');
  const vm = targetVm(planning);
  const { native } = vm.native;
  const make = pivot(
    'snapshot',
    onVm('CreateSnapshot_Task', native, {
      name,
      description,
      memory: memory && vm.doc.powerState === 'running',
      quiesce,
    }),
    probe('snapshot-made', { vm: native, name, known: vm.doc.snapshots.map((one) => one.native) }),
  );
  return planOf(planning, vm, [make], { makes: { kind: 'snapshot', native: { $from: 'snapshot.result' } } });
};

/** The host powers a VM on again that ran when its memory was kept; `start` says otherwise. */
export const planRevert = async (planning: Planning): Promise<Plan> => {
  const { snapshot, start } = paramsOf(planning, 'snapshot.revert');
  const vm = targetVm(planning);
  const { native } = snapshotOf(vm, snapshot);
  const machine = vm.native.native;
  const steps: Step[] = [
    pivot(
      'revert',
      onSnapshot('RevertToSnapshot_Task', native, start === false ? { suppressPowerOn: true } : {}),
      probe('snapshot-current', { vm: machine, snapshot: native }),
    ),
  ];
  return planOf(planning, vm, steps);
};

export const planSnapshotDelete = async (planning: Planning): Promise<Plan> => {
  const { snapshot, children } = paramsOf(planning, 'snapshot.delete');
  const vm = targetVm(planning);
  const { native } = snapshotOf(vm, snapshot);
  return planOf(planning, vm, [
    pivot(
      'remove snapshot',
      onSnapshot('RemoveSnapshot_Task', native, { removeChildren: children, consolidate: true }),
      probe('snapshot-absent', { vm: vm.native.native, snapshot: native }),
    ),
  ]);
};

export const planSnapshotDeleteAll = async (planning: Planning): Promise<Plan> => {
  const vm = targetVm(planning);
  const { native } = vm.native;
  return planOf(planning, vm, [
    pivot(
      'remove snapshots',
      onVm('RemoveAllSnapshots_Task', native, { consolidate: true }),
      probe('no-snapshots', { vm: native }),
    ),
  ]);
};

export const planSnapshotRename = async (planning: Planning): Promise<Plan> => {
  const { snapshot, name, description } = paramsOf(planning, 'snapshot.rename');
  const vm = targetVm(planning);
  const { native } = snapshotOf(vm, snapshot);
  const words = { ...(name === undefined ? {} : { name }), ...(description === undefined ? {} : { description }) };
  return planOf(planning, vm, [
    pivot(
      'rename snapshot',
      onSnapshot('RenameSnapshot', native, words),
      probe('snapshot-named', { vm: vm.native.native, snapshot: native, ...words }),
    ),
  ]);
};
