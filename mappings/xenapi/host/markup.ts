/** Records in, XML of their kept fields out, as the host's documents are kept; and such XML in, records out. */
import { attributeOf, childrenOf, escapeAttribute, escapeText, readXml, type XmlElement } from '../../wire/xml.ts';
import { KEPT, type KeptClass } from './kept-fields.ts';
import { isRecord, type Plain, type PlainRecord } from './plain.ts';

/** Passwords of file servers and iSCSI targets stay on the host. */
const SECRET = /pass|secret|chap/i;
const isSecret = (field: string, key: string): boolean => field === 'device_config' && SECRET.test(key);

/** `<f>text</f>`, `<f><item>..</item></f>` of a set, `<f><entry key="k">..</entry></f>` of a map. */
const valueXml = (name: string, value: Plain): string => {
  if (typeof value === 'string') return `<${name}>${escapeText(value)}</${name}>`;
  if (typeof value === 'boolean') return `<${name}>${value}</${name}>`;
  // The order in which a host tells a map and a set means nothing: one document for one state.
  const inner = isRecord(value)
    ? Object.entries(value)
        .filter(([key]) => !isSecret(name, key))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, member]) => `<entry key="${escapeAttribute(key)}">${escapeText(String(member))}</entry>`)
    : (value as readonly Plain[])
        .map(String)
        .sort()
        .map((item) => `<item>${escapeText(item)}</item>`);
  return `<${name}>${inner.join('')}</${name}>`;
};

/** Relations that are read from their other end. */
const LEFT_OUT: ReadonlySet<string> = new Set(['VDI.VBDs', 'network.VIFs', 'VM.VBDs', 'VM.VIFs']);

export const recordXml = (element: string, cls: KeptClass, ref: string, record: PlainRecord, inner = ''): string => {
  let fields = '';
  for (const field of KEPT[cls]) {
    const value = record[field];
    if (value !== undefined && !LEFT_OUT.has(`${cls}.${field}`)) fields += valueXml(field, value);
  }
  return `<${element} ref="${escapeAttribute(ref)}">${fields}${inner}</${element}>`;
};

/** A record as it was kept, with the records that were joined to it by the name of their element. */
export interface Kept {
  readonly ref: string;
  text(field: string): string;
  bool(field: string): boolean;
  /** 0 where there is none. */
  number(field: string): number;
  map(field: string): Readonly<Record<string, string>>;
  list(field: string): readonly string[];
  joined(element: string): readonly Kept[];
}

const keptOf = (element: XmlElement): Kept => {
  const field = (name: string): XmlElement | undefined => childrenOf(element, name)[0];
  return {
    ref: attributeOf(element, 'ref') ?? '',
    text: (name) => field(name)?.text ?? '',
    bool: (name) => field(name)?.text === 'true',
    number: (name) => Number(field(name)?.text ?? 0) || 0,
    map: (name) => {
      const found = field(name);
      const entries = found ? childrenOf(found, 'entry') : [];
      return Object.fromEntries(entries.map((entry) => [attributeOf(entry, 'key') ?? '', entry.text]));
    },
    list: (name) => {
      const found = field(name);
      return found ? childrenOf(found, 'item').map(({ text }) => text) : [];
    },
    joined: (name) => childrenOf(element, name).map(keptOf),
  };
};

/** Our own text: one that cannot be read is our error. */
export const readKept = (text: string): Kept => {
  const read = readXml(text);
  if (!read.ok) throw new Error(`a kept document cannot be read: ${read.fault.text}`);
  return keptOf(read.root);
};

/** Attributes of an element that are there. */
export const attributes = (values: Readonly<Record<string, string | number | boolean | undefined>>): string =>
  Object.entries(values)
    .map(([name, value]) => (value === undefined ? '' : ` ${name}="${escapeAttribute(String(value))}"`))
    .join('');

/** What a sheet reads: computed facts as attributes of `<in>`, and what stands in it. */
export const wrap = (values: Readonly<Record<string, string | number | boolean | undefined>>, inner: string): string =>
  `<in${attributes(values)}>${inner}</in>`;
