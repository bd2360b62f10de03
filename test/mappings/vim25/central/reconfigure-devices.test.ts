/** ReconfigVM_Task: `deviceChange` of disks, cards, drives, controllers and ports. */

import { describe, expect, it } from 'vitest';
import { hubId } from '../../../../mappings/generic/ids.ts';
import { GIB, MIB, NETWORK, networkDocOf, POOL, webDoc } from './host.ts';
import { anew, changed, host, refusal, spec, web } from './reconfigure-rig.ts';

describe('disks', () => {
  const backing = {
    _type: 'VirtualDiskFlatVer2BackingInfo',
    fileName: '[default] web/web.vmdk',
    diskMode: 'persistent',
  };

  it('as pyVmomi and govc add them find the controller and a free place', () => {
    const change = changed({
      deviceChange: [
        spec(
          'add',
          {
            _type: 'VirtualDisk',
            key: -5,
            controllerKey: 1000,
            unitNumber: -1,
            capacityInKB: 1024,
            backing: {
              _type: 'VirtualDiskFlatVer2BackingInfo',
              fileName: '[default] web/data',
              diskMode: 'persistent',
            },
          },
          'create',
        ),
      ],
    });
    expect(change.disks?.add).toEqual([
      {
        slot: { bus: 'scsi', controller: 0, unit: 1 },
        readOnly: false,
        shareable: false,
        persistent: true,
        thin: false,
        capacityBytes: MIB,
        medium: { storageName: 'default', storage: POOL, volumeName: 'web%2fdata.vmdk' },
        create: { storage: POOL, volumeName: 'web%2fdata.vmdk', capacityBytes: MIB, thin: false },
      },
    ]);
  });

  it('grow, by either member, and never shrink', () => {
    expect(
      changed({
        deviceChange: [
          spec('edit', { _type: 'VirtualDisk', key: 2000, capacityInKB: 20 * MIB, capacityInBytes: 10 * GIB, backing }),
        ],
      }).disks?.change,
    ).toEqual([{ slot: { bus: 'scsi', controller: 0, unit: 0 }, to: { capacityBytes: 20 * GIB } }]);
    anew();
    expect(
      changed({
        deviceChange: [
          spec('edit', { _type: 'VirtualDisk', key: 2000, capacityInKB: 10 * MIB, capacityInBytes: 11 * GIB, backing }),
        ],
      }).disks?.change?.[0]?.to,
    ).toEqual({ capacityBytes: 11 * GIB });
    anew();
    expect(
      refusal({ deviceChange: [spec('edit', { _type: 'VirtualDisk', key: 2000, capacityInKB: MIB, backing })] }),
    ).toMatchObject({ type: 'InvalidDeviceOperation', members: { badOp: 'edit', deviceIndex: 0 } });
    expect(
      refusal({ deviceChange: [spec('edit', { _type: 'VirtualDisk', key: 2000, capacityInKB: 1024 ** 4, backing })] }),
    ).toMatchObject({ type: 'InvalidDeviceSpec' });
  });

  it('go with their volume or leave it', () => {
    expect(
      changed({ deviceChange: [spec('remove', { _type: 'VirtualDisk', key: 2000, capacityInKB: 0 })] }).disks?.remove,
    ).toEqual([{ slot: { bus: 'scsi', controller: 0, unit: 0 }, deleteVolume: false }]);
    anew();
    expect(
      changed({ deviceChange: [spec('remove', { _type: 'VirtualDisk', key: 2000, capacityInKB: 0 }, 'destroy')] }).disks
        ?.remove?.[0]?.deleteVolume,
    ).toBe(true);
  });

  it('of others are not destroyed', () => {
    host.put(
      'vm',
      hubId('vm', 11),
      'other',
      webDoc({ name: 'other', uuid: 'bbbbbbbb-1111-2222-3333-444444444444', attributes: [] }),
    );
    expect(
      refusal({ deviceChange: [spec('remove', { _type: 'VirtualDisk', key: 2000, capacityInKB: 0 }, 'destroy')] }),
    ).toMatchObject({ type: 'FileLocked' });
  });

  it('that are not there are not found', () => {
    expect(
      refusal({ deviceChange: [spec('remove', { _type: 'VirtualDisk', key: 2009, capacityInKB: 0 })] }),
    ).toMatchObject({ type: 'DeviceNotFound', members: { deviceIndex: 0 } });
    expect(
      refusal({
        deviceChange: [spec('add', { _type: 'VirtualDisk', key: -1, controllerKey: 202, capacityInKB: 1 }, 'create')],
      }),
    ).toMatchObject({ type: 'InvalidDeviceSpec' });
  });

  it('may swap places in one spec', () => {
    const change = changed({
      deviceChange: [
        spec('add', {
          _type: 'VirtualDisk',
          key: -1,
          controllerKey: 1000,
          unitNumber: 0,
          capacityInKB: 0,
          backing: { ...backing, fileName: '[default] made-by-others.qcow2' },
        }),
        spec('remove', { _type: 'VirtualDisk', key: 2000, capacityInKB: 0 }),
      ],
    });
    expect(change.disks?.add?.[0]?.slot).toEqual({ bus: 'scsi', controller: 0, unit: 0 });
  });
});

describe('other devices', () => {
  const card = (more: Record<string, unknown>) => ({
    _type: 'VirtualVmxnet3',
    key: 4000,
    backing: { _type: 'VirtualEthernetCardNetworkBackingInfo', deviceName: 'VM Network' },
    ...more,
  });

  it('cards change address, network and link', () => {
    const lan = hubId('network', 40);
    host.put('network', lan, 'lan', networkDocOf('lan'));
    const change = changed({
      deviceChange: [
        spec(
          'edit',
          card({
            addressType: 'manual',
            macAddress: '00:00:0f:aa:bb:cc',
            backing: { _type: 'VirtualEthernetCardNetworkBackingInfo', deviceName: 'lan' },
            connectable: { startConnected: false, connected: true, allowGuestControl: true },
          }),
        ),
      ],
    });
    expect(change.nics?.change).toEqual([
      {
        mac: '52:54:00:00:00:01',
        to: { mac: '00:00:0f:aa:bb:cc', macGenerated: false, network: lan, networkName: 'lan', connected: false },
      },
    ]);
  });

  it('cards of a port group carry its VLAN', () => {
    host.put('network', NETWORK, 'net-uuid', {
      ...networkDocOf('VM Network'),
      portgroups: [{ name: 'blue', vlan: 12 }],
    });
    const change = changed({
      deviceChange: [
        spec('add', card({ key: -1, backing: { _type: 'VirtualEthernetCardNetworkBackingInfo', deviceName: 'blue' } })),
      ],
    });
    expect(change.nics?.add?.[0]).toMatchObject({
      network: NETWORK,
      networkName: 'VM Network',
      vlan: 12,
      model: 'vmxnet3',
      ordinal: 1,
    });
  });

  it('cards go by their key', () => {
    expect(changed({ deviceChange: [spec('remove', card({}))] }).nics?.remove).toEqual(['52:54:00:00:00:01']);
  });

  it('drives take an image and let it go', () => {
    const iso = { _type: 'VirtualCdromIsoBackingInfo', fileName: '[default] iso/debian.iso' };
    const change = changed({
      deviceChange: [
        spec('edit', {
          _type: 'VirtualCdrom',
          key: 3000,
          backing: iso,
          connectable: { startConnected: false, connected: false, allowGuestControl: true },
        }),
      ],
    });
    const medium = {
      storageName: 'default',
      storage: POOL,
      volume: hubId('volume', 21),
      volumeName: 'iso%2fdebian.iso',
    };
    expect(change.cdroms?.change).toEqual([{ slot: { bus: 'ide', controller: 0, unit: 0 }, medium }]);
    anew();
    web({ cdroms: [{ slot: { bus: 'ide', controller: 0, unit: 0 }, medium }] });
    const ejected = changed({
      deviceChange: [
        spec('edit', {
          _type: 'VirtualCdrom',
          key: 3000,
          backing: iso,
          connectable: { startConnected: false, connected: false, allowGuestControl: true },
        }),
      ],
    });
    expect(ejected.cdroms?.change).toEqual([{ slot: { bus: 'ide', controller: 0, unit: 0 } }]);
  });

  it('SCSI controllers come with their devices', () => {
    const change = changed({
      deviceChange: [
        spec(
          'add',
          {
            _type: 'VirtualDisk',
            key: -2,
            controllerKey: -1,
            capacityInKB: 1024,
            backing: {
              _type: 'VirtualDiskFlatVer2BackingInfo',
              fileName: '',
              diskMode: 'persistent',
              thinProvisioned: true,
            },
          },
          'create',
        ),
        spec('add', { _type: 'ParaVirtualSCSIController', key: -1, busNumber: 1, sharedBus: 'noSharing' }),
      ],
    });
    expect(change.scsiControllers).toEqual([
      { ordinal: 0, model: 'lsilogic' },
      { ordinal: 1, model: 'pvscsi' },
    ]);
    expect(change.disks?.add?.[0]).toMatchObject({
      slot: { bus: 'scsi', controller: 1, unit: 0 },
      create: { volumeName: 'web%2fweb_1.vmdk' },
    });
  });

  it('a controller with devices stays', () => {
    expect(
      refusal({
        deviceChange: [
          spec('remove', { _type: 'VirtualLsiLogicController', key: 1000, busNumber: 0, sharedBus: 'noSharing' }),
        ],
      }),
    ).toMatchObject({ type: 'InvalidDeviceOperation' });
  });

  it('serial ports that lead nowhere are ports; others are refused', () => {
    const port = (serviceURI: string) =>
      spec('add', {
        _type: 'VirtualSerialPort',
        key: -1,
        yieldOnPoll: true,
        backing: { _type: 'VirtualSerialPortURIBackingInfo', serviceURI, direction: 'client' },
      });
    expect(changed({ deviceChange: [port('localhost:0')] })).toEqual({ serialPorts: 1 });
    anew();
    expect(refusal({ deviceChange: [port('telnet://:33233')] })).toMatchObject({ type: 'InvalidDeviceBacking' });
  });
});
