/** Gates and the fronts at them, each well formed by itself, in; what does not fit together, with the key it is about, out. */
import type { Config } from './config.ts';

export interface Mistake {
  readonly at: readonly PropertyKey[];
  readonly text: string;
  /** A word that should be one of these. */
  readonly word?: { readonly wrong: string; readonly known: readonly string[] };
}

type GateShape = Config['gate'][number];
type FrontShape = Config['front'][number];

const gateMistakes = (gate: GateShape, at: readonly PropertyKey[]): Mistake[] => {
  const found: Mistake[] = [];
  const wrong = (key: keyof GateShape, text: string): void => {
    found.push({ at: [...at, key], text: `gate ${gate.name}: ${text}` });
  };
  if (gate.socket === undefined) {
    if (gate.port === undefined) wrong('name', 'it needs a port, or a socket that is handed over');
  } else if (gate.port !== undefined || gate.listen !== undefined)
    wrong('socket', 'a socket that is handed over has its own address and port');
  if (gate.proxyProtocol !== gate.trusted.length > 0)
    wrong(
      gate.proxyProtocol ? 'proxyProtocol' : 'trusted',
      'proxyProtocol and trusted, the networks of the load balancers, come together',
    );
  if (gate.to !== undefined && !gate.passthrough) wrong('to', 'it needs passthrough = true');
  if (gate.to !== undefined && gate.to.port === undefined) wrong('to', 'it needs a port');
  if (gate.passthrough && gate.to === undefined && gate.socket === undefined && !gate.proxyProtocol)
    wrong('passthrough', 'whatever connects to an address of this machine wanted to go here: say where to with "to"');
  return found;
};

const frontMistakes = (front: FrontShape, at: readonly PropertyKey[], gates: readonly string[]): Mistake[] => {
  const found: Mistake[] = [];
  const wrong = (key: keyof FrontShape, text: string, word?: Mistake['word']): void => {
    const mistake = { at: [...at, key], text: `front ${front.name ?? front.platform}: ${text}` };
    found.push(word === undefined ? mistake : { ...mistake, word });
  };
  const own = (['port', 'listen', 'socket'] as const).filter((key) => front[key] !== undefined);
  const { gate, certificateFile, keyFile, tls } = front;
  if ((certificateFile === undefined) !== (keyFile === undefined))
    wrong(certificateFile === undefined ? 'keyFile' : 'certificateFile', 'certificateFile and keyFile come together');
  for (const key of ['certificateFile', 'tlsMinVersion', 'tlsCiphers'] as const)
    if (tls === false && front[key] !== undefined) wrong(key, 'it has no TLS');
  if (gate === undefined) {
    if (front.at !== undefined) wrong('at', '"at" belongs to a front at a gate');
    if (front.socket !== undefined && own.length > 1)
      wrong('socket', 'a socket that is handed over has its own address and port');
  } else {
    if (!gates.includes(gate)) wrong('gate', `unknown gate "${gate}"`, { wrong: gate, known: gates });
    if (own[0] !== undefined) wrong(own[0], `the gate accepts for it: no ${own[0]} of its own`);
  }
  return found;
};

export const mistakesOfGates = ({ gate: gates, front: fronts }: Pick<Config, 'gate' | 'front'>): Mistake[] => {
  const names = gates.map(({ name }) => name);
  const found: Mistake[] = [];
  for (const [n, gate] of gates.entries()) {
    if (names.indexOf(gate.name) < n)
      found.push({ at: ['gate', n, 'name'], text: `two gates have the name "${gate.name}"` });
    found.push(...gateMistakes(gate, ['gate', n]));
  }
  for (const [n, front] of fronts.entries()) found.push(...frontMistakes(front, ['front', n], names));
  return found;
};
