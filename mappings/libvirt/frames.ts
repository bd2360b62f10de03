// The frames of virnetprotocol.x: bytes in, headers with their payload ranges out; every length is bounded before it is believed.
import { DecodeError } from '../wire/xdr.ts';

/** virnetprotocol.x: message types and statuses. */
export const CALL = 0;
export const REPLY = 1;
export const MESSAGE = 2;
export const STREAM = 3;
const CALL_WITH_FDS = 4;
export const REPLY_WITH_FDS = 5;
export const STREAM_HOLE = 6;
export const STATUS_OK = 0;
export const STATUS_ERROR = 1;
export const STATUS_CONTINUE = 2;

export const PROGRAM_KEEPALIVE = 0x6b65_6570;
export const PING = 1;
export const PONG = 2;

export const HEADER_BYTES = 28;
/** The length counts its own four bytes, the limit does not. */
export const FRAME_MAX_BYTES = 32 * 1024 * 1024 + 4;
const FDS_MAX = 32;

/** One frame; `bytes` from `start` to `end` is the payload, as a view of what was received. */
export type Frame = {
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly type: number;
  readonly serial: number;
  readonly status: number;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
};

/** Cuts received bytes into frames. A frame inside one chunk is not copied; one over many chunks is joined once. */
export class FrameCutter {
  readonly #chunks: Buffer[] = [];
  #held = 0;
  /** Bytes that must be there before anything more can be said. */
  #need = 4;
  /** After a frame with file descriptors come carrier bytes that belong to no frame. */
  #skip = 0;

  /** Bytes held of a frame that is not complete. */
  get held(): number {
    return this.#held;
  }

  push(chunk: Uint8Array, take: (frame: Frame) => void): void {
    let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (this.#held > 0) {
      const missing = this.#need - this.#held;
      if (bytes.length < missing) {
        this.#hold(bytes);
        return;
      }
      // Exactly what is missing: the rest of the chunk is cut in place below.
      this.#hold(bytes.subarray(0, missing));
      bytes = bytes.subarray(missing);
      const joined = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks, this.#held);
      this.#chunks.length = 0;
      this.#held = 0;
      const rest = this.#cut(joined, take);
      if (rest < joined.length) this.#hold(joined.subarray(rest));
    }
    const rest = this.#cut(bytes, take);
    if (rest < bytes.length) this.#hold(bytes.subarray(rest));
  }

  #hold(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#held += bytes.length;
  }

  /** Gives every whole frame; returns where the incomplete one begins, with `need` set to its length. */
  #cut(bytes: Buffer, take: (frame: Frame) => void): number {
    let at = 0;
    for (;;) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, bytes.length - at);
        this.#skip -= skipped;
        at += skipped;
      }
      this.#need = 4;
      if (bytes.length - at < 4) return at;
      const length = bytes.readUInt32BE(at);
      if (length < HEADER_BYTES || length > FRAME_MAX_BYTES) {
        throw new DecodeError(`frame of ${length} bytes, allowed ${HEADER_BYTES}..${FRAME_MAX_BYTES}`);
      }
      this.#need = length;
      if (bytes.length - at < length) return at;
      const end = at + length;
      const type = bytes.readInt32BE(at + 16);
      let start = at + HEADER_BYTES;
      if (type === CALL_WITH_FDS || type === REPLY_WITH_FDS) {
        if (end - start < 4) throw new DecodeError('no count of file descriptors');
        const count = bytes.readUInt32BE(start);
        if (count > FDS_MAX) throw new DecodeError(`${count} file descriptors, at most ${FDS_MAX}`);
        start += 4;
        this.#skip = count;
      }
      take({
        program: bytes.readUInt32BE(at + 4),
        version: bytes.readUInt32BE(at + 8),
        procedure: bytes.readInt32BE(at + 12),
        type,
        serial: bytes.readUInt32BE(at + 20),
        status: bytes.readInt32BE(at + 24),
        bytes,
        start,
        end,
      });
      at = end;
    }
  }
}
