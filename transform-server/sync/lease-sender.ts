/** The leases of one agent: offers and revocations in, batches over its link out, one at a time and in order, so that none overtakes another. */
import type { HubId } from '../../mappings/generic/ids.ts';
import type { Log } from '../../runtime/log.ts';
import type { AgentApi, Lease } from '../../runtime/protocol.ts';

export interface LeaseSender {
  /** What was granted and not revoked since. */
  get(vm: HubId): Lease | undefined;
  /** Given with an answer of its own; false while a revocation of it is on its way, or when the agent has its fill. */
  take(lease: Lease): boolean;
  /** Granted with the next batch, if it may be then. */
  offer(vm: HubId): void;
  /** Resolves when the agent holds none. */
  revoke(vm: HubId): Promise<void>;
  /** The agent is gone. */
  close(): void;
  /** Leases that the agent has confirmed. */
  readonly size: number;
}

export const createLeaseSender = (options: {
  agent: Pick<AgentApi, 'grantLeases' | 'revokeLeases'>;
  batch: number;
  most: number;
  /** The leases that these VMs may have now. */
  leases: (vms: readonly HubId[]) => readonly Lease[];
  log: Log;
}): LeaseSender => {
  const { agent, batch, most, leases, log } = options;
  const granted = new Map<HubId, Lease>();
  const offered = new Set<HubId>();
  /** Revocations that the agent has not confirmed, and those of them that are still to be sent. */
  const revoking = new Map<HubId, PromiseWithResolvers<void>>();
  const unsent = new Set<HubId>();
  let unconfirmed = 0;
  let running = false;
  let closed = false;

  const sendRevocations = async (): Promise<void> => {
    const vms = [...unsent];
    unsent.clear();
    // A link that is lost ends the epoch, and with it every lease.
    await agent.revokeLeases(vms).catch(() => undefined);
    for (const vm of vms) {
      revoking.get(vm)?.resolve();
      revoking.delete(vm);
    }
  };

  const sendGrants = async (): Promise<void> => {
    const vms: HubId[] = [];
    for (const vm of offered) {
      offered.delete(vm);
      if (!granted.has(vm)) vms.push(vm);
      if (vms.length === batch) break;
    }
    const now = leases(vms).slice(0, Math.max(0, most - granted.size));
    if (now.length === 0) return;
    for (const lease of now) granted.set(lease.vm, lease);
    unconfirmed = now.length;
    try {
      await agent.grantLeases(now);
    } catch {
      // The link is lost: to the next one all are offered anew.
      for (const lease of now) if (granted.get(lease.vm) === lease) granted.delete(lease.vm);
    }
    unconfirmed = 0;
  };

  const run = async (): Promise<void> => {
    // What one turn of the event loop offers goes out together, behind that turn's own work.
    if (unsent.size === 0) await new Promise((resolve) => setImmediate(resolve));
    while (!closed && (unsent.size > 0 || offered.size > 0)) await (unsent.size > 0 ? sendRevocations() : sendGrants());
    running = false;
  };
  const start = (): void => {
    if (running || closed) return;
    running = true;
    run().catch((error: unknown) => {
      running = false;
      log.error({ error }, 'leases could not be sent');
    });
  };

  return {
    get: (vm) => granted.get(vm),
    take: (lease) => {
      if (closed || revoking.has(lease.vm) || granted.size >= most) return false;
      granted.set(lease.vm, lease);
      offered.delete(lease.vm);
      return true;
    },
    offer: (vm) => {
      offered.add(vm);
      start();
    },
    revoke: (vm) => {
      offered.delete(vm);
      const pending = revoking.get(vm);
      if (!granted.delete(vm)) return pending?.promise ?? Promise.resolve();
      const turn = Promise.withResolvers<void>();
      revoking.set(vm, turn);
      unsent.add(vm);
      start();
      return turn.promise;
    },
    close: () => {
      closed = true;
      granted.clear();
      offered.clear();
      for (const { resolve } of revoking.values()) resolve();
      revoking.clear();
    },
    get size() {
      return Math.max(0, granted.size - unconfirmed);
    },
  };
};
