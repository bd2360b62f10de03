/** Drives, cards, disks, storages, networks and tasks: what each call becomes, and what it is refused for. */
import { beforeEach, describe, expect, it } from 'vitest';
import { hubId } from '../../../../mappings/generic/ids.ts';
import type { PowerState } from '../../../../mappings/generic/model.ts';
import { ownObject, ownObjects, readOwn } from '../../../../mappings/xenapi/own-data.ts';
import {
  fault,
  GIB,
  HOST,
  ISO,
  kept,
  NETWORK,
  NULL,
  onlyCommand,
  POOL,
  ref,
  SNAPSHOT,
  SPARE,
  storageDoc,
  TEMPLATE,
  type TestHost,
  testHost,
  VOLUME,
  vbd,
  vif,
  WEB,
} from './host.ts';

const WEB_REF = ref('VM', WEB);
const SPARE_VDI = ref('VDI', SPARE);
const MAC = '52:54:00:00:00:01';

let host: TestHost;
beforeEach(() => {
  host = testHost();
});
const verbs = (): string[] => host.commands.map(({ command }) => command.verb);
const power = (powerState: PowerState): void => host.setWeb({ powerState });

const disk = (more: object = {}) => ({
  args: {
    VM: WEB_REF,
    VDI: SPARE_VDI,
    userdevice: '1',
    mode: 'RW',
    type: 'Disk',
    empty: false,
    bootable: false,
    unpluggable: true,
    other_config: {},
    ...more,
  },
});
const card = (more: object = {}) => ({
  args: { VM: WEB_REF, network: ref('network', NETWORK), device: '1', MAC: '', MTU: 1500, other_config: {}, ...more },
});

describe('VBD.create', () => {
  it('adds a drive to a halted VM at once', () => {
    expect(host.value('VBD.create', '', disk({ bootable: true, other_config: { owner: 'x' } }))).toBe(vbd(1));
    expect(host.web().disks[1]).toMatchObject({
      slot: { bus: 'virtio', controller: 0, unit: 1 },
      medium: { volume: SPARE },
      capacityBytes: 2 * GIB,
    });
    expect(kept(host.web())).toMatchObject({ 'VBD.1.bootable': 'true', 'VBD.1.other_config.owner': 'x' });
  });

  it('finds a place itself, and keeps the one it is given', () => {
    expect(host.value('VBD.create', '', disk({ userdevice: 'autodetect' }))).toBe(vbd(1));
    expect(host.value('VBD.create', '', disk({ userdevice: '7' }))).toBe(vbd(7));
    expect(host.web().disks.map(({ slot }) => slot.unit)).toEqual([0, 1, 8]);
    expect((host.value('VM.get_allowed_VBD_devices', WEB_REF) as string[]).slice(0, 5)).toEqual([
      '2',
      '4',
      '5',
      '6',
      '8',
    ]);
  });

  it('makes an empty CD-ROM drive, inserts and ejects', () => {
    expect(host.value('VBD.insert', vbd(3), { vdi: ref('VDI', ISO) })).toBeUndefined();
    expect(host.web().cdroms[0]?.medium).toMatchObject({ volume: ISO });
    expect(host.value('VBD.insert', vbd(3), { vdi: ref('VDI', ISO) })).toEqual(['VBD_NOT_EMPTY', vbd(3)]);
    host.value('VBD.eject', vbd(3));
    expect(host.web().cdroms[0]).not.toHaveProperty('medium');
    expect(host.value('VBD.eject', vbd(3))).toEqual(['VBD_IS_EMPTY', vbd(3)]);
    expect(host.value('VBD.eject', vbd(0))).toEqual(['VBD_NOT_REMOVABLE_MEDIA', vbd(0)]);
    expect(
      host.value('VBD.create', '', disk({ type: 'CD', mode: 'RO', VDI: NULL, empty: true, userdevice: '2' })),
    ).toBe(vbd(2));
    expect(host.web().cdroms[1]?.slot).toEqual({ bus: 'ide', controller: 1, unit: 0 });
  });

  it.each([
    [{ userdevice: '0' }, ['DEVICE_ALREADY_EXISTS', '0']],
    [{ userdevice: '255' }, ['INVALID_DEVICE', '255']],
    [{ userdevice: 'hda' }, ['INVALID_DEVICE', 'hda']],
    [{ type: 'CD', mode: 'RW' }, ['VBD_CDS_MUST_BE_READONLY']],
    [{ empty: true }, ['INVALID_VALUE', 'empty', 'true']],
    [{ VDI: ref('VDI', hubId('volume', 999)) }, ['HANDLE_INVALID', 'VDI', ref('VDI', hubId('volume', 999))]],
    [{ VM: ref('VM', hubId('vm', 999)) }, ['HANDLE_INVALID', 'VM', ref('VM', hubId('vm', 999))]],
    [{ VM: TEMPLATE }, ['OPERATION_NOT_ALLOWED', expect.any(String)]],
  ])('refuses %o', (more, error) => {
    expect(host.value('VBD.create', '', disk(more))).toEqual(error);
    expect(host.commands).toEqual([]);
  });
});

describe('a VBD of a running VM', () => {
  beforeEach(() => power('running'));

  it('waits until it is plugged, and is the same afterwards', () => {
    const made = host.value('VBD.create', '', disk({ other_config: { owner: 'x' } })) as string;
    expect(made).toBe(vbd(1));
    expect(host.commands).toEqual([]);
    expect(ownObject(host.context, made)?.fields).toMatchObject({
      VM: WEB_REF,
      VDI: SPARE_VDI,
      userdevice: '1',
      currently_attached: false,
    });
    expect(host.value('VBD.create', '', disk())).toEqual(['DEVICE_ALREADY_EXISTS', '1']);
    expect(host.value('VBD.plug', made)).toBeUndefined();
    expect(host.web().disks).toHaveLength(2);
    expect(ownObject(host.context, made)).toBeUndefined();
    expect(host.value('VBD.plug', made)).toEqual(['DEVICE_ALREADY_ATTACHED', made]);
  });

  it('is kept when it is unplugged, with all that was said of it, and comes back with the next start', () => {
    host.setWeb({
      attributes: [...host.web().attributes, { owner: 'xenapi', key: 'VBD.0.other_config.k', value: 'v' }],
    });
    expect(host.value('VBD.unplug', vbd(0))).toBeUndefined();
    expect(host.web().disks).toEqual([]);
    expect(kept(host.web())).toEqual({ 'other_config.mine': 'kept' });
    expect(ownObject(host.context, vbd(0))?.fields).toMatchObject({
      VDI: ref('VDI', VOLUME),
      bootable: true,
      other_config: { k: 'v' },
    });
    expect(host.value('VBD.unplug', vbd(0))).toEqual(['DEVICE_ALREADY_DETACHED', vbd(0)]);
    power('stopped');
    host.value('VM.start', WEB_REF);
    expect(verbs()).toEqual(['vm.change', 'vm.change', 'vm.start']);
    expect(host.web().disks[0]?.medium.volume).toBe(VOLUME);
    expect(kept(host.web())).toMatchObject({ 'VBD.0.other_config.k': 'v' });
    expect(ownObjects(host.context)).toEqual([]);
  });

  it('cannot be destroyed while it is attached, and leaves nothing when it is not', () => {
    expect(host.value('VBD.destroy', vbd(0))).toMatchObject(['OPERATION_NOT_ALLOWED', expect.any(String)]);
    host.value('VBD.create', '', disk());
    host.value('VBD.destroy', vbd(1));
    expect(ownObjects(host.context)).toEqual([]);
    expect(host.value('VBD.destroy', vbd(1))).toEqual(['HANDLE_INVALID', 'VBD', vbd(1)]);
    power('stopped');
    host.value('VBD.destroy', vbd(0));
    expect(onlyCommand(host).params).toMatchObject({ change: { disks: { remove: [{ deleteVolume: false }] } } });
  });

  it('says when the guest does not let go, and is still there', () => {
    host.failNext('vm.change', fault('timeout', {}, 'too late'));
    expect(host.value('VBD.unplug', vbd(0))).toEqual(['DEVICE_DETACH_TIMEOUT', 'VBD', vbd(0)]);
    expect(ownObjects(host.context)).toEqual([]);
    expect(host.web().disks).toHaveLength(1);
  });

  it('is plugged and unplugged only while the VM runs, and never as a CD-ROM drive', () => {
    expect(host.value('VBD.unplug', vbd(3))).toMatchObject(['OPERATION_NOT_ALLOWED', expect.any(String)]);
    power('stopped');
    expect(host.value('VBD.unplug', vbd(0))).toEqual(['VM_BAD_POWER_STATE', WEB_REF, 'running', 'halted']);
    host.value('VBD.set_unpluggable', vbd(0), { value: false });
    power('running');
    expect(host.value('VBD.unplug', vbd(0))).toEqual(['VBD_NOT_UNPLUGGABLE', vbd(0)]);
  });
});

describe('fields of a VBD', () => {
  it('are kept by the host of its VM, or here while it is not plugged', () => {
    host.value('VBD.set_bootable', vbd(0), { value: false });
    host.value('VBD.add_to_other_config', vbd(0), { key: 'a', value: 'b' });
    expect(host.value('VBD.add_to_other_config', vbd(0), { key: 'a', value: 'b' })).toEqual([
      'MAP_DUPLICATE_KEY',
      'VBD',
      'other_config',
      vbd(0),
      'a',
    ]);
    expect(kept(host.web())).toMatchObject({ 'VBD.0.bootable': 'false', 'VBD.0.other_config.a': 'b' });
    power('running');
    host.value('VBD.create', '', disk());
    host.value('VBD.set_bootable', vbd(1), { value: true });
    host.value('VBD.set_other_config', vbd(1), { value: { c: 'd' } });
    expect(ownObject(host.context, vbd(1))?.fields).toMatchObject({ bootable: true, other_config: { c: 'd' } });
  });

  it('change the mode of a disk that is off, and never its place', () => {
    host.value('VBD.set_mode', vbd(0), { value: 'RO' });
    expect(host.web().disks[0]?.readOnly).toBe(true);
    expect(host.value('VBD.set_mode', vbd(3), { value: 'RW' })).toEqual(['VBD_CDS_MUST_BE_READONLY']);
    expect(host.value('VBD.set_userdevice', vbd(0), { value: '0' })).toBeUndefined();
    expect(host.value('VBD.set_userdevice', vbd(0), { value: '5' })).toMatchObject([
      'VALUE_NOT_SUPPORTED',
      'userdevice',
      '5',
      expect.any(String),
    ]);
  });

  it('of a snapshot are as it was taken', () => {
    const inside = vbd(0, SNAPSHOT);
    expect(host.value('VBD.set_bootable', inside, { value: false })).toMatchObject([
      'OPERATION_NOT_ALLOWED',
      expect.any(String),
    ]);
  });
});

describe('VIFs', () => {
  it('get an address of their own, or the one that is given', () => {
    const made = host.value('VIF.create', '', card()) as string;
    const mac = host.web().nics[1]?.mac ?? '';
    expect(made).toBe(vif(mac));
    // Locally administered, not multicast.
    expect(Number.parseInt(mac.slice(0, 2), 16) & 3).toBe(2);
    host.value('VIF.create', '', card({ device: '4', MAC: '02:00:00:AA:BB:CC', other_config: { k: 'v' } }));
    expect(host.web().nics[2]).toMatchObject({
      mac: '02:00:00:aa:bb:cc',
      network: NETWORK,
      networkName: 'lan',
      macGenerated: false,
    });
    expect(kept(host.web())).toMatchObject({
      'vif.02:00:00:aa:bb:cc': '4',
      'VIF.02:00:00:aa:bb:cc.other_config.k': 'v',
    });
    expect((host.value('VM.get_allowed_VIF_devices', WEB_REF) as string[]).slice(0, 3)).toEqual(['2', '3', '5']);
  });

  it.each([
    [{ device: '0' }, ['DEVICE_ALREADY_EXISTS', '0']],
    [{ device: '16' }, ['INVALID_DEVICE', '16']],
    [{ MAC: 'no' }, ['MAC_INVALID', 'no']],
    [{ MAC: '01:00:00:00:00:09' }, ['MAC_INVALID', '01:00:00:00:00:09']],
    [{ MAC: MAC }, ['MAC_INVALID', MAC]],
    [{ locking_mode: 'locked' }, ['VALUE_NOT_SUPPORTED', 'locking_mode', 'locked', expect.any(String)]],
    [{ ipv4_allowed: ['10.0.0.1'] }, ['VALUE_NOT_SUPPORTED', 'ipv4_allowed', '10.0.0.1', expect.any(String)]],
    [{ network: ref('network', HOST) }, ['VALUE_NOT_SUPPORTED', 'network', ref('network', HOST), expect.any(String)]],
    [{ network: NULL }, ['HANDLE_INVALID', 'network', NULL]],
  ])('refuse %o', (more, error) => {
    expect(host.value('VIF.create', '', card(more))).toEqual(error);
    expect(host.commands).toEqual([]);
  });

  it('are unplugged and plugged again under the same name', () => {
    power('running');
    host.value('VIF.unplug', vif(MAC));
    expect(host.web().nics).toEqual([]);
    expect(ownObject(host.context, vif(MAC))?.fields).toMatchObject({
      MAC,
      device: '0',
      network: ref('network', NETWORK),
    });
    host.value('VIF.plug', vif(MAC));
    expect(host.web().nics[0]?.mac).toBe(MAC);
    expect(ownObjects(host.context)).toEqual([]);
    expect(host.value('VIF.plug', vif(MAC))).toEqual(['DEVICE_ALREADY_ATTACHED', vif(MAC)]);
    expect(host.value('VIF.destroy', vif(MAC))).toMatchObject(['OPERATION_NOT_ALLOWED', expect.any(String)]);
  });

  it('keep their numbers when one before them goes', () => {
    host.value('VIF.create', '', card({ device: '1', MAC: '02:00:00:00:00:aa' }));
    host.value('VIF.destroy', vif(MAC));
    expect(kept(host.web())).toMatchObject({ 'vif.02:00:00:00:00:aa': '1' });
    expect((host.value('VM.get_allowed_VIF_devices', WEB_REF) as string[]).slice(0, 2)).toEqual(['0', '2']);
    host.value('VIF.move', vif('02:00:00:00:00:aa'), { network: ref('network', NETWORK) });
    expect(host.commands.at(-1)?.command.params).toEqual({
      change: { nics: { change: [{ mac: '02:00:00:00:00:aa', to: { network: NETWORK, networkName: 'lan' } }] } },
    });
  });
});

describe('VDIs', () => {
  const record = (more: object = {}) => ({
    args: {
      SR: ref('SR', POOL),
      virtual_size: GIB,
      name_label: 'My disk/1',
      name_description: 'd',
      other_config: { a: '' },
      ...more,
    },
  });

  it('are made under a name of their own and labelled here', () => {
    const made = host.value('VDI.create', '', record()) as string;
    const { verb, params } = onlyCommand(host);
    expect([verb, params]).toMatchObject([
      'volume.create',
      { storage: POOL, capacityBytes: GIB, format: 'qcow2', thin: true },
    ]);
    expect((params as { name: string }).name).toMatch(/^My-disk-1-[0-9a-f]{8}\.qcow2$/);
    expect(readOwn(host.context, made, 'name_label')).toBe('My disk/1');
    expect(readOwn(host.context, made, 'other_config')).toEqual({ a: '' });
    const second = host.value('VDI.create', '', record()) as string;
    expect(second).not.toBe(made);
  });

  it.each([
    [{ virtual_size: 0 }, ['INVALID_VALUE', 'virtual_size', '0']],
    [{ virtual_size: -5 }, ['INVALID_VALUE', 'virtual_size', '-5']],
    [{ sharable: true }, ['VALUE_NOT_SUPPORTED', 'sharable', 'true', expect.any(String)]],
    [
      { sm_config: { 'image-format': 'vhd' } },
      ['VALUE_NOT_SUPPORTED', 'sm_config:image-format', 'vhd', expect.any(String)],
    ],
    [{ SR: NULL }, ['HANDLE_INVALID', 'SR', NULL]],
  ])('refuse %o', (more, error) => {
    expect(host.value('VDI.create', '', record(more))).toEqual(error);
    expect(host.commands).toEqual([]);
  });

  it('stay while a VM runs with them, and leave the drives of those that are off', () => {
    power('running');
    expect(host.value('VDI.destroy', ref('VDI', VOLUME))).toEqual(['VDI_IN_USE', ref('VDI', VOLUME), 'destroy']);
    expect(host.value('VDI.copy', ref('VDI', VOLUME), { sr: ref('SR', POOL) })).toEqual([
      'VDI_IN_USE',
      ref('VDI', VOLUME),
      'copy',
    ]);
    power('stopped');
    host.value('VDI.destroy', ref('VDI', VOLUME));
    expect(verbs()).toEqual(['vm.change', 'volume.delete']);
    expect(host.web().disks).toEqual([]);
  });

  it('grow and never shrink', () => {
    host.value('VDI.resize', SPARE_VDI, { size: 3 * GIB + 1 });
    expect(onlyCommand(host)).toMatchObject({
      verb: 'volume.resize',
      params: { name: 'spare.qcow2', capacityBytes: 3 * GIB + 512 },
    });
    expect(host.value('VDI.resize', SPARE_VDI, { size: GIB })).toMatchObject([
      'SR_BACKEND_FAILURE_79',
      '',
      expect.any(String),
      '',
    ]);
    host.commands.length = 0;
    host.value('VDI.resize', SPARE_VDI, { size: 2 * GIB });
    expect(host.commands).toEqual([]);
  });

  it('are copied with their labels', () => {
    host.show(SPARE, 'VDI', SPARE_VDI, { name_label: 'spare.qcow2' });
    host.value('VDI.set_name_label', SPARE_VDI, { value: 'Spare' });
    const copy = host.value('VDI.clone', SPARE_VDI, { driver_params: {} }) as string;
    expect(readOwn(host.context, copy, 'name_label')).toBe('Spare');
    expect(onlyCommand(host).params).toMatchObject({ storage: POOL, name: 'spare.qcow2', toStorage: POOL });
    expect(host.value('VDI.copy', SPARE_VDI, { sr: NULL, into_vdi: ref('VDI', VOLUME) })).toMatchObject([
      'VALUE_NOT_SUPPORTED',
      'into_vdi',
      expect.any(String),
      expect.any(String),
    ]);
    expect(host.value('VDI.forget', SPARE_VDI)).toEqual(['SR_OPERATION_NOT_SUPPORTED', ref('SR', POOL)]);
  });
});

describe('storages', () => {
  const SR = ref('SR', POOL);
  const create = (type: string, device_config: object) => ({
    host: ref('host', HOST),
    device_config,
    physical_size: 0,
    name_label: 'more',
    name_description: 'd',
    type,
    content_type: '',
    shared: false,
    sm_config: {},
  });

  it('are scanned, put away and forgotten in that order', () => {
    host.value('SR.scan', SR);
    expect(host.value('SR.forget', SR)).toEqual(['SR_HAS_PBD', SR]);
    host.value('PBD.plug', ref('PBD', POOL));
    host.value('PBD.unplug', ref('PBD', POOL));
    host.put('storage', POOL, storageDoc('default', { accessible: false }));
    host.value('PBD.unplug', ref('PBD', POOL));
    expect(host.value('SR.scan', SR)).toEqual(['SR_NO_PBDS', SR]);
    host.value('SR.destroy', SR);
    host.value('PBD.plug', ref('PBD', POOL));
    expect(verbs()).toEqual(['storage.refresh', 'storage.deactivate', 'storage.delete', 'storage.activate']);
  });

  it('are made of folders and NFS exports', () => {
    const made = host.value('SR.create', '', create('ext', { location: '/srv/more' })) as string;
    expect(onlyCommand(host)).toMatchObject({ verb: 'storage.create', params: { name: 'more', path: '/srv/more' } });
    expect(readOwn(host.context, made, 'name_description')).toBe('d');
    host.commands.length = 0;
    host.value('SR.create', '', create('nfs', { server: 'nas', serverpath: '/export' }));
    expect(onlyCommand(host).params).toMatchObject({
      remoteHost: 'nas',
      remotePath: '/export',
      path: expect.stringMatching(/^\/run\/sr-mount\/[0-9a-f-]{36}$/),
    });
  });

  it.each([
    ['lvmoiscsi', {}, ['SR_UNKNOWN_DRIVER', 'lvmoiscsi']],
    ['file', {}, ['SR_BACKEND_FAILURE_90', '', expect.any(String), '']],
    ['file', { location: '../etc' }, ['INVALID_VALUE', 'device_config:location', '../etc']],
    ['file', { location: '/srv/../etc' }, ['INVALID_VALUE', 'device_config:location', '/srv/../etc']],
    ['nfs', { server: 'a b', serverpath: '/x' }, ['INVALID_VALUE', 'device_config:server', 'a b']],
  ])('%s with %o is refused', (type, config, error) => {
    expect(host.value('SR.create', '', create(type, config))).toEqual(error);
    expect(host.commands).toEqual([]);
  });
});

describe('networks', () => {
  it('are made and destroyed; what a VM is in stays', () => {
    host.value('network.create', '', { args: { name_label: 'n', MTU: 1500, other_config: { k: 'v' } } });
    expect(onlyCommand(host)).toMatchObject({ verb: 'network.create', params: { name: 'n', bridge: '', uplinks: [] } });
    expect(readOwn(host.context, ref('network', hubId('network', 201)), 'other_config')).toEqual({ k: 'v' });
    host.relate(NETWORK, 'vm', [WEB]);
    expect((host.value('network.destroy', ref('network', NETWORK)) as string[])[0]).toBe('NETWORK_CONTAINS_VIF');
    host.relate(NETWORK, 'vm', []);
    host.value('network.destroy', ref('network', NETWORK));
    expect(host.commands.at(-1)?.command.verb).toBe('network.delete');
  });
});

describe('own fields', () => {
  const pool = ref('pool', HOST);
  beforeEach(() => host.show(HOST, 'pool', pool, { other_config: { here: '1' }, tags: ['a'], name_label: '' }));

  it('begin with what is shown, and refuse a key twice', () => {
    host.value('pool.add_to_other_config', pool, { key: 'xo:barrier', value: '2' });
    expect(readOwn(host.context, pool, 'other_config')).toEqual({ here: '1', 'xo:barrier': '2' });
    expect(host.value('pool.add_to_other_config', pool, { key: 'here', value: '2' })).toEqual([
      'MAP_DUPLICATE_KEY',
      'pool',
      'other_config',
      pool,
      'here',
    ]);
    host.value('pool.remove_from_other_config', pool, { key: 'here' });
    expect(readOwn(host.context, pool, 'other_config')).toEqual({ 'xo:barrier': '2' });
    expect(host.value('pool.remove_from_other_config', pool, { key: 'here' })).toBeUndefined();
    host.value('pool.add_tags', pool, { value: 'b' });
    host.value('pool.remove_tags', pool, { value: 'a' });
    host.value('pool.set_name_label', pool, { value: 'My pool' });
    expect(readOwn(host.context, pool, 'tags')).toEqual(['b']);
    expect(readOwn(host.context, pool, 'name_label')).toBe('My pool');
  });

  it('take references only to what they are references to', () => {
    expect(host.value('pool.set_default_SR', pool, { value: WEB_REF })).toEqual(['HANDLE_INVALID', 'SR', WEB_REF]);
    expect(host.value('pool.set_default_SR', pool, { value: ref('SR', POOL) })).toBeUndefined();
  });

  it('are not kept for what is not there', () => {
    const gone = ref('VDI', hubId('volume', 999));
    expect(host.value('VDI.set_name_label', gone, { value: 'x' })).toEqual(['HANDLE_INVALID', 'VDI', gone]);
    expect(host.value('VDI.add_to_other_config', NULL, { key: 'a', value: 'b' })).toEqual([
      'HANDLE_INVALID',
      'VDI',
      NULL,
    ]);
  });
});

describe('tasks of clients', () => {
  it('say themselves how far they are', () => {
    const task = host.value('task.create', '', { label: 'import', description: 'd' }) as string;
    host.value('task.set_progress', task, { value: 0.5 });
    host.value('task.add_to_other_config', task, { key: 'a', value: 'b' });
    expect(ownObject(host.context, task)?.fields).toMatchObject({
      name_label: 'import',
      status: 'pending',
      progress: 0.5,
      other_config: { a: 'b' },
      created: '20240505T06:07:08Z',
    });
    host.value('task.cancel', task);
    expect(ownObject(host.context, task)?.fields['status']).toBe('cancelling');
    host.value('task.set_error_info', task, { value: ['E', 'x'] });
    host.value('task.set_status', task, { value: 'failure' });
    expect(ownObject(host.context, task)?.fields).toMatchObject({
      status: 'failure',
      finished: '20240505T06:07:08Z',
      error_info: ['E', 'x'],
    });
    const other = host.value('task.create', '', { label: '', description: '' });
    expect(other).not.toBe(task);
    host.value('task.destroy', task);
    expect(host.value('task.destroy', task)).toEqual(['HANDLE_INVALID', 'task', task]);
  });

  it('of jobs can be cancelled and put away, not rewritten', () => {
    const task = host.value('Async.VM.start', WEB_REF) as string;
    expect(host.value('task.set_status', task, { value: 'success' })).toMatchObject([
      'OPERATION_NOT_ALLOWED',
      expect.any(String),
    ]);
    expect(host.value('task.cancel', task)).toMatchObject(['OPERATION_NOT_ALLOWED', expect.any(String)]);
    host.value('task.destroy', task);
    expect(readOwn(host.context, task, 'forgotten')).toBe(true);
  });

  it('are bounded', () => {
    for (let n = 0; n < 250; n++) {
      const task = host.value('task.create', '', { label: String(n), description: '' }) as string;
      host.value('task.set_status', task, { value: 'success' });
    }
    expect(ownObjects(host.context, 'task').length).toBeLessThanOrEqual(201);
  });
});
