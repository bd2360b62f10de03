/** Requests out of bytes: framing, bounds, what is refused, and that pieces make no difference. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRequestReader, type Item } from '../../../agent/http/reader.ts';

const LIMITS = { headBytes: 1024, fields: 16 };

type Seen = {
  readonly requests: {
    method: string;
    path: string;
    query: string;
    headers: Record<string, string | undefined>;
    body: string;
    whole: boolean;
  }[];
  readonly status: number;
  readonly atRest: boolean;
};

const readPieces = (pieces: readonly Buffer[]): Seen => {
  const reader = createRequestReader(LIMITS);
  const requests: Seen['requests'] = [];
  let status = 0;
  for (const piece of pieces) {
    reader.push(piece);
    for (let item: Item | undefined = reader.next(); item !== undefined; item = reader.next()) {
      const last = requests.at(-1);
      if (item.kind === 'head') {
        const { method, path, query, headers } = item.head;
        requests.push({ method, path, query, headers: { ...headers }, body: '', whole: false });
      } else if (item.kind === 'refused') status = item.status;
      else if (last === undefined || last.whole) throw new Error('a body without a head');
      else if (item.kind === 'body') last.body += item.bytes.toString('latin1');
      else last.whole = true;
    }
  }
  return { requests, status, atRest: reader.atRest() };
};
const read = (text: string): Seen => readPieces([Buffer.from(text, 'latin1')]);
const statusOf = (text: string): number => read(text).status;

const cut = (bytes: Buffer, at: readonly number[]): Buffer[] => {
  const edges = [...new Set(at.map((n) => n % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...edges].map((from, n) => bytes.subarray(from, edges[n] ?? bytes.length));
};

describe('framing', () => {
  test('requests follow each other on a connection, with and without bodies', () => {
    const { requests, status, atRest } = read(
      'GET /a?b=c?d HTTP/1.1\r\nHost: x\r\n\r\n' +
        '\r\nPOST /p HTTP/1.1\r\nhost:x\r\nContent-Length: 3\r\n\r\nabc' +
        'PUT /q HTTP/1.1\r\nHOST:\t x \t\r\nTransfer-Encoding: Chunked\r\n\r\n3;a="b"\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n' +
        'GET http://host:1/z HTTP/1.1\r\nHost: x\r\nCookie: a=1\r\nX: 1\r\nCookie: b=2\r\nx: 2\r\n\r\n',
    );
    expect(status).toBe(0);
    expect(atRest).toBe(true);
    expect(requests).toMatchObject([
      { method: 'GET', path: '/a', query: 'b=c?d', body: '', whole: true },
      { method: 'POST', path: '/p', query: '', body: 'abc', whole: true },
      { method: 'PUT', path: '/q', headers: { host: 'x' }, body: 'abc0123456789', whole: true },
      { method: 'GET', path: '/z', headers: { cookie: 'a=1; b=2', x: '1, 2' }, whole: true },
    ]);
  });
  test('keep-alive by version and field', () => {
    const keeps = (text: string): boolean | undefined => {
      const reader = createRequestReader(LIMITS);
      reader.push(Buffer.from(text));
      const item = reader.next();
      return item?.kind === 'head' ? item.head.keepAlive : undefined;
    };
    expect(keeps('GET / HTTP/1.1\r\nHost: x\r\n\r\n')).toBe(true);
    expect(keeps('GET / HTTP/1.1\r\nHost: x\r\nConnection: TE, Close\r\n\r\n')).toBe(false);
    expect(keeps('GET / HTTP/1.0\r\n\r\n')).toBe(false);
    expect(keeps('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')).toBe(true);
  });
  test('a repeated head is the same object, one with a password is read anew', () => {
    const heads = (text: string): unknown[] => {
      const reader = createRequestReader(LIMITS);
      reader.push(Buffer.from(text.repeat(2)));
      const found: unknown[] = [];
      for (let item = reader.next(); item !== undefined; item = reader.next())
        if (item.kind === 'head') found.push(item.head);
      return found;
    };
    const [one, two] = heads('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na');
    expect(two).toBe(one);
    const [three, four] = heads('GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic eDp5\r\n\r\n');
    expect(four).not.toBe(three);
    expect(four).toEqual(three);
  });
});

describe('what is refused', () => {
  const post = (fields: string, body = ''): number => statusOf(`POST / HTTP/1.1\r\nHost: x\r\n${fields}\r\n${body}`);
  test.each([
    ['a length beside chunks', 'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', 400],
    ['chunks beside a length', 'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n', 400],
    ['two lengths', 'Content-Length: 3\r\nContent-Length: 3\r\n', 400],
    ['a list of lengths', 'Content-Length: 3, 3\r\n', 400],
    ['a signed length', 'Content-Length: +3\r\n', 400],
    ['a hexadecimal length', 'Content-Length: 0x3\r\n', 400],
    ['an empty length', 'Content-Length:\r\n', 400],
    ['a length beyond counting', 'Content-Length: 9999999999999999\r\n', 400],
    ['two encodings', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', 400],
    ['an encoding that is not ours', 'Transfer-Encoding: gzip, chunked\r\n', 501],
    ['an encoding behind a no-break space', 'Transfer-Encoding: \xa0chunked\r\n', 501],
    ['a space before the colon', 'Content-Length : 3\r\n', 400],
    ['a folded field', 'A: b\r\n c\r\n', 400],
    ['a field without a name', ': b\r\n', 400],
    ['a field without a colon', 'abc\r\n', 400],
    ['a bare line feed', 'A: b\nContent-Length: 3\r\n', 400],
    ['a bare carriage return', 'A: b\rc\r\n', 400],
    ['a NUL', 'A: b\0\r\n', 400],
    ['a second host', 'host: y\r\n', 400],
    ['an expectation we do not know', 'Expect: tea\r\n', 417],
  ])('%s', (_name, fields, status) => {
    expect(post(fields)).toBe(status);
  });
  test.each([
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['HTTP/0.9', 'GET /\r\n\r\n', 400],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\n', 505],
    ['two spaces', 'GET  / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['a target that is no path', 'CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['a target beyond ASCII', 'GET /\xe4 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['chunks in HTTP/1.0', 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    ['a TLS hello, at its first byte', '\x16', 400],
    ['a line feed alone, before the head ends', 'GET / HTTP/1.1\nHost', 400],
    ['a head without end', `GET / HTTP/1.1\r\nHost: ${'x'.repeat(1100)}`, 431],
    ['a head too long', `GET / HTTP/1.1\r\nHost: ${'x'.repeat(1100)}\r\n\r\n`, 431],
    ['too many fields', `GET / HTTP/1.1\r\nHost: x\r\n${'a:b\r\n'.repeat(20)}\r\n`, 431],
    ['empty lines without end', '\r\n'.repeat(6), 400],
  ])('%s', (_name, text, status) => {
    expect(statusOf(text)).toBe(status);
  });
  test.each([
    ['no size', '\r\nabc\r\n'],
    ['a size with a sign', '+3\r\nabc\r\n'],
    ['a size with 0x', '0x3\r\nabc\r\n'],
    ['a size with a space behind', '3 \r\nabc\r\n'],
    ['a size beyond counting', `${'f'.repeat(14)}\r\nabc\r\n`],
    ['a bare line feed behind the size', '3\nabc\r\n'],
    ['a bare line feed behind the data', '3\r\nabc\n'],
    ['more data than the size', '3\r\nabcd\r\n'],
    ['an extension without end', `3;${'x'.repeat(300)}`],
    ['a body of extensions', `1;${'x'.repeat(250)}\r\na\r\n`.repeat(70)],
    ['a trailer that is no field', '0\r\nabc\r\n\r\n'],
    ['too many trailers', `0\r\n${'a: b\r\n'.repeat(20)}\r\n`],
    ['a trailer without end', `0\r\na: ${'x'.repeat(20_000)}`],
  ])('chunks: %s', (_name, body) => {
    expect(post('Transfer-Encoding: chunked\r\n', body)).toBe(400);
  });
});

const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,8}$/);
const text = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/);
const request = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PUT'),
    path: fc.stringMatching(/^\/[a-z/%?=&.]{0,20}$/),
    fields: fc.array(
      fc.tuple(
        token.map((name) => `x-${name}`),
        text,
      ),
      { maxLength: 4 },
    ),
    body: fc.string({ maxLength: 60, unit: 'binary-ascii' }),
    chunks: fc.option(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 }), { nil: undefined }),
  })
  .map(({ method, path, fields, body, chunks }) => {
    let message = `${method} ${path} HTTP/1.1\r\nHost: x\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}`;
    if (chunks === undefined) message += `Content-Length: ${body.length}\r\n\r\n${body}`;
    else {
      message += 'Transfer-Encoding: chunked\r\n\r\n';
      for (let at = 0, n = 0; at < body.length; n++) {
        const piece = body.slice(at, at + (chunks[n % chunks.length] ?? 1));
        message += `${piece.length.toString(16)}\r\n${piece}\r\n`;
        at += piece.length;
      }
      message += '0\r\n\r\n';
    }
    return { message, method, body };
  });
const stream = fc.array(request, { minLength: 1, maxLength: 4 });
const cuts = fc.array(fc.nat(5000), { maxLength: 12 });

describe('bytes in any pieces', () => {
  test('good requests come out as they went in', () => {
    fc.assert(
      fc.property(stream, cuts, (requests, at) => {
        const bytes = Buffer.from(requests.map(({ message }) => message).join(''), 'latin1');
        const seen = readPieces(cut(bytes, at));
        expect(seen.requests.map(({ method, body, whole }) => ({ method, body, whole }))).toEqual(
          requests.map(({ method, body }) => ({ method, body, whole: true })),
        );
        expect(seen).toMatchObject({ status: 0, atRest: true });
      }),
      { numRuns: 300 },
    );
  });
  test('any split of good or damaged bytes gives the same, byte by byte too', () => {
    const damage = fc.array(
      fc.tuple(
        fc.nat(2000),
        fc.constantFrom(
          '\r',
          '\n',
          '\0',
          ' ',
          ':',
          '0',
          'g',
          ';',
          '\r\n',
          '',
          '\r\n\r\n',
          'Transfer-Encoding: chunked\r\n',
        ),
      ),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(stream, damage, cuts, (requests, damages, at) => {
        let message = requests.map((one) => one.message).join('');
        for (const [where, what] of damages) {
          const n = where % message.length;
          message = message.slice(0, n) + what + message.slice(n + 1);
        }
        const bytes = Buffer.from(message, 'latin1');
        const whole = readPieces([bytes]);
        expect(readPieces(cut(bytes, at))).toEqual(whole);
        expect(readPieces(Array.from(bytes, (_, n) => bytes.subarray(n, n + 1)))).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });
  test('what is cut off is never taken for whole', () => {
    fc.assert(
      fc.property(stream, fc.nat(5000), (requests, where) => {
        const bytes = Buffer.from(requests.map(({ message }) => message).join(''), 'latin1');
        const seen = readPieces([bytes.subarray(0, where % bytes.length)]);
        expect(seen.status).toBe(0);
        const whole = seen.requests.filter((one) => one.whole);
        expect(whole.length).toBeLessThan(requests.length);
        whole.forEach((one, n) => {
          expect(one.body).toBe(requests[n]?.body);
        });
        const ends = requests.map((_, n) => requests.slice(0, n + 1).reduce((sum, one) => sum + one.message.length, 0));
        expect(seen.atRest).toBe([0, ...ends].includes(where % bytes.length));
      }),
      { numRuns: 300 },
    );
  });
  test('bytes at random are bounded and never throw', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 }), (pieces) => {
        expect(() => readPieces(pieces.map((piece) => Buffer.from(piece)))).not.toThrow();
      }),
    );
  });
});
