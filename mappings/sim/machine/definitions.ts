/** Definitions of simulated VMs: made, changed, renamed and taken away, with the checks a real host makes. */
import { parseDocument } from '../../generic/documents.ts';
import type { Fault } from '../../generic/faults.ts';
import { fault } from '../../generic/faults.ts';
import type { Disk, Medium, Vm } from '../../generic/model.ts';
import { guestOf, vmEvent, withVm } from './power.ts';
import {
  type Args,
  drop,
  flag,
  gone,
  isForeign,
  isName,
  no,
  OBJECTS_MAX,
  type Procedure,
  refuse,
  type SimState,
  type Step,
  text,
  textOr,
  took,
  type VmRecord,
  volumeNative,
  wrongState,
} from './state.ts';

const invalid = (property: string, why: string): Fault => fault('invalid-vm-config', { property }, why);

const slotKey = ({ slot }: Pick<Disk, 'slot'>): string => `${slot.bus}${slot.controller}:${slot.unit}`;
const isPositive = (value: number): boolean => Number.isSafeInteger(value) && value > 0;

const namedTwice = (state: SimState, name: string, self: string): boolean => {
  for (const { native, doc } of state.vms.values()) if (native !== self && doc.name === name) return true;
  return false;
};
const duplicate = (state: SimState, name: string): Step =>
  refuse(state, 'duplicate-name', { name }, `The name '${name}' already exists.`);

const missingMedium = (state: SimState, { storageName, volumeName, path }: Medium): Fault | undefined =>
  storageName === '' || volumeName === undefined || state.volumes.has(volumeNative(storageName, volumeName))
    ? undefined
    : fault(
        'file-not-found',
        { path: path ?? `[${storageName}] ${volumeName}` },
        `The volume "${volumeName}" was not found.`,
      );

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i;

/** What is wrong with a definition, whatever state the VM is in. */
const flaw = (state: SimState, doc: Vm): Fault | undefined => {
  if (!isName(doc.name)) return fault('invalid-name', { name: doc.name }, `"${doc.name}" is no name for a VM.`);
  if (!UUID.test(doc.uuid)) return invalid('uuid', 'The UUID is not well-formed.');
  if (!isPositive(doc.cpuCount) || doc.cpuCount > state.host.vmCpuMax)
    return invalid('cpuCount', `A VM has 1 to ${state.host.vmCpuMax} CPUs.`);
  if (!isPositive(doc.coresPerSocket) || doc.cpuCount % doc.coresPerSocket !== 0)
    return invalid('coresPerSocket', 'The number of CPUs is no multiple of the cores of a socket.');
  if (!isPositive(doc.memoryBytes)) return invalid('memoryBytes', 'A VM has memory.');
  if (doc.memoryBytes > 64 * state.host.memoryBytes) return invalid('memoryBytes', 'A VM cannot have so much memory.');
  const slots = [...doc.disks, ...doc.cdroms, ...doc.floppies].map(slotKey);
  if (new Set(slots).size < slots.length) return invalid('disks', 'Two devices have the same place.');
  for (const { medium, capacityBytes } of doc.disks) {
    if (!Number.isSafeInteger(capacityBytes) || capacityBytes < 0) return invalid('disks', 'A disk has a size.');
    const missing = missingMedium(state, medium);
    if (missing) return missing;
  }
  for (const { medium } of [...doc.cdroms, ...doc.floppies]) {
    const missing = medium && missingMedium(state, medium);
    if (missing) return missing;
  }
  const macs = doc.nics.map(({ mac }) => mac.toLowerCase());
  if (macs.some((mac) => !MAC.test(mac)) || new Set(macs).size < macs.length)
    return invalid('nics', 'The MAC addresses are not different and well-formed.');
  for (const { networkName } of doc.nics) {
    const isKnown =
      networkName === '' ||
      state.networks.has(networkName) ||
      [...state.networks.values()].some((one) => one.doc.portgroups.some(({ name }) => name === networkName));
    if (!isKnown) return invalid('nics', `There is no network "${networkName}".`);
  }
  return undefined;
};

/** Without what is the hub's, and with limits that hold what is asked for. */
const settled = (doc: Vm, nowMs: number): Vm => ({
  ...doc,
  nativeName: doc.name,
  cpuMax: Math.max(doc.cpuMax, doc.cpuCount),
  memoryMaxBytes: Math.max(doc.memoryMaxBytes, doc.memoryBytes),
  modifiedMs: nowMs,
});

const parsed = (args: Args): Vm | undefined => {
  try {
    return parseDocument('vm', text(args, 'document'));
  } catch {
    return undefined;
  }
};

const define: Procedure = (state, args, nowMs) => {
  const native = text(args, 'vm');
  const given = parsed(args);
  if (!given) return no(state, invalid('', 'The definition cannot be read.'));
  const doc = settled(
    { ...given, powerState: 'stopped', snapshots: [], createdMs: nowMs, guest: guestOf(given, false) },
    nowMs,
  );
  if (state.vms.has(native))
    return refuse(state, 'already-exists', { name: native }, `The VM ${native} already exists.`);
  if (state.vms.size >= OBJECTS_MAX)
    return refuse(state, 'too-many', { limit: OBJECTS_MAX }, 'The simulated host holds no more VMs.');
  const bad = flaw(state, doc);
  if (bad) return no(state, bad);
  if (args['nameMayRepeat'] !== true && namedTwice(state, doc.name, native)) return duplicate(state, doc.name);
  for (const other of state.vms.values()) {
    if (other.doc.uuid.toLowerCase() === doc.uuid.toLowerCase())
      return no(state, invalid('uuid', 'Another VM has this UUID.'));
  }
  const { startedMs: _, ...kept } = doc;
  const record: VmRecord = { native, doc: kept, saved: new Map(), madeBy: textOr(args, 'mark', '') };
  return took(withVm(state, record), [vmEvent(native, 'vm.created')], { vm: native });
};

const onVm =
  (act: (state: SimState, record: VmRecord, args: Args, nowMs: number) => Step): Procedure =>
  (state, args, nowMs) => {
    const native = text(args, 'vm');
    const record = state.vms.get(native);
    return record && !isForeign(record, args) ? act(state, record, args, nowMs) : gone(state, 'vm', native);
  };

const HOT_BUSES: ReadonlySet<string> = new Set(['scsi', 'virtio', 'sata', 'nvme', 'usb']);
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
/** Fixed while the VM runs. */
const COLD = [
  'uuid',
  'firmware',
  'secureBoot',
  'coresPerSocket',
  'cpuHotAdd',
  'memoryHotAdd',
  'bits',
  'scsiControllers',
  'serialPorts',
  'floppies',
  'template',
] as const;

/** What a running VM does not take; undefined: it takes all of it. */
const hotRefusal = (state: SimState, before: Vm, after: Vm): Step | undefined => {
  const cold = (): Step => wrongState(state, 'stopped', before.powerState);
  for (const field of COLD) if (!same(before[field], after[field])) return cold();
  if (after.cpuCount !== before.cpuCount) {
    if (!before.cpuHotAdd || after.cpuCount < before.cpuCount) return cold();
    if (after.cpuCount > before.cpuMax)
      return no(state, invalid('cpuCount', `While running it has at most ${before.cpuMax} CPUs.`));
  }
  if (after.memoryBytes !== before.memoryBytes) {
    // Up to its maximum a guest takes and gives memory; more needs slots it was not started with.
    if (after.memoryBytes > before.memoryMaxBytes)
      return no(state, invalid('memoryBytes', 'While running it has no more memory than its maximum.'));
    if (!before.memoryHotAdd) return cold();
  }
  const kept = new Map(before.disks.map((disk) => [slotKey(disk), disk]));
  const left = new Set(after.disks.map(slotKey));
  const moved = [
    ...after.disks.filter((disk) => kept.get(slotKey(disk))?.medium.path !== disk.medium.path),
    ...before.disks.filter((disk) => !left.has(slotKey(disk))),
  ];
  if (moved.some(({ slot }) => !HOT_BUSES.has(slot.bus))) return cold();
  const drives = (doc: Vm): string => doc.cdroms.map(slotKey).join();
  return drives(before) === drives(after) ? undefined : cold();
};

/** Replaces what a definition holds; what the machine itself says of the VM (power, snapshots, guest, times) stays. */
const redefine = onVm((state, record, args, nowMs) => {
  const given = parsed(args);
  if (!given) return no(state, invalid('', 'The definition cannot be read.'));
  const { doc } = record;
  const { powerState, snapshots, permanent } = doc;
  const { startedMs: _s, createdMs: _c, ...wanted } = given;
  const times = {
    ...(doc.createdMs === undefined ? {} : { createdMs: doc.createdMs }),
    ...(doc.startedMs === undefined ? {} : { startedMs: doc.startedMs }),
  };
  const next = settled({ ...wanted, powerState, snapshots, permanent, ...times }, nowMs);
  const bad = flaw(state, next);
  if (bad) return no(state, bad);
  const isRenamed = next.name !== doc.name && args['nameMayRepeat'] !== true;
  if (isRenamed && namedTwice(state, next.name, record.native)) return duplicate(state, next.name);
  if (powerState === 'suspended' && (next.memoryBytes !== doc.memoryBytes || next.cpuCount !== doc.cpuCount))
    return wrongState(state, 'stopped', powerState);
  const hot = powerState === 'stopped' || powerState === 'suspended' ? undefined : hotRefusal(state, doc, next);
  if (hot) return hot;
  const guest = guestOf(next, powerState === 'running');
  const step = took(withVm(state, { ...record, doc: { ...next, guest } }), [
    vmEvent(record.native, next.name === doc.name ? 'vm.changed' : 'vm.renamed'),
  ]);
  return step;
});

const rename = onVm((state, record, args, nowMs) => {
  const name = text(args, 'name');
  if (!isName(name)) return refuse(state, 'invalid-name', { name }, `"${name}" is no name for a VM.`);
  if (namedTwice(state, name, record.native)) return duplicate(state, name);
  return took(withVm(state, { ...record, doc: { ...record.doc, name, nativeName: name, modifiedMs: nowMs } }), [
    vmEvent(record.native, 'vm.renamed'),
  ]);
});

const setAutostart = onVm((state, record, args) =>
  took(withVm(state, { ...record, doc: { ...record.doc, autostart: flag(args, 'autostart') } }), [
    vmEvent(record.native, 'vm.changed'),
  ]),
);

const undefine = onVm((state, record) => {
  const { powerState } = record.doc;
  if (powerState === 'running' || powerState === 'paused') return wrongState(state, 'stopped', powerState);
  return took({ ...state, vms: drop(state.vms, record.native) }, [vmEvent(record.native, 'vm.deleted')]);
});

export const DEFINITIONS = {
  'VM.define': define,
  'VM.redefine': redefine,
  'VM.rename': rename,
  'VM.setAutostart': setAutostart,
  'VM.undefine': undefine,
} satisfies Record<string, Procedure>;
