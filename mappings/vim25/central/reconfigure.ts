/** ReconfigVM_Task in, `vm.change` out: only what differs, and a fault where the client saw another version. */
import type { Call } from '../../generic/call.ts';
import { command, type VmChange } from '../../generic/commands.ts';
import { done } from '../../generic/faults.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import { changeVersionOf } from '../change-version.ts';
import { datastores, directoryOf, fileOf, type Place, treeNamed } from '../datastore/tree.ts';
import { escapeName, parseDatastorePath } from '../names.ts';
import { dateTime } from '../render/markup.ts';
import { own, vmPathOf } from '../render/vm-input.ts';
import { type Spec, scalarChange } from './config-spec.ts';
import { mergeAttributes } from './create.ts';
import { changeOf } from './device-draft.ts';
import { applyDevices, type Home } from './device-specs.ts';
import { settle, start } from './effects.ts';
import { type Found, hostOf, storages, targetOf } from './inventory.ts';
import { notSupported, refuse } from './refusal.ts';

/** As config.changeVersion shows it (render/vm-input.ts). */
const versionOf = ({ doc }: Found<'vm'>): string =>
  changeVersionOf(doc, own(doc, 'modified') ?? dateTime(doc.modifiedMs ?? doc.createdMs ?? 0));

/** What a template may have changed (vSphere API, ReconfigVM_Task). */
const TEMPLATE_MEMBERS = new Set(['_type', 'name', 'annotation', 'changeVersion']);

const checkTemplate = (vm: Found<'vm'>, spec: Spec): void => {
  const isRefused =
    vm.doc.template &&
    Object.entries(spec).some(([member, value]) => value !== undefined && !TEMPLATE_MEMBERS.has(member));
  if (isRefused) notSupported('Only the name and the annotation of a template can change.');
};

export const refuseOtherName = (name: string, vm: Found<'vm'>, context: BrokerContext): void => {
  const other = context.store.list('vm', context.front.host).find((entry) => entry.id !== vm.id && entry.name === name);
  if (other) refuse('duplicate-name', { name: escapeName(name), object: other.id });
};

/** The files of a VM stay where they are. */
const checkFiles = (files: Spec | undefined, vm: Found<'vm'>, names: readonly { name: string }[]): void => {
  const wanted = files?.['vmPathName'] as string | undefined;
  if (wanted === undefined || wanted === '') return;
  if (wanted.replace(/\]\s*/, '] ') !== vmPathOf(vm.doc, names))
    notSupported('The files of a virtual machine cannot be moved by reconfiguring it.');
};

export function* reconfigureVm(call: Call, context: BrokerContext): Brokered {
  const vm = yield* targetOf('vm', call, context);
  const spec = call.args['spec'] as Spec;
  const seen = spec['changeVersion'] as string | undefined;
  if (seen !== undefined && seen !== '' && seen !== versionOf(vm)) refuse('concurrent-access', {});
  checkTemplate(vm, spec);
  const host = yield* hostOf(context);
  // Looked for only when a spec changes the UUID: there may be thousands of VMs.
  const uuids = {
    has: (wanted: string): boolean =>
      context.store
        .list('vm', context.front.host)
        .some(({ id, uuid }) => id !== vm.id && uuid.toLowerCase() === wanted),
  };
  const { name, ...scalars } = scalarChange(spec, { vm: vm.doc, host, uuids });
  if (name !== undefined) refuseOtherName(name, vm, context);
  const named = yield* storages(context);
  checkFiles(
    spec['files'] as Spec | undefined,
    vm,
    named.map(({ doc }) => doc),
  );
  const change: VmChange = { ...scalars, ...(name === undefined ? {} : { name }) };
  const devices = spec['deviceChange'] as readonly unknown[] | undefined;
  if (devices !== undefined && devices.length > 0) {
    if (vm.doc.powerState === 'suspended') refuse('wrong-state', { requested: 'stopped', existing: 'suspended' });
    const all = yield* datastores(context);
    const at = parseDatastorePath(
      vmPathOf(
        vm.doc,
        named.map(({ doc }) => doc),
      ),
    );
    const place: Place = { tree: treeNamed(all, at?.datastore ?? ''), path: at?.path ?? '' };
    const home: Home = {
      place: { ...place, path: directoryOf(place.path) },
      base: fileOf(place.path).replace(/\.vmx$/i, ''),
    };
    const draft = yield* applyDevices(devices, vm.doc, all, home, context);
    Object.assign(change, changeOf(draft));
    const attributes = mergeAttributes(change.attributes ?? [], draft.attributes);
    if (attributes.length > 0) change.attributes = attributes;
  }
  if (vm.doc.powerState === 'suspended' && (change.cpuCount !== undefined || change.memoryBytes !== undefined)) {
    refuse('wrong-state', { requested: 'stopped', existing: 'suspended' });
  }
  // A spec that asks for what is there makes no new version.
  if (Object.keys(change).length === 0) return yield* settle(call, vm.id, done(undefined));
  change.attributes = mergeAttributes(change.attributes ?? [], [
    { owner: 'vim25', key: 'modified', value: dateTime(context.now()) },
  ]);
  const at = seen === undefined || seen === '' ? {} : { atVersion: vm.entry.version };
  return yield* start(call, command('vm.change', vm.entry.host, vm.id, { change, ...at }));
}
