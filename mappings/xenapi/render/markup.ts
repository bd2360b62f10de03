/** Small writer for sheet inputs: names and scalar values to elements with attributes; moments to XenAPI's times. */

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
/** What no XML text may hold. */
const UNWRITABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

const escapeAttribute = (text: string): string =>
  SPECIAL.test(text) ? text.replace(/[&<>"\n\r\t]/g, (c) => CODE[c] ?? c) : text;

export type Scalars = Readonly<Record<string, string | number | boolean | undefined>>;

/** `<name a="1">content</name>`; undefined values are left out. */
export const element = (name: string, attributes: Scalars, content = ''): string => {
  let out = `<${name}`;
  for (const key in attributes) {
    const value = attributes[key];
    if (value !== undefined)
      out += ` ${key}="${typeof value === 'string' ? escapeAttribute(value.replace(UNWRITABLE, '')) : value}"`;
  }
  return content === '' ? `${out}/>` : `${out}>${content}</${name}>`;
};

/** One entry of a map field: `<entry field="platform" k="acpi" v="true"/>`. */
export const entries = (field: string, map: Readonly<Record<string, string>>): string =>
  Object.keys(map)
    .map((k) => element('entry', { field, k, v: map[k] }))
    .join('');

/** `20261121T09:30:00Z`. */
export const dateTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19).replace(/-/g, '')}Z`;

/** undefined, 0: never. */
export const timeOrNever = (ms: number | undefined): string => dateTime(ms === undefined || ms < 0 ? 0 : ms);
