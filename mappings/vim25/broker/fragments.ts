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
const MOST = 8;
const MOST_CHARACTERS = 200;

export class Fragments {
  readonly #keys: number[] = [];
  readonly #texts: string[] = [];
  #next = 0;

  get(key: number): string | undefined {
    const keys = this.#keys;
    for (let at = 0; at < keys.length; at++) if (keys[at] === key) return this.#texts[at];
    return undefined;
  }

  put(key: number, text: string): void {
    this.#keys[this.#next] = key;
    this.#texts[this.#next] = text;
    this.#next = (this.#next + 1) % MOST;
  }
}

export const isShort = (length: number): boolean => length <= MOST_CHARACTERS;

/** The same as a string of its own: one that was put together or cut out of others holds these in memory. */
export const flat = (text: string): string => text.split('>').join('>');
