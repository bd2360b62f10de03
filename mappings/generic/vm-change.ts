/** A VM and a change in, the VM as it shall be out: the one meaning of `vm.change` for every host. Faults name the device at fault. */
import type { DiskSpec, VmChange } from './commands.ts';
import { done, fault, type Outcome, refused } from './faults.ts';
import type { Disk, ForeignAttribute, Slot, Vm } from './model.ts';

const sameSlot = (a: Slot, b: Slot): boolean => a.bus === b.bus && a.controller === b.controller && a.unit === b.unit;

const slotText = ({ bus, controller, unit }: Slot): string => `${bus}${controller}:${unit}`;

class Refusal extends Error {
  readonly index: number;
  readonly property: string;
  constructor(index: number, property: string, text: string) {
    super(text);
    this.index = index;
    this.property = property;
  }
}

interface Seated {
  readonly slot: Slot;
}

const seatOf = <T extends Seated>(list: readonly T[], slot: Slot, index: number): number => {
  const at = list.findIndex((one) => sameSlot(one.slot, slot));
  if (at < 0) throw new Refusal(index, 'slot', `there is no device at ${slotText(slot)}`);
  return at;
};

/** Removals first, then changes, then additions: a place can be given up and taken in one change. */
const applyTo = <T extends Seated>(
  list: readonly T[],
  change:
    | { remove?: readonly Slot[]; change?: readonly { slot: Slot; apply: (before: T) => T }[]; add?: readonly T[] }
    | undefined,
): T[] => {
  const out = [...list];
  let index = 0;
  for (const slot of change?.remove ?? []) out.splice(seatOf(out, slot, index++), 1);
  for (const { slot, apply } of change?.change ?? []) {
    const at = seatOf(out, slot, index++);
    const before = out[at];
    if (before) out[at] = apply(before);
  }
  for (const one of change?.add ?? []) out.push(one);
  return out;
};

/** CD-ROMs, floppies and disks share buses: two of them on one place are refused. */
const checkSeats = (vm: Vm): void => {
  const taken = new Set<string>();
  for (const [index, { slot }] of [...vm.disks, ...vm.cdroms, ...vm.floppies].entries()) {
    const text = slotText(slot);
    if (taken.has(text)) throw new Refusal(index, 'slot', `${text} is taken`);
    taken.add(text);
  }
};

/** The disk of the model in a spec: what tells how to make its volume is no part of the VM. */
export const diskOfSpec = (spec: DiskSpec): Disk => {
  const { create, ...disk } = spec;
  return create ? { ...disk, capacityBytes: create.capacityBytes, thin: create.thin } : disk;
};

const changeDisk = (before: Disk, to: Partial<DiskSpec>): Disk => ({ ...before, ...diskOfSpec({ ...before, ...to }) });

const withMedium = <T extends { medium?: unknown }>(before: T, medium: T['medium'] | undefined): T => {
  const { medium: _, ...rest } = before;
  return (medium === undefined ? rest : { ...rest, medium }) as T;
};

const mergeAttributes = (
  before: readonly ForeignAttribute[],
  changes: readonly ForeignAttribute[],
): ForeignAttribute[] => {
  const keyOf = (one: ForeignAttribute): string => `${one.owner}\u0000${one.key}`;
  const merged = new Map(before.map((one) => [keyOf(one), one]));
  for (const one of changes) {
    if (one.value === '') merged.delete(keyOf(one));
    else merged.set(keyOf(one), one);
  }
  return [...merged.values()];
};

const changeNics = (vm: Vm, change: VmChange['nics']): Vm['nics'] => {
  const nics = [...vm.nics];
  let index = 0;
  const at = (mac: string): number => {
    const found = nics.findIndex((nic) => nic.mac.toLowerCase() === mac.toLowerCase());
    if (found < 0) throw new Refusal(index, 'mac', `there is no network card ${mac}`);
    index += 1;
    return found;
  };
  for (const mac of change?.remove ?? []) nics.splice(at(mac), 1);
  for (const { mac, to } of change?.change ?? []) {
    const place = at(mac);
    const before = nics[place];
    if (before) nics[place] = { ...before, ...to };
  }
  for (const nic of change?.add ?? []) {
    if (nic.mac !== '' && nics.some((one) => one.mac.toLowerCase() === nic.mac.toLowerCase()))
      throw new Refusal(index, 'mac', `${nic.mac} is taken`);
    nics.push(nic);
    index += 1;
  }
  return nics.map((nic, ordinal) => ({ ...nic, ordinal }));
};

const PLAIN = [
  'name',
  'description',
  'cpuCount',
  'coresPerSocket',
  'memoryBytes',
  'cpuHotAdd',
  'memoryHotAdd',
  'firmware',
  'secureBoot',
  'osId',
  'bits',
  'uuid',
  'instanceUuid',
  'template',
  'autostart',
  'bootOrder',
  'cpuShare',
  'memoryShare',
  'scsiControllers',
  'serialPorts',
  'vnc',
] as const satisfies readonly (keyof VmChange & keyof Vm)[];

/** Room for CPUs to be added to a running VM, when it is asked for. */
const HOT_ADD_FACTOR = 2;
const MOST_CPUS = 255;

type Sizes = Pick<Vm, 'cpuMax' | 'memoryMaxBytes'> & Partial<Pick<Vm, 'cpuHotAdd' | 'memoryHotAdd'>>;

/** Whoever says how much room there is means it to be used while the VM runs. */
const saidSizes = (vm: Vm, change: VmChange, cpuCount: number, memoryBytes: number): Partial<Sizes> => {
  const cpuMax = Math.max(change.cpuMax ?? 0, cpuCount);
  const memoryMaxBytes = Math.max(change.memoryMaxBytes ?? 0, memoryBytes);
  return {
    ...(change.cpuMax === undefined ? {} : { cpuMax, cpuHotAdd: change.cpuHotAdd ?? cpuMax > cpuCount }),
    ...(change.memoryMaxBytes === undefined
      ? {}
      : { memoryMaxBytes, memoryHotAdd: change.memoryHotAdd ?? (vm.memoryHotAdd || memoryMaxBytes > memoryBytes) }),
  };
};

const sizes = (vm: Vm, change: VmChange): Sizes => {
  const cpuCount = change.cpuCount ?? vm.cpuCount;
  const memoryBytes = change.memoryBytes ?? vm.memoryBytes;
  // While it runs, the most it can have stands as it is: whether the change fits is the host's to say.
  if (vm.powerState !== 'stopped')
    return { cpuMax: change.cpuMax ?? vm.cpuMax, memoryMaxBytes: change.memoryMaxBytes ?? vm.memoryMaxBytes };
  let cpuMax = vm.cpuMax === vm.cpuCount ? cpuCount : Math.max(vm.cpuMax, cpuCount);
  if (change.cpuHotAdd === true && cpuMax <= cpuCount)
    cpuMax = Math.max(cpuCount, Math.min(MOST_CPUS, cpuCount * HOT_ADD_FACTOR));
  if (change.cpuHotAdd === false) cpuMax = cpuCount;
  return {
    cpuMax,
    memoryMaxBytes: vm.memoryMaxBytes === vm.memoryBytes ? memoryBytes : Math.max(vm.memoryMaxBytes, memoryBytes),
    ...saidSizes(vm, change, cpuCount, memoryBytes),
  };
};

const apply = (vm: Vm, change: VmChange): Vm => {
  const plain: Record<string, unknown> = {};
  for (const field of PLAIN) if (change[field] !== undefined) plain[field] = change[field];
  const { disks, cdroms, floppies } = change;
  const after: Vm = {
    ...vm,
    ...plain,
    ...sizes(vm, change),
    attributes: change.attributes ? mergeAttributes(vm.attributes, change.attributes) : vm.attributes,
    disks: applyTo<Disk>(vm.disks, {
      remove: disks?.remove?.map(({ slot }) => slot) ?? [],
      change: disks?.change?.map(({ slot, to }) => ({ slot, apply: (before) => changeDisk(before, to) })) ?? [],
      add: disks?.add?.map(diskOfSpec) ?? [],
    }),
    cdroms: applyTo(vm.cdroms, {
      remove: cdroms?.remove ?? [],
      change:
        cdroms?.change?.map(({ slot, medium }) => ({ slot, apply: (before) => withMedium(before, medium) })) ?? [],
      add: cdroms?.add ?? [],
    }),
    floppies: applyTo(vm.floppies, {
      remove: floppies?.remove ?? [],
      change:
        floppies?.change?.map(({ slot, medium }) => ({ slot, apply: (before) => withMedium(before, medium) })) ?? [],
      add: floppies?.add ?? [],
    }),
    nics: changeNics(vm, change.nics),
  };
  checkSeats(after);
  return after;
};

/** Only the fields that the change names differ. `index` of a fault counts the devices of their list: removals, changes, additions. */
export const applyChange = (vm: Vm, change: VmChange): Outcome<Vm> => {
  try {
    return done(apply(vm, change));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return refused(fault('invalid-device', { index: error.index, property: error.property }, error.message));
  }
};
