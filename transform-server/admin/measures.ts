/** The metrics with labels as a table: a name, what it says, and how it is read from the parts of the server. */
import { BUCKETS_MS, type LatencySum } from '../../runtime/tally.ts';
import type { Inspected, Parts } from './parts.ts';
import { hostsKnown } from './unwell.ts';

export interface Sample {
  /** Of a histogram: _bucket, _sum, _count. */
  readonly suffix?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Measure {
  /** Without the prefix. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  read(inspected: Inspected): readonly Sample[];
}

const perPart =
  (read: (parts: Parts) => readonly Sample[]): Measure['read'] =>
  (inspected) =>
    inspected.parts().flatMap(read);

/** The same labels come once, whatever several cells counted of them. */
const summed = (samples: readonly Sample[]): readonly Sample[] => {
  const sums = new Map<string, Sample>();
  for (const sample of samples) {
    const key = JSON.stringify([sample.suffix, sample.labels]);
    sums.set(key, { ...sample, value: sample.value + (sums.get(key)?.value ?? 0) });
  }
  return [...sums.values()];
};

const histogram = ({ front, route, sumMs, buckets }: LatencySum): Sample[] => {
  let count = 0;
  const samples: Sample[] = [...BUCKETS_MS.map((ms) => String(ms / 1000)), '+Inf'].map((le, at) => {
    count += buckets[at] ?? 0;
    return { suffix: '_bucket', labels: { front, route, le }, value: count };
  });
  const labels = { front, route };
  return [...samples, { suffix: '_sum', labels, value: sumMs / 1000 }, { suffix: '_count', labels, value: count }];
};

const perHost = (value: (host: ReturnType<typeof hostsKnown>[number], parts: Parts) => number): Measure['read'] =>
  perPart((parts) => hostsKnown(parts).map((host) => ({ labels: { host: host.name }, value: value(host, parts) })));

const yes = (is: boolean): number => (is ? 1 : 0);

export const MEASURES: readonly Measure[] = [
  {
    name: 'exchanges_total',
    type: 'counter',
    help: 'Exchanges with clients that ended. method: of the command table, else empty; outcome: value, gone, or the kind of the fault.',
    labels: ['front', 'method', 'route', 'outcome'],
    read: (inspected) =>
      summed(
        inspected
          .parts()
          .flatMap(({ tally }) => tally.sums().exchanges)
          .map(({ count, front, method, route, outcome }) => ({
            labels: { front, method, route, outcome },
            value: count,
          })),
      ),
  },
  {
    name: 'exchange_duration_seconds',
    type: 'histogram',
    help: 'How long clients waited for their answer, waits for changes and whole transfers among it.',
    labels: ['front', 'route'],
    read: (inspected) =>
      summed(inspected.parts().flatMap(({ tally }) => tally.sums().latencies.flatMap((one) => histogram(one)))),
  },
  {
    name: 'jobs_total',
    type: 'counter',
    help: 'Jobs that ended. outcome: success, or the kind of the fault.',
    labels: ['verb', 'outcome'],
    read: (inspected) =>
      summed(
        inspected
          .parts()
          .flatMap(({ jobs }) => [...jobs.ends])
          .flatMap(([verb, outcomes]) =>
            [...outcomes].map(([outcome, value]) => ({ labels: { verb, outcome }, value })),
          ),
      ),
  },
  {
    name: 'host_agent_up',
    type: 'gauge',
    help: 'The agent that holds the host is here: 1, or 0.',
    labels: ['host'],
    read: perHost(({ record }) => yes(record !== undefined)),
  },
  {
    name: 'host_up',
    type: 'gauge',
    help: 'The host answers its agent, which is here: 1, or 0.',
    labels: ['host'],
    read: perHost(({ record }) => yes(record?.connected === true)),
  },
  {
    name: 'host_listed',
    type: 'gauge',
    help: 'Everything on the host is known: 1, or 0.',
    labels: ['host'],
    read: perHost(({ id }, { store }) => yes(store.listed(id))),
  },
  {
    name: 'sync_lag_seconds',
    type: 'gauge',
    help: 'How long the copy of the host is behind it: 0 while the host answers and all that it told is taken in.',
    labels: ['host'],
    read: perHost(({ id }, { lag }) => lag.lagMs(id) / 1000),
  },
  {
    name: 'front_sessions',
    type: 'gauge',
    help: 'Sessions of clients.',
    labels: ['front', 'platform'],
    read: perPart(({ hosts, sessions }) =>
      hosts.fronts().map(({ instance: { name, platform } }) => ({
        labels: { front: name, platform },
        value: sessions.view.list(name).length,
      })),
    ),
  },
];
