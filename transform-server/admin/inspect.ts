/** The parts of the server in; its health, figures and logs, as the admin endpoint shows them, out. */
import type { AgentCounts } from '../../runtime/protocol.ts';
import type { Renderer } from '../engine/renderer.ts';
import type { Audit } from '../events/audit.ts';
import type { Exchanges } from '../exchanges/exchanges.ts';
import type { ExchangeLog } from '../exchanges/log.ts';
import type { Waits } from '../exchanges/waits.ts';
import type { Ids } from '../ids/ids.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { Store, Versions } from '../store/store.ts';
import type { Hosts } from '../sync/hosts.ts';
import type { Leases } from '../sync/leases.ts';
import type { Inspected } from './admin.ts';

export const inspect = (parts: {
  isOpen: () => boolean;
  agents: () => number;
  counted: AgentCounts;
  hosts: Pick<Hosts, 'list'>;
  store: Pick<Store, 'listed' | 'counts'>;
  ids: Pick<Ids, 'size'>;
  versions: Pick<Versions, 'current'>;
  sessions: Pick<Sessions, 'size'>;
  jobs: Pick<Jobs, 'sent'>;
  exchanges: Pick<Exchanges, 'asking' | 'running'>;
  waits: Pick<Waits, 'size'>;
  leases: Pick<Leases, 'size'>;
  renderer: Pick<Renderer, 'counts'>;
  exchangeLog: Pick<ExchangeLog, 'list' | 'explain'>;
  audit: Pick<Audit, 'newest'>;
}): Inspected => {
  const { hosts, store, ids, versions, sessions, jobs, exchanges, waits, leases, renderer, counted } = parts;
  return {
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
      store_version: { help: 'The version counter.', value: versions.current },
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
    exchanges: (limit) => parts.exchangeLog.list(limit),
    explain: (exchange) => parts.exchangeLog.explain(exchange),
    audit: (limit) => parts.audit.newest(limit),
  };
};
