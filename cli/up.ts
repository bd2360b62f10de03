/** `transvisor up`: agent and server in one process, joined by the in-memory link. */
import { startAgent } from '../agent/agent.ts';
import { memoryPair } from '../runtime/link-memory.ts';
import { createLog, type LogLevel } from '../runtime/log.ts';
import { agentOptions, type FullConfig } from './composition.ts';
import { type Ready, readyOf } from './ready-file.ts';
import { startServer } from './server-half.ts';

export interface Up {
  readonly ready: Ready;
  /** The password was made now and is shown once. */
  readonly fresh: boolean;
  close(): Promise<void>;
}

/** Resolves when every front answers and every host was listed. */
export const startUp = async (config: FullConfig): Promise<Up> => {
  const log = createLog({ level: config.logLevel as LogLevel });
  // The agent's options first: a mistake in them must not leave a server behind.
  const { options, credentials } = await agentOptions(config, log);
  const server = await startServer(config, log);
  try {
    // Not waiting for its recovery: what an earlier life left unfinished is brought to its end through the agent's host.
    const agent = await startAgent(options);
    const pair = memoryPair();
    server.accept(pair.right);
    agent.attach(pair.left);
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> => {
      closing ??= (async () => {
        await agent.close();
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
    return { ready, fresh: credentials.fresh, close };
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
