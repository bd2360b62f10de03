/** vm.create, vm.clone and vm.delete in, their plans out: disks first, each of which can be taken back, then the VM in one call. */
import type { DiskSpec } from '../../../generic/commands.ts';
import type { Disk, Vm } from '../../../generic/model.ts';
import type { Plan, PlannedRef, Step } from '../../../generic/plan.ts';
import {
  call,
  mustBeStopped,
  type Planning,
  paramsOf,
  probe,
  Refusal,
  refuse,
  step,
  targetVm,
} from '../../../generic/planning.ts';
import { applyChange, diskOfSpec } from '../../../generic/vm-change.ts';
import { moRef } from '../../values.ts';
import { JOB_KEY, OWN } from '../attributes.ts';
import { HOST_NATIVE } from '../estate.ts';
import { splitVolumeNative, volumeNative } from '../volume-natives.ts';
import { autostartStep, managerFor } from './autostart.ts';
import {
  checkName,
  checkNetworks,
  checkUuid,
  checkWritable,
  diskPath,
  mintUuid,
  placed,
  refuseDuplicate,
  rereadStore,
  roomiestStore,
  type Store,
  seated,
  shown,
  specValue,
  storeOf,
  volumeAt,
  withBackings,
} from './planning.ts';
import { copyDisk, createDisk, deleteFile, directoryOf, ensureDirectory, FOUND_VM, onVm } from './steps.ts';

export interface MadeDisk {
  readonly disk: Disk;
  readonly steps: readonly Step[];
  readonly touches: readonly PlannedRef[];
}

/** A new disk's file, if it asks for one; the disk then names it. */
export const diskStep = (spec: DiskSpec, index: number, planning: Planning): MadeDisk => {
  const { create } = spec;
  checkWritable(spec);
  if (!create)
    return {
      disk: seated({ ...diskOfSpec(spec), medium: placed(spec.medium, planning, index) }),
      steps: [],
      touches: [],
    };
  const store = storeOf(create.storage, planning);
  const path = diskPath(create.volumeName);
  if (!(create.capacityBytes > 0))
    refuse('invalid-device', { index, property: 'capacityBytes' }, `A disk cannot have ${create.capacityBytes} bytes.`);
  if (volumeAt(store, path, planning)) refuse('file-exists', { path }, `${path} exists in ${store.name}.`);
  if (!create.thin && create.capacityBytes > store.availableBytes)
    refuse('no-disk-space', { storage: store.name }, `There is not enough room in ${store.name}.`);
  const directory = directoryOf(path);
  const disk = diskOfSpec({
    ...spec,
    medium: { storageName: store.name, storage: store.id, path: shown(store, path) },
  });
  return {
    disk: seated(disk),
    steps: [
      ...(directory === '' ? [] : [ensureDirectory(store, directory)]),
      createDisk(store, path, create.capacityBytes, create.thin),
    ],
    touches: [
      { kind: 'volume', native: volumeNative(store.datastore, path) },
      ...rereadStore(store.datastore, planning),
    ],
  };
};

const slugOf = (name: string): string =>
  name
    .trim()
    .replace(/[/\\%:*?"<>|[\]]/g, '-')
    .replace(/^\.+/, '_')
    .slice(0, 60);

/** A directory for the VM's own files: the one its new disks are put into, or a new one in which there is nothing. */
const homeOf = (store: Store, name: string, made: readonly MadeDisk[], planning: Planning): string => {
  const prefix = `[${store.name}] `;
  for (const { disk, steps } of made) {
    const path = disk.medium.path ?? '';
    const directory = directoryOf(path.slice(prefix.length));
    if (steps.length > 0 && path.startsWith(prefix) && directory !== '') return directory;
  }
  const taken = planning.context.store
    .list('volume', planning.command.host)
    .map(({ native }) => splitVolumeNative(native))
    .filter(({ datastore }) => datastore === store.datastore)
    .map(({ path }) => directoryOf(path));
  const slug = slugOf(name);
  let free = slug;
  for (let n = 1; taken.includes(free); n++) free = `${slug}_${n}`;
  return free;
};

/** The steps that make a VM of a document whose disks are there, and what they make. */
const makeSteps = async (vm: Vm, store: Store, made: readonly MadeDisk[], planning: Planning): Promise<Plan> => {
  const { command, context } = planning;
  if (store.vmFolder === '' || store.pool === '')
    refuse('invalid-state', {}, `No host on which ${vm.name} could be made has ${store.name}.`);
  const directory = homeOf(store, vm.name, made, planning);
  const vmx = `${directory}/${slugOf(vm.name)}.vmx`;
  const after: Vm = {
    ...vm,
    attributes: [
      ...vm.attributes.filter(({ owner, key }) => owner !== OWN || key !== 'vmPathName'),
      { owner: OWN, key: 'vmPathName', value: shown(store, vmx) },
      { owner: OWN, key: JOB_KEY, value: context.job },
    ],
  };
  const spec = specValue(
    await context.fromGeneric({ kind: 'vm', native: withBackings(undefined, after.nics, planning), after }),
  );
  const steps: Step[] = [
    ...made.flatMap(({ steps: own }) => own),
    step(
      'create',
      'pivot',
      call('CreateVM_Task', {
        _this: moRef('Folder', store.vmFolder),
        config: spec,
        pool: moRef('ResourcePool', store.pool),
        ...(store.host === '' ? {} : { host: moRef('HostSystem', store.host) }),
      }),
      probe('vm-exists', { uuid: vm.uuid }),
    ),
    // The host gives the name, and an answer that was lost is not the end of the plan.
    step('find', 'forward-only', call('vm.find', { uuid: vm.uuid }), probe('vm-exists', { uuid: vm.uuid })),
  ];
  if (vm.template) steps.push(step('template', 'forward-only', onVm('MarkAsTemplate', FOUND_VM), probe('always')));
  if (vm.autostart) steps.push(autostartStep(FOUND_VM, true, managerFor(store.host, planning), 'forward-only'));
  return {
    host: command.host,
    queue: HOST_NATIVE,
    steps,
    touches: [
      { kind: 'vm', native: FOUND_VM },
      ...made.flatMap(({ touches }) => touches),
      ...rereadStore(store.datastore, planning),
    ],
    makes: { kind: 'vm', native: FOUND_VM },
  };
};

export const planCreate = async (planning: Planning): Promise<Plan> => {
  const { vm: wanted, disks: specs } = paramsOf(planning, 'vm.create');
  checkName(wanted.name);
  refuseDuplicate(wanted.name, planning);
  const uuid = (wanted.uuid === '' ? mintUuid(planning, 'vm') : wanted.uuid).toLowerCase();
  checkUuid(uuid, planning);
  checkNetworks(wanted.nics, [], planning);
  if (wanted.serialPorts > 0) refuse('not-supported', {}, 'Serial ports of this host are not made.');
  const made = [...wanted.disks, ...specs].map((spec, index) => diskStep(spec, index, planning));
  const cdroms = wanted.cdroms.map((one, index) =>
    seated(one.medium === undefined ? one : { ...one, medium: placed(one.medium, planning, index) }),
  );
  const storage = [
    ...specs.flatMap(({ create }) => create?.storage ?? []),
    ...made.flatMap(({ disk }) => disk.medium.storage ?? []),
  ][0];
  const store = storage === undefined ? roomiestStore(planning) : storeOf(storage, planning);
  const vm: Vm = { ...wanted, uuid, cdroms, disks: made.map(({ disk: { device: _, ...disk } }) => disk) };
  return makeSteps(vm, store, made, planning);
};

const freePath = (store: Store, name: string, taken: Set<string>, planning: Planning): string => {
  const base = slugOf(name);
  for (let n = 0; ; n++) {
    const path = `${base}/${base}${n === 0 ? '' : `_${n}`}.vmdk`;
    if (taken.has(store.datastore + path) || volumeAt(store, path, planning)) continue;
    taken.add(store.datastore + path);
    return path;
  }
};

/** Disks are copied whole: a host without a vCenter clones no VM by itself. */
export const planClone = async (planning: Planning): Promise<Plan> => {
  const { command, context } = planning;
  const { name, uuid: wanted, storage, change, template } = paramsOf(planning, 'vm.clone');
  const { doc } = targetVm(planning);
  if (doc.powerState !== 'stopped' && !doc.template) mustBeStopped(targetVm(planning));
  checkName(name);
  refuseDuplicate(name, planning);
  if (change.disks?.add?.some(({ create }) => create))
    refuse('not-supported', {}, 'New disks are added to a clone after it is made.');
  const uuid = (wanted === '' ? mintUuid(planning, 'clone') : wanted).toLowerCase();
  checkUuid(uuid, planning);
  const taken = new Set<string>();
  const gone = new Set((change.disks?.remove ?? []).map(({ slot }) => JSON.stringify(slot)));
  const made = doc.disks.map((disk, index): MadeDisk => {
    if (gone.has(JSON.stringify(disk.slot))) return { disk, steps: [], touches: [] };
    const source = context.store.list('storage', command.host).find((one) => one.name === disk.medium.storageName);
    const path = /^\[[^\]]*\]\s*(.*)$/.exec(disk.medium.path ?? '')?.[1];
    if (source === undefined || path === undefined)
      return refuse('invalid-device', { index, property: 'medium' }, 'The disk lies in no known datastore.');
    const from = storeOf(source.id, planning);
    const to = storage === undefined ? from : storeOf(storage, planning);
    const copy = freePath(to, name, taken, planning);
    const { id: _, uuid: __, device: ___, allocationBytes: ____, ...rest } = disk;
    return {
      disk: { ...rest, medium: { storageName: to.name, storage: to.id, path: shown(to, copy) } },
      steps: [ensureDirectory(to, directoryOf(copy)), copyDisk({ store: from, path }, { store: to, path: copy })],
      touches: [{ kind: 'volume', native: volumeNative(to.datastore, copy) }],
    };
  });
  const fresh = <T extends { device?: string }>({ device: _, ...one }: T): Omit<T, 'device'> => one;
  const { id: _, instanceUuid: __, ...source } = doc;
  const copied: Vm = {
    ...source,
    name,
    uuid,
    template,
    snapshots: [],
    disks: made.map(({ disk }) => disk),
    cdroms: doc.cdroms.map(fresh),
    floppies: doc.floppies.map(fresh),
    attributes: doc.attributes.filter(({ owner, key }) => owner !== OWN || ['guestId', 'version'].includes(key)),
  };
  const { name: ___, uuid: ____, ...rest } = change;
  const applied = applyChange(copied, rest);
  if (!applied.ok) throw new Refusal(applied.fault);
  // Changes name cards by the addresses of the source, which stay its own.
  const nics = applied.value.nics.map((nic) =>
    doc.nics.some(({ mac }) => mac === nic.mac) ? { ...nic, mac: '', macGenerated: true } : nic,
  );
  checkNetworks(nics, doc.nics, planning);
  const store = made.find(({ steps }) => steps.length > 0)?.disk.medium.storage;
  const home =
    store === undefined
      ? storage === undefined
        ? roomiestStore(planning)
        : storeOf(storage, planning)
      : storeOf(store, planning);
  return makeSteps(
    { ...applied.value, nics },
    home,
    made.filter(({ steps }) => steps.length > 0),
    planning,
  );
};

/** Destroy takes the disks along; unregistering leaves all files, of which the VM's own are cleared away. */
export const planDelete = async (planning: Planning): Promise<Plan> => {
  const { command, context } = planning;
  const { deleteVolumes } = paramsOf(planning, 'vm.delete');
  const vm = targetVm(planning);
  const { native } = vm.native;
  if (vm.doc.powerState === 'running' || vm.doc.powerState === 'paused') mustBeStopped(vm);
  const storages = context.store.edges(vm.id, 'storage').flatMap((id) => context.store.entry(id)?.native ?? []);
  const volumes = context.store.edges(vm.id, 'volume').flatMap((id) => context.store.entry(id)?.native ?? []);
  const steps: Step[] = [
    deleteVolumes
      ? step('destroy', 'pivot', onVm('Destroy_Task', native), probe('vm-absent', { vm: native }))
      : step('unregister', 'pivot', onVm('UnregisterVM', native), probe('vm-absent', { vm: native })),
  ];
  const vmx = /^\[([^\]]*)\]\s*(.+)$/.exec(
    vm.doc.attributes.find(({ owner, key }) => owner === OWN && key === 'vmPathName')?.value ?? '',
  );
  const home = vmx && context.store.list('storage', command.host).find(({ name }) => name === vmx[1]);
  if (!deleteVolumes && vmx && home) {
    const store = storeOf(home.id, planning);
    const path = vmx[2] ?? '';
    const directory = directoryOf(path);
    const shared = context.store
      .list('volume', command.host)
      .some((one) => one.native.startsWith(volumeNative(store.datastore, directory === '' ? '' : `${directory}/`)));
    // A directory in which there is nothing but the VM goes with it.
    steps.push(deleteFile(store, shared || directory === '' ? path : directory, 'forward-only'));
  }
  return {
    host: command.host,
    queue: native,
    steps,
    touches: [
      { kind: 'vm', native },
      ...(deleteVolumes ? volumes.map((one): PlannedRef => ({ kind: 'volume', native: one })) : []),
      ...storages.flatMap((one) => rereadStore(one, planning)),
    ],
  };
};
