/** Sheets that an installation changes: tried on a thread of their own, judged by their golden pairs, kept in a folder of the state directory. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createLibrary, type Sheet } from '../../../transform-server/engine/library.ts';
import { isOutdated, readMappingFiles } from '../../../transform-server/engine/mapping-files.ts';
import { openOverlay } from '../../../transform-server/engine/overlay.ts';
import { createMappings } from '../../../transform-server/engine/reload.ts';
import { createSwitch } from '../../../transform-server/engine/switch.ts';
import { createThread } from '../../../transform-server/engine/transformer.ts';
import { createTrials, type Start } from '../../../transform-server/engine/trials.ts';
import { textOf } from '../../../transform-server/store/packed-text.ts';
import { temporaryFolder } from '../../temporary.ts';
import { madeUp, net, PLATFORMS } from './made-up-platform.ts';

const PATH = 'mappings/made-up/to-generic/network.xsl';
const HREF = (madeUp.sheets.toGeneric.network as URL).href;
const TEXT = readFileSync(madeUp.sheets.toGeneric.network as URL, 'utf8');
const SHEET = 'made-up.to-generic.network';

const startThread: Start = (texts, bounds) =>
  createThread({ registry: new URL('./made-up-platform.ts', import.meta.url), texts, ...bounds });
const WORK = { work: 'raw', platform: 'made-up', source: { native: net('a') } } as const;

/** A program on disk with a golden pair; `restart` is the same program anew with the same state. */
const setUp = () => {
  const program = temporaryFolder();
  const state = temporaryFolder();
  const documents = join(program, 'fixtures/made-up/documents');
  for (const folder of [
    documents,
    join(program, 'mappings/made-up/to-generic'),
    join(program, 'runtime'),
    join(program, 'transform-server'),
  ])
    mkdirSync(folder, { recursive: true });
  writeFileSync(join(program, PATH), TEXT);
  writeFileSync(
    join(documents, 'case.native.xml'),
    '<native kind="network" native="x"><part name="net"><net name="x" uuid="u-x" bridge="br0"/></part></native>',
  );
  writeFileSync(
    join(documents, 'case.generic.xml'),
    '<network><name>x</name><uuid>u-x</uuid><bridge>br0</bridge><mode>nat</mode><active>true</active><autostart>false</autostart></network>',
  );
  const restart = () => {
    const overlay = openOverlay(join(state, 'sheets'));
    // The made-up platform names its sheets elsewhere: the texts are theirs all the same.
    const read = () => {
      const files = readMappingFiles(program, overlay);
      const text = Object.values(files.texts)[0] ?? '';
      return { ...files, texts: { [HREF]: text } };
    };
    const inUse = read();
    const transformer = createSwitch(startThread(inUse.texts));
    onTestFinished(() => transformer.close());
    const fixtures = join(program, 'fixtures');
    const mappings = createMappings({
      platforms: PLATFORMS,
      transformer,
      read,
      inUse,
      start: startThread,
      swapped: async () => {},
      fixtures,
      overlay,
      now: Date.now,
    });
    const library = createLibrary({
      mappings,
      transformer,
      start: startThread,
      fixtures,
      now: Date.now,
      textOf: () => TEXT,
    });
    const sheet = async (): Promise<Sheet> => {
      const found = (await library.sheets()).find(({ id }) => id === SHEET);
      if (found === undefined) throw new Error('it is not there');
      return found;
    };
    const uuid = async (): Promise<string | undefined> => {
      const done = await transformer.run({ work: 'generic', platform: 'made-up', native: net('other') });
      if (!done.ok) throw new Error(done.error);
      return /<mode>([^<]*)/.exec(textOf(done.generic ?? ''))?.[1];
    };
    return { mappings, library, sheet, mode: uuid };
  };
  return { program, state, restart };
};

/** Other than the program's, and the golden pair still comes out: it is called `x`. */
const BETTER = TEXT.replace(
  '<mode>nat</mode>',
  '<mode><xsl:choose><xsl:when test="/net/@name = \'x\'">nat</xsl:when><xsl:otherwise>bridge</xsl:otherwise></xsl:choose></mode>',
);
const WORSE = TEXT.replace('<mode>nat', '<mode>isolated');

test('a sheet that its golden pairs accept is used at once, after a restart, and until it is withdrawn', async () => {
  const { restart, state, program } = setUp();
  const one = restart();
  expect([await one.mode(), (await one.sheet()).changedHere]).toEqual(['nat', undefined]);
  expect(await one.library.change(await one.sheet(), BETTER, 'ada')).toEqual({
    changed: [PATH],
    refused: [],
    pairs: 1,
  });
  expect(await one.mode()).toBe('bridge');
  const { changedHere, text, pairs } = await one.sheet();
  expect([changedHere, text, pairs]).toMatchObject([
    { by: 'ada', outdated: false },
    BETTER,
    ['made-up/case.generic.xml'],
  ]);
  // What the program has on disk is as it was, and a reload has nothing to do.
  expect(readFileSync(join(program, PATH), 'utf8')).toBe(TEXT);
  expect((await one.mappings.reload()).changed).toEqual([]);

  const two = restart();
  expect([await two.mode(), (await two.sheet()).changedHere?.by]).toEqual(['bridge', 'ada']);
  expect(await two.library.change(await two.sheet(), undefined, 'ada')).toMatchObject({ changed: [PATH], refused: [] });
  expect([await two.mode(), (await two.sheet()).changedHere]).toEqual(['nat', undefined]);
  expect(readdirSync(join(state, 'sheets'))).toEqual([]);
  expect(await restart().mode()).toBe('nat');
});

test('a sheet that gives another document than its golden pairs is refused, and nothing is kept', async () => {
  const { restart } = setUp();
  const one = restart();
  const report = await one.library.change(await one.sheet(), WORSE, 'ada');
  expect(report.refused).toEqual([
    { name: 'made-up/case.generic.xml', why: 'the sheet gives another document than the golden pair' },
  ]);
  expect([await one.mode(), (await one.sheet()).text === TEXT]).toEqual(['nat', true]);
  expect(await restart().mode()).toBe('nat');
});

test('a program whose own sheet has changed since says so, and goes on with what was changed here', async () => {
  const { restart, program } = setUp();
  const one = restart();
  await one.library.change(await one.sheet(), BETTER, 'ada');
  writeFileSync(join(program, PATH), `${TEXT}\n<!-- newer -->\n`);
  const files = readMappingFiles(program, { read: () => new Map() });
  expect(files.notes).toEqual([]);
  expect((await one.mappings.reload()).refused).toEqual([]);
  const two = restart();
  expect(two.mappings.inUse.notes).toEqual([`${PATH}: changed here, and the program has another one of its own since`]);
  const changed = two.mappings.inUse.changedHere.get(PATH);
  expect([await two.mode(), changed && isOutdated(changed)]).toEqual(['bridge', true]);
  // One reload is enough for a program that runs to know; accepting it again says that it is meant.
  expect((await one.sheet()).changedHere?.outdated).toBe(true);
  await two.library.change(await two.sheet(), BETTER, 'eve');
  expect((await two.sheet()).changedHere).toMatchObject({ by: 'eve', outdated: false });
});

test('a trial touches nothing that is in use, and tells of a sheet that breaks or is none', async () => {
  const one = setUp().restart();
  const sheet = await one.sheet();
  for (const [text, says] of [
    [BETTER, /<mode>bridge/],
    ['no xml', /well-formed/],
    ['<a/>', /xsl:stylesheet/],
    [`<!DOCTYPE a [<!ENTITY e "x">]>${TEXT}`, /document type/],
    [TEXT.replace('@bridge', "document('/etc/passwd')"), /reaches outside/],
  ] as const) {
    await using trial = one.library.tried({ sheet, text });
    const done = await trial?.run(WORK);
    expect(done?.ok ? done.output : done?.error).toMatch(says);
  }
  expect(await one.mode()).toBe('nat');
});

const RECURSIVE = (body: string): string =>
  TEXT.replace(
    '</xsl:stylesheet>',
    `<xsl:template name="f"><xsl:param name="n"/>${body}<xsl:if test="string-length($n) &lt; 200"><xsl:call-template name="f"><xsl:with-param name="n" select="concat($n, 'x')"/></xsl:call-template><xsl:call-template name="f"><xsl:with-param name="n" select="concat($n, 'x')"/></xsl:call-template></xsl:if></xsl:template></xsl:stylesheet>`,
  ).replace(
    '<mode>nat',
    '<mode><xsl:call-template name="f"><xsl:with-param name="n" select="\'\'"/></xsl:call-template>nat',
  );

const BOUNDS = { limitMs: 5_000, allMs: 60_000, memoryMb: 256, most: 2 };

test('a sheet without an end is ended; only so many are tried at once', { timeout: 60_000 }, async () => {
  const open = createTrials(startThread, BOUNDS);
  await using endless = open({ [HREF]: RECURSIVE('') });
  await using other = open({ [HREF]: TEXT });
  expect(open({ [HREF]: TEXT })).toBeUndefined();
  expect(await endless?.run(WORK)).toMatchObject({ ok: false, error: 'it took longer than 5 s' });
  expect(await other?.run(WORK)).toMatchObject({ ok: true });
  await other?.[Symbol.asyncDispose]();
  await using next = open({ [HREF]: TEXT });
  expect(await next?.run(WORK)).toMatchObject({ ok: true });
});

test('a sheet that takes all memory is told that there is no more', { timeout: 60_000 }, async () => {
  await using trial = createTrials(startThread, { ...BOUNDS, limitMs: 50_000, memoryMb: 64 })({
    [HREF]: RECURSIVE(`<a>${'some text that takes room'.repeat(10_000)}</a>`),
  });
  expect(await trial?.run(WORK)).toMatchObject({ ok: false, error: 'it took more than 64 MB' });
});
