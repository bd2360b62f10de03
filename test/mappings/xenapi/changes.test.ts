/** The memory of changes under clients that make and destroy without end: nothing of what is gone is held but a short line, and those bounded. */
import { expect, test } from 'vitest';
import { Changes } from '../../../mappings/xenapi/broker/changes.ts';
import type { Item } from '../../../mappings/xenapi/broker/item.ts';

const items = new Map<string, Item>();
const item = (ref: string, version: number): Item => {
  const made = { cls: 'VM', ref, created: version, version } as Partial<Item> as Item;
  items.set(ref, made);
  return made;
};
const changesFrom = (floor: number, kept?: number): Changes => new Changes(floor, (ref) => items.get(ref), kept);
const all = (): boolean => true;
const told = (changes: Changes, version: number): string[] | undefined =>
  changes.since(version, all)?.map(({ operation, ref }) => `${operation} ${ref}`);

test('an object that changes for ever is one change, and what was told before it is still told', () => {
  const changes = changesFrom(0);
  changes.changed(item('still', 1));
  const busy = item('busy', 2);
  changes.changed(busy);
  for (let version = 3; version < 20_000; version++) {
    busy.version = version;
    changes.changed(busy);
  }
  expect(changes.size).toBeLessThan(2000);
  expect(told(changes, 0)).toEqual(['add still', 'add busy']);
  expect(told(changes, 2)).toEqual(['mod busy']);
  expect(changes.floor).toBe(0);
});

test('the records of what came and went are let go of; who is too far behind is told so', () => {
  const changes = changesFrom(0, 50);
  changes.changed(item('still', 1));
  let version = 1;
  for (let count = 0; count < 5000; count++) {
    const one = item(`passing ${count}`, ++version);
    changes.changed(one);
    changes.gone({ cls: 'VM', ref: one.ref, created: one.created, version: ++version });
  }
  expect(changes.size).toBeLessThan(2 * 51 + 1000 + 2);
  expect(told(changes, 0)).toBeUndefined();
  expect(told(changes, changes.floor)).toEqual([]);
  expect(told(changes, version - 2)).toEqual([]);
  expect(told(changes, version - 1)).toEqual(['del passing 4999']);
});

test('what is destroyed and made again under the same reference is told as it is now', () => {
  const changes = changesFrom(0, 10);
  changes.changed(item('a', 1));
  changes.gone({ cls: 'VM', ref: 'a', created: 1, version: 2 });
  changes.changed(item('a', 3));
  for (let version = 4; version < 3000; version++) changes.changed(item('other', version));
  expect(told(changes, 1)).toEqual(['add a', 'add other']);
  expect(told(changes, 3)).toEqual(['add other']);
});
