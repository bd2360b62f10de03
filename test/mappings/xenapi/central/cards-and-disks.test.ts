/** VIFs and VDIs: what each call becomes, and what it is refused for. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { PowerState } from '../../../../mappings/generic/model.ts';
import { ownObject, ownObjects, readOwn } from '../../../../mappings/xenapi/own-data.ts';
import {
  GIB,
  HOST,
  kept,
  MAC,
  NETWORK,
  NULL,
  newCard,
  onlyCommand,
  POOL,
  ref,
  SPARE,
  SPARE_VDI,
  type TestHost,
  testHost,
  VOLUME,
  vif,
  WEB_REF,
} from './host.ts';

let host: TestHost;
beforeEach(() => {
  host = testHost();
});
const verbs = (): string[] => host.commands.map(({ command }) => command.verb);
const power = (powerState: PowerState): void => host.setWeb({ powerState });

describe('VIFs', () => {
  it('get an address of their own, or the one that is given', () => {
    const made = host.value('VIF.create', '', newCard()) as string;
    const mac = host.web().nics[1]?.mac ?? '';
    expect(made).toBe(vif(mac));
    // Locally administered, not multicast.
    expect(Number.parseInt(mac.slice(0, 2), 16) & 3).toBe(2);
    host.value('VIF.create', '', newCard({ device: '4', MAC: '02:00:00:AA:BB:CC', other_config: { k: 'v' } }));
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
    expect(host.value('VIF.create', '', newCard(more))).toEqual(error);
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
    host.value('VIF.create', '', newCard({ device: '1', MAC: '02:00:00:00:00:aa' }));
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
    [{ SR: ref('SR', HOST) }, ['SR_OPERATION_NOT_SUPPORTED', ref('SR', HOST)]],
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
