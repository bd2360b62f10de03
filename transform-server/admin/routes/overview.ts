/** All at a glance: counts, who calls whom in the last minute from clients to hosts, and what is unwell. */
import { z } from 'zod';
import type { Parts } from '../parts.ts';
import { type Route, route } from '../route.ts';
import type { Sources } from '../sources.ts';
import { programName, trafficOf } from '../traffic.ts';
import { hostsKnown, unwellOf } from '../unwell.ts';

const MINUTE_MS = 60_000;
const CLIENTS = 100;

const calls = { calls: z.int(), faults: z.int() };
const host = z.strictObject({
  id: z.string(),
  name: z.string(),
  platform: z.string(),
  agent: z.string().describe('Empty: the agent that held it is away.'),
  state: z.enum(['connected', 'listing', 'away']),
  vms: z.int(),
});
const front = z.strictObject({
  name: z.string(),
  platform: z.string(),
  host: z.string(),
  port: z.int(),
  sessions: z.int(),
  ...calls,
  meanMs: z.number().describe('0: none is over.'),
});
const client = z.strictObject({
  address: z.string(),
  user: z.string(),
  program: z.string().describe('What it says it is, as far as a log-in of it is known: govc.'),
  ...calls,
  fronts: z.array(z.strictObject({ front: z.string(), ...calls })),
});
const overview = z.strictObject({
  atMs: z.number(),
  counts: z.record(
    z.enum(['clients', 'sessions', 'fronts', 'agents', 'hosts', 'vms', 'objects', 'jobs', 'calls', 'faults']),
    z.int(),
  ),
  traffic: z.strictObject({
    sinceMs: z.number().describe('The log of a busy server reaches back less than a minute.'),
  }),
  agents: z.array(z.strictObject({ name: z.string(), hosts: z.int() })),
  hosts: z.array(host),
  fronts: z.array(front),
  clients: z.array(client).describe('The busiest.'),
  unwell: z.array(
    z.strictObject({ what: z.string(), text: z.string(), href: z.string(), sinceMs: z.number().optional() }),
  ),
});

const hostsOf = (parts: Parts): z.input<typeof host>[] =>
  hostsKnown(parts).map(({ id, name, record }) => ({
    id,
    name,
    platform: parts.hosts.platformOf(id)?.name ?? '',
    agent: record?.agentName ?? '',
    state: record?.connected !== true ? 'away' : parts.store.listed(id) ? 'connected' : 'listing',
    vms: parts.store.view('').list('vm', id).length,
  }));

export const overviewRoutes = ({ inspected, clock }: Sources): readonly Route[] => [
  route({
    method: 'GET',
    path: '/overview',
    access: 'viewer',
    summary: 'Counts; clients, fronts, agents and hosts with the traffic of the last minute; what is unwell.',
    tag: 'overview',
    answer: overview,
    act: () => {
      const all = inspected.parts();
      const nowMs = clock.now();
      const traffic = trafficOf(all, nowMs - MINUTE_MS);
      const hosts = all.flatMap(hostsOf);
      const fronts = all.flatMap((parts) =>
        parts.hosts.fronts().map(({ instance: { name, platform, host: of, port } }): z.input<typeof front> => {
          const { calls = 0, faults = 0, totalMs = 0, over = 0 } = traffic.fronts.get(name) ?? {};
          const sessions = parts.sessions.view.list(name).length;
          return { name, platform, host: of, port, sessions, calls, faults, meanMs: over === 0 ? 0 : totalMs / over };
        }),
      );
      const sum = (list: readonly { readonly calls: number }[]): number => list.reduce((n, one) => n + one.calls, 0);
      const agents = Object.entries(
        Object.groupBy(
          hosts.filter((one) => one.agent !== ''),
          (one) => one.agent,
        ),
      );
      return {
        atMs: nowMs,
        counts: {
          clients: traffic.clients.length,
          sessions: all.reduce((n, { sessions }) => n + sessions.size, 0),
          fronts: fronts.length,
          agents: agents.length,
          hosts: hosts.length,
          vms: hosts.reduce((n, { vms }) => n + vms, 0),
          objects: all.reduce((n, { store }) => n + store.counts.entries, 0),
          jobs: all.reduce((n, { jobs }) => n + jobs.list({ sinceMs: Number.POSITIVE_INFINITY }).length, 0),
          calls: sum(fronts),
          faults: fronts.reduce((n, { faults }) => n + faults, 0),
        },
        traffic: { sinceMs: traffic.sinceMs },
        agents: agents.map(([name, of = []]) => ({ name, hosts: of.length })),
        hosts,
        fronts,
        clients: traffic.clients.slice(0, CLIENTS).map((one) => ({
          address: one.address,
          user: one.user,
          program: programName(one.userAgent),
          calls: one.calls,
          faults: one.faults,
          fronts: [...one.fronts].map(([name, of]) => ({ front: name, ...of })),
        })),
        unwell: unwellOf(all, traffic, nowMs).map((one) => ({ ...one })),
      };
    },
  }),
];
