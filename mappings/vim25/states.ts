/** Power states of the hub as vim25 spells them. */
import type { PowerState } from '../generic/model.ts';
import { twoWay } from '../generic/two-way.ts';

export type VimPowerState = 'poweredOn' | 'poweredOff' | 'suspended';

/** vim25 has no pause: a paused VM is shown suspended, and PowerOn resumes it. */
export const powerStates = twoWay<VimPowerState, PowerState>(
  [
    ['poweredOn', 'running'],
    ['poweredOff', 'stopped'],
    ['suspended', 'suspended'],
  ],
  { outOnly: [['suspended', 'paused']] },
);

export const vimPowerState = (state: PowerState): VimPowerState => powerStates.fromGeneric(state) ?? 'poweredOff';
