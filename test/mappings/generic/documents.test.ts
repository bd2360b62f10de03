// Generic documents: what is written is read back; anything unexpected is refused.
import { expect, test } from 'vitest';
import { formatDocument, parseDocument } from '../../../mappings/generic/documents.ts';
import type { Network } from '../../../mappings/generic/model.ts';

const network: Network = {
  name: 'lan & <co> "ü"',
  uuid: 'u',
  bridge: 'br0',
  mode: 'bridge',
  active: true,
  autostart: false,
  mtu: 9000,
  portgroups: [
    { name: 'a', vlan: 4 },
    { name: 'b\r\nc', vlan: 0 },
  ],
  uplinks: ['eth0', ''],
};

test('what is written is read back', () => {
  expect(parseDocument('network', formatDocument('network', network))).toEqual(network);
});

test('indentation between elements and a declaration are ignored', () => {
  const text =
    '<?xml version="1.0"?>\n<network>\n  <name>a</name>\n  <portgroup>\n <name>p</name><vlan>1</vlan></portgroup>\n</network>\n';
  expect(parseDocument('network', text)).toMatchObject({
    name: 'a',
    portgroups: [{ name: 'p', vlan: 1 }],
    uplinks: [],
  });
});

test.each(['<network><nme>a</nme></network>', '<network><mtu>x</mtu></network>', '<network><name>a', '<vm/>'])(
  '%s is refused',
  (text) => {
    expect(() => parseDocument('network', text)).toThrow(/generic document/);
  },
);
