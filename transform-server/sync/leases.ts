/** Leases: an agent asks about a VM, all that a direct command may depend on goes out; what changes it revokes the lease. */
import type { HubId } from '../../mappings/generic/ids.ts';
import type { JobsView } from '../../mappings/generic/store-view.ts';
import type { Log } from '../../runtime/log.ts';
import type { AgentApi, Lease } from '../../runtime/protocol.ts';
import type { Store } from '../store/store.ts';
import type { HostRecord } from './hosts.ts';

export interface Leases {
  grant(host: HostRecord, vm: HubId): Promise<Lease | undefined>;
  /** These objects moved. */
  review(ids: readonly HubId[]): void;
  /** A command of ours is about to change the VM: direct ones must wait their turn at the server. */
  revoke(vm: HubId): Promise<void>;
  agentLeft(agent: AgentApi): void;
  readonly size: number;
}

export interface LeasesOptions {
  readonly store: Store;
  readonly jobs: JobsView;
  readonly generic: (ids: readonly HubId[]) => Promise<void>;
  readonly log: Log;
}

/** Verbs that direct commands of the same VM cannot disturb: the VM's write queue keeps them apart. */
const isBlocking = (verb: string): boolean =>
  verb === 'vm.delete' || verb === 'vm.change' || verb === 'vm.clone' || verb.startsWith('snapshot.');

export const createLeases = ({ store, jobs, generic, log }: LeasesOptions): Leases => {
  const granted = new Map<HubId, { lease: Lease; agent: AgentApi }>();

  const template = async (vm: HubId): Promise<boolean | undefined> => {
    await generic([vm]);
    return store.view('').generic('vm', vm)?.template;
  };

  const drop = (vm: HubId): Promise<void> => {
    const held = granted.get(vm);
    if (held === undefined) return Promise.resolve();
    granted.delete(vm);
    // An agent that cannot be reached holds leases of an epoch that ends with its link.
    return held.agent.revokeLeases([vm]).catch(() => undefined);
  };

  const reviewOne = async (vm: HubId): Promise<void> => {
    const held = granted.get(vm);
    if (held === undefined) return;
    const entry = store.entry(vm);
    const same =
      entry !== undefined &&
      !entry.stale &&
      entry.name === held.lease.name &&
      entry.native === held.lease.native &&
      (await template(vm)) === held.lease.template;
    if (!same && granted.get(vm) === held) await drop(vm);
  };

  return {
    grant: async (host, vm) => {
      const entry = store.entry(vm);
      if (entry?.kind !== 'vm' || entry.host !== host.id || entry.stale || !host.connected) return undefined;
      const isTemplate = await template(vm);
      const now = store.entry(vm);
      if (now === undefined || isTemplate === undefined || now.stale) return undefined;
      if (
        jobs
          .list({ target: vm })
          .some((job) => (job.state === 'queued' || job.state === 'running') && isBlocking(job.verb))
      )
        return undefined;
      const lease: Lease = {
        vm,
        host: host.id,
        native: now.native,
        name: now.name,
        template: isTemplate,
        epoch: host.epoch,
      };
      granted.set(vm, { lease, agent: host.agent });
      return lease;
    },
    review: (ids) => {
      for (const id of ids) {
        if (granted.has(id))
          reviewOne(id).catch((error: unknown) => log.error({ vm: id, error }, 'lease could not be reviewed'));
      }
    },
    revoke: drop,
    agentLeft: (agent) => {
      for (const [vm, held] of [...granted]) if (held.agent === agent) granted.delete(vm);
    },
    get size() {
      return granted.size;
    },
  };
};
