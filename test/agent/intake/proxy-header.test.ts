/** The PROXY protocol: what load balancers write is read, what is cut short waits, what is anything else is refused. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Endpoint, mayName, readProxyHeader } from '../../../agent/intake/proxy-header.ts';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const SIGNATURE = latin1('\r\n\r\n\0\r\nQUIT\n');
const REST = latin1('GET / HTTP/1.1\r\n');

const addressBytes = ({ address }: Endpoint): number[] =>
  address.includes(':')
    ? (() => {
        const [left = '', right] = address.split('::');
        const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
        const gap = right === undefined ? 0 : 8 - groups(left).length - groups(right).length;
        return [...groups(left), ...Array.from({ length: gap }, () => '0'), ...groups(right ?? '')].flatMap((group) => {
          const value = Number.parseInt(group, 16);
          return [value >> 8, value & 255];
        });
      })()
    : address.split('.').map(Number);

const v2 = (command: number, family: number, body: readonly number[], length = body.length): Buffer =>
  Buffer.concat([SIGNATURE, Buffer.from([0x20 | command, family, length >> 8, length & 255]), Buffer.from(body)]);
const ports = (...values: readonly number[]): number[] => values.flatMap((value) => [value >> 8, value & 255]);
const v2Of = (client: Endpoint, destination: Endpoint, tlvs: readonly number[] = []): Buffer =>
  v2(1, client.address.includes(':') ? 0x21 : 0x11, [
    ...addressBytes(client),
    ...addressBytes(destination),
    ...ports(client.port, destination.port),
    ...tlvs,
  ]);
const v1Of = (client: Endpoint, destination: Endpoint): Buffer =>
  latin1(
    `PROXY TCP${client.address.includes(':') ? 6 : 4} ${client.address} ${destination.address} ${client.port} ${destination.port}\r\n`,
  );

const FOUR: readonly [Endpoint, Endpoint] = [
  { address: '198.51.100.7', port: 50_001 },
  { address: '192.0.2.11', port: 443 },
];
const SIX: readonly [Endpoint, Endpoint] = [
  { address: '2001:db8::7', port: 65_535 },
  { address: '2001:db8:1::11', port: 443 },
];

const HEADERS: readonly (readonly [string, Buffer, readonly [Endpoint, Endpoint] | undefined])[] = [
  ['version 1, IPv4', v1Of(...FOUR), FOUR],
  ['version 1, IPv6', v1Of(...SIX), SIX],
  [
    'version 1, the longest line of IPv6',
    latin1(
      'PROXY TCP6 ffff:f0ff:ffff:ffff:ffff:ffff:ffff:ffff ffff:f0ff:ffff:ffff:ffff:ffff:ffff:fffe 65535 65535\r\n',
    ),
    [
      { address: 'ffff:f0ff:ffff:ffff:ffff:ffff:ffff:ffff', port: 65_535 },
      { address: 'ffff:f0ff:ffff:ffff:ffff:ffff:ffff:fffe', port: 65_535 },
    ],
  ],
  ['version 1, unknown, as of a health check', latin1('PROXY UNKNOWN\r\n'), undefined],
  ['version 1, unknown, with what is to be ignored', latin1('PROXY UNKNOWN ffff::1 ::1 1 2\r\n'), undefined],
  ['version 2, IPv4', v2Of(...FOUR), FOUR],
  ['version 2, IPv6', v2Of(...SIX), SIX],
  ['version 2, IPv4 with TLVs', v2Of(...FOUR, [0x04, 0, 3, 1, 2, 3]), FOUR],
  [
    'version 2, an IPv4 address written as IPv6',
    v2(1, 0x21, [
      ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 198, 51, 100, 7],
      ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 11],
      ...ports(50_001, 443),
    ]),
    FOUR,
  ],
  ['version 2, LOCAL without addresses', v2(0, 0, []), undefined],
  ['version 2, LOCAL with addresses', v2(0, 0x11, [1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 0, 2]), undefined],
  ['version 2, unspecified family', v2(1, 0, [1, 2, 3]), undefined],
  [
    'version 2, a Unix socket',
    v2(
      1,
      0x31,
      Array.from({ length: 216 }, () => 65),
    ),
    undefined,
  ],
];

describe.each(HEADERS)('%s', (_, header, named) => {
  test('is read, and leaves what follows', () => {
    const read = readProxyHeader(Buffer.concat([header, REST]));
    const [client, destination] = named ?? [];
    expect(read).toEqual({
      kind: 'header',
      bytes: header.length,
      named: named === undefined ? undefined : { client, destination },
    });
  });
  test('waits at every place where it may be cut', () => {
    for (let length = 0; length < header.length; length++)
      expect([length, readProxyHeader(header.subarray(0, length)).kind]).toEqual([length, 'more']);
  });
});

test.each([
  ['TLS', latin1('\x16\x03\x01')],
  ['HTTP', REST],
  ['another word', latin1('PROXIED TCP4 ')],
  ['no family', latin1('PROXY \r\n')],
  ['an unknown family', latin1('PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n')],
  ['IPv6 as IPv4', latin1('PROXY TCP4 ::1 ::1 1 2\r\n')],
  ['IPv4 as IPv6', latin1('PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n')],
  ['a port with a leading zero', latin1('PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n')],
  ['a port too large', latin1('PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n')],
  ['a port too few', latin1('PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n')],
  ['a word too many', latin1('PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n')],
  ['two spaces', latin1('PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n')],
  ['a line end of one byte', latin1('PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n')],
  ['a line that does not end', latin1(`PROXY UNKNOWN ${'x'.repeat(93)}`)],
  ['a line too long', latin1(`PROXY UNKNOWN ${'x'.repeat(100)}\r\n`)],
  ['version 3', Buffer.concat([SIGNATURE, Buffer.from([0x31, 0x11, 0, 12])])],
  ['an unknown command', v2(2, 0x11, [1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 0, 2])],
  ['IPv4 that is too short', v2(1, 0x11, [1, 2, 3, 4])],
  ['IPv6 that is too short', v2(1, 0x21, [1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 0, 2])],
  ['64 KiB of TLVs', v2(1, 0x11, [], 65_535)],
])('%s is refused', (_, bytes) => {
  expect(readProxyHeader(bytes)).toEqual({ kind: 'malformed' });
});

const port = fc.integer({ min: 0, max: 65_535 });
const four = fc.ipV4();
const six = fc.uint8Array({ minLength: 16, maxLength: 16 });

test('whatever addresses a balancer writes are those that are read, in both versions', () => {
  fc.assert(
    fc.property(four, four, port, port, (from, to, fromPort, toPort) => {
      const ends = [
        { address: from, port: fromPort },
        { address: to, port: toPort },
      ] as const;
      const named = { client: ends[0], destination: ends[1] };
      for (const header of [v1Of(...ends), v2Of(...ends)])
        expect(readProxyHeader(Buffer.concat([header, REST]))).toEqual({ kind: 'header', bytes: header.length, named });
    }),
  );
  fc.assert(
    fc.property(six, six, port, port, (from, to, fromPort, toPort) => {
      const header = v2(1, 0x21, [...from, ...to, ...ports(fromPort, toPort)]);
      const read = readProxyHeader(header);
      if (read.kind !== 'header' || read.named === undefined) throw new Error(read.kind);
      const { client, destination } = read.named;
      if (client.address.includes('.')) return; // IPv4 in IPv6
      expect([addressBytes(client), client.port, destination.port]).toEqual([[...from], fromPort, toPort]);
    }),
  );
});

test('no bytes make it fail, and none make it read more than there is', () => {
  const start = fc.constantFrom('', 'PROXY ', 'PROXY TCP4 ', 'PROXY TCP6 ', SIGNATURE.toString('latin1'));
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 300 }), (begin, more) => {
      const bytes = Buffer.concat([latin1(begin), more]);
      const read = readProxyHeader(bytes);
      if (read.kind === 'header') expect(read.bytes).toBeLessThanOrEqual(bytes.length);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['10.0.0.1', '127.0.0.1', false],
  ['10.0.0.1', '127.9.9.9', false],
  ['10.0.0.1', '0.0.0.0', false],
  ['2001:db8::1', '::1', false],
  ['2001:db8::1', '::', false],
  ['10.0.0.1', '::1', false],
  ['10.0.0.1', '192.0.2.1', true],
  ['2001:db8::1', '2001:db8::2', true],
  ['10.0.0.1', undefined, true],
  ['127.0.0.1', '127.0.0.1', true],
  ['::1', '127.0.0.1', true],
])('a load balancer at %s may lead to %s: %s', (balancer, destination, may) => {
  expect(mayName(balancer, destination)).toBe(may);
});
