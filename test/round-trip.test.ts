/**
 * Round trips over the registry, by the sheets alone: an edit that changes nothing leaves the native document as it is, and what a host is asked to
 * make reads back as what it was made from. What is lost on the way stands here field by field; the lists may only shrink. Hosts that are
 * asked by calls are asked in tests of their own (mappings/xenapi/host/round-trip.test.ts, peers/round-trip.test.ts).
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseDocument } from '../mappings/generic/documents.ts';
import type { DocumentKind, Documents, Vm } from '../mappings/generic/model.ts';
import type { NativeObject } from '../mappings/generic/native.ts';
import type { Platform } from '../mappings/generic/platform.ts';
import { PLATFORMS } from '../mappings/platforms.ts';
import { canonical } from '../transform-server/engine/canonical.ts';
import { chooseEngine, type XsltEngine } from '../transform-server/engine/engine.ts';
import { generatedVms, scsiSlot } from './generated-vms.ts';
import { type GoldenDocument, goldenDocuments } from './golden-pairs.ts';
import { differingPaths, missingPaths } from './lost-paths.ts';
import { type Losses, listed } from './round-trips.ts';

type PerPlatform<T> = Readonly<Record<string, T>>;

/** Of golden documents. */
const LOST: PerPlatform<Losses> = {
  libvirt: {
    'the host sets its own clock and places': ['volume.modifiedMs', 'volume.path'],
    'a new network takes the MTU of what it is on': ['network.mtu'],
    'a guest always has one, for its console and for its screen': ['vm.serialPorts', 'vm.vnc'],
    'names of devices follow from their places': ['vm.disks[].device'],
    'a disk says its format, which plans learn from its volume': ['vm.disks[].medium.format', 'vm.disks[].thin'],
  },
};

/** Of VMs as clients may ask for them. */
const NOT_KEPT: PerPlatform<Losses> = {
  libvirt: {
    'set by a call of its own': ['autostart'],
    'a guest always has one, for its console': ['serialPorts'],
    'the volume decides whether room is taken as it is written to': ['disks[].thin'],
    'secure boot wants a machine without IDE': ['cdroms[].slot.bus', 'cdroms[].slot.controller', 'cdroms[].slot.unit'],
    'a model that QEMU has not, or not well, has its counterpart': ['scsiControllers[].model'],
  },
};

/** Golden documents that no sheet writes. */
const UNWRITTEN: PerPlatform<Losses> = {
  libvirt: { 'a host is what it is': ['host-qemu'] },
  sim: { 'a host is what it is': ['host'], 'asked for by calls': ['network', 'storage', 'volume'] },
};

const SAMPLES = { numRuns: 60, seed: 7 };

const hosts = (
  await Promise.all(Object.entries(PLATFORMS).map(async ([name, load]) => [name, await load()] as const))
).filter(([, { host, sheets }]) => host !== undefined && (sheets.toHost ?? sheets.fromGeneric).vm !== undefined);

/** What a change starts from. */
const nativeOf = (input: string): string => /^<change><native>([\s\S]*?)<\/native><before/.exec(input)?.[1] ?? '';

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

  const goldens = goldenDocuments(name);
  const machines = goldens.filter(({ native }) => native.kind === 'vm');

  const editOf = ({ native, document }: GoldenDocument): string =>
    side?.fromGenericInput({ kind: 'vm', native, before: document as Vm, after: document as Vm }) ?? '';
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

  // What shall differ is no document yet.
  if (!takesDocuments) return;

  /** Written from nothing and read back, beside what the host tells of it in other ways. */
  const written = async (kind: DocumentKind, after: Documents[DocumentKind], like: NativeObject) => {
    const output = await apply(writing[kind], side?.fromGenericInput({ kind, after }) ?? '');
    const [part = ''] = Object.keys(like.parts);
    const native: NativeObject = { ...like, parts: { ...like.parts, [part]: output } };
    return parseDocument(kind, await apply(platform.sheets.toGeneric[kind], side?.toGenericInput(native) ?? ''));
  };

  test('what a host is asked to make reads back as the golden document it was made from', async () => {
    const [lost, unwritten] = [new Set<string>(), new Set<string>()];
    for (const { name: file, native, document } of goldens) {
      const { kind } = native;
      if (writing[kind] === undefined) {
        unwritten.add(file);
        continue;
      }
      for (const path of differingPaths(document, await written(kind, document, native))) lost.add(`${kind}.${path}`);
    }
    expect([...lost].toSorted()).toEqual(listed(LOST[name] ?? {}));
    expect([...unwritten].toSorted()).toEqual(listed(UNWRITTEN[name] ?? {}));
  });

  test(`VMs as clients may ask for them (${SAMPLES.numRuns} of seed ${SAMPLES.seed}) read back as they were asked for`, async () => {
    const model = machines.find(({ document }) => (document as Vm).powerState === 'stopped') ?? machines[0];
    if (model === undefined) throw new Error('there is no golden VM');
    const [part = ''] = Object.keys(model.native.parts);
    const like = { ...model.native, parts: { [part]: '' } };
    const offer = {
      medium: (n: number) => ({ storageName: '', path: `/pool/disk-${n}.qcow2`, format: 'qcow2' }),
      slots: (n: number) => [scsiSlot(n)],
      mostDisks: 9,
      readOnlyDisks: true,
      // Those of the volumes, which are joined to what is read.
      capacitiesBytes: [0],
      scsiModels: ['virtio-scsi', 'lsilogic', 'lsisas', 'buslogic', 'pvscsi'] as const,
      nicModels: ['e1000', 'e1000e', 'vmxnet3', 'virtio', 'rtl8139'] as const,
      networks: ['lan', 'VM Network'],
      attributeKeys: ['k', 'other_config.a b', 'x<y'],
    };
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(generatedVms(offer), async (vm) => {
        for (const path of missingPaths(vm, await written('vm', vm, { ...like, native: vm.uuid }))) seen.add(path);
      }),
      SAMPLES,
    );
    expect([...seen].toSorted()).toEqual(listed(NOT_KEPT[name] ?? {}));
  });
});
