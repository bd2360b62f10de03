/** A sheet's bundle in, records of the whole data model out: every field, in order, by its type; as XML-RPC and as JSON. */
import { describe, expect, test } from 'vitest';
import { decodeResponse } from '../../../mappings/wire/xmlrpc.ts';
import { jsonOfRecord } from '../../../mappings/xenapi/broker/transcode.ts';
import { indexRecord, splitBundle } from '../../../mappings/xenapi/render/bundle.ts';
import { recordFields } from '../../../mappings/xenapi/types.ts';

const ref = 'OpaqueRef:50af7d5f-b932-8928-aa5e-126548276d55';
const bundle = (type: string, fields: string): string =>
  `<bundle><member type="${type}" id="${ref}">${fields}</member></bundle>`;

const only = (type: string, fields: string): { text: string; json: Record<string, unknown> } => {
  const [member] = splitBundle(bundle(type, fields));
  if (!member) throw new Error('no member');
  expect(member).toMatchObject({ type, id: ref });
  return { text: member.text, json: JSON.parse(jsonOfRecord(type, member.text)) as Record<string, unknown> };
};

/** As a client's XML-RPC reader sees it. */
const decoded = (text: string): Map<string, unknown> => {
  const xml = `<?xml version="1.0"?><methodResponse><params><param><value><struct>${text}</struct></value></param></params></methodResponse>`;
  const answer = decodeResponse(xml, { maxBytes: 1e7 });
  if (!answer.ok) throw new Error(answer.fault.text);
  return answer.response.value as unknown as Map<string, unknown>;
};

describe('records', () => {
  test('have every field of the data model, in its order, whatever a sheet leaves out', () => {
    for (const type of ['VM', 'host', 'pool', 'VDI', 'task', 'SM']) {
      const names = recordFields(type).map(({ name }) => name);
      const { text, json } = only(type, '<uuid>u1</uuid>');
      expect([...decoded(text).keys()]).toEqual(names);
      expect(Object.keys(json)).toEqual(names);
    }
  });

  test('what nobody set is the null reference, an empty set, an empty map, false, never', () => {
    const { json, text } = only('VM', '');
    expect(json).toMatchObject({
      snapshot_of: 'OpaqueRef:NULL',
      VBDs: [],
      other_config: {},
      is_a_template: false,
      HVM_shadow_multiplier: 1,
      user_version: 0,
      snapshot_time: '19700101T00:00:00Z',
      power_state: 'Halted',
    });
    expect(text).toContain('<member><name>name_label</name><value></value></member>');
    expect(text).not.toContain('<string>');
  });

  test('values are encoded by their types and survive both encodings', () => {
    const { json, text } = only(
      'VM',
      '<name_label>a &lt;b&gt; &amp; "c" \\ ü</name_label><memory_static_max>10995116277760</memory_static_max>' +
        '<is_a_template>true</is_a_template><VBDs><i>OpaqueRef:1</i><i>OpaqueRef:2</i></VBDs>' +
        '<other_config><e k="x &quot;y&quot; &#10;">v &amp; w</e><e k="empty"/></other_config>' +
        '<snapshot_time>20261121T09:30:00Z</snapshot_time><affinity/>',
    );
    const expected = {
      name_label: 'a <b> & "c" \\ ü',
      memory_static_max: 10995116277760,
      is_a_template: true,
      VBDs: ['OpaqueRef:1', 'OpaqueRef:2'],
      other_config: { 'x "y" \n': 'v & w', empty: '' },
      snapshot_time: '20261121T09:30:00Z',
      affinity: 'OpaqueRef:NULL',
    };
    expect(json).toMatchObject(expected);
    const xml = decoded(text);
    expect(xml.get('name_label')).toBe(expected.name_label);
    // Integers are text on this wire.
    expect(xml.get('memory_static_max')).toBe('10995116277760');
    expect(xml.get('is_a_template')).toBe(true);
    expect([...(xml.get('other_config') as Map<string, unknown>)]).toEqual(Object.entries(expected.other_config));
  });

  test('integers beyond what a number holds are written digit by digit', () => {
    const [member] = splitBundle(bundle('VDI', '<virtual_size>9223372036854775807</virtual_size>'));
    expect(jsonOfRecord('VDI', member?.text ?? '')).toContain('"virtual_size":9223372036854775807,');
  });

  test('a field or class that the data model does not have is an error of the sheet', () => {
    expect(() => splitBundle(bundle('VM', '<no_such_field>1</no_such_field>'))).toThrow('VM.no_such_field');
    expect(() => splitBundle(bundle('Toaster', '<uuid/>'))).toThrow('Toaster');
    expect(() => splitBundle(bundle('VM', '<memory_target>1e9</memory_target>'))).toThrow('no integer');
    expect(() => splitBundle('<html/>')).toThrow('no bundle');
  });

  test('the index finds every field, also one whose neighbour is a map with keys named like fields', () => {
    const [member] = splitBundle(
      bundle('VM', '<other_config><e k="domid">7</e><e k="uuid">8</e></other_config><domid>-1</domid><uuid>u1</uuid>'),
    );
    const text = member?.text ?? '';
    const { paths, spans } = indexRecord(text);
    expect(paths).toEqual(recordFields('VM').map(({ name }) => name));
    const inner = (name: string): string => {
      const at = paths.indexOf(name) * 4;
      return text.slice(spans[at + 2], spans[at + 3]);
    };
    expect(inner('domid')).toBe('-1');
    expect(inner('uuid')).toBe('u1');
    expect(inner('other_config')).toContain('<name>domid</name><value>7</value>');
    for (let at = 0; at < paths.length; at++)
      expect(text.slice(spans[at * 4], spans[at * 4 + 1])).toMatch(/^<member><name>.*<\/value><\/member>$/s);
  });
});
