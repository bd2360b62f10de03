/** A VM in, the places of its drives and cards as XenAPI numbers them out: `userdevice` of every VBD, `device` of every VIF, and their references. */
import type { HubId } from '../generic/ids.ts';
import type { Cdrom, Disk, Nic, Slot, Vm } from '../generic/model.ts';
import { type XenId, xenId } from './ids.ts';
import { attributeMap } from './vm-attributes.ts';

/** A drive that the host has; `userdevice` is unique in its VM. */
export type Drive =
  | { readonly type: 'Disk'; readonly userdevice: number; readonly disk: Disk }
  | { readonly type: 'CD'; readonly userdevice: number; readonly cdrom: Cdrom };

export interface Card {
  readonly device: number;
  readonly nic: Nic;
}

/*
 * A VBD is named by its VM and its place, a VIF by its VM and its address: both outlive an unplug, which takes the device from the
 * host, and a plug, which brings it back. Owner: the VM, or the snapshot for what a snapshot holds.
 */
export const vbdId = (owner: HubId, userdevice: number): XenId => xenId('VBD', owner, userdevice + 1);
export const userdeviceOf = ({ part }: XenId): number => part - 1;

/** 24 bits of the whole address: cards of one machine may differ in the maker alone. */
export const macPart = (mac: string): number => {
  let hash = 0x811c9dc5;
  for (const digit of mac.toLowerCase().replace(/[^0-9a-f]/g, ''))
    hash = Math.imul(hash ^ digit.charCodeAt(0), 0x01000193);
  return (hash ^ (hash >>> 24)) & 0xff_ffff;
};
export const vifId = (owner: HubId, mac: string): XenId => xenId('VIF', owner, macPart(mac));

/** Places that VBD.create takes. */
export const MOST_USERDEVICE = 254;
export const MOST_VIF_DEVICE = 15;

/** As a guest of a XenServer would call it. */
export const deviceName = (userdevice: number): string => {
  const letter = String.fromCharCode(97 + (userdevice % 26));
  return userdevice < 26 ? `xvd${letter}` : `xvd${String.fromCharCode(96 + Math.floor(userdevice / 26))}${letter}`;
};

/** Paravirtual places are counted like those of a SCSI controller: 15 each, unit 7 is the controller's own. */
const PER_CONTROLLER = 15;
const OWN_UNIT = 7;
const SATA_PORTS = 6;
const IDE_PLACES = 4;

const placeOf = ({ bus, controller, unit }: Slot): number => {
  switch (bus) {
    case 'virtio':
    case 'scsi':
      return controller * PER_CONTROLLER + (unit > OWN_UNIT ? unit - 1 : unit);
    case 'ide':
      return controller * 2 + unit;
    case 'sata':
      return controller * SATA_PORTS + unit;
    case 'nvme':
    case 'usb':
    case 'fdc':
      return unit;
    default:
      return bus satisfies never;
  }
};

export const slotText = ({ bus, controller, unit }: Slot): string => `${bus}${controller}:${unit}`;

const paravirtual = (bus: 'virtio' | 'scsi', userdevice: number): Slot => {
  const unit = userdevice % PER_CONTROLLER;
  return {
    bus,
    controller: Math.floor(userdevice / PER_CONTROLLER),
    unit: unit < OWN_UNIT ? unit : unit + 1,
  };
};

/** Where XenAPI's users expect the first CD-ROM drive. */
const FIRST_CD = 3;

const lowestFree = (taken: ReadonlySet<number>, first = 0): number => {
  if (!taken.has(first)) return first;
  let free = 0;
  while (taken.has(free)) free += 1;
  return free;
};

/**
 * Disks first, each at the place its slot counts to, or where an attribute says it was put; a place that is taken gives way to the lowest
 * free one. The same document always gives the same places.
 */
export const drivesOf = (vm: Pick<Vm, 'disks' | 'cdroms' | 'attributes'>): Drive[] => {
  const said = attributeMap(vm, 'vbd');
  const taken = new Set<number>();
  const take = (slot: Slot, otherwise: number): number => {
    const written = Number(said[slotText(slot)] ?? Number.NaN);
    const wanted = Number.isInteger(written) && written >= 0 && written <= MOST_USERDEVICE ? written : placeOf(slot);
    const place = taken.has(wanted) ? lowestFree(taken, otherwise) : wanted;
    taken.add(place);
    return place;
  };
  const disks = vm.disks.map((disk): Drive => ({ type: 'Disk', userdevice: take(disk.slot, 0), disk }));
  const cdroms = vm.cdroms.map((cdrom): Drive => ({ type: 'CD', userdevice: take(cdrom.slot, FIRST_CD), cdrom }));
  return [...disks, ...cdroms];
};

export const slotOfDrive = (drive: Drive): Slot => (drive.type === 'Disk' ? drive.disk.slot : drive.cdrom.slot);

/** The order of the cards, unless an attribute says otherwise: a card keeps its number when one before it goes. */
export const cardsOf = (vm: Pick<Vm, 'nics' | 'attributes'>): Card[] => {
  const said = attributeMap(vm, 'vif');
  const written = (nic: Nic): number => Number(said[nic.mac.toLowerCase()] ?? Number.NaN);
  const taken = new Set(vm.nics.map(written).filter(Number.isInteger));
  return vm.nics.map((nic): Card => {
    const wanted = written(nic);
    if (Number.isInteger(wanted)) return { device: wanted, nic };
    const device = lowestFree(taken);
    taken.add(device);
    return { device, nic };
  });
};

const isFree = (vm: Pick<Vm, 'disks' | 'cdroms' | 'floppies'>, slot: Slot): boolean =>
  ![...vm.disks, ...vm.cdroms, ...vm.floppies].some((one) => slotText(one.slot) === slotText(slot));

/** A slot for a new disk: on the bus that the VM's disks are on when that can grow, else paravirtual. */
export const slotForDisk = (vm: Pick<Vm, 'disks' | 'cdroms' | 'floppies'>, userdevice: number): Slot => {
  const bus = vm.disks.find(({ slot }) => slot.bus === 'scsi' || slot.bus === 'virtio')?.slot.bus;
  const wanted = paravirtual(bus === 'scsi' ? 'scsi' : 'virtio', userdevice);
  if (isFree(vm, wanted)) return wanted;
  for (let place = 0; ; place++) {
    const slot = paravirtual('virtio', place);
    if (isFree(vm, slot)) return slot;
  }
};

/** A slot for a new CD-ROM drive: one of the four IDE places, beyond them SATA. */
export const slotForCd = (vm: Pick<Vm, 'disks' | 'cdroms' | 'floppies'>, userdevice: number): Slot => {
  const hasSata = vm.cdroms.some(({ slot }) => slot.bus === 'sata');
  const ide = (place: number): Slot => ({ bus: 'ide', controller: place >> 1, unit: place & 1 });
  const sata = (place: number): Slot => ({
    bus: 'sata',
    controller: Math.floor(place / SATA_PORTS),
    unit: place % SATA_PORTS,
  });
  if (!hasSata) {
    const places = [userdevice, 3, 2, 1, 0].filter((place) => place < IDE_PLACES);
    for (const place of places) if (isFree(vm, ide(place))) return ide(place);
  }
  for (let place = hasSata ? Math.min(userdevice, SATA_PORTS - 1) : 0; ; place++)
    if (isFree(vm, sata(place))) return sata(place);
};

/** What has to be written so that the drive at `slot` is found at `userdevice`; '' where the slot counts to it. */
export const placeAttribute = (slot: Slot, userdevice: number): string =>
  placeOf(slot) === userdevice ? '' : String(userdevice);
