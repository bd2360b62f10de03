/** The composed server between an invented platform and a recording agent: exchanges, jobs, leases, hosts, restart, admin endpoint. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { done } from '../../mappings/generic/faults.ts';
import type { HubId } from '../../mappings/generic/ids.ts';
import { LIMITS } from '../../runtime/limits.ts';
import { openAdmin } from '../../transform-server/admin/admin.ts';
import { compose } from './composed.ts';
import { stateDirectory, vm } from './memory.ts';

let state: ReturnType<typeof stateDirectory>;
let one: Awaited<ReturnType<typeof compose>>;
beforeEach(async () => {
  state = stateDirectory();
  one = await compose(state.directory);
});
afterEach(async () => {
  await one.server.close();
  state.remove();
});

const idOf = (native: string): HubId => {
  const entry = one.server.store.view('f').find(one.host.id, 'vm', native);
  if (entry === undefined) throw new Error(`${native} is not there`);
  return entry.id;
};
const put = (native: string, text: string, hint?: string) =>
  one.api.changes(one.host.id, one.host.epoch, [
    { change: 'put', object: vm(native, text), ...(hint === undefined ? {} : { hint }) },
  ]);
const turn = () => new Promise((resolve) => setImmediate(resolve));
const until = async (is: () => boolean): Promise<void> => {
  for (let n = 0; n < 500 && !is(); n++) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(is()).toBe(true);
};

describe('exchanges', () => {
  it('answer from the store what the host told, rendered', async () => {
    await one.list([vm('u1', 'alpha'), vm('u2', 'beta')]);
    const { id } = await one.login();
    expect(await one.api.call(one.exchange(id, 'names'))).toEqual({ kind: 'value', value: ['alpha', 'beta'] });
    await put('u2', 'gamma');
    expect(await one.api.call(one.exchange(id, 'names'))).toEqual({ kind: 'value', value: ['alpha', 'gamma'] });
  });

  it('answer the host-communication fault until the host was listed once', async () => {
    const { id } = await one.login();
    expect(await one.api.call(one.exchange(id, 'names'))).toMatchObject({
      kind: 'fault',
      fault: { kind: 'host-communication' },
    });
  });

  it('are refused before routing: no session, another front, no right, no method', async () => {
    await one.list([vm('u1', 'alpha')]);
    const reader = await one.login('read-only');
    const kind = async (session: string, method: string) => {
      const reply = await one.api.call(one.exchange(session, method, {}, idOf('u1')));
      return reply.kind === 'fault' ? reply.fault.kind : reply.kind;
    };
    expect(await kind('', 'names')).toBe('not-authenticated');
    expect(await kind('forged', 'names')).toBe('not-authenticated');
    expect(await kind(reader.id, 'start')).toBe('no-permission');
    expect(await kind(reader.id, 'names')).toBe('value');
    expect(await kind(reader.id, 'nothing')).toBe('method-not-found');
    expect(await kind(reader.id, 'broken')).toBe('internal');
    expect(one.server.jobs.list()).toEqual([]);
    const upload = { ...one.exchange(reader.id, ''), request: { method: 'PUT' as const, path: '/a', query: {} } };
    expect(await one.api.stream(upload)).toMatchObject({ ok: false, fault: { kind: 'no-permission' } });
    const download = { ...one.exchange(reader.id, ''), request: { method: 'GET' as const, path: '/a', query: {} } };
    expect(await one.api.stream(download)).toMatchObject({ ok: true, value: { status: 200, host: one.host.id } });
  });

  it('wake a wait by a change, by its limit, by its cancel key, by the end of its session, by hang-up', async () => {
    await one.list([vm('u1', 'alpha')]);
    const a = await one.login();
    const b = await one.login();
    const waiting = (session: string, ms = 60_000) => one.api.call(one.exchange(session, 'wait', { ms }));
    const running = (n: number) => until(() => one.server.inspected.figures()['waits']?.value === n);

    await running(0);
    expect(await waiting(a.id, 5)).toEqual({ kind: 'value', value: 'timeout' });
    const [first, second] = [waiting(a.id), waiting(b.id)];
    await running(2);
    await one.api.call(one.exchange(a.id, 'cancel'));
    expect(await first).toEqual({ kind: 'value', value: 'cancelled' });
    await running(1);
    await put('u1', 'beta');
    expect(await second).toEqual({ kind: 'value', value: 'changed' });

    const third = waiting(b.id);
    await running(1);
    await one.api.logout(b.id);
    expect(await third).toEqual({ kind: 'value', value: 'cancelled' });
    expect(one.agent.ended).toEqual([b.id]);

    const exchange = one.exchange(a.id, 'wait', { ms: 60_000 });
    const fourth = one.api.call(exchange);
    await running(1);
    await one.api.hangUp(exchange.exchange);
    await fourth;
    await running(0);
    expect(one.server.inspected.figures()['exchanges_running']?.value).toBe(0);
  });

  it('wakes 2,000 waiters by one change', async () => {
    await one.list([vm('u1', 'alpha')]);
    const { id } = await one.login();
    const all = Array.from({ length: 2000 }, () => one.api.call(one.exchange(id, 'wait', { ms: 60_000 })));
    await until(() => one.server.inspected.figures()['waits']?.value === 2000);
    await put('u1', 'beta');
    expect(new Set((await Promise.all(all)).map((reply) => JSON.stringify(reply))).size).toBe(1);
  });

  it('stream bodies in large chunks that never cut a character, and hold back while the client is slow', async () => {
    await one.list([]);
    const { id } = await one.login();
    let release = (): void => {};
    one.agent.hold = new Promise((resolve) => {
      release = resolve;
    });
    const reply = one.api.call(one.exchange(id, 'body', { pieces: 4000 }));
    await until(() => one.agent.chunks.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(one.agent.chunks).toHaveLength(1);
    release();
    expect(await reply).toEqual({ kind: 'body' });
    const whole = Array.from({ length: 4000 }, (_, n) => `${n}é😀`.repeat(100)).join('');
    expect(Buffer.concat(one.agent.chunks).toString('utf8') === whole).toBe(true);
    expect(one.agent.chunks.every((chunk) => !chunk.toString('utf8').includes('\uFFFD'))).toBe(true);
    expect(one.agent.chunks.length).toBeLessThan(whole.length / 64_000);
  });

  it('show every hop when asked to explain', async () => {
    await one.list([vm('u1', 'alpha')]);
    const { id } = await one.login();
    const exchange = one.exchange(id, 'start', {}, idOf('u1'));
    await one.api.call(exchange);
    await one.api.hops([
      { exchange: exchange.exchange, shape: 'native', atMs: Date.now(), detail: { procedure: 'stop' } },
    ]);
    const shapes = one.server.inspected
      .parts()[0]
      ?.exchangeLog.explain(exchange.exchange)
      ?.hops.map((hop) => hop.shape);
    expect(new Set(shapes)).toEqual(
      new Set(['call', 'command', 'plan', 'queue', 'native', 'barrier', 'outcome', 'answer']),
    );
  });
});

describe('commands', () => {
  it('run as jobs, read back before they succeed, and leave event and audit with who did it', async () => {
    await one.list([vm('u1', 'alpha')]);
    const { id } = await one.login();
    one.agent.now = [{ change: 'put', object: vm('u1', 'alpha', { state: 5 }) }];
    const reply = await one.api.call(one.exchange(id, 'start', {}, idOf('u1')));
    expect(reply).toMatchObject({ kind: 'value', value: { state: 'success', verb: 'vm.stop', user: 'u' } });
    expect(one.server.store.entry(idOf('u1'))?.facts).toEqual({ state: 5 });
    // The host's own event comes after it: one happening.
    await put('u1', 'alpha', 'vm.stopped');
    await turn();
    const stops = one.server.events.newest(100, (event) => event.kind === 'vm.stopped');
    expect(stops.map((event) => [event.user, event.object, event.job])).toEqual([
      ['u', idOf('u1'), one.server.jobs.list()[0]?.id],
    ]);
    const lines = one.server.inspected.parts()[0]?.audit.newest(10) ?? [];
    expect(lines.filter((line) => line.verb === 'vm.stop').map((line) => [line.outcome, line.address])).toEqual([
      ['started', '::1'],
      ['success', '::1'],
    ]);
  });

  it('of agents arrive by the outbox once, with what they changed', async () => {
    await one.list([vm('u1', 'alpha', { state: 5 })]);
    const entry = {
      exchange: 'd1',
      job: `job-${one.hello.jobIds.from}` as HubId,
      verb: 'vm.start' as const,
      host: one.host.id,
      target: idOf('u1'),
      targetName: 'alpha',
      user: 'u',
      address: '::9',
      front: 'f',
      method: 'Start',
      nativeTarget: { type: 'Thing', id: '1' },
      operation: '',
      atMs: Date.now(),
    };
    const entries = [
      { ...entry, seq: 1, phase: 'started' as const },
      {
        ...entry,
        seq: 2,
        phase: 'finished' as const,
        changes: [{ change: 'put' as const, object: vm('u1', 'alpha', { state: 1 }), hint: 'vm.started' }],
      },
    ];
    expect(await one.api.outbox('a', entries)).toEqual({ through: 2 });
    expect(await one.api.outbox('a', entries)).toEqual({ through: 2 });
    expect(one.server.jobs.list()).toHaveLength(1);
    expect(one.server.jobs.get(entry.job)?.state).toBe('success');
    await turn();
    expect(
      one.server.inspected
        .parts()[0]
        ?.audit.newest(10)
        .map((line) => line.outcome),
    ).toEqual(['started', 'success']);
  });
});

describe('leases', () => {
  const granted = () => one.agent.granted.flat();

  it('of all VMs are granted in batches when their host was listed and answers', async () => {
    await one.list([...Array.from({ length: 1200 }, (_, n) => vm(`u${n}`, `v${n}`)), vm('t', 'template t')]);
    await until(() => granted().length === 1201);
    expect(Math.max(...one.agent.granted.map((batch) => batch.length))).toBeLessThanOrEqual(LIMITS.leaseBatch);
    const at = { host: one.host.id, epoch: one.host.epoch };
    expect(granted()[7]).toEqual({ vm: idOf('u7'), native: 'u7', name: 'v7', template: false, ...at });
    expect(granted().at(-1)).toEqual({ vm: idOf('t'), native: 't', name: 'template t', template: true, ...at });
    expect(one.server.inspected.figures()['leases']?.value).toBe(1201);
    // Listed again, nothing is told twice.
    await one.list([...Array.from({ length: 1200 }, (_, n) => vm(`u${n}`, `v${n}`)), vm('t', 'template t')]);
    await turn();
    await turn();
    expect(granted()).toHaveLength(1201);
    expect(one.agent.revoked).toEqual([]);
  });

  it('stay while nothing they depend on changes; else are revoked and granted anew', async () => {
    await one.list([vm('u1', 'alpha'), vm('u2', 'beta')]);
    await until(() => granted().length === 2);
    await one.api.changes(one.host.id, one.host.epoch, [{ change: 'put', object: vm('u1', 'alpha', { state: 5 }) }]);
    await turn();
    await turn();
    expect(one.agent.revoked).toEqual([]);
    await put('u1', 'template u1');
    await until(() => granted().length === 3);
    expect(one.agent.revoked).toEqual([idOf('u1')]);
    expect(granted()[2]).toMatchObject({ vm: idOf('u1'), name: 'template u1', template: true });
    await put('u3', 'came later');
    await until(() => granted().length === 4);
    const gone = idOf('u2');
    await one.api.changes(one.host.id, one.host.epoch, [{ change: 'gone', ref: { kind: 'vm', native: 'u2' } }]);
    await until(() => one.agent.revoked.length === 2);
    expect(one.agent.revoked[1]).toBe(gone);
  });

  it('are away while a job changes the VM, and back when it has ended', async () => {
    await one.list([vm('u1', 'alpha')]);
    await until(() => granted().length === 1);
    const { id } = await one.login();
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    one.agent.step = async () => {
      await held;
      return done({});
    };
    const reply = one.api.call(one.exchange(id, 'change', {}, idOf('u1')));
    await until(() => one.server.jobs.list().some((job) => job.state === 'running'));
    expect(one.agent.revoked).toEqual([idOf('u1')]);
    await put('u1', 'renamed meanwhile');
    await turn();
    await turn();
    expect(granted()).toHaveLength(1);
    expect(await one.api.lease(one.host.id, idOf('u1'))).toBeUndefined();
    release();
    await reply;
    await until(() => granted().length === 2);
    expect(granted()[1]?.name).toBe('renamed meanwhile');
  });

  it('end with the host’s connection and come back with it', async () => {
    await one.list([vm('u1', 'alpha')]);
    await until(() => granted().length === 1);
    await one.api.hostState(one.host.id, one.host.epoch, { connected: false, text: 'lost' });
    await until(() => one.agent.revoked.length === 1);
    await one.list([vm('u1', 'alpha')]);
    await until(() => granted().length === 2);
  });

  it('are given when they are asked for, but not of what is not there', async () => {
    await one.list([vm('u1', 'alpha')]);
    const lease = await one.api.lease(one.host.id, idOf('u1'));
    expect(lease).toMatchObject({ native: 'u1', name: 'alpha', template: false, epoch: one.host.epoch });
    expect(await one.api.lease(one.host.id, 'vm-999' as HubId)).toBeUndefined();
  });
});

describe('hosts', () => {
  it('at an old epoch change nothing', async () => {
    await one.list([vm('u1', 'alpha')]);
    await expect(one.api.changes(one.host.id, one.host.epoch - 1, [])).rejects.toThrow(/epoch/);
    await expect(one.api.list(one.host.id, one.host.epoch + 1, [], true)).rejects.toThrow(/epoch/);
  });

  it('are as they told last, also when much came before and is still being taken in', async () => {
    await one.list([vm('u1', 'alpha')]);
    const others = Array.from({ length: 40 }, (_, n) => vm(`other${n}`, `other ${n}`));
    const many = [...others, vm('u1', 'earlier')].map((object) => ({ change: 'put', object }) as const);
    await Promise.all([one.api.changes(one.host.id, one.host.epoch, many), put('u1', 'later')]);
    expect(one.server.store.entry(idOf('u1'))?.name).toBe('later');
  });

  it('that go away leave their objects stale until they are listed again', async () => {
    await one.list([{ kind: 'host', native: 'h', parts: { text: 'one' }, facts: {} }, vm('u1', 'alpha')]);
    one.attached.left();
    await until(() => one.server.store.entry(idOf('u1'))?.stale === true);
    expect(one.server.store.entry(one.host.id)?.facts['connected']).toBe(false);
    expect(await one.api.lease(one.host.id, idOf('u1'))).toBeUndefined();
  });

  it('keep events for what came and went while nobody looked, and none for the first look', async () => {
    const kinds = () => one.server.events.newest(100).map((event) => event.kind);
    await one.list([vm('u1', 'alpha'), vm('u2', 'beta')]);
    expect(kinds()).toEqual(['host.connected']);
    await one.list([vm('u2', 'beta'), vm('u3', 'gamma')]);
    expect(kinds()).toEqual(['host.connected', 'vm.created', 'vm.deleted']);
    await put('u2', 'beta', 'vm.started');
    await put('u2', 'beta', 'vm.started');
    await put('u2', 'beta', 'no such hint');
    expect(kinds()).toEqual(['host.connected', 'vm.created', 'vm.deleted', 'vm.started']);
  });

  it('that do not listen to the agent before the last one are taken over only by the same agent', async () => {
    const other = one.server.attach(one.agent);
    const hello = (agent: string) =>
      other.api.hello({ version: 1, agent, hosts: [{ name: 'one', platform: 'invented', uri: 'x:' }], fronts: [] });
    expect((await hello('a')).hosts['one']?.epoch).toBe(one.host.epoch + 1);
    await expect(one.api.hello({ version: 9, agent: 'a', hosts: [], fronts: [] })).rejects.toThrow(/version/);
  });
});

describe('a restart', () => {
  it('finds sessions, their state, ids and the front as they were', async () => {
    await one.list([vm('u1', 'alpha')]);
    const session = await one.login();
    await one.api.call(one.exchange(session.id, 'remember', { what: 'filter' }));
    const before = {
      vm: idOf('u1'),
      front: one.hello.fronts['f'],
      key: Buffer.from(one.hello.sessionKey),
      jobs: one.hello.jobIds.to,
    };
    await one.server.close();
    one = await compose(state.directory);
    await one.list([vm('u1', 'alpha')]);
    expect(idOf('u1')).toBe(before.vm);
    expect(one.hello.fronts['f']).toEqual(before.front);
    expect(Buffer.from(one.hello.sessionKey)).toEqual(before.key);
    expect(one.hello.jobIds.from).toBeGreaterThanOrEqual(before.jobs);
    expect(await one.api.call(one.exchange(session.id, 'remember', { what: 'other' }))).toEqual({
      kind: 'value',
      value: [{ key: 'seen', value: 'other' }],
    });
  });
});

describe('the admin endpoint', () => {
  const TOKEN = 'a-token-of-some-length';

  it('tells health to all, everything else to those with the token', async () => {
    await one.list([vm('u1', 'alpha')]);
    const { id } = await one.login();
    const exchange = one.exchange(id, 'names');
    await one.api.call(exchange);
    await using admin = await openAdmin({ inspected: one.server.inspected, token: TOKEN, strict: true });
    const get = (path: string, token = TOKEN) =>
      fetch(`${admin.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
    expect(admin.url).toContain('127.0.0.1');
    const health = await fetch(`${admin.url}/healthz`);
    expect([health.status, await health.json()]).toEqual([
      200,
      { ok: true, hosts: [{ name: 'one', connected: true, listed: true }] },
    ]);
    const ofIt = `/api/v1/exchanges/${exchange.exchange}`;
    for (const path of ['/metrics', '/api/v1/exchanges', ofIt, '/api/v1/audit', '/api/v1/me']) {
      expect((await fetch(`${admin.url}${path}`)).status).toBe(401);
      expect((await get(path, 'another-token-entirely')).status).toBe(401);
    }
    expect(await (await get('/metrics')).text()).toMatch(/^transvisor_objects 1$/m);
    const list = (await (await get('/api/v1/exchanges?limit=1')).json()) as { items: { exchange: string }[] };
    expect(list.items.map((found) => found.exchange)).toEqual([exchange.exchange]);
    expect(await (await get(ofIt)).json()).toMatchObject({
      hops: [{ shape: 'call' }, { shape: 'sheet' }, { shape: 'answer' }],
    });
    expect((await get('/api/v1/exchanges/none')).status).toBe(404);
    expect((await get('/api/v1/exchanges/%E0%A4%A')).status).toBe(400);
    expect((await fetch(admin.url, { method: 'POST', body: 'x' })).status).toBe(404);
  });
});
