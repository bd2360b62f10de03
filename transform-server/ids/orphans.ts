/** Objects whose native names mean nothing any more come in with what they are known by; the one that a found object is goes out, once. */
import type { Kind } from '../../mappings/generic/ids.ts';
import type { Identity } from './ids.ts';

export interface Orphans<T> {
  add(row: T, identity: Identity): void;
  /** The same UUID, else the same name; what several share tells nothing. */
  take(kind: Kind, identity: Identity): T | undefined;
  drop(row: T): void;
  left(): Iterable<T>;
}

export const createOrphans = <T extends { readonly kind: Kind }>(): Orphans<T> => {
  const rows = new Set<T>();
  const known = new Map<string, T[]>();
  const keys = (kind: Kind, { uuid, name }: Identity): string[] => [
    ...(uuid === '' ? [] : [`${kind} uuid ${uuid.toLowerCase()}`]),
    ...(name === '' ? [] : [`${kind} name ${name}`]),
  ];
  return {
    add: (row, identity) => {
      rows.add(row);
      for (const key of keys(row.kind, identity)) known.set(key, [...(known.get(key) ?? []), row]);
    },
    take: (kind, identity) => {
      for (const key of keys(kind, identity)) {
        const free = (known.get(key) ?? []).filter((row) => rows.has(row));
        const [row] = free;
        if (free.length !== 1 || row === undefined) continue;
        rows.delete(row);
        return row;
      }
      return undefined;
    },
    drop: (row) => {
      rows.delete(row);
    },
    left: () => rows,
  };
};
