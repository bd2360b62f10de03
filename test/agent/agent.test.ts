/** The agent on real sockets: a platform made for tests, an embedded host, and a scripted server behind the serialising link. */
import { Agent as HttpAgent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Agent, startAgent } from '../../agent/agent.ts';
import type { Role, Session } from '../../mappings/generic/call.ts';
import { done } from '../../mappings/generic/faults.ts';
import { hubId } from '../../mappings/generic/ids.ts';
import type { NativeChange } from '../../mappings/generic/native.ts';
import type { StreamTarget } from '../../mappings/generic/platform.ts';
import { type Account, createAccounts, hashPassword } from '../../runtime/accounts.ts';
import { systemClock } from '../../runtime/clock.ts';
import { openLink, UNLIMITED } from '../../runtime/link.ts';
import { type MemoryPair, memoryPair } from '../../runtime/link-memory.ts';
import { silentLog } from '../../runtime/log.ts';
import type { AgentApi, Exchange, OutboxEntry, ServerApi } from '../../runtime/protocol.ts';
import { temporaryFolder } from '../temporary.ts';
import { createFakeHost, type FakeHost, fakeFront, fakePlatform } from './fake-platform.ts';

const HOST = hubId('host', 1);
const VM1 = hubId('vm', 11);

interface Scripted {
  readonly pair: MemoryPair;
  readonly api: AgentApi;
}

let host: FakeHost;
let agent: Agent;
let port: number;
let link: Scripted;
let accounts: Account[];
const sessions = new Map<string, Session>();
const outbox: OutboxEntry[] = [];
const changes: NativeChange[] = [];
const hungUp: string[] = [];
const failedLogins: string[] = [];
/** What the server does with a call, by method. */
const script = new Map<string, (exchange: Exchange, api: AgentApi) => ReturnType<ServerApi['call']>>();
let leased = true;
let epoch = 1;
let serial = 0;
let target: StreamTarget | undefined;

const attach = (): Scripted => {
  const pair = memoryPair();
  let api: AgentApi | undefined;
  const functions = (remote: AgentApi): ServerApi => {
    api = remote;
    const answers: Partial<ServerApi> = {
      hello: async (hello) => ({
        version: 1,
        hosts: { h: { id: HOST, epoch } },
        fronts: Object.fromEntries(
          hello.fronts.map((front) => [
            front.name,
            {
              name: front.name,
              platform: 'fake',
              host: HOST,
              hostName: 'h',
              uuid: 'u',
              certificate: '',
              port: front.port,
              options: {},
            },
          ]),
        ),
        sessionKey: new Uint8Array(32).fill(7),
        jobIds: { from: 1000 * ++serial, to: 1000 * serial + 500 },
      }),
      list: async () => {},
      hostState: async () => {},
      changes: async (_, __, list) => void changes.push(...list),
      login: async (login) => {
        const session: Session = {
          ...login,
          id: `s${++serial}`,
          key: `k${serial}`,
          createdMs: 1,
          lastActiveMs: 1,
          calls: 0,
        };
        sessions.set(session.id, session);
        return session;
      },
      session: async (id) => sessions.get(id),
      logout: async (id) => void sessions.delete(id),
      touch: async () => {},
      loginFailed: async (failed) => void failedLogins.push(failed.user),
      call: async (exchange) =>
        (script.get(exchange.call.method) ?? (async () => ({ kind: 'value', value: 'from the server' })))(
          exchange,
          remote,
        ),
      hangUp: async (exchange) => void hungUp.push(exchange),
      stream: async () =>
        target === undefined
          ? { ok: false, fault: { kind: 'not-found', members: {}, text: '' } }
          : done({ ...target, host: HOST }),
      outbox: async (_, entries) => {
        outbox.push(...entries);
        return { through: entries.at(-1)?.seq ?? 0 };
      },
      jobIds: async () => ({ from: 1000 * ++serial, to: 1000 * serial + 500 }),
      lease: async (_, vm) =>
        leased ? { vm, host: HOST, native: 'u1', name: 'one', template: false, epoch } : undefined,
      hops: async () => {},
      counted: async () => {},
    };
    return answers as ServerApi;
  };
  openLink<AgentApi>(functions, pair.right, { log: silentLog, unlimited: UNLIMITED });
  agent.attach(pair.left);
  if (api === undefined) throw new Error('no link');
  return { pair, api };
};

const keepAlive = new HttpAgent({ keepAlive: true, maxSockets: 8 });
interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}
const http = (
  method: string,
  path: string,
  body: string | Buffer = '',
  headers: Record<string, string> = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        agent: keepAlive,
        headers: { 'content-length': Buffer.byteLength(body), ...headers },
      },
      (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', reject);
        response.on('aborted', () => reject(new Error('aborted')));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
const call = async (
  method: string,
  args: Record<string, unknown> = {},
  cookie = '',
  id: string = VM1,
): Promise<Answer & { json: { value?: unknown; fault?: string } }> => {
  const answer = await http(
    'POST',
    '/api',
    JSON.stringify({ method, target: { type: 'Vm', id }, args }),
    cookie === '' ? {} : { cookie },
  );
  return { ...answer, json: JSON.parse(answer.body.toString()) as { value?: unknown; fault?: string } };
};
const login = async (user: string, password = 'right'): Promise<string> => {
  const answer = await call('Login', { user, password });
  return String(answer.headers['set-cookie']?.[0] ?? '').split(';')[0] ?? '';
};

const hash = await hashPassword('right');
beforeEach(async () => {
  const roles: Record<string, Role> = { root: 'administrator', op: 'operator', ro: 'read-only' };
  accounts = Object.entries(roles).map(([name, role]) => ({ name, role, fullName: '', hash }));
  for (const list of [outbox, changes, hungUp, failedLogins]) list.length = 0;
  for (const map of [sessions, script]) map.clear();
  [leased, epoch, target] = [true, 1, undefined];
  host = createFakeHost();
  agent = await startAgent({
    name: 'a',
    state: temporaryFolder(),
    hosts: [{ name: 'h', platform: 'fake', uri: 'fake:///', driver: host.driver, dialer: host.dialer }],
    fronts: [
      {
        name: 'f',
        platform: fakePlatform,
        front: fakeFront,
        host: 'h',
        listen: '127.0.0.1',
        port: 0,
        tls: undefined,
        options: {},
      },
    ],
    accounts: createAccounts(accounts),
    clock: systemClock,
    log: silentLog,
  });
  port = agent.fronts[0]?.port ?? 0;
  link = attach();
  await agent.ready;
});
afterEach(() => agent.close());

describe('requests', () => {
  test('a session row is answered by the agent alone', async () => {
    expect(typeof (await call('Clock')).json.value).toBe('number');
    expect((await http('GET', '/hello')).body.toString()).toBe('hello');
  });
  test('what cannot be decoded, an unknown method and a body beyond the bound get the front’s own fault, on a connection that lives on', async () => {
    expect(JSON.parse((await http('POST', '/api', '{')).body.toString())).toMatchObject({ fault: 'invalid-request' });
    expect((await call('Nonsense')).json.fault).toBe('method-not-found');
    for (const size of [2001, 100_000]) {
      expect(JSON.parse((await http('POST', '/api', 'x'.repeat(size))).body.toString())).toMatchObject({
        fault: 'invalid-request',
      });
    }
    expect((await call('Clock')).status).toBe(200);
  });
  test('a chunked body beyond the bound is refused as well', async () => {
    const text = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      let seen = '';
      socket.on('data', (bytes) => {
        seen += bytes.toString();
        if (seen.includes('invalid-request')) resolve(seen);
      });
      socket.write('POST /api HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
      for (let n = 0; n < 3; n++) socket.write(`400\r\n${'x'.repeat(1024)}\r\n`);
    });
    expect(text).toContain('HTTP/1.1 500');
  });
  test('bytes that are no HTTP get 400 and the end', async () => {
    const text = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write('\x16\x03\x01nonsense\r\n\r\n'));
      let seen = '';
      socket.on('data', (bytes) => {
        seen += bytes.toString();
      });
      socket.on('close', () => resolve(seen));
    });
    expect(text).toMatch(/^HTTP\/1.1 400 /);
  });
  test('a refused row is not supported', async () => {
    expect((await call('Fly', {}, await login('ro'))).json.fault).toBe('not-supported');
  });
});

describe('sessions and access', () => {
  test('a login gives a cookie that works; a forged or foreign one does not', async () => {
    const cookie = await login('root');
    expect((await call('Whoami', {}, cookie)).json.value).toBe('root');
    const forged = cookie.slice(0, -1) + (cookie.endsWith('0') ? '1' : '0');
    for (const bad of ['', forged, 'sid=s1', `sid=${'x'.repeat(500)}`])
      expect((await call('Whoami', {}, bad)).status).toBe(401);
  });
  test('a wrong password is no session, and the server hears of it without the password', async () => {
    const answer = await call('Login', { user: 'root', password: 'wrong' });
    expect(answer.json.fault).toBe('invalid-login');
    expect(answer.headers['set-cookie']).toBeUndefined();
    await expect.poll(() => failedLogins).toEqual(['root']);
  });
  test('roles are enforced before any route is taken', async () => {
    const [ro, op] = [await login('ro'), await login('op')];
    for (const method of ['Change', 'Start', 'Stop']) {
      expect((await call(method, {}, ro)).json.fault).toBe('no-permission');
      expect((await call(method)).json.fault).toBe('not-authenticated');
    }
    expect(host.calls).not.toContain('start');
    expect((await call('Read', {}, ro)).json.value).toBe('from the server');
    expect((await call('Change', {}, op)).json.value).toBe('from the server');
  });
  test('log-out and revocation end it at once', async () => {
    const [one, two] = [await login('root'), await login('op')];
    await call('Logout', {}, one);
    expect((await call('Whoami', {}, one)).status).toBe(401);
    const id = [...sessions.values()].find((session) => session.user === 'op')?.id ?? '';
    sessions.delete(id);
    await link.api.revokeSessions([id]);
    expect((await call('Whoami', {}, two)).status).toBe(401);
  });
  test('a session of the server that this agent does not hold yet is found by its cookie', async () => {
    const cookie = await login('root');
    const id = [...sessions.keys()][0] ?? '';
    await link.api.revokeSessions([id]);
    expect((await call('Whoami', {}, cookie)).json.value).toBe('root');
  });
});

describe('central and broker calls', () => {
  test('a body comes in pieces, wrapped by the front', async () => {
    script.set('Read', async ({ exchange }, api) => {
      for (const piece of ['1,', '2,', '3']) await api.chunk(exchange, Buffer.from(piece));
      return { kind: 'body' };
    });
    const answer = await call('Read', {}, await login('ro'));
    expect(answer.json).toEqual([1, 2, 3]);
    expect(answer.headers['transfer-encoding']).toBe('chunked');
  });
  test('a body of one piece leaves whole, with its length', async () => {
    script.set('Read', async ({ exchange }, api) => {
      await api.chunk(exchange, Buffer.from('42'));
      return { kind: 'body' };
    });
    const answer = await call('Read', {}, await login('ro'));
    expect(answer.json).toEqual([42]);
    expect(answer.headers['content-length']).toBe('4');
  });
  test('a client that reads nothing holds the server back', async () => {
    let sent = 0;
    script.set('Read', async ({ exchange }, api) => {
      for (; sent < 200; sent++) await api.chunk(exchange, Buffer.alloc(256 * 1024, 32));
      return { kind: 'body' };
    });
    const cookie = await login('ro');
    const body = JSON.stringify({ method: 'Read', target: { type: 'Vm', id: VM1 } });
    const socket = connect(port, '127.0.0.1');
    socket.pause();
    socket.write(`POST /api HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(sent).toBeLessThan(100);
    const held = sent;
    socket.resume();
    await expect.poll(() => sent).toBeGreaterThan(held);
    socket.destroy();
    await expect.poll(() => hungUp.length).toBe(1);
  });
  test('an answer that breaks in the middle is broken off, never completed', async () => {
    script.set('Read', async ({ exchange }, api) => {
      for (let n = 0; n < 3; n++) await api.chunk(exchange, Buffer.from('1,'));
      return { kind: 'fault', fault: { kind: 'internal', members: {}, text: '' } };
    });
    await expect(call('Read', {}, await login('ro'))).rejects.toThrow();
  });
  test('a client that goes away is reported', async () => {
    script.set('Read', () => new Promise(() => {}));
    const cookie = await login('ro');
    const sent = request({ host: '127.0.0.1', port, method: 'POST', path: '/api', headers: { cookie } });
    sent.on('error', () => {});
    sent.end(JSON.stringify({ method: 'Read', target: { type: 'Vm', id: VM1 } }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    sent.destroy();
    await expect.poll(() => hungUp.length).toBe(1);
  });
});

describe('direct commands', () => {
  test('a job is answered at once; start and end reach the server once, the end with what was read again', async () => {
    const release = host.hold('start');
    const cookie = await login('op');
    const job = (await call('Start', {}, cookie)).json.value;
    expect(job).toMatch(/^job-\d+$/);
    release();
    await expect.poll(() => outbox.length).toBe(2);
    expect(outbox.map((entry) => [entry.job, entry.phase, entry.user, entry.targetName])).toEqual([
      [job, 'started', 'op', 'one'],
      [job, 'finished', 'op', 'one'],
    ]);
    expect(outbox[1]?.changes).toMatchObject([
      { change: 'put', object: { native: 'u1', facts: { state: 'running' } } },
    ]);
    await expect.poll(() => changes.length).toBeGreaterThan(0);
    expect(changes[0]).toMatchObject({ hint: 'changed', object: { facts: { state: 'running' } } });
  });
  test('a refused command ends with the host’s fault; one without a job answers with it', async () => {
    const cookie = await login('op');
    expect((await call('Stop', {}, cookie)).json.fault).toBe('invalid-state');
    await expect.poll(() => outbox.at(-1)?.fault?.kind).toBe('invalid-state');
  });
  test('without a lease, or with arguments that need data, it goes the central way', async () => {
    const cookie = await login('op');
    expect((await call('Start', { options: { deep: [1] } }, cookie)).json.value).toBe('from the server');
    leased = false;
    expect((await call('Start', {}, cookie)).json.value).toBe('from the server');
    expect(host.calls).not.toContain('start');
  });
  test('a revoked lease is not used again', async () => {
    const cookie = await login('op');
    await call('Start', {}, cookie);
    leased = false;
    await link.api.revokeLeases([VM1]);
    expect((await call('Start', {}, cookie)).json.value).toBe('from the server');
  });
  test('a read waits until the server has the command before it', async () => {
    const seen: number[] = [];
    script.set('Read', async () => {
      seen.push(outbox.length);
      return { kind: 'value', value: 1 };
    });
    const cookie = await login('op');
    await Promise.all([call('Start', {}, cookie).then(() => call('Read', {}, cookie))]);
    expect(seen[0]).toBeGreaterThanOrEqual(1);
  });
  test('plans and direct commands share the VM’s queue, and a writer of an old epoch is refused', async () => {
    const cookie = await login('op');
    expect((await link.api.acquire(HOST, 1, 'u1', hubId('job', 5))).ok).toBe(true);
    await call('Start', {}, cookie);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(host.calls).not.toContain('start');
    await link.api.release(HOST, 'u1', hubId('job', 5));
    await expect.poll(() => host.calls).toContain('start');
    const refusedStep = await link.api.step(HOST, 0, 'x', { procedure: 'stop', args: { vm: 'u1' } });
    expect(refusedStep.ok === false && refusedStep.fault.kind).toBe('concurrent-access');
  });
  test('a repeated step is made once', async () => {
    const step = { procedure: 'stop', args: { vm: 'u2' } };
    const outcomes = await Promise.all([1, 2].map(() => link.api.step(HOST, 1, 'job-1/0', step)));
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([true, true]);
    expect(host.calls.filter((name) => name === 'stop')).toHaveLength(1);
  });
});

describe('the server away', () => {
  test('session and direct rows go on, all else gets host-communication at once; then the job is there, once', async () => {
    const cookie = await login('op');
    await call('Start', {}, cookie);
    await call('Stop', {}, cookie);
    await expect.poll(() => outbox.length).toBe(4);
    link.pair.cut('server stopped');
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await call('Whoami', {}, cookie)).json.value).toBe('op');
    expect(typeof (await call('Clock')).json.value).toBe('number');
    const startedMs = performance.now();
    expect((await call('Read', {}, cookie)).json.fault).toBe('host-communication');
    expect((await call('Login', { user: 'root', password: 'right' })).json.fault).toBe('host-communication');
    expect(performance.now() - startedMs).toBeLessThan(200);
    const job = (await call('Start', {}, cookie)).json.value;
    await expect.poll(() => host.states.get('u1')).toBe('running');
    expect(outbox).toHaveLength(4);
    link = attach();
    await expect.poll(() => outbox.length).toBe(6);
    expect(outbox.slice(4).map((entry) => [entry.job, entry.phase])).toEqual([
      [job, 'started'],
      [job, 'finished'],
    ]);
    expect((await call('Whoami', {}, cookie)).json.value).toBe('op');
  });
  test('a call under way when the link breaks is answered, not left', async () => {
    script.set('Read', () => new Promise(() => {}));
    const cookie = await login('ro');
    const waiting = call('Read', {}, cookie);
    await new Promise((resolve) => setTimeout(resolve, 50));
    link.pair.cut('gone');
    expect((await waiting).json.fault).toBe('host-communication');
  });
});

describe('the host', () => {
  test('a change behind our back reaches the server within milliseconds', async () => {
    const startedMs = performance.now();
    host.change('u2', 'paused');
    while (changes.length === 0 && performance.now() - startedMs < 1000)
      await new Promise((resolve) => setImmediate(resolve));
    expect(changes[0]).toMatchObject({ change: 'put', object: { native: 'u2', facts: { state: 'paused' } } });
    expect(performance.now() - startedMs).toBeLessThan(100);
  });
  test('a lost connection is opened and listed again', async () => {
    const lists = (): number => host.calls.filter((name) => name === 'list').length;
    expect(lists()).toBe(1);
    const release = host.hold('start');
    const cookie = await login('op');
    await call('Start', {}, cookie);
    host.lose();
    release();
    await expect.poll(() => outbox.at(-1)?.fault?.kind, { timeout: 3000 }).toBe('host-communication');
    await expect.poll(lists, { timeout: 5000 }).toBe(2);
    host.change('u2', 'stopped');
    await expect
      .poll(() => changes.some((change) => change.change === 'put' && change.object.native === 'u2'))
      .toBe(true);
  });
});

describe('streams', () => {
  const native = (
    name: string,
    direction: 'download' | 'upload',
    offsetBytes: number,
    lengthBytes: number,
  ): StreamTarget => ({
    kind: 'native',
    direction,
    status: 200,
    headers: { 'x-kind': 'file' },
    call: { procedure: 'copy', args: { name, offset: offsetBytes } },
    offsetBytes,
    lengthBytes,
    touches: [],
  });
  test('a range of a large file arrives as it is', async () => {
    const data = Buffer.alloc(5_000_000);
    for (let at = 0; at < data.length; at += 4) data.writeUInt32LE(at, at);
    host.files.set('big', data);
    target = native('big', 'download', 1000, 4_000_000);
    const answer = await http('GET', '/files/big', '', { cookie: await login('ro') });
    expect(answer.headers['content-length']).toBe('4000000');
    expect(answer.body.equals(data.subarray(1000, 4_001_000))).toBe(true);
  });
  test('a file shorter than announced breaks the answer off', async () => {
    host.files.set('short', Buffer.alloc(10));
    target = native('short', 'download', 0, 20);
    await expect(http('GET', '/files/short', '', { cookie: await login('ro') })).rejects.toThrow();
  });
  test('an upload beyond the bound of calls arrives whole; a read-only user may not', async () => {
    const data = Buffer.alloc(300_000, 'ab');
    target = native('new', 'upload', 0, data.length);
    expect((await http('PUT', '/files/new', data, { cookie: await login('ro') })).status).toBe(403);
    expect((await http('PUT', '/files/new', data, { cookie: await login('op') })).status).toBe(200);
    expect(host.files.get('new')?.equals(data)).toBe(true);
  });
  test('bytes the server holds, HEAD, and what does not exist', async () => {
    const cookie = await login('ro');
    target = { kind: 'bytes', status: 200, headers: {}, bytes: Buffer.from('text') };
    expect((await http('GET', '/files/x', '', { cookie })).body.toString()).toBe('text');
    target = native('big', 'download', 0, 123);
    const head = await http('HEAD', '/files/x', '', { cookie });
    expect([head.headers['content-length'], head.body.length]).toEqual(['123', 0]);
    expect((await http('GET', '/files/gone', '', { cookie })).body.toString()).toBe('file-not-found');
    expect((await http('GET', '/files/gone')).status).toBe(401);
  });
});
