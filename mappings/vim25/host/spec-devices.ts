/** The devices of a VM before and after in, the changes of devices that a ConfigSpec lists, with keys and controllers, out. */
import type { Bus, Cdrom, Disk, Floppy, Medium, Nic, ScsiModel, Slot, Vm } from '../../generic/model.ts';
import { pathOfVolume } from '../../generic/volume-path.ts';
import { element } from '../../wire/markup.ts';
import type { XmlElement } from '../../wire/xml.ts';
import { escapeName } from '../names.ts';
import type { Hardware } from './devices.ts';
import { numberAt, textAt } from './native-tree.ts';

/** Of a VM that is made: what every one has from the start. */
const BLANK: Hardware = {
  controllers: [
    { key: 200, bus: 'ide', ordinal: 0, model: undefined },
    { key: 201, bus: 'ide', ordinal: 1, model: undefined },
    { key: 400, bus: 'fdc', ordinal: 0, model: undefined },
  ],
  disks: [],
  cdroms: [],
  floppies: [],
  cards: [],
  serialPorts: 0,
  keys: [],
};

const CONTROLLER_TYPES: Readonly<Record<ScsiModel, string>> = {
  lsilogic: 'VirtualLsiLogicController',
  lsisas: 'VirtualLsiLogicSASController',
  pvscsi: 'ParaVirtualSCSIController',
  buslogic: 'VirtualBusLogicController',
  'virtio-scsi': 'ParaVirtualSCSIController',
};
const CARD_TYPES: Readonly<Record<Nic['model'], string>> = {
  e1000: 'VirtualE1000',
  e1000e: 'VirtualE1000e',
  vmxnet3: 'VirtualVmxnet3',
  // Paravirtual cards of other hosts have their counterpart here.
  virtio: 'VirtualVmxnet3',
  rtl8139: 'VirtualE1000',
  other: 'VirtualE1000',
};

/** What a card is connected to: a network of the host, or a port group of a distributed switch. */
export interface NetworkBacking {
  readonly name: string;
  readonly moid: string;
  readonly portgroupKey: string;
  readonly switchUuid: string;
}

/** The hub's paravirtual bus sits on SCSI controllers here. */
export const hostSlot = (slot: Slot): Slot =>
  slot.bus === 'virtio' || slot.bus === 'usb' ? { ...slot, bus: 'scsi' } : slot;

const fileNameOf = ({ path, storageName, volumeName = '' }: Medium): string =>
  path ?? `[${escapeName(storageName)}] ${pathOfVolume(volumeName)}`;

export interface DeviceChanges {
  readonly text: string;
  /** The new key of each disk and card that was added, by its place in the document after. */
  readonly keys: { readonly disks: readonly number[]; readonly nics: readonly number[] };
}

type Found = { readonly device?: string | undefined };

/** Devices that stay keep the key they were read with; one without a key is new. */
const compare = <T extends Found>(before: readonly T[], after: readonly T[]) => {
  const kept = new Set(after.flatMap(({ device }) => device ?? []));
  return {
    removed: before.filter(({ device }) => device !== undefined && !kept.has(device)),
    pairs: after.map((now) => ({
      now,
      old: now.device === undefined ? undefined : before.find(({ device }) => device === now.device),
    })),
  };
};

/** A device that stays keeps the place that the host gave it, if it gave one. */
const placeOf = (device: XmlElement | undefined): Record<string, number> => {
  const controllerKey = numberAt(device, 'controllerKey');
  const unitNumber = numberAt(device, 'unitNumber');
  return {
    ...(controllerKey === undefined ? {} : { controllerKey }),
    ...(controllerKey === undefined || unitNumber === undefined ? {} : { unitNumber }),
  };
};

export const deviceChanges = (
  before: Vm | undefined,
  after: Vm,
  hardware: Hardware | undefined,
  networks: readonly NetworkBacking[],
): DeviceChanges => {
  const own = hardware ?? BLANK;
  const controllers = new Map(own.controllers.map(({ key, bus, ordinal }) => [`${bus}${ordinal}`, key]));
  let next = -101;
  const changes: string[] = [];
  const change = (
    operation: 'add' | 'edit' | 'remove',
    type: string,
    attributes: Record<string, unknown>,
    inner = '',
  ): void => {
    changes.push(element('change', { operation, type, ...(attributes as Record<string, string>) }, inner));
  };

  const addController = (bus: Bus, ordinal: number): number => {
    const key = next--;
    const model = after.scsiControllers.find((one) => one.ordinal === ordinal)?.model ?? 'pvscsi';
    const type =
      bus === 'scsi' ? CONTROLLER_TYPES[model] : bus === 'sata' ? 'VirtualAHCIController' : 'VirtualNVMEController';
    change('add', type, { key, busNumber: ordinal, ...(bus === 'scsi' ? { sharedBus: 'noSharing' } : {}) });
    controllers.set(`${bus}${ordinal}`, key);
    return key;
  };
  const seat = (slot: Slot): { controllerKey: number; unitNumber: number } => {
    const { bus, controller, unit } = hostSlot(slot);
    return {
      controllerKey: controllers.get(`${bus}${controller}`) ?? addController(bus, controller),
      unitNumber: unit,
    };
  };
  const kept = (key: number): Record<string, number> =>
    placeOf([...own.disks, ...own.cdroms, ...own.floppies].find((one) => one.key === key)?.element);
  for (const { ordinal } of after.scsiControllers)
    if (!controllers.has(`scsi${ordinal}`)) addController('scsi', ordinal);

  const diskInner = (disk: Disk): string =>
    element('backing', {
      type: 'VirtualDiskFlatVer2BackingInfo',
      fileName: fileNameOf(disk.medium),
      diskMode: disk.persistent ? 'persistent' : 'independent_nonpersistent',
      thin: disk.thin,
      sharing: disk.shareable ? 'sharingMultiWriter' : undefined,
    });
  const capacity = (disk: Disk): Record<string, number> => ({
    capacityKB: Math.ceil(disk.capacityBytes / 1024),
    capacityBytes: disk.capacityBytes,
  });
  const disks = compare(before?.disks ?? [], after.disks);
  const drives = {
    cdrom: compare(before?.cdroms ?? [], after.cdroms),
    floppy: compare(before?.floppies ?? [], after.floppies),
  };

  // What is given up comes first, so that its place can be taken.
  for (const { device } of disks.removed) change('remove', 'VirtualDisk', { key: Number(device), capacityKB: 0 });
  for (const { device } of drives.cdrom.removed) change('remove', 'VirtualCdrom', { key: Number(device) });
  for (const { device } of drives.floppy.removed) change('remove', 'VirtualFloppy', { key: Number(device) });

  const diskKeys = disks.pairs.map(({ now, old }) => {
    if (old === undefined) {
      const key = next--;
      change('add', 'VirtualDisk', { key, ...seat(now.slot), ...capacity(now) }, diskInner(now));
      return key;
    }
    const key = Number(now.device);
    const same = (['capacityBytes', 'persistent', 'shareable'] as const).every((field) => now[field] === old[field]);
    if (!same || fileNameOf(now.medium) !== fileNameOf(old.medium))
      change('edit', 'VirtualDisk', { key, ...kept(key), ...capacity(now) }, diskInner(now));
    return key;
  });

  const driveInner = (kind: 'cdrom' | 'floppy', { medium }: Cdrom | Floppy): string => {
    const image = kind === 'cdrom' ? 'VirtualCdromIsoBackingInfo' : 'VirtualFloppyImageBackingInfo';
    const none = kind === 'cdrom' ? 'VirtualCdromRemotePassthroughBackingInfo' : 'VirtualFloppyRemoteDeviceBackingInfo';
    return medium === undefined
      ? element('backing', {
          type: none,
          deviceName: '',
          useAutoDetect: false,
          exclusive: kind === 'cdrom' ? false : undefined,
        })
      : element('backing', { type: image, fileName: fileNameOf(medium) });
  };
  for (const kind of ['cdrom', 'floppy'] as const) {
    const type = kind === 'cdrom' ? 'VirtualCdrom' : 'VirtualFloppy';
    for (const { now, old } of drives[kind].pairs) {
      if (old !== undefined && JSON.stringify(old.medium) === JSON.stringify(now.medium)) continue;
      const connected = now.medium !== undefined;
      change(
        old === undefined ? 'add' : 'edit',
        type,
        {
          ...(old === undefined
            ? { key: next--, ...seat(now.slot) }
            : { key: Number(now.device), ...kept(Number(now.device)) }),
          startConnected: connected,
          connected,
        },
        driveInner(kind, now),
      );
    }
  }

  const cardInner = ({ networkName }: Nic): string => {
    const network = networks.find(({ name }) => name === networkName);
    if (network !== undefined && network.switchUuid !== '')
      return element('backing', {
        type: 'VirtualEthernetCardDistributedVirtualPortBackingInfo',
        portgroupKey: network.portgroupKey,
        switchUuid: network.switchUuid,
      });
    return element('backing', {
      type: 'VirtualEthernetCardNetworkBackingInfo',
      deviceName: escapeName(networkName),
      network: network?.moid,
    });
  };
  const cardOf = (mac: string) => own.cards.find((card) => card.mac === mac.toLowerCase());
  for (const nic of before?.nics ?? []) {
    const card = cardOf(nic.mac);
    const stays = after.nics.find(({ mac }) => mac.toLowerCase() === nic.mac.toLowerCase());
    // A card of another model is another card.
    if (card !== undefined && (stays === undefined || stays.model !== nic.model))
      change('remove', CARD_TYPES[nic.model], { key: card.key });
  }
  const nicKeys = after.nics.map((nic) => {
    const old = before?.nics.find(({ mac }) => mac.toLowerCase() === nic.mac.toLowerCase());
    const card = old?.model === nic.model ? cardOf(nic.mac) : undefined;
    const attributes = {
      // An address that the host shall make is not told to it.
      ...(nic.mac === '' || (nic.macGenerated && card === undefined && nic.mac.startsWith('00:0c:29'))
        ? { addressType: 'generated' }
        : { addressType: 'manual', mac: nic.mac }),
      startConnected: nic.connected,
      connected: nic.connected,
    };
    if (card === undefined) {
      const key = next--;
      change('add', CARD_TYPES[nic.model], { key, ...attributes }, cardInner(nic));
      return key;
    }
    if (old?.networkName !== nic.networkName || old.connected !== nic.connected)
      change(
        'edit',
        CARD_TYPES[nic.model],
        {
          key: card.key,
          ...placeOf(card.element),
          // It keeps its address: vcsim makes a new one for a card that names none.
          addressType: textAt(card.element, 'addressType') || undefined,
          mac: card.mac,
          startConnected: nic.connected,
          connected: nic.connected,
        },
        cardInner(nic),
      );
    return card.key;
  });
  return { text: changes.join(''), keys: { disks: diskKeys, nics: nicKeys } };
};
