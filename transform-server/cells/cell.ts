/** A cell that this server holds: the durable state of one host in; a running server over it, and its functions for agents' links, out. */
import { type Clock, sleep } from '../../runtime/clock.ts';
import { LIMITS } from '../../runtime/limits.ts';
import type { Log } from '../../runtime/log.ts';
import type { AgentApi, ServerApi } from '../../runtime/protocol.ts';
import type { UnderWay } from '../hand-over.ts';
import { createServer, type Server, type ServerOptions, type Shared } from '../server.ts';
import type { CellStorage } from '../storage/cell-contract.ts';
import type { Storage } from '../storage/contract.ts';
import { createPresence } from './presence.ts';

/** One agent's link at one cell, wherever the cell is. */
export interface Part {
  readonly api: ServerApi;
  underWay(): Promise<UnderWay>;
  /** Resolves with why nothing can be asked here any more. */
  readonly ended: Promise<string>;
  /** Asks the server that holds it to let go of it; absent: that is this one. */
  readonly giveUp?: () => Promise<boolean>;
  /** The agent's link is gone. */
  left(): void;
}

export interface Cell {
  readonly name: string;
  readonly server: Server;
  readonly available: boolean;
  /** Links of agents. */
  readonly links: number;
  /** Since when no agent has been there; undefined: one is. */
  readonly idleSinceMs: number | undefined;
  /** `stale`: the agent is to greet again, for it was answered as if this server were away. */
  attach(agent: AgentApi, certified: string | undefined, stale: () => void): Part;
  readonly ended: Promise<string>;
  /** Ends here. Released, it can be had by another server at once; else what is durable of it is another's already. */
  close(why: string, release: boolean): Promise<void>;
}

export interface CellOptions {
  readonly name: string;
  readonly storage: CellStorage;
  readonly shared: Pick<Shared, 'reserve' | 'sessionKey' | 'transformer'>;
  readonly platforms: ServerOptions['platforms'];
  /** The agent that alone may hold the host. */
  readonly assigned: string | undefined;
  /** How many exchanges its log keeps. */
  readonly exchanges?: number | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly random?: ((bytes: number) => Uint8Array) | undefined;
}

const AWAY = 'the shared store is away';

/**
 * The same, but what is written stands still while the store is away, however long, and goes on when it is back: a plan that gave up in its
 * middle would lie open in the journal, and be undone over whatever came after it when the cell next moves.
 */
const patient = (storage: CellStorage, clock: Clock, isOver: () => boolean): Storage =>
  Object.create(storage, {
    flush: {
      value: async (): Promise<void> => {
        for (;;) {
          try {
            return await storage.flush();
          } catch (error) {
            if (isOver()) throw error;
            await sleep(clock, LIMITS.redisRetryMs);
          }
        }
      },
    },
  }) as Storage;

export const openCell = (options: CellOptions): Cell => {
  const { name, storage, shared, assigned, clock, log } = options;
  let isLost = false;
  const isOver = (): boolean => isLost || closing !== undefined;
  const server = createServer({
    stateDir: '',
    shared: { ...shared, storage: patient(storage, clock, isOver), away: () => !storage.available },
    platforms: options.platforms,
    clock,
    log,
    ...(options.random === undefined ? {} : { random: options.random }),
    hostAgents: assigned === undefined ? {} : { [name]: assigned },
    ...(options.exchanges === undefined ? {} : { exchanges: options.exchanges }),
  });
  const presence = createPresence();
  const parts = new Set<{ end(why: string): void; stale(): void }>();
  const { promise: ended, resolve: markEnded } = Promise.withResolvers<string>();
  let idleSinceMs: number | undefined = clock.now();
  let closing: Promise<void> | undefined;

  if (!storage.available) presence.leave(AWAY);
  const stopListening = storage.onAvailable((available) => {
    if (closing !== undefined) return;
    if (!available) return presence.leave(AWAY, server.underWay().waiting);
    presence.back();
    log.info({ host: name }, 'cell: the shared store is back');
    for (const part of [...parts]) part.stale();
  });

  const close = (why: string, release: boolean): Promise<void> => {
    closing ??= (async () => {
      stopListening();
      presence.leave(why);
      for (const part of [...parts]) part.end(why);
      markEnded(why);
      await server.close();
      if (release) await storage.release();
      storage.close();
    })();
    return closing;
  };
  void storage.lost.then((why) => {
    isLost = true;
    if (closing !== undefined) return;
    log.error({ host: name }, `cell: lost: ${why}`);
    close(why, false).catch((error: unknown) => log.error({ host: name, error }, 'cell: it could not be closed'));
  });

  return {
    name,
    server,
    get available() {
      return presence.why === undefined;
    },
    get links() {
      return parts.size;
    },
    get idleSinceMs() {
      return idleSinceMs;
    },
    attach: (agent, certified, stale) => {
      const { api, left } = server.attach(agent, certified);
      const { promise, resolve } = Promise.withResolvers<string>();
      const part = { end: resolve, stale };
      parts.add(part);
      idleSinceMs = undefined;
      return {
        api: presence.guard(api),
        underWay: async () => server.underWay(),
        ended: promise,
        left: () => {
          if (!parts.delete(part)) return;
          if (parts.size === 0) idleSinceMs = clock.now();
          if (closing === undefined) left();
        },
      };
    },
    ended,
    close,
  };
};
