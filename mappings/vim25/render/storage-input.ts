/** A generic storage or network with its joins to the input of `from-generic/storage.xsl` and `network.xsl`. */
import { formatDocument } from '../../generic/documents.ts';
import { numberOf } from '../../generic/ids.ts';
import type { Network, Storage } from '../../generic/model.ts';
import type { Joins } from '../../generic/platform.ts';
import { element } from '../../wire/markup.ts';
import { escapeName } from '../names.ts';

/** 62 TB less overhead: the largest virtual disk of VMFS 5 and 6 (vSphere configuration maximums). */
export const MAX_DISK_BYTES = 68_169_720_922_112;

export const storageInput = (storage: Storage, joins: Joins): string => {
  const type = storage.kind === 'nfs' ? 'NFS' : 'VMFS';
  const x = element('x', {
    moid: `datastore-${numberOf(joins.id)}`,
    name: escapeName(storage.name),
    url: storage.path,
    type,
    maxFileSize: MAX_DISK_BYTES,
    status: storage.accessible ? 'green' : 'red',
    short: storage.uuid,
  });
  return `<in>${formatDocument('storage', storage)}${x}</in>`;
};

export const networkInput = (network: Network, joins: Joins): string =>
  `<in>${formatDocument('network', network)}${element('x', { moid: joins.id, name: escapeName(network.name) })}</in>`;
