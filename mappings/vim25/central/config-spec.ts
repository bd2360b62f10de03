/** The scalar members of a VirtualMachineConfigSpec in, the hub's change out; what the hub has no place for is kept as an attribute or refused. */
import type { VmChange } from '../../generic/commands.ts';
import type { BootDevice, ForeignAttribute, Host, Share, Vm } from '../../generic/model.ts';
import { table } from '../../generic/table.ts';
import { hasControls } from '../datastore/tree.ts';
import { FIELD_KEYS } from '../datastore/vmx.ts';
import { isGuestId } from '../datastore/vmx-guest.ts';
import { guestBits, guestOs } from '../guest-os.ts';
import { plain } from '../values.ts';
import { acceptsOnly } from './accepted-members.ts';
import { isOn } from './inventory.ts';
import { invalidArgument, notSupported, refuse, refuseAs } from './refusal.ts';
import { nameOf } from './vm-names.ts';

export type Spec = Readonly<Record<string, unknown>>;

const MIB = 1024 * 1024;
/** 6128 GB: the most memory of a VM in ESXi 6.7 (configuration maximums). */
const MAX_MEMORY_MB = 6_275_072;
const MAX_CPUS = 128;

export interface ScalarContext {
  /** As it is now; a blank one for a VM to be made. */
  readonly vm: Vm;
  readonly host: Host | undefined;
  /** Every other VM's uuid. */
  readonly uuids: Pick<ReadonlySet<string>, 'has'>;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const uuidIn = (spec: Spec, member: 'uuid' | 'instanceUuid'): string | undefined => {
  const text = spec[member] as string | undefined;
  if (text === undefined || text === '') return undefined;
  return UUID.test(text) ? text.toLowerCase() : invalidArgument(`configSpec.${member}`);
};

const needsOff = (vm: Vm): void => {
  if (isOn(vm)) refuse('wrong-state', { requested: 'stopped', existing: vm.powerState });
};

const cpuChange = (spec: Spec, { vm, host }: ScalarContext): VmChange => {
  const change: VmChange = {};
  const cpus = spec['numCPUs'] as number | undefined;
  const cores = spec['numCoresPerSocket'] as number | undefined;
  const count = cpus ?? vm.cpuCount;
  if (cpus !== undefined) {
    if (cpus < 1 || cpus > Math.min(MAX_CPUS, host?.vmCpuMax || MAX_CPUS)) invalidArgument('configSpec.numCPUs');
    if (isOn(vm) && cpus !== vm.cpuCount && (cpus < vm.cpuCount || cpus > vm.cpuMax)) {
      refuseAs(
        'invalid-vm-config',
        {},
        { code: 'CpuHotPlugNotSupported', text: 'CPU hot plug is not supported for this virtual machine.' },
      );
    }
    if (cpus !== vm.cpuCount) change.cpuCount = cpus;
  }
  // 0: as the host thinks best (vSphere API 8.0); absent: as it was, where that still divides the CPUs.
  if (cores !== undefined && cores !== 0) {
    if (cores < 1 || count % cores !== 0) invalidArgument('configSpec.numCoresPerSocket');
    if (cores !== vm.coresPerSocket) {
      needsOff(vm);
      change.coresPerSocket = cores;
    }
  } else if (count % vm.coresPerSocket !== 0) {
    if (isOn(vm)) invalidArgument('configSpec.numCPUs');
    change.coresPerSocket = 1;
  }
  const hotAdd = spec['cpuHotAddEnabled'] as boolean | undefined;
  if (hotAdd !== undefined && hotAdd !== vm.cpuHotAdd) {
    needsOff(vm);
    change.cpuHotAdd = hotAdd;
  }
  return change;
};

const memoryChange = (spec: Spec, { vm }: ScalarContext): VmChange => {
  const change: VmChange = {};
  const memory = spec['memoryMB'] as number | bigint | undefined;
  if (memory !== undefined) {
    const sizeMB = Number(memory);
    if (sizeMB < 4 || sizeMB > MAX_MEMORY_MB || sizeMB % 4 !== 0) invalidArgument('configSpec.memoryMB');
    const bytes = sizeMB * MIB;
    if (isOn(vm) && bytes > vm.memoryMaxBytes) {
      if (!vm.memoryHotAdd) {
        refuseAs(
          'invalid-vm-config',
          {},
          { code: 'MemoryHotPlugNotSupported', text: 'Memory hot plug is not supported for this virtual machine.' },
        );
      }
      const maximum = Math.floor(vm.memoryMaxBytes / MIB);
      refuseAs(
        'invalid-vm-config',
        {},
        {
          code: 'MemorySizeNotSupported',
          detail: { memorySizeMB: sizeMB, minMemorySizeMB: 4, maxMemorySizeMB: maximum },
          text: `${sizeMB} MB is not a supported memory size: at most ${maximum} MB while the virtual machine is powered on.`,
        },
      );
    }
    if (bytes !== vm.memoryBytes) change.memoryBytes = bytes;
  }
  const hotAdd = spec['memoryHotAddEnabled'] as boolean | undefined;
  if (hotAdd !== undefined && hotAdd !== vm.memoryHotAdd) {
    needsOff(vm);
    change.memoryHotAdd = hotAdd;
  }
  return change;
};

const LEVELS = table<number>({ low: 0.5, normal: 1, high: 2 });

/** ResourceAllocationInfo as a whole Share: `unit` is what one unit of reservation and limit is, `normal` the shares of level normal. */
const shareOf = (allocation: Spec, before: Share, member: string, unit: number, normal: number): Share => {
  const share: Share = { ...before };
  const reservation = allocation['reservation'] as number | bigint | undefined;
  const limit = allocation['limit'] as number | bigint | undefined;
  const shares = allocation['shares'] as { shares: number; level: string } | undefined;
  if (reservation !== undefined) {
    if (Number(reservation) < 0) invalidArgument(`configSpec.${member}.reservation`);
    share.reservation = Number(reservation) * unit;
  }
  if (limit !== undefined) {
    if (Number(limit) < -1) invalidArgument(`configSpec.${member}.limit`);
    if (Number(limit) === -1) delete share.limit;
    else share.limit = Number(limit) * unit;
  }
  if (share.limit !== undefined && (share.reservation ?? 0) > share.limit)
    invalidArgument(`configSpec.${member}.reservation`);
  if (shares) {
    const factor = LEVELS[shares.level];
    if (factor === undefined && (shares.shares < 0 || shares.shares > 1_000_000))
      invalidArgument(`configSpec.${member}.shares.shares`);
    if (factor === 1) delete share.shares;
    else share.shares = factor === undefined ? shares.shares : Math.round(normal * factor);
  }
  return share;
};

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

const BOOTABLE = table<BootDevice>({
  VirtualMachineBootOptionsBootableDiskDevice: 'disk',
  VirtualMachineBootOptionsBootableEthernetDevice: 'network',
  VirtualMachineBootOptionsBootableCdromDevice: 'cdrom',
  VirtualMachineBootOptionsBootableFloppyDevice: 'floppy',
});

const bootChange = (spec: Spec, { vm }: ScalarContext): VmChange => {
  const change: VmChange = {};
  const firmware = spec['firmware'] as string | undefined;
  if (firmware !== undefined && firmware !== vm.firmware) {
    if (firmware !== 'bios' && firmware !== 'efi') return invalidArgument('configSpec.firmware');
    needsOff(vm);
    change.firmware = firmware;
  }
  const options = spec['bootOptions'] as Spec | undefined;
  const secure = options?.['efiSecureBootEnabled'] as boolean | undefined;
  const isEfi = (change.firmware ?? vm.firmware) === 'efi';
  if (secure === true && !isEfi) invalidArgument('configSpec.bootOptions.efiSecureBootEnabled');
  if (secure !== undefined && secure !== vm.secureBoot) {
    needsOff(vm);
    change.secureBoot = secure;
  } else if (!isEfi && vm.secureBoot) change.secureBoot = false;
  const order = options?.['bootOrder'] as readonly Spec[] | undefined;
  if (order !== undefined) {
    // A device of the base type names none: that clears the order.
    const devices = order.map((device) => BOOTABLE[String(device['_type'])]).filter((device) => device !== undefined);
    const bootOrder = [...new Set(devices)];
    if (!same(bootOrder, vm.bootOrder)) change.bootOrder = bootOrder;
  }
  return change;
};

const attributeOf = (key: string, value: string): ForeignAttribute => ({ owner: 'vim25', key, value });

const extraConfigOf = (spec: Spec): ForeignAttribute[] =>
  ((spec['extraConfig'] as readonly Spec[] | undefined) ?? []).map((option, n) => {
    const key = String(option['key']);
    const value = plain(option['value']);
    // Names of our own fields would come back as other members, and controls cannot be written to a host's metadata.
    if (key === '' || hasControls(key) || FIELD_KEYS.has(key)) invalidArgument(`configSpec.extraConfig[${n}].key`);
    if (typeof value === 'object' && value !== null) invalidArgument(`configSpec.extraConfig[${n}].value`);
    const text = value === undefined || value === null ? '' : String(value);
    if (/[\x00-\x08\x0b\x0c\x0e-\x1f]/.test(text) || !text.isWellFormed())
      invalidArgument(`configSpec.extraConfig[${n}].value`);
    return attributeOf(key, text);
  });

const guestChange = (spec: Spec, { vm }: ScalarContext): { change: VmChange; attributes: ForeignAttribute[] } => {
  const guestId = spec['guestId'] as string | undefined;
  const alternate = spec['alternateGuestName'] as string | undefined;
  const attributes = alternate === undefined ? [] : [attributeOf('alternateGuestName', alternate)];
  if (guestId === undefined || guestId === '') return { change: {}, attributes };
  if (!isGuestId(guestId)) return invalidArgument('configSpec.guestId');
  attributes.push(attributeOf('guestId', guestId));
  const osId = guestOs.toGeneric(guestId) ?? '';
  const bits = guestBits(guestId);
  return { change: { ...(osId === vm.osId ? {} : { osId }), ...(bits === vm.bits ? {} : { bits }) }, attributes };
};

const VERSION = /^vmx-(0[3-9]|1[0-9]|2[0-2])$/;

/** The change that a spec asks for, devices left out. Attributes are those that were written; '' removes one. */
export const scalarChange = (spec: Spec, context: ScalarContext): VmChange => {
  const { vm, uuids } = context;
  const attributes = acceptsOnly(spec);
  const change: VmChange = {
    ...cpuChange(spec, context),
    ...memoryChange(spec, context),
    ...bootChange(spec, context),
  };
  const name = spec['name'] as string | undefined;
  if (name !== undefined && name !== '') {
    const wanted = nameOf(name);
    if (wanted !== vm.name) change.name = wanted;
  }
  const annotation = spec['annotation'] as string | undefined;
  if (annotation !== undefined && annotation !== vm.description) {
    if (/[\x00-\x08\x0b\x0c\x0e-\x1f]/.test(annotation) || !annotation.isWellFormed())
      invalidArgument('configSpec.annotation');
    change.description = annotation;
  }
  const uuid = uuidIn(spec, 'uuid');
  if (uuid !== undefined && uuid !== vm.uuid) {
    if (uuids.has(uuid)) invalidArgument('configSpec.uuid');
    needsOff(vm);
    change.uuid = uuid;
  }
  const instanceUuid = uuidIn(spec, 'instanceUuid');
  if (instanceUuid !== undefined && instanceUuid !== vm.instanceUuid) change.instanceUuid = instanceUuid;
  const version = spec['version'] as string | undefined;
  if (version !== undefined && version !== '') {
    if (!VERSION.test(version)) notSupported(`Hardware version ${version} is not supported by this host.`);
    attributes.push(attributeOf('version', version));
  }
  const guest = guestChange(spec, context);
  Object.assign(change, guest.change);
  attributes.push(...guest.attributes, ...extraConfigOf(spec));
  const cpu = spec['cpuAllocation'] as Spec | undefined;
  const memory = spec['memoryAllocation'] as Spec | undefined;
  if (cpu) {
    const share = shareOf(cpu, vm.cpuShare, 'cpuAllocation', 1, 1000 * (change.cpuCount ?? vm.cpuCount));
    if (!same(share, vm.cpuShare)) change.cpuShare = share;
  }
  if (memory) {
    const share = shareOf(
      memory,
      vm.memoryShare,
      'memoryAllocation',
      MIB,
      10 * Math.round((change.memoryBytes ?? vm.memoryBytes) / MIB),
    );
    if (!same(share, vm.memoryShare)) change.memoryShare = share;
  }
  const written = attributes.filter(
    ({ key, value }) => (vm.attributes.find((a) => a.owner === 'vim25' && a.key === key)?.value ?? '') !== value,
  );
  if (written.length > 0) change.attributes = written;
  return change;
};
