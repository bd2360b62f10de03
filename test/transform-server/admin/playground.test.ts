/** The playground on objects of hosts: what it shows holds no secret, whatever a sheet makes of it. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { vm } from '../memory.ts';
import { type AdminRig, openRig } from './rig.ts';

let rig: AdminRig;

beforeEach(async () => {
  rig = await openRig();
  const machine = vm('u1', 'alpha');
  await rig.one.list([
    { ...machine, parts: { ...machine.parts, console: '<graphics type="vnc" passwd="of the console"/>' } },
    vm('u2', 'beta'),
  ]);
});
afterEach(() => rig.close());

it('takes the secrets of an object out before any sheet has it', async () => {
  const { items } = await rig.json<{ items: { id: string }[] }>('/objects?kind=vm&q=alpha');
  const body = { platform: 'invented', kind: 'object', document: items[0]?.id };
  const answer = await rig.ask('/playground', { method: 'POST', body: JSON.stringify(body) });
  const text = await answer.text();
  expect([answer.status, text]).toEqual([200, expect.stringContaining('[secret]')]);
  expect(text).not.toContain('of the console');
});

it('tells what is asked wrongly as such', async () => {
  const { items } = await rig.json<{ items: { id: string }[] }>('/objects?kind=vm');
  const base = { platform: 'invented', kind: 'object', document: items[0]?.id ?? '' };
  for (const [body, status] of [
    [{ ...base, document: 'vm-999' }, 404],
    [{ ...base, platform: 'toString' }, 422],
    [{ ...base, sheet: { id: 'none', text: '<a/>' } }, 422],
    [{ ...base, front: 'none' }, 422],
    [{ ...base, kind: 'golden', document: 'none' }, 422],
    [{ ...base, after: '<vm>' }, 422],
    [{ ...base, more: 1 }, 400],
    [{ ...base, document: '' }, 400],
    [{}, 400],
  ] as const) {
    const answer = await rig.ask('/playground', { method: 'POST', body: JSON.stringify(body) });
    const said = JSON.stringify(body);
    expect(`${said} ${answer.status}`).toBe(`${said} ${status}`);
  }
});

it('reads a document without an end in no time', async () => {
  for (const document of [
    `<native kind="vm" native="x">${'<part name="a">'.repeat(15_000)}`,
    `<native kind="vm" native="x"><part name="a">${' '.repeat(250_000)}`,
    `<native kind="vm" native="x">${'<fact name="'.repeat(20_000)}`,
    `${'<!--'.repeat(60_000)}`,
  ]) {
    const since = performance.now();
    const body = { platform: 'invented', kind: 'native', document };
    expect((await rig.ask('/playground', { method: 'POST', body: JSON.stringify(body) })).status).toBe(422);
    expect(performance.now() - since).toBeLessThan(3000);
  }
});
