/** XML text within bounds in, a compact namespace-resolved element tree out; and text made safe to write into XML. */
import { SaxesParser } from 'saxes';

export interface XmlLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
  readonly maxElements: number;
  /** Of one element, namespace declarations among them. */
  readonly maxAttributes: number;
  /** Of one element's own text, in UTF-16 units. */
  readonly maxTextBytes: number;
}

const DEFAULT_LIMITS: XmlLimits = {
  maxBytes: 4 * 1024 * 1024,
  maxDepth: 64,
  maxElements: 200_000,
  maxAttributes: 64,
  maxTextBytes: 2 * 1024 * 1024,
};

export type XmlFaultKind =
  | 'malformed'
  | 'encoding'
  | 'dtd-refused'
  | 'too-large'
  | 'too-deep'
  | 'too-many-elements'
  | 'too-many-attributes'
  | 'text-too-long';

/** Why a text was refused. `text` is for people and names no content of the document. */
export interface XmlFault {
  readonly kind: XmlFaultKind;
  readonly text: string;
}

export interface XmlAttribute {
  /** '' for attributes without a prefix. */
  readonly ns: string;
  readonly name: string;
  readonly value: string;
}

/** Prefixes in scope, innermost first; shared by all elements that declare none of their own. */
export interface XmlScope {
  readonly prefix: string;
  readonly uri: string;
  readonly outer: XmlScope | undefined;
}

export interface XmlElement {
  readonly ns: string;
  readonly name: string;
  readonly attributes: readonly XmlAttribute[];
  readonly children: readonly XmlElement[];
  /** The element's own text and CDATA, joined; text of children is not in it. */
  readonly text: string;
  readonly scope: XmlScope | undefined;
}

export type XmlResult =
  | { readonly ok: true; readonly root: XmlElement }
  | { readonly ok: false; readonly fault: XmlFault };

const XML_NS = 'http://www.w3.org/XML/1998/namespace';
export const XSI_NS = 'http://www.w3.org/2001/XMLSchema-instance';
export const XSD_NS = 'http://www.w3.org/2001/XMLSchema';

/** Leaves the parser from inside its callbacks; never leaves this file. */
class Refusal extends Error {
  readonly fault: XmlFault;
  constructor(kind: XmlFaultKind, text: string) {
    super(text);
    this.fault = { kind, text };
  }
}

interface Building {
  ns: string;
  name: string;
  attributes: XmlAttribute[];
  children: Building[];
  text: string;
  scope: XmlScope | undefined;
}

const NO_ATTRIBUTES: XmlAttribute[] = [];

export const namespaceOf = (scope: XmlScope | undefined, prefix: string): string | undefined => {
  for (let at = scope; at !== undefined; at = at.outer) if (at.prefix === prefix) return at.uri;
  if (prefix === 'xml') return XML_NS;
  return prefix === '' ? '' : undefined;
};

const declare = (attributes: Record<string, string>, outer: XmlScope | undefined): XmlScope | undefined => {
  let scope = outer;
  for (const name in attributes) {
    if (name === 'xmlns') scope = { prefix: '', uri: attributes[name] as string, outer: scope };
    else if (name.startsWith('xmlns:')) {
      const uri = attributes[name] as string;
      const prefix = name.slice(6);
      if (uri === '' || prefix === 'xmlns' || (prefix === 'xml') !== (uri === XML_NS)) {
        throw new Refusal('malformed', 'a namespace declaration is not allowed');
      }
      scope = { prefix, uri, outer: scope };
    }
  }
  return scope;
};

const resolve = (attributes: Record<string, string>, scope: XmlScope | undefined, max: number): XmlAttribute[] => {
  const list: XmlAttribute[] = [];
  let count = 0;
  for (const name in attributes) {
    if (++count > max) throw new Refusal('too-many-attributes', `an element has more than ${max} attributes`);
    if (name === 'xmlns' || name.startsWith('xmlns:')) continue;
    const value = attributes[name] as string;
    const colon = name.indexOf(':');
    if (colon < 0) {
      list.push({ ns: '', name, value });
      continue;
    }
    const ns = namespaceOf(scope, name.slice(0, colon));
    const local = name.slice(colon + 1);
    if (ns === undefined || local === '' || local.includes(':'))
      throw new Refusal('malformed', 'an attribute has an unknown prefix');
    if (list.some((other) => other.ns === ns && other.name === local))
      throw new Refusal('malformed', 'an attribute occurs twice');
    list.push({ ns, name: local, value });
  }
  return list.length === 0 ? NO_ATTRIBUTES : list;
};

/** Made once: it keeps nothing from one document to the next, whatever was wrong with it. */
const UTF8 = new TextDecoder('utf-8', { fatal: true });

const decodeText = (input: string | Uint8Array, limits: XmlLimits): string => {
  // A UTF-16 unit is at least one byte of UTF-8, so a text is never longer than its bytes.
  if (input.length > limits.maxBytes)
    throw new Refusal('too-large', `the document is larger than ${limits.maxBytes} bytes`);
  if (typeof input === 'string') return input;
  try {
    return UTF8.decode(input);
  } catch {
    throw new Refusal('encoding', 'the document is not UTF-8');
  }
};

const build = (input: string | Uint8Array, limits: XmlLimits): XmlElement => {
  const text = decodeText(input, limits);
  const parser = new SaxesParser({ xmlns: false, position: false });
  const open: Building[] = [];
  let root: Building | undefined;
  let elements = 0;
  parser.on('error', () => {
    throw new Refusal('malformed', 'the document is not well-formed XML');
  });
  parser.on('doctype', () => {
    throw new Refusal('dtd-refused', 'document type declarations are not accepted');
  });
  parser.on('xmldecl', ({ encoding }) => {
    if (encoding !== undefined && !/^(utf-?8|us-ascii)$/i.test(encoding))
      throw new Refusal('encoding', 'only UTF-8 is accepted');
  });
  parser.on('opentag', (tag) => {
    if (open.length >= limits.maxDepth)
      throw new Refusal('too-deep', `elements are nested deeper than ${limits.maxDepth}`);
    if (++elements > limits.maxElements)
      throw new Refusal('too-many-elements', `more than ${limits.maxElements} elements`);
    const parent = open.at(-1);
    const attributes = tag.attributes as Record<string, string>;
    const scope = declare(attributes, parent?.scope);
    const colon = tag.name.indexOf(':');
    const ns = namespaceOf(scope, colon < 0 ? '' : tag.name.slice(0, colon));
    const name = colon < 0 ? tag.name : tag.name.slice(colon + 1);
    if (ns === undefined || name === '' || name.includes(':'))
      throw new Refusal('malformed', 'an element has an unknown prefix');
    const element: Building = {
      ns,
      name,
      attributes: resolve(attributes, scope, limits.maxAttributes),
      children: [],
      text: '',
      scope,
    };
    if (parent) parent.children.push(element);
    else root = element;
    open.push(element);
  });
  const addText = (more: string): void => {
    const element = open.at(-1);
    if (!element) return;
    if (element.text.length + more.length > limits.maxTextBytes) {
      throw new Refusal('text-too-long', `an element has more than ${limits.maxTextBytes} characters of text`);
    }
    element.text += more;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => {
    open.pop();
  });
  parser.write(text);
  parser.close();
  if (!root) throw new Refusal('malformed', 'the document has no element');
  return root;
};

/** Reads a whole document. Entities beyond XML's own five, document types, other encodings and anything over a limit are refused. */
export const readXml = (input: string | Uint8Array, limits: Partial<XmlLimits> = {}): XmlResult => {
  try {
    return { ok: true, root: build(input, { ...DEFAULT_LIMITS, ...limits }) };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, fault: error.fault };
    throw error;
  }
};

export const attributeOf = (element: XmlElement, name: string, ns = ''): string | undefined => {
  for (const attribute of element.attributes)
    if (attribute.name === name && attribute.ns === ns) return attribute.value;
  return undefined;
};

/** First child of that local name (and namespace, where given). */
export const childOf = (element: XmlElement, name: string, ns?: string): XmlElement | undefined =>
  element.children.find((child) => child.name === name && (ns === undefined || child.ns === ns));

export const childrenOf = (element: XmlElement, name: string, ns?: string): readonly XmlElement[] =>
  element.children.filter((child) => child.name === name && (ns === undefined || child.ns === ns));

export interface QName {
  /** undefined: the prefix is bound to nothing here. */
  readonly ns: string | undefined;
  readonly name: string;
}

/** A name inside content or an attribute value ('ns1:TraversalSpec'), by the prefixes in scope at the element. */
export const resolveQName = (element: XmlElement, value: string): QName => {
  const text = value.trim();
  const colon = text.indexOf(':');
  return { ns: namespaceOf(element.scope, colon < 0 ? '' : text.slice(0, colon)), name: text.slice(colon + 1) };
};

/** xsi:type, resolved; undefined where the element has none. */
export const xsiTypeOf = (element: XmlElement): QName | undefined => {
  const value = attributeOf(element, 'type', XSI_NS);
  return value === undefined ? undefined : resolveQName(element, value);
};

// Characters XML 1.0 forbids even as references (controls, lone surrogates, U+FFFE and U+FFFF), and those that need escaping.
const SPECIAL =
  /[&<>"\r\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const ALL_SPECIAL = new RegExp(SPECIAL.source, 'g');
const ATTRIBUTE_SPACE = /[\t\n]/g;

const replaceSpecial = (character: string): string => {
  switch (character) {
    case '&':
      return '&amp;';
    case '<':
      return '&lt;';
    case '>':
      return '&gt;';
    case '"':
      return '&quot;';
    case '\r':
      return '&#13;';
    default:
      return '\ufffd';
  }
};

/** Text for element content. What XML 1.0 cannot hold at all becomes U+FFFD. */
export const escapeText = (text: string): string =>
  SPECIAL.test(text) ? text.replace(ALL_SPECIAL, replaceSpecial) : text;

/** Text for an attribute value in double quotes; tabs and line ends survive normalisation. */
export const escapeAttribute = (text: string): string =>
  escapeText(text).replace(ATTRIBUTE_SPACE, (character) => (character === '\t' ? '&#9;' : '&#10;'));
