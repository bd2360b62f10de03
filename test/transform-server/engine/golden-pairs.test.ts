/** Golden files pair up by name: to-generic, a host's change, a front's rendering; a file without a role is told. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { goldenPairs, parseNative } from '../../golden-pairs.ts';
import { PLATFORMS } from './made-up-platform.ts';

const NATIVE =
  '<native kind="network" native="a&amp;b">\n<fact name="up" type="boolean">true</fact><fact name="n" type="number">3</fact>\n<part name="net">\n<net name="x" uuid="u" bridge="b"/>\n</part></native>';
const GENERIC =
  '<network><name>x</name><uuid>u</uuid><bridge>b</bridge><mode>nat</mode><active>true</active><autostart>false</autostart></network>\n';

const directoryOf = (files: Readonly<Record<string, string>>): string => {
  const root = mkdtempSync(join(tmpdir(), 'golden-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'made-up', 'documents'), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, 'made-up', 'documents', name), text);
  return root;
};

test('a native file is its facts and parts', () => {
  expect(parseNative(NATIVE)).toEqual({
    kind: 'network',
    native: 'a&b',
    parts: { net: '<net name="x" uuid="u" bridge="b"/>' },
    facts: { up: true, n: 3 },
  });
  expect(() => parseNative('<domain/>')).toThrow('starts with');
});

test('files pair up by name', async () => {
  const root = directoryOf({
    'case.native.xml': NATIVE,
    'case.generic.xml': GENERIC,
    'case+name.change.xml': GENERIC.replace('<name>x', '<name>y'),
    'case.made-up.xml': '<Net/>',
    'case.joins.json': '{"owned":[["nic","m1","nic-7"]]}',
  });
  const pairs = await goldenPairs(root, PLATFORMS);
  expect(pairs.map(({ name, expected }) => [name, expected])).toEqual([
    ['made-up/case+name.changed.xml', undefined],
    ['made-up/case.made-up.xml', '<Net/>'],
    ['made-up/case.generic.xml', GENERIC],
  ]);
  expect(pairs[0]?.input).toContain('<name>y</name>');
  expect(pairs[1]?.input).toContain('owned="nic-7"');
  expect(pairs[2]?.input).toBe('<net name="x" uuid="u" bridge="b"/>');
});

test('a file without a role is told', async () => {
  await expect(goldenPairs(directoryOf({ 'case.nativ.xml': NATIVE }), PLATFORMS)).rejects.toThrow('no role');
});
