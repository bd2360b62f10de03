/** What an agent tells of exchanges while clients press: some in full, a line of the others, and never without end. */
import { describe, expect, test } from 'vitest';
import type { Client } from '../../agent/client.ts';
import { createHops } from '../../agent/hops.ts';
import type { ServerPort } from '../../agent/server-port.ts';
import type { Call, Row } from '../../mappings/generic/call.ts';
import { manualClock } from '../../runtime/clock.ts';
import { LIMITS } from '../../runtime/limits.ts';
import type { Hop } from '../../runtime/protocol.ts';

const NO_BODY = new Uint8Array();
const client = { address: '192.0.2.9', head: { method: 'POST', path: '/sdk', headers: {} } } as unknown as Client;
const call: Call = { method: 'M', target: { type: 't', id: 'i' }, args: {}, version: '', operation: '' };
const row: Row = { method: 'M', on: '', route: 'session', access: 'read' };

const rig = () => {
  const clock = manualClock(1000);
  const told: Hop[] = [];
  const api = { hops: async (batch: readonly Hop[]) => void told.push(...batch) };
  const hops = createHops({ api, hello: { exchanges: 'e' } } as unknown as ServerPort, clock);
  /** As many requests, answered at once: by the agent, or by the server. */
  const press = (count: number, byServer = false): void => {
    for (let n = 0; n < count; n++) {
      const trail = hops.begin('f', client, NO_BODY);
      trail?.called(call, row, 'ada', []);
      if (byServer) {
        trail?.as(`${n}`);
        trail?.hop('link', 0, {});
      }
      trail?.told('value');
      trail?.answered(200);
    }
  };
  /** What was told since: exchanges in full, and lines. */
  const counted = (): { whole: number; lines: number } => {
    clock.advance(LIMITS.hopsTickMs);
    const hopsOf = Map.groupBy(told.splice(0), ({ exchange }) => exchange);
    const whole = [...hopsOf.values()].filter((of) => of.some(({ shape }) => shape === 'request')).length;
    return { whole, lines: hopsOf.size - whole };
  };
  return { clock, told, hops, press, counted };
};

describe('exchanges are told', () => {
  test('all in full while they come now and then', () => {
    const { clock, press, counted } = rig();
    for (let second = 0; second < 20; second++) {
      press(LIMITS.hopsPerSecond);
      expect(counted()).toEqual({ whole: LIMITS.hopsPerSecond, lines: 0 });
      clock.advance(1000);
    }
  });

  test('a burst in full, then some a second in full and a line of each other', () => {
    const { clock, press, counted } = rig();
    press(LIMITS.hopsBurst + 50);
    expect(counted()).toEqual({ whole: LIMITS.hopsBurst, lines: 50 });
    clock.advance(1000);
    press(100);
    expect(counted()).toEqual({ whole: LIMITS.hopsPerSecond, lines: 100 - LIMITS.hopsPerSecond });
  });

  test('with a bound, which does not outlast the pressing', () => {
    const { clock, press, counted } = rig();
    press(20_000);
    expect(counted()).toEqual({ whole: LIMITS.hopsBurst, lines: LIMITS.linesPerSecond });
    clock.advance(1000);
    press(20_000);
    expect(counted()).toEqual({ whole: LIMITS.hopsPerSecond, lines: LIMITS.linesPerSecond });
    clock.advance(5000);
    press(10);
    expect(counted()).toEqual({ whole: 10, lines: 0 });
  });

  test('by the server alone where it was asked, and its many leave room for the lines of others', () => {
    const { press, counted } = rig();
    press(LIMITS.hopsBurst);
    counted();
    press(10 * LIMITS.linesPerSecond, true);
    expect(counted()).toEqual({ whole: 0, lines: 0 });
    press(3);
    expect(counted()).toEqual({ whole: 0, lines: 3 });
  });
});

describe('a line says', () => {
  test('who asked what, how it ended and how long it took', () => {
    const { clock, told, hops, press, counted } = rig();
    press(LIMITS.hopsBurst);
    counted();
    const trail = hops.begin('f', client, NO_BODY);
    expect(trail?.isWhole).toBe(false);
    trail?.called(call, row, '', ['a-token-of-some-session']);
    clock.advance(7);
    trail?.told('value', 'ada');
    trail?.answered(200);
    clock.advance(LIMITS.hopsTickMs);
    const facts = { client: '192.0.2.9', user: 'ada', front: 'f', method: 'M', route: 'session', outcome: 'value' };
    expect(told).toEqual([expect.objectContaining({ shape: 'answer', durationMs: 7, facts })]);
  });

  test('where the request was nonsense, how it was answered', () => {
    const { clock, told, hops, press, counted } = rig();
    press(LIMITS.hopsBurst);
    counted();
    hops.begin('f', client, NO_BODY)?.answered(500);
    clock.advance(LIMITS.hopsTickMs);
    expect(told.map(({ facts }) => facts)).toEqual([
      { client: '192.0.2.9', front: 'f', user: '', method: 'POST /sdk', route: '', outcome: 'status 500' },
    ]);
  });
});

test('a command is told in full also where clients press', () => {
  const { hops, press } = rig();
  press(20_000);
  const session = { session: { user: 'ada' }, token: 't' } as unknown as Parameters<typeof hops.always>[4];
  expect(hops.always('f', client, call, { ...row, route: 'central' }, session)?.isWhole).toBe(true);
});

test.each([
  ['direct', 0, 'a request'],
  ['central', 0, 'a request'],
  ['direct', LIMITS.linesPerSecond, '(not kept: too many came at once)'],
] as const)(
  'a %s command after %i lines of others is told with its request, or that it was not kept',
  (route, lines, body) => {
    const { clock, told, hops, press, counted } = rig();
    press(LIMITS.hopsBurst + lines);
    counted();
    const command = { ...row, route };
    const bytes = Buffer.from('a request');
    const trail = hops.begin('f', client, bytes);
    // As a client that names its session in a header.
    trail?.called(call, command, 'ada', [undefined, 't']);
    const session = { session: { user: 'ada' }, token: 't' } as unknown as Parameters<typeof hops.always>[4];
    const whole = hops.always('f', { ...client, trail }, call, command, session);
    bytes.fill(0);
    whole?.answered(200);
    clock.advance(LIMITS.hopsTickMs);
    expect(told.find(({ shape }) => shape === 'request')?.detail['body']).toBe(body);
  },
);
