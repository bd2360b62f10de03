/** VDI.create, destroy, resize, copy and clone in, volume verbs of the hub out; labels, which no host knows, are kept here. */
import { type HubId, kindOf } from '../../generic/ids.ts';
import type { Brokered } from '../../generic/platform.ts';
import { NULL_REF, parseRef, refOf, xenId } from '../ids.ts';
import { ownFields, ownObjects, readOwn, removeOwnObject } from '../own-data.ts';
import { dateTime } from '../render/markup.ts';
import { drivesOf } from '../seats.ts';
import { forgottenDrive } from './devices.ts';
import { dropped, type Given, givenIn, givenTo } from './follow-ups.ts';
import { takeLeftDisk } from './left-disks.ts';
import { newVolumeName } from './minting.ts';
import { DISK_FORMAT } from './provision.ts';
import { notSupported, refuse } from './refusal.ts';
import { documents, type Found, isUp, storageOf, volumeOf } from './targets.ts';
import {
  type Answer,
  type Ending,
  ended,
  flagArg,
  last,
  numberArg,
  recordArg,
  run,
  textArg,
  type Work,
} from './work.ts';

type Disk = Found<'volume'> & { readonly storage: HubId };

/** Disks are counted in sectors. */
const SECTOR = 512;
const sized = (bytes: number, field: string): number => {
  if (!(bytes > 0)) refuse('INVALID_VALUE', field, String(bytes));
  return Math.ceil(bytes / SECTOR) * SECTOR;
};

/** Fields of a new VDI that clients give and no host keeps. */
const KEPT = ['name_label', 'name_description', 'type', 'other_config', 'xenstore_data', 'sm_config', 'tags'] as const;

const formatFor = (config: Readonly<Record<string, string>>): string => {
  const wanted = config['image-format'] ?? config['type'] ?? DISK_FORMAT;
  switch (wanted) {
    case 'qcow2':
    case 'raw':
      return wanted;
    default:
      return notSupported('sm_config:image-format', wanted, 'disks are made as qcow2 or raw');
  }
};

function* createVdi(work: Work): Brokered<Ending> {
  const record = recordArg(work);
  const storage = yield* storageOf(textArg(record, 'SR'), work);
  if (!storage.doc.accessible) refuse('SR_NO_PBDS', storage.ref);
  if (flagArg(record, 'sharable')) notSupported('sharable', 'true', 'a disk has one user at a time');
  if (flagArg(record, 'read_only')) notSupported('read_only', 'true', 'a disk is made to be written');
  const format = formatFor((record.args['sm_config'] ?? {}) as Readonly<Record<string, string>>);
  const capacityBytes = sized(numberArg(record, 'virtual_size'), 'virtual_size');
  const name = newVolumeName(work.context, textArg(record, 'name_label'), format);
  const params = { storage: storage.id, name, capacityBytes, format, thin: true };
  const label: Given = [['name_label', textArg(record, 'name_label')]];
  return last(work, 'volume.create', storage.id, params, givenTo([...label, ...givenIn(record, KEPT)]));
}

/** Machines that have the disk. */
export function* usersOf({ id }: Disk, work: Work): Brokered<readonly Pick<Found<'vm'>, 'id' | 'doc'>[]> {
  const { store } = work.context;
  const entries = store.edges(id, 'vm').flatMap((vm) => store.entry(vm) ?? []);
  return yield* documents('vm', entries, work);
}

function* refuseInUse(disk: Disk, operation: string, work: Work): Brokered<void> {
  const users = yield* usersOf(disk, work);
  if (users.some((vm) => isUp(vm) || vm.doc.powerState === 'suspended')) refuse('VDI_IN_USE', disk.ref, operation);
}

/** The drives of machines that are off go with the disk, as VBDs without a VDI do. */
function* takeFromMachines(disk: Disk, work: Work): Brokered<void> {
  for (const vm of yield* usersOf(disk, work)) {
    const drives = drivesOf(vm.doc).filter(
      (drive) => (drive.type === 'Disk' ? drive.disk.medium : drive.cdrom.medium)?.volume === disk.id,
    );
    if (drives.length === 0) continue;
    const attributes = drives.flatMap((drive) => (drive.type === 'Disk' ? forgottenDrive(vm.doc, drive) : []));
    const change = {
      disks: {
        remove: drives.flatMap((drive) =>
          drive.type === 'Disk' ? [{ slot: drive.disk.slot, deleteVolume: false }] : [],
        ),
      },
      cdroms: { change: drives.flatMap((drive) => (drive.type === 'CD' ? [{ slot: drive.cdrom.slot }] : [])) },
      ...(attributes.length > 0 ? { attributes } : {}),
    };
    yield* run(work, 'vm.change', vm.id, { change });
  }
  for (const { ref, fields } of ownObjects(work.context, 'VBD'))
    if (fields['VDI'] === disk.ref) removeOwnObject(work.context, ref);
}

function* destroyVdi(work: Work): Brokered<Ending> {
  const id = parseRef(work.self, work.context.front);
  // What a snapshot holds goes with the snapshot.
  if (id?.cls === 'VDI' && kindOf(id.owner) === 'snapshot') {
    if (work.context.store.owner(id.owner)) return refuse('VDI_IN_USE', work.self, 'destroy');
    if (takeLeftDisk(work.context, id.owner, id.part)) return ended();
  }
  const disk = yield* volumeOf(work.self, work);
  yield* refuseInUse(disk, 'destroy', work);
  yield* takeFromMachines(disk, work);
  const params = { storage: disk.storage, name: disk.doc.name };
  return last(work, 'volume.delete', disk.storage, params, dropped([disk.ref]));
}

function* resizeVdi(work: Work): Brokered<Ending> {
  const disk = yield* volumeOf(work.self, work);
  const capacityBytes = sized(numberArg(work, 'size'), 'size');
  if (capacityBytes < disk.doc.capacityBytes)
    return refuse('SR_BACKEND_FAILURE_79', '', `VDI Invalid size [opterr=shrinking not allowed]`, '');
  if (capacityBytes === disk.doc.capacityBytes) return ended();
  return last(work, 'volume.resize', disk.storage, { storage: disk.storage, name: disk.doc.name, capacityBytes });
}

export const labelOf = ({ ref, doc }: Found<'volume'>, { context }: Work): string =>
  String(readOwn(context, ref, 'name_label') ?? doc.name);

/** What clients gave an image, which a copy of it has as well. */
export const keptOf = (volume: Found<'volume'>, work: Work): Given => {
  const given = [...ownFields(work.context, volume.ref)].map(([field, { value }]) => [field, value] as const);
  return [
    ['name_label', labelOf(volume, work)],
    ...given.filter(([field]) => (KEPT as readonly string[]).includes(field)),
  ];
};

const copies = (operation: 'copy' | 'clone' | 'snapshot', ofCopy: (work: Work) => Given = () => []): Answer =>
  function* (work: Work): Brokered<Ending> {
    const disk = yield* volumeOf(work.self, work);
    for (const field of ['base_vdi', 'into_vdi']) {
      const ref = textArg(work, field);
      if (ref !== '' && ref !== NULL_REF) notSupported(field, ref, 'a disk is copied whole, into one of its own');
    }
    const sr = operation === 'copy' ? textArg(work, 'sr') : NULL_REF;
    const to = sr === '' || sr === NULL_REF ? disk.storage : (yield* storageOf(sr, work)).id;
    yield* refuseInUse(disk, operation, work);
    const toName = newVolumeName(work.context, labelOf(disk, work).replace(/\.\w+$/, ''), disk.doc.format);
    const params = { storage: disk.storage, name: disk.doc.name, toStorage: to, toName };
    return last(work, 'volume.copy', disk.storage, params, givenTo([...keptOf(disk, work), ...ofCopy(work)]));
  };

/** The image as it is now, as one of its own: no host keeps it inside the other and lets it be used. */
const snapshotVdi = copies('snapshot', ({ self, context }) => [
  ['is_a_snapshot', true],
  ['snapshot_of', self],
  ['snapshot_time', dateTime(context.now())],
]);

/** Sizes and places are read from the host whenever they change. */
function* updateVdi(work: Work): Brokered<Ending> {
  const disk = yield* volumeOf(work.self, work);
  return last(work, 'storage.refresh', disk.storage, {});
}

/** A storage lists what lies in it: nothing there can be overlooked. */
function* forgetVdi(work: Work): Brokered<Ending> {
  const disk = yield* volumeOf(work.self, work);
  return refuse('SR_OPERATION_NOT_SUPPORTED', refOf(xenId('SR', disk.storage), work.context.front));
}

export const VDI: Readonly<Record<string, Answer>> = {
  'VDI.create': createVdi,
  'VDI.destroy': destroyVdi,
  'VDI.resize': resizeVdi,
  'VDI.resize_online': resizeVdi,
  'VDI.copy': copies('copy'),
  'VDI.clone': copies('clone'),
  'VDI.snapshot': snapshotVdi,
  'VDI.update': updateVdi,
  'VDI.forget': forgetVdi,
};
