import type { HostSide } from '../generic/platform.ts';
export const plan: HostSide['plan'] = async () => { throw new Error('x'); };
