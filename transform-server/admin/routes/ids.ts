/** The ID table, looked up in both directions: a hub id, a host's name for a thing, or what a front calls it. */
import { z } from 'zod';
import { type HubId, KINDS, kindOf, parseHubId } from '../../../mappings/generic/ids.ts';
import type { DocumentKind } from '../../../mappings/generic/model.ts';
import type { IdRow } from '../../ids/ids.ts';
import type { Parts } from '../parts.ts';
import { Problem } from '../problem.ts';
import { type Route, route } from '../route.ts';
import type { Sources } from '../sources.ts';

const tag = 'ids';
const row = z.strictObject({
  id: z.string(),
  host: z.string().optional(),
  native: z.string(),
  owner: z.string().optional().describe('Of a disk, a nic or a snapshot: the machine it is of.'),
  match: z.string().describe('By what it is known again on its owner.'),
  name: z.string(),
});
const found = z.strictObject({ items: z.array(row.extend({ front: z.string().optional() })) });
const WITH_UUID = ['vm', 'host', 'storage', 'network'] as const satisfies readonly DocumentKind[];

const withUuid = ({ store }: Parts, uuids: readonly string[]): readonly HubId[] =>
  WITH_UUID.flatMap((kind) => store.view('').list(kind))
    .filter(({ uuid }) => uuids.includes(uuid.toLowerCase()))
    .map(({ id }) => id);

const shown = ({ store }: Parts, { id, host, native, owner, match }: IdRow): z.input<typeof row> => ({
  id,
  ...(host === undefined ? {} : { host }),
  native,
  ...(owner === undefined ? {} : { owner }),
  match,
  name: store.entry(id)?.name ?? store.entry(owner ?? id)?.name ?? '',
});

export const idRoutes = ({ inspected }: Sources): readonly Route[] => [
  route({
    method: 'GET',
    path: '/ids',
    access: 'viewer',
    summary: 'By a host’s name for a thing (native), or by what a front calls it (client).',
    tag,
    query: z.strictObject({
      native: z.string().max(4096).optional(),
      client: z.string().max(4096).optional().describe('As in a client’s script: a reference or a UUID.'),
      front: z.string().max(128).optional().describe('Where the client would write it; all when absent.'),
      kind: z.enum(KINDS).optional(),
      host: z.string().max(64).optional(),
    }),
    answer: found,
    act: ({ query: { native, client, front, kind, host } }) => {
      const items: z.input<typeof found>['items'] = [];
      for (const parts of inspected.parts()) {
        const { ids, hosts } = parts;
        const add = (id: HubId | undefined, front?: string): void => {
          const known = id && ids.lookup(id);
          if (known && (kind === undefined || kindOf(known.id) === kind))
            items.push({ ...shown(parts, known), ...(front === undefined ? {} : { front }) });
        };
        const wanted = hosts.list().filter((one) => host === undefined || one.id === host || one.name === host);
        if (native !== undefined)
          for (const one of wanted)
            for (const of of kind === undefined ? KINDS : [kind]) add(ids.resolve(one.id, of, native));
        if (client === undefined) continue;
        for (const { instance, platform } of hosts.fronts()) {
          if (front !== undefined && instance.name !== front) continue;
          if (!wanted.some(({ id }) => id === instance.host)) continue;
          const named = platform.clientNames?.find(client, instance);
          if (named?.id !== undefined) add(named.id, instance.name);
          if (named?.uuids !== undefined) for (const id of withUuid(parts, named.uuids)) add(id, instance.name);
        }
      }
      return { items: items.slice(0, 500) };
    },
  }),
  route({
    method: 'GET',
    path: '/ids/:id',
    access: 'viewer',
    summary: 'The row of a hub id.',
    tag,
    params: z.strictObject({ id: z.string().max(64) }),
    answer: row,
    problems: { 404: 'It was never given, or what it meant is gone.' },
    act: ({ params: { id } }) => {
      const asked = parseHubId(id);
      for (const parts of inspected.parts()) {
        const known = asked && parts.ids.lookup(asked);
        if (known) return shown(parts, known);
      }
      throw new Problem(404, 'it was never given, or what it meant is gone');
    },
  }),
];
