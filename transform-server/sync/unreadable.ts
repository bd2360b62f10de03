/** Documents of a host in, those that can be read on to the store; of the others what they are called, until they are read or gone, out. */
import type { HubId, NativeRef } from '../../mappings/generic/ids.ts';
import type { NativeObject } from '../../mappings/generic/native.ts';
import type { Log } from '../../runtime/log.ts';
import type { PutCounts, Store } from '../store/store.ts';
import type { SyncedHost } from './sync.ts';

export interface Unreadable {
  /** One that cannot be read counts as unchanged: it stays as it was last known, if it was. */
  put(host: SyncedHost, objects: readonly NativeObject[]): PutCounts;
  list(host: HubId): readonly NativeRef[];
  /** Its host tells all anew. */
  clear(host: HubId): void;
  gone(host: HubId, ref: NativeRef): void;
}

const keyOf = ({ kind, native }: NativeRef): string => `${kind} ${native}`;

export const createUnreadable = (store: Store, log: Log): Unreadable => {
  const hosts = new Map<HubId, Map<string, NativeRef>>();
  return {
    put: (host, objects) => {
      for (const object of objects) hosts.get(host.id)?.delete(keyOf(object));
      return store.put(host.id, objects, (object) => {
        try {
          return host.scan(object);
        } catch (error) {
          const { kind, native } = object;
          // Without the host's own document nothing on it can be shown.
          if (kind === 'host') throw error;
          log.error({ host: host.name, error }, `${keyOf(object)} cannot be read: it is left as it was last known`);
          const known = hosts.get(host.id) ?? new Map<string, NativeRef>();
          hosts.set(host.id, known.set(keyOf(object), { kind, native }));
          return undefined;
        }
      });
    },
    list: (host) => [...(hosts.get(host)?.values() ?? [])],
    clear: (host) => void hosts.delete(host),
    gone: (host, ref) => void hosts.get(host)?.delete(keyOf(ref)),
  };
};
