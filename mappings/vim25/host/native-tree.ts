/** A native object's documents as element trees, and the steps and values that every reader of them needs. */
import type { NativeObject } from '../../generic/native.ts';
import { attributeOf, childOf, childrenOf, readXml, type XmlElement, XSI_NS } from '../../wire/xml.ts';

const LIMITS = { maxBytes: 16 * 1024 * 1024, maxDepth: 200, maxElements: 500_000 };

export const partOf = (object: NativeObject, part: string): XmlElement => {
  const text = object.parts[part];
  if (text === undefined) throw new Error(`a ${object.kind} without its ${part}`);
  const read = readXml(text, LIMITS);
  if (!read.ok) throw new Error(`the ${part} of ${object.kind} ${object.native}: ${read.fault.text}`);
  return read.root;
};

export const at = (element: XmlElement | undefined, ...steps: readonly string[]): XmlElement | undefined => {
  let found = element;
  for (const step of steps) found = found && childOf(found, step);
  return found;
};

export const all = (element: XmlElement | undefined, name: string): readonly XmlElement[] =>
  element === undefined ? [] : childrenOf(element, name);

export const textAt = (element: XmlElement | undefined, ...steps: readonly string[]): string =>
  at(element, ...steps)?.text ?? '';

export const numberAt = (element: XmlElement | undefined, ...steps: readonly string[]): number | undefined => {
  const text = textAt(element, ...steps).trim();
  return text === '' || Number.isNaN(Number(text)) ? undefined : Number(text);
};

export const flagAt = (element: XmlElement | undefined, ...steps: readonly string[]): boolean =>
  /^(true|1)$/.test(textAt(element, ...steps).trim());

export const dynamicType = (element: XmlElement | undefined): string =>
  (element && attributeOf(element, 'type', XSI_NS)) ?? '';

/** Milliseconds since the epoch; hosts say 1970 of what they do not know. */
export const timeAt = (element: XmlElement | undefined, ...steps: readonly string[]): number | undefined => {
  const ms = Date.parse(textAt(element, ...steps).trim());
  return Number.isNaN(ms) || ms <= 0 ? undefined : ms;
};
