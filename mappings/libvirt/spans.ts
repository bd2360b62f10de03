/** XML text in, its elements as offsets into that text out: so that a document is read and edited without being written anew. */

/** `<name ...>` from start to openEnd, content to closeStart, `</name>` to end. An empty element has all four ends in one place. */
export interface Span {
  readonly name: string;
  readonly start: number;
  readonly nameEnd: number;
  openEnd: number;
  closeStart: number;
  end: number;
  children: Span[];
}

const SLASH = 47;
const BANG = 33;
const QUESTION = 63;
const GREATER = 62;
const QUOTE = 34;
const APOSTROPHE = 39;
const NO_CHILDREN: Span[] = [];

const isSpace = (code: number): boolean => code === 32 || code === 10 || code === 9 || code === 13;

const broken = (at: number, why: string): Error => new Error(`native document: ${why} at ${at}`);

const after = (text: string, mark: string, from: number): number => {
  const at = text.indexOf(mark, from);
  if (at < 0) throw broken(from, `${mark} expected`);
  return at + mark.length;
};

/** The `>` of a start tag: the first one outside of its values, which are passed over one by one. */
const tagEnd = (text: string, nameEnd: number): number => {
  let end = text.indexOf('>', nameEnd);
  let at = nameEnd;
  for (;;) {
    if (end < 0) throw broken(nameEnd, 'a tag without an end');
    const equals = text.indexOf('=', at);
    if (equals < 0 || equals > end) return end;
    let quote = equals + 1;
    while (isSpace(text.charCodeAt(quote))) quote++;
    const mark = text.charCodeAt(quote);
    const close =
      mark === QUOTE ? text.indexOf('"', quote + 1) : mark === APOSTROPHE ? text.indexOf("'", quote + 1) : -1;
    if (close < 0) throw broken(nameEnd, 'a value without its quotes');
    if (close > end) end = text.indexOf('>', close);
    at = close + 1;
  }
};

/** The root element. Comments, CDATA and instructions are passed over whole; hosts' documents have no DTD, and one that has is refused. */
export const parseSpans = (text: string): Span => {
  const open: Span[] = [];
  let root: Span | undefined;
  let at = text.indexOf('<');
  while (at >= 0) {
    const next = text.charCodeAt(at + 1);
    if (next === SLASH) {
      const span = open.pop();
      const end = text.indexOf('>', at);
      if (span === undefined || end < 0 || !text.startsWith(span.name, at + 2))
        throw broken(at, 'an end tag without its start');
      span.closeStart = at;
      span.end = end + 1;
      at = end + 1;
    } else if (next === BANG) {
      if (text.startsWith('<!--', at)) at = after(text, '-->', at + 4);
      else if (text.startsWith('<![CDATA[', at)) at = after(text, ']]>', at + 9);
      else throw broken(at, 'a declaration');
    } else if (next === QUESTION) {
      at = after(text, '?>', at + 2);
    } else {
      let nameEnd = at + 1;
      for (
        let code = text.charCodeAt(nameEnd);
        code !== SLASH && code !== GREATER && !isSpace(code);
        code = text.charCodeAt(nameEnd)
      ) {
        if (++nameEnd > text.length) throw broken(at, 'a tag without an end');
      }
      const end = tagEnd(text, nameEnd);
      const empty = text.charCodeAt(end - 1) === SLASH;
      const span: Span = {
        name: text.slice(at + 1, nameEnd),
        start: at,
        nameEnd,
        openEnd: end + 1,
        closeStart: end + 1,
        end: end + 1,
        children: NO_CHILDREN,
      };
      const parent = open.at(-1);
      if (parent === undefined) {
        if (root !== undefined) throw broken(at, 'a second root');
        root = span;
      } else if (parent.children === NO_CHILDREN) parent.children = [span];
      else parent.children.push(span);
      if (!empty) open.push(span);
      at = end + 1;
    }
    at = text.indexOf('<', at);
  }
  if (root === undefined || open.length > 0) throw broken(text.length, 'an element without its end');
  return root;
};

const ENTITY: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

const decodeEntities = (text: string): string =>
  text.includes('&')
    ? text.replace(
        /&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|([a-z]+));/g,
        (whole, hex: string, decimal: string, name: string) => {
          if (name !== undefined) return ENTITY[name] ?? whole;
          const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
          return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
        },
      )
    : text;

/** The value of an attribute, undefined when the element has none of that name. */
export const attribute = (text: string, span: Span, name: string): string | undefined => {
  const end = span.openEnd - 1;
  let at = span.nameEnd;
  while (at < end) {
    const equals = text.indexOf('=', at);
    if (equals < 0 || equals >= end) return undefined;
    let from = equals + 1;
    while (isSpace(text.charCodeAt(from))) from++;
    const to = text.indexOf(text.charCodeAt(from) === QUOTE ? '"' : "'", from + 1);
    if (text.slice(at, equals).trim() === name) return decodeEntities(text.slice(from + 1, to));
    at = to + 1;
  }
  return undefined;
};

export const child = (span: Span | undefined, name: string): Span | undefined =>
  span?.children.find((one) => one.name === name);

export const children = (span: Span | undefined, name: string): readonly Span[] =>
  span?.children.filter((one) => one.name === name) ?? NO_CHILDREN;

/** `path(domain, 'os', 'type')` */
export const path = (span: Span | undefined, ...names: readonly string[]): Span | undefined => {
  let found = span;
  for (const name of names) found = child(found, name);
  return found;
};

/** The element's own text, without that of its children. */
export const textOf = (text: string, span: Span | undefined): string => {
  if (span === undefined) return '';
  const inner = text.slice(span.openEnd, span.closeStart);
  if (!inner.includes('<')) return decodeEntities(inner);
  let out = '';
  let at = span.openEnd;
  const plain = (from: number, to: number): void => {
    for (const piece of text.slice(from, to).split(/(<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<\?[\s\S]*?\?>)/)) {
      if (piece.startsWith('<![CDATA[')) out += piece.slice(9, -3);
      else if (!piece.startsWith('<')) out += decodeEntities(piece);
    }
  };
  for (const one of span.children) {
    plain(at, one.start);
    at = one.end;
  }
  plain(at, span.closeStart);
  return out;
};

export const source = (text: string, span: Span): string => text.slice(span.start, span.end);

/** Text with replacements at offsets that do not overlap. */
export const splice = (
  text: string,
  edits: readonly { readonly from: number; readonly to: number; readonly put: string }[],
): string => {
  let out = '';
  let at = 0;
  for (const { from, to, put } of [...edits].sort((a, b) => a.from - b.from || a.to - b.to)) {
    out += text.slice(at, from) + put;
    at = to;
  }
  return out + text.slice(at);
};
