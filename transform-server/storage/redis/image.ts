/** Snapshots of a cell: a database packed and sent to Redis piece by piece under a key of its own, and read back; no piece holds up others for long. */
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import type { Cluster, Redis } from 'ioredis';
import { LIMITS } from '../../../runtime/limits.ts';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** A whole snapshot that no cell has yet: a script puts it in its place. */
export interface Staged {
  readonly key: string;
  readonly bytes: number;
}

export const stageImage = async (client: Redis | Cluster, key: string, image: Uint8Array): Promise<Staged> => {
  // With a checksum: a snapshot that is not what was sent is refused when it is read.
  const packed = await compress(image, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  for (let from = 0; from < packed.length; from += LIMITS.redisPieceBytes) {
    // One right after the other: a server that ends here leaves nothing for ever.
    await Promise.all([
      client.setrange(key, from, packed.subarray(from, from + LIMITS.redisPieceBytes)),
      client.pexpire(key, LIMITS.redisStagedMs),
    ]);
  }
  return { key, bytes: packed.length };
};

/** undefined: there is none. `between` is called before each piece. */
export const readImage = async (
  client: Redis | Cluster,
  key: string,
  between: () => Promise<void>,
): Promise<{ readonly image: Uint8Array; readonly bytes: number } | undefined> => {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for (;;) {
    await between();
    const piece = await client.getrangeBuffer(key, bytes, bytes + LIMITS.redisPieceBytes - 1);
    if (piece.length === 0) break;
    pieces.push(piece);
    bytes += piece.length;
  }
  return bytes === 0 ? undefined : { image: await decompress(Buffer.concat(pieces)), bytes };
};
