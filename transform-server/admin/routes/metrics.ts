/** Figures of the server over time: what the console plots without a Prometheus beside it. */
import { z } from 'zod';
import { Problem } from '../problem.ts';
import { type Route, route } from '../route.ts';
import type { Sources } from '../sources.ts';

const tag = 'metrics';
const series = z.strictObject({
  name: z.string(),
  help: z.string(),
  points: z.array(z.tuple([z.number(), z.number()])).describe('Milliseconds and value, oldest first.'),
});

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
];
