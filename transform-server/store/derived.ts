/** Derived documents: generic texts and rendered bundles come in from the renderer, each valid for one source; joiners learn of changes here. */

import { parseDocument } from '../../mappings/generic/documents.ts';
import type { HubId } from '../../mappings/generic/ids.ts';
import { joinVm } from '../../mappings/generic/join.ts';
import type { DocumentKind, Documents, Network, Storage, Vm, Volume } from '../../mappings/generic/model.ts';
import type { Joins } from '../../mappings/generic/platform.ts';
import type { RenderedMember } from '../../mappings/generic/store-view.ts';
import type { GoneMember } from './gone-members.ts';
import { edgesOf, type Item } from './item.ts';
import { type PackedText, plainText, textOf } from './packed-text.ts';
import { createRendered, type Rendered } from './rendered.ts';
import type { MemberText, Pending } from './store.ts';

/** Parsed documents are several times the size of their text; only those in use are kept. */
const PARSED = 256;

export interface DerivedOptions {
  item(id: HubId): Item | undefined;
  subId(owner: HubId, kind: 'disk' | 'nic' | 'snapshot', match: string): HubId | undefined;
  /** A joined object changed: the joiner's text did. */
  moved(item: Item): void;
  /** The version of the store. */
  version(): number;
}

export interface DerivedCounts {
  /** Held. */
  readonly rendered: number;
  readonly generic: number;
  /** Of rendered ones since the start: put in, and found when they were looked for. */
  readonly made: number;
  readonly read: number;
}

export interface Derived {
  addFront(front: string, joins: Partial<Record<DocumentKind, readonly DocumentKind[]>>): void;
  joinsKind(kind: DocumentKind, joined: DocumentKind): boolean;
  /** The native document of an item changed. */
  changed(item: Item): void;
  dirtyJoiners(item: Item, moved: (joiner: Item) => void): void;
  pending(id: HubId, front?: string): Pending | undefined;
  isOld(id: HubId, front: string): boolean;
  putGeneric(id: HubId, source: number, text: PackedText | string): boolean;
  putRendered(front: string, id: HubId, source: number, members: readonly MemberText[]): boolean;
  rendered(front: string, id: HubId): readonly RenderedMember[] | undefined;
  document(id: HubId, parse: (text: string) => Documents[DocumentKind]): Documents[DocumentKind] | undefined;
  joins(id: HubId): Joins;
  takeJoined(): readonly HubId[];
  membersGone(front: string, version: number): readonly GoneMember[] | undefined;
  delete(id: HubId, version: number): void;
  counts(): DerivedCounts;
}

type JoinFacts = {
  readonly name: string;
  readonly path: string;
  readonly format: string;
  readonly capacityBytes: number;
  readonly allocationBytes: number;
};

/** The facts that `Joins` shows of an object, and nothing else: what is not shown dirties nobody. */
const joinText = (kind: DocumentKind, text: string): string | undefined => {
  const facts = (name: string, path: string, volume?: Volume): string =>
    JSON.stringify({
      name,
      path,
      format: volume?.format ?? '',
      capacityBytes: volume?.capacityBytes ?? 0,
      allocationBytes: volume?.allocationBytes ?? 0,
    } satisfies JoinFacts);
  switch (kind) {
    case 'storage': {
      const storage: Storage = parseDocument('storage', text);
      return facts(storage.name, storage.path);
    }
    case 'network': {
      const network: Network = parseDocument('network', text);
      return facts(network.name, '');
    }
    case 'volume': {
      const volume: Volume = parseDocument('volume', text);
      return facts(volume.name, volume.path, volume);
    }
    case 'host':
    case 'vm':
      return undefined;
    default:
      return kind satisfies never;
  }
};

export const createDerived = (options: DerivedOptions): Derived => {
  const fronts = new Map<
    string,
    { joins: Partial<Record<DocumentKind, readonly DocumentKind[]>>; bundles: Rendered }
  >();
  /** Kinds joined by some front, by the joining kind. */
  const joined = new Map<DocumentKind, Set<DocumentKind>>();
  const toRefresh = new Set<HubId>();
  const parsed = new Map<HubId, { source: number; document: Documents[DocumentKind] }>();
  let generics = 0;
  let made = 0;
  let read = 0;

  const joinsKind = (kind: DocumentKind, other: DocumentKind): boolean => joined.get(kind)?.has(other) ?? false;

  const isJoined = (kind: DocumentKind): boolean => [...joined.values()].some((kinds) => kinds.has(kind));

  const hasGeneric = (item: Item): boolean => item.generic !== undefined && item.genericSource === item.source;

  const dirtyJoiners = (item: Item, moved: (joiner: Item) => void): void => {
    for (const [kind, kinds] of joined) {
      if (!kinds.has(item.kind)) continue;
      for (const id of [...(edgesOf(item, kind)?.ids ?? [])]) {
        const joiner = options.item(id);
        if (joiner !== undefined) moved(joiner);
      }
    }
  };

  const factsOf = (id: HubId): JoinFacts | undefined => {
    const text = options.item(id)?.join;
    return text === undefined ? undefined : (JSON.parse(text) as JoinFacts);
  };

  const joinsOf = (id: HubId): Joins => {
    const item = options.item(id);
    if (item === undefined) throw new Error(`${id} is not in the store`);
    const related = (kind: DocumentKind) =>
      (edgesOf(item, kind)?.ids ?? []).flatMap((other) => {
        const facts = factsOf(other);
        const target = options.item(other);
        return facts === undefined || target === undefined ? [] : [{ id: other, target, ...facts }];
      });
    return {
      id,
      host: item.host,
      hostAway: options.item(item.host)?.facts['away'] === true,
      storages: related('storage').map(({ id: other, name, path }) => ({ id: other, name, path })),
      networks: related('network').map(({ id: other, name, target }) => ({ id: other, name, native: target.native })),
      volumes: related('volume').flatMap(
        ({ id: other, target, name, path, format, capacityBytes, allocationBytes }) => {
          const storage = edgesOf(target, 'storage')?.ids[0];
          return storage === undefined
            ? []
            : [{ id: other, path, name, storage, capacityBytes, allocationBytes, format }];
        },
      ),
      owned: (kind, match) => options.subId(id, kind, match),
    };
  };

  return {
    addFront: (front, joins) => {
      fronts.set(front, { joins, bundles: fronts.get(front)?.bundles ?? createRendered(options.version()) });
      for (const [kind, kinds] of Object.entries(joins)) {
        const known = joined.get(kind as DocumentKind) ?? new Set();
        for (const one of kinds) known.add(one);
        joined.set(kind as DocumentKind, known);
      }
    },
    joinsKind,
    changed: (item) => {
      if (item.join !== undefined && isJoined(item.kind)) toRefresh.add(item.id);
    },
    dirtyJoiners,
    pending: (id, front) => {
      const item = options.item(id);
      if (item === undefined) return undefined;
      const generic = !hasGeneric(item);
      const known = front === undefined ? undefined : fronts.get(front);
      if (front !== undefined && known === undefined) throw new Error(`front ${front} is not known to the store`);
      const rendered = known !== undefined && !known.bundles.has(id, item.source);
      if (!generic && !rendered) return undefined;
      const wanted = rendered ? (known?.joins[item.kind] ?? []) : [...(joined.get(item.kind) ?? [])];
      const stale = (other: HubId): boolean => {
        const target = options.item(other);
        return target !== undefined && !hasGeneric(target);
      };
      return {
        id,
        kind: item.kind,
        host: item.host,
        source: item.source,
        generic,
        rendered,
        joined: wanted.flatMap((kind) => (edgesOf(item, kind)?.ids ?? []).filter(stale)),
      };
    },
    isOld: (id, front) => {
      const item = options.item(id);
      return item !== undefined && fronts.get(front)?.bundles.isOld(id, item.source) === true;
    },
    putGeneric: (id, source, text) => {
      const item = options.item(id);
      if (item === undefined || item.source !== source) return false;
      if (item.generic === undefined) generics += 1;
      const packed = typeof text === 'string' ? plainText(text) : text;
      // Of two templates may come the same text: joiners are then looked at once too often, never too seldom.
      const changed = item.generic?.template !== packed.template || item.generic.values !== packed.values;
      item.generic = packed;
      item.genericSource = source;
      toRefresh.delete(id);
      if (!changed || !isJoined(item.kind)) return true;
      const facts = joinText(item.kind, textOf(packed));
      const before = item.join;
      item.join = facts;
      if (before !== undefined && before !== facts) dirtyJoiners(item, options.moved);
      return true;
    },
    putRendered: (front, id, source, members) => {
      const item = options.item(id);
      const known = fronts.get(front);
      if (known === undefined) throw new Error(`front ${front} is not known to the store`);
      if (item === undefined || item.source !== source) return false;
      known.bundles.put(id, source, members);
      made += 1;
      return true;
    },
    rendered: (front, id) => {
      const item = options.item(id);
      const found = item && fronts.get(front)?.bundles.get(id, item.source);
      if (found !== undefined) read += 1;
      return found;
    },
    document: (id, parse) => {
      const item = options.item(id);
      if (item?.generic === undefined || item.genericSource !== item.source) return undefined;
      const known = parsed.get(id);
      if (known?.source === item.source) return known.document;
      const document = { ...parse(textOf(item.generic)), id };
      if (item.kind === 'vm') joinVm(document as unknown as Vm, joinsOf(id));
      // A join whose facts are not known yet will change the document without moving its source: not kept.
      const unknown = (kind: DocumentKind): boolean =>
        (edgesOf(item, kind)?.ids ?? []).some(
          (other) => options.item(other) !== undefined && factsOf(other) === undefined,
        );
      if ([...(joined.get(item.kind) ?? [])].some(unknown)) return document;
      parsed.delete(id);
      parsed.set(id, { source: item.source, document });
      if (parsed.size > PARSED) parsed.delete(parsed.keys().next().value as HubId);
      return document;
    },
    joins: joinsOf,
    takeJoined: () => {
      const taken = [...toRefresh];
      toRefresh.clear();
      return taken;
    },
    membersGone: (front, version) => fronts.get(front)?.bundles.gone.since(version),
    delete: (id, version) => {
      if (options.item(id)?.generic !== undefined) generics -= 1;
      for (const front of fronts.values()) front.bundles.delete(id, version);
      parsed.delete(id);
      toRefresh.delete(id);
    },
    counts: () => ({
      rendered: [...fronts.values()].reduce((sum, front) => sum + front.bundles.size, 0),
      generic: generics,
      made,
      read,
    }),
  };
};
