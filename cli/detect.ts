/** `transvisor detect`: an address in; which management APIs answer there, and the --host that manages each, out. */
import { type DetectOptions, detect, type Finding } from '../agent/detect.ts';
import { PLATFORMS } from '../mappings/platforms.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { Unavailable } from './exit-codes.ts';

export const detectAt = async (address: string, log: Log, dialer?: DetectOptions['dialer']): Promise<Finding[]> => {
  const platforms = await Promise.all(Object.values(PLATFORMS).map((load) => load()));
  return detect({ address, platforms, dialer, clock: systemClock, log });
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

/** Ends the program with its code after what was found is printed: a host did not take the log-in, or not this machine its certificate. */
export const mustHaveTold = (findings: readonly Finding[]): void => {
  const untold = findings.flatMap(({ title, refused }) => (refused === undefined ? [] : [`${title}: ${refused}`]));
  if (untold.length > 0) throw new Unavailable(untold.join('\n'));
};
