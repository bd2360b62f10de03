/** A VM before and after in, the input of `to-host/vm.xsl` out: what of its configuration shall differ, in the host's units and words. */
import type { DocumentKind, Documents, Share, Vm } from '../../generic/model.ts';
import type { NativeObject } from '../../generic/native.ts';
import { element } from '../../wire/markup.ts';
import { attributeOf } from '../../wire/xml.ts';
import { guestIdOf } from '../guest-os.ts';
import { escapeName } from '../names.ts';
import { bootOrderChanges, entryChanges, ownAttribute, roomChanges } from './attributes.ts';
import { hardwareOf } from './devices.ts';
import { all, partOf } from './native-tree.ts';
import { deviceChanges, type NetworkBacking } from './spec-devices.ts';

const MIB = 1024 * 1024;

interface Change {
  readonly kind: DocumentKind;
  readonly native?: NativeObject;
  readonly before?: Documents[DocumentKind];
  readonly after: Documents[DocumentKind];
}

/** The networks that a plan has found for the VM's cards, as it left them with the object. */
const networksOf = (native: NativeObject | undefined): NetworkBacking[] =>
  native?.parts['backings'] === undefined
    ? []
    : all(partOf(native, 'backings'), 'network').map((one) => ({
        name: attributeOf(one, 'name') ?? '',
        moid: attributeOf(one, 'moid') ?? '',
        portgroupKey: attributeOf(one, 'portgroupKey') ?? '',
        switchUuid: attributeOf(one, 'switchUuid') ?? '',
      }));

/** `undefined`: as before. */
const moved = <T>(before: T | undefined, after: T): T | undefined =>
  JSON.stringify(before) === JSON.stringify(after) ? undefined : after;

const shareInput = (name: string, before: Share | undefined, after: Share, unit: number): string => {
  if (JSON.stringify(before ?? {}) === JSON.stringify(after)) return '';
  return element(name, {
    reservation: Math.round((after.reservation ?? 0) / unit),
    limit: after.limit === undefined ? -1 : Math.round(after.limit / unit),
    shares: after.shares ?? 0,
    level: after.shares === undefined ? 'normal' : 'custom',
  });
};

const guestIdFor = (before: Vm | undefined, after: Vm): string | undefined => {
  const told = ownAttribute(after.attributes, 'guestId');
  const old = before && ownAttribute(before.attributes, 'guestId');
  if (told !== undefined && told !== old) return told;
  if (before === undefined) return told ?? guestIdOf(after.osId, after.bits);
  return before.osId === after.osId && before.bits === after.bits ? undefined : guestIdOf(after.osId, after.bits);
};

const bootInput = (
  before: Vm | undefined,
  after: Vm,
  keys: { disks: readonly number[]; nics: readonly number[] },
): string => {
  // A kind of device that the order named before there was one has its device now.
  const order =
    bootOrderChanges(before, after).length > 0 ? after.bootOrder : moved(before?.bootOrder ?? [], after.bootOrder);
  const secure = moved(before?.secureBoot ?? false, after.secureBoot);
  if (order === undefined && secure === undefined) return '';
  const devices = (order ?? []).flatMap((device): string[] => {
    switch (device) {
      case 'disk':
        return keys.disks.map((deviceKey) =>
          element('order', { type: 'VirtualMachineBootOptionsBootableDiskDevice', deviceKey }),
        );
      case 'network':
        return keys.nics.map((deviceKey) =>
          element('order', { type: 'VirtualMachineBootOptionsBootableEthernetDevice', deviceKey }),
        );
      case 'cdrom':
        return [element('order', { type: 'VirtualMachineBootOptionsBootableCdromDevice' })];
      case 'floppy':
        return [element('order', { type: 'VirtualMachineBootOptionsBootableFloppyDevice' })];
      default:
        return device satisfies never;
    }
  });
  return element('boot', { secure }, devices.join(''));
};

const vncEntries = (before: Vm | undefined, after: Vm): { key: string; value: string }[] => {
  if (JSON.stringify(before?.vnc) === JSON.stringify(after.vnc)) return [];
  const key = (name: string): string => `RemoteDisplay.vnc.${name}`;
  if (after.vnc === undefined) return [{ key: key('enabled'), value: 'FALSE' }];
  const { listen, port } = after.vnc;
  return [
    { key: key('enabled'), value: 'TRUE' },
    ...(port > 0 ? [{ key: key('port'), value: String(port) }] : []),
    ...(listen === '' || listen === '0.0.0.0' ? [] : [{ key: key('ip'), value: listen }]),
  ];
};

const machineSpec = (native: NativeObject | undefined, before: Vm | undefined, after: Vm): string => {
  const tree = native?.parts['vm'] === undefined ? undefined : partOf(native, 'vm');
  const devices = deviceChanges(before, after, tree && hardwareOf(tree), networksOf(native));
  const x = element(
    'x',
    {
      name: moved(before && escapeName(before.name), escapeName(after.name)),
      uuid: moved(before?.uuid, after.uuid) || undefined,
      instanceUuid: moved(before?.instanceUuid, after.instanceUuid) || undefined,
      version: before === undefined ? ownAttribute(after.attributes, 'version') : undefined,
      vmPathName: before === undefined ? ownAttribute(after.attributes, 'vmPathName') : undefined,
      guestId: guestIdFor(before, after),
      annotation: moved(before?.description ?? '', after.description),
      numCPUs: moved(before?.cpuCount, after.cpuCount),
      numCoresPerSocket: moved(before?.coresPerSocket ?? 1, after.coresPerSocket),
      memoryMB: moved(before && Math.round(before.memoryBytes / MIB), Math.round(after.memoryBytes / MIB)),
      memoryHotAdd: moved(before?.memoryHotAdd ?? false, after.memoryHotAdd),
      cpuHotAdd: moved(before?.cpuHotAdd ?? false, after.cpuHotAdd),
      firmware: moved(before?.firmware ?? 'bios', after.firmware),
    },
    [
      devices.text,
      shareInput('cpu', before?.cpuShare, after.cpuShare, 1),
      shareInput('memory', before?.memoryShare, after.memoryShare, MIB),
      [
        ...entryChanges(before?.attributes ?? [], after.attributes),
        ...roomChanges(before, after),
        ...bootOrderChanges(before, after),
        ...vncEntries(before, after),
      ]
        .map((one) => element('extra', one))
        .join(''),
      bootInput(before, after, devices.keys),
    ].join(''),
  );
  return `<in>${x}</in>`;
};

export const fromGenericInput = ({ kind, native, before, after }: Change): string => {
  if (kind !== 'vm') throw new Error(`vim25 changes no ${kind} by a document`);
  return machineSpec(native, before as Vm | undefined, after as Vm);
};
