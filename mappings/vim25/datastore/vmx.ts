/** A generic VM in, the text of its `.vmx` file out: the keys that virsh's reader knows, the same text for the same VM. */
import type { Medium, Nic, Storage, Vm } from '../../generic/model.ts';
import { pathOfVolume } from '../../generic/volume-path.ts';
import { scsiOrdinals } from '../device-keys.ts';
import { guestIdOf } from '../guest-os.ts';
import { parseDatastorePath } from '../names.ts';
import { own, vmPathOf } from '../render/vm-input.ts';
import { directoryOf } from './tree.ts';
import { vmxGuestOs } from './vmx-guest.ts';

const MIB = 1024 * 1024;

/** Attributes that are keys of their own in the file. */
export const FIELD_KEYS: ReadonlySet<string> = new Set([
  'vmPathName',
  'guestId',
  'version',
  'modified',
  'alternateGuestName',
]);

/** Quotes, pipes and controls as `|XX` (libvirt virVMXUnescapeHexPipe). */
const quoted = (text: string): string =>
  [...text]
    .map((c) =>
      c === '"' || c === '|' || c < ' ' ? `|${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}` : c,
    )
    .join('');

/** `56 4d 77 8b 5f 0c 6d 1e-2a 35 6e 0f 3d 0a 1b 2c` */
const spacedUuid = (uuid: string): string => {
  const bytes = uuid.replace(/-/g, '').match(/../g) ?? [];
  return `${bytes.slice(0, 8).join(' ')}-${bytes.slice(8).join(' ')}`;
};

/** A file beside the .vmx by its bare name, others by their storage's mount path. */
const fileName = (medium: Medium, vmPath: string, storages: readonly Storage[]): string => {
  const path = pathOfVolume(medium.volumeName ?? medium.path ?? '');
  // virsh refuses paths outside every datastore; the real one stands in a key of our own.
  if (medium.storageName === '') return path.slice(path.lastIndexOf('/') + 1);
  const at = parseDatastorePath(vmPath);
  if (at?.datastore === medium.storageName && directoryOf(at.path) === directoryOf(path))
    return path.slice(path.lastIndexOf('/') + 1);
  const mount = storages.find(({ name }) => name === medium.storageName)?.path ?? `/vmfs/volumes/${medium.storageName}`;
  return `${mount}/${path}`;
};

const VIRTUAL_DEV: Readonly<Record<Nic['model'], string>> = {
  e1000: 'e1000',
  e1000e: 'e1000e',
  vmxnet3: 'vmxnet3',
  virtio: 'vmxnet3',
  rtl8139: 'vlance',
  other: 'e1000',
};

const SCSI_DEV = {
  lsilogic: 'lsilogic',
  lsisas: 'lsisas1068',
  pvscsi: 'pvscsi',
  buslogic: 'buslogic',
  'virtio-scsi': 'pvscsi',
} as const;

type Lines = (key: string, value: string | number | boolean) => void;

const controllers = (vm: Vm, line: Lines): void => {
  const { scsi, virtio } = scsiOrdinals(vm);
  for (let n = 0; n < scsi + virtio; n++) {
    const model = n < scsi ? (vm.scsiControllers.find(({ ordinal }) => ordinal === n)?.model ?? 'lsilogic') : 'pvscsi';
    line(`scsi${n}.present`, true);
    line(`scsi${n}.virtualDev`, SCSI_DEV[model]);
    if (n >= scsi) line(`transvisor.scsi${n}.bus`, 'virtio');
    else if (model === 'virtio-scsi') line(`transvisor.scsi${n}.model`, model);
  }
  for (const bus of ['sata', 'nvme'] as const) {
    const used = new Set(
      [...vm.disks, ...vm.cdroms].filter(({ slot }) => slot.bus === bus).map(({ slot }) => slot.controller),
    );
    for (const n of [...used].sort()) line(`${bus}${n}.present`, true);
  }
};

const drives = (vm: Vm, vmPath: string, storages: readonly Storage[], line: Lines): void => {
  const { scsi } = scsiOrdinals(vm);
  const prefixOf = ({ bus, controller, unit }: Vm['disks'][number]['slot']): string =>
    bus === 'virtio' || bus === 'usb' ? `scsi${scsi + controller}:${unit}` : `${bus}${controller}:${unit}`;
  for (const { slot, medium, persistent, shareable } of vm.disks) {
    const at = prefixOf(slot);
    line(`${at}.present`, true);
    line(`${at}.deviceType`, slot.bus === 'ide' ? 'ata-hardDisk' : slot.bus === 'sata' ? 'disk' : 'scsi-hardDisk');
    const file = fileName(medium, vmPath, storages);
    // virsh's reader takes disks by no other suffix (virVMXParseDisk).
    const plain = /\.vmdk$/i.test(file) && medium.storageName !== '';
    line(`${at}.fileName`, plain ? file : `${file.replace(/\.vmdk$/i, '')}.vmdk`);
    if (!plain) line(`transvisor.${at}.fileName`, medium.storageName === '' ? (medium.path ?? '') : file);
    if (!persistent) line(`${at}.mode`, 'independent-nonpersistent');
    if (shareable) line(`${at}.sharing`, 'multi-writer');
  }
  for (const { slot, medium } of vm.cdroms) {
    const at = prefixOf(slot);
    line(`${at}.present`, true);
    line(`${at}.deviceType`, medium ? 'cdrom-image' : 'atapi-cdrom');
    line(`${at}.fileName`, medium ? fileName(medium, vmPath, storages) : 'auto detect');
    line(`${at}.startConnected`, medium !== undefined);
    if (!medium) line(`${at}.autodetect`, true);
  }
  for (const { slot, medium } of vm.floppies) {
    line(`floppy${slot.unit}.present`, true);
    if (!medium) continue;
    line(`floppy${slot.unit}.fileType`, 'file');
    line(`floppy${slot.unit}.fileName`, fileName(medium, vmPath, storages));
  }
  if (vm.floppies.length === 0) line('floppy0.present', false);
};

const cards = (vm: Vm, line: Lines): void => {
  for (const [n, nic] of vm.nics.entries()) {
    const at = `ethernet${n}`;
    line(`${at}.present`, true);
    line(`${at}.virtualDev`, VIRTUAL_DEV[nic.model]);
    if (nic.model === 'virtio') line(`transvisor.${at}.model`, 'virtio');
    line(`${at}.networkName`, nic.networkName);
    line(`${at}.connectionType`, 'bridged');
    line(`${at}.startConnected`, nic.connected);
    line(`${at}.addressType`, nic.macGenerated ? 'generated' : 'static');
    line(`${at}.${nic.macGenerated ? 'generatedAddress' : 'address'}`, nic.mac);
    line(`${at}.checkMACAddress`, false);
  }
};

export const formatVmx = (vm: Vm, storages: readonly Storage[]): string => {
  const lines: string[] = [];
  const line: Lines = (key, value) =>
    lines.push(`${key} = "${quoted(String(typeof value === 'boolean' ? (value ? 'TRUE' : 'FALSE') : value))}"`);
  const vmPath = vmPathOf(vm, storages);
  const version = /^vmx-0*([0-9]+)$/.exec(own(vm, 'version') ?? '')?.[1] ?? '13';
  line('.encoding', 'UTF-8');
  line('config.version', 8);
  line('virtualHW.version', version);
  line('displayName', vm.name);
  line('guestOS', vmxGuestOs(own(vm, 'guestId') ?? guestIdOf(vm.osId, vm.bits)));
  line('uuid.bios', spacedUuid(vm.uuid));
  line('uuid.location', spacedUuid(vm.uuid));
  if (vm.instanceUuid !== undefined) line('vc.uuid', spacedUuid(vm.instanceUuid));
  if (vm.description !== '') line('annotation', vm.description);
  line('memsize', Math.round(vm.memoryBytes / MIB));
  line('numvcpus', vm.cpuCount);
  if (vm.coresPerSocket !== 1) line('cpuid.coresPerSocket', vm.coresPerSocket);
  if (vm.cpuHotAdd) line('vcpu.hotadd', true);
  if (vm.memoryHotAdd) line('mem.hotadd', true);
  if (vm.firmware === 'efi') line('firmware', 'efi');
  if (vm.secureBoot) line('uefi.secureBoot.enabled', true);
  if (vm.bootOrder.length > 0) line('bios.bootOrder', vm.bootOrder.map((device) => BOOT_WORDS[device]).join(','));
  for (let n = 0; n < vm.serialPorts; n++) {
    line(`serial${n}.present`, true);
    line(`serial${n}.fileType`, 'device');
    line(`serial${n}.fileName`, 'auto detect');
  }
  controllers(vm, line);
  drives(vm, vmPath, storages, line);
  cards(vm, line);
  const written = new Set(lines.map((text) => text.slice(0, text.indexOf(' ')).toLowerCase()));
  for (const { owner, key, value } of [...vm.attributes].sort((a, b) => (a.key < b.key ? -1 : 1))) {
    if (owner !== 'vim25' || FIELD_KEYS.has(key) || !/^[^\s="]+$/.test(key) || written.has(key.toLowerCase())) continue;
    line(key, value);
  }
  return `${lines.join('\n')}\n`;
};

export const BOOT_WORDS = { disk: 'hdd', cdrom: 'cdrom', network: 'ethernet0', floppy: 'floppy' } as const;
