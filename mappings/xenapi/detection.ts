/** An address in, where a XenAPI host would be there; its method list in, whether it is one: its version it tells only in a session. */
import type { Detected, Detection, HttpTalk } from '../generic/platform.ts';
import { askHost } from './host/rpc.ts';

function* greet(uri: string): HttpTalk<Detected | undefined> {
  const methods = yield* askHost('system.listMethods', [], 'json');
  if (!methods.ok || !Array.isArray(methods.value) || !methods.value.includes('event.from')) return undefined;
  return { product: 'XenAPI', version: '', uri };
}

export const detection: Detection = {
  uris: (address) => (address === '' ? [] : [`xenapi://${address}/`, `xenapi+http://${address}/`]),
  greet,
};
