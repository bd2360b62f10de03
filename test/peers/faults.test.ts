/** What breaks around us and under us: libvirtd killed under load, the program killed in the middle of a create; nothing is lost or left half-made. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWaiter, runCreateDrill } from '../drills/create-drill.ts';
import { random } from '../drills/random.ts';
import { LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { rawSoap } from './raw-soap.ts';
import { startTransvisor } from './transvisor.ts';

const GUESTS = ['keeper', 'second', 'third', 'fourth'];
/** By what virsh calls them. A daemon killed in the middle of a start may leave its guest paused. */
const POWER_STATES = new Map([
  ['running', 'poweredOn'],
  ['paused', 'suspended'],
  ['shut off', 'poweredOff'],
]);
const small = (name: string): string =>
  `<domain type='qemu'><name>${name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type machine='pc'>hvm</type></os></domain>`;

describeWith(LIBVIRT_CLIENTS, 'faults', () => {
  let host: Libvirtd;
  const define = async (name: string): Promise<void> => {
    const file = join(host.root, `${name}.xml`);
    writeFileSync(file, small(name));
    await host.virsh('define', file);
  };
  beforeAll(async () => {
    host = await startLibvirtd({ qemu: true });
    for (const name of GUESTS) await define(name);
  });
  afterAll(async () => {
    await host?.stop();
  });

  const SEED = 20_26;
  for (const twoProcesses of [false, true]) {
    test(`killed with -9 in the middle of a create, ${twoProcesses ? 'two processes' : 'one process'}: all or nothing, the same ids, versions that lead on`, {
      timeout: 120_000,
    }, async () => {
      await using product = await startTransvisor({ host: host.uri, twoProcesses });
      const next = random(SEED + Number(twoProcesses));
      const drill = { host, product, datastore: 'default', keeper: 'keeper' };
      for (const [n, from] of [10, 60, 110].entries())
        await runCreateDrill(drill, `drill-${Number(twoProcesses)}-${n}`, from + next() * 50);
    });
  }

  test('libvirtd killed with -9 and restarted under load: clients get the API’s fault, then all goes on with the same ids', {
    timeout: 120_000,
  }, async () => {
    await using product = await startTransvisor({ host: host.uri });
    const soap = rawSoap(product);
    expect((await soap.logIn()).fault).toBeUndefined();
    const ids = new Map<string, string>();
    for (const name of GUESTS) ids.set(name, await soap.vm(name));
    const waiter = await openWaiter(soap);
    while (/<truncated>true</.test(await waiter.wait(0)));

    // Load: each guest is switched on and off, and everything is read, all the time.
    let stop = false;
    const outcomes = new Map<string, number>();
    const count = (what: string): void => void outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
    const load = [
      ...GUESTS.slice(1).map(async (name) => {
        const id = ids.get(name) ?? '';
        while (!stop) {
          const on =
            (await soap.read('VirtualMachine', id, 'runtime.powerState').catch(() => new Map())).get(
              'runtime.powerState',
            ) === 'poweredOn';
          count((await soap.run(on ? 'PowerOffVM_Task' : 'PowerOnVM_Task', 'VirtualMachine', id)) ?? 'success');
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }),
      (async () => {
        while (!stop) {
          count(
            `read ${await soap.read('VirtualMachine', ids.get('keeper') ?? '', 'summary').then(
              () => 'success',
              () => 'fault',
            )}`,
          );
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      })(),
    ];
    await expect.poll(() => outcomes.get('success'), { timeout: 30_000 }).toBeGreaterThan(3);
    await host.kill9();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await host.restart();
    // Changed while we may not have been connected: the new listing must tell it.
    await define('newcomer');
    await new Promise((resolve) => setTimeout(resolve, 3000));
    stop = true;
    await Promise.all(load);
    expect(product.alive()).toBe(true);
    const strange = [...outcomes.keys()].filter(
      (what) =>
        !/^(success|read success|read fault|HostNotConnected|HostCommunication|HostNotReachable|InvalidPowerState|InvalidState|TaskInProgress|ResourceInUse)$/.test(
          what,
        ),
    );
    expect(strange, JSON.stringify([...outcomes])).toEqual([]);

    for (const name of GUESTS) {
      await expect
        .poll(async () => soap.vm(name).catch(String), { timeout: 15_000, interval: 100 })
        .toBe(ids.get(name));
      const state = POWER_STATES.get((await host.virsh('domstate', name)).trim());
      expect(state).toBeDefined();
      await expect
        .poll(
          async () =>
            (await soap.read('VirtualMachine', ids.get(name) ?? '', 'runtime.powerState')).get('runtime.powerState'),
          { timeout: 15_000, interval: 100 },
        )
        .toBe(state);
    }
    await expect.poll(() => soap.vm('newcomer').catch(() => ''), { timeout: 15_000, interval: 100 }).not.toBe('');
    // The waiting client goes on from its version.
    let heard = '';
    for (let n = 0; n < 20 && !heard.includes('>newcomer<'); n += 1) heard += await waiter.wait(1);
    expect(heard).toContain('>newcomer<');
    // And commands reach the new daemon.
    const keeper = ids.get('keeper') ?? '';
    expect(await soap.run('PowerOnVM_Task', 'VirtualMachine', keeper)).toBeUndefined();
    expect((await host.virsh('domstate', 'keeper')).trim()).toBe('running');
    expect(await soap.run('PowerOffVM_Task', 'VirtualMachine', keeper)).toBeUndefined();
    soap.close();
  });
});
