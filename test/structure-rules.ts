/** The rules of the house as functions: a file's path and text in, complaints out. structure.test.ts runs them over the tree and shows that each can fail. */

export type SourceFile = { readonly path: string; readonly text: string };
export type Rule = (file: SourceFile) => readonly string[];

const PLATFORM_NAME = /(vim25|xenapi|libvirt|hyperv(?!isor)|esxi|vsphere|vmware|xenserver|qemu)/i;
/** Too short to be looked for inside other words (`spec2`). */
const SHORT_NAME = /(?<![a-zA-Z0-9])(ec2)|(Ec2|EC2)/;
const TOP_FOLDERS = [
  'mappings',
  'agent',
  'transform-server',
  'runtime',
  'cli',
  'fixtures',
  'test',
  'scripts',
  'packaging',
  'pictures',
];
const MAXIMUM_LINES = 400;
const README_LINES = 60;

/** The room a file is in: `mappings/generic`, `mappings/wire`, `mappings/platforms.ts`, `mappings/<p>`, or a top folder. */
const roomOf = (path: string): string => {
  const [top = '', second = ''] = path.split('/');
  return top === 'mappings' ? `${top}/${second}` : top;
};

/** Who may import whom; `undefined`: everything. */
const arrows = (room: string): readonly string[] | undefined => {
  if (
    room === 'cli' ||
    room === 'test' ||
    (!room.includes('/') && !['agent', 'transform-server', 'runtime'].includes(room))
  )
    return undefined;
  if (room === 'mappings/generic' || room === 'mappings/wire') return ['mappings/generic', 'mappings/wire'];
  if (room === 'runtime') return ['runtime', 'mappings/generic'];
  if (room === 'agent') return ['agent', 'runtime', 'mappings/platforms.ts', 'mappings/generic'];
  if (room === 'transform-server') return ['transform-server', 'runtime', 'mappings/platforms.ts', 'mappings/generic'];
  // The registry names every platform, each by its manifest.
  if (room === 'mappings/platforms.ts') return ['mappings/generic', 'mappings/*/platform.ts'];
  return [room, 'mappings/generic', 'mappings/wire'];
};

const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' ')).replace(/(^|\s)\/\/[^\n]*/g, '$1');

/** Every module named by import, export ... from, import() and new URL(..., import.meta.url). */
export const importsOf = (text: string): readonly string[] => {
  const code = withoutComments(text);
  const found = [
    ...code.matchAll(/\bfrom\s*['"]([^'"]+)['"]/g),
    ...code.matchAll(/\bimport\s*\(?\s*['"]([^'"]+)['"]/g),
    ...code.matchAll(/new URL\(\s*['"]([^'"]+)['"]\s*,\s*import\.meta\.url/g),
  ];
  return found.map(([, name]) => String(name));
};

/** Resolves `../a/b.ts` seen from `mappings/x/y.ts`. */
const resolvePath = (from: string, name: string): string => {
  const parts = from.split('/').slice(0, -1);
  for (const part of name.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
};

const isCode = (path: string): boolean => path.endsWith('.ts');

export const importArrows: Rule = ({ path, text }) => {
  if (!isCode(path)) return [];
  const allowed = arrows(roomOf(path));
  if (allowed === undefined) return [];
  const complaints: string[] = [];
  for (const name of importsOf(text)) {
    if (!name.startsWith('.')) continue;
    const target = resolvePath(path, name);
    const permitted = allowed.some((room) =>
      room === 'mappings/*/platform.ts' ? /^mappings\/[^/]+\/platform\.ts$/.test(target) : roomOf(target) === room,
    );
    if (!permitted) complaints.push(`${path} may not import ${target}`);
  }
  return complaints;
};

/** mappings/ does no input or output: neither Node's modules for it, nor clocks, dice or the process. */
const IO_MODULES =
  /^(node:)?(fs|fs\/promises|net|tls|http|https|http2|dgram|dns|child_process|cluster|worker_threads|os|process|timers|timers\/promises|sqlite|readline)$/;
const IO_PACKAGES = ['undici', 'ws', 'pino', 'prom-client', 'libxslt-wasm', 'xslt-processor'];
const IMPURE =
  /\bDate\.now\(|\bnew Date\(\s*\)|\bMath\.random\(|\bperformance\.now\(|\bset(?:Timeout|Interval|Immediate)\(|\bprocess\.|\brandomUUID\(|\brandomBytes\(|\bfetch\(/;

export const pureMappings: Rule = ({ path, text }) => {
  if (!path.startsWith('mappings/') || !isCode(path)) return [];
  const complaints = importsOf(text)
    .filter((name) => IO_MODULES.test(name) || IO_PACKAGES.includes(name))
    .map((name) => `${path} is in mappings/ and may not import ${name}`);
  const impure = IMPURE.exec(withoutComments(text));
  if (impure !== null) complaints.push(`${path} is in mappings/ and may not use ${impure[0]}`);
  return complaints;
};

const SPECIAL_NAMES =
  /^(README|CHANGELOG|CONTRIBUTING|SECURITY|COVERAGE|GOVC|RESULTS)\.md$|^(LICENSE|NOTICE|Makefile|Containerfile)$/;
/** Of the service manager's units a template has an @. */
const KEBAB = /^\.?[a-z0-9]+(-[a-z0-9]+)*@?(\.[a-z0-9]+(-[a-z0-9]+)*)*$/;
const EMPTY_NAMES = /^(utils?|helpers?|common|core|base|misc)$/;

export const fileNames: Rule = ({ path }) => {
  const parts = path.split('/');
  const name = parts.at(-1) ?? '';
  // Recordings and documents keep the names of what they show.
  if (parts[0] === 'fixtures' && !isCode(path)) return [];
  const complaints: string[] = [];
  if (!SPECIAL_NAMES.test(name) && !KEBAB.test(name)) complaints.push(`${path}: not kebab-case`);
  for (const part of parts) {
    if (EMPTY_NAMES.test(part.replace(/\..*$/, ''))) complaints.push(`${path}: "${part}" says nothing`);
  }
  return complaints;
};

const isNeutral = (path: string): boolean =>
  /^(agent|transform-server|runtime|mappings\/generic|mappings\/wire)\//.test(path) && isCode(path);

/** In the programs comments count as well; the contracts and codecs of mappings/ may give an API as an example in a comment. */
export const noPlatformWords: Rule = ({ path, text }) => {
  if (!isNeutral(path)) return [];
  const judged = path.startsWith('mappings/') ? withoutComments(text) : text;
  return judged.split('\n').flatMap((line, index) => {
    const hit = PLATFORM_NAME.exec(line) ?? SHORT_NAME.exec(line);
    return hit === null ? [] : [`${path}:${index + 1}: platform word "${hit[0]}"`];
  });
};

/** A table is mostly literal rows; it may be long. `commands.ts`, `types.ts` and what is generated are tables by name. */
const isTable = (path: string): boolean =>
  /(^|\/)(commands|types|procedures|COVERAGE|fault-types|counters)\.(ts|md)$|(^|\/)types\/|(^|\/)commands\/|-table\.ts$|-types\.ts$|\.generated\.ts$|^fixtures\//.test(
    path,
  );

export const fileLength: Rule = ({ path, text }) => {
  if (!isCode(path) || isTable(path)) return [];
  const lines = text.split('\n').length - 1;
  return lines > MAXIMUM_LINES ? [`${path}: ${lines} lines, at most ${MAXIMUM_LINES}`] : [];
};

/** Written in pieces, so that the rule does not complain about itself. */
const MACHINE = new RegExp(`(^|[^a-z.])/wor${'k'}(/|\\b)|\\.\\./share${'d'}\\b|/tmp/tea${'m'}`, 'm');

export const noMachinePaths: Rule = ({ path, text }) => {
  const hit = MACHINE.exec(text);
  return hit === null ? [] : [`${path}: names a path of one machine: ${hit[0].trim()}`];
};

export const readmeLength: Rule = ({ path, text }) => {
  if (!/^[a-z-]+\/([a-z0-9-]+\/)*README\.md$/.test(path)) return [];
  const lines = text.split('\n').length - 1;
  return lines > README_LINES ? [`${path}: ${lines} lines, at most ${README_LINES}`] : [];
};

/** What a platform folder may hold at its top, by the design's table; folders hold the rest, each named by a noun of the API. */
const PLATFORM_FILES = [
  'platform.ts',
  'commands.ts',
  'types.ts',
  'front.ts',
  'client-names.ts',
  'transport.ts',
  'driver.ts',
  'detection.ts',
  'plans.ts',
  'ids.ts',
  'faults.ts',
  'states.ts',
  'units.ts',
  'README.md',
];

/** Files beyond the table must be named in the folder's README, so that a reader finds out what they are. */
export const platformFolder = (platform: string, files: readonly SourceFile[]): readonly string[] => {
  const folder = `mappings/${platform}/`;
  const own = files.filter(({ path }) => path.startsWith(folder));
  const readme = own.find(({ path }) => path === `${folder}README.md`);
  const complaints: string[] = [];
  for (const required of ['platform.ts', 'README.md']) {
    if (!own.some(({ path }) => path === folder + required)) complaints.push(`${folder}${required} is missing`);
  }
  for (const { path } of own) {
    const name = path.slice(folder.length);
    const [top = ''] = name.split('/');
    // A table may keep its rows in a data file beside it: types.data.json.
    const known = name.includes('/')
      ? ['broker', 'to-generic', 'from-generic', 'to-host'].includes(top)
      : PLATFORM_FILES.includes(name.replace(/\.data\.json$/, '.ts'));
    if (!known && readme?.text.includes(top) !== true)
      complaints.push(`${path}: "${top}" is neither a known name nor explained in ${folder}README.md`);
  }
  return complaints;
};

/** What the two XSLT engines do differently, or what belongs in a table of units, is not written in sheets. */
const SHEET_PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/\)\s*\*|[\w\]]\s+\*\s+[\w$(@.]|\d\s*\*|\*\s*\d/, 'multiplication'],
  [/(?<=[\w)\]*.'"]\s+|[)\]])div(?![\w-])/, 'div'],
  [/(?<=[\w)\]*.'"]\s+|[)\]])mod(?![\w-])/, 'mod'],
  [/(?<![\w-])sum\s*\(/, 'sum()'],
  [/(?<![\w-])position\s*\(/, 'position()'],
  [/(?<![\w-])last\s*\(/, 'last()'],
  [/(?<![\w-])key\s*\(/, 'key()'],
];

export const sheetLint: Rule = ({ path, text }) => {
  if (!/^mappings\/.*\.xsl$/.test(path)) return [];
  const complaints: string[] = [];
  const markup = text.replace(/<!--[\s\S]*?-->/g, (comment) => comment.replace(/[^\n]/g, ' '));
  const attributes = [
    ...markup.matchAll(/\b(?:select|test|match|use)\s*=\s*("[^"]*"|'[^']*')/g),
    // Attribute value templates compute as well.
    ...markup.matchAll(/=\s*("[^"]*\{[^"]*\}[^"]*"|'[^']*\{[^']*\}[^']*')/g),
  ];
  for (const attribute of attributes) {
    // String literals inside an expression may say anything.
    const quoted = String(attribute[1]);
    const expression = quoted.slice(1, -1).replace(quoted.startsWith('"') ? /'[^']*'/g : /"[^"]*"/g, "''");
    for (const [pattern, says] of SHEET_PATTERNS) {
      if (pattern.test(expression)) complaints.push(`${path}: ${says} in ${attribute[0]}`);
    }
  }
  return complaints;
};

/** Every code file begins with one header comment: which shape comes in, which goes out. */
export const headerSentence: Rule = ({ path, text }) =>
  isCode(path) && !path.endsWith('.d.ts') && !/^(#![^\n]*\n)?\s*(\/\*\*?|\/\/)/.test(text)
    ? [`${path}: no header sentence`]
    : [];

export const topFolders = (paths: readonly string[]): readonly string[] => {
  const folders = new Set(paths.filter((path) => path.includes('/')).map((path) => path.split('/')[0] ?? ''));
  return [...folders]
    .filter((folder) => !folder.startsWith('.') && !TOP_FOLDERS.includes(folder))
    .map((folder) => `${folder}/ is not a folder of the design`);
};
