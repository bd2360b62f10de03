/** Devices of a generic VM as vim25 numbers them: keys, controller keys and units, computed from slots, the same at every reading. */
import type { Cdrom, Disk, Floppy, Nic, ScsiModel, Slot, Vm } from '../generic/model.ts';

export const KEY = {
  pci: 100,
  ide: 200,
  ps2: 300,
  sio: 400,
  video: 500,
  keyboard: 600,
  pointing: 700,
  scsi: 1000,
  vmci: 12000,
  sata: 15000,
  nvme: 31000,
  disk: 2000,
  ideDevice: 3000,
  nic: 4000,
  floppy: 8000,
  serial: 9000,
  sataDevice: 16000,
  nvmeDisk: 32000,
} as const;

export type Place = { readonly key: number; readonly controllerKey: number; readonly unitNumber: number };

export interface Controller {
  readonly kind: 'scsi' | 'sata' | 'nvme';
  readonly key: number;
  readonly busNumber: number;
  readonly model?: ScsiModel;
  readonly devices: number[];
}

export interface Devices {
  readonly controllers: readonly Controller[];
  readonly ideDevices: readonly [number[], number[]];
  readonly disks: readonly (Place & { readonly disk: Disk; readonly label: number })[];
  readonly cdroms: readonly (Place & { readonly cdrom: Cdrom; readonly label: number })[];
  readonly floppies: readonly (Place & { readonly floppy: Floppy; readonly label: number })[];
  readonly nics: readonly (Place & { readonly nic: Nic; readonly label: number })[];
}

/** virtio has no vim25 counterpart: its disks hang on paravirtual SCSI controllers numbered after the real ones. */
export const scsiOrdinals = (
  vm: Pick<Vm, 'scsiControllers' | 'disks' | 'cdroms'>,
): { scsi: number; virtio: number } => {
  let scsi = 0;
  let virtio = 0;
  for (const controller of vm.scsiControllers) scsi = Math.max(scsi, controller.ordinal + 1);
  for (const { slot } of [...vm.disks, ...vm.cdroms]) {
    if (slot.bus === 'scsi') scsi = Math.max(scsi, slot.controller + 1);
    if (slot.bus === 'virtio') virtio = Math.max(virtio, slot.controller + 1);
  }
  return { scsi, virtio };
};

const placeOf = (slot: Slot, scsiCount: number): Place => {
  const { bus, controller, unit } = slot;
  switch (bus) {
    case 'scsi':
      return { key: KEY.disk + controller * 16 + unit, controllerKey: KEY.scsi + controller, unitNumber: unit };
    case 'virtio':
    case 'usb': {
      const ordinal = scsiCount + controller;
      return { key: KEY.disk + ordinal * 16 + unit, controllerKey: KEY.scsi + ordinal, unitNumber: unit };
    }
    case 'ide':
      return { key: KEY.ideDevice + controller * 2 + unit, controllerKey: KEY.ide + controller, unitNumber: unit };
    case 'sata':
      return { key: KEY.sataDevice + controller * 30 + unit, controllerKey: KEY.sata + controller, unitNumber: unit };
    case 'nvme':
      return { key: KEY.nvmeDisk + controller * 15 + unit, controllerKey: KEY.nvme + controller, unitNumber: unit };
    case 'fdc':
      return { key: KEY.floppy + unit, controllerKey: KEY.sio, unitNumber: unit };
    default:
      return bus satisfies never;
  }
};

/** Every device of the VM with its key. Labels count from 1 in the order of the document. */
export const devicesOf = (vm: Vm): Devices => {
  const { scsi, virtio } = scsiOrdinals(vm);
  const controllers: Controller[] = [];
  const models = new Map(vm.scsiControllers.map((controller) => [controller.ordinal, controller.model]));
  for (let n = 0; n < scsi + virtio; n++) {
    const model = n < scsi ? (models.get(n) ?? 'lsilogic') : 'pvscsi';
    controllers.push({ kind: 'scsi', key: KEY.scsi + n, busNumber: n, model, devices: [] });
  }
  for (const kind of ['sata', 'nvme'] as const) {
    const used = [...vm.disks, ...vm.cdroms].filter(({ slot }) => slot.bus === kind).map(({ slot }) => slot.controller);
    for (let n = 0; n <= Math.max(-1, ...used); n++)
      controllers.push({ kind, key: KEY[kind] + n, busNumber: n, devices: [] });
  }
  const ideDevices: [number[], number[]] = [[], []];
  const attach = <T extends Place>(device: T): T => {
    const ide = ideDevices[device.controllerKey - KEY.ide];
    if (ide) ide.push(device.key);
    else controllers.find(({ key }) => key === device.controllerKey)?.devices.push(device.key);
    return device;
  };
  return {
    controllers,
    ideDevices,
    disks: vm.disks.map((disk, n) => attach({ ...placeOf(disk.slot, scsi), disk, label: n + 1 })),
    cdroms: vm.cdroms.map((cdrom, n) => attach({ ...placeOf(cdrom.slot, scsi), cdrom, label: n + 1 })),
    floppies: vm.floppies.map((floppy, n) => attach({ ...placeOf(floppy.slot, scsi), floppy, label: n + 1 })),
    nics: vm.nics.map((nic, n) => ({ key: KEY.nic + n, controllerKey: KEY.pci, unitNumber: 7 + n, nic, label: n + 1 })),
  };
};

/** The slot behind a controller key and unit number of a client's spec; undefined when no such controller can exist. */
export const slotOf = (
  controllerKey: number,
  unit: number,
  vm: Pick<Vm, 'scsiControllers' | 'disks' | 'cdroms'>,
): Slot | undefined => {
  const { scsi, virtio } = scsiOrdinals(vm);
  if (controllerKey >= KEY.scsi && controllerKey < KEY.scsi + 4) {
    const n = controllerKey - KEY.scsi;
    const isVirtio = n >= scsi && n < scsi + virtio;
    return isVirtio ? { bus: 'virtio', controller: n - scsi, unit } : { bus: 'scsi', controller: n, unit };
  }
  if (controllerKey === KEY.ide || controllerKey === KEY.ide + 1)
    return { bus: 'ide', controller: controllerKey - KEY.ide, unit };
  if (controllerKey >= KEY.sata && controllerKey < KEY.sata + 4)
    return { bus: 'sata', controller: controllerKey - KEY.sata, unit };
  if (controllerKey >= KEY.nvme && controllerKey < KEY.nvme + 4)
    return { bus: 'nvme', controller: controllerKey - KEY.nvme, unit };
  if (controllerKey === KEY.sio) return { bus: 'fdc', controller: 0, unit };
  return undefined;
};
