/** The memory setters of a VM in, one change of its memory out: all four limits are checked together, and all that a call names changes at once. */
import type { VmChange } from '../../generic/commands.ts';
import type { ForeignAttribute } from '../../generic/model.ts';
import type { Brokered } from '../../generic/platform.ts';
import { type Limits, limitsOf } from '../memory-limits.ts';
import { keptText } from '../vm-attributes.ts';
import { refuse } from './refusal.ts';
import { isUp, machineOf } from './targets.ts';
import { type Answer, type Ending, last, numberArg, type Work } from './work.ts';

const ORDER = 'memory limits must satisfy: static_min <= dynamic_min <= dynamic_max <= static_max';

export const checkLimits = ({ staticMin, dynamicMin, dynamicMax, staticMax }: Limits): void => {
  const inOrder = 0 <= staticMin && staticMin <= dynamicMin && dynamicMin <= dynamicMax && dynamicMax <= staticMax;
  if (!inOrder || staticMax <= 0 || dynamicMax <= 0) refuse('MEMORY_CONSTRAINT_VIOLATION_ORDER', ORDER);
};

export const keptLimits = ({ dynamicMin, staticMin }: Limits): ForeignAttribute[] => [
  keptText('memory_dynamic_min', String(dynamicMin)),
  keptText('memory_static_min', String(staticMin)),
];

const setter = (operation: string, wanted: (work: Work, now: Limits) => Partial<Limits>): Answer =>
  function* (work: Work): Brokered<Ending> {
    const vm = yield* machineOf(operation, work);
    const now = limitsOf(vm.doc);
    const limits = { ...now, ...wanted(work, now) };
    checkLimits(limits);
    const change: VmChange = {
      ...(limits.dynamicMax === vm.doc.memoryBytes ? {} : { memoryBytes: limits.dynamicMax }),
      ...(isUp(vm) && limits.staticMax === now.staticMax ? {} : { memoryMaxBytes: limits.staticMax }),
      attributes: keptLimits(limits),
    };
    return last(work, 'vm.change', vm.id, { change });
  };

const value = (work: Work): number => numberArg(work, 'value');

export const VM_MEMORY: Readonly<Record<string, Answer>> = {
  'VM.set_memory_limits': setter('changing_memory_limits', (work) => ({
    staticMin: numberArg(work, 'static_min'),
    staticMax: numberArg(work, 'static_max'),
    dynamicMin: numberArg(work, 'dynamic_min'),
    dynamicMax: numberArg(work, 'dynamic_max'),
  })),
  'VM.set_memory': setter('changing_memory_limits', (work, now) => ({
    staticMin: Math.min(now.staticMin, value(work)),
    staticMax: value(work),
    dynamicMin: value(work),
    dynamicMax: value(work),
  })),
  'VM.set_memory_static_range': setter('changing_static_range', (work) => ({
    staticMin: numberArg(work, 'min'),
    staticMax: numberArg(work, 'max'),
  })),
  'VM.set_memory_static_max': setter('changing_static_range', (work) => ({ staticMax: value(work) })),
  'VM.set_memory_static_min': setter('changing_static_range', (work) => ({ staticMin: value(work) })),
  'VM.set_memory_dynamic_range': setter('changing_dynamic_range', (work) => ({
    dynamicMin: numberArg(work, 'min'),
    dynamicMax: numberArg(work, 'max'),
  })),
  'VM.set_memory_dynamic_max': setter('changing_dynamic_range', (work) => ({ dynamicMax: value(work) })),
  'VM.set_memory_dynamic_min': setter('changing_dynamic_range', (work) => ({ dynamicMin: value(work) })),
};
