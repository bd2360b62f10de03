/** VBDs: drives on the host, and those that wait until they are plugged. */
import { beforeEach, describe, expect, it } from 'vitest';
import { hubId } from '../../../../mappings/generic/ids.ts';
import type { PowerState } from '../../../../mappings/generic/model.ts';
import { ownObject, ownObjects } from '../../../../mappings/xenapi/own-data.ts';
import {
  fault,
  GIB,
  ISO,
  kept,
  NULL,
  newDisk,
  onlyCommand,
  ref,
  SNAPSHOT,
  SPARE,
  SPARE_VDI,
  TEMPLATE,
  type TestHost,
  testHost,
  VOLUME,
  vbd,
  WEB,
  WEB_REF,
} from './host.ts';

let host: TestHost;
beforeEach(() => {
  host = testHost();
});
const verbs = (): string[] => host.commands.map(({ command }) => command.verb);
const power = (powerState: PowerState): void => host.setWeb({ powerState });

describe('VBD.create', () => {
  it('adds a drive to a halted VM at once', () => {
    expect(host.value('VBD.create', '', newDisk({ bootable: true, other_config: { owner: 'x' } }))).toBe(vbd(1));
    expect(host.web().disks[1]).toMatchObject({
      slot: { bus: 'virtio', controller: 0, unit: 1 },
      medium: { volume: SPARE },
      capacityBytes: 2 * GIB,
    });
    expect(kept(host.web())).toMatchObject({ 'VBD.1.bootable': 'true', 'VBD.1.other_config.owner': 'x' });
  });

  it('finds a place itself, and keeps the one it is given', () => {
    expect(host.value('VBD.create', '', newDisk({ userdevice: 'autodetect' }))).toBe(vbd(1));
    expect(host.value('VBD.create', '', newDisk({ userdevice: '7' }))).toBe(vbd(7));
    expect(host.web().disks.map(({ slot }) => slot.unit)).toEqual([0, 1, 8]);
    expect((host.value('VM.get_allowed_VBD_devices', WEB_REF) as string[]).slice(0, 5)).toEqual([
      '2',
      '4',
      '5',
      '6',
      '8',
    ]);
  });

  it('looks again when somebody else took the place that it found, and says so when it was asked for', () => {
    const taken = fault('invalid-device', { index: 0, property: 'slot' }, 'virtio0:1 is taken');
    host.failNext('vm.change', taken);
    expect(host.value('VBD.create', '', newDisk({ userdevice: 'autodetect' }))).toBe(vbd(1));
    host.failNext('vm.change', taken);
    expect(host.value('VBD.create', '', newDisk({ userdevice: '5' }))).toEqual(['DEVICE_ALREADY_EXISTS', '5']);
  });

  it('makes an empty CD-ROM drive, inserts and ejects', () => {
    expect(host.value('VBD.insert', vbd(3), { vdi: ref('VDI', ISO) })).toBeUndefined();
    expect(host.web().cdroms[0]?.medium).toMatchObject({ volume: ISO });
    expect(host.value('VBD.insert', vbd(3), { vdi: ref('VDI', ISO) })).toEqual(['VBD_NOT_EMPTY', vbd(3)]);
    host.value('VBD.eject', vbd(3));
    expect(host.web().cdroms[0]).not.toHaveProperty('medium');
    expect(host.value('VBD.eject', vbd(3))).toEqual(['VBD_IS_EMPTY', vbd(3)]);
    expect(host.value('VBD.eject', vbd(0))).toEqual(['VBD_NOT_REMOVABLE_MEDIA', vbd(0)]);
    expect(
      host.value('VBD.create', '', newDisk({ type: 'CD', mode: 'RO', VDI: NULL, empty: true, userdevice: '2' })),
    ).toBe(vbd(2));
    expect(host.web().cdroms[1]?.slot).toEqual({ bus: 'ide', controller: 1, unit: 0 });
  });

  it.each([
    [{ userdevice: '0' }, ['DEVICE_ALREADY_EXISTS', '0']],
    [{ userdevice: '255' }, ['INVALID_DEVICE', '255']],
    [{ userdevice: 'hda' }, ['INVALID_DEVICE', 'hda']],
    [{ type: 'CD', mode: 'RW' }, ['VBD_CDS_MUST_BE_READONLY']],
    [{ empty: true }, ['INVALID_VALUE', 'empty', 'true']],
    [{ VDI: ref('VDI', hubId('volume', 999)) }, ['HANDLE_INVALID', 'VDI', ref('VDI', hubId('volume', 999))]],
    [{ VM: ref('VM', hubId('vm', 999)) }, ['HANDLE_INVALID', 'VM', ref('VM', hubId('vm', 999))]],
    [{ VM: TEMPLATE }, ['OPERATION_NOT_ALLOWED', expect.any(String)]],
  ])('refuses %o', (more, error) => {
    expect(host.value('VBD.create', '', newDisk(more))).toEqual(error);
    expect(host.commands).toEqual([]);
  });
});

describe('a VBD of a running VM', () => {
  beforeEach(() => power('running'));

  it('waits until it is plugged, and is the same afterwards', () => {
    const made = host.value('VBD.create', '', newDisk({ other_config: { owner: 'x' } })) as string;
    expect(made).toBe(vbd(1));
    expect(host.commands).toEqual([]);
    expect(ownObject(host.context, made)?.fields).toMatchObject({
      VM: WEB_REF,
      VDI: SPARE_VDI,
      userdevice: '1',
      currently_attached: false,
    });
    expect(host.value('VBD.create', '', newDisk())).toEqual(['DEVICE_ALREADY_EXISTS', '1']);
    expect(host.value('VBD.plug', made)).toBeUndefined();
    expect(host.web().disks).toHaveLength(2);
    expect(ownObject(host.context, made)).toBeUndefined();
    expect(host.value('VBD.plug', made)).toEqual(['DEVICE_ALREADY_ATTACHED', made]);
  });

  it('is kept when it is unplugged, with all that was said of it, and comes back with the next start', () => {
    host.setWeb({
      attributes: [...host.web().attributes, { owner: 'xenapi', key: 'VBD.0.other_config.k', value: 'v' }],
    });
    expect(host.value('VBD.unplug', vbd(0))).toBeUndefined();
    expect(host.web().disks).toEqual([]);
    expect(kept(host.web())).toEqual({ 'other_config.mine': 'kept' });
    expect(ownObject(host.context, vbd(0))?.fields).toMatchObject({
      VDI: ref('VDI', VOLUME),
      bootable: true,
      other_config: { k: 'v' },
    });
    expect(host.value('VBD.unplug', vbd(0))).toEqual(['DEVICE_ALREADY_DETACHED', vbd(0)]);
    power('stopped');
    host.value('VM.start', WEB_REF);
    expect(verbs()).toEqual(['vm.change', 'vm.change', 'vm.start']);
    expect(host.web().disks[0]?.medium.volume).toBe(VOLUME);
    expect(kept(host.web())).toMatchObject({ 'VBD.0.other_config.k': 'v' });
    expect(ownObjects(host.context)).toEqual([]);
  });

  it('goes when what it was to plug, or its machine, is gone by another way', () => {
    host.value('VBD.create', '', newDisk());
    host.drop(SPARE);
    power('stopped');
    expect(host.value('VM.start', WEB_REF)).toBeUndefined();
    expect(ownObjects(host.context)).toEqual([]);
    power('running');
    host.value('VBD.create', '', newDisk({ VDI: ref('VDI', ISO) }));
    const other = hubId('vm', 12);
    host.put('vm', other, { ...host.web(), uuid: 'bbbbbbbb-1111-2222-3333-444444444444', disks: [] });
    host.drop(WEB);
    host.value('VBD.create', '', newDisk({ VM: ref('VM', other), VDI: ref('VDI', ISO) }));
    expect(ownObjects(host.context).map(({ fields }) => fields['VM'])).toEqual([ref('VM', other)]);
  });

  it('cannot be destroyed while it is attached, and leaves nothing when it is not', () => {
    expect(host.value('VBD.destroy', vbd(0))).toMatchObject(['OPERATION_NOT_ALLOWED', expect.any(String)]);
    host.value('VBD.create', '', newDisk());
    host.value('VBD.destroy', vbd(1));
    expect(ownObjects(host.context)).toEqual([]);
    expect(host.value('VBD.destroy', vbd(1))).toEqual(['HANDLE_INVALID', 'VBD', vbd(1)]);
    power('stopped');
    host.value('VBD.destroy', vbd(0));
    expect(onlyCommand(host).params).toMatchObject({ change: { disks: { remove: [{ deleteVolume: false }] } } });
  });

  it('says when the guest does not let go, and is still there', () => {
    host.failNext('vm.change', fault('timeout', {}, 'too late'));
    expect(host.value('VBD.unplug', vbd(0))).toEqual(['DEVICE_DETACH_TIMEOUT', 'VBD', vbd(0)]);
    expect(ownObjects(host.context)).toEqual([]);
    expect(host.web().disks).toHaveLength(1);
  });

  it('is plugged and unplugged only while the VM runs, and never as a CD-ROM drive', () => {
    expect(host.value('VBD.unplug', vbd(3))).toMatchObject(['OPERATION_NOT_ALLOWED', expect.any(String)]);
    power('stopped');
    expect(host.value('VBD.unplug', vbd(0))).toEqual(['VM_BAD_POWER_STATE', WEB_REF, 'running', 'halted']);
    host.value('VBD.set_unpluggable', vbd(0), { value: false });
    power('running');
    expect(host.value('VBD.unplug', vbd(0))).toEqual(['VBD_NOT_UNPLUGGABLE', vbd(0)]);
  });
});

describe('fields of a VBD', () => {
  it('are kept by the host of its VM, or here while it is not plugged', () => {
    host.value('VBD.set_bootable', vbd(0), { value: false });
    host.value('VBD.add_to_other_config', vbd(0), { key: 'a', value: 'b' });
    expect(host.value('VBD.add_to_other_config', vbd(0), { key: 'a', value: 'b' })).toEqual([
      'MAP_DUPLICATE_KEY',
      'VBD',
      'other_config',
      vbd(0),
      'a',
    ]);
    expect(kept(host.web())).toMatchObject({ 'VBD.0.bootable': 'false', 'VBD.0.other_config.a': 'b' });
    power('running');
    host.value('VBD.create', '', newDisk());
    host.value('VBD.set_bootable', vbd(1), { value: true });
    host.value('VBD.set_other_config', vbd(1), { value: { c: 'd' } });
    expect(ownObject(host.context, vbd(1))?.fields).toMatchObject({ bootable: true, other_config: { c: 'd' } });
  });

  it('change the mode of a disk that is off, and never its place', () => {
    host.value('VBD.set_mode', vbd(0), { value: 'RO' });
    expect(host.web().disks[0]?.readOnly).toBe(true);
    expect(host.value('VBD.set_mode', vbd(3), { value: 'RW' })).toEqual(['VBD_CDS_MUST_BE_READONLY']);
    expect(host.value('VBD.set_userdevice', vbd(0), { value: '0' })).toBeUndefined();
    expect(host.value('VBD.set_userdevice', vbd(0), { value: '5' })).toMatchObject([
      'VALUE_NOT_SUPPORTED',
      'userdevice',
      '5',
      expect.any(String),
    ]);
  });

  it('of a snapshot are as it was taken', () => {
    const inside = vbd(0, SNAPSHOT);
    expect(host.value('VBD.set_bootable', inside, { value: false })).toMatchObject([
      'OPERATION_NOT_ALLOWED',
      expect.any(String),
    ]);
  });
});
