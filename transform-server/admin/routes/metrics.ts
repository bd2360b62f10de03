/** Figures of the server over time: what the console plots without a Prometheus beside it. */
import { z } from 'zod';
import { Problem } from '../problem.ts';
import { type Route, route } from '../route.ts';
import type { Sources } from '../sources.ts';
import { methodTimes } from '../traffic.ts';

const tag = 'metrics';
const series = z.strictObject({
  name: z.string(),
  help: z.string(),
  points: z.array(z.array(z.number()).length(2)).describe('Milliseconds and value, oldest first.'),
});

const methodTime = z.strictObject({
  method: z.string(),
  front: z.string(),
  route: z.string(),
  calls: z.int(),
  faults: z.int(),
  medianMs: z.number(),
  slowMs: z.number().describe('One in twenty takes longer.'),
  longestMs: z.number(),
});
const METHODS = 200;

export const metricRoutes = ({ history, inspected, clock }: Sources): readonly Route[] => [
  route({
    method: 'GET',
    path: '/metrics/history',
    access: 'viewer',
    summary: 'Figures of the last hour every 5 s, of the day before every minute.',
    tag,
    query: z.strictObject({
      name: z.string().max(1000).optional().describe('Several with commas between; all when absent.'),
      sinceMs: z.coerce.number().optional().describe('The last hour when absent.'),
    }),
    answer: z.strictObject({ items: z.array(series) }),
    problems: { 404: 'There is no figure of that name.' },
    act: ({ query: { name, sinceMs } }) => {
      const figures = inspected.figures();
      const names = name === undefined ? history.names : name.split(',');
      const unknown = names.find((one) => !history.names.includes(one));
      if (unknown !== undefined) throw new Problem(404, `there is no figure ${unknown}`);
      return {
        items: names.map((one) => ({
          name: one,
          help: figures[one]?.help ?? '',
          points: history
            .series(one, sinceMs ?? clock.now() - 3_600_000)
            .map(({ atMs, value }): [number, number] => [atMs, value]),
        })),
      };
    },
  }),
  route({
    method: 'GET',
    path: '/metrics/methods',
    access: 'viewer',
    summary: 'How long each method takes its clients, of the exchanges in the log: the most called first.',
    tag,
    query: z.strictObject({
      sinceMs: z.coerce
        .number()
        .optional()
        .describe('The last hour when absent; the log of a busy server reaches back less.'),
    }),
    answer: z.strictObject({ items: z.array(methodTime) }),
    act: ({ query: { sinceMs } }) => ({
      items: methodTimes(inspected.parts(), sinceMs ?? clock.now() - 3_600_000)
        .slice(0, METHODS)
        .map((one) => ({ ...one })),
    }),
  }),
];
