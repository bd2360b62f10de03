/** A sheet that one of several servers takes is judged and used by all of them, with the project's own platforms. */
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { PLATFORMS } from '../../../mappings/platforms.ts';
import { systemClock } from '../../../runtime/clock.ts';
import { createLog } from '../../../runtime/log.ts';
import { type Member, openMember } from '../../../transform-server/cells/member.ts';
import { contentHash } from '../../../transform-server/engine/mapping-files.ts';
import type { ReloadReport } from '../../../transform-server/engine/reload.ts';
import { temporaryFolder } from '../../temporary.ts';
import { createWorld, type SharedServer } from './world.ts';

const ID = 'libvirt.to-generic.vm';
const PATH = 'mappings/libvirt/to-generic/vm.xsl';
const PROGRAM = fileURLToPath(new URL('../../../', import.meta.url));
const LIMIT = { timeout: 30_000, interval: 100 };
const members: Member[] = [];
afterEach(async () => {
  for (const one of members.splice(0)) await one.close();
});

const open = async (state: SharedServer) => {
  const lines: string[] = [];
  const member = await openMember({
    state,
    platforms: PLATFORMS,
    clock: systemClock,
    log: createLog({ write: (line) => lines.push(line) }),
    program: PROGRAM,
    dial: () => Promise.reject(new Error('nobody is there')),
  });
  members.push(member);
  const sheet = async () => {
    const found = (await member.inspected.library.sheets()).find(({ id }) => id === ID);
    if (found === undefined) throw new Error('there is no such sheet');
    return found;
  };
  const change = async (text: string | undefined, by: string): Promise<ReloadReport> =>
    member.inspected.library.change(await sheet(), text, by);
  return { sheet, change, log: () => lines.join('') };
};
const better = (text: string): string => text.replace('</xsl:stylesheet>', '<!-- better --></xsl:stylesheet>');
const worse = (text: string): string => text.replace('<name><xsl:value-of', '<name>worse-<xsl:value-of');

test('it is in use at each, at one that joins later, and withdrawn at each', { timeout: 90_000 }, async () => {
  const world = createWorld(temporaryFolder());
  const [one, two] = [await open(world.join('one')), await open(world.join('two'))];
  const own = (await one.sheet()).text;
  expect(await one.change(better(own), 'ada')).toMatchObject({ changed: [PATH], refused: [] });
  await expect.poll(async () => (await two.sheet()).text, LIMIT).toBe(better(own));
  expect((await two.sheet()).changedHere).toMatchObject({ by: 'ada', outdated: false });
  expect(two.log()).toContain(`as another server has them: ${PATH}`);

  const three = await open(world.join('three'));
  expect((await three.sheet()).text).toBe(better(own));
  expect(await three.change(undefined, 'eve')).toMatchObject({ changed: [PATH], refused: [] });
  for (const other of [one, two]) {
    await expect.poll(async () => (await other.sheet()).text, LIMIT).toBe(own);
    expect((await other.sheet()).changedHere).toBeUndefined();
  }
});

test('each server judges for itself, and one that refuses goes on with what it had, and says so', {
  timeout: 90_000,
}, async () => {
  const world = createWorld(temporaryFolder());
  const one = await open(world.join('one'));
  const own = (await one.sheet()).text;
  // As a server with other golden pairs might.
  const sheet = { path: PATH, text: worse(own), base: contentHash(own), by: 'eve', atMs: 1 };
  expect(await world.join('two').texts.write(0, `sheet ${PATH}`, JSON.stringify(sheet))).toBe(true);
  await expect.poll(one.log, LIMIT).toContain('unlike those of other servers');
  expect((await one.sheet()).text).toBe(own);
  const late = await open(world.join('late'));
  expect((await late.sheet()).text).toBe(own);
  // What is withdrawn elsewhere troubles nobody any more.
  expect(await one.change(better(own), 'ada')).toMatchObject({ changed: [PATH], refused: [] });
  await expect.poll(async () => (await late.sheet()).text, LIMIT).toBe(better(own));
});

test('of two changes at once one is taken, and the other is told to look again', { timeout: 90_000 }, async () => {
  const world = createWorld(temporaryFolder());
  const [one, two] = [await open(world.join('one')), await open(world.join('two'))];
  const own = (await one.sheet()).text;
  const reports = await Promise.all([one.change(better(own), 'ada'), two.change(`${better(own)}<!-- two -->`, 'eve')]);
  const refused = reports.flatMap((report) => report.refused);
  expect(refused).toEqual([{ name: PATH, why: expect.stringMatching(/another server changed a sheet meanwhile/) }]);
  const winner = reports[0]?.refused.length === 0 ? 'ada' : 'eve';
  for (const server of [one, two])
    await expect.poll(async () => (await server.sheet()).changedHere?.by, LIMIT).toBe(winner);
});
