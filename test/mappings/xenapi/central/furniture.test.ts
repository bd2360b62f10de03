/** Storages, networks, fields that no host keeps and tasks of clients: what each call becomes, and what it is refused for. */
import { beforeEach, describe, expect, it } from 'vitest';
import { hubId } from '../../../../mappings/generic/ids.ts';
import { ownObject, ownObjects, readOwn } from '../../../../mappings/xenapi/own-data.ts';
import {
  HOST,
  NETWORK,
  NULL,
  onlyCommand,
  POOL,
  ref,
  storageDoc,
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

  it('that only show what lies outside every storage take no orders', () => {
    const outside = ref('SR', HOST);
    expect(host.value('SR.scan', outside)).toEqual(['SR_OPERATION_NOT_SUPPORTED', outside]);
    expect(host.value('PBD.unplug', ref('PBD', HOST))).toEqual(['SR_OPERATION_NOT_SUPPORTED', outside]);
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
