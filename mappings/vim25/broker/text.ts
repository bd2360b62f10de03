/** Text of a rendered document and a place in it in; child elements, keyed elements and Any fragments out. The text is our own sheet's: no comments, no CDATA. */
import { arrayTypeOf, itemTagOf, typeOf, wireTypeOf } from '../types.ts';
import type { Fragment } from './managed-object.ts';
import { unescapeText } from './managed-object.ts';

export interface Span {
  readonly start: number;
  readonly innerStart: number;
  readonly innerEnd: number;
  readonly end: number;
}

const isNameEnd = (code: number): boolean => code === 62 || code === 32 || code === 47 || code === 10 || code === 9;

/** Child elements of text[from, to) called `name`; all of them for ''. */
export const childrenOf = (text: string, from: number, to: number, name: string): Span[] => {
  const found: Span[] = [];
  let at = text.indexOf('<', from);
  while (at >= 0 && at < to) {
    const open = text.indexOf('>', at);
    if (open < 0 || open >= to) break;
    const wanted = name === '' || (text.startsWith(name, at + 1) && isNameEnd(text.charCodeAt(at + 1 + name.length)));
    let innerEnd = open + 1;
    let end = open + 1;
    if (text.charCodeAt(open - 1) !== 47) {
      let depth = 1;
      let cursor = open + 1;
      while (depth > 0) {
        const next = text.indexOf('<', cursor);
        if (next < 0 || next >= to) return found;
        const close = text.indexOf('>', next);
        if (text.charCodeAt(next + 1) === 47) depth--;
        else if (text.charCodeAt(close - 1) !== 47) depth++;
        innerEnd = next;
        cursor = close + 1;
      }
      end = cursor;
    }
    if (wanted) found.push({ start: at, innerStart: open + 1, innerEnd, end });
    at = text.indexOf('<', end);
  }
  return found;
};

/** The one element that a text is. */
export const only = (text: string): Span => {
  const innerStart = text.indexOf('>') + 1;
  const end = text.length;
  return text.charCodeAt(innerStart - 2) === 47
    ? { start: 0, innerStart, innerEnd: innerStart, end }
    : { start: 0, innerStart, innerEnd: text.lastIndexOf('<'), end };
};

/** Value of an attribute of the start tag at `start`; '' when it is not there. */
const attributeAt = (text: string, span: Span, name: string): string => {
  const tag = text.slice(span.start, span.innerStart);
  const at = tag.indexOf(` ${name}="`);
  if (at < 0) return '';
  const from = at + name.length + 3;
  return tag.slice(from, tag.indexOf('"', from));
};

export const dynamicTypeAt = (text: string, span: Span, declared: string): string =>
  attributeAt(text, span, 'xsi:type') || declared;

const attributesOf = (text: string, span: Span, declared: string): string => {
  const type = typeOf(declared);
  if (type?.kind === 'managed') return ` type="${attributeAt(text, span, 'type')}" xsi:type="ManagedObjectReference"`;
  const dynamic = attributeAt(text, span, 'xsi:type');
  return ` xsi:type="${dynamic === '' ? wireTypeOf(declared) : dynamic}"`;
};

/** One element as the value of an Any. */
export const single = (text: string, span: Span, declared: string): Fragment => ({
  attributes: attributesOf(text, span, declared),
  inner: text.slice(span.innerStart, span.innerEnd),
});

/** Repeated elements as the members of an ArrayOfX. */
export const array = (text: string, spans: readonly Span[], declared: string): Fragment => {
  const tag = itemTagOf(declared);
  let inner = '';
  for (const span of spans)
    inner += `<${tag}${attributesOf(text, span, declared)}>${text.slice(span.innerStart, span.innerEnd)}</${tag}>`;
  return { attributes: ` xsi:type="${arrayTypeOf(declared)}"`, inner };
};

/** The element among `spans` whose child `key` has that text. */
export const keyed = (text: string, spans: readonly Span[], key: string): Span | undefined =>
  spans.find((span) => {
    const child = childrenOf(text, span.innerStart, span.innerEnd, 'key')[0];
    return child !== undefined && unescapeText(text.slice(child.innerStart, child.innerEnd)) === key;
  });
