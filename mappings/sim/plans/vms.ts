/** Plans that make, change, copy and take away VMs with their volumes. */
import type { DiskSpec, Params, VmChange } from '../../generic/commands.ts';
import { done, fault, type Outcome, refused } from '../../generic/faults.ts';
import type { HubId } from '../../generic/ids.ts';
import type { Disk, Medium, Nic, Slot, Vm } from '../../generic/model.ts';
import type { PlanContext } from '../../generic/platform.ts';
import type { Entry } from '../../generic/store-view.ts';
import { applyChange } from '../../generic/vm-change.ts';
import { volumeNative } from '../machine/state.ts';
import { madeMac, madeUuid, madeVolumeName } from '../names.ts';
import { type Draft, touch } from './draft.ts';
import { located, type Place, placeOf } from './media.ts';

const sameSlot = (a: Slot, b: Slot): boolean => a.bus === b.bus && a.controller === b.controller && a.unit === b.unit;

const vmOf = (target: Entry, { store }: PlanContext): Outcome<Vm> => {
  const vm = store.generic('vm', target.id);
  return vm
    ? done(vm)
    : refused(fault('object-not-found', { type: 'vm', id: target.id }, 'The VM has no readable definition.'));
};

/** The same name twice is refused before anything is made. */
const taken = (
  name: string,
  self: HubId | undefined,
  draft: Draft,
  { store }: PlanContext,
): Outcome<never> | undefined => {
  const other = store.list('vm', draft.host).find((entry) => entry.name === name && entry.id !== self);
  return other && refused(fault('duplicate-name', { name, object: other.id }, `The name '${name}' already exists.`));
};

/** Steps for the volumes that disks ask for; the disks as the definition names them. */
const withVolumes = (specs: readonly DiskSpec[], draft: Draft, context: PlanContext): Outcome<Disk[]> => {
  const disks: Disk[] = [];
  for (const { create, ...disk } of specs) {
    if (!create) {
      disks.push({ ...disk, medium: located(disk.medium, draft.host, context) });
      continue;
    }
    const storage = context.store.entry(create.storage);
    if (!storage)
      return refused(fault('object-not-found', { type: 'storage', id: create.storage }, 'There is no such storage.'));
    const args = { storage: storage.native, name: create.volumeName };
    const format = disk.medium.format ?? (create.thin ? 'qcow2' : 'raw');
    draft.add(
      'VOLUME.create',
      { ...args, capacityBytes: create.capacityBytes, thin: create.thin, format },
      { procedure: 'VOLUME.delete', args },
    );
    touch(draft, args.storage, args.name);
    const medium = located({ storageName: storage.native, volumeName: create.volumeName, format }, draft.host, context);
    disks.push({ ...disk, medium, capacityBytes: create.capacityBytes, thin: create.thin });
  }
  return done(disks);
};

const withMedia = (vm: Vm, draft: Draft, context: PlanContext): Vm => {
  const placed = <T extends { medium?: Disk['medium'] }>(drive: T): T =>
    drive.medium ? { ...drive, medium: located(drive.medium, draft.host, context) } : drive;
  return { ...vm, cdroms: vm.cdroms.map(placed), floppies: vm.floppies.map(placed) };
};

/** Ordinals in order, a MAC for each, and networks by the host's own names. */
const withNics = (nics: readonly Nic[], draft: Draft, { job, store }: PlanContext): Nic[] =>
  nics.map((nic, ordinal) => ({
    ...nic,
    ordinal,
    mac: nic.mac === '' ? madeMac(`${draft.host} ${job} ${ordinal}`) : nic.mac,
    networkName: (nic.network === undefined ? undefined : store.entry(nic.network)?.native) ?? nic.networkName,
  }));

/** Written into the call only where it says something: recordings stay as they are. */
const naming = (nameMayRepeat: boolean | undefined): { nameMayRepeat?: true } =>
  nameMayRepeat === true ? { nameMayRepeat } : {};

const define = async (
  native: string,
  vm: Vm,
  draft: Draft,
  context: PlanContext,
  nameMayRepeat: boolean | undefined,
): Promise<void> => {
  const after = { ...withMedia(vm, draft, context), nics: withNics(vm.nics, draft, context) };
  const document = await context.fromGeneric({ kind: 'vm', after });
  draft.queue = native;
  draft.add('VM.define', { vm: native, document, ...naming(nameMayRepeat) });
  draft.touches.push({ kind: 'vm', native });
  draft.makes = { kind: 'vm', native };
};

export const planCreate = async (
  { vm, disks, nameMayRepeat }: Params['vm.create'],
  _target: Entry,
  context: PlanContext,
  draft: Draft,
): Promise<Outcome<unknown>> => {
  const clash = nameMayRepeat === true ? undefined : taken(vm.name, undefined, draft, context);
  if (clash) return clash;
  // Disks may stand in the VM as well as in the list that says how they are made.
  const others = vm.disks.filter(({ slot }) => !disks.some((disk) => sameSlot(disk.slot, slot)));
  const made = withVolumes([...others, ...disks], draft, context);
  if (!made.ok) return made;
  const uuid = vm.uuid === '' ? madeUuid(`${draft.host} ${context.job}`) : vm.uuid;
  await define(uuid.toLowerCase(), { ...vm, uuid, disks: made.value }, draft, context, nameMayRepeat);
  return done(undefined);
};

interface Move {
  readonly slot: Slot;
  readonly from: Place;
  readonly medium: Medium;
}

/** Disks that go to another volume: copied before anything else. */
const movedDisks = (before: Vm, { disks }: VmChange, draft: Draft, context: PlanContext): Outcome<Move[]> => {
  const moves: Move[] = [];
  for (const [index, { slot, moveTo }] of (disks?.change ?? []).entries()) {
    const disk = before.disks.find((one) => sameSlot(one.slot, slot));
    if (!disk || !moveTo) continue;
    if (before.powerState !== 'stopped')
      return refused(
        fault('wrong-state', { requested: 'stopped', existing: before.powerState }, 'The VM must be powered off.'),
      );
    const from = placeOf(disk.medium, draft.host, context);
    const to = context.store.entry(moveTo.storage);
    if (!from || !to)
      return refused(fault('invalid-device', { index, property: 'medium' }, 'The disk lies outside every storage.'));
    const place = { storage: to.native, name: moveTo.volumeName };
    draft.add(
      'VOLUME.copy',
      { ...from, toStorage: place.storage, toName: place.name },
      { procedure: 'VOLUME.delete', args: place },
    );
    touch(draft, place.storage, place.name);
    const { format } = disk.medium;
    const medium: Medium = { storageName: to.native, volumeName: place.name, ...(format ? { format } : {}) };
    moves.push({ slot, from, medium: located(medium, draft.host, context) });
  }
  return done(moves);
};

export const planChange = async (
  { change, nameMayRepeat }: Params['vm.change'],
  target: Entry,
  context: PlanContext,
  draft: Draft,
): Promise<Outcome<unknown>> => {
  const read = vmOf(target, context);
  if (!read.ok) return read;
  const before = read.value;
  const isFree = change.name === undefined || nameMayRepeat === true;
  const clash = isFree ? undefined : taken(change.name ?? '', target.id, draft, context);
  if (clash) return clash;
  const applied = applyChange(before, change);
  if (!applied.ok) return applied;
  const added = withVolumes(change.disks?.add ?? [], draft, context);
  if (!added.ok) return added;
  const moved = movedDisks(before, change, draft, context);
  if (!moved.ok) return moved;
  const grown: { storage: string; name: string; from: number; to: number }[] = [];
  const disks = applied.value.disks.map((disk) => {
    const fresh = added.value.find(({ slot }) => sameSlot(slot, disk.slot));
    if (fresh) return fresh;
    const old = before.disks.find(({ slot }) => sameSlot(slot, disk.slot));
    const move = moved.value.find(({ slot }) => sameSlot(slot, disk.slot));
    const medium = move?.medium ?? located(disk.medium, draft.host, context);
    if (old && old.capacityBytes !== disk.capacityBytes && medium.volumeName !== undefined)
      grown.push({
        storage: medium.storageName,
        name: medium.volumeName,
        from: old.capacityBytes,
        to: disk.capacityBytes,
      });
    return { ...disk, medium };
  });
  for (const { storage, name, from, to } of grown) {
    const args = { storage, name };
    draft.add(
      'VOLUME.resize',
      { ...args, capacityBytes: to },
      { procedure: 'VOLUME.resize', args: { ...args, capacityBytes: from } },
    );
    touch(draft, storage, name);
  }
  const after = {
    ...withMedia(applied.value, draft, context),
    disks,
    nics: withNics(applied.value.nics, draft, context),
  };
  const native = context.native(target.id);
  const document = await context.fromGeneric({ kind: 'vm', ...(native ? { native } : {}), before, after });
  draft.add('VM.redefine', { vm: target.native, document, ...naming(nameMayRepeat) });
  draft.touches.push({ kind: 'vm', native: target.native });
  for (const { from } of moved.value) {
    draft.add('VOLUME.delete', { ...from });
    touch(draft, from.storage, from.name);
  }
  for (const { slot, deleteVolume } of change.disks?.remove ?? []) {
    const disk = before.disks.find((one) => sameSlot(one.slot, slot));
    const place = deleteVolume && disk ? placeOf(disk.medium, draft.host, context) : undefined;
    if (!place) continue;
    draft.add('VOLUME.delete', { ...place });
    touch(draft, place.storage, place.name);
  }
  return done(undefined);
};

export const planDelete = (
  { deleteVolumes }: Params['vm.delete'],
  target: Entry,
  context: PlanContext,
  draft: Draft,
): Outcome<unknown> => {
  const read = vmOf(target, context);
  if (!read.ok) return read;
  draft.add('VM.undefine', { vm: target.native });
  draft.touches.push({ kind: 'vm', native: target.native });
  if (!deleteVolumes) return done(undefined);
  for (const { medium } of read.value.disks) {
    const place = placeOf(medium, draft.host, context);
    const volume = place && context.store.find(draft.host, 'volume', volumeNative(place.storage, place.name));
    // A volume that another VM has as well stays.
    if (!place || !volume || context.store.edges(volume.id, 'vm').some((id) => id !== target.id)) continue;
    draft.add('VOLUME.delete', { ...place });
    touch(draft, place.storage, place.name);
  }
  return done(undefined);
};

export const planClone = async (
  params: Params['vm.clone'],
  target: Entry,
  context: PlanContext,
  draft: Draft,
): Promise<Outcome<unknown>> => {
  const read = vmOf(target, context);
  if (!read.ok) return read;
  const source = read.value;
  const clash = params.nameMayRepeat === true ? undefined : taken(params.name, undefined, draft, context);
  if (clash) return clash;
  const applied = applyChange({ ...source, powerState: 'stopped' }, params.change);
  if (!applied.ok) return applied;
  const toStorage = params.storage === undefined ? undefined : context.store.entry(params.storage);
  if (params.storage !== undefined && !toStorage)
    return refused(fault('object-not-found', { type: 'storage', id: params.storage }, 'There is no such storage.'));
  const added = withVolumes(params.change.disks?.add ?? [], draft, context);
  if (!added.ok) return added;
  const used = new Set(added.value.map(({ medium }) => volumeNative(medium.storageName, medium.volumeName ?? '')));
  const disks = applied.value.disks.map((disk, n) => {
    const fresh = added.value.find(({ slot }) => sameSlot(slot, disk.slot));
    const place = fresh ? undefined : placeOf(disk.medium, draft.host, context);
    if (!place) return fresh ?? disk;
    const storage = toStorage?.native ?? place.storage;
    const name = madeVolumeName(params.name, n, (one) => {
      const native = volumeNative(storage, one);
      return used.has(native) || context.store.find(draft.host, 'volume', native) !== undefined;
    });
    used.add(volumeNative(storage, name));
    draft.add(
      'VOLUME.copy',
      { ...place, toStorage: storage, toName: name },
      { procedure: 'VOLUME.delete', args: { storage, name } },
    );
    touch(draft, storage, name);
    const { format } = disk.medium;
    return {
      ...disk,
      medium: located(
        { storageName: storage, volumeName: name, ...(format === undefined ? {} : { format }) },
        draft.host,
        context,
      ),
    };
  });
  // Two VMs with one MAC would answer for each other.
  const nics = applied.value.nics.map((nic) =>
    source.nics.some(({ mac }) => mac === nic.mac) ? { ...nic, mac: '', macGenerated: true } : nic,
  );
  const uuid = params.uuid === '' ? madeUuid(`${draft.host} ${context.job}`) : params.uuid;
  const { instanceUuid, createdMs: _c, startedMs: _s, modifiedMs: _m, ...rest } = applied.value;
  const own = instanceUuid !== undefined && instanceUuid !== source.instanceUuid ? { instanceUuid } : {};
  await define(
    uuid.toLowerCase(),
    {
      ...rest,
      ...own,
      name: params.name,
      uuid,
      template: params.template,
      autostart: false,
      snapshots: [],
      disks,
      nics,
    },
    draft,
    context,
    params.nameMayRepeat,
  );
  return done(undefined);
};
