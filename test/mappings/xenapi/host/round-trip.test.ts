/**
 * A VM that is made on a XenServer host and read back is the same VM: the records that its plan sends, as the host would keep them, through
 * the reader and the sheet. What is lost on the way stands in LOSSES, field by field; the list may only shrink.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DiskSpec } from '../../../../mappings/generic/commands.ts';
import { parseDocument } from '../../../../mappings/generic/documents.ts';
import type { BootDevice, Nic, Vm } from '../../../../mappings/generic/model.ts';
import type { Plan } from '../../../../mappings/generic/plan.ts';
import { hostSide, toGenericSheets } from '../../../../mappings/xenapi/host/host-side.ts';
import type { KeptClass } from '../../../../mappings/xenapi/host/kept-fields.ts';
import { type PlainRecord, plainOf } from '../../../../mappings/xenapi/host/plain.ts';
import { objectsOf } from '../../../../mappings/xenapi/host/reading/objects.ts';
import { scan } from '../../../../mappings/xenapi/host/scan.ts';
import { toWire } from '../../../../mappings/xenapi/values.ts';
import { chooseEngine, type XsltEngine } from '../../../../transform-server/engine/engine.ts';
import { lostPaths } from '../../../lost-paths.ts';
import { goldenEstate, planOf } from './rig.ts';

const LOSSES: Readonly<Record<string, string>> = {
  'disks[].thin': 'the storage decides whether room is taken as it is written to',
};

const estate = goldenEstate();
const STORAGE = estate.id('xen-storage');
const NETWORK = estate.vm('xen-vm-ours').nics[0]?.networkName ?? '';
const MIB = 1024 ** 2;

const text = fc.string({
  unit: fc.constantFrom('a', 'Z', '9', '-', '.', ' ', '&', '<', '"', "'", 'é', '名'),
  maxLength: 20,
});
const several = <T>(one: (n: number) => fc.Arbitrary<T>, most: number): fc.Arbitrary<T[]> =>
  fc
    .integer({ min: 0, max: most })
    .chain((count) => fc.tuple(...Array.from({ length: count }, (_, n) => one(n))) as fc.Arbitrary<T[]>);

const disk = (unit: number): fc.Arbitrary<DiskSpec> =>
  fc.record({
    slot: fc.constantFrom(
      { bus: 'scsi' as const, controller: 0, unit: unit < 7 ? unit : unit + 1 },
      { bus: 'sata' as const, controller: 0, unit },
    ),
    medium: fc.constant({ storageName: 'Local storage' }),
    capacityBytes: fc.constant(0),
    thin: fc.boolean(),
    readOnly: fc.boolean(),
    shareable: fc.boolean(),
    persistent: fc.boolean(),
    create: fc.record({
      storage: fc.constant(STORAGE),
      volumeName: fc.constant(`made%2fdisk-${unit}.vmdk`),
      capacityBytes: fc.integer({ min: 1, max: 2000 }).map((n) => n * 1024 * MIB),
      thin: fc.constant(true),
    }),
  });
const nic = (ordinal: number): fc.Arbitrary<Nic> =>
  fc.record({
    ordinal: fc.constant(ordinal),
    mac: fc.integer({ min: 16, max: 255 }).map((n) => `52:54:00:00:0${ordinal}:${n.toString(16)}`),
    macGenerated: fc.boolean(),
    model: fc.constantFrom('e1000', 'e1000e', 'vmxnet3', 'virtio', 'rtl8139'),
    networkName: fc.constant(NETWORK),
    connected: fc.boolean(),
  });
const share = fc.record({ reservation: fc.nat(), limit: fc.nat(), shares: fc.nat() }, { requiredKeys: [] });

const machines: fc.Arbitrary<{ vm: Vm; disks: DiskSpec[] }> = fc
  .record({
    name: text.map((one) => `vm ${one}`.trim()),
    description: text,
    cpuCount: fc.integer({ min: 1, max: 8 }),
    more: fc.integer({ min: 0, max: 8 }),
    coresPerSocket: fc.constantFrom(1, 2, 4),
    memoryMiB: fc.constantFrom(4, 64, 4096, 10 * 1024 * 1024),
    firmware: fc.constantFrom('bios' as const, 'efi' as const),
    secureBoot: fc.boolean(),
    bootOrder: fc.shuffledSubarray<BootDevice>(['disk', 'cdrom', 'network'], { minLength: 1 }),
    template: fc.boolean(),
    autostart: fc.boolean(),
    osId: fc.constantFrom('', 'debian12'),
    bits: fc.constantFrom(32 as const, 64 as const),
    cpuHotAdd: fc.boolean(),
    memoryHotAdd: fc.boolean(),
    cpuShare: share,
    memoryShare: share,
    disks: several(disk, 9),
    nics: several(nic, 4),
    cdrom: fc.boolean(),
    attributes: fc.uniqueArray(
      fc.record({
        owner: fc.constantFrom('vim25', 'xenapi'),
        key: fc.constantFrom('k', 'other_config.a b', 'x<y', 'tags.t', 'xenstore_data.vm-data/x'),
        value: fc.constant('1'),
      }),
      { selector: ({ owner, key }) => `${owner} ${key}`, maxLength: 5 },
    ),
  })
  .map(({ memoryMiB, cdrom, more, disks, ...made }) => ({
    disks,
    vm: {
      ...made,
      nativeName: made.name,
      uuid: '',
      powerState: 'stopped' as const,
      permanent: true,
      cpuMax: made.cpuCount + (made.cpuHotAdd ? more : 0),
      memoryBytes: memoryMiB * MIB,
      memoryMaxBytes: memoryMiB * MIB,
      scsiControllers: [{ ordinal: 0, model: 'lsilogic' as const }],
      disks: [],
      cdroms: cdrom ? [{ slot: { bus: 'ide' as const, controller: 1, unit: 0 } }] : [],
      floppies: [],
      serialPorts: 0,
      guest: { toolsInstalled: false, toolsRunning: false, addresses: [] },
      snapshots: [],
    },
  }));

/** The host's part: a record of each object that is made, as it was sent; locators become references. */
const kept = (plan: Plan): ReadonlyMap<KeptClass, ReadonlyMap<string, PlainRecord>> => {
  const made = new Map<KeptClass, Map<string, PlainRecord>>();
  const of = (cls: KeptClass): Map<string, PlainRecord> => {
    const records = made.get(cls) ?? new Map<string, PlainRecord>();
    made.set(cls, records);
    return records;
  };
  const refOf = (cls: string, at: unknown): string => `OpaqueRef:${cls}-${String(at)}`;
  const refs = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    const { cls, mark } = value as Record<string, unknown>;
    return mark === undefined ? value : refOf(String(cls), mark);
  };
  for (const { call } of plan.steps) {
    if (call.procedure === 'VDI.set_on_boot') {
      const { self, value } = call.args as Record<string, string>;
      const ref = String(refs(self));
      of('VDI').set(ref, { ...of('VDI').get(ref), on_boot: String(value) });
    }
    const cls = /^(?:Async\.)?(VM|VDI|VBD|VIF)\.create$/.exec(call.procedure)?.[1] as KeptClass | undefined;
    if (cls === undefined) continue;
    const args = call.args['args'] as Record<string, unknown>;
    const sent = Object.fromEntries(Object.entries(args).map(([name, value]) => [name, refs(value)]));
    const record = plainOf(toWire({ kind: 'record', class: cls }, sent, 'json')) as PlainRecord;
    const mark = (args['other_config'] as Record<string, string> | undefined)?.['transvisor.job'];
    const ref = refOf(cls, mark ?? of(cls).size);
    of(cls).set(ref, {
      ...record,
      uuid: `${cls.toLowerCase()}-${of(cls).size}`,
      managed: true,
      power_state: 'Halted',
      is_default_template: false,
    });
  }
  for (const [ref, vm] of of('VM'))
    of('VM').set(ref, { ...vm, VBDs: [...of('VBD').keys()], VIFs: [...of('VIF').keys()] });
  for (const [kind, file] of [
    ['SR', 'xen-storage'],
    ['network', 'xen-network'],
  ] as const) {
    const { native, parts } = estate.native(file);
    const ref = /ref="([^"]*)"/.exec(Object.values(parts)[0] ?? '')?.[1] ?? '';
    const name = scan(estate.native(file)).name;
    of(kind).set(ref, { uuid: native, name_label: name, type: 'ext', content_type: 'user' });
  }
  return made;
};

let engine: XsltEngine;
beforeAll(async () => {
  engine = await chooseEngine('libxslt');
});
afterAll(() => engine.dispose());

const byKey = <T extends { owner: string; key: string }>(list: readonly T[]): T[] =>
  list.toSorted((a, b) => (`${a.owner} ${a.key}` < `${b.owner} ${b.key}` ? -1 : 1));

test('a VM that was made reads back as it was asked for', async () => {
  const sheet = await engine.compile(readFileSync(toGenericSheets.vm, 'utf8'));
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(machines, async ({ vm, disks }) => {
      const plan = planOf(await estate.plan('vm.create', estate.host, { vm, disks }));
      const records = kept(plan);
      const objects = objectsOf({ of: (cls) => records.get(cls) ?? new Map() });
      const native = objects.vm([...(records.get('VM')?.keys() ?? [])][0] ?? '');
      if (!native) throw new Error('no VM was made');
      const back = parseDocument('vm', await engine.transform(sheet, hostSide.toGenericInput(native)));
      // What the host's own API has besides, the host was asked for by nobody.
      const own = new Set(vm.attributes.map(({ owner, key }) => `${owner} ${key}`));
      const attributes = byKey(back.attributes.filter(({ owner, key }) => own.has(`${owner} ${key}`)));
      // A place beside its own number: the order is that of the places.
      const slots = (one: { slot: { bus: string; controller: number; unit: number } }): string =>
        JSON.stringify(one.slot);
      const order = <T extends Parameters<typeof slots>[0]>(list: readonly T[]): T[] =>
        list.toSorted((a, b) => (slots(a) < slots(b) ? -1 : 1));
      const wanted = {
        ...vm,
        uuid: 'vm-0',
        attributes: byKey(vm.attributes),
        disks: order(disks).map(({ create, ...one }) => ({
          ...one,
          capacityBytes: create?.capacityBytes,
          medium: { ...one.medium, volumeName: create?.volumeName },
        })),
      };
      for (const path of lostPaths(wanted, { ...back, attributes, disks: order(back.disks) })) seen.add(path);
    }),
    { numRuns: 80, seed: 7 },
  );
  expect([...seen].filter((path) => LOSSES[path] === undefined)).toEqual([]);
  // What is no longer lost leaves the list.
  expect(Object.keys(LOSSES).filter((path) => !seen.has(path))).toEqual([]);
});
