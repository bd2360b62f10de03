/** Fronts of a configuration in; which of them are found at the same place, and so share a gate, a certificate and the versions of TLS, out. */
import type { ChosenFront } from '../agent/intake/choice.ts';
import { ConfigError } from '../runtime/config.ts';
import type { FullConfig } from './flags.ts';

type FrontConfig = FullConfig['front'][number];

const ownPlace = (config: FullConfig, { gate, socket, port, listen }: FrontConfig): string | undefined => {
  if (gate !== undefined) return undefined;
  if (socket !== undefined) return `socket ${socket}`;
  return port === undefined || port === 0 ? undefined : `${listen ?? config.listen}:${port}`;
};

/** Fronts that name the same address and port, or the same socket, get a gate there. */
export const withSharedPlaces = (config: FullConfig): FullConfig => {
  const fronts = new Map<string, FrontConfig[]>();
  for (const front of config.front) {
    const place = ownPlace(config, front);
    if (place !== undefined) fronts.set(place, [...(fronts.get(place) ?? []), front]);
  }
  const gates: FullConfig['gate'] = [];
  const gateOf = new Map<FrontConfig, string>();
  for (const [name, here] of fronts) {
    const [first] = here;
    if (first === undefined || here.length === 1) continue;
    const { socket, listen, port } = first;
    const where = socket === undefined ? { listen: listen ?? config.listen, port } : { socket };
    gates.push({ name, ...where, proxyProtocol: false, trusted: [], passthrough: false });
    for (const front of here) gateOf.set(front, name);
  }
  if (gates.length === 0) return config;
  const atGate = (front: FrontConfig): FrontConfig => {
    const gate = gateOf.get(front);
    if (gate === undefined) return front;
    const { listen, port, socket, ...rest } = front;
    return { ...rest, gate };
  };
  return { ...config, gate: [...config.gate, ...gates], front: config.front.map(atGate) };
};

/** A front as far as its place goes. */
export type Placed = ChosenFront & { readonly gate: string; readonly wanted: FrontConfig };

const meet = (a: Placed, b: Placed): boolean => {
  if (a.gate !== b.gate || a.secure !== b.secure) return false;
  if (a.at.length === 0 || b.at.length === 0) return a.at.length === b.at.length;
  return a.at.some(({ host }) => b.at.some((other) => other.host === host));
};

/** Those that a front meets, and those that these meet, itself among them: in the order of the configuration. */
export const neighboursOf = (front: Placed, all: readonly Placed[]): readonly Placed[] => {
  const found = new Set([front]);
  for (const one of found) for (const other of all) if (meet(one, other)) found.add(other);
  return all.filter((one) => found.has(one));
};

const TLS_KEYS = ['certificateFile', 'keyFile', 'tlsMinVersion', 'tlsCiphers'] as const;

/** What clients are shown is the same whichever front answers: what one says of it is said for all. */
export const tlsTogether = (neighbours: readonly Placed[]): Pick<FrontConfig, (typeof TLS_KEYS)[number]> => {
  const pairs = TLS_KEYS.flatMap((key) =>
    neighbours.flatMap(({ name, wanted: { [key]: value } }) => (value === undefined ? [] : [{ key, name, value }])),
  );
  for (const { key, name, value } of pairs)
    if (pairs.some((other) => other.key === key && other.value !== value))
      throw new ConfigError(
        `front ${name}: another front at its place has another ${key}: clients are shown one certificate there`,
      );
  return Object.fromEntries(pairs.map(({ key, value }) => [key, value]));
};
