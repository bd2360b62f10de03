/** Traces as a collector gets them: ids, OTLP's shape, the client's own trace, and what becomes of spans that nobody takes. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type ManualClock, manualClock } from '../../runtime/clock.ts';
import { silentLog } from '../../runtime/log.ts';
import type { Hop } from '../../runtime/protocol.ts';
import { Secret } from '../../runtime/secret.ts';
import { parseTraceparent, traceIdOf } from '../../runtime/trace.ts';
import { createTraceSender, tracesUrl } from '../../runtime/trace-sender.ts';
import { startTelemetry } from '../../transform-server/admin/telemetry.ts';
import { createExchangeLog } from '../../transform-server/exchanges/log.ts';

const hex = (length: number) => z.string().regex(new RegExp(`^[0-9a-f]{${length}}$`));
const attributes = z.array(
  z.strictObject({
    key: z.string().min(1),
    value: z.union([
      z.strictObject({ stringValue: z.string() }),
      z.strictObject({ intValue: z.string().regex(/^-?\d+$/) }),
      z.strictObject({ doubleValue: z.number() }),
    ]),
  }),
);
const nanos = z.string().regex(/^\d{19}$/);
/** opentelemetry-proto, ExportTraceServiceRequest, as far as it is used here. */
const request = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes }),
      scopeSpans: z.array(
        z.strictObject({
          scope: z.strictObject({ name: z.string() }),
          spans: z.array(
            z.strictObject({
              traceId: hex(32),
              spanId: hex(16),
              parentSpanId: hex(16).optional(),
              name: z.string().min(1),
              kind: z.int().min(1).max(5),
              startTimeUnixNano: nanos,
              endTimeUnixNano: nanos,
              attributes,
              status: z.strictObject({ code: z.literal(2).optional(), message: z.string().optional() }),
            }),
          ),
        }),
      ),
    }),
  ),
});
type Request = z.output<typeof request>;

const CLIENTS = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
let collector: Server;
let url: string;
const got: { body: Request; authorization: string | undefined; path: string | undefined }[] = [];
let status = 200;
let refused = 0;

beforeEach(async () => {
  got.length = 0;
  status = 200;
  refused = 0;
  collector = createServer((asked, answer) => {
    const pieces: Buffer[] = [];
    asked.on('data', (piece: Buffer) => pieces.push(piece));
    asked.on('end', () => {
      if (status === 200)
        got.push({
          body: request.parse(JSON.parse(Buffer.concat(pieces).toString())),
          authorization: asked.headers.authorization,
          path: asked.url,
        });
      else refused += 1;
      answer.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
});
afterEach(() => new Promise((resolve) => collector.close(resolve)));

const AT = 1_700_000_000_000;
const hop = (shape: string, fromMs: number, toMs: number, more: Partial<Hop> = {}): Hop => ({
  exchange: 'run-1',
  shape,
  atMs: AT + toMs,
  ...(toMs > fromMs ? { durationMs: toMs - fromMs } : {}),
  detail: {},
  ...more,
});

const startOf = (token?: string) => {
  const clock = manualClock(AT);
  const log = createExchangeLog(100);
  const sender = createTraceSender({
    url,
    token: token === undefined ? undefined : new Secret(token),
    instance: 'here',
    clock,
    log: silentLog,
  });
  const telemetry = startTelemetry({ inspected: { parts: () => [{ exchangeLog: log }] } as never, sender, clock });
  const tell = (fields: Record<string, string> = {}, outcome = 'value'): void => {
    log.add(
      hop('request', 0, 1, {
        facts: { method: 'PowerOn', front: 'f', route: 'central', user: 'ada' },
        detail: { fields },
      }),
      'agent',
    );
    log.add(hop('plan', 3, 4), 'server');
    log.add(hop('native', 4, 9, { detail: { procedure: 'start', outcome: { kind: 'busy' } } }), 'server');
    log.add(hop('answer', 2, 10), 'server');
    log.add(hop('link', 1, 11), 'agent');
    log.add(hop('answer', 0, 12, { facts: { outcome } }), 'agent');
  };
  return { clock, log, telemetry, tell };
};
/** Each with a turn for what is sent meanwhile. */
const seconds = async (clock: ManualClock, count: number): Promise<void> => {
  for (let n = 0; n < count; n++) {
    clock.advance(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
};
const spansIn = ({ resourceSpans }: Request) =>
  resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        ...span,
        service: resource.attributes.find(({ key }) => key === 'service.name')?.value,
      })),
    ),
  );

describe('traces', () => {
  it('have a span for each hop, of the server below the link to it, in the shape of OTLP', async () => {
    const { telemetry, tell } = startOf('collector-secret');
    tell({}, 'busy');
    await telemetry.close();
    expect(got).toHaveLength(1);
    expect(got[0]).toMatchObject({ path: '/v1/traces', authorization: 'Bearer collector-secret' });
    const spans = spansIn(got[0]?.body as Request);
    const named = new Map(spans.map((span) => [span.name, span]));
    expect([...named.keys()].sort()).toEqual(['PowerOn', 'link', 'plan', 'request', 'server', 'start']);
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([traceIdOf('run-1')]));
    const root = named.get('PowerOn');
    expect(root?.parentSpanId).toBeUndefined();
    expect(root).toMatchObject({
      kind: 2,
      startTimeUnixNano: `${AT}000000`,
      endTimeUnixNano: `${AT + 12}000000`,
      status: { code: 2, message: 'busy' },
    });
    expect(root?.attributes).toContainEqual({ key: 'transvisor.route', value: { stringValue: 'central' } });
    for (const [name, above] of [
      ['request', 'PowerOn'],
      ['link', 'PowerOn'],
      ['server', 'link'],
      ['plan', 'server'],
      ['start', 'server'],
    ] as const)
      expect([name, named.get(name)?.parentSpanId]).toEqual([name, named.get(above)?.spanId]);
    expect(named.get('start')).toMatchObject({
      kind: 3,
      status: { code: 2, message: 'busy' },
      service: { stringValue: 'transvisor-server' },
    });
    expect(root?.service).toEqual({ stringValue: 'transvisor-agent' });
  });

  it('are part of the client’s own where it names one, and none are sent of what it does not sample', async () => {
    const { telemetry, tell } = startOf();
    tell({ traceparent: CLIENTS });
    await telemetry.close();
    const [root] = spansIn(got[0]?.body as Request).filter(({ name }) => name === 'PowerOn');
    expect(root).toMatchObject({ traceId: '4bf92f3577b34da6a3ce929d0e0e4736', parentSpanId: '00f067aa0ba902b7' });
    got.length = 0;
    const other = startOf();
    other.tell({ traceparent: CLIENTS.replace(/01$/, '00') });
    await other.telemetry.close();
    expect(got).toEqual([]);
  });

  it('get a late hop later, and nothing twice', async () => {
    const { clock, log, telemetry, tell } = startOf();
    tell();
    await seconds(clock, 5);
    await expect.poll(() => got.length, { timeout: 5000 }).toBe(1);
    log.add(hop('outcome', 12, 5000), 'agent');
    await telemetry.close();
    expect(spansIn(got[1]?.body as Request).map(({ name }) => name)).toEqual(['outcome']);
  });

  it('wait for a collector that is away', async () => {
    status = 503;
    const { clock, telemetry, tell } = startOf();
    tell();
    await seconds(clock, 5);
    await expect.poll(() => refused, { timeout: 5000 }).toBeGreaterThan(0);
    expect(got).toEqual([]);
    status = 200;
    await telemetry.close();
    expect(spansIn(got[0]?.body as Request)).toHaveLength(6);
  });

  it('of an exchange that is under way are not sent yet', async () => {
    const { clock, log, telemetry } = startOf();
    log.add(hop('call', 0, 0, { facts: { method: 'Wait' } }), 'server');
    await seconds(clock, 10);
    await telemetry.close();
    expect(got).toEqual([]);
  });
});

it('takes a traceparent as W3C writes it, and nothing else', () => {
  expect(parseTraceparent(CLIENTS)).toEqual({
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    sampled: true,
  });
  for (const wrong of ['', 'x', `ff${CLIENTS.slice(2)}`, CLIENTS.replace(/[1-9a-f](?=.*-00f0)/g, '0'), `${CLIENTS}x`])
    expect([wrong, parseTraceparent(wrong)]).toEqual([wrong, undefined]);
  expect(tracesUrl('http://collector:4318').href).toBe('http://collector:4318/v1/traces');
  expect(tracesUrl('https://collector/otlp/v1/traces').pathname).toBe('/otlp/v1/traces');
});
