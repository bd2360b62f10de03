/** Relations between items: an item's named relations come in, both ends' edge lists and the lists' versions go out. */
import type { HubId } from '../../mappings/generic/ids.ts';
import type { DocumentKind } from '../../mappings/generic/model.ts';
import type { Scan } from '../../mappings/generic/native.ts';
import { addEdge, dropEdge, type EdgeList, type Item } from './item.ts';

export interface RelationsOptions {
  item(id: HubId): Item | undefined;
  find(host: HubId, kind: DocumentKind, native: string): Item | undefined;
  /** Whether documents of the first kind hold facts of the second. */
  joins(kind: DocumentKind, joined: DocumentKind): boolean;
  /** An item moved for the sake of its relations (or of what it joins). Not called while its host is being listed. */
  moved(item: Item, version: number, text: boolean): void;
  /** A version for this change; undefined while the host is being listed. */
  version(): number | undefined;
}

export interface Relations {
  /** Brings the item's own relations to what the scan says. */
  relate(item: Item, relations: Scan['relations']): void;
  /** The item is known by these names from now on; those that used one of them already are tied to it. */
  named(item: Item, aliases: readonly string[]): void;
  /** Unties it; those that name it wait for its return. */
  left(item: Item): void;
}

const keyOf = (host: HubId, kind: DocumentKind, native: string): string => `${host}\u0000${kind}\u0000${native}`;

export const createRelations = (options: RelationsOptions): Relations => {
  const byAlias = new Map<string, Item>();
  /** Names that nothing answers to, with those who use them. */
  const dangling = new Map<string, Set<HubId>>();

  const touch = (item: Item, list: EdgeList, version: number | undefined): void => {
    if (version === undefined) return;
    list.version = version;
    list.settled = list.sum;
    options.moved(item, version, options.joins(item.kind, list.to));
  };

  const tie = (a: Item, b: Item): void => {
    const version = options.version();
    touch(a, addEdge(a, b.id), version);
    touch(b, addEdge(b, a.id), version);
  };

  const untie = (a: Item, b: Item): void => {
    const version = options.version();
    const one = dropEdge(a, b.id);
    const other = dropEdge(b, a.id);
    if (one !== undefined) touch(a, one, version);
    if (other !== undefined) touch(b, other, version);
  };

  const forgetDangling = (item: Item): void => {
    for (const key of item.dangling) {
      const users = dangling.get(key);
      users?.delete(item.id);
      if (users?.size === 0) dangling.delete(key);
    }
    item.dangling = [];
  };

  const namesOf = (item: Item): string[] => [item.native, ...item.aliases];
  const keysOf = (item: Item): string[] => namesOf(item).map((name) => keyOf(item.host, item.kind, name));

  const find = (host: HubId, kind: DocumentKind, name: string): Item | undefined =>
    options.find(host, kind, name) ?? byAlias.get(keyOf(host, kind, name));

  const dropAliases = (item: Item): void => {
    for (const alias of item.aliases) {
      const key = keyOf(item.host, item.kind, alias);
      if (byAlias.get(key) === item) byAlias.delete(key);
    }
  };

  const tieWaiting = (item: Item, key: string): void => {
    const users = dangling.get(key);
    if (users === undefined) return;
    dangling.delete(key);
    for (const id of users) {
      const user = options.item(id);
      if (user === undefined || user === item) continue;
      user.dangling = user.dangling.filter((one) => one !== key);
      if (user.forward.includes(item.id)) continue;
      user.forward.push(item.id);
      if (!item.forward.includes(user.id)) tie(user, item);
    }
  };

  const waitFor = (item: Item, key: string): void => {
    let users = dangling.get(key);
    if (users === undefined) {
      users = new Set();
      dangling.set(key, users);
    }
    users.add(item.id);
    if (!item.dangling.includes(key)) item.dangling.push(key);
  };

  return {
    relate: (item, relations) => {
      forgetDangling(item);
      const wanted = new Set<HubId>();
      for (const relation of relations) {
        const target = find(item.host, relation.to, relation.native);
        if (target === undefined) waitFor(item, keyOf(item.host, relation.to, relation.native));
        else if (target !== item) wanted.add(target.id);
      }
      for (const id of item.forward) {
        if (wanted.has(id)) continue;
        const target = options.item(id);
        // A relation that the other end names as well stays.
        if (target !== undefined && !target.forward.includes(item.id)) untie(item, target);
      }
      const before = new Set(item.forward);
      item.forward = [...wanted];
      for (const id of wanted) {
        const target = options.item(id);
        if (target !== undefined && !before.has(id) && !target.forward.includes(item.id)) tie(item, target);
      }
    },
    named: (item, aliases) => {
      dropAliases(item);
      item.aliases = aliases;
      for (const alias of aliases) byAlias.set(keyOf(item.host, item.kind, alias), item);
      for (const key of keysOf(item)) tieWaiting(item, key);
    },
    left: (item) => {
      forgetDangling(item);
      dropAliases(item);
      const keys = keysOf(item);
      for (const list of [...item.lists]) {
        for (const id of [...list.ids]) {
          const other = options.item(id);
          if (other === undefined) continue;
          untie(other, item);
          if (!other.forward.includes(item.id)) continue;
          other.forward = other.forward.filter((one) => one !== item.id);
          // By which of its names it was named is not kept: whatever comes under any of them is it.
          for (const key of keys) waitFor(other, key);
        }
      }
    },
  };
};
