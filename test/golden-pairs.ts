/** Golden files of fixtures/<platform>/documents in; (sheet, input, expected output) out. The naming is told in golden.test.ts. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseDocument } from '../mappings/generic/documents.ts';
import type { Vm } from '../mappings/generic/model.ts';
import type { Scan } from '../mappings/generic/native.ts';
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

/** The VMs among them: what the scan says of the native document, and the generic document as the sheet shall make it. */
export const goldenVms = async (): Promise<{ name: string; scan: Scan; document: Vm }[]> => {
  const found: { name: string; scan: Scan; document: Vm }[] = [];
  for (const name of Object.keys(PLATFORMS)) {
    const directory = `${FIXTURES}/${name}/documents`;
    const side = existsSync(directory) ? (await loadPlatform(PLATFORMS, name)).host : undefined;
    if (side === undefined) continue;
    for (const file of readdirSync(directory).filter((one) => one.endsWith('.native.xml'))) {
      const native = parseNative(readFileSync(`${directory}/${file}`, 'utf8'));
      if (native.kind !== 'vm') continue;
      const generic = readFileSync(`${directory}/${file.replace('.native.', '.generic.')}`, 'utf8');
      found.push({ name: `${name}/${file}`, scan: side.scan(native), document: parseDocument('vm', generic.trim()) });
    }
  }
  return found;
};
