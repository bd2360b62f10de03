/** A program of the code on disk takes the place of one that runs: waiting clients, sessions and new connections notice nothing. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { govcOn, LIBVIRT_CLIENTS, requireClient, runProgram } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { copyProgram, type ProgramCopy } from './program-copy.ts';
import { rawSoap } from './raw-soap.ts';
import { rawXenApi } from './raw-xenapi.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';

const LIMIT_MS = 120_000;
const DOMAIN =
  "<domain type='qemu'><name>alone</name><memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type machine='pc'>hvm</type></os></domain>";

/** Who is replaced. */
const WAYS = {
  'one process': { two: false, pid: (product: Transvisor) => product.pid() },
  'the server of two': { two: true, pid: (product: Transvisor) => serverOf(product) },
  'the agent of two': { two: true, pid: (product: Transvisor) => product.pid() },
} as const;

const serverOf = (product: Transvisor): number => {
  const pid = product.pids().find((one) => one !== product.pid());
  if (pid === undefined) throw new Error('no server runs apart');
  return pid;
};

/** A client that connects anew for every call, all the time; the failures it saw. */
const hammer = (product: Transvisor) => {
  const failures: string[] = [];
  let calls = 0;
  let going = true;
  const one = async (): Promise<void> => {
    const soap = rawSoap(product, new Agent({ keepAlive: false, rejectUnauthorized: false }));
    const answer = await soap.call('RetrieveServiceContent', 'ServiceInstance', 'ServiceInstance');
    if (answer.status !== 200) failures.push(`status ${answer.status}: ${answer.text.slice(0, 200)}`);
    calls += 1;
    soap.close();
  };
  const loop = (async () => {
    while (going) {
      await one().catch((error: unknown) => failures.push(String(error)));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  return {
    failures,
    stop: async (): Promise<number> => {
      going = false;
      await loop;
      return calls;
    },
  };
};

describeWith([...LIBVIRT_CLIENTS, 'govc'], 'a take-over', () => {
  let host: Libvirtd;
  /** Nobody edits it while successors are started from it. */
  let calm: ProgramCopy;
  beforeAll(async () => {
    calm = copyProgram();
    host = await startLibvirtd({ qemu: true });
    const file = join(host.root, 'alone.xml');
    writeFileSync(file, DOMAIN);
    await host.virsh('define', file);
  });
  afterAll(async () => {
    await host?.stop();
    calm?.[Symbol.dispose]();
  });
  const taken = (product: Transvisor): number => product.wholeLog().match(/serves, this one ends/g)?.length ?? 0;

  for (const [name, { two, pid }] of Object.entries(WAYS)) {
    test(`of ${name}: waits, sessions and new connections go on`, { timeout: LIMIT_MS }, async () => {
      if ((await host.virsh('domstate', 'alone')).trim() === 'running') await host.virsh('destroy', 'alone');
      await using product = await startTransvisor({ host: host.uri, twoProcesses: two, program: calm.program });
      const soap = rawSoap(product);
      expect((await soap.logIn()).fault).toBeUndefined();
      const vm = await soap.vm('alone');
      const version = await soap.watch(vm, 'runtime.powerState');
      let answered = false;
      const waiting = soap.waitForUpdates(version, 100).finally(() => {
        answered = true;
      });
      waiting.catch(() => {}); // judged below
      const collect: ChildProcess = spawn(
        requireClient('govc'),
        ['object.collect', '-n=-1', '-type', 'm', '/', 'name', 'runtime.powerState'],
        { env: { ...process.env, ...govcOn(product).env }, stdio: ['ignore', 'pipe', 'pipe'] },
      );
      let said = '';
      for (const stream of [collect.stdout, collect.stderr])
        stream?.on('data', (chunk: Buffer) => {
          said += chunk.toString('utf8');
        });
      await expect.poll(() => said, { timeout: 10_000, interval: 20 }).toMatch(/name\s+string\s+alone/);
      said = '';

      const others = hammer(product);
      // Twice: the second one replaces the one that took over.
      for (const count of [1, 2]) {
        process.kill(pid(product), 'SIGUSR2');
        await expect.poll(() => taken(product), { timeout: 40_000, interval: 50 }).toBe(count);
        await new Promise((resolve) => setTimeout(resolve, 1000));
        expect([answered, collect.exitCode, said]).toEqual([false, null, '']);
      }
      expect(await others.stop()).toBeGreaterThan(20);
      expect(others.failures).toEqual([]);

      // The session is the same, a new one is had, and what happens on the host is heard by both who wait.
      expect((await soap.call('CurrentTime', 'ServiceInstance', 'ServiceInstance')).fault).toBeUndefined();
      await expect.poll(() => govcOn(product)('ls', 'vm'), { timeout: 10_000 }).toContain('alone');
      await host.virsh('start', 'alone');
      await expect.poll(() => said, { timeout: 20_000, interval: 20 }).toMatch(/runtime.powerState\s+\S+\s+poweredOn/);
      expect((await waiting).text).toContain('poweredOn');
      // Commands, direct and central ones.
      expect(await soap.run('PowerOffVM_Task', 'VirtualMachine', vm)).toBeUndefined();
      expect(
        await soap.run('ReconfigVM_Task', 'VirtualMachine', vm, `<spec><annotation>${name}</annotation></spec>`),
      ).toBeUndefined();
      expect(await host.virsh('dumpxml', 'alone')).toContain(`<description>${name}</description>`);
      collect.kill('SIGKILL');
      soap.close();
      expect(product.wholeLog()).not.toContain('"level":"error"');
      expect(new Set(await product.stop())).toEqual(new Set([0]));
    });
  }

  for (const [name, { two, pid }] of Object.entries(WAYS)) {
    test(`of ${name}: a XenAPI client that waits for events waits on`, { timeout: LIMIT_MS }, async () => {
      if ((await host.virsh('domstate', 'alone')).trim() === 'running') await host.virsh('destroy', 'alone');
      await using product = await startTransvisor({
        host: host.uri,
        fronts: ['xenapi'],
        twoProcesses: two,
        program: calm.program,
      });
      const xen = rawXenApi(product.front('xenapi'));
      await xen.logIn();
      const from = (token: string, seconds: number) =>
        xen.call('event.from', ['vm'], token, seconds) as Promise<{ token: string; events: readonly unknown[] }>;
      const waiting = from((await from('', 5)).token, 100);
      let said: unknown;
      const note = (what: unknown): void => {
        said = what;
      };
      waiting.then(note, note);
      await new Promise((resolve) => setTimeout(resolve, 300));
      process.kill(pid(product), 'SIGUSR2');
      await expect.poll(() => taken(product), { timeout: 40_000, interval: 50 }).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      expect(said).toBeUndefined();
      await host.virsh('start', 'alone');
      const { events } = await waiting;
      expect(events.length).toBe(1);
      expect(JSON.stringify(events)).toContain('Running');
      await host.virsh('destroy', 'alone');
      xen.close();
      expect(product.wholeLog()).not.toContain('"level":"error"');
    });
  }

  test('by the command; a new program that does not start changes nothing', { timeout: LIMIT_MS }, async () => {
    using copy = copyProgram();
    await using product = await startTransvisor({ host: 'sim:///default', program: copy.program });
    const soap = rawSoap(product);
    expect((await soap.logIn()).fault).toBeUndefined();
    // By the command, of a program that starts.
    const asked = await runProgram(copy.program, [
      ...['take-over', '--json', '--admin', product.admin.url],
      ...['--token-file', join(product.state, 'admin-token')],
    ]);
    expect([asked.code, asked.stderr]).toEqual([0, '']);
    const { before, pid } = JSON.parse(asked.stdout) as { before: number; pid: number };
    expect([before, pid === before]).toEqual([product.pid(), false]);
    expect(await soap.vm('demo-1')).not.toBe('');
    // The first of the line and the newest are there, and no other once clients have left it.
    process.kill(product.pid(), 'SIGUSR2');
    await expect.poll(() => taken(product), { timeout: 40_000, interval: 50 }).toBe(2);
    await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 30_000, interval: 100 }).toBe(false);
    expect(existsSync(`/proc/${before}`)).toBe(true);
    writeFileSync(join(copy.root, 'agent', 'agent.ts'), 'this is no program');
    process.kill(product.pid(), 'SIGUSR2');
    await expect
      .poll(() => product.wholeLog(), { timeout: 40_000 })
      .toContain('this program stays: the new program does not start');
    expect(await soap.vm('demo-1')).not.toBe('');
    const vm = await soap.vm('demo-1');
    expect(
      await soap.run('ReconfigVM_Task', 'VirtualMachine', vm, '<spec><annotation>x</annotation></spec>'),
    ).toBeUndefined();
    soap.close();
    expect(await product.stop()).toEqual([0]);
  });
});
