/** The first bytes of a connection: which server name or Host they ask for, in pieces of every size, from real TLS clients. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { readClientHello } from '../../../agent/intake/client-hello.ts';
import { nameIn, spokenIn } from '../../../agent/intake/opening.ts';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** What OpenSSL sends first. */
const helloOf = async (options: ConnectionOptions): Promise<Buffer> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = server.address();
  const client = connect({ ...options, host: '127.0.0.1', port: typeof at === 'object' ? (at?.port ?? 0) : 0 });
  client.on('error', () => {});
  const [socket] = await once(server, 'connection');
  const [bytes] = await once(socket, 'data');
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
};

/** The same handshake in records of at most `size` bytes (RFC 8446, 5.1). */
const inRecords = (hello: Buffer, size: number): Buffer => {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const piece = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, piece.length >> 8, piece.length & 255]), piece);
  }
  return Buffer.concat(records);
};

let named: Buffer;
let nameless: Buffer;
beforeAll(async () => {
  named = await helloOf({ servername: 'ESX1.Example.ORG' });
  nameless = await helloOf({});
});

describe('a ClientHello', () => {
  test('tells the server name, in lower case', async () => {
    expect(readClientHello(named)).toEqual({ serverName: 'esx1.example.org' });
    expect(readClientHello(nameless)).toEqual({ serverName: undefined });
    for (const version of ['TLSv1', 'TLSv1.2', 'TLSv1.3'] as const) {
      const old = await helloOf({
        servername: 'esx2.example.org',
        minVersion: version,
        maxVersion: version,
        ciphers: 'ALL@SECLEVEL=0',
      });
      expect([version, readClientHello(old)]).toEqual([version, { serverName: 'esx2.example.org' }]);
    }
  });

  test('is waited for until its last byte', () => {
    for (const hello of [named, nameless, inRecords(named, 1), inRecords(named, 100)])
      for (let length = 0; length < hello.length; length++)
        expect(readClientHello(hello.subarray(0, length))).toBeUndefined();
  });

  test('may lie in records of any size, and more may follow', () => {
    for (const size of [1, 2, 3, 7, 50, 100, 1000])
      expect(readClientHello(Buffer.concat([inRecords(named, size), latin1('\x16\x03')]))).toEqual({
        serverName: 'esx1.example.org',
      });
  });

  test.each([
    ['another record', latin1('\x17\x03\x03\0\x05hello')],
    ['an SSL version of long ago', latin1('\x16\x02\0\0\x05hello')],
    ['an empty record', latin1('\x16\x03\x01\0\0')],
    ['a record too long', latin1('\x16\x03\x01\xff\xff')],
    ['another message', latin1('\x16\x03\x01\0\x04\x02\0\0\0')],
    ['a message of 16 MiB', latin1('\x16\x03\x01\0\x04\x01\xff\xff\xff')],
    ['nothing in it', latin1('\x16\x03\x01\0\x04\x01\0\0\0')],
  ])('that is none, with %s, names nothing', (_, bytes) => {
    expect(readClientHello(bytes)).toEqual({ serverName: undefined });
  });

  test('with any byte changed is read or not, but never fails', () => {
    fc.assert(
      fc.property(fc.nat(named.length - 1), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const bytes = Buffer.from(named);
        bytes[at] = value;
        const read = readClientHello(bytes);
        if (read?.serverName !== undefined) expect(read.serverName).toMatch(/^[!-~]{1,255}$/);
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        const length = body.length;
        readClientHello(
          Buffer.concat([Buffer.from([22, 3, 1, 0, length + 4, 1, 0, 0, length]), body.subarray(0, length)]),
        );
      }),
      { numRuns: 2000 },
    );
  });
});

describe('what is spoken', () => {
  test.each([
    ['\x16\x03\x01', 'tls'],
    ['GET / HTTP/1.1\r\n', 'http'],
    ['POST /sdk HTTP/1.1\r\n', 'http'],
    ['OPTIONS * HTTP/1.1\r\n', 'http'],
    ['CONNECT h', 'http'],
    ['GET http://h/ HTTP/1.1', 'http'],
    ['', undefined],
    ['\x16', undefined],
    ['G', undefined],
    ['POST', undefined],
    ['POST ', undefined],
    ['SSH-2.0-OpenSSH_9.2\r\n', 'other'],
    ['\x16\x02', 'other'],
    // libvirt's remote protocol: the length of a packet, then its program number.
    ['\0\0\0\x1c\x20\0\x80\x86', 'other'],
    ['\0', 'other'],
    ['RFB 003.008\n', 'other'],
    ['get / HTTP/1.1\r\n', 'other'],
    ['ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'other'],
    ['EHLO example.org\r\n', 'other'],
  ])('%j: %s', (text, spoken) => {
    expect(spokenIn(latin1(text))).toBe(spoken);
  });
});

describe('a Host field', () => {
  test.each([
    ['GET / HTTP/1.1\r\nHost: Xen1.example.org\r\n\r\n', 'xen1.example.org'],
    ['GET / HTTP/1.1\r\nhost: xen1.example.org.:8080\r\n\r\nbody', 'xen1.example.org'],
    ['POST / HTTP/1.1\r\nA: b\r\nHost: [2001:DB8:0::1]:80\r\n\r\n', '2001:db8::1'],
    ['GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n', '192.0.2.1'],
    ['GET / HTTP/1.0\r\n\r\n', undefined],
    ['GET / HTTP/1.1\r\nHost: a b\r\n\r\n', undefined],
    ['GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', undefined],
  ])('of %j names %s', (text, name) => {
    expect(nameIn('http', latin1(text))).toEqual({ name });
    expect(nameIn('http', latin1(text.slice(0, text.indexOf('\r\n\r\n') + 3)))).toBeUndefined();
  });
});
