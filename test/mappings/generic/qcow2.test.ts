/** The tables we write say of every cluster what was put in, and count every cluster of the file once. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CLUSTER_BYTES,
  extentsOf,
  layoutOf,
  parseHeader,
  readL1,
  readL2,
  tablesOf,
} from '../../../mappings/generic/qcow2.ts';

const fileOf = (capacityBytes: number, used: (n: number) => boolean): Buffer =>
  Buffer.concat([...tablesOf(layoutOf(capacityBytes), used)]);

const read = (file: Buffer) => {
  const header = parseHeader(file);
  if ('refused' in header) throw new Error(header.refused);
  return header;
};

describe('what is written', () => {
  it('names exactly the clusters that are used, in their places', () => {
    const sizes = fc.integer({ min: 1, max: 700_000 }).map((sectors) => sectors * 512);
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 50 }), (capacityBytes, every) => {
        const layout = layoutOf(capacityBytes);
        const used = (n: number): boolean => n % every === 0;
        const file = fileOf(capacityBytes, used);
        expect(file.length).toBe(layout.dataOffset);
        const header = read(file);
        expect(header.capacityBytes).toBe(capacityBytes);
        const l1 = readL1(file.subarray(header.l1Offset, header.l1Offset + header.l1Entries * 8));
        const entries = l1.flatMap((offset) => readL2(file.subarray(offset, offset + CLUSTER_BYTES)));
        for (let n = 0; n < layout.clusters; n++)
          expect(entries[n]).toBe(used(n) ? layout.dataOffset + n * CLUSTER_BYTES : 0);
      }),
      { numRuns: 25 },
    );
  });

  it('counts every cluster that is there once, and no other', () => {
    const capacityBytes = 3 * 1024 * 1024 * 1024 + 512;
    const layout = layoutOf(capacityBytes);
    const file = fileOf(capacityBytes, (n) => n % 3 === 0);
    const tableAt = Number(file.readBigUInt64BE(48));
    const blocks = Array.from({ length: layout.blockClusters }, (_, n) =>
      Number(file.readBigUInt64BE(tableAt + n * 8)),
    );
    const counts = blocks.flatMap((at) =>
      Array.from({ length: CLUSTER_BYTES / 2 }, (_, n) => file.readUInt16BE(at + n * 2)),
    );
    const before = layout.dataOffset / CLUSTER_BYTES;
    for (const [n, count] of counts.entries()) {
      const isData = n >= before && n < before + layout.clusters && (n - before) % 3 === 0;
      if (count !== (n < before || isData ? 1 : 0)) throw new Error(`cluster ${n} has ${count} references`);
    }
  });

  it('of a terabyte takes little', () => {
    expect(layoutOf(2 ** 40).dataOffset).toBeLessThan(200 * 1024 * 1024);
  });
});

describe('what is read', () => {
  it('is refused when its bytes are elsewhere or not as they are', () => {
    const file = fileOf(1024 * 1024, () => true).subarray(0, 112);
    const changed = (at: number, ...bytes: number[]): unknown => {
      const copy = Buffer.from(file);
      Buffer.from(bytes).copy(copy, at);
      return parseHeader(copy);
    };
    expect(parseHeader(file)).toMatchObject({ clusterBytes: CLUSTER_BYTES });
    for (const [what, at, ...bytes] of [
      ['magic', 0, 0],
      ['version', 7, 9],
      ['backing file', 15, 1],
      ['cluster size', 23, 40],
      ['encryption', 35, 1],
      ['level 1 too short', 39, 0],
      ['external data', 79, 4],
    ] as const)
      expect(changed(at, ...bytes), what).toHaveProperty('refused');
    expect(changed(79, 1), 'not closed cleanly').toMatchObject({ capacityBytes: 1024 * 1024 });
    expect(parseHeader(Buffer.alloc(10))).toHaveProperty('refused');
  });

  it('comes in as few extents as there are', () => {
    const entries = [10, 74, 0, 0, 138, 500];
    expect(extentsOf(entries, 64, 6 * 64 - 10)).toEqual([
      { offset: 10, lengthBytes: 128 },
      { offset: undefined, lengthBytes: 128 },
      { offset: 138, lengthBytes: 64 },
      { offset: 500, lengthBytes: 54 },
    ]);
  });

  it('tells compressed clusters and clusters of zeroes', () => {
    const table = Buffer.alloc(24);
    table.writeBigUInt64BE(0x4000_0000_0001_0000n, 0);
    table.writeBigUInt64BE(0x8000_0000_0001_0001n, 8);
    table.writeBigUInt64BE(0x8000_0012_3456_0000n, 16);
    expect(readL2(table)).toEqual([undefined, 0, 0x12_3456_0000]);
  });
});
