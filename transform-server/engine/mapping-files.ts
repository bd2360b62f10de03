/** Folders of the program in; the texts of its sheets, and a hash of every file by name, out: what a reload compares. */
import { hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { SheetTexts } from './pipeline.ts';

export interface MappingFiles {
  readonly texts: SheetTexts;
  /** By path below the program's folder, with slashes. */
  readonly hashes: ReadonlyMap<string, string>;
}

/** Whatever a thread that translates loads. */
const FOLDERS = ['mappings', 'runtime', 'transform-server'];
const KINDS = /\.(ts|json|xsl)$/;

/** `root`: the folder of the program; undefined: it is not known, and nothing can be compared. */
export const readMappingFiles = (root: string | undefined): MappingFiles => {
  const texts: Record<string, string> = {};
  const hashes = new Map<string, string>();
  for (const folder of root === undefined ? [] : FOLDERS) {
    for (const entry of readdirSync(join(root ?? '', folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !KINDS.test(entry.name)) continue;
      const path = join(entry.parentPath, entry.name);
      const text = readFileSync(path, 'utf8');
      hashes.set(
        relative(root ?? '', path)
          .split(sep)
          .join('/'),
        hash('sha256', text),
      );
      if (entry.name.endsWith('.xsl')) texts[pathToFileURL(path).href] = text;
    }
  }
  return { texts, hashes };
};

/** Names of files that are new, gone or other than before. */
export const changedFiles = (before: MappingFiles, after: MappingFiles): string[] =>
  [...new Set([...before.hashes.keys(), ...after.hashes.keys()])]
    .filter((name) => before.hashes.get(name) !== after.hashes.get(name))
    .sort();
