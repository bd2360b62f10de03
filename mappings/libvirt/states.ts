/** libvirt's numbers and words to the hub's and back: power states, buses, controller, card and boot device models, pool and network kinds. */
import type { BootDevice, Bus, Network, NicModel, PowerState, ScsiModel, Storage } from '../generic/model.ts';
import { twoWay } from '../generic/two-way.ts';

/** virDomainState without the managed-save image. A guest in standby (7) runs as far as its host is concerned. */
const POWER: Readonly<Record<number, PowerState>> = {
  1: 'running',
  2: 'running',
  3: 'paused',
  4: 'running',
  5: 'stopped',
  6: 'stopped',
  7: 'running',
};

/** A stopped domain with a managed-save image goes on where it was at its next start: that is what other APIs call suspended. */
export const powerStateOf = (state: number, managedSave: boolean): PowerState => {
  const power = POWER[state] ?? 'stopped';
  return power === 'stopped' && managedSave ? 'suspended' : power;
};

/** `<state>` of a snapshot. */
export const snapshotPowerState = (state: string): PowerState => {
  if (state === 'running' || state === 'blocked' || state === 'pmsuspended' || state === 'disk-snapshot')
    return 'running';
  return state === 'paused' ? 'paused' : 'stopped';
};

export const bootDevices = twoWay<string, BootDevice>([
  ['hd', 'disk'],
  ['cdrom', 'cdrom'],
  ['network', 'network'],
  ['fd', 'floppy'],
]);

/**
 * libvirt 9.0 with QEMU takes lsilogic, lsisas1068 and virtio-scsi; it refuses vmpvscsi and buslogic (those are for its VMware
 * driver). What asks for a paravirtual controller gets virtio's, a BusLogic becomes an LSI Logic.
 */
export const scsiModels = twoWay<string, ScsiModel>(
  [
    ['lsilogic', 'lsilogic'],
    ['lsisas1068', 'lsisas'],
    ['virtio-scsi', 'virtio-scsi'],
  ],
  {
    inOnly: [
      ['vmpvscsi', 'pvscsi'],
      ['buslogic', 'buslogic'],
      ['lsisas1078', 'lsisas'],
      ['virtio-transitional', 'virtio-scsi'],
      ['virtio-non-transitional', 'virtio-scsi'],
    ],
    outOnly: [
      ['virtio-scsi', 'pvscsi'],
      ['lsilogic', 'buslogic'],
    ],
  },
);

export const nicModels = twoWay<string, NicModel>(
  [
    ['virtio', 'virtio'],
    ['e1000', 'e1000'],
    ['e1000e', 'e1000e'],
    ['vmxnet3', 'vmxnet3'],
    ['rtl8139', 'rtl8139'],
  ],
  {
    inOnly: [
      ['virtio-transitional', 'virtio'],
      ['virtio-non-transitional', 'virtio'],
    ],
    outOnly: [['e1000', 'other']],
  },
);

/** Prefix of a target's device name for each bus; scsi, sata and usb share one name space. */
export const DEVICE_PREFIX: Readonly<Record<Bus, string>> = {
  ide: 'hd',
  sata: 'sd',
  scsi: 'sd',
  usb: 'sd',
  virtio: 'vd',
  nvme: 'nvme',
  fdc: 'fd',
};

export const busOf = (bus: string | undefined, device: string): Bus => {
  switch (bus) {
    case 'ide':
    case 'sata':
    case 'scsi':
    case 'virtio':
    case 'nvme':
    case 'usb':
    case 'fdc':
      return bus;
    default:
      if (device.startsWith('hd')) return 'ide';
      if (device.startsWith('vd') || device.startsWith('xvd')) return 'virtio';
      return device.startsWith('fd') ? 'fdc' : 'scsi';
  }
};

export const storageKind = (type: string): Storage['kind'] => {
  if (type === 'dir' || type === 'fs') return 'local';
  if (type === 'netfs') return 'nfs';
  return ['logical', 'disk', 'iscsi', 'iscsi-direct', 'scsi', 'mpath', 'zfs'].includes(type) ? 'block' : 'other';
};

/** virStoragePoolState: running, or degraded. */
export const isPoolUp = (state: unknown): boolean => state === 2 || state === 3;

export const networkMode = (forward: string | undefined, hasForward: boolean): Network['mode'] => {
  if (!hasForward) return 'isolated';
  switch (forward) {
    case undefined:
    case 'nat':
      return 'nat';
    case 'route':
    case 'open':
    case 'bridge':
      return forward;
    default:
      return 'other';
  }
};
