/** mappings/COVERAGE.md is what the command tables say, and names every method of the API. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { commands } from '../../mappings/vim25/commands.ts';
import { methodNames } from '../../mappings/vim25/types.ts';
import { classNames, classOf } from '../../mappings/xenapi/types.ts';
import { coveragePage, loadedPlatforms } from '../../scripts/generate-coverage.ts';

const page = readFileSync(new URL('../../mappings/COVERAGE.md', import.meta.url), 'utf8');

test('the page is current: else run scripts/on-node node scripts/generate-coverage.ts', async () => {
  expect(page).toBe(coveragePage(await loadedPlatforms()));
});

test('every method of vim25 is named, each once', () => {
  const section = page.slice(page.indexOf('## vim25'), page.indexOf('## xenapi'));
  const words = section.match(/(?<=^\| |^Refused.*[:,] )\w+(?= \||[,.])/gm) ?? [];
  const named = new Set(words);
  expect(methodNames().length).toBeGreaterThan(1000);
  expect(methodNames().filter((name) => !named.has(name))).toEqual([]);
});

test('a changed row changes the page, a refusal without a reason is an error', async () => {
  const platforms = await loadedPlatforms();
  const vim25 = platforms.find((platform) => platform.name === 'vim25');
  if (vim25 === undefined) throw new Error('no vim25');
  const changed = {
    ...vim25,
    commands: commands.map((row) => (row.method === 'Rename_Task' ? { ...row, access: 'admin' as const } : row)),
  };
  expect(coveragePage([changed])).not.toBe(coveragePage([vim25]));
  const silent = { ...vim25, commands: [{ method: 'A', on: 'B', route: 'refuse', access: 'read' } as const] };
  expect(() => coveragePage([silent])).toThrow('without a reason');
});

test('every method of XenAPI is named', () => {
  const section = page.slice(page.indexOf('## xenapi'));
  const named = new Set(section.match(/\b[A-Za-z_]+\.\w+/g) ?? []);
  const methods = classNames.flatMap((name) => classOf(name)?.messages.map(({ wire }) => wire) ?? []);
  expect(methods.length).toBeGreaterThan(1500);
  expect(methods.filter((name) => !named.has(name))).toEqual([]);
});
