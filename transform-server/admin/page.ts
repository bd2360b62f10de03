/** A list in, one page of it and the cursor of the next out. Cursors say after which item, so that pages neither repeat nor skip while the list grows. */
import { z } from 'zod';
import { Problem } from './problem.ts';

const MOST = 500;
const USUAL = 100;

/** What every list may be asked with. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(MOST).default(USUAL),
  cursor: z.string().max(512).optional(),
};

export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({ items: z.array(item), next: z.string().nullable().describe('The cursor of the next page.') });

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

const encode = (key: string): string => Buffer.from(key).toString('base64url');

/** The key after which a page begins. */
export const cursorKey = (cursor: string | undefined): string | undefined => {
  if (cursor === undefined) return undefined;
  const key = Buffer.from(cursor, 'base64url').toString('utf8');
  if (key === '' || encode(key) !== cursor) throw new Problem(400, 'cursor: not one that this API gave');
  return key;
};

/** `list` in its order, with a key for each that stays the same. One that is gone meanwhile ends the list: its client begins again. */
export const page = <T>(
  list: Iterable<T>,
  keyOf: (item: T) => string,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
  /** Of a list whose items change: what a cursor points to need not be among them any more. */
  isWanted: (item: T) => boolean = () => true,
): Page<T> => {
  const after = cursorKey(cursor);
  let found = after === undefined;
  const items: T[] = [];
  for (const item of list) {
    if (!found) {
      found = keyOf(item) === after;
      continue;
    }
    if (!isWanted(item)) continue;
    if (items.length === limit) return { items, next: encode(keyOf(items.at(-1) as T)) };
    items.push(item);
  }
  if (!found) throw new Problem(410, 'cursor: what it points to is gone; begin again without it');
  return { items, next: null };
};
