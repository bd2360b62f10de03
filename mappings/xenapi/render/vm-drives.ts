/** The drives and cards of a generic VM in; what its VBDs, VIFs and the VDIs outside every storage need for the sheet out. */
import type { HubId } from '../../generic/ids.ts';
import type { Disk, Medium, Vm } from '../../generic/model.ts';
import type { FrontInstance, Joins } from '../../generic/platform.ts';
import { element } from '../../wire/markup.ts';
import { NULL_REF, refOf, uuidOf, type XenId, xenId } from '../ids.ts';
import type { XenPowerState } from '../lifecycle.ts';
import { cardsOf, type Drive, deviceName, drivesOf, vbdId, vifId } from '../seats.ts';
import { attributeMap, attributeText } from '../vm-attributes.ts';
import { entries } from './markup.ts';

/** The row of a disk in the id table, by any of the names that hosts give it. */
const diskIdOf = (disk: Disk, joins: Joins): HubId | undefined => {
  const { medium, slot } = disk;
  const volume = `${medium.storageName}/${medium.volumeName ?? ''}`;
  for (const match of [medium.path, volume, disk.device, `${slot.bus}${slot.controller}:${slot.unit}`]) {
    const id = match === undefined ? undefined : joins.owned('disk', match);
    if (id !== undefined) return id;
  }
  return undefined;
};

/** The VDI that a drive holds. A file outside every storage is an object of the drive's own. */
const vdiOf = (drive: Drive, joins: Joins): XenId | undefined => {
  const medium = drive.type === 'Disk' ? drive.disk.medium : drive.cdrom.medium;
  if (medium === undefined) return undefined;
  if (medium.volume !== undefined) return xenId('VDI', medium.volume);
  const disk = drive.type === 'Disk' ? diskIdOf(drive.disk, joins) : undefined;
  return disk === undefined ? xenId('VDI', joins.id, drive.userdevice + 1) : xenId('VDI', disk);
};

const nameOf = (medium: Medium): string => (medium.volumeName ?? medium.path ?? '').replace(/^.*\//, '');

const looseVdi = (
  id: XenId,
  drive: Drive,
  front: FrontInstance,
  host: HubId,
  more: Readonly<Record<string, string>>,
): string => {
  const medium = drive.type === 'Disk' ? drive.disk.medium : drive.cdrom.medium;
  if (medium === undefined) return '';
  return element('vdi', {
    ref: refOf(id, front),
    uuid: uuidOf(id, front),
    name: nameOf(medium),
    location: medium.path ?? '',
    sr: refOf(xenId('SR', host), front),
    size: drive.type === 'Disk' ? drive.disk.capacityBytes : 0,
    used: drive.type === 'Disk' ? (drive.disk.allocationBytes ?? 0) : 0,
    readOnly: drive.type === 'CD' || drive.disk.readOnly,
    sharable: drive.type === 'Disk' && drive.disk.shareable,
    format: medium.format,
    ...more,
  });
};

/** Kept by the VM under the VBD's own name. */
const ownOf = (vm: Vm, userdevice: number, field: string): string | undefined =>
  attributeText(vm, `VBD.${userdevice}.${field}`);

export const drivesInput = (vm: Vm, joins: Joins, front: FrontInstance, power: XenPowerState): string =>
  drivesOf(vm)
    .map((drive) => {
      const id = vbdId(joins.id, drive.userdevice);
      const vdi = vdiOf(drive, joins);
      const isDisk = drive.type === 'Disk';
      const vbd = element(
        'vbd',
        {
          ref: refOf(id, front),
          uuid: uuidOf(id, front),
          vm: refOf(xenId('VM', joins.id), front),
          vdi: vdi ? refOf(vdi, front) : NULL_REF,
          userdevice: drive.userdevice,
          device: power === 'Halted' ? '' : deviceName(drive.userdevice),
          type: drive.type,
          mode: !isDisk || drive.disk.readOnly ? 'RO' : 'RW',
          bootable: ownOf(vm, drive.userdevice, 'bootable') ?? (isDisk && drive.userdevice === 0),
          unpluggable: ownOf(vm, drive.userdevice, 'unpluggable') ?? isDisk,
          empty: vdi === undefined,
          attached: power !== 'Halted',
          changeable: isDisk ? power === 'Running' : power !== 'Suspended',
        },
        entries('other_config', attributeMap(vm, `VBD.${drive.userdevice}.other_config`)),
      );
      const isLoose = vdi !== undefined && vdi.owner.startsWith('volume-') === false;
      return vbd + (isLoose ? looseVdi(vdi, drive, front, joins.host, {}) : '');
    })
    .join('');

export const cardsInput = (vm: Vm, joins: Joins, front: FrontInstance, power: XenPowerState): string =>
  cardsOf(vm)
    .map(({ device, nic }) => {
      const id = vifId(joins.id, nic.mac);
      const addresses = vm.guest.addresses.filter(({ mac }) => mac.toLowerCase() === nic.mac.toLowerCase());
      return element(
        'vif',
        {
          ref: refOf(id, front),
          uuid: uuidOf(id, front),
          vm: refOf(xenId('VM', joins.id), front),
          device,
          network: nic.network === undefined ? NULL_REF : refOf(xenId('network', nic.network), front),
          mac: nic.mac.toLowerCase(),
          generated: nic.macGenerated,
          mtu: nic.mtu ?? 1500,
          attached: power !== 'Halted' && nic.connected,
          changeable: power === 'Running',
        },
        entries('other_config', attributeMap(vm, `VIF.${nic.mac.toLowerCase()}.other_config`)) +
          addresses
            .map(({ address, prefix }) =>
              element('address', { family: address.includes(':') ? 'ipv6' : 'ipv4', text: `${address}/${prefix}` }),
            )
            .join(''),
      );
    })
    .join('');

/** What a snapshot holds: the disks of its VM, as images of their own. */
export const snapshotDrives = (vm: Vm, snapshot: HubId, time: string, joins: Joins, front: FrontInstance): string =>
  drivesOf(vm)
    .map((drive) => {
      const live = vdiOf(drive, joins);
      if (drive.type !== 'Disk' || live === undefined) return '';
      const id = vbdId(snapshot, drive.userdevice);
      const vdi = xenId('VDI', snapshot, drive.userdevice + 1);
      const { storage } = drive.disk.medium;
      return (
        element('vbd', {
          ref: refOf(id, front),
          uuid: uuidOf(id, front),
          vm: refOf(xenId('VM', snapshot), front),
          vdi: refOf(vdi, front),
          userdevice: drive.userdevice,
          device: '',
          type: 'Disk',
          mode: drive.disk.readOnly ? 'RO' : 'RW',
          bootable: drive.userdevice === 0,
          unpluggable: true,
          empty: false,
          attached: false,
          changeable: false,
        }) +
        looseVdi(vdi, drive, front, joins.host, {
          ...(storage === undefined ? {} : { sr: refOf(xenId('SR', storage), front) }),
          snapshotOf: refOf(live, front),
          snapshotTime: time,
        })
      );
    })
    .join('');
