/** The JavaScript shapes of vim25 values, between decode.ts and encode.ts: JSON-like, safe on the link. */

/** A managed object reference. `_type` tells it from a data object where anything may stand. */
export interface MoRef {
  readonly _type: 'ManagedObjectReference';
  readonly type: string;
  readonly value: string;
}

/** A data object: members by their wire names. `_type` may be left out where the declared type is meant. */
export interface DataObject {
  readonly _type?: string;
  readonly [member: string]: unknown;
}

/**
 * A value whose type JavaScript does not show, for places declared anyType: long, dateTime, an enumeration, 'ArrayOfX'.
 * Plain strings, booleans, integers of 32 bit, data objects and references need no wrapper.
 */
export interface Typed {
  readonly _type: string;
  readonly _value: unknown;
}

/** A value already written as XML by someone who knows its type: `_xml` is what stands between its tags. */
export interface Rendered {
  readonly _type: string;
  readonly _xml: string;
}

export const moRef = (type: string, value: string): MoRef => ({ _type: 'ManagedObjectReference', type, value });

export const typed = (type: string, value: unknown): Typed => ({ _type: type, _value: value });

export const rendered = (type: string, xml: string): Rendered => ({ _type: type, _xml: xml });

export const isMoRef = (value: unknown): value is MoRef =>
  typeof value === 'object' && value !== null && (value as { _type?: unknown })._type === 'ManagedObjectReference';

/** The bare value of a decoded anyType: unwraps `Typed`, leaves the rest. */
export const plain = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && '_value' in value ? (value as Typed)._value : value;
