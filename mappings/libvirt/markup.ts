/** Values in, XML start tags and annotations of a sheet's input out. */
import { escapeAttribute } from '../wire/xml.ts';
import type { Span } from './spans.ts';

type Written = Readonly<Record<string, string | number | boolean | undefined>>;

/** Attributes with values; those undefined are left out. */
export const attributes = (values: Written): string => {
  let out = '';
  for (const name in values)
    if (values[name] !== undefined) out += ` ${name}="${escapeAttribute(String(values[name]))}"`;
  return out;
};

export const wrap = (values: Written, inner: string): string => `<in${attributes(values)}>${inner}</in>`;

/** An edit that writes further attributes into an element's start tag. */
export const annotation = (span: Span, values: Written): { from: number; to: number; put: string } => ({
  from: span.nameEnd,
  to: span.nameEnd,
  put: attributes(values),
});
