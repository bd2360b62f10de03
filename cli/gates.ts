/** Gates of a checked configuration in, those of the agent out. */
import { BlockList, isIPv6 } from 'node:net';
import type { AgentFront } from '../agent/agent.ts';
import { clashes } from '../agent/intake/choice.ts';
import type { GateConfig } from '../agent/intake/gate.ts';
import { ConfigError } from '../runtime/config.ts';
import type { FullConfig } from './flags.ts';
import type { HandedSockets } from './handed-sockets.ts';

const networks = (texts: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const text of texts) {
    const [base = '', bits] = text.split('/');
    const family = isIPv6(base) ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(base, family);
    else list.addSubnet(base, Number(bits), family);
  }
  return list;
};

export const gatesOf = (
  config: FullConfig,
  fronts: readonly AgentFront[],
  handed: HandedSockets,
): readonly GateConfig[] =>
  config.gate.map(({ name, listen, port = 0, socket, proxyProtocol, trusted, passthrough, to }) => {
    const here = fronts.filter(({ gate }) => gate?.name === name);
    const [clash] = clashes(
      here.map((front) => ({
        name: front.name,
        api: front.platform.name,
        secure: front.tls !== undefined,
        at: front.gate?.at ?? [],
      })),
    );
    if (clash !== undefined) throw new ConfigError(`gate ${name}: ${clash}, and speak the same API`);
    return {
      name,
      listen: [listen ?? config.listen].flat(),
      port,
      handed: socket === undefined ? undefined : { name: socket, fds: handed.get(socket) ?? [] },
      trusted: proxyProtocol ? networks(trusted) : undefined,
      passage: passthrough ? (to ?? 'original') : undefined,
    };
  });
