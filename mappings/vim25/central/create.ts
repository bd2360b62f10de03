/** CreateVM_Task and CreateChildVM_Task in, `vm.create` out, with what an ESXi host fills in: files, UUID, MAC addresses, unit numbers. */
import type { Call } from '../../generic/call.ts';
import { command, type DiskSpec, type VmChange } from '../../generic/commands.ts';
import type { ForeignAttribute, Host, Vm } from '../../generic/model.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import { randomUuid } from '../../generic/uuid.ts';
import {
  type Datastores,
  datastores,
  directoryOf,
  fileOf,
  nodeAt,
  type Place,
  placeOf,
  shownPath,
} from '../datastore/tree.ts';
import { FURNITURE } from '../ids.ts';
import { escapeName } from '../names.ts';
import { isRoot, placeMachine, poolOf } from '../pools.ts';
import { dateTime } from '../render/markup.ts';
import { blankVm } from './blank-vm.ts';
import { type Spec, scalarChange } from './config-spec.ts';
import { changeOf, type Draft } from './device-draft.ts';
import { applyDevices } from './device-specs.ts';
import { start } from './effects.ts';
import { hostOf, referenceOf } from './inventory.ts';
import { notSupported, refuse, refuseDirectly } from './refusal.ts';
import { fileBaseOf, freeName, nameOf } from './vm-names.ts';

/** There is one host, and its pools; anything else a client names is not there. The moid of the pool. */
export const checkPlacement = (pool: unknown, host: unknown, context: BrokerContext): string => {
  const [inside, on] = [referenceOf(pool), referenceOf(host)];
  if (inside && !isRoot(inside.value) && poolOf(context, inside.value) === undefined)
    refuseDirectly('object-not-found', { type: inside.type, id: inside.value });
  if (on && on.value !== FURNITURE.host.value) refuseDirectly('object-not-found', { type: on.type, id: on.value });
  return inside?.value ?? FURNITURE.rootPool.value;
};

/** Its place is known by its UUID, so a machine in a child pool gets one here. */
export const placed = (vm: Vm, pool: string, context: BrokerContext): Vm => {
  if (isRoot(pool)) return vm;
  const uuid = vm.uuid === '' ? randomUuid(context) : vm.uuid;
  placeMachine(context, uuid, pool);
  return { ...vm, uuid };
};

export const refuseDuplicate = (name: string, all: Datastores): void => {
  const other = all.vms.find(({ doc }) => doc.name === name);
  if (other) refuse('duplicate-name', { name: escapeName(name), object: other.id });
};

/** `[ds]`, `[ds] dir` or `[ds] dir/file.vmx` to the place of a .vmx file that is not there yet. */
const vmxPlaceOf = (wanted: string, name: string, all: Datastores): Place => {
  const { tree, path } = placeOf(all, wanted);
  const base = fileBaseOf(name);
  if (/\.vmx$/i.test(path)) {
    const place = { tree, path };
    if (nodeAt(place)) refuse('file-exists', { path: shownPath(place) });
    // A .vmx at the top of a datastore has no directory of its own for its disks.
    return place;
  }
  const isTaken = (directory: string): boolean => {
    const node = nodeAt({ tree, path: directory });
    return (
      node !== undefined &&
      (path === '' || node.kind !== 'directory' || nodeAt({ tree, path: `${directory}/${base}.vmx` }) !== undefined)
    );
  };
  const directory = freeName(path === '' ? base : path, isTaken);
  return { tree, path: `${directory}/${base}.vmx` };
};

/** Change and draft as the document of a VM that does not exist yet. */
const assembled = (
  blank: Vm,
  change: VmChange,
  draft: Draft,
  attributes: readonly ForeignAttribute[],
): { vm: Vm; disks: DiskSpec[] } => {
  const {
    name,
    description,
    uuid,
    instanceUuid,
    cpuCount,
    coresPerSocket,
    memoryBytes,
    cpuHotAdd,
    memoryHotAdd,
    firmware,
    secureBoot,
  } = change;
  const { osId, bits, bootOrder, cpuShare, memoryShare } = change;
  const memory = memoryBytes ?? blank.memoryBytes;
  const devices = changeOf(draft);
  const defined = Object.fromEntries(
    Object.entries({
      name,
      description,
      uuid,
      instanceUuid,
      coresPerSocket,
      cpuHotAdd,
      memoryHotAdd,
      firmware,
      secureBoot,
      osId,
      bits,
      bootOrder,
      cpuShare,
      memoryShare,
    }).filter(([, value]) => value !== undefined),
  );
  const vm: Vm = {
    ...blank,
    ...defined,
    cpuCount: cpuCount ?? blank.cpuCount,
    cpuMax: cpuCount ?? blank.cpuCount,
    memoryBytes: memory,
    memoryMaxBytes: memory,
    scsiControllers: draft.scsiControllers,
    cdroms: devices.cdroms?.add ?? [],
    floppies: devices.floppies?.add ?? [],
    nics: devices.nics?.add ?? [],
    serialPorts: draft.serialPorts,
    attributes: [...attributes],
  };
  return { vm, disks: devices.disks?.add ?? [] };
};

/** Hot-plugged CPUs need room from the start: as many as the host has threads. */
const withRoom = (vm: Vm, host: Host | undefined): Vm => {
  const most = Math.min(host?.vmCpuMax || vm.cpuCount, host?.cpuThreads || vm.cpuCount);
  const cpuMax = vm.cpuHotAdd ? Math.max(vm.cpuCount, most - (most % vm.coresPerSocket)) : vm.cpuCount;
  return { ...vm, cpuMax };
};

export const mergeAttributes = (...lists: readonly (readonly ForeignAttribute[])[]): ForeignAttribute[] => {
  const byKey = new Map<string, ForeignAttribute>();
  for (const attribute of lists.flat()) byKey.set(`${attribute.owner} ${attribute.key}`, attribute);
  return [...byKey.values()];
};

export function* createVm(call: Call, context: BrokerContext): Brokered {
  const config = call.args['config'] as Spec;
  const pool = checkPlacement(call.args['pool'], call.args['host'], context);
  if (config['changeVersion']) notSupported('A virtual machine that is to be made has no version.');
  const name = nameOf((config['name'] as string | undefined) ?? '');
  const all = yield* datastores(context);
  const host = yield* hostOf(context);
  refuseDuplicate(name, all);
  const files = config['files'] as Spec | undefined;
  const wanted = (files?.['vmPathName'] as string | undefined) ?? '';
  if (wanted === '') refuse('invalid-vm-config', { property: 'configSpec.files.vmPathName' });
  const place = vmxPlaceOf(wanted, name, all);
  // A UUID that the client does not ask for is the host's to give.
  const blank: Vm = { ...blankVm(), modifiedMs: context.now() };
  const uuids = new Set(all.vms.map(({ doc }) => doc.uuid.toLowerCase()));
  const change = scalarChange(config, { vm: blank, host, uuids });
  const home = {
    place: { tree: place.tree, path: directoryOf(place.path) },
    base: fileOf(place.path).replace(/\.vmx$/i, ''),
  };
  const draft = yield* applyDevices(config['deviceChange'], blank, all, home, context);
  const own = (key: string, value: string): ForeignAttribute => ({ owner: 'vim25', key, value });
  const attributes = mergeAttributes([own('guestId', 'otherGuest')], change.attributes ?? [], draft.attributes, [
    own('vmPathName', shownPath(place)),
    own('modified', dateTime(context.now())),
  ]).filter(({ value }) => value !== '');
  const { vm, disks } = assembled(blank, { ...change, name }, draft, attributes);
  const params = { vm: placed(withRoom(vm, host), pool, context), disks };
  return yield* start(call, command('vm.create', context.front.host, context.front.host, params));
}
