/** `transvisor detect`: an address in; which management APIs answer there, and the --host that manages each, out. */
import { detect, type Finding } from '../agent/detect.ts';
import { PLATFORMS } from '../mappings/platforms.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { Unavailable } from './exit-codes.ts';

export const detectAt = async (address: string, log: Log): Promise<Finding[]> => {
  const platforms = await Promise.all(Object.values(PLATFORMS).map((load) => load()));
  return detect({ address, platforms, clock: systemClock, log });
};

/** The one host to manage there: of several APIs the first of the registry. */
export const detectedUri = async (address: string, log: Log): Promise<string> => {
  const [found] = await detectAt(address, log);
  if (found === undefined) throw new Unavailable(`no management API that is known answers at ${where(address)}`);
  log.info({ host: address }, `detected ${found.title}: ${found.product} ${found.version} at ${found.uri}`);
  return found.uri;
};

const where = (address: string): string => (address === '' ? 'this machine' : address);

export const findingsText = (address: string, findings: readonly Finding[]): string => {
  if (findings.length === 0) return `nothing that is known answers at ${where(address)}\n`;
  return findings
    .map(({ title, product, version, uri, fingerprint }) => {
      const trust = fingerprint === '' ? '' : `\n  certificate   SHA-256 ${fingerprint} (--host-fingerprint)`;
      return `${title}\n  product       ${product}${version === '' ? '' : ` ${version}`}\n  manage it     --host ${uri}${trust}\n`;
    })
    .join('');
};
