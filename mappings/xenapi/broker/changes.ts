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

const KEPT = 50_000;

const ORDER = { add: 0, mod: 1, del: 2 } as const;

export class Changes {
  #rows: Row[] = [];
  /** Changes up to this version are not known. */
  floor: number;

  constructor(floor: number) {
    this.floor = floor;
  }

  #add(row: Row): void {
    this.#rows.push(row);
    if (this.#rows.length <= KEPT * 2) return;
    this.floor = this.#rows[this.#rows.length - KEPT - 1]?.version ?? this.floor;
    this.#rows = this.#rows.slice(-KEPT);
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
