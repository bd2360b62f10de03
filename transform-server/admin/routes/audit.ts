/** The audit: who changed what, when, and how it ended. */
import { z } from 'zod';
import { page, pageOf, pageQuery } from '../page.ts';
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
const DEEP = 10_000;

export const auditRoutes = ({ inspected }: Sources): readonly Route[] => [
  route({
    method: 'GET',
    path: '/audit',
    access: 'viewer',
    summary: 'The newest lines of the audit, newest first.',
    tag: 'audit',
    query: z.strictObject(pageQuery),
    answer: pageOf(line),
    act: ({ query }) => {
      const newest = inspected
        .parts()
        .flatMap(({ audit }) => audit.newest(DEEP))
        .toSorted((a, b) => b.atMs - a.atMs);
      return page(newest, (one) => JSON.stringify([one.atMs, one.job, one.outcome, one.exchange]), query) as never;
    },
  }),
];
