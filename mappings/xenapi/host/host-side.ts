/** The server half towards XenServer hosts: scan, what the to-generic sheets read, and plans. */
import type { HostSide } from '../../generic/platform.ts';
import { plan } from './plans.ts';
import { scan } from './scan.ts';
import { toGenericInput } from './to-generic-input.ts';

export const hostSide: HostSide = {
  scan,
  toGenericInput,
  // A change of a XenServer host is a list of calls (plans/): there is no document that could be edited and given back.
  fromGenericInput: () => {
    throw new Error('a change of a XenServer host is no document');
  },
  plan,
};

export const toGenericSheets = {
  host: new URL('../to-generic/host.xsl', import.meta.url),
  vm: new URL('../to-generic/vm.xsl', import.meta.url),
  storage: new URL('../to-generic/storage.xsl', import.meta.url),
  volume: new URL('../to-generic/volume.xsl', import.meta.url),
  network: new URL('../to-generic/network.xsl', import.meta.url),
} as const;
