/** The admin API over HTTP: who may, what OpenAPI says, pages, problems; every answer is compared with its shape on the way. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { vm } from '../memory.ts';
import { type AdminRig, type LoggedIn, logIn, openRig } from './rig.ts';

let rig: AdminRig;

beforeEach(async () => {
  rig = await openRig({ ada: 'administrator', vic: 'read-only' });
  await rig.one.list([vm('u1', 'alpha'), vm('u2', 'beta')]);
});
afterEach(() => rig.close());

interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, { responses: Record<string, unknown> }>>>>;
}

describe('what OpenAPI says', () => {
  it('names every path, and every list answers as described', async () => {
    const { openapi, paths } = await rig.json<OpenApi>('/openapi.json');
    expect(openapi).toBe('3.1.0');
    expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/hosts', '/jobs/{id}', '/exchanges', '/login']));
    for (const [path, methods] of Object.entries(paths)) {
      if (methods['get'] === undefined || path.includes('{') || methods['get'].responses['200'] === undefined) continue;
      const answer = await rig.ask(path);
      expect([path, answer.status]).toEqual([path, 200]);
    }
  });

  it('refuses what is not described, in the form of RFC 9457', async () => {
    for (const path of [
      '/hosts?colour=red',
      '/hosts?limit=0',
      '/hosts?limit=501',
      '/hosts?cursor=%21',
      '/jobs?state=odd',
    ]) {
      const answer = await rig.ask(path);
      expect([path, answer.status, answer.headers.get('content-type')?.split(';')[0]]).toEqual([
        path,
        400,
        'application/problem+json',
      ]);
      expect(await answer.json()).toMatchObject({ type: 'about:blank', title: 'Bad Request', status: 400 });
    }
    expect((await rig.ask('/hosts/host-999')).status).toBe(404);
    expect((await rig.ask('/nothing')).status).toBe(404);
  });
});

describe('who may', () => {
  it('lets a log-in read, and change only with its own header and a role that may', async () => {
    expect((await logIn(rig.admin, 'ada', 'wrong')).status).toBe(401);
    const ada = await logIn(rig.admin, 'ada');
    expect(ada.cookie).toMatch(/^transvisor-admin=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
    const { cookie = '', 'x-csrf-token': csrf = '' } = ada.headers;
    const as = (path: string, method: string, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(`${rig.admin.url}/api/v1${path}`, { method, headers: { cookie, ...headers } });
    expect(await (await as('/me', 'GET')).json()).toEqual({ name: 'ada', role: 'administrator', csrf });
    const { id } = await rig.one.login();
    const sessions = await rig.json<{ items: { id: string; user: string }[] }>('/sessions');
    expect(JSON.stringify(sessions)).not.toContain(id);
    const path = `/sessions/${sessions.items[0]?.id}`;
    expect((await as(path, 'DELETE')).status).toBe(403);
    expect((await as(path, 'DELETE', { 'x-csrf-token': csrf, origin: 'https://elsewhere.example' })).status).toBe(403);
    expect((await as(path, 'DELETE', { 'x-csrf-token': csrf, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await as(path, 'DELETE', { 'x-csrf-token': csrf })).status).toBe(200);
    expect((await rig.json<{ items: unknown[] }>('/sessions')).items).toEqual([]);
    const audit = await rig.json<{ items: { user: string; method: string; outcome: string }[] }>('/audit');
    expect(audit.items).toContainEqual(
      expect.objectContaining({ user: 'ada', method: 'DELETE /sessions/:id', outcome: 'success', front: 'admin' }),
    );
    expect((await as('/logout', 'POST', { 'x-csrf-token': csrf })).status).toBe(200);
    expect((await as('/me', 'GET')).status).toBe(401);
  });

  it('lets a viewer change nothing', async () => {
    const { headers } = await logIn(rig.admin, 'vic');
    for (const [method, path] of [
      ['POST', '/reload'],
      ['POST', '/take-over'],
      ['DELETE', '/sessions/x'],
    ] as const) {
      const answer = await fetch(`${rig.admin.url}/api/v1${path}`, { method, headers });
      expect([path, answer.status]).toEqual([path, 403]);
    }
  });

  it('says so before it says anything of a body', async () => {
    const typed = { 'content-type': 'application/json' };
    const { headers: asVic } = await logIn(rig.admin, 'vic');
    for (const [method, path, body] of [
      ['DELETE', '/sessions/x', undefined],
      ['DELETE', '/sheets/x', undefined],
      ['PUT', '/sheets/x', '{'],
      ['PUT', '/sheets/x', `"${'x'.repeat(3_000_000)}"`],
    ] as const) {
      const send = (headers: LoggedIn['headers']): Promise<Response> =>
        fetch(`${rig.admin.url}/api/v1${path}`, { method, headers: { ...typed, ...headers }, ...(body && { body }) });
      expect([method, (await send({})).status]).toEqual([method, 401]);
      expect([method, (await send(asVic)).status]).toEqual([method, 403]);
    }
  });

  it('takes a DELETE that names the type of a body it does not have', async () => {
    for (const type of ['application/json', 'application/json; charset=utf-8']) {
      const answer = await rig.ask('/sessions/none', { method: 'DELETE', headers: { 'content-type': type } });
      expect([type, answer.status]).toEqual([type, 404]);
    }
    const put = await rig.ask('/sheets/x', { method: 'PUT', headers: { 'content-type': 'application/json' } });
    expect([put.status, await put.json()]).toEqual([
      400,
      expect.objectContaining({ detail: expect.stringMatching(/^body/) }),
    ]);
    const broken = await rig.ask('/sheets/x', { method: 'PUT', body: '{' });
    expect(broken.status).toBe(400);
  });
});

describe('the audit', () => {
  const audit = () => rig.one.server.inspected.parts()[0]?.audit;
  const note = (n: number, more: Partial<Parameters<NonNullable<ReturnType<typeof audit>>['record']>[0]> = {}): void =>
    audit()?.record({
      ...{ atMs: 1000 + n, user: 'u', address: '192.0.2.7', front: 'f', method: 'M', verb: 'vm.start', job: '' },
      ...{ target: `vm-${n}`, targetName: `machine ${n}`, outcome: 'success', exchange: '', ...more },
    });
  interface Lines {
    readonly items: readonly { readonly target: string; readonly user: string; readonly outcome: string }[];
    readonly next: string | null;
  }

  it('is told newest first by the time of each line, page by page, also of what came late', async () => {
    for (let n = 0; n < 450; n += 1) note(n);
    note(100, { target: 'late' });
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const path: string = `/audit?limit=100${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const { items, next }: Lines = await rig.json(path);
      seen.push(...items.map(({ target }) => target));
      cursor = next;
    }
    expect(seen.slice(0, 2)).toEqual(['vm-449', 'vm-448']);
    expect(seen.slice(seen.indexOf('late'), seen.indexOf('late') + 2)).toEqual(['late', 'vm-100']);
    expect([seen.length, new Set(seen).size]).toEqual([451, 451]);
  });

  it('is filtered by who, what, on what and how it ended', async () => {
    note(1, { user: 'ada', verb: 'vm.stop' });
    note(2, { outcome: 'busy' });
    note(3);
    const found = async (search: string): Promise<readonly string[]> =>
      (await rig.json<Lines>(`/audit?${search}`)).items.map(({ target }) => target);
    expect(await found('user=ADA')).toEqual(['vm-1']);
    expect(await found('verb=stop')).toEqual(['vm-1']);
    expect(await found('outcome=busy')).toEqual(['vm-2']);
    expect(await found('target=vm-3')).toEqual(['vm-3']);
    expect(await found('target=machine')).toEqual(['vm-3', 'vm-2', 'vm-1']);
    expect(await found('q=nobody')).toEqual([]);
    expect(await found('untilMs=1001')).toEqual(['vm-1']);
  });

  it('has the log-ins of people at the endpoint, and those that were refused', async () => {
    await logIn(rig.admin, 'ada');
    await logIn(rig.admin, 'vic', 'wrong');
    const { items } = await rig.json<Lines>('/audit?front=admin');
    expect(items.map(({ user, outcome }) => [user, outcome])).toEqual([
      ['vic', '401'],
      ['ada', 'success'],
    ]);
    expect(JSON.stringify(items)).not.toContain('wrong');
  });
});

it('gives lists page by page, each item once', async () => {
  const { id } = await rig.one.login();
  for (let n = 0; n < 7; n += 1) await rig.one.api.call(rig.one.exchange(id, 'names'));
  const seen: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const path: string = `/exchanges?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const { items, next }: { items: { exchange: string }[]; next: string | null } = await rig.json(path);
    expect(items.length).toBeLessThanOrEqual(3);
    seen.push(...items.map(({ exchange }) => exchange));
    cursor = next;
  }
  expect(new Set(seen).size).toBe(7);
  expect(seen).toHaveLength(7);
});

it('shows an object as its host, the hub and each front have it', async () => {
  const { items } = await rig.json<{ items: { id: string; name: string }[] }>('/objects?kind=vm&q=ALPH');
  expect(items.map(({ name }) => name)).toEqual(['alpha']);
  const path = `/objects/${items[0]?.id}`;
  expect(await rig.json(path)).toMatchObject({
    native: 'u1',
    fronts: [{ front: 'f', ids: [{ type: 'Machine', id: '1' }] }],
  });
  expect(await rig.json(`${path}/native`)).toMatchObject({ parts: { text: expect.stringContaining('alpha') } });
  expect(await rig.json(`${path}/generic`)).toMatchObject({ platform: 'invented', document: { name: 'alpha' } });
  expect(await rig.json(`${path}/rendered/f`)).toMatchObject({ members: [{ type: 'Machine', text: 'alpha' }] });
  expect((await rig.ask(`${path}/rendered/none`)).status).toBe(404);
  expect(await rig.json('/ids?native=u1')).toMatchObject({
    items: [{ id: items[0]?.id, native: 'u1', name: 'alpha' }],
  });
  expect(await rig.json(`/ids/${items[0]?.id}`)).toMatchObject({ native: 'u1' });
});

it('shows a job with its plan, its steps and its journal', async () => {
  const { id } = await rig.one.login();
  const vmId = (await rig.json<{ items: { id: string }[] }>('/objects?kind=vm')).items[0]?.id ?? '';
  await rig.one.api.call(rig.one.exchange(id, 'start', {}, vmId));
  const { items } = await rig.json<{ items: { id: string; verb: string }[] }>(`/jobs?target=${vmId}`);
  expect(items).toMatchObject([{ verb: 'vm.stop', user: 'u' }]);
  expect(await rig.json(`/jobs/${items[0]?.id}`)).toMatchObject({
    plan: { steps: [{ name: 'stop', kind: 'pivot', call: { procedure: 'stop' } }] },
  });
  const history = await rig.json<{ items: unknown[] }>(`/objects/${vmId}/history`);
  expect(history.items).toContainEqual(expect.objectContaining({ source: 'job', what: 'vm.stop', by: 'u' }));
  expect(history.items).toContainEqual(expect.objectContaining({ source: 'event', what: 'job.started' }));
});

it('tells what changes as it changes, and goes on from the last that was heard', async () => {
  const open = async (headers: Record<string, string> = {}) => {
    const answer = await rig.ask('/events', { headers });
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    let text = '';
    const until = async (wanted: RegExp): Promise<string> => {
      while (!wanted.test(text)) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`ended after ${text}`);
        text += Buffer.from(value).toString('utf8');
      }
      return text;
    };
    return { until, end: () => reader.cancel() };
  };
  const first = await open();
  await first.until(/event: reset\n/);
  await rig.one.list([vm('u1', 'alpha'), vm('u2', 'beta'), vm('u3', 'gamma')]);
  const heard = await first.until(/event: object\ndata: \{"id":"vm-\d+","name":"gamma"/);
  const last = /.*id: (\S+)\nevent: object/s.exec(heard)?.[1] ?? '';
  const second = await open({ 'last-event-id': last });
  await rig.one.list([vm('u1', 'alpha'), vm('u2', 'beta'), vm('u3', 'delta')]);
  expect(await second.until(/"delta"/)).not.toContain('reset');
  const stranger = await open({ 'last-event-id': 'other.1' });
  await stranger.until(/event: reset/);
  for (const stream of [first, second, stranger]) await stream.end();
});

it('serves a console that asks nothing of anyone else', async () => {
  const page = await fetch(`${rig.admin.url}/`);
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'");
  const seen = new Set<string>();
  const walk = async (path: string): Promise<void> => {
    if (seen.has(path)) return;
    seen.add(path);
    const answer = await fetch(`${rig.admin.url}${path}`);
    expect([path, answer.status]).toEqual([path, 200]);
    const text = await answer.text();
    expect(text).not.toMatch(/https?:\/\/(?!www\.w3\.org\/)/);
    for (const [, to = ''] of text.matchAll(/(?:from\s*|import\s*\(|src=|href=)["']([^"'#]+)["']/g))
      await walk(new URL(to, `${rig.admin.url}${path}`).pathname);
  };
  await walk('/');
  expect([...seen]).toEqual(expect.arrayContaining(['/console/main.ts', '/console/preact.js', '/console/style.css']));
});
