/** Shared state where Redis is away, killed, empty, forgetful, not to be reached, or behind TLS and users: what is said, and what is kept. */

import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Secret } from '../../runtime/secret.ts';
import { requireClient, runProgram } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { DURABLE, REDIS_CLIENTS, type RedisServer, startRedis, until } from './redis.ts';
import {
  endTest,
  forThisTest,
  hold,
  numbersIn,
  openState,
  optionsFor,
  put,
  startHolder,
  TIMES,
  takeOver,
} from './redis-state.ts';
import { openRelay } from './relay.ts';

afterEach(endTest);

describeWith(REDIS_CLIENTS, 'a Redis in trouble', () => {
  test('Redis ends and comes back: it is said at once, flushes end, and what was written meanwhile is kept', async () => {
    const redis = forThisTest(await startRedis({ args: DURABLE }));
    const cell = randomUUID();
    const state = await openState(redis.url, 'a');
    const storage = await hold(state, cell);
    await put(storage, 1);
    const heard: boolean[] = [];
    storage.onAvailable((available) => heard.push(available));
    await redis.kill();
    await until('it is said', () => !storage.available && !state.available, TIMES.redisCommandMs);
    storage.run('INSERT INTO t VALUES (2, ?)', 'while away');
    const before = performance.now();
    await expect(storage.flush()).rejects.toThrow();
    expect(performance.now() - before).toBeLessThan(TIMES.redisFlushMs * 5);
    await expect(state.numbers(1)).rejects.toThrow();
    await expect(state.claim('other')).rejects.toThrow();
    await redis.start();
    await until('it is back', () => storage.available && state.available);
    await put(storage, 3);
    expect(heard).toEqual([false, true]);
    await storage.release();
    expect(numbersIn(await hold(state, cell))).toEqual([1, 2, 3]);
  });

  test('an owner that could not renew because Redis was away gets its whole time again', async () => {
    const redis = forThisTest(await startRedis({ args: DURABLE }));
    const address = forThisTest(await openRelay(redis.port));
    const [a, b] = [await openState(`redis://127.0.0.1:${address.port}`, 'a'), await openState(redis.url, 'b')];
    const storage = await hold(a, 'one');
    await put(storage, 1);
    expect(await b.claim('one')).toMatchObject({ kind: 'elsewhere' });
    await redis.kill();
    address.turnTo(0);
    await sleep(1.2 * TIMES.redisLeaseMs);
    await redis.start();
    await until('it is back for the other', () => b.available);
    expect(await b.claim('one')).toMatchObject({ kind: 'elsewhere', owner: { server: 'a' } });
    address.turnTo(redis.port);
    await until('it is back for the owner', () => storage.available);
    await put(storage, 2);
    expect(await b.claim('one')).toMatchObject({ kind: 'elsewhere' });
  });

  test('Redis that stands still: commands end in bounded time, and afterwards nothing was done twice', async () => {
    const redis = forThisTest(await startRedis({ args: DURABLE }));
    const state = await openState(redis.url, 'a');
    const storage = await hold(state, 'one');
    await put(storage, 1);
    redis.signal('SIGSTOP');
    storage.run('INSERT INTO t VALUES (2, ?)', 'x');
    await expect(storage.flush()).rejects.toThrow();
    expect(storage.available).toBe(false);
    redis.signal('SIGCONT');
    await until('it is back', () => storage.available);
    await put(storage, 3);
    expect(await redis.cli('xlen', 'tv:{one}:log')).toBe('4');
    await storage.release();
    expect(numbersIn(await hold(state, 'one'))).toEqual([1, 2, 3]);
  });

  test('kill -9 of Redis under load: a program goes on after its restart, and nothing acknowledged is lost', async () => {
    const redis = forThisTest(await startRedis({ args: DURABLE }));
    const holder = await startHolder(optionsFor(redis.url, 'a'), 'one');
    for (let round = 0; round < 3; round++) {
      await redis.kill();
      await redis.start();
      const before = holder.done().length;
      await until('it writes again', () => holder.done().length > before + 20);
    }
    await holder.kill();
    const found = numbersIn(await takeOver(await openState(redis.url, 'b'), 'one'));
    expect(found).toEqual(expect.arrayContaining(holder.done()));
    expect(holder.said.filter((line) => line.startsWith('lost'))).toEqual([]);
  });

  test('a Redis that came back empty is filled again by the holder', async () => {
    const redis = forThisTest(await startRedis());
    const state = await openState(redis.url, 'a');
    const storage = await hold(state, 'one');
    await put(storage, 1, 2);
    const block = await state.numbers(10);
    const secret = await state.secret('key', () => new Uint8Array([1, 2]));
    const token = storage.token;
    await redis.kill();
    await redis.start();
    await until('it is back', () => storage.available && state.available);
    await put(storage, 3);
    expect(storage.token).toBeGreaterThan(token);
    await storage.release();
    const b = await openState(redis.url, 'b');
    expect(numbersIn(await hold(b, 'one'))).toEqual([1, 2, 3]);
    expect((await b.numbers(10)).from).toBeGreaterThanOrEqual(block.to);
    expect(await b.secret('key', () => new Uint8Array([9]))).toEqual(secret);
  });

  test('what a Redis cannot promise is said plainly', async () => {
    const redis = forThisTest(await startRedis({ args: DURABLE }));
    expect((await openState(redis.url, 'a')).warnings).toEqual([]);
    expect((await openState(redis.url, 'b', { waitReplicas: 1 }).catch(() => undefined))?.warnings).toEqual([
      expect.stringMatching(/0 replicas, 1 are waited for/),
    ]);
    const forgetful = forThisTest(
      await startRedis({ args: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'] }),
    );
    const everysec = forThisTest(await startRedis({ args: ['--appendonly', 'yes'] }));
    expect((await openState(forgetful.url, 'a')).warnings).toEqual([
      expect.stringMatching(/no append-only file/),
      expect.stringMatching(/drops keys .* allkeys-lru/),
    ]);
    expect((await openState(everysec.url, 'a')).warnings).toEqual([
      expect.stringMatching(/appendfsync everysec: .* last second/),
    ]);
  });

  test('an address where nothing is, one that is none, and one with a password in it are said', async () => {
    await expect(openState('redis://127.0.0.1:1', 'a')).rejects.toThrow(/redis:\/\/127\.0\.0\.1:1.*ECONNREFUSED/);
    await expect(openState('http://127.0.0.1:1', 'a')).rejects.toThrow(/redis:\/\/HOST:PORT/);
    const secret = openState('redis://u:hidden@127.0.0.1:1', 'a');
    await expect(secret).rejects.toThrow(/options of their own/);
    await expect(secret).rejects.not.toThrow(/hidden/);
    const redis = forThisTest(await startRedis());
    await expect(openState(redis.url, 'a', { mode: 'cluster' })).rejects.toThrow(/cluster support disabled/);
    await expect(openState(redis.url, 'a', { mode: 'sentinel' })).rejects.toThrow(/by its name/);
  });
});

describeWith([...REDIS_CLIENTS, 'openssl'], 'a Redis with TLS and users', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tv-tls-'));
  const file = (name: string): string => join(folder, name);
  let redis: RedisServer;
  beforeAll(async () => {
    const made = await runProgram(requireClient('openssl'), [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=redis',
      ],
      ...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', file('key.pem'), '-out', file('cert.pem')],
    ]);
    if (made.code !== 0) throw new Error(made.stderr);
    redis = await startRedis({
      args: [...DURABLE, '--user', 'transvisor', 'on', '>right', '~tv:*', '+@all', '--requirepass', 'other'],
      tlsArgs: ['--tls-cert-file', file('cert.pem'), '--tls-key-file', file('key.pem'), '--tls-auth-clients', 'no'],
      cliArgs: ['--tls', '--cacert', file('cert.pem')],
      cliEnv: { REDISCLI_AUTH: 'other' },
    });
  });
  afterAll(async () => {
    await redis?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const access = (password: string) => ({
    ca: readFileSync(file('cert.pem'), 'utf8'),
    user: 'transvisor',
    password: new Secret(password),
  });

  test('is used with its authority, user and password', async () => {
    const state = await openState(redis.url, 'a', access('right'));
    const storage = await hold(state, 'one');
    await put(storage, 1);
    expect(numbersIn(storage)).toEqual([1]);
  });

  test('a wrong password, and an authority that it is not of, are said', async () => {
    const wrong = openState(redis.url, 'b', access('wrong-word'));
    await expect(wrong).rejects.toThrow(/refuses user or password/);
    await expect(wrong).rejects.not.toThrow(/wrong-word/);
    const { ca: _, ...rest } = access('right');
    await expect(openState(redis.url, 'b', rest)).rejects.toThrow(/self-signed|certificate/);
  });
});
