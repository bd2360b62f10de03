/** `transvisor explain`: hops of one exchange, from the running server or a recording, as a table for people. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { type AdminFlags, askAdmin } from './admin-client.ts';
import { Unavailable } from './exit-codes.ts';

const hopShape = z.object({
  shape: z.string(),
  atMs: z.number(),
  durationMs: z.number().optional(),
  detail: z.record(z.string(), z.unknown()),
});
const hopsShape = z.object({ exchange: z.string(), hops: z.array(hopShape) });
const listShape = z.object({
  items: z.array(
    z.object({ exchange: z.string(), atMs: z.number(), hops: z.number(), first: z.record(z.string(), z.unknown()) }),
  ),
});

type Hops = z.output<typeof hopsShape>;

const short = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));

/** One line a hop: milliseconds since the first, shape, duration, then its details one below the other. */
const formatHops = ({ exchange, hops }: Hops): string => {
  const startMs = hops[0]?.atMs ?? 0;
  const lines = hops.flatMap((hop) => {
    const took = hop.durationMs === undefined ? '' : `  ${hop.durationMs} ms`;
    return [
      `${`+${hop.atMs - startMs}`.padStart(8)} ms  ${hop.shape}${took}`,
      ...Object.entries(hop.detail)
        .filter(([, value]) => value !== undefined)
        .map(
          ([key, value]) =>
            `              ${key.padEnd(10)} ${short(value).replaceAll('\n', '\n                         ')}`,
        ),
    ];
  });
  return `exchange ${exchange}\n${lines.join('\n')}\n`;
};

const fromFile = (path: string, exchange: string | undefined): Hops => {
  const recorded: unknown = JSON.parse(readFileSync(path, 'utf8'));
  const found = z.array(hopsShape).parse(Array.isArray(recorded) ? recorded : [recorded]);
  const wanted = exchange === undefined ? found[0] : found.find((one) => one.exchange === exchange);
  if (wanted === undefined) throw new Unavailable(`${path} holds no exchange ${exchange ?? ''}`);
  return wanted;
};

export const explain = async (
  exchange: string | undefined,
  flags: AdminFlags & { readonly file?: string },
): Promise<{ json: unknown; text: string }> => {
  if (flags.file !== undefined) {
    const hops = fromFile(flags.file, exchange);
    return { json: hops, text: formatHops(hops) };
  }
  if (exchange === undefined) {
    const { body } = await askAdmin(flags, '/api/v1/exchanges?limit=30');
    const { items } = listShape.parse(body);
    const rows = items.map(
      (one) =>
        `${new Date(one.atMs).toISOString()}  ${one.exchange}  ${short(one.first['call'] ?? one.first['method'] ?? '')}  ${one.hops} hops\n`,
    );
    return { json: body, text: rows.join('') || 'no exchange was logged yet\n' };
  }
  const { status, body } = await askAdmin(flags, `/api/v1/exchanges/${encodeURIComponent(exchange)}`);
  if (status === 404) throw new Unavailable(`there is no exchange ${exchange} in the log; it keeps the newest`);
  const hops = hopsShape.parse(body);
  return { json: hops, text: formatHops(hops) };
};
