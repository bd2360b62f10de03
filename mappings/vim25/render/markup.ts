/** Small writer for sheet inputs: names and scalar values to elements with attributes. */

const SPECIAL = /[&<>"\n\r\t]/;
const CODE: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
  '\r': '&#13;',
  '\t': '&#9;',
};
export const escapeAttribute = (text: string): string =>
  SPECIAL.test(text) ? text.replace(/[&<>"\n\r\t]/g, (c) => CODE[c] ?? c) : text;

export type Scalars = Readonly<Record<string, string | number | boolean | undefined>>;

/** `<name a="1">content</name>`; undefined values are left out. */
export const element = (name: string, attributes: Scalars, content = ''): string => {
  let out = `<${name}`;
  for (const key in attributes) {
    const value = attributes[key];
    if (value !== undefined) out += ` ${key}="${typeof value === 'string' ? escapeAttribute(value) : value}"`;
  }
  return content === '' ? `${out}/>` : `${out}>${content}</${name}>`;
};

/** RFC 3339 with microseconds and Z, as ESXi writes it. */
export const dateTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, -1)}000Z`;
