/** Records as they are kept: what is read of them comes back, whatever the text; secrets are not kept. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readKept, recordXml } from '../../../../mappings/xenapi/host/markup.ts';

const record = {
  uuid: 'u',
  name_label: 'a & <b> "c"\nd',
  power_state: 'Running',
  is_a_template: true,
  memory_static_max: '4294967296',
  other_config: { 'k "1"': 'v & w', b: '' },
  tags: ['y', 'x'],
  VBDs: ['OpaqueRef:d'],
  last_booted_record: 'large and of no use',
};

test('a record reads back; maps and sets have one order, what is not kept is not there', () => {
  const text = recordXml('vm', 'VM', 'OpaqueRef:v', record, '<vbd ref="OpaqueRef:d"><userdevice>0</userdevice></vbd>');
  const kept = readKept(text);
  expect(kept.ref).toBe('OpaqueRef:v');
  expect(kept.text('name_label')).toBe(record.name_label);
  expect(kept.bool('is_a_template')).toBe(true);
  expect(kept.number('memory_static_max')).toBe(4294967296);
  expect(kept.map('other_config')).toEqual(record.other_config);
  expect(kept.list('tags')).toEqual(['x', 'y']);
  expect(kept.joined('vbd').map((one) => one.text('userdevice'))).toEqual(['0']);
  expect(text).not.toMatch(/last_booted_record|VBDs/);
  const other = { ...record, other_config: { b: '', 'k "1"': 'v & w' }, tags: ['x', 'y'] };
  expect(recordXml('vm', 'VM', 'OpaqueRef:v', other)).toBe(recordXml('vm', 'VM', 'OpaqueRef:v', record));
});

test('any text that XML can hold reads back', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', '&', '<', '>', '"', "'", '\t', '\n', '\r', 'é', '名', '😀', ' '),
  });
  fc.assert(
    fc.property(text, text, (label, value) => {
      const kept = readKept(recordXml('vm', 'VM', 'r', { name_label: label, other_config: { [value]: label } }));
      expect(kept.text('name_label')).toBe(label);
      expect(kept.map('other_config')).toEqual({ [value]: label });
    }),
  );
});

test('what it takes to mount a storage is kept without its secrets', () => {
  const device_config = {
    location: '//server/share',
    username: 'me',
    cifspassword: 'no',
    password_secret: 'no',
    chappassword: 'no',
  };
  expect(readKept(recordXml('pbd', 'PBD', 'r', { device_config })).map('device_config')).toEqual({
    location: '//server/share',
    username: 'me',
  });
});
