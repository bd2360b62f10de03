/** An exchange with its hops in; spans of a trace out: one for the whole of it, one for each hop, those of the server below the agent's call to it. */
import { parseTraceparent, SPAN_KIND, type Span, spanIdOf, type TraceParent, traceIdOf } from '../../runtime/trace.ts';
import type { Explained, ToldHop } from './log.ts';

const parentOf = (hops: readonly ToldHop[]): TraceParent | undefined => {
  for (const { detail } of hops) {
    const fields = detail['fields'] as Readonly<Record<string, unknown>> | undefined;
    const text = fields?.['traceparent'];
    if (typeof text === 'string') return parseTraceparent(text);
  }
  return undefined;
};

const isWhole = ({ shape, by }: ToldHop): boolean => by === 'agent' && (shape === 'answer' || shape === 'pass');
const isServed = ({ shape, by }: ToldHop): boolean => by === 'server' && shape === 'answer';
const isOfHost = ({ shape }: ToldHop): boolean => shape === 'native' || shape === 'ask';

const nameOf = (hop: ToldHop): string => {
  if (isServed(hop)) return 'server';
  const procedure = hop.detail['procedure'] ?? hop.detail['question'];
  return isOfHost(hop) && typeof procedure === 'string' ? procedure : hop.shape;
};

const faultOf = ({ detail }: ToldHop): string | undefined => {
  const fault = (detail['fault'] ?? (detail['outcome'] as { kind?: unknown } | undefined)) as
    | { kind?: unknown }
    | undefined;
  return typeof fault?.kind === 'string' ? fault.kind : undefined;
};

/** None of an exchange whose client says that nobody samples its trace. */
export const spansOfExchange = ({ line, hops }: Explained): readonly Span[] => {
  const { exchange } = line;
  const parent = parentOf(hops);
  if (parent?.sampled === false) return [];
  const traceId = parent?.traceId ?? traceIdOf(exchange);
  const rootId = spanIdOf(exchange, 'exchange');
  const seen = new Map<string, number>();
  /** Names stay when a late hop comes: the same shape is counted by each teller. */
  const idOf = ({ by, shape }: ToldHop): string => {
    const key = `${by} ${shape}`;
    const nth = seen.get(key) ?? 0;
    seen.set(key, nth + 1);
    return spanIdOf(exchange, `${key} ${nth}`);
  };
  const named = hops.map((hop) => ({ hop, id: idOf(hop) }));
  const linkId = named.find(({ hop }) => hop.by === 'agent' && hop.shape === 'link')?.id;
  const servedId = named.find(({ hop }) => isServed(hop))?.id;
  const above = (hop: ToldHop): string => {
    if (isServed(hop)) return linkId ?? rootId;
    return hop.by === 'server' ? (servedId ?? linkId ?? rootId) : rootId;
  };
  const failed = line.outcome === 'value' || line.outcome === 'running' ? undefined : line.outcome;
  const facts = { front: line.front, route: line.route, verb: line.verb, object: line.object, job: line.job };
  const root: Span = {
    traceId,
    spanId: rootId,
    parentId: parent?.spanId,
    service: 'transvisor-agent',
    name: line.method,
    kind: SPAN_KIND.server,
    startMs: line.atMs,
    endMs: line.atMs + (line.durationMs ?? 0),
    attributes: {
      'transvisor.exchange': exchange,
      'client.address': line.client,
      ...(line.user === '' ? {} : { 'user.name': line.user }),
      'transvisor.outcome': line.outcome,
      ...Object.fromEntries(
        Object.entries(facts)
          .filter(([, fact]) => fact !== '')
          .map(([name, fact]) => [`transvisor.${name}`, fact]),
      ),
    },
    error: failed,
  };
  const spans = named
    .filter(({ hop }) => !isWhole(hop))
    .map(
      ({ hop, id }): Span => ({
        traceId,
        spanId: id,
        parentId: above(hop),
        service: `transvisor-${hop.by}`,
        name: nameOf(hop),
        kind: isServed(hop) ? SPAN_KIND.server : isOfHost(hop) ? SPAN_KIND.client : SPAN_KIND.internal,
        startMs: hop.atMs - (hop.durationMs ?? 0),
        endMs: hop.atMs,
        attributes: { 'transvisor.exchange': exchange, 'transvisor.hop': hop.shape },
        error: faultOf(hop),
      }),
    );
  return [root, ...spans];
};
