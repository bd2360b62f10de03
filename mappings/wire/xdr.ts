// XDR (RFC 4506) with a bound on everything: bytes in, values out, and back; pad bytes and trailing bytes are checked.

/** The peer sent something that is not what the protocol says; caught at the border of a transport. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/** We tried to send something the protocol cannot carry: our bug, or unvalidated input. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError';
}

/** Reads one value at the reader's position. */
export type Read<T> = (reader: XdrReader) => T;
/** Writes one value at the writer's position. */
export type Write<T> = (writer: XdrWriter, value: T) => void;
/** Both directions of one type. */
export interface Codec<T> {
  readonly read: Read<T>;
  readonly write: Write<T>;
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A position in received bytes; every read is bounded by `end`. */
export class XdrReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.byteLength) {
    if (start < 0 || end > bytes.byteLength || start > end) throw new RangeError(`range ${start}..${end}`);
    this.#bytes = asBuffer(bytes);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = end;
  }

  get position(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  #take(size: number): number {
    const at = this.#at;
    if (size > this.#end - at) throw new DecodeError(`${size} bytes wanted at ${at}, ${this.#end - at} left`);
    this.#at = at + size;
    return at;
  }

  int(): number {
    return this.#view.getInt32(this.#take(4));
  }

  uint(): number {
    return this.#view.getUint32(this.#take(4));
  }

  hyper(): bigint {
    return this.#view.getBigInt64(this.#take(8));
  }

  uhyper(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  double(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  bool(): boolean {
    const value = this.uint();
    if (value > 1) throw new DecodeError(`bool is ${value}`);
    return value === 1;
  }

  #pad(length: number): void {
    const size = -length & 3;
    const at = this.#take(size);
    for (let i = 0; i < size; i++) {
      if (this.#bytes[at + i] !== 0) throw new DecodeError(`pad byte at ${at + i} is not zero`);
    }
  }

  /** A count, checked against the declared maximum and against the bytes that are there. */
  count(max: number, itemBytes: number): number {
    const count = this.uint();
    if (count > max) throw new DecodeError(`${count} items, at most ${max}`);
    if (count * itemBytes > this.remaining)
      throw new DecodeError(`${count} items announced, ${this.remaining} bytes left`);
    return count;
  }

  string(maxBytes: number): string {
    const length = this.count(maxBytes, 1);
    const at = this.#take(length);
    const text = this.#bytes.toString('utf8', at, at + length);
    if (length & 3) this.#pad(length);
    return text;
  }

  /** A view, not a copy. */
  fixedOpaque(length: number): Buffer {
    const at = this.#take(length);
    if (length & 3) this.#pad(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** A view, not a copy. */
  opaque(maxBytes: number): Buffer {
    return this.fixedOpaque(this.count(maxBytes, 1));
  }

  /** Hexadecimal text of fixed opaque data; cheaper than a view of it. */
  hex(length: number): string {
    const at = this.#take(length);
    return this.#bytes.toString('hex', at, at + length);
  }

  optional<T>(read: Read<T>): T | null {
    return this.bool() ? read(this) : null;
  }

  array<T>(max: number, read: Read<T>): T[] {
    const count = this.count(max, 4);
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(read(this));
    return items;
  }

  /** `char name[length]`: XDR gives every char four bytes; text ends at the first zero. */
  fixedChars(length: number): string {
    const chars = this.#chars(length);
    const end = chars.indexOf(0);
    const text = chars.toString('utf8', 0, end < 0 ? length : end);
    for (let i = end < 0 ? length : end; i < length; i++) {
      if (chars[i] !== 0) throw new DecodeError('char array goes on after its end');
    }
    return text;
  }

  /** `char data<>`: four bytes for each byte. */
  chars(max: number): Buffer {
    return this.#chars(this.count(max, 4));
  }

  #chars(length: number): Buffer {
    const chars = Buffer.alloc(length);
    for (let i = 0; i < length; i++) {
      const value = this.int();
      if (value < -128 || value > 255) throw new DecodeError(`char is ${value}`);
      chars[i] = value & 0xff;
    }
    return chars;
  }

  /** Everything must have been read. */
  end(): void {
    if (this.remaining !== 0) throw new DecodeError(`${this.remaining} bytes left over`);
  }
}

const INT_MIN = -0x8000_0000;
const INT_MAX = 0x7fff_ffff;
const UINT_MAX = 0xffff_ffff;
const HYPER_MIN = -(2n ** 63n);
const HYPER_MAX = 2n ** 63n - 1n;
const UHYPER_MAX = 2n ** 64n - 1n;

/** Values in, bytes out, in one growing buffer that may hold many messages. */
export class XdrWriter {
  readonly #limit: number;
  #bytes: Buffer;
  #view: DataView;
  #at = 0;

  constructor(initialBytes = 1024, limitBytes = 64 * 1024 * 1024) {
    this.#limit = limitBytes;
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(64, initialBytes));
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#at;
  }

  /** Forgets what was written after `length`: a message that could not be encoded leaves nothing behind. */
  truncate(length: number): void {
    if (length < 0 || length > this.#at) throw new RangeError(`truncate to ${length} of ${this.#at}`);
    this.#at = length;
  }

  /** The bytes written so far; the writer starts again with an empty buffer of its own. */
  take(): Buffer {
    const bytes = this.#bytes.subarray(0, this.#at);
    // A small tail of a big buffer stays usable; anything taken is never written again.
    const rest = this.#bytes.subarray(this.#at);
    const next = rest.length >= 1024 ? rest : Buffer.allocUnsafeSlow(16 * 1024);
    this.#bytes = next;
    this.#view = new DataView(next.buffer, next.byteOffset, next.byteLength);
    this.#at = 0;
    return bytes;
  }

  #room(size: number): number {
    const at = this.#at;
    const need = at + size;
    if (need > this.#bytes.length) {
      if (need > this.#limit) throw new EncodeError(`${need} bytes, at most ${this.#limit}`);
      const bigger = Buffer.allocUnsafeSlow(Math.min(this.#limit, Math.max(need, this.#bytes.length * 2)));
      this.#bytes.copy(bigger, 0, 0, at);
      this.#bytes = bigger;
      this.#view = new DataView(bigger.buffer);
    }
    this.#at = need;
    return at;
  }

  int(value: number): void {
    if (!Number.isInteger(value) || value < INT_MIN || value > INT_MAX) throw new EncodeError(`int ${value}`);
    // The view is looked up after `room`, which may replace it.
    const at = this.#room(4);
    this.#view.setInt32(at, value);
  }

  uint(value: number): void {
    if (!Number.isInteger(value) || value < 0 || value > UINT_MAX) throw new EncodeError(`unsigned int ${value}`);
    const at = this.#room(4);
    this.#view.setUint32(at, value);
  }

  /** Overwrites an unsigned int written before: lengths are known last. */
  patchUint(at: number, value: number): void {
    if (at < 0 || at + 4 > this.#at) throw new RangeError(`patch at ${at}`);
    this.#view.setUint32(at, value);
  }

  hyper(value: bigint): void {
    if (value < HYPER_MIN || value > HYPER_MAX) throw new EncodeError(`hyper ${value}`);
    const at = this.#room(8);
    this.#view.setBigInt64(at, value);
  }

  uhyper(value: bigint): void {
    if (value < 0n || value > UHYPER_MAX) throw new EncodeError(`unsigned hyper ${value}`);
    const at = this.#room(8);
    this.#view.setBigUint64(at, value);
  }

  double(value: number): void {
    const at = this.#room(8);
    this.#view.setFloat64(at, value);
  }

  bool(value: boolean): void {
    this.uint(value ? 1 : 0);
  }

  string(value: string, maxBytes: number): void {
    const length = Buffer.byteLength(value);
    if (length > maxBytes) throw new EncodeError(`string of ${length} bytes, at most ${maxBytes}`);
    this.uint(length);
    const at = this.#room(length);
    if (this.#bytes.write(value, at, length, 'utf8') !== length) throw new EncodeError('string is not well-formed');
    this.#zeroes(-length & 3);
  }

  /** Bytes as they are: no length, no padding. */
  raw(value: Uint8Array): void {
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
  }

  fixedOpaque(value: Uint8Array, length: number): void {
    if (value.length !== length) throw new EncodeError(`opaque of ${value.length} bytes, must be ${length}`);
    const at = this.#room(length);
    this.#bytes.set(value, at);
    this.#zeroes(-length & 3);
  }

  opaque(value: Uint8Array, maxBytes: number): void {
    if (value.length > maxBytes) throw new EncodeError(`opaque of ${value.length} bytes, at most ${maxBytes}`);
    this.uint(value.length);
    this.fixedOpaque(value, value.length);
  }

  hex(value: string, length: number): void {
    const at = this.#room(length);
    if (value.length !== length * 2 || this.#bytes.write(value, at, length, 'hex') !== length) {
      throw new EncodeError(`not ${length} bytes of hexadecimal`);
    }
  }

  #zeroes(size: number): void {
    if (size === 0) return;
    const at = this.#room(size);
    this.#bytes.fill(0, at, at + size);
  }

  optional<T>(value: T | null | undefined, write: Write<T>): void {
    const present = value !== null && value !== undefined;
    this.bool(present);
    if (present) write(this, value);
  }

  array<T>(items: readonly T[], max: number, write: Write<T>): void {
    if (items.length > max) throw new EncodeError(`${items.length} items, at most ${max}`);
    this.uint(items.length);
    for (const item of items) write(this, item);
  }

  fixedChars(value: string, length: number): void {
    const bytes = Buffer.from(value);
    if (bytes.length > length) throw new EncodeError(`${bytes.length} chars, at most ${length}`);
    for (let i = 0; i < length; i++) this.int(bytes[i] ?? 0);
  }

  chars(value: Uint8Array, max: number): void {
    if (value.length > max) throw new EncodeError(`${value.length} chars, at most ${max}`);
    this.uint(value.length);
    // `char` is signed: the peers sign-extend.
    for (const byte of value) this.int((byte << 24) >> 24);
  }
}
