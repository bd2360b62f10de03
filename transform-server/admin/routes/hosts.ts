/** Hosts, the agents that hold them, and the fronts that clients reach them by. */
import { z } from 'zod';
import type { DocumentKind } from '../../../mappings/generic/model.ts';
import { page, pageOf, pageQuery } from '../page.ts';
import type { Parts } from '../parts.ts';
import { Problem } from '../problem.ts';
import { type Route, route } from '../route.ts';
import type { Sources } from '../sources.ts';
import { hostsKnown } from '../unwell.ts';

const KINDS = ['vm', 'storage', 'volume', 'network'] as const satisfies readonly DocumentKind[];

const host = z.strictObject({
  id: z.string(),
  name: z.string(),
  platform: z.string().describe('What is spoken with the host.'),
  agent: z.string().describe('Empty: the agent that held it is away.'),
  epoch: z
    .int()
    .describe(
      '0 without an agent. Moves when another agent, or the same one anew, becomes the one writer of the host.',
    ),
  connected: z.boolean(),
  listed: z.boolean().describe('Everything on it is known.'),
  objects: z.record(z.enum(KINDS), z.int()),
  fronts: z.array(z.string()),
});
const agent = z.strictObject({ name: z.string(), hosts: z.array(z.string()), fronts: z.array(z.string()) });
const front = z.strictObject({
  name: z.string(),
  platform: z.string(),
  host: z.string(),
  hostName: z.string(),
  port: z.int(),
  uuid: z.string(),
  tls: z.boolean(),
  sessions: z.int(),
  options: z.record(z.string(), z.string()),
});

const hostOf = (
  { store, hosts }: Parts,
  { id, name, record }: ReturnType<typeof hostsKnown>[number],
): z.input<typeof host> => ({
  id,
  name,
  platform: hosts.platformOf(id)?.name ?? '',
  agent: record?.agentName ?? '',
  epoch: record?.epoch ?? 0,
  connected: record?.connected ?? false,
  listed: store.listed(id),
  objects: Object.fromEntries(KINDS.map((kind) => [kind, store.view('').list(kind, id).length])) as z.input<
    typeof host
  >['objects'],
  fronts: hosts
    .fronts()
    .filter(({ instance }) => instance.host === id)
    .map(({ instance }) => instance.name),
});

const byName = <T extends { readonly name: string }>(list: T[]): T[] =>
  list.toSorted((a, b) => (a.name < b.name ? -1 : 1));

export const hostRoutes = ({ inspected }: Sources): readonly Route[] => {
  const all = (): z.input<typeof host>[] =>
    byName(inspected.parts().flatMap((parts) => hostsKnown(parts).map((known) => hostOf(parts, known))));
  return [
    route({
      method: 'GET',
      path: '/hosts',
      access: 'viewer',
      summary: 'Hosts by name, also those whose agent is away.',
      tag: 'hosts',
      query: z.strictObject(pageQuery),
      answer: pageOf(host),
      act: ({ query }) => ({ ...page(all(), ({ name }) => name, query) }) as never,
    }),
    route({
      method: 'GET',
      path: '/hosts/:id',
      access: 'viewer',
      summary: 'One host.',
      tag: 'hosts',
      params: z.strictObject({ id: z.string().max(64) }),
      answer: host,
      problems: { 404: 'No agent had such a host since the start.' },
      act: ({ params: { id } }) => {
        const found = all().find((one) => one.id === id || one.name === id);
        if (found === undefined) throw new Problem(404, 'there is no such host');
        return found;
      },
    }),
    route({
      method: 'GET',
      path: '/agents',
      access: 'viewer',
      summary: 'Agents that are here, with what they hold.',
      tag: 'agents',
      query: z.strictObject(pageQuery),
      answer: pageOf(agent),
      act: ({ query }) => {
        const agents = Object.entries(
          Object.groupBy(
            all().filter((one) => one.agent !== ''),
            (one) => one.agent,
          ),
        ).map(([name, hosts = []]) => ({
          name,
          hosts: hosts.map((one) => one.name),
          fronts: hosts.flatMap(({ fronts }) => fronts),
        }));
        return page(byName(agents), ({ name }) => name, query) as never;
      },
    }),
    route({
      method: 'GET',
      path: '/fronts',
      access: 'viewer',
      summary: 'Where clients come in: each front serves one host in the words of one API.',
      tag: 'fronts',
      query: z.strictObject(pageQuery),
      answer: pageOf(front),
      act: ({ query }) => {
        const fronts = inspected.parts().flatMap(({ hosts, sessions }) =>
          hosts.fronts().map(({ instance }) => ({
            name: instance.name,
            platform: instance.platform,
            host: instance.host as string,
            hostName: instance.hostName,
            port: instance.port,
            uuid: instance.uuid,
            tls: instance.certificate !== '',
            sessions: sessions.view.list(instance.name).length,
            options: { ...instance.options },
          })),
        );
        return page(byName(fronts), ({ name }) => name, query) as never;
      },
    }),
  ];
};
