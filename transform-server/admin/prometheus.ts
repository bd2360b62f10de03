/** Figures of the server and of its process in, the text of Prometheus's exposition format out. */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Inspected } from './parts.ts';

const PREFIX = 'transvisor_';

export interface Prometheus {
  readonly contentType: string;
  text(): Promise<string>;
}

export const createPrometheus = (inspected: Inspected): Prometheus => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: PREFIX });
  const gauges = new Map<string, Gauge>();
  return {
    contentType: registry.contentType,
    text: () => {
      for (const [name, { help, value }] of Object.entries(inspected.figures())) {
        let gauge = gauges.get(name);
        if (gauge === undefined) {
          gauge = new Gauge({ name: `${PREFIX}${name}`, help, registers: [registry] });
          gauges.set(name, gauge);
        }
        gauge.set(value);
      }
      return registry.metrics();
    },
  };
};
