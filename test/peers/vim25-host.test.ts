/** A host driven by vim25, judged by vcsim as ESXi and as vCenter: what a client does through the product is read back with govc from vcsim itself. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLanes } from '../../agent/lanes.ts';
import type { NativeObject } from '../../mappings/generic/native.ts';
import { converse } from '../../mappings/vim25/host/conversation.ts';
import { driver } from '../../mappings/vim25/host/driver.ts';
import { parseUri } from '../../mappings/vim25/host/uri.ts';
import { systemClock } from '../../runtime/clock.ts';
import { silentLog } from '../../runtime/log.ts';
import { Secret } from '../../runtime/secret.ts';
import { type Govc, govcOn, startVcsim, type Vcsim } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';

const USER = 'peer';
const PASSWORD = 'pass of the host, never shown';

/** Translated, though front and host speak the same API: the hub is what is judged here. */
const TRANSLATED = '[[front]]\nplatform = "vim25"\npass = false\n';

const fingerprintOf = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.on('error', reject);
  });

const until = async (seconds: number, isSo: () => Promise<boolean>): Promise<boolean> => {
  for (const endMs = Date.now() + seconds * 1000; Date.now() < endMs; ) {
    if (await isSo().catch(() => false)) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
};

type Machine = {
  readonly name: string;
  readonly config: {
    readonly annotation?: string;
    readonly template: boolean;
    readonly hardware: { readonly memoryMB: number; readonly numCPU: number; readonly device: readonly Device[] };
    readonly extraConfig?: readonly { readonly key: string; readonly value: unknown }[];
  };
  readonly runtime: { readonly powerState: string };
  readonly snapshot?: { readonly rootSnapshotList?: readonly Tree[] };
};
type Device = {
  readonly key: number;
  readonly macAddress?: string;
  readonly capacityInBytes?: number;
  readonly backing?: { readonly fileName?: string; readonly deviceName?: string };
};
type Tree = { readonly name: string; readonly childSnapshotList?: readonly Tree[] };

const machineOn = async (govc: Govc, name: string): Promise<Machine | undefined> =>
  (JSON.parse(await govc('vm.info', '-json', name)) as { virtualMachines: Machine[] | null }).virtualMachines?.[0];
const disksOf = (machine: Machine | undefined): number[] =>
  (machine?.config.hardware.device ?? []).flatMap(({ capacityInBytes }) => capacityInBytes ?? []);
const snapshotsOf = (list: readonly Tree[] | undefined): string[] =>
  (list ?? []).flatMap(({ name, childSnapshotList }) => [name, ...snapshotsOf(childSnapshotList)]);

for (const mode of ['esx', 'vpx'] as const) {
  describeWith(['vcsim', 'govc'], `a host driven by vim25, vcsim as ${mode}`, () => {
    const flags = [...(mode === 'esx' ? ['-esx'] : []), '-username', USER, '-password', PASSWORD];
    const first = mode === 'esx' ? 'ha-host_VM0' : 'DC0_H0_VM0';
    const network = mode === 'esx' ? 'VM Network' : 'DC0_DVPG0';
    const folder = mkdtempSync(join(tmpdir(), 'tvh-'));
    const passwordFile = join(folder, 'password');
    let vcsim: Vcsim;
    let own: Govc;
    let product: Transvisor;
    let govc: Govc;

    beforeAll(async () => {
      vcsim = await startVcsim(flags);
      own = govcOn({ ...vcsim, user: USER, password: PASSWORD });
      writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
      const { host, port } = new URL(vcsim.url);
      product = await startTransvisor({
        host: `${mode}://${host}/`,
        config: TRANSLATED,
        options: [
          ...['--host-user', USER, '--host-password-file', passwordFile],
          ...['--host-fingerprint', await fingerprintOf(Number(port))],
        ],
      });
      govc = govcOn(product);
    });
    afterAll(async () => {
      await product?.[Symbol.asyncDispose]();
      await vcsim?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    const both = async (name: string): Promise<[Machine | undefined, Machine | undefined]> => [
      await machineOn(govc, name),
      await machineOn(own, name),
    ];

    test('shows every VM, datastore and network of it, and the sum of its hosts', async () => {
      const names = async (on: Govc, type: string): Promise<string[]> =>
        (await on('find', '/', '-type', type))
          .split('\n')
          .map((path) => path.split('/').at(-1) ?? '')
          .sort();
      for (const type of ['m', 's']) expect(await names(govc, type)).toEqual(await names(own, type));
      expect(await names(govc, 'n')).toEqual(expect.arrayContaining([network, 'VM Network']));
      type Hosts = { hostSystems: { summary: { hardware: { memorySize: number; numCpuCores: number } } }[] };
      const hosts = async (on: Govc): Promise<[number, number]> => {
        const paths = (await on('find', '/', '-type', 'h')).trim().split('\n');
        const told = await Promise.all(
          paths.map(async (path) => (JSON.parse(await on('host.info', '-json', '-host', path)) as Hosts).hostSystems),
        );
        const sum = (of: (one: Hosts['hostSystems'][number]) => number): number =>
          told.flat().reduce((total, one) => total + of(one), 0);
        return [sum((one) => one.summary.hardware.memorySize), sum((one) => one.summary.hardware.numCpuCores)];
      };
      expect(await hosts(govc)).toEqual(await hosts(own));
      for (const machine of await both(first)) {
        expect(machine?.config.hardware).toMatchObject({ memoryMB: 32, numCPU: 1 });
        expect(disksOf(machine)).toEqual([10 * 1024 ** 3]);
      }
    });

    test('reads the same of an object alone as in its listing: nothing moves that did not change', async () => {
      const parsed = parseUri(`${mode}://${new URL(vcsim.url).host}/`);
      if (!parsed.ok) throw new Error(parsed.fault.text);
      const lanes = await openLanes({
        dialer: {
          endpoint: parsed.value.endpoint,
          converse: () => converse(parsed.value),
          credentials: () => ({ user: USER, password: new Secret(PASSWORD) }),
          fingerprint: await fingerprintOf(Number(new URL(vcsim.url).port)),
        },
        host: 'h',
        counts: driver.lanes,
        clock: systemClock,
        log: silentLog,
        onEvent: () => {},
      });
      if (!lanes.ok) throw new Error(lanes.fault.text);
      const { send } = lanes.value;
      const listed: NativeObject[] = [];
      for await (const batch of driver.inventory(send)) listed.push(...batch);
      const kinds = new Set(listed.map(({ kind }) => kind));
      expect(kinds).toEqual(new Set(['host', 'network', 'storage', 'volume', 'vm']));
      for (const object of listed) {
        const [change] = await driver.read(send, [{ kind: object.kind, native: object.native }]);
        expect(change).toEqual({ change: 'put', object });
      }
      const gone = { kind: 'vm', native: 'vm-99999' } as const;
      expect(await driver.read(send, [gone])).toEqual([{ change: 'gone', ref: gone }]);
      await lanes.value.close();
    });

    test('is powered by the host, whose own refusal comes back', async () => {
      for (const [act, state] of [
        ['-off', 'poweredOff'],
        ['-on', 'poweredOn'],
        ['-suspend', 'suspended'],
        ['-on', 'poweredOn'],
        ['-reset', 'poweredOn'],
      ] as const) {
        await govc('vm.power', act, first);
        for (const machine of await both(first)) expect(machine?.runtime.powerState, act).toBe(state);
      }
      await expect(govc('vm.power', '-on', first)).rejects.toThrow(/InvalidPowerState/);
    });

    test('makes a VM with a disk and a card in its own terms', async () => {
      await govc(...['vm.create', '-on=false', '-m', '64', '-c', '2', '-disk', '64MB', '-net', network, 'made']);
      const [seen, real] = await both('made');
      for (const machine of [seen, real]) {
        expect(machine?.config.hardware).toMatchObject({ memoryMB: 64, numCPU: 2 });
        expect(disksOf(machine)).toEqual([64 * 1024 ** 2]);
        expect(machine?.runtime.powerState).toBe('poweredOff');
      }
      const macs = [seen, real].map((machine) =>
        machine?.config.hardware.device.flatMap(({ macAddress }) => macAddress ?? []),
      );
      expect(macs[0]).toHaveLength(1);
      expect(macs[0]).toEqual(macs[1]);
      expect(real?.config.extraConfig).toContainEqual({ key: 'transvisor.job', value: expect.stringMatching(/^job-/) });
    });

    test('takes changes of a VM that it had before, field by field', async () => {
      await govc('vm.power', '-off', first);
      await own('vm.change', '-vm', first, '-e', 'guestinfo.kept=yes');
      await govc(
        'vm.change',
        '-vm',
        first,
        '-m',
        '128',
        '-c',
        '3',
        '-annotation',
        'two\nlines & <tags>',
        '-e',
        'guestinfo.x=y',
      );
      for (const machine of await both(first)) {
        expect(machine?.config.hardware).toMatchObject({ memoryMB: 128, numCPU: 3 });
        expect(machine?.config.annotation).toBe('two\nlines & <tags>');
        expect(machine?.config.extraConfig).toEqual(
          expect.arrayContaining([
            { key: 'guestinfo.kept', value: 'yes' },
            { key: 'guestinfo.x', value: 'y' },
          ]),
        );
      }
    });

    test('adds, grows and removes disks, and the files with them', async () => {
      await govc('vm.disk.create', '-vm', 'made', '-name', 'made/extra', '-size', '32M');
      for (const machine of await both('made')) expect(disksOf(machine)).toEqual([64 * 1024 ** 2, 32 * 1024 ** 2]);
      expect(await own('datastore.ls', 'made')).toContain('extra.vmdk');
      await govc('vm.disk.change', '-vm', 'made', '-disk.filePath', '[LocalDS_0] made/extra.vmdk', '-size', '48M');
      for (const machine of await both('made')) expect(disksOf(machine)).toEqual([64 * 1024 ** 2, 48 * 1024 ** 2]);
      await govc('device.remove', '-vm', 'made', 'disk-1000-1');
      for (const machine of await both('made')) expect(disksOf(machine)).toEqual([64 * 1024 ** 2]);
      expect(await own('datastore.ls', 'made')).not.toContain('extra.vmdk');
    });

    test('exchanges the network of a card, which keeps its address', async () => {
      const macOf = async (on: Govc): Promise<unknown> =>
        (await machineOn(on, 'made'))?.config.hardware.device.flatMap(({ macAddress }) => macAddress ?? []);
      const before = await macOf(own);
      await govc('vm.network.change', '-vm', 'made', '-net', 'VM Network', 'ethernet-0');
      const card = (await machineOn(own, 'made'))?.config.hardware.device.find(({ macAddress }) => macAddress);
      expect(card?.backing?.deviceName).toBe('VM Network');
      expect([await macOf(own), await macOf(govc)]).toEqual([before, before]);
    });

    test('makes, reverts to and removes snapshots', async () => {
      const trees = async (): Promise<string[][]> =>
        (await both('made')).map((machine) => snapshotsOf(machine?.snapshot?.rootSnapshotList));
      await govc('snapshot.create', '-vm', 'made', 'one');
      await govc('snapshot.create', '-vm', 'made', 'two');
      expect(await trees()).toEqual([
        ['one', 'two'],
        ['one', 'two'],
      ]);
      await govc('snapshot.revert', '-vm', 'made', 'one');
      expect(await own('snapshot.tree', '-vm', 'made', '-C')).toMatch(/^one/);
      await govc('snapshot.revert', '-vm', 'made', 'two');
      await govc('snapshot.remove', '-vm', 'made', 'two');
      expect(await trees()).toEqual([['one'], ['one']]);
      await govc('snapshot.remove', '-vm', 'made', '*');
      expect(await trees()).toEqual([[], []]);
    });

    test('renames, and marks as template and back', async () => {
      const path = (await govc('find', '/', '-type', 'm', '-name', 'made')).trim();
      await govc('object.rename', path, 'renamed');
      for (const machine of await both('renamed')) expect(machine?.name).toBe('renamed');
      await govc('vm.markastemplate', 'renamed');
      for (const machine of await both('renamed')) expect(machine?.config.template).toBe(true);
      await expect(govc('vm.power', '-on', 'renamed')).rejects.toThrow();
      const pool = (await govc('find', '/', '-type', 'p')).split('\n')[0] ?? '';
      await govc('vm.markasvm', '-pool', pool, 'renamed');
      for (const machine of await both('renamed')) expect(machine?.config.template).toBe(false);
    });

    test('tells of what is done beside it, at once', async () => {
      await own('vm.power', '-on', 'renamed');
      const isOn = async (): Promise<boolean> => (await machineOn(govc, 'renamed'))?.runtime.powerState === 'poweredOn';
      expect(await until(3, isOn)).toBe(true);
      await own('vm.change', '-vm', 'renamed', '-annotation', 'from beside');
      expect(await until(3, async () => (await machineOn(govc, 'renamed'))?.config.annotation === 'from beside')).toBe(
        true,
      );
      await own('vm.power', '-off', 'renamed');
      await own('snapshot.create', '-vm', 'renamed', 'beside');
      expect(
        await until(3, async () =>
          snapshotsOf((await machineOn(govc, 'renamed'))?.snapshot?.rootSnapshotList).includes('beside'),
        ),
      ).toBe(true);
      expect(await govc('events', '-n', '30')).toMatch(/renamed.*(powered on|was started)/i);
    });

    test('destroys with all files, and hears of a VM that vanishes', async () => {
      await govc('vm.destroy', 'renamed');
      for (const on of [govc, own]) expect((await on('find', '/', '-type', 'm', '-name', 'renamed')).trim()).toBe('');
      expect(await own('datastore.ls')).not.toContain('made');
      const second = first.replace('VM0', 'VM1');
      await own('vm.destroy', second);
      expect(await until(3, async () => !(await govc('find', '/', '-type', 'm')).includes(second))).toBe(true);
    });
  });

  describeWith(['vcsim', 'govc'], `a host driven by vim25 over plain HTTP, vcsim as ${mode}`, () => {
    const flags = [...(mode === 'esx' ? ['-esx'] : []), '-tls=false', '-username', USER];

    test('is listed again after a restart and after a refused log-in', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'tvh-'));
      const passwordFile = join(folder, 'password');
      writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
      let vcsim = await startVcsim([...flags, '-password', PASSWORD]);
      const { host } = new URL(vcsim.url);
      const again = (password: string): Promise<Vcsim> => startVcsim([...flags, '-password', password, '-l', host]);
      const product = await startTransvisor({
        host: `${mode}+http://${host}/`,
        config: TRANSLATED,
        options: ['--host-user', USER, '--host-password-file', passwordFile],
      });
      try {
        const govc = govcOn(product);
        const first = mode === 'esx' ? 'ha-host_VM0' : 'DC0_H0_VM0';
        await govc('vm.power', '-off', first);
        await vcsim.stop();
        vcsim = await again(PASSWORD);
        const isOn = async (): Promise<boolean> => (await machineOn(govc, first))?.runtime.powerState === 'poweredOn';
        expect(await until(20, isOn)).toBe(true);
        await govc('vm.power', '-off', first);
        await vcsim.stop();
        vcsim = await again('another');
        expect(await until(20, async () => product.log().includes(`refuses the log-in of user \\"${USER}\\"`))).toBe(
          true,
        );
        // A new password is read at the next log-in.
        writeFileSync(passwordFile, 'another', { mode: 0o600 });
        expect(await until(40, isOn)).toBe(true);
        expect(product.wholeLog()).not.toContain(PASSWORD);
      } finally {
        await product[Symbol.asyncDispose]();
        await vcsim.stop();
        rmSync(folder, { recursive: true, force: true });
      }
    });
  });
}
