/** What a card may send and which address its guest takes in; what is written down of it, or why no host does it, out. */
import { isIP } from 'node:net';
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

const CIDR = { ipv4: /^([^/]+)\/(\d|[12]\d|3[0-2])$/, ipv6: /^([^/]+)\/(\d{1,2}|1[01]\d|12[0-8])$/ } as const;
const VERSION = { ipv4: 4, ipv6: 6 } as const;
type Family = keyof typeof VERSION;

/** Addresses that a locked card may use: as on any XenServer, they are written down whatever its mode is. */
const allows = (family: Family, does: 'set-field' | 'add' | 'remove'): Answer =>
  function* (work: Work): Brokered<Ending> {
    const field = `${family}_allowed`;
    const { ref } = yield* cardOf(work);
    const given = work.args['value'];
    for (const address of Array.isArray(given) ? given.map(String) : [String(given)])
      if (does !== 'remove' && isIP(address) !== VERSION[family]) refuse('INVALID_IP_ADDRESS_SPECIFIED', field);
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
      const [, address = ''] = CIDR[family].exec(textArg(work, 'address')) ?? [];
      if (isIP(address) !== VERSION[family]) refuse('INVALID_CIDR_ADDRESS_SPECIFIED', 'address');
      const gateway = textArg(work, 'gateway');
      if (gateway !== '' && isIP(gateway) !== VERSION[family]) refuse('INVALID_IP_ADDRESS_SPECIFIED', 'gateway');
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
