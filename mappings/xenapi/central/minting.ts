/** Random bytes in; addresses and volume names that nobody has yet out. */
import type { BrokerContext } from '../../generic/platform.ts';
import { macPart } from '../seats.ts';

type Dice = Pick<BrokerContext, 'random'>;

/** Locally administered, not multicast, as XenAPI's own addresses; the reference of the card is made of it, so that differs from those of the VM. */
export const newMac = ({ random }: Dice, taken: ReadonlySet<number>): string => {
  // Bounded: there are 16 million, each try is a fresh one.
  for (let n = 0; n < 1000; n++) {
    const bytes = Buffer.from(random(6));
    bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02;
    const mac = bytes.toString('hex').replace(/(..)(?=.)/g, '$1:');
    if (!taken.has(macPart(mac))) return mac;
  }
  throw new Error('no free MAC address in a thousand tries');
};

const MOST_NAME = 60;

/** Labels are anything and not unique: a volume is named after its label, with a tail of its own. */
export const newVolumeName = ({ random }: Dice, label: string, format: string): string => {
  const slug = label
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[.-]+|[.-]+$/g, '')
    .slice(0, MOST_NAME);
  const suffix = format === 'raw' ? 'img' : format;
  return `${slug === '' ? 'disk' : slug}-${Buffer.from(random(4)).toString('hex')}.${suffix}`;
};
