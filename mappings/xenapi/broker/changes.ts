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

type Row = { readonly version: number; readonly item: Item } | { readonly version: number; readonly gone: Gone };

/** Ends of objects that are remembered. Of those that are there only the newest change counts: they need no bound of their own. */
const KEPT = 20_000;
/** Rows that may have been overtaken, beside as many as there are objects. */
const SLACK = 1000;

const refOfRow = (row: Row): string => ('item' in row ? row.item.ref : row.gone.ref);

const ORDER = { add: 0, mod: 1, del: 2 } as const;

export class Changes {
  readonly #kept: number;
  #rows: Row[] = [];
  /** More rows than these are looked through for those that were overtaken. */
  #most = SLACK;
  /** Changes up to this version are not known. */
  floor: number;

  constructor(floor: number, kept = KEPT) {
    this.floor = floor;
    this.#kept = kept;
  }

  get size(): number {
    return this.#rows.length;
  }

  #add(row: Row): void {
    this.#rows.push(row);
    if (this.#rows.length > this.#most) this.#compact();
  }

  /** An overtaken row of an object that is gone would hold its whole record. */
  #compact(): void {
    const newest = new Map(this.#rows.map((row) => [refOfRow(row), row]));
    const rows = this.#rows.filter((row) => newest.get(refOfRow(row)) === row);
    let surplus = rows.reduce((sum, row) => sum + ('gone' in row ? 1 : 0), 0) - this.#kept;
    this.#rows = rows.filter((row) => {
      if (surplus <= 0 || 'item' in row) return true;
      surplus -= 1;
      this.floor = Math.max(this.floor, row.version);
      return false;
    });
    this.#most = 2 * this.#rows.length + SLACK;
  }

  changed(item: Item): void {
    // Nobody can have seen anything older: what the world begins with is no change.
    if (item.version > this.floor) this.#add({ version: item.version, item });
  }

  gone(gone: Gone): void {
    if (gone.version > this.floor) this.#add({ version: gone.version, gone });
  }

  /** undefined: too old. `wanted` is asked once an object. */
  since(version: number, wanted: (cls: string, ref: string) => boolean): readonly Happening[] | undefined {
    if (version < this.floor) return undefined;
    const found: Happening[] = [];
    const seen = new Set<string>();
    for (let at = this.#rows.length - 1; at >= 0; at--) {
      const row = this.#rows[at] as Row;
      if (row.version <= version) break;
      const { cls, ref } = 'item' in row ? row.item : row.gone;
      if (seen.has(ref)) continue;
      seen.add(ref);
      if (!wanted(cls, ref)) continue;
      if ('item' in row) {
        const { item } = row;
        found.push({ operation: item.created > version ? 'add' : 'mod', cls, ref, version: item.version, item });
        // Made and gone in between: nobody has to know.
      } else if (row.gone.created <= version)
        found.push({ operation: 'del', cls, ref, version: row.version, item: undefined });
    }
    return found.reverse().sort((a, b) => ORDER[a.operation] - ORDER[b.operation]);
  }
}
