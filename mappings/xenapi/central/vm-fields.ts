/** Writes to single fields of a VM in, `vm.change` out: what the hub knows goes to its own place, all else to the attributes that the host keeps. */
import type { VmChange } from '../../generic/commands.ts';
import type { ForeignAttribute, Vm } from '../../generic/model.ts';
import { GUARD } from '../../generic/native.ts';
import type { Brokered } from '../../generic/platform.ts';
import { table } from '../../generic/table.ts';
import { NULL_REF } from '../ids.ts';
import { bootParams, platformOf } from '../render/hardware.ts';
import { bootLetters } from '../states.ts';
import type { Default } from '../types.ts';
import {
  attributeMap,
  attributeSet,
  attributeText,
  droppedText,
  keptMap,
  keptSet,
  keptText,
} from '../vm-attributes.ts';
import { currentField } from './current.ts';
import { keep, written } from './own-fields.ts';
import { notSupported, refuse } from './refusal.ts';
import { checkOperation, idOf, type XenVm, xenVmOf } from './targets.ts';
import { type Answer, type Ending, ended, last, type Work } from './work.ts';

type StringMap = Readonly<Record<string, string>>;

/** How a field is read from the document, and what writing it changes. */
interface Rule {
  readonly read: (vm: Vm) => Default;
  readonly change: (value: Default, vm: Vm, work: Work) => VmChange;
}

const attributesOnly = (attributes: readonly ForeignAttribute[]): VmChange =>
  attributes.length === 0 ? {} : { attributes: [...attributes] };

const kept = (field: string): Rule => ({
  read: (vm) => attributeMap(vm, field),
  change: (value, vm) => attributesOnly(keptMap(vm, field, value as StringMap)),
});

const text = (field: string, check?: (value: string, work: Work) => void): Rule => ({
  read: () => '',
  change: (value, _vm, work) => {
    check?.(String(value), work);
    return { attributes: [keptText(field, String(value))] };
  },
});

/** What happens then is the host's: only what it does can be asked for. */
const only =
  (field: string, ...fitting: string[]) =>
  (value: string): void => {
    if (!fitting.includes(value)) notSupported(field, value, `this host knows ${fitting.join(' and ')}`);
  };

/** A field that has one value on every host of this kind. */
const fixed = (field: string, shown: Default, fitting: string): Rule => ({
  read: () => shown,
  change: (value) => {
    only(field, fitting)(String(value));
    return {};
  },
});

const FIRMWARE = table<'bios' | 'efi'>({ bios: 'bios', uefi: 'efi' });

export const platformChange = (value: Default, vm: Vm): VmChange => {
  const { 'cores-per-socket': cores, secureboot, ...rest } = value as StringMap;
  const count = cores === undefined ? 1 : /^[1-9]\d{0,3}$/.test(cores) ? Number(cores) : Number.NaN;
  if (!Number.isInteger(count)) return refuse('INVALID_VALUE', 'platform:cores-per-socket', cores ?? '');
  const isSecure = secureboot === 'true' || (secureboot === 'auto' && vm.secureBoot);
  return {
    ...(count === vm.coresPerSocket ? {} : { coresPerSocket: count }),
    ...(isSecure === vm.secureBoot ? {} : { secureBoot: isSecure }),
    ...attributesOnly(keptMap(vm, 'platform', rest)),
  };
};

export const bootChange = (value: Default, vm: Vm): VmChange => {
  const { order, firmware, ...rest } = value as StringMap;
  const wanted = FIRMWARE[firmware ?? 'bios'];
  if (wanted === undefined) return notSupported('HVM_boot_params:firmware', firmware ?? '', 'it is bios or uefi');
  const letters = order === undefined || order === '' ? 'cdn' : order;
  const bootOrder = [...new Set(letters)].map(
    (letter) => bootLetters.toGeneric(letter) ?? refuse('INVALID_VALUE', 'HVM_boot_params:order', letters),
  );
  return {
    ...(wanted === vm.firmware ? {} : { firmware: wanted }),
    ...(bootOrder.join() === vm.bootOrder.join() ? {} : { bootOrder }),
    ...attributesOnly(keptMap(vm, 'HVM_boot_params', rest)),
  };
};

/** What is blocked is known here and not to the host: no command may pass by. */
const blocked: Rule = {
  read: (vm) => attributeMap(vm, 'blocked_operations'),
  change: (value, vm) => {
    const map = value as StringMap;
    const isGuarded = attributeText(vm, GUARD) !== undefined;
    const wanted = Object.keys(map).length > 0;
    const guard = wanted === isGuarded ? [] : [wanted ? keptText(GUARD, '1') : droppedText(GUARD)];
    return attributesOnly([...keptMap(vm, 'blocked_operations', map), ...guard]);
  },
};

/** XenAPI's own key for a machine that comes up with its host. */
const AUTOSTART = 'auto_poweron';

const otherConfig: Rule = {
  read: (vm) => attributeMap(vm, 'other_config'),
  change: (value, vm) => {
    const map = value as StringMap;
    const before = attributeMap(vm, 'other_config')[AUTOSTART];
    const autostart = map[AUTOSTART] === 'true';
    const differs = before !== map[AUTOSTART] && autostart !== vm.autostart;
    return { ...attributesOnly(keptMap(vm, 'other_config', map)), ...(differs ? { autostart } : {}) };
  },
};

const RULES = table<Rule>({
  name_label: { read: ({ name }) => name, change: (value) => ({ name: String(value) }) },
  name_description: { read: ({ description }) => description, change: (value) => ({ description: String(value) }) },
  platform: { read: platformOf, change: platformChange },
  HVM_boot_params: { read: bootParams, change: bootChange },
  other_config: otherConfig,
  xenstore_data: kept('xenstore_data'),
  VCPUs_params: kept('VCPUs_params'),
  blocked_operations: blocked,
  tags: {
    read: (vm) => [...attributeSet(vm, 'tags')],
    change: (value, vm) => attributesOnly(keptSet(vm, 'tags', value as readonly string[])),
  },
  affinity: text('affinity', (value, work) => {
    if (value !== NULL_REF && value !== '') idOf('host', value, work);
  }),
  user_version: text('user_version'),
  recommendations: text('recommendations'),
  actions_after_shutdown: text('actions_after_shutdown', only('actions_after_shutdown', 'destroy')),
  actions_after_reboot: text('actions_after_reboot', only('actions_after_reboot', 'restart')),
  actions_after_crash: text('actions_after_crash', only('actions_after_crash', 'destroy', 'restart')),
  HVM_boot_policy: fixed('HVM_boot_policy', 'BIOS order', 'BIOS order'),
  domain_type: fixed('domain_type', 'hvm', 'hvm'),
  has_vendor_device: fixed('has_vendor_device', false, 'false'),
});

type Kind = 'set-field' | 'add' | 'remove' | 'add-to' | 'remove-from';

/** What no machine of the host's own is: its fields are kept here. Names of a snapshot are the host's. */
function* writeOther(target: Exclude<XenVm, { kind: 'vm' }>, field: string, kind: Kind, work: Work): Brokered<Ending> {
  if (target.kind === 'snapshot' && (field === 'name_label' || field === 'name_description')) {
    const value = String(work.args['value']);
    return last(work, 'snapshot.rename', target.vm.id, {
      snapshot: target.snapshot.native,
      ...(field === 'name_label' ? { name: value } : { description: value }),
    });
  }
  const before = yield* currentField('VM', work.self, field, work);
  const value = written(kind, field, before, work);
  if (value !== undefined) keep(work.self, field, value, work);
  return ended();
}

const writes = (field: string, kind: Kind): Answer =>
  function* (work: Work): Brokered<Ending> {
    const target = yield* xenVmOf(work.self, work);
    const rule = RULES[field];
    if (target.kind !== 'vm') return yield* writeOther(target, field, kind, work);
    if (!rule) {
      const before = yield* currentField('VM', work.self, field, work);
      const value = written(kind, field, before, work);
      if (value !== undefined) keep(work.self, field, value, work);
      return ended();
    }
    const value = written(kind, field, rule.read(target.doc), work);
    const change = value === undefined ? {} : rule.change(value, target.doc, work);
    return Object.keys(change).length === 0
      ? ended()
      : last(work, 'vm.change', target.id, { change, ...(change.name === undefined ? {} : { nameMayRepeat: true }) });
  };

function* setIsATemplate(work: Work): Brokered<Ending> {
  const target = yield* xenVmOf(work.self, work);
  const template = work.args['value'] === true;
  switch (target.kind) {
    case 'dom0':
      return refuse('OPERATION_NOT_ALLOWED', 'This operation is not allowed on the control domain');
    case 'template':
      return template ? ended() : refuse('OPERATION_NOT_ALLOWED', 'A built-in template stays one: clone it');
    case 'snapshot':
      keep(work.self, 'is_a_template', template, work);
      return ended();
    case 'vm':
      if (target.doc.template === template) return ended();
      if (template) checkOperation('make_into_template', target, work);
      return last(work, 'vm.change', target.id, { change: { template } });
    default:
      return target satisfies never;
  }
}

const KINDS = {
  set_: 'set-field',
  add_to_: 'add-to',
  remove_from_: 'remove-from',
  add_: 'add',
  remove_: 'remove',
} as const;

/** `VM.set_<field>`, `add_to_`, `remove_from_`, `add_`, `remove_`; undefined: it is no such write. */
export const vmFieldAnswer = (method: string): Answer | undefined => {
  if (method === 'VM.set_is_a_template') return setIsATemplate;
  const [, verb = '', field = ''] = /^VM\.(set_|add_to_|remove_from_|add_|remove_)(\w+)$/.exec(method) ?? [];
  return field === '' ? undefined : writes(field, KINDS[verb as keyof typeof KINDS]);
};
