/** A rendered member and one of its paths in; the short propSet that was made of them before out, for as long as the member is the same. */

/** Paths as numbers, which are quicker to compare. None is given twice. */
export interface PathNumbers {
  readonly known: Map<string, number>;
  next: number;
}

const PATHS = 5000;

export const makePathNumbers = (): PathNumbers => ({ known: new Map(), next: 0 });

export const numberOfPath = (numbers: PathNumbers, path: string): number => {
  const known = numbers.known.get(path);
  if (known !== undefined) return known;
  if (numbers.known.size >= PATHS) numbers.known.clear();
  const number = numbers.next++;
  numbers.known.set(path, number);
  return number;
};

/** Few of a member, and short ones: 10,000 objects have them. */
const MOST = 6;
const MOST_CHARACTERS = 200;

/** Number and text in turn, newest in the place of the oldest. */
export type Fragments = (number | string)[];

export const fragmentIn = (fragments: Fragments, path: number): string | undefined => {
  for (let at = 0; at < fragments.length; at += 2) if (fragments[at] === path) return fragments[at + 1] as string;
  return undefined;
};

export const addFragment = (fragments: Fragments, path: number, text: string): void => {
  if (fragments.length >= MOST * 2) fragments.splice(0, 2);
  fragments.push(path, text);
};

export const isShort = (length: number): boolean => length <= MOST_CHARACTERS;
