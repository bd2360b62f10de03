/** A storage's volumes, the VMs that live on it and own records in, the tree of files and directories of its datastore out. */
import type { HubId } from '../../generic/ids.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import type { Entry, OwnView } from '../../generic/store-view.ts';
import { pathOfVolume } from '../../generic/volume-path.ts';
import { type Found, isNamed, storages, vms } from '../central/inventory.ts';
import { invalidDatastore, refuse } from '../central/refusal.ts';
import { formatDatastorePath, parseDatastorePath } from '../names.ts';
import { vmPathOf } from '../render/vm-input.ts';

/** What no host holds: directories made by clients, `.vmx` files of VMs that were unregistered, screenshots. */
export type OwnNode =
  | { readonly kind: 'directory'; readonly modifiedMs: number }
  | { readonly kind: 'file'; readonly base64: string; readonly modifiedMs: number };

export type Node =
  | { readonly kind: 'directory'; readonly path: string; readonly modifiedMs?: number }
  | { readonly kind: 'volume'; readonly path: string; readonly volume: Entry; readonly name: string }
  | { readonly kind: 'vmx'; readonly path: string; readonly vm: Found<'vm'> }
  | { readonly kind: 'own'; readonly path: string; readonly bytes: Uint8Array; readonly modifiedMs: number };

export interface Tree {
  readonly storage: Found<'storage'>;
  readonly nodes: ReadonlyMap<string, Node>;
}

/** Everything a call may ask of the datastores of one host. */
export interface Datastores {
  readonly trees: readonly Tree[];
  readonly vms: readonly Found<'vm'>[];
}

const NAMESPACE = 'vim25.tree';
const ownKey = (storage: HubId, path: string): string => `${storage}/${path}`;

export const putOwn = (own: OwnView, storage: HubId, path: string, node: OwnNode): void =>
  own.put(NAMESPACE, ownKey(storage, path), node);
export const deleteOwn = (own: OwnView, storage: HubId, path: string): void =>
  own.delete(NAMESPACE, ownKey(storage, path));

export const directoryOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));
export const fileOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

export const volumesOf = (
  storage: Entry,
  { store }: Pick<BrokerContext, 'store'>,
): readonly { entry: Entry; name: string }[] =>
  store
    .edges(storage.id, 'volume')
    .map((id) => store.entry(id))
    .filter((entry) => entry !== undefined)
    .map((entry) => ({ entry, name: entry.name }));

const grow = (
  storage: Found<'storage'>,
  all: { readonly vms: readonly Found<'vm'>[]; readonly storages: readonly Found<'storage'>[] },
  context: BrokerContext,
): Tree => {
  const nodes = new Map<string, Node>();
  const prefix = ownKey(storage.id, '');
  for (const { key, value } of context.own.list(NAMESPACE, prefix)) {
    const path = key.slice(prefix.length);
    const node = value as OwnNode;
    if (node.kind === 'directory') nodes.set(path, { kind: 'directory', path, modifiedMs: node.modifiedMs });
    else nodes.set(path, { kind: 'own', path, bytes: Buffer.from(node.base64, 'base64'), modifiedMs: node.modifiedMs });
  }
  for (const { entry, name } of volumesOf(storage.entry, context)) {
    const path = pathOfVolume(name);
    // A name of others that reads as a path out of the datastore stays one segment.
    const safe = parseDatastorePath(`[] ${path}`)?.path === path ? path : name;
    nodes.set(safe, { kind: 'volume', path: safe, volume: entry, name });
  }
  const names = all.storages.map(({ doc }) => doc);
  for (const vm of all.vms) {
    const at = parseDatastorePath(vmPathOf(vm.doc, names));
    if (at && at.path !== '' && isNamed(storage.doc, at.datastore))
      nodes.set(at.path, { kind: 'vmx', path: at.path, vm });
  }
  for (const path of [...nodes.keys()]) {
    for (let up = directoryOf(path); up !== '' && !nodes.has(up); up = directoryOf(up))
      nodes.set(up, { kind: 'directory', path: up });
  }
  return { storage, nodes };
};

export function* datastores(context: BrokerContext): Brokered<Datastores> {
  const all = { vms: yield* vms(context), storages: yield* storages(context) };
  return { vms: all.vms, trees: all.storages.map((storage) => grow(storage, all, context)) };
}

export const treeNamed = ({ trees }: Datastores, name: string): Tree =>
  trees.find(({ storage }) => isNamed(storage.doc, name)) ?? invalidDatastore(name);

export interface Place {
  readonly tree: Tree;
  readonly path: string;
}

/** `[ds] path` in one of these datastores, there or not. */
export const placeOf = (all: Datastores, text: string): Place => {
  const at = parseDatastorePath(text);
  // Newlines and the like have no place in a file name that XML and HTTP carry.
  if (!at || hasControls(at.path)) return refuse('invalid-datastore-path', { path: text });
  return { tree: treeNamed(all, at.datastore), path: at.path };
};

export const hasControls = (text: string): boolean => {
  for (let n = 0; n < text.length; n++) if (text.charCodeAt(n) < 32 || text.charCodeAt(n) === 127) return true;
  return false;
};

export const shownPath = ({ tree, path }: Place): string => formatDatastorePath(tree.storage.doc.name, path);

export const nodeAt = ({ tree, path }: Place): Node | undefined =>
  path === '' ? { kind: 'directory', path: '' } : tree.nodes.get(path);

export const existing = (place: Place): Node => nodeAt(place) ?? refuse('file-not-found', { path: shownPath(place) });

/** Nodes directly in a directory. */
export const childrenOf = ({ nodes }: Tree, directory: string): readonly Node[] =>
  [...nodes.values()].filter(({ path }) => path !== '' && directoryOf(path) === directory);

/** Nodes in a directory at any depth. */
export const below = ({ nodes }: Tree, directory: string): readonly Node[] =>
  [...nodes.values()].filter(({ path }) => directory === '' || path.startsWith(`${directory}/`));

/** VMs whose disks or drives use the volume. */
export const usersOf = (all: Datastores, storage: Found<'storage'>, volumeName: string): readonly Found<'vm'>[] =>
  all.vms.filter(({ doc }) =>
    [...doc.disks, ...doc.cdroms, ...doc.floppies].some(
      ({ medium }) => medium?.volumeName === volumeName && medium.storageName === storage.doc.name,
    ),
  );
