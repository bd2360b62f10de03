/** Calls on VirtualDiskManager in, `volume.*` commands out; a disk is one volume. */
import { createHash } from 'node:crypto';
import type { Call } from '../../generic/call.ts';
import { type Command, command } from '../../generic/commands.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import { volumeNameOf } from '../../generic/volume-path.ts';
import { DISK_FORMAT } from '../datastore/formats.ts';
import {
  type Datastores,
  datastores,
  existing,
  type Node,
  nodeAt,
  type Place,
  placeOf,
  shownPath,
  usersOf,
} from '../datastore/tree.ts';
import { MAX_DISK_BYTES } from '../render/storage-input.ts';
import type { DataObject } from '../values.ts';
import { runAll, start, value } from './effects.ts';
import { documents } from './inventory.ts';
import { invalidArgument, refuse } from './refusal.ts';

const KIB = 1024;

type VolumeNode = Extract<Node, { kind: 'volume' }>;

const diskAt = (place: Place): VolumeNode => {
  const node = existing(place);
  return node.kind === 'volume' ? node : refuse('file-not-found', { path: shownPath(place) });
};

/** Disks of VMs are changed through their VM. */
export const refuseLocked = (all: Datastores, place: Place, node: VolumeNode): void => {
  if (usersOf(all, place.tree.storage, node.name).length > 0) refuse('file-locked', { path: shownPath(place) });
};

export const newVolumeName = (place: Place): string => {
  const name = volumeNameOf(place.path);
  // Names on the host's own file systems have 255 bytes.
  if (place.path === '' || Buffer.byteLength(name) > 255) refuse('invalid-datastore-path', { path: shownPath(place) });
  return name;
};

const capacityBytes = (kib: unknown, property: string): number => {
  const bytes = Number(kib as number | bigint) * KIB;
  return bytes > 0 && bytes <= MAX_DISK_BYTES ? bytes : invalidArgument(property);
};

const withSuffix = (place: Place): Place =>
  /\.vmdk$/i.test(place.path) || place.path === '' ? place : { ...place, path: `${place.path}.vmdk` };

export function* createVirtualDisk(call: Call, context: BrokerContext): Brokered {
  const spec = call.args['spec'] as DataObject;
  const all = yield* datastores(context);
  const place = withSuffix(placeOf(all, call.args['name'] as string));
  if (nodeAt(place)) refuse('file-exists', { path: shownPath(place) });
  const capacity = capacityBytes(spec['capacityKb'], 'spec.capacityKb');
  const thin = spec['diskType'] === 'thin' || spec['diskType'] === 'sparse2Gb';
  const { storage } = place.tree;
  if (!thin && capacity > storage.doc.availableBytes) refuse('no-disk-space', { storage: storage.doc.name });
  const params = {
    storage: storage.id,
    name: newVolumeName(place),
    capacityBytes: capacity,
    format: DISK_FORMAT,
    thin,
  };
  return yield* start(call, command('volume.create', storage.entry.host, storage.id, params));
}

export function* deleteVirtualDisk(call: Call, context: BrokerContext): Brokered {
  const all = yield* datastores(context);
  const place = placeOf(all, call.args['name'] as string);
  const node = diskAt(place);
  refuseLocked(all, place, node);
  const { storage } = place.tree;
  return yield* start(
    call,
    command('volume.delete', storage.entry.host, storage.id, { storage: storage.id, name: node.name }),
  );
}

export const deleteOf = ({ tree: { storage } }: Place, { name }: VolumeNode): Command =>
  command('volume.delete', storage.entry.host, storage.id, { storage: storage.id, name });

export const copyOf = (from: Place, { name }: VolumeNode, to: Place): Command => {
  const { storage } = from.tree;
  return command('volume.copy', storage.entry.host, storage.id, {
    storage: storage.id,
    name,
    toStorage: to.tree.storage.id,
    toName: newVolumeName(to),
  });
};

/** What is in the way: nothing, a volume that `force` lets us delete first, or a fault. */
const clearing = (all: Datastores, to: Place, force: boolean): Command[] => {
  const node = nodeAt(to);
  if (!node) return [];
  if (!force || node.kind !== 'volume') return refuse('file-exists', { path: shownPath(to) });
  refuseLocked(all, to, node);
  return [deleteOf(to, node)];
};

function* transfer(call: Call, context: BrokerContext, moves: boolean): Brokered {
  const all = yield* datastores(context);
  const from = placeOf(all, call.args['sourceName'] as string);
  const to = withSuffix(placeOf(all, call.args['destName'] as string));
  const node = diskAt(from);
  if (moves) refuseLocked(all, from, node);
  if (from.tree === to.tree && from.path === to.path) return refuse('file-exists', { path: shownPath(to) });
  const commands = [
    ...clearing(all, to, call.args['force'] === true),
    copyOf(from, node, to),
    ...(moves ? [deleteOf(from, node)] : []),
  ];
  return yield* runAll(call, from.tree.storage.id, commands);
}

export const copyVirtualDisk = (call: Call, context: BrokerContext): Brokered => transfer(call, context, false);
export const moveVirtualDisk = (call: Call, context: BrokerContext): Brokered => transfer(call, context, true);

export function* extendVirtualDisk(call: Call, context: BrokerContext): Brokered {
  const all = yield* datastores(context);
  const place = placeOf(all, call.args['name'] as string);
  const node = diskAt(place);
  refuseLocked(all, place, node);
  const wanted = capacityBytes(call.args['newCapacityKb'], 'newCapacityKb');
  const [volume] = yield* documents('volume', [node.volume], context);
  if (volume && wanted < volume.doc.capacityBytes) invalidArgument('newCapacityKb');
  const { storage } = place.tree;
  return yield* start(
    call,
    command('volume.resize', storage.entry.host, storage.id, {
      storage: storage.id,
      name: node.name,
      capacityBytes: wanted,
    }),
  );
}

/** `60 00 C2 9a 1b ...-...`: VMware's range, the rest from where the disk lies, so that it is the same at every reading. */
const diskUuidOf = (native: string): string => {
  const bytes = createHash('sha256').update(native).digest().subarray(0, 16);
  bytes.set([0x60, 0x00, 0xc2, 0x90 | ((bytes[3] ?? 0) & 0x0f)]);
  const pairs = bytes.toString('hex').match(/../g) ?? [];
  return `${pairs.slice(0, 8).join(' ')}-${pairs.slice(8).join(' ')}`;
};

export function* queryVirtualDiskUuid(call: Call, context: BrokerContext): Brokered {
  const all = yield* datastores(context);
  const node = diskAt(placeOf(all, call.args['name'] as string));
  return value(diskUuidOf(node.volume.native));
}
