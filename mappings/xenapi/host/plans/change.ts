/** vm.change, vm.rename and vm.setAutostart in, their plans out: a setter for each field that differs, then the devices, then what cannot be taken back. */
import type { VmChange } from '../../../generic/commands.ts';
import type { Vm } from '../../../generic/model.ts';
import type { Plan } from '../../../generic/plan.ts';
import { call, type Planning, paramsOf, probe, Refusal, refuse } from '../../../generic/planning.ts';
import { applyChange } from '../../../generic/vm-change.ts';
import { attributesOf, nativeValue, placeOf } from '../attributes.ts';
import { own } from '../names.ts';
import { ownTexts } from '../own-fields.ts';
import { mapGet } from '../plain.ts';
import { changeCards } from './cards.ts';
import { bootOrderText, checkKinds, deviceModel } from './create.ts';
import { type Draft, newDraft, orNone, setField, setKey, setTag } from './draft.ts';
import { changeDrives } from './drives.ts';
import {
  checkName,
  checkSize,
  hostRecord,
  isActive,
  refuseDuplicate,
  type TargetVm,
  targetVm,
  wrongState,
} from './planning.ts';

/** What may change at any time, being words only. */
const WORDS = new Set<keyof VmChange>([
  'name',
  'description',
  'osId',
  'bits',
  'instanceUuid',
  'attributes',
  'autostart',
  'cpuShare',
  'memoryShare',
  'cpuHotAdd',
  'memoryHotAdd',
]);

/** What the hardware of a running VM fixes. */
const FIXED = ['coresPerSocket', 'firmware', 'secureBoot', 'template'] as const satisfies readonly (keyof VmChange)[];

const checkState = (target: TargetVm, after: Vm, change: VmChange): void => {
  const { doc } = target;
  const touched = (Object.keys(change) as (keyof VmChange)[]).filter(
    (field) => change[field] !== undefined && !WORDS.has(field),
  );
  // A suspended VM goes on with the hardware it was suspended with.
  if (doc.powerState === 'suspended' && touched.length > 0) wrongState(target, `${doc.name} is suspended.`);
  if (!isActive(target)) return;
  for (const field of FIXED)
    if (change[field] !== undefined && change[field] !== doc[field])
      wrongState(target, `${field} can only be changed while ${doc.name} is powered off.`);
  for (const field of ['cpuMax', 'memoryMaxBytes'] as const)
    if (after[field] !== doc[field])
      wrongState(target, `${field} can only be changed while ${doc.name} is powered off.`);
  if (after.memoryBytes > doc.memoryMaxBytes)
    refuse('invalid-vm-config', { property: 'memoryBytes' }, `${doc.name} takes no more memory while it runs.`);
  if (after.cpuCount > doc.cpuMax)
    refuse('invalid-vm-config', { property: 'cpuCount' }, `${doc.name} takes no more CPUs while it runs.`);
  if (after.cpuCount < doc.cpuCount)
    wrongState(target, `CPUs can only be taken from ${doc.name} while it is powered off.`);
};

const memorySteps = (draft: Draft, { ref, vm, doc }: TargetVm, after: Vm, active: boolean): void => {
  if (after.memoryBytes === doc.memoryBytes && after.memoryMaxBytes === doc.memoryMaxBytes) return;
  const { kept } = vm;
  const asked = probe('field-is', {
    cls: 'VM',
    self: ref,
    field: 'memory_dynamic_max',
    is: [String(after.memoryBytes)],
  });
  if (active) {
    const range = (min: number, max: number) => call('Async.VM.set_memory_dynamic_range', { self: ref, min, max });
    const { memoryBytes } = after;
    const undo = range(kept.number('memory_dynamic_min'), kept.number('memory_dynamic_max'));
    draft.add('set memory', 'compensatable', range(memoryBytes, memoryBytes), asked, undo);
    return;
  }
  const limits = (staticMin: number, staticMax: number, dynamicMin: number, dynamicMax: number) =>
    call('VM.set_memory_limits', {
      self: ref,
      static_min: staticMin,
      static_max: staticMax,
      dynamic_min: dynamicMin,
      dynamic_max: dynamicMax,
    });
  const least = kept.number('memory_static_min');
  draft.add(
    'set memory',
    'compensatable',
    limits(
      Math.min(least, after.memoryBytes),
      Math.max(after.memoryMaxBytes, after.memoryBytes),
      after.memoryBytes,
      after.memoryBytes,
    ),
    asked,
    limits(
      least,
      kept.number('memory_static_max'),
      kept.number('memory_dynamic_min'),
      kept.number('memory_dynamic_max'),
    ),
  );
};

const cpuSteps = (draft: Draft, { ref, doc }: TargetVm, after: Vm, active: boolean): void => {
  if (active) {
    if (after.cpuCount === doc.cpuCount) return;
    const live = (nvcpu: number) => call('Async.VM.set_VCPUs_number_live', { self: ref, nvcpu });
    draft.add('set CPUs', 'compensatable', live(after.cpuCount), probe('always', {}), live(doc.cpuCount));
    return;
  }
  const max = Math.max(after.cpuMax, after.cpuCount);
  const set = (field: 'VCPUs_max' | 'VCPUs_at_startup', to: number, from: number): void => {
    if (to !== from) setField(draft, 'VM', ref, field, to, from);
  };
  // Never more at startup than at most, at any moment.
  if (max >= doc.cpuMax) set('VCPUs_max', max, doc.cpuMax);
  set('VCPUs_at_startup', after.cpuCount, doc.cpuCount);
  if (max < doc.cpuMax) set('VCPUs_max', max, doc.cpuMax);
};

const attributeSteps = (draft: Draft, { ref, vm }: TargetVm, after: Vm, change: VmChange): void => {
  if (!change.attributes) return;
  const keyOf = ({ owner, key }: { owner: string; key: string }): string => JSON.stringify([owner, key]);
  const before = new Map(attributesOf(vm.kept).map((one) => [keyOf(one), one]));
  const wanted = new Map(after.attributes.map((one) => [keyOf(one), one]));
  for (const one of change.attributes) {
    const [was, is] = [before.get(keyOf(one)), wanted.get(keyOf(one))];
    if (was?.value === is?.value) continue;
    const place = placeOf(one);
    if (place.field === 'tags') setTag(draft, ref, place.key, is !== undefined);
    else setKey(draft, 'VM', ref, place.field, place.key, is && nativeValue(is), was && nativeValue(was));
  }
};

const setOther = (draft: Draft, { ref, vm }: TargetVm, key: string, value: string): void =>
  setKey(draft, 'VM', ref, 'other_config', key, orNone(value), mapGet(vm.kept.map('other_config'), key));

/** The host starts such VMs only if its pool says that it does so at all. */
const autostartSteps = (draft: Draft, target: TargetVm, autostart: boolean, planning: Planning): void => {
  const [pool] = hostRecord(planning).joined('pool');
  if (autostart && pool)
    setKey(
      draft,
      'pool',
      pool.ref,
      'other_config',
      'auto_poweron',
      'true',
      mapGet(pool.map('other_config'), 'auto_poweron'),
    );
  setOther(draft, target, 'auto_poweron', autostart ? 'true' : '');
};

const wordSteps = (draft: Draft, target: TargetVm, after: Vm, change: VmChange, planning: Planning): void => {
  const { ref, doc } = target;
  if (after.name !== doc.name) setField(draft, 'VM', ref, 'name_label', after.name, doc.name);
  if (after.description !== doc.description)
    setField(draft, 'VM', ref, 'name_description', after.description, doc.description);
  if (after.autostart !== doc.autostart) autostartSteps(draft, target, after.autostart, planning);
  const texts = ownTexts(after);
  const old = ownTexts(doc);
  for (const key of Object.keys(texts)) if (texts[key] !== old[key]) setOther(draft, target, key, texts[key] ?? '');
  // Nobody else's from now on.
  if (after.instanceUuid !== doc.instanceUuid) setOther(draft, target, own.uuid, doc.uuid);
  attributeSteps(draft, target, after, change);
};

const hardwareSteps = (draft: Draft, target: TargetVm, after: Vm): void => {
  const { ref, vm, doc } = target;
  const set = (field: 'platform' | 'HVM_boot_params', key: string, value: string): void =>
    setKey(draft, 'VM', ref, field, key, value, mapGet(vm.kept.map(field), key));
  if (after.coresPerSocket !== doc.coresPerSocket) set('platform', 'cores-per-socket', String(after.coresPerSocket));
  if (after.secureBoot !== doc.secureBoot) set('platform', 'secureboot', String(after.secureBoot));
  if (after.firmware !== doc.firmware) {
    set('HVM_boot_params', 'firmware', after.firmware === 'efi' ? 'uefi' : 'bios');
    set('platform', 'device-model', deviceModel(after.firmware));
  }
  if (bootOrderText(after) !== bootOrderText(doc)) set('HVM_boot_params', 'order', bootOrderText(after));
  const active = isActive(target);
  memorySteps(draft, target, after, active);
  cpuSteps(draft, target, after, active);
};

export const planEdit = (target: TargetVm, change: VmChange, planning: Planning): Plan => {
  const { doc, ref } = target;
  if (change.uuid !== undefined && change.uuid.toLowerCase() !== doc.uuid.toLowerCase())
    refuse('not-supported', {}, 'A virtual machine keeps its UUID on this host.');
  if (change.name !== undefined && change.name !== doc.name) {
    checkName(change.name);
    refuseDuplicate(change.name, planning, target.id);
  }
  const applied = applyChange(doc, change);
  if (!applied.ok) throw new Refusal(applied.fault);
  const after = applied.value;
  checkKinds(after);
  checkState(target, after, change);
  if (change.cpuCount !== undefined || change.memoryBytes !== undefined) checkSize(after, planning);
  const draft = newDraft(planning.command.host, target.entry.native);
  draft.touch({ kind: 'vm', native: target.entry.native });
  wordSteps(draft, target, after, change, planning);
  hardwareSteps(draft, target, after);
  changeDrives(draft, target, change, planning);
  changeCards(draft, target, change, planning);
  if (after.template !== doc.template) setField(draft, 'VM', ref, 'is_a_template', after.template, doc.template);
  return draft.plan();
};

export const planChange = async (planning: Planning): Promise<Plan> =>
  planEdit(targetVm(planning), paramsOf(planning, 'vm.change').change, planning);

export const planRename = async (planning: Planning): Promise<Plan> =>
  planEdit(targetVm(planning), { name: paramsOf(planning, 'vm.rename').name }, planning);

export const planAutostart = async (planning: Planning): Promise<Plan> =>
  planEdit(targetVm(planning), { autostart: paramsOf(planning, 'vm.setAutostart').autostart }, planning);
