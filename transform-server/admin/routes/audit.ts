/** The audit: who changed what, when, and how it ended. */
import { z } from 'zod';
import type { AuditLine } from '../../events/audit.ts';
import { cursorKey, page, pageOf, pageQuery } from '../page.ts';
import { Problem } from '../problem.ts';
import { type Route, route } from '../route.ts';
import type { Sources } from '../sources.ts';

const line = z.strictObject({
  atMs: z.number(),
  user: z.string(),
  address: z.string(),
  front: z.string(),
  method: z.string(),
  verb: z.string(),
  target: z.string(),
  targetName: z.string(),
  job: z.string(),
  outcome: z.string(),
  exchange: z.string(),
});
const text = z.string().max(200).optional();
/** Lines that one request looks through. */
const DEEP = 10_000;
const query = z.strictObject({
  ...pageQuery,
  user: text,
  front: text,
  verb: text.describe('Part of the command.'),
  target: text.describe('A hub id, or part of a name.'),
  outcome: text.describe('Exactly: started, success, or the kind of a fault.'),
  q: text.describe('Part of anything in the line.'),
  untilMs: z.coerce.number().min(0).optional().describe(`Not later; filters look at ${DEEP} lines from there back.`),
});

const has = (value: string, part: string | undefined): boolean =>
  part === undefined || value.toLowerCase().includes(part.toLowerCase());

const matches = (one: AuditLine, asked: z.output<typeof query>): boolean =>
  has(one.user, asked.user) &&
  has(one.front, asked.front) &&
  has(one.verb, asked.verb) &&
  (asked.target === undefined || one.target === asked.target || has(one.targetName, asked.target)) &&
  (asked.outcome === undefined || one.outcome === asked.outcome) &&
  (asked.q === undefined || Object.values(one).some((fact) => typeof fact === 'string' && has(fact, asked.q)));

const keyOf = ({ atMs, job, outcome, exchange, method, target }: AuditLine): string =>
  JSON.stringify([atMs, job, outcome, exchange, method, target.slice(0, 100)]);

/** A cursor says when its line was: nothing newer need be read. */
const timeOf = (cursor: string | undefined): number | undefined => {
  const key = cursorKey(cursor);
  if (key === undefined) return undefined;
  const atMs = Number(/^\[(\d+(?:\.\d+)?),/.exec(key)?.[1]);
  if (Number.isNaN(atMs)) throw new Problem(400, 'cursor: not one that this API gave');
  return atMs;
};

/** Of several servers' lines, each in order, one list in order. */
function* merged(lists: readonly Iterable<AuditLine>[]): Generator<AuditLine> {
  const heads = lists.map((list) => list[Symbol.iterator]()).map((rest) => ({ rest, head: rest.next() }));
  for (let seen = 0; seen < DEEP; seen += 1) {
    let first: (typeof heads)[number] | undefined;
    for (const one of heads)
      if (!one.head.done && (first?.head.done !== false || one.head.value.atMs > first.head.value.atMs)) first = one;
    if (first === undefined || first.head.done) return;
    yield first.head.value;
    first.head = first.rest.next();
  }
}

export const auditRoutes = ({ inspected }: Sources): readonly Route[] => [
  route({
    method: 'GET',
    path: '/audit',
    access: 'viewer',
    summary: 'Lines of the audit, newest first.',
    tag: 'audit',
    query,
    answer: pageOf(line),
    act: ({ query }) => {
      const fromMs = timeOf(query.cursor) ?? query.untilMs ?? Number.MAX_SAFE_INTEGER;
      const lists = inspected.parts().map(({ audit }) => audit.back(fromMs));
      return page(merged(lists), keyOf, query, (one) => matches(one, query)) as never;
    },
  }),
];
