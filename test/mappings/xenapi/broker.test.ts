/** Reads and events of the XenAPI broker over a fake store: relations, own data and jobs stand in the records, and every change is told once. */
import { describe, expect, test } from 'vitest';
import { fault } from '../../../mappings/generic/faults.ts';
import { hubId } from '../../../mappings/generic/ids.ts';
import type { Job } from '../../../mappings/generic/jobs.ts';
import { NULL_REF, refOf, xenId } from '../../../mappings/xenapi/ids.ts';
import { forgetTask, putOwnObject, removeOwnObject, writeOwn } from '../../../mappings/xenapi/own-data.ts';
import { vbdId } from '../../../mappings/xenapi/seats.ts';
import { front, HOST, member, rig } from './broker-fake.ts';

const VM = hubId('vm', 7);
const STORAGE = hubId('storage', 3);
const VOLUME = hubId('volume', 5);
const ref = (cls: string, owner: typeof VM, part = 0): string => refOf(xenId(cls, owner, part), front);
const vm = ref('VM', VM);
const vbd = refOf(vbdId(VM, 0), front);
const vdi = ref('VDI', VOLUME);
const sr = ref('SR', STORAGE);
const pool = ref('pool', HOST);
const host = ref('host', HOST);

const machine = (name: string, power: 'Halted' | 'Running', withDisk = true): string =>
  member(
    'VM',
    vm,
    `<uuid>v-7</uuid><name_label>${name}</name_label><power_state>${power}</power_state>` +
      `<resident_on>${power === 'Running' ? host : ''}</resident_on>` +
      `<allowed_operations><i>${power === 'Running' ? 'hard_shutdown' : 'start'}</i></allowed_operations>` +
      `<VBDs>${withDisk ? `<i>${vbd}</i>` : ''}</VBDs>`,
  ) +
  (withDisk
    ? member(
        'VBD',
        vbd,
        `<uuid>b-0</uuid><VM>${vm}</VM><VDI>${vdi}</VDI><currently_attached>${power === 'Running'}</currently_attached>`,
      )
    : '');

const estate = (): ReturnType<typeof rig> => {
  const made = rig();
  made.put(
    HOST,
    member('pool', pool, `<uuid>p</uuid><master>${host}</master>`) +
      member(
        'host',
        host,
        `<uuid>h</uuid><name_label>node</name_label><metrics>${ref('host_metrics', HOST)}</metrics>`,
      ) +
      member('host_metrics', ref('host_metrics', HOST), '<memory_total>1000</memory_total>') +
      member('SR', ref('SR', HOST), '<name_label>outside</name_label><content_type>user</content_type>') +
      member('PBD', ref('PBD', HOST), `<host>${host}</host><SR>${ref('SR', HOST)}</SR>`),
  );
  made.put(
    STORAGE,
    member('SR', sr, '<uuid>s</uuid><name_label>default</name_label><content_type>user</content_type>'),
  );
  made.put(VOLUME, member('VDI', vdi, `<uuid>d</uuid><SR>${sr}</SR><virtual_size>4294967296</virtual_size>`));
  made.put(VM, machine('web', 'Halted'));
  return made;
};

const job = (more: Partial<Job>): Job => ({
  id: hubId('job', 90),
  verb: 'vm.start',
  host: HOST,
  target: VM,
  targetName: 'web',
  user: 'root',
  front: front.name,
  method: 'Async.VM.start',
  nativeTarget: { type: 'VM', id: vm },
  operation: '',
  exchange: '',
  state: 'running',
  cancelled: false,
  cancelable: false,
  queuedMs: 1_795_243_041_000,
  version: 0,
  ...more,
});
const task = ref('task', hubId('job', 90));

type Events = {
  readonly token: string;
  readonly valid_ref_counts: Readonly<Record<string, number>>;
  readonly events: readonly {
    readonly operation: string;
    readonly class: string;
    readonly ref: string;
    readonly snapshot?: Readonly<Record<string, unknown>>;
  }[];
};
const from = async (at: ReturnType<typeof rig>, token: string, classes = ['*'], timeout = 0): Promise<Events> =>
  (await at.ask('event.from', { classes, token, timeout })) as Events;
const told = ({ events }: Events): string[] => events.map((one) => `${one.operation} ${one.class}`).sort();

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

  test("another API's job is seen while it runs, a task that was destroyed or is old is not", async () => {
    const at = estate();
    at.job(job({ front: 'other', method: 'PowerOnVM_Task', nativeTarget: { type: 'VirtualMachine', id: '7' } }));
    expect(await at.ask('VM.get_current_operations', { self: vm })).toEqual({ [task]: 'start' });
    at.job(job({ front: 'other', method: 'PowerOnVM_Task', state: 'success', finishedMs: 1_795_243_042_000 }));
    expect(await at.ask('task.get_all', {})).toEqual([]);
    at.job(job({ state: 'success', finishedMs: 1_795_243_042_000 }));
    expect(await at.ask('task.get_all', {})).toEqual([task]);
    forgetTask(at.context, task);
    expect(await at.ask('task.get_all', {})).toEqual([]);
    at.job(job({ id: hubId('job', 91), state: 'success', finishedMs: 1_795_243_042_000 }));
    expect(await at.ask('task.get_all', {})).toHaveLength(1);
    at.elapse(66 * 60_000);
    at.put(VM, machine('later', 'Halted'));
    expect(await at.ask('task.get_all', {})).toEqual([]);
  });
});

describe('events', () => {
  test('from the beginning everything comes as an addition; from then on only what changes', async () => {
    const at = estate();
    const first = await from(at, '');
    expect(told(first)).toContain('add vm');
    expect(first.events.every(({ operation }) => operation === 'add')).toBe(true);
    expect(first.valid_ref_counts).toMatchObject({ vm: 1, vbd: 1, vdi: 1, task: 0, vgpu: 0 });
    expect(first.token).toMatch(/^\d{20},\d{20}$/);
    const idle = await from(at, first.token);
    expect(idle.events).toEqual([]);
    at.put(VM, machine('web', 'Running'));
    const next = await from(at, idle.token);
    expect(told(next)).toEqual(['mod host', 'mod vbd', 'mod vdi', 'mod vm']);
    expect(next.events.find((one) => one.class === 'vm')?.snapshot).toMatchObject({
      power_state: 'Running',
      resident_on: host,
    });
    expect(told(await from(at, next.token))).toEqual([]);
  });

  test('changes of one object are one event, what came and went is none, what went is an end', async () => {
    const at = estate();
    const { token } = await from(at, '');
    at.put(VM, machine('a', 'Halted'));
    at.put(VM, machine('b', 'Halted'));
    const other = hubId('vm', 9);
    at.put(other, member('VM', ref('VM', other), '<name_label>short</name_label>'));
    await at.ask('VM.get_all', {});
    at.remove(other);
    const changed = await from(at, token, ['vm']);
    expect(told(changed)).toEqual(['mod vm']);
    expect(changed.events[0]?.snapshot?.['name_label']).toBe('b');
    at.remove(VM);
    const gone = await from(at, changed.token, ['VM', 'VDI']);
    expect(told(gone)).toEqual(['del vm', 'mod vdi']);
    expect(gone.events.find(({ operation }) => operation === 'del')).not.toHaveProperty('snapshot');
    expect(await at.ask('VDI.get_VBDs', { self: vdi })).toEqual([]);
  });

  test('classes in any case, single objects, unknown names', async () => {
    const at = estate();
    const { token } = await from(at, '');
    at.put(VM, machine('web', 'Running'));
    expect(told(await from(at, token, ['vBd']))).toEqual(['mod vbd']);
    expect(told(await from(at, token, [`VM/${vm}`]))).toEqual(['mod vm']);
    expect(told(await from(at, token, ['vm/OpaqueRef:other', 'session', 'nonsense']))).toEqual([]);
  });

  test('a change of a field of ours, and an injected one, are events', async () => {
    const at = estate();
    const { token } = await from(at, '');
    writeOwn(at.context, pool, 'other_config', { barrier: '1' });
    const next = await from(at, token, ['pool']);
    expect(next.events[0]?.snapshot?.['other_config']).toEqual({ barrier: '1' });
    const before = (await at.ask('event.inject', { class: 'pool', ref: pool })) as string;
    expect(told(await from(at, before, ['*']))).toEqual(['mod pool']);
    expect(await at.ask('event.inject', { class: 'POOL', ref: pool })).toEqual({
      error: ['HANDLE_INVALID', 'POOL', pool],
    });
    expect(await at.ask('event.inject', { class: 'pool', ref: NULL_REF })).toEqual({
      error: ['HANDLE_INVALID', 'pool', NULL_REF],
    });
  });

  test('a wait ends with the first change that is asked for, or with its time', async () => {
    const at = estate();
    const { token } = await from(at, '');
    const answer = from(at, token, ['vdi'], 30);
    await new Promise(setImmediate);
    expect(at.waiting()).toBe(1);
    writeOwn(at.context, pool, 'other_config', { x: '1' });
    await new Promise(setImmediate);
    expect(at.waiting()).toBe(1);
    writeOwn(at.context, vdi, 'tags', ['t']);
    expect(told(await answer)).toEqual(['mod vdi']);
    const late = from(at, (await answer).token, ['vdi'], 30);
    await new Promise(setImmediate);
    at.elapse(30_000);
    expect(told(await late)).toEqual([]);
  });

  test('tokens of another time are lost, and no tokens are refused', async () => {
    const at = estate();
    const { token } = await from(at, '');
    const [version = '', epoch = ''] = token.split(',');
    const old = `${'1'.padStart(20, '0')},${epoch}`;
    expect(await from(at, old)).toEqual({ error: ['EVENTS_LOST'] });
    expect(await from(at, `${version},${'5'.padStart(20, '0')}`)).toEqual({ error: ['EVENTS_LOST'] });
    expect(await from(at, `${'9'.repeat(15).padStart(20, '0')},${epoch}`)).toEqual({ error: ['EVENTS_LOST'] });
    expect(await from(at, 'nonsense')).toEqual({ error: ['EVENT_FROM_TOKEN_PARSE_FAILURE', 'nonsense'] });
  });

  test('swapped sheets are told where they come out different', async () => {
    const at = estate();
    const { token } = await from(at, '');
    at.swapSheets((text) => text.replace('<value>web</value>', '<value>by the new sheet</value>'));
    const next = await from(at, token);
    expect(told(next)).toEqual(['mod vm']);
    expect(next.events[0]?.snapshot?.['name_label']).toBe('by the new sheet');
    at.swapSheets((text) => text);
    expect(told(await from(at, next.token))).toEqual([]);
  });

  test('many who come at once read the same, and nothing twice', async () => {
    const at = estate();
    for (let n = 0; n < 400; n++)
      at.put(
        hubId('vm', 1000 + n),
        member('VM', ref('VM', hubId('vm', 1000 + n)), `<uuid>m${n}</uuid><name_label>m${n}</name_label>`),
      );
    const reads = Array.from({ length: 20 }, () => at.ask('VM.get_all_records', {}));
    const changes = at.ask('VM.get_all', {}).then(() => at.put(VM, machine('while others read', 'Running')));
    const [first, ...others] = (await Promise.all(reads)) as Record<string, { name_label: string }>[];
    await changes;
    expect(Object.keys(first ?? {})).toHaveLength(401);
    for (const other of others) expect(Object.keys(other)).toEqual(Object.keys(first ?? {}));
    expect(await at.ask('VM.get_name_label', { self: vm })).toBe('while others read');
  });

  test('many who wait share one encoding of a record', async () => {
    const at = estate();
    const { token } = await from(at, '');
    const answers = Array.from({ length: 200 }, () => from(at, token, ['vm'], 30));
    await new Promise(setImmediate);
    expect(at.waiting()).toBe(200);
    const before = at.textsRead();
    at.put(VM, machine('told once', 'Halted'));
    for (const answer of await Promise.all(answers)) expect(told(answer)).toEqual(['mod vm']);
    // Once by `put` above, which compares; once for all clients.
    expect(at.textsRead() - before).toBeLessThanOrEqual(4);
  });
});
