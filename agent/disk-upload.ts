/** The body of a client, a disk as raw bytes or as VHD, in; the file of its volume, raw or qcow2, out, with few writes and without what is zero. */
import { type Fault, fault, type Outcome, refused } from '../mappings/generic/faults.ts';
import type { NativeCall } from '../mappings/generic/native.ts';
import type { DiskContent, HostStream } from '../mappings/generic/platform.ts';
import { CLUSTER_BYTES, layoutOf, tablesOf } from '../mappings/generic/qcow2.ts';
import {
  clearUnset,
  HEADER_BYTES,
  parseDiskHeader,
  parseFooter,
  placesOf,
  SECTOR_BYTES,
} from '../mappings/generic/vhd.ts';
import type { Client } from './client.ts';
import { Broken, orBroken, part, ZEROES } from './disk-image.ts';
import type { HostSession } from './host-session.ts';

const wrong = (text: string): Fault => fault('invalid-request', {}, text);

// ---- what comes in: clusters of the disk, in any order ----

interface Cluster {
  readonly n: number;
  readonly bytes: Uint8Array;
}

/** In order; the last one is filled up with zeroes. */
async function* fromRaw(pieces: AsyncIterable<Buffer>, capacityBytes: number): AsyncGenerator<Cluster> {
  let bytes = Buffer.alloc(CLUSTER_BYTES);
  let filled = 0;
  let came = 0;
  let n = 0;
  for await (const piece of pieces) {
    came += piece.length;
    if (came > capacityBytes) throw new Broken(wrong('the body is longer than the disk'));
    for (let from = 0; from < piece.length; ) {
      const taken = piece.copy(bytes, filled, from);
      from += taken;
      filled += taken;
      if (filled < CLUSTER_BYTES) continue;
      yield { n: n++, bytes };
      bytes = Buffer.alloc(CLUSTER_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield { n, bytes };
}

/** Bytes of a body by their places in it, which only grow. */
const createReader = (pieces: AsyncIterable<Buffer>) => {
  const iterator = pieces[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  let at = 0;
  const more = async (): Promise<void> => {
    const next = await iterator.next();
    if (next.done === true) throw new Broken(wrong('the image ends too early'));
    held = next.value;
  };
  return {
    take: async (from: number, lengthBytes: number): Promise<Buffer> => {
      if (from < at) throw new Broken(wrong('the parts of the image overlap'));
      while (at < from) {
        if (held.length === 0) await more();
        const skipped = Math.min(held.length, from - at);
        held = held.subarray(skipped);
        at += skipped;
      }
      const taken = Buffer.alloc(lengthBytes);
      for (let filled = 0; filled < lengthBytes; ) {
        if (held.length === 0) await more();
        const copied = held.copy(taken, filled);
        held = held.subarray(copied);
        filled += copied;
      }
      at += lengthBytes;
      return taken;
    },
    /** The rest means nothing, but its sender wants to be rid of it. */
    drain: async (): Promise<void> => {
      while ((await iterator.next()).done !== true);
    },
  };
};

const orRefused = <T extends object>(read: T | { readonly refused: string }): T => {
  if ('refused' in read) throw new Broken(fault('not-supported', {}, read.refused));
  return read;
};

/** Block after block as they stand in the file. */
async function* fromVhd(pieces: AsyncIterable<Buffer>, capacityBytes: number): AsyncGenerator<Cluster> {
  const reader = createReader(pieces);
  const footer = orRefused(parseFooter(await reader.take(0, SECTOR_BYTES)));
  if (footer.capacityBytes > capacityBytes) throw new Broken(wrong('the image is larger than the disk'));
  const header = orRefused(parseDiskHeader(await reader.take(footer.headerAt, HEADER_BYTES)));
  const { blockBytes, bitmapBytes } = header;
  for (const { block, at } of placesOf(await reader.take(header.tableAt, header.entries * 4))) {
    const bitmap = await reader.take(at, bitmapBytes);
    const bytes = await reader.take(at + bitmapBytes, blockBytes);
    clearUnset(bitmap, bytes);
    const first = (block * blockBytes) / CLUSTER_BYTES;
    for (let from = 0; from < blockBytes; from += CLUSTER_BYTES) {
      // The last block may reach beyond the end of the disk.
      const n = first + from / CLUSTER_BYTES;
      if (n * CLUSTER_BYTES < capacityBytes) yield { n, bytes: bytes.subarray(from, from + CLUSTER_BYTES) };
    }
  }
  await reader.drain();
}

// ---- what goes out: pieces of the file, at most one transfer open ----

const createWriter = (host: HostSession, call: NativeCall) => {
  let open: { stream: HostStream; close(): void } | undefined;
  let next = -1;
  const end = async (): Promise<void> => {
    if (open === undefined) return;
    const { stream, close } = open;
    open = undefined;
    stream.end();
    const outcome = await stream.finished;
    close();
    orBroken(outcome);
  };
  return {
    put: async (offset: number, bytes: Uint8Array): Promise<void> => {
      if (open === undefined || offset !== next) {
        await end();
        open = orBroken(await host.stream(part(call, offset, -1), 'upload'));
        orBroken(await open.stream.opened);
      }
      open.stream.write(bytes);
      next = offset + bytes.length;
      await open.stream.drained();
    },
    end,
    abort: async (why: string): Promise<void> => {
      if (open === undefined) return;
      open.stream.abort(why);
      await open.stream.finished;
      open.close();
    },
  };
};

const isZero = (bytes: Uint8Array): boolean => Buffer.compare(bytes, ZEROES) === 0;

/** Zeroes between two pieces that are written along rather than starting a further transfer. */
const BRIDGED_CLUSTERS = 64;

/** What the client's body does not reach reads as zeroes afterwards. */
export const uploadDisk = async (options: {
  readonly client: Client;
  readonly host: HostSession;
  readonly call: NativeCall;
  readonly content: DiskContent;
  /** The client may close in the middle. */
  readonly cutIsEnd: boolean;
}): Promise<Outcome<undefined>> => {
  const { client, host, call, content, cutIsEnd } = options;
  const { capacityBytes } = content;
  const layout = layoutOf(capacityBytes);
  const used = new Uint8Array(layout.clusters);
  const writer = createWriter(host, call);
  const dataOffset = content.file === 'qcow2' ? layout.dataOffset : 0;
  /** A raw file ends with its disk, and not with a cluster. */
  const put = (n: number, bytes: Uint8Array): Promise<void> => {
    const left = content.file === 'qcow2' ? CLUSTER_BYTES : capacityBytes - n * CLUSTER_BYTES;
    return writer.put(dataOffset + n * CLUSTER_BYTES, left < CLUSTER_BYTES ? bytes.subarray(0, left) : bytes);
  };
  async function* body(): AsyncGenerator<Buffer> {
    try {
      for await (const piece of client.body()) yield piece;
    } catch (error) {
      if (!cutIsEnd) throw new Broken(fault('cancelled', {}, error instanceof Error ? error.message : String(error)));
    }
  }
  /** The gap before cluster n is short, and nothing was written in it. */
  const isBridged = (last: number, n: number): boolean =>
    last >= 0 && n > last && n - last <= BRIDGED_CLUSTERS && !used.subarray(last + 1, n).includes(1);
  try {
    let last = -1;
    const clusters = content.client === 'vhd' ? fromVhd(body(), capacityBytes) : fromRaw(body(), capacityBytes);
    for await (const { n, bytes } of clusters) {
      if (isZero(bytes)) continue;
      if (isBridged(last, n)) for (let gap = last + 1; gap < n; gap++) await put(gap, ZEROES);
      await put(n, bytes);
      used[n] = 1;
      last = n;
    }
    if (content.file === 'raw') {
      // A file that was written before has more in it than zeroes.
      for (let n = 0; n < used.length && !content.isFresh; n++) if (used[n] === 0) await put(n, ZEROES);
      await writer.end();
    } else {
      // Last: until the tables stand nothing of the disk is named by them.
      await writer.end();
      let offset = 0;
      for (const bytes of tablesOf(layout, (cluster) => used[cluster] === 1)) {
        await writer.put(offset, bytes);
        offset += bytes.length;
      }
      await writer.end();
    }
    return { ok: true, value: undefined };
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    await writer.abort(error.fault.text);
    return refused(error.fault);
  }
};
