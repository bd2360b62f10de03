/** VM.create in: a whole record, of which clients write the fields they know; `vm.create` out. */
import type { ForeignAttribute, Vm } from '../../generic/model.ts';
import { GUARD } from '../../generic/native.ts';
import type { Brokered } from '../../generic/platform.ts';
import { randomUuid } from '../../generic/uuid.ts';
import { applyChange } from '../../generic/vm-change.ts';
import { blankVm } from '../default-templates.ts';
import { NULL_REF } from '../ids.ts';
import type { Limits } from '../memory-limits.ts';
import { keptMap, keptSet, keptText } from '../vm-attributes.ts';
import { notSupported, Refusal } from './refusal.ts';
import { idOf } from './targets.ts';
import { checkCpus } from './vm-cpus.ts';
import { bootChange, platformChange } from './vm-fields.ts';
import { checkLimits, keptLimits } from './vm-memory.ts';
import { type Ending, flagArg, last, mapArg, numberArg, recordArg, setArg, textArg, type Work } from './work.ts';

type Record = Pick<Work, 'args'>;

const MAPS = ['other_config', 'xenstore_data', 'VCPUs_params', 'blocked_operations'] as const;

const attributesOf = (record: Record): ForeignAttribute[] => {
  const blank = blankVm();
  const texts = ['user_version', 'recommendations', 'affinity']
    .map((field) => [field, textArg(record, field)] as const)
    .filter(([, value]) => value !== '' && value !== NULL_REF);
  return [
    ...MAPS.flatMap((field) => keptMap(blank, field, mapArg(record, field))),
    ...(Object.keys(mapArg(record, 'blocked_operations')).length > 0 ? [keptText(GUARD, '1')] : []),
    ...keptSet(blank, 'tags', setArg(record, 'tags')),
    ...texts.map(([field, value]) => keptText(field, value)),
  ];
};

/** Sizes that the client leaves out follow those that it gives. */
const limitsOf = (record: Record, blank: Vm): Limits => {
  const given = (field: string): number | undefined => {
    const bytes = numberArg(record, field);
    return bytes > 0 ? bytes : undefined;
  };
  const staticMax = given('memory_static_max') ?? given('memory_dynamic_max') ?? blank.memoryBytes;
  const dynamicMax = given('memory_dynamic_max') ?? staticMax;
  const dynamicMin = given('memory_dynamic_min') ?? dynamicMax;
  return { staticMax, dynamicMax, dynamicMin, staticMin: given('memory_static_min') ?? 0 };
};

// biome-ignore lint/correctness/useYield: an answer like the others
export function* createVm(work: Work): Brokered<Ending> {
  const record = recordArg(work);
  const policy = textArg(record, 'HVM_boot_policy');
  // A guest of the hypervisor's own kind, started without firmware.
  if (record.args['HVM_boot_policy'] !== undefined && policy === '' && textArg(record, 'PV_bootloader') !== '')
    notSupported('PV_bootloader', textArg(record, 'PV_bootloader'), 'guests are started by their firmware');
  const affinity = textArg(record, 'affinity');
  if (affinity !== '' && affinity !== NULL_REF) idOf('host', affinity, work);
  const blank = { ...blankVm(), name: textArg(record, 'name_label') };
  const limits = limitsOf(record, blank);
  checkLimits(limits);
  const cpuMax = numberArg(record, 'VCPUs_max') || numberArg(record, 'VCPUs_at_startup') || 1;
  const cpuCount = numberArg(record, 'VCPUs_at_startup') || cpuMax;
  checkCpus('VCPUs_max', cpuCount, cpuMax);
  const platform = record.args['platform'] === undefined ? {} : platformChange(mapArg(record, 'platform'), blank);
  const boot = record.args['HVM_boot_params'] === undefined ? {} : bootChange(mapArg(record, 'HVM_boot_params'), blank);
  const made = applyChange(blank, {
    ...platform,
    ...boot,
    description: textArg(record, 'name_description'),
    template: flagArg(record, 'is_a_template'),
    cpuCount,
    cpuMax,
    memoryBytes: limits.dynamicMax,
    memoryMaxBytes: limits.staticMax,
    attributes: [
      ...(platform.attributes ?? []),
      ...(boot.attributes ?? []),
      ...attributesOf(record),
      ...keptLimits(limits),
    ],
  });
  if (!made.ok) throw new Refusal(made.fault);
  const { front } = work.context;
  return last(work, 'vm.create', front.host, {
    vm: { ...made.value, uuid: randomUuid(work.context) },
    disks: [],
    nameMayRepeat: true,
  });
}
