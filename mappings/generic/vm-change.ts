/** A VM and the fields a command names, to the VM as it shall be; or the fault that says which device does not fit. */
import type { DiskSpec, VmChange } from './commands.ts';
import { done, fault, type Outcome, refused } from './faults.ts';
import type { Disk, ForeignAttribute, Slot, Vm } from './model.ts';

export const sameSlot = (a: Slot, b: Slot): boolean => a.bus === b.bus && a.controller === b.controller && a.unit === b.unit;

const PLAIN = [
  'name', 'description', 'cpuCount', 'coresPerSocket', 'memoryBytes', 'cpuHotAdd', 'memoryHotAdd', 'firmware', 'secureBoot', 'osId', 'bits', 'uuid',
  'instanceUuid', 'template', 'autostart', 'bootOrder', 'cpuShare', 'memoryShare', 'scsiControllers', 'serialPorts', 'vnc',
] as const satisfies readonly (keyof VmChange & keyof Vm)[];

/** A value of '' removes the attribute. */
const mergeAttributes = (now: readonly ForeignAttribute[], changes: readonly ForeignAttribute[]): ForeignAttribute[] => {
  const out = now.filter(({ owner, key }) => !changes.some((change) => change.owner === owner && change.key === key));
  return [...out, ...changes.filter(({ value }) => value !== '')];
};

/** What the plan needs of a spec is in the command; the document holds the disk alone. */
const diskOf = ({ create: _create, ...disk }: DiskSpec): Disk => disk;

const noSuchDevice = (index: number): Outcome<never> => refused(fault('invalid-device', { index, property: 'key' }, 'no such device'));

interface Placed {
  readonly slot: Slot;
}

/** Devices by slot: removed, changed, added, in this order. A slot that is taken or empty is a fault of that device. */
const changeDevices = <T extends Placed>(
  now: readonly T[],
  all: readonly Placed[],
  change: { add?: readonly T[]; change?: readonly { slot: Slot; apply(device: T): T }[]; remove?: readonly Slot[] },
): Outcome<T[]> => {
  let out = [...now];
  for (const [index, slot] of (change.remove ?? []).entries()) {
    if (!out.some((device) => sameSlot(device.slot, slot))) return noSuchDevice(index);
    out = out.filter((device) => !sameSlot(device.slot, slot));
  }
  for (const [index, { slot, apply }] of (change.change ?? []).entries()) {
    if (!out.some((device) => sameSlot(device.slot, slot))) return noSuchDevice(index);
    out = out.map((device) => (sameSlot(device.slot, slot) ? apply(device) : device));
  }
  for (const [index, device] of (change.add ?? []).entries()) {
    const removed = (change.remove ?? []).some((slot) => sameSlot(slot, device.slot));
    const taken = [...all, ...out.slice(now.length - (change.remove?.length ?? 0))].some((other) => sameSlot(other.slot, device.slot));
    if (taken && !removed) return refused(fault('invalid-device', { index, property: 'unitNumber' }, 'the unit number is in use'));
    out.push(device);
  }
  return done(out);
};

export const applyChange = (vm: Vm, change: VmChange): Outcome<Vm> => {
  const after: Vm = { ...vm };
  for (const field of PLAIN) if (change[field] !== undefined) Object.assign(after, { [field]: change[field] });
  if (change.memoryBytes !== undefined && vm.powerState === 'stopped') after.memoryMaxBytes = change.memoryBytes;
  if (change.cpuCount !== undefined && vm.powerState === 'stopped') after.cpuMax = change.cpuCount;
  if (change.attributes) after.attributes = mergeAttributes(vm.attributes, change.attributes);
  const placed: Placed[] = [...vm.disks, ...vm.cdroms, ...vm.floppies];

  const disks = changeDevices(vm.disks, placed, {
    add: (change.disks?.add ?? []).map(diskOf),
    change: (change.disks?.change ?? []).map(({ slot, to }) => ({ slot, apply: (disk) => ({ ...disk, ...diskOf(to as DiskSpec) }) })),
    remove: (change.disks?.remove ?? []).map(({ slot }) => slot),
  });
  if (!disks.ok) return disks;
  after.disks = disks.value;

  for (const kind of ['cdroms', 'floppies'] as const) {
    const part = change[kind];
    const drives = changeDevices(vm[kind], placed, {
      add: part?.add ?? [],
      change: (part?.change ?? []).map(({ slot, medium }) => ({
        slot,
        apply: ({ medium: _old, ...drive }) => (medium ? { ...drive, medium } : drive),
      })),
      remove: part?.remove ?? [],
    });
    if (!drives.ok) return drives;
    after[kind] = drives.value;
  }

  const { nics } = change;
  let cards = vm.nics.filter(({ mac }) => !nics?.remove?.includes(mac));
  if (cards.length + (nics?.remove?.length ?? 0) !== vm.nics.length) return noSuchDevice(0);
  for (const [index, { mac, to }] of (nics?.change ?? []).entries()) {
    if (!cards.some((nic) => nic.mac === mac)) return noSuchDevice(index);
    cards = cards.map((nic) => (nic.mac === mac ? { ...nic, ...to } : nic));
  }
  after.nics = [...cards, ...(nics?.add ?? [])];
  return done(after);
};
