/** An object's id in; the parts that know it, the fronts that show it and what they made of it out. */
import type { HubId } from '../../mappings/generic/ids.ts';
import type { Entry, RenderedMember } from '../../mappings/generic/store-view.ts';
import { withoutSecrets } from '../../runtime/redaction.ts';
import type { FrontRecord } from '../sync/hosts.ts';
import type { Inspected, Parts } from './parts.ts';
import { Problem } from './problem.ts';

/** Characters of a document that are shown. */
export const DOCUMENT = 1024 * 1024;

/** As the configuration names it; what the host calls itself is often the same for all. */
export const hostName = ({ store, hosts }: Pick<Parts, 'store' | 'hosts'>, host: HubId): string =>
  hosts.get(host)?.name ?? store.entry(host)?.name ?? '';

/** What a list shows of an object. */
export const objectLine = (parts: Pick<Parts, 'store' | 'hosts'>, entry: Entry) => ({
  id: entry.id,
  name: entry.kind === 'host' ? hostName(parts, entry.id) : entry.name,
  kind: entry.kind,
  host: entry.host,
  hostName: hostName(parts, entry.host),
  native: entry.native,
  uuid: entry.uuid,
  version: entry.version,
  stale: entry.stale,
  facts: { ...entry.facts },
});

export interface FoundObject {
  readonly parts: Parts;
  readonly entry: Entry;
}

export const findObject = (inspected: Inspected, id: string): FoundObject => {
  for (const parts of inspected.parts()) {
    const entry = parts.store.entry(id as HubId);
    if (entry !== undefined) return { parts, entry };
  }
  throw new Problem(404, 'there is no such object');
};

export const frontsOf = ({ parts, entry }: FoundObject): readonly FrontRecord[] =>
  parts.hosts.fronts().filter(({ instance }) => instance.host === entry.host);

export const renderedFor = async (
  { parts: { store, renderer }, entry: { id } }: FoundObject,
  { instance }: FrontRecord,
): Promise<readonly RenderedMember[]> => {
  await renderer.rendered(instance, [id]);
  return store.view(instance.name).rendered(id) ?? [];
};

export const cutText = (text: string): string => {
  const safe = withoutSecrets(text.slice(0, DOCUMENT));
  return text.length > DOCUMENT ? `${safe}... (${text.length} characters)` : safe;
};
