/** volume.* and storage.* in, their steps out; and the steps that other plans make and take volumes by. */
import type { DiskSpec } from '../../../generic/commands.ts';
import type { HubId } from '../../../generic/ids.ts';
import type { Plan } from '../../../generic/plan.ts';
import { call, found, type Planning, paramsOf, probe, refuse } from '../../../generic/planning.ts';
import { pathOfVolume } from '../../../generic/volume-path.ts';
import { NULL_REF } from '../../types.ts';
import type { Locator } from '../locate.ts';
import { own } from '../names.ts';
import type { Image } from '../native-vm.ts';
import { type Draft, newDraft, type Ref, setField, uuidFrom } from './draft.ts';
import {
  hostRecord,
  imageBehind,
  keptPart,
  mustHaveVolume,
  type Repository,
  repositoryOf,
  volumeNamed,
} from './planning.ts';

/** VHD has no larger images. */
const MOST_DISK_BYTES = 2 * 1024 ** 4 - 4 * 1024 ** 3;

export const checkCapacity = (capacityBytes: number, index: number): void => {
  if (!(capacityBytes > 0) || capacityBytes > MOST_DISK_BYTES)
    refuse('invalid-device', { index, property: 'capacityBytes' }, `A disk cannot have ${capacityBytes} bytes.`);
};

const touchStorage = (draft: Draft, uuid: string): void => draft.touch({ kind: 'storage', native: uuid });

/** A new image, with the job's mark from its first moment; where it is found again whatever became of the answer. */
export const createImage = (
  draft: Draft,
  to: Repository,
  wanted: {
    readonly name: string;
    readonly capacityBytes: number;
    readonly thin?: boolean;
    readonly sharable?: boolean;
  },
  planning: Planning,
): Locator => {
  const { name, capacityBytes } = wanted;
  if (volumeNamed(to.id, name, planning)) refuse('file-exists', { path: name }, `${name} exists in ${to.name}.`);
  if (wanted.thin === false && capacityBytes > to.availableBytes)
    refuse('no-disk-space', { storage: to.name }, `There is not enough room in ${to.name}.`);
  draft.count += 1;
  const mark = `${planning.context.job}.${draft.count}`;
  const label = pathOfVolume(name);
  const made: Locator = { find: 'made', cls: 'VDI', label, mark };
  const step = draft.add(
    `create volume ${name}`,
    'compensatable',
    call('Async.VDI.create', {
      args: {
        name_label: label,
        name_description: '',
        SR: to.ref,
        virtual_size: capacityBytes,
        type: 'user',
        sharable: wanted.sharable === true,
        read_only: false,
        other_config: { [own.job]: mark, [own.volume]: name },
      },
    }),
    probe('located', { locator: made }),
    call('Async.VDI.destroy', { self: made }),
  );
  draft.touch({ kind: 'volume', native: uuidFrom(step) });
  touchStorage(draft, to.uuid);
  return made;
};

/** All of an image's bytes into one that is there already. */
export const copyInto = (draft: Draft, from: Image, into: Locator): void => {
  draft.add(
    `copy ${from.uuid}`,
    'compensatable',
    call('Async.VDI.copy', { vdi: from.ref, sr: NULL_REF, base_vdi: NULL_REF, into_vdi: into }),
    probe('idle', { vdi: into }),
  );
};

/** How an image comes up belongs to itself and not to the drive it is in. */
const setModes = (
  draft: Draft,
  self: Ref,
  wanted: Pick<DiskSpec, 'shareable' | 'persistent'>,
  before: { readonly sharable: boolean; readonly persistent: boolean },
): void => {
  if (wanted.shareable !== before.sharable) setField(draft, 'VDI', self, 'sharable', wanted.shareable, before.sharable);
  const modeOf = (persistent: boolean): string => (persistent ? 'persist' : 'reset');
  if (wanted.persistent !== before.persistent)
    setField(draft, 'VDI', self, 'on_boot', modeOf(wanted.persistent), modeOf(before.persistent));
};

/** The image of a disk: made for it, or one that is there. */
export const imageFor = (spec: DiskSpec, index: number, draft: Draft, planning: Planning): Ref => {
  if (!spec.create) {
    const { image } = imageBehind(spec.medium, planning, index);
    setModes(draft, image.ref, spec, image);
    return image.ref;
  }
  const { storage, volumeName, capacityBytes, thin } = spec.create;
  checkCapacity(capacityBytes, index);
  const to = repositoryOf(storage, planning);
  const made = createImage(draft, to, { name: volumeName, capacityBytes, thin, sharable: spec.shareable }, planning);
  setModes(draft, made, spec, { sharable: spec.shareable, persistent: true });
  return made;
};

export const destroyImage = (draft: Draft, image: Pick<Image, 'ref' | 'uuid' | 'storageUuid'>): void => {
  draft.later(
    `delete volume ${image.uuid}`,
    call('destroy_if_there', { cls: 'VDI', self: image.ref }),
    probe('absent', { cls: 'VDI', self: image.ref }),
  );
  draft.touch({ kind: 'volume', native: image.uuid });
  touchStorage(draft, image.storageUuid);
};

const resize = (ref: string, size: number) => call('Async.VDI.resize', { vdi: ref, size });

/** Nothing shrinks a disk again: what was grown stays. */
export const growImage = (draft: Draft, image: Image, capacityBytes: number): void => {
  draft.later(
    `resize ${image.uuid}`,
    resize(image.ref, capacityBytes),
    probe('field-is', { cls: 'VDI', self: image.ref, field: 'virtual_size', is: [String(capacityBytes)] }),
  );
  draft.touch({ kind: 'volume', native: image.uuid });
  touchStorage(draft, image.storageUuid);
};

// ---- plans ----

export const planVolumeCreate = async (planning: Planning): Promise<Plan> => {
  const { storage, name, capacityBytes, thin } = paramsOf(planning, 'volume.create');
  const to = repositoryOf(storage, planning);
  checkCapacity(capacityBytes, 0);
  const draft = newDraft(planning.command.host, to.uuid);
  createImage(draft, to, { name, capacityBytes, thin }, planning);
  const [made] = draft.steps;
  if (made) draft.makes = { kind: 'volume', native: uuidFrom(made) };
  return draft.plan();
};

export const planVolumeDelete = async (planning: Planning): Promise<Plan> => {
  const { storage, name } = paramsOf(planning, 'volume.delete');
  const { image } = mustHaveVolume(storage, name, planning);
  const draft = newDraft(planning.command.host, image.storageUuid);
  const self = image.ref;
  draft.add(
    `delete volume ${image.uuid}`,
    'pivot',
    call('Async.VDI.destroy', { self }),
    probe('absent', { cls: 'VDI', self }),
  );
  draft.touch({ kind: 'volume', native: image.uuid }, { kind: 'storage', native: image.storageUuid });
  return draft.plan();
};

export const planVolumeCopy = async (planning: Planning): Promise<Plan> => {
  const { storage, name, toStorage, toName } = paramsOf(planning, 'volume.copy');
  const { image } = mustHaveVolume(storage, name, planning);
  const to = repositoryOf(toStorage, planning);
  const draft = newDraft(planning.command.host, to.uuid);
  const into = createImage(draft, to, { name: toName, capacityBytes: image.capacityBytes }, planning);
  copyInto(draft, image, into);
  const [made] = draft.steps;
  if (made) draft.makes = { kind: 'volume', native: uuidFrom(made) };
  return draft.plan();
};

export const planVolumeResize = async (planning: Planning): Promise<Plan> => {
  const { storage, name, capacityBytes } = paramsOf(planning, 'volume.resize');
  const { image } = mustHaveVolume(storage, name, planning);
  checkCapacity(capacityBytes, 0);
  if (capacityBytes < image.capacityBytes) refuse('not-supported', {}, 'An image of this host cannot shrink.');
  const draft = newDraft(planning.command.host, image.storageUuid);
  if (capacityBytes > image.capacityBytes) growImage(draft, image, capacityBytes);
  const plan = draft.plan();
  // Alone it is the point of no return itself.
  return { ...plan, steps: plan.steps.map((one) => ({ ...one, kind: 'pivot' })) };
};

export const planStorageRefresh = async (planning: Planning): Promise<Plan> => {
  const { entry, native } = found('storage', planning.command.target, planning);
  const sr = keptPart(native, 'sr');
  const draft = newDraft(planning.command.host, entry.native);
  draft.add('scan', 'pivot', call('Async.SR.scan', { sr: sr?.ref ?? '' }), probe('always', {}));
  touchStorage(draft, entry.native);
  return draft.plan();
};

export const planStorageCreate = async (planning: Planning): Promise<Plan> => {
  const { name, path, remoteHost, remotePath } = paramsOf(planning, 'storage.create');
  const { command, context } = planning;
  const other = context.store.list('storage', command.host).find((entry) => entry.name === name);
  if (other) refuse('duplicate-name', { name, object: other.id }, `The name '${name}' already exists.`);
  const remote = remoteHost !== undefined && remotePath !== undefined;
  if (!remote && path === '') refuse('invalid-argument', { property: 'path' }, 'A storage needs a path.');
  const draft = newDraft(command.host, `storage:${name}`);
  const step = draft.add(
    `create storage ${name}`,
    'pivot',
    call('Async.SR.create', {
      host: hostRecord(planning).ref,
      device_config: remote ? { server: remoteHost, serverpath: remotePath } : { location: path },
      physical_size: 0,
      name_label: name,
      name_description: '',
      type: remote ? 'nfs' : 'file',
      content_type: 'user',
      shared: remote,
      sm_config: {},
    }),
    probe('labelled', { cls: 'SR', label: name }),
  );
  const made = { kind: 'storage', native: uuidFrom(step) } as const;
  draft.touch(made);
  draft.makes = made;
  return draft.plan();
};

const mounted = (self: string, is: boolean) =>
  probe('field-is', { cls: 'PBD', self, field: 'currently_attached', is: [String(is)] });
const plug = (self: string) => call('Async.PBD.plug', { self });
const unplug = (self: string) => call('Async.PBD.unplug', { self });

const refuseUsed = (id: HubId, name: string, { context }: Planning): void => {
  const user = context.store.edges(id, 'vm')[0];
  if (user !== undefined) refuse('busy', { object: user }, `${name} is in use.`);
};

/** On every host of the pool that has it. */
const planMounts = (planning: Planning, wanted: boolean): Plan => {
  const { id, entry, native, doc } = found('storage', planning.command.target, planning);
  if (!wanted) refuseUsed(id, doc.name, planning);
  const draft = newDraft(planning.command.host, entry.native);
  for (const { ref, bool } of keptPart(native, 'sr')?.joined('pbd') ?? []) {
    if (bool('currently_attached') === wanted) continue;
    const [there, back] = wanted ? [plug(ref), unplug(ref)] : [unplug(ref), plug(ref)];
    draft.add(wanted ? 'plug' : 'unplug', 'compensatable', there, mounted(ref, wanted), back);
  }
  touchStorage(draft, entry.native);
  return draft.plan();
};

export const planStorageActivate = async (planning: Planning): Promise<Plan> => planMounts(planning, true);
export const planStorageDeactivate = async (planning: Planning): Promise<Plan> => planMounts(planning, false);

/** Let go, not emptied: what lies in it stays where it lies. */
export const planStorageDelete = async (planning: Planning): Promise<Plan> => {
  const { id, entry, native, doc } = found('storage', planning.command.target, planning);
  const sr = keptPart(native, 'sr');
  const { store } = planning.context;
  refuseUsed(id, doc.name, planning);
  const draft = newDraft(planning.command.host, entry.native);
  for (const mount of sr?.joined('pbd') ?? []) {
    if (mount.bool('currently_attached'))
      draft.add('unplug', 'compensatable', unplug(mount.ref), mounted(mount.ref, false), plug(mount.ref));
  }
  const self = sr?.ref ?? '';
  draft.add('forget', 'pivot', call('Async.SR.forget', { sr: self }), probe('absent', { cls: 'SR', self }));
  touchStorage(draft, entry.native);
  for (const volume of store.edges(id, 'volume')) {
    const gone = store.entry(volume);
    if (gone) draft.touch({ kind: 'volume', native: gone.native });
  }
  return draft.plan();
};
