/** The bidirectional lookup table: (host, kind, native) or (owner, match) in, a hub id that is never given twice out, and back. */
import { type HubId, hubId, type Kind, kindOf, numberOf } from '../../mappings/generic/ids.ts';
import type { Statement, Storage } from '../storage/contract.ts';
import { blockNumbers, countNumbers, type Numbers, type Reserve } from './numbers.ts';
import { createOrphans, type Orphans } from './orphans.ts';

export type SubKind = 'disk' | 'nic' | 'snapshot';
export interface Match {
  readonly kind: SubKind;
  readonly match: string;
  readonly slot: string;
}
export interface IdRow {
  readonly id: HubId;
  readonly host: HubId | undefined;
  readonly native: string;
  readonly owner: HubId | undefined;
  readonly match: string;
}
/** By what an object is known again on another platform: the same machine has the same UUID there, else the same name. */
export interface Identity {
  readonly uuid: string;
  readonly name: string;
}
/** What is durable of an object's content, so that an unchanged object keeps its version over a restart. */
export interface Mark {
  hash: string;
  version: number;
}

const MIGRATIONS = [
  `CREATE TABLE ids (
     n INTEGER PRIMARY KEY, kind TEXT NOT NULL, host INTEGER NOT NULL, native TEXT NOT NULL, owner INTEGER NOT NULL,
     match TEXT NOT NULL, slot TEXT NOT NULL, born INTEGER NOT NULL, retired INTEGER NOT NULL,
     hash TEXT NOT NULL, version INTEGER NOT NULL);
   CREATE INDEX ids_retired ON ids (retired) WHERE retired > 0;
   CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
   INSERT INTO counters VALUES ('next', 1);`,
  `ALTER TABLE ids ADD COLUMN uuid TEXT NOT NULL DEFAULT '';
   ALTER TABLE ids ADD COLUMN name TEXT NOT NULL DEFAULT '';`,
];

interface Row {
  readonly n: number;
  readonly kind: Kind;
  readonly host: number;
  native: string;
  readonly owner: number;
  match: string;
  slot: string;
  hash: string;
  version: number;
}

export interface Tombstone {
  readonly id: HubId;
  readonly version: number;
}

export interface Ids {
  /** The id of an object that lives, by its host's name for it. Hosts themselves have `host` undefined. */
  resolve(host: HubId | undefined, kind: Kind, native: string): HubId | undefined;
  /** The same, minting it when it is new. Show it only after `Storage.flush`. */
  mint(host: HubId | undefined, kind: Kind, native: string, identity?: Identity): HubId;
  setIdentity(id: HubId, identity: Identity): void;
  /**
   * The host is another platform now, under the same name: its objects' native names mean nothing any more. `mint` gives the id of one that
   * has the same identity again; the others stay in `living` until they are retired.
   */
  orphan(host: HubId): void;
  lookup(id: HubId): IdRow | undefined;
  /** The id means nothing from now on, and never will again. Sub-objects go with their owner. */
  retire(id: HubId, version: number): void;
  sub(owner: HubId, kind: SubKind, match: string): HubId | undefined;
  mintSub(owner: HubId, found: Match): HubId;
  /** The owner's sub-objects as they are now: matched by match first, then by slot; the rest retire. */
  matchSubs(owner: HubId, found: readonly Match[], version: number): void;
  mark(id: HubId): Mark | undefined;
  setMark(id: HubId, hash: string, version: number): void;
  /** Ids of the host's objects that live, sub-objects apart. */
  living(host: HubId): readonly HubId[];
  /** A block of job numbers, [from, to). */
  jobBlock(size: number): { from: number; to: number };
  /** undefined: there are numbers enough for all that one message may need; else resolves when there are. */
  enough(): Promise<void> | undefined;
  /** The newest tombstones of primary objects, oldest first. */
  tombstones(limit: number): readonly Tombstone[];
  readonly size: number;
}

const NOBODY: Identity = { uuid: '', name: '' };
const PRIMARY = (kind: Kind, host: number, native: string): string => `${kind}\u0000${host}\u0000${native}`;
const SUB = (kind: Kind, match: string): string => `${kind}\u0000${match}`;

class IdTable implements Ids {
  readonly #now: () => number;
  readonly #rows = new Map<number, Row>();
  readonly #byNative = new Map<string, Row>();
  readonly #byOwner = new Map<number, Map<string, Row>>();
  /** Primary objects by host. */
  readonly #byHost = new Map<number, Set<Row>>();
  readonly #orphans = new Map<number, Orphans<Row>>();
  readonly #numbers: Numbers;
  readonly #insert: Statement;
  readonly #retire: Statement;
  readonly #rematch: Statement;
  readonly #mark: Statement;
  readonly #tombs: Statement;
  readonly #identify: Statement;
  readonly #identities: Statement;
  readonly #rename: Statement;

  constructor(storage: Storage, now: () => number, reserve: Reserve | undefined) {
    storage.migrate('ids', MIGRATIONS);
    this.#now = now;
    this.#insert = storage.prepare('INSERT INTO ids VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?)');
    this.#identify = storage.prepare('UPDATE ids SET uuid = ?, name = ? WHERE n = ?');
    this.#identities = storage.prepare('SELECT n, uuid, name FROM ids WHERE host = ? AND owner = 0 AND retired = 0');
    this.#rename = storage.prepare('UPDATE ids SET native = ? WHERE n = ?');
    this.#retire = storage.prepare('UPDATE ids SET retired = ? WHERE n = ?');
    this.#rematch = storage.prepare('UPDATE ids SET match = ?, slot = ? WHERE n = ?');
    this.#mark = storage.prepare('UPDATE ids SET hash = ?, version = ? WHERE n = ?');
    this.#tombs = storage.prepare(
      `SELECT n, kind, retired FROM ids WHERE retired > 0 AND owner = 0 ORDER BY retired DESC, n DESC LIMIT ?`,
    );
    const top = storage.prepare('SELECT max(n) AS n FROM ids WHERE n >= ? AND n < ?');
    const highest = (from: number, to: number): number => Number(top.get(from, to)?.['n'] ?? 0);
    this.#numbers = reserve === undefined ? countNumbers(storage, highest) : blockNumbers(storage, highest, reserve);
    const all = storage.prepare(
      'SELECT n, kind, host, native, owner, match, slot, hash, version FROM ids WHERE retired = 0',
    );
    for (const found of all.iterate()) {
      this.#keep({
        n: Number(found['n']),
        kind: String(found['kind']) as Kind,
        host: Number(found['host']),
        native: String(found['native']),
        owner: Number(found['owner']),
        match: String(found['match']),
        slot: String(found['slot']),
        hash: String(found['hash']),
        version: Number(found['version']),
      });
    }
  }

  #keep(row: Row): void {
    this.#rows.set(row.n, row);
    if (row.owner === 0) {
      this.#byNative.set(PRIMARY(row.kind, row.host, row.native), row);
      const alike = this.#byHost.get(row.host);
      if (alike === undefined) this.#byHost.set(row.host, new Set([row]));
      else alike.add(row);
      return;
    }
    let subs = this.#byOwner.get(row.owner);
    if (subs === undefined) {
      subs = new Map();
      this.#byOwner.set(row.owner, subs);
    }
    subs.set(SUB(row.kind, row.match), row);
  }

  #forget(row: Row): void {
    this.#rows.delete(row.n);
    if (row.owner === 0) {
      const key = PRIMARY(row.kind, row.host, row.native);
      if (this.#byNative.get(key) === row) this.#byNative.delete(key);
      this.#byHost.get(row.host)?.delete(row);
      return;
    }
    const subs = this.#byOwner.get(row.owner);
    const key = SUB(row.kind, row.match);
    if (subs?.get(key) === row) subs.delete(key);
    if (subs?.size === 0) this.#byOwner.delete(row.owner);
  }

  #add(kind: Kind, host: number, native: string, owner: number, match: string, slot: string, known = NOBODY): Row {
    const n = this.#numbers.take(1);
    this.#insert.run(n, kind, host, native, owner, match, slot, this.#now(), '', 0, known.uuid, known.name);
    const row: Row = { n, kind, host, native, owner, match, slot, hash: '', version: 0 };
    this.#keep(row);
    return row;
  }

  #row(id: HubId): Row | undefined {
    const row = this.#rows.get(numberOf(id));
    return row?.kind === kindOf(id) ? row : undefined;
  }

  resolve(host: HubId | undefined, kind: Kind, native: string): HubId | undefined {
    const row = this.#byNative.get(PRIMARY(kind, host === undefined ? 0 : numberOf(host), native));
    return row && hubId(kind, row.n);
  }

  mint(host: HubId | undefined, kind: Kind, native: string, identity = NOBODY): HubId {
    const known = this.resolve(host, kind, native);
    if (known !== undefined) return known;
    const of = host === undefined ? 0 : numberOf(host);
    const row = this.#adopt(of, kind, native, identity) ?? this.#add(kind, of, native, 0, '', '', identity);
    return hubId(kind, row.n);
  }

  #adopt(host: number, kind: Kind, native: string, identity: Identity): Row | undefined {
    const orphans = this.#orphans.get(host);
    const row = orphans?.take(kind, identity);
    if (row === undefined) return undefined;
    row.native = native;
    this.#rename.run(native, row.n);
    this.#keep(row);
    this.setIdentity(hubId(kind, row.n), identity);
    return row;
  }

  setIdentity(id: HubId, { uuid, name }: Identity): void {
    this.#identify.run(uuid, name, numberOf(id));
  }

  orphan(host: HubId): void {
    const of = numberOf(host);
    const orphans = createOrphans<Row>();
    for (const found of this.#identities.iterate(of)) {
      const row = this.#rows.get(Number(found['n']));
      if (row === undefined) continue;
      this.#byNative.delete(PRIMARY(row.kind, row.host, row.native));
      this.#byHost.get(of)?.delete(row);
      orphans.add(row, { uuid: String(found['uuid']), name: String(found['name']) });
    }
    this.#orphans.set(of, orphans);
  }

  lookup(id: HubId): IdRow | undefined {
    const row = this.#row(id);
    if (row === undefined) return undefined;
    const owner = row.owner === 0 ? undefined : this.#rows.get(row.owner);
    return {
      id,
      host: row.host === 0 ? undefined : hubId('host', row.host),
      native: row.native,
      owner: owner && hubId(owner.kind, owner.n),
      match: row.match,
    };
  }

  retire(id: HubId, version: number): void {
    const row = this.#row(id);
    if (row === undefined) return;
    for (const sub of [...(this.#byOwner.get(row.n)?.values() ?? [])]) {
      this.#retire.run(version, sub.n);
      this.#forget(sub);
    }
    this.#retire.run(version, row.n);
    this.#forget(row);
    this.#orphans.get(row.host)?.drop(row);
  }

  sub(owner: HubId, kind: SubKind, match: string): HubId | undefined {
    const row = this.#byOwner.get(numberOf(owner))?.get(SUB(kind, match));
    return row && hubId(kind, row.n);
  }

  mintSub(owner: HubId, found: Match): HubId {
    const known = this.sub(owner, found.kind, found.match);
    if (known !== undefined) return known;
    const row = this.#row(owner);
    if (row === undefined) throw new Error(`${owner} is no object that can own a ${found.kind}`);
    return hubId(found.kind, this.#add(found.kind, row.host, '', row.n, found.match, found.slot).n);
  }

  matchSubs(owner: HubId, found: readonly Match[], version: number): void {
    const subs = this.#byOwner.get(numberOf(owner));
    if (subs === undefined) return;
    const wanted = new Map(found.map((one) => [SUB(one.kind, one.match), one]));
    const lost = [...subs.values()].filter((row) => !wanted.has(SUB(row.kind, row.match)));
    const free = new Map(
      found
        .filter((one) => one.slot !== '' && !subs.has(SUB(one.kind, one.match)))
        .map((one) => [SUB(one.kind, one.slot), one]),
    );
    for (const row of [...subs.values()]) {
      const same = wanted.get(SUB(row.kind, row.match));
      if (same !== undefined && same.slot !== row.slot) {
        row.slot = same.slot;
        this.#rematch.run(row.match, row.slot, row.n);
      }
    }
    for (const row of lost) {
      const moved = row.kind === 'snapshot' ? undefined : free.get(SUB(row.kind, row.slot));
      this.#forget(row);
      if (moved === undefined) {
        this.#retire.run(version, row.n);
        continue;
      }
      // Another volume or MAC in the same slot: the device is the same, what it holds is new.
      free.delete(SUB(row.kind, row.slot));
      row.match = moved.match;
      this.#rematch.run(row.match, row.slot, row.n);
      this.#keep(row);
    }
  }

  mark(id: HubId): Mark | undefined {
    const row = this.#row(id);
    return row === undefined || row.hash === '' ? undefined : row;
  }

  setMark(id: HubId, hash: string, version: number): void {
    const row = this.#row(id);
    if (row === undefined) return;
    row.hash = hash;
    row.version = version;
    this.#mark.run(hash, version, row.n);
  }

  living(host: HubId): readonly HubId[] {
    const of = numberOf(host);
    return [...(this.#byHost.get(of) ?? []), ...(this.#orphans.get(of)?.left() ?? [])].map((row) =>
      hubId(row.kind, row.n),
    );
  }

  jobBlock(size: number): { from: number; to: number } {
    if (!Number.isInteger(size) || size < 1 || size > 1_000_000) throw new RangeError(`a block of ${size} job numbers`);
    const from = this.#numbers.takeUnwritten(size);
    return { from, to: from + size };
  }

  enough(): Promise<void> | undefined {
    return this.#numbers.enough();
  }

  tombstones(limit: number): readonly Tombstone[] {
    return this.#tombs
      .all(limit)
      .map((row) => ({ id: hubId(String(row['kind']) as Kind, Number(row['n'])), version: Number(row['retired']) }))
      .reverse();
  }

  get size(): number {
    return this.#rows.size;
  }
}

/** `reserve`: numbers come from where other servers have theirs, too. */
export const createIds = (storage: Storage, now: () => number, reserve?: Reserve): Ids =>
  new IdTable(storage, now, reserve);
