/** The simulated XenServer host as npm's xen-api sees it, over both of its transports. */
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startXenHost, type XenHost } from '../../fixtures/xenapi-host/server.ts';
import { classNames, classOf, recordFields } from '../../mappings/xenapi/types.ts';
import { describeWith } from './describe-with.ts';
import { openXenApi, seenBy, vmNamed, type Xapi, type XenEndpoint, type XenRecord } from './xen-clients.ts';
import { newDisk, newDrive } from './xen-records.ts';

vi.setConfig({ testTimeout: 30_000 });

const USER = 'root';
const PASSWORD = 'secret & <of> "the" test';
const MIB = 1024 * 1024;
/** What the data model calls classes with get_all_records, without the withdrawn ones. */
const LISTED = classNames.filter((name) => classOf(name)?.listed === true && classOf(name)?.stage !== 'removed');

let host: XenHost;
let endpoint: XenEndpoint;

const ofType = (xapi: Xapi, type: string): readonly XenRecord[] =>
  Object.values(xapi.objects.all).filter((record) => record.$type === type);

/** Behind a `$`-field of many references. Not compared whole: everything refers to everything. */
const linked = (record: XenRecord | undefined, field: string): readonly XenRecord[] =>
  (record?.[field] ?? []) as readonly XenRecord[];

/** Behind a `$`-field of one reference. */
const linkedOne = (record: XenRecord | undefined, field: string): XenRecord | undefined =>
  record?.[field] as XenRecord | undefined;

const refOf = (xapi: Xapi, name: string): string => {
  const vm = vmNamed(xapi, name);
  if (vm === undefined) throw new Error(`no VM ${name}`);
  return vm.$ref;
};

describeWith(['xen-api'], 'xen-api', () => {
  beforeAll(async () => {
    host = await startXenHost({ user: USER, password: PASSWORD, loginDelayMs: 50, operationMs: 30 });
    endpoint = { url: host.url, user: USER, password: PASSWORD, fingerprint: '' };
  });
  afterAll(() => host.close());

  test('is refused with a wrong password, late', async () => {
    const started = Date.now();
    await expect(openXenApi({ ...endpoint, password: 'wrong' }, 'json-rpc')).rejects.toMatchObject({
      code: 'SESSION_AUTHENTICATION_FAILED',
      params: [USER, expect.any(String)],
    });
    expect(Date.now() - started).toBeGreaterThanOrEqual(45);
  });

  for (const transport of ['json-rpc', 'xml-rpc'] as const) {
    /** Integers are numbers in JSON and text in XML. */
    const int = (value: number): number | string => (transport === 'json-rpc' ? value : String(value));
    let xapi: Xapi;

    test(`${transport}: connects and fetches every object, with every field of its class`, async () => {
      xapi = await openXenApi(endpoint, transport);
      expect(xapi.status).toBe('connected');
      expect(xapi.pool?.['name_label']).toBe('simulated');
      expect(ofType(xapi, 'host')).toHaveLength(1);
      expect(ofType(xapi, 'VM').map((vm) => vm['name_label'])).toEqual(
        expect.arrayContaining(['vm-0', 'vm-1', 'Other install media', 'Control domain on host: xen-simulated']),
      );
      const types = new Set<string>();
      for (const record of Object.values(xapi.objects.all)) {
        types.add(record.$type);
        for (const { name } of recordFields(record.$type))
          expect(record, `${record.$type}.${name}`).toHaveProperty([name]);
      }
      expect(LISTED).toEqual(expect.arrayContaining([...types].filter((type) => type !== 'message')));
      expect(vmNamed(xapi, 'vm-1')).toMatchObject({
        power_state: 'Halted',
        memory_static_max: int(64 * MIB),
        platform: expect.objectContaining({ 'cores-per-socket': '1' }),
      });
      expect(linked(vmNamed(xapi, 'vm-1'), '$VBDs').map((vbd) => vbd['type'])).toEqual(['Disk', 'CD']);
    });

    test(`${transport}: starts and stops a VM in the background and sees it in its cache`, async () => {
      const vm = refOf(xapi, 'vm-1');
      expect(await xapi.callAsync('VM.start', vm, false, false)).toBe('');
      await seenBy('the VM running', () => vmNamed(xapi, 'vm-1')?.['power_state'] === 'Running');
      expect(vmNamed(xapi, 'vm-1')).toMatchObject({
        resident_on: ofType(xapi, 'host')[0]?.$ref,
        allowed_operations: expect.arrayContaining(['clean_shutdown', 'suspend']),
      });
      expect(linkedOne(vmNamed(xapi, 'vm-1'), '$metrics')?.['VCPUs_number']).toBe(int(1));
      await expect(xapi.call('VM.start', vm, false, false)).rejects.toMatchObject({
        code: 'VM_BAD_POWER_STATE',
        params: [vm, 'halted', 'running'],
      });
      await xapi.callAsync('VM.clean_shutdown', vm);
      await xapi.barrier();
      expect(vmNamed(xapi, 'vm-1')).toMatchObject({
        power_state: 'Halted',
        resident_on: 'OpaqueRef:NULL',
        domid: int(-1),
      });
      // The client destroyed its tasks, and nothing else is left of them.
      await seenBy('no task left', () => ofType(xapi, 'task').length === 0);
    });

    test(`${transport}: a failed background call has the API's code and parameters`, async () => {
      const vm = refOf(xapi, 'vm-1');
      await expect(xapi.callAsync('VM.pause', vm)).rejects.toMatchObject({
        code: 'VM_BAD_POWER_STATE',
        params: [vm, 'running', 'halted'],
      });
      await expect(xapi.callAsync('VM.pause', 'OpaqueRef:none')).rejects.toMatchObject({
        code: 'HANDLE_INVALID',
        params: ['VM', 'OpaqueRef:none'],
      });
    });

    test(`${transport}: writes settings and waits for them at its barrier`, async () => {
      const vm = refOf(xapi, 'vm-1');
      await vmNamed(xapi, 'vm-1')?.update_other_config('colour', 'a <b> & "c"');
      await xapi.setField('VM', vm, 'name_description', 'häßlich\n2');
      await xapi.setField('VM', vm, 'tags', ['one', 'two']);
      await xapi.barrier();
      expect(vmNamed(xapi, 'vm-1')).toMatchObject({
        other_config: expect.objectContaining({ colour: 'a <b> & "c"' }),
        name_description: 'häßlich\n2',
        tags: ['one', 'two'],
      });
      await vmNamed(xapi, 'vm-1')?.update_other_config('colour', null);
      await xapi.barrier(vm);
      expect(vmNamed(xapi, 'vm-1')?.['other_config']).not.toHaveProperty('colour');
      // The barrier takes its mark away again.
      await seenBy('no mark', () => Object.keys(xapi.pool?.['other_config'] as object).length === 0);
    });

    test(`${transport}: makes a VM from the template with a disk and a card, and ends it`, async () => {
      const template = ofType(xapi, 'VM').find((vm) => vm['is_default_template'] === true) as XenRecord;
      const vm = String(await xapi.callAsync('VM.clone', template.$ref, `made over ${transport}`));
      await xapi.callAsync('VM.provision', vm);
      const sr = xapi.pool?.['default_SR'] as string;
      const vdi = String(await xapi.call('VDI.create', newDisk(sr, String(8 * MIB), { name_label: 'made' })));
      const [device = ''] = (await xapi.call('VM.get_allowed_VBD_devices', vm)) as string[];
      await xapi.call('VBD.create', newDrive(vm, vdi, { userdevice: device, bootable: true, unpluggable: true }));
      const [network] = ofType(xapi, 'network');
      await xapi.call('VIF.create', {
        ...{ VM: vm, network: network?.$ref, device: '0', MAC: '', MTU: '1500', other_config: {} },
        ...{ qos_algorithm_params: {}, qos_algorithm_type: '' },
      });
      await xapi.barrier();
      const made = xapi.getObjectByRef(vm);
      expect(made).toMatchObject({
        is_a_template: false,
        is_default_template: false,
        power_state: 'Halted',
        $VBDs: [
          expect.objectContaining({ userdevice: '0', $VDI: expect.objectContaining({ virtual_size: int(8 * MIB) }) }),
        ],
      });
      const [drive] = linked(made, '$VBDs');
      expect([drive?.['userdevice'], linkedOne(drive, '$VDI')?.['virtual_size']]).toEqual(['0', int(8 * MIB)]);
      const [card] = linked(made, '$VIFs');
      expect(card?.['MAC']).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
      expect(card?.['MAC_autogenerated']).toBe(true);
      expect(made['other_config']).toMatchObject({ base_template_name: 'Other install media' });
      await xapi.callAsync('VM.destroy', vm);
      await xapi.callAsync('VDI.destroy', vdi);
      await xapi.barrier();
      for (const ref of [vm, vdi as string]) expect(xapi.getObjectByRef(ref, undefined)).toBeUndefined();
    });

    test(`${transport}: takes a snapshot, goes back to it and removes it`, async () => {
      const vm = refOf(xapi, 'vm-3');
      const before = vmNamed(xapi, 'vm-3');
      const snapshot = String(await xapi.callAsync('VM.snapshot', vm, 'before'));
      await xapi.setField('VM', vm, 'name_description', 'changed');
      await xapi.barrier();
      expect(xapi.getObjectByRef(snapshot)).toMatchObject({
        ...{ is_a_snapshot: true, is_a_template: true, snapshot_of: vm, power_state: 'Halted', name_label: 'before' },
      });
      const [disk] = linked(xapi.getObjectByRef(snapshot), '$VBDs').filter((vbd) => vbd['type'] === 'Disk');
      expect(linkedOne(disk, '$VDI')?.['is_a_snapshot']).toBe(true);
      expect(xapi.getObjectByRef(vm)).toMatchObject({ parent: snapshot, snapshots: [snapshot] });
      await xapi.callAsync('VM.revert', snapshot);
      await xapi.barrier();
      const after = xapi.getObjectByRef(vm);
      expect(after).toMatchObject({
        name_label: 'vm-3',
        name_description: before?.['name_description'],
        uuid: before?.uuid,
      });
      expect(linked(after, '$VBDs').map((vbd) => vbd['type'])).toEqual(['Disk', 'CD']);
      await xapi.callAsync('VM.destroy', snapshot);
      await xapi.barrier();
      expect(xapi.getObjectByRef(vm)).toMatchObject({ snapshots: [] });
    });

    test(`${transport}: a disk comes out as it went in, with and without a known length`, async () => {
      const sr = xapi.pool?.['default_SR'] as string;
      const bytes = Buffer.alloc(2 * MIB);
      bytes.write('the first words', 0);
      bytes.write('the last words', 2 * MIB - 14);
      type Transfers = {
        /** Resolves to what the task gave. */
        putResource: (body: unknown, path: string, options: object) => Promise<unknown>;
        getResource: (
          path: string,
          options: object,
        ) => Promise<{ body: AsyncIterable<Buffer>; task?: Promise<unknown> }>;
      };
      const transfers = xapi as unknown as Transfers;
      for (const knowsLength of [true, false]) {
        const vdi = (await xapi.call('VDI.create', newDisk(sr, String(2 * MIB), { name_label: 'filled' }))) as string;
        const stream = Readable.from([bytes.subarray(0, 1000), bytes.subarray(1000)]);
        if (knowsLength) Object.assign(stream, { length: bytes.length });
        expect(
          await transfers.putResource(stream, '/import_raw_vdi/', { query: { format: 'raw', vdi }, task: true }),
        ).toBe(vdi);
        const got = await transfers.getResource('/export_raw_vdi/', { query: { format: 'raw', vdi }, task: true });
        const parts: Buffer[] = [];
        for await (const part of got.body) parts.push(part);
        expect(Buffer.concat(parts).equals(bytes)).toBe(true);
        await got.task;
        await xapi.callAsync('VDI.destroy', vdi);
      }
    });

    test(`${transport}: logs in again when the host has forgotten its session, and ends it`, async () => {
      host.sim.sessions.endAll();
      expect(await xapi.call('VM.get_power_state', refOf(xapi, 'vm-1'))).toBe('Halted');
      await xapi.barrier();
      await xapi.disconnect();
      expect(xapi.status).toBe('disconnected');
    });
  }

  test('goes on to the host that leads the pool', async () => {
    // The client keeps the port and takes the address.
    const leader = await startXenHost({ user: USER, password: PASSWORD, listen: '127.0.0.2' });
    const { port } = leader;
    const member = await startXenHost({ user: USER, password: PASSWORD, port, masterAddress: '127.0.0.2' });
    const xapi = await openXenApi({ ...endpoint, url: member.url }, 'json-rpc');
    expect(xapi.pool?.uuid).toBe(leader.sim.db.text('pool', leader.sim.landmarks.pool, 'uuid'));
    await xapi.disconnect();
    await member.close();
    await leader.close();
  });

  test('lists ten thousand VMs', { timeout: 120_000 }, async () => {
    const large = await startXenHost({ user: USER, password: PASSWORD, vms: 10_000 });
    const many = await openXenApi({ ...endpoint, url: large.url }, 'json-rpc', { watchEvents: false });
    const vms = await many.getAllRecords('VM');
    // With the control domain and the template.
    expect(vms).toHaveLength(10_002);
    expect(vms.filter((vm) => vm['power_state'] === 'Running')).toHaveLength(5001);
    await many.disconnect();
    await large.close();
  });
});
