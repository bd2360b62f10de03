/** A VM in, its four limits of memory out, as records show them and as writes take them. */
import type { Vm } from '../generic/model.ts';
import { attributeText } from './vm-attributes.ts';

export interface Limits {
  readonly staticMin: number;
  readonly dynamicMin: number;
  readonly dynamicMax: number;
  readonly staticMax: number;
}

const written = (vm: Pick<Vm, 'attributes'>, field: string): number => Number(attributeText(vm, field) ?? Number.NaN);

/** What stands now. The lower limits are the client's alone; the host may have outgrown them since. */
export const limitsOf = (vm: Vm): Limits => {
  const dynamicMax = vm.memoryBytes;
  const [dynamicMin, staticMin] = [written(vm, 'memory_dynamic_min'), written(vm, 'memory_static_min')];
  const lower = Number.isNaN(dynamicMin) ? dynamicMax : Math.min(dynamicMin, dynamicMax);
  return {
    staticMax: Math.max(vm.memoryMaxBytes, dynamicMax),
    dynamicMax,
    dynamicMin: lower,
    staticMin: staticMin <= lower ? staticMin : 0,
  };
};
