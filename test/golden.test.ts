/**
 * Golden pairs judge the sheets: each pair runs on both engines and on xsltproc, compared after canonicalisation.
 *
 * Files in fixtures/<platform>/documents/, paired by name:
 * - `<case>.native.xml` -> `<case>.generic.xml`: to-generic. The native file is
 *   `<native kind="vm" native="ID"><fact name="state" type="number">1</fact>..<part name="domain">XML of that part</part>..</native>`;
 *   the types of facts are string, number, boolean.
 * - `<base>[+<what>].change.xml` -> `<base>[+<what>].changed.xml`: from-generic of a host. The change file is the whole generic document
 *   as it shall be; before is `<base>.generic.xml` and native `<base>.native.xml`; without those it is a create.
 * - `<case>.generic.xml` -> `<case>.<front's platform>.xml`: from-generic of a front, before it is split. What the document joins is in
 *   `<case>.joins.json` (a JoinsTable, its `owned` as [kind, match, id] rows).
 *
 * A new case is two files and no code. UPDATE_GOLDEN=1 writes what libxslt gives into missing and differing expected files (for a front
 * or a change, make an empty expected file first for the front; a change needs none): read the diff before it is committed.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { canonical } from '../transform-server/engine/canonical.ts';
import { chooseEngine } from '../transform-server/engine/engine.ts';
import { goldenPairs, goldenVms } from './golden-pairs.ts';

const pairs = await goldenPairs();
const update = process.env['UPDATE_GOLDEN'] === '1';
const hasXsltproc = spawnSync('xsltproc', ['--version']).status === 0;

test('the canonicaliser tells documents apart by what XML means', () => {
  const same = [
    '<a x="1" y="2"><b xmlns="urn:q"/> </a>',
    '<?xml version="1.0"?>\n<a y="2" x="1">\n  <p:b xmlns:p="urn:q"></p:b></a>',
  ].map(canonical);
  expect(same[0]).toBe(same[1]);
  expect(canonical('<a>x<![CDATA[<]]></a>')).toBe(canonical('<a>x&lt;</a>'));
  for (const other of [
    '<a x="1"><b xmlns="urn:q"/></a>',
    '<a x="1" y="2"><b/></a>',
    '<a x="1" y="2">t<b xmlns="urn:q"/></a>',
  ])
    expect(canonical(other)).not.toBe(same[0]);
});

test('there are golden pairs, each with its expected file', () => {
  expect(pairs.length).toBeGreaterThan(0);
  if (!update) expect(pairs.filter((pair) => !pair.expected?.trim()).map((pair) => pair.name)).toEqual([]);
});

/** For people, who read the diff of golden files: one element a line. */
const pretty = (text: string): string =>
  `${text.replace(/>(<[^/])/g, '>\n$1').replace(/(<\/[^>]*>)(<\/)/g, '$1\n$2')}\n`;

if (update)
  describe('update', async () => {
    const engine = await chooseEngine('libxslt');
    afterAll(() => engine.dispose());
    test.each(pairs)('$name', async (pair) => {
      const output = await engine.transform(await engine.compile(readFileSync(pair.sheet, 'utf8')), pair.input);
      if (!pair.expected?.trim() || canonical(output) !== canonical(pair.expected))
        writeFileSync(pair.file, pretty(output));
    });
  });

test('a scan says as the sheet which VMs are templates: leases are granted on its word alone', async () => {
  const said = await goldenVms();
  for (const one of said)
    expect({ name: one.name, template: one.scan.template === true }).toEqual({
      name: one.name,
      template: one.document.template,
    });
  expect(new Set(said.map((one) => one.document.template))).toEqual(new Set([true, false]));
});

describe.skipIf(update).each(['libxslt', 'xslt-processor'] as const)('%s', async (name) => {
  const engine = await chooseEngine(name);
  afterAll(() => engine.dispose());
  test.each(pairs)('$name', async (pair) => {
    const output = await engine.transform(await engine.compile(readFileSync(pair.sheet, 'utf8')), pair.input);
    expect(canonical(output)).toBe(canonical(pair.expected ?? ''));
  });
});

describe.skipIf(update || !hasXsltproc)('xsltproc (skipped where it is not installed)', () => {
  test.each(pairs)('$name', (pair) => {
    const run = spawnSync('xsltproc', ['--nonet', '--novalid', pair.sheet, '-'], {
      input: pair.input,
      encoding: 'utf8',
    });
    expect(run.status, run.stderr).toBe(0);
    expect(canonical(run.stdout)).toBe(canonical(pair.expected ?? ''));
  });
});
