/** The virtual hardware of a VM's document in; its controllers, disks, drives and cards, with the slots they sit in, out. */
import type { Bus, NicModel, ScsiModel, Slot } from '../../generic/model.ts';
import { table } from '../../generic/table.ts';
import type { XmlElement } from '../../wire/xml.ts';
import { parseDatastorePath } from '../names.ts';
import { all, at, dynamicType, flagAt, numberAt, textAt } from './native-tree.ts';

export const CONTROLLERS = table<{ readonly bus: Bus; readonly model?: ScsiModel }>({
  VirtualIDEController: { bus: 'ide' },
  VirtualAHCIController: { bus: 'sata' },
  VirtualSATAController: { bus: 'sata' },
  VirtualNVMEController: { bus: 'nvme' },
  VirtualSIOController: { bus: 'fdc' },
  ParaVirtualSCSIController: { bus: 'scsi', model: 'pvscsi' },
  VirtualLsiLogicController: { bus: 'scsi', model: 'lsilogic' },
  VirtualLsiLogicSASController: { bus: 'scsi', model: 'lsisas' },
  VirtualBusLogicController: { bus: 'scsi', model: 'buslogic' },
});

const CARDS = table<NicModel>({
  VirtualE1000: 'e1000',
  VirtualE1000e: 'e1000e',
  VirtualVmxnet3: 'vmxnet3',
  VirtualVmxnet3Vrdma: 'vmxnet3',
  VirtualVmxnet2: 'other',
  VirtualVmxnet: 'other',
  VirtualPCNet32: 'other',
  VirtualSriovEthernetCard: 'other',
});

/** The SCSI controller's own place on its bus. */
const OWN_UNIT = 7;

export interface Controller {
  readonly key: number;
  readonly bus: Bus;
  readonly ordinal: number;
  readonly model: ScsiModel | undefined;
}

/** A file as a backing names it. */
export interface BackingFile {
  /** As the host writes it: `[name] dir/file`. */
  readonly fileName: string;
  readonly storageName: string;
  readonly path: string;
  /** Moid of the datastore, '' when the host does not say it. */
  readonly datastore: string;
}

export interface Seated {
  readonly element: XmlElement;
  readonly key: number;
  readonly slot: Slot;
  readonly file: BackingFile | undefined;
}

export interface Card {
  readonly element: XmlElement;
  readonly key: number;
  readonly mac: string;
  readonly model: NicModel;
  /** Moid or key of the network it is on. */
  readonly network: string;
  readonly deviceName: string;
}

export interface Hardware {
  readonly controllers: readonly Controller[];
  readonly disks: readonly Seated[];
  readonly cdroms: readonly Seated[];
  readonly floppies: readonly Seated[];
  readonly cards: readonly Card[];
  readonly serialPorts: number;
  readonly keys: readonly number[];
}

const fileOf = (backing: XmlElement | undefined): BackingFile | undefined => {
  const fileName = textAt(backing, 'fileName');
  const parsed = parseDatastorePath(fileName);
  // A drive without a medium names a datastore at most.
  if (parsed === undefined || parsed.path === '') return undefined;
  return { fileName, storageName: parsed.datastore, path: parsed.path, datastore: textAt(backing, 'datastore').trim() };
};

const networkOf = (backing: XmlElement | undefined): string =>
  textAt(backing, 'port', 'portgroupKey') || textAt(backing, 'network').trim();

export const hardwareOf = (vm: XmlElement): Hardware => {
  const devices = all(at(vm, 'config', 'hardware'), 'device');
  const keyOf = (device: XmlElement): number => numberAt(device, 'key') ?? 0;
  const controllers = devices.flatMap((device): Controller[] => {
    const kind = CONTROLLERS[dynamicType(device)];
    return kind === undefined
      ? []
      : [{ key: keyOf(device), bus: kind.bus, ordinal: numberAt(device, 'busNumber') ?? 0, model: kind.model }];
  });
  /** Two devices on one place, or one that says none (vcsim 0.46 puts a CD-ROM drive beside a disk): the later one gets the next free. */
  const taken = new Set<string>();
  const placed = (bus: Bus, controller: number, wanted: number): Slot => {
    let unit = wanted;
    while (taken.has(`${bus}${controller}:${unit}`) || (bus === 'scsi' && unit === OWN_UNIT)) unit++;
    taken.add(`${bus}${controller}:${unit}`);
    return { bus, controller, unit };
  };
  const seated = (type: string): Seated[] =>
    devices.flatMap((element): Seated[] => {
      if (dynamicType(element) !== type) return [];
      const controller = controllers.find(({ key }) => key === numberAt(element, 'controllerKey'));
      if (controller === undefined) return [];
      const slot = placed(controller.bus, controller.ordinal, numberAt(element, 'unitNumber') ?? 0);
      return [{ element, key: keyOf(element), slot, file: fileOf(at(element, 'backing')) }];
    });
  const cards = devices.flatMap((element): Card[] => {
    const model = CARDS[dynamicType(element)];
    if (model === undefined) return [];
    const backing = at(element, 'backing');
    return [
      {
        element,
        key: keyOf(element),
        mac: textAt(element, 'macAddress').toLowerCase(),
        model,
        network: networkOf(backing),
        deviceName: textAt(backing, 'deviceName'),
      },
    ];
  });
  return {
    controllers,
    disks: seated('VirtualDisk'),
    cdroms: seated('VirtualCdrom'),
    floppies: seated('VirtualFloppy'),
    cards,
    serialPorts: devices.filter((device) => dynamicType(device) === 'VirtualSerialPort').length,
    keys: devices.map(keyOf),
  };
};

export const isPersistent = (disk: XmlElement): boolean =>
  !['nonpersistent', 'independent_nonpersistent', 'undoable'].includes(textAt(disk, 'backing', 'diskMode'));

export const isThin = (disk: XmlElement): boolean => flagAt(disk, 'backing', 'thinProvisioned');
