/** What uploads and downloads of disks share whose file has another format than the client speaks: a part of a volume's file as a call, and faults that leave from inside. */
import type { Fault, Outcome } from '../mappings/generic/faults.ts';
import type { NativeCall } from '../mappings/generic/native.ts';
import { CLUSTER_BYTES } from '../mappings/generic/qcow2.ts';

export const ZEROES = new Uint8Array(CLUSTER_BYTES);

export const part = (call: NativeCall, offsetBytes: number, lengthBytes: number): NativeCall => ({
  ...call,
  args: { ...call.args, offsetBytes, lengthBytes },
});

export class Broken extends Error {
  readonly fault: Fault;
  constructor(reason: Fault) {
    super(reason.text);
    this.fault = reason;
  }
}

export const orBroken = <T>(outcome: Outcome<T>): T => {
  if (outcome.ok) return outcome.value;
  throw new Broken(outcome.fault);
};
