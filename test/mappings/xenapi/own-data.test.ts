/** Own data: fields and objects that no host keeps are read back with their versions, also by a program that starts anew. */
import { describe, expect, test } from 'vitest';
import { hubId } from '../../../mappings/generic/ids.ts';
import type { BrokerContext } from '../../../mappings/generic/platform.ts';
import { refOf, xenId } from '../../../mappings/xenapi/ids.ts';
import {
  dropOwnFields,
  ownChangedSince,
  ownFields,
  ownObject,
  ownObjects,
  putOwnObject,
  readOwn,
  removeOwnObject,
  writeOwn,
} from '../../../mappings/xenapi/own-data.ts';
import { ownIn } from '../own-texts.ts';

const front = { uuid: '0b1e5ce0-0000-4000-8000-000000000001' } as BrokerContext['front'];

const contextOf = (kept = new Map<string, string>(), from = 100) => {
  let version = from;
  return { front, own: ownIn(kept), nextVersion: () => ++version };
};

const sr = refOf(xenId('SR', hubId('storage', 3)), front);
const task = refOf(xenId('task', hubId('host', 1), 7), front);

describe('own data', () => {
  test('a field is written under a new version, read back, and taken away', () => {
    const context = contextOf();
    writeOwn(context, sr, 'other_config', { colour: 'red' });
    expect(readOwn(context, sr, 'other_config')).toEqual({ colour: 'red' });
    expect(ownFields(context, sr).get('other_config')?.version).toBe(101);
    expect(ownChangedSince(context, 100)).toEqual([{ ref: sr, version: 101, gone: false }]);
    expect(ownChangedSince(context, 101)).toEqual([]);
    writeOwn(context, sr, 'other_config', undefined);
    expect(readOwn(context, sr, 'other_config')).toBeUndefined();
    expect(ownChangedSince(context, 101)).toHaveLength(1);
  });

  test('an object keeps the version of its making, and its end is a change', () => {
    const context = contextOf();
    putOwnObject(context, task, { name_label: 'upload', status: 'pending' });
    putOwnObject(context, task, { status: 'success' });
    expect(ownObject(context, task)).toEqual({
      cls: 'task',
      ref: task,
      fields: { name_label: 'upload', status: 'success' },
      created: 101,
      version: 102,
    });
    expect(ownObjects(context, 'task')).toHaveLength(1);
    expect(ownObjects(context, 'VBD')).toHaveLength(0);
    expect(removeOwnObject(context, task)).toBe(true);
    expect(removeOwnObject(context, task)).toBe(false);
    expect(ownChangedSince(context, 102)).toEqual([{ ref: task, version: 103, gone: true }]);
  });

  test('all of it is there for the next run of the program', () => {
    const kept = new Map<string, string>();
    const before = contextOf(kept);
    writeOwn(before, sr, 'tags', ['a']);
    putOwnObject(before, task, { name_label: 'upload' });
    const after = contextOf(kept, 200);
    expect(readOwn(after, sr, 'tags')).toEqual(['a']);
    expect(ownObject(after, task)?.fields).toEqual({ name_label: 'upload' });
    dropOwnFields(after, sr);
    expect(readOwn(contextOf(kept), sr, 'tags')).toBeUndefined();
  });

  test('changes that were forgotten are said to be', () => {
    const context = contextOf();
    for (let n = 0; n <= 40_000; n++) writeOwn(context, sr, 'tags', [String(n)]);
    expect(ownChangedSince(context, 100)).toBeUndefined();
    expect(ownChangedSince(context, 40_000)).toHaveLength(101);
  });
});
