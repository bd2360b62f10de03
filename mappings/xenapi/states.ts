/** Power states, boot devices and task states of the hub as XenAPI spells them, and back. */
import type { JobState } from '../generic/jobs.ts';
import type { BootDevice, PowerState } from '../generic/model.ts';
import { twoWay } from '../generic/two-way.ts';
import type { XenPowerState } from './lifecycle.ts';

export const powerStates = twoWay<XenPowerState, PowerState>([
  ['Running', 'running'],
  ['Halted', 'stopped'],
  ['Paused', 'paused'],
  ['Suspended', 'suspended'],
]);

export const xenPowerState = (state: PowerState): XenPowerState => powerStates.fromGeneric(state) ?? 'Halted';

/** Letters of `HVM_boot_params.order`. */
export const bootLetters = twoWay<string, BootDevice>([
  ['c', 'disk'],
  ['d', 'cdrom'],
  ['n', 'network'],
  ['a', 'floppy'],
]);

export type TaskStatus = 'pending' | 'success' | 'failure' | 'cancelling' | 'cancelled';

/** A job that was asked to stop and has not yet is cancelling; one that stopped for it is cancelled. */
export const taskStatus = (state: JobState, cancelled: boolean, faultKind: string | undefined): TaskStatus => {
  switch (state) {
    case 'queued':
    case 'running':
      return cancelled ? 'cancelling' : 'pending';
    case 'success':
      return 'success';
    case 'error':
      return faultKind === 'cancelled' ? 'cancelled' : 'failure';
    default:
      return state satisfies never;
  }
};
