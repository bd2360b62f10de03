/** ReconfigVM_Task: only what differs becomes a change; stale, impossible and wrongly addressed specs get their faults and no command. */

import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { hubId } from '../../../../mappings/generic/ids.ts';
import { changeVersionOf } from '../../../../mappings/vim25/change-version.ts';
import { GIB, onlyCommand, webDoc } from './host.ts';
import { anew, changed, host, MODIFIED, reconfigure, refusal, spec, web } from './reconfigure-rig.ts';

describe('fields', () => {
  it('change where they differ', () => {
    expect(changed({ numCPUs: 2, memoryMB: 2048, annotation: 'hello', name: 'front' })).toEqual({
      memoryBytes: 2 * GIB,
      description: 'hello',
      name: 'front',
    });
  });

  it('that ask for what is there make a task that is done and no command', () => {
    expect(
      reconfigure({
        numCPUs: 2,
        memoryMB: 1024,
        guestId: 'debian10_64Guest',
        extraConfig: [{ key: 'guestinfo.a', value: '1' }],
      }).kind,
    ).toBe('value');
    expect(host.commands).toEqual([]);
    expect(host.settled).toEqual([{ ok: true, value: undefined }]);
  });

  it('of extraConfig come with a value, and go with none', () => {
    const change = changed({
      extraConfig: [
        { key: 'guestinfo.b', value: 5 },
        { key: 'guestinfo.a', value: '' },
        { key: 'never.there', value: '' },
      ],
    });
    expect(change).toEqual({
      attributes: [
        { owner: 'vim25', key: 'guestinfo.b', value: '5' },
        { owner: 'vim25', key: 'guestinfo.a', value: '' },
      ],
    });
  });

  it('of the boot order are cleared by a device of the base type', () => {
    expect(changed({ bootOptions: { bootOrder: [{ _type: 'VirtualMachineBootOptionsBootableDevice' }] } })).toEqual({
      bootOrder: [],
    });
  });

  it('follow a changeVersion, and are refused for an older one', () => {
    const current = changeVersionOf(webDoc(), '2024-05-05T06:07:07.000000Z');
    reconfigure({ changeVersion: current, annotation: 'x' });
    expect(onlyCommand(host).params).toMatchObject({ atVersion: 7 });
    anew();
    // Whoever changed it: other APIs write no time.
    const other = changeVersionOf(webDoc({ description: 'by another API' }), '2024-05-05T06:07:07.000000Z');
    expect(refusal({ changeVersion: other, annotation: 'x' })).toMatchObject({ type: 'ConcurrentAccess' });
    anew();
    expect(refusal({ changeVersion: '2020-01-01T00:00:00.000000Z', annotation: 'x' })).toMatchObject({
      type: 'ConcurrentAccess',
    });
  });
});

describe('a running machine', () => {
  beforeEach(() => web({ powerState: 'running', cpuMax: 4, memoryMaxBytes: 2 * GIB, memoryHotAdd: true }));

  it('takes what fits under its maximum', () => {
    expect(changed({ numCPUs: 4, memoryMB: 2048 })).toEqual({ cpuCount: 4, memoryBytes: 2 * GIB });
  });

  it('refuses what does not', () => {
    expect(refusal({ memoryMB: 4096 })).toMatchObject({
      type: 'MemorySizeNotSupported',
      members: { memorySizeMB: 4096, maxMemorySizeMB: 2048 },
    });
    expect(refusal({ numCPUs: 8 })).toMatchObject({ type: 'CpuHotPlugNotSupported' });
    expect(refusal({ numCPUs: 1 })).toMatchObject({ type: 'CpuHotPlugNotSupported' });
    expect(refusal({ firmware: 'efi' })).toMatchObject({
      type: 'InvalidPowerState',
      members: { requestedState: 'poweredOff', existingState: 'poweredOn' },
    });
    web({ powerState: 'running' });
    expect(refusal({ memoryMB: 2048 })).toMatchObject({ type: 'MemoryHotPlugNotSupported' });
  });

  it('gets no new controllers and drives', () => {
    expect(
      refusal({
        deviceChange: [
          spec('add', { _type: 'ParaVirtualSCSIController', key: -1, busNumber: 1, sharedBus: 'noSharing' }),
        ],
      }),
    ).toMatchObject({ type: 'InvalidPowerState' });
    expect(
      refusal({ deviceChange: [spec('add', { _type: 'VirtualCdrom', key: -1, controllerKey: 200 })] }),
    ).toMatchObject({ type: 'InvalidPowerState' });
  });
});

describe('others', () => {
  it('a template changes its name and annotation only', () => {
    web({ template: true });
    expect(refusal({ extraConfig: [{ key: 'testing', value: '456' }] })).toMatchObject({ type: 'NotSupported' });
    expect(changed({ annotation: 'testing123' })).toEqual({ description: 'testing123' });
  });

  it('a taken name is refused', () => {
    host.put('vm', hubId('vm', 11), 'other', webDoc({ name: 'other', uuid: 'bbbbbbbb-1111-2222-3333-444444444444' }));
    expect(refusal({ name: 'other' })).toMatchObject({ type: 'DuplicateName', members: { name: 'other' } });
  });

  it('an unknown machine is a direct fault', () => {
    expect(host.call('ReconfigVM_Task', { type: 'VirtualMachine', id: '99' }, { spec: {} })).toMatchObject({
      kind: 'fault',
      fault: { kind: 'object-not-found', members: { id: '99' } },
    });
  });

  it("pyVmomi's own request becomes a change", () => {
    const xml = readFileSync(
      new URL('../../../../fixtures/vim25/requests/pyvmomi-ReconfigVM_Task.xml', import.meta.url),
      'utf8',
    );
    web({ memoryBytes: 2 * GIB, memoryMaxBytes: 2 * GIB });
    host.request(xml.replace('vm-12', '10'));
    expect(onlyCommand(host).params).toMatchObject({
      change: {
        memoryBytes: GIB,
        nics: { add: [{ model: 'e1000', networkName: 'VM Network' }] },
        attributes: [{ key: 'a', value: 'x' }, { key: 'b', value: '5' }, MODIFIED],
      },
    });
  });
});
