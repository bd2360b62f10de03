/** Places of drives: the hub's slots to `userdevice` numbers and back. */
import type { Slot } from '../../generic/model.ts';

const PER_CONTROLLER = 15;
const OWN_UNIT = 7;
const MOST_USERDEVICE = 254;
const MOST_IDE = 4;
const BUSES: ReadonlySet<string> = new Set(['ide', 'sata', 'scsi', 'virtio', 'nvme', 'usb', 'fdc']);

export const slotText = ({ bus, controller, unit }: Slot): string => `${bus}${controller}:${unit}`;

const parseSlot = (text: string): Slot | undefined => {
  const [, bus = '', controller = '', unit = ''] = /^([a-z]+)(\d{1,3}):(\d{1,3})$/.exec(text) ?? [];
  return BUSES.has(bus) ? ({ bus, controller: Number(controller), unit: Number(unit) } as Slot) : undefined;
};

/** Paravirtual disks are counted as on SCSI controllers, whose own unit is 7; the four first CD drives are those of IDE. */
const countedSlot = (userdevice: number, type: string): Slot => {
  if (type === 'CD' && userdevice < MOST_IDE) return { bus: 'ide', controller: userdevice >> 1, unit: userdevice & 1 };
  if (type === 'CD') return { bus: 'sata', controller: 0, unit: userdevice };
  if (type === 'Floppy') return { bus: 'fdc', controller: 0, unit: userdevice };
  const unit = userdevice % PER_CONTROLLER;
  return {
    bus: 'scsi',
    controller: Math.floor(userdevice / PER_CONTROLLER),
    unit: unit < OWN_UNIT ? unit : unit + 1,
  };
};

/** `written`: the slot that a drive was made with, '' for drives made by others. */
export const slotOf = (userdevice: number, type: string, written: string): Slot =>
  parseSlot(written) ?? countedSlot(userdevice, type);

const countOf = ({ bus, controller, unit }: Slot): number => {
  switch (bus) {
    case 'scsi':
    case 'virtio':
      return controller * PER_CONTROLLER + (unit > OWN_UNIT ? unit - 1 : unit);
    case 'ide':
      return controller * 2 + unit;
    default:
      return unit;
  }
};

/** Where the first CD drive is looked for. */
const FIRST_CD = 3;

/** The place of a new drive: the one that its slot counts to if it is free, else the lowest that is. `taken` learns it. */
export const takeUserdevice = (slot: Slot, type: 'Disk' | 'CD', taken: Set<number>): number => {
  const counted = countOf(slot);
  const wanted = counted <= MOST_USERDEVICE ? counted : 0;
  let place = !taken.has(wanted) ? wanted : type === 'CD' && !taken.has(FIRST_CD) ? FIRST_CD : 0;
  while (taken.has(place)) place += 1;
  taken.add(place);
  return place;
};

/** What has to be written so that the drive is found in that slot again; '' where its number tells it. */
export const writtenSlot = (slot: Slot, userdevice: number, type: 'Disk' | 'CD'): string =>
  slotText(countedSlot(userdevice, type)) === slotText(slot) ? '' : slotText(slot);
