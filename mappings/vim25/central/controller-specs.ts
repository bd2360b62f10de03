/** Specs of controllers in, the draft's controllers out. */
import type { ScsiModel } from '../../generic/model.ts';
import { table } from '../../generic/table.ts';
import { KEY } from '../device-keys.ts';
import { isSubtype } from '../types.ts';
import { type DeviceSpec, type Draft, deviceNotFound } from './device-draft.ts';
import { isOn } from './inventory.ts';
import { deviceFault, invalidDevice, refuse } from './refusal.ts';

const SCSI = table<ScsiModel>({
  VirtualLsiLogicController: 'lsilogic',
  VirtualLsiLogicSASController: 'lsisas',
  ParaVirtualSCSIController: 'pvscsi',
  VirtualBusLogicController: 'buslogic',
});

const MAX_OF_A_BUS = 4;

const addScsi = (draft: Draft, { index, device }: DeviceSpec): void => {
  const model = SCSI[device._type];
  if (!model) invalidDevice(index, 'device');
  const sharing = device['sharedBus'];
  if (sharing !== undefined && sharing !== 'noSharing') {
    deviceFault(
      index,
      'device.sharedBus',
      'DeviceUnsupportedForVmPlatform',
      'This host shares no SCSI bus between virtual machines.',
    );
  }
  const busNumber = (device['busNumber'] as number | undefined) ?? 0;
  const shown = draft.keys.controllers.filter(({ kind }) => kind === 'scsi').length;
  const taken = draft.scsiControllers.map(({ ordinal }) => ordinal);
  const virtio = [...draft.controllers.values()].filter(({ bus }) => bus === 'virtio').length;
  if (busNumber < 0 || busNumber >= MAX_OF_A_BUS) invalidDevice(index, 'device.busNumber');
  if (
    draft.keys.controllers.some((controller) => controller.kind === 'scsi' && controller.busNumber === busNumber) ||
    (virtio === 0 && taken.includes(busNumber))
  ) {
    invalidDevice(index, 'device.busNumber');
  }
  // Behind virtio controllers, which are shown after the SCSI ones, the bus number is ours to give.
  const next = (): number => {
    for (let n = 0; ; n++) if (!taken.includes(n)) return n;
  };
  const ordinal = virtio === 0 ? busNumber : next();
  if (Math.max(shown, taken.length + virtio) >= MAX_OF_A_BUS) invalidDevice(index, 'device');
  draft.scsiControllers = [...draft.scsiControllers, { ordinal, model }];
  draft.scsiChanged = true;
  draft.controllers.set(device['key'] as number, { bus: 'scsi', controller: ordinal });
};

/** SATA and NVMe controllers exist in the hub by their devices; an empty one is remembered. */
const addImplied = (draft: Draft, { index, device }: DeviceSpec, bus: 'sata' | 'nvme'): void => {
  const taken = [...draft.controllers.values()].filter((spot) => spot.bus === bus).map(({ controller }) => controller);
  const busNumber = (device['busNumber'] as number | undefined) ?? taken.length;
  if (busNumber < 0 || busNumber >= MAX_OF_A_BUS || taken.includes(busNumber)) invalidDevice(index, 'device.busNumber');
  draft.controllers.set(device['key'] as number, { bus, controller: busNumber });
  draft.attributes.push({ owner: 'vim25', key: `${bus}${busNumber}.present`, value: 'TRUE' });
};

const removeController = (draft: Draft, { index, device }: DeviceSpec): void => {
  const key = device['key'] as number;
  const spot = draft.controllers.get(key);
  if (!spot) deviceNotFound(index);
  if (spot.bus === 'ide' || spot.bus === 'fdc') invalidDevice(index, 'device');
  const prefix = `${spot.bus}${spot.controller}:`;
  if ([...draft.used].some((slot) => slot.startsWith(prefix))) {
    deviceFault(index, 'device', 'InvalidDeviceOperation', 'Devices hang on this controller.', { badOp: 'remove' });
  }
  draft.controllers.delete(key);
  if (spot.bus === 'scsi') {
    draft.scsiControllers = draft.scsiControllers.filter(({ ordinal }) => ordinal !== spot.controller);
    draft.scsiChanged = true;
  } else draft.attributes.push({ owner: 'vim25', key: `${spot.bus}${spot.controller}.present`, value: '' });
};

const editController = (draft: Draft, { index, device }: DeviceSpec): void => {
  const key = device['key'] as number;
  const spot = draft.controllers.get(key);
  if (!spot) deviceNotFound(index);
  const model = SCSI[device._type];
  const now = draft.scsiControllers.find(({ ordinal }) => spot.bus === 'scsi' && ordinal === spot.controller);
  // The same controller sent back; libvirt's own model has the face of the paravirtual one.
  if (!now || !model || model === now.model || (model === 'pvscsi' && now.model === 'virtio-scsi')) return;
  invalidDevice(index, 'device');
};

/** Controllers that every VM has; adding one names it. */
const addFixed = (draft: Draft, { index, device }: DeviceSpec): boolean => {
  const key = device['key'] as number;
  if (isSubtype(device._type, 'VirtualIDEController')) {
    const busNumber = (device['busNumber'] as number | undefined) ?? 0;
    if (busNumber !== 0 && busNumber !== 1) return invalidDevice(index, 'device.busNumber');
    draft.controllers.set(key, { bus: 'ide', controller: key === KEY.ide + 1 ? 1 : busNumber });
    return true;
  }
  if (isSubtype(device._type, 'VirtualSIOController')) {
    draft.controllers.set(key, { bus: 'fdc', controller: 0 });
    return true;
  }
  return isSubtype(device._type, 'VirtualPCIController') || isSubtype(device._type, 'VirtualPS2Controller');
};

const addController = (draft: Draft, spec: DeviceSpec): void => {
  const type = spec.device._type;
  if (isOn(draft.before)) refuse('wrong-state', { requested: 'stopped', existing: draft.before.powerState });
  if (isSubtype(type, 'VirtualSCSIController')) addScsi(draft, spec);
  else if (isSubtype(type, 'VirtualSATAController')) addImplied(draft, spec, 'sata');
  else if (isSubtype(type, 'VirtualNVMEController')) addImplied(draft, spec, 'nvme');
  else invalidDevice(spec.index, 'device');
};

export const applyController = (draft: Draft, spec: DeviceSpec): void => {
  const { operation } = spec;
  switch (operation) {
    case 'add':
      if (!addFixed(draft, spec)) addController(draft, spec);
      return;
    case 'edit':
      editController(draft, spec);
      return;
    case 'remove':
      removeController(draft, spec);
      return;
    default:
      operation satisfies never;
      return;
  }
};
