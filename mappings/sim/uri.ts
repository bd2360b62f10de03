/** `sim:///default?vms=4` in, the size of the simulated host out. */
import { fault, type Outcome, refused } from '../generic/faults.ts';

export const SCHEMES = ['sim'] as const;

export interface SimUri {
  /** Two hosts of different names have different ids, MACs and UUIDs. */
  readonly name: string;
  readonly vms: number;
}

const VMS = 4;
const VMS_MAX = 100_000;

const no = (text: string): Outcome<never> => refused(fault('invalid-argument', { property: 'host' }, text));

export const parseUri = (text: string): Outcome<SimUri> => {
  const url = text.length <= 1024 ? URL.parse(text) : null;
  if (url === null || url.protocol !== 'sim:')
    return no(`"${text.slice(0, 200)}" is not a URI such as sim:///default?vms=4`);
  if (url.hostname !== '' || url.username !== '' || url.hash !== '')
    return no('a simulated host has no address: sim:///default');
  const name = url.pathname.slice(1);
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) return no('a simulated host needs a plain name: sim:///default');
  for (const key of url.searchParams.keys())
    if (key !== 'vms') return no(`sim URIs know the option vms, not "${key.slice(0, 50)}"`);
  const written = url.searchParams.get('vms');
  const vms = written === null ? VMS : Number(written);
  if (written === '' || !Number.isInteger(vms) || vms < 0 || vms > VMS_MAX)
    return no(`vms is a number from 0 to ${VMS_MAX}`);
  return { ok: true, value: { name, vms } };
};
