/** `deviceChange` of a VirtualMachineConfigSpec in, a draft with every spec applied out. */
import type { Vm } from '../../generic/model.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import { table } from '../../generic/table.ts';
import { nodeAt, type Place, placeOf } from '../datastore/tree.ts';
import { KEY } from '../device-keys.ts';
import { isSubtype } from '../types.ts';
import type { DataObject } from '../values.ts';
import { applyController } from './controller-specs.ts';
import { type DeviceSpec, type Draft, deviceNotFound, deviceSpecs, draftOf, type Site } from './device-draft.ts';
import { applyDisk } from './disk-specs.ts';
import { applyCdrom, applyFloppy } from './drive-specs.ts';
import { documents, networks } from './inventory.ts';
import { macMinter } from './minting.ts';
import { applyNic } from './nic-specs.ts';
import { deviceFault, invalidDevice, Refusal } from './refusal.ts';

const MAX_SERIAL_PORTS = 4;

/** Only ports that lead nowhere: the hub wires none to files, pipes or sockets. */
const applySerial = (draft: Draft, { index, operation, device }: DeviceSpec): void => {
  const key = device['key'] as number;
  const exists = key >= KEY.serial && key < KEY.serial + draft.before.serialPorts;
  if (operation !== 'add' && !exists) deviceNotFound(index);
  if (operation === 'remove') {
    draft.serialPorts--;
    return;
  }
  const backing = device['backing'] as DataObject | undefined;
  const isUnconnected =
    backing?.['serviceURI'] === 'localhost:0' || isSubtype(backing?._type ?? '', 'VirtualSerialPortDeviceBackingInfo');
  if (backing && !isUnconnected) {
    deviceFault(
      index,
      'device.backing',
      'InvalidDeviceBacking',
      `Incompatible device backing specified for device '${index}'.`,
    );
  }
  if (operation === 'edit') return;
  if (draft.serialPorts >= MAX_SERIAL_PORTS) invalidDevice(index, 'device');
  draft.serialPorts++;
};

/** The one video card, keyboard, mouse and VMCI device that every VM has. */
const FIXED = table<number>({
  VirtualMachineVideoCard: KEY.video,
  VirtualKeyboard: KEY.keyboard,
  VirtualPointingDevice: KEY.pointing,
  VirtualMachineVMCIDevice: KEY.vmci,
});
const VIDEO: readonly (readonly [string, unknown, string])[] = [
  ['videoRamSizeInKB', 4096, 'svga.vramSize'],
  ['numDisplays', 1, 'svga.numDisplays'],
  ['useAutoDetect', false, 'svga.autodetect'],
  ['enable3DSupport', false, 'mks.enable3d'],
];

const applyFixed = (draft: Draft, { index, operation, device }: DeviceSpec): void => {
  if (operation === 'remove') invalidDevice(index, 'device');
  if (operation === 'edit' && device['key'] !== FIXED[device._type]) deviceNotFound(index);
  for (const [member, shown, key] of VIDEO) {
    const value = device[member];
    if (value === undefined) continue;
    draft.attributes.push({ owner: 'vim25', key, value: value === shown ? '' : String(value) });
  }
};

const applyOne = (draft: Draft, spec: DeviceSpec): void => {
  const { index, device } = spec;
  if (isSubtype(device._type, 'VirtualController')) {
    applyController(draft, spec);
    return;
  }
  if (isSubtype(device._type, 'VirtualDisk')) {
    applyDisk(draft, spec);
    return;
  }
  if (isSubtype(device._type, 'VirtualEthernetCard')) {
    applyNic(draft, spec);
    return;
  }
  if (isSubtype(device._type, 'VirtualCdrom')) {
    applyCdrom(draft, spec);
    return;
  }
  if (isSubtype(device._type, 'VirtualFloppy')) {
    applyFloppy(draft, spec);
    return;
  }
  if (isSubtype(device._type, 'VirtualSerialPort')) {
    applySerial(draft, spec);
    return;
  }
  if (device._type in FIXED) {
    applyFixed(draft, spec);
    return;
  }
  if (spec.operation !== 'add') deviceNotFound(index);
  deviceFault(index, 'device', 'DeviceUnsupportedForVmPlatform', `Device '${index}' is not supported by this host.`);
};

/** Volumes that the specs name, their documents brought up before the draft is made. */
function* namedVolumes(
  specs: readonly DeviceSpec[],
  all: Site['all'],
  context: BrokerContext,
): Brokered<Site['volumes']> {
  const entries = specs.flatMap(({ operation, device }) => {
    const name = (device['backing'] as DataObject | undefined)?.['fileName'];
    if (operation !== 'add' || typeof name !== 'string') return [];
    const place = ((): Place | undefined => {
      try {
        return placeOf(all, name);
      } catch (error) {
        // A name that is wrong is refused where it is used, with the index of its spec.
        if (error instanceof Refusal) return undefined;
        throw error;
      }
    })();
    const node = place && nodeAt(place);
    return node?.kind === 'volume' ? [node.volume] : [];
  });
  const found = yield* documents('volume', entries, context);
  return new Map(found.map(({ id, doc }) => [id, doc]));
}

export interface Home {
  readonly place: Place;
  readonly base: string;
}

/** Every spec in turn; the first that cannot be met refuses them all. */
export function* applyDevices(
  changes: unknown,
  before: Vm,
  all: Site['all'],
  home: Home,
  context: BrokerContext,
): Brokered<Draft> {
  const specs = deviceSpecs(changes);
  const site: Site = {
    all,
    networks: yield* networks(context),
    volumes: yield* namedVolumes(specs, all, context),
    home: home.place,
    base: home.base,
    newMac: macMinter(context, all.vms),
  };
  const draft = draftOf(before, site);
  // Controllers first, wherever they stand: devices name them by key. Removals of controllers last, when their devices are gone.
  const isController = ({ device }: DeviceSpec): boolean => isSubtype(device._type, 'VirtualController');
  for (const spec of specs) if (isController(spec) && spec.operation !== 'remove') applyOne(draft, spec);
  for (const spec of specs) if (!isController(spec) && spec.operation === 'remove') applyOne(draft, spec);
  for (const spec of specs) if (!isController(spec) && spec.operation !== 'remove') applyOne(draft, spec);
  for (const spec of specs) if (isController(spec) && spec.operation === 'remove') applyOne(draft, spec);
  return draft;
}
