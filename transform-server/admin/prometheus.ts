/** Figures of the server and of its process in, the text of Prometheus's exposition format out. */
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client';
import { MEASURES, type Measure, type Sample } from './measures.ts';
import type { Inspected } from './parts.ts';

export const PREFIX = 'transvisor_';

export interface Prometheus {
  readonly contentType: string;
  text(): Promise<string>;
}

export interface NamedMetric extends Pick<Measure, 'help' | 'type'> {
  /** With the prefix. */
  readonly name: string;
}

/** What is counted elsewhere, as the registry asks for it. */
const metricOf = ({ name, help, type }: NamedMetric, samples: () => readonly Sample[]): Metric => {
  const metric = {
    name,
    get: async () => ({
      name,
      help,
      type,
      aggregator: 'sum',
      values: samples().map(({ suffix = '', labels = {}, value }) => ({
        metricName: `${name}${suffix}`,
        labels,
        value,
      })),
    }),
    reset: () => {},
  };
  return metric as unknown as Metric;
};

/** Figures without labels under the names that Prometheus wants: what only grows is a total. */
export const plainMetrics = (inspected: Inspected): readonly NamedMetric[] =>
  Object.entries(inspected.figures())
    .filter(([, { labelled }]) => labelled !== true)
    .map(([name, { help, grows }]) =>
      grows === true
        ? { name: `${PREFIX}${name}_total`, help, type: 'counter' }
        : { name: `${PREFIX}${name}`, help, type: 'gauge' },
    );

export const createPrometheus = (inspected: Inspected): Prometheus => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: PREFIX });
  // Gauges whose names say that they are counters; without `_total` they are there by their kinds.
  for (const noun of ['handles', 'requests', 'resources'])
    registry.removeSingleMetric(`${PREFIX}nodejs_active_${noun}_total`);
  for (const measure of MEASURES)
    registry.registerMetric(metricOf({ ...measure, name: `${PREFIX}${measure.name}` }, () => measure.read(inspected)));
  let figures = inspected.figures();
  for (const metric of plainMetrics(inspected)) {
    const figure = metric.name.slice(PREFIX.length).replace(/_total$/, '');
    registry.registerMetric(metricOf(metric, () => [{ value: figures[figure]?.value ?? 0 }]));
  }
  return {
    contentType: registry.contentType,
    text: () => {
      figures = inspected.figures();
      return registry.metrics();
    },
  };
};
