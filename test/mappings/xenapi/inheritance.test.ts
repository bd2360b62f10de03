/** Programs that take the place of others under clients that follow events: an old token leads on, and nothing is told but what changed. */
import { expect, test } from 'vitest';
import { hubId } from '../../../mappings/generic/ids.ts';
import { bequeath, hasInheritance } from '../../../mappings/xenapi/broker/inheritance.ts';
import { World } from '../../../mappings/xenapi/broker/world.ts';
import { writeOwn } from '../../../mappings/xenapi/own-data.ts';
import { estate, from, HOST_METRICS, job, machine, pool, ref, sr, told, VM, VOLUME, vdi, vm } from './broker-estate.ts';
import { HOST, member } from './broker-fake.ts';

const OTHER = hubId('vm', 9);
const other = (name: string): string =>
  member('VM', ref('VM', OTHER), `<uuid>o</uuid><name_label>${name}</name_label>`);
const LOST = { error: ['EVENTS_LOST'] };

test('an old token leads on, however many programs there were, and tells what came, changed and went meanwhile', async () => {
  const at = estate();
  at.put(OTHER, other('other'));
  const { token } = await from(at, '');
  at.replace();
  const idle = await from(at, token);
  expect(told(idle)).toEqual([]);
  expect(Number.parseInt(idle.token, 10)).toBeGreaterThan(Number.parseInt(token, 10));
  at.replace();
  at.put(VM, machine('renamed', 'Halted', false));
  at.remove(OTHER);
  at.put(hubId('vm', 10), member('VM', ref('VM', hubId('vm', 10)), '<uuid>n</uuid>'));
  for (const one of [token, idle.token]) {
    const next = await from(at, one);
    expect(told(next)).toEqual(['add vm', 'del vbd', 'del vm', 'mod vdi', 'mod vm']);
    expect(next.events.find((event) => event.ref === vm)?.snapshot).toMatchObject({ name_label: 'renamed', VBDs: [] });
    expect(next.events.find((event) => event.operation === 'del' && event.class === 'vm')?.ref).toBe(ref('VM', OTHER));
    expect(told(await from(at, next.token))).toEqual([]);
  }
});

test('what changed before the end of the program and was not told yet is told by the next one', async () => {
  const at = estate();
  const { token } = await from(at, '');
  at.put(OTHER, other('short'));
  at.put(VM, machine('web', 'Running'));
  const middle = await from(at, token, ['vm']);
  at.remove(OTHER);
  writeOwn(at.context, vdi, 'tags', ['t']);
  expect(told(await from(at, middle.token))).toEqual(['del vm', 'mod vdi']);
  at.replace();
  expect(told(await from(at, middle.token))).toEqual(['del vm', 'mod vdi']);
  expect(told(await from(at, token))).toEqual(['mod host', 'mod vbd', 'mod vdi', 'mod vm']);
});

test('a wait that is asked again waits on, and a subscription of event.register leads on', async () => {
  const at = estate();
  await at.ask('event.register', { classes: ['vdi'] });
  const { token } = await from(at, '');
  at.replace();
  const answer = from(at, token, ['*'], 30);
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(at.waiting()).toBe(1);
  at.put(VOLUME, member('VDI', vdi, '<uuid>d</uuid><name_label>named</name_label>'));
  expect(told(await answer)).toContain('mod vdi');
  const next = (await at.ask('event.next', {})) as readonly { readonly ref: string }[];
  expect(next.map((one) => one.ref)).toEqual([vdi]);
});

test('tasks, fields of our own and measurements are no change', async () => {
  const at = estate();
  const { token: first } = await from(at, '');
  at.job(job({ state: 'success', finishedMs: at.context.now() }));
  writeOwn(at.context, pool, 'other_config', { barrier: '1' });
  at.setSlots(HOST, { memoryBytes: 100 });
  const { token } = await from(at, '', ['*']);
  await at.ask('host_metrics.get_record', { self: HOST_METRICS });
  at.elapse(5000);
  at.setSlots(HOST, { memoryBytes: 200 });
  at.replace();
  expect(told(await from(at, token))).toEqual([]);
  expect(told(await from(at, first))).toEqual(['add task', 'mod pool']);
});

test('in which order others came to refer to an object is no change', async () => {
  const at = estate();
  const image = (of: string): string => member('VDI', vdi, `<uuid>d</uuid><SR>${of}</SR>`);
  at.put(hubId('volume', 6), member('VDI', ref('VDI', hubId('volume', 6)), `<uuid>e</uuid><SR>${sr}</SR>`));
  await from(at, '');
  for (const of of [ref('SR', HOST), sr]) {
    at.put(VOLUME, image(of));
    await at.ask('SR.get_all', {});
  }
  const { token } = await from(at, '');
  at.replace();
  expect(told(await from(at, token))).toEqual([]);
});

test('many who ask at once while the new program reads are told alike', async () => {
  const at = estate();
  for (let n = 100; n < 400; n++)
    at.put(hubId('vm', n), member('VM', ref('VM', hubId('vm', n)), `<uuid>m${n}</uuid><name_label>m${n}</name_label>`));
  const { token } = await from(at, '');
  at.replace();
  at.put(VM, machine('web', 'Running'));
  const answers = await Promise.all(Array.from({ length: 20 }, () => from(at, token)));
  for (const answer of answers) expect(told(answer)).toEqual(['mod host', 'mod vbd', 'mod vdi', 'mod vm']);
});

test('a program that ends without a word leaves nothing, and what lay there from before it is not taken for the truth', async () => {
  const at = estate();
  const { token } = await from(at, '');
  at.startAnew();
  expect(await from(at, token)).toEqual(LOST);
  const later = await from(at, '');
  at.replace();
  // Asked for nothing, it has changed nothing: what lies there is still right.
  at.startAnew();
  expect(told(await from(at, later.token))).toEqual([]);
  at.startAnew();
  expect(await from(at, later.token)).toEqual(LOST);
});

test('what would be too much is not written down', () => {
  const { context } = estate();
  const world = new World(1);
  for (const n of [1, 2]) world.changes.gone({ cls: 'VM', ref: ref('VM', hubId('vm', n)), created: 1, version: 2 });
  for (const _ of bequeath(world, context, 1));
  expect(hasInheritance(context)).toBe(false);
  for (const _ of bequeath(world, context, 2));
  expect(hasInheritance(context)).toBe(true);
});
