/** Names and scalar values in, elements with attributes out: the writer of sheet inputs. */

/** What an attribute cannot hold as it is, and what no XML text may hold. */
const SPECIAL = /[&<>"\n\r\t\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
const ALL_SPECIAL = new RegExp(SPECIAL, 'g');
const CODE: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
  '\r': '&#13;',
  '\t': '&#9;',
};

const escaped = (text: string): string =>
  SPECIAL.test(text) ? text.replace(ALL_SPECIAL, (character) => CODE[character] ?? '') : text;

export type Scalars = Readonly<Record<string, string | number | boolean | undefined>>;

/** `<name a="1">content</name>`; undefined values are left out. */
export const element = (name: string, attributes: Scalars, content = ''): string => {
  let out = `<${name}`;
  for (const key in attributes) {
    const value = attributes[key];
    if (value !== undefined) out += ` ${key}="${typeof value === 'string' ? escaped(value) : value}"`;
  }
  return content === '' ? `${out}/>` : `${out}>${content}</${name}>`;
};
