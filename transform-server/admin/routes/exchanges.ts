/** The exchange log: what clients asked, and every hop of one exchange. */
import { z } from 'zod';
import { page, pageOf, pageQuery } from '../page.ts';
import { Problem } from '../problem.ts';
import { type Route, route } from '../route.ts';
import type { Sources } from '../sources.ts';

const tag = 'exchanges';
const detail = z.record(z.string(), z.unknown());
const line = z.strictObject({ exchange: z.string(), atMs: z.number(), hops: z.int(), first: detail });
const hop = z.strictObject({
  exchange: z.string(),
  shape: z
    .string()
    .describe('What the request or the answer was at this hop: call, route, command, native, reply, ...'),
  atMs: z.number(),
  durationMs: z.number().optional(),
  detail,
});

export const exchangeRoutes = ({ inspected }: Sources): readonly Route[] => [
  route({
    method: 'GET',
    path: '/exchanges',
    access: 'viewer',
    summary: 'Exchanges with clients, newest first; the log keeps the newest.',
    tag,
    query: z.strictObject(pageQuery),
    answer: pageOf(line),
    act: ({ query }) => {
      const newest = inspected
        .parts()
        .flatMap(({ exchangeLog }) => exchangeLog.list(Number.MAX_SAFE_INTEGER))
        .toSorted((a, b) => b.atMs - a.atMs);
      return page(newest, ({ exchange }) => exchange, query) as never;
    },
  }),
  route({
    method: 'GET',
    path: '/exchanges/:exchange',
    access: 'viewer',
    summary: 'Every hop of one exchange, in order.',
    tag,
    params: z.strictObject({ exchange: z.string().max(200) }),
    answer: z.strictObject({ exchange: z.string(), hops: z.array(hop) }),
    problems: { 404: 'It is not in the log, or not any more.' },
    act: ({ params: { exchange } }) => {
      for (const { exchangeLog } of inspected.parts()) {
        const hops = exchangeLog.explain(exchange);
        if (hops !== undefined) return { exchange, hops: [...hops] };
      }
      throw new Problem(404, 'there is no such exchange; the log keeps the newest');
    },
  }),
];
