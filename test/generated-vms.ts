/** VMs as clients may ask for them, as values of fast-check, within what a host has to offer. */
import fc from 'fast-check';
import type { BootDevice, Disk, Medium, Nic, NicModel, ScsiModel, Share, Slot, Vm } from '../mappings/generic/model.ts';

/** What a host has to offer, where hosts differ. */
export interface Offer {
  readonly medium: (unit: number) => Medium;
  /** Places of the n-th disk. */
  readonly slots: (n: number) => readonly Slot[];
  readonly mostDisks: number;
  readonly readOnlyDisks: boolean;
  readonly capacitiesBytes: readonly number[];
  readonly scsiModels: readonly ScsiModel[];
  readonly nicModels: readonly NicModel[];
  readonly networks: readonly string[];
  readonly attributeKeys: readonly string[];
  /** Fields of a VM that this host does not let anyone choose, or of which there is a choice here alone. */
  readonly more?: Partial<{ [K in keyof Vm]: fc.Arbitrary<Vm[K]> }>;
}

const MIB = 1024 * 1024;

const text = fc.string({
  unit: fc.constantFrom('a', 'Z', '9', '-', '.', ' ', '&', '<', '"', "'", 'é', '名'),
  maxLength: 20,
});
const hex = (n: number): string => n.toString(16).padStart(2, '0');
const several = <T>(one: (n: number) => fc.Arbitrary<T>, most: number): fc.Arbitrary<T[]> =>
  fc
    .integer({ min: 0, max: most })
    .chain((count) => fc.tuple(...Array.from({ length: count }, (_, n) => one(n))) as fc.Arbitrary<T[]>);

/** The n-th place on a SCSI bus, whose seventh is the controller's own. */
export const scsiSlot = (n: number): Slot => ({ bus: 'scsi', controller: 0, unit: n < 7 ? n : n + 1 });

const disk = (n: number, offer: Offer): fc.Arbitrary<Disk> =>
  fc.record({
    slot: fc.constantFrom(...offer.slots(n)),
    medium: fc.constant(offer.medium(n)),
    capacityBytes: fc.constantFrom(...offer.capacitiesBytes),
    thin: fc.boolean(),
    readOnly: offer.readOnlyDisks ? fc.boolean() : fc.constant(false),
    shareable: fc.boolean(),
    persistent: fc.boolean(),
  });
const nic = (ordinal: number, { nicModels, networks }: Offer): fc.Arbitrary<Nic> =>
  fc.record({
    ordinal: fc.constant(ordinal),
    mac: fc.integer({ min: 0, max: 255 }).map((n) => `52:54:00:00:${hex(ordinal)}:${hex(n)}`),
    macGenerated: fc.boolean(),
    model: fc.constantFrom(...nicModels),
    networkName: fc.constantFrom(...networks),
    connected: fc.boolean(),
  });
/** `unit`: of what is shared out. */
const share = (unit: number): fc.Arbitrary<Share> => {
  const amount = fc.nat(4096).map((n) => n * unit);
  return fc.record({ reservation: amount, limit: amount, shares: fc.nat(4096) }, { requiredKeys: [] });
};

export const generatedVms = (offer: Offer): fc.Arbitrary<Vm> =>
  fc
    .record({
      name: text.map((one) => `vm ${one}`.trim()),
      description: text.map((one) => one.trim()),
      sockets: fc.integer({ min: 1, max: 8 }),
      moreSockets: fc.integer({ min: 0, max: 4 }),
      coresPerSocket: fc.constantFrom(1, 2, 4),
      memoryMiB: fc.constantFrom(4, 64, 4096, 10 * 1024 * 1024),
      moreMemoryMiB: fc.constantFrom(0, 64),
      cpuHotAdd: fc.boolean(),
      memoryHotAdd: fc.boolean(),
      firmware: fc.constantFrom('bios' as const, 'efi' as const),
      secureBoot: fc.boolean(),
      bootOrder: fc.shuffledSubarray<BootDevice>(['disk', 'cdrom', 'network']),
      template: fc.boolean(),
      autostart: fc.boolean(),
      osId: fc.constantFrom('', 'debian12'),
      bits: fc.constantFrom(32 as const, 64 as const),
      cpuShare: share(1),
      memoryShare: share(MIB),
      scsi: fc.constantFrom(...offer.scsiModels),
      disks: several((n) => disk(n, offer), offer.mostDisks),
      nics: several((n) => nic(n, offer), 4),
      cdrom: fc.boolean(),
      attributes: fc.uniqueArray(
        fc.record({
          owner: fc.constantFrom('one', 'two'),
          key: fc.constantFrom(...offer.attributeKeys),
          value: text.map((one) => `v${one}`),
        }),
        { selector: ({ owner, key }) => `${owner} ${key}`, maxLength: 4 },
      ),
      own: fc.record(offer.more ?? {}),
    })
    .map(({ sockets, moreSockets, memoryMiB, moreMemoryMiB, scsi, cdrom, own, ...made }) => {
      const cpuCount = sockets * made.coresPerSocket;
      return {
        ...made,
        nativeName: made.name,
        uuid: '99999999-2222-4333-8444-555555555555',
        powerState: 'stopped' as const,
        permanent: true,
        cpuCount,
        cpuMax: cpuCount + (made.cpuHotAdd ? moreSockets * made.coresPerSocket : 0),
        memoryBytes: memoryMiB * MIB,
        memoryMaxBytes: (memoryMiB + (made.memoryHotAdd ? moreMemoryMiB : 0)) * MIB,
        scsiControllers: made.disks.some(({ slot }) => slot.bus === 'scsi') ? [{ ordinal: 0, model: scsi }] : [],
        cdroms: cdrom ? [{ slot: { bus: 'ide' as const, controller: 1, unit: 0 } }] : [],
        floppies: [],
        serialPorts: 0,
        guest: { toolsInstalled: false, toolsRunning: false, addresses: [] },
        snapshots: [],
        ...own,
      };
    });
