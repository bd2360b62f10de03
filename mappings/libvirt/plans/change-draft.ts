/** A change with its volumes in, the VM as it shall be and the steps for its volumes out: made before the change, grown and deleted after. */
import type { VmChange } from '../../generic/commands.ts';
import type { HubId, NativeRef } from '../../generic/ids.ts';
import type { Disk, Medium, Vm } from '../../generic/model.ts';
import type { Step } from '../../generic/plan.ts';
import { type Found, type Planning, Refusal, refuse } from '../../generic/planning.ts';
import { applyChange } from '../../generic/vm-change.ts';
import { sameSlot } from '../slots.ts';
import { copyStep, type DiskChange, moveOf, volumeRefs } from './copies.ts';
import { checkCapacity, type Promised, volumeStep } from './create.ts';
import { isActive, macFrom, placed, volumeBehind } from './planning.ts';
import { deleteVolume, resizeDisk, resizeVolume } from './steps.ts';

/** Volumes of removed disks that nobody else uses. */
export const removedVolumes = (
  disks: readonly Disk[],
  vm: HubId,
  planning: Planning,
): { step: Step; touches: NativeRef[] }[] =>
  disks.flatMap(({ medium }) => {
    const volume = volumeBehind(medium, vm, planning);
    if (!volume || planning.context.store.edges(volume.id, 'vm').some((user) => user !== vm)) return [];
    const { pool, name } = volume;
    return [
      {
        step: deleteVolume(pool, name, 'forward-only'),
        touches: volumeRefs(pool, name),
      },
    ];
  });

export interface Draft {
  readonly after: Vm;
  readonly first: Step[];
  readonly last: Step[];
  readonly touches: NativeRef[];
}

/** A disk that goes to another volume: copied before, named by the change, its old volume deleted after. */
const movedDisk = async (
  one: DiskChange,
  index: number,
  vm: Found<'vm'>,
  planning: Planning,
): Promise<{ change: DiskChange; first: Step[]; last: Step[]; touches: NativeRef[] }> => {
  const { slot, to } = one;
  const move = moveOf(one, index, vm, planning);
  if (!move) return { change: { slot, to }, first: [], last: [], touches: [] };
  if (vm.doc.powerState !== 'stopped')
    refuse('wrong-state', { requested: 'stopped', existing: vm.doc.powerState }, `${vm.doc.name} must be powered off.`);
  const copy = await copyStep(move.from, move.to, planning);
  return {
    change: { slot, to: { ...to, medium: move.medium } },
    first: [copy.step],
    last: [deleteVolume(move.from.pool, move.from.name, 'forward-only')],
    touches: [...copy.touches, ...volumeRefs(move.from.pool, move.from.name)],
  };
};

/** Disks of the change with their volumes: made before, grown and deleted after. */
export const draftOf = async (vm: Found<'vm'>, change: VmChange, planning: Planning): Promise<Draft> => {
  const first: Step[] = [];
  const last: Step[] = [];
  const touches: NativeRef[] = [];
  const promised: Promised = new Map();
  const add: Disk[] = [];
  let index = (change.disks?.remove?.length ?? 0) + (change.disks?.change?.length ?? 0);
  for (const spec of change.disks?.add ?? []) {
    const made = await volumeStep(spec, index++, promised, planning);
    add.push(made.disk);
    if (made.step) first.push(made.step);
    touches.push(...made.touches);
  }
  const moved: DiskChange[] = [];
  for (const [at, one] of (change.disks?.change ?? []).entries()) {
    const move = await movedDisk(one, at, vm, planning);
    moved.push(move.change);
    first.push(...move.first);
    last.push(...move.last);
    touches.push(...move.touches);
  }
  const place = <T extends { medium?: Medium }>(one: T, at: number): T =>
    one.medium ? { ...one, medium: placed(one.medium, planning, at) } : one;
  const withPaths: VmChange = {
    ...change,
    ...(change.disks
      ? {
          disks: {
            ...change.disks,
            add,
            change: moved.map((one, at) => ({ ...one, to: place(one.to, at) })),
          },
        }
      : {}),
    ...(change.cdroms
      ? {
          cdroms: {
            ...change.cdroms,
            add: (change.cdroms.add ?? []).map(place),
            change: (change.cdroms.change ?? []).map(place),
          },
        }
      : {}),
    ...(change.floppies
      ? {
          floppies: {
            ...change.floppies,
            add: (change.floppies.add ?? []).map(place),
            change: (change.floppies.change ?? []).map(place),
          },
        }
      : {}),
    ...(change.nics
      ? {
          nics: {
            ...change.nics,
            add: (change.nics.add ?? []).map((nic, at) =>
              nic.mac === '' ? { ...nic, mac: macFrom(vm.native.native, planning.context.job, String(at)) } : nic,
            ),
          },
        }
      : {}),
  };
  const applied = applyChange(vm.doc, withPaths);
  if (!applied.ok) throw new Refusal(applied.fault);
  for (const [at, { slot, to }] of (change.disks?.change ?? []).entries()) {
    const disk = vm.doc.disks.find((one) => sameSlot(one.slot, slot));
    if (!disk || to.capacityBytes === undefined || to.capacityBytes === disk.capacityBytes) continue;
    const volume = volumeBehind(disk.medium, vm.id, planning);
    if (!volume)
      return refuse(
        'invalid-device',
        { index: at, property: 'capacityBytes' },
        'The disk lies outside every storage: its size cannot be changed.',
      );
    const {
      pool,
      name,
      doc: { capacityBytes },
    } = volume;
    if (to.capacityBytes < capacityBytes)
      refuse('invalid-device', { index: at, property: 'capacityBytes' }, 'A disk cannot shrink.');
    checkCapacity(to.capacityBytes, true, at, pool, promised);
    if (to.capacityBytes > capacityBytes) {
      last.push(
        isActive(vm)
          ? resizeDisk(vm.native.native, disk.device ?? '', pool, name, to.capacityBytes, 'forward-only')
          : resizeVolume(pool, name, to.capacityBytes, 'forward-only'),
      );
      touches.push(...volumeRefs(pool, name));
    }
  }
  const remove = (change.disks?.remove ?? []).filter(({ deleteVolume: wanted }) => wanted);
  const gone = vm.doc.disks.filter(({ slot }) => remove.some((one) => sameSlot(one.slot, slot)));
  for (const removed of removedVolumes(gone, vm.id, planning)) {
    last.push(removed.step);
    touches.push(...removed.touches);
  }
  return { after: applied.value, first, last, touches };
};
