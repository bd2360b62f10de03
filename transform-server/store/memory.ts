/** The store in memory: native documents of the hosts come in, versioned entries, relations and derived documents are read from it. */
import { parseDocument } from '../../mappings/generic/documents.ts';
import { type HubId, kindOf } from '../../mappings/generic/ids.ts';
import type { DocumentKind, Documents } from '../../mappings/generic/model.ts';
import type { NativeObject } from '../../mappings/generic/native.ts';
import type { Entry, StoreView } from '../../mappings/generic/store-view.ts';
import { LIMITS } from '../../runtime/limits.ts';
import type { Identity, Ids } from '../ids/ids.ts';
import { createChangeLog } from './change-log.ts';
import { createDerived } from './derived.ts';
import { createHistories } from './history.ts';
import { contentHash, edgesOf, type Item, isMarkOf, markText, packOwns, unpackOwns } from './item.ts';
import { createNativeTexts, nativeOf } from './native-texts.ts';
import { createRelations } from './relations.ts';
import type { PutCounts, Store, Versions } from './store.ts';

const NONE: readonly HubId[] = [];
const NO_ITEMS: ReadonlyMap<HubId, Item> = new Map();
const NO_ALIASES: readonly string[] = [];
const NO_SLOTS: Readonly<Record<string, unknown>> = {};
const TOMBSTONES = 20_000;
const MARKS = 200;

const index = <K>(by: Map<K, Map<HubId, Item>>, key: K, item: Item): void => {
  const known = by.get(key);
  if (known === undefined) by.set(key, new Map([[item.id, item]]));
  else known.set(item.id, item);
};

export const createStore = (ids: Ids, versions: Versions): Store => {
  const items = new Map<HubId, Item>();
  const kinds = new Map<DocumentKind, Map<HubId, Item>>();
  const ofHosts = new Map<HubId, Map<HubId, Item>>();
  /** Arrays handed to readers, until the set they show changes. */
  const lists = new Map<string, readonly Entry[]>();
  const log = createChangeLog(ids.tombstones(TOMBSTONES), TOMBSTONES);
  /** Hosts whose listing is under way, by the number of that listing. */
  const listing = new Map<HubId, number>();
  const whole = new Set<HubId>();
  const histories = createHistories({ mostBytes: LIMITS.historyBytes });
  let listings = 0;
  /** One version for all that one call changes. undefined: a listing, which settles its versions at its end. */
  let change: { version: number } | undefined;

  const find = (host: HubId, kind: DocumentKind, native: string): Item | undefined => {
    const id = kind === 'host' ? host : ids.resolve(host, kind, native);
    return id === undefined ? undefined : items.get(id);
  };

  const moved = (item: Item, version: number, text: boolean): void => {
    if (text) item.source = version;
    if (item.version === version) return;
    item.version = version;
    log.add(item.host, item.id, version);
    dirtyMarks.add(item);
  };

  const derived = createDerived({
    item: (id) => items.get(id),
    subId: (owner, kind, match) => subId(owner, kind, match),
    moved: (item) => {
      const version = change?.version ?? versions.next(item.host);
      moved(item, version, true);
      writeMarks();
    },
    version: () => versions.current,
  });

  const relations = createRelations({
    item: (id) => items.get(id),
    find,
    joins: (kind, joined) => derived.joinsKind(kind, joined),
    moved,
    version: () => change?.version,
  });

  const natives = createNativeTexts((act) => setImmediate(act));
  const dirtyMarks = new Set<Item>();
  const listedMarks = new Set<Item>();
  const writeMarks = (): void => {
    for (const item of dirtyMarks) if (items.get(item.id) === item) ids.setMark(item.id, markText(item), item.version);
    dirtyMarks.clear();
  };

  /**
   * The marks of a listing, a slice a turn. One lost in a crash costs a needless new version; the marks of live changes, which
   * could hide a change, are written at once.
   */
  const drainMarks = (): void => {
    let left = MARKS;
    for (const item of listedMarks) {
      listedMarks.delete(item);
      if (items.get(item.id) === item) ids.setMark(item.id, markText(item), item.version);
      left -= 1;
      if (left === 0) break;
    }
    if (listedMarks.size > 0) setImmediate(drainMarks);
  };

  const add = (host: HubId, object: NativeObject, identity: Identity): Item => {
    const id = object.kind === 'host' ? host : ids.mint(host, object.kind, object.native, identity);
    const same = items.get(id);
    if (same !== undefined) {
      // Known by another name until its host became another platform.
      same.native = object.native;
      return same;
    }
    const item: Item = {
      id,
      kind: object.kind,
      host,
      native: object.native,
      name: '',
      uuid: '',
      template: false,
      facts: object.facts,
      version: 0,
      stale: false,
      kept: { whole: object },
      source: 0,
      content: '',
      owns: '',
      forward: [],
      dangling: [],
      aliases: NO_ALIASES,
      lists: [],
      generic: undefined,
      genericSource: -1,
      join: undefined,
      slots: undefined,
      listing: 0,
      fresh: true,
    };
    items.set(id, item);
    index(kinds, item.kind, item);
    index(ofHosts, host, item);
    lists.delete(item.kind);
    lists.delete(`${item.kind} ${host}`);
    return item;
  };

  const put = (host: HubId, objects: readonly NativeObject[], scan: Parameters<Store['put']>[2]): PutCounts => {
    const round = listing.get(host);
    const added: HubId[] = [];
    const changed: HubId[] = [];
    let unchanged = 0;
    let version = 0;
    for (const object of objects) {
      const known = find(host, object.kind, object.native);
      const content = contentHash(object);
      const same = known?.content === content;
      const facts = same ? undefined : scan(object);
      if (known !== undefined) {
        known.listing = round ?? known.listing;
        known.stale = !same && facts === undefined;
      }
      if (facts === undefined) {
        unchanged += 1;
        continue;
      }
      const identity = { uuid: facts.uuid ?? '', name: facts.name };
      const item = known ?? add(host, object, identity);
      if (known !== undefined && (known.name !== identity.name || known.uuid !== identity.uuid))
        ids.setIdentity(known.id, identity);
      item.listing = round ?? item.listing;
      const mark = known === undefined ? ids.mark(item.id) : undefined;
      const restored = mark !== undefined && isMarkOf(mark.hash, content);
      // One version for the whole batch: documents that came together share their arrays of path versions.
      if (!restored) version ||= versions.next(host);
      change = round === undefined ? { version: version || versions.next(host) } : undefined;
      natives.keep(item, object);
      item.content = content;
      item.name = identity.name;
      item.uuid = identity.uuid;
      // Direct commands do without both.
      item.template = facts.template === true || facts.guarded === true;
      item.facts = object.facts;
      item.owns = packOwns(facts.owns);
      item.source = restored ? mark.version : version;
      item.version = item.source;
      if (round === undefined) item.fresh = false;
      log.add(host, item.id, item.version);
      if (!restored) (round === undefined ? dirtyMarks : listedMarks).add(item);
      ids.matchSubs(item.id, facts.owns, item.version);
      relations.relate(item, facts.relations);
      relations.named(item, facts.aliases ?? NO_ALIASES);
      if (known !== undefined) derived.changed(item);
      (known === undefined ? added : changed).push(item.id);
    }
    change = undefined;
    // While listing, marks are written once the relations are whole.
    if (round === undefined) writeMarks();
    if (added.length + changed.length > 0) versions.wake();
    return { added, changed, unchanged };
  };

  const remove = (item: Item, version: number): void => {
    relations.left(item);
    derived.delete(item.id, version);
    items.delete(item.id);
    histories.forget(item.id);
    kinds.get(item.kind)?.delete(item.id);
    ofHosts.get(item.host)?.delete(item.id);
    lists.delete(item.kind);
    lists.delete(`${item.kind} ${item.host}`);
    ids.retire(item.id, version);
    log.bury(item.id, version);
  };

  const gone = (list: readonly HubId[]): void => {
    const found = list.map((id) => items.get(id)).filter((item) => item !== undefined && item.kind !== 'host');
    const host = found[0]?.host;
    if (host === undefined) return;
    change = { version: versions.next(found.every((item) => item?.host === host) ? host : undefined) };
    for (const item of found) if (item !== undefined) remove(item, change.version);
    change = undefined;
    writeMarks();
  };

  /** Gives the lists of an item their versions at the end of a listing. */
  const settle = (item: Item, shared: () => number): void => {
    const mark = item.fresh ? ids.mark(item.id) : undefined;
    if (mark !== undefined && mark.hash === markText(item)) {
      for (const list of item.lists) list.version = mark.version;
    } else {
      // Content as it was but relations not: what a client saw of the relations is old.
      const sameText = mark !== undefined && isMarkOf(mark.hash, item.content);
      for (const list of item.lists) {
        if (!item.fresh && list.sum === list.settled) continue;
        list.version = item.fresh && !sameText ? item.source : shared();
        if (list.version > item.version) item.version = list.version;
        if (derived.joinsKind(item.kind, list.to)) item.source = list.version;
        listedMarks.add(item);
      }
      if (sameText && mark.hash.includes(' ') && item.lists.every((list) => list.ids.length === 0))
        moved(item, shared(), true);
    }
    for (const list of item.lists) list.settled = list.sum;
  };

  const endListing: Store['endListing'] = (host, unreadable = []) => {
    const round = listing.get(host);
    if (round === undefined) throw new Error(`${host} is not being listed`);
    const present = ofHosts.get(host) ?? NO_ITEMS;
    const lost = [...present.values()].filter((item) => item.listing !== round && item.kind !== 'host');
    const before = lost.map((item) => ({ ...item }));
    const graves = lost.length > 0 ? versions.next(host) : 0;
    for (const item of lost) remove(item, graves);
    listing.delete(host);
    natives.hold(listing.size > 0);
    whole.add(host);
    let version = 0;
    const shared = (): number => (version ||= versions.next(host));
    const suspects: Item[] = [];
    for (const item of present.values()) {
      const mark = item.fresh ? ids.mark(item.id) : undefined;
      if (mark !== undefined && item.kind === 'volume' && !isMarkOf(mark.hash, item.content)) suspects.push(item);
      settle(item, shared);
    }
    // What joiners saw of a volume in the last run is not known: it changed, so they did.
    for (const volume of suspects) derived.dirtyJoiners(volume, (joiner) => moved(joiner, shared(), true));
    for (const item of present.values()) item.fresh = false;
    retireUnlisted(host, new Set(unreadable.map(({ kind, native }) => ids.resolve(host, kind, native))));
    writeMarks();
    drainMarks();
    log.rebuild(host, { [Symbol.iterator]: () => (ofHosts.get(host) ?? NO_ITEMS).values() });
    versions.wake();
    return before;
  };

  /** Ids of the last run whose objects did not come back. */
  const retireUnlisted = (host: HubId, kept: ReadonlySet<HubId | undefined>): void => {
    const missing = ids.living(host).filter((id) => !items.has(id) && !kept.has(id));
    if (missing.length === 0) return;
    const version = versions.next(host);
    for (const id of missing) {
      ids.retire(id, version);
      log.bury(id, version);
    }
  };

  const subId = (owner: HubId, kind: 'disk' | 'nic' | 'snapshot', match: string): HubId | undefined => {
    const known = ids.sub(owner, kind, match);
    if (known !== undefined) return known;
    const item = items.get(owner);
    const found =
      item === undefined ? undefined : unpackOwns(item.owns).find((one) => one.kind === kind && one.match === match);
    return found && ids.mintSub(owner, found);
  };

  const list = (kind: DocumentKind, host?: HubId): readonly Entry[] => {
    const key = host === undefined ? kind : `${kind} ${host}`;
    let found = lists.get(key);
    if (found === undefined) {
      found =
        host === undefined
          ? [...(kinds.get(kind) ?? NO_ITEMS).values()]
          : [...(ofHosts.get(host) ?? NO_ITEMS).values()].filter((item) => item.kind === kind);
      lists.set(key, found);
    }
    return found;
  };

  const view = (front: string, host?: HubId): StoreView => ({
    get version() {
      return host === undefined ? versions.current : versions.of(host);
    },
    epoch: versions.epoch,
    entry: (id) => items.get(id),
    find,
    list,
    edges: (id, to) => {
      const item = items.get(id);
      return (item && edgesOf(item, to)?.ids) ?? NONE;
    },
    edgesVersion: (id, to) => {
      const item = items.get(id);
      return (item && edgesOf(item, to)?.version) ?? item?.source ?? 0;
    },
    rendered: (id) => derived.rendered(front, id),
    generic: <K extends DocumentKind>(kind: K, id: HubId): Documents[K] | undefined => {
      if (kindOf(id) !== kind) return undefined;
      return derived.document(id, (text) => parseDocument(kind, text)) as Documents[K] | undefined;
    },
    membersGone: (version) => derived.membersGone(front, version),
    changedSince: (version) => log.since(version, (id) => items.get(id)?.version, host),
    owned: subId,
    owner: (id) => {
      const row = ids.lookup(id);
      return row?.owner === undefined || !items.has(row.owner) ? undefined : { owner: row.owner, match: row.match };
    },
    slots: (id) => items.get(id)?.slots ?? NO_SLOTS,
    history: histories.of,
  });
  const views = new Map<string, StoreView>();

  return {
    versions,
    view: (front, host) => {
      const key = `${front} ${host ?? ''}`;
      let known = views.get(key);
      if (known === undefined) {
        known = view(front, host);
        views.set(key, known);
      }
      return known;
    },
    addFront: derived.addFront,
    put,
    gone,
    beginListing: (host) => {
      listings += 1;
      listing.set(host, listings);
      natives.hold(true);
    },
    endListing,
    listed: (host) => whole.has(host),
    setSlots: (id, slots) => {
      const item = items.get(id);
      if (item !== undefined) item.slots = { ...item.slots, ...slots };
    },
    record: histories.record,
    setStale: (list_, stale) => {
      for (const id of list_) {
        const item = items.get(id);
        if (item !== undefined) item.stale = stale;
      }
    },
    entry: (id) => items.get(id),
    isTemplate: (id) => items.get(id)?.template === true,
    native: (id) => {
      const item = items.get(id);
      return item && nativeOf(item.kept);
    },
    pending: derived.pending,
    isOld: derived.isOld,
    putGeneric: derived.putGeneric,
    putRendered: derived.putRendered,
    joins: derived.joins,
    takeJoined: derived.takeJoined,
    renewDerived: (host) => {
      const version = versions.next();
      for (const item of items.values()) {
        if (item.generic === undefined || (host !== undefined && item.host !== host)) continue;
        moved(item, version, true);
        derived.changed(item);
      }
      writeMarks();
      versions.wake();
    },
    finish: () => {
      writeMarks();
      for (const item of listedMarks) ids.setMark(item.id, markText(item), item.version);
      listedMarks.clear();
    },
    get counts() {
      return { entries: items.size, ...derived.counts() };
    },
  };
};
