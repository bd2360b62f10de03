/** How vim25's from-generic sheets are fed and their output split and indexed. */
import type { DocumentKind, Documents, Host, Network, Storage, Vm } from '../../generic/model.ts';
import type { FrontInstance, Joins, RenderSide } from '../../generic/platform.ts';
import { hostInput } from './host-input.ts';
import { indexPaths, splitBundle } from './path-index.ts';
import { networkInput, storageInput } from './storage-input.ts';
import { vmInput } from './vm-input.ts';

const input = (kind: DocumentKind, document: Documents[DocumentKind], joins: Joins, front: FrontInstance): string => {
  switch (kind) {
    case 'vm':
      return vmInput(document as Vm, joins);
    case 'storage':
      return storageInput(document as Storage, joins);
    case 'network':
      return networkInput(document as Network, joins);
    case 'host':
      return hostInput(document as Host, joins, front);
    case 'volume':
      throw new Error('vim25 shows volumes as files of a datastore, not as objects');
    default:
      return kind satisfies never;
  }
};

export const renderSide: RenderSide = {
  input,
  joins: { vm: ['volume', 'storage', 'network'], host: ['network', 'storage'] },
  split: splitBundle,
  index: (_type, text) => indexPaths(text),
};

export const sheets = {
  toGeneric: {
    vm: new URL('../to-generic/vm.xsl', import.meta.url),
    storage: new URL('../to-generic/storage.xsl', import.meta.url),
    volume: new URL('../to-generic/volume.xsl', import.meta.url),
    network: new URL('../to-generic/network.xsl', import.meta.url),
    host: new URL('../to-generic/host.xsl', import.meta.url),
  },
  toHost: { vm: new URL('../to-host/vm.xsl', import.meta.url) },
  fromGeneric: {
    vm: new URL('../from-generic/vm.xsl', import.meta.url),
    storage: new URL('../from-generic/storage.xsl', import.meta.url),
    network: new URL('../from-generic/network.xsl', import.meta.url),
    host: new URL('../from-generic/host.xsl', import.meta.url),
  },
};
