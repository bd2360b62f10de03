/** Where a rule sends traffic: the `to` of a rule and the configuration in, a port and the addresses that answer there out. */
import { isIP } from 'node:net';
import { type Config, ConfigError, nearest } from '../../runtime/config.ts';
import { isAddress, parseHostPort, plainAddress } from '../../runtime/host-port.ts';
import type { InterceptRule } from '../../runtime/intercept-config.ts';

export const FAMILIES = ['ip', 'ip6'] as const;
export type Family = (typeof FAMILIES)[number];

export const familyOf = (address: string): Family => (isIP(address) === 4 ? 'ip' : 'ip6');

export interface Target {
  /** As the configuration has it. */
  readonly says: string;
  readonly port: number;
  /** By family: the one address that answers, or every address of this machine. A family that is missing is not answered. */
  readonly answers: Readonly<Partial<Record<Family, string>>>;
  /** It may be on another machine. */
  readonly literal: boolean;
}

/** Instead of an address: whichever of this machine. */
export const ANY = 'any';

interface Named {
  readonly says: string;
  readonly name: string;
  readonly listen: readonly string[];
  /** undefined or 0: none that is known here. */
  readonly port: number | undefined;
  readonly hint: string;
}

const namedTargets = ({ listen, host, front, gate }: Config): Named[] => [
  ...gate.map((one) => ({
    says: `gate ${one.name}`,
    name: one.name,
    listen: [one.listen ?? listen].flat(),
    port: one.port,
    hint: one.socket === undefined ? 'set its port' : 'its socket is handed over: name the port of that, as :PORT',
  })),
  ...front.map((one) => {
    const name = one.name ?? `${one.platform}@${one.host ?? host[0]?.name ?? ''}`;
    const hint = one.gate === undefined ? 'set its port' : `name its gate, ${one.gate}`;
    return { says: `front ${name}`, name, listen: [one.listen ?? listen], port: one.port, hint };
  }),
];

/** A single listener on :: answers both families; of several addresses of a family any will do. */
const answersOf = (listen: readonly string[]): Target['answers'] => {
  if (listen.length === 1 && listen[0] === '::') return { ip: ANY, ip6: ANY };
  const first = (family: Family): string | undefined => {
    const address = listen.map(plainAddress).find((one) => familyOf(one) === family);
    return address === '0.0.0.0' || address === '::' ? ANY : address;
  };
  const [ip, ip6] = FAMILIES.map(first);
  return { ...(ip === undefined ? {} : { ip }), ...(ip6 === undefined ? {} : { ip6 }) };
};

const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.');

const literal = (to: string): Target | undefined => {
  const here = to.startsWith(':');
  // Of this machine: an address stands in for the one that is left out.
  const place = parseHostPort(here ? `0.0.0.0${to}` : to);
  if (here && place === undefined) throw new ConfigError(`intercept: to "${to}": not :PORT`);
  if (place?.port === undefined || !isAddress(place.host)) return undefined;
  return { says: to, port: place.port, answers: answersOf([here ? '::' : place.host]), literal: !here };
};

const named = (to: string, config: Config): Target => {
  const known = namedTargets(config);
  const found = known.find(({ name }) => name === to);
  if (found === undefined) {
    const near = nearest(
      to,
      known.map(({ name }) => name),
    );
    throw new ConfigError(
      `intercept: to "${to}": no gate or front of that name, and not ADDRESS:PORT${near === undefined ? '' : `; did you mean "${near}"?`}`,
    );
  }
  const { says, name, listen, port, hint } = found;
  if (port === undefined || port === 0) throw new ConfigError(`intercept: ${says} has no port of its own: ${hint}`);
  const unfit = listen.find((one) => !isAddress(one));
  if (unfit !== undefined)
    throw new ConfigError(`intercept: ${says} listens on "${unfit}": an address is needed, not a name`);
  return { says: name, port, answers: answersOf(listen), literal: false };
};

export const targetOf = ({ mode, to, masquerade }: InterceptRule, config: Config): Target => {
  const target = literal(to) ?? named(to, config);
  if (mode === 'redirect' && target.literal)
    throw new ConfigError(`intercept: to "${to}": redirect stays on this machine; dnat leads to another address`);
  if (masquerade && (mode !== 'dnat' || !target.literal))
    throw new ConfigError(`intercept: to "${to}": masquerade belongs to dnat to another machine, by its address`);
  const loopback = Object.values(target.answers).find(isLoopback);
  // The kernel drops what comes from outside for a loopback address.
  if (mode !== 'tproxy' && loopback !== undefined)
    throw new ConfigError(
      `intercept: ${target.says} listens on ${loopback}, where nothing from outside arrives: set its listen`,
    );
  return target;
};
