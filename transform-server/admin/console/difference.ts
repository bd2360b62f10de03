/** XML and two texts in; one element a line, and the lines that differ, out. */

/** For people: each element on a line of its own, indented; text stays with its element. */
export const linesOf = (xml: string): readonly string[] => {
  const lines: string[] = [];
  let depth = 0;
  for (const piece of xml.replace(/>\s*</g, '>\n<').split('\n')) {
    const text = piece.trim();
    if (text === '') continue;
    if (text.startsWith('</')) depth = Math.max(0, depth - 1);
    lines.push(`${'  '.repeat(depth)}${text}`);
    if (/^<[^!?/]/.test(text) && !text.endsWith('/>') && !/<\/[^<>]*>$/.test(text)) depth += 1;
  }
  return lines;
};

export interface DiffLine {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
}

/** Longer than that is told as all other. */
const CELLS = 4_000_000;

/** Lengths of the longest common rest from each pair of lines on. */
const rests = (a: readonly string[], b: readonly string[]): Uint16Array[] => {
  const table = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--) {
      const row = table[i] as Uint16Array;
      const below = table[i + 1] as Uint16Array;
      row[j] = a[i] === b[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
    }
  return table;
};

const middle = (a: readonly string[], b: readonly string[]): DiffLine[] => {
  const gone = (text: string): DiffLine => ({ sign: '-', text });
  const come = (text: string): DiffLine => ({ sign: '+', text });
  if (a.length * b.length > CELLS) return [...a.map(gone), ...b.map(come)];
  const table = rests(a, b);
  const found: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const [one = '', other = ''] = [a[i], b[j]];
    if (one === other) {
      found.push({ sign: ' ', text: one });
      i += 1;
      j += 1;
    } else if ((table[i + 1]?.[j] ?? 0) >= (table[i]?.[j + 1] ?? 0)) {
      found.push(gone(one));
      i += 1;
    } else {
      found.push(come(other));
      j += 1;
    }
  }
  return [...found, ...a.slice(i).map(gone), ...b.slice(j).map(come)];
};

export const difference = (a: readonly string[], b: readonly string[]): readonly DiffLine[] => {
  let from = 0;
  while (from < a.length && from < b.length && a[from] === b[from]) from += 1;
  let end = 0;
  while (end < a.length - from && end < b.length - from && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const same = (text: string): DiffLine => ({ sign: ' ', text });
  return [
    ...a.slice(0, from).map(same),
    ...middle(a.slice(from, a.length - end), b.slice(from, b.length - end)),
    ...a.slice(a.length - end).map(same),
  ];
};
