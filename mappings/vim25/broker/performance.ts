/** PerformanceManager: the counter catalogue, and series of what was measured, or of two samples of the host's own statistics. */
import type { Call, Reply } from '../../generic/call.ts';
import { fault, type Outcome } from '../../generic/faults.ts';
import type { HubId } from '../../generic/ids.ts';
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
const INTERVAL_MS = INTERVAL_S * 1000;
/** An hour of intervals is kept, as on ESXi. */
const KEPT_SAMPLES = 180;
/** What was not measured for longer is not running, or its host is away. */
const FRESH_MS = 60_000;
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
  /** The first moment that is not asked for. */
  readonly startTime?: string;
  readonly endTime?: string;
  readonly maxSample?: number;
  readonly metricId?: readonly { readonly counterId: number; readonly instance: string }[];
  readonly intervalId?: number;
  readonly format?: string;
}

/** What was counted between two samples. */
type Span = readonly [now: Sample, before: Sample];

const hubOf = (scope: Scope, ref: MoRef): HubId | undefined => (isHost(ref) ? scope.host : hubIdOf(ref));

/** What was measured in the past hour, in the intervals of ESXi; undefined: nothing was in the last minute. Oldest first. */
const past = (scope: Scope, spec: QuerySpec, { memoryBytes }: Facts): Span[] | undefined => {
  const { store, now } = scope.context;
  const id = hubOf(scope, spec.entity);
  const history = id === undefined ? undefined : store.history(id);
  if (history === undefined || history.untilMs < now() - FRESH_MS) return undefined;
  const known = (name: string, endMs: number): number => history.mean(name, endMs - INTERVAL_MS, endMs) || 0;
  const startMs = spec.startTime === undefined ? 0 : Date.parse(spec.startTime);
  const endMs = spec.endTime === undefined ? Number.POSITIVE_INFINITY : Date.parse(spec.endTime);
  const most = Math.min(spec.maxSample || KEPT_SAMPLES, KEPT_SAMPLES);
  const spans: Span[] = [];
  for (let n = 0, atMs = history.untilMs; n < KEPT_SAMPLES && spans.length < most; n++, atMs -= INTERVAL_MS) {
    if (atMs <= startMs) break;
    if (atMs > endMs || Number.isNaN(history.mean('cpu', atMs - INTERVAL_MS, atMs))) continue;
    const counted = (name: string): number => known(name, atMs) * INTERVAL_S;
    const before = { ...NOTHING_COUNTED, atMs: atMs - INTERVAL_MS };
    spans.unshift([
      {
        atMs,
        cpuNs: counted('cpu') * 1e9,
        memoryBytes,
        residentBytes: known('memory', atMs),
        readBytes: counted('disk.read'),
        writtenBytes: counted('disk.written'),
        readRequests: counted('disk.reads'),
        writeRequests: counted('disk.writes'),
        receivedBytes: counted('nic.received'),
        sentBytes: counted('nic.sent'),
      },
      before,
    ]);
  }
  return spans;
};

const series = (spec: QuerySpec, spans: readonly Span[], facts: Facts) => {
  const times = spans.map(([{ atMs }]) => new Date(atMs).toISOString());
  const wanted = spec.metricId?.length ? spec.metricId : COUNTERS.map(({ key }) => ({ counterId: key, instance: '' }));
  const csv = spec.format === 'csv';
  const values = wanted.flatMap(({ counterId, instance }) => {
    const counter = COUNTERS.find(({ key }) => key === counterId);
    // Figures are of the entity as a whole; '*' asks for every instance there is.
    if (!counter || (instance !== '' && instance !== '*')) return [];
    const figures = spans.map(([now, before]) => Math.round(counter.read(now, before, facts)));
    const id = { counterId, instance: '' };
    return [
      csv
        ? { _type: 'PerfMetricSeriesCSV', id, value: figures.join(',') }
        : { _type: 'PerfMetricIntSeries', id, value: figures },
    ];
  });
  const { entity } = spec;
  return csv
    ? {
        _type: 'PerfEntityMetricCSV',
        entity,
        sampleInfoCSV: times.map((time) => `${INTERVAL_S},${time}`).join(','),
        value: values,
      }
    : {
        _type: 'PerfEntityMetric',
        entity,
        sampleInfo: times.map((timestamp) => ({ timestamp, interval: INTERVAL_S })),
        value: values,
      };
};

/** What is not measured yet: two samples of the moment. */
function* present(scope: Scope, entities: readonly MoRef[]): Brokered<Outcome<Map<string, Span>>> {
  const spans = new Map<string, Span>();
  if (entities.length === 0) return { ok: true, value: spans };
  const first = yield* take(scope, entities);
  if (!first.ok) return first;
  if (!(yield* sleep(scope, APART_MS))) return { ok: false, fault: fault('cancelled', {}, '') };
  const second = yield* take(scope, entities);
  if (!second.ok) return second;
  for (const [key, now] of second.value) {
    const before = first.value.get(key);
    if (before) spans.set(key, [now, before]);
  }
  return { ok: true, value: spans };
}

function* queryPerf(scope: Scope, call: Call): Brokered {
  const specs = (call.args['querySpec'] as readonly QuerySpec[] | undefined) ?? [];
  for (const { entity } of specs) if (!exists(scope, entity)) return refuse(objectNotFound(entity));
  for (const { metricId = [] } of specs)
    for (const { counterId } of metricId)
      if (!COUNTERS.some(({ key }) => key === counterId)) return refuse(invalidArgument('querySpec.metricId'));
  const asked = specs.filter(({ entity }) => running(scope, entity));
  const hubs = asked.map(({ entity }) => hubOf(scope, entity)).filter((id) => id !== undefined);
  for (let from = 0; from < hubs.length && from < MAX_SAMPLES; from += 256)
    yield { effect: 'render', ids: [scope.host, ...hubs.slice(from, from + 256)] };
  const kept = asked.map((spec) => past(scope, spec, factsOf(scope, spec.entity)));
  const unmeasured = asked.filter((_, n) => kept[n] === undefined).map(({ entity }) => entity);
  const now = yield* present(scope, unmeasured);
  if (!now.ok) return refuse(now.fault);
  return value(
    asked.flatMap((spec, n) => {
      const span = now.value.get(refKey(spec.entity));
      const spans = kept[n] ?? (span ? [span] : []);
      return spans.length > 0 ? [series(spec, spans, factsOf(scope, spec.entity))] : [];
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
