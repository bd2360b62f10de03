/** A document that its host's mapping cannot read: the rest of the host is there, and clients are told of no deletion. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { HubId } from '../../mappings/generic/ids.ts';
import type { NativeObject } from '../../mappings/generic/native.ts';
import { createLog } from '../../runtime/log.ts';
import { unwellOf } from '../../transform-server/admin/unwell.ts';
import { compose } from './composed.ts';
import { network, stateDirectory, vm, volume } from './memory.ts';

const BROKEN = '<Content-4f1c';
let state: ReturnType<typeof stateDirectory>;
let one: Awaited<ReturnType<typeof compose>>;
let lines: string[];
const open = async (): Promise<void> => {
  one = await compose(state.directory, createLog({ level: 'error', write: (line) => void lines.push(line) }));
};
beforeEach(async () => {
  state = stateDirectory();
  lines = [];
  await open();
});
afterEach(async () => {
  await one.server.close();
  state.remove();
});

const view = () => one.server.store.view('f');
const names = (): string[] =>
  view()
    .list('vm', one.host.id)
    .map(({ name }) => name);
const idOf = (native: string): HubId | undefined => view().find(one.host.id, 'vm', native)?.id;
const goneSince = (version: number) =>
  view()
    .changedSince(version)
    ?.filter(({ gone }) => gone);
const change = (object: NativeObject) =>
  one.api.changes(one.host.id, one.host.epoch, [{ change: 'put', object, hint: 'vm.changed' }]);
const told = (): string[] =>
  unwellOf(one.server.inspected.parts(), { fronts: new Map() } as never, 0)
    .filter(({ what }) => what === 'document')
    .map(({ text }) => text);

it('leaves out of a listing only what cannot be read, and names it without its content', async () => {
  await one.list([vm('u1', 'alpha'), vm('u2', BROKEN), volume('p/a', BROKEN), network('n', BROKEN), vm('u3', 'gamma')]);
  expect(one.server.store.listed(one.host.id)).toBe(true);
  expect(names()).toEqual(['alpha', 'gamma']);
  expect(told()).toEqual(['vm u2', 'volume p/a', 'network n'].map((key) => `one: ${key} cannot be read`));
  expect(lines).toHaveLength(3);
  expect(lines[0]).toContain('vm u2 cannot be read');
  expect(lines.join()).not.toContain('Content-4f1c');
});

it('takes it in once a change, or the next listing, can be read', async () => {
  await one.list([vm('u1', 'alpha'), vm('u2', BROKEN), vm('u3', BROKEN)]);
  await change(vm('u2', 'beta'));
  expect(names()).toEqual(['alpha', 'beta']);
  expect(told()).toEqual(['one: vm u3 cannot be read']);
  await one.list([vm('u1', 'alpha'), vm('u2', 'beta'), vm('u3', 'gamma')]);
  expect(names()).toEqual(['alpha', 'beta', 'gamma']);
  expect(told()).toEqual([]);
});

it('is not waited for when it is gone', async () => {
  await one.list([vm('u1', BROKEN), vm('u2', BROKEN)]);
  await one.api.changes(one.host.id, one.host.epoch, [{ change: 'gone', ref: { kind: 'vm', native: 'u1' } }]);
  expect(told()).toEqual(['one: vm u2 cannot be read']);
  await one.list([]);
  expect(told()).toEqual([]);
});

it('keeps a known object as last known, through changes and listings, with the changes that came along', async () => {
  await one.list([vm('u1', 'alpha'), vm('u2', 'beta')]);
  const id = idOf('u2');
  const { version } = view();
  await one.api.changes(one.host.id, one.host.epoch, [
    { change: 'put', object: vm('u2', BROKEN) },
    { change: 'put', object: vm('u1', 'alpha 2') },
  ]);
  expect(names()).toEqual(['alpha 2', 'beta']);
  await one.list([vm('u1', 'alpha 2'), vm('u2', BROKEN)]);
  expect(names()).toEqual(['alpha 2', 'beta']);
  expect(goneSince(version)).toEqual([]);
  expect(one.server.store.entry(id as HubId)?.stale).toBe(true);
  // As it was before.
  await change(vm('u2', 'beta'));
  expect([idOf('u2'), told()]).toEqual([id, []]);
  expect(one.server.store.entry(id as HubId)?.stale).toBe(false);
});

it('is not told as deleted after a restart either, and has its id again when it can be read', async () => {
  await one.list([vm('u1', 'alpha'), vm('u2', 'beta')]);
  const id = idOf('u2');
  const { version } = view();
  await one.server.close();
  await open();
  await one.list([vm('u1', 'alpha'), vm('u2', BROKEN)]);
  expect(names()).toEqual(['alpha']);
  expect(goneSince(version)).toEqual([]);
  await change(vm('u2', 'beta'));
  expect(idOf('u2')).toBe(id);
});
