/** CreateVM_Task: scalar members of a spec, those that cannot be and what the rest become. */
import { describe, expect, it } from 'vitest';
import { hubId } from '../../../../mappings/generic/ids.ts';
import { create, host, nic, params, refusal } from './create-rig.ts';
import { GIB, moref, VM_FOLDER, volumeDoc, WEB } from './host.ts';

describe('values that cannot be', () => {
  it.each([
    [{ name: '' }, 'InvalidName', {}],
    [{ name: 'x'.repeat(81) }, 'InvalidName', {}],
    [{ name: 'a\nb' }, 'InvalidName', {}],
    [{ name: 'web' }, 'DuplicateName', { name: 'web' }],
    [{ numCPUs: 10_000 }, 'InvalidArgument', { invalidProperty: 'configSpec.numCPUs' }],
    [{ numCPUs: 65 }, 'InvalidArgument', { invalidProperty: 'configSpec.numCPUs' }],
    [{ numCPUs: 0 }, 'InvalidArgument', { invalidProperty: 'configSpec.numCPUs' }],
    [{ numCPUs: 4, numCoresPerSocket: 3 }, 'InvalidArgument', { invalidProperty: 'configSpec.numCoresPerSocket' }],
    [{ memoryMB: 3 }, 'InvalidArgument', { invalidProperty: 'configSpec.memoryMB' }],
    [{ memoryMB: 1022 }, 'InvalidArgument', { invalidProperty: 'configSpec.memoryMB' }],
    [{ memoryMB: 9_007_199_254_740_988 }, 'InvalidArgument', { invalidProperty: 'configSpec.memoryMB' }],
    [{ guestId: 'plan9Guest' }, 'InvalidArgument', { invalidProperty: 'configSpec.guestId' }],
    [{ uuid: 'not-one' }, 'InvalidArgument', { invalidProperty: 'configSpec.uuid' }],
    [{ uuid: 'AAAAAAAA-1111-2222-3333-444444444444' }, 'InvalidArgument', { invalidProperty: 'configSpec.uuid' }],
    [{ firmware: 'coreboot' }, 'InvalidArgument', { invalidProperty: 'configSpec.firmware' }],
    [
      { bootOptions: { efiSecureBootEnabled: true } },
      'InvalidArgument',
      { invalidProperty: 'configSpec.bootOptions.efiSecureBootEnabled' },
    ],
    [
      { extraConfig: [{ key: 'guestId', value: 'x' }] },
      'InvalidArgument',
      { invalidProperty: 'configSpec.extraConfig[0].key' },
    ],
    [{ files: { vmPathName: '[nowhere]' } }, 'InvalidDatastore', { name: 'nowhere' }],
    [{ files: { vmPathName: '[default] ../x' } }, 'InvalidDatastorePath', {}],
    [{ files: { vmPathName: 'no brackets' } }, 'InvalidDatastorePath', {}],
    [{ files: undefined }, 'InvalidVmConfig', { property: 'configSpec.files.vmPathName' }],
    [{ vPMCEnabled: true }, 'NotSupported', {}],
    [{ ftInfo: { role: 1 } }, 'NotSupported', {}],
  ])('%j is refused as %s', (config, type, members) => {
    const found = refusal(config);
    expect(found?.type).toBe(type);
    expect(found?.members).toMatchObject(members);
  });

  it('names another pool: a direct fault', () => {
    const reply = host.call('CreateVM_Task', VM_FOLDER, {
      config: { name: 'x', files: { vmPathName: '[default]' } },
      pool: moref('ResourcePool', 'pool-9'),
    });
    expect(reply).toMatchObject({ kind: 'fault', fault: { kind: 'object-not-found' } });
  });
});

describe('the rest of a spec', () => {
  it('becomes fields, attributes kept for the client, or nothing where it changes nothing', () => {
    create({
      numCPUs: 4,
      numCoresPerSocket: 2,
      memoryMB: 2048,
      cpuHotAddEnabled: true,
      annotation: 'line\n<two>',
      firmware: 'efi',
      guestId: 'windows9_64Guest',
      version: 'vmx-11',
      instanceUuid: '50112233-4455-6677-8899-aabbccddeeff',
      flags: { _type: 'VirtualMachineFlagInfo', enableLogging: true, diskUuidEnabled: true },
      tools: { _type: 'ToolsConfigInfo', syncTimeWithHost: false, toolsUpgradePolicy: 'manual' },
      latencySensitivity: { _type: 'LatencySensitivity', level: 'normal' },
      bootOptions: {
        efiSecureBootEnabled: true,
        bootDelay: 500,
        bootOrder: [
          { _type: 'VirtualMachineBootOptionsBootableCdromDevice' },
          { _type: 'VirtualMachineBootOptionsBootableDiskDevice', deviceKey: 2000 },
        ],
      },
      cpuAllocation: { reservation: 500, limit: -1, shares: { level: 'high', shares: 0 } },
      memoryAllocation: { limit: 1024, shares: { level: 'custom', shares: 77 } },
      extraConfig: [
        { key: 'guestinfo.x', value: 'y' },
        { key: 'gone', value: '' },
        { key: 'n', value: 5 },
      ],
    });
    const { vm } = params();
    expect(vm).toMatchObject({
      cpuCount: 4,
      cpuMax: 16,
      coresPerSocket: 2,
      memoryBytes: 2 * GIB,
      cpuHotAdd: true,
      description: 'line\n<two>',
      firmware: 'efi',
      secureBoot: true,
      osId: 'win10',
      bits: 64,
      instanceUuid: '50112233-4455-6677-8899-aabbccddeeff',
      bootOrder: ['cdrom', 'disk'],
      cpuShare: { reservation: 500, shares: 8000 },
      memoryShare: { limit: GIB, shares: 77 },
    });
    const kept = Object.fromEntries(vm.attributes.map(({ key, value }) => [key, value]));
    expect(kept).toEqual({
      guestId: 'windows9_64Guest',
      version: 'vmx-11',
      'disk.EnableUUID': 'TRUE',
      'bios.bootDelay': '500',
      'guestinfo.x': 'y',
      n: '5',
      vmPathName: '[default] new/new.vmx',
      modified: '2024-05-05T06:07:08.000000Z',
    });
  });

  it('leaves the addresses of other machines alone', () => {
    host.put('volume', hubId('volume', 30), 'pool-uuid/x', volumeDoc('x'));
    create({ deviceChange: [nic(), nic({ key: -2 })] });
    const macs = params().vm.nics.map(({ mac }) => mac);
    expect(new Set([...macs, '52:54:00:00:00:01']).size).toBe(3);
    expect(host.context.store.generic('vm', WEB)?.name).toBe('web');
  });
});
