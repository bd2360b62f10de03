/** The command tables of all platforms in, mappings/COVERAGE.md out: what becomes of every method of every API. Run by hand after a change of a table. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Route, Row } from '../mappings/generic/call.ts';
import type { Platform } from '../mappings/generic/platform.ts';
import { PLATFORMS } from '../mappings/platforms.ts';

const PAGE = fileURLToPath(new URL('../mappings/COVERAGE.md', import.meta.url));

const ROUTES: readonly (readonly [route: Route, says: string])[] = [
  ['session', 'answered by the agent from its lease of the session'],
  ['direct', 'carried out by the agent alone, also while the server is away'],
  ['central', 'a plan of the server'],
  ['broker', 'answered by the server from its store'],
  ['stream', 'bytes between the client and the host'],
  ['pass', 'handed to a host of the same API as it is'],
  ['refuse', "answered with the API's own fault for what is not supported"],
];

const groupBy = <T>(all: readonly T[], keyOf: (one: T) => string): ReadonlyMap<string, readonly T[]> => {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return groups;
};

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const accessOf = (row: Row): string => (row.access === 'none' ? 'without a session' : row.access);

/** The form of a method that answers with a job at once: it stands beside its method and not by itself. */
const BACKGROUND = 'Async.';
const isBackground = (row: Row, all: readonly Row[]): boolean =>
  row.method.startsWith(BACKGROUND) && all.some(({ method }) => row.method === BACKGROUND + method);

const servedRow = (row: Row, all: readonly Row[]): string => {
  const route = row.centralIf === undefined ? row.route : `${row.route}; central with ${row.centralIf.join(', ')}`;
  const background = all.some(({ method }) => method === BACKGROUND + row.method) ? `; also as ${BACKGROUND}` : '';
  return `| ${row.method} | ${route}${background} | ${accessOf(row)} | ${row.verb ?? ''} |`;
};

/** So many methods of one type that differ in nothing but their name are listed and not tabled. */
const MANY = 12;

/** Rows for the table, and lists of those that are too many for it. */
const servedRows = (rows: readonly Row[]): { readonly tabled: readonly Row[]; readonly lists: readonly string[] } => {
  const alike = groupBy(
    rows.filter((row) => row.verb === undefined && row.centralIf === undefined),
    (row) => `${row.route}, ${accessOf(row)}`,
  );
  const many = [...alike].filter(([, group]) => group.length >= MANY);
  const listed = new Set(many.flatMap(([, group]) => group));
  const lists = many
    .toSorted(([a], [b]) => byText(a, b))
    .map(
      ([how, group]) =>
        `Served, ${how}: ${group
          .map((row) => row.method)
          .sort(byText)
          .join(', ')}.`,
    );
  return { tabled: rows.filter((row) => !listed.has(row)), lists };
};

const typeSection = (type: string, rows: readonly Row[]): readonly string[] => {
  const served = rows.filter((row) => row.route !== 'refuse' && !isBackground(row, rows));
  const { tabled, lists } = servedRows(served);
  const refused = groupBy(
    rows.filter((row) => row.route === 'refuse'),
    (row) => row.because ?? '',
  );
  const lines = [`### ${type}`, ''];
  if (tabled.length > 0) {
    lines.push('| method | route | access | verb |', '|---|---|---|---|');
    const inOrder = tabled.toSorted((a, b) => byText(a.method, b.method));
    lines.push(...inOrder.map((row) => servedRow(row, rows)), '');
  }
  for (const list of lists) lines.push(list, '');
  for (const [because, group] of [...refused].sort(([a], [b]) => byText(a, b))) {
    if (because === '') throw new Error(`${group[0]?.method} is refused without a reason`);
    const names = group.map((row) => row.method).sort(byText);
    lines.push(`Refused, ${because}: ${names.join(', ')}.`, '');
  }
  return lines;
};

const titleOf = ({ name, title }: Platform): string => `${name}: ${title}`;

/** The anchor that pages are given for a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w -]/g, '')
    .replaceAll(' ', '-');

const platformSection = (platform: Platform): readonly string[] => {
  const byType = [...groupBy(platform.commands, (row) => row.on)].sort(([a], [b]) => byText(a, b));
  const served = byType.filter(([, rows]) => rows.some((row) => row.route !== 'refuse'));
  const unserved = byType.filter(([, rows]) => rows.every((row) => row.route === 'refuse'));
  return [
    `## ${titleOf(platform)}`,
    '',
    ...[...served, ...unserved].flatMap(([type, rows]) => typeSection(type, rows)),
  ];
};

const countOf = (route: Route, { commands }: Platform): number => commands.filter((row) => row.route === route).length;

const countsOf = (platform: Platform, routes: readonly Route[]): string => {
  const counts = routes.map((route) => countOf(route, platform));
  const types = new Set(platform.commands.map((row) => row.on)).size;
  return `| [${platform.name}](#${anchorOf(titleOf(platform))}) | ${types} | ${platform.commands.length} | ${counts.join(' | ')} |`;
};

/** Platforms that no client speaks to have no rows and no section. */
export const coveragePage = (platforms: readonly Platform[]): string => {
  const fronts = platforms
    .filter((platform) => platform.commands.length > 0)
    .toSorted((a, b) => byText(a.name, b.name));
  // Routes of connections and of requests for bytes, which are no methods, have no column.
  const used = ROUTES.filter(([route]) => fronts.some((platform) => countOf(route, platform) > 0));
  const routes = used.map(([route]) => route);
  return [
    '# Coverage',
    '',
    'Generated from the command tables by `scripts/generate-coverage.ts`; a test fails when this page is not current.',
    "Each method stands under the type that declares it; a type's subtypes have it as well.",
    'Types of which something is served come first. Requests for bytes and joined connections are no methods: the READMEs of the platforms tell them.',
    '',
    `| platform | types | methods | ${routes.join(' | ')} |`,
    `|---|---|---|${'---|'.repeat(routes.length)}`,
    ...fronts.map((platform) => countsOf(platform, routes)),
    '',
    ...used.map(([route, says]) => `- **${route}**: ${says}`),
    '',
    ...fronts.flatMap(platformSection),
  ].join('\n');
};

export const loadedPlatforms = (): Promise<readonly Platform[]> =>
  Promise.all(Object.values(PLATFORMS).map((load) => load()));

if (import.meta.main) writeFileSync(PAGE, coveragePage(await loadedPlatforms()));
