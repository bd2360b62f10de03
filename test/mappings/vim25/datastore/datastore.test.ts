/** The virtual datastore tree: searches, files, streams, and machines that leave it and come back by their .vmx. */
import { beforeEach, describe, expect, it } from 'vitest';
import { fault } from '../../../../mappings/generic/faults.ts';
import { hubId } from '../../../../mappings/generic/ids.ts';
import type { Command, Params } from '../../../../mappings/generic/commands.ts';
import type { Vm } from '../../../../mappings/generic/model.ts';
import type { StreamRequest } from '../../../../mappings/generic/platform.ts';
import { problemsOf } from '../../../../mappings/vim25/check.ts';
import { datastoreStream } from '../../../../mappings/vim25/datastore/stream.ts';
import { formatVmx } from '../../../../mappings/vim25/datastore/vmx.ts';
import { encodeAny } from '../../../../mappings/vim25/encode.ts';
import {
  done,
  faultOf,
  GIB,
  moref,
  onlyCommand,
  POOL,
  storageDoc,
  type TestHost,
  testHost,
  VM_FOLDER,
  volumeDoc,
  WEB,
  WEB_TARGET,
  webDoc,
} from '../central/host.ts';

let host: TestHost;
beforeEach(() => {
  host = testHost();
});

const BROWSER = { type: 'HostDatastoreBrowser', id: 'ha-host-datastorebrowser' };
const FILES = { type: 'FileManager', id: 'ha-nfc-file-manager' };
const DISKS = { type: 'VirtualDiskManager', id: 'ha-vdiskmanager' };
const DETAILS = { _type: 'FileQueryFlags', fileType: true, fileSize: true, modification: true, fileOwner: true };

interface Found {
  folderPath: string;
  file: { _type: string; path: string; fileSize?: number; capacityKb?: number }[];
}
const search = (datastorePath: string, searchSpec: Record<string, unknown> = {}): Found => {
  host.call('SearchDatastore_Task', BROWSER, {
    datastorePath,
    searchSpec: { _type: 'HostDatastoreBrowserSearchSpec', ...searchSpec },
  });
  const last = host.settled.at(-1);
  if (!last?.ok) throw new Error(`the search failed: ${last?.fault.kind}`);
  expect(problemsOf('HostDatastoreBrowserSearchResults', last.value)).toEqual([]);
  expect(() => encodeAny('result', last.value)).not.toThrow();
  return last.value as Found;
};
const names = (found: Found): string[] => found.file.map(({ path }) => path);

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
    host = testHost();
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

describe('streams', () => {
  const stream = (method: StreamRequest['method'], path: string, more: Partial<StreamRequest> = {}) =>
    host.drive(
      datastoreStream({ method, path, query: { dcPath: 'ha-datacenter', dsName: 'default' }, ...more }, host.context),
    );
  const faultKind = (outcome: ReturnType<typeof stream>) => (outcome.ok ? undefined : outcome.fault.kind);

  it('of a volume come from the host, ranges and all', () => {
    const whole = stream('GET', '/folder/iso%2Fdebian.iso');
    expect(whole).toMatchObject({
      ok: true,
      value: {
        kind: 'native',
        direction: 'download',
        status: 200,
        offsetBytes: 0,
        lengthBytes: 12,
        call: {
          procedure: 'volume.download',
          args: { volume: 'pool-uuid/iso%2fdebian.iso', offsetBytes: 0, lengthBytes: 12 },
        },
      },
    });
    const part = stream('GET', '/folder/iso/debian.iso', { range: { start: 4, end: 100 } });
    expect(part).toMatchObject({
      value: { status: 206, offsetBytes: 4, lengthBytes: 8, headers: { 'content-range': 'bytes 4-11/12' } },
    });
    expect(stream('GET', '/folder/iso/debian.iso', { range: { start: 12 } })).toMatchObject({
      value: { kind: 'bytes', status: 416 },
    });
    // Of a qcow2 file nobody knows the length: it goes whole.
    expect(stream('GET', '/folder/web/web.vmdk', { range: { start: 4 } })).toMatchObject({
      value: { status: 200, lengthBytes: -1 },
    });
  });

  it('of a machine are its .vmx', () => {
    const answer = stream('GET', '/folder/web/web.vmx');
    if (!answer.ok || answer.value.kind !== 'bytes') throw new Error('no bytes');
    expect(Buffer.from(answer.value.bytes).toString()).toContain('displayName = "web"');
    expect(stream('HEAD', '/folder/web/web.vmx')).toMatchObject({
      value: { status: 200, headers: { 'content-length': String(answer.value.bytes.length) } },
    });
    const part = stream('GET', '/folder/web/web.vmx', { range: { start: 1, end: 8 } });
    expect(part.ok && part.value.kind === 'bytes' && Buffer.from(part.value.bytes).toString()).toBe('encoding');
  });

  it('lead nowhere else', () => {
    for (const path of ['/folder/../../etc/passwd', '/folder/%2e%2e/%2e%2e/etc/passwd', '/folder/web%2f..%2f..%2fx'])
      expect(faultKind(stream('GET', path))).toBe('invalid-datastore-path');
    expect(faultKind(stream('GET', '/folder/%zz'))).toBe('invalid-argument');
    expect(faultKind(stream('GET', '/folder/a%00b'))).toBe('invalid-argument');
    expect(faultKind(stream('GET', '/folder/no'))).toBe('file-not-found');
    expect(faultKind(stream('GET', '/folder/web'))).toBe('file-not-found');
    expect(faultKind(stream('GET', '/folder/web/web.vmx', { query: { dcPath: 'DC0', dsName: 'default' } }))).toBe(
      'file-not-found',
    );
    expect(faultKind(stream('GET', '/folder/web/web.vmx', { query: {} }))).toBe('invalid-argument');
    expect(faultKind(stream('GET', '/other'))).toBe('file-not-found');
  });

  const made = ({ verb, params }: Command): void => {
    const { name } = params as { name: string };
    if (verb === 'volume.create')
      host.put('volume', hubId('volume', 70), `pool-uuid/${name}`, volumeDoc(name, { format: 'raw' }));
  };

  it('up make a volume first, a new one even where one was', () => {
    host.onRun(made);
    expect(stream('PUT', '/folder/up/x.iso', { lengthBytes: 5 })).toMatchObject({
      value: {
        kind: 'native',
        direction: 'upload',
        status: 201,
        lengthBytes: 5,
        call: { procedure: 'volume.upload', args: { volume: 'pool-uuid/up%2fx.iso' } },
        touches: [{ kind: 'volume', native: 'pool-uuid/up%2fx.iso' }],
      },
    });
    expect(onlyCommand(host)).toMatchObject({
      verb: 'volume.create',
      params: { name: 'up%2fx.iso', capacityBytes: 5, format: 'raw' },
    });
    stream('PUT', '/folder/made-by-others.qcow2');
    expect(host.commands.slice(1).map(({ command }) => command.verb)).toEqual(['volume.delete', 'volume.create']);
  });

  it('up overwrite no disk and no file of a machine', () => {
    expect(faultKind(stream('PUT', '/folder/web/web.vmdk'))).toBe('file-locked');
    expect(faultKind(stream('PUT', '/folder/web/web.vmx'))).toBe('file-locked');
    expect(faultKind(stream('PUT', '/folder/web'))).toBe('file-exists');
    expect(faultKind(stream('PUT', '/folder/web/web.vmdk/x'))).toBe('file-not-found');
    expect(faultKind(stream('PUT', '/folder/big', { lengthBytes: 1024 ** 5 }))).toBe('no-disk-space');
    expect(host.commands).toEqual([]);
  });

  it("show a running machine's screen", () => {
    host.onAsk(() => done({ bytes: Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1]) }));
    expect(faultKind(stream('GET', '/screen', { query: { id: '10' } }))).toBe('wrong-state');
    host.put('vm', WEB, 'web', webDoc({ powerState: 'running' }));
    expect(stream('GET', '/screen', { query: { id: '10' } })).toMatchObject({
      value: { status: 200, headers: { 'content-type': 'image/png' } },
    });
    expect(faultKind(stream('GET', '/screen', { query: { id: '99' } }))).toBe('object-not-found');
  });
});

describe("a machine's .vmx", () => {
  const full: Partial<Vm> = {
    description: 'a "quoted" | note\nof two lines',
    instanceUuid: '50112233-4455-6677-8899-aabbccddeeff',
    cpuCount: 4,
    cpuMax: 4,
    coresPerSocket: 2,
    firmware: 'efi',
    secureBoot: true,
    bootOrder: ['network', 'disk'],
    bits: 64,
    disks: [
      ...webDoc().disks,
      {
        ...webDoc().disks[0]!,
        slot: { bus: 'virtio', controller: 0, unit: 2 },
        persistent: false,
        medium: { storageName: 'default', storage: POOL, volumeName: 'made-by-others.qcow2' },
      },
    ],
    cdroms: [
      {
        slot: { bus: 'sata', controller: 0, unit: 1 },
        medium: { storageName: 'default', storage: POOL, volumeName: 'iso%2fdebian.iso' },
      },
    ],
  };

  it('says what a virsh reader looks for', () => {
    const text = formatVmx(webDoc(full), [storageDoc('default')]);
    for (const line of [
      '.encoding = "UTF-8"',
      'config.version = "8"',
      'virtualHW.version = "13"',
      'displayName = "web"',
      'guestOS = "debian10-64"',
      'memsize = "1024"',
      'numvcpus = "4"',
      'uuid.bios = "aa aa aa aa 11 11 22 22-33 33 44 44 44 44 44 44"',
      'annotation = "a |22quoted|22 |7C note|0Aof two lines"',
      'scsi0.virtualDev = "lsilogic"',
      'scsi0:0.fileName = "web.vmdk"',
      'scsi0:0.deviceType = "scsi-hardDisk"',
      'scsi1:2.fileName = "/srv/default/made-by-others.qcow2.vmdk"',
      'transvisor.scsi1.bus = "virtio"',
      'sata0:1.fileName = "/srv/default/iso/debian.iso"',
      'ethernet0.networkName = "VM Network"',
      'ethernet0.address = "52:54:00:00:00:01"',
      'guestinfo.a = "1"',
    ])
      expect(text.split('\n')).toContain(line);
    expect(text).toBe(formatVmx(webDoc(full), [storageDoc('default')]));
  });

  it('survives leaving the inventory and coming back', () => {
    host.put('vm', WEB, 'web', webDoc(full));
    host.call('UnregisterVM', WEB_TARGET);
    expect(onlyCommand(host)).toMatchObject({ verb: 'vm.delete', params: { deleteVolumes: false } });
    host.drop(WEB);
    expect(names(search('[default] web'))).toEqual(['web.vmdk', 'web.vmx']);
    host.call('RegisterVM_Task', VM_FOLDER, {
      path: '[default] web/web.vmx',
      asTemplate: false,
      pool: moref('ResourcePool', 'ha-root-pool'),
    });
    const { vm, disks } = host.commands[1]?.command.params as Params['vm.create'];
    const before = webDoc(full);
    expect(vm).toMatchObject({
      name: 'web',
      uuid: before.uuid,
      instanceUuid: before.instanceUuid,
      description: before.description,
      cpuCount: 4,
      coresPerSocket: 2,
      memoryBytes: GIB,
      firmware: 'efi',
      secureBoot: true,
      osId: 'debian10',
      bits: 64,
      bootOrder: ['network', 'disk'],
      scsiControllers: before.scsiControllers,
      template: false,
      disks: [],
      nics: [
        { mac: '52:54:00:00:00:01', model: 'virtio', networkName: 'VM Network', macGenerated: false, connected: true },
      ],
      cdroms: [{ slot: { bus: 'sata', controller: 0, unit: 1 }, medium: { volumeName: 'iso%2fdebian.iso' } }],
    });
    expect(disks.map(({ slot, persistent, medium }) => [slot, persistent, medium.volumeName])).toEqual([
      [{ bus: 'scsi', controller: 0, unit: 0 }, true, 'web%2fweb.vmdk'],
      [{ bus: 'virtio', controller: 0, unit: 2 }, false, 'made-by-others.qcow2'],
    ]);
    expect(Object.fromEntries(vm.attributes.map(({ key, value }) => [key, value]))).toEqual({
      vmPathName: '[default] web/web.vmx',
      guestId: 'debian10_64Guest',
      version: 'vmx-13',
      'guestinfo.a': '1',
    });
  });

  it('that a client wrote is read from the host', () => {
    host.put(
      'volume',
      hubId('volume', 25),
      'pool-uuid/mine%2fmine.vmx',
      volumeDoc('mine%2fmine.vmx', { format: 'raw' }),
    );
    const text =
      '#!/usr/bin/vmware\nconfig.version = "8"\nvirtualHW.version = "7"\ndisplayName = "mine"\nguestOS = "other"\nmemsize = "64"\nscsi0.present = "true"\nscsi0:0.present = "true"\nscsi0:0.fileName = "/vmfs/volumes/default/made-by-others.qcow2"\n';
    host.onAsk(() => done({ bytes: Buffer.from(text) }));
    host.call('RegisterVM_Task', VM_FOLDER, { path: '[default] mine/mine.vmx', asTemplate: true });
    expect(host.asked[0]).toMatchObject({
      question: 'volume.read',
      args: { volume: 'pool-uuid/mine%2fmine.vmx', offsetBytes: 0 },
    });
    expect(onlyCommand(host).params).toMatchObject({
      vm: { name: 'mine', template: true, memoryBytes: 64 * 1024 ** 2 },
      disks: [{ medium: { volumeName: 'made-by-others.qcow2' } }],
    });
  });

  it.each([
    ['is none', 'config = [', 'InvalidVmConfig'],
    [
      'names a disk that is not there',
      'config.version = "8"\ndisplayName = "m"\nide0:0.present = "TRUE"\nide0:0.fileName = "gone.vmdk"',
      'FileNotFound',
    ],
    [
      'leads out of the datastore',
      'config.version = "8"\ndisplayName = "m"\nide0:0.present = "TRUE"\nide0:0.fileName = "../../../etc/shadow"',
      'FileNotFound',
    ],
    ['has a taken name', 'config.version = "8"\ndisplayName = "web"', 'DuplicateName'],
    ['has no name', 'config.version = "8"', 'InvalidName'],
  ])('that %s is refused', (_what, text, type) => {
    host.put('volume', hubId('volume', 25), 'pool-uuid/m.vmx', volumeDoc('m.vmx', { format: 'raw' }));
    host.onAsk(() => done({ bytes: Buffer.from(text) }));
    expect(
      faultOf(host, host.call('RegisterVM_Task', VM_FOLDER, { path: '[default] m.vmx', asTemplate: false }))?.type,
    ).toBe(type);
    expect(host.commands).toEqual([]);
  });

  it('of a machine that is there, or nowhere, is not registered', () => {
    const register = (path: string) =>
      faultOf(host, host.call('RegisterVM_Task', VM_FOLDER, { path, asTemplate: false }))?.type;
    expect(register('[default] web/web.vmx')).toBe('AlreadyExists');
    expect(register('[default] no.vmx')).toBe('FileNotFound');
    expect(register('enoent')).toBe('InvalidDatastorePath');
  });

  it('is not left by a machine that is on', () => {
    host.put('vm', WEB, 'web', webDoc({ powerState: 'running' }));
    expect(faultOf(host, host.call('UnregisterVM', WEB_TARGET))?.type).toBe('InvalidPowerState');
    expect(host.own.size).toBe(0);
  });
});
