/** Changes of objects come in with their versions; what is new since a version goes out, one entry an object, additions before changes before ends. */
import type { Item } from './item.ts';

export interface Gone {
  readonly cls: string;
  readonly ref: string;
  readonly created: number;
  readonly version: number;
}

export interface Happening {
  readonly operation: 'add' | 'mod' | 'del';
  readonly cls: string;
  readonly ref: string;
  readonly version: number;
  /** undefined: it is gone. */
  readonly item: Item | undefined;
}

/** No record: one of what is gone meanwhile would be held by it. */
interface Row {
  readonly version: number;
  readonly cls: string;
  readonly ref: string;
  /** Of what ended: the version at which it came. */
  readonly created: number | undefined;
}

/** Ends of objects that are remembered. Of those that are there only the newest change counts: they need no bound of their own. */
const KEPT = 20_000;
/** Rows that may have been overtaken, beside as many as there are objects. */
const SLACK = 1000;

const ORDER = { add: 0, mod: 1, del: 2 } as const;

export class Changes {
  readonly #find: (ref: string) => Item | undefined;
  readonly #kept: number;
  #rows: Row[] = [];
  /** More rows than these are looked through for those that were overtaken. */
  #most = SLACK;
  /** Changes up to this version are not known. */
  floor: number;

  /** `find`: an object as it is now. */
  constructor(floor: number, find: (ref: string) => Item | undefined, kept = KEPT) {
    this.floor = floor;
    this.#find = find;
    this.#kept = kept;
  }

  get size(): number {
    return this.#rows.length;
  }

  #add(row: Row): void {
    this.#rows.push(row);
    if (this.#rows.length > this.#most) this.#compact();
  }

  #compact(): void {
    const newest = new Map(this.#rows.map((row) => [row.ref, row]));
    let surplus = -this.#kept;
    for (const { created } of newest.values()) if (created !== undefined) surplus += 1;
    this.#rows = this.#rows.filter((row) => {
      if (newest.get(row.ref) !== row) return false;
      if (surplus <= 0 || row.created === undefined) return true;
      surplus -= 1;
      this.floor = Math.max(this.floor, row.version);
      return false;
    });
    this.#most = 2 * this.#rows.length + SLACK;
  }

  changed({ version, cls, ref }: Item): void {
    // Nobody can have seen anything older: what the world begins with is no change.
    if (version > this.floor) this.#add({ version, cls, ref, created: undefined });
  }

  gone(gone: Gone): void {
    if (gone.version > this.floor) this.#add(gone);
  }

  /** Of objects that are remembered. */
  ends(): readonly Gone[] {
    return this.#rows.flatMap(({ created, ...row }) => (created === undefined ? [] : [{ ...row, created }]));
  }

  /** Takes up what an earlier memory knew, instead of its own: ends, and objects at the versions that they have now. */
  goOn(floor: number, ends: readonly Gone[], items: Iterable<Item>): void {
    this.floor = floor;
    const rows: Row[] = [...ends];
    for (const { cls, ref, version } of items)
      if (version > floor) rows.push({ cls, ref, version, created: undefined });
    this.#rows = rows.sort((a, b) => a.version - b.version);
    this.#most = 2 * rows.length + SLACK;
  }

  /** undefined: too old. `wanted` is asked once an object. */
  since(version: number, wanted: (cls: string, ref: string) => boolean): readonly Happening[] | undefined {
    if (version < this.floor) return undefined;
    const found: Happening[] = [];
    const seen = new Set<string>();
    for (let at = this.#rows.length - 1; at >= 0; at--) {
      const { cls, ref, created, version: last } = this.#rows[at] as Row;
      if (last <= version) break;
      if (seen.has(ref)) continue;
      seen.add(ref);
      if (!wanted(cls, ref)) continue;
      if (created !== undefined) {
        // Made and gone in between: nobody has to know.
        if (created <= version) found.push({ operation: 'del', cls, ref, version: last, item: undefined });
        continue;
      }
      const item = this.#find(ref);
      if (item === undefined) throw new Error(`${ref} ended without its end`);
      found.push({ operation: item.created > version ? 'add' : 'mod', cls, ref, version: item.version, item });
    }
    return found.reverse().sort((a, b) => ORDER[a.operation] - ORDER[b.operation]);
  }
}
