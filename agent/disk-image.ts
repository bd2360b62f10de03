/** A disk's own bytes on the client's side, a file of another format on the host's: uploads and downloads that translate between them, with few reads and writes of the file. */

import { type Fault, fault, type Outcome, refused } from '../mappings/generic/faults.ts';
import type { NativeCall } from '../mappings/generic/native.ts';
import type { HostStream } from '../mappings/generic/platform.ts';
import {
  CLUSTER_BYTES,
  type Extent,
  extentsOf,
  HEADER_READ_BYTES,
  type Header,
  layoutOf,
  parseHeader,
  readL1,
  readL2,
  tablesOf,
} from '../mappings/generic/qcow2.ts';
import type { Client } from './client.ts';
import type { HostSession } from './host-session.ts';

const done: Outcome<undefined> = { ok: true, value: undefined };
/** Zeroes between two pieces that are written along rather than starting a further transfer. */
const BRIDGED_CLUSTERS = 64;
const ZEROES = new Uint8Array(CLUSTER_BYTES);

const at = (call: NativeCall, offsetBytes: number, lengthBytes: number): NativeCall => ({
  ...call,
  args: { ...call.args, offsetBytes, lengthBytes },
});

class Broken extends Error {
  readonly fault: Fault;
  constructor(reason: Fault) {
    super(reason.text);
    this.fault = reason;
  }
}

const orBroken = <T>(outcome: Outcome<T>): T => {
  if (outcome.ok) return outcome.value;
  throw new Broken(outcome.fault);
};

// ---- the file's writer ----

/** Pieces in the order of the file, at most one transfer open. */
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
        open = orBroken(await host.stream(at(call, offset, -1), 'upload'));
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

const isZero = (bytes: Uint8Array): boolean =>
  Buffer.compare(bytes, bytes.length === ZEROES.length ? ZEROES : ZEROES.subarray(0, bytes.length)) === 0;

/** Whole clusters of what comes in pieces of any size; the last one is filled up with zeroes. */
async function* clustersOf(pieces: AsyncIterable<Buffer>, mostBytes: number): AsyncGenerator<Uint8Array> {
  let cluster = Buffer.alloc(CLUSTER_BYTES);
  let filled = 0;
  let came = 0;
  for await (const piece of pieces) {
    came += piece.length;
    if (came > mostBytes) throw new Broken(fault('invalid-request', {}, 'the body is longer than the disk'));
    for (let from = 0; from < piece.length; ) {
      const taken = piece.copy(cluster, filled, from);
      from += taken;
      filled += taken;
      if (filled < CLUSTER_BYTES) continue;
      yield cluster;
      cluster = Buffer.alloc(CLUSTER_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield cluster;
}

/** The body of the client is the disk from its first byte on; what it does not reach reads as zeroes afterwards. */
export const uploadDisk = async (options: {
  readonly client: Client;
  readonly host: HostSession;
  readonly call: NativeCall;
  readonly capacityBytes: number;
  /** The client may close in the middle. */
  readonly cutIsEnd: boolean;
}): Promise<Outcome<undefined>> => {
  const { client, host, call, capacityBytes, cutIsEnd } = options;
  const layout = layoutOf(capacityBytes);
  const used = new Uint8Array(layout.clusters);
  const writer = createWriter(host, call);
  async function* body(): AsyncGenerator<Buffer> {
    try {
      for await (const piece of client.body()) yield piece;
    } catch (error) {
      if (!cutIsEnd) throw new Broken(fault('cancelled', {}, error instanceof Error ? error.message : String(error)));
    }
  }
  try {
    let n = 0;
    let zeroes = 0;
    for await (const cluster of clustersOf(body(), capacityBytes)) {
      if (isZero(cluster)) zeroes++;
      else {
        const first = zeroes <= BRIDGED_CLUSTERS && n > zeroes ? n - zeroes : n;
        for (let gap = first; gap < n; gap++) await writer.put(layout.dataOffset + gap * CLUSTER_BYTES, ZEROES);
        await writer.put(layout.dataOffset + n * CLUSTER_BYTES, cluster);
        used[n] = 1;
        zeroes = 0;
      }
      n++;
    }
    // Last: until the tables stand nothing of the disk is named by them.
    await writer.end();
    let offset = 0;
    for (const bytes of tablesOf(layout, (cluster) => used[cluster] === 1)) {
      await writer.put(offset, bytes);
      offset += bytes.length;
    }
    await writer.end();
    return done;
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    await writer.abort(error.fault.text);
    return refused(error.fault);
  }
};

// ---- the file's reader ----

const readAt = async (host: HostSession, call: NativeCall, offset: number, lengthBytes: number): Promise<Buffer> => {
  const { stream, close } = orBroken(await host.stream(at(call, offset, lengthBytes), 'download'));
  const pieces: Buffer[] = [];
  stream.onChunk((bytes) => pieces.push(Buffer.from(bytes)));
  try {
    orBroken(await stream.opened);
    orBroken(await stream.finished);
  } finally {
    close();
  }
  const all = Buffer.concat(pieces);
  // Behind the end of a file stands nothing, which is zeroes.
  return all.length >= lengthBytes
    ? all.subarray(0, lengthBytes)
    : Buffer.concat([all, Buffer.alloc(lengthBytes - all.length)]);
};

const sendZeroes = async (client: Client, lengthBytes: number): Promise<void> => {
  for (let left = lengthBytes; left > 0 && !client.gone; left -= CLUSTER_BYTES)
    await client.write(left >= CLUSTER_BYTES ? ZEROES : ZEROES.subarray(0, left));
};

const sendExtent = async (client: Client, host: HostSession, call: NativeCall, extent: Extent): Promise<void> => {
  if (extent.offset === undefined) return sendZeroes(client, extent.lengthBytes);
  const { stream, close } = orBroken(await host.stream(at(call, extent.offset, extent.lengthBytes), 'download'));
  let left = extent.lengthBytes;
  stream.onChunk((bytes) => {
    const piece = bytes.length > left ? bytes.subarray(0, left) : bytes;
    left -= piece.length;
    const room = client.write(piece);
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
  await sendZeroes(client, left);
};

const headerIn = async (host: HostSession, call: NativeCall): Promise<Header> => {
  const header = parseHeader(await readAt(host, call, 0, HEADER_READ_BYTES));
  if ('refused' in header) throw new Broken(fault('not-supported', {}, header.refused));
  return header;
};

const ENTRY_BYTES = 8;

/** The disk from its first byte to its last; `open` is called when it is known that it can be read. */
export const downloadDisk = async (options: {
  readonly client: Client;
  readonly host: HostSession;
  readonly call: NativeCall;
  readonly open: (capacityBytes: number) => void;
}): Promise<Outcome<undefined>> => {
  const { client, host, call, open } = options;
  try {
    const header = await headerIn(host, call);
    const { capacityBytes, clusterBytes } = header;
    const l1 = readL1(await readAt(host, call, header.l1Offset, header.l1Entries * ENTRY_BYTES));
    const perTable = (clusterBytes / ENTRY_BYTES) * clusterBytes;
    open(capacityBytes);
    for (let n = 0; n * perTable < capacityBytes && !client.gone; n++) {
      const lengthBytes = Math.min(perTable, capacityBytes - n * perTable);
      const offset = l1[n] ?? 0;
      const entries = offset === 0 ? [] : readL2(await readAt(host, call, offset, clusterBytes));
      if (entries.includes(undefined)) throw new Broken(fault('not-supported', {}, 'the image is compressed'));
      const extents =
        entries.length === 0 ? [{ offset: undefined, lengthBytes }] : extentsOf(entries, clusterBytes, lengthBytes);
      for (const extent of extents) {
        if (client.gone) break;
        await sendExtent(client, host, call, extent);
      }
    }
    return client.gone ? refused(fault('cancelled', {}, 'the client is gone')) : done;
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    return refused(error.fault);
  }
};
