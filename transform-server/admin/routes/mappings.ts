/** Mappings: each platform's table of commands and what it covers; its sheets, what their golden pairs say, and sheets that are changed here. */
import { hash } from 'node:crypto';
import { z } from 'zod';
import type { Row } from '../../../mappings/generic/call.ts';
import type { Platform } from '../../../mappings/generic/platform.ts';
import type { Sheet, Verdicts } from '../../engine/library.ts';
import type { ReloadReport } from '../../engine/reload.ts';
import { page, pageOf, pageQuery } from '../page.ts';
import { Problem } from '../problem.ts';
import { type Route, route } from '../route.ts';
import type { Sources } from '../sources.ts';

const tag = 'mappings';
const ROUTES = ['session', 'direct', 'central', 'broker', 'stream', 'pass', 'refuse'] as const;
const counts = z.partialRecord(z.enum(ROUTES), z.int()).describe('Methods by route.');
const platform = z.strictObject({
  name: z.string(),
  title: z.string(),
  front: z.boolean().describe('Clients speak it.'),
  host: z.boolean().describe('Hosts speak it.'),
  version: z.string().describe('Of its sheets: another one when any of them is.'),
  methods: z.int(),
  routes: counts,
  sheets: z.int(),
  pairs: z.int().describe('Golden pairs that judge its sheets.'),
  changedHere: z.int().describe('Sheets that this installation changed.'),
});
const row = z.strictObject({
  method: z.string().describe('As the wire spells it.'),
  on: z.string().describe('The type that declares it.'),
  route: z.enum(ROUTES),
  access: z.enum(['none', 'read', 'operate', 'admin']),
  verb: z.string(),
  centralIf: z.array(z.string()).describe('Arguments that make a direct command a planned one.'),
  job: z.boolean().describe('It is answered with a task.'),
  because: z.string().describe('Why it is refused.'),
});
const coverage = z.strictObject({
  routes: counts,
  types: z
    .array(z.strictObject({ type: z.string(), routes: counts }))
    .describe('Those of which something is served come first.'),
  verbs: z.array(z.strictObject({ verb: z.string(), methods: z.array(z.string()), routes: z.array(z.enum(ROUTES)) })),
  refused: z.array(z.strictObject({ because: z.string(), methods: z.int() })),
});
const line = z.strictObject({
  id: z.string(),
  path: z.string(),
  platform: z.string(),
  direction: z.enum(['toGeneric', 'fromGeneric', 'toHost']),
  kind: z.string(),
  hash: z.string().describe('SHA-256 of its text.'),
  lines: z.int(),
  sinceMs: z.number().describe('When it came into use.'),
  changedHere: z
    .strictObject({
      by: z.string(),
      atMs: z.number(),
      outdated: z.boolean().describe('The program has another one of its own since.'),
    })
    .optional(),
  pairs: z.int(),
  failing: z.int(),
  judgedBy: z.array(z.string()).describe('Names of the golden pairs.'),
});
const whole = line.extend({
  text: z.string(),
  golden: z.array(
    z.strictObject({
      name: z.string(),
      why: z.string().optional().describe('Why it does not come out; absent: it does.'),
    }),
  ),
  judgedMs: z.number(),
});
const report = z.strictObject({ changed: z.array(z.string()), pairs: z.int().describe('Golden pairs that judged.') });

const SHEET_CHARACTERS = 256 * 1024;
const name = z.string().max(64);
const params = z.strictObject({ platform: name });
const sheetParams = z.strictObject({ id: z.string().max(200).describe('Its id, or its path.') });
const noPlatform = { 404: 'There is no such platform.' };
const noSheet = { 404: 'There is no such sheet.' };
const judgedProblems = {
  ...noSheet,
  409: 'Golden pairs refuse it, or it cannot be kept; the detail says which and why.',
};

const countsOf = (rows: readonly Row[]): z.input<typeof counts> => {
  const found: z.input<typeof counts> = {};
  for (const one of rows) found[one.route] = (found[one.route] ?? 0) + 1;
  return found;
};

const groupBy = <T>(all: readonly T[], keyOf: (one: T) => string): [string, T[]][] => {
  const groups = new Map<string, T[]>();
  for (const one of all) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
};

const isServed = ({ route }: Row): boolean => route !== 'refuse';

const coverageOf = (rows: readonly Row[]): z.input<typeof coverage> => ({
  routes: countsOf(rows),
  types: groupBy(rows, ({ on }) => on)
    .map(([type, of]) => ({ type, routes: countsOf(of), served: of.some(isServed) }))
    .sort((a, b) => Number(b.served) - Number(a.served))
    .map(({ type, routes }) => ({ type, routes })),
  verbs: groupBy(
    rows.filter(({ verb }) => verb !== undefined),
    ({ verb }) => verb ?? '',
  ).map(([verb, of]) => ({
    verb,
    methods: of.map(({ method }) => method),
    routes: [...new Set(of.map(({ route: one }) => one))],
  })),
  refused: groupBy(
    rows.filter((one) => !isServed(one)),
    ({ because }) => because ?? '',
  ).map(([because, of]) => ({
    because,
    methods: of.length,
  })),
});

const shownRow = (one: Row): z.input<typeof row> => ({
  method: one.method,
  on: one.on,
  route: one.route,
  access: one.access,
  verb: one.verb ?? '',
  centralIf: [...(one.centralIf ?? [])],
  job: one.job === true,
  because: one.because ?? '',
});

const shownSheet = (sheet: Sheet, verdicts: Verdicts): z.input<typeof line> => ({
  id: sheet.id,
  path: sheet.path,
  platform: sheet.platform,
  direction: sheet.direction,
  kind: sheet.kind,
  hash: sheet.hash,
  lines: sheet.text.split('\n').length,
  sinceMs: sheet.sinceMs,
  ...(sheet.changedHere === undefined ? {} : { changedHere: sheet.changedHere }),
  pairs: sheet.pairs.length,
  judgedBy: [...sheet.pairs],
  failing: sheet.pairs.filter((one) => verdicts.of.get(one)?.why !== undefined).length,
});

const told = ({ changed, refused, pairs }: ReloadReport): z.input<typeof report> => {
  if (refused.length > 0) {
    const whys = refused.slice(0, 10).map(({ name: what, why }) => `${what}: ${why}`);
    const more = refused.length > whys.length ? `; ${refused.length - whys.length} more` : '';
    throw new Problem(409, `${whys.join('; ').slice(0, 4000)}${more}`);
  }
  return { changed: [...changed], pairs };
};

export const mappingRoutes = ({ inspected: { library } }: Sources): readonly Route[] => {
  const find = async (wanted: string): Promise<Platform> => {
    const found = (await library.platforms()).find((one) => one.name === wanted);
    if (found === undefined) throw new Problem(404, 'there is no such platform');
    return found;
  };
  const findSheet = async (wanted: string): Promise<Sheet> => {
    const found = (await library.sheets()).find(({ id, path }) => id === wanted || path === wanted);
    if (found === undefined) throw new Problem(404, 'there is no such sheet');
    return found;
  };
  return [
    route({
      method: 'GET',
      path: '/mappings',
      access: 'viewer',
      summary: 'The management APIs that are translated.',
      tag,
      answer: z.strictObject({ items: z.array(platform) }),
      act: async () => {
        const sheets = await library.sheets();
        const items = (await library.platforms()).map((one) => {
          const own = sheets.filter((sheet) => sheet.platform === one.name);
          return {
            name: one.name,
            title: one.title,
            front: one.front !== undefined,
            host: one.host !== undefined,
            version: hash('sha256', own.map((sheet) => sheet.hash).join()).slice(0, 12),
            methods: one.commands.length,
            routes: countsOf(one.commands),
            sheets: own.length,
            pairs: own.reduce((sum, { pairs }) => sum + pairs.length, 0),
            changedHere: own.filter(({ changedHere }) => changedHere !== undefined).length,
          };
        });
        return { items };
      },
    }),
    route({
      method: 'GET',
      path: '/mappings/:platform/commands',
      access: 'viewer',
      summary: 'The command table of a platform that clients speak.',
      tag,
      params,
      query: z.strictObject({
        ...pageQuery,
        q: z.string().max(200).optional().describe('Part of the type, the method or the verb.'),
        route: z.enum(ROUTES).optional(),
        verb: name.optional(),
      }),
      answer: pageOf(row),
      problems: noPlatform,
      act: async ({ params: { platform: wanted }, query: { q, route: by, verb, ...asked } }) => {
        const part = q?.toLowerCase();
        const rows = (await find(wanted)).commands
          .filter((one) => by === undefined || one.route === by)
          .filter((one) => verb === undefined || one.verb === verb)
          .filter(
            (one) => part === undefined || `${one.on}.${one.method} ${one.verb ?? ''}`.toLowerCase().includes(part),
          );
        const { items, next } = page(rows, (one) => `${one.on}.${one.method}`, asked);
        return { items: items.map(shownRow), next };
      },
    }),
    route({
      method: 'GET',
      path: '/mappings/:platform/coverage',
      access: 'viewer',
      summary: 'What becomes of the methods of a platform: by route, type and command, and why others are refused.',
      tag,
      params,
      answer: coverage,
      problems: noPlatform,
      act: async ({ params: { platform: wanted } }) => coverageOf((await find(wanted)).commands),
    }),
    route({
      method: 'GET',
      path: '/mappings/:platform/sheets',
      access: 'viewer',
      summary: 'The sheets of a platform.',
      tag,
      params,
      answer: z.strictObject({ items: z.array(line) }),
      problems: noPlatform,
      act: async ({ params: { platform: wanted } }) => {
        await find(wanted);
        const verdicts = await library.verdicts();
        const own = (await library.sheets()).filter((one) => one.platform === wanted);
        return { items: own.map((one) => shownSheet(one, verdicts)) };
      },
    }),
    route({
      method: 'GET',
      path: '/sheets/:id',
      access: 'viewer',
      summary: 'One sheet: its text, and what the golden pairs that judge it say.',
      tag,
      params: sheetParams,
      answer: whole,
      problems: noSheet,
      act: async ({ params: { id } }) => {
        const sheet = await findSheet(id);
        const verdicts = await library.verdicts();
        const golden = sheet.pairs.map((one) => {
          const why = verdicts.of.get(one)?.why;
          return { name: one, ...(why === undefined ? {} : { why }) };
        });
        return { ...shownSheet(sheet, verdicts), text: sheet.text, golden, judgedMs: verdicts.atMs };
      },
    }),
    route({
      method: 'PUT',
      path: '/sheets/:id',
      access: 'administrator',
      summary: 'Another text of a sheet, in use and kept if every golden pair still comes out.',
      tag,
      params: sheetParams,
      body: z.strictObject({ text: z.string().min(1).max(SHEET_CHARACTERS) }),
      answer: report,
      problems: judgedProblems,
      act: async ({ params: { id }, body: { text }, who }) =>
        told(await library.change(await findSheet(id), text, who.name)),
    }),
    route({
      method: 'DELETE',
      path: '/sheets/:id',
      access: 'administrator',
      summary: 'What was changed here is withdrawn: the sheet is as the program has it.',
      tag,
      params: sheetParams,
      answer: report,
      problems: judgedProblems,
      act: async ({ params: { id }, who }) => told(await library.change(await findSheet(id), undefined, who.name)),
    }),
  ];
};
