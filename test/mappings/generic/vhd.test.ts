/** What we write around a VHD's blocks is what we read, and what is none is refused. */
import { describe, expect, it } from 'vitest';
import {
  BLOCK_BYTES,
  blocksOf,
  clearUnset,
  frameOf,
  parseDiskHeader,
  parseFooter,
  placesOf,
  SECTOR_BYTES,
} from '../../../mappings/generic/vhd.ts';

const UUID = new Uint8Array(16).fill(7);

describe('the frame', () => {
  it('names the blocks that are used, one behind the other', () => {
    const capacityBytes = 10 * BLOCK_BYTES - 512;
    const { before, after, lengthBytes } = frameOf(capacityBytes, (block) => block % 4 === 1, UUID);
    expect(before.subarray(0, SECTOR_BYTES)).toEqual(after);
    expect(parseFooter(before)).toEqual({ capacityBytes, headerAt: SECTOR_BYTES });
    const header = parseDiskHeader(before.subarray(SECTOR_BYTES, 3 * SECTOR_BYTES));
    expect(header).toEqual({
      tableAt: 1536,
      entries: blocksOf(capacityBytes),
      blockBytes: BLOCK_BYTES,
      bitmapBytes: 512,
    });
    expect(placesOf(before.subarray(1536, 1536 + 4 * 10))).toEqual([
      { block: 1, at: 2048 },
      { block: 5, at: 2048 + 512 + BLOCK_BYTES },
      { block: 9, at: 2048 + 2 * (512 + BLOCK_BYTES) },
    ]);
    expect(lengthBytes).toBe(2048 + 3 * (512 + BLOCK_BYTES) + 512);
  });

  it('of a disk of terabytes fits its numbers', () => {
    const { before } = frameOf(2 ** 41 - BLOCK_BYTES, () => false, UUID);
    expect(parseFooter(before)).toMatchObject({ capacityBytes: 2 ** 41 - BLOCK_BYTES });
  });
});

describe('what is no dynamic VHD', () => {
  const { before } = frameOf(4 * BLOCK_BYTES, () => true, UUID);
  const changed = (at: number, byte: number): Uint8Array => {
    const copy = Uint8Array.from(before);
    copy[at] = byte;
    return copy;
  };

  it('is refused: another cookie, a wrong sum, another type', () => {
    for (const at of [0, 50, 63, 64]) expect(parseFooter(changed(at, 98)), String(at)).toHaveProperty('refused');
    for (const at of [512, 540, 550])
      expect(parseDiskHeader(changed(at, 98).subarray(512, 1536))).toHaveProperty('refused');
    expect(parseFooter(new Uint8Array(512))).toHaveProperty('refused');
  });
});

it('sectors that hold nothing are zeroes', () => {
  const block = new Uint8Array(16 * SECTOR_BYTES).fill(1);
  clearUnset(Uint8Array.of(0xff, 0b0100_0000), block);
  const kept = Array.from({ length: 16 }, (_, n) => block[n * SECTOR_BYTES]);
  expect(kept).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
});
