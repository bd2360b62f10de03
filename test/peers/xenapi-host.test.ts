/** A simulated XenServer host behind the product: govc and pyVmomi act as on an ESXi host, XenAPI.py says what became of it on the host. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ApiError } from '../../fixtures/xenapi-host/api-error.ts';
import { startXenHost, type XenHost } from '../../fixtures/xenapi-host/server.ts';
import { type Govc, govcOn } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { pyvmomiMatrix } from './matrix/client-acts.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';
import { openXenPython, type PythonXenApi } from './xen-clients.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const USER = 'root';
const PASSWORD = 'secret of the host';
const STORAGE = 'Local storage';
const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const VM = 'xen machine';

type Fields = Readonly<Record<string, unknown>>;

let folder: string;
let xen: XenHost;
let product: Transvisor;
let govc: Govc;
let api: PythonXenApi;

const startHost = (port = 0, operationMs = 30): Promise<XenHost> =>
  startXenHost({ port, user: USER, password: PASSWORD, vms: 3, loginDelayMs: 50, operationMs });

const openApi = async (): Promise<PythonXenApi> => {
  const opened = await openXenPython({ url: xen.url, user: USER, password: PASSWORD, fingerprint: '' });
  await opened.login();
  return opened;
};

const refOf = async (name = VM): Promise<string> => {
  const refs = (await api.call('VM.get_by_name_label', name)) as readonly string[];
  for (const ref of refs) if ((await api.call('VM.get_is_a_snapshot', ref)) === false) return ref;
  throw new Error(`the host has no VM ${name}`);
};
const record = async (cls: string, ref: unknown): Promise<Fields> =>
  (await api.call(`${cls}.get_record`, ref)) as Fields;
const vm = async (name = VM): Promise<Fields> => record('VM', await refOf(name));
const records = async (cls: string, refs: unknown): Promise<readonly Fields[]> =>
  Promise.all((refs as readonly string[]).map((ref) => record(cls, ref)));
const drives = async (): Promise<readonly Fields[]> =>
  (await records('VBD', (await vm())['VBDs'])).toSorted((a, b) => Number(a['userdevice']) - Number(b['userdevice']));
const labels = async (cls: string): Promise<string[]> => {
  const all = (await api.call(`${cls}.get_all_records`)) as Readonly<Record<string, Fields>>;
  return Object.values(all).map((one) => String(one['name_label']));
};

describeWith(['govc', 'pyvmomi', 'xenapi-py'], 'a XenServer host behind VMware clients', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tvx-'));
    const passwordFile = join(folder, 'password');
    writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
    xen = await startHost();
    product = await startTransvisor({
      host: `xenapi+http://127.0.0.1:${xen.port}`,
      options: ['--host-user', USER, '--host-password-file', passwordFile],
    });
    govc = govcOn(product, { GOVC_DATASTORE: STORAGE });
    api = await openApi();
  });
  afterAll(async () => {
    await api?.close();
    await product?.[Symbol.asyncDispose]();
    await xen?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('the inventory is the host’s: machines without its own one, default templates and snapshots', async () => {
    const all = Object.values((await api.call('VM.get_all_records')) as Readonly<Record<string, Fields>>);
    const ordinary = all.filter((one) => one['is_a_template'] === false && one['is_control_domain'] === false);
    expect(all.length).toBeGreaterThan(ordinary.length);
    const shown = (await govc('ls', 'vm')).trim().split('\n');
    expect(shown.toSorted()).toEqual(ordinary.map((one) => `/ha-datacenter/vm/${one['name_label']}`).toSorted());
    expect((await govc('ls', 'datastore')).split('\n').filter((line) => line !== '')).toHaveLength(
      (await labels('SR')).length,
    );
    const info = JSON.parse(await govc('host.info', '-json')) as {
      hostSystems: { hardware: { memorySize: number } }[];
    };
    const [metrics] = Object.values(
      (await api.call('host_metrics.get_all_records')) as Readonly<Record<string, Fields>>,
    );
    expect(info.hostSystems[0]?.hardware.memorySize).toBe(Number(metrics?.['memory_total']));
    expect(await govc('datastore.ls', '-ds', 'ISO library')).toContain('debian-12.iso');
  });

  test('a machine is made with a disk and a card', async () => {
    const [network = ''] = await labels('network');
    await govc('vm.create', '-on=false', '-m', '128', '-c', '2', '-disk', '1G', '-net', network, VM);
    const made = await vm();
    expect(made).toMatchObject({
      power_state: 'Halted',
      memory_dynamic_max: String(128 * MIB),
      memory_static_max: String(128 * MIB),
      VCPUs_at_startup: '2',
      domain_type: 'hvm',
    });
    const [disk] = await drives();
    expect(await record('VDI', disk?.['VDI'])).toMatchObject({
      virtual_size: String(GIB),
      name_label: `${VM}/${VM}.vmdk`,
    });
    const [card] = await records('VIF', made['VIFs']);
    expect(await api.call('network.get_name_label', card?.['network'])).toBe(network);
    const seen = JSON.parse(await govc('vm.info', '-json', VM)) as { virtualMachines: { config: { uuid: string } }[] };
    expect(seen.virtualMachines[0]?.config.uuid).toBe(made['uuid']);
    expect(await govc('device.info', '-vm', VM, 'ethernet-0')).toContain(String(card?.['MAC']));
  });

  test('the same name again, or a volume too large, changes nothing on the host', async () => {
    const before = [await labels('VM'), await labels('VDI')];
    expect((await govc.result(['vm.create', '-on=false', '-disk', '1G', VM])).stderr).toContain('already exists');
    expect((await govc.result(['vm.create', '-on=false', '-disk', '90T', 'too-large'])).code).not.toBe(0);
    expect([await labels('VM'), await labels('VDI')]).toEqual(before);
  });

  test('a failure in the middle takes back what was made before it', async () => {
    const [network = ''] = await labels('network');
    const before = [await labels('VM'), await labels('VDI')];
    const { db } = xen.sim;
    const make = db.create.bind(db);
    const made: string[] = [];
    const spy = vi.spyOn(db, 'create').mockImplementation((...args) => {
      made.push(args[0]);
      if (args[0] === 'VIF') throw new ApiError('LICENSE_RESTRICTION', 'cards');
      return make(...args);
    });
    const outcome = await govc.result(['vm.create', '-on=false', '-disk', '1G', '-net', network, 'half']);
    spy.mockRestore();
    expect(outcome.code).not.toBe(0);
    expect(made).toEqual(expect.arrayContaining(['VDI', 'VM', 'VBD', 'VIF']));
    expect([await labels('VM'), await labels('VDI')]).toEqual(before);
  });

  test('power goes through all its states', async () => {
    const steps = [
      ['-on', 'Running'],
      ['-suspend', 'Suspended'],
      ['-on', 'Running'],
      ['-reset', 'Running'],
      ['-off', 'Halted'],
    ] as const;
    for (const [flag, state] of steps) {
      await govc('vm.power', flag, VM);
      expect((await vm())['power_state'], flag).toBe(state);
    }
    expect((await govc.result(['vm.power', '-off', VM])).stderr).toContain('current state');
    await govc('vm.power', '-on', VM);
    await govc('vm.power', '-s', VM);
    await expect.poll(async () => (await vm())['power_state'], { timeout: 20_000 }).toBe('Halted');
  });

  test('a reconfiguration changes the fields it names, and only those', async () => {
    await api.call('VM.add_to_other_config', await refOf(), 'someone', 'else');
    await api.call('VM.add_tags', await refOf(), 'prod');
    const before = await vm();
    await govc('vm.change', '-vm', VM, '-m', '256', '-c', '4', '-annotation', 'a <note>', '-e', 'guestinfo.x=1 & 2');
    const after = await vm();
    expect(after).toMatchObject({
      memory_dynamic_max: String(256 * MIB),
      memory_static_max: String(256 * MIB),
      VCPUs_at_startup: '4',
      VCPUs_max: '4',
      name_description: 'a <note>',
      tags: ['prod'],
    });
    expect(after['other_config']).toMatchObject({ someone: 'else', 'transvisor.attribute.vim25.guestinfo.x': '1 & 2' });
    for (const field of ['uuid', 'platform', 'HVM_boot_params', 'VBDs', 'VIFs', 'xenstore_data', 'actions_after_crash'])
      expect(after[field], field).toEqual(before[field]);
    expect(await govc('vm.info', '-e', VM)).toContain('1 & 2');
    await govc('device.boot', '-vm', VM, '-order', 'ethernet,disk');
    expect((await vm())['HVM_boot_params']).toMatchObject({ order: 'nc' });
  });

  test('disks come, grow and go with their volumes, running too', async () => {
    await govc('vm.disk.create', '-vm', VM, '-name', `${VM}/data`, '-size', '2G');
    expect(await drives()).toHaveLength(2);
    await govc('vm.disk.change', '-vm', VM, '-disk.label', 'Hard disk 2', '-size', '3G');
    const [, second] = await drives();
    expect(await api.call('VDI.get_virtual_size', second?.['VDI'])).toBe(String(3 * GIB));
    await govc('vm.power', '-on', VM);
    await govc('vm.disk.create', '-vm', VM, '-name', `${VM}/live`, '-size', '1G');
    expect((await drives())[2]).toMatchObject({ currently_attached: true, userdevice: '2' });
    await govc('device.remove', '-vm', VM, 'disk-1000-2');
    expect(await drives()).toHaveLength(2);
    expect(await labels('VDI')).not.toContain(`${VM}/live.vmdk`);
    await govc('vm.power', '-off', VM);
    await govc('device.remove', '-keep', '-vm', VM, 'disk-1000-1');
    expect(await drives()).toHaveLength(1);
    expect(await labels('VDI')).toContain(`${VM}/data.vmdk`);
    await govc('vm.disk.attach', '-vm', VM, '-disk', `${VM}/data.vmdk`, '-link=false');
    expect((await drives())[1]?.['VDI']).toBe(second?.['VDI']);
    await govc('device.remove', '-vm', VM, 'disk-1000-1');
    expect(await labels('VDI')).not.toContain(`${VM}/data.vmdk`);
  });

  test('CDs and cards come, change and go', async () => {
    const name = (await govc('device.cdrom.add', '-vm', VM)).trim();
    const drive = async (): Promise<Fields | undefined> => (await drives()).find((one) => one['type'] === 'CD');
    expect(await drive()).toMatchObject({ empty: true, mode: 'RO' });
    await govc('device.cdrom.insert', '-vm', VM, '-device', name, '-ds', 'ISO library', 'debian-12.iso');
    expect(await api.call('VDI.get_name_label', (await drive())?.['VDI'])).toBe('debian-12.iso');
    await govc('device.cdrom.eject', '-vm', VM, '-device', name);
    expect(await drive()).toMatchObject({ empty: true });
    await govc('device.remove', '-vm', VM, name);
    expect(await drive()).toBeUndefined();

    const [network = ''] = await labels('network');
    const cards = async (): Promise<readonly Fields[]> => records('VIF', (await vm())['VIFs']);
    await govc('vm.network.add', '-vm', VM, '-net', network, '-net.adapter', 'vmxnet3');
    expect(await cards()).toHaveLength(2);
    await govc('device.disconnect', '-vm', VM, 'ethernet-1');
    expect((await cards()).map((card) => card['locking_mode']).toSorted()).toEqual(['disabled', 'network_default']);
    await govc('device.remove', '-vm', VM, 'ethernet-1');
    expect(await cards()).toHaveLength(1);
  });

  test('snapshots are taken, reverted to and removed with their images; a checkpoint goes on where it was', async () => {
    const images = (await labels('VDI')).length;
    await govc('snapshot.create', '-vm', VM, '-m=false', '-d', 'the first', 'one');
    await govc('vm.change', '-vm', VM, '-m', '512');
    const [first] = await records('VM', (await vm())['snapshots']);
    expect(first).toMatchObject({ name_label: 'one', name_description: 'the first', is_a_snapshot: true });
    await govc('snapshot.revert', '-vm', VM, 'one');
    expect(await vm()).toMatchObject({ power_state: 'Halted', memory_dynamic_max: String(256 * MIB) });
    expect(await govc('device.info', '-vm', VM, 'disk-*')).toContain(`[${STORAGE}] ${VM}/${VM}.vmdk`);
    await govc('vm.power', '-on', VM);
    await govc('snapshot.create', '-vm', VM, 'two');
    expect(await govc('snapshot.tree', '-vm', VM)).toMatch(/one\n\s+two/);
    await govc('vm.power', '-off', VM);
    await govc('snapshot.revert', '-vm', VM, 'two');
    expect(await vm()).toMatchObject({ power_state: 'Running' });
    await govc('vm.power', '-off', VM);
    await govc('snapshot.remove', '-vm', VM, '*');
    expect((await vm())['snapshots']).toEqual([]);
    expect(await labels('VDI')).toHaveLength(images);
  });

  test('a rename is the host’s own', async () => {
    await govc('vm.change', '-vm', VM, '-name', 'renamed');
    expect(await vm('renamed')).toMatchObject({ name_label: 'renamed' });
    await govc('object.rename', 'vm/renamed', VM);
    expect(await vm()).toMatchObject({ name_label: VM });
  });

  test('a machine leaves the inventory and comes back with its disks; the host gives it another UUID', async () => {
    const before = await vm('vm-1');
    const [drive] = await records('VBD', before['VBDs']);
    const [card] = await records('VIF', before['VIFs']);
    await govc('vm.power', '-off', '-force', 'vm-1').catch(() => ''); // it may be off
    await govc('vm.unregister', 'vm-1');
    expect(await labels('VM')).not.toContain('vm-1');
    expect(await record('VDI', drive?.['VDI'])).toMatchObject({ name_label: 'vm-1 0' });
    await govc('vm.register', 'vm-1/vm-1.vmx');
    const after = await vm('vm-1');
    expect(after['uuid']).not.toBe(before['uuid']);
    expect((await records('VBD', after['VBDs'])).map((one) => one['VDI'])).toContain(drive?.['VDI']);
    expect((await records('VIF', after['VIFs']))[0]?.['MAC']).toBe(card?.['MAC']);
  });

  test('a machine starts with its host and becomes a template', async () => {
    await govc('host.autostart.add', 'vm-1');
    expect((await vm('vm-1'))['other_config']).toMatchObject({ auto_poweron: 'true' });
    const [pool] = Object.values((await api.call('pool.get_all_records')) as Readonly<Record<string, Fields>>);
    expect(pool?.['other_config']).toMatchObject({ auto_poweron: 'true' });
    await govc('host.autostart.remove', 'vm-1');
    expect((await vm('vm-1'))['other_config']).not.toHaveProperty('auto_poweron');
    await govc('vm.markastemplate', 'vm-1');
    expect((await vm('vm-1'))['is_a_template']).toBe(true);
    expect((await govc.result(['vm.power', '-on', 'vm-1'])).code).not.toBe(0);
    await govc('vm.markasvm', '-host', '*', 'vm-1');
    expect((await vm('vm-1'))['is_a_template']).toBe(false);
  });

  test('internal networks and NFS storages come and go; port groups are none of this host', async () => {
    await govc('host.vswitch.add', 'inside');
    expect(await labels('network')).toContain('inside');
    expect((await govc.result(['host.portgroup.add', '-vswitch', 'inside', 'group'])).stderr).toContain(
      'not supported',
    );
    await govc('host.vswitch.remove', 'inside');
    expect(await labels('network')).not.toContain('inside');
    const nfs = ['-type', 'nfs', '-name', 'far', '-remote-host', '192.0.2.5', '-remote-path', '/export'];
    await govc('datastore.create', ...nfs, '*');
    expect(await labels('SR')).toContain('far');
    expect(await govc('datastore.info', 'far')).toContain('192.0.2.5:/export');
    await govc('datastore.remove', '-ds', 'far', '*');
    expect(await labels('SR')).not.toContain('far');
  });

  test('a volume’s bytes go out, and others come in', async () => {
    const file = join(folder, 'bytes');
    writeFileSync(file, Buffer.alloc(MIB, 'transvisor '));
    await govc('datastore.upload', file, 'transfer/bytes.img');
    expect(await labels('VDI')).toContain('transfer/bytes.img');
    const back = join(folder, 'back');
    await govc('datastore.download', 'transfer/bytes.img', back);
    expect(readFileSync(back).subarray(0, MIB).equals(readFileSync(file))).toBe(true);
    await govc('datastore.rm', 'transfer/bytes.img');
    expect(await labels('VDI')).not.toContain('transfer/bytes.img');
  });

  test('what others do on the host is seen by a waiting client', async () => {
    const python = pyvmomiMatrix(product);
    await python.connect();
    const wait = await python.watch(VM, 'on');
    await api.call('VM.start', await refOf(), false, false);
    expect(await wait.seen).toBe(true);
    await api.call('VM.set_name_description', await refOf(), 'written beside');
    await expect.poll(async () => govc('vm.info', '-json', VM)).toContain('written beside');
    const made = await api.call('VM.clone', await refOf('vm-1'), 'a clone beside');
    await expect.poll(() => govc('ls', 'vm')).toContain('a clone beside');
    await api.call('VM.destroy', made);
    await expect.poll(() => govc('ls', 'vm')).not.toContain('a clone beside');
    await api.call('VM.hard_shutdown', await refOf());
    // A copy that others make has what we wrote on the original: it is another volume all the same.
    const twin = (await api.call('VM.clone', await refOf(), 'twin')) as string;
    await expect.poll(() => govc('ls', 'vm')).toContain('twin');
    const listed = await govc('datastore.ls', '-R');
    expect(listed.match(new RegExp(`^${VM}\\.vmdk$`, 'gm'))).toHaveLength(1);
    expect(listed).toMatch(new RegExp(`^${VM}_${VM}\\.vmdk-[0-9a-f]{8}$`, 'm'));
    await govc('vm.destroy', 'twin');
    expect(await api.call('VM.get_by_name_label', 'twin')).toEqual([]);
    expect((await drives()).filter((one) => one['type'] === 'Disk')).toHaveLength(1);
    expect(twin).not.toBe(await refOf());
    await python.close();
    expect(await govc('events', 'vm/vm-1')).not.toContain('error');
  });

  test('a machine is deleted with its disks', async () => {
    await govc('vm.destroy', VM);
    expect(await labels('VM')).not.toContain(VM);
    expect((await labels('VDI')).filter((label) => label.startsWith(VM))).toEqual([]);
  });

  test('a host that was away is listed again as it is then', async () => {
    const { port } = xen;
    const before = (await govc('ls', 'vm')).trim().split('\n');
    await api.close();
    await xen.close();
    expect((await govc.result(['vm.power', '-on', 'vm-1'])).code).not.toBe(0);
    xen = await startHost(port);
    api = await openApi();
    await api.call('VM.set_name_label', await refOf('vm-2'), 'changed while away');
    await expect.poll(() => govc('ls', 'vm'), { timeout: 30_000 }).toContain('changed while away');
    expect((await govc('ls', 'vm')).trim().split('\n')).toHaveLength(before.length);
    await govc('vm.power', '-on', 'vm-1');
    expect((await vm('vm-1'))['power_state']).toBe('Running');
  });

  test('a product killed while it makes a machine leaves nothing of it', async () => {
    await api.close();
    const { port } = xen;
    await xen.close();
    xen = await startHost(port, 1000);
    api = await openApi();
    await expect.poll(() => govc('ls', 'vm'), { timeout: 30_000 }).toContain('vm-2');
    const before = [await labels('VM'), await labels('VDI')];
    const creating = govc.result(['vm.create', '-on=false', '-disk', '1G', 'killed']);
    await expect.poll(() => labels('VDI'), { timeout: 10_000, interval: 20 }).not.toEqual(before[1]);
    await product.kill9();
    expect((await creating).code).not.toBe(0);
    await product.restart();
    await expect
      .poll(async () => [await labels('VM'), await labels('VDI')], { timeout: 40_000, interval: 500 })
      .toEqual(before);
    await govc('vm.create', '-on=false', '-disk', '1G', 'killed');
    expect(await labels('VM')).toContain('killed');
  });
});
