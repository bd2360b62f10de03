/** Files in, a tar archive of them out (POSIX ustar): plain files with short names, which is all that is packed here. */

const BLOCK = 512;
const NAME = 100;
const MODE = 0o600;

export interface TarFile {
  /** At most 100 bytes. */
  readonly name: string;
  readonly text: string;
}

const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`;

const headOf = (name: string, bytes: number, atMs: number): Buffer => {
  if (Buffer.byteLength(name) > NAME) throw new Error(`${name}: too long a name for the archive`);
  const head = Buffer.alloc(BLOCK);
  head.write(name, 0);
  head.write(octal(MODE, 8), 100);
  head.write(octal(0, 8), 108);
  head.write(octal(0, 8), 116);
  head.write(octal(bytes, 12), 124);
  head.write(octal(Math.floor(atMs / 1000), 12), 136);
  head.write(' '.repeat(8), 148);
  head.write('0', 156);
  head.write('ustar\x0000', 257);
  const sum = head.reduce((all, byte) => all + byte, 0);
  head.write(`${octal(sum, 7)} `, 148);
  return head;
};

const padded = (bytes: number): number => Math.ceil(bytes / BLOCK) * BLOCK;

/** Without an end: more may follow. */
export const tarPieces = (files: readonly TarFile[], atMs: number): Buffer =>
  Buffer.concat(
    files.flatMap(({ name, text }) => {
      const bytes = Buffer.from(text);
      return [headOf(name, bytes.length, atMs), bytes, Buffer.alloc(padded(bytes.length) - bytes.length)];
    }),
  );

export const TAR_END = Buffer.alloc(2 * BLOCK);

/** Where the files of an archive end. */
export const endOfTar = (archive: Buffer): number => {
  let at = 0;
  while (at + BLOCK <= archive.length && archive[at] !== 0)
    at += BLOCK + padded(Number.parseInt(archive.toString('latin1', at + 124, at + 135), 8) || 0);
  return at;
};
