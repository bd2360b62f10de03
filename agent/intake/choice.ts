/** Fronts behind one gate in; which of them a connection is for, by its destination's address or by a name, out. */
import type { HostPort } from '../../runtime/host-port.ts';
import type { Spoken } from './opening.ts';

export interface ChosenFront {
  readonly name: string;
  readonly secure: boolean;
  /** Addresses and names that are its own; none: it has what belongs to no other. */
  readonly at: readonly HostPort[];
}

export interface Choice {
  /** By an address or a name, on the port the client asked for. */
  at(spoken: Spoken, host: string, port: number): string | undefined;
  /** What belongs to no other. */
  rest(spoken: Spoken): string | undefined;
}

const spokenBy = ({ secure }: ChosenFront): Spoken => (secure ? 'tls' : 'http');

/** Two fronts of which a client could reach one alone, as text for people. */
export const clashes = (fronts: readonly ChosenFront[]): string[] => {
  const taken = new Map<string, string>();
  const found: string[] = [];
  for (const front of fronts) {
    for (const { host, port } of front.at.length > 0 ? front.at : [{ host: 'all other addresses', port: undefined }]) {
      const key = `${spokenBy(front)} ${host} ${port ?? ''}`;
      const other = taken.get(key);
      if (other !== undefined) found.push(`"${other}" and "${front.name}" are both at ${host}`);
      taken.set(key, front.name);
    }
  }
  return found;
};

/** `onlyOneTakesAll`: a single front needs no name, as long as nothing passes through beside it. */
export const createChoice = (fronts: readonly ChosenFront[], onlyOneTakesAll: boolean): Choice => {
  const places = new Map<string, string>();
  const rest = new Map<Spoken, string>();
  for (const front of fronts) {
    const spoken = spokenBy(front);
    for (const { host, port } of front.at) places.set(`${spoken} ${host} ${port ?? ''}`, front.name);
    const alone = onlyOneTakesAll && fronts.every((other) => other === front || spokenBy(other) !== spoken);
    if (front.at.length === 0 || alone) rest.set(spoken, front.name);
  }
  return {
    at: (spoken, host, port) => places.get(`${spoken} ${host} ${port}`) ?? places.get(`${spoken} ${host} `),
    rest: (spoken) => rest.get(spoken),
  };
};
