/** A VM before and after in, the `<x>` of `from-generic/vm.xsl` out: every override with values as libvirt spells them, nothing for what stays. */
import type { Vm } from '../generic/model.ts';
import type { NativeObject } from '../generic/native.ts';
import { controllerEdits, diskEdits, nicEdits } from './device-edits.ts';
import { disksOf, nicsOf } from './devices.ts';
import { attributes } from './markup.ts';
import { formatMetadata, metadataOfVm, ownElement, readMetadata } from './metadata.ts';
import { attribute, child, children, parseSpans, path, type Span, textOf } from './spans.ts';
import { bootDevices } from './states.ts';
import { kibOf } from './units.ts';

const topologyOf = (vm: Vm): { sockets: number; cores: number } => {
  const cores = vm.coresPerSocket > 0 && vm.cpuMax % vm.coresPerSocket === 0 ? vm.coresPerSocket : 1;
  return { sockets: vm.cpuMax / cores, cores };
};

const bootElements = (vm: Vm): string =>
  vm.bootOrder.map((boot) => `<boot${attributes({ dev: bootDevices.fromGeneric(boot) })}/>`).join('');

const serialElements = (from: number, to: number): string => {
  let out = '';
  for (let port = from; port < to; port++) out += `<serial${attributes({ port })}/>`;
  return out;
};

const goneSerials = (text: string, domain: Span, keep: number): string =>
  children(child(domain, 'devices'), 'serial')
    .slice(keep)
    .map((span) => {
      const target = child(span, 'target');
      return `<goneSerial${attributes({ port: (target && attribute(text, target, 'port')) ?? '0' })}/>`;
    })
    .join('');

/** `title` only where the name alone does not say it. */
const titleOf = (vm: Vm): string => (vm.name === vm.nativeName ? '' : vm.name);

/** Our element as it is and as it shall be, with what only it knows (the job that made the VM) kept. */
const metadataEdit = (text: string, domain: Span, after: Vm, isClone: boolean): { changed: boolean; inner: string } => {
  const old = readMetadata(text, domain);
  const keep = isClone || old.job === undefined ? {} : { job: old.job };
  const inner = formatMetadata(
    metadataOfVm({ ...after, ...(isCpuHotAddOnlyBySize(old.cpuHotAdd, after) ? { cpuHotAdd: false } : {}) }, keep),
  );
  return { changed: formatMetadata({ ...old, ...(isClone ? { job: undefined } : {}) } as typeof old) !== inner, inner };
};

/** A domain with room for CPUs reads as one with hot-add: that needs no word of ours. */
const isCpuHotAddOnlyBySize = (written: boolean | undefined, vm: Vm): boolean =>
  written !== true && vm.cpuHotAdd && vm.cpuMax > vm.cpuCount;

const ownFieldsDiffer = (before: Vm, after: Vm): boolean =>
  (
    [
      'instanceUuid',
      'osId',
      'template',
      'createdMs',
      'cpuHotAdd',
      'memoryHotAdd',
      'cpuShare',
      'memoryShare',
      'attributes',
    ] as const
  ).some((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]));

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
  const newTopology =
    (differs('coresPerSocket') || (differs('cpuMax') && hasTopology)) && (hasTopology || after.coresPerSocket > 1);
  const oldTitle = textOf(text, child(domain, 'title'));
  const title = differs('name') || differs('nativeName') ? titleOf(after) : oldTitle;
  const own =
    ownFieldsDiffer(before, after) || isClone
      ? metadataEdit(text, domain, after, isClone)
      : { changed: false, inner: '' };
  const mine = ownElement(text, domain);
  const values = {
    name: changed('nativeName', after.nativeName),
    title: title === oldTitle ? undefined : title,
    description: changed('description', after.description),
    uuid: isClone ? after.uuid : undefined,
    clone: isClone || undefined,
    memoryKiB: changed('memoryMaxBytes', kibOf(after.memoryMaxBytes)),
    currentKiB: changed('memoryBytes', kibOf(after.memoryBytes)),
    vcpuMax: newCpus ? after.cpuMax : undefined,
    vcpuCurrent: newCpus && after.cpuCount < after.cpuMax ? after.cpuCount : undefined,
    ...(newTopology ? topologyOf(after) : {}),
    firmware: differs('firmware') || differs('secureBoot') ? after.firmware : undefined,
    secure: changed('secureBoot', after.secureBoot),
    newBoot: differs('bootOrder') || undefined,
    metadata: own.changed || undefined,
    ownName: own.changed ? mine?.name : undefined,
  };
  const vnc = differs('vnc') ? `<vnc${attributes(after.vnc ? { ...after.vnc } : { gone: true })}/>` : '';
  const devices = new Set(disksOf(text, domain).map(({ dev }) => dev));
  const controllers = new Set(
    children(child(domain, 'devices'), 'controller')
      .filter((span) => attribute(text, span, 'type') === 'scsi')
      .map((span) => attribute(text, span, 'index') ?? '0'),
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
    nicEdits(
      before,
      after,
      nicsOf(text, domain).map(({ mac }) => mac),
    ),
    vnc,
    serials,
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
  if (text === '')
    return { type: 'qemu', osType: 'hvm', arch: vm.bits === 32 ? 'i686' : 'x86_64', machine: wantQ35 ? 'q35' : 'pc' };
  const guests = children(parseSpans(text), 'guest').flatMap((guest) => {
    const arch = child(guest, 'arch');
    return arch ? [{ guest, arch, name: attribute(text, arch, 'name') ?? '' }] : [];
  });
  const wanted = vm.bits === 32 ? ['i686', 'x86_64'] : ['x86_64', 'aarch64', 'i686'];
  const found =
    wanted.map((name) => guests.find((one) => one.name === name)).find((one) => one !== undefined) ?? guests[0];
  if (!found) return { type: 'qemu', osType: 'hvm', arch: 'x86_64', machine: undefined };
  const types = children(found.arch, 'domain').map((span) => attribute(text, span, 'type') ?? '');
  const machines = children(found.arch, 'machine').map((span) => textOf(text, span));
  return {
    type: types.includes('kvm') ? 'kvm' : (types[0] ?? 'qemu'),
    osType: textOf(text, child(found.guest, 'os_type')) || 'hvm',
    arch: found.name,
    machine: (wantQ35 ? ['q35', 'pc'] : ['pc', 'q35', 'virt']).find((name) => machines.includes(name)) ?? machines[0],
  };
};

/** Everything of a new domain; what the hub does not speak of is chosen by the sheet. */
export const domainCreate = (host: NativeObject | undefined, vm: Vm): string => {
  const machine = machineOf(host, vm);
  const isQ35 = (machine.machine ?? '').includes('q35');
  const empty: Vm = { ...vm, disks: [], cdroms: [], floppies: [], nics: [] };
  const usesScsi = [...vm.disks, ...vm.cdroms]
    .filter(({ slot }) => slot.bus === 'scsi')
    .map(({ slot }) => slot.controller);
  const controllers = [...vm.scsiControllers];
  for (const ordinal of new Set(usesScsi))
    if (!controllers.some((one) => one.ordinal === ordinal)) controllers.push({ ordinal, model: 'lsilogic' });
  return `<x${attributes({
    ...machine,
    name: vm.nativeName,
    title: titleOf(vm) || undefined,
    description: vm.description || undefined,
    uuid: vm.uuid,
    memoryKiB: kibOf(Math.max(vm.memoryMaxBytes, vm.memoryBytes)),
    currentKiB: kibOf(vm.memoryBytes),
    vcpuMax: Math.max(vm.cpuMax, vm.cpuCount),
    vcpuCurrent: vm.cpuCount < vm.cpuMax ? vm.cpuCount : undefined,
    ...(vm.coresPerSocket > 1 ? topologyOf(vm) : {}),
    firmware: vm.firmware,
    secure: vm.secureBoot || undefined,
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
