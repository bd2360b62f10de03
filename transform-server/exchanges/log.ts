/** The exchange log: hops come in from agents and server, the last exchanges with all their hops go out; bounded, bodies cut. */
import type { Hop } from '../../runtime/protocol.ts';

const EXCHANGES = 2000;
const HOPS = 200;
const TEXT = 2048;
const DEPTH = 6;
const MEMBERS = 64;
const NAMING = /^(key|name)$/;
const SECRET = /passw|secret|token|cookie|credential|ticket/i;

export interface ExchangeLog {
  add(hop: Hop): void;
  explain(exchange: string): readonly Hop[] | undefined;
  /** Newest first. */
  list(limit: number): readonly { exchange: string; atMs: number; hops: number; first: Hop['detail'] }[];
  readonly size: number;
}

/** In a host's own document, too: `<attribute key="x.password">value</attribute>` and `passwd='value'`. */
const NAMED_ELEMENT = /(<[^<>]*=(["'])[^"'<>]*(?:passw|secret|token|cookie|credential|ticket)[^"'<>]*\2[^<>]*>)[^<]+/gi;
const NAMED_ATTRIBUTE = /(\b[\w:.-]*(?:passw|secret|token|cookie|credential|ticket)[\w:.-]*\s*=\s*)(["'])[^"']*\2/gi;
const withoutSecrets = (document: string): string =>
  SECRET.test(document)
    ? document.replace(NAMED_ELEMENT, '$1[secret]').replace(NAMED_ATTRIBUTE, '$1$2[secret]$2')
    : document;

/** A copy that is safe to keep: no secret, no body without end. */
const cut = (value: unknown, depth = 0): unknown => {
  if (typeof value === 'string') {
    const text = value.includes('<') ? withoutSecrets(value) : value;
    return text.length > TEXT ? `${text.slice(0, TEXT)}... (${text.length} characters)` : text;
  }
  if (value instanceof Uint8Array) return `(${value.length} bytes)`;
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? '(function)' : value;
  if (depth >= DEPTH) return '...';
  if (Array.isArray(value)) {
    const kept = value.slice(0, MEMBERS).map((one) => cut(one, depth + 1));
    return value.length > MEMBERS ? [...kept, `... (${value.length} in all)`] : kept;
  }
  const members = Object.entries(value);
  // A pair such as { key: 'display.password', value }: its name is a value itself.
  const isSecretPair = members.some(([key, one]) => NAMING.test(key) && typeof one === 'string' && SECRET.test(one));
  const kept = members
    .slice(0, MEMBERS)
    .map(([key, one]) => [
      key,
      SECRET.test(key) || (isSecretPair && key === 'value') ? '[secret]' : cut(one, depth + 1),
    ]);
  if (members.length > MEMBERS) kept.push(['...', `${members.length} in all`]);
  return Object.fromEntries(kept);
};

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
      if (hops.length < HOPS) hops.push({ ...hop, detail: cut(hop.detail) as Hop['detail'] });
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
