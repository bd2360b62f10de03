/** The VHD file format (Microsoft's specification 1.0, 2006), dynamic disks: what stands before, between and behind the blocks of a disk; without I/O. */

export const SECTOR_BYTES = 512;
export const BLOCK_BYTES = 2 * 1024 * 1024;
/** One bit a sector of the block, all of them set. */
export const FULL_BITMAP: Uint8Array = new Uint8Array(SECTOR_BYTES).fill(0xff);

const TABLE_OFFSET = 3 * SECTOR_BYTES;
const NO_BLOCK = 0xffff_ffff;
const DYNAMIC = 3;
const HIGH = 0x1_0000_0000;
/** A disk of 16 TiB in blocks of 4 MiB; the format itself ends at 2 TiB of the usual ones. */
const MOST_ENTRIES = 4 * 1024 * 1024;

const sectors = (bytes: number): number => Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** The ones' complement of the sum of all bytes but its own four. */
const checksumOf = (bytes: Uint8Array, at: number): number => {
  let sum = 0;
  for (let n = 0; n < bytes.length; n++) if (n < at || n >= at + 4) sum += bytes[n] ?? 0;
  return ~sum >>> 0;
};

/** Cylinders, heads and sectors as the specification counts them; readers that know better take the size. */
const geometryOf = (capacityBytes: number): readonly [cylinders: number, heads: number, perTrack: number] => {
  const total = Math.min(Math.floor(capacityBytes / SECTOR_BYTES), 65_535 * 16 * 255);
  if (total >= 65_535 * 16 * 63) return [Math.floor(total / 255 / 16), 16, 255];
  let perTrack = 17;
  let heads = Math.max(4, Math.floor((Math.floor(total / 17) + 1023) / 1024));
  if (Math.floor(total / 17) >= heads * 1024 || heads > 16) {
    perTrack = 31;
    heads = 16;
  }
  if (Math.floor(total / perTrack) >= heads * 1024) perTrack = 63;
  return [Math.floor(Math.floor(total / perTrack) / heads), heads, perTrack];
};

/** `uuid`: 16 bytes that tell this disk from others. */
const footerOf = (capacityBytes: number, uuid: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(SECTOR_BYTES);
  const view = viewOf(bytes);
  const [cylinders, heads, perTrack] = geometryOf(capacityBytes);
  bytes.set(ascii('conectix'), 0);
  view.setUint32(8, 2);
  view.setUint32(12, 0x0001_0000);
  view.setUint32(20, SECTOR_BYTES);
  // Readers take the size, and not the geometry, of files whose creator is this one.
  bytes.set(ascii('tap\0'), 28);
  view.setUint32(32, 0x0001_0003);
  for (const at of [40, 48]) {
    view.setUint32(at, Math.floor(capacityBytes / HIGH));
    view.setUint32(at + 4, capacityBytes >>> 0);
  }
  view.setUint16(56, cylinders);
  view.setUint8(58, heads);
  view.setUint8(59, perTrack);
  view.setUint32(60, DYNAMIC);
  bytes.set(uuid.subarray(0, 16), 68);
  view.setUint32(64, checksumOf(bytes, 64));
  return bytes;
};

export const blocksOf = (capacityBytes: number): number => Math.ceil(capacityBytes / BLOCK_BYTES);

export interface Frame {
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  /** Of the whole file. */
  readonly lengthBytes: number;
}

/** What stands around the blocks that are used, which follow one another, each behind its bitmap. */
export const frameOf = (capacityBytes: number, isUsed: (block: number) => boolean, uuid: Uint8Array): Frame => {
  const blocks = blocksOf(capacityBytes);
  const first = sectors(TABLE_OFFSET + blocks * 4);
  const before = new Uint8Array(first);
  const view = viewOf(before);
  const footer = footerOf(capacityBytes, uuid);
  before.set(footer, 0);
  const header = before.subarray(SECTOR_BYTES, TABLE_OFFSET);
  header.set(ascii('cxsparse'), 0);
  const fields = viewOf(header);
  fields.setUint32(8, NO_BLOCK);
  fields.setUint32(12, NO_BLOCK);
  fields.setUint32(20, TABLE_OFFSET);
  fields.setUint32(24, 0x0001_0000);
  fields.setUint32(28, blocks);
  fields.setUint32(32, BLOCK_BYTES);
  fields.setUint32(36, checksumOf(header, 36));
  before.fill(0xff, TABLE_OFFSET);
  let used = 0;
  for (let block = 0; block < blocks; block++) {
    if (!isUsed(block)) continue;
    view.setUint32(TABLE_OFFSET + block * 4, (first + used * (SECTOR_BYTES + BLOCK_BYTES)) / SECTOR_BYTES);
    used++;
  }
  return { before, after: footer, lengthBytes: first + used * (SECTOR_BYTES + BLOCK_BYTES) + SECTOR_BYTES };
};

// ---- reading ----

type Refused = { readonly refused: string };

const isSound = (bytes: Uint8Array, at: number): boolean => viewOf(bytes).getUint32(at) === checksumOf(bytes, at);
const starts = (bytes: Uint8Array, cookie: string): boolean => ascii(cookie).every((byte, n) => bytes[n] === byte);

/** The first sector of a file: size of the disk, and where the header is. */
export const parseFooter = (
  file: Uint8Array,
): { readonly capacityBytes: number; readonly headerAt: number } | Refused => {
  const bytes = file.subarray(0, SECTOR_BYTES);
  if (!starts(bytes, 'conectix') || !isSound(bytes, 64)) return { refused: 'the file does not begin as a dynamic VHD' };
  const view = viewOf(bytes);
  const type = view.getUint32(60);
  if (type !== DYNAMIC)
    return { refused: type === 4 ? 'the VHD is a difference to another one' : `a VHD of type ${type}` };
  return {
    capacityBytes: view.getUint32(48) * HIGH + view.getUint32(52),
    headerAt: view.getUint32(16) * HIGH + view.getUint32(20),
  };
};

export interface DiskHeader {
  readonly tableAt: number;
  readonly entries: number;
  readonly blockBytes: number;
  /** Of the bitmap before each block. */
  readonly bitmapBytes: number;
}
export const HEADER_BYTES = 1024;

export const parseDiskHeader = (bytes: Uint8Array): DiskHeader | Refused => {
  if (!starts(bytes, 'cxsparse') || !isSound(bytes, 36)) return { refused: 'the VHD has no header' };
  const view = viewOf(bytes);
  const blockBytes = view.getUint32(32);
  const entries = view.getUint32(28);
  if (blockBytes < 64 * 1024 || blockBytes > 64 * 1024 * 1024 || (blockBytes & (blockBytes - 1)) !== 0)
    return { refused: `blocks of ${blockBytes} bytes` };
  if (entries > MOST_ENTRIES) return { refused: `a table of ${entries} blocks` };
  return {
    tableAt: view.getUint32(16) * HIGH + view.getUint32(20),
    entries,
    blockBytes,
    bitmapBytes: sectors(blockBytes / SECTOR_BYTES / 8),
  };
};

/** Blocks in the order in which they stand in the file, by where their bitmaps begin. */
export const placesOf = (table: Uint8Array): readonly { readonly block: number; readonly at: number }[] => {
  const view = viewOf(table);
  const places: { block: number; at: number }[] = [];
  for (let block = 0; block * 4 + 4 <= table.length; block++) {
    const sector = view.getUint32(block * 4);
    if (sector !== NO_BLOCK) places.push({ block, at: sector * SECTOR_BYTES });
  }
  return places.sort((a, b) => a.at - b.at);
};

/** Sectors whose bit is not set hold nothing: they read as zeroes. */
export const clearUnset = (bitmap: Uint8Array, block: Uint8Array): void => {
  for (let n = 0; n * 8 * SECTOR_BYTES < block.length; n++) {
    const bits = bitmap[n] ?? 0;
    if (bits === 0xff) continue;
    for (let bit = 0; bit < 8; bit++) {
      const from = (n * 8 + bit) * SECTOR_BYTES;
      if ((bits & (0x80 >> bit)) === 0) block.fill(0, from, from + SECTOR_BYTES);
    }
  }
};
