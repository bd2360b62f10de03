/** `transvisor status`: the server's own view of its hosts, fronts and jobs as tables, once or again and again, and whether all is well. */
import { z } from 'zod';
import { type AdminFlags, askAdmin } from './admin-client.ts';
import { Unavailable } from './exit-codes.ts';
import { meterOf } from './progress.ts';

const healthShape = z.object({
  ok: z.boolean(),
  hosts: z.array(z.object({ name: z.string(), connected: z.boolean(), listed: z.boolean() })),
});
const overviewShape = z.object({
  counts: z.record(z.string(), z.number()),
  hosts: z.array(
    z.object({ name: z.string(), platform: z.string(), agent: z.string(), state: z.string(), vms: z.number() }),
  ),
  fronts: z.array(
    z.object({
      name: z.string(),
      platform: z.string(),
      port: z.number(),
      sessions: z.number(),
      calls: z.number(),
      faults: z.number(),
      meanMs: z.number(),
    }),
  ),
  unwell: z.array(z.object({ what: z.string(), text: z.string(), sinceMs: z.number().optional() })),
});
const jobsShape = z.object({
  items: z.array(
    z.object({
      id: z.string(),
      verb: z.string(),
      targetName: z.string(),
      user: z.string(),
      queuedMs: z.number(),
      progress: z.number().optional(),
    }),
  ),
});
const historyShape = z.object({ items: z.array(z.object({ points: z.array(z.tuple([z.number(), z.number()])) })) });

const JOBS = 10;
const METER = 20;
const MINUTE_MS = 60_000;

type Point = readonly [number, number];
const growth = (points: readonly Point[]): Point => {
  const [first, last] = [points[0], points.at(-1)];
  return first === undefined || last === undefined ? [0, 0] : [last[0] - first[0], last[1] - first[1]];
};

/** The figures count every exchange; the log behind the overview is of some. */
const rateOf = ([exchanges, time]: readonly { readonly points: readonly Point[] }[]) => {
  const [ms, count] = growth(exchanges?.points ?? []);
  const [, tookMs] = growth(time?.points ?? []);
  return { perSecond: ms === 0 ? 0 : (count * 1000) / ms, meanMs: count === 0 ? 0 : tookMs / count };
};

const shown = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));

/** Columns as wide as what is in them; of numbers at the right. */
const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string => {
  if (rows.length === 0) return '';
  const widths = head.map((name, at) => Math.max(name.length, ...rows.map((row) => String(row[at]).length)));
  const line = (cells: readonly (string | number)[]): string =>
    cells
      .map((cell, at) => {
        const width = widths[at] ?? 0;
        return typeof rows[0]?.[at] === 'number' ? String(cell).padStart(width) : String(cell).padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return `\n${[head, ...rows].map(line).join('\n')}\n`;
};

const ask = async <T>(flags: AdminFlags, path: string, shape: z.ZodType<T>): Promise<T> => {
  const { status, body } = await askAdmin(flags, path);
  if (status !== 200) throw new Unavailable(`the admin endpoint answered ${path} with status ${status}`);
  return shape.parse(body);
};

export interface Status {
  readonly json: unknown;
  readonly text: string;
  readonly well: boolean;
}

export const status = async (flags: AdminFlags, now: () => number = Date.now): Promise<Status> => {
  const [{ body }, overview, { items: jobs }, { items: figures }] = await Promise.all([
    // Not well is an answer too.
    askAdmin(flags, '/healthz'),
    ask(flags, '/api/v1/overview', overviewShape),
    ask(flags, `/api/v1/jobs?state=running&limit=${JOBS}`, jobsShape),
    ask(flags, `/api/v1/metrics/history?name=exchanges,exchanges_ms&sinceMs=${now() - MINUTE_MS}`, historyShape),
  ]);
  const health = healthShape.parse(body);
  // What clients do wrong makes nothing of ours unwell.
  const well = health.ok && health.hosts.every((host) => host.connected && host.listed);
  const rate = rateOf(figures);
  const { counts, hosts, fronts, unwell } = overview;
  const first = well ? (unwell.length === 0 ? 'all is well' : 'it runs, but:') : 'something is wrong';
  const lines = unwell.map(({ text, sinceMs }) =>
    sinceMs === undefined ? `  ${text}\n` : `  ${text} (since ${new Date(sinceMs).toISOString()})\n`,
  );
  const text = [
    `${first}\n${lines.join('')}`,
    `${shown(rate.perSecond)} exchanges/s, ${shown(rate.meanMs)} ms each, waits for changes among them; ${counts['clients']} clients, ${counts['sessions']} sessions, ${counts['jobs']} jobs under way\n`,
    table(
      ['HOST', 'STATE', 'PLATFORM', 'AGENT', 'VMS'],
      hosts.map(({ name, state, platform, agent, vms }) => [name, state, platform, agent || '(away)', vms]),
    ),
    table(
      ['FRONT', 'PLATFORM', 'PORT', 'SESSIONS', 'CALLS/MIN', 'FAULTS', 'MS'],
      fronts.map((one) => [
        ...[one.name, one.platform, one.port, one.sessions, one.calls, one.faults],
        Math.round(one.meanMs),
      ]),
    ),
    table(
      ['JOB', 'VERB', 'TARGET', 'USER', 'SECONDS', 'PROGRESS'],
      jobs.map(({ id, verb, targetName, user, queuedMs, progress }) => [
        ...[id, verb, targetName, user, Math.round((now() - queuedMs) / 1000)],
        progress === undefined ? '' : meterOf(progress / 100, METER),
      ]),
    ),
  ];
  return { json: { ...health, well, rate, jobs, overview }, text: text.join(''), well };
};

/** Written over in place until `ended`; whether it was well at last. A server that is away is waited for. */
export const watchStatus = async (
  flags: AdminFlags,
  seconds: number,
  ended: Promise<unknown>,
  screen: { write(text: string): unknown } = process.stdout,
): Promise<boolean> => {
  let isOver = false;
  const over = ended.then(() => {
    isOver = true;
  });
  let well = false;
  for (;;) {
    let text: string;
    try {
      ({ text, well } = await status(flags));
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      [text, well] = [`${error.message}\n`, false];
    }
    if (isOver) return well;
    screen.write(`\x1b[H\x1b[J${new Date().toISOString().slice(0, 19)}Z  every ${seconds} s, Ctrl-C ends\n\n${text}`);
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([over, new Promise((resolve) => (timer = setTimeout(resolve, seconds * 1000)))]);
    clearTimeout(timer);
    if (isOver) return well;
  }
};
