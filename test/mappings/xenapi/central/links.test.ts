/** What links a machine to the world and the host to its storages: filters and addresses of cards, PBDs, probes, images as they were. */
import { beforeEach, describe, expect, it } from 'vitest';
import { readOwn } from '../../../../mappings/xenapi/own-data.ts';
import {
  HOST,
  MAC,
  NOW,
  onlyCommand,
  POOL,
  ref,
  SPARE_VDI,
  storageDoc,
  type TestHost,
  testHost,
  VOLUME,
  vif,
  WEB,
  WEB_REF,
} from './host.ts';

let host: TestHost;
beforeEach(() => {
  host = testHost();
});

describe('a card', () => {
  const self = vif(MAC);
  beforeEach(() =>
    host.show(WEB, 'VIF', self, { ipv4_allowed: [], ipv6_allowed: [], locking_mode: 'network_default' }),
  );

  it('takes what comes: a mode that says so is written down, one that filters is none of the host’s', () => {
    host.value('VIF.set_locking_mode', self, { value: 'unlocked' });
    expect(readOwn(host.context, self, 'locking_mode')).toBe('unlocked');
    for (const value of ['locked', 'disabled'])
      expect(host.value('VIF.set_locking_mode', self, { value })).toEqual([
        'VALUE_NOT_SUPPORTED',
        'locking_mode',
        value,
        expect.any(String),
      ]);
  });

  it('has addresses that it may use once it is locked, each of its own family and once', () => {
    host.value('VIF.set_ipv4_allowed', self, { value: ['10.0.0.1', '10.0.0.1'] });
    host.value('VIF.add_ipv4_allowed', self, { value: '10.0.0.2' });
    host.value('VIF.remove_ipv4_allowed', self, { value: '10.0.0.1' });
    host.value('VIF.remove_ipv4_allowed', self, { value: '10.0.0.9' });
    expect(readOwn(host.context, self, 'ipv4_allowed')).toEqual(['10.0.0.2']);
    expect(host.value('VIF.add_ipv4_allowed', self, { value: 'fe80::1' })).toEqual([
      'INVALID_IP_ADDRESS_SPECIFIED',
      'ipv4_allowed',
    ]);
    host.value('VIF.add_ipv6_allowed', self, { value: 'fe80::1' });
    expect(readOwn(host.context, self, 'ipv6_allowed')).toEqual(['fe80::1']);
  });

  it.each([
    [{ mode: 'Static', address: '10.0.0.1', gateway: '' }, ['INVALID_CIDR_ADDRESS_SPECIFIED', 'address']],
    [{ mode: 'Static', address: '10.0.0.1/33', gateway: '' }, ['INVALID_CIDR_ADDRESS_SPECIFIED', 'address']],
    [{ mode: 'Static', address: '10.0.0.1/24', gateway: 'fe80::1' }, ['INVALID_IP_ADDRESS_SPECIFIED', 'gateway']],
    [{ mode: 'Static', address: '10.0.0.1/24', gateway: '10.0.0.254' }, ['VM_LACKS_FEATURE', WEB_REF]],
    [{ mode: 'None', address: '', gateway: '' }, ['VM_LACKS_FEATURE', WEB_REF]],
  ])('cannot give its guest %o: no guest here has the agent for it', (args, error) =>
    expect(host.value('VIF.configure_ipv4', self, args)).toEqual(error),
  );

  it('looks at addresses of the sixth version as such', () => {
    const args = { mode: 'Static', address: 'fe80::1/64', gateway: '' };
    expect(host.value('VIF.configure_ipv6', self, args)).toEqual(['VM_LACKS_FEATURE', WEB_REF]);
    expect(host.value('VIF.configure_ipv6', self, { ...args, address: '10.0.0.1/24' })).toEqual([
      'INVALID_CIDR_ADDRESS_SPECIFIED',
      'address',
    ]);
  });
});

describe('a PBD', () => {
  const [self, SR] = [ref('PBD', POOL), ref('SR', POOL)];
  const create = (device_config: object = {}) =>
    host.value('PBD.create', '', { args: { host: ref('host', HOST), SR, device_config, other_config: {} } });
  beforeEach(() => host.show(POOL, 'PBD', self, { device_config: { location: '/srv/default' } }));

  it('is taken away once it is unplugged, and made again for the place where the storage lies', () => {
    expect(create()).toEqual(['PBD_EXISTS', SR, ref('host', HOST), self]);
    expect(host.value('PBD.destroy', self)).toEqual(['OPERATION_NOT_ALLOWED', 'PBD is currently attached']);
    host.put('storage', POOL, storageDoc('default', { accessible: false }));
    expect(host.value('PBD.destroy', self)).toBeUndefined();
    expect(host.value('PBD.plug', self)).toEqual(['HANDLE_INVALID', 'PBD', self]);
    expect(create({ location: '/srv/other' })).toMatchObject({ 0: 'VALUE_NOT_SUPPORTED', 1: 'device_config' });
    expect(create({ location: '/srv/default' })).toBe(self);
    host.value('PBD.plug', self);
    expect(onlyCommand(host).verb).toBe('storage.activate');
  });

  it('is there again when another client of the host plugs the storage', () => {
    host.put('storage', POOL, storageDoc('default', { accessible: false }));
    host.value('PBD.destroy', self);
    host.put('storage', POOL, storageDoc('default'));
    host.value('PBD.unplug', self);
    expect(onlyCommand(host).verb).toBe('storage.deactivate');
  });

  it('keeps the configuration of its storage', () => {
    expect(host.value('PBD.set_device_config', self, { value: { location: '/srv/default' } })).toBeUndefined();
    expect(host.value('PBD.set_device_config', self, { value: {} })).toMatchObject({ 0: 'VALUE_NOT_SUPPORTED' });
  });
});

describe('SR.probe', () => {
  const probe = (type: string, device_config: object) =>
    host.value('SR.probe', '', { host: ref('host', HOST), type, device_config, sm_config: {} });

  it('finds the storages that lie at a place', () => {
    host.show(POOL, 'SR', ref('SR', POOL), { uuid: '11111111-2222-4333-8444-555555555555' });
    host.put('storage', POOL, storageDoc('a <b>', { path: '/srv/here', capacityBytes: 42 }));
    const found = String(probe('file', { location: '/srv/here/' }));
    expect(found).toMatch(/<SRlist><SR><size>42<\/size><name_label>a &lt;b&gt;<\/name_label>/);
    expect(found).toContain('<UUID>11111111-2222-4333-8444-555555555555</UUID>');
    expect(probe('file', { location: '/srv/elsewhere' })).toContain('<SRlist></SRlist>');
    expect(probe('nfs', { server: 'nas', serverpath: '/srv/here' })).toContain('<SRlist></SRlist>');
    host.put('storage', POOL, storageDoc('n', { remoteHost: 'nas', remotePath: '/export' }));
    expect(probe('nfs', { server: 'nas', serverpath: '/export' })).toContain('<name_label>n<');
  });

  it('asks for a kind of storage that there is, and for its place', () => {
    expect(probe('hba', {})).toEqual(['SR_UNKNOWN_DRIVER', 'hba']);
    expect(probe('nfs', { server: 'nas' })).toMatchObject({ 0: 'SR_BACKEND_FAILURE_90' });
  });
});

describe('SR.introduce', () => {
  const SR = ref('SR', POOL);
  const UUID = '11111111-2222-4333-8444-555555555555';
  const introduce = (uuid = UUID) =>
    host.value('SR.introduce', '', {
      uuid,
      name_label: 'back',
      name_description: '',
      type: 'file',
      content_type: 'user',
      shared: false,
      sm_config: {},
    });
  beforeEach(() => host.show(POOL, 'SR', SR, { uuid: UUID }));

  it('brings back what was forgotten, where it lay and as what it was, out of use', () => {
    expect(introduce()).toEqual(['SR_UUID_EXISTS', UUID]);
    host.put('storage', POOL, storageDoc('default', { accessible: false, path: '/srv/default' }));
    host.value('SR.forget', SR);
    host.drop(POOL);
    host.commands.length = 0;
    introduce();
    expect(host.commands.map(({ command }) => command.verb)).toEqual(['storage.create', 'storage.deactivate']);
    expect(host.commands[0]?.command.params).toEqual({ name: 'back', path: '/srv/default', uuid: UUID });
  });

  it('knows no place of any other', () =>
    expect(introduce('99999999-2222-4333-8444-555555555555')).toMatchObject({ 0: 'VALUE_NOT_SUPPORTED', 1: 'uuid' }));
});

describe('VDI.snapshot', () => {
  it('is an image of its own that says of which it was taken', () => {
    const taken = String(host.value('VDI.snapshot', SPARE_VDI, { driver_params: {} }));
    expect(onlyCommand(host)).toMatchObject({ verb: 'volume.copy', params: { name: 'spare.qcow2' } });
    expect(readOwn(host.context, taken, 'is_a_snapshot')).toBe(true);
    expect(readOwn(host.context, taken, 'snapshot_of')).toBe(SPARE_VDI);
    expect(readOwn(host.context, taken, 'snapshot_time')).toBe(
      `${new Date(NOW).toISOString().slice(0, 19).replaceAll('-', '')}Z`,
    );
  });

  it('is not taken while somebody writes to the image', () => {
    host.setWeb({ powerState: 'running' });
    const vdi = ref('VDI', VOLUME);
    expect(host.value('VDI.snapshot', vdi, { driver_params: {} })).toEqual(['VDI_IN_USE', vdi, 'snapshot']);
  });
});
