/** What a client writes for an object leads back to that object, and to nothing of another front. */
import { describe, expect, it } from 'vitest';
import { hubId } from '../../mappings/generic/ids.ts';
import type { FrontInstance } from '../../mappings/generic/platform.ts';
import { vim25 } from '../../mappings/vim25/platform.ts';
import { refOf, uuidOf, xenId } from '../../mappings/xenapi/ids.ts';
import { xenapi } from '../../mappings/xenapi/platform.ts';

const UUID = 'e5a99757-96e3-87ba-a667-d5ca7b1a6d8a';
const front = (uuid: string) => ({ name: 'f', host: hubId('host', 1), uuid }) as FrontInstance;
const here = front('9fad7b86-7972-4abb-996c-af4454d2bf49');
const elsewhere = front('b9c17ad7-dd85-41c4-883e-78f95f96be60');

describe('vim25', () => {
  const text = `<name>a</name><config><uuid>${UUID}</uuid><instanceUuid>b5a99757-96e3-87ba-a667-d5ca7b1a6d8a</instanceUuid></config>`;
  const names = vim25.clientNames?.of({ type: 'VirtualMachine', id: '17', text }) ?? [];

  it('knows a machine by its reference, as govc prints it, and by both of its UUIDs', () => {
    expect(names.map((one) => one.text)).toEqual([
      '17',
      'VirtualMachine:17',
      UUID,
      'b5a99757-96e3-87ba-a667-d5ca7b1a6d8a',
    ]);
    const [value, typed, ...uuids] = names.map((one) => vim25.clientNames?.find(one.text, here));
    expect([value, typed]).toEqual([{ id: 'vm-17' }, { id: 'vm-17' }]);
    for (const found of uuids) expect(found?.uuids).toContain(UUID);
  });

  it('knows other objects by their values alone, the host by its furniture, and nothing by anything else', () => {
    expect(vim25.clientNames?.find('datastore-5', here)).toEqual({ id: 'storage-5' });
    expect(vim25.clientNames?.find('ha-host', here)).toEqual({ id: 'host-1' });
    for (const text of ['', ':', 'VirtualMachine:', '017', 'constructor', 'ha-folder-root'])
      expect([text, vim25.clientNames?.find(text, here)]).toEqual([text, undefined]);
  });
});

describe('xenapi', () => {
  const id = xenId('VM', hubId('vm', 17));
  it('knows an object and its parts by reference and uuid, of this front alone', () => {
    const text = `<member><name>uuid</name><value>${UUID}</value></member>`;
    expect(xenapi.clientNames?.of({ type: 'VM', id: refOf(id, here), text })).toEqual([
      { what: 'reference', text: refOf(id, here) },
      { what: 'uuid', text: UUID },
    ]);
    expect(xenapi.clientNames?.find(refOf(id, here), here)).toEqual({ id: 'vm-17' });
    expect(xenapi.clientNames?.find(uuidOf(xenId('VBD', hubId('vm', 17), 2), here), here)).toEqual({ id: 'vm-17' });
    expect(xenapi.clientNames?.find(UUID, here)).toEqual({ uuids: [UUID] });
    expect(xenapi.clientNames?.find(refOf(id, here), elsewhere)).toBeUndefined();
    expect(xenapi.clientNames?.find('OpaqueRef:NULL', here)).toBeUndefined();
  });
});
