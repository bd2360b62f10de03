/** The pages of the console, in the order of its navigation: a page is one file in pages/. */
import type { FunctionComponent } from 'preact';
import { Audit } from './pages/audit.ts';
import { Exchanges } from './pages/exchanges.ts';
import { Hosts } from './pages/hosts.ts';
import { Jobs } from './pages/jobs.ts';
import { Mappings } from './pages/mappings.ts';
import { Metrics } from './pages/metrics.ts';
import { Objects } from './pages/objects.ts';
import { Overview } from './pages/overview.ts';
import { Sessions } from './pages/sessions.ts';
import type { Place } from './router.ts';

export interface PageText {
  /** First word of its address. */
  readonly name: string;
  readonly title: string;
  readonly View: FunctionComponent<{ readonly place: Place }>;
}

export const PAGES: readonly PageText[] = [
  { name: 'overview', title: 'Overview', View: Overview },
  { name: 'exchanges', title: 'Exchanges', View: Exchanges },
  { name: 'objects', title: 'Objects', View: Objects },
  { name: 'hosts', title: 'Hosts', View: Hosts },
  { name: 'mappings', title: 'Mappings', View: Mappings },
  { name: 'jobs', title: 'Jobs', View: Jobs },
  { name: 'sessions', title: 'Sessions', View: Sessions },
  { name: 'metrics', title: 'Metrics', View: Metrics },
  { name: 'audit', title: 'Audit', View: Audit },
];
