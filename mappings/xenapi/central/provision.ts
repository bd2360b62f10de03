/** The `disks` entry of a template's other_config in, the disks to be made out. */
import type { DiskSpec } from '../../generic/commands.ts';
import type { Vm } from '../../generic/model.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import type { Entry } from '../../generic/store-view.ts';
import { attributeOf, childrenOf, readXml } from '../../wire/xml.ts';
import { NULL_REF, parseRef, parseUuid, refOf, xenId } from '../ids.ts';
import { readOwn } from '../own-data.ts';
import { MOST_USERDEVICE, slotForDisk } from '../seats.ts';
import { newVolumeName } from './minting.ts';
import { refuse } from './refusal.ts';
import { documents } from './targets.ts';
import type { Work } from './work.ts';

export const DISK_FORMAT = 'qcow2';

/** What `pool.default_SR` says: as a client set it, or the first storage that can be used. */
function* defaultStorage(work: Work): Brokered<Entry> {
  const { store, front } = work.context;
  const pool = refOf(xenId('pool', front.host), front);
  const said = readOwn(work.context, pool, 'default_SR');
  const id = typeof said === 'string' && said !== NULL_REF ? parseRef(said, front) : undefined;
  const entry = id && store.entry(id.owner);
  if (entry?.kind === 'storage') return entry;
  const all = yield* documents('storage', store.list('storage', front.host), work);
  const usable = all.find(({ doc }) => doc.accessible) ?? all[0];
  return usable?.entry ?? refuse('DEFAULT_SR_NOT_FOUND', NULL_REF);
}

const storageByUuid = (uuid: string, { store, front }: BrokerContext): Entry => {
  const own = parseUuid(uuid, front);
  const entry = store.list('storage', front.host).find((one) => one.id === own?.owner || one.uuid === uuid);
  return entry ?? refuse('UUID_INVALID', 'SR', uuid);
};

/** `<provision><disk device="0" size="8589934592" sr="uuid" bootable="true" type="system"/></provision>` */
export function* provisionedDisks(text: string, vm: Vm, work: Work): Brokered<DiskSpec[]> {
  const read = readXml(text);
  if (!read.ok || read.root.name !== 'provision')
    return refuse('INVALID_VALUE', 'other_config:disks', text.slice(0, 256));
  const disks: DiskSpec[] = [];
  for (const element of childrenOf(read.root, 'disk')) {
    const device = Number(attributeOf(element, 'device') ?? Number.NaN);
    const size = Number(attributeOf(element, 'size') ?? Number.NaN);
    if (
      !(Number.isInteger(device) && device >= 0 && device <= MOST_USERDEVICE) ||
      !(Number.isSafeInteger(size) && size > 0)
    )
      return refuse('INVALID_VALUE', 'other_config:disks', text.slice(0, 256));
    const sr = attributeOf(element, 'sr') ?? '';
    const entry = sr === '' ? yield* defaultStorage(work) : storageByUuid(sr, work.context);
    const volumeName = newVolumeName(work.context, `${vm.name} ${device}`, DISK_FORMAT);
    const planned = { ...vm, disks: [...vm.disks, ...disks] };
    disks.push({
      slot: slotForDisk(planned, device),
      medium: { storageName: entry.name, storage: entry.id, volumeName, format: DISK_FORMAT },
      capacityBytes: size,
      thin: true,
      readOnly: false,
      shareable: false,
      persistent: true,
      create: { storage: entry.id, volumeName, capacityBytes: size, thin: true },
    });
  }
  return disks;
}
