/** The parts of one server in; its health and figures, as the admin endpoint shows them, out. */
import type { Inspected, Parts } from './parts.ts';

export const inspect = (parts: Parts): Inspected => {
  const { hosts, store, ids, sessions, jobs, exchanges, waits, leases, renderer, counted } = parts;
  return {
    parts: () => [parts],
    health: () => ({
      ok: parts.isOpen(),
      hosts: hosts
        .list()
        .map((host) => ({ name: host.name, connected: host.connected, listed: store.listed(host.id) })),
    }),
    figures: () => ({
      agents: { help: 'Agents attached.', value: parts.agents() },
      hosts_connected: { help: 'Hosts that answer.', value: hosts.list().filter((host) => host.connected).length },
      objects: { help: 'Objects in the store.', value: store.counts.entries },
      documents_rendered: { help: 'Bundles held for fronts.', value: store.counts.rendered },
      documents_generic: { help: 'Generic documents held.', value: store.counts.generic },
      ids: { help: 'Ids that live.', value: ids.size },
      store_version: { help: 'The version counter.', value: store.versions.current },
      sessions: { help: 'Sessions.', value: sessions.size },
      calls_decoded: { help: 'Calls of clients that were decoded.', value: counted.decoded },
      calls_dispatched: { help: 'Calls that took the route of their row.', value: counted.dispatched },
      commands_direct: { help: 'Direct commands sent to a host.', value: counted.direct },
      commands_planned: { help: 'Plans that sent a call to their host.', value: jobs.sent },
      calls_asking: { help: 'Calls that asked their host.', value: exchanges.asking },
      exchanges_running: { help: 'Exchanges under way.', value: exchanges.running },
      waits: { help: 'Waiting clients.', value: waits.size },
      leases: { help: 'VM leases granted.', value: leases.size },
      transforms: { help: 'Sheets applied.', value: renderer.counts.transforms },
      transforms_failed: { help: 'Sheets that failed.', value: renderer.counts.failed },
    }),
  };
};
