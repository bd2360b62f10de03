/** A VM with its joined documents in, the input of `to-generic/vm.xsl` out: its own document, and its devices in the hub's places and units. */
import type { BootDevice, NicModel, PowerState, ScsiController, Share } from '../../generic/model.ts';
import type { NativeObject } from '../../generic/native.ts';
import { parseTime } from '../../wire/rpc-value.ts';
import { escapeText } from '../../wire/xml.ts';
import { bootLetters, powerStates } from '../states.ts';
import { NEVER } from '../types.ts';
import { attributesOf } from './attributes.ts';
import { attributes, type Kept, wrap } from './markup.ts';
import {
  type Card,
  type Drive,
  hasMemory,
  type Image,
  isCd,
  isDisk,
  type NativeSnapshot,
  type NativeVm,
  readNativeVm,
} from './native-vm.ts';
import { readOwnFields } from './own-fields.ts';
import { mapGet } from './plain.ts';

const NIC_MODELS: readonly string[] = ['e1000', 'e1000e', 'vmxnet3', 'virtio', 'rtl8139', 'other'] satisfies NicModel[];

const stateOf = (text: string): PowerState =>
  powerStates.toGeneric(text as Parameters<typeof powerStates.toGeneric>[0]) ?? 'stopped';

/** Milliseconds; undefined where the host says never. */
const timeOf = (text: string): number | undefined => (text === '' || text === NEVER ? undefined : parseTime(text));

const bootOrder = (vm: Kept): BootDevice[] => {
  const letters = mapGet(vm.map('HVM_boot_params'), 'order') ?? 'cd';
  return [...new Set([...letters].map((letter) => bootLetters.toGeneric(letter)))].filter((one) => one !== undefined);
};

const slotAttributes = ({ slot, userdevice }: Drive) => ({
  bus: slot.bus,
  controller: slot.controller,
  unit: slot.unit,
  device: userdevice,
});

const mediumXml = (image: Image): string =>
  `<medium${attributes({ storageName: image.storageName, volumeName: image.name, path: image.path, format: image.format })}/>`;

const diskXml = (drive: Drive): string => {
  const { image } = drive;
  if (!image) return '';
  return `<disk${attributes({
    ...slotAttributes(drive),
    capacity: image.capacityBytes,
    allocation: image.allocationBytes,
    thin: image.thin,
    readOnly: drive.readOnly,
    shareable: image.sharable,
    persistent: image.persistent,
    uuid: image.uuid,
  })}>${mediumXml(image)}</disk>`;
};

const cdromXml = (drive: Drive): string =>
  `<cdrom${attributes(slotAttributes(drive))}>${drive.image ? mediumXml(drive.image) : ''}</cdrom>`;

const nicXml = (card: Card, ordinal: number): string =>
  `<nic${attributes({
    ordinal,
    mac: card.mac,
    generated: card.macGenerated,
    // A paravirtual card, which is what a guest with drivers sees.
    model: NIC_MODELS.includes(card.model) ? card.model : 'virtio',
    network: card.networkName,
    connected: card.connected,
    mtu: card.mtu || undefined,
  })}/>`;

/** Controllers as they were asked for, and one for each that disks sit on. */
const controllersXml = (drives: readonly Drive[], written: readonly ScsiController[]): string => {
  const models = new Map(written.map(({ ordinal, model }) => [ordinal, model]));
  for (const { slot } of drives.filter(isDisk))
    if (slot.bus === 'scsi' && !models.has(slot.controller)) models.set(slot.controller, 'pvscsi');
  return [...models]
    .sort(([a], [b]) => a - b)
    .map(([ordinal, model]) => `<controller${attributes({ ordinal, model })}/>`)
    .join('');
};

const shareXml = (name: string, share: Share): string => `<${name}${attributes({ ...share })}/>`;

/** A client sees what goes with the snapshot: without an image of the memory the VM comes back stopped. */
const snapshotXml = (snapshot: NativeSnapshot, vm: NativeVm): string => {
  const { kept, uuid } = snapshot;
  const info = kept.map('snapshot_info');
  const memory = hasMemory(snapshot);
  const parent = vm.snapshots.find((one) => one.kept.ref === kept.text('parent'));
  return `<snapshot${attributes({
    native: uuid,
    name: kept.text('name_label'),
    created: timeOf(kept.text('snapshot_time')) ?? 0,
    powerState: memory ? stateOf(mapGet(info, 'power-state-at-snapshot') ?? 'Running') : 'stopped',
    hasMemory: memory,
    quiesced: mapGet(info, 'disk-snapshot-type') === 'quiesced',
    parent: parent?.uuid,
    current: kept.ref === vm.kept.text('parent'),
  })}><description>${escapeText(kept.text('name_description'))}</description></snapshot>`;
};

const ADDRESS = /^(\d+)\/(ip|ipv4\/\d+|ipv6\/\d+)$/;
/** The host tells no prefix: the address itself is all that is known. */
const IPV4_BITS = 32;
const IPV6_BITS = 128;

const addressesXml = (guest: Kept | undefined, cards: readonly Card[]): string => {
  const seen = new Set<string>();
  const found: string[] = [];
  for (const [key, address] of Object.entries(guest?.map('networks') ?? {})) {
    const device = ADDRESS.exec(key)?.[1];
    const card = cards.find((one) => one.device === device);
    if (!card || address === '' || seen.has(`${device} ${address}`)) continue;
    seen.add(`${device} ${address}`);
    found.push(
      `<address${attributes({ mac: card.mac, address, prefix: address.includes(':') ? IPV6_BITS : IPV4_BITS })}/>`,
    );
  }
  return found.join('');
};

export const vmInput = (object: NativeObject): string => {
  const vm = readNativeVm(object);
  const { kept, guest, metrics, drives, cards } = vm;
  const own = readOwnFields(kept);
  const platform = kept.map('platform');
  const powerState = stateOf(kept.text('power_state'));
  const cpuCount = Math.max(1, kept.number('VCPUs_at_startup'));
  const cpuMax = Math.max(cpuCount, kept.number('VCPUs_max'));
  const cores = Number(mapGet(platform, 'cores-per-socket')) || 1;
  const hasTools =
    guest !== undefined &&
    (guest.bool('PV_drivers_detected') || Object.keys(guest.map('PV_drivers_version')).length > 0);
  return wrap(
    {
      powerState,
      autostart: mapGet(kept.map('other_config'), 'auto_poweron') === 'true',
      firmware: mapGet(kept.map('HVM_boot_params'), 'firmware') === 'uefi' ? 'efi' : 'bios',
      secureBoot: mapGet(platform, 'secureboot') === 'true',
      cpuCount,
      cpuMax,
      cores,
      cpuHotAdd: own.cpuHotAdd || cpuMax > cpuCount,
      memoryHotAdd: own.memoryHotAdd,
      memory: kept.number('memory_dynamic_max'),
      memoryMax: kept.number('memory_static_max'),
      osId: own.osId,
      bits: own.bits,
      instanceUuid: own.instanceUuid,
      tools: hasTools,
      toolsRunning: hasTools && powerState === 'running' && guest?.bool('live') !== false,
      osName: guest && mapGet(guest.map('os_version'), 'name'),
      created: own.createdMs ?? timeOf(metrics?.text('install_time') ?? ''),
      started: powerState === 'running' ? timeOf(metrics?.text('start_time') ?? '') : undefined,
    },
    [
      ...bootOrder(kept).map((device) => `<boot>${device}</boot>`),
      controllersXml(drives, own.scsiControllers),
      ...drives.filter(isDisk).map(diskXml),
      ...drives.filter(isCd).map(cdromXml),
      ...cards.map(nicXml),
      addressesXml(guest, cards),
      shareXml('cpuShare', own.cpuShare),
      shareXml('memoryShare', own.memoryShare),
      ...attributesOf(kept).map(
        ({ owner, key, value }) => `<attribute${attributes({ owner, key })}>${escapeText(value)}</attribute>`,
      ),
      ...vm.snapshots.map((snapshot) => snapshotXml(snapshot, vm)),
      object.parts['vm'] ?? '',
    ].join(''),
  );
};
