/** VBD and VIF references in, the drive or card that they name out: on the host, or kept here until it is plugged. */
import { kindOf } from '../../generic/ids.ts';
import type { Cdrom, Disk, ForeignAttribute, Medium, Vm } from '../../generic/model.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import { NULL_REF, refOf, uuidOf, xenId } from '../ids.ts';
import { type OwnObject, ownObject, ownObjects } from '../own-data.ts';
import {
  type Card,
  cardsOf,
  type Drive,
  drivesOf,
  macPart,
  slotOfDrive,
  slotText,
  userdeviceOf,
  vbdId,
  vifId,
} from '../seats.ts';
import { droppedKey, droppedText } from '../vm-attributes.ts';
import { invalidHandle, refuse } from './refusal.ts';
import { type Found, idOf, xenVmOf } from './targets.ts';
import type { Work } from './work.ts';

export interface FoundDrive {
  readonly ref: string;
  readonly vm: Found<'vm'>;
  readonly userdevice: number;
  /** Absent: not plugged, `pending` says what it is. */
  readonly drive?: Drive;
  readonly pending?: OwnObject;
}

export interface FoundCard {
  readonly ref: string;
  readonly vm: Found<'vm'>;
  readonly card?: Card;
  readonly pending?: OwnObject;
}

/** The machine that a device reference names; devices of a snapshot are as it was taken. */
function* ownerOf(cls: 'VBD' | 'VIF', work: Work): Brokered<Found<'vm'>> {
  const { owner } = idOf(cls, work.self, work);
  if (kindOf(owner) === 'snapshot')
    return refuse('OPERATION_NOT_ALLOWED', 'The hardware of a snapshot cannot be changed');
  if (work.context.store.entry(owner)?.kind !== 'vm') return invalidHandle(cls, work.self);
  const vm = yield* xenVmOf(refOf(xenId('VM', owner), work.context.front), work);
  return vm.kind === 'vm' ? vm : invalidHandle(cls, work.self);
}

export function* driveOf(work: Work): Brokered<FoundDrive> {
  const vm = yield* ownerOf('VBD', work);
  const userdevice = userdeviceOf(idOf('VBD', work.self, work));
  const drive = drivesOf(vm.doc).find((one) => one.userdevice === userdevice);
  if (drive) return { ref: work.self, vm, userdevice, drive };
  const pending = ownObject(work.context, work.self);
  return pending ? { ref: work.self, vm, userdevice, pending } : invalidHandle('VBD', work.self);
}

export function* cardOf(work: Work): Brokered<FoundCard> {
  const vm = yield* ownerOf('VIF', work);
  const { part } = idOf('VIF', work.self, work);
  const card = cardsOf(vm.doc).find(({ nic }) => macPart(nic.mac) === part);
  if (card) return { ref: work.self, vm, card };
  const pending = ownObject(work.context, work.self);
  return pending ? { ref: work.self, vm, pending } : invalidHandle('VIF', work.self);
}

export const vbdRef = (
  vm: Pick<Found<'vm'>, 'id'>,
  userdevice: number,
  { front }: Pick<BrokerContext, 'front'>,
): string => refOf(vbdId(vm.id, userdevice), front);
export const vifRef = (vm: Pick<Found<'vm'>, 'id'>, mac: string, { front }: Pick<BrokerContext, 'front'>): string =>
  refOf(vifId(vm.id, mac), front);

export const pendingOf = (
  cls: 'VBD' | 'VIF',
  vm: Pick<Found<'vm'>, 'ref'>,
  context: BrokerContext,
): readonly OwnObject[] => ownObjects(context, cls).filter(({ fields }) => fields['VM'] === vm.ref);

/** Places of a VM that are taken, on the host or by what is not plugged yet. */
export const takenUserdevices = (vm: Found<'vm'>, context: BrokerContext): Set<number> =>
  new Set([
    ...drivesOf(vm.doc).map(({ userdevice }) => userdevice),
    ...pendingOf('VBD', vm, context).map(({ fields }) => Number(fields['userdevice'])),
  ]);

export const takenDevices = (vm: Found<'vm'>, context: BrokerContext): Set<number> =>
  new Set([
    ...cardsOf(vm.doc).map(({ device }) => device),
    ...pendingOf('VIF', vm, context).map(({ fields }) => Number(fields['device'])),
  ]);

export const mediumOf = (volume: Found<'volume'> & { readonly storage: Medium['storage'] }): Medium => ({
  storageName: volume.doc.storageName,
  ...(volume.storage === undefined ? {} : { storage: volume.storage }),
  volume: volume.id,
  volumeName: volume.doc.name,
  path: volume.doc.path,
  format: volume.doc.format,
});

/** What the VM's host keeps for a drive, to be dropped with it. */
export const forgottenDrive = (vm: Pick<Vm, 'attributes'>, drive: Drive): ForeignAttribute[] => [
  ...vm.attributes
    .filter(({ owner, key }) => owner === 'xenapi' && key.startsWith(`VBD.${drive.userdevice}.`))
    .map(({ key }) => droppedText(key)),
  ...(vm.attributes.some(({ owner, key }) => owner === 'xenapi' && key === `vbd.${slotText(slotOfDrive(drive))}`)
    ? [droppedKey('vbd', slotText(slotOfDrive(drive)))]
    : []),
];

export const forgottenCard = (vm: Pick<Vm, 'attributes'>, { nic }: Card): ForeignAttribute[] => {
  const mac = nic.mac.toLowerCase();
  return vm.attributes
    .filter(({ owner, key }) => owner === 'xenapi' && (key.startsWith(`VIF.${mac}.`) || key === `vif.${mac}`))
    .map(({ key }) => droppedText(key));
};

/** The VDI in a drive, as records refer to it. */
export const vdiRefOf = (drive: Disk | Cdrom, { front }: Pick<BrokerContext, 'front'>): string => {
  const volume = drive.medium?.volume;
  return volume === undefined ? NULL_REF : refOf(xenId('VDI', volume), front);
};

export const uuidOfRef = (cls: 'VBD' | 'VIF', ref: string, work: Pick<Work, 'context'>): string =>
  uuidOf(idOf(cls, ref, work), work.context.front);
