/**
 * Round trips over the registry: an edit that changes nothing leaves the native document as it is, and a VM that is written to a host
 * and read back is the same VM. What is lost on the way stands in LOSSES, field by field; the list may only shrink.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseDocument } from '../mappings/generic/documents.ts';
import type { BootDevice, Disk, DocumentKind, Documents, Nic, Vm } from '../mappings/generic/model.ts';
import type { NativeObject } from '../mappings/generic/native.ts';
import type { Platform } from '../mappings/generic/platform.ts';
import { PLATFORMS } from '../mappings/platforms.ts';
import { canonical } from '../transform-server/engine/canonical.ts';
import { chooseEngine, type XsltEngine } from '../transform-server/engine/engine.ts';
import { parseNative } from './golden-pairs.ts';
import { lostPaths } from './lost-paths.ts';

/** Fields of a VM that a host does not keep when it is made from a generic document, and why. */
const LOSSES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  libvirt: { serialPorts: 'a guest always has one, for its console' },
};

/** The same of storages, volumes and networks, which are made whole and never edited. */
const MADE_WITHOUT: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  libvirt: {
    'network.mtu': 'a new network takes the MTU of what it is on',
    'volume.modifiedMs': "the host's own clock",
    'volume.path': 'the pool says where its volumes lie',
  },
};

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));
const RUNS = 60;

interface Golden {
  readonly name: string;
  readonly native: NativeObject;
  readonly document: Documents[DocumentKind];
}

const goldens = (platform: string): Golden[] => {
  const folder = `${FIXTURES}${platform}/documents`;
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.native.xml') && existsSync(`${folder}/${file.replace('.native.', '.generic.')}`))
    .map((file) => {
      const native = parseNative(readFileSync(`${folder}/${file}`, 'utf8'));
      const text = readFileSync(`${folder}/${file.replace('.native.', '.generic.')}`, 'utf8');
      return { name: file, native, document: parseDocument(native.kind, text.trim()) };
    });
};

/** What a change starts from. */
const nativeOf = (input: string): string => /^<change><native>([\s\S]*?)<\/native><before/.exec(input)?.[1] ?? '';

// ---- VMs as a client may ask for them ----

const text = fc.string({
  unit: fc.constantFrom('a', 'Z', '9', '-', '.', ' ', '&', '<', '"', "'", 'é', '名'),
  maxLength: 20,
});
const nameText = text.map((one) => `vm ${one}`.trim());
const MIB = 1024 * 1024;
const hex = (n: number): string => n.toString(16).padStart(2, '0');

const disk = (unit: number): fc.Arbitrary<Disk> =>
  fc.record({
    slot: fc.constant({ bus: 'scsi' as const, controller: 0, unit: unit < 7 ? unit : unit + 1 }),
    medium: fc.constant({ storageName: '', path: `/pool/disk-${unit}.qcow2`, format: 'qcow2' }),
    capacityBytes: fc.constant(0),
    thin: fc.constant(true),
    readOnly: fc.boolean(),
    shareable: fc.boolean(),
    persistent: fc.boolean(),
  });
const nic = (ordinal: number): fc.Arbitrary<Nic> =>
  fc.record({
    ordinal: fc.constant(ordinal),
    mac: fc.integer({ min: 0, max: 255 }).map((n) => `52:54:00:00:${hex(ordinal)}:${hex(n)}`),
    macGenerated: fc.constant(false),
    model: fc.constantFrom('e1000', 'e1000e', 'vmxnet3', 'virtio', 'rtl8139'),
    networkName: fc.constantFrom('lan', 'VM Network'),
    connected: fc.boolean(),
  });
const several = <T>(one: (n: number) => fc.Arbitrary<T>, most: number): fc.Arbitrary<T[]> =>
  fc
    .integer({ min: 0, max: most })
    .chain((count) => fc.tuple(...Array.from({ length: count }, (_, n) => one(n))) as fc.Arbitrary<T[]>);

const vms: fc.Arbitrary<Vm> = fc
  .record({
    name: nameText,
    description: text.map((one) => one.trim()),
    sockets: fc.integer({ min: 1, max: 8 }),
    coresPerSocket: fc.constantFrom(1, 2, 4),
    memoryMiB: fc.constantFrom(4, 64, 4096, 10 * 1024 * 1024),
    firmware: fc.constantFrom('bios' as const, 'efi' as const),
    bootOrder: fc.shuffledSubarray<BootDevice>(['disk', 'cdrom', 'network']),
    template: fc.boolean(),
    autostart: fc.constant(false),
    disks: several(disk, 9),
    nics: several(nic, 4),
    cdrom: fc.boolean(),
    attributes: fc.uniqueArray(
      fc.record({
        owner: fc.constantFrom('one', 'two'),
        key: fc.constantFrom('k', 'other_config.a b', 'x<y'),
        value: text.map((one) => `v${one}`),
      }),
      {
        selector: ({ owner, key }) => `${owner} ${key}`,
        maxLength: 4,
      },
    ),
  })
  .map(({ sockets, memoryMiB, cdrom, ...made }) => ({
    ...made,
    nativeName: 'made',
    uuid: '99999999-2222-4333-8444-555555555555',
    powerState: 'stopped' as const,
    permanent: true,
    secureBoot: false,
    cpuCount: sockets * made.coresPerSocket,
    cpuMax: sockets * made.coresPerSocket,
    memoryBytes: memoryMiB * MIB,
    memoryMaxBytes: memoryMiB * MIB,
    cpuHotAdd: false,
    memoryHotAdd: false,
    osId: 'debian12',
    bits: 64 as const,
    scsiControllers: made.disks.length > 0 ? [{ ordinal: 0, model: 'virtio-scsi' as const }] : [],
    cdroms: cdrom ? [{ slot: { bus: 'ide' as const, controller: 1, unit: 0 } }] : [],
    floppies: [],
    serialPorts: 0,
    guest: { toolsInstalled: false, toolsRunning: false, addresses: [] },
    cpuShare: {},
    memoryShare: {},
    snapshots: [],
  }));

const hosts = (
  await Promise.all(Object.entries(PLATFORMS).map(async ([name, load]) => [name, await load()] as const))
).filter(([, { host, sheets }]) => host !== undefined && (sheets.toHost ?? sheets.fromGeneric).vm !== undefined);

describe.each(hosts)('%s', (name, platform: Platform) => {
  let engine: XsltEngine;
  const compiled = new Map<string, Awaited<ReturnType<XsltEngine['compile']>>>();
  beforeAll(async () => {
    engine = await chooseEngine('libxslt');
  });
  afterAll(() => engine.dispose());
  const apply = async (sheet: URL | undefined, input: string): Promise<string> => {
    if (sheet === undefined) throw new Error('there is no such sheet');
    let ready = compiled.get(sheet.href);
    if (ready === undefined) {
      ready = await engine.compile(readFileSync(sheet, 'utf8'));
      compiled.set(sheet.href, ready);
    }
    return engine.transform(ready, input);
  };
  const side = platform.host;
  const writing = platform.sheets.toHost ?? platform.sheets.fromGeneric;

  const machines = goldens(name).filter(({ native }) => native.kind === 'vm');

  const editOf = ({ native, document }: Golden): string =>
    side?.fromGenericInput({ kind: 'vm', native, before: document, after: document }) ?? '';
  // Some hosts take whole definitions, others what shall differ.
  const takesDocuments = machines.some((golden) => nativeOf(editOf(golden)) !== '');

  test('an edit that changes nothing leaves every golden VM as it is', async () => {
    expect(machines.length).toBeGreaterThan(0);
    for (const golden of machines) {
      const input = editOf(golden);
      const output = canonical(await apply(writing.vm, input));
      if (takesDocuments) expect(output, golden.name).toBe(canonical(nativeOf(input)));
      else expect(output, golden.name).toMatch(/^<[a-z]+$/);
    }
  });

  test('what a host is asked to make reads back as the golden document it was made from', async () => {
    const others = goldens(name).filter(({ native }) => native.kind !== 'vm' && writing[native.kind] !== undefined);
    const seen = new Set<string>();
    for (const { native, document } of others) {
      const { kind } = native;
      const [part = ''] = Object.keys(native.parts);
      const output = await apply(writing[kind], side?.fromGenericInput({ kind, after: document }) ?? '');
      const made = { ...native, parts: { ...native.parts, [part]: output } };
      const back = parseDocument(kind, await apply(platform.sheets.toGeneric[kind], side?.toGenericInput(made) ?? ''));
      for (const path of lostPaths(document, back)) seen.add(`${kind}.${path}`);
    }
    expect([...seen].toSorted()).toEqual(Object.keys(MADE_WITHOUT[name] ?? {}).toSorted());
  });

  // What shall differ is no VM yet: such hosts are asked for one and read back in the tests with peers (the matrix).
  if (!takesDocuments) return;
  test('a VM that was written reads back as it was asked for', async () => {
    const model = machines.find(({ document }) => (document as Vm).powerState === 'stopped') ?? machines[0];
    const [part] = Object.keys(model?.native.parts ?? {});
    if (model === undefined || part === undefined) throw new Error('there is no golden VM');
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(vms, async (vm) => {
        const output = await apply(writing.vm, side?.fromGenericInput({ kind: 'vm', after: vm }) ?? '');
        const native = { kind: 'vm' as const, native: vm.uuid, parts: { [part]: output }, facts: model.native.facts };
        const back = parseDocument('vm', await apply(platform.sheets.toGeneric.vm, side?.toGenericInput(native) ?? ''));
        for (const path of lostPaths(vm, back)) seen.add(path);
      }),
      { numRuns: RUNS, seed: 7 },
    );
    expect([...seen].filter((path) => LOSSES[name]?.[path] === undefined)).toEqual([]);
    // What is no longer lost leaves the list.
    expect(Object.keys(LOSSES[name] ?? {}).filter((path) => !seen.has(path))).toEqual([]);
  });
});
