/** The qcow2 file format, version 3 (and 2 to read): which bytes of a file are which bytes of its disk, and the tables that say so; without I/O. */

/*
 * A file is a row of clusters. Level 1 points to tables of level 2, whose entries point to the clusters that hold the disk's bytes; one that
 * points nowhere reads as zeroes. What we write puts cluster n of the disk always at the same place behind all tables, so that a disk can be
 * written from its first byte to its last, whatever of it is zeroes, and the tables at the end.
 */

const MAGIC = 0x5146_49fb;
const CLUSTER_BITS = 16;
export const CLUSTER_BYTES = 1 << CLUSTER_BITS;
const ENTRY_BYTES = 8;
/** 16 bits each. */
const REFCOUNTS = CLUSTER_BYTES / 2;
const ENTRIES = CLUSTER_BYTES / ENTRY_BYTES;
const HEADER_BYTES = 104;
/** Bit 63, "its refcount is one", as the high half of an entry. */
const COPIED = 0x8000_0000;
const HIGH = 0x1_0000_0000;

const clustersOf = (bytes: number): number => Math.ceil(bytes / CLUSTER_BYTES);

export interface Layout {
  readonly capacityBytes: number;
  /** Clusters of the disk itself. */
  readonly clusters: number;
  readonly l1Clusters: number;
  readonly tableClusters: number;
  readonly blockClusters: number;
  readonly l2Clusters: number;
  /** Where the first cluster of the disk is in the file. */
  readonly dataOffset: number;
}

export const layoutOf = (capacityBytes: number): Layout => {
  const clusters = clustersOf(capacityBytes);
  const l2Clusters = Math.ceil(clusters / ENTRIES);
  const l1Clusters = Math.max(1, clustersOf(l2Clusters * ENTRY_BYTES));
  let blockClusters = 1;
  let tableClusters = 1;
  // The tables of references count themselves, too.
  for (;;) {
    const all = 1 + l1Clusters + tableClusters + blockClusters + l2Clusters + clusters;
    const blocks = Math.ceil(all / REFCOUNTS);
    const tables = Math.max(1, clustersOf(blocks * ENTRY_BYTES));
    if (blocks === blockClusters && tables === tableClusters) break;
    blockClusters = blocks;
    tableClusters = tables;
  }
  const before = 1 + l1Clusters + tableClusters + blockClusters + l2Clusters;
  return {
    capacityBytes,
    clusters,
    l1Clusters,
    tableClusters,
    blockClusters,
    l2Clusters,
    dataOffset: before * CLUSTER_BYTES,
  };
};

const putEntry = (view: DataView, at: number, value: number, high = 0): void => {
  view.setUint32(at, (Math.floor(value / HIGH) | high) >>> 0);
  view.setUint32(at + 4, value >>> 0);
};

const fresh = (): { readonly bytes: Uint8Array; readonly view: DataView } => {
  const bytes = new Uint8Array(CLUSTER_BYTES);
  return { bytes, view: new DataView(bytes.buffer) };
};

const headerOf = (layout: Layout): Uint8Array => {
  const { bytes, view } = fresh();
  const { capacityBytes, l1Clusters, tableClusters, l2Clusters } = layout;
  view.setUint32(0, MAGIC);
  view.setUint32(4, 3);
  view.setUint32(20, CLUSTER_BITS);
  putEntry(view, 24, capacityBytes);
  view.setUint32(36, l2Clusters);
  putEntry(view, 40, CLUSTER_BYTES);
  putEntry(view, 48, (1 + l1Clusters) * CLUSTER_BYTES);
  view.setUint32(56, tableClusters);
  // Refcounts of 2 to the 4th bits.
  view.setUint32(96, 4);
  view.setUint32(100, HEADER_BYTES);
  return bytes;
};

/** A table whose n-th entry is `of(n)`; 0 is none. */
function* table(count: number, clusters: number, high: number, of: (n: number) => number): Generator<Uint8Array> {
  for (let cluster = 0; cluster < clusters; cluster++) {
    const { bytes, view } = fresh();
    for (let n = cluster * ENTRIES; n < Math.min(count, (cluster + 1) * ENTRIES); n++) {
      const value = of(n);
      if (value !== 0) putEntry(view, (n % ENTRIES) * ENTRY_BYTES, value, high);
    }
    yield bytes;
  }
}

/** All that stands before `dataOffset`, in order. `isUsed`: the cluster of the disk is written, and no zeroes. */
export function* tablesOf(layout: Layout, isUsed: (cluster: number) => boolean): Generator<Uint8Array> {
  const { clusters, l1Clusters, tableClusters, blockClusters, l2Clusters, dataOffset } = layout;
  const firstBlock = 1 + l1Clusters + tableClusters;
  const firstL2 = firstBlock + blockClusters;
  const firstData = firstL2 + l2Clusters;
  yield headerOf(layout);
  yield* table(l2Clusters, l1Clusters, COPIED, (n) => (firstL2 + n) * CLUSTER_BYTES);
  yield* table(blockClusters, tableClusters, 0, (n) => (firstBlock + n) * CLUSTER_BYTES);
  for (let block = 0; block < blockClusters; block++) {
    const { bytes, view } = fresh();
    for (let n = 0; n < REFCOUNTS; n++) {
      const cluster = block * REFCOUNTS + n;
      const used = cluster < firstData || (cluster < firstData + clusters && isUsed(cluster - firstData));
      if (used) view.setUint16(n * 2, 1);
    }
    yield bytes;
  }
  yield* table(clusters, l2Clusters, COPIED, (n) => (isUsed(n) ? dataOffset + n * CLUSTER_BYTES : 0));
}

export interface Header {
  readonly capacityBytes: number;
  readonly clusterBytes: number;
  readonly l1Offset: number;
  readonly l1Entries: number;
}

/** So much of a file must be had to read its header. */
export const HEADER_READ_BYTES = 112;

/** What cannot be read is said, and not guessed at: backing files, encryption, data in other files. */
export const parseHeader = (bytes: Uint8Array): Header | { readonly refused: string } => {
  if (bytes.length < 72) return { refused: 'the file is too short' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const u64 = (at: number): number => view.getUint32(at) * HIGH + view.getUint32(at + 4);
  if (view.getUint32(0) !== MAGIC) return { refused: 'the file has no magic number of its format' };
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3) return { refused: `version ${version} of the format` };
  if (u64(8) !== 0) return { refused: 'the image is a difference to another one' };
  if (view.getUint32(32) !== 0) return { refused: 'the image is encrypted' };
  const clusterBits = view.getUint32(20);
  if (clusterBits < 9 || clusterBits > 21) return { refused: `clusters of 2^${clusterBits} bytes` };
  if (version === 3) {
    if (bytes.length < HEADER_BYTES) return { refused: 'the file is too short' };
    // Bit 0: not closed cleanly, which concerns refcounts alone.
    if (view.getUint32(72) !== 0 || (view.getUint32(76) & ~1) !== 0) return { refused: 'an incompatible feature' };
  }
  const header = {
    capacityBytes: u64(24),
    clusterBytes: 2 ** clusterBits,
    l1Offset: u64(40),
    l1Entries: view.getUint32(36),
  };
  const needed = Math.ceil(header.capacityBytes / header.clusterBytes / (header.clusterBytes / ENTRY_BYTES));
  if (header.l1Entries < needed || header.l1Entries > 4 * 1024 * 1024) return { refused: 'a table of another length' };
  return header;
};

/** Where a table or a cluster is in the file; 0: nowhere. Lengths of files are below 2^53. */
const offsetIn = (view: DataView, at: number): number =>
  (view.getUint32(at) & 0x00ff_ffff) * HIGH + ((view.getUint32(at + 4) & 0xffff_fe00) >>> 0);

/** Offsets of the tables of level 2. */
export const readL1 = (bytes: Uint8Array): readonly number[] => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: Math.floor(bytes.length / ENTRY_BYTES) }, (_, n) => offsetIn(view, n * ENTRY_BYTES));
};

/** Offsets of clusters: 0 reads as zeroes; undefined: compressed, which has no bytes of the disk as they are. */
export const readL2 = (bytes: Uint8Array): readonly (number | undefined)[] => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: Math.floor(bytes.length / ENTRY_BYTES) }, (_, n) => {
    const at = n * ENTRY_BYTES;
    if ((view.getUint32(at) & 0x4000_0000) !== 0) return undefined;
    // Bit 0: all zeroes, whatever the offset says.
    return (view.getUint32(at + 4) & 1) !== 0 ? 0 : offsetIn(view, at);
  });
};

export interface Extent {
  /** In the file; undefined: zeroes. */
  readonly offset: number | undefined;
  readonly lengthBytes: number;
}

/** Neighbours that lie behind one another are one extent. `entries` of one table of level 2, of which `lengthBytes` of the disk are wanted. */
export const extentsOf = (
  entries: readonly (number | undefined)[],
  clusterBytes: number,
  lengthBytes: number,
): readonly Extent[] => {
  const extents: { offset: number | undefined; lengthBytes: number }[] = [];
  for (let n = 0; n * clusterBytes < lengthBytes; n++) {
    const offset = entries[n] === 0 ? undefined : entries[n];
    const piece = Math.min(clusterBytes, lengthBytes - n * clusterBytes);
    const last = extents.at(-1);
    const follows =
      last !== undefined &&
      (last.offset === undefined ? offset === undefined : offset === last.offset + last.lengthBytes);
    if (last && follows) last.lengthBytes += piece;
    else extents.push({ offset, lengthBytes: piece });
  }
  return extents;
};
