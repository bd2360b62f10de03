/** Specs of virtual disks in, the draft's disks out: volumes to make, volumes that are there, growth, removal. */
import type { DiskSpec } from '../../generic/commands.ts';
import { table } from '../../generic/table.ts';
import { pathOfVolume, volumeNameOf } from '../../generic/volume-path.ts';
import { nodeAt, type Place, placeOf, shownPath, treeNamed, usersOf } from '../datastore/tree.ts';
import { MAX_DISK_BYTES } from '../render/storage-input.ts';
import { isSubtype } from '../types.ts';
import type { DataObject } from '../values.ts';
import { type DeviceSpec, type Draft, deviceNotFound, slotText, takeSlot } from './device-draft.ts';
import { isOn, referenceOf } from './inventory.ts';
import { deviceFault, invalidDatastore, invalidDevice, refuse } from './refusal.ts';
import { freeName } from './vm-names.ts';

const KIB = 1024;

const MODES = table<boolean>({
  persistent: true,
  independent_persistent: true,
  nonpersistent: false,
  independent_nonpersistent: false,
});

const backingOf = ({ index, device }: DeviceSpec): DataObject => {
  const backing = device['backing'] as DataObject | undefined;
  if (!backing) return invalidDevice(index, 'device.backing');
  if (!isSubtype(backing._type ?? '', 'VirtualDeviceFileBackingInfo') || backing['parent'] !== undefined) {
    return deviceFault(
      index,
      'device.backing',
      'InvalidDeviceBacking',
      `Incompatible device backing specified for device '${index}'.`,
    );
  }
  return backing;
};

const persistentOf = (backing: DataObject, index: number): boolean => {
  const mode = backing['diskMode'] as string | undefined;
  const persistent = mode === undefined || mode === '' ? true : MODES[mode];
  return persistent ?? invalidDevice(index, 'device.backing.diskMode');
};

const madeKey = ({ tree, path }: Place): string => `${tree.storage.id}/${path}`;

/** The datastore that a backing names by path or by reference; the VM's own otherwise. */
const homeFor = (draft: Draft, backing: DataObject): Place => {
  const { site } = draft;
  const ref = referenceOf(backing['datastore']);
  if (!ref) return site.home;
  const tree = site.all.trees.find(({ storage }) => `datastore-${storage.id.slice('storage-'.length)}` === ref.value);
  return tree ? { tree, path: site.home.path } : invalidDatastore(ref.value);
};

/** Where the volume of an added disk lies or will lie. `[ds]` alone and '' ask for a name of the host's choice. */
const wantedPlace = (draft: Draft, { fileOperation }: DeviceSpec, backing: DataObject): Place => {
  const name = (backing['fileName'] as string | undefined) ?? '';
  const bare = /^\s*(?:\[([^\]]*)\]\s*)?$/.exec(name);
  if (!bare) {
    const place = placeOf(draft.site.all, name);
    return fileOperation === 'create' && !/\.vmdk$/i.test(place.path)
      ? { ...place, path: `${place.path}.vmdk` }
      : place;
  }
  const home =
    bare[1] === undefined
      ? homeFor(draft, backing)
      : { tree: treeNamed(draft.site.all, bare[1]), path: draft.site.home.path };
  const prefix = home.path === '' ? '' : `${home.path}/`;
  const taken = (base: string): boolean => {
    const place = { tree: home.tree, path: `${prefix}${base}.vmdk` };
    return nodeAt(place) !== undefined || draft.made.has(madeKey(place));
  };
  return { tree: home.tree, path: `${prefix}${freeName(draft.site.base, taken)}.vmdk` };
};

/** capacityInBytes says it more exactly; a client that changed only the older member meant that one. */
const capacityOf = ({ index, device }: DeviceSpec, before?: number): number => {
  const kib = Number(device['capacityInKB'] as number | bigint);
  const bytes = device['capacityInBytes'] as number | bigint | undefined;
  const kibChanged = before !== undefined && kib !== Math.ceil(before / KIB);
  const capacity = bytes === undefined || Number(bytes) === 0 || kibChanged ? kib * KIB : Number(bytes);
  const member = capacity === kib * KIB ? 'device.capacityInKB' : 'device.capacityInBytes';
  if (!(capacity > 0 && capacity <= MAX_DISK_BYTES)) return invalidDevice(index, member);
  return capacity;
};

const addDisk = (draft: Draft, spec: DeviceSpec): void => {
  const { index, fileOperation } = spec;
  if (fileOperation === 'destroy' || fileOperation === 'replace') {
    deviceFault(
      index,
      'fileOperation',
      'InvalidDeviceOperation',
      `The file operation of device '${index}' is not possible here.`,
      {
        badOp: 'add',
        badFileOp: fileOperation,
      },
    );
  }
  const backing = backingOf(spec);
  const persistent = persistentOf(backing, index);
  const shareable = backing['sharing'] === 'sharingMultiWriter';
  const slot = takeSlot(draft, spec, ['scsi', 'virtio', 'ide', 'sata', 'nvme']);
  if (isOn(draft.before) && slot.bus === 'ide')
    refuse('wrong-state', { requested: 'stopped', existing: draft.before.powerState });
  const place = wantedPlace(draft, spec, backing);
  const { storage } = place.tree;
  const medium = { storageName: storage.doc.name, storage: storage.id };
  const common = { slot, readOnly: false, shareable, persistent };
  if (fileOperation === 'create') {
    const capacityBytes = capacityOf(spec);
    const thin = backing['thinProvisioned'] === true && backing['eagerlyScrub'] !== true;
    if (nodeAt(place) || draft.made.has(madeKey(place))) refuse('file-exists', { path: shownPath(place) });
    if (!thin && capacityBytes > storage.doc.availableBytes) refuse('no-disk-space', { storage: storage.doc.name });
    draft.made.add(madeKey(place));
    const volumeName = volumeNameOf(place.path);
    if (Buffer.byteLength(volumeName) > 255) refuse('invalid-datastore-path', { path: shownPath(place) });
    draft.disks.add.push({
      ...common,
      thin,
      capacityBytes,
      medium: { ...medium, volumeName },
      create: { storage: storage.id, volumeName, capacityBytes, thin },
    });
    return;
  }
  const node = nodeAt(place);
  if (node?.kind !== 'volume') refuse('file-not-found', { path: shownPath(place) });
  const volume = draft.site.volumes.get(node.volume.id);
  if (!volume) refuse('file-not-found', { path: shownPath(place) });
  const disk: DiskSpec = {
    ...common,
    thin: true,
    capacityBytes: volume.capacityBytes,
    medium: { ...medium, volume: node.volume.id, volumeName: node.name, format: volume.format },
  };
  const own = [...draft.before.disks, ...draft.disks.add].some(
    ({ medium: other }) => other.volumeName === node.name && other.storageName === medium.storageName,
  );
  if (own) refuse('file-locked', { path: shownPath(place) });
  draft.disks.add.push(disk);
};

const diskAt = (draft: Draft, { index, device }: DeviceSpec): Draft['before']['disks'][number] => {
  const at = draft.keys.disks.find(({ key }) => key === device['key']);
  const gone = at && draft.disks.remove.some(({ slot }) => slotText(slot) === slotText(at.disk.slot));
  return at && !gone ? at.disk : deviceNotFound(index);
};

const editDisk = (draft: Draft, spec: DeviceSpec): void => {
  const { index, device } = spec;
  const disk = diskAt(draft, spec);
  if (spec.fileOperation !== undefined) {
    deviceFault(
      index,
      'fileOperation',
      'InvalidDeviceOperation',
      `The file operation of device '${index}' is not possible here.`,
      {
        badOp: 'edit',
        badFileOp: spec.fileOperation,
      },
    );
  }
  const to: Partial<DiskSpec> = {};
  const capacityBytes = capacityOf(spec, disk.capacityBytes);
  if (capacityBytes < disk.capacityBytes && Math.ceil(disk.capacityBytes / KIB) !== Math.ceil(capacityBytes / KIB)) {
    deviceFault(
      index,
      'device.capacityInKB',
      'InvalidDeviceOperation',
      `The capacity of device '${index}' cannot shrink.`,
      { badOp: 'edit' },
    );
  }
  if (capacityBytes > disk.capacityBytes) to.capacityBytes = capacityBytes;
  const backing = device['backing'] as DataObject | undefined;
  if (backing) {
    const name = (backing['fileName'] as string | undefined) ?? '';
    const shown = `[${disk.medium.storageName}] ${pathOfVolume(disk.medium.volumeName ?? disk.medium.path ?? '')}`;
    if (name !== '' && name.replace(/\]\s*/, '] ') !== shown) {
      deviceFault(
        index,
        'device.backing.fileName',
        'InvalidDeviceBacking',
        `Incompatible device backing specified for device '${index}'.`,
      );
    }
    const persistent = persistentOf(backing, index);
    if (persistent !== disk.persistent) to.persistent = persistent;
    const sharing = backing['sharing'] as string | undefined;
    if (sharing !== undefined && (sharing === 'sharingMultiWriter') !== disk.shareable) to.shareable = !disk.shareable;
  }
  const offOnly = to.persistent !== undefined || to.shareable !== undefined;
  if (offOnly && isOn(draft.before)) refuse('wrong-state', { requested: 'stopped', existing: draft.before.powerState });
  if (Object.keys(to).length > 0) draft.disks.change.push({ slot: disk.slot, to });
};

const removeDisk = (draft: Draft, spec: DeviceSpec): void => {
  const disk = diskAt(draft, spec);
  const deleteVolume = spec.fileOperation === 'destroy';
  if (deleteVolume) {
    const tree = draft.site.all.trees.find(({ storage }) => storage.doc.name === disk.medium.storageName);
    const users = tree
      ? usersOf(draft.site.all, tree.storage, disk.medium.volumeName ?? '').filter(
          ({ doc }) => doc.uuid !== draft.before.uuid,
        )
      : [];
    if (tree && users.length > 0)
      refuse('file-locked', { path: shownPath({ tree, path: pathOfVolume(disk.medium.volumeName ?? '') }) });
  }
  draft.disks.remove.push({ slot: disk.slot, deleteVolume });
  draft.used.delete(slotText(disk.slot));
};

export const applyDisk = (draft: Draft, spec: DeviceSpec): void => {
  switch (spec.operation) {
    case 'add':
      addDisk(draft, spec);
      return;
    case 'edit':
      editDisk(draft, spec);
      return;
    case 'remove':
      removeDisk(draft, spec);
      return;
    default:
      spec.operation satisfies never;
      return;
  }
};
