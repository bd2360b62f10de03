/** Attributes of the hub as entries of a VM's extraConfig and back: the host's own under their keys, those of other APIs under `transvisor.`. */
import type { BootDevice, ForeignAttribute, Vm } from '../../generic/model.ts';
import type { XmlElement } from '../../wire/xml.ts';
import { all, at, textAt } from './native-tree.ts';

const PREFIX = 'transvisor.';
/** Who the host's own entries belong to. */
export const OWN = 'vim25';
/** The job that made the VM. */
export const JOB_KEY = `${PREFIX}job`;
/** Rooms for growth that other APIs tell of and this one knows only as "may grow". */
export const CPU_MAX_KEY = `${PREFIX}cpuMax`;
export const MEMORY_MAX_KEY = `${PREFIX}memoryMaxBytes`;
/** A boot order with kinds of devices of which the VM has none yet: here an order names devices. */
const BOOT_ORDER_KEY = `${PREFIX}bootOrder`;

/** Entries that are fields of the hub by another name. */
const FIELDS = new Set([
  'RemoteDisplay.vnc.enabled',
  'RemoteDisplay.vnc.port',
  'RemoteDisplay.vnc.ip',
  JOB_KEY,
  CPU_MAX_KEY,
  MEMORY_MAX_KEY,
  BOOT_ORDER_KEY,
]);

/** Fields of the configuration that fronts keep as attributes of this API. */
export const CONFIG_ATTRIBUTES = ['guestId', 'version', 'vmPathName', 'modified', 'alternateGuestName'] as const;
const CONFIG = new Set<string>(CONFIG_ATTRIBUTES);

export const entriesOf = (vm: XmlElement): ReadonlyMap<string, string> =>
  new Map(all(at(vm, 'config'), 'extraConfig').map((one) => [textAt(one, 'key'), textAt(one, 'value')]));

/** Keys of other APIs may hold what a line of a .vmx file cannot. */
const keyOf = ({ owner, key }: ForeignAttribute): string =>
  owner === OWN ? key : `${PREFIX}${encodeURIComponent(owner)}.${encodeURIComponent(key)}`;

const parsedKey = (text: string): Pick<ForeignAttribute, 'owner' | 'key'> | undefined => {
  if (!text.startsWith(PREFIX)) return { owner: OWN, key: text };
  const dot = text.indexOf('.', PREFIX.length);
  if (dot < 0) return undefined;
  try {
    return {
      owner: decodeURIComponent(text.slice(PREFIX.length, dot)),
      key: decodeURIComponent(text.slice(dot + 1)),
    };
  } catch {
    return undefined;
  }
};

export const attributesOf = (vm: XmlElement): ForeignAttribute[] =>
  [...entriesOf(vm)].flatMap(([text, value]) => {
    const key = FIELDS.has(text) || value === '' ? undefined : parsedKey(text);
    return key === undefined ? [] : [{ ...key, value }];
  });

/** The entries that bring the one list to the other; '' removes. */
export const entryChanges = (
  before: readonly ForeignAttribute[],
  after: readonly ForeignAttribute[],
): { key: string; value: string }[] => {
  const own = (list: readonly ForeignAttribute[]): Map<string, string> =>
    new Map(list.filter(({ owner, key }) => owner !== OWN || !CONFIG.has(key)).map((one) => [keyOf(one), one.value]));
  const [old, wanted] = [own(before), own(after)];
  const changes = [...wanted].filter(([key, value]) => old.get(key) !== value).map(([key, value]) => ({ key, value }));
  for (const key of old.keys()) if (!wanted.has(key)) changes.push({ key, value: '' });
  return changes;
};

export const ownAttribute = (list: readonly ForeignAttribute[], key: string): string | undefined =>
  list.find((one) => one.owner === OWN && one.key === key)?.value;

type Sizes = Pick<Vm, 'cpuCount' | 'cpuMax' | 'memoryBytes' | 'memoryMaxBytes'>;

const roomsOf = ({ cpuCount, cpuMax, memoryBytes, memoryMaxBytes }: Sizes): Record<string, string> => ({
  [CPU_MAX_KEY]: cpuMax > cpuCount ? String(cpuMax) : '',
  [MEMORY_MAX_KEY]: memoryMaxBytes > memoryBytes ? String(memoryMaxBytes) : '',
});

export const roomChanges = (before: Sizes | undefined, after: Sizes): { key: string; value: string }[] => {
  const old = before === undefined ? {} : roomsOf(before);
  return Object.entries(roomsOf(after))
    .filter(([key, value]) => (old[key] ?? '') !== value)
    .map(([key, value]) => ({ key, value }));
};

type Bootable = Pick<Vm, 'bootOrder' | 'disks' | 'nics'>;

/** The order as a text, where the host's own cannot say all of it. */
const unsaidOrder = ({ bootOrder, disks, nics }: Bootable): string =>
  bootOrder.some((kind) => (kind === 'disk' && disks.length === 0) || (kind === 'network' && nics.length === 0))
    ? bootOrder.join(' ')
    : '';

export const bootOrderChanges = (before: Bootable | undefined, after: Bootable): { key: string; value: string }[] => {
  const value = unsaidOrder(after);
  return value === (before === undefined ? '' : unsaidOrder(before)) ? [] : [{ key: BOOT_ORDER_KEY, value }];
};

const BOOT_DEVICES: readonly string[] = ['disk', 'cdrom', 'network', 'floppy'] satisfies BootDevice[];
const isBootDevice = (text: string): text is BootDevice => BOOT_DEVICES.includes(text);

/** The whole order, as long as the host's own is that without what it cannot say: else somebody changed it there. */
export const wholeBootOrder = (
  told: readonly BootDevice[],
  entries: ReadonlyMap<string, string>,
): readonly BootDevice[] => {
  const whole = (entries.get(BOOT_ORDER_KEY) ?? '').split(' ').filter(isBootDevice);
  return whole.filter((kind) => told.includes(kind)).join() === told.join() && whole.length > told.length
    ? whole
    : told;
};
