/** The parts of one server in; its health and figures, as the admin endpoint shows them, out. */
import type { Library } from '../engine/library.ts';
import type { Inspected, Parts } from './parts.ts';

const sumOf = (list: readonly { readonly count: number }[]): number => list.reduce((sum, { count }) => sum + count, 0);

export const inspect = (parts: Parts, library: Library): Inspected => {
  const { hosts, store, ids, sessions, jobs, exchanges, waits, leases, renderer, counted } = parts;
  return {
    parts: () => [parts],
    library,
    health: () => ({
      ok: parts.isOpen(),
      hosts: hosts
        .list()
        .map((host) => ({ name: host.name, connected: host.connected, listed: store.listed(host.id) })),
    }),
    figures: () => {
      const { exchanges: ended, latencies } = parts.tally.sums();
      return {
        agents: { help: 'Agents attached.', value: parts.agents() },
        hosts_connected: { help: 'Hosts that answer.', value: hosts.list().filter((host) => host.connected).length },
        objects: { help: 'Objects in the store.', value: store.counts.entries },
        documents_rendered: { help: 'Bundles held for fronts.', value: store.counts.rendered },
        documents_made: { help: 'Bundles made for fronts.', value: store.counts.made, grows: true },
        documents_read: { help: 'Bundles that were there when they were read.', value: store.counts.read, grows: true },
        documents_generic: { help: 'Generic documents held.', value: store.counts.generic },
        ids: { help: 'Ids that live.', value: ids.size },
        store_version: { help: 'The version counter.', value: store.versions.current },
        sessions: { help: 'Sessions.', value: sessions.size },
        calls_decoded: { help: 'Calls of clients that were decoded.', value: counted.decoded, grows: true },
        calls_dispatched: { help: 'Calls that took the route of their row.', value: counted.dispatched, grows: true },
        commands_direct: { help: 'Direct commands sent to a host.', value: counted.direct, grows: true },
        commands_planned: { help: 'Plans that sent a call to their host.', value: jobs.sent, grows: true },
        calls_asking: { help: 'Calls that asked their host.', value: exchanges.asking, grows: true },
        exchanges_running: { help: 'Exchanges under way.', value: exchanges.running },
        waits: { help: 'Waiting clients.', value: waits.size },
        leases: { help: 'VM leases granted.', value: leases.size },
        jobs_running: {
          help: 'Jobs that have not ended.',
          value: jobs.list({ sinceMs: Number.POSITIVE_INFINITY }).length,
        },
        sync_lag_ms: {
          help: 'How long the copy of the host that is furthest behind is behind it, in milliseconds.',
          value: Math.max(0, ...hosts.list().map(({ id }) => parts.lag.lagMs(id))),
          largest: true,
          labelled: true,
        },
        exchanges: { help: 'Exchanges with clients that ended.', value: sumOf(ended), grows: true, labelled: true },
        exchanges_failed: {
          help: 'Of those the ones whose outcome was a fault.',
          value: sumOf(ended.filter(({ outcome }) => outcome !== 'value')),
          grows: true,
          labelled: true,
        },
        exchanges_ms: {
          help: 'How long they took together, in milliseconds.',
          value: latencies.reduce((sum, { sumMs }) => sum + sumMs, 0),
          grows: true,
          labelled: true,
        },
        transforms: { help: 'Sheets applied.', value: renderer.counts.transforms, grows: true },
        transforms_failed: { help: 'Sheets that failed.', value: renderer.counts.failed, grows: true },
      };
    },
  };
};
