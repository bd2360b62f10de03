/** A picture as hosts give it (PNG, or a binary PPM) in, PNG out. */
import { crc32, deflateSync } from 'node:zlib';
import { fault, type Outcome, refused } from '../../generic/faults.ts';

const MAX_PIXELS = 64 * 1024 * 1024;
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

const chunk = (type: string, body: Uint8Array): Buffer => {
  const head = Buffer.from(type, 'latin1');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body, crc32(head)));
  return Buffer.concat([length, head, body, sum]);
};

const unreadable = (): Outcome<never> =>
  refused(fault('not-supported', {}, 'The host gave no picture that can be shown.'));

/** P6, width, height, 255, one white space, then three bytes a pixel. Comments may stand between the numbers. */
const fromPpm = (bytes: Buffer): Outcome<Uint8Array> => {
  const numbers: number[] = [];
  let at = 2;
  while (numbers.length < 3) {
    while (at < bytes.length && /\s/.test(String.fromCharCode(bytes[at] ?? 0))) at++;
    if (bytes[at] === 0x23) {
      while (at < bytes.length && bytes[at] !== 0x0a) at++;
      continue;
    }
    const word = /^[0-9]{1,9}/.exec(bytes.toString('latin1', at, at + 9))?.[0];
    if (word === undefined) return unreadable();
    numbers.push(Number(word));
    at += word.length;
  }
  at++;
  const [width = 0, height = 0, depth = 0] = numbers;
  const row = width * 3;
  if (width < 1 || height < 1 || depth !== 255 || width * height > MAX_PIXELS || bytes.length < at + row * height)
    return unreadable();
  const lines = Buffer.alloc((row + 1) * height);
  for (let y = 0; y < height; y++) bytes.copy(lines, y * (row + 1) + 1, at + y * row, at + (y + 1) * row);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // 8 bits a channel, red green blue.
  header.set([8, 2, 0, 0, 0], 8);
  return {
    ok: true,
    value: Buffer.concat([
      SIGNATURE,
      chunk('IHDR', header),
      chunk('IDAT', deflateSync(lines, { level: 6 })),
      chunk('IEND', Buffer.alloc(0)),
    ]),
  };
};

export const toPng = (picture: Uint8Array): Outcome<Uint8Array> => {
  const bytes = Buffer.from(picture.buffer, picture.byteOffset, picture.byteLength);
  if (bytes.subarray(0, 8).equals(SIGNATURE)) return { ok: true, value: picture };
  return bytes.toString('latin1', 0, 2) === 'P6' ? fromPpm(bytes) : unreadable();
};
