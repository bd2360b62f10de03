/** The .vmx file: made of a machine, kept when it leaves the inventory, read when it comes back. */
import { describe, expect, it } from 'vitest';
import type { Params } from '../../../../mappings/generic/commands.ts';
import { hubId } from '../../../../mappings/generic/ids.ts';
import type { Vm } from '../../../../mappings/generic/model.ts';
import { formatVmx } from '../../../../mappings/vim25/datastore/vmx.ts';
import {
  done,
  faultOf,
  GIB,
  moref,
  onlyCommand,
  POOL,
  storageDoc,
  VM_FOLDER,
  volumeDoc,
  WEB,
  WEB_TARGET,
  webDoc,
} from '../central/host.ts';
import { host, names, search } from './search-rig.ts';

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
        ...(webDoc().disks[0] as Vm['disks'][number]),
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
    const { vm, disks } = (host.commands[1] as (typeof host.commands)[number]).command.params as Params['vm.create'];
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
