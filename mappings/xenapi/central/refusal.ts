/** An error met in the middle of a call, thrown as `Refusal` and caught once, in central.ts, where it becomes the answer or the task's end. */
import type { Fault } from '../../generic/faults.ts';
import { xenFault } from '../faults.ts';

export class Refusal extends Error {
  readonly fault: Fault;
  constructor(reason: Fault) {
    super(reason.text);
    this.fault = reason;
  }
}

/** XenAPI's own error, its code first. */
export function refuse(code: string, ...params: readonly string[]): never {
  throw new Refusal(xenFault(code, ...params));
}

export function invalidHandle(cls: string, ref: string): never {
  return refuse('HANDLE_INVALID', cls, ref);
}

/** What the API has and a host like this cannot be told. */
export function notSupported(field: string, value: string, reason: string): never {
  return refuse('VALUE_NOT_SUPPORTED', field, value, reason);
}
