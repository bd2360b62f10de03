/** Entries with their documents in, what brokers and commands see of them out: a store in which nothing is rendered before it was asked for. */
import type { HubId } from '../../mappings/generic/ids.ts';
import type { DocumentKind, Documents, Vm } from '../../mappings/generic/model.ts';
import type { BrokerContext, Brokered, Effect, Resume } from '../../mappings/generic/platform.ts';
import type { Entry, OwnView } from '../../mappings/generic/store-view.ts';

type StoreView = BrokerContext['store'];

export type Entries = Map<HubId, { entry: Entry; doc: Documents[DocumentKind]; rendered: boolean }>;

/** `edges` are by `id kind`. */
export const storeOf = (
  entries: Entries,
  edges: ReadonlyMap<string, readonly HubId[]>,
  more: Partial<StoreView> = {},
): StoreView => ({
  version: 1,
  epoch: 'e',
  entry: (id) => entries.get(id)?.entry,
  find: () => undefined,
  list: (kind, host) =>
    [...entries.values()]
      .map(({ entry }) => entry)
      .filter((entry) => entry.kind === kind && (host === undefined || entry.host === host)),
  edges: (id, to) => edges.get(`${id} ${to}`) ?? [],
  edgesVersion: () => 0,
  rendered: () => undefined,
  generic: <K extends DocumentKind>(kind: K, id: HubId) => {
    const found = entries.get(id);
    return found?.rendered && found.entry.kind === kind ? (found.doc as Documents[K]) : undefined;
  },
  changedSince: () => [],
  membersGone: () => [],
  owned: () => undefined,
  owner: (id) => {
    for (const { entry, doc } of entries.values()) {
      const snapshot = entry.kind === 'vm' ? (doc as Vm).snapshots.find((one) => one.id === id) : undefined;
      if (snapshot) return { owner: entry.id, match: snapshot.native };
    }
    return undefined;
  },
  slots: () => ({}),
  history: () => undefined,
  ...more,
});

/** The effect that makes documents readable. */
export const renderIn = (entries: Entries, ids: readonly HubId[]): undefined => {
  for (const id of ids) {
    const found = entries.get(id);
    if (found) found.rendered = true;
  }
};

/** Own data as it was put: tests look at the values. */
export const ownValuesIn = (own: Map<string, unknown>): OwnView => ({
  get: (namespace, key) => own.get(`${namespace} ${key}`),
  put: (namespace, key, value) => void own.set(`${namespace} ${key}`, value),
  delete: (namespace, key) => void own.delete(`${namespace} ${key}`),
  list: (namespace, prefix = '') =>
    [...own]
      .filter(([key]) => key.startsWith(`${namespace} ${prefix}`))
      .map(([key, value]) => ({ key: key.slice(namespace.length + 1), value })),
});

/** Bytes that are the same at every run. */
export const fixedDice = (): ((bytes: number) => Uint8Array<ArrayBuffer>) => {
  let face = 1;
  return (bytes) => Uint8Array.from({ length: bytes }, () => (face = (face * 73 + 41) % 251));
};

export const driveBy =
  (serve: (effect: Effect) => Resume) =>
  <T>(generator: Brokered<T>): T => {
    let step = generator.next();
    while (step.done !== true) step = generator.next(serve(step.value));
    return step.value;
  };
