/** Direct commands, the server away, the host's events, and streams. */

import { describe, expect, test } from 'vitest';
import { type HubId, hubId } from '../../mappings/generic/ids.ts';
import type { StreamTarget } from '../../mappings/generic/platform.ts';
import { call, changes, HOST, host, http, link, login, outbox, relink, scene, script, VM1 } from './agent-rig.ts';

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
    scene.leased = false;
    expect((await call('Start', {}, cookie)).json.value).toBe('from the server');
    expect(host.calls).not.toContain('start');
  });
  test('a revoked lease is not used again', async () => {
    const cookie = await login('op');
    await call('Start', {}, cookie);
    scene.leased = false;
    await link.api.revokeLeases([VM1]);
    expect((await call('Start', {}, cookie)).json.value).toBe('from the server');
  });
  test('a VM never commanded before is started with the server away, by a lease that came unasked', async () => {
    const cookie = await login('op');
    scene.leased = false;
    await link.api.grantLeases([
      { vm: VM1, host: HOST, native: 'u1', name: 'one', template: false, epoch: scene.epoch },
    ]);
    link.pair.cut('gone');
    const job = (await call('Start', {}, cookie)).json.value;
    expect(job).toBeDefined();
    await expect.poll(() => host.states.get('u1')).toBe('running');
    // Back again it is worth nothing: what changed meanwhile was not told.
    scene.epoch = 2;
    relink();
    await expect.poll(() => outbox.map((entry) => entry.phase)).toEqual(['started', 'finished']);
    expect((await call('Stop', {}, cookie)).json.value).toBe('from the server');
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
  test('after the server’s end a turn stays with a job that the next one knows, and that of any other is free at once', async () => {
    const [known, unknown, waiting, next] = [5, 6, 7, 8].map((n) => hubId('job', n)) as [HubId, HubId, HubId, HubId];
    expect((await link.api.acquire(HOST, 1, 'u1', known)).ok).toBe(true);
    expect((await link.api.acquire(HOST, 1, 'u2', unknown)).ok).toBe(true);
    void link.api.acquire(HOST, 1, 'u2', waiting).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 20));
    link.pair.cut('killed');
    Object.assign(scene, { epoch: 2, jobs: [known] });
    relink();
    const soon = async (queue: string, job: HubId): Promise<boolean | 'waits'> =>
      Promise.race([
        link.api.acquire(HOST, 2, queue, job).then(({ ok }) => ok),
        new Promise<'waits'>((resolve) => setTimeout(() => resolve('waits'), 500)),
      ]);
    await expect.poll(() => soon('u2', next), { timeout: 5000 }).toBe(true);
    expect(await soon('u1', next)).toBe('waits');
    expect(await soon('u1', known)).toBe(true);
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
    // A read waits until the server's word on them is back; without it they would be told again, by right.
    expect((await call('Read', {}, cookie)).status).toBe(200);
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
    relink();
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
    scene.target = native('big', 'download', 1000, 4_000_000);
    const answer = await http('GET', '/files/big', '', { cookie: await login('ro') });
    expect(answer.headers['content-length']).toBe('4000000');
    expect(answer.body.equals(data.subarray(1000, 4_001_000))).toBe(true);
  });
  test('a file shorter than announced breaks the answer off', async () => {
    host.files.set('short', Buffer.alloc(10));
    scene.target = native('short', 'download', 0, 20);
    await expect(http('GET', '/files/short', '', { cookie: await login('ro') })).rejects.toThrow();
  });
  test('an upload beyond the bound of calls arrives whole; a read-only user may not', async () => {
    const data = Buffer.alloc(300_000, 'ab');
    scene.target = native('new', 'upload', 0, data.length);
    expect((await http('PUT', '/files/new', data, { cookie: await login('ro') })).status).toBe(403);
    expect((await http('PUT', '/files/new', data, { cookie: await login('op') })).status).toBe(200);
    expect(host.files.get('new')?.equals(data)).toBe(true);
  });
  test('bytes the server holds, HEAD, and what does not exist', async () => {
    const cookie = await login('ro');
    scene.target = { kind: 'bytes', status: 200, headers: {}, bytes: Buffer.from('text') };
    expect((await http('GET', '/files/x', '', { cookie })).body.toString()).toBe('text');
    scene.target = native('big', 'download', 0, 123);
    const head = await http('HEAD', '/files/x', '', { cookie });
    expect([head.headers['content-length'], head.body.length]).toEqual(['123', 0]);
    expect((await http('GET', '/files/gone', '', { cookie })).body.toString()).toBe('file-not-found');
    expect((await http('GET', '/files/gone')).status).toBe(401);
  });
});
