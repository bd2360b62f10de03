/** A sheet's bundle of records in; each record's text as XML-RPC members out: every field of the data model, in its order, encoded by its type. */
import { type Default, NULL_REF, recordFields, type Type, zero } from '../types.ts';
import { encodeXml } from '../values.ts';

/*
 * A sheet writes `<bundle><member type="VM" id="OpaqueRef:..">fields</member>..</bundle>`. A field is an element by its name: text for a
 * scalar (`true` for a boolean), `<i>` elements for a set, `<e k="key">` elements for a map. Fields it leaves out have the model's default.
 */

export interface Member {
  readonly type: string;
  readonly id: string;
  readonly text: string;
}

/** The value of a field that nobody set. The model gives some references an empty default: they are the null reference. */
export const unsetValue = (type: Type, unset: Default | undefined): Default =>
  type.kind === 'ref' ? NULL_REF : (unset ?? zero(type));

/** What stands before a field's value and behind it. */
export const headOf = (field: string): string => `<member><name>${field}</name><value>`;
export const TAIL = '</value></member>';

/** `<value>x</value>` without the element. */
const bare = (value: string): string => value.slice('<value>'.length, -'</value>'.length);

/** Inner text of the field's value. */
export const encodeField = (type: Type, value: unknown): string => bare(encodeXml(type, value));

interface Rule {
  readonly name: string;
  readonly type: Type;
  readonly head: string;
  readonly unset: string;
}

const rules = new Map<string, readonly Rule[]>();
export const rulesOf = (cls: string): readonly Rule[] => {
  let known = rules.get(cls);
  if (known === undefined) {
    known = recordFields(cls).map(({ name, type, default: unset }) => ({
      name,
      type,
      head: headOf(name),
      unset: encodeField(type, unsetValue(type, unset)),
    }));
    if (known.length === 0) throw new Error(`a sheet writes a record of ${cls}, which the data model does not have`);
    rules.set(cls, known);
  }
  return known;
};

const isScalar = (type: Type): boolean => type.kind !== 'set' && type.kind !== 'map';

/** The text of a scalar is XML already: only its type's element is put around it. */
const scalar = (type: Type, text: string): string => {
  switch (type.kind) {
    case 'bool':
      return text === 'true' ? '<boolean>1</boolean>' : '<boolean>0</boolean>';
    case 'float':
      return `<double>${text}</double>`;
    case 'datetime':
      return `<dateTime.iso8601>${text}</dateTime.iso8601>`;
    case 'int':
      if (!/^-?\d+$/.test(text)) throw new Error(`a sheet writes ${text.length} characters that are no integer`);
      return text;
    case 'ref':
      return text === '' ? NULL_REF : text;
    default:
      return text;
  }
};

const ITEM = /<i(?:\/>|>([^<]*)<\/i>)/g;
const ENTRY = /<e k="([^"]*)"(?:\/>|>([^<]*)<\/e>)/g;

const encodeContent = (type: Type, content: string): string => {
  if (type.kind === 'set') {
    const { of } = type;
    let items = '';
    for (const [, text = ''] of content.matchAll(ITEM)) items += `<value>${scalar(of, text)}</value>`;
    return `<array><data>${items}</data></array>`;
  }
  if (type.kind === 'map') {
    const { value } = type;
    let members = '';
    for (const [, key = '', text = ''] of content.matchAll(ENTRY))
      members += `<member><name>${key}</name><value>${scalar(value, text)}</value></member>`;
    return `<struct>${members}</struct>`;
  }
  return scalar(type, content);
};

interface Piece {
  readonly name: string;
  readonly tag: string;
  readonly content: string;
}

/** The elements on the first level of text[from, to): a sheet of ours writes no comments and no CDATA, and no field holds one of its own name. */
const pieces = (text: string, from: number, to: number): Piece[] => {
  const found: Piece[] = [];
  for (let at = text.indexOf('<', from); at >= 0 && at < to; at = text.indexOf('<', at)) {
    const close = text.indexOf('>', at);
    const empty = text.charCodeAt(close - 1) === 47;
    const tag = text.slice(at + 1, empty ? close - 1 : close);
    const space = tag.search(/\s/);
    const name = space < 0 ? tag : tag.slice(0, space);
    if (empty) {
      found.push({ name, tag, content: '' });
      at = close + 1;
      continue;
    }
    const end = text.indexOf(`</${name}>`, close);
    if (end < 0 || end > to) throw new Error(`rendered record: <${tag}> is not closed`);
    found.push({ name, tag, content: text.slice(close + 1, end) });
    at = end + name.length + 3;
  }
  return found;
};

const recordText = (cls: string, content: string): string => {
  const written = new Map<string, string>();
  for (const { name, content: inner } of pieces(content, 0, content.length)) written.set(name, inner);
  let text = '';
  for (const { name, type, head, unset } of rulesOf(cls)) {
    const inner = written.get(name);
    if (inner === undefined) text += head + unset + TAIL;
    else {
      written.delete(name);
      // White space between elements is the sheet's; in text it is the value's.
      text += head + encodeContent(type, isScalar(type) ? inner : inner.trim()) + TAIL;
    }
  }
  const [unknown] = written.keys();
  if (unknown !== undefined) throw new Error(`a sheet writes ${cls}.${unknown}, which the data model does not have`);
  return text;
};

const attribute = (tag: string, name: string): string => {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];
  if (value === undefined) throw new Error(`rendered record: no ${name} in <${tag}>`);
  return value;
};

export const splitBundle = (output: string): Member[] => {
  const start = output.indexOf('<bundle');
  const from = output.indexOf('>', start) + 1;
  const to = output.lastIndexOf('</bundle>');
  if (start < 0 || to < 0) throw new Error(`rendered record: no bundle in ${output.length} characters`);
  return pieces(output, from, to).map(({ tag, content }) => {
    const type = attribute(tag, 'type');
    return { type, id: attribute(tag, 'id'), text: recordText(type, content) };
  });
};

/** Where the fields of a record's text lie. The text is recordText's: `<member><name>..</name><value>..</value></member>` for each field. */
export const indexRecord = (text: string): { paths: string[]; spans: number[]; types: string[] } => {
  const paths: string[] = [];
  const spans: number[] = [];
  const types: string[] = [];
  let depth = 0;
  let outer = 0;
  let inner = 0;
  for (let at = text.indexOf('<'); at >= 0; at = text.indexOf('<', at)) {
    const close = text.indexOf('>', at);
    if (close < 0) throw new Error('rendered record: unclosed tag');
    if (text.charCodeAt(at + 1) === 47) {
      depth--;
      if (depth === 1 && text.startsWith('</value>', at)) spans.push(outer, close + 1 + '</member>'.length, inner, at);
    } else if (text.charCodeAt(close - 1) !== 47) {
      if (depth === 0) outer = at;
      if (depth === 1 && text.startsWith('<name>', at)) paths.push(text.slice(close + 1, text.indexOf('<', close)));
      if (depth === 1 && text.startsWith('<value>', at)) inner = close + 1;
      depth++;
    }
    at = close + 1;
  }
  if (depth !== 0 || spans.length !== paths.length * 4) throw new Error('rendered record: fields and values differ');
  for (let n = 0; n < paths.length; n++) types.push('');
  return { paths, spans, types };
};
