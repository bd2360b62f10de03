/** A folder of the state directory in, the sheets that this installation changed out: each in a file of its own, written whole or not at all. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const shape = z.strictObject({
  /** Of the program's own sheet, below the program's folder. */
  path: z.string(),
  text: z.string(),
  /** Hash of the program's own text that it was made from. */
  base: z.string(),
  by: z.string(),
  atMs: z.number(),
});
export type OwnSheet = Readonly<z.output<typeof shape>>;

export interface Overlay {
  read(): ReadonlyMap<string, OwnSheet>;
  /** On disk when it returns. */
  put(sheet: OwnSheet): void;
  drop(path: string): void;
}

const ENDING = '.json';
const nameOf = (path: string): string => `${path.replaceAll('/', '.')}${ENDING}`;

const sync = (path: string): void => {
  const descriptor = openSync(path, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
};

export const openOverlay = (folder: string): Overlay => ({
  read: () => {
    const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(ENDING)) : [];
    return new Map(
      names.map((name) => {
        const file = join(folder, name);
        try {
          const sheet = shape.parse(JSON.parse(readFileSync(file, 'utf8')));
          return [sheet.path, sheet];
        } catch (error) {
          throw new Error(`${file} holds no changed sheet`, { cause: error });
        }
      }),
    );
  },
  put: (sheet) => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, nameOf(sheet.path));
    const descriptor = openSync(`${file}.new`, 'w', 0o600);
    writeSync(descriptor, JSON.stringify(sheet, undefined, 2));
    fsyncSync(descriptor);
    closeSync(descriptor);
    renameSync(`${file}.new`, file);
    sync(folder);
  },
  drop: (path) => {
    rmSync(join(folder, nameOf(path)), { force: true });
    if (existsSync(folder)) sync(folder);
  },
});
