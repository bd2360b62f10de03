/** A cell that another server holds: a channel between the two in; there the cell's functions, here the agent's, out. It ends when either link ends. */
import type { Clock } from '../../runtime/clock.ts';
import { type Channel, openLink, UNLIMITED } from '../../runtime/link.ts';
import type { Log } from '../../runtime/log.ts';
import type { AgentApi, ServerApi } from '../../runtime/protocol.ts';
import { handOver, type UnderWay } from '../hand-over.ts';
import type { Cell, Part } from './cell.ts';

/** What the server that holds the cell offers to the one that has the agent. */
interface HolderApi extends ServerApi {
  underWay(): Promise<UnderWay>;
  /** true: it lets go of the cell now. */
  giveUp(): Promise<boolean>;
}

/** The agent's functions as own ones: those of a link are made as they are asked for. */
const forwarded = (agent: AgentApi): AgentApi => ({
  chunk: (exchange, bytes) => agent.chunk(exchange, bytes),
  acquire: (host, epoch, queue, job) => agent.acquire(host, epoch, queue, job),
  release: (host, queue, job) => agent.release(host, queue, job),
  step: (host, epoch, id, call) => agent.step(host, epoch, id, call),
  probe: (host, epoch, probe) => agent.probe(host, epoch, probe),
  read: (host, refs) => agent.read(host, refs),
  ask: (host, question, args) => agent.ask(host, question, args),
  grantLeases: (leases) => agent.grantLeases(leases),
  revokeLeases: (vms) => agent.revokeLeases(vms),
  revokeSessions: (ids) => agent.revokeSessions(ids),
  reloadMappings: () => agent.reloadMappings(),
  logLevel: (level) => agent.logLevel(level),
  holdCalls: () => agent.holdCalls(),
  parkCalls: (exchanges) => agent.parkCalls(exchanges),
});

/** At the server that has the agent. */
export const openRelay = (channel: Channel, server: string, agent: AgentApi, log: Log): Part => {
  const link = openLink<HolderApi>(forwarded(agent), channel, { log, unlimited: UNLIMITED });
  return {
    api: link.remote,
    underWay: () => link.remote.underWay(),
    giveUp: () => link.remote.giveUp(),
    ended: link.closed.then((why) => `the relay to server ${server} has ended: ${why}`),
    left: () => link.close('the agent is gone'),
  };
};

export interface ServedRelay {
  /** Calls come to rest: nothing but waits is under way here for that agent, and it has parked them. */
  park(): Promise<void>;
  readonly closed: Promise<string>;
  close(why: string): void;
}

/** At the server that holds the cell. `release` lets go of it. */
export const serveRelay = (options: {
  readonly channel: Channel;
  readonly cell: Cell;
  readonly certified: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly release: () => Promise<void>;
}): ServedRelay => {
  const { channel, cell, certified, clock, log, release } = options;
  let part: Part | undefined;
  let speaker: AgentApi | undefined;
  const park = async (): Promise<void> => {
    if (part !== undefined && speaker !== undefined)
      await handOver({ agents: new Set([speaker]), clock, underWay: part.underWay });
  };
  const close = (why: string): void => link.close(why);
  const link = openLink<AgentApi>(
    (agent) => {
      speaker = agent;
      const mine = cell.attach(agent, certified, () => void park().finally(() => close('greet again')));
      part = mine;
      return {
        ...mine.api,
        underWay: mine.underWay,
        giveUp: async () => {
          const { running, waiting, jobs } = await mine.underWay();
          if (cell.links > 1 || running > waiting.length || jobs > 0) return false;
          log.info({ host: cell.name }, 'cell: it moves to the server that has its agent');
          // Behind the answer.
          setImmediate(() => {
            park()
              .then(release)
              .catch((error: unknown) => log.error({ host: cell.name, error }, 'cell: it could not be released'));
          });
          return true;
        },
      } satisfies HolderApi;
    },
    channel,
    { log, unlimited: UNLIMITED },
  );
  void part?.ended.then(close);
  void link.closed.then(() => part?.left());
  return { park, closed: link.closed, close };
};
