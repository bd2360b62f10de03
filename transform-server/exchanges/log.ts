/** The exchange log: hops come in from agents and server, the last exchanges with all their hops go out; bounded, bodies cut. */
import type { Hop } from '../../runtime/protocol.ts';
import { safeCopy } from './redaction.ts';

const EXCHANGES = 2000;
const HOPS = 200;

export interface ExchangeLog {
  add(hop: Hop): void;
  explain(exchange: string): readonly Hop[] | undefined;
  /** Newest first. */
  list(limit: number): readonly { exchange: string; atMs: number; hops: number; first: Hop['detail'] }[];
  readonly size: number;
}

export const createExchangeLog = (most = EXCHANGES): ExchangeLog => {
  const exchanges = new Map<string, Hop[]>();
  return {
    add: (hop) => {
      let hops = exchanges.get(hop.exchange);
      if (hops === undefined) {
        hops = [];
        exchanges.set(hop.exchange, hops);
        const oldest = exchanges.keys().next().value;
        if (exchanges.size > most && oldest !== undefined) exchanges.delete(oldest);
      }
      if (hops.length < HOPS) hops.push({ ...hop, detail: safeCopy(hop.detail) as Hop['detail'] });
    },
    // Hops of one exchange come over different ways; the clock puts them in order.
    explain: (exchange) => exchanges.get(exchange)?.toSorted((a, b) => a.atMs - b.atMs),
    list: (limit) =>
      [...exchanges.entries()]
        .slice(-Math.max(0, limit))
        .reverse()
        .map(([exchange, hops]) => ({
          exchange,
          atMs: hops[0]?.atMs ?? 0,
          hops: hops.length,
          first: hops[0]?.detail ?? {},
        })),
    get size() {
      return exchanges.size;
    },
  };
};
