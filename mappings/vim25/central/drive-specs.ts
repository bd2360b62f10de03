/** Specs of CD-ROM and floppy drives in, the draft's drives out. */
import type { Medium, Slot } from '../../generic/model.ts';
import { pathOfVolume } from '../../generic/volume-path.ts';
import { nodeAt, placeOf, shownPath } from '../datastore/tree.ts';
import { isSubtype } from '../types.ts';
import type { DataObject } from '../values.ts';
import { type DeviceSpec, type Draft, deviceNotFound, type Spot, slotText, takeSlot } from './device-draft.ts';
import { isOn } from './inventory.ts';
import { deviceFault, refuse } from './refusal.ts';

interface Drive {
  readonly slot: Slot;
  readonly medium?: Medium;
}

interface Kind {
  readonly list: 'cdroms' | 'floppies';
  readonly image: string;
  readonly buses: readonly Spot['bus'][];
  readonly fallback: Spot;
}

const CDROM: Kind = {
  list: 'cdroms',
  image: 'VirtualCdromIsoBackingInfo',
  buses: ['ide', 'sata', 'scsi'],
  fallback: { bus: 'ide', controller: 0 },
};
const FLOPPY: Kind = {
  list: 'floppies',
  image: 'VirtualFloppyImageBackingInfo',
  buses: ['fdc'],
  fallback: { bus: 'fdc', controller: 0 },
};

/** The image a backing names; undefined: the client's or the host's own drive, which is an empty one here. */
const mediumOf = (draft: Draft, { index, device }: DeviceSpec, kind: Kind): Medium | undefined => {
  const backing = device['backing'] as DataObject | undefined;
  if (!backing) return undefined;
  if (!isSubtype(backing._type ?? '', kind.image)) {
    if (!isSubtype(backing._type ?? '', 'VirtualDeviceFileBackingInfo')) return undefined;
    return deviceFault(
      index,
      'device.backing',
      'InvalidDeviceBacking',
      `Incompatible device backing specified for device '${index}'.`,
    );
  }
  const name = (backing['fileName'] as string | undefined) ?? '';
  // `[]` is how ESXi itself writes an image that was never chosen.
  if (/^\s*(\[\]\s*)?$/.test(name)) return undefined;
  const place = placeOf(draft.site.all, name);
  const node = nodeAt(place);
  if (node?.kind !== 'volume') return refuse('file-not-found', { path: shownPath(place) });
  const { storage } = place.tree;
  return { storageName: storage.doc.name, storage: storage.id, volume: node.volume.id, volumeName: node.name };
};

const shown = (medium: Medium | undefined): string =>
  medium ? `[${medium.storageName}] ${pathOfVolume(medium.volumeName ?? medium.path ?? '')}` : '';

const driveAt = (draft: Draft, { index, device }: DeviceSpec, kind: Kind): Drive => {
  const at =
    kind.list === 'cdroms'
      ? draft.keys.cdroms.find(({ key }) => key === device['key'])?.cdrom
      : draft.keys.floppies.find(({ key }) => key === device['key'])?.floppy;
  const gone = at && draft[kind.list].remove.some((slot) => slotText(slot) === slotText(at.slot));
  return at && !gone ? at : deviceNotFound(index);
};

const editDrive = (draft: Draft, spec: DeviceSpec, kind: Kind): void => {
  const drive = driveAt(draft, spec, kind);
  const connectable = spec.device['connectable'] as DataObject | undefined;
  const connected = (isOn(draft.before) ? connectable?.['connected'] : connectable?.['startConnected']) as
    | boolean
    | undefined;
  const wanted = spec.device['backing'] === undefined ? drive.medium : mediumOf(draft, spec, kind);
  // A drive that is disconnected is one without its medium; putting another medium in connects it.
  const isEjected = connected === false && shown(wanted) === shown(drive.medium);
  const medium = isEjected ? undefined : wanted;
  if (shown(medium) !== shown(drive.medium))
    draft[kind.list].change.push({ slot: drive.slot, ...(medium ? { medium } : {}) });
};

const applyDrive = (draft: Draft, spec: DeviceSpec, kind: Kind): void => {
  const plugs = spec.operation === 'add' || spec.operation === 'remove';
  if (plugs && isOn(draft.before)) refuse('wrong-state', { requested: 'stopped', existing: draft.before.powerState });
  switch (spec.operation) {
    case 'add': {
      const medium = mediumOf(draft, spec, kind);
      draft[kind.list].add.push({
        slot: takeSlot(draft, spec, kind.buses, kind.fallback),
        ...(medium ? { medium } : {}),
      });
      return;
    }
    case 'edit':
      editDrive(draft, spec, kind);
      return;
    case 'remove': {
      const { slot } = driveAt(draft, spec, kind);
      draft[kind.list].remove.push(slot);
      draft.used.delete(slotText(slot));
      return;
    }
    default:
      spec.operation satisfies never;
      return;
  }
};

export const applyCdrom = (draft: Draft, spec: DeviceSpec): void => applyDrive(draft, spec, CDROM);
export const applyFloppy = (draft: Draft, spec: DeviceSpec): void => applyDrive(draft, spec, FLOPPY);
