/** A VM's devices as they are in; a draft that takes device specs one by one, keeps track of controllers and units, and gives the hub's change out. */
import type { DiskSpec, VmChange } from '../../generic/commands.ts';
import type { Bus, Cdrom, Floppy, ForeignAttribute, Nic, Slot, Vm } from '../../generic/model.ts';
import type { Datastores, Place } from '../datastore/tree.ts';
import { devicesOf, KEY, slotOf } from '../device-keys.ts';
import type { DataObject } from '../values.ts';
import type { Found } from './inventory.ts';
import { deviceFault, invalidDevice } from './refusal.ts';

/** What device specs are read against. */
export interface Site {
  readonly all: Datastores;
  readonly networks: readonly Found<'network'>[];
  /** Generic documents of the volumes that the specs name. */
  readonly volumes: ReadonlyMap<string, { readonly capacityBytes: number; readonly format: string }>;
  /** Directory of the VM's own files, and the name that they begin with. */
  readonly home: Place;
  readonly base: string;
  newMac(): string;
}

export interface Spot {
  readonly bus: Bus;
  readonly controller: number;
}

export interface Draft {
  readonly before: Vm;
  readonly site: Site;
  readonly keys: ReturnType<typeof devicesOf>;
  /** Controllers by key, those of this spec by their temporary keys too. */
  readonly controllers: Map<number, Spot>;
  readonly used: Set<string>;
  scsiControllers: Vm['scsiControllers'];
  scsiChanged: boolean;
  readonly disks: {
    add: DiskSpec[];
    change: { slot: Slot; to: Partial<DiskSpec> }[];
    remove: { slot: Slot; deleteVolume: boolean }[];
  };
  readonly cdroms: { add: Cdrom[]; change: { slot: Slot; medium?: NonNullable<Cdrom['medium']> }[]; remove: Slot[] };
  readonly floppies: {
    add: Floppy[];
    change: { slot: Slot; medium?: NonNullable<Floppy['medium']> }[];
    remove: Slot[];
  };
  readonly nics: { add: Nic[]; change: { mac: string; to: Partial<Nic> }[]; remove: string[] };
  serialPorts: number;
  readonly attributes: ForeignAttribute[];
  /** Volumes that this spec makes, by storage and path. */
  readonly made: Set<string>;
}

export const slotText = ({ bus, controller, unit }: Slot): string => `${bus}${controller}:${unit}`;

export const draftOf = (before: Vm, site: Site): Draft => {
  const keys = devicesOf(before);
  const controllers = new Map<number, Spot>();
  for (const { key } of keys.controllers) {
    const slot = slotOf(key, 0, before);
    if (slot) controllers.set(key, slot);
  }
  for (const ordinal of [0, 1]) controllers.set(KEY.ide + ordinal, { bus: 'ide', controller: ordinal });
  controllers.set(KEY.sio, { bus: 'fdc', controller: 0 });
  return {
    before,
    site,
    keys,
    controllers,
    used: new Set([...before.disks, ...before.cdroms, ...before.floppies].map(({ slot }) => slotText(slot))),
    scsiControllers: [...before.scsiControllers],
    scsiChanged: false,
    disks: { add: [], change: [], remove: [] },
    cdroms: { add: [], change: [], remove: [] },
    floppies: { add: [], change: [], remove: [] },
    nics: { add: [], change: [], remove: [] },
    serialPorts: before.serialPorts,
    attributes: [],
    made: new Set(),
  };
};

/** One element of `deviceChange`. */
export interface DeviceSpec {
  readonly index: number;
  readonly operation: 'add' | 'edit' | 'remove';
  readonly fileOperation?: 'create' | 'destroy' | 'replace';
  readonly device: DataObject & { readonly _type: string };
}

export const deviceSpecs = (changes: unknown): DeviceSpec[] =>
  ((changes as readonly DataObject[] | undefined) ?? []).map((spec, index) => {
    const operation = spec['operation'] as DeviceSpec['operation'] | undefined;
    const fileOperation = spec['fileOperation'] as DeviceSpec['fileOperation'] | undefined;
    const device = spec['device'] as DeviceSpec['device'];
    return { index, operation: operation ?? 'edit', device, ...(fileOperation === undefined ? {} : { fileOperation }) };
  });

/** Places on one controller of a bus; 7 is the SCSI controller itself. */
const UNITS: Readonly<Record<Bus, number>> = { scsi: 16, virtio: 16, ide: 2, sata: 30, nvme: 15, usb: 8, fdc: 2 };
const isReserved = (bus: Bus, unit: number): boolean => (bus === 'scsi' || bus === 'virtio') && unit === 7;

const firstFree = (draft: Draft, { bus, controller }: Spot): number | undefined => {
  for (let unit = 0; unit < UNITS[bus]; unit++) {
    if (!isReserved(bus, unit) && !draft.used.has(slotText({ bus, controller, unit }))) return unit;
  }
  return undefined;
};

/** The slot that an added device asks for, taken. Without a unit number the first free one. */
export const takeSlot = (draft: Draft, { index, device }: DeviceSpec, buses: readonly Bus[], fallback?: Spot): Slot => {
  const key = device['controllerKey'] as number | undefined;
  const spot = key === undefined || key === 0 ? fallback : draft.controllers.get(key);
  if (!spot || !buses.includes(spot.bus)) {
    return deviceFault(
      index,
      'device.controllerKey',
      'InvalidController',
      `Invalid controller for device '${index}'.`,
      { controllerKey: key ?? 0 },
    );
  }
  const wanted = device['unitNumber'] as number | undefined;
  const unit = wanted === undefined || wanted < 0 ? firstFree(draft, spot) : wanted;
  if (unit === undefined) {
    return deviceFault(
      index,
      'device.unitNumber',
      'InvalidDeviceSpec',
      `No place is left on the controller of device '${index}'.`,
    );
  }
  const slot: Slot = { ...spot, unit };
  if (unit >= UNITS[spot.bus] || isReserved(spot.bus, unit) || draft.used.has(slotText(slot)))
    return invalidDevice(index, 'device.unitNumber');
  draft.used.add(slotText(slot));
  return slot;
};

export function deviceNotFound(index: number): never {
  deviceFault(
    index,
    'device.key',
    'DeviceNotFound',
    `The device '${index}' is referring to a nonexisting virtual device.`,
  );
}

/** Nothing in it: the specs ask for what is there already. */
export const changeOf = (draft: Draft): VmChange => {
  const change: VmChange = {};
  const { disks, cdroms, floppies, nics } = draft;
  const some = (lists: { add: unknown[]; change: unknown[]; remove: unknown[] }): boolean =>
    lists.add.length + lists.change.length + lists.remove.length > 0;
  if (some(disks)) change.disks = disks;
  if (some(cdroms)) change.cdroms = cdroms;
  if (some(floppies)) change.floppies = floppies;
  if (some(nics)) change.nics = nics;
  if (draft.scsiChanged) change.scsiControllers = draft.scsiControllers;
  if (draft.serialPorts !== draft.before.serialPorts) change.serialPorts = draft.serialPorts;
  return change;
};
