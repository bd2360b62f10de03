/** VM.set_VCPUs_max, at_startup and number_live in, the CPUs that a VM has and can have out. */
import type { VmChange } from '../../generic/commands.ts';
import type { Vm } from '../../generic/model.ts';
import type { Brokered } from '../../generic/platform.ts';
import { refuse } from './refusal.ts';
import { machineOf } from './targets.ts';
import { type Answer, type Ending, last, numberArg, type Work } from './work.ts';

export const checkCpus = (field: string, atStartup: number, max: number): void => {
  if (!(atStartup > 0 && atStartup <= max))
    refuse('INVALID_VALUE', field, 'VCPU values must satisfy: 0 < VCPUs_at_startup <= VCPUs_max');
};

const setter = (
  operation: string,
  field: string,
  argument: string,
  wanted: (count: number, vm: Vm) => VmChange,
): Answer =>
  function* (work: Work): Brokered<Ending> {
    const vm = yield* machineOf(operation, work);
    const change = wanted(numberArg(work, argument), vm.doc);
    checkCpus(field, change.cpuCount ?? vm.doc.cpuCount, change.cpuMax ?? vm.doc.cpuMax);
    return last(work, 'vm.change', vm.id, { change });
  };

export const VM_CPUS: Readonly<Record<string, Answer>> = {
  'VM.set_VCPUs_max': setter('changing_VCPUs', 'VCPUs_max', 'value', (count) => ({ cpuMax: count })),
  // The most stays as it is, said anew: a host lets it follow otherwise.
  'VM.set_VCPUs_at_startup': setter('changing_VCPUs', 'VCPUs_at_startup', 'value', (count, { cpuMax }) => ({
    cpuCount: count,
    cpuMax,
  })),
  'VM.set_VCPUs_number_live': setter('changing_VCPUs_live', 'VCPUs_number_live', 'nvcpu', (count) => ({
    cpuCount: count,
  })),
};
