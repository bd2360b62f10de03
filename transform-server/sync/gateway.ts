/** The jobs' way to hosts: the writer of a host at its present epoch, and commits of what was read again. */
import type { HubId } from '../../mappings/generic/ids.ts';
import type { HostsGateway, HostWriter } from '../jobs/gateway.ts';
import type { HostRecord, Hosts } from './hosts.ts';
import type { Sync } from './sync.ts';

export const createGateway = (options: {
  hosts: Hosts;
  sync: Sync;
  verbOf: (job: HubId) => string | undefined;
}): HostsGateway => {
  const { hosts, sync, verbOf } = options;
  /** One writer a record: whoever compares sees that the link is another. */
  const writers = new WeakMap<HostRecord, HostWriter>();
  return {
    writer: (id) => {
      const record = hosts.get(id);
      if (record === undefined || !record.connected) return undefined;
      let writer = writers.get(record);
      if (writer === undefined) {
        writer = { agent: record.agent, epoch: record.epoch };
        writers.set(record, writer);
      }
      return writer;
    },
    awaited: (id) => hosts.get(id)?.awaited === true,
    connected: (id) => hosts.whenConnected(id),
    commit: async (id, changes, cause) => {
      const record = hosts.get(id);
      if (record === undefined) throw new Error(`${id} has no agent`);
      const verb = verbOf(cause.job);
      await sync.changes(record, changes, { ...cause, ...(verb === undefined ? {} : { verb }) });
    },
  };
};
