/** The VM that a configuration spec starts from: what an ESXi host fills in where the client says nothing. */
import { emptyVm } from '../../generic/empty-vm.ts';
import type { Vm } from '../../generic/model.ts';

const MIB = 1024 * 1024;

export const blankVm = (): Vm => emptyVm(32 * MIB, 32);
