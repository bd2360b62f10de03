/** Specs of network adapters in, the draft's nics out. */
import type { Nic, NicModel } from '../../generic/model.ts';
import { table } from '../../generic/table.ts';
import { refOf } from '../ids.ts';
import { unescapeName } from '../names.ts';
import { isSubtype } from '../types.ts';
import type { DataObject } from '../values.ts';
import { type DeviceSpec, type Draft, deviceNotFound } from './device-draft.ts';
import { isNamed, isOn, referenceOf } from './inventory.ts';
import { deviceFault, invalidDevice, refuseAs } from './refusal.ts';

const MODELS = table<NicModel>({
  VirtualE1000: 'e1000',
  VirtualE1000e: 'e1000e',
  VirtualVmxnet3: 'vmxnet3',
  VirtualVmxnet2: 'vmxnet3',
  VirtualVmxnet: 'vmxnet3',
  VirtualPCNet32: 'rtl8139',
});
/** Faces of models that vim25 does not know (render/vm-input.ts). */
const FACES: Readonly<Record<NicModel, NicModel>> = {
  e1000: 'e1000',
  e1000e: 'e1000e',
  vmxnet3: 'vmxnet3',
  virtio: 'vmxnet3',
  rtl8139: 'rtl8139',
  other: 'e1000',
};

const MAX_NICS = 10;
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

type Wiring = Pick<Nic, 'networkName'> & Partial<Pick<Nic, 'network' | 'vlan'>>;

const wiringOf = (draft: Draft, { index, device }: DeviceSpec): Wiring | undefined => {
  const backing = device['backing'] as DataObject | undefined;
  if (!backing) return undefined;
  const bad = (): never =>
    deviceFault(
      index,
      'device.backing',
      'InvalidDeviceBacking',
      `Incompatible device backing specified for device '${index}'.`,
    );
  if (!isSubtype(backing._type ?? '', 'VirtualEthernetCardNetworkBackingInfo')) return bad();
  const ref = referenceOf(backing['network']);
  const name = (backing['deviceName'] as string | undefined) ?? '';
  const { networks } = draft.site;
  // The name wins: clients that move a card to another network change it and leave the old reference in place.
  const named = networks.find(({ doc }) => isNamed(doc, name));
  const found = named ?? (name === '' && ref ? networks.find(({ id }) => refOf(id)?.value === ref.value) : undefined);
  if (found) return { network: found.id, networkName: found.doc.name };
  for (const { id, doc } of networks) {
    const group = doc.portgroups.find((one) => one.name === name || one.name === unescapeName(name));
    if (group) return { network: id, networkName: doc.name, ...(group.vlan > 0 ? { vlan: group.vlan } : {}) };
  }
  return bad();
};

const manualMac = ({ index }: DeviceSpec, written: string): string => {
  const mac = written.toLowerCase().replace(/-/g, ':');
  const first = Number.parseInt(mac.slice(0, 2), 16);
  // The lowest bit of the first byte marks a group of stations.
  if (!MAC.test(mac) || first % 2 === 1 || mac === '00:00:00:00:00:00')
    return invalidDevice(index, 'device.macAddress');
  return mac;
};

const takenMacs = ({ before, nics }: Draft): Set<string> =>
  new Set([
    ...before.nics.map(({ mac }) => mac).filter((mac) => !nics.remove.includes(mac)),
    ...nics.add.map(({ mac }) => mac),
    ...nics.change.flatMap(({ to }) => (to.mac === undefined ? [] : [to.mac])),
  ]);

const connectedOf = (device: DataObject, on: boolean): boolean | undefined => {
  const connectable = device['connectable'] as DataObject | undefined;
  return (on ? connectable?.['connected'] : connectable?.['startConnected']) as boolean | undefined;
};

const addNic = (draft: Draft, spec: DeviceSpec): void => {
  const { index, device } = spec;
  const { before, nics, site } = draft;
  const model = MODELS[device._type];
  if (!model)
    deviceFault(index, 'device', 'DeviceUnsupportedForVmPlatform', `Device '${index}' is not supported by this host.`);
  const count = before.nics.length + nics.add.length - nics.remove.length;
  if (count >= MAX_NICS) {
    refuseAs(
      'invalid-device',
      { index, property: `deviceChange[${index}].device` },
      {
        code: 'TooManyDevices',
        detail: { property: `deviceChange[${index}].device` },
        text: 'The maximum number of network adapters is reached.',
      },
    );
  }
  const wiring = wiringOf(draft, spec) ?? invalidDevice(index, 'device.backing');
  const type = ((device['addressType'] as string | undefined) ?? '').toLowerCase();
  const written = (device['macAddress'] as string | undefined) ?? '';
  // Without a word on its type an address that was written is meant.
  const manual = written !== '' && (type === 'manual' || type === '');
  const mac = manual ? manualMac(spec, written) : site.newMac();
  if (takenMacs(draft).has(mac)) invalidDevice(index, 'device.macAddress');
  nics.add.push({
    ordinal: before.nics.length + nics.add.length,
    mac,
    macGenerated: !manual,
    model,
    ...wiring,
    connected: connectedOf(device, false) ?? true,
  });
};

const nicAt = (draft: Draft, { index, device }: DeviceSpec): Nic => {
  const at = draft.keys.nics.find(({ key }) => key === device['key']);
  return at && !draft.nics.remove.includes(at.nic.mac) ? at.nic : deviceNotFound(index);
};

const editNic = (draft: Draft, spec: DeviceSpec): void => {
  const { index, device } = spec;
  const nic = nicAt(draft, spec);
  const on = isOn(draft.before);
  const to: Partial<Nic> = {};
  const model = MODELS[device._type];
  if (!model || model !== FACES[nic.model]) invalidDevice(index, 'device');
  const wiring = wiringOf(draft, spec);
  if (wiring && (wiring.networkName !== nic.networkName || wiring.vlan !== nic.vlan)) Object.assign(to, wiring);
  const written = ((device['macAddress'] as string | undefined) ?? '').toLowerCase();
  const type = ((device['addressType'] as string | undefined) ?? '').toLowerCase();
  if (written !== '' && written !== nic.mac.toLowerCase()) {
    if (type !== '' && type !== 'manual') invalidDevice(index, 'device.macAddress');
    to.mac = manualMac(spec, written);
    to.macGenerated = false;
    if (takenMacs(draft).has(to.mac)) invalidDevice(index, 'device.macAddress');
    // A card's address is fixed while it is plugged in.
    if (on)
      deviceFault(
        index,
        'device.macAddress',
        'InvalidDeviceOperation',
        'The address of a plugged card cannot change.',
        { badOp: 'edit' },
      );
  } else if (written === '' && type === 'generated' && !nic.macGenerated && !on) {
    to.mac = draft.site.newMac();
    to.macGenerated = true;
  }
  const connected = connectedOf(device, on);
  if (connected !== undefined && connected !== nic.connected) to.connected = connected;
  if (Object.keys(to).length > 0) draft.nics.change.push({ mac: nic.mac, to });
};

export const applyNic = (draft: Draft, spec: DeviceSpec): void => {
  switch (spec.operation) {
    case 'add':
      addNic(draft, spec);
      return;
    case 'edit':
      editNic(draft, spec);
      return;
    case 'remove':
      draft.nics.remove.push(nicAt(draft, spec).mac);
      return;
    default:
      spec.operation satisfies never;
      return;
  }
};
