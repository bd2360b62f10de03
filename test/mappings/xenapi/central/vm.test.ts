/** Copies, snapshots, sizes and fields of machines: what each call becomes, and what it is refused for. */
import { beforeEach, describe, expect, it } from 'vitest';
import { hubId } from '../../../../mappings/generic/ids.ts';
import {
  GIB,
  HOST,
  kept,
  MIB,
  NULL,
  onlyCommand,
  POOL,
  ref,
  SNAPSHOT_REF,
  TEMPLATE,
  type TestHost,
  testHost,
  WEB,
  WEB_REF,
} from './host.ts';

let host: TestHost;
beforeEach(() => {
  host = testHost();
});
const verbs = (): string[] => host.commands.map(({ command }) => command.verb);

describe('copies', () => {
  it('makes a VM of the built-in template: still a template, with an identity of its own', () => {
    const made = host.value('VM.clone', TEMPLATE, { new_name: 'fresh' });
    const { verb, params } = onlyCommand(host);
    expect(verb).toBe('vm.create');
    const { vm } = params as { vm: ReturnType<TestHost['web']> };
    expect(vm).toMatchObject({ name: 'fresh', template: true, disks: [], memoryBytes: 512 * MIB });
    expect(vm.uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
    expect(kept(vm)).toMatchObject({ 'other_config.base_template_name': 'Other install media' });
    expect(kept(vm)).not.toHaveProperty('other_config.default_template');
    expect(made).toBe(ref('VM', hubId('vm', 201)));
  });

  it('copies a machine, to another storage when one is named', () => {
    host.value('VM.copy', WEB_REF, { new_name: 'web2', sr: ref('SR', POOL) });
    expect(onlyCommand(host)).toMatchObject({
      verb: 'vm.clone',
      target: WEB,
      params: { name: 'web2', storage: POOL, template: false },
    });
    host.commands.length = 0;
    host.value('VM.copy', WEB_REF, { new_name: 'web3', sr: NULL });
    expect(onlyCommand(host).params).not.toHaveProperty('storage');
  });

  it('takes nothing out of a snapshot', () => {
    expect(host.value('VM.clone', SNAPSHOT_REF, { new_name: 'x' })).toMatchObject([
      'NOT_IMPLEMENTED',
      expect.any(String),
    ]);
  });

  it('provisions a template with the disks that it asks for', () => {
    const disks = '<provision><disk device="1" size="2147483648" sr="" bootable="true" type="system"/></provision>';
    host.setWeb({ template: true });
    host.value('VM.add_to_other_config', WEB_REF, { key: 'disks', value: disks });
    host.value('VM.provision', WEB_REF);
    expect(host.web()).toMatchObject({ template: false });
    expect(host.web().disks.map(({ slot, capacityBytes }) => [slot.unit, capacityBytes])).toEqual([
      [0, 10 * GIB],
      [1, 2 * GIB],
    ]);
    expect(kept(host.web())).toEqual({ 'other_config.mine': 'kept' });
    expect(host.value('VM.provision', WEB_REF)).toEqual(['ONLY_PROVISION_TEMPLATE']);
  });

  it.each([
    '<provision><disk device="0" size="-1" sr=""/></provision>',
    '<provision><disk device="x" size="1024" sr=""/></provision>',
    '<other/>',
    'no xml',
  ])('refuses to provision %s', (disks) => {
    host.setWeb({ template: true });
    host.value('VM.add_to_other_config', WEB_REF, { key: 'disks', value: disks });
    expect(host.value('VM.provision', WEB_REF)).toMatchObject(['INVALID_VALUE', 'other_config:disks', disks]);
    expect(host.web().template).toBe(true);
  });

  it('makes a machine from a record', () => {
    host.value('VM.create', '', {
      args: {
        name_label: 'made',
        name_description: 'by hand',
        memory_static_max: 2 * GIB,
        memory_dynamic_max: GIB,
        memory_dynamic_min: GIB / 2,
        VCPUs_max: 4,
        VCPUs_at_startup: 2,
        is_a_template: false,
        HVM_boot_params: { order: 'dc', firmware: 'uefi' },
        platform: { 'cores-per-socket': '2', viridian: 'true' },
        other_config: { a: '' },
        tags: ['t'],
        actions_after_crash: 'restart',
      },
    });
    const { vm } = onlyCommand(host).params as { vm: ReturnType<TestHost['web']> };
    expect(vm).toMatchObject({
      name: 'made',
      description: 'by hand',
      memoryBytes: GIB,
      memoryMaxBytes: 2 * GIB,
      cpuCount: 2,
      cpuMax: 4,
      coresPerSocket: 2,
      firmware: 'efi',
      bootOrder: ['cdrom', 'disk'],
    });
    expect(kept(vm)).toMatchObject({
      'other_config.a': '\\',
      'platform.viridian': 'true',
      'tags.t': '1',
      memory_dynamic_min: String(GIB / 2),
    });
  });

  it('destroys a machine and keeps its disks; a snapshot goes alone', () => {
    host.value('VM.destroy', SNAPSHOT_REF);
    host.value('VM.destroy', WEB_REF);
    expect(host.commands.map(({ command }) => [command.verb, command.params])).toEqual([
      ['snapshot.delete', { snapshot: 'before', children: false }],
      ['vm.delete', { deleteVolumes: false }],
    ]);
    expect(host.value('VM.destroy', TEMPLATE)).toEqual(['VM_IS_TEMPLATE', TEMPLATE, 'destroy']);
  });
});

describe('snapshots', () => {
  it('takes them with and without memory', () => {
    host.setWeb({ powerState: 'running' });
    expect(host.value('VM.snapshot', WEB_REF, { new_name: 's', ignore_vdis: [] })).toBe(
      ref('VM', hubId('snapshot', 201)),
    );
    host.value('VM.checkpoint', WEB_REF, { new_name: 'c' });
    expect(host.commands.map(({ command }) => command.params)).toMatchObject([{ memory: false }, { memory: true }]);
    expect(host.value('VM.snapshot', WEB_REF, { new_name: 's', ignore_vdis: [ref('VDI', WEB)] })).toMatchObject([
      'VALUE_NOT_SUPPORTED',
      'ignore_vdis',
      expect.any(String),
      expect.any(String),
    ]);
  });

  it('reverts to halted, or to suspended where memory was saved', () => {
    host.setWeb({ powerState: 'running' });
    host.value('VM.revert', SNAPSHOT_REF);
    expect(onlyCommand(host)).toMatchObject({
      verb: 'snapshot.revert',
      target: WEB,
      params: { snapshot: 'before', start: false },
    });
    host.commands.length = 0;
    const [snapshot] = host.web().snapshots;
    if (snapshot) host.setWeb({ snapshots: [{ ...snapshot, hasMemory: true, powerState: 'running' }] });
    host.value('VM.revert', SNAPSHOT_REF);
    expect(verbs()).toEqual(['snapshot.revert', 'vm.suspend']);
    // By now it is suspended.
    expect(host.value('VM.revert', WEB_REF)).toEqual(['ONLY_REVERT_SNAPSHOT']);
  });

  it('is renamed on the host, and told here that it is no template', () => {
    host.value('VM.set_name_label', SNAPSHOT_REF, { value: 'after' });
    expect(onlyCommand(host)).toMatchObject({ verb: 'snapshot.rename', params: { snapshot: 'before', name: 'after' } });
    host.value('VM.set_is_a_template', SNAPSHOT_REF, { value: false });
    expect(verbs()).toEqual(['snapshot.rename']);
    expect(host.value('VM.start', SNAPSHOT_REF)).toEqual(['VM_IS_SNAPSHOT', SNAPSHOT_REF, 'start']);
  });
});

describe('memory and CPUs', () => {
  it('sets all four limits at once', () => {
    host.value('VM.set_memory_limits', WEB_REF, {
      static_min: GIB / 4,
      static_max: 4 * GIB,
      dynamic_min: GIB,
      dynamic_max: 2 * GIB,
    });
    expect(host.web()).toMatchObject({ memoryBytes: 2 * GIB, memoryMaxBytes: 4 * GIB });
    expect(kept(host.web())).toMatchObject({ memory_dynamic_min: String(GIB), memory_static_min: String(GIB / 4) });
  });

  it.each([
    ['VM.set_memory_limits', { static_min: 0, static_max: GIB, dynamic_min: 0, dynamic_max: 2 * GIB }],
    ['VM.set_memory_limits', { static_min: 2, static_max: 4, dynamic_min: 1, dynamic_max: 3 }],
    ['VM.set_memory_dynamic_range', { min: 2 * GIB, max: GIB }],
    ['VM.set_memory_static_max', { value: GIB / 2 }],
    ['VM.set_memory', { value: -1 }],
  ])('%s refuses %o and changes nothing', (method, args) => {
    expect(host.value(method, WEB_REF, args)).toMatchObject(['MEMORY_CONSTRAINT_VIOLATION_ORDER', expect.any(String)]);
    expect(host.commands).toEqual([]);
  });

  it('moves a running VM within what it has room for', () => {
    host.setWeb({ powerState: 'running', memoryMaxBytes: 2 * GIB, cpuMax: 4 });
    host.value('VM.set_memory_dynamic_range', WEB_REF, { min: GIB, max: 2 * GIB });
    host.value('VM.set_VCPUs_number_live', WEB_REF, { nvcpu: 3 });
    expect(host.web()).toMatchObject({ memoryBytes: 2 * GIB, memoryMaxBytes: 2 * GIB, cpuCount: 3, cpuMax: 4 });
    expect(
      host.value('VM.set_memory_limits', WEB_REF, {
        static_min: 0,
        static_max: GIB,
        dynamic_min: GIB,
        dynamic_max: GIB,
      }),
    ).toEqual(['VM_BAD_POWER_STATE', WEB_REF, 'halted', 'running']);
    expect(host.value('VM.set_VCPUs_number_live', WEB_REF, { nvcpu: 5 })).toMatchObject([
      'INVALID_VALUE',
      'VCPUs_number_live',
      expect.any(String),
    ]);
  });

  it('lowers the CPUs at start without lowering the most', () => {
    host.value('VM.set_VCPUs_max', WEB_REF, { value: 8 });
    host.value('VM.set_VCPUs_at_startup', WEB_REF, { value: 1 });
    expect(host.web()).toMatchObject({ cpuCount: 1, cpuMax: 8 });
    expect(host.value('VM.set_VCPUs_max', WEB_REF, { value: 0 })).toMatchObject([
      'INVALID_VALUE',
      'VCPUs_max',
      expect.any(String),
    ]);
  });
});

describe('fields', () => {
  it('changes only the key that is named, and leaves what others wrote', () => {
    host.value('VM.add_to_other_config', WEB_REF, { key: 'xo:a', value: '' });
    expect(onlyCommand(host).params).toEqual({
      change: { attributes: [{ owner: 'xenapi', key: 'other_config.xo:a', value: '\\' }] },
    });
    expect(host.value('VM.add_to_other_config', WEB_REF, { key: 'xo:a', value: 'b' })).toEqual([
      'MAP_DUPLICATE_KEY',
      'VM',
      'other_config',
      WEB_REF,
      'xo:a',
    ]);
    host.value('VM.set_other_config', WEB_REF, { value: { mine: 'kept', z: '1' } });
    expect(kept(host.web())).toEqual({ 'other_config.mine': 'kept', 'other_config.z': '1' });
    expect(kept(host.web(), 'vim25')).toEqual({ 'guestinfo.a': '1' });
    host.commands.length = 0;
    host.value('VM.remove_from_other_config', WEB_REF, { key: 'never there' });
    expect(host.commands).toEqual([]);
  });

  it('knows names of every client as data', () => {
    for (const key of ['__proto__', 'constructor', 'toString']) {
      host.value('VM.add_to_xenstore_data', WEB_REF, { key, value: 'x' });
      expect(host.value('VM.add_to_xenstore_data', WEB_REF, { key, value: 'x' })).toMatchObject([
        'MAP_DUPLICATE_KEY',
        'VM',
        'xenstore_data',
        WEB_REF,
        key,
      ]);
    }
  });

  it('keeps tags as a set', () => {
    host.value('VM.add_tags', WEB_REF, { value: 'prod' });
    host.value('VM.add_tags', WEB_REF, { value: 'prod' });
    host.value('VM.add_tags', WEB_REF, { value: 'web' });
    host.value('VM.remove_tags', WEB_REF, { value: 'prod' });
    expect(kept(host.web())).toEqual({ 'other_config.mine': 'kept', 'tags.web': '1' });
  });

  it('writes what the hub knows to its own place', () => {
    host.value('VM.set_name_label', WEB_REF, { value: 'www' });
    host.value('VM.set_name_description', WEB_REF, { value: 'text' });
    host.value('VM.add_to_platform', WEB_REF, { key: 'vga', value: 'std' });
    host.value('VM.set_HVM_boot_params', WEB_REF, { value: { order: 'ncd', firmware: 'uefi', x: 'y' } });
    host.value('VM.add_to_other_config', WEB_REF, { key: 'auto_poweron', value: 'true' });
    expect(host.web()).toMatchObject({
      name: 'www',
      description: 'text',
      coresPerSocket: 1,
      firmware: 'efi',
      bootOrder: ['network', 'disk', 'cdrom'],
      autostart: true,
    });
    expect(kept(host.web())).toMatchObject({ 'platform.vga': 'std', 'platform.nx': 'true', 'HVM_boot_params.x': 'y' });
  });

  it.each([
    ['VM.set_platform', { value: { 'cores-per-socket': 'two' } }, 'INVALID_VALUE'],
    ['VM.set_HVM_boot_params', { value: { order: 'xyz' } }, 'INVALID_VALUE'],
    ['VM.set_HVM_boot_params', { value: { firmware: 'openboot' } }, 'VALUE_NOT_SUPPORTED'],
    ['VM.set_actions_after_shutdown', { value: 'restart' }, 'VALUE_NOT_SUPPORTED'],
    ['VM.set_domain_type', { value: 'pv' }, 'VALUE_NOT_SUPPORTED'],
    ['VM.set_HVM_boot_policy', { value: '' }, 'VALUE_NOT_SUPPORTED'],
    ['VM.set_affinity', { value: ref('VM', WEB) }, 'HANDLE_INVALID'],
  ])('%s refuses %o', (method, args, code) => {
    expect((host.value(method, WEB_REF, args) as string[])[0]).toBe(code);
    expect(host.commands).toEqual([]);
  });

  it('keeps fields of the built-in template here', () => {
    host.show(HOST, 'VM', TEMPLATE, { name_label: 'Other install media', other_config: { default_template: 'true' } });
    host.value('VM.add_to_other_config', TEMPLATE, { key: 'k', value: 'v' });
    expect(host.commands).toEqual([]);
    host.value('VM.clone', TEMPLATE, { new_name: 'n' });
    expect(kept((onlyCommand(host).params as { vm: ReturnType<TestHost['web']> }).vm)).toMatchObject({
      'other_config.k': 'v',
    });
  });
});

describe('questions', () => {
  it('names free places', () => {
    expect((host.value('VM.get_allowed_VBD_devices', WEB_REF) as string[]).slice(0, 4)).toEqual(['1', '2', '4', '5']);
    expect((host.value('VM.get_allowed_VIF_devices', WEB_REF) as string[])[0]).toBe('1');
    expect(host.value('VM.get_possible_hosts', WEB_REF)).toEqual([ref('host', HOST)]);
  });

  it('says beforehand what an operation would meet', () => {
    expect(host.value('VM.assert_operation_valid', WEB_REF, { op: 'start' })).toBeUndefined();
    expect(host.value('VM.assert_operation_valid', WEB_REF, { op: 'pause' })).toEqual([
      'VM_BAD_POWER_STATE',
      WEB_REF,
      'running',
      'halted',
    ]);
    host.setWeb({ memoryBytes: 100 * GIB });
    expect(host.value('VM.assert_can_boot_here', WEB_REF, { host: ref('host', HOST) })).toEqual([
      'HOST_NOT_ENOUGH_FREE_MEMORY',
      String(100 * GIB),
      String(64 * GIB),
    ]);
    expect(host.commands).toEqual([]);
  });
});
