// Recorded frames decode and re-encode to equal bytes; every truncation is seen.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventNumbered, type Fields, procedureNumbered } from '../../../mappings/libvirt/codec.ts';
import { virError } from '../../../mappings/libvirt/faults.ts';
import {
  CALL,
  type Frame,
  FrameCutter,
  HEADER_BYTES,
  MESSAGE,
  PROGRAM_KEEPALIVE,
  REPLY,
  STATUS_ERROR,
} from '../../../mappings/libvirt/frames.ts';
import { type Codec, DecodeError, XdrReader, XdrWriter } from '../../../mappings/wire/xdr.ts';
import { recordings } from './recordings.ts';

const cut = (bytes: Buffer): Frame[] => {
  const frames: Frame[] = [];
  new FrameCutter().push(bytes, (frame) => frames.push(frame));
  return frames;
};

/** The codec of a frame's payload; undefined for raw stream bytes and keepalive. */
const codecOf = (frame: Frame): Codec<Fields> | undefined => {
  if (frame.program === PROGRAM_KEEPALIVE) return undefined;
  if (frame.type === MESSAGE) return eventNumbered(frame.program, frame.procedure)?.payload;
  const procedure = procedureNumbered(frame.program, frame.procedure);
  if (frame.type === CALL) return procedure?.args;
  if (frame.type !== REPLY) return undefined;
  return frame.status === STATUS_ERROR ? (virError as unknown as Codec<Fields>) : procedure?.ret;
};

const encode = (frame: Frame, codec: Codec<Fields>, value: Fields): Buffer => {
  const writer = new XdrWriter();
  for (const word of [0, frame.program, frame.version]) writer.uint(word);
  writer.int(frame.procedure);
  writer.int(frame.type);
  writer.uint(frame.serial);
  writer.int(frame.status);
  codec.write(writer, value);
  writer.patchUint(0, writer.length);
  return writer.take();
};

const all = recordings();
const structured = all.filter(({ kind }) => !kind.startsWith('stream') && kind !== 'ping' && kind !== 'pong');

describe('frames recorded between virsh and libvirtd', () => {
  it('are many, and of every kind', () => {
    expect(all.length).toBeGreaterThan(190);
    expect(new Set(all.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(9);
  });

  it.each(structured.map((recorded) => [`${recorded.name} ${recorded.kind}`, recorded] as const))(
    '%s decodes and encodes to equal bytes',
    (_, recorded) => {
      const [frame, ...more] = cut(recorded.bytes);
      expect(more).toEqual([]);
      if (!frame) throw new Error('no frame');
      const codec = codecOf(frame);
      if (!codec) throw new Error('no codec for this frame');
      const reader = new XdrReader(frame.bytes, frame.start, frame.end);
      const value = codec.read(reader);
      reader.end();
      expect(encode(frame, codec, value).toString('hex')).toBe(recorded.bytes.toString('hex'));
    },
  );

  it('give "more" when cut short anywhere, and nothing else', () => {
    for (const { bytes } of all) {
      for (let length = 0; length < bytes.length; length++) expect(cut(bytes.subarray(0, length))).toEqual([]);
    }
  });

  it('give a decode error when the payload is shorter than its procedure says', () => {
    for (const { bytes } of structured) {
      const [frame] = cut(bytes);
      const codec = frame && codecOf(frame);
      if (!frame || !codec) throw new Error('no codec');
      for (let end = frame.start; end < frame.end; end++) {
        expect(() => {
          const reader = new XdrReader(frame.bytes, frame.start, end);
          codec.read(reader);
          reader.end();
        }).toThrow(DecodeError);
      }
    }
  });

  it('never hang or throw anything but a decode error when bytes are changed', () => {
    fc.assert(
      fc.property(
        fc.nat(structured.length - 1),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (which, changes) => {
          const bytes = Buffer.from(structured[which]?.bytes ?? []);
          // The header stays: its changes are another matter (other procedures).
          for (const [at, value] of changes)
            if (bytes.length > HEADER_BYTES) bytes[HEADER_BYTES + (at % (bytes.length - HEADER_BYTES))] = value;
          const [frame] = cut(bytes);
          const codec = frame && codecOf(frame);
          if (!frame || !codec) throw new Error('no codec');
          try {
            const reader = new XdrReader(frame.bytes, frame.start, frame.end);
            codec.read(reader);
            reader.end();
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('come out the same however the bytes arrive', () => {
    const stream = Buffer.concat(all.map(({ bytes }) => bytes));
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 20, maxLength: 200 }), (sizes) => {
        const cutter = new FrameCutter();
        const seen: string[] = [];
        const take = (frame: Frame): number =>
          seen.push(frame.bytes.subarray(frame.start - HEADER_BYTES, frame.end).toString('latin1'));
        let at = 0;
        for (let i = 0; at < stream.length; i++) {
          const size = sizes[i % sizes.length] ?? 1;
          cutter.push(stream.subarray(at, at + size), take);
          at += size;
        }
        expect(cutter.held).toBe(0);
        expect(seen.length).toBe(all.length);
        expect(seen.join('')).toBe(stream.toString('latin1'));
      }),
      { numRuns: 20 },
    );
  });
});

describe('frame bounds', () => {
  const head = (length: number, type = REPLY): Buffer => {
    const bytes = Buffer.alloc(HEADER_BYTES);
    bytes.writeUInt32BE(length, 0);
    bytes.writeInt32BE(type, 16);
    return bytes;
  };

  it.each([0, 27, 32 * 1024 * 1024 + 5, 0xffff_ffff])('refuse a frame of %d bytes', (length) => {
    expect(() => cut(head(length))).toThrow(DecodeError);
  });

  it('take the shortest and wait for the longest', () => {
    expect(cut(head(28))).toHaveLength(1);
    expect(cut(head(32 * 1024 * 1024 + 4))).toEqual([]);
  });

  it('skip the carrier bytes of file descriptors, also when they come later', () => {
    const withFds = Buffer.concat([head(32, 5), Buffer.from([0, 0, 0, 2])]);
    const cutter = new FrameCutter();
    const types: number[] = [];
    const take = (frame: Frame): number => types.push(frame.type);
    cutter.push(Buffer.concat([withFds, Buffer.from([0])]), take);
    cutter.push(Buffer.concat([Buffer.from([0]), head(28)]), take);
    expect(types).toEqual([5, 1]);
    expect(() => cut(Buffer.concat([head(32, 5), Buffer.from([0, 0, 0, 33])]))).toThrow(DecodeError);
  });
});
