/** What unmodified clients see while the server, the host or the agent is away, and that everything goes on when it is back: a row of agent/degraded-modes.md each. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPythonActs } from './act-program.ts';
import { govcOn, LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { rawSoap } from './raw-soap.ts';
import { hostAndPort, startTransvisor, type Transvisor } from './transvisor.ts';
import { openXenApi, openXenPython, type PythonXenApi, vmNamed, type Xapi } from './xen-clients.ts';

const LIMIT_MS = 90_000;
/** "At once" is below a second; five times that on a busy machine. */
const AT_ONCE_MS = 5000;
/** A silent host is away after this; and twice as much on a busy machine. */
const SILENT_MS = 30_000;
const PROGRAM = fileURLToPath(new URL('degraded.py', import.meta.url));
const MACHINES = ['one', 'two'];

type Told = { readonly value?: unknown; readonly fault?: string; readonly ms: number };
/** Something that the act of a client gave, and how long it took. */
const timed = async <T>(act: Promise<T>): Promise<readonly [value: T | Error, ms: number]> => {
  const begun = performance.now();
  const value = await act.catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
  return [value, performance.now() - begun];
};
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describeWith([...LIBVIRT_CLIENTS, 'govc', 'pyvmomi', 'xen-api', 'xenapi-py'], 'while something is away', () => {
  let host: Libvirtd;
  let product: Transvisor;
  let python: Awaited<ReturnType<typeof connectPython>>;
  let xapi: Xapi;
  let xenPython: PythonXenApi;

  const connectPython = async () => {
    const { act, close } = openPythonActs('pyvmomi', [
      PROGRAM,
      ...hostAndPort(product),
      product.user,
      product.password,
    ]);
    return { ask: async (name: string, request: object = {}) => (await act(name, request)) as Told, close };
  };
  const isBack = (): Promise<void> =>
    expect
      .poll(
        () =>
          govcOn(product)
            .result(['ls', '/'])
            .then(({ code }) => code),
        { timeout: 20_000, interval: 200 },
      )
      .toBe(0)
      .then(() => {});
  const stateOnHost = async (name: string): Promise<string> => (await host.virsh('domstate', name)).trim();

  beforeAll(async () => {
    host = await startLibvirtd({ qemu: true });
    for (const name of MACHINES) {
      const file = join(host.root, `${name}.xml`);
      writeFileSync(
        file,
        `<domain type='qemu'><name>${name}</name><memory unit='MiB'>16</memory><os><type arch='x86_64'>hvm</type></os></domain>`,
      );
      await host.virsh('define', file);
    }
    product = await startTransvisor({ host: host.uri, fronts: ['vim25', 'xenapi'], twoProcesses: true });
    python = await connectPython();
    const { url, user, password, fingerprint256: fingerprint } = product.front('xenapi');
    // After a fault it asks for events again when a minute is over, unless it is told otherwise.
    xapi = await openXenApi({ url, user, password, fingerprint }, 'json-rpc', { eventPollDelay: 500 });
    xenPython = await openXenPython({ url, user, password, fingerprint });
    await xenPython.login();
  }, LIMIT_MS);
  afterAll(async () => {
    await python?.close();
    await xenPython?.close();
    await xapi?.disconnect().catch(() => {});
    await product?.[Symbol.asyncDispose]();
    await host?.stop();
  });

  test('the server killed: what was under way and reads are told at once, direct and session commands go on, and nothing is lost', {
    timeout: LIMIT_MS,
  }, async () => {
    const one = vmNamed(xapi, 'one')?.$ref ?? '';
    await host.virsh('start', 'one');
    await expect.poll(() => xapi.call('VM.get_power_state', one), { timeout: 10_000 }).toBe('Running');
    const soap = rawSoap(product);
    await soap.logIn();
    const id = await soap.vm('two');
    const version = await soap.watch(id, 'runtime.powerState');
    const { token } = (await xenPython.call('event.from', ['VM'], '', { float: 1 })) as { token: string };
    const waits = [
      soap.waitForUpdates(version, 60).then(({ fault }) => fault),
      xenPython.ask('event.from', ['VM'], token, { float: 60 }).then(({ failure }) => failure?.[0]),
    ];
    await sleep(300);

    const [[told, toldMs]] = await Promise.all([timed(Promise.all(waits)), product.kill9('server')]);
    expect([told, toldMs < AT_ONCE_MS]).toEqual([['HostNotConnected', 'HOST_OFFLINE'], true]);

    // pyVmomi, with the session and the objects it holds.
    const [task, read, time] = [
      await python.ask('start', { name: 'two', call: 'PowerOn' }),
      await python.ask('states', { name: 'two' }),
      await python.ask('time'),
    ];
    expect([task.fault, read.fault, time.fault]).toEqual([undefined, 'HostNotConnected', undefined]);
    expect((await python.ask('task', { task: task.value })).fault).toBe('HostNotConnected');
    await expect.poll(() => stateOnHost('two'), { timeout: 10_000 }).toBe('running');
    // XenAPI.py and xen-api.
    const paused = await timed(xenPython.ask('VM.pause', one));
    expect(paused[0]).toEqual({ value: '' });
    expect(await stateOnHost('one')).toBe('paused');
    const asked = await timed(xenPython.ask('VM.get_record', one));
    expect(asked[0]).toMatchObject({ failure: ['HOST_OFFLINE', expect.stringMatching(/^OpaqueRef:/)] });
    const called = await timed(xapi.call('VM.get_power_state', one));
    expect(called[0]).toMatchObject({ code: 'HOST_OFFLINE' });
    // govc logs in anew each time, which only the server can do.
    const listed = await timed(govcOn(product).result(['ls', '/']));
    expect(listed[0]).toMatchObject({ code: 1, stderr: expect.stringContaining('it is disconnected') });
    for (const [, ms] of [paused, asked, called, listed]) expect(ms).toBeLessThan(AT_ONCE_MS);
    for (const { ms } of [task, read, time]) expect(ms).toBeLessThan(AT_ONCE_MS);

    await product.restart('server');
    await isBack();
    expect((await python.ask('states', { name: 'two' })).value).toMatchObject({ power: 'poweredOn' });
    expect((await python.ask('task', { task: task.value })).value).toEqual({ state: 'success', fault: null });
    expect(await xenPython.call('VM.get_power_state', one)).toBe('Paused');
    expect(await xapi.call('VM.get_power_state', one)).toBe('Paused');
    // The filter and its version are still there, and tell what happened meanwhile.
    expect((await soap.waitForUpdates(version, 10)).text).toContain('poweredOn');
    soap.close();
    const events = await govcOn(product)('events', '-n', '100');
    expect(events.match(/two on .* is powered on/g)).toHaveLength(1);
    expect(events.match(/Task: vm\.start \(target=VirtualMachine two\)|Task: PowerOn.*two/g) ?? []).toHaveLength(1);
  });

  test('a log-out while the server is away counts at once and stays', { timeout: LIMIT_MS }, async () => {
    const soap = rawSoap(product);
    await soap.logIn();
    await product.kill9('server');
    const [out] = await timed(soap.call('Logout', 'SessionManager', 'ha-sessionmgr'));
    expect(out).toMatchObject({ status: 200 });
    await product.restart('server');
    await isBack();
    const manager = await soap.manager('sessionManager');
    const read = await soap.call('AcquireCloneTicket', 'SessionManager', manager);
    expect(read.fault).toBe('NotAuthenticated');
    soap.close();
  });

  test('a server that is silent is away after fifteen seconds, and what waited for it is told', {
    timeout: LIMIT_MS,
  }, async () => {
    const server = product.pids().find((pid) => pid !== product.pid()) ?? 0;
    process.kill(server, 'SIGSTOP');
    try {
      const read = await python.ask('states', { name: 'two' });
      expect([read.fault, read.ms < 2 * SILENT_MS]).toEqual(['HostNotConnected', true]);
      const again = await python.ask('states', { name: 'two' });
      expect([again.fault, again.ms < AT_ONCE_MS]).toEqual(['HostNotConnected', true]);
      expect((await python.ask('time')).fault).toBeUndefined();
    } finally {
      process.kill(server, 'SIGCONT');
    }
    await isBack();
    expect((await python.ask('states', { name: 'two' })).fault).toBeUndefined();
  });

  test('the host killed: its inventory is shown as disconnected, commands are told at once, and it comes back with its ids', {
    timeout: LIMIT_MS,
  }, async () => {
    const before = (await python.ask('states', { name: 'two' })).value as { id: string };
    expect(before).toMatchObject({
      machine: 'connected',
      machineStatus: 'green',
      host: 'connected',
      hostStatus: 'green',
    });
    const one = vmNamed(xapi, 'one')?.$ref ?? '';
    const [metrics] = Object.values(xapi.objects.all).filter(({ $type }) => $type === 'host_metrics');
    const soap = rawSoap(product);
    await soap.logIn();
    const version = await soap.watch(await soap.vm('two'), 'runtime.connectionState');

    await host.kill9();
    // Whoever waits hears of it.
    expect((await soap.waitForUpdates(version, 20)).text).toContain('disconnected');
    soap.close();
    expect((await python.ask('states', { name: 'two' })).value).toEqual({
      ...{ machine: 'disconnected', machineStatus: 'gray', power: 'poweredOn' },
      ...{ host: 'notResponding', hostStatus: 'red', id: before.id },
    });
    const start = await python.ask('start', { name: 'two', call: 'PowerOff' });
    await expect
      .poll(async () => (await python.ask('task', { task: start.value })).value, { timeout: AT_ONCE_MS })
      .toEqual({ state: 'error', fault: 'HostNotConnected' });
    await expect.poll(() => xapi.getObjectByRef(metrics?.$ref ?? '')['live'], { timeout: 10_000 }).toBe(false);
    expect(await xapi.call('VM.get_power_state', one)).toBe('Paused');
    for (const act of [xenPython.ask('VM.unpause', one), xenPython.ask('VM.set_name_description', one, 'x')]) {
      const [answer, ms] = await timed(act);
      expect(answer).toMatchObject({ failure: ['HOST_OFFLINE', expect.any(String)] });
      expect(ms).toBeLessThan(AT_ONCE_MS);
    }

    await host.restart();
    await expect
      .poll(async () => (await python.ask('states', { name: 'two' })).value, { timeout: 20_000 })
      .toEqual({ ...before, machine: 'connected', machineStatus: 'green', host: 'connected', hostStatus: 'green' });
    await expect.poll(() => xapi.getObjectByRef(metrics?.$ref ?? '')['live'], { timeout: 10_000 }).toBe(true);
    expect(vmNamed(xapi, 'one')?.$ref).toBe(one);
    const events = await govcOn(product)('events', '-n', '100');
    expect(events).toContain('is not responding');
    expect(events).toContain('Connected to');
    await xenPython.call('VM.unpause', one);
    expect(await stateOnHost('one')).toBe('running');
  });

  test('a host that is silent is away after fifteen seconds, and commands that waited for it are told', {
    timeout: LIMIT_MS,
  }, async () => {
    const one = vmNamed(xapi, 'one')?.$ref ?? '';
    process.kill(host.pid(), 'SIGSTOP');
    try {
      const [answer, ms] = await timed(xenPython.ask('VM.pause', one));
      expect(answer).toMatchObject({ failure: ['HOST_OFFLINE', expect.any(String)] });
      expect(ms).toBeLessThan(SILENT_MS);
      await expect
        .poll(async () => (await python.ask('states', { name: 'two' })).value, { timeout: AT_ONCE_MS })
        .toMatchObject({ host: 'notResponding', machine: 'disconnected' });
      const [again, againMs] = await timed(xenPython.ask('VM.pause', one));
      expect(again).toMatchObject({ failure: ['HOST_OFFLINE', expect.any(String)] });
      expect(againMs).toBeLessThan(AT_ONCE_MS);
    } finally {
      process.kill(host.pid(), 'SIGCONT');
    }
    await expect
      .poll(async () => (await python.ask('states', { name: 'two' })).value, { timeout: 40_000, interval: 300 })
      .toMatchObject({ host: 'connected', machine: 'connected' });
  });

  test('the agent killed under a direct command: its end is not known and said so, sessions go on, and it is recorded once', {
    timeout: LIMIT_MS,
  }, async () => {
    process.kill(host.pid(), 'SIGSTOP');
    let task: Told;
    try {
      task = await python.ask('start', { name: 'two', call: 'PowerOff' });
      expect(task.fault).toBeUndefined();
      await sleep(300);
      await product.kill9('agent');
    } finally {
      process.kill(host.pid(), 'SIGCONT');
    }
    await product.restart('agent');
    // With the session it has, on another connection.
    const isServed = (): Promise<void> =>
      expect
        .poll(async () => (await python.ask('states', { name: 'two' })).fault, { timeout: 10_000 })
        .toBeUndefined()
        .then(() => {});
    await isServed();
    await expect
      .poll(async () => (await python.ask('task', { task: task.value })).value, { timeout: 20_000 })
      .toEqual({ state: 'error', fault: 'HostNotConnected' });
    const state = await stateOnHost('two');
    await expect
      .poll(async () => ((await python.ask('states', { name: 'two' })).value as { power: string }).power)
      .toBe(state === 'running' ? 'poweredOn' : 'poweredOff');
    const isSaid = (): Promise<string | undefined> =>
      xenPython.ask('session.get_uuid', xenPython.session()).then(
        ({ failure }) => failure?.[0],
        (lost: unknown) => String(lost),
      );
    await expect.poll(isSaid, { timeout: 10_000 }).toBeUndefined();
    // And ended cleanly.
    await product.stop('agent');
    await product.restart('agent');
    await isServed();
    await expect.poll(isSaid, { timeout: 10_000 }).toBeUndefined();
  });
});
