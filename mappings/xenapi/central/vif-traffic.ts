/** What a card may send and which address its guest takes in; what is written down of it, or why no host does it, out. */
import type { Brokered } from '../../generic/platform.ts';
import { currentField } from './current.ts';
import { cardOf } from './devices.ts';
import { keep, written } from './own-fields.ts';
import { notSupported, refuse } from './refusal.ts';
import { type Answer, type Ending, ended, textArg, type Work } from './work.ts';

/** The host filters nothing: a card takes what comes, as one does whose network has no other default. */
function* setLockingMode(work: Work): Brokered<Ending> {
  const { ref } = yield* cardOf(work);
  const mode = textArg(work, 'value');
  if (mode !== 'network_default' && mode !== 'unlocked')
    notSupported('locking_mode', mode, 'the host filters no traffic of machines');
  keep(ref, 'locking_mode', mode, work);
  return ended();
}

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);
const IS = {
  ipv4: (text: string): boolean => IPV4.test(text),
  ipv6: (text: string): boolean => /^[0-9a-f:.]{2,45}$/i.test(text) && URL.canParse(`http://[${text}]/`),
} as const;
type Family = keyof typeof IS;
const MOST_BITS = { ipv4: 32, ipv6: 128 } as const;

const isCidr = (family: Family, text: string): boolean => {
  const [, address = '', bits = ''] = /^([^/]*)\/(\d{1,3})$/.exec(text) ?? [];
  return IS[family](address) && Number(bits) <= MOST_BITS[family];
};

/** Addresses that a locked card may use: as on any XenServer, they are written down whatever its mode is. */
const allows = (family: Family, does: 'set-field' | 'add' | 'remove'): Answer =>
  function* (work: Work): Brokered<Ending> {
    const field = `${family}_allowed`;
    const { ref } = yield* cardOf(work);
    const given = work.args['value'];
    for (const address of Array.isArray(given) ? given.map(String) : [String(given)])
      if (does !== 'remove' && !IS[family](address)) refuse('INVALID_IP_ADDRESS_SPECIFIED', field);
    const before = yield* currentField('VIF', ref, field, work);
    const value = written(does, field, before, work);
    if (value !== undefined) keep(ref, field, Array.isArray(value) ? [...new Set(value)] : value, work);
    return ended();
  };

/** Guests take addresses from XenServer's own agent, which runs under no other hypervisor. */
const configures = (family: Family): Answer =>
  function* (work: Work): Brokered<Ending> {
    const { vm } = yield* cardOf(work);
    if (textArg(work, 'mode') === 'Static') {
      if (!isCidr(family, textArg(work, 'address'))) refuse('INVALID_CIDR_ADDRESS_SPECIFIED', 'address');
      const gateway = textArg(work, 'gateway');
      if (gateway !== '' && !IS[family](gateway)) refuse('INVALID_IP_ADDRESS_SPECIFIED', 'gateway');
    }
    return refuse('VM_LACKS_FEATURE', vm.ref);
  };

export const VIF_TRAFFIC: Readonly<Record<string, Answer>> = {
  'VIF.set_locking_mode': setLockingMode,
  'VIF.set_ipv4_allowed': allows('ipv4', 'set-field'),
  'VIF.add_ipv4_allowed': allows('ipv4', 'add'),
  'VIF.remove_ipv4_allowed': allows('ipv4', 'remove'),
  'VIF.set_ipv6_allowed': allows('ipv6', 'set-field'),
  'VIF.add_ipv6_allowed': allows('ipv6', 'add'),
  'VIF.remove_ipv6_allowed': allows('ipv6', 'remove'),
  'VIF.configure_ipv4': configures('ipv4'),
  'VIF.configure_ipv6': configures('ipv6'),
};
