/** What an admin endpoint may look at: the parts of one transform server, or of each cell of one among several. */

import type { EventsView } from '../../mappings/generic/store-view.ts';
import type { AgentCounts } from '../../runtime/protocol.ts';
import type { Tally } from '../../runtime/tally.ts';
import type { Library } from '../engine/library.ts';
import type { Renderer } from '../engine/renderer.ts';
import type { Audit } from '../events/audit.ts';
import type { Exchanges } from '../exchanges/exchanges.ts';
import type { ExchangeLog } from '../exchanges/log.ts';
import type { Waits } from '../exchanges/waits.ts';
import type { Ids } from '../ids/ids.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Own } from '../own/own.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { Store } from '../store/store.ts';
import type { Hosts } from '../sync/hosts.ts';
import type { SyncLag } from '../sync/lag.ts';
import type { Leases } from '../sync/leases.ts';
import type { Unreadable } from '../sync/unreadable.ts';

export interface Parts {
  readonly isOpen: () => boolean;
  readonly agents: () => number;
  readonly counted: AgentCounts;
  /** Of exchanges that agents told the end of. */
  readonly tally: Tally;
  readonly lag: SyncLag;
  readonly hosts: Hosts;
  readonly store: Store;
  readonly ids: Ids;
  readonly own: Own;
  readonly sessions: Sessions;
  readonly jobs: Jobs;
  readonly events: EventsView;
  readonly exchanges: Pick<Exchanges, 'asking' | 'running'>;
  readonly waits: Pick<Waits, 'size'>;
  readonly leases: Pick<Leases, 'size'>;
  readonly renderer: Renderer;
  readonly unreadable: Pick<Unreadable, 'list'>;
  readonly exchangeLog: ExchangeLog;
  readonly audit: Audit;
}

export interface Figure {
  readonly help: string;
  readonly value: number;
  /** It only grows, until the program ends. */
  readonly grows?: boolean;
  /** Of several cells the largest counts, not the sum. */
  readonly largest?: boolean;
  /** A metric with labels says the same to Prometheus. */
  readonly labelled?: boolean;
}

/** What the admin endpoint shows of the server. */
export interface Inspected {
  health(): {
    readonly ok: boolean;
    readonly hosts: readonly { readonly name: string; readonly connected: boolean; readonly listed: boolean }[];
  };
  /** Figures of now, by metric name without prefix. */
  figures(): Readonly<Record<string, Figure>>;
  /** One of a server by itself; of one among several those of its cells, which come and go. */
  parts(): readonly Parts[];
  /** The platforms' tables and sheets. */
  readonly library: Library;
  /** Of one among many: which cells are here, and who else is there. */
  cells?(): Promise<unknown>;
}
