/** Golden files of <fixtures>/<platform>/documents in; work for a sheet, and the output it shall have, out. The naming is told in test/golden.test.ts. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { parseDocument } from '../../mappings/generic/documents.ts';
import type { HubId } from '../../mappings/generic/ids.ts';
import type { DocumentKind, Documents } from '../../mappings/generic/model.ts';
import type { NativeObject } from '../../mappings/generic/native.ts';
import type { FrontInstance } from '../../mappings/generic/platform.ts';
import type { JoinsTable, RawWork } from './work.ts';

export interface GoldenCase {
  readonly name: string;
  readonly work: RawWork;
  /** undefined: the file does not exist yet (UPDATE_GOLDEN=1 writes it). */
  readonly expected: string | undefined;
  readonly file: string;
}

/** The front for which bundles are rendered. */
export const goldenFront = (platform: string): FrontInstance => ({
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

const NAME = '"([^"<]{0,500})"';
const NATIVE = new RegExp(`^\\s*<native\\s+kind=${NAME}\\s+native=${NAME}\\s*>`);
const PART = new RegExp(`<part\\s{1,20}name=${NAME}>`, 'g');
const FACT = new RegExp(`<fact\\s{1,20}name=${NAME}\\s{1,20}type="(string|number|boolean)">([^<]*)</fact>`, 'g');
const PART_END = '</part>';

/** Anybody's text: no expression here looks at what is behind a match more than once. */
export const parseNative = (text: string): NativeObject => {
  const root = NATIVE.exec(text);
  if (!root) throw new Error('a native file starts with <native kind=".." native="..">');
  const parts: Record<string, string> = {};
  const facts: Record<string, string | number | boolean> = {};
  for (const open of text.matchAll(PART)) {
    const from = open.index + open[0].length;
    const to = text.indexOf(PART_END, from);
    if (to < 0) throw new Error('a <part> without its end');
    parts[unescapeText(open[1] ?? '')] = text.slice(from, to).trim();
  }
  for (const [, name = '', type = '', value = ''] of text.matchAll(FACT))
    facts[name] = type === 'number' ? Number(value) : type === 'boolean' ? value === 'true' : unescapeText(value);
  if (Object.keys(parts).length + Object.keys(facts).length === 0)
    throw new Error('a native file holds <part> or <fact>');
  return { kind: root[1] as DocumentKind, native: unescapeText(root[2] ?? ''), parts, facts };
};

const escapeText = (text: string): string =>
  text.replace(/[<>"&]/g, (one) => ({ '<': '&lt;', '>': '&gt;', '"': '&quot;', '&': '&amp;' })[one] ?? '');

/** In the form of a golden file. */
export const formatNative = ({ kind, native, parts, facts }: NativeObject): string =>
  [
    `<native kind="${kind}" native="${escapeText(native)}">`,
    ...Object.entries(facts).map(
      ([name, value]) =>
        `  <fact name="${escapeText(name)}" type="${typeof value}">${escapeText(String(value))}</fact>`,
    ),
    ...Object.entries(parts).map(([name, text]) => `  <part name="${escapeText(name)}">\n${text}\n  </part>`),
    '</native>',
  ].join('\n');

const parseGeneric = (text: string): { kind: DocumentKind; document: Documents[DocumentKind] } => {
  const kind = /^\s*<([a-z]+)/.exec(text)?.[1] as DocumentKind;
  return { kind, document: parseDocument(kind, text.trim()) };
};

export const NO_JOINS: JoinsTable = {
  id: 'vm-42' as HubId,
  host: 'host-1' as HubId,
  storages: [],
  networks: [],
  volumes: [],
  owned: [],
};

const casesOf = (platforms: readonly string[], platform: string, directory: string): GoldenCase[] => {
  const files = new Set(readdirSync(directory).sort());
  const read = (file: string): string => readFileSync(`${directory}/${file}`, 'utf8');
  const cases: GoldenCase[] = [];
  const add = (output: string, of: string, source: RawWork['source']): void => {
    cases.push({
      name: `${platform}/${output}`,
      work: { work: 'raw', platform: of, source },
      expected: files.has(output) ? read(output) : undefined,
      file: `${directory}/${output}`,
    });
  };
  for (const file of files) {
    if (file.endsWith('.joins.json')) continue;
    const [, name = '', role = ''] = /^(.+)\.([a-z0-9-]+)\.xml$/.exec(file) ?? [];
    if (role === 'native') add(`${name}.generic.xml`, platform, { native: parseNative(read(file)) });
    else if (role === 'change') {
      const base = name.split('+')[0] ?? name;
      const { kind, document } = parseGeneric(read(file));
      const before = files.has(`${base}.native.xml`)
        ? {
            native: parseNative(read(`${base}.native.xml`)),
            before: parseGeneric(read(`${base}.generic.xml`)).document,
          }
        : {};
      add(`${name}.changed.xml`, platform, { change: { kind, after: document, ...before } });
    } else if (
      role !== 'generic' &&
      role !== 'changed' &&
      platforms.includes(role) &&
      files.has(`${name}.generic.xml`)
    ) {
      const { kind, document } = parseGeneric(read(`${name}.generic.xml`));
      const joins = files.has(`${name}.joins.json`)
        ? { ...NO_JOINS, ...(JSON.parse(read(`${name}.joins.json`)) as JoinsTable) }
        : NO_JOINS;
      add(file, role, { kind, generic: document, joins, front: goldenFront(role) });
    } else if (role !== 'generic' && role !== 'changed')
      throw new Error(`${directory}/${file} has no role: see golden.test.ts`);
  }
  return cases;
};

export const goldenCases = (fixtures: string, platforms: readonly string[]): GoldenCase[] =>
  platforms.flatMap((platform) => {
    const directory = `${fixtures}/${platform}/documents`;
    return existsSync(directory) ? casesOf(platforms, platform, directory) : [];
  });
