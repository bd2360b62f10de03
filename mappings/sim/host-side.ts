/** The server half of the simulated host: what the sheets read. Its documents are generic ones already, so that little is left to write in. */
import { formatDocument } from '../generic/documents.ts';
import type { NativeObject } from '../generic/native.ts';
import type { HostSide, Sheets } from '../generic/platform.ts';
import { plan } from './plans.ts';
import { scan } from './scan.ts';

export const sheets: Sheets = {
  toGeneric: {
    host: new URL('./to-generic/host.xsl', import.meta.url),
    vm: new URL('./to-generic/vm.xsl', import.meta.url),
    storage: new URL('./to-generic/storage.xsl', import.meta.url),
    volume: new URL('./to-generic/volume.xsl', import.meta.url),
    network: new URL('./to-generic/network.xsl', import.meta.url),
  },
  fromGeneric: { vm: new URL('./from-generic/vm.xsl', import.meta.url) },
};

const documentOf = (object: NativeObject | undefined): string => object?.parts['document'] ?? '';

export const hostSide: HostSide = {
  scan,
  toGenericInput: (object) => {
    const connected = object.facts['connected'];
    return `<in>${documentOf(object)}${connected === undefined ? '' : `<facts><connected>${String(connected)}</connected></facts>`}</in>`;
  },
  fromGenericInput: ({ kind, native, before, after }) =>
    `<change><native>${documentOf(native)}</native><before>${before ? formatDocument(kind, before as never) : ''}</before>` +
    `<after>${formatDocument(kind, after as never)}</after></change>`,
  plan,
};
