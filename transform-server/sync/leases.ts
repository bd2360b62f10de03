/** Leases: the listed VMs of a host in, all that direct commands may depend on out to its agent; what changes it revokes the lease. */
import type { HubId } from '../../mappings/generic/ids.ts';
import type { JobsView } from '../../mappings/generic/store-view.ts';
import { LIMITS } from '../../runtime/limits.ts';
import type { Log } from '../../runtime/log.ts';
import type { AgentApi, Lease } from '../../runtime/protocol.ts';
import type { Store } from '../store/store.ts';
import type { HostRecord } from './hosts.ts';
import { createLeaseSender, type LeaseSender } from './lease-sender.ts';

export interface Leases {
  /** The agent asks about one VM: undefined sends the command the central way. */
  grant(host: HostRecord, vm: HubId): Lease | undefined;
  /** All VMs of the host that have none, in batches behind what the link has to do. */
  offer(host: HostRecord): void;
  /** These objects moved, or a job on them ended. */
  review(ids: readonly HubId[]): void;
  /** A command of ours is about to change the VM: resolved when no direct one can begin; call what comes back when the job is known. */
  reserve(vm: HubId): Promise<() => void>;
  agentLeft(agent: AgentApi): void;
  /** What agents hold. */
  readonly size: number;
}

export interface LeasesOptions {
  readonly store: Store;
  readonly jobs: JobsView;
  readonly host: (id: HubId) => HostRecord | undefined;
  readonly log: Log;
  /** LIMITS.leaseBatch when absent. */
  readonly batch?: number;
}

/** Verbs that direct commands of the same VM cannot disturb: the VM's write queue keeps them apart. */
const isBlocking = (verb: string): boolean =>
  verb === 'vm.delete' || verb === 'vm.change' || verb === 'vm.clone' || verb.startsWith('snapshot.');

export const createLeases = (options: LeasesOptions): Leases => {
  const { store, jobs, host: hostOf, log, batch = LIMITS.leaseBatch } = options;
  const senders = new Map<AgentApi, LeaseSender>();
  /** By host: the sender to its agent. */
  const ofHosts = new Map<HubId, LeaseSender>();
  /** VMs about to be changed by a job that is not written down yet. */
  const reserved = new Map<HubId, number>();

  const blocked = (vm?: HubId): ReadonlySet<HubId> =>
    new Set(
      jobs
        .list({ sinceMs: Number.POSITIVE_INFINITY, ...(vm === undefined ? {} : { target: vm }) })
        .filter((job) => isBlocking(job.verb))
        .map((job) => job.target),
    );

  const leaseOf = (agent: AgentApi, vm: HubId, busy: ReadonlySet<HubId>): Lease | undefined => {
    const entry = store.entry(vm);
    if (entry?.kind !== 'vm' || entry.stale || reserved.has(vm) || busy.has(vm)) return undefined;
    const host = hostOf(entry.host);
    if (host?.agent !== agent || !host.connected) return undefined;
    return {
      vm,
      host: host.id,
      native: entry.native,
      name: entry.name,
      template: store.isTemplate(vm),
      epoch: host.epoch,
    };
  };

  const senderOf = ({ agent, id }: HostRecord): LeaseSender => {
    let sender = senders.get(agent);
    if (sender === undefined) {
      sender = createLeaseSender({
        agent,
        batch,
        most: LIMITS.vmLeases,
        log,
        leases: (vms) => {
          const busy = blocked();
          return vms.map((vm) => leaseOf(agent, vm, busy)).filter((lease) => lease !== undefined);
        },
      });
      senders.set(agent, sender);
    }
    ofHosts.set(id, sender);
    return sender;
  };

  const holds = (vm: HubId): LeaseSender | undefined => {
    const entry = store.entry(vm);
    if (entry !== undefined) {
      const sender = ofHosts.get(entry.host);
      return sender?.get(vm) === undefined ? undefined : sender;
    }
    for (const sender of senders.values()) if (sender.get(vm) !== undefined) return sender;
    return undefined;
  };

  const isSame = (lease: Lease): boolean => {
    const entry = store.entry(lease.vm);
    const host = hostOf(lease.host);
    return (
      entry !== undefined &&
      !entry.stale &&
      entry.name === lease.name &&
      entry.native === lease.native &&
      store.isTemplate(lease.vm) === lease.template &&
      host?.epoch === lease.epoch &&
      host.connected
    );
  };

  /** An agent that cannot be reached holds leases of an epoch that ends with its link. */
  const drop = (vm: HubId): Promise<void> => holds(vm)?.revoke(vm) ?? Promise.resolve();

  return {
    grant: (host, vm) => {
      const lease = leaseOf(host.agent, vm, blocked(vm));
      const sender = senderOf(host);
      return lease !== undefined && sender.take(lease) ? lease : undefined;
    },
    offer: (host) => {
      const sender = senderOf(host);
      for (const entry of store.view('').list('vm', host.id)) {
        const lease = sender.get(entry.id);
        if (lease !== undefined && !isSame(lease)) void sender.revoke(entry.id);
        if (lease === undefined || !isSame(lease)) sender.offer(entry.id);
      }
    },
    review: (ids) => {
      for (const vm of ids) {
        const sender = holds(vm);
        const lease = sender?.get(vm);
        if (lease !== undefined && isSame(lease)) continue;
        if (lease !== undefined) void sender?.revoke(vm);
        const entry = store.entry(vm);
        const host = entry?.kind === 'vm' ? hostOf(entry.host) : undefined;
        if (host?.connected === true) senderOf(host).offer(vm);
      }
    },
    reserve: async (vm) => {
      reserved.set(vm, (reserved.get(vm) ?? 0) + 1);
      await drop(vm);
      return () => {
        const left = (reserved.get(vm) ?? 1) - 1;
        if (left > 0) reserved.set(vm, left);
        else reserved.delete(vm);
      };
    },
    agentLeft: (agent) => {
      const left = senders.get(agent);
      if (left === undefined) return;
      left.close();
      senders.delete(agent);
      for (const [host, sender] of ofHosts) if (sender === left) ofHosts.delete(host);
    },
    get size() {
      let size = 0;
      for (const sender of senders.values()) size += sender.size;
      return size;
    },
  };
};
