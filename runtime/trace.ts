/** Spans in, a request of OTLP/HTTP in JSON out; and the ids of a trace, from an exchange id or from the traceparent that a client sent. */
import { createHash } from 'node:crypto';

/** Of OpenTelemetry's enumeration. */
export const SPAN_KIND = { internal: 1, server: 2, client: 3 } as const;

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | undefined;
  /** Which program was at it. */
  readonly service: string;
  readonly name: string;
  readonly kind: (typeof SPAN_KIND)[keyof typeof SPAN_KIND];
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** What went wrong. */
  readonly error?: string | undefined;
}

export interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

const PARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;

/** W3C Trace Context; undefined: there is none, or it is none. */
export const parseTraceparent = (text: string): TraceParent | undefined => {
  const [, traceId, spanId, flags] = PARENT.exec(text.trim()) ?? [];
  if (traceId === undefined || spanId === undefined) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags ?? '0', 16) & 1) === 1 };
};

/** The same id for the same words, whoever asks: agent, server or another life of either. */
const idOf = (words: string, characters: number): string =>
  createHash('sha256').update(words).digest('hex').slice(0, characters);
export const traceIdOf = (exchange: string): string => idOf(exchange, 32);
export const spanIdOf = (exchange: string, part: string): string => idOf(`${exchange}\0${part}`, 16);

/** Nanoseconds do not fit into a number. */
const nanos = (ms: number): string => String(BigInt(Math.round(ms * 1000)) * 1000n);
const attribute = ([key, value]: readonly [string, string | number]) => ({
  key,
  value:
    typeof value === 'string'
      ? { stringValue: value }
      : Number.isInteger(value)
        ? { intValue: String(value) }
        : { doubleValue: value },
});
const attributes = (all: Readonly<Record<string, string | number>>) => Object.entries(all).map(attribute);

const STATUS_ERROR = 2;

const spanOf = (span: Span) => ({
  traceId: span.traceId,
  spanId: span.spanId,
  ...(span.parentId === undefined ? {} : { parentSpanId: span.parentId }),
  name: span.name,
  kind: span.kind,
  startTimeUnixNano: nanos(span.startMs),
  endTimeUnixNano: nanos(span.endMs),
  attributes: attributes(span.attributes),
  status: span.error === undefined ? {} : { code: STATUS_ERROR, message: span.error },
});

/** An ExportTraceServiceRequest in OTLP's JSON: ids in hexadecimal, 64-bit numbers as text. `instance`: of the program that sends it. */
export const otlpOf = (spans: readonly Span[], instance: string): object => ({
  resourceSpans: Object.entries(Object.groupBy(spans, ({ service }) => service)).map(([service, own = []]) => ({
    resource: { attributes: attributes({ 'service.name': service, 'service.instance.id': instance }) },
    scopeSpans: [{ scope: { name: 'transvisor' }, spans: own.map(spanOf) }],
  })),
});
