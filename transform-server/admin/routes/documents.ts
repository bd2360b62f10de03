/** The documents of an object: as its host, the hub and each front have them, and what becomes of each field from one to the next. */
import { z } from 'zod';
import type { HubId } from '../../../mappings/generic/ids.ts';
import { safeCopy, withoutSecrets, withoutSecretValues } from '../../../runtime/redaction.ts';
import { type Comparison, compare } from '../comparison.ts';
import { cutText, DOCUMENT, type FoundObject, findObject, frontsOf, renderedFor } from '../found-object.ts';
import { Problem } from '../problem.ts';
import { type Route, route } from '../route.ts';
import type { Sources } from '../sources.ts';

const tag = 'objects';
const params = z.strictObject({ id: z.string().max(64) });
const gone = { 404: 'There is no such object.' };
const member = z.strictObject({ type: z.string(), id: z.string(), text: z.string() });
const place = z.strictObject({
  path: z
    .string()
    .describe('Empty: its sheet looks at it, but refuses another value, so that nobody knows where it goes.'),
  value: z.string(),
});
const comparison = z.strictObject({
  version: z.number(),
  platform: z.string(),
  fronts: z.array(z.strictObject({ front: z.string(), platform: z.string() })),
  fields: z.array(
    z.strictObject({
      field: z.string().describe('Of the generic document.'),
      value: z.string(),
      native: z.array(place).describe('Where the host has it; none: it is of the hub or of another object.'),
      fronts: z.record(z.string(), z.array(place)).describe('Where each front shows it; none: it is lost there.'),
    }),
  ),
  unread: z.array(place).describe('What of the host’s document no field depends on: it stays there as it is.'),
  cut: z.boolean().describe('The document has more values than are compared.'),
});
/** Comparisons of the last objects looked at: each is some hundred turns of the sheets. */
const KEPT = 32;

export const documentRoutes = ({ inspected }: Sources): readonly Route[] => {
  const kept = new Map<string, Promise<Comparison>>();
  let last: Promise<unknown> = Promise.resolve();

  const genericOf = async ({ parts, entry }: FoundObject) => {
    await parts.renderer.generic([entry.id]);
    const document = parts.store.view('').generic(entry.kind, entry.id);
    if (document === undefined) throw new Problem(404, 'its sheet makes no document of it; the log says why');
    return document;
  };
  const made = async (found: FoundObject): Promise<Comparison> => {
    const { parts, entry } = found;
    const native = parts.store.native(entry.id);
    if (native === undefined) throw new Problem(404, 'its host told nothing of it');
    const texts = Object.fromEntries(Object.entries(native.parts).map(([name, text]) => [name, withoutSecrets(text)]));
    const fronts = frontsOf(found).map(({ instance }) => instance);
    const document = withoutSecretValues(await genericOf(found));
    return compare(parts.renderer, entry.id, { ...native, parts: texts }, document, fronts);
  };
  /** One after the other, and once for each state of an object. */
  const comparisonOf = (found: FoundObject): Promise<Comparison> => {
    const fronts = frontsOf(found).map(({ instance }) => instance.name);
    const key = JSON.stringify([found.entry.id, found.entry.version, fronts]);
    let known = kept.get(key);
    if (known === undefined) {
      known = last.then(() => made(found));
      last = known.catch(() => undefined);
      known.catch(() => kept.delete(key));
      kept.set(key, known);
      const oldest = kept.keys().next().value;
      if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
    }
    return known;
  };
  const find = (id: string): FoundObject => findObject(inspected, id as HubId);

  return [
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
        const found = find(id);
        return {
          platform: found.parts.hosts.platformOf(found.entry.host)?.name ?? '',
          document: safeCopy(await genericOf(found), { left: DOCUMENT }),
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
        const found = find(id);
        const front = frontsOf(found).find(({ instance }) => instance.name === name);
        if (front === undefined) throw new Problem(404, 'its host has no such front');
        const members = await renderedFor(found, front);
        return {
          platform: front.instance.platform,
          members: members.map((one) => ({ type: one.type, id: one.id, text: cutText(one.text) })),
        };
      },
    }),
    route({
      method: 'GET',
      path: '/objects/:id/compare',
      access: 'viewer',
      summary:
        'Each field of its generic document: where the host has it, where each front shows it, and what is lost.',
      tag,
      params,
      answer: comparison,
      problems: gone,
      act: async ({ params: { id } }) => {
        const found = find(id);
        const { parts, entry } = found;
        const { fields, unread, cut } = await comparisonOf(found);
        return {
          version: entry.version,
          platform: parts.hosts.platformOf(entry.host)?.name ?? '',
          fronts: frontsOf(found).map(({ instance }) => ({ front: instance.name, platform: instance.platform })),
          fields: fields.map((one) => ({
            ...one,
            native: [...one.native],
            fronts: Object.fromEntries(Object.entries(one.fronts).map(([name, places]) => [name, [...places]])),
          })),
          unread: [...unread],
          cut,
        };
      },
    }),
  ];
};
