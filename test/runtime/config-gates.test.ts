/** Gates in a configuration: what fits together is read, what does not is refused with its line. */
import { describe, expect, test } from 'vitest';
import { checkConfig, parseConfig } from '../../runtime/config.ts';
import { refusalOf } from '../refusal.ts';

const HOST = '[[host]]\nname = "h1"\nuri = "x://"\n';
const read = (text: string) => checkConfig(parseConfig(text, 'a.toml'), text, 'a.toml');
const refusal = (text: string): string => refusalOf(() => read(HOST + text));
const gate = (...lines: readonly string[]): string => ['[[gate]]', 'name = "sdk"', ...lines, ''].join('\n');
const front = (...lines: readonly string[]): string => ['[[front]]', 'platform = "p"', ...lines, ''].join('\n');

test('a gate and the front at it are read, addresses and names in one form', () => {
  const { gate: gates, front: fronts } = read(
    HOST +
      gate(
        'listen = ["0.0.0.0", "::"]',
        'port = 443',
        'proxyProtocol = true',
        'trusted = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"]',
        'passthrough = true',
        'to = "[2001:DB8::1]:8443"',
        'tlsMinVersion = "TLSv1.1"',
      ) +
      front('gate = "sdk"', 'at = ["192.0.2.11", "2001:DB8:0::11", "ESX1.example.org.", "192.0.2.12:443"]'),
  );
  expect(gates[0]).toMatchObject({
    listen: ['0.0.0.0', '::'],
    passthrough: true,
    to: { host: '2001:db8::1', port: 8443 },
    tlsMinVersion: 'TLSv1.1',
  });
  expect(fronts[0]?.at).toEqual([
    { host: '192.0.2.11' },
    { host: '2001:db8::11' },
    { host: 'esx1.example.org' },
    { host: '192.0.2.12', port: 443 },
  ]);
});

describe('is refused:', () => {
  test.each([
    ['an unknown key', gate('prot = 1'), 'a.toml:6: unknown key "prot"; did you mean "port"?'],
    ['a gate without port or socket', gate(), 'a.toml:5: gate sdk: it needs a port, or a socket'],
    ['a socket with a port', gate('port = 1', 'socket = "s"'), 'a.toml:7: gate sdk: a socket that is handed over'],
    ['a socket with a colon', gate('socket = "a:b"'), 'a.toml:6: gate.0.socket: no name of a socket'],
    ['two of one name', gate('port = 1') + gate('port = 2'), 'a.toml:8: two gates have the name "sdk"'],
    ['a name to listen on', gate('port = 1', 'listen = "localhost"'), 'a.toml:7: gate.0.listen: '],
    ['PROXY of anybody', gate('port = 1', 'proxyProtocol = true'), 'a.toml:7: gate sdk: proxyProtocol and trusted'],
    ['trust for nothing', gate('port = 1', 'trusted = ["::/0"]'), 'a.toml:7: gate sdk: proxyProtocol and trusted'],
    ['no network', gate('port = 1', 'proxyProtocol = true', 'trusted = ["10.0.0.0/33"]'), 'no network such as'],
    ['a place that nothing goes to', gate('port = 1', 'to = "a:1"'), 'a.toml:7: gate sdk: it needs passthrough'],
    [
      'a place without a port',
      gate('port = 1', 'passthrough = true', 'to = "a"'),
      'a.toml:8: gate sdk: it needs a port',
    ],
    ['a way back to itself', gate('port = 1', 'passthrough = true'), 'a.toml:7: gate sdk: whatever connects to'],
    ['an unknown TLS version', gate('port = 1', 'tlsMinVersion = "SSLv3"'), 'a.toml:7: gate.0.tlsMinVersion: '],
    [
      'a front at no gate',
      front('gate = "sdj"') + gate('port = 1'),
      'a.toml:6: front p: unknown gate "sdj"; did you mean "sdk"?',
    ],
    [
      'a front with a port of its own',
      gate('port = 1') + front('gate = "sdk"', 'port = 2'),
      'a.toml:10: front p: the gate accepts for it',
    ],
    ['a place without a gate', front('at = ["a"]'), 'a.toml:6: front p: "at" belongs to a front at a gate'],
    ['a place that is none', gate('port = 1') + front('gate = "sdk"', 'at = ["a b"]'), 'is no address or name'],
    ['a socket beside a port', front('socket = "s"', 'port = 1'), 'a.toml:6: front p: a socket that is handed over'],
    ['a certificate without its key', front('certificateFile = "a"'), 'a.toml:6: front p: certificateFile and keyFile'],
    ['TLS settings without TLS', front('tls = false', 'tlsMinVersion = "TLSv1"'), 'a.toml:7: front p: it has no TLS'],
  ])('%s', (_, text, says) => {
    expect(refusal(text)).toContain(says);
  });

  test('all that is wrong is told at once', () => {
    expect(refusal(gate() + front('gate = "x"')).split('\n')).toHaveLength(2);
  });
});
