/** vm.delete and vm.clone in, their plans out. */
import type { NativeRef } from '../../generic/ids.ts';
import type { Disk, Vm } from '../../generic/model.ts';
import type { Plan, Step } from '../../generic/plan.ts';
import {
  call,
  mustBeStopped,
  type Planning,
  paramsOf,
  probe,
  Refusal,
  refuse,
  sealed,
  step,
  targetVm,
} from '../../generic/planning.ts';
import { applyChange } from '../../generic/vm-change.ts';
import { removedVolumes } from './change-draft.ts';
import { copyStep } from './copies.ts';
import { checkSize, defineStep, marked } from './create.ts';
import {
  checkName,
  checkNetworks,
  freeDomainName,
  freeVolumeName,
  isActive,
  macFrom,
  mintUuid,
  pathIn,
  poolOf,
  refuseDuplicate,
  volumeBehind,
} from './planning.ts';
import { dom, UNDEFINE, WITHOUT_EFFECT } from './steps.ts';

export const planDelete = async (planning: Planning): Promise<Plan> => {
  const { deleteVolumes } = paramsOf(planning, 'vm.delete');
  const vm = targetVm(planning);
  const { doc, native } = vm;
  if (isActive(vm))
    refuse('wrong-state', { requested: 'stopped', existing: doc.powerState }, `${doc.name} must be powered off.`);
  const uuid = native.native;
  const flags =
    (native.facts['managedSave'] === true ? UNDEFINE.managedSave : 0) |
    (native.facts['hasSnapshots'] === true || doc.snapshots.length > 0 ? UNDEFINE.snapshots : 0) |
    (doc.firmware === 'efi' ? UNDEFINE.nvram : 0);
  const removed = deleteVolumes ? removedVolumes(doc.disks, vm.id, planning) : [];
  return {
    host: planning.command.host,
    queue: uuid,
    steps: [
      step(
        'undefine',
        'pivot',
        call('DOMAIN_UNDEFINE_FLAGS', { dom: dom(uuid), flags }),
        probe('domain-absent', { uuid }),
      ),
      ...removed.map((one) => one.step),
    ],
    touches: [{ kind: 'vm', native: uuid }, ...removed.flatMap(({ touches }) => touches)],
  };
};

/** Every disk in a storage is copied; what lies outside cannot be, and is refused. */
const copyDisks = async (
  doc: Vm,
  name: string,
  planning: Planning,
): Promise<{ disks: Disk[]; steps: Step[]; touches: NativeRef[] }> => {
  const { storage: wanted } = paramsOf(planning, 'vm.clone');
  const taken = new Set<string>();
  const disks: Disk[] = [];
  const steps: Step[] = [];
  const touches: NativeRef[] = [];
  for (const [index, disk] of doc.disks.entries()) {
    const found = volumeBehind(disk.medium, planning.command.target, planning);
    if (!found)
      return refuse(
        'invalid-device',
        { index, property: 'medium' },
        `The disk ${disk.medium.path ?? disk.device ?? index} lies outside every storage.`,
      );
    const { pool: from, doc: volume } = found;
    const to = wanted === undefined ? from : poolOf(wanted, planning);
    const volumeName = freeVolumeName(to, name, taken, planning);
    const copy = await copyStep(
      { pool: from, name: volume.name, doc: volume },
      { pool: to, name: volumeName },
      planning,
    );
    steps.push(copy.step);
    touches.push(...copy.touches);
    const { id: _, allocationBytes: __, uuid: ___, ...rest } = disk;
    disks.push({
      ...rest,
      medium: { storageName: to.name, storage: to.id, volumeName, path: pathIn(to, volumeName), format: volume.format },
    });
  }
  return { disks, steps, touches };
};

export const planClone = async (planning: Planning): Promise<Plan> => {
  const { command, context } = planning;
  const { name, uuid: wanted, change, template } = paramsOf(planning, 'vm.clone');
  const vm = targetVm(planning);
  mustBeStopped(vm);
  checkName(name);
  refuseDuplicate(name, planning);
  const uuid = (wanted === '' ? mintUuid(planning, 'clone') : wanted).toLowerCase();
  if (context.store.find(command.host, 'vm', uuid))
    refuse('already-exists', { name: uuid }, `A virtual machine with the UUID ${uuid} exists.`);
  if (change.disks?.add?.some(({ create }) => create))
    refuse('not-supported', {}, 'New disks are added to a clone after it is made.');
  const { disks, steps, touches } = await copyDisks(vm.doc, name, planning);
  const { id: _, instanceUuid: __, ...source } = vm.doc;
  const copy: Vm = {
    ...source,
    name,
    nativeName: freeDomainName(name, planning),
    uuid,
    disks,
    template,
    snapshots: [],
    nics: vm.doc.nics.map((nic, ordinal) => ({ ...nic, macGenerated: true, mac: macFrom(uuid, String(ordinal)) })),
  };
  const { name: ___, uuid: ____, ...rest } = change;
  // A change names cards by the addresses of the source.
  const renamed = rest.nics
    ? {
        ...rest,
        nics: {
          ...rest.nics,
          change: (rest.nics.change ?? []).map((one) => ({
            ...one,
            mac: copy.nics[vm.doc.nics.findIndex(({ mac }) => mac === one.mac)]?.mac ?? one.mac,
          })),
          remove: (rest.nics.remove ?? []).map(
            (gone) => copy.nics[vm.doc.nics.findIndex(({ mac }) => mac === gone)]?.mac ?? gone,
          ),
        },
      }
    : rest;
  const applied = applyChange(copy, renamed);
  if (!applied.ok) throw new Refusal(applied.fault);
  checkSize(applied.value, planning);
  checkNetworks(applied.value.nics, vm.doc.nics, planning);
  const xml = await context.fromGeneric({ kind: 'vm', native: vm.native, before: vm.doc, after: applied.value });
  const ref: NativeRef = { kind: 'vm', native: uuid };
  return {
    host: command.host,
    queue: vm.native.native,
    steps: sealed([...steps, defineStep(applied.value, uuid, marked(xml, context.job))], WITHOUT_EFFECT),
    touches: [ref, ...touches],
    makes: ref,
  };
};
