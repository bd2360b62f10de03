/** The simulated XenServer host as PyPI's XenAPI sees it: values, errors with their parameters, the lifecycle table. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startXenHost, type XenHost } from '../../fixtures/xenapi-host/server.ts';
import { classNames, classOf, type Field, recordFields, type Type } from '../../mappings/xenapi/types.ts';
import { fingerprints, makeCa, makeLeaf } from '../../runtime/tls.ts';
import { describeWith } from './describe-with.ts';
import { openXenPython, type PythonXenApi, type XenEndpoint } from './xen-clients.ts';
import { newDrive } from './xen-records.ts';

vi.setConfig({ testTimeout: 30_000 });

const USER = 'root';
const PASSWORD = 'pass word';

let host: XenHost;
let endpoint: XenEndpoint;
let xen: PythonXenApi;

/** What the sheet says a value of the type is in XML-RPC, as Python reads it: integers are text, times are times. */
const isOf = (type: Type, value: unknown): boolean => {
  switch (type.kind) {
    case 'int':
      return typeof value === 'string' && /^-?\d+$/.test(value);
    case 'float':
      return typeof value === 'number';
    case 'bool':
      return typeof value === 'boolean';
    case 'datetime':
      return /^\d{8}T\d\d:\d\d:\d\dZ$/.test((value as { time?: string }).time ?? '');
    case 'ref':
      return typeof value === 'string' && value.startsWith('OpaqueRef:');
    case 'set':
      return Array.isArray(value) && value.every((item) => isOf(type.of, item));
    case 'map':
      return (
        value !== null && typeof value === 'object' && Object.values(value).every((item) => isOf(type.value, item))
      );
    default:
      return typeof value === 'string';
  }
};

const vmOf = async (name: string): Promise<string> =>
  ((await xen.call('VM.get_by_name_label', name)) as string[])[0] ?? '';

describeWith(['xenapi-py'], 'XenAPI.py', () => {
  beforeAll(async () => {
    const nowMs = Date.now();
    const tls = makeLeaf(makeCa(nowMs), ['127.0.0.1'], nowMs);
    host = await startXenHost({ user: USER, password: PASSWORD, loginDelayMs: 20, operationMs: 30, busyMs: 0, tls });
    endpoint = { url: host.url, user: USER, password: PASSWORD, fingerprint: fingerprints(tls.certificate).sha256 };
    xen = await openXenPython(endpoint);
  });
  afterAll(async () => {
    await xen.close();
    await host.close();
  });

  test('logs in, and not with a wrong password', async () => {
    expect(await xen.login('wrong')).toEqual({ failure: ['SESSION_AUTHENTICATION_FAILED', USER, expect.any(String)] });
    expect(await xen.login()).toEqual({ value: { version: '2.23', session: expect.stringMatching(/^OpaqueRef:/) } });
    // The one call in which the session is given twice.
    expect(await xen.call('session.get_this_host', xen.session())).toBe(host.sim.landmarks.host);
  });

  test.each(classNames.filter((name) => classOf(name)?.listed === true && classOf(name)?.stage !== 'removed'))(
    '%s: every record has the fields of the model, each of its type',
    async (name) => {
      const records = (await xen.call(`${name}.get_all_records`)) as Record<string, Record<string, unknown>>;
      expect(await xen.call(`${name}.get_all`)).toEqual(Object.keys(records));
      const fields = recordFields(name);
      for (const [ref, record] of Object.entries(records)) {
        expect(Object.keys(record)).toEqual(fields.map((field) => field.name));
        const wrong = fields.filter((field) => !isOf(field.type, record[field.name]));
        expect(wrong.map((field) => [field.name, record[field.name]])).toEqual([]);
        expect(await xen.call(`${name}.get_record`, ref)).toEqual(record);
        expect(await xen.call(`${name}.get_by_uuid`, record['uuid'])).toBe(ref);
      }
    },
  );

  test('every getter of a VM gives what its record has', async () => {
    const vm = await vmOf('vm-1');
    const record = (await xen.call('VM.get_record', vm)) as Record<string, unknown>;
    for (const { name, stage } of recordFields('VM'))
      expect(await xen.ask(`VM.get_${name}`, vm), name).toEqual(
        // The field of a withdrawn getter is in the record all the same.
        stage === 'removed' ? { failure: ['MESSAGE_REMOVED'] } : { value: record[name] },
      );
  });

  test('every writable field of a VM takes what it had, and what is added is there', async () => {
    const vm = await vmOf('vm-1');
    const writable = recordFields('VM').filter((field: Field) => field.qualifier === 'RW');
    expect(writable.length).toBeGreaterThan(20);
    for (const { name, type } of writable) {
      const value = await xen.call(`VM.get_${name}`, vm);
      await xen.call(`VM.set_${name}`, vm, value);
      expect(await xen.call(`VM.get_${name}`, vm), name).toEqual(value);
      if (type.kind !== 'map') continue;
      await xen.call(`VM.add_to_${name}`, vm, 'new', '');
      expect(await xen.call(`VM.get_${name}`, vm), name).toEqual({ ...(value as object), new: '' });
      expect(await xen.ask(`VM.add_to_${name}`, vm, 'new', 'x')).toEqual({
        failure: ['MAP_DUPLICATE_KEY', 'VM', name, vm, 'new'],
      });
      await xen.call(`VM.remove_from_${name}`, vm, 'new');
      await xen.call(`VM.remove_from_${name}`, vm, 'new');
      expect(await xen.call(`VM.get_${name}`, vm), name).toEqual(value);
    }
  });

  test('errors have the codes and parameters of the API', async () => {
    const vm = await vmOf('vm-1');
    const failures: readonly (readonly [readonly unknown[], readonly string[]])[] = [
      [
        ['VM.get_record', 'OpaqueRef:NULL'],
        ['HANDLE_INVALID', 'VM', 'OpaqueRef:NULL'],
      ],
      [
        ['host.get_record', vm],
        ['HANDLE_INVALID', 'host', vm],
      ],
      [
        ['VM.get_by_uuid', 'no'],
        ['UUID_INVALID', 'VM', 'no'],
      ],
      [
        ['VM.start', vm],
        ['MESSAGE_PARAMETER_COUNT_MISMATCH', 'VM.start', '3', '1'],
      ],
      [
        ['VM.start', vm, false, false, 1],
        ['MESSAGE_PARAMETER_COUNT_MISMATCH', 'VM.start', '3', '4'],
      ],
      [
        ['VM.snapshot', vm],
        ['MESSAGE_PARAMETER_COUNT_MISMATCH', 'VM.snapshot', '2', '1'],
      ],
      [['VM.no_such'], ['MESSAGE_METHOD_UNKNOWN', 'VM.no_such']],
      [
        ['system.multicall', []],
        ['MESSAGE_METHOD_UNKNOWN', 'system.multicall'],
      ],
      [['VMPP.get_all'], ['MESSAGE_REMOVED']],
      [['VIF_metrics.get_all_records'], ['MESSAGE_REMOVED']],
      [
        ['Async.VM.get_record', vm],
        ['Fault', expect.any(String) as unknown as string],
      ],
      [
        ['VM.clone', await vmOf('Control domain on host: xen-simulated'), 'x'],
        ['VM_BAD_POWER_STATE', expect.any(String) as unknown as string, 'halted', 'running'],
      ],
      [
        ['VM.start', await vmOf('Other install media'), false, false],
        ['VM_IS_TEMPLATE', await vmOf('Other install media'), 'start'],
      ],
      [
        ['VM.destroy', await vmOf('Other install media')],
        ['VM_IS_TEMPLATE', await vmOf('Other install media'), 'destroy'],
      ],
      [['VM.provision', vm], ['ONLY_PROVISION_TEMPLATE']],
      [['VM.revert', vm], ['ONLY_REVERT_SNAPSHOT']],
      [['VM.set_memory_static_max', vm, '1'], ['MEMORY_CONSTRAINT_VIOLATION_ORDER']],
      [
        ['VM.set_VCPUs_at_startup', vm, '9'],
        ['INVALID_VALUE', expect.any(String) as unknown as string, '9'],
      ],
      [
        ['host.call_plugin', host.sim.landmarks.host, 'none', 'f', {}],
        ['XENAPI_MISSING_PLUGIN', 'none'],
      ],
      [
        ['event.from', ['*'], 'nonsense', { float: 0 }],
        ['EVENT_FROM_TOKEN_PARSE_FAILURE', 'nonsense'],
      ],
      [
        ['pool.enable_ha', [], {}],
        ['NOT_IMPLEMENTED', 'pool.enable_ha'],
      ],
    ];
    for (const [[method, ...args], failure] of failures)
      expect(await xen.ask(String(method), ...args), String(method)).toEqual({ failure });
    expect(await xen.call('VM.get_by_name_label', 'no such name')).toEqual([]);
    await xen.call('VM.add_to_blocked_operations', vm, 'start', 'because');
    expect(await xen.ask('VM.start', vm, false, false)).toEqual({ failure: ['OPERATION_BLOCKED', vm, 'because'] });
    await xen.call('VM.remove_from_blocked_operations', vm, 'start');
  });

  /** The lifecycle table of the API for a machine with a guest agent, as its clients must be able to rely on it. */
  const ALLOWED: Readonly<Record<string, string>> = {
    Halted:
      'start start_on clone copy snapshot export metadata_export destroy make_into_template migrate_send changing_dynamic_range changing_static_range changing_shadow_memory changing_NVRAM create_vtpm',
    Running:
      'pause clean_shutdown clean_reboot hard_shutdown hard_reboot suspend snapshot checkpoint pool_migrate migrate_send changing_dynamic_range changing_VCPUs_live metadata_export sysprep',
    Paused: 'unpause hard_shutdown hard_reboot snapshot checkpoint metadata_export',
    Suspended: 'resume resume_on hard_shutdown snapshot checkpoint export metadata_export destroy migrate_send',
  };
  const POWER: readonly (readonly [method: string, args: readonly unknown[], from: string, to: string])[] = [
    ['start', [false, false], 'Halted', 'Running'],
    ['pause', [], 'Running', 'Paused'],
    ['unpause', [], 'Paused', 'Running'],
    ['suspend', [], 'Running', 'Suspended'],
    ['resume', [false, false], 'Suspended', 'Running'],
    ['clean_reboot', [], 'Running', 'Running'],
    ['hard_reboot', [], 'Running', 'Running'],
    ['clean_shutdown', [], 'Running', 'Halted'],
    ['start', [true, false], 'Halted', 'Paused'],
    ['hard_shutdown', [], 'Paused', 'Halted'],
  ];
  const EXPECTED: Readonly<Record<string, string>> = {
    ...{ start: 'halted', pause: 'running', unpause: 'paused', suspend: 'running', resume: 'suspended' },
    ...{ clean_reboot: 'running', hard_reboot: 'paused, running', clean_shutdown: 'running' },
    hard_shutdown: 'paused, suspended, running',
  };

  test('a VM goes through its states, and in each allows what the table says and refuses the rest', async () => {
    const vm = await vmOf('vm-1');
    for (const [method, args, from, to] of POWER) {
      expect(await xen.call('VM.get_power_state', vm)).toBe(from);
      const allowed = (await xen.call('VM.get_allowed_operations', vm)) as string[];
      expect([...allowed].sort(), from).toEqual((ALLOWED[from] ?? '').split(' ').sort());
      for (const [other, otherArgs] of POWER)
        if (!allowed.includes(other))
          expect(await xen.ask(`VM.${other}`, vm, ...otherArgs), `${other} of ${from}`).toEqual({
            failure: ['VM_BAD_POWER_STATE', vm, EXPECTED[other], from.toLowerCase()],
          });
      await xen.call(`VM.${method}`, vm, ...args);
      expect(await xen.call('VM.get_power_state', vm)).toBe(to);
      const record = (await xen.call('VM.get_record', vm)) as Record<string, unknown>;
      const lives = to === 'Running' || to === 'Paused';
      expect(record['resident_on'] !== 'OpaqueRef:NULL').toBe(lives);
      expect(record['domid'] !== '-1').toBe(lives);
      expect((record['consoles'] as string[]).length).toBe(lives ? 1 : 0);
      expect(record['suspend_VDI'] !== 'OpaqueRef:NULL').toBe(to === 'Suspended');
      expect(record['current_operations']).toEqual({});
    }
  });

  test('what runs is in the way of the next, and says so', async () => {
    const vm = await vmOf('vm-1');
    const task = String(await xen.call('Async.VM.start', vm, false, false));
    await vi.waitFor(async () => expect(await xen.call('VM.get_current_operations', vm)).toEqual({ [task]: 'start' }), {
      interval: 1,
    });
    expect(await xen.ask('VM.destroy', vm)).toEqual({
      failure: ['OTHER_OPERATION_IN_PROGRESS', 'VM', vm, 'start', task],
    });
    await vi.waitFor(async () => expect(await xen.call('task.get_status', task)).toBe('success'), { interval: 5 });
    expect(await xen.call('task.get_result', task)).toBe('<value></value>');
    await xen.call('task.destroy', task);
    const copying = String(await xen.call('Async.VM.snapshot', vm, 'of a running one'));
    await vi.waitFor(async () => expect(await xen.call('task.get_status', copying)).toBe('success'), { interval: 5 });
    const [snapshot] = (await xen.call('VM.get_snapshots', vm)) as string[];
    expect(await xen.call('task.get_result', copying)).toBe(`<value>${snapshot}</value>`);
    const failing = String(await xen.call('Async.VM.unpause', vm));
    await vi.waitFor(async () => expect(await xen.call('task.get_status', failing)).toBe('failure'), { interval: 5 });
    expect(await xen.call('task.get_error_info', failing)).toEqual(['VM_BAD_POWER_STATE', vm, 'paused', 'running']);
    for (const done of [copying, failing]) await xen.call('task.destroy', done);
    await xen.call('VM.destroy', snapshot);
    await xen.call('VM.hard_shutdown', vm);
  });

  test('drives and cards are made, plugged, filled and ended by their rules', async () => {
    const vm = await vmOf('vm-0');
    const record = (await xen.call('VM.get_record', vm)) as Record<string, string[]>;
    const [disk = '', cd = ''] = record['VBDs'] ?? [];
    const [card = ''] = record['VIFs'] ?? [];
    const [iso = ''] = (await xen.call('VDI.get_by_name_label', 'debian-12.iso')) as string[];
    expect(await xen.ask('VBD.plug', disk)).toEqual({ failure: ['DEVICE_ALREADY_ATTACHED', disk] });
    expect(await xen.ask('VBD.eject', cd)).toEqual({ failure: ['VBD_IS_EMPTY', cd] });
    expect(await xen.ask('VBD.insert', disk, iso)).toEqual({ failure: ['VBD_NOT_REMOVABLE_MEDIA', disk] });
    await xen.call('VBD.insert', cd, iso);
    expect(await xen.call('VDI.get_VBDs', iso)).toEqual([cd]);
    expect(await xen.ask('VBD.insert', cd, iso)).toEqual({ failure: ['VBD_NOT_EMPTY', cd] });
    await xen.call('VBD.eject', cd);
    expect(await xen.call('VDI.get_VBDs', iso)).toEqual([]);
    const vdi = String(await xen.call('VBD.get_VDI', disk));
    expect(await xen.ask('VDI.destroy', vdi)).toEqual({ failure: ['VDI_IN_USE', vdi, 'destroy'] });
    expect(await xen.ask('VDI.resize', vdi, '4294967296')).toEqual({ failure: ['VDI_IN_USE', vdi, 'resize'] });
    await xen.call('VBD.unplug', disk);
    await xen.call('VDI.resize', vdi, '4294967296');
    expect(await xen.call('VDI.get_virtual_size', vdi)).toBe('4294967296');
    expect(await xen.ask('VBD.unplug', disk)).toEqual({ failure: ['DEVICE_ALREADY_DETACHED', disk] });
    await xen.call('VBD.plug', disk);
    expect(await xen.ask('VBD.destroy', disk)).toMatchObject({
      failure: ['OPERATION_NOT_ALLOWED', expect.any(String)],
    });
    const drive = newDrive(vm, vdi, { unpluggable: true });
    expect(await xen.ask('VBD.create', drive)).toEqual({ failure: ['DEVICE_ALREADY_EXISTS', '0'] });
    expect(await xen.ask('VBD.create', { ...drive, userdevice: 'x' })).toEqual({
      failure: ['INVALID_DEVICE', 'x'],
    });
    expect(await xen.ask('VBD.create', { ...drive, userdevice: '5', type: 'CD' })).toEqual({
      failure: ['VBD_CDS_MUST_BE_READONLY'],
    });
    expect(await xen.ask('VIF.plug', card)).toEqual({ failure: ['DEVICE_ALREADY_ATTACHED', card] });
    await xen.call('VIF.unplug', card);
    await xen.call('VIF.destroy', card);
    expect(await xen.call('VM.get_VIFs', vm)).toEqual([]);
    expect(await xen.call('VM.get_allowed_VIF_devices', vm)).toContain('0');
    const network = String(
      await xen.call('VIF.get_network', String(((await xen.call('VM.get_VIFs', await vmOf('vm-2'))) as string[])[0])),
    );
    const wanted = {
      VM: vm,
      network,
      device: '0',
      MTU: '1500',
      other_config: {},
      qos_algorithm_type: '',
      qos_algorithm_params: {},
    };
    expect(await xen.ask('VIF.create', { ...wanted, MAC: 'zz' })).toEqual({ failure: ['MAC_INVALID', 'zz'] });
    const made = String(await xen.call('VIF.create', { ...wanted, MAC: '02:00:00:00:00:99' }));
    expect(await xen.call('VIF.get_MAC', made)).toBe('02:00:00:00:00:99');
  });

  test('events tell what became of objects since a token, once each', async () => {
    const vm = await vmOf('vm-3');
    type Batch = { events: Record<string, unknown>[]; token: string; valid_ref_counts: Record<string, unknown> };
    const from = async (classes: string[], token: string, seconds = 5): Promise<Batch> =>
      (await xen.call('event.from', classes, token, { float: seconds })) as Batch;
    const token = String(await xen.call('event.inject', 'VM', vm));
    expect(token).toMatch(/^\d{20},\d{20}$/);
    const first = await from(['vm'], token);
    expect(first.events).toMatchObject([
      { class: 'vm', operation: 'mod', ref: vm, snapshot: { name_label: 'vm-3' }, timestamp: '0.0' },
    ]);
    expect(first.valid_ref_counts).toMatchObject({ vm: expect.any(Number), task: 0, pool: 1, host: 1 });
    const idle = await from(['vm'], first.token, 0.1);
    expect([idle.events, idle.token]).toEqual([[], first.token]);
    const copy = String(await xen.call('VM.clone', vm, 'seen in events'));
    await xen.call('VM.set_name_description', copy, 'twice changed');
    const made = await from(['VM', 'vbd', 'no_such_class'], idle.token);
    expect(made.events.filter(({ ref }) => ref === copy)).toMatchObject([
      { operation: 'add', snapshot: { name_description: 'twice changed' } },
    ]);
    expect(made.events.filter((event) => event['class'] === 'vbd' && event['operation'] === 'add')).toHaveLength(2);
    await xen.call('VM.destroy', copy);
    const gone = await from(['*'], made.token);
    const last = gone.events.filter(({ ref }) => ref === copy);
    expect(last).toMatchObject([{ operation: 'del', class: 'vm' }]);
    expect(last[0]).not.toHaveProperty('snapshot');
    // Made and gone since the token: nothing was missed.
    const between = await from(['*'], idle.token);
    expect(between.events.filter(({ ref }) => ref === copy)).toEqual([]);
    // A single object.
    const task = String(await xen.call('Async.VM.start', vm, false, false));
    const watched = await from([`task/${task}`], '');
    expect(new Set(watched.events.map(({ ref }) => ref))).toEqual(new Set([task]));
    await vi.waitFor(async () => expect(await xen.call('task.get_status', task)).toBe('success'));
    await xen.call('task.destroy', task);
  });

  test('a filter finds the objects it says', async () => {
    const where = async (expression: string): Promise<string[]> => {
      const found = (await xen.call('VM.get_all_records_where', expression)) as Record<string, { name_label: string }>;
      return Object.values(found).map((record) => record.name_label);
    };
    expect(await where('field "name__label" = "vm-2"')).toEqual(['vm-2']);
    expect(
      await where(
        'field "is_a_template"="true" or (field "name__label"="vm-0" and not field "is_control_domain"="true")',
      ),
    ).toEqual(expect.arrayContaining(['Other install media', 'vm-0']));
    expect(await where('false')).toEqual([]);
    expect(await where('true')).toHaveLength(((await xen.call('VM.get_all')) as string[]).length);
    expect(await xen.ask('VM.get_all_records_where', 'field name')).toMatchObject({
      failure: ['INVALID_VALUE', 'field name', expect.any(String)],
    });
  });

  test('a session that the host forgot is made again by the client; a logout ends it', async () => {
    const before = xen.session();
    host.sim.sessions.endAll();
    expect(await xen.call('VM.get_power_state', await vmOf('vm-0'))).toBe('Running');
    expect(host.sim.sessions.isValid(before)).toBe(false);
    expect(await xen.logout()).toEqual({ value: null });
    expect(host.sim.db.count('session')).toBe(0);
    await xen.login();
  });
});
