/** Golden files of fixtures/<platform>/documents in; (sheet, input, expected output) out. The naming is told in golden.test.ts. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseDocument } from '../mappings/generic/documents.ts';
import type { DocumentKind, Documents, Vm } from '../mappings/generic/model.ts';
import type { NativeObject, Scan } from '../mappings/generic/native.ts';
import type { Platform } from '../mappings/generic/platform.ts';
import { PLATFORMS } from '../mappings/platforms.ts';
import { goldenCases, parseNative } from '../transform-server/engine/golden-cases.ts';
import { rawInput } from '../transform-server/engine/work.ts';

export { parseNative };

export interface GoldenPair {
  readonly name: string;
  readonly sheet: string;
  readonly input: string;
  /** undefined: the file does not exist yet (UPDATE_GOLDEN=1 writes it). */
  readonly expected: string | undefined;
  readonly file: string;
}

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));
type Loaders = Readonly<Record<string, () => Promise<Platform>>>;

const loadPlatform = (platforms: Loaders, name: string): Promise<Platform> => {
  const load = platforms[name];
  if (!load) throw new Error(`fixtures name a platform that is not there: ${name}`);
  return load();
};

export const goldenPairs = async (fixtures = FIXTURES, platforms: Loaders = PLATFORMS): Promise<GoldenPair[]> =>
  Promise.all(
    goldenCases(fixtures, Object.keys(platforms)).map(async ({ name, work, expected, file }) => {
      const platform = await loadPlatform(platforms, work.platform);
      const { direction, kind, input } = rawInput(platform, work);
      const sheet = platform.sheets[direction]?.[kind];
      if (!sheet) throw new Error(`no sheet ${work.platform} ${direction} ${kind}`);
      return { name, sheet: fileURLToPath(sheet), input, expected, file };
    }),
  );

export interface GoldenDocument {
  /** Of the files: `vm-template`. */
  readonly name: string;
  readonly native: NativeObject;
  readonly document: Documents[DocumentKind];
}

/** The native documents of a platform with the generic ones that are made of them. */
export const goldenDocuments = (platform: string): GoldenDocument[] => {
  const folder = `${FIXTURES}/${platform}/documents`;
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((file) => {
    const name = /^(.*)\.native\.xml$/.exec(file)?.[1];
    if (name === undefined) return [];
    const native = parseNative(readFileSync(`${folder}/${file}`, 'utf8'));
    const text = readFileSync(`${folder}/${name}.generic.xml`, 'utf8');
    return [{ name, native, document: parseDocument(native.kind, text.trim()) }];
  });
};

/** The VMs among them: what the scan says of the native document, and the generic document as the sheet shall make it. */
export const goldenVms = async (): Promise<{ name: string; scan: Scan; document: Vm }[]> => {
  const found: { name: string; scan: Scan; document: Vm }[] = [];
  for (const name of Object.keys(PLATFORMS)) {
    const side = (await loadPlatform(PLATFORMS, name)).host;
    if (side === undefined) continue;
    for (const golden of goldenDocuments(name))
      if (golden.native.kind === 'vm')
        found.push({ name: `${name}/${golden.name}`, scan: side.scan(golden.native), document: golden.document as Vm });
  }
  return found;
};
