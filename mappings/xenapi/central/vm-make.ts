/** VM.clone, copy, provision and destroy in, `vm.create`, `vm.clone`, `vm.change` and `vm.delete` out. */
import type { VmChange } from '../../generic/commands.ts';
import type { Outcome } from '../../generic/faults.ts';
import type { HubId } from '../../generic/ids.ts';
import type { ForeignAttribute } from '../../generic/model.ts';
import type { Brokered } from '../../generic/platform.ts';
import { randomUuid } from '../../generic/uuid.ts';
import { blankVm } from '../default-templates.ts';
import { NULL_REF } from '../ids.ts';
import { dropOwnFields, readOwn } from '../own-data.ts';
import { drivesOf } from '../seats.ts';
import { attributeMap, droppedKey, droppedText, keptKey } from '../vm-attributes.ts';
import { pendingOf } from './devices.ts';
import { dropped, type Follower, made } from './follow-ups.ts';
import { leaveDisks } from './left-disks.ts';
import { provisionedDisks } from './provision.ts';
import { refuse } from './refusal.ts';
import { checkOperation, type Found, storageOf, type XenVm, xenVmOf } from './targets.ts';
import { type Answer, type Ending, ended, last, textArg, type Work } from './work.ts';

/** Keys of other_config that are the template's own and not its copy's. */
const TEMPLATE_ONLY = new Set(['default_template', 'xensource_internal', 'mac_seed', 'base_template_name']);

/** Of a copy: where it comes from, and what its addresses would be drawn from. */
const copied = (from: string, isTemplate: boolean, work: Work): ForeignAttribute[] => [
  keptKey('other_config', 'mac_seed', randomUuid(work.context)),
  ...(isTemplate ? [keptKey('other_config', 'base_template_name', from)] : []),
];

const fromTemplate = (target: Extract<XenVm, { kind: 'template' }>, work: Work): Ending => {
  const { context } = work;
  const { vm, otherConfig } = target.template;
  const own = readOwn(context, target.ref, 'other_config') as Readonly<Record<string, string>> | undefined;
  const name = (readOwn(context, target.ref, 'name_label') as string | undefined) ?? vm.name;
  const attributes = [
    ...Object.entries(own ?? otherConfig)
      .filter(([key]) => !TEMPLATE_ONLY.has(key))
      .map(([key, value]) => keptKey('other_config', key, value)),
    ...copied(name, true, work),
  ];
  const made = { ...blankVm(), ...vm, name: textArg(work, 'new_name'), uuid: randomUuid(context), attributes };
  return last(work, 'vm.create', context.front.host, { vm: made, disks: [], nameMayRepeat: true });
};

/** Cards of a copy have addresses of their own: what is kept under the old ones stays behind. */
const ofOldCards = ({ doc }: Found<'vm'>): ForeignAttribute[] =>
  doc.attributes
    .filter(({ owner, key }) => owner === 'xenapi' && /^(vif\.|VIF\.)/.test(key))
    .map(({ key }) => droppedText(key));

const fromMachine = (vm: Found<'vm'>, storage: HubId | undefined, work: Work): Ending => {
  const change: VmChange = { attributes: [...ofOldCards(vm), ...copied(vm.doc.name, vm.doc.template, work)] };
  return last(work, 'vm.clone', vm.id, {
    name: textArg(work, 'new_name'),
    uuid: randomUuid(work.context),
    ...(storage === undefined ? {} : { storage }),
    change,
    template: vm.doc.template,
    nameMayRepeat: true,
  });
};

const copies = (operation: 'clone' | 'copy'): Answer =>
  function* (work: Work): Brokered<Ending> {
    const target = yield* xenVmOf(work.self, work);
    checkOperation(operation, target, work);
    const sr = operation === 'copy' ? textArg(work, 'sr') : NULL_REF;
    const storage = sr === NULL_REF || sr === '' ? undefined : yield* storageOf(sr, work);
    switch (target.kind) {
      case 'template':
        return fromTemplate(target, work);
      case 'vm':
        return fromMachine(target, storage?.id, work);
      case 'snapshot':
        // A snapshot lies inside the images of its machine; no host takes it out of them.
        return refuse('NOT_IMPLEMENTED', `VM.${operation} of a snapshot`);
      case 'dom0':
        return refuse('OPERATION_NOT_ALLOWED', 'This operation is not allowed on the control domain');
      default:
        return target satisfies never;
    }
  };

function* provision(work: Work): Brokered<Ending> {
  const target = yield* xenVmOf(work.self, work);
  checkOperation('provision', target, work);
  if (target.kind !== 'vm')
    return refuse('OPERATION_NOT_ALLOWED', 'A built-in template cannot be changed: clone it first');
  const text = attributeMap(target.doc, 'other_config')['disks'];
  const disks = text === undefined || text === '' ? [] : yield* provisionedDisks(text, target.doc, work);
  const change: VmChange = {
    template: false,
    ...(disks.length > 0 ? { disks: { add: disks } } : {}),
    ...(text === undefined ? {} : { attributes: [droppedKey('other_config', 'disks')] }),
  };
  return last(work, 'vm.change', target.id, { change });
}

/** The disks stay: VDIs have a life of their own. */
function* destroy(work: Work): Brokered<Ending> {
  const { context } = work;
  const target = yield* xenVmOf(work.self, work);
  checkOperation('destroy', target, work);
  if (target.kind === 'snapshot') {
    const disks = drivesOf(target.vm.doc).filter(({ type }) => type === 'Disk');
    const params = { snapshot: target.snapshot.native, children: false };
    const args = { snapshot: target.id, ref: target.ref, parts: disks.map(({ userdevice }) => userdevice + 1) };
    return last(work, 'snapshot.delete', target.vm.id, params, { name: 'VM.left', args });
  }
  if (target.kind === 'vm') {
    const pending = [...pendingOf('VBD', target, context), ...pendingOf('VIF', target, context)];
    const then = dropped(
      [target.ref],
      pending.map(({ ref }) => ref),
    );
    return last(work, 'vm.delete', target.id, { deleteVolumes: false }, then);
  }
  dropOwnFields(context, target.ref);
  return ended();
}

// biome-ignore lint/correctness/useYield: a follow-up like the others
function* left({ args, context }: Work, outcome: Outcome): Brokered<void> {
  made(outcome);
  leaveDisks(context, args['snapshot'] as HubId, args['parts'] as readonly number[]);
  dropOwnFields(context, String(args['ref']));
}

export const VM_MAKE_FOLLOWERS: Readonly<Record<string, Follower>> = { 'VM.left': left };

export const VM_MAKE: Readonly<Record<string, Answer>> = {
  'VM.clone': copies('clone'),
  'VM.copy': copies('copy'),
  'VM.provision': provision,
  'VM.destroy': destroy,
};
