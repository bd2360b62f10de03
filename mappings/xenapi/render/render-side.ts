/** How XenAPI's from-generic sheets are fed and their output split and indexed. */
import type { DocumentKind, Documents, Host, Network, Storage, Vm, Volume } from '../../generic/model.ts';
import type { FrontInstance, Joins, RenderSide } from '../../generic/platform.ts';
import { indexRecord, splitBundle } from './bundle.ts';
import { hostInput } from './host-input.ts';
import { networkInput, storageInput, volumeInput } from './storage-input.ts';
import { vmInput } from './vm-input.ts';

const input = (kind: DocumentKind, document: Documents[DocumentKind], joins: Joins, front: FrontInstance): string => {
  switch (kind) {
    case 'vm':
      return vmInput(document as Vm, joins, front);
    case 'storage':
      return storageInput(document as Storage, joins, front);
    case 'volume':
      return volumeInput(document as Volume, joins, front);
    case 'network':
      return networkInput(document as Network, joins, front);
    case 'host':
      return hostInput(document as Host, joins, front);
    default:
      return kind satisfies never;
  }
};

export const renderSide: RenderSide = {
  input,
  joins: { vm: ['volume', 'storage', 'network'], volume: ['storage'] },
  split: splitBundle,
  index: (_type, text) => indexRecord(text),
};

export const sheets = {
  toGeneric: {},
  fromGeneric: {
    vm: new URL('../from-generic/vm.xsl', import.meta.url),
    storage: new URL('../from-generic/storage.xsl', import.meta.url),
    volume: new URL('../from-generic/volume.xsl', import.meta.url),
    network: new URL('../from-generic/network.xsl', import.meta.url),
    host: new URL('../from-generic/host.xsl', import.meta.url),
  },
};
