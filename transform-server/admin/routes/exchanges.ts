/** The exchange log: what clients asked, and every hop of one exchange, with its waterfall and the sheets' lines that made what is shown. */
import { z } from 'zod';
import { type HubId, kindOf } from '../../../mappings/generic/ids.ts';
import { LIMITS } from '../../../runtime/limits.ts';
import type { ExchangeLine, Explained } from '../../exchanges/log.ts';
import { page, pageOf, pageQuery } from '../page.ts';
import type { Parts } from '../parts.ts';
import { Problem } from '../problem.ts';
import { type Route, route } from '../route.ts';
import { type FieldLine, fieldLines } from '../sheet-lines.ts';
import type { Sources } from '../sources.ts';
import { programsOf } from '../traffic.ts';

const tag = 'exchanges';
const line = z.strictObject({
  exchange: z.string(),
  atMs: z.number(),
  client: z.string().describe('Address of the client.'),
  program: z.string().describe('What it says it is, as far as a log-in of it is known: govc.'),
  user: z.string(),
  front: z.string(),
  method: z.string().describe('As the client’s API calls it.'),
  route: z.string(),
  verb: z.string().describe('The generic command, if it was one.'),
  object: z.string().describe('Hub id of the object, if it was about one.'),
  name: z.string().describe('Its name then.'),
  job: z.string(),
  outcome: z.string().describe('running, value, or the kind of the fault.'),
  durationMs: z.number().optional().describe('Until the client had its answer.'),
  hops: z.int(),
});
const hop = z.strictObject({
  shape: z
    .string()
    .describe('What the request or the answer was at this hop: request, call, route, command, native, answer, ...'),
  by: z.enum(['agent', 'server']),
  atMs: z.number().describe('When it was over, on one clock.'),
  durationMs: z.number().optional(),
  detail: z.record(z.string(), z.unknown()),
});
const sheetLine = { field: z.string(), sheet: z.string(), line: z.int(), text: z.string() };
const bounds = z.strictObject({
  exchanges: z.int().describe('The newest are kept; 0: no log is.'),
  hops: z.int(),
  hopBytes: z.int(),
  bodyBytes: z.int().describe('Bodies of requests and answers are cut at this.'),
  allBytes: z.int(),
});
const one = z.strictObject({
  ...line.shape,
  platform: z.string().describe('The API that the client speaks; empty: its front is gone.'),
  hops: z.array(hop),
  spans: z.array(z.strictObject({ name: z.string(), startMs: z.number(), durationMs: z.number() })),
  fields: z
    .array(z.strictObject({ ...sheetLine, from: z.strictObject(sheetLine).optional() }))
    .describe(
      'Lines of sheets that write elements which the request or the answer names: found by name, as on disk now.',
    ),
  bounds,
});

const text = z.string().max(200).optional();
const query = z.strictObject({
  ...pageQuery,
  client: text.describe('Part of the address, or of what it says it is.'),
  front: text,
  method: text,
  route: text.describe('Exactly.'),
  object: text.describe('A hub id, or part of a name.'),
  outcome: text.describe('running, value, fault (of any kind), or the kind of a fault.'),
  user: text,
  sinceMs: z.coerce.number().min(0).optional(),
  q: text.describe('Part of anything in the line.'),
});

const has = (value: string, part: string | undefined): boolean =>
  part === undefined || value.toLowerCase().includes(part.toLowerCase());
const isOutcome = (outcome: string, wanted: string | undefined): boolean =>
  wanted === undefined || outcome === wanted || (wanted === 'fault' && outcome !== 'value' && outcome !== 'running');

const matches = (one: ExchangeLine, programOf: (one: ExchangeLine) => string, asked: z.output<typeof query>): boolean =>
  (asked.sinceMs === undefined || one.atMs >= asked.sinceMs) &&
  (asked.route === undefined || one.route === asked.route) &&
  isOutcome(one.outcome, asked.outcome) &&
  (has(one.client, asked.client) || has(programOf(one), asked.client)) &&
  has(one.front, asked.front) &&
  has(one.method, asked.method) &&
  has(one.user, asked.user) &&
  (asked.object === undefined || one.object === asked.object || has(one.name, asked.object)) &&
  (asked.q === undefined ||
    [
      one.exchange,
      one.client,
      programOf(one),
      one.user,
      one.front,
      one.method,
      one.route,
      one.verb,
      one.object,
      one.name,
      one.outcome,
    ].some((fact) => has(fact, asked.q)));

/** Of several servers' parts each is in order already. */
const newest = (parts: readonly Parts[]): Iterable<ExchangeLine> => {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only.exchangeLog.newest();
  return parts.flatMap(({ exchangeLog }) => [...exchangeLog.newest()]).sort((a, b) => b.atMs - a.atMs);
};

const detailsOf = (hops: Explained['hops'], shape: string): readonly unknown[] =>
  hops.filter((hop) => hop.shape === shape).map(({ detail }) => detail);
/** What is said, without the names under which: those of a reading call and of an answer are the API's, of whatever is read. */
const leavesOf = (value: unknown): string =>
  typeof value === 'string'
    ? value.replaceAll(/<\?[^>]*\?>|\s[\w:]+="[^"]*"/g, '')
    : value !== null && typeof value === 'object'
      ? Object.values(value).map(leavesOf).join(' ')
      : '';

/** Where the fields that are asked for come from, and of documents that were made for it those that are shown. */
const fieldsOf = ({ hosts }: Parts, { line, hops }: Explained): readonly FieldLine[] => {
  const front = hosts.front(line.front);
  if (front === undefined) return [];
  const made = hops.filter(({ shape }) => shape === 'sheet').flatMap(({ detail }) => detail['ids'] as HubId[]);
  const { fromGeneric } = front.platform.sheets;
  const kinds = new Set<string>(made.map(kindOf));
  // Documents that are there already are shown without a sheet: of which kind they are nobody says.
  const isRead = line.route === 'broker' && kinds.size === 0;
  const calls = detailsOf(hops, 'call');
  // The method's own words count as well: VM.get_name_label.
  const asked = `${line.method.replace(/^.*\.(?:get|set)_/, '')} ${line.route === 'broker' ? leavesOf(calls) : JSON.stringify(calls)}`;
  const said = isRead ? asked : `${asked} ${leavesOf(detailsOf(hops, 'answer'))}`;
  const read = hosts.platformOf(front.instance.host)?.sheets.toGeneric;
  return Object.entries(fromGeneric).flatMap(([kind, sheet]) =>
    isRead || kinds.has(kind) ? fieldLines(sheet, read?.[kind as keyof typeof fromGeneric], said) : [],
  );
};

export const exchangeRoutes = ({ inspected }: Sources): readonly Route[] => [
  route({
    method: 'GET',
    path: '/exchanges',
    access: 'viewer',
    summary: 'Exchanges with clients, newest first; the log keeps the newest.',
    tag,
    query,
    answer: pageOf(line),
    act: ({ query }) => {
      const programOf = programsOf(inspected.parts());
      const { items, next } = page(
        newest(inspected.parts()),
        ({ exchange }) => exchange,
        query,
        (one) => matches(one, programOf, query),
      );
      return { items: items.map((one) => ({ ...one, program: programOf(one) })), next };
    },
  }),
  route({
    method: 'GET',
    path: '/exchanges/:exchange',
    access: 'viewer',
    summary: 'Every hop of one exchange, in order, and where its time went.',
    tag,
    params: z.strictObject({ exchange: z.string().max(200) }),
    answer: one,
    problems: { 404: 'It is not in the log, or not any more.' },
    act: ({ params: { exchange } }) => {
      for (const parts of inspected.parts()) {
        const found = parts.exchangeLog.explain(exchange);
        if (found === undefined) continue;
        return {
          ...found.line,
          program: programsOf([parts])(found.line),
          platform: parts.hosts.front(found.line.front)?.platform.name ?? '',
          hops: [...found.hops],
          spans: [...found.spans],
          fields: [...fieldsOf(parts, found)],
          bounds: {
            exchanges: parts.exchangeLog.most,
            hops: LIMITS.exchangeHops,
            hopBytes: LIMITS.exchangeHopBytes,
            bodyBytes: LIMITS.exchangeBodyBytes,
            allBytes: LIMITS.exchangeLogBytes,
          },
        };
      }
      throw new Problem(404, 'there is no such exchange; the log keeps the newest');
    },
  }),
];
