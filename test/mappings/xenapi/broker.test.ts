/** Reads and tasks of the XenAPI broker over a fake store: relations, own data and jobs stand in the records. */
import { describe, expect, test } from 'vitest';
import { fault } from '../../../mappings/generic/faults.ts';
import { type HubId, hubId } from '../../../mappings/generic/ids.ts';
import { makeCaches, sync } from '../../../mappings/xenapi/broker/sync.ts';
import type { World } from '../../../mappings/xenapi/broker/world.ts';
import { refOf } from '../../../mappings/xenapi/ids.ts';
import { forget, putOwnObject, removeOwnObject, writeOwn } from '../../../mappings/xenapi/own-data.ts';
import { vbdId } from '../../../mappings/xenapi/seats.ts';
import { estate, host, job, machine, pool, ref, STORAGE, sr, task, VM, VOLUME, vbd, vdi, vm } from './broker-estate.ts';
import { front, HOST, member } from './broker-fake.ts';

describe('reads', () => {
  test('the many ends of relations are those that refer to them', async () => {
    const at = estate();
    expect(await at.ask('VDI.get_VBDs', { self: vdi })).toEqual([vbd]);
    expect(await at.ask('SR.get_VDIs', { self: sr })).toEqual([vdi]);
    expect(await at.ask('host.get_resident_VMs', { self: host })).toEqual([]);
    at.put(VM, machine('web', 'Running'));
    expect(await at.ask('host.get_resident_VMs', { self: host })).toEqual([vm]);
    expect(await at.ask('SR.get_virtual_allocation', { self: sr })).toBe(4294967296);
    expect(await at.ask('pool.get_default_SR', { self: pool })).toBe(sr);
  });

  test('by uuid, by name, by class, by expression, and what is not there', async () => {
    const at = estate();
    expect(await at.ask('VM.get_by_uuid', { uuid: 'v-7' })).toBe(vm);
    expect(await at.ask('VM.get_by_uuid', { uuid: 'v-8' })).toEqual({ error: ['UUID_INVALID', 'VM', 'v-8'] });
    expect(await at.ask('VM.get_by_name_label', { label: 'web' })).toEqual([vm]);
    expect(await at.ask('VM.get_by_name_label', { label: 'other' })).toEqual([]);
    expect(await at.ask('VM.get_all', {})).toEqual([vm]);
    expect(Object.keys((await at.ask('VM.get_all_records', {})) as object)).toEqual([vm]);
    expect(await at.ask('VM.get_all_where', { expr: 'field "name__label" = "web"' })).toEqual([vm]);
    expect(await at.ask('VM.get_all_where', { expr: 'nonsense' })).toMatchObject({
      error: ['INVALID_VALUE', 'expr', expect.any(String)],
    });
    expect(await at.ask('VM.get_record', { self: sr })).toEqual({ error: ['HANDLE_INVALID', 'VM', sr] });
    expect(await at.ask('SR.get_name_label', { self: 'OpaqueRef:x' })).toEqual({
      error: ['HANDLE_INVALID', 'SR', 'OpaqueRef:x'],
    });
    expect(await at.ask('VGPU.get_all_records', {})).toEqual({});
    expect(await at.ask('role.get_all', {})).toEqual([]);
    expect(await at.ask('message.get_all_records', {})).toEqual({});
    expect(await at.ask('message.get_record', { self: 'OpaqueRef:x' })).toEqual({
      error: ['HANDLE_INVALID', 'message', 'OpaqueRef:x'],
    });
  });

  test('a renamed machine is found by its new name alone', async () => {
    const at = estate();
    await at.ask('VM.get_all', {});
    at.put(VM, machine('renamed', 'Halted'));
    expect(await at.ask('VM.get_by_name_label', { label: 'web' })).toEqual([]);
    expect(await at.ask('VM.get_by_name_label', { label: 'renamed' })).toEqual([vm]);
  });

  test('a disk in use cannot be destroyed, a free one can', async () => {
    const at = estate();
    at.put(VM, machine('web', 'Running'));
    expect(await at.ask('VDI.get_allowed_operations', { self: vdi })).not.toContain('destroy');
  });

  test('a host says what it would do: start machines, or be switched off once it is disabled and nothing runs', async () => {
    const at = estate();
    const allowed = () => at.ask('host.get_allowed_operations', { self: host }) as Promise<string[]>;
    expect(await allowed()).not.toContain('vm_start');
    const enabled = (is: boolean) =>
      at.put(HOST, member('host', host, `<uuid>h</uuid><name_label>node</name_label><enabled>${is}</enabled>`));
    enabled(true);
    expect(await allowed()).toEqual(['provision', 'evacuate', 'vm_start', 'vm_resume', 'vm_migrate', 'enable']);
    writeOwn(at.context, host, 'enabled', false);
    expect(await at.ask('host.get_enabled', { self: host })).toBe(false);
    expect(await allowed()).not.toContain('vm_start');
    writeOwn(at.context, host, 'enabled', undefined);
    expect(await allowed()).toContain('vm_start');
  });

  test('a snapshot of a disk says of which it is, for as long as that is there', async () => {
    const at = estate();
    const other = hubId('volume', 6);
    const taken = ref('VDI', other);
    at.put(other, member('VDI', taken, `<uuid>e</uuid><SR>${sr}</SR><virtual_size>4294967296</virtual_size>`));
    writeOwn(at.context, taken, 'snapshot_of', vdi);
    expect(await at.ask('VDI.get_snapshots', { self: vdi })).toEqual([taken]);
    expect(await at.ask('VDI.get_allowed_operations', { self: taken })).toContain('snapshot');
    at.remove(VOLUME);
    expect(await at.ask('VDI.get_snapshot_of', { self: taken })).toBe('OpaqueRef:NULL');
  });

  test('a PBD that was destroyed is not shown while its storage is out of use', async () => {
    const at = estate();
    const pbd = ref('PBD', STORAGE);
    const storage = (attached: boolean) =>
      at.put(
        STORAGE,
        member('SR', sr, '<uuid>s</uuid><name_label>default</name_label><content_type>user</content_type>') +
          member('PBD', pbd, `<host>${host}</host><SR>${sr}</SR><currently_attached>${attached}</currently_attached>`),
      );
    storage(false);
    expect(await at.ask('SR.get_PBDs', { self: sr })).toEqual([pbd]);
    forget(at.context, pbd);
    expect(await at.ask('SR.get_PBDs', { self: sr })).toEqual([]);
    storage(true);
    expect(await at.ask('SR.get_PBDs', { self: sr })).toEqual([pbd]);
  });

  test('own data stands instead of what was rendered, and own objects beside it', async () => {
    const at = estate();
    writeOwn(at.context, vdi, 'name_label', 'root <disk>');
    expect(await at.ask('VDI.get_name_label', { self: vdi })).toBe('root <disk>');
    expect(await at.ask('VDI.get_by_name_label', { label: 'root <disk>' })).toEqual([vdi]);
    const pending = refOf(vbdId(VM, 5), front);
    putOwnObject(at.context, pending, { uuid: 'own', VM: vm, VDI: vdi, userdevice: '5', type: 'Disk', mode: 'RW' });
    expect(await at.ask('VM.get_VBDs', { self: vm })).toEqual([vbd, pending]);
    expect(await at.ask('VBD.get_record', { self: pending })).toMatchObject({
      userdevice: '5',
      currently_attached: false,
    });
    expect(await at.ask('VBD.get_allowed_operations', { self: pending })).toEqual(['attach']);
    at.put(VM, machine('web', 'Running'));
    expect(await at.ask('VBD.get_allowed_operations', { self: pending })).toEqual(['attach', 'plug']);
    removeOwnObject(at.context, pending);
    expect(await at.ask('VM.get_VBDs', { self: vm })).toEqual([vbd]);
  });

  test.each([
    ['machine', VM],
    ['disk', VOLUME],
  ])('a drive that was never plugged goes with its %s', async (_what, gone) => {
    const at = estate();
    const pending = refOf(vbdId(VM, 5), front);
    putOwnObject(at.context, pending, { uuid: 'own', VM: vm, VDI: vdi, userdevice: '5', type: 'Disk', mode: 'RW' });
    expect(await at.ask('VBD.get_all', {})).toEqual([vbd, pending]);
    at.remove(gone);
    expect(await at.ask('VBD.get_all', {})).not.toContain(pending);
    expect((await at.ask('VM.get_all_records', {})) as object).not.toMatchObject({ [vm]: { VBDs: [vbd, pending] } });
  });

  test('what stands for things outside every storage is shown only when there are such', async () => {
    const at = estate();
    expect(await at.ask('SR.get_all', {})).toEqual([sr]);
    expect(await at.ask('host.get_PBDs', { self: host })).toEqual([]);
    const loose = ref('VDI', hubId('disk', 70));
    at.put(
      VM,
      machine('web', 'Halted') + member('VDI', loose, `<SR>${ref('SR', HOST)}</SR><virtual_size>1</virtual_size>`),
    );
    expect(await at.ask('SR.get_all', {})).toContain(ref('SR', HOST));
    expect(await at.ask('host.get_PBDs', { self: host })).toEqual([ref('PBD', HOST)]);
    at.put(VM, machine('web', 'Halted'));
    expect(await at.ask('SR.get_all', {})).toEqual([sr]);
  });

  test('both encodings say the same', async () => {
    const at = estate();
    const text = (await at.ask('VM.get_record', { self: vm }, 'xmlrpc')) as string;
    expect(text).toMatch(/^<value><struct><member><name>uuid<\/name><value>v-7<\/value>/);
    expect(await at.ask('VM.get_name_label', { self: vm }, 'xmlrpc')).toBe('<value>web</value>');
    expect(await at.ask('VM.get_all', {}, 'xmlrpc')).toBe(
      `<value><array><data><value>${vm}</value></data></array></value>`,
    );
  });

  test('free memory is what was measured last', async () => {
    const at = estate();
    at.setSlots(HOST, { memoryBytes: 400 });
    expect(await at.ask('host.compute_free_memory', { host })).toBe(600);
    expect(await at.ask('host_metrics.get_memory_free', { self: ref('host_metrics', HOST) })).toBe(600);
  });
});

describe('tasks', () => {
  test('a job is a task, and an operation under way on what it works on', async () => {
    const at = estate();
    at.job(job({}));
    expect(await at.ask('task.get_record', { self: task })).toMatchObject({
      name_label: 'Async.VM.start',
      status: 'pending',
      progress: 0,
      finished: '19700101T00:00:00Z',
      resident_on: host,
      result: '',
    });
    expect(await at.ask('VM.get_current_operations', { self: vm })).toEqual({ [task]: 'start' });
    expect(await at.ask('VM.get_allowed_operations', { self: vm })).toEqual([]);
    at.job(job({ state: 'success', finishedMs: 1_795_243_042_000 }));
    expect(await at.ask('VM.get_current_operations', { self: vm })).toEqual({});
    expect(await at.ask('task.get_record', { self: task })).toMatchObject({
      status: 'success',
      progress: 1,
      result: '<value></value>',
    });
  });

  test('a result is the text of the value, a refusal is code and parameters', async () => {
    const at = estate();
    at.job(
      job({
        method: 'Async.VM.clone',
        verb: 'vm.clone',
        state: 'success',
        finishedMs: 1_795_243_042_000,
        result: hubId('vm', 8),
      }),
    );
    expect(await at.ask('task.get_result', { self: task })).toBe(`<value>${ref('VM', hubId('vm', 8))}</value>`);
    const refused = fault('wrong-state', { requested: 'stopped', existing: 'running' }, '');
    at.job(job({ state: 'error', finishedMs: 1_795_243_042_000, fault: refused }));
    expect(await at.ask('task.get_error_info', { self: task })).toEqual([
      'VM_BAD_POWER_STATE',
      vm,
      'halted',
      'running',
    ]);
    expect(await at.ask('task.get_status', { self: task })).toBe('failure');
  });

  test('of tasks that have ended the oldest go when they are too many, and none at once', async () => {
    const at = estate();
    const many = 230;
    for (let n = 0; n < many; n++)
      at.job(job({ id: hubId('job', 1000 + n), state: 'success', finishedMs: 1_795_243_042_000 + n }));
    const count = async (): Promise<number> => ((await at.ask('task.get_all', {})) as string[]).length;
    expect(await count()).toBe(many);
    at.elapse(61_000);
    expect(await count()).toBe(200);
  });

  test('that were destroyed are held no longer, and do not come back', async () => {
    const at = estate();
    let caches = makeCaches();
    const worldNow = (): World => {
      const steps = sync({ context: at.context, caches });
      let step = steps.next();
      while (step.done !== true) step = steps.next();
      return step.value;
    };
    const before = worldNow().size;
    const ids = Array.from({ length: 50 }, (_, n) => hubId('job', 1000 + n));
    const finish = (id: HubId): void => {
      at.job(job({ id, state: 'success', finishedMs: 1_795_243_042_000 }));
    };
    for (const id of ids) finish(id);
    expect(worldNow().size).toBe(before + 50);
    for (const id of ids) forget(at.context, ref('task', id));
    expect(worldNow().size).toBe(before);
    for (const id of ids) finish(id);
    expect(worldNow().size).toBe(before);
    caches = makeCaches();
    expect(worldNow().size).toBe(before);
  });

  test("another API's job is seen while it runs, a task that was destroyed or is old is not", async () => {
    const at = estate();
    at.job(job({ front: 'other', method: 'PowerOnVM_Task', nativeTarget: { type: 'VirtualMachine', id: '7' } }));
    expect(await at.ask('VM.get_current_operations', { self: vm })).toEqual({ [task]: 'start' });
    at.job(job({ front: 'other', method: 'PowerOnVM_Task', state: 'success', finishedMs: 1_795_243_042_000 }));
    expect(await at.ask('task.get_all', {})).toEqual([]);
    at.job(job({ state: 'success', finishedMs: 1_795_243_042_000 }));
    expect(await at.ask('task.get_all', {})).toEqual([task]);
    forget(at.context, task);
    expect(await at.ask('task.get_all', {})).toEqual([]);
    at.job(job({ id: hubId('job', 91), state: 'success', finishedMs: 1_795_243_042_000 }));
    expect(await at.ask('task.get_all', {})).toHaveLength(1);
    at.elapse(66 * 60_000);
    at.put(VM, machine('later', 'Halted'));
    expect(await at.ask('task.get_all', {})).toEqual([]);
  });
});
