/** vm.create and vm.clone in, their plans out: volumes first, each of which can be taken back, then the VM, then its drives and cards. */
import type { DiskSpec } from '../../../generic/commands.ts';
import type { Cdrom, Disk, Nic, Vm } from '../../../generic/model.ts';
import type { Plan } from '../../../generic/plan.ts';
import { call, type Planning, paramsOf, probe, Refusal, refuse } from '../../../generic/planning.ts';
import { applyChange, diskOfSpec } from '../../../generic/vm-change.ts';
import { volumeNameOf } from '../../../generic/volume-path.ts';
import { bootLetters } from '../../states.ts';
import { NULL_REF } from '../../types.ts';
import { nativeValue, placeOf } from '../attributes.ts';
import type { Locator } from '../locate.ts';
import { own } from '../names.ts';
import { type Image, isDisk } from '../native-vm.ts';
import { ownTexts } from '../own-fields.ts';
import { takeUserdevice, writtenSlot } from '../places.ts';
import { type Draft, newDraft, type Ref, uuidFrom } from './draft.ts';
import {
  checkName,
  checkSize,
  imageBehind,
  networkRef,
  refuseDuplicate,
  repositoryOf,
  targetVm,
  volumeNamed,
  wrongState,
} from './planning.ts';
import { checkCapacity, copyInto, createImage, imageFor } from './volumes.ts';

/** What a VM's addresses are made from, in `other_config`: a copy of it would give a copy of them. */
const MAC_SEED = 'mac_seed';

const LEAST_MEMORY_BYTES = 16 * 1024 ** 2;

export const bootOrderText = (vm: Pick<Vm, 'bootOrder'>): string =>
  vm.bootOrder.map((device) => bootLetters.fromGeneric(device) ?? '').join('');

export const deviceModel = (firmware: Vm['firmware']): string =>
  firmware === 'efi' ? 'qemu-upstream-uefi' : 'qemu-upstream-compat';

type Maps = Record<'other_config' | 'xenstore_data' | 'VCPUs_params' | 'platform', Record<string, string>>;

const withoutEmpty = (texts: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== ''));

/** The record of a machine of hardware virtualisation, from nothing: what the host's own templates would say is said here. */
const recordOf = (vm: Vm, mark: string): Readonly<Record<string, unknown>> => {
  const maps: Maps = {
    other_config: { ...withoutEmpty(ownTexts(vm)), [own.job]: mark, ...(vm.autostart ? { auto_poweron: 'true' } : {}) },
    xenstore_data: {},
    VCPUs_params: {},
    platform: {
      acpi: '1',
      apic: 'true',
      pae: 'true',
      nx: 'true',
      viridian: 'true',
      'device-model': deviceModel(vm.firmware),
      'cores-per-socket': String(vm.coresPerSocket),
      secureboot: String(vm.secureBoot),
    },
  };
  const tags: string[] = [];
  for (const attribute of vm.attributes) {
    const place = placeOf(attribute);
    if (place.field === 'tags') tags.push(place.key);
    else if (place.field === 'blocked_operations') continue;
    else if (place.key !== MAC_SEED) maps[place.field][place.key] = nativeValue(attribute);
  }
  return {
    ...maps,
    tags,
    name_label: vm.name,
    name_description: vm.description,
    user_version: 1,
    is_a_template: vm.template,
    affinity: NULL_REF,
    memory_static_min: Math.min(LEAST_MEMORY_BYTES, vm.memoryBytes),
    memory_static_max: Math.max(vm.memoryMaxBytes, vm.memoryBytes),
    memory_dynamic_min: vm.memoryBytes,
    memory_dynamic_max: vm.memoryBytes,
    memory_target: 0,
    VCPUs_max: Math.max(vm.cpuMax, vm.cpuCount),
    VCPUs_at_startup: vm.cpuCount,
    actions_after_shutdown: 'destroy',
    actions_after_reboot: 'restart',
    actions_after_crash: 'restart',
    HVM_boot_policy: 'BIOS order',
    HVM_boot_params: { order: bootOrderText(vm), firmware: vm.firmware === 'efi' ? 'uefi' : 'bios' },
    HVM_shadow_multiplier: 1,
    domain_type: 'hvm',
    has_vendor_device: false,
  };
};

export interface NewDrive {
  readonly type: 'Disk' | 'CD';
  readonly slot: Disk['slot'];
  readonly image: Ref | undefined;
  readonly readOnly: boolean;
  readonly bootable: boolean;
}

/** A drive at the place that its slot counts to, or another one with the slot written beside it. */
export const driveRecord = (vm: Ref, drive: NewDrive, userdevice: number): Readonly<Record<string, unknown>> => {
  const written = writtenSlot(drive.slot, userdevice, drive.type);
  return {
    VM: vm,
    VDI: drive.image ?? NULL_REF,
    userdevice: String(userdevice),
    bootable: drive.bootable,
    mode: drive.readOnly ? 'RO' : 'RW',
    type: drive.type,
    unpluggable: true,
    empty: drive.image === undefined,
    other_config: written === '' ? {} : { [own.slot]: written },
  };
};

export const cardRecord = (vm: Ref, nic: Nic, network: string, device: number): Readonly<Record<string, unknown>> => ({
  VM: vm,
  network,
  device: String(device),
  // '' lets the host choose.
  MAC: nic.mac,
  MTU: nic.mtu ?? 1500,
  other_config: withoutEmpty({
    [own.model]: nic.model === 'virtio' ? '' : nic.model,
    [own.generated]: nic.macGenerated && nic.mac !== '' ? 'true' : '',
  }),
  locking_mode: nic.connected ? 'network_default' : 'disabled',
});

/** What a XenServer VM has no place for is refused, not forgotten. */
export const checkKinds = (vm: Pick<Vm, 'floppies' | 'serialPorts' | 'vnc'>): void => {
  if (vm.floppies.length > 0)
    refuse(
      'invalid-device',
      { index: 0, property: 'floppies' },
      'This host has no floppy drives for virtual machines.',
    );
  if (vm.serialPorts > 0) refuse('not-supported', {}, 'This host has no serial ports for virtual machines.');
  // Every VM has a console behind the host's own address.
  if ((vm.vnc?.port ?? -1) !== -1) refuse('not-supported', {}, 'The port of a console is not chosen on this host.');
};

/** Steps after the VM itself are taken back with it. */
const addDevices = (
  draft: Draft,
  ref: Locator,
  vm: {
    readonly disks: readonly (Disk & { image: Ref })[];
    readonly cdroms: readonly Cdrom[];
    readonly nics: readonly Nic[];
  },
  planning: Planning,
): void => {
  const taken = new Set<number>();
  const add = (drive: NewDrive): void => {
    const userdevice = takeUserdevice(drive.slot, drive.type, taken);
    draft.add(
      `create drive ${userdevice}`,
      'compensatable',
      call('VBD.create', { args: driveRecord(ref, drive, userdevice) }),
      probe('located', { locator: { find: 'VBD', vm: ref, place: String(userdevice) } }),
    );
  };
  for (const [n, { slot, image, readOnly }] of vm.disks.entries())
    add({ type: 'Disk', slot, image, readOnly, bootable: n === 0 });
  for (const [n, { slot, medium }] of vm.cdroms.entries())
    add({
      type: 'CD',
      slot,
      image: medium && imageBehind(medium, planning, n).image.ref,
      readOnly: true,
      bootable: vm.disks.length === 0,
    });
  for (const [device, nic] of vm.nics.entries())
    draft.add(
      `create card ${device}`,
      'compensatable',
      call('VIF.create', { args: cardRecord(ref, nic, networkRef(nic, planning, device), device) }),
      probe('located', { locator: { find: 'VIF', vm: ref, place: String(device) } }),
    );
};

/** All of a VM but its volumes. */
const addVm = (draft: Draft, vm: Vm, disks: readonly (Disk & { image: Ref })[], planning: Planning): void => {
  const mark = `${planning.context.job}.vm`;
  const made: Locator = { find: 'made', cls: 'VM', label: vm.name, mark };
  const step = draft.add(
    `create ${vm.name}`,
    'compensatable',
    call('VM.create', { args: recordOf(vm, mark) }),
    probe('located', { locator: made }),
    call('VM.destroy', { self: made }),
  );
  const ref = { kind: 'vm', native: uuidFrom(step) } as const;
  draft.touch(ref);
  draft.makes = ref;
  addDevices(draft, made, { ...vm, disks }, planning);
  // xapi's VM.create takes the field and makes nothing of it; and what is blocked would be in the way of the steps before.
  for (const attribute of vm.attributes) {
    const { field, key } = placeOf(attribute);
    const value = nativeValue(attribute);
    if (field === 'blocked_operations')
      draft.later(
        `block ${key}`,
        call('set_key', { cls: 'VM', self: made, field, key, value }),
        probe('field-is', { cls: 'VM', self: made, field, key, is: [value] }),
      );
  }
};

export const planCreate = async (planning: Planning): Promise<Plan> => {
  const { vm, disks: specs, anyUuid } = paramsOf(planning, 'vm.create');
  checkName(vm.name);
  refuseDuplicate(vm.name, planning);
  checkSize(vm, planning);
  checkKinds(vm);
  if (vm.uuid !== '' && anyUuid !== true)
    refuse('not-supported', {}, 'The UUID of a virtual machine is chosen by this host.');
  const draft = newDraft(planning.command.host, `name:${vm.name}`);
  const disks = [...vm.disks, ...specs].map((spec: DiskSpec, index) => ({
    ...diskOfSpec(spec),
    image: imageFor(spec, index, draft, planning),
  }));
  addVm(draft, vm, disks, planning);
  return draft.plan();
};

// ---- clone ----

const freeName = (base: string, taken: ReadonlySet<string>, isThere: (name: string) => boolean): string => {
  for (let n = 0; ; n++) {
    const name = volumeNameOf(`${base}/${base}${n === 0 ? '' : `_${n}`}.vmdk`);
    if (!taken.has(name) && !isThere(name)) return name;
  }
};

/** Every disk is copied whole, so that each copy has the job's mark before its first byte. */
const copyDisks = (draft: Draft, images: readonly Image[], name: string, planning: Planning): Locator[] => {
  const { storage } = paramsOf(planning, 'vm.clone');
  const { context, command } = planning;
  const taken = new Set<string>();
  const base = name.replaceAll('/', '_');
  return images.map((image, index) => {
    const id = storage ?? context.store.find(command.host, 'storage', image.storageUuid)?.id;
    if (id === undefined)
      return refuse(
        'invalid-device',
        { index, property: 'medium' },
        `The disk ${image.uuid} lies in no known storage.`,
      );
    const to = repositoryOf(id, planning);
    checkCapacity(image.capacityBytes, index);
    const volume = freeName(base, taken, (one) => volumeNamed(to.id, one, planning) !== undefined);
    taken.add(volume);
    const into = createImage(draft, to, { name: volume, capacityBytes: image.capacityBytes }, planning);
    copyInto(draft, image, into);
    return into;
  });
};

export const planClone = async (planning: Planning): Promise<Plan> => {
  const { name, uuid, change, template } = paramsOf(planning, 'vm.clone');
  const source = targetVm(planning);
  if (source.doc.powerState !== 'stopped') wrongState(source, `${source.doc.name} must be powered off.`);
  checkName(name);
  refuseDuplicate(name, planning);
  if (uuid !== '') refuse('not-supported', {}, 'The UUID of a virtual machine is chosen by this host.');
  const { name: _, uuid: __, disks, ...rest } = change;
  if (disks) refuse('not-supported', {}, 'Disks are changed after a clone is made.');
  const applied = applyChange(source.doc, rest);
  if (!applied.ok) throw new Refusal(applied.fault);
  const { id: ___, instanceUuid: ____, ...doc } = applied.value;
  const old = new Set(source.doc.nics.map(({ mac }) => mac));
  const nics = doc.nics.map((nic) => (old.has(nic.mac) ? { ...nic, mac: '', macGenerated: true } : nic));
  const vm: Vm = { ...doc, name, template, snapshots: [], nics };
  checkSize(vm, planning);
  checkKinds(vm);
  const draft = newDraft(planning.command.host, source.entry.native);
  // The document's disks are the drives that have an image, in the same order.
  const images = source.vm.drives.filter(isDisk).flatMap(({ image }) => image ?? []);
  const copies = copyDisks(draft, images, name, planning);
  addVm(
    draft,
    vm,
    doc.disks.map((disk, n) => ({ ...disk, image: copies[n] as Locator })),
    planning,
  );
  return draft.plan();
};
