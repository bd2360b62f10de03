/** What no host holds: JSON values by namespace and key, durable, read from memory. */
import type { OwnView } from '../../mappings/generic/store-view.ts';
import type { Storage } from '../storage/contract.ts';

const MIGRATIONS = [
  'CREATE TABLE own (namespace TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (namespace, key)) WITHOUT ROWID;',
];
/** The largest value: a synthesised description file is a few KB. */
const VALUE_LIMIT = 4 * 1024 * 1024;
const KEY_LIMIT = 8192;

export interface Own extends OwnView {
  /** Removes a namespace with all keys of the prefix. */
  clear(namespace: string, prefix?: string): void;
}

interface Space {
  readonly values: Map<string, string>;
  /** Sorted keys, made when a list is asked for and dropped when a key comes or goes. */
  keys: string[] | undefined;
}

const firstFrom = (keys: readonly string[], prefix: string): number => {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') < prefix) low = middle + 1;
    else high = middle;
  }
  return low;
};

export const createOwn = (storage: Storage): Own => {
  storage.migrate('own', MIGRATIONS);
  const spaces = new Map<string, Space>();
  const insert = storage.prepare('INSERT OR REPLACE INTO own VALUES (?, ?, ?)');
  const remove = storage.prepare('DELETE FROM own WHERE namespace = ? AND key = ?');

  const spaceOf = (namespace: string): Space => {
    let space = spaces.get(namespace);
    if (space === undefined) {
      space = { values: new Map(), keys: undefined };
      spaces.set(namespace, space);
    }
    return space;
  };

  for (const row of storage.prepare('SELECT namespace, key, value FROM own').iterate()) {
    spaceOf(String(row['namespace'])).values.set(String(row['key']), String(row['value']));
  }

  const keysFrom = (namespace: string, prefix: string): string[] => {
    const space = spaceOf(namespace);
    space.keys ??= [...space.values.keys()].sort();
    const keys: string[] = [];
    for (let at = firstFrom(space.keys, prefix); at < space.keys.length; at++) {
      const key = space.keys[at] ?? '';
      if (!key.startsWith(prefix)) break;
      keys.push(key);
    }
    return keys;
  };

  const drop = (namespace: string, key: string): void => {
    const space = spaceOf(namespace);
    if (!space.values.delete(key)) return;
    space.keys = undefined;
    remove.run(namespace, key);
  };

  return {
    get: (namespace, key) => {
      const text = spaces.get(namespace)?.values.get(key);
      return text === undefined ? undefined : JSON.parse(text);
    },
    put: (namespace, key, value) => {
      const text = JSON.stringify(value);
      if (text === undefined) throw new TypeError(`${namespace} ${key}: a value of JSON is needed`);
      if (text.length > VALUE_LIMIT || key.length > KEY_LIMIT)
        throw new RangeError(`${namespace}: value of ${text.length} characters is too large`);
      const space = spaceOf(namespace);
      const before = space.values.get(key);
      if (before === text) return;
      if (before === undefined) space.keys = undefined;
      space.values.set(key, text);
      insert.run(namespace, key, text);
    },
    delete: drop,
    list: (namespace, prefix = '') =>
      keysFrom(namespace, prefix).map((key) => ({
        key,
        value: JSON.parse(spaceOf(namespace).values.get(key) ?? 'null') as unknown,
      })),
    clear: (namespace, prefix = '') => {
      for (const key of keysFrom(namespace, prefix)) drop(namespace, key);
    },
  };
};
