/** A request for statistics since a moment in; a column per data source of the host and its running machines and a row per step out, as XML or JSON in the form of rrd_updates. */
import { fault } from '../../generic/faults.ts';
import type { BrokerContext, Brokered, Effect, StreamRequest, StreamTarget } from '../../generic/platform.ts';
import { Refusal } from '../central/refusal.ts';
import { hostDataSources, vmDataSources } from './data-sources.ts';

/** The steps in which the API keeps statistics, and for how long. */
const ARCHIVES = [
  { step: 5, rows: 120 },
  { step: 60, rows: 120 },
  { step: 3600, rows: 168 },
  { step: 86_400, rows: 366 },
] as const;
type Archive = (typeof ARCHIVES)[number];
/** Of one answer: of very many machines only the newest rows. */
const MOST_VALUES = 500_000;

interface Column {
  /** `vm:<uuid>:memory`. */
  readonly name: string;
  mean(fromMs: number, toMs: number): number;
}

const bad = (property: string, text: string): never => {
  throw new Refusal(fault('invalid-argument', { property }, text));
};

const wholeSeconds = (text: string | undefined, property: string): number => {
  if (text === undefined || !/^-?\d{1,15}(\.\d*)?$/.test(text))
    return bad(property, `${property} is missing or no number`);
  return Math.floor(Number(text));
};

/** The finest that is no finer than asked for and reaches back to the start, which by the client's clock may be a step before it. */
const archiveFor = (interval: string | undefined, start: number, now: number): Archive => {
  const wanted = interval === undefined ? 0 : wholeSeconds(interval, 'interval');
  const [, , , coarsest] = ARCHIVES;
  return ARCHIVES.find(({ step, rows }) => step >= wanted && start >= now - step * (rows + 1)) ?? coarsest;
};

/** Columns worked on before others have their turn. */
const PIECE = 1000;
const TURN: Effect = { effect: 'render', ids: [] };

function* columnsOf({ query }: StreamRequest, { store, front }: BrokerContext): Brokered<Column[]> {
  const only = query['vm_uuid'];
  const isRunning = (id: (typeof front)['host']): boolean => Number(store.slots(id)['memoryBytes'] ?? 0) > 0;
  const machines = store
    .list('vm', front.host)
    .filter(({ id, uuid }) => isRunning(id) && (only === undefined || uuid === only));
  yield { effect: 'render', ids: [front.host, ...machines.map(({ id }) => id)] };
  const columns: Column[] = [];
  const add = (what: string, sources: readonly Column[]): void => {
    for (const { name, mean } of sources) columns.push({ name: `${what}:${name}`, mean });
  };
  for (const { id, uuid } of machines) {
    const [vm, history] = [store.generic('vm', id), store.history(id)];
    if (vm === undefined || history === undefined) continue;
    const before = columns.length;
    add(`vm:${uuid}`, vmDataSources(vm, history));
    if (Math.floor(before / PIECE) < Math.floor(columns.length / PIECE)) yield TURN;
  }
  const [host, history] = [store.generic('host', front.host), store.history(front.host)];
  if (query['host'] === 'true' && host !== undefined && history !== undefined)
    add(`host:${host.uuid}`, hostDataSources(host, history));
  return columns;
}

interface Row {
  readonly t: number;
  readonly values: readonly string[];
}

interface Report {
  readonly step: number;
  readonly start: number;
  readonly end: number;
  readonly legend: readonly string[];
  /** Newest first. */
  readonly rows: readonly Row[];
}

/** More digits than what is kept has. */
const textOf = (value: number): string => (Number.isNaN(value) ? 'NaN' : String(Number(value.toPrecision(12))));

function* valuesOf(columns: readonly Column[], fromMs: number, toMs: number): Brokered<string[]> {
  const values: string[] = [];
  for (const { mean } of columns) {
    values.push(textOf(mean(fromMs, toMs)));
    if (values.length % PIECE === 0) yield TURN;
  }
  return values;
}

function* rowsOf(columns: readonly Column[], { step, rows }: Archive, start: number, end: number): Brokered<Row[]> {
  const most = Math.min(rows, Math.floor(MOST_VALUES / Math.max(1, columns.length)));
  const found: Row[] = [];
  for (let t = end; t > start && found.length < most && columns.length > 0; t -= step)
    found.push({ t, values: yield* valuesOf(columns, (t - step) * 1000, t * 1000) });
  return found;
}

/** Numbers are texts in this API's JSON, as in the release it says it is. */
const formatJson = ({ start, step, end, legend, rows }: Report): string =>
  JSON.stringify({
    meta: {
      start: String(start),
      step: String(step),
      end: String(end),
      rows: String(rows.length),
      columns: String(legend.length),
      legend,
    },
    data: rows.map(({ t, values }) => ({ t: String(t), values })),
  });

const elements = (name: string, texts: readonly string[]): string =>
  texts.map((text) => `<${name}>${text}</${name}>`).join('');

const formatXml = ({ start, step, end, legend, rows }: Report): string =>
  `<?xml version="1.0"?><xport><meta><start>${start}</start><step>${step}</step><end>${end}</end>` +
  `<rows>${rows.length}</rows><columns>${legend.length}</columns><legend>${elements('entry', legend)}</legend></meta>` +
  `<data>${rows.map(({ t, values }) => `<row><t>${t}</t>${elements('v', values)}</row>`).join('')}</data></xport>`;

export function* statisticsTarget(request: StreamRequest, context: BrokerContext): Brokered<StreamTarget> {
  const { query } = request;
  const now = Math.floor(context.now() / 1000);
  const start = wholeSeconds(query['start'], 'start');
  const archive = archiveFor(query['interval'], start, now);
  const { step } = archive;
  const untilMs = context.store.history(context.front.host)?.untilMs ?? context.now();
  const end = Math.floor(untilMs / 1000 / step) * step;
  // Averages are all that is measured.
  const isAverage = (query['cf'] ?? 'AVERAGE') === 'AVERAGE';
  const columns = isAverage ? yield* columnsOf(request, context) : [];
  const report: Report = {
    step,
    start,
    end,
    legend: columns.map(({ name }) => `AVERAGE:${name}`),
    rows: yield* rowsOf(columns, archive, start, end),
  };
  const isJson = query['json'] === 'true';
  return {
    kind: 'bytes',
    status: 200,
    headers: { 'content-type': isJson ? 'application/json' : 'text/xml', 'cache-control': 'no-cache, no-store' },
    bytes: new TextEncoder().encode(isJson ? formatJson(report) : formatXml(report)),
  };
}
