/** The trail of an exchange: the request and the answer as they went by, without what proves who somebody is. */
import { describe, expect, test } from 'vitest';
import type { Client } from '../../agent/client.ts';
import { createTrail } from '../../agent/trail.ts';
import type { Call, Row } from '../../mappings/generic/call.ts';
import { manualClock } from '../../runtime/clock.ts';
import { LIMITS } from '../../runtime/limits.ts';
import type { Hop } from '../../runtime/protocol.ts';

const TOKEN = 'token-of-a-session-0123';
const row = (route: Row['route']): Row => ({ method: 'M', on: '', route, access: 'read' });

const trailOf = (text: string) => {
  const noted: Hop[] = [];
  const clock = manualClock(1000);
  const client = {
    address: '192.0.2.9',
    head: { method: 'POST', path: '/sdk', headers: { 'user-agent': 'c', cookie: TOKEN, authorization: TOKEN } },
  } as unknown as Client;
  let serial = 0;
  const trail = createTrail({
    front: 'f',
    client,
    body: Buffer.from(text),
    clock,
    note: (hop) => void noted.push(hop),
    nextExchange: () => `own-${++serial}`,
  });
  const run = (call: Partial<Call>, of: Row | undefined, carried?: string, answer = '<answer/>'): string => {
    trail.decoded();
    const whole = { method: 'M', target: { type: 't', id: 'i' }, args: {}, version: '', operation: '', ...call };
    trail.called(whole, of, 'ada', [carried, TOKEN]);
    trail.told('value');
    trail.piece(answer);
    trail.answered(200);
    return JSON.stringify(noted);
  };
  return { trail, noted, clock, run };
};
const detail = (noted: readonly Hop[], shape: string) => noted.find((hop) => hop.shape === shape)?.detail;

describe('a request and its answer', () => {
  test('are told as they were, with who asked what and how it ended', () => {
    const { run, noted } = trailOf('<M>said</M>');
    run({ args: { a: 'said' } }, row('broker'));
    expect(detail(noted, 'request')).toMatchObject({
      path: '/sdk',
      fields: { 'user-agent': 'c' },
      body: '<M>said</M>',
    });
    expect(detail(noted, 'answer')).toEqual({ status: 200, bytes: 9, body: '<answer/>' });
    const facts = Object.assign({}, ...noted.map((hop) => hop.facts));
    expect(facts).toEqual({
      client: '192.0.2.9',
      user: 'ada',
      front: 'f',
      method: 'M',
      route: 'broker',
      outcome: 'value',
    });
    expect(new Set(noted.map(({ exchange }) => exchange))).toEqual(new Set(['own-1']));
  });

  test('are told as well where nonsense stands in the place of a session', () => {
    for (const nonsense of [',', 't', '"', '{']) {
      const { run, noted } = trailOf(`<M>${nonsense} said</M>`);
      run({ args: { a: `${nonsense} said` } }, row('broker'), nonsense);
      expect(detail(noted, 'call')).toMatchObject({ args: { a: `${nonsense} said` } });
    }
  });

  test('are cut', () => {
    const { run, noted } = trailOf('r'.repeat(10 * LIMITS.exchangeBodyBytes));
    run({}, row('broker'), undefined, 'a'.repeat(10 * LIMITS.exchangeBodyBytes));
    for (const shape of ['request', 'answer'])
      expect(String(detail(noted, shape)?.['body'])).toMatch(/^.{4096}\.\.\. \(40960 bytes\)$/);
  });

  test('go on under the id that they get, with all that was told before', () => {
    const { trail, noted } = trailOf('');
    trail.called(
      { method: 'M', target: { type: '', id: '' }, args: {}, version: '', operation: '' },
      row('broker'),
      '',
      [],
    );
    trail.as('first');
    trail.as('second');
    const shapes = (exchange: string) => noted.filter((hop) => hop.exchange === exchange).map(({ shape }) => shape);
    expect(shapes('first')).toEqual(['request', 'call', 'route']);
    expect(shapes('second')).toEqual(shapes('first'));
  });
});

describe('no secret is told', () => {
  test('a session in the body, as an argument or as the object itself', () => {
    const text = trailOf(`<p>${TOKEN}</p>`).run(
      { target: { type: 'session', id: TOKEN }, args: { self: TOKEN }, operation: TOKEN },
      row('broker'),
      TOKEN,
      `<v>${TOKEN}</v>`,
    );
    expect(text).not.toContain(TOKEN);
    expect(text).toContain('[secret]');
  });

  test('a session that the body writes in another way', () => {
    const disguised = TOKEN.replace('t', '&#116;');
    expect(trailOf(`<p>${disguised}</p>`).run({}, row('broker'), TOKEN)).not.toContain(disguised);
  });

  test.each([
    ['a log-in', { method: 'Login', args: { userName: 'u', code: 'hush' } }, row('session')],
    ['what a session call takes', { args: { self: 'hush' } }, row('session')],
    ['a ticket', { method: 'AcquireCloneTicket' }, row('session')],
    ['arguments of such a name', { args: { spec: { password: 'hush' } } }, row('central')],
    ['an unknown method', { args: {} }, undefined],
  ] as const)('%s', (_what, call, of) => {
    const isShown = 'args' in call && 'spec' in call.args;
    const told = trailOf('<x>hush</x>').run(call, of, undefined, isShown ? 'done' : 'hush');
    expect(told).not.toContain('hush');
  });

  test('what was no call at all', () => {
    const { trail, noted } = trailOf('<password>hush');
    trail.decoded();
    trail.piece('hush');
    trail.answered(400);
    expect(JSON.stringify(noted)).not.toContain('hush');
    expect(noted.at(-1)?.facts).toEqual({ outcome: 'status 400' });
  });
});
