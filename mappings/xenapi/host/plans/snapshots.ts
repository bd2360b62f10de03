/** snapshot.* in, their plans out: XenServer's snapshots are VMs of their own beside the VM, with images of its disks and, as checkpoints, of its memory. */
import type { NativeRef } from '../../../generic/ids.ts';
import type { Plan, StepKind } from '../../../generic/plan.ts';
import { call, type Planning, paramsOf, probe, refuse } from '../../../generic/planning.ts';
import { NULL_REF } from '../../types.ts';
import type { Locator } from '../locate.ts';
import { hasMemory, isDisk, type NativeSnapshot } from '../native-vm.ts';
import { resumeCall, startCall } from '../power.ts';
import { type Draft, newDraft, setField, uuidFrom } from './draft.ts';
import { isActive, type TargetVm, targetVm } from './planning.ts';

/** Their rooms change with every snapshot, and a revert gives the VM other images. */
const touchVm = (draft: Draft, target: TargetVm): void => {
  const uuids = new Set(target.vm.drives.filter(isDisk).flatMap(({ image }) => (image ? [image.storageUuid] : [])));
  const refs: NativeRef[] = [...uuids].map((native) => ({ kind: 'storage', native }));
  draft.touch({ kind: 'vm', native: target.entry.native }, ...refs);
};

const snapshotOf = ({ vm }: TargetVm, native: string): NativeSnapshot =>
  vm.snapshots.find(({ uuid }) => uuid === native) ??
  refuse('object-not-found', { type: 'snapshot', id: native }, `There is no snapshot '${native}'.`);

export const planSnapshot = async (planning: Planning): Promise<Plan> => {
  const { name, description, memory } = paramsOf(planning, 'snapshot.create');
  const target = targetVm(planning);
  const { ref, vm, entry } = target;
  const draft = newDraft(planning.command.host, entry.native);
  const made: Locator = {
    find: 'snapshot',
    vm: ref,
    label: name,
    before: vm.snapshots.map(({ kept }) => kept.ref),
  };
  const checkpoint = memory && isActive(target);
  const step = draft.add(
    'snapshot',
    'pivot',
    checkpoint
      ? call('Async.VM.checkpoint', { vm: ref, new_name: name })
      : call('Async.VM.snapshot', { vm: ref, new_name: name }),
    probe('located', { locator: made }),
  );
  // A snapshot is a copy of the VM, its words too.
  if (description !== target.doc.description)
    draft.later(
      'describe',
      call('VM.set_name_description', { self: made, value: description }),
      probe('field-is', { cls: 'VM', self: made, field: 'name_description', is: [description] }),
    );
  touchVm(draft, target);
  draft.makes = { kind: 'snapshot', native: uuidFrom(step) };
  return draft.plan();
};

export const planRevert = async (planning: Planning): Promise<Plan> => {
  const { snapshot: native, start } = paramsOf(planning, 'snapshot.revert');
  const target = targetVm(planning);
  const snapshot = snapshotOf(target, native);
  const { ref, vm, entry } = target;
  const draft = newDraft(planning.command.host, entry.native);
  draft.add(
    'revert',
    'pivot',
    call('Async.VM.revert', { snapshot: snapshot.kept.ref }),
    probe('reverted', {
      vm: ref,
      snapshot: snapshot.kept.ref,
      images: vm.drives.filter(isDisk).flatMap(({ image }) => (image ? [image.ref] : [])),
    }),
  );
  draft.later('stamp images', call('stamp_images', { vm: ref }), probe('always', {}));
  const running = probe('field-is', { cls: 'VM', self: ref, field: 'power_state', is: ['Running'] });
  // With its memory the VM comes back suspended: it goes on where it was, unless that is not wanted.
  if (hasMemory(snapshot) && start !== false) {
    const { procedure, args } = resumeCall(ref);
    draft.later('resume', call(procedure, args), running);
  } else if (!hasMemory(snapshot) && start === true) {
    const { procedure, args } = startCall(ref);
    draft.later('start', call(procedure, args), running);
  } else if (hasMemory(snapshot))
    draft.later(
      'power off',
      call('Async.VM.hard_shutdown', { vm: ref }),
      probe('field-is', { cls: 'VM', self: ref, field: 'power_state', is: ['Halted'] }),
    );
  touchVm(draft, target);
  // The images of before are gone, and those that stand for them were not known.
  for (const { image } of vm.drives.filter(isDisk)) if (image) draft.touch({ kind: 'volume', native: image.uuid });
  return draft.plan();
};

/** The snapshot's own machine, and its images, which do not go with it. */
export const dropSnapshot = (draft: Draft, { kept, drives, uuid }: NativeSnapshot, kind: StepKind): void => {
  const self = kept.ref;
  const destroy = call('Async.VM.destroy', { self });
  const absent = probe('absent', { cls: 'VM', self });
  if (kind === 'pivot') draft.add(`delete snapshot ${uuid}`, kind, destroy, absent);
  else draft.later(`delete snapshot ${uuid}`, destroy, absent);
  const images = drives.filter(isDisk).flatMap(({ image }) => (image ? [image.ref] : []));
  const memory = kept.text('suspend_VDI');
  for (const image of [...images, ...(memory === '' || memory === NULL_REF ? [] : [memory])])
    draft.later(
      `delete image ${images.indexOf(image)} of ${uuid}`,
      call('destroy_if_there', { cls: 'VDI', self: image }),
      probe('absent', { cls: 'VDI', self: image }),
    );
};

/** A snapshot and all that stand on it; a host that told of a ring would be walked once. */
const withChildren = (root: NativeSnapshot, all: readonly NativeSnapshot[]): NativeSnapshot[] => {
  const found = new Set([root]);
  for (const one of found) for (const child of all) if (child.kept.text('parent') === one.kept.ref) found.add(child);
  return [...found];
};

const planDrop = (target: TargetVm, snapshots: readonly NativeSnapshot[], planning: Planning): Plan => {
  const draft = newDraft(planning.command.host, target.entry.native);
  for (const [n, snapshot] of snapshots.entries()) dropSnapshot(draft, snapshot, n === 0 ? 'pivot' : 'forward-only');
  touchVm(draft, target);
  return draft.plan();
};

export const planSnapshotDelete = async (planning: Planning): Promise<Plan> => {
  const { snapshot: native, children } = paramsOf(planning, 'snapshot.delete');
  const target = targetVm(planning);
  const root = snapshotOf(target, native);
  return planDrop(target, children ? withChildren(root, target.vm.snapshots) : [root], planning);
};

export const planSnapshotDeleteAll = async (planning: Planning): Promise<Plan> => {
  const target = targetVm(planning);
  if (target.vm.snapshots.length === 0) refuse('not-found', {}, `${target.doc.name} has no snapshots.`);
  return planDrop(target, target.vm.snapshots, planning);
};

export const planSnapshotRename = async (planning: Planning): Promise<Plan> => {
  const { snapshot: native, name, description } = paramsOf(planning, 'snapshot.rename');
  const target = targetVm(planning);
  const { kept } = snapshotOf(target, native);
  const draft = newDraft(planning.command.host, target.entry.native);
  const set = (field: 'name_label' | 'name_description', value: string | undefined): void => {
    if (value !== undefined && value !== kept.text(field))
      setField(draft, 'VM', kept.ref, field, value, kept.text(field));
  };
  set('name_label', name);
  set('name_description', description);
  draft.touch({ kind: 'vm', native: target.entry.native });
  return draft.plan();
};
