/** Random bytes in; MAC addresses that no VM of the host has yet out. */
import type { Vm } from '../../generic/model.ts';
import type { BrokerContext } from '../../generic/platform.ts';

/** The range in which an ESXi host generates addresses. */
const OUI = '00:0c:29';

export const macMinter = (
  { random }: Pick<BrokerContext, 'random'>,
  vms: readonly { readonly doc: Vm }[],
): (() => string) => {
  const taken = new Set(vms.flatMap(({ doc }) => doc.nics.map(({ mac }) => mac.toLowerCase())));
  return () => {
    // Bounded: 16 million addresses, each try a fresh one.
    for (let n = 0; n < 1000; n++) {
      const mac = `${OUI}:${Buffer.from(random(3))
        .toString('hex')
        .replace(/(..)(..)(..)/, '$1:$2:$3')}`;
      if (taken.has(mac)) continue;
      taken.add(mac);
      return mac;
    }
    throw new Error('no free MAC address in a thousand tries');
  };
};
