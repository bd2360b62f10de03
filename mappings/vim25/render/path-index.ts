/** A rendered document's text to the places of its first- and second-level paths. The text is our own sheet's: regular, no comments, no CDATA. */

export interface Indexed {
  readonly paths: string[];
  /** Four numbers a path: outer start, outer end, inner start, inner end. */
  readonly spans: number[];
  /** xsi:type of the (first) element, '' when none is written. */
  readonly types: string[];
}

const TYPE_ATTRIBUTE = /\sxsi:type="([^"]*)"/;

interface Element {
  readonly name: string;
  readonly outerStart: number;
  outerEnd: number;
  readonly innerStart: number;
  innerEnd: number;
  readonly type: string;
}

/** Elements of depth 1 (`deep` false) or 1 and 2 of text[from, to), in document order, in one pass. */
const scan = (
  text: string,
  from: number,
  to: number,
  deep: boolean,
): { element: Element; parent: Element | undefined }[] => {
  const found: { element: Element; parent: Element | undefined }[] = [];
  const open: Element[] = [];
  const limit = deep ? 2 : 1;
  let depth = 0;
  for (let at = text.indexOf('<', from); at >= 0 && at < to; at = text.indexOf('<', at)) {
    const close = text.indexOf('>', at);
    if (close < 0 || close >= to) throw new Error('rendered document: unclosed tag');
    if (text.charCodeAt(at + 1) === 47) {
      const element = depth <= limit ? open[depth - 1] : undefined;
      if (depth === 0) throw new Error(`rendered document: an end without its beginning at ${at}`);
      if (element) {
        element.innerEnd = at;
        element.outerEnd = close + 1;
      }
      depth--;
    } else {
      const empty = text.charCodeAt(close - 1) === 47;
      depth++;
      if (depth <= limit) {
        const element = openElement(text, at, close);
        open[depth - 1] = element;
        found.push({ element, parent: depth === 2 ? open[0] : undefined });
      }
      if (empty) depth--;
    }
    at = close + 1;
  }
  if (depth !== 0) throw new Error('rendered document: an element is not closed');
  return found;
};

const openElement = (text: string, start: number, close: number): Element => {
  let nameEnd = start + 1;
  for (; nameEnd < close; nameEnd++) {
    const c = text.charCodeAt(nameEnd);
    if (c === 32 || c === 47 || c === 10 || c === 9) break;
  }
  const type = nameEnd < close ? (TYPE_ATTRIBUTE.exec(text.slice(nameEnd, close))?.[1] ?? '') : '';
  const name = text.slice(start + 1, nameEnd);
  return { name, outerStart: start, outerEnd: close + 1, innerStart: close + 1, innerEnd: close + 1, type };
};

/** Adjacent elements of one name are one path, from the first start to the last end. */
export const indexPaths = (text: string): Indexed => {
  const paths: string[] = [];
  const spans: number[] = [];
  const types: string[] = [];
  const add = (prefix: string, elements: readonly Element[]): void => {
    let last = '';
    for (const { name, outerStart, outerEnd, innerStart, innerEnd, type } of elements) {
      if (name === last) {
        spans[spans.length - 3] = outerEnd;
        continue;
      }
      last = name;
      paths.push(prefix + name);
      spans.push(outerStart, outerEnd, innerStart, innerEnd);
      types.push(type);
    }
  };
  const found = scan(text, 0, text.length, true);
  const top = found.filter(({ parent }) => parent === undefined).map(({ element }) => element);
  add('', top);
  for (const [n, element] of top.entries()) {
    const repeated = top[n - 1]?.name === element.name || top[n + 1]?.name === element.name;
    if (!repeated)
      add(
        `${element.name}.`,
        found.filter(({ parent }) => parent === element).map((child) => child.element),
      );
  }
  return { paths, spans, types };
};

/** Splits a sheet's `<bundle>` into its `<member type id>` elements. */
export const splitBundle = (output: string): { type: string; id: string; text: string }[] => {
  const start = output.indexOf('<bundle');
  const from = output.indexOf('>', start) + 1;
  const to = output.lastIndexOf('</bundle>');
  if (start < 0 || to < 0) throw new Error(`rendered document: no bundle in ${output.length} characters`);
  return scan(output, from, to, false).map(({ element: member }) => {
    const tag = output.slice(member.outerStart, member.innerStart);
    const type = / type="([^"]*)"/.exec(tag)?.[1];
    const id = / id="([^"]*)"/.exec(tag)?.[1];
    if (member.name !== 'member' || type === undefined || id === undefined)
      throw new Error(`rendered document: bad member at ${member.outerStart}`);
    return { type, id, text: output.slice(member.innerStart, member.innerEnd) };
  });
};
