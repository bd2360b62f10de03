/** What the admin API tells of one exchange in, checked, and as one line for people out. */
import { z } from 'zod';

export const exchangeLineShape = z.object({
  exchange: z.string(),
  atMs: z.number(),
  client: z.string(),
  program: z.string(),
  user: z.string(),
  front: z.string(),
  method: z.string(),
  route: z.string(),
  verb: z.string(),
  object: z.string(),
  name: z.string(),
  outcome: z.string(),
  durationMs: z.number().optional(),
});
export type ExchangeLine = z.output<typeof exchangeLineShape>;

const millisText = (ms: number | undefined): string =>
  ms === undefined ? '' : `${ms < 10 ? ms.toFixed(2) : ms.toFixed(0)} ms`;

export const lineText = (one: ExchangeLine): string =>
  [
    new Date(one.atMs).toISOString().slice(11, 23),
    `${one.program === '' ? '' : `${one.program} `}${one.client}`.padEnd(20),
    one.front.padEnd(14),
    one.method.padEnd(26),
    one.route.padEnd(7),
    (one.name || one.object).padEnd(16),
    millisText(one.durationMs).padStart(9),
    one.outcome.padEnd(14),
    one.exchange,
  ].join('  ');
