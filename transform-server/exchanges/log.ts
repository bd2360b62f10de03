/** The exchange log: hops come in from agents and server, the last exchanges with all their hops go out; bounded, bodies cut. */
import type { Hop } from '../../runtime/protocol.ts';
import { safeCopy } from '../../runtime/redaction.ts';

const EXCHANGES = 2000;
const HOPS = 200;
/** Characters of one hop, and of all that are kept: whoever tells of exchanges does not say how much memory that takes. */
const HOP_TEXT = 64 * 1024;
const ALL_TEXT = 64 * 1024 * 1024;

export interface ExchangeLog {
  add(hop: Hop): void;
  explain(exchange: string): readonly Hop[] | undefined;
  /** Newest first. */
  list(limit: number): readonly { exchange: string; atMs: number; hops: number; first: Hop['detail'] }[];
  readonly size: number;
}

export const createExchangeLog = (most = EXCHANGES): ExchangeLog => {
  const exchanges = new Map<string, { readonly hops: Hop[]; text: number }>();
  let text = 0;
  const forgetOldest = (): void => {
    for (const [exchange, one] of exchanges) {
      if (exchanges.size <= most && text <= ALL_TEXT) return;
      exchanges.delete(exchange);
      text -= one.text;
    }
  };
  return {
    add: (hop) => {
      let one = exchanges.get(hop.exchange);
      if (one === undefined) {
        one = { hops: [], text: 0 };
        exchanges.set(hop.exchange, one);
      }
      if (one.hops.length >= HOPS) return;
      const room = { left: HOP_TEXT };
      one.hops.push({ ...hop, detail: safeCopy(hop.detail, room) as Hop['detail'] });
      one.text += HOP_TEXT - room.left;
      text += HOP_TEXT - room.left;
      forgetOldest();
    },
    // Hops of one exchange come over different ways; the clock puts them in order.
    explain: (exchange) => exchanges.get(exchange)?.hops.toSorted((a, b) => a.atMs - b.atMs),
    list: (limit) =>
      [...exchanges.entries()]
        .slice(-Math.max(0, limit))
        .reverse()
        .map(([exchange, { hops }]) => ({
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
