/** Volumes to be copied in, whole and in the format they have, steps and what to read again after them out; disks that are to move in, from where to where out. */
import type { VmChange } from '../../generic/commands.ts';
import type { NativeRef } from '../../generic/ids.ts';
import type { Disk, Medium, Volume } from '../../generic/model.ts';
import type { Step, StepKind } from '../../generic/plan.ts';
import { type Found, type Planning, refuse } from '../../generic/planning.ts';
import { sameSlot } from '../slots.ts';
import { volumeNative } from '../volume-names.ts';
import { type Pool, pathIn, poolOf, volumeBehind, volumeOf } from './planning.ts';
import { copyVolume } from './steps.ts';

export const volumeRefs = (pool: Pool, name: string): NativeRef[] => [
  { kind: 'volume', native: volumeNative(pool.uuid, name) },
  { kind: 'storage', native: pool.uuid },
];

/** A volume's name is a file's name. */
export const checkVolumeName = (name: string): void => {
  if (name === '' || name.startsWith('.') || name.includes('/') || Buffer.byteLength(name) > 255)
    refuse('invalid-name', { name }, `'${name}' is no name for a volume.`);
};

export const mustBeFree = (pool: Pool, name: string, planning: Planning): void => {
  if (volumeOf(pool, name, planning)) refuse('file-exists', { path: name }, `${name} exists in ${pool.name}.`);
};

/** The document of a volume like another one, in another place and under another name. */
export const volumeLike = (
  { format, capacityBytes }: Volume,
  pool: Pool,
  name: string,
  { context }: Planning,
): Promise<string> =>
  context.fromGeneric({
    kind: 'volume',
    after: { name, storageName: pool.name, path: '', format, capacityBytes, allocationBytes: 0 },
  });

export const copyStep = async (
  from: { readonly pool: Pool; readonly name: string; readonly doc: Volume },
  to: { readonly pool: Pool; readonly name: string },
  planning: Planning,
  kind: StepKind = 'compensatable',
): Promise<{ step: Step; touches: NativeRef[] }> => ({
  step: copyVolume(from, to, await volumeLike(from.doc, to.pool, to.name, planning), kind),
  touches: volumeRefs(to.pool, to.name),
});

export type DiskChange = NonNullable<NonNullable<VmChange['disks']>['change']>[number];

export interface DiskMove {
  readonly disk: Disk;
  readonly from: { readonly pool: Pool; readonly name: string; readonly doc: Volume };
  readonly to: { readonly pool: Pool; readonly name: string };
  /** As the machine names it then. */
  readonly medium: Medium;
}

/** undefined: it stays where it is. */
export const moveOf = (
  { slot, moveTo }: DiskChange,
  index: number,
  vm: Found<'vm'>,
  planning: Planning,
): DiskMove | undefined => {
  const disk = vm.doc.disks.find((one) => sameSlot(one.slot, slot));
  if (!disk || !moveTo) return undefined;
  const from = volumeBehind(disk.medium, vm.id, planning);
  if (!from)
    return refuse('invalid-device', { index, property: 'medium' }, 'The disk lies outside every storage: it stays.');
  // A copy has what the image holds now, and none of the snapshots in it.
  if (vm.doc.snapshots.length > 0)
    refuse('invalid-state', {}, 'The snapshots of the machine lie inside its disks: they cannot be moved.');
  if (planning.context.store.edges(from.id, 'vm').some((user) => user !== vm.id))
    refuse('file-locked', { path: from.name }, `Another machine has ${from.name} as well.`);
  const pool = poolOf(moveTo.storage, planning);
  const name = moveTo.volumeName;
  checkVolumeName(name);
  mustBeFree(pool, name, planning);
  const medium: Medium = {
    storageName: pool.name,
    storage: pool.id,
    volumeName: name,
    path: pathIn(pool, name),
    format: from.doc.format,
  };
  return { disk, from, to: { pool, name }, medium };
};
