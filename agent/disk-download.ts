/** The file of a volume, raw or qcow2, in; the disk inside it to a client, as raw bytes or as VHD, out, with few reads. */
import { randomBytes } from 'node:crypto';
import { fault, type Outcome, refused } from '../mappings/generic/faults.ts';
import type { NativeCall } from '../mappings/generic/native.ts';
import type { DiskContent } from '../mappings/generic/platform.ts';
import { extentsOf, HEADER_READ_BYTES, parseHeader, readL1, readL2 } from '../mappings/generic/qcow2.ts';
import { BLOCK_BYTES, blocksOf, FULL_BITMAP, frameOf } from '../mappings/generic/vhd.ts';
import type { Client } from './client.ts';
import { Broken, orBroken, part, ZEROES } from './disk-image.ts';
import type { HostSession } from './host-session.ts';

type Write = (bytes: Uint8Array) => Promise<void> | undefined;

/** A disk that can be read: whole ranges of it, in order, and which parts need not be. */
interface Source {
  readonly capacityBytes: number;
  /** May be other than zeroes. */
  isUsed(from: number, to: number): Promise<boolean>;
  send(from: number, to: number, write: Write): Promise<void>;
}

const writeZeroes = async (lengthBytes: number, write: Write): Promise<void> => {
  for (let left = lengthBytes; left > 0; left -= ZEROES.length)
    await write(left >= ZEROES.length ? ZEROES : ZEROES.subarray(0, left));
};

const ENTRY_BYTES = 8;

const createSource = async (
  host: HostSession,
  call: NativeCall,
  content: DiskContent,
  gone: () => boolean,
): Promise<Source> => {
  /** Of a file that is shorter the rest is zeroes. */
  const copy = async (offset: number, lengthBytes: number, write: Write): Promise<void> => {
    if (gone()) throw new Broken(fault('cancelled', {}, 'the client is gone'));
    const { stream, close } = orBroken(await host.stream(part(call, offset, lengthBytes), 'download'));
    let left = lengthBytes;
    stream.onChunk((bytes) => {
      const piece = bytes.length > left ? bytes.subarray(0, left) : bytes;
      left -= piece.length;
      const room = write(piece);
      if (gone()) stream.abort('the client is gone');
      if (room === undefined) return;
      stream.pause();
      void room.then(() => stream.resume());
    });
    try {
      orBroken(await stream.opened);
      orBroken(await stream.finished);
    } finally {
      close();
    }
    await writeZeroes(left, write);
  };
  const read = async (offset: number, lengthBytes: number): Promise<Buffer> => {
    const pieces: Buffer[] = [];
    await copy(offset, lengthBytes, (bytes) => {
      pieces.push(Buffer.from(bytes));
      return undefined;
    });
    return Buffer.concat(pieces);
  };

  if (content.file === 'raw')
    return {
      capacityBytes: content.capacityBytes,
      isUsed: async () => true,
      send: (from, to, write) => copy(from, to - from, write),
    };
  const header = parseHeader(await read(0, HEADER_READ_BYTES));
  if ('refused' in header) throw new Broken(fault('not-supported', {}, header.refused));
  const { capacityBytes, clusterBytes } = header;
  const l1 = readL1(await read(header.l1Offset, header.l1Entries * ENTRY_BYTES));
  const perTable = (clusterBytes / ENTRY_BYTES) * clusterBytes;
  let kept: { readonly n: number; readonly entries: readonly (number | undefined)[] } | undefined;
  /** Entries of one table; none: it has no cluster. */
  const tableAt = async (n: number): Promise<readonly (number | undefined)[]> => {
    if (kept?.n === n) return kept.entries;
    const offset = l1[n] ?? 0;
    const entries = offset === 0 ? [] : readL2(await read(offset, clusterBytes));
    if (entries.includes(undefined)) throw new Broken(fault('not-supported', {}, 'the image is compressed'));
    kept = { n, entries };
    return entries;
  };
  /** The parts of a range that lie in one table each. Ranges begin where a cluster begins. */
  async function* parts(from: number, to: number) {
    for (let at = from; at < to; ) {
      const n = Math.floor(at / perTable);
      const until = Math.min(to, (n + 1) * perTable);
      const first = (at - n * perTable) / clusterBytes;
      const entries = await tableAt(n);
      yield {
        entries: entries.slice(first, Math.ceil((until - n * perTable) / clusterBytes)),
        lengthBytes: until - at,
      };
      at = until;
    }
  }
  return {
    capacityBytes,
    isUsed: async (from, to) => {
      for await (const { entries } of parts(from, to)) if (entries.some((offset) => offset !== 0)) return true;
      return false;
    },
    send: async (from, to, write) => {
      for await (const { entries, lengthBytes } of parts(from, to)) {
        const extents =
          entries.length === 0 ? [{ offset: undefined, lengthBytes }] : extentsOf(entries, clusterBytes, lengthBytes);
        for (const extent of extents) {
          if (extent.offset === undefined) await writeZeroes(extent.lengthBytes, write);
          else await copy(extent.offset, extent.lengthBytes, write);
        }
      }
    },
  };
};

/** Puts its bitmap before each block of what is written. */
const inBlocks = (write: Write): { readonly write: Write; readonly fill: () => Promise<void> } => {
  let at = 0;
  const put: Write = (bytes) => {
    let room: Promise<void> | undefined;
    for (let from = 0; from < bytes.length; ) {
      if (at === 0) void write(FULL_BITMAP);
      const taken = Math.min(bytes.length - from, BLOCK_BYTES - at);
      room = write(bytes.subarray(from, from + taken));
      from += taken;
      at = (at + taken) % BLOCK_BYTES;
    }
    return room;
  };
  /** The last block is a whole one, whatever of it the disk has. */
  return { write: put, fill: () => writeZeroes(at === 0 ? 0 : BLOCK_BYTES - at, put) };
};

/** Clusters of the file may be larger than blocks: both begin together only at these. */
const asVhd = async (source: Source, open: (lengthBytes: number) => void, write: Write): Promise<void> => {
  const { capacityBytes } = source;
  const used = new Uint8Array(blocksOf(capacityBytes));
  const endOf = (block: number): number => Math.min(capacityBytes, (block + 1) * BLOCK_BYTES);
  for (const block of used.keys()) used[block] = (await source.isUsed(block * BLOCK_BYTES, endOf(block))) ? 1 : 0;
  const frame = frameOf(capacityBytes, (block) => used[block] === 1, randomBytes(16));
  open(frame.lengthBytes);
  await write(frame.before);
  const blocks = inBlocks(write);
  for (let first = used.indexOf(1); first >= 0; ) {
    let last = first;
    while (used[last + 1] === 1) last++;
    await source.send(first * BLOCK_BYTES, endOf(last), blocks.write);
    first = used.indexOf(1, last + 1);
  }
  await blocks.fill();
  await write(frame.after);
};

/** `open` is called when it is known that the disk can be read, and how much will come. */
export const downloadDisk = async (options: {
  readonly client: Client;
  readonly host: HostSession;
  readonly call: NativeCall;
  readonly content: DiskContent;
  readonly open: (lengthBytes: number) => void;
}): Promise<Outcome<undefined>> => {
  const { client, host, call, content, open } = options;
  const write: Write = (bytes) => client.write(bytes);
  try {
    const source = await createSource(host, call, content, () => client.gone);
    if (content.client === 'vhd') await asVhd(source, open, write);
    else {
      open(source.capacityBytes);
      await source.send(0, source.capacityBytes, write);
    }
    return client.gone ? refused(fault('cancelled', {}, 'the client is gone')) : { ok: true, value: undefined };
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    return refused(error.fault);
  }
};
