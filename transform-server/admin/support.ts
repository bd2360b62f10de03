/** The admin API's own answers in, the files of a support bundle out: what a report needs, and no secret, as the API tells none. */
import { arch, cpus, freemem, hostname, release, totalmem } from 'node:os';
import { withoutSecrets } from '../../runtime/redaction.ts';
import type { TarFile } from '../../runtime/tar.ts';

/** Each is one page. */
const PAGES: Readonly<Record<string, string>> = {
  overview: '/overview',
  hosts: '/hosts?limit=500',
  agents: '/agents?limit=500',
  fronts: '/fronts?limit=500',
  cells: '/cells',
  sessions: '/sessions?limit=500',
  exchanges: '/exchanges?limit=500',
  jobs: '/jobs?limit=200',
  audit: '/audit?limit=500',
  config: '/config',
  log: '/log',
  'metrics-history': '/metrics/history',
};
const DETAILS = 50;

export interface SupportSources {
  /** Of the program. */
  readonly version: string;
  /** A path of the API, its answer as text. */
  readonly ask: (path: string) => Promise<string>;
  readonly metrics: () => Promise<string>;
  /** The newest lines of the log, oldest first. */
  readonly logTail: () => readonly string[];
  readonly health: () => unknown;
}

interface Listed {
  readonly items?: readonly Readonly<Record<string, unknown>>[];
}

const about = (version: string): string =>
  JSON.stringify(
    {
      transvisor: version,
      node: process.versions,
      system: { platform: process.platform, release: release(), arch: arch(), name: hostname() },
      machine: { cpus: cpus().length, memoryBytes: totalmem(), freeBytes: freemem() },
      process: { pid: process.pid, uptimeSeconds: Math.round(process.uptime()), ...process.memoryUsage() },
    },
    undefined,
    2,
  );

/** Those that failed say the most; then the newest. */
const worth = (listed: string, id: string): readonly string[] => {
  const { items = [] } = JSON.parse(listed) as Listed;
  const failed = items.filter(({ state, outcome }) =>
    state === undefined ? outcome !== 'value' && outcome !== 'running' : state === 'error',
  );
  return [...new Set([...failed.slice(0, DETAILS), ...items.slice(0, DETAILS)].map((item) => String(item[id])))];
};

export const supportFiles = async ({
  version,
  ask,
  metrics,
  logTail,
  health,
}: SupportSources): Promise<readonly TarFile[]> => {
  const pages = new Map<string, string>();
  for (const [name, path] of Object.entries(PAGES)) pages.set(name, await ask(path));
  const files: TarFile[] = [
    { name: 'about.json', text: about(version) },
    { name: 'health.json', text: JSON.stringify(health()) },
    { name: 'metrics.txt', text: await metrics() },
    { name: 'log.txt', text: logTail().map(withoutSecrets).join('') },
    ...[...pages].map(([name, text]) => ({ name: `${name}.json`, text })),
  ];
  for (const [name, id] of [
    ['exchanges', 'exchange'],
    ['jobs', 'id'],
  ] as const)
    for (const one of worth(pages.get(name) ?? '{}', id))
      files.push({
        name: `${name}/${one.replace(/[^\w.-]/g, '_').slice(0, 80)}.json`,
        text: await ask(`/${name}/${encodeURIComponent(one)}`),
      });
  return files;
};
