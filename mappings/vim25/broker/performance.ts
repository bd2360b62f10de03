/** PerformanceManager: the counter catalogue, and series made of two samples of the host's own statistics. */
import type { Call, Reply } from '../../generic/call.ts';
import { fault, type Outcome } from '../../generic/faults.ts';
import type { Brokered } from '../../generic/platform.ts';
import { NOTHING_COUNTED } from '../../generic/statistics.ts';
import { FURNITURE as F, hubIdOf, refKey, sameRef } from '../ids.ts';
import { type MoRef, plain } from '../values.ts';
import { COUNTERS, type Counter, counterInfo, type Facts, type Sample } from './counters.ts';
import { exists, furnish } from './registry.ts';
import { refuse, value } from './retrieve.ts';
import type { Scope } from './scope.ts';
import { invalidArgument, objectNotFound } from './select.ts';

const INTERVAL_S = 20;
/** Rates need two samples; the first question of an entity waits this long for its second. */
const APART_MS = 1000;
const MAX_SAMPLES = 10_000;

/** What the driver answers; numbers that it does not know are missing. */
interface Statistics {
  readonly vms?: readonly (Partial<Omit<Sample, 'atMs'>> & { readonly native: string })[];
  readonly host?: { readonly cpuNs?: number; readonly memoryBytes?: number; readonly freeBytes?: number };
}

const sampleOf = (atMs: number, known: Partial<Sample>): Sample => ({
  ...NOTHING_COUNTED,
  ...known,
  atMs,
});

const isHost = ({ type }: MoRef): boolean =>
  type === 'HostSystem' || type === 'ComputeResource' || type === 'ResourcePool';

const running = (scope: Scope, ref: MoRef): boolean => {
  if (isHost(ref)) return true;
  const id = hubIdOf(ref);
  return id !== undefined && scope.context.store.entry(id) !== undefined;
};

/** One sample of each entity, by key. Those that do not run have none. */
function* take(scope: Scope, entities: readonly MoRef[]): Brokered<Outcome<Map<string, Sample>>> {
  const { context } = scope;
  const natives = new Map<string, string>();
  for (const ref of entities) {
    const id = isHost(ref) ? undefined : hubIdOf(ref);
    const entry = id === undefined ? undefined : context.store.entry(id);
    if (entry) natives.set(entry.native, refKey(ref));
  }
  const outcome = (yield {
    effect: 'ask',
    host: scope.host,
    question: 'stats',
    args: { natives: [...natives.keys()] },
  }) as Outcome<Statistics>;
  if (!outcome.ok) return outcome;
  const atMs = context.now();
  const samples = new Map<string, Sample>();
  for (const { native, ...known } of outcome.value.vms ?? []) {
    const key = natives.get(native);
    if (key !== undefined) samples.set(key, sampleOf(atMs, known));
  }
  const { cpuNs = 0, memoryBytes = 0, freeBytes = 0 } = outcome.value.host ?? {};
  for (const ref of entities)
    if (isHost(ref))
      samples.set(refKey(ref), sampleOf(atMs, { cpuNs, memoryBytes, residentBytes: memoryBytes - freeBytes }));
  return { ok: true, value: samples };
}

function* sleep(scope: Scope, ms: number): Brokered<boolean> {
  const untilMs = scope.context.now() + ms;
  while (scope.context.now() < untilMs) {
    const woken = yield {
      effect: 'wait',
      since: scope.context.store.version,
      untilMs,
      cancel: `perf ${scope.context.session.id}`,
    };
    if (woken === 'cancelled') return false;
  }
  return true;
}

/** VM figures: its CPUs; host figures: all of them. */
const factsOf = (scope: Scope, ref: MoRef): Facts => {
  const { store } = scope.context;
  const host = store.generic('host', scope.host);
  const cpuMhz = host?.cpuMhz ?? 0;
  const nowMs = scope.context.now();
  if (isHost(ref))
    return {
      threads: host?.cpuThreads ?? 1,
      cpuMhz,
      memoryBytes: host?.memoryBytes ?? 0,
      uptimeMs: host && host.bootedMs > 0 ? nowMs - host.bootedMs : 0,
    };
  const id = hubIdOf(ref);
  const vm = id === undefined ? undefined : store.generic('vm', id);
  return {
    threads: vm?.cpuCount ?? 1,
    cpuMhz,
    memoryBytes: vm?.memoryBytes ?? 0,
    uptimeMs: vm?.startedMs === undefined ? 0 : nowMs - vm.startedMs,
  };
};

interface QuerySpec {
  readonly entity: MoRef;
  readonly metricId?: readonly { readonly counterId: number; readonly instance: string }[];
  readonly intervalId?: number;
  readonly format?: string;
}

const series = (_scope: Scope, spec: QuerySpec, now: Sample, before: Sample, facts: Facts) => {
  const timestamp = new Date(now.atMs).toISOString();
  const wanted = spec.metricId?.length ? spec.metricId : COUNTERS.map(({ key }) => ({ counterId: key, instance: '' }));
  const csv = spec.format === 'csv';
  const values = wanted.flatMap(({ counterId, instance }) => {
    const counter = COUNTERS.find(({ key }) => key === counterId);
    // Figures are of the entity as a whole; '*' asks for every instance there is.
    if (!counter || (instance !== '' && instance !== '*')) return [];
    const figure = Math.round(counter.read(now, before, facts));
    const id = { counterId, instance: '' };
    return [
      csv
        ? { _type: 'PerfMetricSeriesCSV', id, value: String(figure) }
        : { _type: 'PerfMetricIntSeries', id, value: [figure] },
    ];
  });
  return csv
    ? { _type: 'PerfEntityMetricCSV', entity: spec.entity, sampleInfoCSV: `${INTERVAL_S},${timestamp}`, value: values }
    : {
        _type: 'PerfEntityMetric',
        entity: spec.entity,
        sampleInfo: [{ timestamp, interval: INTERVAL_S }],
        value: values,
      };
};

function* queryPerf(scope: Scope, call: Call): Brokered {
  const specs = (call.args['querySpec'] as readonly QuerySpec[] | undefined) ?? [];
  for (const { entity } of specs) if (!exists(scope, entity)) return refuse(objectNotFound(entity));
  for (const { metricId = [] } of specs)
    for (const { counterId } of metricId)
      if (!COUNTERS.some(({ key }) => key === counterId)) return refuse(invalidArgument('querySpec.metricId'));
  const entities = specs.map(({ entity }) => entity).filter((entity) => running(scope, entity));
  if (entities.length === 0) return value([]);
  const first = yield* take(scope, entities);
  if (!first.ok) return refuse(first.fault);
  if (!(yield* sleep(scope, APART_MS))) return refuse(fault('cancelled', {}, ''));
  const second = yield* take(scope, entities);
  if (!second.ok) return refuse(second.fault);
  const hubs = [scope.host, ...entities.map((ref) => hubIdOf(ref)).filter((id) => id !== undefined)];
  for (let from = 0; from < hubs.length && from < MAX_SAMPLES; from += 256)
    yield { effect: 'render', ids: hubs.slice(from, from + 256) };
  return value(
    specs.flatMap((spec) => {
      const key = refKey(spec.entity);
      const before = first.value.get(key);
      const now = second.value.get(key);
      return before && now ? [series(scope, spec, now, before, factsOf(scope, spec.entity))] : [];
    }),
  );
}

const entityOf = (call: Call): MoRef => call.args['entity'] as MoRef;
const measured = ({ type }: MoRef): boolean =>
  type === 'VirtualMachine' || type === 'HostSystem' || type === 'ComputeResource' || type === 'ResourcePool';

function queryPerfProviderSummary(scope: Scope, call: Call): Reply {
  const entity = entityOf(call);
  if (!exists(scope, entity)) return refuse(objectNotFound(entity));
  if (!measured(entity)) return refuse(invalidArgument('entity'));
  return value({ entity, currentSupported: true, summarySupported: false, refreshRate: INTERVAL_S });
}

function queryAvailablePerfMetric(scope: Scope, call: Call): Reply {
  const entity = entityOf(call);
  if (!exists(scope, entity)) return refuse(objectNotFound(entity));
  return value(measured(entity) ? COUNTERS.map(({ key }) => ({ counterId: key, instance: '' })) : []);
}

function queryPerfCounter(_scope: Scope, call: Call): Reply {
  const found: Counter[] = [];
  for (const id of (call.args['counterId'] as readonly number[] | undefined) ?? []) {
    const counter = COUNTERS.find(({ key }) => key === id);
    if (!counter) return refuse(invalidArgument('counterId'));
    found.push(counter);
  }
  return value(found.map(counterInfo));
}

function queryPerfCounterByLevel(_scope: Scope, call: Call): Reply {
  const level = Number(plain(call.args['level']));
  return level >= 1 && level <= 4 ? value(COUNTERS.map(counterInfo)) : refuse(invalidArgument('level'));
}

export const performance = {
  QueryPerf: queryPerf,
  QueryPerfProviderSummary: queryPerfProviderSummary,
  QueryAvailablePerfMetric: queryAvailablePerfMetric,
  QueryPerfCounter: queryPerfCounter,
  QueryPerfCounterByLevel: queryPerfCounterByLevel,
};

const described = (key: string) => ({ _type: 'ElementDescription', label: key, summary: key, key });

export const furnishPerformance = (): void =>
  furnish('PerformanceManager', (_scope, ref) =>
    sameRef(ref, F.perfManager)
      ? {
          values: {
            perfCounter: () => COUNTERS.map(counterInfo),
            historicalInterval: () => [
              { key: 1, samplingPeriod: 300, name: 'PastDay', length: 129_600, enabled: true },
            ],
            description: () => ({
              counterType: ['average', 'maximum', 'minimum', 'latest', 'summation', 'none'].map(described),
              statsType: ['absolute', 'delta', 'rate'].map(described),
            }),
          },
        }
      : undefined,
  );
