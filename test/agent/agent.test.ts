/** Requests, sessions, access, and calls that go to the server. */
import { request } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import {
  call,
  failedLogins,
  host,
  http,
  hungUp,
  link,
  login,
  port,
  relink,
  scene,
  script,
  sessions,
  VM1,
} from './agent-rig.ts';

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
  test('an answer of which nothing has left yet is replaced by the fault', async () => {
    script.set('Read', async ({ exchange }, api) => {
      await api.chunk(exchange, Buffer.from('1,'));
      return { kind: 'fault', fault: { kind: 'host-communication', members: {}, text: '' } };
    });
    const answer = await call('Read', {}, await login('ro'));
    expect(answer.json).toMatchObject({ fault: 'host-communication' });
  });
  test('a call that another server comes in front of is asked there, under a name of that link', async () => {
    const asked: string[] = [];
    script.set('Read', async ({ exchange }) => {
      asked.push(exchange.slice(0, exchange.indexOf('-')));
      return { kind: 'value', value: 'read' };
    });
    const cookie = await login('root');
    await call('Read', {}, cookie);
    const { promise, resolve } = Promise.withResolvers<void>();
    scene.taken = promise;
    await call('Start', {}, cookie);
    // It waits until what the agent did by itself is known.
    const late = call('Read', {}, cookie);
    await new Promise((passed) => setTimeout(passed, 50));
    await link.api.holdCalls();
    resolve();
    await new Promise((passed) => setTimeout(passed, 50));
    link.pair.cut('another server takes over');
    relink();
    expect((await late).json.value).toBe('read');
    await call('Read', {}, cookie);
    expect(asked).toEqual([asked[0], asked[2], asked[2]]);
    expect(asked[0]).not.toBe(asked[2]);
  });
  test('a client that goes away is reported', async () => {
    script.set('Read', () => new Promise(() => {}));
    const cookie = await login('ro');
    const sent = request({ host: '127.0.0.1', port, method: 'POST', path: '/api', headers: { cookie } });
    sent.on('error', () => {});
    sent.end(JSON.stringify({ method: 'Read', target: { type: 'Vm', id: VM1 } }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    sent.destroy();
    // After a while: one that only has said all looks the same, and still reads.
    await expect.poll(() => hungUp.length, { timeout: 10_000 }).toBe(1);
  });
});
