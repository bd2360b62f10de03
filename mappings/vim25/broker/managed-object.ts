/** What the property collector knows of a managed object, whatever it is made of: rendered text, relations, or values of the broker. */
import type { HubId } from '../../generic/ids.ts';
import { encodeAny } from '../encode.ts';
import type { MoRef } from '../values.ts';

/** A property's value as it stands in an Any: `<val${attributes}>${inner}</val>`. Arrays are already members of an ArrayOfX. */
export interface Fragment {
  /** ` xsi:type="xsd:string"`, or ` type="Folder" xsi:type="ManagedObjectReference"`, with its leading space. */
  readonly attributes: string;
  readonly inner: string;
}

/** `unset`: a known property without a value. `invalid`: no such path. */
export type Property = Fragment | 'unset' | 'invalid';

export interface ManagedObject {
  readonly ref: MoRef;
  /** The hub object it is made of: its version is the object's version. Absent for furniture. */
  readonly hub?: HubId;
  property(path: string): Property;
  /**
   * Store version at which the value of the path last changed; undefined when the object keeps none: its changes are found by
   * comparing text.
   */
  changed(path: string): number | undefined;
}

/** A value of a declared type as a fragment. */
export const fragmentOf = (type: string, array: boolean, value: unknown, version: string): Fragment => {
  const text = encodeAny('v', type, array, value, version);
  const end = text.indexOf('>');
  return { attributes: text.slice(2, end), inner: text.slice(end + 1, -4) };
};

const REFERENCE = /\btype="(\w+)"[^>]*>([^<]*)</g;
const UNESCAPE: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&apos;': "'",
};
export const unescapeText = (text: string): string =>
  text.includes('&') ? text.replace(/&(?:amp|lt|gt|quot|apos);/g, (entity) => UNESCAPE[entity] ?? entity) : text;

/** The references in a fragment: itself, or the members of its array. */
export const referencesIn = (
  { attributes, inner }: Fragment,
  make: (type: string, value: string) => MoRef,
): MoRef[] => {
  const found: MoRef[] = [];
  const text = attributes.includes('ArrayOf') ? inner : `${attributes}>${inner}<`;
  for (const [, type = '', value = ''] of text.matchAll(REFERENCE)) found.push(make(type, unescapeText(value)));
  return found;
};
