/** vm.change, vm.rename, vm.setAutostart and power as plans: what of the VM differs goes to the host in one ConfigSpec. */
import type { Params, Verb, VmChange } from '../../../generic/commands.ts';
import type { Disk, Vm } from '../../../generic/model.ts';
import type { Plan, PlannedRef, Step } from '../../../generic/plan.ts';
import {
  type Found,
  type Planning,
  paramsOf,
  probe,
  Refusal,
  refuse,
  sealed,
  step,
  targetVm,
} from '../../../generic/planning.ts';
import { applyChange, diskOfSpec } from '../../../generic/vm-change.ts';
import { moRef } from '../../values.ts';
import { partOf, textAt } from '../native-tree.ts';
import { splitVolumeNative, volumeNative } from '../volume-natives.ts';
import { autostartStep, managerFor } from './autostart.ts';
import { diskStep } from './machines.ts';
import {
  checkName,
  checkNetworks,
  checkWritable,
  diskPath,
  placed,
  refuseDuplicate,
  rereadStore,
  seated,
  shown,
  specValue,
  storeOf,
  volumeAt,
  withBackings,
} from './planning.ts';
import { copyDisk, deleteDisk, directoryOf, ensureDirectory, onVm, WITHOUT_EFFECT } from './steps.ts';

interface Draft {
  readonly change: VmChange;
  readonly first: readonly Step[];
  readonly last: readonly Step[];
  readonly touches: readonly PlannedRef[];
}

/** The file of a disk that is removed with it. */
const removalOf = (disk: Disk, vm: Found<'vm'>, planning: Planning): { step: Step; touch: PlannedRef }[] => {
  const { command, context } = planning;
  const { store } = context;
  const id =
    disk.medium.volume ??
    store.edges(vm.id, 'volume').find((one) => store.generic('volume', one)?.path === disk.medium.path);
  const entry = id === undefined ? undefined : store.entry(id);
  if (entry === undefined) return [];
  const { datastore, path } = splitVolumeNative(entry.native);
  const storage = store.find(command.host, 'storage', datastore);
  if (storage === undefined) return [];
  const users = store.edges(entry.id, 'vm').filter((one) => one !== vm.id);
  if (users.length > 0) refuse('file-locked', { path }, `${path} is in use.`);
  return [
    {
      step: deleteDisk(storeOf(storage.id, planning), path, 'forward-only'),
      touch: { kind: 'volume', native: entry.native },
    },
  ];
};

type DiskChange = NonNullable<NonNullable<VmChange['disks']>['change']>[number];

/** A disk whose file goes to another place: the host puts no other file under a disk, so that it is taken out and a new one put in. */
const moveOf = (
  { slot, to, moveTo }: DiskChange,
  index: number,
  vm: Found<'vm'>,
  planning: Planning,
): { readonly disk: Disk; readonly first: Step[]; readonly last: Step; readonly touches: PlannedRef[] } | undefined => {
  const old = vm.doc.disks.find((one) => JSON.stringify(one.slot) === JSON.stringify(slot));
  if (!old || !moveTo) return undefined;
  const { doc } = vm;
  if (doc.powerState !== 'stopped')
    refuse('wrong-state', { requested: 'stopped', existing: doc.powerState }, `${doc.name} must be powered off.`);
  if (doc.snapshots.length > 0)
    refuse('invalid-state', {}, 'The disks of the machine are what its snapshots hang on: they cannot be moved.');
  const [gone] = removalOf(old, vm, planning);
  if (gone === undefined)
    return refuse('invalid-device', { index, property: 'medium' }, 'The disk lies outside every datastore: it stays.');
  const { datastore, path } = splitVolumeNative(String(gone.touch.native));
  const source = planning.context.store.find(planning.command.host, 'storage', datastore);
  const from = storeOf(source?.id ?? moveTo.storage, planning);
  const store = storeOf(moveTo.storage, planning);
  const target = diskPath(moveTo.volumeName);
  if (volumeAt(store, target, planning)) refuse('file-exists', { path: target }, `${target} exists in ${store.name}.`);
  const directory = directoryOf(target);
  const { id: _, device: __, allocationBytes: ___, uuid: ____, ...rest } = old;
  return {
    disk: { ...rest, ...to, medium: { storageName: store.name, storage: store.id, path: shown(store, target) } },
    first: [
      ...(directory === '' ? [] : [ensureDirectory(store, directory)]),
      copyDisk({ store: from, path }, { store, path: target }),
    ],
    last: gone.step,
    touches: [
      { kind: 'volume', native: volumeNative(store.datastore, target) },
      gone.touch,
      ...rereadStore(store.datastore, planning),
      ...rereadStore(from.datastore, planning),
    ],
  };
};

/** The change in the host's own places and files, with the steps that go before and after it. */
const draftOf = (vm: Found<'vm'>, change: VmChange, planning: Planning): Draft => {
  for (const { to } of change.disks?.change ?? []) checkWritable(to);
  const made = (change.disks?.add ?? []).map((spec, index) => diskStep(spec, index, planning));
  const changes = change.disks?.change ?? [];
  const moves = changes.flatMap((one, index) => moveOf(one, index, vm, planning) ?? []);
  const removals = (change.disks?.remove ?? []).flatMap(({ slot, deleteVolume }) => {
    const disk = vm.doc.disks.find((one) => JSON.stringify(one.slot) === JSON.stringify(slot));
    return disk === undefined || !deleteVolume ? [] : removalOf(disk, vm, planning);
  });
  const drive = <T extends { medium?: Vm['cdroms'][number]['medium'] }>(one: T, index: number): T =>
    one.medium === undefined ? one : { ...one, medium: placed(one.medium, planning, index) };
  const drives = (list: VmChange['cdroms']): VmChange['cdroms'] =>
    list && {
      ...list,
      ...(list.add ? { add: list.add.map((one, index) => seated(drive(one, index))) } : {}),
      ...(list.change ? { change: list.change.map(drive) } : {}),
    };
  const { disks, cdroms, floppies, ...rest } = change;
  return {
    change: {
      ...rest,
      ...(disks
        ? {
            disks: {
              ...disks,
              remove: [...(disks.remove ?? []), ...moves.map(({ disk: { slot } }) => ({ slot, deleteVolume: false }))],
              add: [...moves, ...made].map(({ disk: { device: _, ...disk } }) => disk),
              change: changes
                .filter(({ moveTo }) => moveTo === undefined)
                .map(({ slot, to }, index) => ({
                  slot,
                  to: {
                    ...diskOfSpec({ ...to } as Disk),
                    ...(to.medium ? { medium: placed(to.medium, planning, index) } : {}),
                  },
                })),
            },
          }
        : {}),
      ...(cdroms ? { cdroms: drives(cdroms) } : {}),
      ...(floppies ? { floppies: drives(floppies) } : {}),
    } as VmChange,
    first: [...moves.flatMap(({ first }) => first), ...made.flatMap(({ steps }) => steps)],
    last: [...moves.map(({ last }) => last), ...removals.map((one) => one.step)],
    touches: [
      ...moves.flatMap(({ touches }) => touches),
      ...made.flatMap(({ touches }) => touches),
      ...removals.map(({ touch }) => touch),
    ],
  };
};

const versionOf = (vm: Found<'vm'>): string => textAt(partOf(vm.native, 'vm'), 'config', 'changeVersion');
const hostOf = (vm: Found<'vm'>): string => textAt(partOf(vm.native, 'vm'), 'runtime', 'host').trim();

const templateStep = (vm: Found<'vm'>, template: boolean, planning: Planning): Step => {
  const { native } = vm.native;
  const pool = (): string => {
    const storage = planning.context.store.edges(vm.id, 'storage')[0];
    return storage === undefined ? '' : storeOf(storage, planning).pool;
  };
  return step(
    template ? 'mark as template' : 'mark as virtual machine',
    'forward-only',
    template
      ? onVm('MarkAsTemplate', native)
      : onVm('MarkAsVirtualMachine', native, {
          pool: moRef('ResourcePool', pool()),
          host: moRef('HostSystem', hostOf(vm)),
        }),
    probe('template-is', { vm: native, template }),
  );
};

const planEdit = async (vm: Found<'vm'>, wanted: VmChange, planning: Planning): Promise<Plan> => {
  const { command, context } = planning;
  const { doc, native } = vm;
  if (wanted.name !== undefined && wanted.name !== doc.name) {
    checkName(wanted.name);
    refuseDuplicate(wanted.name, planning, vm.id);
  }
  if (wanted.serialPorts !== undefined && wanted.serialPorts !== doc.serialPorts)
    refuse('not-supported', {}, 'Serial ports of this host are not changed.');
  const draft = draftOf(vm, wanted, planning);
  const applied = applyChange(doc, draft.change);
  if (!applied.ok) throw new Refusal(applied.fault);
  const after = applied.value;
  checkNetworks(after.nics, doc.nics, planning);
  const { template, autostart } = after;
  const spec = specValue(
    await context.fromGeneric({
      kind: 'vm',
      native: withBackings(native, after.nics, planning),
      before: doc,
      after: { ...after, template: doc.template, autostart: doc.autostart },
    }),
  );
  const changes: Step[] = [];
  // A template takes no new configuration: it is a VM first.
  if (!template && doc.template) changes.push(templateStep(vm, false, planning));
  if (spec._xml.trim() !== '')
    changes.push(
      step(
        'reconfigure',
        'pivot',
        onVm('ReconfigVM_Task', native.native, { spec }),
        probe('config-moved', { vm: native.native, changeVersion: versionOf(vm) }),
      ),
    );
  if (template && !doc.template) changes.push(templateStep(vm, true, planning));
  if (autostart !== doc.autostart)
    changes.push(autostartStep(native.native, autostart, managerFor(hostOf(vm), planning), 'forward-only'));
  const steps = [...draft.first, ...changes, ...draft.last];
  // What would only go on is the pivot itself.
  const first = steps.findIndex(({ kind }) => kind === 'forward-only');
  const ordered = steps.map(
    (one, at): Step => (at === first && !steps.some(({ kind }) => kind === 'pivot') ? { ...one, kind: 'pivot' } : one),
  );
  return {
    host: command.host,
    queue: native.native,
    steps: sealed(ordered, WITHOUT_EFFECT),
    touches: [{ kind: 'vm', native: native.native }, ...draft.touches],
  };
};

/** A disk that a VM has grows with it, also while it runs; by its file alone only one that nobody has. */
export const planGrow = async (
  vm: Found<'vm'>,
  fileName: string,
  capacityBytes: number,
  planning: Planning,
): Promise<Plan> => {
  const disk = vm.doc.disks.find(({ medium }) => medium.path === fileName);
  if (disk === undefined) return refuse('file-locked', { path: fileName }, `${fileName} is in use.`);
  return planEdit(vm, { disks: { change: [{ slot: disk.slot, to: { capacityBytes } }] } }, planning);
};

export const planChange = async (planning: Planning): Promise<Plan> => {
  const { change, atVersion } = paramsOf(planning, 'vm.change');
  const vm = targetVm(planning);
  if (atVersion !== undefined && vm.entry.version > atVersion)
    refuse('concurrent-access', {}, `${vm.doc.name} was changed by someone else.`);
  return planEdit(vm, change, planning);
};

export const planRename = async (planning: Planning): Promise<Plan> => {
  const { name } = paramsOf(planning, 'vm.rename');
  return planEdit(targetVm(planning), { name }, planning);
};

export const planAutostart = async (planning: Planning): Promise<Plan> => {
  const { autostart } = paramsOf(planning, 'vm.setAutostart');
  return planEdit(targetVm(planning), { autostart }, planning);
};

const POWER: Partial<Record<Verb, readonly [method: string, state: string | undefined]>> = {
  'vm.start': ['PowerOnVM_Task', 'poweredOn'],
  'vm.stop': ['PowerOffVM_Task', 'poweredOff'],
  'vm.reset': ['ResetVM_Task', undefined],
  'vm.suspend': ['SuspendVM_Task', 'suspended'],
  'vm.resume': ['PowerOnVM_Task', 'poweredOn'],
  'vm.shutdownGuest': ['ShutdownGuest', 'poweredOff'],
  'vm.rebootGuest': ['RebootGuest', undefined],
};

export const planPower = async (planning: Planning): Promise<Plan> => {
  const { command } = planning;
  const row = POWER[command.verb];
  const { paused, awaitMs } = command.params as Params['vm.start'] & Params['vm.shutdownGuest'];
  if (row === undefined || paused === true)
    return refuse('not-supported', {}, 'This host has no paused virtual machines.');
  const vm = targetVm(planning);
  const { native } = vm.native;
  const [method, state] = row;
  if (command.verb === 'vm.resume' && vm.doc.powerState !== 'suspended')
    refuse('wrong-state', { requested: 'running', existing: vm.doc.powerState }, `${vm.doc.name} is not suspended.`);
  // Told, and no more, unless its end is waited for: beside the queue, for pulling the plug must not wait for it.
  const isTold = command.verb === 'vm.shutdownGuest' && awaitMs === undefined;
  const power = step(
    method,
    'pivot',
    onVm(method, native),
    state === undefined || isTold ? probe('always') : probe('power-is', { vm: native, state }),
    awaitMs === undefined ? {} : { awaits: { limitMs: awaitMs } },
  );
  const queue = awaitMs === undefined ? native : `guest:${native}`;
  return { host: command.host, queue, steps: [power], touches: [{ kind: 'vm', native }] };
};
