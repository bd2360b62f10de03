/** An address in, where a XenAPI host would be there; its method list in, whether it is one; a session in, which product and version. */
import { done } from '../generic/faults.ts';
import type { Detected, Detection, HttpTalk } from '../generic/platform.ts';
import { isRecord, type Plain, type PlainRecord, textIn } from './host/plain.ts';
import { askHost } from './host/rpc.ts';

const PRODUCT = 'XenAPI';

function* greet(uri: string): HttpTalk<Detected | undefined> {
  const methods = yield* askHost('system.listMethods', [], 'json');
  if (!methods.ok || !Array.isArray(methods.value) || !methods.value.includes('event.from')) return undefined;
  return { product: PRODUCT, version: '', uri };
}

const recordOf = (value: unknown): PlainRecord => (isRecord(value as Plain | undefined) ? (value as PlainRecord) : {});

const inSession: NonNullable<Detection['inSession']> = async (call) => {
  const pools = await call('pool.get_all_records', {});
  if (!pools.ok) return pools;
  const [pool] = Object.values(recordOf(pools.value['value']));
  // Of a pool the coordinator: it is who answers.
  const software = await call('host.get_software_version', { self: textIn(recordOf(pool), 'master') });
  if (!software.ok) return software;
  const told = recordOf(software.value['value']);
  return done({ product: textIn(told, 'product_brand') || PRODUCT, version: textIn(told, 'product_version') });
};

export const detection: Detection = {
  uris: (address) => (address === '' ? [] : [`xenapi://${address}/`, `xenapi+http://${address}/`]),
  greet,
  inSession,
};
