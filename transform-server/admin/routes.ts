/** All paths of the admin API below /api/v1: a folder of one file a noun in, one list out. */
import type { Route } from './route.ts';
import { accessRoutes } from './routes/access.ts';
import { auditRoutes } from './routes/audit.ts';
import { backupRoutes } from './routes/backup.ts';
import { documentRoutes } from './routes/documents.ts';
import { eventRoutes } from './routes/events.ts';
import { exchangeRoutes } from './routes/exchanges.ts';
import { hostRoutes } from './routes/hosts.ts';
import { idRoutes } from './routes/ids.ts';
import { jobRoutes } from './routes/jobs.ts';
import { mappingRoutes } from './routes/mappings.ts';
import { metricRoutes } from './routes/metrics.ts';
import { objectRoutes } from './routes/objects.ts';
import { overviewRoutes } from './routes/overview.ts';
import { playgroundRoutes } from './routes/playground.ts';
import { programRoutes } from './routes/program.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { settingRoutes } from './routes/settings.ts';
import { supportRoutes } from './routes/support.ts';
import type { Sources } from './sources.ts';

const NOUNS: readonly ((sources: Sources) => readonly Route[])[] = [
  accessRoutes,
  programRoutes,
  overviewRoutes,
  hostRoutes,
  sessionRoutes,
  objectRoutes,
  documentRoutes,
  idRoutes,
  exchangeRoutes,
  jobRoutes,
  mappingRoutes,
  playgroundRoutes,
  auditRoutes,
  backupRoutes,
  eventRoutes,
  metricRoutes,
  settingRoutes,
  supportRoutes,
];

export const routesOf = (sources: Sources): readonly Route[] => NOUNS.flatMap((noun) => noun(sources));
