/** The exchange logs of a server in; traces of the exchanges that are over, sent on a moment later, out. Nobody who answers a client waits for it. */
import { type Clock, steadily } from '../../runtime/clock.ts';
import { LIMITS } from '../../runtime/limits.ts';
import type { TraceSender } from '../../runtime/trace-sender.ts';
import type { ExchangeLog } from '../exchanges/log.ts';
import { spansOfExchange } from '../exchanges/spans.ts';
import type { Inspected } from './parts.ts';

export interface Telemetry {
  close(): Promise<void>;
}

/** What was seen of one exchange. */
interface Seen {
  readonly log: ExchangeLog;
  touchedMs: number;
  /** Ids of spans that are sent already; a job's end may come long after its exchange's. */
  readonly sent: Set<string>;
}

export const startTelemetry = (options: {
  readonly inspected: Inspected;
  readonly sender: TraceSender;
  readonly clock: Clock;
}): Telemetry => {
  const { inspected, sender, clock } = options;
  const marks = new WeakMap<ExchangeLog, number>();
  /** Those that were told more of, and those that were sent, oldest first. */
  const open = new Map<string, Seen>();
  const sent = new Map<string, Seen>();

  const look = (): void => {
    const nowMs = steadily(clock);
    for (const { exchangeLog: log } of inspected.parts()) {
      for (const { exchange } of log.since(marks.get(log) ?? 0)) {
        const seen = open.get(exchange) ?? sent.get(exchange) ?? { log, touchedMs: nowMs, sent: new Set() };
        seen.touchedMs = nowMs;
        open.set(exchange, seen);
      }
      marks.set(log, log.mark);
    }
  };
  const tell = (quietMs: number): void => {
    const untilMs = steadily(clock) - quietMs;
    for (const [exchange, seen] of open) {
      if (seen.touchedMs > untilMs) continue;
      const found = seen.log.explain(exchange);
      // It waits, or is forgotten before it was over.
      if (found !== undefined && found.line.durationMs === undefined) continue;
      open.delete(exchange);
      if (found === undefined) continue;
      const fresh = spansOfExchange(found).filter(({ spanId }) => !seen.sent.has(spanId));
      for (const { spanId } of fresh) seen.sent.add(spanId);
      sent.delete(exchange);
      sent.set(exchange, seen);
      sender.send(fresh);
    }
    for (const exchange of sent.keys()) {
      if (sent.size <= LIMITS.tracesRemembered) break;
      sent.delete(exchange);
    }
  };
  const stop = clock.every(LIMITS.traceTickMs, () => {
    look();
    tell(LIMITS.traceQuietMs);
  });
  return {
    close: async () => {
      stop();
      look();
      tell(0);
      await sender.close();
    },
  };
};
