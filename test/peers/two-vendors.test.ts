/** Any sequence of writes by two vendors' clients and virsh on one machine of libvirt's test driver: each changes only what it names, and nothing of the others is lost. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { escapeXml, type RawSoap, rawSoap } from './raw-soap.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';
import { newDisk, newDrive } from './xen-records.ts';
import { endpointOf, type XenLane, xenApiLane } from './xenapi-lanes.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

const MIB = 1024 * 1024;
const FOREIGN = 'https://someone.example/ns';

/** One machine as each of three parties knows it. */
type Model = {
  other: Map<string, string>;
  tags: Set<string>;
  store: Map<string, string>;
  extra: Map<string, string>;
  notes: string;
  foreign: string;
  memoryMiB: number;
};

const blank = (): Model => ({
  other: new Map(),
  tags: new Set(),
  store: new Map(),
  extra: new Map(),
  notes: '',
  foreign: '',
  memoryMiB: 64,
});

type Act =
  | { readonly by: 'other' | 'store' | 'extra'; readonly key: string; readonly value: string | undefined }
  | { readonly by: 'tag'; readonly key: string; readonly there: boolean }
  | { readonly by: 'notes-vim25' | 'notes-xenapi' | 'foreign'; readonly value: string }
  | { readonly by: 'memory-vim25' | 'memory-xenapi'; readonly mib: number };

const KEYS = ['a', 'b.c', 'guestinfo.x', 'xo:1', 'with space', 'x&<>"\'y', 'ключ', '__proto__'] as const;
const keys = fc.constantFrom(...KEYS);
const texts = fc.oneof(
  fc.constantFrom('1', 'true', '\\', '\\\\x', 'a\nb', '<a b="c">&amp;</a>', ']]>', 'ä😀'),
  fc
    .string({ minLength: 1, maxLength: 12, unit: 'grapheme-ascii' })
    .filter((text) => text.trim() === text && text !== ''),
);
const acts: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ by: fc.constantFrom('other', 'store', 'extra'), key: keys, value: fc.option(texts, { nil: undefined }) }),
  fc.record({ by: fc.constant('tag' as const), key: keys, there: fc.boolean() }),
  fc.record({ by: fc.constantFrom('notes-vim25', 'notes-xenapi', 'foreign'), value: texts }),
  fc.record({
    by: fc.constantFrom('memory-vim25', 'memory-xenapi'),
    mib: fc.integer({ min: 8, max: 32 }).map((n) => n * 8),
  }),
);

describeWith([...LIBVIRT_CLIENTS, 'xen-api'], 'any writes of two vendors', () => {
  let host: Libvirtd;
  let product: Transvisor;
  let xen: XenLane;
  let soap: RawSoap;
  beforeAll(async () => {
    host = await startLibvirtd();
    product = await startTransvisor({ host: host.uri, fronts: ['xenapi', 'vim25'] });
    xen = await xenApiLane(endpointOf(product), 'json-rpc');
    soap = rawSoap(product.front('vim25'));
    await soap.logIn();
  });
  afterAll(async () => {
    soap?.close();
    await xen?.close();
    await product?.stop();
    await host?.stop();
  });

  const machine = async (name: string): Promise<{ vm: string; uuid: string; moid: string }> => {
    const [template] = (await xen.call('VM.get_by_name_label', 'Other install media')) as string[];
    const vm = (await xen.call('VM.clone', template, name)) as string;
    await xen.call('VM.provision', vm);
    await xen.call('VM.set_memory_limits', vm, 0, 64 * MIB, 64 * MIB, 64 * MIB);
    await xen.call('VM.set_other_config', vm, {});
    return { vm, uuid: String(await xen.call('VM.get_uuid', vm)), moid: await soap.vm(name) };
  };

  const reconfigure = async (moid: string, spec: string): Promise<string | undefined> =>
    soap.run('ReconfigVM_Task', 'VirtualMachine', moid, `<spec>${spec}</spec>`);
  const option = (key: string, value: string): string =>
    `<extraConfig><key>${escapeXml(key)}</key><value xsi:type="xsd:string">${escapeXml(value)}</value></extraConfig>`;

  test('what one vendor alone knows survives any writes of the others', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(acts, { minLength: 8, maxLength: 24 }), async (sequence) => {
        const { vm, uuid, moid } = await machine(`shared ${++runs}`);
        const model = blank();
        const perform = async (act: Act): Promise<void> => {
          switch (act.by) {
            case 'other':
            case 'store': {
              const field = act.by === 'other' ? 'other_config' : 'xenstore_data';
              const map = act.by === 'other' ? model.other : model.store;
              await xen.call(`VM.remove_from_${field}`, vm, act.key);
              map.delete(act.key);
              if (act.value === undefined) return;
              await xen.call(`VM.add_to_${field}`, vm, act.key, act.value);
              map.set(act.key, act.value);
              return;
            }
            case 'extra':
              expect(await reconfigure(moid, option(act.key, act.value ?? ''))).toBeUndefined();
              if (act.value === undefined) model.extra.delete(act.key);
              else model.extra.set(act.key, act.value);
              return;
            case 'tag':
              await xen.call(act.there ? 'VM.add_tags' : 'VM.remove_tags', vm, act.key);
              if (act.there) model.tags.add(act.key);
              else model.tags.delete(act.key);
              return;
            case 'notes-vim25':
              expect(await reconfigure(moid, `<annotation>${escapeXml(act.value)}</annotation>`)).toBeUndefined();
              model.notes = act.value;
              return;
            case 'notes-xenapi':
              await xen.call('VM.set_name_description', vm, act.value);
              model.notes = act.value;
              return;
            case 'foreign': {
              const text = act.value.replace(/[^\w]/g, '_');
              await host.virsh(
                'metadata',
                uuid,
                '--uri',
                FOREIGN,
                '--key',
                'someone',
                '--set',
                `<one>${text}</one>`,
                '--config',
              );
              // Beside our queue, and seen by its event: the next write builds on it once it is.
              await host.virsh('desc', uuid, '--config', '--new-desc', text);
              await expect.poll(() => xen.call('VM.get_name_description', vm), { timeout: 20_000 }).toBe(text);
              model.notes = text;
              model.foreign = text;
              return;
            }
            case 'memory-vim25':
              expect(await reconfigure(moid, `<memoryMB>${act.mib}</memoryMB>`)).toBeUndefined();
              model.memoryMiB = act.mib;
              return;
            case 'memory-xenapi':
              await xen.call('VM.set_memory_limits', vm, 0, act.mib * MIB, act.mib * MIB, act.mib * MIB);
              model.memoryMiB = act.mib;
              return;
            default:
              act satisfies never;
          }
        };
        for (const act of sequence) await perform(act);
        const record = (await xen.call('VM.get_record', vm)) as Record<string, unknown>;
        expect(record).toMatchObject({ name_description: model.notes, memory_dynamic_max: model.memoryMiB * MIB });
        expect(new Map(Object.entries(record['other_config'] as object))).toEqual(model.other);
        expect(new Map(Object.entries(record['xenstore_data'] as object))).toEqual(model.store);
        expect(new Set(record['tags'] as string[])).toEqual(model.tags);
        const shown = await soap.read(
          'VirtualMachine',
          moid,
          'config.extraConfig',
          'config.annotation',
          'config.hardware.memoryMB',
        );
        for (const [key, value] of model.extra)
          expect(shown.get('config.extraConfig')).toContain(
            `<key>${escapeText(key)}</key><value xsi:type="xsd:string">${escapeText(value)}</value>`,
          );
        for (const key of KEYS)
          if (!model.extra.has(key))
            expect(shown.get('config.extraConfig')).not.toContain(`<key>${escapeText(key)}</key>`);
        expect(shown.get('config.annotation')).toBe(escapeText(model.notes));
        expect(shown.get('config.hardware.memoryMB')).toBe(String(model.memoryMiB));
        if (model.foreign !== '')
          expect(await host.virsh('metadata', uuid, '--uri', FOREIGN, '--config')).toContain(
            `<one>${model.foreign}</one>`,
          );
        await xen.call('VM.destroy', vm);
      }),
      { numRuns: 12, seed: 20_261_121, endOnFailure: true },
    );
    expect(runs).toBeGreaterThanOrEqual(12);
  });

  const escapeText = (text: string): string =>
    text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign] ?? sign);

  test('writes at the same moment all take effect, each on what it names', async () => {
    const { vm, moid } = await machine('crowded');
    const many = Array.from({ length: 12 }, (_, n) => n);
    const faults = await Promise.all([
      ...many.map((n) => xen.call('VM.add_to_other_config', vm, `x${n}`, String(n)).then(() => undefined)),
      ...many.map((n) => reconfigure(moid, option(`guestinfo.v${n}`, String(n)))),
      xen.call('VM.set_name_description', vm, 'both').then(() => undefined),
      reconfigure(moid, '<memoryMB>128</memoryMB>'),
    ]);
    expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
    expect(await xen.call('VM.get_other_config', vm)).toEqual(
      Object.fromEntries(many.map((n) => [`x${n}`, String(n)])),
    );
    const shown = await soap.read(
      'VirtualMachine',
      moid,
      'config.extraConfig',
      'config.annotation',
      'config.hardware.memoryMB',
    );
    for (const n of many) expect(shown.get('config.extraConfig')).toContain(`<key>guestinfo.v${n}</key>`);
    expect(shown.get('config.annotation')).toBe('both');
    expect(shown.get('config.hardware.memoryMB')).toBe('128');
  });

  test('drives that are added at the same moment find places of their own', async () => {
    const { vm } = await machine('full');
    const [sr = ''] = Object.keys((await xen.call('SR.get_all_records')) as object);
    const vdis = await Promise.all(
      ['a', 'b', 'c', 'd', 'e'].map((label) => xen.call('VDI.create', newDisk(sr, MIB, { name_label: label }))),
    );
    const vbds = await Promise.all(
      vdis.map((VDI) =>
        xen.call('VBD.create', newDrive(vm, String(VDI), { userdevice: 'autodetect', unpluggable: true })),
      ),
    );
    expect(new Set(vbds).size).toBe(5);
    expect(new Set((await xen.call('VM.get_VBDs', vm)) as string[])).toEqual(new Set(vbds));
    const held = await Promise.all(vbds.map((vbd) => xen.call('VBD.get_VDI', vbd)));
    expect(held).toEqual(vdis);
  });
});
