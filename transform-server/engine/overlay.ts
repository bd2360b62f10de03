/** A folder of the state directory in, the sheets that this installation changed out: each in a file of its own, written whole or not at all. */
import { closeSync, existsSync, fsyncSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { makeFolder, replaceFile } from '../../runtime/replace-file.ts';

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
  /** It lasts when it resolves. */
  put(sheet: OwnSheet): Promise<void>;
  drop(path: string): Promise<void>;
  /** Whether somebody else changed anything, so that `read` gives it; absent: nobody else can. */
  refresh?(): Promise<boolean>;
}

/** `place`: where the text stood, for people. */
export const parseOwnSheet = (text: string, place: string): OwnSheet => {
  try {
    return shape.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(`${place} holds no changed sheet`, { cause: error });
  }
};

const ENDING = '.json';
const nameOf = (path: string): string => `${path.replaceAll('/', '.')}${ENDING}`;

/** So that names in the folder last as well. */
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
        const sheet = parseOwnSheet(readFileSync(file, 'utf8'), file);
        return [sheet.path, sheet];
      }),
    );
  },
  put: async (sheet) => {
    makeFolder(folder);
    replaceFile(join(folder, nameOf(sheet.path)), JSON.stringify(sheet, undefined, 2), 0o600);
    sync(folder);
  },
  drop: async (path) => {
    rmSync(join(folder, nameOf(path)), { force: true });
    if (existsSync(folder)) sync(folder);
  },
});
