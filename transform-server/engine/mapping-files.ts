/** Folders of the program in, and what this installation changed of it; the texts of its sheets, and a hash of every file by name, out: what a reload compares. */
import { hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Overlay, OwnSheet } from './overlay.ts';
import type { SheetTexts } from './pipeline.ts';

/** A sheet that is not the program's own. */
export interface ChangedHere extends Pick<OwnSheet, 'by' | 'atMs' | 'base'> {
  /** The program's own text of now: other than that of `base` after an update. */
  readonly own: string;
}

export interface MappingFiles {
  readonly texts: SheetTexts;
  /** By path below the program's folder, with slashes. */
  readonly hashes: ReadonlyMap<string, string>;
  /** By path. */
  readonly changedHere: ReadonlyMap<string, ChangedHere>;
  /** What whoever changed sheets here should know: for the log. */
  readonly notes: readonly string[];
}

/** Whatever a thread that translates loads. */
const FOLDERS = ['mappings', 'runtime', 'transform-server'];
const KINDS = /\.(ts|json|xsl)$/;

export const contentHash = (text: string): string => hash('sha256', text);
export const isOutdated = ({ base, own }: ChangedHere): boolean => base !== contentHash(own);

/** `root`: the folder of the program; undefined: it is not known, and nothing can be compared. */
export const readMappingFiles = (root: string | undefined, overlay?: Pick<Overlay, 'read'>): MappingFiles => {
  const texts: Record<string, string> = {};
  const hashes = new Map<string, string>();
  const changedHere = new Map<string, ChangedHere>();
  const notes: string[] = [];
  const ours = new Map(overlay?.read());
  for (const folder of root === undefined ? [] : FOLDERS) {
    for (const entry of readdirSync(join(root ?? '', folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !KINDS.test(entry.name)) continue;
      const file = join(entry.parentPath, entry.name);
      const path = relative(root ?? '', file)
        .split(sep)
        .join('/');
      const own = readFileSync(file, 'utf8');
      const changed = ours.get(path);
      ours.delete(path);
      const text = changed?.text ?? own;
      hashes.set(path, contentHash(text));
      if (entry.name.endsWith('.xsl')) texts[pathToFileURL(file).href] = text;
      if (changed === undefined) continue;
      const { by, atMs, base } = changed;
      changedHere.set(path, { by, atMs, base, own });
      if (base !== contentHash(own))
        notes.push(`${path}: changed here, and the program has another one of its own since`);
    }
  }
  for (const path of ours.keys()) notes.push(`${path}: changed here, and not a part of the program any more`);
  return { texts, hashes, changedHere, notes };
};

/** Names of files that are new, gone or other than before. */
export const changedFiles = (before: MappingFiles, after: MappingFiles): string[] =>
  [...new Set([...before.hashes.keys(), ...after.hashes.keys()])]
    .filter((name) => before.hashes.get(name) !== after.hashes.get(name))
    .sort();

/** The same files with one sheet other than it was: `changed` undefined: as the program has it. */
export const withSheet = (
  files: MappingFiles,
  { href, path, text, changed }: { href: string; path: string; text: string; changed?: ChangedHere | undefined },
): MappingFiles => {
  const changedHere = new Map(files.changedHere);
  if (changed === undefined) changedHere.delete(path);
  else changedHere.set(path, changed);
  return {
    ...files,
    texts: { ...files.texts, [href]: text },
    hashes: new Map(files.hashes).set(path, contentHash(text)),
    changedHere,
  };
};
