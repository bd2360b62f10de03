/** Names that the host's objects have in the hub: volumes by what they were made as, storages and networks so that no two are alike. */
import { mapGet, mapIn, type PlainRecord, textIn } from './plain.ts';

/** Keys of ours in `other_config` of the host's objects. */
export const OWN = 'transvisor.';
export const own = {
  /** The job that made it. */
  job: `${OWN}job`,
  /** Of a VDI: its name in its storage, as it was made. */
  volume: `${OWN}name`,
  /** Whose the rest is: other tools' copies of an object have its other_config as well. */
  uuid: `${OWN}uuid`,
  /** Of a VBD: where the drive sits, `scsi0:1`. */
  slot: `${OWN}slot`,
  /** Of a VIF: the card that the client asked for, and that nobody chose its address. */
  model: `${OWN}model`,
  generated: `${OWN}generated`,
} as const;

const TAIL = 8;

/** A name that others have as well tells its uuid. */
const distinct = (label: string, uuid: string, isShared: boolean): string => {
  const name = label.trim() === '' ? uuid : label;
  return isShared && name !== uuid ? `${name} (${uuid.slice(0, TAIL)})` : name;
};

/** Names of all storages, or all networks, by reference. */
export const distinctNames = (records: ReadonlyMap<string, PlainRecord>): Map<string, string> => {
  const count = new Map<string, number>();
  for (const record of records.values()) {
    const label = textIn(record, 'name_label');
    count.set(label, (count.get(label) ?? 0) + 1);
  }
  return new Map(
    [...records].map(([ref, record]) => {
      const label = textIn(record, 'name_label');
      return [ref, distinct(label, textIn(record, 'uuid'), (count.get(label) ?? 0) > 1)];
    }),
  );
};

/** The uuid of the image that this one has its name from, where that is not itself. */
export const namesakeOf = (vdi: PlainRecord): string | undefined => {
  const written = mapGet(mapIn(vdi, 'other_config'), own.uuid);
  return written === undefined || written === textIn(vdi, 'uuid') ? undefined : written;
};

/**
 * Labels of VDIs are words for people: most VMs have a disk "0". A volume has the name that it was made by, an ISO image its file's;
 * any other its label with the beginning of its uuid.
 */
export const volumeNameOf = (vdi: {
  readonly uuid: string;
  readonly label: string;
  readonly isFile: boolean;
  readonly isCopy: boolean;
  readonly otherConfig: Readonly<Record<string, string>>;
}): string => {
  const made = mapGet(vdi.otherConfig, own.volume);
  if (made !== undefined && made !== '' && !vdi.isCopy) return made;
  const label = vdi.label.replaceAll('/', '_').trim();
  if (vdi.isFile && label !== '') return label;
  return label === '' ? vdi.uuid : `${label}-${vdi.uuid.slice(0, TAIL)}`;
};

/** Where the host mounts a storage; a volume's file lies in it where the storage has files. */
export const storagePath = (srUuid: string): string => `/run/sr-mount/${srUuid}`;
export const volumePath = (srUuid: string, vdiUuid: string): string => `${storagePath(srUuid)}/${vdiUuid}`;
