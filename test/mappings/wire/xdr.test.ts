// XDR: bounds, padding and round trips.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecodeError, EncodeError, XdrReader, XdrWriter } from '../../../mappings/wire/xdr.ts';

const written = (write: (writer: XdrWriter) => void): Buffer => {
  const writer = new XdrWriter(64);
  write(writer);
  return writer.take();
};
const hex = (write: (writer: XdrWriter) => void): string => written(write).toString('hex');

describe('XDR bytes', () => {
  // Written by hand from RFC 4506, not by our writer.
  it('are those of RFC 4506', () => {
    expect(hex((w) => w.int(-2))).toBe('fffffffe');
    expect(hex((w) => w.uint(0xfffffffe))).toBe('fffffffe');
    expect(hex((w) => w.hyper(-1n))).toBe('ffffffffffffffff');
    expect(hex((w) => w.uhyper(2n ** 40n))).toBe('0000010000000000');
    expect(hex((w) => w.double(1))).toBe('3ff0000000000000');
    expect(hex((w) => w.bool(true))).toBe('00000001');
    expect(hex((w) => w.string('sillyprog', 20))).toBe('00000009' + '73696c6c7970726f67' + '000000');
    expect(hex((w) => w.string('', 20))).toBe('00000000');
    expect(hex((w) => w.opaque(Buffer.from('abcd'), 4))).toBe('0000000461626364');
    expect(hex((w) => w.fixedOpaque(Buffer.from('abc'), 3))).toBe('61626300');
    expect(hex((w) => w.optional('x', (out, value) => out.string(value, 1)))).toBe('000000010000000178000000');
    expect(hex((w) => w.optional(null, (out, value: string) => out.string(value, 1)))).toBe('00000000');
    expect(hex((w) => w.array([1, 2], 2, (out, value) => out.int(value)))).toBe('000000020000000100000002');
  });

  it('give every char of a char array four bytes, sign extended', () => {
    expect(hex((w) => w.fixedChars('A', 2))).toBe('0000004100000000');
    expect(hex((w) => w.chars(Buffer.from([0x80]), 4))).toBe('00000001ffffff80');
    const reader = new XdrReader(Buffer.from('00000041000000000000000000000000' + '00000002000000ffffffff80', 'hex'));
    expect(reader.fixedChars(4)).toBe('A');
    expect([...reader.chars(8)]).toEqual([0xff, 0x80]);
    reader.end();
    expect(() => new XdrReader(Buffer.from('0000004100000000000000420000', 'hex')).fixedChars(3)).toThrow(DecodeError);
  });
});

describe('XDR bounds', () => {
  const refuses = (bytes: string, read: (reader: XdrReader) => unknown): void => {
    expect(() => read(new XdrReader(Buffer.from(bytes, 'hex')))).toThrow(DecodeError);
  };

  it('refuse what is longer than declared or than what is there', () => {
    refuses('0000000461626364', (r) => r.string(3));
    refuses('ffffffff61626364', (r) => r.string(0xffffffff));
    refuses('0000000161', (r) => r.string(4));
    refuses('0000000561626364', (r) => r.opaque(8));
    refuses('00000003', (r) => r.array(2, (item) => item.int()));
    // A billion items announced in four bytes must not cost a billion iterations.
    refuses('40000000', (r) => r.array(0x7fffffff, (item) => item.int()));
    refuses('000000', (r) => r.int());
    refuses('00000000', (r) => r.hyper());
  });

  it('refuse pad bytes that are not zero, flags that are not 0 or 1, and left over bytes', () => {
    refuses('0000000161000001', (r) => r.string(4));
    refuses('00000002', (r) => r.bool());
    refuses('00000002', (r) => r.optional((item) => item.int()));
    refuses('0000000000', (r) => {
      r.int();
      r.end();
    });
  });

  it('refuse to write what does not fit', () => {
    for (const write of [
      (w: XdrWriter) => w.int(2 ** 31),
      (w: XdrWriter) => w.int(1.5),
      (w: XdrWriter) => w.uint(-1),
      (w: XdrWriter) => w.hyper(2n ** 63n),
      (w: XdrWriter) => w.uhyper(-1n),
      (w: XdrWriter) => w.string('abc', 2),
      (w: XdrWriter) => w.string('é', 1),
      (w: XdrWriter) => w.opaque(Buffer.alloc(3), 2),
      (w: XdrWriter) => w.fixedOpaque(Buffer.alloc(3), 4),
      (w: XdrWriter) => w.array([1, 2, 3], 2, (out, value) => out.int(value)),
      (w: XdrWriter) => w.hex('abc', 2),
      (w: XdrWriter) => w.hex('zzzz', 2),
      (w: XdrWriter) => w.fixedChars('abc', 2),
    ]) {
      expect(() => written(write)).toThrow(EncodeError);
    }
    expect(() => {
      const writer = new XdrWriter(64, 100);
      for (let i = 0; i < 30; i++) writer.int(i);
    }).toThrow(EncodeError);
  });
});

describe('XDR round trips', () => {
  it('bring back any value', () => {
    const unicode = fc.string({ unit: 'grapheme', maxLength: 200 }).filter((text) => text.isWellFormed());
    const value = fc.record({
      i: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      u: fc.nat(0xffffffff),
      h: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      uh: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      d: fc.double({ noNaN: true }),
      s: unicode,
      o: fc.uint8Array({ maxLength: 70 }),
      a: fc.array(unicode, { maxLength: 9 }),
      n: fc.option(unicode),
    });
    fc.assert(
      fc.property(value, (v) => {
        const bytes = written((w) => {
          w.int(v.i);
          w.uint(v.u);
          w.hyper(v.h);
          w.uhyper(v.uh);
          w.double(v.d);
          w.string(v.s, 4096);
          w.opaque(v.o, 70);
          w.array(v.a, 9, (out, item) => out.string(item, 4096));
          w.optional(v.n, (out, item) => out.string(item, 4096));
        });
        const read = (r: XdrReader): unknown => {
          const back = {
            i: r.int(),
            u: r.uint(),
            h: r.hyper(),
            uh: r.uhyper(),
            d: r.double(),
            s: r.string(4096),
            o: new Uint8Array(r.opaque(70)),
            a: r.array(9, (item) => item.string(4096)),
            n: r.optional((item) => item.string(4096)),
          };
          r.end();
          return back;
        };
        expect(bytes.length % 4).toBe(0);
        expect(read(new XdrReader(bytes))).toEqual(v);
        for (let end = 0; end < bytes.length; end++)
          expect(() => read(new XdrReader(bytes, 0, end))).toThrow(DecodeError);
      }),
      { numRuns: 100 },
    );
  });

  it('leave taken bytes alone when the writer goes on', () => {
    const writer = new XdrWriter(4096);
    writer.string('first', 10);
    const first = writer.take();
    const before = first.toString('hex');
    for (let i = 0; i < 5000; i++) writer.int(i);
    expect(first.toString('hex')).toBe(before);
    expect(writer.take().readInt32BE(4999 * 4)).toBe(4999);
  });
});
