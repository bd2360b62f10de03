/** What the property collector knows of a managed object, whatever it is made of: rendered text, relations, or values of the broker. */
import type { HubId } from '../../generic/ids.ts';
import type { MoRef } from '../ids.ts';

/** A property's value as it stands in an Any: `<val ${attributes}>${inner}</val>`. Arrays are already wrapped as members of ArrayOfX. */
export interface Fragment {
  /** ` xsi:type="xsd:string"`, or ` type="Folder" xsi:type="ManagedObjectReference"`, with its leading space. */
  readonly attributes: string;
  readonly inner: string;
  /** The vim25 type of the value (`string`, `VirtualMachineConfigInfo`, `ManagedObject`) and whether it is an array of it. */
  readonly type: string;
  readonly array: boolean;
}

/** `unset`: a known property without a value. `invalid`: no such path. */
export type Property = Fragment | 'unset' | 'invalid';

export interface ManagedObject {
  readonly ref: MoRef;
  /** The hub object it is made of: its version is the object's version. Absent for furniture. */
  readonly hub?: HubId;
  property(path: string): Property;
  /** References that a property holds, for traversal, without making text. undefined: no such property. */
  references(path: string): readonly MoRef[] | undefined;
  /**
   * Store version at which the text of the path last changed; undefined when the object keeps none: its changes are found by
   * comparing text.
   */
  changed(path: string): number | undefined;
}
