/** Golden files of fixtures/<platform>/documents in; (sheet, input, expected output) out. The naming is told in golden.test.ts. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseDocument } from '../mappings/generic/documents.ts';
import type { HubId } from '../mappings/generic/ids.ts';
import type { DocumentKind, Documents, Vm } from '../mappings/generic/model.ts';
import type { NativeObject, Scan } from '../mappings/generic/native.ts';
import type { FrontInstance, Joins, Platform } from '../mappings/generic/platform.ts';
import { PLATFORMS } from '../mappings/platforms.ts';
import { type JoinsTable, joinsOf } from '../transform-server/engine/work.ts';

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

/** The front for which bundles are rendered. */
const front = (platform: string): FrontInstance => ({
  name: platform,
  platform,
  host: 'host-1' as HubId,
  hostName: 'golden',
  uuid: '0b1e5ce0-0000-4000-8000-000000000001',
  certificate: '',
  port: 443,
  options: {},
});

const unescapeText = (text: string): string =>
  text.replace(
    /&(lt|gt|quot|apos|amp);/g,
    (_, name: string) => ({ lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' })[name] ?? '',
  );

export const parseNative = (text: string): NativeObject => {
  const root = /^\s*<native\s+kind="([^"]*)"\s+native="([^"]*)"\s*>/.exec(text);
  if (!root) throw new Error('a native file starts with <native kind=".." native="..">');
  const parts: Record<string, string> = {};
  const facts: Record<string, string | number | boolean> = {};
  for (const [, name = '', body = ''] of text.matchAll(/<part\s+name="([^"]*)">\s*([\s\S]*?)\s*<\/part>/g))
    parts[unescapeText(name)] = body;
  for (const [, name = '', type = '', value = ''] of text.matchAll(
    /<fact\s+name="([^"]*)"\s+type="(string|number|boolean)">([^<]*)<\/fact>/g,
  ))
    facts[name] = type === 'number' ? Number(value) : type === 'boolean' ? value === 'true' : unescapeText(value);
  if (Object.keys(parts).length + Object.keys(facts).length === 0)
    throw new Error('a native file holds <part> or <fact>');
  return { kind: root[1] as DocumentKind, native: unescapeText(root[2] ?? ''), parts, facts };
};

const parseGeneric = (text: string): { kind: DocumentKind; document: Documents[DocumentKind] } => {
  const kind = /^\s*<([a-z]+)/.exec(text)?.[1] as DocumentKind;
  return { kind, document: parseDocument(kind, text.trim()) };
};

const NO_JOINS: JoinsTable = {
  id: 'vm-42' as HubId,
  host: 'host-1' as HubId,
  storages: [],
  networks: [],
  volumes: [],
  owned: [],
};

const loadPlatform = (platforms: Loaders, name: string): Promise<Platform> => {
  const load = platforms[name];
  if (!load) throw new Error(`fixtures name a platform that is not there: ${name}`);
  return load();
};

const sheetFile = (url: URL | undefined, what: string): string => {
  if (!url) throw new Error(`no sheet ${what}`);
  return fileURLToPath(url);
};

const pairsOf = async (platforms: Loaders, platformName: string, directory: string): Promise<GoldenPair[]> => {
  const files = new Set(readdirSync(directory).sort());
  const read = (file: string): string => readFileSync(`${directory}/${file}`, 'utf8');
  const expected = (file: string): string | undefined => (files.has(file) ? read(file) : undefined);
  const pairs: GoldenPair[] = [];
  const add = (output: string, sheet: string, input: string): void => {
    pairs.push({
      name: `${platformName}/${output}`,
      sheet,
      input,
      expected: expected(output),
      file: `${directory}/${output}`,
    });
  };
  for (const file of files) {
    if (file.endsWith('.joins.json')) continue;
    const [, name = '', role = ''] = /^(.+)\.([a-z0-9-]+)\.xml$/.exec(file) ?? [];
    if (role === 'native') {
      const platform = await loadPlatform(platforms, platformName);
      const native = parseNative(read(file));
      const sheet = sheetFile(platform.sheets.toGeneric[native.kind], `${platformName} to-generic ${native.kind}`);
      add(`${name}.generic.xml`, sheet, platform.host?.toGenericInput(native) ?? '');
    } else if (role === 'change') {
      const platform = await loadPlatform(platforms, platformName);
      const base = name.split('+')[0] ?? name;
      const after = parseGeneric(read(file));
      const { toHost, fromGeneric } = platform.sheets;
      const sheet = sheetFile((toHost ?? fromGeneric)[after.kind], `${platformName} change of ${after.kind}`);
      const change = {
        kind: after.kind,
        after: after.document,
        ...(files.has(`${base}.native.xml`)
          ? {
              native: parseNative(read(`${base}.native.xml`)),
              before: parseGeneric(read(`${base}.generic.xml`)).document,
            }
          : {}),
      };
      add(`${name}.changed.xml`, sheet, platform.host?.fromGenericInput(change) ?? '');
    } else if (role !== 'generic' && role !== 'changed' && role in platforms && files.has(`${name}.generic.xml`)) {
      const platform = await loadPlatform(platforms, role);
      const { kind, document } = parseGeneric(read(`${name}.generic.xml`));
      const sheet = sheetFile(platform.sheets.fromGeneric[kind], `${role} from-generic ${kind}`);
      const joins: Joins = joinsOf(
        existsSync(`${directory}/${name}.joins.json`)
          ? { ...NO_JOINS, ...(JSON.parse(read(`${name}.joins.json`)) as JoinsTable) }
          : NO_JOINS,
      );
      add(file, sheet, platform.render?.input(kind, document, joins, front(role)) ?? '');
    } else if (role !== 'generic' && role !== 'changed')
      throw new Error(`${directory}/${file} has no role: see golden.test.ts`);
  }
  return pairs;
};

export const goldenPairs = async (fixtures = FIXTURES, platforms: Loaders = PLATFORMS): Promise<GoldenPair[]> => {
  const pairs: GoldenPair[] = [];
  for (const platform of Object.keys(platforms)) {
    const directory = `${fixtures}/${platform}/documents`;
    if (existsSync(directory)) pairs.push(...(await pairsOf(platforms, platform, directory)));
  }
  return pairs;
};

/** The VMs among them: what the scan says of the native document, and the generic document as the sheet shall make it. */
export const goldenVms = async (
  fixtures = FIXTURES,
  platforms: Loaders = PLATFORMS,
): Promise<{ name: string; scan: Scan; document: Vm }[]> => {
  const found: { name: string; scan: Scan; document: Vm }[] = [];
  for (const name of Object.keys(platforms)) {
    const directory = `${fixtures}/${name}/documents`;
    const side = existsSync(directory) ? (await loadPlatform(platforms, name)).host : undefined;
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
