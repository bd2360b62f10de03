/** A request for statistics since a moment in; the newest measurement of the host and its machines, as XML or JSON in the form of rrd_updates, out. */
import { fault } from '../../generic/faults.ts';
import type { Vm } from '../../generic/model.ts';
import type { BrokerContext, Brokered, StreamRequest, StreamTarget } from '../../generic/platform.ts';
import { Refusal } from '../central/refusal.ts';

/** The steps in which the API keeps statistics; clients ask for one of them and refuse another. Here only the newest measurement is kept: one row. */
const STEPS_SECONDS = [5, 60, 3600, 86_400] as const;

interface Column {
  /** `vm:<uuid>:memory`. */
  readonly name: string;
  readonly value: number;
}

const bad = (property: string, text: string): never => {
  throw new Refusal(fault('invalid-argument', { property }, text));
};

const wholeSeconds = (text: string | undefined, property: string): number => {
  if (text === undefined || !/^-?\d{1,15}(\.\d*)?$/.test(text))
    return bad(property, `${property} is missing or no number`);
  return Math.floor(Number(text));
};

const stepFor = (interval: string | undefined): number => {
  const wanted = interval === undefined ? 0 : wholeSeconds(interval, 'interval');
  return STEPS_SECONDS.find((step) => step >= wanted) ?? 86_400;
};

type Slots = Readonly<Record<string, unknown>>;
const slot = (slots: Slots, name: string): number | undefined => {
  const value = slots[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
};

/** Busy share of so many threads of that clock. */
const share = (mhz: number | undefined, clockMhz: number, threads: number): number | undefined =>
  mhz === undefined || clockMhz <= 0 || threads <= 0 ? undefined : Math.min(1, mhz / (clockMhz * threads));

const present = (prefix: string, values: Readonly<Record<string, number | undefined>>): Column[] =>
  Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [{ name: `${prefix}:${name}`, value }],
  );

const vmColumns = (uuid: string, vm: Vm, slots: Slots, clockMhz: number): Column[] => {
  const usage = share(slot(slots, 'cpuMhz'), clockMhz, vm.cpuCount);
  return present(`vm:${uuid}`, {
    cpu_usage: usage,
    // Of several CPUs only the sum was measured.
    ...(vm.cpuCount === 1 ? { cpu0: usage } : {}),
    memory: slot(slots, 'memoryBytes'),
    memory_target: vm.memoryBytes,
  });
};

function* columnsOf({ query }: StreamRequest, { store, front }: BrokerContext): Brokered<Column[]> {
  const only = query['vm_uuid'];
  const isMeasured = (id: (typeof front)['host']): boolean => (slot(store.slots(id), 'memoryBytes') ?? 0) > 0;
  const machines = store
    .list('vm', front.host)
    .filter(({ id, uuid }) => isMeasured(id) && (only === undefined || uuid === only));
  const missing = [front.host, ...machines.map(({ id }) => id)].filter(
    (id) => store.generic(id === front.host ? 'host' : 'vm', id) === undefined,
  );
  if (missing.length > 0) yield { effect: 'render', ids: missing };
  const host = store.generic('host', front.host);
  const columns = machines.flatMap(({ id, uuid }) => {
    const vm = store.generic('vm', id);
    return vm === undefined ? [] : vmColumns(uuid, vm, store.slots(id), host?.cpuMhz ?? 0);
  });
  if (query['host'] !== 'true' || host === undefined) return columns;
  const slots = store.slots(front.host);
  const used = slot(slots, 'memoryBytes');
  return [
    ...columns,
    ...present(`host:${host.uuid}`, {
      cpu_avg: share(slot(slots, 'cpuMhz'), host.cpuMhz, host.cpuThreads),
      memory_total_kib: Math.round(host.memoryBytes / 1024),
      memory_free_kib: used === undefined ? undefined : Math.round(Math.max(0, host.memoryBytes - used) / 1024),
    }),
  ];
}

interface Report {
  readonly step: number;
  readonly start: number;
  readonly end: number;
  readonly columns: readonly Column[];
  readonly isThere: boolean;
}

const legendOf = ({ columns }: Report): string[] => columns.map(({ name }) => `AVERAGE:${name}`);

/** Numbers are texts in this API's JSON, as in the release it says it is. */
const formatJson = (report: Report): string =>
  JSON.stringify({
    meta: {
      start: String(report.start),
      step: String(report.step),
      end: String(report.end),
      rows: report.isThere ? '1' : '0',
      columns: String(report.columns.length),
      legend: legendOf(report),
    },
    data: report.isThere ? [{ t: String(report.end), values: report.columns.map(({ value }) => String(value)) }] : [],
  });

const formatXml = (report: Report): string => {
  const legend = legendOf(report)
    .map((name) => `<entry>${name}</entry>`)
    .join('');
  const values = report.columns.map(({ value }) => `<v>${value}</v>`).join('');
  const row = report.isThere ? `<row><t>${report.end}</t>${values}</row>` : '';
  return (
    `<?xml version="1.0"?><xport><meta><start>${report.start}</start><step>${report.step}</step><end>${report.end}</end>` +
    `<rows>${report.isThere ? 1 : 0}</rows><columns>${report.columns.length}</columns><legend>${legend}</legend></meta>` +
    `<data>${row}</data></xport>`
  );
};

export function* statisticsTarget(request: StreamRequest, context: BrokerContext): Brokered<StreamTarget> {
  const { query } = request;
  const start = wholeSeconds(query['start'], 'start');
  const step = stepFor(query['interval']);
  const end = Math.floor(context.now() / 1000 / step) * step;
  // Averages are all that is measured.
  const consolidation = query['cf'] ?? 'AVERAGE';
  const columns = consolidation === 'AVERAGE' ? yield* columnsOf(request, context) : [];
  const report: Report = { step, start, end, columns, isThere: columns.length > 0 && end >= start };
  const isJson = query['json'] === 'true';
  return {
    kind: 'bytes',
    status: 200,
    headers: { 'content-type': isJson ? 'application/json' : 'text/xml', 'cache-control': 'no-cache, no-store' },
    bytes: new TextEncoder().encode(isJson ? formatJson(report) : formatXml(report)),
  };
}
