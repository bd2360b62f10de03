/** One of several transform servers: the state that they share in; agents attached to the cells of their hosts, wherever those are, out. */
import { randomBytes } from 'node:crypto';
import { LIMITS } from '../../runtime/limits.ts';
import { type Channel, LinkDown } from '../../runtime/link.ts';
import type { AgentApi } from '../../runtime/protocol.ts';
import type { Inspected } from '../admin/admin.ts';
import { openMappings } from '../engine/mappings.ts';
import type { Reload } from '../engine/reload.ts';
import { openSharedOverlay } from '../engine/shared-overlay.ts';
import type { Attached, ServerOptions } from '../server.ts';
import type { ServerRecord, SharedState } from '../storage/cell-contract.ts';
import type { Part } from './cell.ts';
import { createCells } from './cells.ts';
import { inspectCells } from './inspect.ts';
import { createJunction, type Junction } from './junction.ts';
import { openRelay, type ServedRelay, serveRelay } from './relay.ts';
import { followSheets } from './shared-sheets.ts';

export interface MemberOptions
  extends Pick<
    ServerOptions,
    'platforms' | 'clock' | 'log' | 'random' | 'transformer' | 'program' | 'fresh' | 'hostAgents' | 'exchanges'
  > {
  readonly state: SharedState;
  /** LIMITS.storeAwayMs when absent. */
  readonly storeAwayMs?: number;
  /** Opens a channel to the server that holds the cell, to speak there for an agent. */
  readonly dial: (owner: ServerRecord, from: { cell: string; agent: string | undefined }) => Promise<Channel>;
}

export interface Member {
  /** `end` closes the agent's link. */
  attach(agent: AgentApi, certified: string | undefined, end: (why: string) => void): Attached;
  /** Another server speaks for its agent, which wants a cell that it says is here. */
  relay(channel: Channel, from: { readonly cell: string; readonly agent: string | undefined }): void;
  readonly inspected: Inspected;
  readonly reload: Reload;
  /** Other servers take over: resolves when nothing is under way but waits, which agents will ask again, and no cell is held. */
  handOver(): Promise<void>;
  close(): Promise<void>;
}

const JOB_BLOCK = 2048;
const FRONTS = 100_000;

export const openMember = async (options: MemberOptions): Promise<Member> => {
  const { state, dial, clock, log } = options;
  const random = options.random ?? ((bytes: number) => randomBytes(bytes));
  const sessionKey = await state.secret('session-key', () => random(32));
  const overlay = openSharedOverlay(state.texts);
  const mappings = openMappings({
    overlay,
    platforms: options.platforms,
    fresh: options.fresh,
    now: () => clock.now(),
    program: options.program,
    transformer: options.transformer,
    log,
  });
  const { transformer } = mappings;
  let { platforms } = options;
  const cells = createCells({
    state,
    shared: { sessionKey, transformer },
    platforms: () => platforms,
    assigned: options.hostAgents ?? {},
    exchanges: options.exchanges,
    clock,
    log,
    random: options.random,
  });
  const junctions = new Set<{ readonly junction: Junction; end(why: string): void }>();
  const relays = new Set<ServedRelay>();
  /** By agent and front. */
  const hosts = new Map<string, string>();
  let leaving = false;
  let closed = false;

  const seat = async (
    host: string,
    agent: AgentApi,
    certified: string | undefined,
    stale: () => void,
  ): Promise<Part> => {
    if (leaving) throw new LinkDown('this server is ending');
    const found = await cells.find(host);
    if (found.kind === 'here') {
      if (!found.cell.available) throw new LinkDown('the shared store is away');
      return found.cell.attach(agent, certified, stale);
    }
    const { owner } = found;
    try {
      return openRelay(await dial(owner, { cell: host, agent: certified }), owner.server, agent, log);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new LinkDown(`the server ${owner.server}, which has the cell, is not reached: ${why}`);
    }
  };

  const attach: Member['attach'] = (agent, certified, end) => {
    const junction = createJunction({
      agent,
      seat: (host, stale) => seat(host, agent, certified, stale),
      hostOf: (name, front) => hosts.get(JSON.stringify([name, front])),
      told: (hello) => {
        for (const { name, host } of hello.fronts) {
          if (hosts.size >= FRONTS) hosts.delete(hosts.keys().next().value ?? '');
          hosts.set(JSON.stringify([hello.agent, name]), host);
        }
      },
      jobIds: async () => {
        try {
          return await state.numbers(JOB_BLOCK);
        } catch (error) {
          throw new LinkDown(`the shared store gives no numbers: ${error instanceof Error ? error.message : error}`);
        }
      },
      sessionKey,
      isReady: () => state.available,
      end,
      clock,
      log,
    });
    const one = { junction, end };
    junctions.add(one);
    return {
      api: junction.api,
      left: () => {
        junctions.delete(one);
        junction.left();
      },
    };
  };

  /** What this server cannot reach another one may: agents that know more than one go there, and take their cells along. */
  let forget = (): void => {};
  const stopListening = state.onAvailable((available) => {
    forget();
    if (available) return;
    forget = clock.after(options.storeAwayMs ?? LIMITS.storeAwayMs, () => {
      for (const { end } of junctions) end('the shared store is away');
    });
  });

  const relay: Member['relay'] = (channel, { cell: name, agent }) => {
    const cell = leaving ? undefined : cells.held(name);
    if (cell === undefined) {
      channel.close('the cell is not here');
      return;
    }
    const release = (): Promise<void> => cells.release(name, 'it moves to the server that has its agent');
    const served = serveRelay({ channel, cell, certified: agent, clock, log, release });
    relays.add(served);
    void served.closed.then(() => relays.delete(served));
  };

  const { reload, adopt, library } = mappings.reloadable(async (next) => {
    if (next !== undefined) platforms = next as ServerOptions['platforms'];
    await Promise.all(cells.list().map((cell) => cell.server.renew(next as ServerOptions['platforms'] | undefined)));
  });
  const inspected = inspectCells({ cells, state, agents: () => junctions.size, isOpen: () => !leaving, library });
  const unfollow = await followSheets({
    adopt,
    note: ({ path, outcome }) =>
      inspected.parts()[0]?.audit.record({
        ...{ atMs: clock.now(), user: overlay.read().get(path)?.by ?? '', address: '', front: 'admin', method: '' },
        ...{ verb: 'sheet.adopt', target: path, targetName: '', job: '', outcome, exchange: '' },
      }),
    clock,
    log,
  });

  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    leaving = true;
    forget();
    unfollow();
    stopListening();
    cells.rest();
    await cells.close();
    await transformer.close();
    await state.close();
  };

  return {
    attach,
    relay,
    inspected,
    reload,
    handOver: async () => {
      leaving = true;
      cells.rest();
      await Promise.all([
        ...[...junctions].map(({ junction }) => junction.park()),
        ...[...relays].map((one) => one.park()),
      ]);
      // Free before the agents look for them.
      await cells.close();
      for (const { end } of junctions) end('another server takes over');
      for (const one of relays) one.close('another server takes over');
    },
    close,
  };
};
