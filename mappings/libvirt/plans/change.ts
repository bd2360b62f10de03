/** vm.change in, its plan out: one new definition for a stopped VM; live calls and then the definition for one that runs. */
import type { VmChange } from '../../generic/commands.ts';
import type { Vm } from '../../generic/model.ts';
import type { Plan, Step } from '../../generic/plan.ts';
import {
  call,
  type Found,
  found,
  type Planning,
  paramsOf,
  probe,
  refuse,
  sealed,
  step,
} from '../../generic/planning.ts';
import { formatForCall, formatMetadata, metadataOfVm, readMetadata } from '../metadata.ts';
import { child, parseSpans, textOf } from '../spans.ts';
import { draftOf } from './change-draft.ts';
import { checkBuses, checkSize } from './create.ts';
import { liveSteps } from './live-change.ts';
import { isLiveMove, planLiveMove } from './live-move.ts';
import {
  checkName,
  checkNetworks,
  digest,
  freeDomainName,
  isActive,
  isPersistent,
  refuseDuplicate,
} from './planning.ts';
import { AFFECT, dom, metadataStep, setAutostart, WITHOUT_EFFECT } from './steps.ts';

/** What may change at any time, being words only. */
const WORDS = new Set<keyof VmChange>([
  'name',
  'description',
  'osId',
  'instanceUuid',
  'template',
  'attributes',
  'autostart',
  'cpuShare',
  'memoryShare',
]);

/** What the hardware of a running VM fixes. */
const FIXED = [
  'cpuMax',
  'memoryMaxBytes',
  'coresPerSocket',
  'cpuHotAdd',
  'memoryHotAdd',
  'firmware',
  'secureBoot',
] as const satisfies readonly (keyof VmChange)[];

const checkState = (vm: Found<'vm'>, after: Vm, change: VmChange): void => {
  const { doc } = vm;
  const touched = (Object.keys(change) as (keyof VmChange)[]).filter(
    (field) => change[field] !== undefined && !WORDS.has(field),
  );
  const wrong = (text: string): never =>
    refuse('wrong-state', { requested: 'stopped', existing: doc.powerState }, text);
  // A saved VM goes on with the hardware it was saved with.
  if (doc.powerState === 'suspended' && touched.length > 0) wrong(`${doc.name} is suspended.`);
  if (!isActive(vm)) return;
  for (const field of FIXED)
    if (change[field] !== undefined && change[field] !== doc[field])
      wrong(`${field} can only be changed while ${doc.name} is powered off.`);
  if (after.memoryBytes > doc.memoryMaxBytes)
    refuse(
      'invalid-vm-config',
      { property: 'memoryBytes' },
      'Memory hot plug is not supported for this virtual machine.',
    );
  if (after.cpuCount > doc.cpuMax)
    refuse('invalid-vm-config', { property: 'cpuCount' }, 'CPU hot plug is not supported for this virtual machine.');
  if (after.cpuCount < doc.cpuCount) wrong(`CPUs can only be taken from ${doc.name} while it is powered off.`);
  for (const [index, { slot }] of (change.disks?.add ?? []).entries())
    if (slot.bus === 'ide' || slot.bus === 'sata')
      refuse('invalid-device', { index, property: 'slot' }, `${slot.bus} takes no disks while the machine runs.`);
  for (const { to } of change.nics?.change ?? [])
    if (to.model !== undefined || to.mac !== undefined || to.mtu !== undefined)
      wrong(`A network card of ${doc.name} can only be exchanged while it is powered off.`);
  for (const { to } of change.disks?.change ?? [])
    if (to.readOnly !== undefined || to.shareable !== undefined || to.persistent !== undefined || to.slot !== undefined)
      wrong(`A disk of ${doc.name} can only be changed so while it is powered off.`);
};

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Title, description and our own element as calls of their own: they need no new definition. */
const wordSteps = (vm: Found<'vm'>, after: Vm, flags: number): Step[] => {
  const text = vm.native.parts['domain'] ?? vm.native.parts['live'] ?? '';
  const domain = parseSpans(text);
  const uuid = vm.native.native;
  const steps: Step[] = [];
  const oldTitle = textOf(text, child(domain, 'title'));
  // A title that says the same as the name is someone's: it stays while nothing is renamed.
  const isRenamed = after.name !== vm.doc.name || after.nativeName !== vm.doc.nativeName;
  const title = !isRenamed ? oldTitle : after.name === after.nativeName ? '' : after.name;
  if (title !== oldTitle) steps.push(metadataStep(uuid, 'title', title, oldTitle, flags));
  const { description } = vm.doc;
  if (after.description !== description)
    steps.push(metadataStep(uuid, 'description', after.description, description, flags));
  const old = readMetadata(text, domain);
  const own = {
    ...metadataOfVm(after, old.job === undefined ? {} : { job: old.job }),
    cpuHotAdd: isSame(after.cpuHotAdd, vm.doc.cpuHotAdd) ? old.cpuHotAdd === true : after.cpuHotAdd,
  };
  if (!isSame(metadataOfVm(after), metadataOfVm(vm.doc)) && formatMetadata(own) !== formatMetadata(old))
    steps.push(metadataStep(uuid, 'element', formatForCall(own), formatForCall(old), flags));
  return steps;
};

/** A domain is renamed only while it is stopped, not saved, and without snapshots (libvirt 9.0). */
const canRename = (vm: Found<'vm'>): boolean =>
  !isActive(vm) && isPersistent(vm) && vm.doc.powerState === 'stopped' && vm.doc.snapshots.length === 0;

const renameStep = (uuid: string, from: string, to: string): Step =>
  step(
    'rename',
    'compensatable',
    call('DOMAIN_RENAME', { dom: dom(uuid), new_name: to, flags: 0 }),
    probe('name-is', { uuid, name: to }),
    {
      undo: call('DOMAIN_RENAME', { dom: dom(uuid), new_name: from, flags: 0 }),
    },
  );

/** Everything that is not words. */
const isHardware = (before: Vm, after: Vm): boolean => {
  const strip = (vm: Vm): unknown => {
    const {
      name,
      nativeName,
      description,
      osId,
      instanceUuid,
      template,
      attributes,
      autostart,
      cpuShare,
      memoryShare,
      ...rest
    } = vm;
    return { ...rest, disks: rest.disks.map(({ capacityBytes, allocationBytes, ...disk }) => disk) };
  };
  return !isSame(strip(before), strip(after));
};

/** The steps that bring a VM from one document to another, its volumes apart. */
const editSteps = async (vm: Found<'vm'>, before: Vm, after: Vm, planning: Planning): Promise<Step[]> => {
  const { native } = vm;
  const uuid = native.native;
  const active = isActive(vm);
  const flags = (active ? AFFECT.live : 0) | (isPersistent(vm) ? AFFECT.config : 0);
  const steps: Step[] = [];
  const isRenamed = after.nativeName !== before.nativeName;
  if (isRenamed) steps.push(renameStep(uuid, before.nativeName, after.nativeName));
  if (!isHardware(before, after)) return [...steps, ...wordSteps(vm, after, flags)];
  const xml = await planning.context.fromGeneric({ kind: 'vm', native, before, after });
  if (active) steps.push(...wordSteps(vm, after, AFFECT.live), ...liveSteps(vm, after, xml));
  if (isPersistent(vm)) {
    const stored = native.parts['domain'] ?? '';
    steps.push(
      step(
        'define',
        'pivot',
        // A definition that virsh changed since we read it is not written over (driver/definitions.ts): libvirt tells of few such changes.
        call('DOMAIN_DEFINE_XML_FLAGS', { xml, flags: 0, ...(isRenamed ? {} : { over: digest(stored) }) }),
        probe('config-differs', { uuid, sha256: digest(stored) }),
      ),
    );
  }
  return steps;
};

export const planEdit = async (vm: Found<'vm'>, change: VmChange, planning: Planning): Promise<Plan> => {
  const { command } = planning;
  const { doc, native } = vm;
  const uuid = native.native;
  if (change.uuid !== undefined && change.uuid.toLowerCase() !== doc.uuid.toLowerCase())
    refuse('not-supported', {}, 'A virtual machine keeps its UUID on this host.');
  const renamed = change.name !== undefined && change.name !== doc.name;
  if (renamed) {
    checkName(change.name ?? '');
    refuseDuplicate(change.name ?? '', planning, vm.id);
  }
  if (isActive(vm) && isLiveMove(change)) return planLiveMove(vm, change, planning);
  const draft = await draftOf(vm, change, planning);
  const after: Vm = {
    ...draft.after,
    nativeName: renamed && canRename(vm) ? freeDomainName(draft.after.name, planning, vm.id) : doc.nativeName,
  };
  checkState(vm, after, change);
  if ([change.cpuCount, change.cpuMax, change.memoryBytes, change.memoryMaxBytes].some((size) => size !== undefined))
    checkSize(after, planning);
  checkNetworks(after.nics, doc.nics, planning);
  checkBuses({ disks: draft.after.disks.filter((disk) => !doc.disks.includes(disk)), cdroms: [] });
  const { autostart, ...hardware } = after;
  const steps = [
    ...draft.first,
    ...(await editSteps(vm, doc, { ...hardware, autostart: doc.autostart }, planning)),
    ...draft.last,
  ];
  if (autostart !== doc.autostart)
    steps.push(setAutostart(uuid, autostart, steps.length === 0 ? 'pivot' : 'forward-only'));
  // What is past the pivot alone is the pivot itself.
  const ordered = steps.some(({ kind }) => kind !== 'forward-only')
    ? steps
    : steps.map((one, at): Step => (at === 0 ? { ...one, kind: 'pivot' } : one));
  return {
    host: command.host,
    queue: uuid,
    steps: sealed(ordered, WITHOUT_EFFECT),
    touches: [{ kind: 'vm', native: uuid }, ...draft.touches],
  };
};

export const planChange = async (planning: Planning): Promise<Plan> => {
  const { change, atVersion } = paramsOf(planning, 'vm.change');
  const vm = found('vm', planning.command.target, planning);
  if (atVersion !== undefined && vm.entry.version > atVersion)
    refuse('concurrent-access', {}, `${vm.doc.name} was changed by someone else.`);
  return planEdit(vm, change, planning);
};

export const planRename = (planning: Planning): Promise<Plan> =>
  planEdit(found('vm', planning.command.target, planning), { name: paramsOf(planning, 'vm.rename').name }, planning);

export const planAutostart = (planning: Planning): Promise<Plan> =>
  planEdit(
    found('vm', planning.command.target, planning),
    { autostart: paramsOf(planning, 'vm.setAutostart').autostart },
    planning,
  );
