/** The exchange log: a line and all hops of each of the newest exchanges, in a bounded amount of memory, whoever tells it of them. */
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../runtime/limits.ts';
import type { Hop } from '../../../runtime/protocol.ts';
import { createExchangeLog } from '../../../transform-server/exchanges/log.ts';

const call = (exchange: string, more: Partial<Hop> = {}): Hop => ({
  exchange,
  shape: 'call',
  atMs: 1000,
  facts: { method: 'M', front: 'f', client: '192.0.2.1', user: 'ada', route: 'broker' },
  detail: {},
  ...more,
});

describe('what is kept', () => {
  test('hops of any size take a bounded amount of memory, the newest exchanges stay', () => {
    const log = createExchangeLog();
    // Wide and deep: each text is short enough to be kept by itself.
    const wide = (depth: number): unknown =>
      Array.from({ length: 64 }, () => (depth === 0 ? 'x'.repeat(2000) : { a: wide(depth - 1) }));
    const detail = { wide: wide(0), ['k'.repeat(1_000_000)]: 1 };
    let text = 0;
    for (let n = 0; n < 5000; n++) log.add(call(`e-${n}`, { detail }));
    for (let n = 0; n < 5000; n++) text += JSON.stringify(log.explain(`e-${n}`)?.hops ?? '').length;
    expect(log.bytes).toBeLessThanOrEqual(LIMITS.exchangeLogBytes);
    expect(text).toBeLessThan(100 * 1024 * 1024);
    expect(log.explain('e-4999')?.hops).toHaveLength(1);
    expect(log.explain('e-0')).toBeUndefined();
  });

  test('is what fits in number, and no more hops of one than the limit', () => {
    const log = createExchangeLog(3);
    for (const exchange of ['a', 'b', 'c', 'd']) log.add(call(exchange));
    for (let n = 0; n < 2 * LIMITS.exchangeHops; n += 1)
      log.add({ exchange: 'd', shape: 'native', atMs: n, detail: {} });
    expect([...log.newest()].map(({ exchange }) => exchange)).toEqual(['d', 'c', 'b']);
    expect(log.explain('a')).toBeUndefined();
    expect(log.explain('d')?.hops).toHaveLength(LIMITS.exchangeHops);
  });

  test('does not come back by a late hop once it is forgotten', () => {
    const log = createExchangeLog(1);
    log.add(call('a'));
    log.add(call('b'));
    log.add({ exchange: 'a', shape: 'outcome', atMs: 2, facts: { outcome: 'value' }, detail: {} });
    expect(log.list(9).map(({ exchange }) => exchange)).toEqual(['b']);
  });

  test('is nothing where the log is switched off', () => {
    const log = createExchangeLog(0);
    log.add(call('a'));
    expect([log.isOn, log.size, log.explain('a')]).toEqual([false, 0, undefined]);
  });

  test('holds small values whole, and no secret', () => {
    const log = createExchangeLog(2);
    log.add(call('c', { detail: { method: 'M', args: { password: 'p', list: [1, 'two'] } } }));
    expect(log.explain('c')?.hops[0]?.detail).toEqual({
      method: 'M',
      args: { password: '[secret]', list: [1, 'two'] },
    });
  });

  test('holds no secret of a document that a host was sent', () => {
    const log = createExchangeLog();
    const xml = `<graphics passwd='hush'/><t:attribute owner="a" key="x.password">hush</t:attribute><name>said</name>`;
    log.add(call('e', { shape: 'native', detail: { args: { xml } } }));
    const kept = JSON.stringify(log.explain('e'));
    expect(kept).not.toContain('hush');
    expect(kept).toContain('said');
  });

  test('of a call about a secret is neither what it took nor what it gave', () => {
    const log = createExchangeLog();
    for (const method of ['session.login_with_password', 'AcquireCloneTicket', 'secret.create']) {
      log.add(call(method, { facts: { method }, detail: { args: { a: 'hush' } } }));
      log.add({ exchange: method, shape: 'answer', atMs: 2, detail: { value: 'hush', body: 'hush' } });
      expect(JSON.stringify(log.explain(method))).not.toContain('hush');
    }
  });

  test('are bodies cut at the stated size', () => {
    const log = createExchangeLog();
    log.add(call('a', { shape: 'request', detail: { body: 'x'.repeat(2 * LIMITS.exchangeBodyBytes) } }));
    const body = String(log.explain('a')?.hops[0]?.detail['body']);
    expect(body.length).toBeLessThan(LIMITS.exchangeBodyBytes + 100);
    expect(body).toMatch(/\.\.\. \(8192 characters\)$/);
  });
});

describe('the line of an exchange', () => {
  test('grows with its hops', () => {
    const log = createExchangeLog();
    log.add(call('a'));
    expect(log.list(1)[0]).toMatchObject({ method: 'M', user: 'ada', outcome: 'running', hops: 1, object: '' });
    log.add({
      exchange: 'a',
      shape: 'command',
      atMs: 1001,
      facts: { object: 'vm-1', name: 'web', verb: 'vm.start' },
      detail: {},
    });
    log.add({ exchange: 'a', shape: 'answer', atMs: 1005, durationMs: 5, facts: { outcome: 'value' }, detail: {} });
    expect(log.list(1)[0]).toMatchObject({ object: 'vm-1', name: 'web', outcome: 'value', durationMs: 5, hops: 3 });
  });

  test('ends with the fault of its job, whichever comes first', () => {
    for (const kinds of [
      ['value', 'wrong-state'],
      ['wrong-state', 'value'],
    ]) {
      const log = createExchangeLog();
      log.add(call('a'));
      for (const outcome of kinds)
        log.add({ exchange: 'a', shape: 'outcome', atMs: 2, facts: { outcome }, detail: {} });
      expect(log.list(1)[0]?.outcome).toBe('wrong-state');
    }
  });

  test('is told again after each mark only when something was told of it', () => {
    const log = createExchangeLog();
    log.add(call('a'));
    log.add(call('b'));
    const { mark } = log;
    expect(log.since(mark)).toEqual([]);
    log.add({ exchange: 'a', shape: 'answer', atMs: 2, facts: { outcome: 'value' }, detail: {} });
    log.add(call('c'));
    expect(log.since(mark).map(({ exchange }) => exchange)).toEqual(['a', 'c']);
  });
});

describe('an exchange of many', () => {
  const known = (exchange: string, atMs = 1000) => ({
    ...{ exchange, atMs, client: '192.0.2.1', user: 'ada', front: 'f', method: 'M' },
    ...{ route: 'broker', object: '', name: '' },
  });

  test('is a line while it is under way and when it has ended, and is found by its id', () => {
    const log = createExchangeLog(4);
    const begun = log.begin(known('a'));
    const mark = log.mark;
    expect(log.list(1)[0]).toMatchObject({ exchange: 'a', method: 'M', outcome: 'running', durationMs: undefined });
    if (begun !== undefined) log.end(begun, 'a', 1012, 'not-found');
    expect(log.since(mark)).toMatchObject([{ exchange: 'a', outcome: 'not-found', durationMs: 12 }]);
    expect(log.explain('a')).toMatchObject({ line: { exchange: 'a', client: '192.0.2.1' }, hops: [] });
    expect(log.size).toBe(1);
  });

  test('that was forgotten ends without a trace', () => {
    const log = createExchangeLog(1);
    const begun = log.begin(known('a'));
    log.begin(known('b'));
    if (begun !== undefined) log.end(begun, 'a', 2000, 'value');
    expect(log.list(9)).toMatchObject([{ exchange: 'b', outcome: 'running' }]);
    log.add(call('c'));
    expect([log.explain('b'), log.explain('c')?.line.exchange]).toEqual([undefined, 'c']);
  });

  test('has the error that it ended with', () => {
    const log = createExchangeLog(4);
    log.begin(known('a'));
    log.add({ exchange: 'a', shape: 'error', atMs: 1001, detail: { error: 'ours' } });
    expect(log.explain('a')?.hops).toMatchObject([{ shape: 'error', detail: { error: 'ours' } }]);
  });

  test('is bounded like any other, and nothing where the log is off', () => {
    const log = createExchangeLog(2);
    log.begin({ ...known('a'), method: 'M'.repeat(10_000) });
    expect(log.list(1)[0]?.method.length).toBeLessThan(1000);
    expect(createExchangeLog(0).begin(known('a'))).toBeUndefined();
  });
});

describe('where the time went', () => {
  const at = (shape: string, atMs: number, durationMs: number): Hop => ({
    exchange: 'a',
    shape,
    atMs,
    durationMs,
    detail: {},
  });

  test('is told since the exchange began, outermost first', () => {
    const log = createExchangeLog();
    log.add(call('a', { atMs: 1000 }), 'agent');
    log.add(at('native', 1008, 5));
    log.add(at('answer', 1009, 8));
    log.add(at('link', 1009.5, 9), 'agent');
    log.add(at('answer', 1010, 10), 'agent');
    expect(log.explain('a')?.spans).toEqual([
      { name: 'in all', startMs: 0, durationMs: 10 },
      { name: 'link', startMs: 0.5, durationMs: 9 },
      { name: 'server', startMs: 1, durationMs: 8 },
      { name: 'native call', startMs: 3, durationMs: 5 },
    ]);
  });

  test('is on the clock of the agent, where the server has another one', () => {
    const log = createExchangeLog();
    const skew = 3_600_000;
    log.add(call('a', { atMs: 1000 }), 'agent');
    log.add(at('native', 1008 + skew, 5));
    log.add(at('answer', 1009 + skew, 8));
    log.add(at('link', 1010, 10), 'agent');
    log.add(at('answer', 1010, 10), 'agent');
    const found = log.explain('a');
    expect(found?.hops.map(({ shape, by }) => `${shape} ${by}`)).toEqual([
      'call agent',
      'native server',
      'answer server',
      'link agent',
      'answer agent',
    ]);
    expect(found?.spans.find(({ name }) => name === 'server')).toEqual({ name: 'server', startMs: 1, durationMs: 8 });
  });
});

test('what somebody was shown stays as it was when newer exchanges take its place, and nothing of older ones is told of them', () => {
  const log = createExchangeLog(2);
  const tell = (exchange: string, facts: object, more: object = {}): void =>
    log.add({ exchange, shape: 'answer', atMs: 7, facts: { method: 'M', ...facts }, ...more });
  tell('a', { user: 'ada', outcome: 'value' }, { durationMs: 5, detail: { text: 'of a' } });
  tell('b', { user: 'bob', outcome: 'fault' }, { durationMs: 6 });
  const [b, a] = log.list(2);
  const before = structuredClone([a, b]);
  tell('c', {});
  tell('d', {});
  expect([a, b]).toEqual(before);
  expect(log.list(9)).toEqual([
    expect.objectContaining({ exchange: 'd', user: '', outcome: 'running', hops: 0, durationMs: undefined }),
    expect.objectContaining({ exchange: 'c', user: '', outcome: 'running', hops: 0, durationMs: undefined }),
  ]);
  expect(log.explain('c')?.hops).toEqual([]);
  expect(log.explain('a')).toBeUndefined();
  // Of those that nobody was shown the next ones take the place as well.
  for (let n = 0; n < 9; n += 1) tell(`e${n}`, n === 8 ? {} : { user: 'eve' });
  expect(log.list(9).map(({ exchange, user }) => [exchange, user])).toEqual([
    ['e8', ''],
    ['e7', 'eve'],
  ]);
});
