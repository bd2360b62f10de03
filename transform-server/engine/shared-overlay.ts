/** Texts that several servers share in, the sheets that any of them changed out: as they were when this server last looked. */
import type { SharedTexts } from '../storage/cell-contract.ts';
import { type Overlay, type OwnSheet, parseOwnSheet } from './overlay.ts';

const NAME = /^sheet (.+)$/;
const nameOf = (path: string): string => `sheet ${path}`;

/** Empty until it is refreshed. */
export const openSharedOverlay = (texts: SharedTexts): Required<Overlay> => {
  let known = Number.NaN;
  let sheets: ReadonlyMap<string, OwnSheet> = new Map();
  /** Upon what this server knows, and nothing newer: what it judged the sheet with. */
  const write = async (path: string, sheet: OwnSheet | undefined): Promise<void> => {
    if (!(await texts.write(known, nameOf(path), sheet && JSON.stringify(sheet))))
      throw new Error('another server changed a sheet meanwhile: look at it, and try again');
    known += 1;
    const next = new Map(sheets);
    next.delete(path);
    sheets = sheet === undefined ? next : next.set(path, sheet);
  };
  return {
    read: () => sheets,
    put: (sheet) => write(sheet.path, sheet),
    drop: (path) => write(path, undefined),
    refresh: async () => {
      if ((await texts.version()) === known) return false;
      const { version, texts: all } = await texts.read();
      sheets = new Map(
        [...all]
          .filter(([name]) => NAME.test(name))
          .map(([name, text]) => [name.replace(NAME, '$1'), parseOwnSheet(text, `${name} of the shared store`)]),
      );
      known = version;
      return true;
    },
  };
};
