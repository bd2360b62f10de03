/** What a change says of disks and CD drives in, steps on VBDs and VDIs out: gone ones first, so that a place can be given up and taken at once. */
import type { DiskSpec, VmChange } from '../../../generic/commands.ts';
import type { Slot } from '../../../generic/model.ts';
import { call, type Planning, probe, refuse } from '../../../generic/planning.ts';
import { own } from '../names.ts';
import { type Drive, type Image, isCd, isDisk } from '../native-vm.ts';
import { slotText, takeUserdevice, writtenSlot } from '../places.ts';
import { driveRecord, type NewDrive } from './create.ts';
import { type Draft, orNone, setField, setKey } from './draft.ts';
import { imageBehind, isActive, isShared, type TargetVm, wrongState } from './planning.ts';
import { checkCapacity, destroyImage, growImage, imageFor } from './volumes.ts';

interface Drafting {
  readonly draft: Draft;
  readonly target: TargetVm;
  readonly planning: Planning;
  readonly active: boolean;
  readonly taken: Set<number>;
}

const driveAt = ({ target }: Drafting, slot: Slot, isKind: (drive: Drive) => boolean): Drive =>
  target.vm.drives.find((drive) => isKind(drive) && slotText(drive.slot) === slotText(slot)) ??
  refuse('invalid-device', { index: 0, property: 'slot' }, `There is no drive at ${slotText(slot)}.`);

const attached = (self: string, is: boolean) =>
  probe('field-is', { cls: 'VBD', self, field: 'currently_attached', is: [String(is)] });

const plug = (self: unknown) => call('Async.VBD.plug', { self });
const unplug = (self: unknown) => call('Async.VBD.unplug', { self });

const removeDrive = ({ draft, target, taken, active }: Drafting, drive: Drive): void => {
  const { ref, userdevice } = drive;
  if (active && drive.attached)
    draft.add(`unplug drive ${userdevice}`, 'compensatable', unplug(ref), attached(ref, false), plug(ref));
  const record: NewDrive = {
    type: drive.type === 'CD' ? 'CD' : 'Disk',
    slot: drive.slot,
    image: drive.image?.ref,
    readOnly: drive.readOnly,
    bootable: false,
  };
  draft.add(
    `remove drive ${userdevice}`,
    'compensatable',
    call('VBD.destroy', { self: ref }),
    probe('absent', { cls: 'VBD', self: ref }),
    call('VBD.create', { args: driveRecord(target.ref, record, Number(userdevice)) }),
  );
  taken.delete(Number(userdevice));
};

const addDrive = ({ draft, target, taken, active }: Drafting, drive: NewDrive): void => {
  const userdevice = takeUserdevice(drive.slot, drive.type, taken);
  const made = { find: 'VBD', vm: target.ref, place: String(userdevice) } as const;
  draft.add(
    `create drive ${userdevice}`,
    'compensatable',
    call('VBD.create', { args: driveRecord(target.ref, drive, userdevice) }),
    probe('located', { locator: made }),
    call('VBD.destroy', { self: made }),
  );
  if (active)
    draft.add(
      `plug drive ${userdevice}`,
      'compensatable',
      plug(made),
      probe('field-is', { cls: 'VBD', self: made, field: 'currently_attached', is: ['true'] }),
      unplug(made),
    );
};

const insert = (vbd: string, vdi: string) => call('Async.VBD.insert', { vbd, vdi });
const eject = (vbd: string) => call('Async.VBD.eject', { vbd });
const isEmpty = (self: string, empty: boolean) =>
  probe('field-is', { cls: 'VBD', self, field: 'empty', is: [String(empty)] });

const changeMedium = ({ draft }: Drafting, { ref, userdevice, image }: Drive, wanted: string | undefined): void => {
  if (image?.ref === wanted) return;
  if (image) draft.add(`eject ${userdevice}`, 'compensatable', eject(ref), isEmpty(ref, true), insert(ref, image.ref));
  if (wanted !== undefined)
    draft.add(`insert ${userdevice}`, 'compensatable', insert(ref, wanted), isEmpty(ref, false), eject(ref));
};

type DiskChange = NonNullable<NonNullable<VmChange['disks']>['change']>[number];

const changeDisk = (drafting: Drafting, { slot, to, moveTo }: DiskChange, index: number): void => {
  if (moveTo) refuse('not-supported', {}, 'Disks of this host are moved by its own clients.');
  const { draft, target, planning, active } = drafting;
  const drive = driveAt(drafting, slot, isDisk);
  const image = drive.image ?? refuse('invalid-device', { index, property: 'medium' }, 'The disk has no image.');
  const live = (what: boolean): void => {
    if (what && active)
      wrongState(target, `A disk of ${target.doc.name} can only be changed so while it is powered off.`);
  };
  if (to.medium !== undefined || to.create !== undefined) {
    const other = to.medium && !to.create ? imageBehind(to.medium, planning, index).image.ref : undefined;
    const isOther = to.create !== undefined || other !== image.ref;
    live(isOther);
    if (isOther) {
      const made = imageFor({ ...asItIs(drive, image), ...to }, index, draft, planning);
      removeDrive(drafting, drive);
      addDrive(drafting, { type: 'Disk', slot, image: made, readOnly: to.readOnly ?? drive.readOnly, bootable: false });
      return;
    }
  }
  if (to.readOnly !== undefined && to.readOnly !== drive.readOnly) {
    live(true);
    setField(draft, 'VBD', drive.ref, 'mode', to.readOnly ? 'RO' : 'RW', drive.readOnly ? 'RO' : 'RW');
  }
  if (to.shareable !== undefined && to.shareable !== image.sharable) {
    live(true);
    setField(draft, 'VDI', image.ref, 'sharable', to.shareable, image.sharable);
  }
  if (to.persistent !== undefined && to.persistent !== image.persistent) {
    live(true);
    const modeOf = (persistent: boolean): string => (persistent ? 'persist' : 'reset');
    setField(draft, 'VDI', image.ref, 'on_boot', modeOf(to.persistent), modeOf(image.persistent));
  }
  if (to.slot !== undefined && slotText(to.slot) !== slotText(drive.slot)) {
    live(true);
    const written = writtenSlot(to.slot, Number(drive.userdevice), 'Disk');
    setKey(draft, 'VBD', drive.ref, 'other_config', own.slot, orNone(written), orNone(drive.written));
  }
  const { capacityBytes } = to;
  if (capacityBytes === undefined || capacityBytes === image.capacityBytes) return;
  if (capacityBytes < image.capacityBytes)
    refuse('invalid-device', { index, property: 'capacityBytes' }, 'A disk cannot shrink.');
  checkCapacity(capacityBytes, index);
  growImage(draft, image, capacityBytes);
};

/** The disk as it is, for what a change leaves out. */
const asItIs = ({ slot, readOnly }: Drive, image: Image): DiskSpec => ({
  slot,
  medium: { storageName: image.storageName, path: image.path },
  capacityBytes: image.capacityBytes,
  thin: image.thin,
  readOnly,
  shareable: image.sharable,
  persistent: image.persistent,
});

export const changeDrives = (
  draft: Draft,
  target: TargetVm,
  { disks, cdroms, floppies }: VmChange,
  planning: Planning,
): void => {
  if ((floppies?.add?.length ?? 0) > 0)
    refuse(
      'invalid-device',
      { index: 0, property: 'floppies' },
      'This host has no floppy drives for virtual machines.',
    );
  const taken = new Set(target.vm.drives.map(({ userdevice }) => Number(userdevice)));
  const drafting: Drafting = { draft, target, planning, active: isActive(target), taken };
  const cold = (what: string): void => {
    if (drafting.active) wrongState(target, `A CD drive can only be ${what} while ${target.doc.name} is powered off.`);
  };

  const gone: Drive[] = [];
  for (const { slot, deleteVolume } of disks?.remove ?? []) {
    const drive = driveAt(drafting, slot, isDisk);
    removeDrive(drafting, drive);
    if (deleteVolume) gone.push(drive);
  }
  for (const slot of cdroms?.remove ?? []) {
    cold('removed');
    removeDrive(drafting, driveAt(drafting, slot, isCd));
  }
  for (const [index, one] of (disks?.change ?? []).entries()) changeDisk(drafting, one, index);
  for (const [index, { slot, medium }] of (cdroms?.change ?? []).entries())
    changeMedium(drafting, driveAt(drafting, slot, isCd), medium && imageBehind(medium, planning, index).image.ref);
  for (const [index, spec] of (disks?.add ?? []).entries()) {
    const image = imageFor(spec, index, draft, planning);
    addDrive(drafting, { type: 'Disk', slot: spec.slot, image, readOnly: spec.readOnly, bootable: false });
  }
  for (const [index, { slot, medium }] of (cdroms?.add ?? []).entries()) {
    cold('added');
    const image = medium && imageBehind(medium, planning, index).image.ref;
    addDrive(drafting, { type: 'CD', slot, image, readOnly: true, bootable: false });
  }
  // Once there is no way back.
  for (const { image } of gone) if (image && !isShared(image, target.id, planning)) destroyImage(draft, image);
};
