/** Objects of the hosts: a list of thousands page by page, and of one what it is called everywhere and what happened to it. */
import { z } from 'zod';
import { type HubId, kindOf, parseHubId } from '../../../mappings/generic/ids.ts';
import type { DocumentKind } from '../../../mappings/generic/model.ts';
import type { Entry } from '../../../mappings/generic/store-view.ts';
import { safeCopy } from '../../../runtime/redaction.ts';
import { findObject, frontsOf, hostName, objectLine, renderedFor } from '../found-object.ts';
import { cursorKey, pageQuery } from '../page.ts';
import type { Parts } from '../parts.ts';
import { Problem } from '../problem.ts';
import { type Route, route } from '../route.ts';
import type { Sources } from '../sources.ts';

const tag = 'objects';
const KINDS = ['host', 'vm', 'storage', 'volume', 'network'] as const satisfies readonly DocumentKind[];
const HISTORY = 200;

const object = z.strictObject({
  id: z.string(),
  kind: z.enum(KINDS),
  name: z.string(),
  host: z.string(),
  hostName: z.string(),
  native: z.string().describe('As its host calls it.'),
  uuid: z.string(),
  version: z.number(),
  stale: z.boolean().describe('The host is away, or did not confirm a change.'),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
const machine = z.strictObject({
  powerState: z.string(),
  cpuCount: z.int(),
  memoryBytes: z.number(),
  address: z.string().describe('The first of the guest; empty where the host knows none.'),
});
const line = object.extend({ machine: machine.optional().describe('Of a machine.') });
const clientName = z.strictObject({ what: z.string(), text: z.string() });
const whole = object.extend({
  platform: z.string().describe('What is spoken with its host.'),
  fronts: z.array(
    z.strictObject({
      front: z.string(),
      platform: z.string(),
      ids: z.array(
        z.strictObject({
          type: z.string(),
          id: z.string(),
          names: z.array(clientName).describe('As clients write it, the most usual first.'),
        }),
      ),
    }),
  ),
  relations: z
    .record(z.string(), z.array(z.strictObject({ id: z.string(), name: z.string() })))
    .describe('By kind; of many the first.'),
});
const event = z.strictObject({
  atMs: z.number(),
  source: z.enum(['event', 'job']),
  what: z.string(),
  by: z.string(),
  id: z.string().describe('Of the job; else the key of the event.'),
  detail: z.unknown(),
});
/** Of a network all machines may be related. */
const RELATED = 500;

const MACHINES_AT_ONCE = 50;
/** Read from the generic documents, which are made where nobody has read the machine before; nobody else waits for all of a page. */
const withMachines = async (found: readonly (readonly [Parts, Entry])[]): Promise<z.input<typeof line>[]> => {
  const lines: z.input<typeof line>[] = [];
  for (let at = 0; at < found.length; at += MACHINES_AT_ONCE) {
    const some = found.slice(at, at + MACHINES_AT_ONCE);
    for (const [parts, ofParts] of Map.groupBy(some, ([one]) => one))
      await parts.renderer.generic(ofParts.filter(([, { kind }]) => kind === 'vm').map(([, { id }]) => id));
    for (const [parts, entry] of some) {
      const vm = entry.kind === 'vm' ? parts.store.view('').generic('vm', entry.id) : undefined;
      lines.push({
        ...objectLine(parts, entry),
        ...(vm && {
          machine: {
            powerState: vm.powerState,
            cpuCount: vm.cpuCount,
            memoryBytes: vm.memoryBytes,
            address: vm.guest.addresses[0]?.address ?? '',
          },
        }),
      });
    }
    await new Promise((resume) => setImmediate(resume));
  }
  return lines;
};

const matches = ({ id, name, uuid, native }: Entry, wanted: string): boolean =>
  id === wanted ||
  name.toLowerCase().includes(wanted) ||
  uuid.includes(wanted) ||
  native.toLowerCase().includes(wanted);

interface Asked {
  readonly kind?: DocumentKind | undefined;
  readonly host?: string | undefined;
  readonly front?: string | undefined;
  readonly q?: string | undefined;
}

/** In the order in which they became known, kind by kind. The store's own lists are read where they are. */
function* wantedOf(all: readonly Parts[], { kind, host, front, q }: Asked): Generator<[Parts, Entry]> {
  const wanted = q?.toLowerCase();
  for (const one of kind === undefined ? KINDS : [kind])
    for (const parts of all) {
      const ofFront = front === undefined ? undefined : parts.hosts.front(front)?.instance.host;
      if (front !== undefined && ofFront === undefined) continue;
      const named = host === undefined ? undefined : parts.hosts.list().find(({ name }) => name === host)?.id;
      const of = host === undefined ? ofFront : (named ?? (parseHubId(host) as HubId | undefined));
      if ((host !== undefined && of === undefined) || (ofFront !== undefined && of !== ofFront)) continue;
      for (const entry of parts.store.view('').list(one, of))
        if (wanted === undefined || wanted === '' || matches(entry, wanted)) yield [parts, entry];
    }
}

const params = z.strictObject({ id: z.string().max(64) });
const gone = { 404: 'There is no such object.' };

export const objectRoutes = ({ inspected }: Sources): readonly Route[] => [
  route({
    method: 'GET',
    path: '/objects',
    access: 'viewer',
    summary: 'Objects of the hosts, in the order in which they became known.',
    tag,
    query: z.strictObject({
      ...pageQuery,
      kind: z.enum(KINDS).optional(),
      host: z.string().max(64).optional().describe('Its id or its name.'),
      front: z.string().max(128).optional().describe('Those that this front shows.'),
      q: z.string().max(256).optional().describe('Part of the name, the UUID or the native name; or the id.'),
      ids: z
        .string()
        .max(16_384)
        .optional()
        .describe('Those of these that the rest does not leave out, with commas between.'),
    }),
    answer: z.strictObject({
      items: z.array(line),
      next: z.string().nullable().describe('The cursor of the next page.'),
      total: z.int().describe('On all pages.'),
    }),
    act: async ({ query: { limit, cursor, ids, ...asked } }) => {
      const after = cursorKey(cursor);
      const among = ids === undefined ? undefined : new Set(ids.split(','));
      const found: [Parts, Entry][] = [];
      let isAfter = after === undefined;
      let total = 0;
      let isMore = false;
      for (const one of wantedOf(inspected.parts(), asked)) {
        const [, entry] = one;
        if (among?.has(entry.id) === false) continue;
        total += 1;
        if (!isAfter) isAfter = entry.id === after;
        else if (found.length < limit) found.push(one);
        else isMore = true;
      }
      if (!isAfter) throw new Problem(410, 'cursor: what it points to is gone; begin again without it');
      const last = found.at(-1)?.[1].id;
      const items = await withMachines(found);
      return { items, next: isMore && last !== undefined ? Buffer.from(last).toString('base64url') : null, total };
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
      const found = findObject(inspected, id);
      const { parts, entry } = found;
      const fronts = await Promise.all(
        frontsOf(found).map(async (front) => ({
          front: front.instance.name,
          platform: front.instance.platform,
          ids: (await renderedFor(found, front)).map((one) => ({
            type: one.type,
            id: one.id,
            names: (front.platform.clientNames?.of(one) ?? []).filter(({ text }) => text !== ''),
          })),
        })),
      );
      const view = parts.store.view('');
      const named = (of: HubId): { id: string; name: string } => ({
        id: of,
        name: kindOf(of) === 'host' ? hostName(parts, of) : (parts.store.entry(of)?.name ?? ''),
      });
      // Relations of everything to its host are not kept as edges: it is the one it is on.
      const related = (kind: DocumentKind): readonly HubId[] =>
        kind === 'host' && entry.kind !== 'host' ? [entry.host] : view.edges(entry.id, kind);
      return {
        ...objectLine(parts, entry),
        platform: parts.hosts.platformOf(entry.host)?.name ?? '',
        fronts,
        relations: Object.fromEntries(KINDS.map((kind) => [kind, related(kind).slice(0, RELATED).map(named)])),
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
      const { parts, entry } = findObject(inspected, id);
      const isOf = kindOf(entry.id) === 'host' ? 'host' : 'object';
      const events = parts.events
        .newest(HISTORY, (one) => one[isOf] === entry.id)
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
