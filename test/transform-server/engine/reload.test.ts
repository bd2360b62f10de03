/** A reload: what changed is judged by the golden pairs, then taken over whole, or not at all. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { MappingFiles } from '../../../transform-server/engine/mapping-files.ts';
import { changedFiles, readMappingFiles } from '../../../transform-server/engine/mapping-files.ts';
import { createMappings } from '../../../transform-server/engine/reload.ts';
import { createSwitch } from '../../../transform-server/engine/switch.ts';
import { createThread, type Transformer } from '../../../transform-server/engine/transformer.ts';
import { textOf } from '../../../transform-server/store/packed-text.ts';
import { madeUp, net, PLATFORMS } from './made-up-platform.ts';

const SHEET = madeUp.sheets.toGeneric.network as URL;
const TEXT = readFileSync(SHEET, 'utf8');
const GENERIC =
  '<network><name>x</name><uuid>u-x</uuid><bridge>br0</bridge><mode>nat</mode><active>true</active><autostart>false</autostart></network>';
const NATIVE =
  '<native kind="network" native="x"><part name="net"><net name="x" uuid="u-x" bridge="br0"/></part></native>';

const setUp = (withTables = true) => {
  const renewed: string[] = [];
  const fixtures = mkdtempSync(join(tmpdir(), 'reload-'));
  onTestFinished(() => rmSync(fixtures, { recursive: true, force: true }));
  const documents = join(fixtures, 'made-up', 'documents');
  mkdirSync(documents, { recursive: true });
  writeFileSync(join(documents, 'case.native.xml'), NATIVE);
  writeFileSync(join(documents, 'case.generic.xml'), GENERIC);
  const disk = { sheet: TEXT, code: 'one', table: 'one' };
  const read = (): MappingFiles => ({
    texts: { [SHEET.href]: disk.sheet },
    hashes: new Map([
      ['mappings/made-up/to-generic/network.xsl', disk.sheet],
      ['mappings/made-up/states.ts', disk.table],
      ['mappings/generic/model.ts', disk.code],
    ]),
    changedHere: new Map(),
    notes: [],
  });
  const started: Transformer[] = [];
  const start = (texts: MappingFiles['texts']): Transformer => {
    const one = createThread({ registry: new URL('./made-up-platform.ts', import.meta.url), texts });
    started.push(one);
    return one;
  };
  const transformer = createSwitch(start(read().texts));
  onTestFinished(() => transformer.close());
  let swaps = 0;
  const mappings = createMappings({
    platforms: PLATFORMS,
    transformer,
    read,
    inUse: read(),
    start,
    swapped: async (platforms) => {
      swaps += 1;
      renewed.push(platforms === undefined ? 'sheets' : 'all');
    },
    ...(withTables ? { fresh: async () => ({ ...PLATFORMS }) } : {}),
    fixtures,
    now: Date.now,
  });
  const { reload } = mappings;
  const mode = async (native = net('a')): Promise<string | undefined> => {
    const done = await transformer.run({ work: 'generic', platform: 'made-up', native });
    if (!done.ok) throw new Error(done.error);
    return /<mode>(\w+)</.exec(textOf(done.generic ?? ''))?.[1];
  };
  return { disk, documents, mappings, reload, mode, transformer, started, swaps: () => swaps, renewed };
};

test('with nothing changed nothing is done', async () => {
  const { reload, swaps, started } = setUp();
  expect(await reload()).toEqual({ changed: [], refused: [], pairs: 0 });
  expect([swaps(), started.length]).toEqual([0, 1]);
});

test('a changed sheet that passes its golden pairs is used from then on, by threads that start later too', async () => {
  const { disk, documents, reload, mode, transformer, swaps } = setUp();
  expect(await mode()).toBe('nat');
  disk.sheet = TEXT.replace('<mode>nat', '<mode>bridge');
  writeFileSync(join(documents, 'case.generic.xml'), GENERIC.replace('<mode>nat', '<mode>bridge'));
  expect(await reload()).toEqual({ changed: ['mappings/made-up/to-generic/network.xsl'], refused: [], pairs: 1 });
  expect([await mode(), swaps()]).toEqual(['bridge', 1]);
  // The object ends its thread; the file of the sheet says what it always said.
  expect((await transformer.run({ work: 'generic', platform: 'made-up', native: net('exits') })).ok).toBe(false);
  expect(await mode()).toBe('bridge');
  expect((await reload()).changed).toEqual([]);
});

test.each([
  ['does not compile', (text: string) => text.replace('</xsl:stylesheet>', '<oops>'), /well-formed|SheetError/],
  ['reaches outside', (text: string) => text.replace('@bridge', "document('/etc/passwd')"), /reaches outside/],
  ['gives another document', (text: string) => text.replace('<mode>nat', '<mode>isolated'), /golden pair/],
  ['fails', (text: string) => text.replace('test="bad"', 'test="@name"'), /bad network/],
])('a sheet that %s is refused and the old one stays', async (_, edit, why) => {
  const { disk, reload, mode, transformer, swaps } = setUp();
  disk.sheet = edit(TEXT);
  const report = await reload();
  expect(report.changed).toEqual(['mappings/made-up/to-generic/network.xsl']);
  expect(report.refused.map((one) => one.why).join()).toMatch(why);
  expect([await mode(), swaps()]).toEqual(['nat', 0]);
  expect((await transformer.run({ work: 'generic', platform: 'made-up', native: net('exits') })).ok).toBe(false);
  expect(await mode()).toBe('nat');
  // Mended, it is taken.
  disk.sheet = `${TEXT}\n`;
  expect((await reload()).refused).toEqual([]);
});

test('work under way ends on the thread it began on', async () => {
  const { disk, reload, mode, started } = setUp();
  const before = Array.from({ length: 200 }, () => mode());
  disk.sheet = `${TEXT}\n`;
  const [report] = await Promise.all([reload(), ...before]);
  expect(report.refused).toEqual([]);
  expect(new Set(await Promise.all(before))).toEqual(new Set(['nat']));
  expect(started.length).toBe(2);
  await expect
    .poll(async () => (await started[0]?.run({ work: 'generic', platform: 'made-up', native: net('a') }))?.ok)
    .toBe(false);
});

test('changed tables are judged as well; a changed program has to take over', async () => {
  const { disk, reload, swaps, renewed } = setUp();
  disk.table = 'two';
  expect(await reload()).toEqual({ changed: ['mappings/made-up/states.ts'], refused: [], pairs: 1 });
  disk.sheet = `${TEXT}\n\n`;
  expect((await reload()).refused).toEqual([]);
  expect(renewed).toEqual(['all', 'sheets']);
  disk.code = 'two';
  disk.sheet = `${TEXT}\n`;
  expect((await reload()).refused).toEqual([
    { name: 'mappings/generic/model.ts', why: 'the program itself changed: let a new one take over' },
  ]);
  expect(swaps()).toBe(2);
});

test('where only sheets can be reloaded a changed table is refused', async () => {
  const { disk, reload } = setUp(false);
  disk.table = 'two';
  expect((await reload()).refused).toMatchObject([{ name: 'mappings/made-up/states.ts' }]);
});

test('without golden pairs nothing is taken over', async () => {
  const { disk, documents, reload } = setUp();
  disk.sheet = `${TEXT}\n`;
  rmSync(documents, { recursive: true });
  expect((await reload()).refused).toMatchObject([{ why: 'there are no golden pairs to judge by' }]);
});

test('where no changed sheets are kept none is taken', async () => {
  const { mappings, mode, swaps } = setUp();
  const path = 'mappings/made-up/to-generic/network.xsl';
  expect(await mappings.change({ href: SHEET.href, path, text: `${TEXT}\n`, by: 'ada' })).toEqual({
    changed: [path],
    refused: [{ name: path, why: 'sheets are not kept here' }],
    pairs: 0,
  });
  expect([await mode(), swaps()]).toEqual(['nat', 0]);
});

test('the files of the program are read by name', () => {
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  const files = readMappingFiles(root);
  expect([...files.hashes.keys()]).toContain('mappings/libvirt/states.ts');
  expect(Object.keys(files.texts).some((href) => href.endsWith('/mappings/libvirt/to-generic/vm.xsl'))).toBe(true);
  expect(changedFiles(files, readMappingFiles(root))).toEqual([]);
});
