/** Two transform servers on one real Redis, agents on a real libvirtd: relays, rolling restarts and kill -9 under clients that command and wait. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Endpoint, govcOn, LIBVIRT_CLIENTS, requireClient } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { copyProgram, type ProgramCopy } from './program-copy.ts';
import { rawSoap, textIn } from './raw-soap.ts';
import { rawXenApi } from './raw-xenapi.ts';
import { REDIS_CLIENTS } from './redis.ts';
import { type RunningServer, startServers } from './servers.ts';

const LIMIT_MS = 150_000;
const domain = (name: string): string =>
  `<domain type='qemu'><name>${name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type machine='pc'>hvm</type></os></domain>`;

const PATH = '<inventoryPath>ha-datacenter/vm/first</inventoryPath>';
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const holds = async (server: RunningServer): Promise<readonly string[]> =>
  (await server.cells()).here.map(({ cell }) => cell);
const annotated = (text: string): string => `<spec><annotation>${text}</annotation></spec>`;

/** govc tells what it sees until it is ended. */
const collect = (endpoint: Endpoint, ...args: string[]) => {
  const child: ChildProcess = spawn(requireClient('govc'), ['object.collect', '-n=-1', ...args], {
    env: { ...process.env, ...govcOn(endpoint).env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
    });
  return {
    said: () => said,
    runs: () => child.exitCode === null && child.signalCode === null,
    [Symbol.dispose]: () => void child.kill('SIGKILL'),
  };
};

/** govc writes a new note all the time, each with a session of its own; what failed of it. */
const commands = (endpoint: Endpoint, vm: string) => {
  const govc = govcOn(endpoint);
  const failures: string[] = [];
  let done = 0;
  let going = true;
  const loop = (async () => {
    while (going) {
      const { code, stderr } = await govc.result(['vm.change', '-vm', vm, '-annotation', `note ${done + 1}`]);
      if (code === 0) done += 1;
      else failures.push(stderr.trim());
    }
  })();
  return {
    failures,
    done: () => done,
    stop: async () => {
      going = false;
      await loop;
    },
  };
};

describeWith([...LIBVIRT_CLIENTS, ...REDIS_CLIENTS, 'govc'], 'two servers', () => {
  let host: Libvirtd;
  /** Nobody edits it while programs are started from it. */
  let calm: ProgramCopy;
  beforeAll(async () => {
    calm = copyProgram();
    host = await startLibvirtd({ qemu: true });
    for (const name of ['first', 'second']) {
      const file = join(host.root, `${name}.xml`);
      writeFileSync(file, domain(name));
      await host.virsh('define', file);
    }
  });
  afterAll(async () => {
    await host?.stop();
    calm?.[Symbol.dispose]();
  });

  test('a command that arrives at one is carried out in the cell of the other, which then moves', {
    timeout: LIMIT_MS,
  }, async () => {
    await using all = await startServers({ program: calm.program });
    const a = await all.server('a');
    const b = await all.server('b');
    const hosts = [`kvm=${host.uri}`];
    const before = await all.agent('one', { hosts, servers: ['a', 'b'] });
    expect([await holds(a), await holds(b)]).toEqual([['kvm'], []]);
    const soapBefore = rawSoap(before.front('vim25'));
    await soapBefore.logIn();
    const vm = await soapBefore.vm('first');
    soapBefore.close();
    await before.stop();

    const agent = await all.agent('one', { hosts, servers: ['b', 'a'] });
    expect(await b.cells()).toMatchObject({ here: [], elsewhere: [{ cell: 'kvm', server: 'a' }] });
    const endpoint = agent.front('vim25');
    const soap = rawSoap(endpoint);
    expect((await soap.logIn()).fault).toBeUndefined();
    expect(await soap.vm('first')).toBe(vm);
    using seen = collect(endpoint, 'vm/first', 'config.annotation');
    await expect.poll(seen.said, { timeout: 30_000 }).toContain('config.annotation');
    expect(await soap.run('PowerOnVM_Task', 'VirtualMachine', vm)).toBeUndefined();
    expect(await soap.run('PowerOffVM_Task', 'VirtualMachine', vm)).toBeUndefined();
    expect(await soap.run('ReconfigVM_Task', 'VirtualMachine', vm, annotated('over a relay'))).toBeUndefined();
    expect(await host.virsh('dumpxml', 'first')).toContain('<description>over a relay</description>');
    await expect.poll(seen.said, { timeout: 30_000 }).toContain('over a relay');
    expect(await govcOn(endpoint)('ls', 'vm')).toContain('first');

    await expect.poll(() => holds(b), { timeout: 40_000, interval: 100 }).toEqual(['kvm']);
    await expect.poll(() => soap.vm('first').catch(String), { timeout: 10_000 }).toBe(vm);
    expect(await soap.run('ReconfigVM_Task', 'VirtualMachine', vm, annotated('where it is'))).toBeUndefined();
    await expect.poll(seen.said, { timeout: 30_000 }).toContain('where it is');
    expect(seen.runs()).toBe(true);
    soap.close();
    expect(all.log()).not.toContain('"level":"error"');
  });

  test('both are restarted in turn, and no command, session or wait notices', { timeout: LIMIT_MS }, async () => {
    await using all = await startServers({ program: calm.program });
    let a = await all.server('a');
    let b = await all.server('b');
    const agent = await all.agent('one', {
      hosts: [`kvm=${host.uri}`],
      servers: ['a', 'b'],
      fronts: ['vim25', 'xenapi'],
    });
    const endpoint = agent.front('vim25');
    const soap = rawSoap(endpoint);
    await soap.logIn();
    const vm = await soap.vm('second');
    let version = await soap.watch(vm, 'config.annotation');
    let notes = 0;
    let waiting = true;
    const waits = (async () => {
      while (waiting) {
        const answer = await soap.waitForUpdates(version, 5);
        if (answer.status !== 200) throw new Error(answer.text);
        notes += answer.text.includes('note ') ? 1 : 0;
        version = textIn(answer.text, 'version') ?? version;
      }
    })();
    waits.catch(() => {}); // judged below
    const xen = rawXenApi(agent.front('xenapi'));
    await xen.logIn();
    using seen = collect(endpoint, 'vm/first', 'config.annotation');
    await expect.poll(seen.said, { timeout: 30_000 }).toContain('config.annotation');
    const others = commands(endpoint, 'second');
    await expect.poll(() => others.done(), { timeout: 20_000 }).toBeGreaterThan(2);

    for (const turn of [1, 2]) {
      const from = turn === 1 ? a : b;
      const to = turn === 1 ? b : a;
      expect(await holds(from)).toEqual(['kvm']);
      expect(await from.stop()).toBe(0);
      await expect.poll(() => holds(to), { timeout: 20_000 }).toEqual(['kvm']);
      const then = others.done();
      await expect.poll(() => others.done(), { timeout: 20_000 }).toBeGreaterThan(then + 2);
      if (turn === 1) a = await all.server('a');
      else b = await all.server('b');
    }
    // Replaced by a new program the cell goes to it or to the other server, whichever the agent finds first.
    const holder = (await holds(a)).length > 0 ? a : b;
    holder.signal('SIGUSR2');
    await expect.poll(() => all.log(holder.name), { timeout: 40_000 }).toContain('serves, this one ends');
    await expect.poll(async () => [...(await holds(a)), ...(await holds(b))], { timeout: 20_000 }).toEqual(['kvm']);
    const then = others.done();
    await expect.poll(() => others.done(), { timeout: 20_000 }).toBeGreaterThan(then + 2);
    await others.stop();
    expect(others.failures).toEqual([]);

    expect(await soap.run('ReconfigVM_Task', 'VirtualMachine', await soap.vm('first'), annotated('at the end'))).toBe(
      undefined,
    );
    await expect.poll(seen.said, { timeout: 30_000 }).toContain('at the end');
    expect(seen.runs()).toBe(true);
    waiting = false;
    await waits;
    expect(notes).toBeGreaterThan(6);
    expect(JSON.stringify(await xen.call('VM.get_all_records'))).toContain('at the end');
    for (const one of [soap, xen]) one.close();
    expect(all.log()).not.toContain('"level":"error"');
  });

  test('what one that was killed had under way is brought to its end by the other', { timeout: LIMIT_MS }, async () => {
    await using all = await startServers({ program: calm.program });
    const a = await all.server('a');
    const b = await all.server('b');
    const agent = await all.agent('one', { hosts: [`kvm=${host.uri}`], servers: ['a', 'b'] });
    const soap = rawSoap(agent.front('vim25'));
    await soap.logIn();
    const vms = [await soap.vm('first'), await soap.vm('second')];
    const started = await Promise.all(
      vms.map((vm, at) =>
        soap.call(
          'CreateSnapshot_Task',
          'VirtualMachine',
          vm,
          `<name>kept ${at}</name><memory>false</memory><quiesce>false</quiesce>`,
        ),
      ),
    );
    const tasks = started.map(({ text }) => textIn(text, 'returnval') ?? '');
    const killedMs = performance.now();
    await a.kill9();
    // Of the API's own kind, and at once, as long as the dead one's claim lasts.
    const fault = async () => (await soap.call('FindByInventoryPath', 'SearchIndex', 'ha-searchindex', PATH)).fault;
    await expect.poll(fault, { timeout: 5000 }).toMatch(/^HostNotConnected/);
    expect(performance.now() - killedMs).toBeLessThan(5000);
    await expect.poll(() => holds(b), { timeout: 40_000, interval: 100 }).toEqual(['kvm']);
    // The session is the same, and so are the ids.
    await expect.poll(() => soap.vm('first').catch(String), { timeout: 20_000 }).toBe(vms[0]);
    expect(await soap.vm('second')).toBe(vms[1]);
    const ends = await Promise.all(tasks.map((task) => soap.taskEnd(task)));
    for (const [at, name] of ['first', 'second'].entries()) {
      const made = (await host.virsh('snapshot-list', '--name', name)).split('\n').filter((line) => line !== '');
      expect([ends[at]?.state, made.length]).toEqual(ends[at]?.state === 'success' ? ['success', 1] : ['error', 0]);
      for (const snapshot of made) await host.virsh('snapshot-delete', name, snapshot);
    }
    expect(await soap.run('ReconfigVM_Task', 'VirtualMachine', vms[0] ?? '', annotated('taken over'))).toBeUndefined();
    soap.close();
  });

  test('Redis away: reads get a fault at once, direct commands go on; back: all goes on, and who waited still waits', {
    timeout: LIMIT_MS,
  }, async () => {
    await using all = await startServers({ program: calm.program });
    const a = await all.server('a');
    const agent = await all.agent('one', { hosts: [`kvm=${host.uri}`], servers: ['a'] });
    const endpoint = agent.front('vim25');
    const soap = rawSoap(endpoint);
    await soap.logIn();
    const vm = await soap.vm('first');
    using seen = collect(endpoint, 'vm/second', 'config.annotation');
    await expect.poll(seen.said, { timeout: 30_000 }).toContain('config.annotation');
    await all.redis.kill();
    await expect.poll(() => all.log('a'), { timeout: 10_000 }).toContain('the shared store does not answer');
    const times: number[] = [];
    for (let n = 0; n < 5; n++) {
      const begun = performance.now();
      const { fault } = await soap.call('FindByInventoryPath', 'SearchIndex', 'ha-searchindex', PATH);
      times.push(performance.now() - begun);
      expect(fault).toMatch(/^HostNotConnected/);
    }
    expect(Math.max(...times)).toBeLessThan(2500);
    // A direct command needs no store: it is told to it later.
    const on = await soap.call('PowerOnVM_Task', 'VirtualMachine', vm);
    expect(on.fault).toBeUndefined();
    await expect.poll(() => host.virsh('domstate', 'first'), { timeout: 10_000 }).toContain('running');
    await sleep(1000);
    await all.redis.start();
    await expect.poll(() => soap.vm('first').catch(String), { timeout: 20_000 }).toBe(vm);
    expect((await soap.taskEnd(textIn(on.text, 'returnval') ?? '')).state).toBe('success');
    expect(await soap.run('PowerOffVM_Task', 'VirtualMachine', vm)).toBeUndefined();
    const second = await soap.vm('second');
    expect(await soap.run('ReconfigVM_Task', 'VirtualMachine', second, annotated('back again'))).toBeUndefined();
    await expect.poll(seen.said, { timeout: 30_000 }).toContain('back again');
    expect(seen.runs()).toBe(true);
    expect(await holds(a)).toEqual(['kvm']);
    soap.close();
  });
});
