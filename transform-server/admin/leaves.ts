/** The text of a document in elements in; every value in it, by its path and place, out. For the documents of hosts and the output of our own sheets, as they are. */

export interface Leaf {
  /** Element names, `[n]` from the second of one name on, `@name` of an attribute: `vm.disk[1].slot.bus`. */
  readonly path: string;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const TAG =
  /<(?:!--[\s\S]*?--|!\[CDATA\[[\s\S]*?\]\]|[?!][^>]*|(\/?)([\w:.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?))>/g;
const ATTRIBUTE = /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
/** Attributes that are in the path already. */
const inPath = (name: string, attribute: string): boolean =>
  attribute === 'xsi:type' || name === 'member' || (name === 'e' && attribute === 'k');

/**
 * The bundles that our sheets write: `member` of a type, `e` with a key, `i` of a set. A type tells more of one among many than its place.
 */
const stepOf = (name: string, attribute: (name: string) => string | undefined): string => {
  if (name === 'bundle') return '';
  if (name === 'member') return attribute('type') ?? name;
  if (name === 'e') return `[${attribute('k') ?? ''}]`;
  const type = attribute('xsi:type');
  return type === undefined ? name : `${name}[${type}]`;
};

interface Open {
  readonly path: string;
  readonly contentStart: number;
  readonly seen: Map<string, number>;
  isLeaf: boolean;
}

/** At most `most` of them. What is not in elements has none. */
export const leavesOf = (text: string, most: number): readonly Leaf[] => {
  const leaves: Leaf[] = [];
  const root: Open = { path: '', contentStart: 0, seen: new Map(), isLeaf: false };
  const open: Open[] = [root];
  for (const found of text.matchAll(TAG)) {
    const [whole, closing, name, attributes = '', empty] = found;
    if (name === undefined) continue;
    if (leaves.length >= most) break;
    if (closing === '/') {
      const ended = open.length > 1 ? open.pop() : undefined;
      if (ended?.isLeaf !== true) continue;
      const { path, contentStart } = ended;
      leaves.push({ path, text: text.slice(contentStart, found.index), start: contentStart, end: found.index });
      continue;
    }
    const parent = open.at(-1) ?? root;
    parent.isLeaf = false;
    const attributesAt = found.index + 1 + name.length;
    const named = [...attributes.matchAll(ATTRIBUTE)];
    const attributeOf = (attribute: string): string | undefined => named.find(([, one]) => one === attribute)?.[2];
    const step = stepOf(name, attributeOf);
    const count = parent.seen.get(step) ?? 0;
    parent.seen.set(step, count + 1);
    const joint = parent.path === '' || step.startsWith('[') ? '' : '.';
    const path = `${parent.path}${joint}${step}${count === 0 ? '' : `[${count}]`}`;
    for (const one of named) {
      const [all, attribute = '', double, single] = one;
      if (inPath(name, attribute)) continue;
      const value = double ?? single ?? '';
      const start = attributesAt + one.index + all.length - value.length - 1;
      leaves.push({ path: `${path}@${attribute}`, text: value, start, end: start + value.length });
    }
    if (empty !== '/') open.push({ path, contentStart: found.index + whole.length, seen: new Map(), isLeaf: true });
  }
  return leaves;
};
