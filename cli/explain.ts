/** `transvisor explain`: all hops of one exchange and where its time went, from the running server or a recording, for people. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { type AdminFlags, askAdmin } from './admin-client.ts';
import { exchangeLineShape, lineText } from './exchange-line.ts';
import { Unavailable } from './exit-codes.ts';

const hopShape = z.object({
  shape: z.string(),
  by: z.string().optional(),
  atMs: z.number(),
  durationMs: z.number().optional(),
  detail: z.record(z.string(), z.unknown()),
});
const placeShape = z.object({ field: z.string(), sheet: z.string(), line: z.number() });
const hopsShape = z.object({
  exchange: z.string(),
  hops: z.array(hopShape),
  spans: z.array(z.object({ name: z.string(), startMs: z.number(), durationMs: z.number() })).default([]),
  fields: z.array(placeShape.extend({ from: placeShape.optional() })).default([]),
});
const listShape = z.object({ items: z.array(exchangeLineShape) });

type Hops = z.output<typeof hopsShape>;

const BAR = 40;
const INDENT = ' '.repeat(14);

const short = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
const millis = (ms: number): string => `${ms < 10 ? ms.toFixed(2) : ms.toFixed(0)} ms`;

const hopText = ({ shape, by, atMs, durationMs, detail }: Hops['hops'][number], startMs: number): string =>
  [
    `${`+${millis(atMs - startMs)}`.padStart(11)}  ${shape}${by === undefined ? '' : ` (${by})`}${durationMs === undefined ? '' : `  took ${millis(durationMs)}`}`,
    ...Object.entries(detail)
      .filter(([, value]) => value !== undefined)
      .map(
        ([key, value]) => `${INDENT}${key.padEnd(10)} ${short(value).replaceAll('\n', `\n${INDENT}${' '.repeat(11)}`)}`,
      ),
  ].join('\n');

/** Where the time went, as bars below each other. */
const waterfallText = (spans: Hops['spans']): string => {
  const wholeMs = Math.max(...spans.map(({ startMs, durationMs }) => startMs + durationMs));
  const cells = (ms: number): number => Math.round((ms / (wholeMs || 1)) * BAR);
  return spans
    .map(({ name, startMs, durationMs }) => {
      const from = Math.min(cells(startMs), BAR - 1);
      const bar = ' '.repeat(from) + '#'.repeat(Math.max(1, Math.min(BAR - from, cells(durationMs))));
      return `  ${name.padEnd(22)} |${bar.padEnd(BAR)}| ${millis(startMs)} + ${millis(durationMs)}\n`;
    })
    .join('');
};

const placeText = ({ field, sheet, line }: z.output<typeof placeShape>): string => `${field}  ${sheet}:${line}`;

const formatHops = ({ exchange, hops, spans, fields }: Hops): string => {
  if (hops.length === 0) return `exchange ${exchange}\n  too many came at once: of this one only its line was kept\n`;
  const startMs = Math.min(...hops.map(({ atMs, durationMs = 0 }) => atMs - durationMs));
  const from = fields.map(
    (one) => `  ${placeText(one)}${one.from === undefined ? '' : `  from  ${placeText(one.from)}`}\n`,
  );
  return [
    `exchange ${exchange}\n`,
    ...hops.map((hop) => `${hopText(hop, startMs)}\n`),
    ...(spans.length === 0 ? [] : [`\nwhere the time went (since it began + how long)\n${waterfallText(spans)}`]),
    ...(from.length === 0 ? [] : ['\nfields that it names, and the lines of the sheets that write them\n', ...from]),
  ].join('');
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
    return { json: body, text: items.map((one) => `${lineText(one)}\n`).join('') || 'no exchange was logged yet\n' };
  }
  const { status, body } = await askAdmin(flags, `/api/v1/exchanges/${encodeURIComponent(exchange)}`);
  if (status === 404) throw new Unavailable(`there is no exchange ${exchange} in the log; it keeps the newest`);
  return { json: body, text: formatHops(hopsShape.parse(body)) };
};
