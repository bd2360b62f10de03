/** The host's quick statistics, which are rates of the moment, summed up over the time between two questions into the hub's counters. */
import { done, type Outcome, refused } from '../../generic/faults.ts';
import type { DriverSend, HttpTalk } from '../../generic/platform.ts';
import { NOTHING_COUNTED, type Statistics, type VmSample } from '../../generic/statistics.ts';
import { childOf, childrenOf, type XmlElement } from '../../wire/xml.ts';
import { moRef } from '../values.ts';
import type { Send } from './listening.ts';
import { propSet, refIn, type Told, textIn, throughView, toldOf } from './properties.ts';
import { contentRef } from './soap-call.ts';

export const QUICK_STATISTICS = 'QuickStatistics';

const MIB = 1024 * 1024;
const MILLION = 1e6;

interface Counter {
  ns: number;
  mhz: number;
}
/** What a conversation remembers between two questions. Times are the host's own clock. */
export interface Counters {
  atMs: number;
  readonly byId: Map<string, Counter>;
}
export const newCounters = (): Counters => ({ atMs: 0, byId: new Map() });

const PATHS = {
  VirtualMachine: ['runtime.powerState', 'summary.quickStats', 'summary.config.memorySizeMB'],
  HostSystem: ['summary.quickStats', 'summary.hardware'],
};

const numberIn = (told: Told, path: string, member: string): number => {
  const value = told.values.get(path);
  return Number((value && childOf(value, member)?.text) ?? 0) || 0;
};

/** MHz used times the time since the last question, in nanoseconds of one thread of the host. */
const count = (counters: Counters, id: string, mhz: number, hostMhz: number, sinceMs: number): number => {
  const counter = counters.byId.get(id) ?? { ns: 0, mhz };
  // The mean of both ends: what was between them nobody has told.
  counter.ns += Math.round(((counter.mhz + mhz) / 2 / hostMhz) * sinceMs * MILLION);
  counter.mhz = mhz;
  counters.byId.set(id, counter);
  return counter.ns;
};

const sampled = (all: readonly Told[], nowMs: number, counters: Counters): Statistics => {
  const sinceMs = counters.atMs === 0 ? 0 : Math.max(0, nowMs - counters.atMs);
  counters.atMs = nowMs;
  const hosts = all.filter(({ ref }) => ref.type === 'HostSystem');
  const hostMhz = Math.max(1, ...hosts.map((host) => numberIn(host, 'summary.hardware', 'cpuMhz')));
  const running = all.filter((told) => textIn(told, 'runtime.powerState') === 'poweredOn');
  const vms = running.map((told): VmSample => {
    const stat = (member: string): number => numberIn(told, 'summary.quickStats', member);
    return {
      ...NOTHING_COUNTED,
      native: told.ref.value,
      cpuNs: count(counters, told.ref.value, stat('overallCpuUsage'), hostMhz, sinceMs),
      memoryBytes: (Number(textIn(told, 'summary.config.memorySizeMB')) || 0) * MIB,
      residentBytes: stat('hostMemoryUsage') * MIB,
    };
  });
  const seen = new Set(all.map(({ ref }) => ref.value));
  for (const id of counters.byId.keys()) if (!seen.has(id)) counters.byId.delete(id);
  let cpuNs = 0;
  let threads = 0;
  let memoryBytes = 0;
  let usedBytes = 0;
  for (const host of hosts) {
    cpuNs += count(counters, host.ref.value, numberIn(host, 'summary.quickStats', 'overallCpuUsage'), hostMhz, sinceMs);
    threads += numberIn(host, 'summary.hardware', 'numCpuCores');
    memoryBytes += numberIn(host, 'summary.hardware', 'memorySize');
    usedBytes += numberIn(host, 'summary.quickStats', 'overallMemoryUsage') * MIB;
  }
  const idle = counters.byId.get('idle') ?? { ns: 0, mhz: 0 };
  idle.ns += Math.max(0, Math.round(threads * sinceMs * MILLION));
  counters.byId.set('idle', idle);
  return {
    vms,
    host: {
      cpuNs,
      idleNs: Math.max(0, idle.ns - cpuNs),
      memoryBytes,
      freeBytes: Math.max(0, memoryBytes - usedBytes),
    },
  };
};

/** One view, one reading, the host's clock. */
export function* sample(send: Send, counters: Counters): HttpTalk<Outcome<{ statistics: Statistics }>> {
  const clock = yield* send('CurrentTime', moRef('ServiceInstance', 'ServiceInstance'), {});
  if (!clock.ok) return clock;
  const made = yield* send('CreateContainerView', contentRef('ViewManager', 'viewManager'), {
    container: contentRef('Folder', 'rootFolder'),
    type: Object.keys(PATHS),
    recursive: true,
  });
  const view = made.ok ? refIn(made.value[0]) : undefined;
  if (!made.ok) return made;
  if (view === undefined) throw new Error('CreateContainerView: the host makes no view');
  const all: Told[] = [];
  const collector = contentRef('PropertyCollector', 'propertyCollector');
  const specSet = [{ propSet: propSet(PATHS), objectSet: [throughView(view)] }];
  let answer = yield* send('RetrievePropertiesEx', collector, { specSet, options: { maxObjects: 250 } });
  for (;;) {
    if (!answer.ok) return refused(answer.fault);
    const page: XmlElement | undefined = answer.value[0];
    if (page) all.push(...childrenOf(page, 'objects').map((object) => toldOf(object)));
    const token = page && childOf(page, 'token')?.text;
    if (token === undefined || token === '') break;
    answer = yield* send('ContinueRetrievePropertiesEx', collector, { token });
  }
  yield* send('DestroyView', view, {});
  const nowMs = Date.parse(clock.value[0]?.text.trim() ?? '');
  return done({ statistics: sampled(all, Number.isNaN(nowMs) ? 0 : nowMs, counters) });
}

/** Samples of the named VMs, or of every running one. */
export const statistics = async (
  send: DriverSend,
  natives: readonly string[] | undefined,
): Promise<Outcome<Statistics>> => {
  const outcome = await send.call(QUICK_STATISTICS, {}, 'read');
  if (!outcome.ok) return outcome;
  const { vms, host } = outcome.value['statistics'] as Statistics;
  return done({ host, vms: natives === undefined ? vms : vms.filter(({ native }) => natives.includes(native)) });
};
