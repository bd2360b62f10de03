/** A generic storage, volume or network with its joins to the input of `from-generic/storage.xsl`, `volume.xsl` and `network.xsl`. */
import { formatDocument } from '../../generic/documents.ts';
import type { Network, Storage, Volume } from '../../generic/model.ts';
import type { FrontInstance, Joins } from '../../generic/platform.ts';
import { element } from '../../wire/markup.ts';
import { NULL_REF, refOf, uuidOf, xenId } from '../ids.ts';
import { srOperations, srType } from '../storage-kinds.ts';
import { timeOrNever } from './markup.ts';

const names = (operations: readonly string[]): string =>
  operations.map((name) => element('operation', { name })).join('');

export const storageInput = (storage: Storage, joins: Joins, front: FrontInstance): string => {
  const id = xenId('SR', joins.id);
  const pbd = xenId('PBD', joins.id);
  const x = element(
    'x',
    {
      ref: refOf(id, front),
      uuid: storage.uuid || uuidOf(id, front),
      type: srType(storage.kind),
      shared: storage.kind === 'nfs',
      used: Math.max(0, Math.min(storage.capacityBytes, storage.capacityBytes - storage.availableBytes)),
      pbd: refOf(pbd, front),
      pbdUuid: uuidOf(pbd, front),
      host: refOf(xenId('host', joins.host), front),
    },
    names(srOperations(storage.accessible)),
  );
  return `<in>${formatDocument('storage', storage)}${x}</in>`;
};

const isIso = (volume: Volume): boolean => volume.format === 'iso' || /\.iso$/i.test(volume.name);

/** Of the folders that some hosts encode into a volume's name the last part is what people called it. */
const labelOf = (name: string): string => {
  const plain = name.replace(/%2f/gi, '/');
  return plain.slice(plain.lastIndexOf('/') + 1);
};

export const volumeInput = (volume: Volume, joins: Joins, front: FrontInstance): string => {
  const id = xenId('VDI', joins.id);
  const storage = joins.storages[0];
  const x = element('x', {
    ref: refOf(id, front),
    uuid: uuidOf(id, front),
    name: labelOf(volume.name),
    sr: storage === undefined ? NULL_REF : refOf(xenId('SR', storage.id), front),
    readOnly: isIso(volume),
    modified: timeOrNever(volume.modifiedMs),
  });
  return `<in>${formatDocument('volume', volume)}${x}</in>`;
};

export const networkInput = (network: Network, joins: Joins, front: FrontInstance): string => {
  const id = xenId('network', joins.id);
  const x = element('x', {
    ref: refOf(id, front),
    uuid: network.uuid || uuidOf(id, front),
    mtu: network.mtu ?? 1500,
  });
  return `<in>${formatDocument('network', network)}${x}</in>`;
};
