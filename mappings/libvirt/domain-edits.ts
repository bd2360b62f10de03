/** A VM before and after in, the `<x>` of `from-generic/vm.xsl` out: every override with values as libvirt spells them, nothing for what stays. */
import type { Medium, Nic, Slot, Vm } from '../generic/model.ts';
import type { NativeObject } from '../generic/native.ts';
import { disksOf, nicsOf } from './devices.ts';
import { attributes } from './markup.ts';
import { formatMetadata, metadataOfVm, ownElement, readMetadata } from './metadata.ts';
import { addressOf, deviceOf, sameSlot } from './slots.ts';
import { attribute, child, children, parseSpans, path, type Span, textOf } from './spans.ts';
import { bootDevices, nicModels, scsiModels } from './states.ts';
import { kibOf } from './units.ts';

interface Place {
  readonly device: 'disk' | 'cdrom' | 'floppy';
  readonly slot: Slot;
  readonly was: string | undefined;
  readonly medium: Medium | undefined;
  readonly flags: { readonly readonly: boolean; readonly shareable: boolean; readonly transient: boolean };
  readonly serial: string | undefined;
}

const NO_FLAGS = { readonly: false, shareable: false, transient: false };

const placesOf = (vm: Vm): Place[] => [
  ...vm.disks.map((disk): Place => ({
    device: 'disk', slot: disk.slot, was: disk.device, medium: disk.medium, serial: disk.uuid,
    flags: { readonly: disk.readOnly, shareable: disk.shareable, transient: !disk.persistent },
  })),
  ...vm.cdroms.map((one): Place => ({ device: 'cdrom', slot: one.slot, was: one.device, medium: one.medium, flags: NO_FLAGS, serial: undefined })),
  ...vm.floppies.map((one): Place => ({ device: 'floppy', slot: one.slot, was: one.device, medium: one.medium, flags: NO_FLAGS, serial: undefined })),
];

const sourceOf = (medium: Medium | undefined): Readonly<Record<string, string | undefined>> => {
  if (medium === undefined) return { type: 'file' };
  const { path: file, storageName, volumeName } = medium;
  if (file?.startsWith('/dev/')) return { type: 'block', block: file };
  if (file !== undefined) return { type: 'file', file };
  return volumeName === undefined ? { type: 'file' } : { type: 'volume', pool: storageName, volume: volumeName };
};

const sourceText = (medium: Medium | undefined): string => JSON.stringify(sourceOf(medium));

/** A machine of the q35 kind has no IDE: its devices go to SATA, which every guest that knows q35 knows. */
const seat = (slot: Slot, isQ35: boolean, taken: readonly Slot[]): Slot => {
  if (!isQ35 || slot.bus !== 'ide') return slot;
  let unit = slot.controller * 2 + slot.unit;
  while (taken.some((one) => sameSlot(one, { bus: 'sata', controller: 0, unit }))) unit += 1;
  return { bus: 'sata', controller: 0, unit };
};

const diskElement = (vm: Vm, place: Place, device: string, slot: Slot, edits: Readonly<Record<string, string | undefined>>): string => {
  const scsi = vm.scsiControllers.find(({ ordinal }) => ordinal === slot.controller)?.model;
  const address = addressOf(slot, scsi);
  return `<disk${attributes({
    ...edits, device: place.device, dev: device, bus: slot.bus, ...sourceOf(place.medium),
    format: place.medium?.format ?? (place.device === 'disk' ? 'qcow2' : 'raw'),
    controller: address?.controller, addressBus: address?.bus, target: address?.target, unit: address?.unit,
    readonly: place.flags.readonly || undefined, shareable: place.flags.shareable || undefined, transient: place.flags.transient || undefined,
    serial: place.serial,
  })}/>`;
};

const diskEdits = (before: Vm, after: Vm, nativeDevices: ReadonlySet<string>, isQ35: boolean): string => {
  const old = new Map(placesOf(before).flatMap((place) => (place.was !== undefined && nativeDevices.has(place.was) ? [[place.was, place] as const] : [])));
  const places = placesOf(after);
  const kept = new Set(places.flatMap(({ was }) => (was !== undefined && old.has(was) ? [was] : [])));
  const taken = new Set([...nativeDevices].filter((device) => kept.has(device) || !old.has(device)));
  const slots = places.map(({ slot }) => slot);
  const gone = [...old.keys()].filter((device) => !kept.has(device)).map((device) => `<gone${attributes({ dev: device })}/>`);
  return gone.join('') + places.map((place): string => {
    const was = place.was === undefined ? undefined : old.get(place.was);
    if (was === undefined || place.was === undefined) {
      const slot = seat(place.slot, isQ35, slots);
      slots.push(slot);
      const device = deviceOf(slot, taken);
      taken.add(device);
      return diskElement(after, place, device, slot, {});
    }
    const newSource = sourceText(was.medium) !== sourceText(place.medium) || was.medium?.format !== place.medium?.format;
    const newPlace = !sameSlot(was.slot, place.slot);
    const newFlags = JSON.stringify(was.flags) !== JSON.stringify(place.flags);
    if (!newSource && !newPlace && !newFlags) return '';
    if (newPlace) taken.delete(place.was);
    const device = newPlace ? deviceOf(place.slot, taken) : place.was;
    taken.add(device);
    return diskElement(after, place, device, place.slot, {
      was: place.was, newSource: newSource ? 'true' : undefined, newPlace: newPlace ? 'true' : undefined, newFlags: newFlags ? 'true' : undefined,
    });
  }).join('');
};

const modelName = (nic: Nic): string => nicModels.fromGeneric(nic.model) ?? 'e1000';

const nicElement = (nic: Nic, edits: Readonly<Record<string, string | undefined>>): string =>
  `<nic${attributes({
    ...edits, mac: nic.mac, model: modelName(nic), network: nic.networkName === '' ? undefined : nic.networkName,
    link: nic.connected ? 'up' : 'down', mtu: nic.mtu, vlan: nic.vlan,
  })}/>`;

const nicEdits = (before: Vm, after: Vm, nativeMacs: readonly string[]): string => {
  const spelled = new Map(nativeMacs.map((mac) => [mac.toLowerCase(), mac]));
  const same = (a: Nic) => (b: Nic): boolean => a.mac.toLowerCase() === b.mac.toLowerCase();
  const left = before.nics.filter((nic) => spelled.has(nic.mac.toLowerCase()) && !after.nics.some(same(nic)));
  const out = after.nics.map((nic): string => {
    // A card whose address changed is the next one of its model that lost its own: a clone changes all of them.
    const at = left.findIndex(({ model }) => model === nic.model);
    const was = before.nics.find(same(nic)) ?? (at < 0 ? undefined : left.splice(at, 1)[0]);
    const native = was && spelled.get(was.mac.toLowerCase());
    if (was === undefined || native === undefined) return nicElement(nic, {});
    const changed = (isNew: boolean): string | undefined => (isNew ? 'true' : undefined);
    const edits = {
      newMac: changed(was.mac.toLowerCase() !== nic.mac.toLowerCase()), newModel: changed(was.model !== nic.model),
      newSource: changed(was.networkName !== nic.networkName), newLink: changed(was.connected !== nic.connected),
      newMtu: changed(was.mtu !== nic.mtu), newVlan: changed(was.vlan !== nic.vlan),
    };
    return Object.values(edits).every((edit) => edit === undefined) ? '' : nicElement(nic, { was: native, ...edits });
  });
  return left.map(({ mac }) => `<goneNic${attributes({ mac: spelled.get(mac.toLowerCase()) ?? mac })}/>`).join('') + out.join('');
};

/** Only what lives on it counts: an empty controller of a client is made too, it asked for it. */
const scsiModel = (model: Vm['scsiControllers'][number]['model']): string => scsiModels.fromGeneric(model) ?? 'lsilogic';

const controllerEdits = (before: Vm['scsiControllers'], after: Vm['scsiControllers'], native: ReadonlySet<string>): string => {
  const gone = before.filter(({ ordinal }) => !after.some((one) => one.ordinal === ordinal));
  return (
    gone.map(({ ordinal }) => `<goneController${attributes({ index: ordinal })}/>`).join('') +
    after
      .map(({ ordinal, model }) => {
        const was = before.find((one) => one.ordinal === ordinal);
        if (was?.model === model && native.has(String(ordinal))) return '';
        return `<controller${attributes({ index: ordinal, model: scsiModel(model), was: native.has(String(ordinal)) ? 'true' : undefined })}/>`;
      })
      .join('')
  );
};

const topologyOf = (vm: Vm): { sockets: number; cores: number } => {
  const cores = vm.coresPerSocket > 0 && vm.cpuMax % vm.coresPerSocket === 0 ? vm.coresPerSocket : 1;
  return { sockets: vm.cpuMax / cores, cores };
};

const bootElements = (vm: Vm): string => vm.bootOrder.map((boot) => `<boot${attributes({ dev: bootDevices.fromGeneric(boot) })}/>`).join('');

const serialElements = (from: number, to: number): string => {
  let out = '';
  for (let port = from; port < to; port++) out += `<serial${attributes({ port })}/>`;
  return out;
};

const goneSerials = (text: string, domain: Span, keep: number): string =>
  children(child(domain, 'devices'), 'serial').slice(keep).map((span) => {
    const target = child(span, 'target');
    return `<goneSerial${attributes({ port: (target && attribute(text, target, 'port')) ?? '0' })}/>`;
  }).join('');

/** `title` only where the name alone does not say it. */
const titleOf = (vm: Vm): string => (vm.name === vm.nativeName ? '' : vm.name);

/** Our element as it is and as it shall be, with what only it knows (the job that made the VM) kept. */
const metadataEdit = (text: string, domain: Span, after: Vm, isClone: boolean): { changed: boolean; inner: string } => {
  const old = readMetadata(text, domain);
  const keep = isClone || old.job === undefined ? {} : { job: old.job };
  const inner = formatMetadata(metadataOfVm({ ...after, ...(isCpuHotAddOnlyBySize(old.cpuHotAdd, after) ? { cpuHotAdd: false } : {}) }, keep));
  return { changed: formatMetadata({ ...old, ...(isClone ? { job: undefined } : {}) } as typeof old) !== inner, inner };
};

/** A domain with room for CPUs reads as one with hot-add: that needs no word of ours. */
const isCpuHotAddOnlyBySize = (written: boolean | undefined, vm: Vm): boolean => written !== true && vm.cpuHotAdd && vm.cpuMax > vm.cpuCount;

const ownFieldsDiffer = (before: Vm, after: Vm): boolean =>
  (['instanceUuid', 'osId', 'template', 'createdMs', 'cpuHotAdd', 'memoryHotAdd', 'cpuShare', 'memoryShare', 'attributes'] as const).some(
    (field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]),
  );

/** What differs between two states of the same VM, or between a VM and its clone. */
export const domainEdits = (native: NativeObject, before: Vm, after: Vm): string => {
  const text = native.parts['domain'] ?? native.parts['live'] ?? '';
  const domain = parseSpans(text);
  const isClone = before.uuid !== after.uuid;
  const type = path(domain, 'os', 'type');
  const isQ35 = ((type && attribute(text, type, 'machine')) ?? '').includes('q35');
  const differs = (field: keyof Vm): boolean => JSON.stringify(before[field]) !== JSON.stringify(after[field]);
  const changed = <T>(field: keyof Vm, value: T): T | undefined => (differs(field) ? value : undefined);
  const newCpus = differs('cpuCount') || differs('cpuMax');
  const hasTopology = path(domain, 'cpu', 'topology') !== undefined;
  const newTopology = (differs('coresPerSocket') || (differs('cpuMax') && hasTopology)) && (hasTopology || after.coresPerSocket > 1);
  const oldTitle = textOf(text, child(domain, 'title'));
  const title = differs('name') || differs('nativeName') ? titleOf(after) : oldTitle;
  const own = ownFieldsDiffer(before, after) || isClone ? metadataEdit(text, domain, after, isClone) : { changed: false, inner: '' };
  const mine = ownElement(text, domain);
  const values = {
    name: changed('nativeName', after.nativeName), title: title === oldTitle ? undefined : title, description: changed('description', after.description),
    uuid: isClone ? after.uuid : undefined, clone: isClone || undefined,
    memoryKiB: changed('memoryMaxBytes', kibOf(after.memoryMaxBytes)), currentKiB: changed('memoryBytes', kibOf(after.memoryBytes)),
    vcpuMax: newCpus ? after.cpuMax : undefined, vcpuCurrent: newCpus && after.cpuCount < after.cpuMax ? after.cpuCount : undefined,
    ...(newTopology ? topologyOf(after) : {}),
    firmware: differs('firmware') || differs('secureBoot') ? after.firmware : undefined, secure: changed('secureBoot', after.secureBoot),
    newBoot: differs('bootOrder') || undefined, metadata: own.changed || undefined, ownName: own.changed ? mine?.name : undefined,
  };
  const vnc = differs('vnc') ? `<vnc${attributes(after.vnc ? { ...after.vnc } : { gone: true })}/>` : '';
  const devices = new Set(disksOf(text, domain).map(({ dev }) => dev));
  const controllers = new Set(
    children(child(domain, 'devices'), 'controller').filter((span) => attribute(text, span, 'type') === 'scsi').map((span) => attribute(text, span, 'index') ?? '0'),
  );
  const serials = !differs('serialPorts')
    ? ''
    : after.serialPorts > before.serialPorts
      ? serialElements(before.serialPorts, after.serialPorts)
      : goneSerials(text, domain, after.serialPorts);
  return `<x${attributes(values)}>${[
    differs('bootOrder') ? bootElements(after) : '',
    own.changed ? `<metadata>${own.inner}</metadata>` : '',
    differs('scsiControllers') ? controllerEdits(before.scsiControllers, after.scsiControllers, controllers) : '',
    diskEdits(before, after, devices, isQ35),
    nicEdits(before, after, nicsOf(text, domain).map(({ mac }) => mac)),
    vnc, serials,
  ].join('')}</x>`;
};

interface MachineFacts {
  readonly type: string;
  readonly osType: string;
  readonly arch: string;
  readonly machine: string | undefined;
}

/** From the host's capabilities: KVM where it has it, the test driver's own type there, else plain QEMU. */
const machineOf = (host: NativeObject | undefined, vm: Vm): MachineFacts => {
  const text = host?.kind === 'host' ? (host.parts['capabilities'] ?? '') : '';
  const wantQ35 = vm.secureBoot;
  if (text === '') return { type: 'qemu', osType: 'hvm', arch: vm.bits === 32 ? 'i686' : 'x86_64', machine: wantQ35 ? 'q35' : 'pc' };
  const guests = children(parseSpans(text), 'guest').flatMap((guest) => {
    const arch = child(guest, 'arch');
    return arch ? [{ guest, arch, name: attribute(text, arch, 'name') ?? '' }] : [];
  });
  const wanted = vm.bits === 32 ? ['i686', 'x86_64'] : ['x86_64', 'aarch64', 'i686'];
  const found = wanted.map((name) => guests.find((one) => one.name === name)).find((one) => one !== undefined) ?? guests[0];
  if (!found) return { type: 'qemu', osType: 'hvm', arch: 'x86_64', machine: undefined };
  const types = children(found.arch, 'domain').map((span) => attribute(text, span, 'type') ?? '');
  const machines = children(found.arch, 'machine').map((span) => textOf(text, span));
  return {
    type: types.includes('kvm') ? 'kvm' : (types[0] ?? 'qemu'), osType: textOf(text, child(found.guest, 'os_type')) || 'hvm', arch: found.name,
    machine: (wantQ35 ? ['q35', 'pc'] : ['pc', 'q35', 'virt']).find((name) => machines.includes(name)) ?? machines[0],
  };
};

/** Everything of a new domain; what the hub does not speak of is chosen by the sheet. */
export const domainCreate = (host: NativeObject | undefined, vm: Vm): string => {
  const machine = machineOf(host, vm);
  const isQ35 = (machine.machine ?? '').includes('q35');
  const empty: Vm = { ...vm, disks: [], cdroms: [], floppies: [], nics: [] };
  const usesScsi = [...vm.disks, ...vm.cdroms].filter(({ slot }) => slot.bus === 'scsi').map(({ slot }) => slot.controller);
  const controllers = [...vm.scsiControllers];
  for (const ordinal of new Set(usesScsi)) if (!controllers.some((one) => one.ordinal === ordinal)) controllers.push({ ordinal, model: 'lsilogic' });
  return `<x${attributes({
    ...machine, name: vm.nativeName, title: titleOf(vm) || undefined, description: vm.description || undefined, uuid: vm.uuid,
    memoryKiB: kibOf(Math.max(vm.memoryMaxBytes, vm.memoryBytes)), currentKiB: kibOf(vm.memoryBytes), vcpuMax: Math.max(vm.cpuMax, vm.cpuCount),
    vcpuCurrent: vm.cpuCount < vm.cpuMax ? vm.cpuCount : undefined, ...(vm.coresPerSocket > 1 ? topologyOf(vm) : {}),
    firmware: vm.firmware, secure: vm.secureBoot || undefined,
  })}>${[
    bootElements(vm),
    `<metadata>${formatMetadata(metadataOfVm(vm))}</metadata>`,
    controllerEdits([], controllers, new Set()),
    diskEdits(empty, vm, new Set(), isQ35),
    nicEdits(empty, vm, []),
    `<vnc${attributes(vm.vnc ? { ...vm.vnc } : { listen: '127.0.0.1', port: -1 })}/>`,
    serialElements(0, Math.max(1, vm.serialPorts)),
  ].join('')}</x>`;
};
