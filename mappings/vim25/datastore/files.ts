/** FileManager: directories made, files and directories deleted, moved and copied; volumes by commands, the rest in own data. */
import type { Call } from '../../generic/call.ts';
import type { Command } from '../../generic/commands.ts';
import { done } from '../../generic/faults.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import { run, runAll, settle, value } from '../central/effects.ts';
import { refuse } from '../central/refusal.ts';
import { copyOf, deleteOf, newVolumeName, refuseLocked } from '../central/virtual-disks.ts';
import {
  below,
  type Datastores,
  datastores,
  deleteOwn,
  directoryOf,
  existing,
  type Node,
  nodeAt,
  type Place,
  placeOf,
  putOwn,
  shownPath,
} from './tree.ts';
import { formatVmx } from './vmx.ts';

const nodePlace = ({ tree }: Place, { path }: Node): Place => ({ tree, path });

export function* makeDirectory(call: Call, context: BrokerContext): Brokered {
  const all = yield* datastores(context);
  const place = placeOf(all, call.args['name'] as string);
  if (nodeAt(place)) refuse('file-exists', { path: shownPath(place) });
  // The directory's name is part of every volume's name in it.
  newVolumeName(place);
  const { tree } = place;
  const missing: string[] = [];
  for (let up = directoryOf(place.path); up !== ''; up = directoryOf(up)) {
    const node = nodeAt({ tree, path: up });
    if (node && node.kind !== 'directory') refuse('file-not-found', { path: shownPath({ tree, path: up }) });
    if (!node) missing.push(up);
  }
  if (missing.length > 0 && call.args['createParentDirectories'] !== true)
    refuse('file-not-found', { path: shownPath({ tree, path: missing[0] ?? '' }) });
  for (const path of [...missing, place.path])
    putOwn(context.own, tree.storage.id, path, { kind: 'directory', modifiedMs: context.now() });
  return value();
}

/** A node and, of a directory, all that is in it. */
const subtree = (place: Place): readonly Node[] => {
  if (place.path === '') return refuse('invalid-datastore-path', { path: shownPath(place) });
  const node = existing(place);
  return node.kind === 'directory' ? [node, ...below(place.tree, place.path)] : [node];
};

/** Disks in use and the files of registered machines stay. */
const refuseUsed = (place: Place, nodes: readonly Node[], all: Datastores): void => {
  for (const node of nodes) {
    if (node.kind === 'vmx') refuse('file-locked', { path: shownPath(nodePlace(place, node)) });
    if (node.kind === 'volume') refuseLocked(all, nodePlace(place, node), node);
  }
};

const forget = (place: Place, nodes: readonly Node[], context: BrokerContext): void => {
  for (const node of nodes) {
    if (node.kind === 'own' || node.kind === 'directory') deleteOwn(context.own, place.tree.storage.id, node.path);
  }
};

/** A directory that only its files held up stays when the last of them goes. */
const keepDirectory = (place: Place, context: BrokerContext): void => {
  const path = directoryOf(place.path);
  if (path !== '') putOwn(context.own, place.tree.storage.id, path, { kind: 'directory', modifiedMs: context.now() });
};

export function* deleteFile(call: Call, context: BrokerContext): Brokered {
  const all = yield* datastores(context);
  const place = placeOf(all, call.args['name'] as string);
  const nodes = subtree(place);
  refuseUsed(place, nodes, all);
  const commands = nodes.flatMap((node) => (node.kind === 'volume' ? [deleteOf(place, node)] : []));
  keepDirectory(place, context);
  const { id } = place.tree.storage;
  if (nodes.length === 1) {
    forget(place, nodes, context);
    return yield* runAll(call, id, commands);
  }
  for (const command of commands) yield* run(call, command);
  forget(place, nodes, context);
  return yield* settle(call, id, done(undefined));
}

/** What is at the destination, where `force` may overwrite it: one file, never a directory. */
const clear = (all: Datastores, to: Place, force: boolean): { commands: Command[]; own: boolean } => {
  const node = nodeAt(to);
  if (!node) return { commands: [], own: false };
  if (!force || node.kind === 'directory' || node.kind === 'vmx') return refuse('file-exists', { path: shownPath(to) });
  if (node.kind === 'own') return { commands: [], own: true };
  refuseLocked(all, to, node);
  return { commands: [deleteOf(to, node)], own: false };
};

function* transfer(call: Call, context: BrokerContext, moves: boolean): Brokered {
  const all = yield* datastores(context);
  const from = placeOf(all, call.args['sourceName'] as string);
  const to = placeOf(all, call.args['destinationName'] as string);
  const nodes = subtree(from);
  newVolumeName(to);
  const isInside = from.tree === to.tree && (to.path === from.path || to.path.startsWith(`${from.path}/`));
  if (isInside) refuse('file-exists', { path: shownPath(to) });
  const parent = { tree: to.tree, path: directoryOf(to.path) };
  if (nodeAt(parent)?.kind !== 'directory') refuse('file-not-found', { path: shownPath(parent) });
  if (moves) refuseUsed(from, nodes, all);
  const cleared = clear(all, to, call.args['force'] === true);
  const { own } = context;
  const target = to.tree.storage.id;
  const commands = [...cleared.commands];
  const puts: (() => void)[] = [];
  for (const node of nodes) {
    const place = { tree: to.tree, path: to.path + node.path.slice(from.path.length) };
    newVolumeName(place);
    const file = (bytes: Uint8Array) =>
      puts.push(() =>
        putOwn(own, target, place.path, {
          kind: 'file',
          base64: Buffer.from(bytes).toString('base64'),
          modifiedMs: context.now(),
        }),
      );
    if (node.kind === 'volume') commands.push(copyOf(from, node, place), ...(moves ? [deleteOf(from, node)] : []));
    else if (node.kind === 'own') file(node.bytes);
    else if (node.kind === 'vmx')
      file(
        Buffer.from(
          formatVmx(
            node.vm.doc,
            all.trees.map(({ storage }) => storage.doc),
          ),
        ),
      );
    else puts.push(() => putOwn(own, target, place.path, { kind: 'directory', modifiedMs: context.now() }));
  }
  if (moves) keepDirectory(from, context);
  // A single volume: its last command is the task.
  if (puts.length === 0) return yield* runAll(call, from.tree.storage.id, commands);
  for (const command of commands) yield* run(call, command);
  for (const put of puts) put();
  if (moves) forget(from, nodes, context);
  return yield* settle(call, from.tree.storage.id, done(undefined));
}

export const moveFile = (call: Call, context: BrokerContext): Brokered => transfer(call, context, true);
export const copyFile = (call: Call, context: BrokerContext): Brokered => transfer(call, context, false);
