/** Where a disk sits: libvirt's target device name and drive address to the hub's slot, and back. */
import type { Bus, ScsiModel, Slot } from '../generic/model.ts';
import { DEVICE_PREFIX } from './states.ts';

/** `vda` 0, `vdz` 25, `vdaa` 26. */
export const deviceIndex = (device: string): number => {
  const letters = /([a-z]+)[0-9]*$/.exec(device.replace(/^(?:xvd|vd|hd|sd|fd)/, ''))?.[1];
  if (letters === undefined) return 0;
  let index = 0;
  for (const letter of letters) index = index * 26 + letter.charCodeAt(0) - 96;
  return index - 1;
};

export const deviceLetters = (index: number): string => {
  let letters = '';
  for (let rest = index + 1; rest > 0; rest = Math.floor((rest - 1) / 26))
    letters = String.fromCharCode(97 + ((rest - 1) % 26)) + letters;
  return letters;
};

/** A paravirtual SCSI controller has units 0 to 15 without 7, its own: virtio disks are counted into the same places. */
const PER_CONTROLLER = 15;
const OWN_UNIT = 7;

export interface DriveAddress {
  readonly controller: number;
  readonly bus: number;
  readonly target: number;
  readonly unit: number;
}

export const slotOf = (bus: Bus, device: string, address: DriveAddress | undefined): Slot => {
  const index = deviceIndex(device);
  switch (bus) {
    case 'virtio': {
      const unit = index % PER_CONTROLLER;
      return { bus, controller: Math.floor(index / PER_CONTROLLER), unit: unit < OWN_UNIT ? unit : unit + 1 };
    }
    case 'ide':
      // The one IDE controller has two channels: those are what others call controllers.
      return address
        ? { bus, controller: address.bus, unit: address.unit }
        : { bus, controller: index >> 1, unit: index & 1 };
    case 'sata':
      return address
        ? { bus, controller: address.controller, unit: address.unit }
        : { bus, controller: Math.floor(index / 6), unit: index % 6 };
    case 'scsi':
      return address
        ? { bus, controller: address.controller, unit: address.unit || address.target }
        : { bus, controller: Math.floor(index / 7), unit: index % 7 };
    case 'fdc':
      return { bus, controller: 0, unit: address?.unit ?? index };
    case 'usb':
    case 'nvme':
      return { bus, controller: 0, unit: index };
    default:
      return bus satisfies never;
  }
};

export const sameSlot = (a: Slot, b: Slot): boolean =>
  a.bus === b.bus && a.controller === b.controller && a.unit === b.unit;

/** The target's device name for a slot: the one that reads back as that slot, or the next free one where the address decides. */
export const deviceOf = (slot: Slot, taken: ReadonlySet<string>): string => {
  const { bus, controller, unit } = slot;
  const prefix = DEVICE_PREFIX[bus];
  let index = unit;
  if (bus === 'virtio')
    return prefix + deviceLetters(controller * PER_CONTROLLER + (unit > OWN_UNIT ? unit - 1 : unit));
  if (bus === 'ide') index = controller * 2 + unit;
  else if (bus === 'sata') index = controller * 6 + unit;
  else if (bus === 'scsi') index = controller * 16 + unit;
  while (taken.has(prefix + deviceLetters(index))) index += 1;
  return prefix + deviceLetters(index);
};

/**
 * Drive address of a slot; undefined on buses that have none. An LSI Logic SAS has one unit a target, an LSI Logic one target (QEMU: "target
 * must be 0 for controller model 'lsilogic'"); virtio's has both and is counted in units, as libvirt does itself.
 */
export const addressOf = ({ bus, controller, unit }: Slot, scsi: ScsiModel | undefined): DriveAddress | undefined => {
  if (bus === 'ide') return { controller: 0, bus: controller, target: 0, unit };
  if (bus === 'scsi' && scsi === 'lsisas') return { controller, bus: 0, target: unit, unit: 0 };
  if (bus === 'sata' || bus === 'scsi') return { controller, bus: 0, target: 0, unit };
  return bus === 'fdc' ? { controller: 0, bus: 0, target: 0, unit } : undefined;
};
