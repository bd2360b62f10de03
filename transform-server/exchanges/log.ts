/**
 * The exchange log: hops come in from agents and server, a line for each of the newest exchanges and all hops of one go out. What a hop
 * tells is kept as it came and made into text without secrets when somebody looks; it is bounded in number and bytes (limits.ts).
 */
import { LIMITS } from '../../runtime/limits.ts';
import type { ExchangeFacts, Hop } from '../../runtime/protocol.ts';
import { namesSecret, safeCopy } from '../../runtime/redaction.ts';
import { createRing } from './ring.ts';
import { createTexts } from './texts.ts';
import { type Span, spansOf } from './waterfall.ts';
import { weigh } from './weight.ts';

export type LineHop = Omit<Hop, 'detail'> & { readonly detail?: Hop['detail'] | undefined };

/** What a list shows of an exchange. */
export interface ExchangeLine extends Required<ExchangeFacts> {
  readonly exchange: string;
  readonly atMs: number;
  /** Until its client had its answer; absent: it is under way. */
  readonly durationMs?: number | undefined;
  readonly hops: number;
}

/** Of an exchange that is kept as its line alone: what is known when it begins. */
export type Beginning = Pick<ExchangeLine, 'exchange' | 'atMs' | (typeof KNOWN)[number]>;

/** Such an exchange, for whoever ends it. */
export interface Begun {
  readonly line: ExchangeLine;
}

export type Teller = 'agent' | 'server';

export interface ToldHop extends Pick<Hop, 'shape' | 'atMs' | 'durationMs' | 'detail'> {
  readonly by: Teller;
}

export interface Explained {
  readonly line: ExchangeLine;
  /** In the order in which they were over, all on one clock. */
  readonly hops: readonly ToldHop[];
  readonly spans: readonly Span[];
}

export interface ExchangeLog {
  /** Not at all is for those who would have to make something first. */
  readonly isOn: boolean;
  readonly most: number;
  readonly size: number;
  /** Bytes of what is kept, about. */
  readonly bytes: number;
  /** Without details it is no hop: only the line learns from it. */
  add(hop: LineHop, by?: Teller): void;
  /** One of thousands, of which no hop will be told: it costs a tenth of what `add` does. undefined: the log is off. */
  begin(line: Beginning): Begun | undefined;
  end(begun: Begun, exchange: string, atMs: number, outcome: string): void;
  explain(exchange: string): Explained | undefined;
  /** Newest first, as far as somebody reads on. */
  newest(): Iterable<ExchangeLine>;
  /** Newest first. */
  list(limit: number): readonly ExchangeLine[];
  /** Grows with every hop. */
  readonly mark: number;
  /** Exchanges that are new or told more of since then, oldest first. */
  since(mark: number): readonly ExchangeLine[];
}

type Line = { -readonly [K in keyof ExchangeLine]: ExchangeLine[K] };
/** The oldest becomes the newest: what lives for seconds and is thrown away costs collections of the whole heap. */
interface Entry extends Begun {
  line: Line;
  hops: ToldHop[] | undefined;
  bytes: number;
  mark: number;
  /** Whoever looked may still hold its line. */
  isShown: boolean;
  /** It is found by its id at once; the others are looked for when somebody asks. */
  isIndexed: boolean;
}

const FACT_TEXT = 256;
/** Different ones of clients, users, fronts, methods and routes that are kept once. */
const FACT_TEXTS = 1000;
/** Of an exchange without its hops' details. */
const ENTRY_BYTES = 400;
const HOP_BYTES = 120;
const KNOWN = ['client', 'user', 'front', 'method', 'route', 'object', 'name'] as const;
const NAMES = [...KNOWN, 'verb', 'job'] as const;
/** Of a call that is about a secret: what a detail says of what went in and came out. */
const HIDDEN = new Set(['args', 'params', 'value', 'body', 'outcome']);

const newLine = (): Line => ({
  exchange: '',
  atMs: 0,
  durationMs: undefined,
  client: '',
  user: '',
  front: '',
  method: '',
  route: '',
  verb: '',
  object: '',
  name: '',
  job: '',
  outcome: 'running',
  hops: 0,
});

const cut = (text: string): string => (text.length > FACT_TEXT ? text.slice(0, FACT_TEXT) : text);
/** Name by name, for it is done thousands of times a second. Object and name are the store's own. */
const begin = (line: Line, known: Beginning, once: (text: string) => string): void => {
  line.exchange = known.exchange;
  line.atMs = known.atMs;
  line.durationMs = undefined;
  line.client = once(known.client);
  line.user = once(known.user);
  line.front = once(known.front);
  line.method = once(known.method);
  line.route = once(known.route);
  line.object = cut(known.object);
  line.name = cut(known.name);
  line.verb = line.job = '';
  line.outcome = 'running';
  line.hops = 0;
};
const UNKNOWN = { client: '', user: '', front: '', method: '', route: '', object: '', name: '' };

const learn = (line: Line, { durationMs, facts, shape }: LineHop, by: Teller): void => {
  // How long its client waited is known best by whoever had the client.
  if (
    (shape === 'answer' || shape === 'pass') &&
    durationMs !== undefined &&
    (by === 'agent' || line.durationMs === undefined)
  )
    line.durationMs = durationMs;
  if (facts === undefined) return;
  for (const name of NAMES) {
    const fact = facts[name];
    if (fact !== undefined && fact !== '') line[name] = cut(fact);
  }
  // A job's fault is told after its client had the job, and the other way round.
  const { outcome } = facts;
  if (outcome !== undefined && (outcome !== 'value' || line.outcome === 'running')) line.outcome = cut(outcome);
};

const shownDetail = (detail: Hop['detail'], isSecret: boolean): Hop['detail'] => {
  const shown = isSecret
    ? Object.fromEntries(Object.entries(detail).map(([key, one]) => [key, HIDDEN.has(key) ? '[secret]' : one]))
    : detail;
  return safeCopy(shown, { left: LIMITS.exchangeHopBytes }, 0, LIMITS.exchangeBodyBytes) as Hop['detail'];
};

export const createExchangeLog = (most: number = LIMITS.exchangesKept): ExchangeLog => {
  const entries = new Map<string, Entry>();
  const ring = createRing<Entry>(most);
  const once = createTexts(FACT_TEXTS, FACT_TEXT);
  let bytes = 0;
  let mark = 0;

  const forget = (old: Entry | undefined): void => {
    if (old === undefined) return;
    if (old.isIndexed) entries.delete(old.line.exchange);
    bytes -= old.bytes;
  };
  /** One that is forgotten now, or a new one. */
  const unused = (): Entry => {
    const old = ring.size < most ? undefined : ring.shift();
    if (old === undefined)
      return { line: newLine(), hops: undefined, bytes: 0, mark: 0, isShown: false, isIndexed: false };
    forget(old);
    if (old.isShown) old.line = newLine();
    old.isShown = false;
    old.hops = undefined;
    return old;
  };
  const open = (known: Beginning): Entry => {
    const entry = unused();
    begin(entry.line, known, once);
    entry.isIndexed = false;
    entry.bytes = ENTRY_BYTES;
    bytes += ENTRY_BYTES;
    ring.push(entry);
    return entry;
  };
  const touch = (entry: Entry): void => {
    mark += 1;
    entry.mark = mark;
  };
  const find = (exchange: string): Entry | undefined =>
    entries.get(exchange) ?? ring.newest().find(({ line }) => line.exchange === exchange);
  const shown = (entry: Entry): ExchangeLine => {
    entry.isShown = true;
    return entry.line;
  };

  return {
    isOn: most > 0,
    most,
    get size() {
      return ring.size;
    },
    get bytes() {
      return bytes;
    },
    add: (hop, by = 'server') => {
      if (most === 0) return;
      // An error may be one of an exchange that had nothing to tell.
      let entry = hop.shape === 'error' ? find(hop.exchange) : entries.get(hop.exchange);
      if (entry === undefined) {
        // The end of one that is forgotten already.
        if (hop.facts?.method === undefined) return;
        entry = open({ ...UNKNOWN, exchange: hop.exchange, atMs: hop.atMs - (hop.durationMs ?? 0) });
        entry.isIndexed = true;
        entries.set(hop.exchange, entry);
      }
      touch(entry);
      learn(entry.line, hop, by);
      const { shape, atMs, durationMs } = hop;
      if (hop.detail === undefined) return;
      entry.hops ??= [];
      if (entry.hops.length >= LIMITS.exchangeHops) return;
      const weight = weigh(hop.detail, LIMITS.exchangeHopBytes);
      // What is large is cut now; all else is nobody's work until somebody looks.
      const detail = weight < LIMITS.exchangeHopBytes ? hop.detail : shownDetail(hop.detail, false);
      entry.hops.push({ shape, by, atMs, ...(durationMs === undefined ? {} : { durationMs }), detail });
      entry.line.hops = entry.hops.length;
      const added = HOP_BYTES + Math.min(weight, LIMITS.exchangeHopBytes);
      entry.bytes += added;
      bytes += added;
      while (bytes > LIMITS.exchangeLogBytes && ring.size > 1) forget(ring.shift());
    },
    begin: (line) => {
      if (most === 0) return undefined;
      const entry = open(line);
      touch(entry);
      return entry;
    },
    end: (begun, exchange, atMs, outcome) => {
      const entry = begun as Entry;
      const { line } = entry;
      // It was forgotten meanwhile, and is another one's now.
      if (line.exchange !== exchange) return;
      touch(entry);
      line.durationMs = atMs - line.atMs;
      line.outcome = cut(outcome);
    },
    explain: (exchange) => {
      const entry = find(exchange);
      if (entry === undefined) return undefined;
      const { hops, spans } = spansOf(entry.hops ?? []);
      const isSecret = namesSecret(entry.line.method);
      return {
        line: { ...entry.line },
        hops: hops.map((hop) => ({ ...hop, detail: shownDetail(hop.detail, isSecret) })),
        spans,
      };
    },
    newest: function* () {
      for (const entry of ring.newest()) yield shown(entry);
    },
    list: (limit) => [...ring.newest().take(Math.max(0, limit))].map(shown),
    get mark() {
      return mark;
    },
    since: (before) => {
      if (before >= mark) return [];
      const found = [...ring.newest()].filter((entry) => entry.mark > before).map(shown);
      return found.reverse();
    },
  };
};
