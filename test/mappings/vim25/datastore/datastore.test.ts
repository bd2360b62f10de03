/** The virtual datastore tree: searches and files. */
import { describe, expect, it } from 'vitest';
import { fault } from '../../../../mappings/generic/faults.ts';
import { hubId } from '../../../../mappings/generic/ids.ts';
import { faultOf, GIB, onlyCommand, POOL, volumeDoc } from '../central/host.ts';
import { anew, BROWSER, type Found, host, names, search } from './search-rig.ts';

const FILES = { type: 'FileManager', id: 'ha-nfc-file-manager' };
const DISKS = { type: 'VirtualDiskManager', id: 'ha-vdiskmanager' };
const DETAILS = { _type: 'FileQueryFlags', fileType: true, fileSize: true, modification: true, fileOwner: true };

describe('a search', () => {
  it('shows directories, volumes of clients and of others, and the file made of a machine', () => {
    const top = search('[default]', { details: DETAILS });
    expect(top.folderPath).toBe('[default]');
    expect(top.file.map(({ _type, path }) => [_type, path])).toEqual([
      ['FolderFileInfo', 'iso'],
      ['VmDiskFileInfo', 'made-by-others.qcow2'],
      ['FolderFileInfo', 'web'],
    ]);
    const web = search('[default] web/', {
      details: DETAILS,
      query: [{ _type: 'VmDiskFileQuery', details: { diskType: true, capacityKb: true, hardwareVersion: false } }],
    });
    expect(web.folderPath).toBe('[default] web/');
    expect(web.file).toMatchObject([
      { _type: 'VmDiskFileInfo', path: 'web.vmdk', fileSize: GIB, capacityKb: 10 * 1024 * 1024 },
    ]);
    expect(search('[default] web').file.map(({ _type, path }) => [_type, path])).toEqual([
      ['VmDiskFileInfo', 'web.vmdk'],
      ['VmConfigFileInfo', 'web.vmx'],
    ]);
    expect(search('[default] iso', { details: DETAILS }).file).toMatchObject([
      { _type: 'IsoImageFileInfo', path: 'debian.iso', fileSize: 12 },
    ]);
  });

  it('matches patterns and sorts folders first', () => {
    expect(
      names(
        search('[default]', { matchPattern: ['m*.qcow2', 'WEB'], searchCaseInsensitive: true, sortFoldersFirst: true }),
      ),
    ).toEqual(['web', 'made-by-others.qcow2']);
    expect(names(search('[default]', { matchPattern: ['made-by-other?.qcow2'] }))).toEqual(['made-by-others.qcow2']);
    expect(names(search('[default]', { matchPattern: ['.*'] }))).toEqual([]);
  });

  it('of what is not there, or is a file, ends in FileNotFound', () => {
    for (const datastorePath of ['[default] newvm', '[default] web/web.vmdk']) {
      const reply = host.call('SearchDatastore_Task', BROWSER, { datastorePath });
      expect(reply.kind).toBe('value');
      expect(faultOf(host, reply)).toMatchObject({ type: 'FileNotFound', members: { file: datastorePath } });
    }
    expect(faultOf(host, host.call('SearchDatastore_Task', BROWSER, { datastorePath: '[none] x' }))?.type).toBe(
      'InvalidDatastore',
    );
    expect(faultOf(host, host.call('SearchDatastore_Task', BROWSER, { datastorePath: '[default] ../..' }))?.type).toBe(
      'InvalidDatastorePath',
    );
    expect(
      faultOf(
        host,
        host.call('SearchDatastore_Task', BROWSER, {
          datastorePath: '[default]',
          searchSpec: { matchPattern: ['*a'.repeat(30)] },
        }),
      )?.type,
    ).toBe('InvalidArgument');
  });

  it('of sub-folders has one result a folder', () => {
    host.call('SearchDatastoreSubFolders_Task', BROWSER, { datastorePath: '[default]' });
    const last = host.settled.at(-1);
    const { _type, _value } = (last?.ok ? last.value : {}) as { _type: string; _value: Found[] };
    expect(_type).toBe('ArrayOfHostDatastoreBrowserSearchResults');
    expect(_value.map(({ folderPath }) => folderPath)).toEqual(['[default]', '[default] iso/', '[default] web/']);
  });

  it('keeps a hostile volume name in one segment', () => {
    host.put('volume', hubId('volume', 23), 'pool-uuid/..%2f..%2fetc', volumeDoc('..%2f..%2fetc'));
    expect(names(search('[default]', { matchPattern: ['*etc'] }))).toEqual(['..%2f..%2fetc']);
  });
});

describe('files', () => {
  it('directories are made once, and with their parents when asked', () => {
    expect(host.call('MakeDirectory', FILES, { name: '[default] a' })).toEqual({ kind: 'value', value: undefined });
    expect(faultOf(host, host.call('MakeDirectory', FILES, { name: '[default] a/' }))).toMatchObject({
      type: 'FileAlreadyExists',
      members: { file: '[default] a' },
    });
    expect(faultOf(host, host.call('MakeDirectory', FILES, { name: '[default] b/c/d' }))?.type).toBe('FileNotFound');
    host.call('MakeDirectory', FILES, { name: '[default] b/c/d', createParentDirectories: true });
    expect(names(search('[default] b/c'))).toEqual(['d']);
    expect(
      faultOf(
        host,
        host.call('MakeDirectory', FILES, { name: '[default] web/web.vmdk/x', createParentDirectories: true }),
      )?.type,
    ).toBe('FileNotFound');
    expect(host.commands).toEqual([]);
  });

  it('are deleted, directories with all that is in them', () => {
    host.call('DeleteDatastoreFile_Task', FILES, { name: '[default] iso/debian.iso' });
    expect(onlyCommand(host)).toMatchObject({
      verb: 'volume.delete',
      target: POOL,
      params: { storage: POOL, name: 'iso%2fdebian.iso' },
    });
    // The directory that only this file held up is still there.
    host.drop(hubId('volume', 21));
    expect(names(search('[default]'))).toContain('iso');
    host.put('volume', hubId('volume', 24), 'pool-uuid/d%2fe%2fx', volumeDoc('d%2fe%2fx'));
    host.call('DeleteDatastoreFile_Task', FILES, { name: '[default] d' });
    expect(host.commands.at(-1)).toMatchObject({ how: 'run', command: { params: { name: 'd%2fe%2fx' } } });
    expect(host.settled.at(-1)).toEqual({ ok: true, value: undefined });
  });

  it('in use stay', () => {
    for (const name of ['[default] web/web.vmdk', '[default] web/web.vmx', '[default] web']) {
      expect(faultOf(host, host.call('DeleteDatastoreFile_Task', FILES, { name }))?.type).toBe('FileLocked');
    }
    expect(faultOf(host, host.call('DeleteVirtualDisk_Task', DISKS, { name: '[default] web/web.vmdk' }))?.type).toBe(
      'FileLocked',
    );
    expect(faultOf(host, host.call('DeleteDatastoreFile_Task', FILES, { name: '[default]' }))?.type).toBe(
      'InvalidDatastorePath',
    );
    expect(faultOf(host, host.call('DeleteDatastoreFile_Task', FILES, { name: '[default] no' }))?.type).toBe(
      'FileNotFound',
    );
    expect(host.commands).toEqual([]);
  });

  it('move by a copy and a deletion, and stop at the first that fails', () => {
    const args = { sourceName: '[default] made-by-others.qcow2', destinationName: '[default] web/moved.vmdk' };
    host.call('MoveDatastoreFile_Task', FILES, args);
    expect(host.commands.map(({ how, command: { verb, params } }) => [how, verb, params])).toEqual([
      [
        'run',
        'volume.copy',
        { storage: POOL, name: 'made-by-others.qcow2', toStorage: POOL, toName: 'web%2fmoved.vmdk' },
      ],
      ['start', 'volume.delete', { storage: POOL, name: 'made-by-others.qcow2' }],
    ]);
    anew();
    host.onRun(() => fault('no-disk-space', { storage: 'default' }, ''));
    expect(faultOf(host, host.call('MoveDatastoreFile_Task', FILES, args))?.type).toBe('NoDiskSpace');
    expect(host.commands.map(({ command }) => command.verb)).toEqual(['volume.copy']);
  });

  it('do not overwrite unless forced, and not themselves', () => {
    const copy = (destinationName: string, force = false) =>
      faultOf(
        host,
        host.call('CopyDatastoreFile_Task', FILES, {
          sourceName: '[default] made-by-others.qcow2',
          destinationName,
          force,
        }),
      )?.type;
    expect(copy('[default] iso/debian.iso')).toBe('FileAlreadyExists');
    expect(copy('[default] web/web.vmdk', true)).toBe('FileLocked');
    expect(copy('[default] made-by-others.qcow2', true)).toBe('FileAlreadyExists');
    expect(copy('[default] no/dir/x')).toBe('FileNotFound');
    expect(host.commands).toEqual([]);
    copy('[default] iso/debian.iso', true);
    expect(host.commands.map(({ command }) => command.verb)).toEqual(['volume.delete', 'volume.copy']);
  });

  it('of disks are made, grown, and have an id that stays', () => {
    host.call('CreateVirtualDisk_Task', DISKS, {
      name: '[default] d/x',
      spec: { _type: 'FileBackedVirtualDiskSpec', diskType: 'thin', adapterType: 'lsiLogic', capacityKb: 1024 },
    });
    expect(onlyCommand(host)).toMatchObject({
      verb: 'volume.create',
      target: POOL,
      params: { storage: POOL, name: 'd%2fx.vmdk', capacityBytes: 1024 ** 2, format: 'qcow2', thin: true },
    });
    const create = (name: string, capacityKb: number) =>
      faultOf(
        host,
        host.call('CreateVirtualDisk_Task', DISKS, {
          name,
          spec: { diskType: 'thin', adapterType: 'ide', capacityKb },
        }),
      )?.type;
    expect(create('[default] big.vmdk', 1024 ** 4)).toBe('InvalidArgument');
    expect(create('[default] web/web.vmdk', 1024)).toBe('FileAlreadyExists');
    host.call('ExtendVirtualDisk_Task', DISKS, {
      name: '[default] made-by-others.qcow2',
      newCapacityKb: 20 * 1024 ** 2,
    });
    expect(host.commands.at(-1)?.command).toMatchObject({ verb: 'volume.resize', params: { capacityBytes: 20 * GIB } });
    expect(
      faultOf(
        host,
        host.call('ExtendVirtualDisk_Task', DISKS, { name: '[default] made-by-others.qcow2', newCapacityKb: 1 }),
      )?.type,
    ).toBe('InvalidArgument');
    const uuid = () =>
      (host.call('QueryVirtualDiskUuid', DISKS, { name: '[default] web/web.vmdk' }) as { value: string }).value;
    expect(uuid()).toMatch(/^60 00 c2 9[0-9a-f]( [0-9a-f]{2}){4}-[0-9a-f]{2}( [0-9a-f]{2}){7}$/);
    expect(uuid()).toBe(uuid());
  });
});
