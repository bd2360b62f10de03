/** A fault met in the middle of a call, thrown as `Refusal` and caught once, in central.ts and stream.ts, where it becomes the answer. */
import { type Fault, type FaultKind, type FaultMembers, fault } from '../../generic/faults.ts';
import { isSubtype } from '../types.ts';

export class Refusal extends Error {
  readonly fault: Fault;
  /** true: a SOAP fault even where the method answers with a task. */
  readonly direct: boolean;
  constructor(reason: Fault, direct: boolean) {
    super(reason.text);
    this.fault = reason;
    this.direct = direct;
  }
}

export function refuse<K extends FaultKind>(kind: K, members: FaultMembers[K], text = ''): never {
  throw new Refusal(fault(kind, members, text), false);
}

export function refuseDirectly<K extends FaultKind>(kind: K, members: FaultMembers[K], text = ''): never {
  throw new Refusal(fault(kind, members, text), true);
}

/** A fault type of vim25 that the hub has no kind for: `kind` is what other fronts would show. */
export function refuseAs<K extends FaultKind>(
  kind: K,
  members: FaultMembers[K],
  native: { readonly code: string; readonly detail?: Readonly<Record<string, unknown>>; readonly text: string },
): never {
  if (!isSubtype(native.code, 'MethodFault')) throw new Error(`no fault type ${native.code}`);
  throw new Refusal(fault(kind, members, native.text, { platform: 'vim25', detail: {}, ...native }), false);
}

export function notSupported(what: string): never {
  refuse('not-supported', {}, what);
}

export function invalidArgument(property: string): never {
  refuse('invalid-argument', { property });
}

export function invalidDevice(index: number, member: string): never {
  const property = `deviceChange[${index}].${member}`;
  return refuse('invalid-device', { index, property });
}

/** Subtypes of InvalidDeviceSpec share its two members. */
export function deviceFault(
  index: number,
  member: string,
  code: string,
  text: string,
  more: Readonly<Record<string, unknown>> = {},
): never {
  const property = `deviceChange[${index}].${member}`;
  return refuseAs(
    'invalid-device',
    { index, property },
    { code, text, detail: { property, deviceIndex: index, ...more } },
  );
}

export function invalidDatastore(name: string): never {
  refuseAs('not-found', {}, { code: 'InvalidDatastore', detail: { name }, text: `Invalid datastore name '${name}'.` });
}
