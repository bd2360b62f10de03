/** The devices of a VM before and after in, elements of the `<x>` of `from-generic/vm.xsl` out: what goes, what changes, what comes. */
import type { Medium, Nic, Slot, Vm } from '../generic/model.ts';
import { attributes } from './markup.ts';
import { addressOf, deviceOf, sameSlot } from './slots.ts';
import { nicModels, scsiModels } from './states.ts';

interface Place {
  readonly device: 'disk' | 'cdrom' | 'floppy';
  readonly slot: Slot;
  readonly was: string | undefined;
  readonly medium: Medium | undefined;
  readonly flags: { readonly readonly: boolean; readonly shareable: boolean; readonly transient: boolean };
  readonly serial: string | undefined;
}

const NO_FLAGS = { readonly: false, shareable: false, transient: false };

const placesOf = (vm: Vm): Place[] => [
  ...vm.disks.map(
    (disk): Place => ({
      device: 'disk',
      slot: disk.slot,
      was: disk.device,
      medium: disk.medium,
      serial: disk.uuid,
      flags: { readonly: disk.readOnly, shareable: disk.shareable, transient: !disk.persistent },
    }),
  ),
  ...vm.cdroms.map(
    (one): Place => ({
      device: 'cdrom',
      slot: one.slot,
      was: one.device,
      medium: one.medium,
      flags: NO_FLAGS,
      serial: undefined,
    }),
  ),
  ...vm.floppies.map(
    (one): Place => ({
      device: 'floppy',
      slot: one.slot,
      was: one.device,
      medium: one.medium,
      flags: NO_FLAGS,
      serial: undefined,
    }),
  ),
];

const sourceOf = (medium: Medium | undefined): Readonly<Record<string, string | undefined>> => {
  if (medium === undefined) return { type: 'file' };
  const { path: file, storageName, volumeName } = medium;
  if (file?.startsWith('/dev/')) return { type: 'block', block: file };
  if (file !== undefined) return { type: 'file', file };
  return volumeName === undefined ? { type: 'file' } : { type: 'volume', pool: storageName, volume: volumeName };
};

const sourceText = (medium: Medium | undefined): string => JSON.stringify(sourceOf(medium));

/** A machine of the q35 kind has no IDE: its devices go to SATA, which every guest that knows q35 knows. */
const seat = (slot: Slot, isQ35: boolean, taken: readonly Slot[]): Slot => {
  if (!isQ35 || slot.bus !== 'ide') return slot;
  let unit = slot.controller * 2 + slot.unit;
  while (taken.some((one) => sameSlot(one, { bus: 'sata', controller: 0, unit }))) unit += 1;
  return { bus: 'sata', controller: 0, unit };
};

const diskElement = (
  vm: Vm,
  place: Place,
  device: string,
  slot: Slot,
  edits: Readonly<Record<string, string | undefined>>,
): string => {
  const scsi = vm.scsiControllers.find(({ ordinal }) => ordinal === slot.controller)?.model;
  const address = addressOf(slot, scsi);
  return `<disk${attributes({
    ...edits,
    device: place.device,
    dev: device,
    bus: slot.bus,
    ...sourceOf(place.medium),
    format: place.medium?.format ?? (place.device === 'disk' ? 'qcow2' : 'raw'),
    controller: address?.controller,
    addressBus: address?.bus,
    target: address?.target,
    unit: address?.unit,
    readonly: place.flags.readonly || undefined,
    shareable: place.flags.shareable || undefined,
    transient: place.flags.transient || undefined,
    serial: place.serial,
  })}/>`;
};

export const diskEdits = (before: Vm, after: Vm, nativeDevices: ReadonlySet<string>, isQ35: boolean): string => {
  const old = new Map(
    placesOf(before).flatMap((place) =>
      place.was !== undefined && nativeDevices.has(place.was) ? [[place.was, place] as const] : [],
    ),
  );
  const places = placesOf(after);
  const kept = new Set(places.flatMap(({ was }) => (was !== undefined && old.has(was) ? [was] : [])));
  const taken = new Set([...nativeDevices].filter((device) => kept.has(device) || !old.has(device)));
  const slots = places.map(({ slot }) => slot);
  const gone = [...old.keys()]
    .filter((device) => !kept.has(device))
    .map((device) => `<gone${attributes({ dev: device })}/>`);
  return (
    gone.join('') +
    places
      .map((place): string => {
        const was = place.was === undefined ? undefined : old.get(place.was);
        if (was === undefined || place.was === undefined) {
          const slot = seat(place.slot, isQ35, slots);
          slots.push(slot);
          const device = deviceOf(slot, taken);
          taken.add(device);
          return diskElement(after, place, device, slot, {});
        }
        const newSource =
          sourceText(was.medium) !== sourceText(place.medium) || was.medium?.format !== place.medium?.format;
        const newPlace = !sameSlot(was.slot, place.slot);
        const newFlags = JSON.stringify(was.flags) !== JSON.stringify(place.flags);
        if (!newSource && !newPlace && !newFlags) return '';
        if (newPlace) taken.delete(place.was);
        const device = newPlace ? deviceOf(place.slot, taken) : place.was;
        taken.add(device);
        return diskElement(after, place, device, place.slot, {
          was: place.was,
          newSource: newSource ? 'true' : undefined,
          newPlace: newPlace ? 'true' : undefined,
          newFlags: newFlags ? 'true' : undefined,
        });
      })
      .join('')
  );
};

const modelName = (nic: Nic): string => nicModels.fromGeneric(nic.model) ?? 'e1000';

const nicElement = (nic: Nic, edits: Readonly<Record<string, string | undefined>>): string =>
  `<nic${attributes({
    ...edits,
    mac: nic.mac,
    static: nic.macGenerated ? undefined : 'true',
    model: modelName(nic),
    network: nic.networkName === '' ? undefined : nic.networkName,
    link: nic.connected ? 'up' : 'down',
    mtu: nic.mtu,
    vlan: nic.vlan,
  })}/>`;

export const nicEdits = (before: Vm, after: Vm, nativeMacs: readonly string[]): string => {
  const spelled = new Map(nativeMacs.map((mac) => [mac.toLowerCase(), mac]));
  const same =
    (a: Nic) =>
    (b: Nic): boolean =>
      a.mac.toLowerCase() === b.mac.toLowerCase();
  const left = before.nics.filter((nic) => spelled.has(nic.mac.toLowerCase()) && !after.nics.some(same(nic)));
  const out = after.nics.map((nic): string => {
    // A card whose address changed is the next one of its model that lost its own: a clone changes all of them.
    const at = left.findIndex(({ model }) => model === nic.model);
    const was = before.nics.find(same(nic)) ?? (at < 0 ? undefined : left.splice(at, 1)[0]);
    const native = was && spelled.get(was.mac.toLowerCase());
    if (was === undefined || native === undefined) return nicElement(nic, {});
    const changed = (isNew: boolean): string | undefined => (isNew ? 'true' : undefined);
    const edits = {
      newMac: changed(was.mac.toLowerCase() !== nic.mac.toLowerCase() || was.macGenerated !== nic.macGenerated),
      newModel: changed(was.model !== nic.model),
      newSource: changed(was.networkName !== nic.networkName),
      newLink: changed(was.connected !== nic.connected),
      newMtu: changed(was.mtu !== nic.mtu),
      newVlan: changed(was.vlan !== nic.vlan),
    };
    return Object.values(edits).every((edit) => edit === undefined) ? '' : nicElement(nic, { was: native, ...edits });
  });
  return (
    left.map(({ mac }) => `<goneNic${attributes({ mac: spelled.get(mac.toLowerCase()) ?? mac })}/>`).join('') +
    out.join('')
  );
};

/** Only what lives on it counts: an empty controller of a client is made too, it asked for it. */
const scsiModel = (model: Vm['scsiControllers'][number]['model']): string =>
  scsiModels.fromGeneric(model) ?? 'lsilogic';

export const controllerEdits = (
  before: Vm['scsiControllers'],
  after: Vm['scsiControllers'],
  native: ReadonlySet<string>,
): string => {
  const gone = before.filter(({ ordinal }) => !after.some((one) => one.ordinal === ordinal));
  return (
    gone.map(({ ordinal }) => `<goneController${attributes({ index: ordinal })}/>`).join('') +
    after
      .map(({ ordinal, model }) => {
        const was = before.find((one) => one.ordinal === ordinal);
        if (was?.model === model && native.has(String(ordinal))) return '';
        return `<controller${attributes({ index: ordinal, model: scsiModel(model), was: native.has(String(ordinal)) ? 'true' : undefined })}/>`;
      })
      .join('')
  );
};
