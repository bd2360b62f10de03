/** CreateVM_Task: the exact command of real clients' requests, files and devices, and the API's own faults for what cannot be. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hubId } from '../../../../mappings/generic/ids.ts';
import { add, create, device, host, nic, params, refusal } from './create-rig.ts';
import { GIB, HOST, MIB, NETWORK, onlyCommand, POOL } from './host.ts';

const govc = readFileSync(
  new URL('../../../../fixtures/vim25/requests/govc-CreateVM_Task.xml', import.meta.url),
  'utf8',
);

const scsi = (key = -201) => add(device('VirtualLsiLogicController', { key, busNumber: 0, sharedBus: 'noSharing' }));
const disk = (members: Record<string, unknown>, backing: Record<string, unknown> = {}) =>
  add(
    device('VirtualDisk', {
      controllerKey: -201,
      capacityInKB: MIB,
      backing: {
        _type: 'VirtualDiskFlatVer2BackingInfo',
        fileName: '',
        diskMode: 'persistent',
        thinProvisioned: true,
        ...backing,
      },
      ...members,
    }),
    'create',
  );

describe('what govc sends', () => {
  it('becomes one vm.create with a volume to be made, a controller and a card', () => {
    const reply = host.request(govc.replace('[LocalDS_0]', '[default]'));
    expect(reply).toEqual({
      kind: 'value',
      value: { _type: 'ManagedObjectReference', type: 'Task', value: 'task-101' },
    });
    const command = onlyCommand(host);
    expect(command).toMatchObject({ verb: 'vm.create', host: HOST, target: HOST });
    const { vm, disks } = params();
    expect(disks).toEqual([
      {
        slot: { bus: 'scsi', controller: 0, unit: 0 },
        readOnly: false,
        shareable: false,
        persistent: true,
        thin: true,
        capacityBytes: GIB,
        medium: { storageName: 'default', storage: POOL, volumeName: 'newvm%2fnewvm.vmdk' },
        create: { storage: POOL, volumeName: 'newvm%2fnewvm.vmdk', capacityBytes: GIB, thin: true },
      },
    ]);
    expect(vm).toMatchObject({
      name: 'newvm',
      powerState: 'stopped',
      cpuCount: 1,
      cpuMax: 1,
      memoryBytes: 512 * MIB,
      memoryMaxBytes: 512 * MIB,
      firmware: 'bios',
      bits: 32,
      disks: [],
      scsiControllers: [{ ordinal: 0, model: 'lsilogic' }],
    });
    expect(vm.nics).toEqual([
      {
        ordinal: 0,
        mac: expect.stringMatching(/^00:0c:29(:[0-9a-f]{2}){3}$/),
        macGenerated: true,
        model: 'e1000',
        network: NETWORK,
        networkName: 'VM Network',
        connected: true,
      },
    ]);
    // Nothing was asked for: the host gives it.
    expect(vm.uuid).toBe('');
    expect(vm.attributes).toEqual([
      { owner: 'vim25', key: 'guestId', value: 'otherGuest' },
      { owner: 'vim25', key: 'vmPathName', value: '[default] newvm/newvm.vmx' },
      { owner: 'vim25', key: 'modified', value: '2024-05-05T06:07:08.000000Z' },
    ]);
  });

  it('takes the pool as the target too', () => {
    host.call(
      'CreateChildVM_Task',
      { type: 'ResourcePool', id: 'ha-root-pool' },
      { config: { name: 'x', files: { vmPathName: '[default] x' } } },
    );
    expect(params().vm.attributes).toContainEqual({ owner: 'vim25', key: 'vmPathName', value: '[default] x/x.vmx' });
  });
});

describe('files', () => {
  it('get another directory when theirs is taken', () => {
    host.own.set(`vim25.tree ${POOL}/new`, { kind: 'directory', modifiedMs: 1 });
    create({ deviceChange: [scsi(), disk({}), disk({ key: -3 })] });
    expect(params().vm.attributes).toContainEqual({
      owner: 'vim25',
      key: 'vmPathName',
      value: '[default] new_1/new.vmx',
    });
    expect(params().disks.map(({ medium }) => medium.volumeName)).toEqual(['new_1%2fnew.vmdk', 'new_1%2fnew_1.vmdk']);
    expect(params().disks.map(({ slot }) => slot.unit)).toEqual([0, 1]);
  });

  it('stay in the datastore whatever the machine is called', () => {
    create({ name: '../../etc', deviceChange: [scsi(), disk({})] });
    expect(params().vm.name).toBe('../../etc');
    expect(params().disks[0]?.medium.volumeName).toBe('.._.._etc%2f.._.._etc.vmdk');
  });

  it.each([['..'], ['.'], ['"quoted" & <b>'], ['名前'], ['a/b'], ['a%2fb']])('of %j are one directory', (name) => {
    create({ name, deviceChange: [scsi(), disk({})] });
    expect(params().disks[0]?.medium.volumeName?.split('%2f')).toHaveLength(2);
    expect(params().vm.name).toBe(name === 'a%2fb' ? 'a/b' : name);
  });

  it('of the longest name fit a file system', () => {
    create({ name: '名'.repeat(80), deviceChange: [scsi(), disk({})] });
    expect(Buffer.byteLength(params().disks[0]?.medium.volumeName ?? '')).toBeLessThanOrEqual(255);
  });

  it('that exist are not overwritten', () => {
    expect(refusal({ files: { vmPathName: '[default] web/web.vmx' } })).toMatchObject({
      type: 'FileAlreadyExists',
      members: { file: '[default] web/web.vmx' },
    });
    expect(refusal({ deviceChange: [scsi(), disk({}, { fileName: '[default] web/web.vmdk' })] })).toMatchObject({
      type: 'FileAlreadyExists',
    });
  });
});

describe('devices', () => {
  it('skip the place of the SCSI controller itself', () => {
    create({ deviceChange: [scsi(), ...Array.from({ length: 9 }, (_, n) => disk({ key: -10 - n }))] });
    expect(params().disks.map(({ slot }) => slot.unit)).toEqual([0, 1, 2, 3, 4, 5, 6, 8, 9]);
  });

  it('may use a volume that is there, and drives an image', () => {
    const attach = add(
      device('VirtualDisk', {
        controllerKey: 200,
        capacityInKB: 0,
        backing: {
          _type: 'VirtualDiskFlatVer2BackingInfo',
          fileName: '[default] made-by-others.qcow2',
          diskMode: 'independent_nonpersistent',
        },
      }),
    );
    const cdrom = add(
      device('VirtualCdrom', {
        controllerKey: 201,
        backing: { _type: 'VirtualCdromIsoBackingInfo', fileName: '[default] iso/debian.iso' },
      }),
    );
    const floppy = add(
      device('VirtualFloppy', {
        controllerKey: 400,
        backing: { _type: 'VirtualFloppyRemoteDeviceBackingInfo', deviceName: '' },
      }),
    );
    create({ deviceChange: [attach, cdrom, floppy] });
    const { vm, disks } = params();
    expect(disks).toEqual([
      {
        slot: { bus: 'ide', controller: 0, unit: 0 },
        readOnly: false,
        shareable: false,
        persistent: false,
        thin: true,
        capacityBytes: 10 * GIB,
        medium: {
          storageName: 'default',
          storage: POOL,
          volume: hubId('volume', 22),
          volumeName: 'made-by-others.qcow2',
          format: 'qcow2',
        },
      },
    ]);
    expect(vm.cdroms).toEqual([
      {
        slot: { bus: 'ide', controller: 1, unit: 0 },
        medium: { storageName: 'default', storage: POOL, volume: hubId('volume', 21), volumeName: 'iso%2fdebian.iso' },
      },
    ]);
    expect(vm.floppies).toEqual([{ slot: { bus: 'fdc', controller: 0, unit: 0 } }]);
  });

  it('keep an address that the client chose', () => {
    create({ deviceChange: [nic({ addressType: 'Manual', macAddress: '00:00:0F:12:34:56' })] });
    expect(params().vm.nics[0]).toMatchObject({ mac: '00:00:0f:12:34:56', macGenerated: false });
  });

  it('are refused by place in the list', () => {
    const index = (n: number, member: string) => ({ deviceIndex: n, property: `deviceChange[${n}].${member}` });
    expect(refusal({ deviceChange: [scsi(), disk({ capacityInKB: 1024 ** 4 })] })).toEqual(
      expect.objectContaining({ type: 'InvalidDeviceSpec', members: index(1, 'device.capacityInKB') }),
    );
    expect(refusal({ deviceChange: [scsi(), disk({ capacityInKB: 0 })] })).toMatchObject({
      members: index(1, 'device.capacityInKB'),
    });
    expect(refusal({ deviceChange: [scsi(), disk({ unitNumber: 7 })] })).toMatchObject({
      members: index(1, 'device.unitNumber'),
    });
    expect(refusal({ deviceChange: [scsi(), disk({ unitNumber: 3 }), disk({ unitNumber: 3 })] })).toMatchObject({
      members: index(2, 'device.unitNumber'),
    });
    expect(refusal({ deviceChange: [disk({})] })).toMatchObject({
      type: 'InvalidController',
      members: { controllerKey: -201 },
    });
    expect(refusal({ deviceChange: [scsi(), scsi(-202)] })).toMatchObject({ members: index(1, 'device.busNumber') });
    expect(refusal({ deviceChange: [nic({ macAddress: 'ff:ff:ff:ff:ff:ff', addressType: 'manual' })] })).toMatchObject({
      members: index(0, 'device.macAddress'),
    });
    expect(refusal({ deviceChange: [nic({}, { deviceName: 'nowhere' })] })).toMatchObject({
      type: 'InvalidDeviceBacking',
      members: index(0, 'device.backing'),
    });
    expect(refusal({ deviceChange: [add(device('VirtualPCIPassthrough', {}))] })).toMatchObject({
      type: 'DeviceUnsupportedForVmPlatform',
    });
    expect(refusal({ deviceChange: Array.from({ length: 11 }, () => nic()) })).toMatchObject({
      type: 'TooManyDevices',
    });
  });

  it('are refused where their files are not', () => {
    expect(refusal({ deviceChange: [scsi(), disk({}, { fileName: '[default] ../../etc/x.vmdk' })] })).toMatchObject({
      type: 'InvalidDatastorePath',
    });
    expect(refusal({ deviceChange: [scsi(), disk({}, { fileName: '[elsewhere] x.vmdk' })] })).toMatchObject({
      type: 'InvalidDatastore',
    });
    const cdrom = add(
      device('VirtualCdrom', {
        controllerKey: 200,
        backing: { _type: 'VirtualCdromIsoBackingInfo', fileName: '[default] no.iso' },
      }),
    );
    expect(refusal({ deviceChange: [cdrom] })).toMatchObject({
      type: 'FileNotFound',
      members: { file: '[default] no.iso' },
    });
    expect(
      refusal({ deviceChange: [scsi(), disk({ capacityInKB: 200 * MIB }, { thinProvisioned: false })] }),
    ).toMatchObject({ type: 'NoDiskSpace' });
  });
});
