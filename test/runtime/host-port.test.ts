/** Places on a network as people write them, and addresses in the one form that is compared. */
import { describe, expect, test } from 'vitest';
import { formatHostPort, parseHostPort, plainAddress } from '../../runtime/host-port.ts';

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['::FFFF:c000:207', '192.0.2.7'],
  ['2001:DB8:0:0::0007', '2001:db8::7'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::', '::'],
  ['', ''],
])('%s is compared as %s', (address, plain) => {
  expect(plainAddress(address)).toBe(plain);
});

describe('a place', () => {
  test.each([
    ['192.0.2.7', { host: '192.0.2.7' }],
    ['192.0.2.7:443', { host: '192.0.2.7', port: 443 }],
    ['2001:DB8::7', { host: '2001:db8::7' }],
    ['[2001:db8::7]', { host: '2001:db8::7' }],
    ['[2001:db8:0::7]:443', { host: '2001:db8::7', port: 443 }],
    ['Host.Example', { host: 'host.example' }],
    ['host.example.:8443', { host: 'host.example', port: 8443 }],
    ['host', { host: 'host' }],
  ])('%s', (text, place) => {
    expect(parseHostPort(text)).toEqual(place);
    expect(parseHostPort(formatHostPort(place))).toEqual(place);
  });

  test.each([
    '',
    ':443',
    'host:',
    'host:0',
    'host:65536',
    '[192.0.2.7]:1',
    '[::1',
    '192.0.2.300',
    '1.2.3',
    'a b',
    'a..b',
    '-a',
    'http://a',
    'a/b',
    `${'a'.repeat(300)}`,
  ])('"%s" is none', (text) => {
    expect(parseHostPort(text)).toBeUndefined();
  });
});
