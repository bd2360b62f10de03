/** `transvisor up`: agent and server in one process, joined by the in-memory link. */
import { join } from 'node:path';
import { startAgent } from '../agent/agent.ts';
import { systemClock } from '../runtime/clock.ts';
import { LIMITS } from '../runtime/limits.ts';
import { dialLink } from '../runtime/link-dial.ts';
import { memoryPair } from '../runtime/link-memory.ts';
import { serveLink } from '../runtime/link-ws.ts';
import { createLog, type Log, type LogLevel } from '../runtime/log.ts';
import { Secret } from '../runtime/secret.ts';
import { agentOptions, looking } from './composition.ts';
import type { FullConfig } from './flags.ts';
import { lineSocket } from './follower.ts';
import { freshPlatforms } from './generations.ts';
import { type Ready, readyOf } from './ready-file.ts';
import { loadOrMakeToken, type ServerHalf, startServer } from './server-half.ts';
import { awaitTurn, type Predecessor } from './succession.ts';

export interface Up {
  readonly ready: Ready;
  /** The password was made now and is shown once. */
  readonly fresh: boolean;
  /** It took the place of another, which had told all that is to tell. */
  readonly succeeded: boolean;
  readonly predecessor: Predecessor;
  readonly log: Log;
  close(): Promise<void>;
}

/** The name under which the admin endpoint's socket is passed on. */
const ADMIN = 'admin';

/** Clients that wait at the programs before this one are answered by this one's server, as long as they may wait. */
const serveBefore = async (config: FullConfig, server: ServerHalf, log: Log) => {
  const path = lineSocket();
  const token = loadOrMakeToken(join(config.state, 'succession-token'));
  const link = await serveLink({ kind: 'unix', path }, token, log, server.accept);
  let open = true;
  const close = async (): Promise<void> => {
    if (open) await link.close();
    open = false;
  };
  systemClock.after(LIMITS.drainMs, () => void close());
  return { note: { link: path, token: token.reveal() }, close };
};

/** Resolves when every front answers and every host was listed. */
export const startUp = async (config: FullConfig): Promise<Up> => {
  const log = createLog({ level: config.logLevel as LogLevel });
  // The agent's options first: a mistake in them must not leave a server behind.
  const { options, credentials } = await agentOptions(config, log);
  const turn = await awaitTurn(looking(options));
  const fronts = new Map(turn?.acceptors);
  const admin = fronts.get(ADMIN);
  fronts.delete(ADMIN);
  const server = await startServer(config, log, { accounts: options.accounts, acceptor: admin });
  try {
    // Not waiting for its recovery: what an earlier life left unfinished is brought to its end through the agent's host.
    const agent = await startAgent({
      ...options,
      logLevel: log,
      fresh: freshPlatforms,
      acceptors: fronts,
    });
    const pair = memoryPair();
    server.accept(pair.right);
    agent.attach(pair.left);
    let before: Awaited<ReturnType<typeof serveBefore>> | undefined;
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> => {
      closing ??= (async () => {
        await agent.close();
        await before?.close();
        await server.close();
      })();
      return closing;
    };
    const failed = await Promise.race([agent.ready.then(() => undefined), signalled()]);
    const ports = new Map(agent.fronts.map((front) => [front.name, front.port]));
    const ready = readyOf(options.fronts, ports, credentials, server.admin);
    if (failed !== undefined) {
      await close();
      process.exit(0);
    }
    if (turn !== undefined) {
      before = await serveBefore(config, server, log);
      turn.serving(before.note);
    }
    const predecessor: Predecessor = {
      acceptors: new Map([...agent.acceptors, [ADMIN, server.acceptor]]),
      handOver: async () => {
        await agent.handOver();
        await server.server.handOver();
        await before?.close();
        await server.close();
      },
      drain: async ({ link, token }) => {
        if (link === undefined || token === undefined) throw new Error('the new program names no link');
        const dialling = dialLink({ kind: 'unix', path: link }, new Secret(token), log, agent.attach);
        await agent.drain(LIMITS.drainMs);
        dialling.close();
        await agent.close();
      },
    };
    return { ready, fresh: credentials.fresh, succeeded: turn !== undefined, predecessor, log, close };
  } catch (error) {
    await server.close();
    throw error;
  }
};

/** A host that never answers must not make the program unstoppable. */
const signalled = (): Promise<'ended'> =>
  new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve('ended'));
  });
