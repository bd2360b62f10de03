/** A plan's turn at its host: waits for the connection, takes the write queue, and takes it anew after a lost link. */
import type { Outcome } from '../../mappings/generic/faults.ts';
import { done, fault, refused } from '../../mappings/generic/faults.ts';
import type { HubId } from '../../mappings/generic/ids.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';
import type { HostsGateway, HostWriter } from './gateway.ts';
import type { Timing } from './timing.ts';

export interface HostTurn {
  /** The writer with the queue held. Waits as long as it takes: for plans that have begun. */
  held(): Promise<HostWriter>;
  /** The same for a plan that has not begun: the host's absence and a queue that stays busy are faults. */
  first(): Promise<Outcome<undefined>>;
  /** A call was rejected: the queue may be lost with the link. Waits a little, so that a dead link is not asked in a tight loop. */
  lost(): Promise<void>;
  release(): Promise<void>;
}

export const createHostTurn = (options: {
  hosts: HostsGateway;
  clock: Clock;
  timing: Timing;
  host: HubId;
  queue: string;
  job: HubId;
  /** The plan is of an earlier life of the server, for which the agent may keep the turn. */
  recovered: boolean;
  /** The host is away longer than a client can be left waiting. */
  onAway: () => void;
}): HostTurn => {
  const { hosts, clock, timing, host, queue, job, onAway } = options;
  /** The agent may have the turn for us. */
  let kept = options.recovered;
  let holding: HostWriter | undefined;

  const isHeld = (writer: HostWriter): boolean => holding?.agent === writer.agent && holding.epoch === writer.epoch;

  const take = async (writer: HostWriter): Promise<Outcome> => {
    kept = true;
    const taken = await writer.agent.acquire(host, writer.epoch, queue, job);
    kept = taken.ok;
    if (taken.ok) holding = writer;
    return taken;
  };

  const connected = async (): Promise<HostWriter> => {
    let writer = hosts.writer(host);
    if (writer) return writer;
    const stop = clock.after(timing.giveUpMs, onAway);
    try {
      while (!writer) {
        await hosts.connected(host);
        writer = hosts.writer(host);
        if (!writer) await sleep(clock, timing.pollMs);
      }
    } finally {
      stop();
    }
    return writer;
  };

  const lost = async (): Promise<void> => {
    holding = undefined;
    await sleep(clock, timing.pollMs);
  };

  return {
    lost,
    held: async () => {
      for (;;) {
        const writer = await connected();
        if (isHeld(writer)) return writer;
        const taken = await take(writer).catch(() => undefined);
        if (taken?.ok) return writer;
        await lost();
      }
    },
    first: async () => {
      // An agent that takes another's place finds the host in a moment.
      if (hosts.awaited?.(host) === true) await Promise.race([hosts.connected(host), sleep(clock, timing.barrierMs)]);
      const writer = hosts.writer(host);
      if (!writer) return refused(fault('host-communication', {}, 'The host is not connected.'));
      try {
        const taken = await take(writer);
        return taken.ok ? done(undefined) : taken;
      } catch {
        holding = undefined;
        return refused(fault('host-communication', {}, 'The link to the host was lost.'));
      }
    },
    release: async () => {
      if (!kept) return;
      const writer = holding ?? hosts.writer(host);
      holding = undefined;
      kept = false;
      // Over a new link the agent is told which jobs have not ended, and gives the others' turns back by itself.
      await writer?.agent.release(host, queue, job).catch(() => {});
    },
  };
};
