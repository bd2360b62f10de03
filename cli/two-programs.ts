/** `transvisor agent` and `transvisor server`: the same halves as `up`, joined by a link between two programs. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { startAgent } from '../agent/agent.ts';
import { createAccounts } from '../runtime/accounts.ts';
import { LIMITS } from '../runtime/limits.ts';
import { formatLinkAddress } from '../runtime/link-address.ts';
import { dialLink } from '../runtime/link-dial.ts';
import { serveLink } from '../runtime/link-ws.ts';
import { createLog, type Log, type LogLevel } from '../runtime/log.ts';
import { readSecretFile } from '../runtime/secret.ts';
import { agentOptions, knownAccounts, looking, makeStateFolder } from './composition.ts';
import { Unavailable } from './exit-codes.ts';
import type { FullConfig } from './flags.ts';
import { freshPlatforms } from './generations.ts';
import { openLinkOf } from './link.ts';
import { type Ready, readyOf } from './ready-file.ts';
import { loadOrMakeToken, type ServerHalf, startServer } from './server-half.ts';
import { awaitTurn, type Predecessor } from './succession.ts';

const tokenPath = (config: FullConfig): string => config.link.tokenFile ?? join(config.state, 'link-token');

export interface RunningServer {
  readonly ready: { readonly link: string; readonly admin: { readonly url: string; readonly token: string } };
  readonly succeeded: boolean;
  readonly predecessor: Predecessor;
  readonly log: Log;
  close(): Promise<void>;
}

export const startServerProgram = async (config: FullConfig): Promise<RunningServer> => {
  const log = createLog({ level: config.logLevel as LogLevel, name: 'server' });
  makeStateFolder(config);
  const opened = openLinkOf(config, 'server', log, () => loadOrMakeToken(tokenPath(config)));
  const turn = await awaitTurn();
  // It listens first: others are told where. Who comes before the server stands waits.
  const { promise: started, resolve: start } = Promise.withResolvers<ServerHalf>();
  const link = await serveLink(
    opened.address,
    opened.admission,
    log,
    (channel, agent) => void started.then((half) => half.accept(channel, agent)),
    config.redis && ((channel, from) => void started.then((half) => half.relay?.(channel, from))),
  );
  try {
    const at = config.redis && { address: link.address, admission: opened.admission };
    const half = await startServer(config, log, {
      accounts: createAccounts(knownAccounts(config)),
      acceptor: turn?.acceptors.get('admin'),
      link: at,
    });
    start(half);
    const end = async (): Promise<void> => {
      opened.close();
      await link.close();
      await half.close();
    };
    const handOver = async (): Promise<void> => {
      // Agents find another server, if there is one.
      if (half.isAlone !== undefined) link.rest();
      await half.server.handOver();
      await end();
    };
    turn?.serving({});
    return {
      ready: { link: formatLinkAddress(link.address), admin: half.admin },
      succeeded: turn !== undefined,
      log,
      predecessor: {
        acceptors: new Map([['admin', half.acceptor]]),
        handOver,
        // Its agents have what is under way.
        drain: async () => {},
      },
      close: async () => ((await half.isAlone?.()) === false ? handOver() : end()),
    };
  } catch (error) {
    opened.close();
    await link.close();
    throw error;
  }
};

export interface RunningAgent {
  /** Resolves when every front answers and every host was listed. */
  readonly ready: Promise<Ready>;
  readonly fresh: boolean;
  readonly succeeded: boolean;
  readonly predecessor: Predecessor;
  readonly log: Log;
  close(): Promise<void>;
}

export const startAgentProgram = async (config: FullConfig): Promise<RunningAgent> => {
  const log = createLog({ level: config.logLevel as LogLevel, name: 'agent' });
  const opened = openLinkOf(config, 'agent', log, () => {
    const path = tokenPath(config);
    if (!existsSync(path))
      throw new Unavailable(`${path}: no such file; the server makes it, or name it with --link-token-file`);
    return readSecretFile(path);
  });
  const { options, credentials } = await agentOptions(config, log);
  const turn = await awaitTurn(looking(options));
  const agent = await startAgent({
    ...options,
    logLevel: log,
    ...(opened.agent === undefined ? {} : { name: opened.agent }),
    fresh: freshPlatforms,
    ...(turn === undefined ? {} : { acceptors: turn.acceptors }),
  });
  const dialling = dialLink(opened.addresses, opened.admission, log, agent.attach);
  const ports = new Map(agent.fronts.map((front) => [front.name, front.port]));
  const close = async (): Promise<void> => {
    dialling.close();
    opened.close();
    await agent.close();
  };
  if (turn !== undefined) void agent.ready.then(() => turn.serving({}));
  return {
    ready: agent.ready.then(() => readyOf(options.fronts, ports, credentials)),
    fresh: credentials.fresh,
    succeeded: turn !== undefined,
    log,
    predecessor: {
      acceptors: agent.acceptors,
      handOver: () => agent.handOver(),
      drain: async () => {
        await agent.drain(LIMITS.drainMs);
        await close();
      },
    },
    close,
  };
};
