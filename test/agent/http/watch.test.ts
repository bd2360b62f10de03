/** The onlooker of relayed connections: the same messages however the bytes are cut, and nothing but silence for what is no HTTP. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createWatch, framingOf, type Onlooker } from '../../../agent/http/watch.ts';

const watched = (pieces: readonly Buffer[]): { told: string[]; bodyBytes: number } => {
  const told: string[] = [];
  let bodyBytes = 0;
  const onlooker: Onlooker = {
    head: (head) => {
      told.push(head.first);
      return framingOf(head, { kind: 'none' });
    },
    body: (bytes) => {
      bodyBytes += bytes.length;
    },
    end: () => void told.push('end'),
    lost: () => void told.push('lost'),
  };
  const watch = createWatch(onlooker);
  for (const piece of pieces) watch(piece);
  return { told, bodyBytes };
};

const cut = (bytes: Buffer, at: readonly number[]): Buffer[] => {
  const points = [...new Set(at.map((n) => n % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...points].map((from, n) => bytes.subarray(from, points[n] ?? bytes.length));
};

const token = fc.stringMatching(/^[a-z]{1,8}$/);
const message = fc.oneof(
  fc.record({ first: token, body: fc.uint8Array({ maxLength: 300 }) }).map(({ first, body }) => ({
    first: `POST /${first} HTTP/1.1`,
    bodyBytes: body.length,
    bytes: Buffer.concat([
      Buffer.from(`POST /${first} HTTP/1.1\r\nContent-Length: ${body.length}\r\nx: y\r\n\r\n`),
      Buffer.from(body),
    ]),
  })),
  fc
    .record({ first: token, chunks: fc.array(fc.uint8Array({ minLength: 1, maxLength: 90 }), { maxLength: 5 }) })
    .map(({ first, chunks }) => {
      const framed = Buffer.concat([
        ...chunks.flatMap((chunk) => [
          Buffer.from(`${chunk.length.toString(16)};a=b\r\n`),
          Buffer.from(chunk),
          Buffer.from('\r\n'),
        ]),
        Buffer.from('0\r\nTrailer: t\r\n\r\n'),
      ]);
      return {
        first: `PUT /${first} HTTP/1.1`,
        bodyBytes: framed.length,
        bytes: Buffer.concat([Buffer.from(`PUT /${first} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n`), framed]),
      };
    }),
  token.map((first) => ({
    first: `GET /${first} HTTP/1.1`,
    bodyBytes: 0,
    bytes: Buffer.from(`GET /${first} HTTP/1.1\r\n\r\n`),
  })),
);

describe('messages one after the other', () => {
  it('are told one by one, with every byte of their bodies, wherever they are cut', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 40 }), (messages, at) => {
        const { told, bodyBytes } = watched(cut(Buffer.concat(messages.map(({ bytes }) => bytes)), at));
        expect(told).toEqual(messages.flatMap(({ first }) => [first, 'end']));
        expect(bodyBytes).toBe(messages.reduce((sum, one) => sum + one.bodyBytes, 0));
      }),
      { numRuns: 300 },
    );
  });
});

describe('anything else', () => {
  it('ends in silence, without an error', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 20 }), (pieces) => {
        const { told } = watched(pieces.map((piece) => Buffer.from(piece)));
        expect(told.filter((one) => one === 'lost').length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps no more than a head of what never ends', () => {
    const piece = Buffer.alloc(1024, 'x');
    const { told } = watched(Array.from({ length: 200 }, () => piece));
    expect(told).toEqual(['lost']);
    const sizes = watched([
      Buffer.from('PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n'),
      ...Array.from({ length: 20 }, () => piece),
    ]);
    expect(sizes.told.at(-1)).toBe('lost');
  });
});
