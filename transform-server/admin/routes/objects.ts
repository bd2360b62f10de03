/** Objects of the hosts: what each is called everywhere, its documents as the host, the hub and every front have them, what happened to it. */
import { z } from 'zod';
import type { HubId } from '../../../mappings/generic/ids.ts';
import type { DocumentKind } from '../../../mappings/generic/model.ts';
import type { Entry, RenderedMember } from '../../../mappings/generic/store-view.ts';
import { safeCopy, withoutSecrets } from '../../../runtime/redaction.ts';
import type { FrontRecord } from '../../sync/hosts.ts';
import { page, pageOf, pageQuery } from '../page.ts';
import type { Parts } from '../parts.ts';
import { Problem } from '../problem.ts';
import { type Route, route } from '../route.ts';
import type { Sources } from '../sources.ts';

const tag = 'objects';
const KINDS = ['host', 'vm', 'storage', 'volume', 'network'] as const satisfies readonly DocumentKind[];
/** Characters of a document that are shown. */
const DOCUMENT = 1024 * 1024;
const HISTORY = 200;

const object = z.strictObject({
  id: z.string(),
  kind: z.enum(KINDS),
  name: z.string(),
  host: z.string(),
  native: z.string().describe('As its host calls it.'),
  uuid: z.string(),
  version: z.number(),
  stale: z.boolean().describe('The host is away, or did not confirm a change.'),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
const member = z.strictObject({ type: z.string(), id: z.string(), text: z.string() });
const whole = object.extend({
  fronts: z.array(
    z.strictObject({
      front: z.string(),
      platform: z.string(),
      ids: z.array(z.strictObject({ type: z.string(), id: z.string() })),
    }),
  ),
  relations: z.record(z.string(), z.array(z.string())).describe('Ids by kind.'),
});
const event = z.strictObject({
  atMs: z.number(),
  source: z.enum(['event', 'job']),
  what: z.string(),
  by: z.string(),
  id: z.string().describe('Of the job; else the key of the event.'),
  detail: z.unknown(),
});

const shown = (entry: Entry): z.input<typeof object> => ({
  id: entry.id,
  kind: entry.kind,
  name: entry.name,
  host: entry.host,
  native: entry.native,
  uuid: entry.uuid,
  version: entry.version,
  stale: entry.stale,
  facts: { ...entry.facts },
});
const cutText = (text: string): string => {
  const safe = withoutSecrets(text.slice(0, DOCUMENT));
  return text.length > DOCUMENT ? `${safe}... (${text.length} characters)` : safe;
};

const params = z.strictObject({ id: z.string().max(64) });
const gone = { 404: 'There is no such object.' };

export const objectRoutes = ({ inspected }: Sources): readonly Route[] => {
  const find = (id: string): { parts: Parts; entry: Entry } => {
    for (const parts of inspected.parts()) {
      const entry = parts.store.entry(id as HubId);
      if (entry !== undefined) return { parts, entry };
    }
    throw new Problem(404, 'there is no such object');
  };
  const frontsOf = ({ hosts }: Parts, { host }: Entry): readonly FrontRecord[] =>
    hosts.fronts().filter(({ instance }) => instance.host === host);
  const rendered = async (
    { store, renderer }: Parts,
    { instance }: FrontRecord,
    { id }: Entry,
  ): Promise<readonly RenderedMember[]> => {
    await renderer.rendered(instance, [id]);
    return store.view(instance.name).rendered(id) ?? [];
  };
  return [
    route({
      method: 'GET',
      path: '/objects',
      access: 'viewer',
      summary: 'Objects of the hosts, in the order in which they became known.',
      tag,
      query: z.strictObject({
        ...pageQuery,
        kind: z.enum(KINDS).optional(),
        host: z.string().max(64).optional(),
        q: z.string().max(256).optional().describe('Part of the name, the UUID or the native name.'),
      }),
      answer: pageOf(object),
      act: ({ query: { kind, host, q, ...asked } }) => {
        const wanted = q?.toLowerCase();
        const list = inspected
          .parts()
          .flatMap(({ store }) => (kind === undefined ? KINDS : [kind]).flatMap((one) => store.view('').list(one)))
          .filter((entry) => host === undefined || entry.host === host)
          .filter(
            ({ name, uuid, native }) =>
              wanted === undefined || [name, uuid, native].some((text) => text.toLowerCase().includes(wanted)),
          );
        const { items, next } = page(list, ({ id }) => id, asked);
        return { items: items.map(shown), next };
      },
    }),
    route({
      method: 'GET',
      path: '/objects/:id',
      access: 'viewer',
      summary: 'One object: what each front calls it, and what it belongs to.',
      tag,
      params,
      answer: whole,
      problems: gone,
      act: async ({ params: { id } }) => {
        const { parts, entry } = find(id);
        const fronts = await Promise.all(
          frontsOf(parts, entry).map(async (front) => ({
            front: front.instance.name,
            platform: front.instance.platform,
            ids: (await rendered(parts, front, entry)).map((one) => ({ type: one.type, id: one.id })),
          })),
        );
        const view = parts.store.view('');
        const relations = Object.fromEntries(
          KINDS.map((kind): [string, string[]] => [kind, [...view.edges(entry.id, kind)]]),
        );
        return { ...shown(entry), fronts, relations };
      },
    }),
    route({
      method: 'GET',
      path: '/objects/:id/native',
      access: 'viewer',
      summary: 'Its documents in the host’s own words.',
      tag,
      params,
      answer: z.strictObject({ parts: z.record(z.string(), z.string()), facts: z.record(z.string(), z.unknown()) }),
      problems: gone,
      act: ({ params: { id } }) => {
        const { parts, entry } = find(id);
        const native = parts.store.native(entry.id);
        return {
          parts: Object.fromEntries(Object.entries(native?.parts ?? {}).map(([name, text]) => [name, cutText(text)])),
          facts: { ...native?.facts },
        };
      },
    }),
    route({
      method: 'GET',
      path: '/objects/:id/generic',
      access: 'viewer',
      summary: 'Its document in the hub’s own words, made by the to-generic sheet of its host’s platform.',
      tag,
      params,
      answer: z.strictObject({ platform: z.string(), document: z.unknown() }),
      problems: gone,
      act: async ({ params: { id } }) => {
        const { parts, entry } = find(id);
        await parts.renderer.generic([entry.id]);
        const document = parts.store.view('').generic(entry.kind, entry.id);
        if (document === undefined) throw new Problem(404, 'its sheet makes no document of it; the log says why');
        return {
          platform: parts.hosts.platformOf(entry.host)?.name ?? '',
          document: safeCopy(document, { left: DOCUMENT }),
        };
      },
    }),
    route({
      method: 'GET',
      path: '/objects/:id/rendered/:front',
      access: 'viewer',
      summary: 'Its documents as a front shows them, made by the from-generic sheet of the front’s platform.',
      tag,
      params: params.extend({ front: z.string().max(128) }),
      answer: z.strictObject({ platform: z.string(), members: z.array(member) }),
      problems: { 404: 'There is no such object, or no such front of its host.' },
      act: async ({ params: { id, front: name } }) => {
        const { parts, entry } = find(id);
        const front = frontsOf(parts, entry).find(({ instance }) => instance.name === name);
        if (front === undefined) throw new Problem(404, 'its host has no such front');
        const members = await rendered(parts, front, entry);
        return {
          platform: front.instance.platform,
          members: members.map((one) => ({ type: one.type, id: one.id, text: cutText(one.text) })),
        };
      },
    }),
    route({
      method: 'GET',
      path: '/objects/:id/history',
      access: 'viewer',
      summary: 'What happened to it, newest first: events of the host and commands of clients.',
      tag,
      params,
      answer: z.strictObject({ items: z.array(event) }),
      problems: gone,
      act: ({ params: { id } }) => {
        const { parts, entry } = find(id);
        const events = parts.events
          .newest(HISTORY, (one) => one.object === entry.id)
          .map(({ kind, atMs, user, key, ...detail }) => ({
            atMs,
            source: 'event' as const,
            what: kind as string,
            by: user ?? '',
            id: String(key),
            detail: safeCopy(detail, { left: 4096 }),
          }));
        const jobs = parts.jobs.list({ target: entry.id }).map((job) => ({
          atMs: job.queuedMs,
          source: 'job' as const,
          what: job.verb as string,
          by: job.user,
          id: job.id as string,
          detail: { state: job.state, method: job.method, front: job.front, exchange: job.exchange },
        }));
        return { items: [...events, ...jobs].toSorted((a, b) => b.atMs - a.atMs).slice(0, HISTORY) };
      },
    }),
  ];
};
