/** What plans look up on a libvirt host: names, pools, volumes and networks, or the refusal. */
import { createHash } from 'node:crypto';
import type { Params } from '../../generic/commands.ts';
import type { HubId } from '../../generic/ids.ts';
import type { Medium, Storage, Vm, Volume } from '../../generic/model.ts';
import { type Found, found, type Planning, refuse } from '../../generic/planning.ts';
import type { Entry } from '../../generic/store-view.ts';
import { uuidFrom } from '../../generic/uuid.ts';
import { volumeNameOf } from '../../generic/volume-path.ts';
import { splitVolumeNative, volumeNative } from '../volume-names.ts';

export const isActive = ({ native }: Found<'vm'>): boolean => Number(native.facts['id'] ?? -1) >= 0;
export const isPersistent = ({ native }: Found<'vm'>): boolean => native.facts['persistent'] !== false;

/** An address of the range that QEMU and libvirt hand out. */
export const macFrom = (...seeds: readonly string[]): string =>
  `52:54:00:${createHash('sha256')
    .update(seeds.join('\u0000'))
    .digest('hex')
    .slice(0, 6)
    .replace(/(..)(?=.)/g, '$1:')}`;

export const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A uuid that is this host's and this job's alone. */
export const mintUuid = ({ command, context }: Planning, what: string): string =>
  uuidFrom(context.store.entry(command.host)?.native ?? command.host, context.store.epoch, context.job, what);

// ---- names ----

export const refuseDuplicate = (name: string, { command, context }: Planning, but?: HubId): void => {
  if ((command.params as Params['vm.create']).nameMayRepeat === true) return;
  const other = context.store.list('vm', command.host).find((entry) => entry.name === name && entry.id !== but);
  if (other) refuse('duplicate-name', { name, object: other.id }, `The name '${name}' already exists.`);
};

/** What XML cannot hold, and line ends. */
const UNWRITABLE =
  /[\u0000-\u0008\u000a-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** A display name that a title can hold: one line, not empty. */
export const checkName = (name: string): void => {
  if (name.trim() === '' || UNWRITABLE.test(name))
    refuse('invalid-name', { name }, `'${name}' is no name for a virtual machine.`);
};

const MOST_BYTES = 180;

/** Cut at a whole character. */
const shortened = (text: string, bytes: number): string => {
  let out = text;
  while (Buffer.byteLength(out) > bytes) out = out.replace(/.$/su, '');
  return out;
};

/** A domain's name becomes file names: no slash, no leading dot, not too long. */
const slugOf = (name: string): string => shortened(name.trim().replaceAll('/', '-').replace(/^\.+/, '_'), MOST_BYTES);

const DOMAIN_NAME = /<name>([^<]*)<\/name>/;

/** A domain name that no domain of the host has, as like the display name as it can be. */
export const freeDomainName = (name: string, { command, context }: Planning, but?: HubId): string => {
  const taken = new Set<string>();
  for (const { id } of context.store.list('vm', command.host)) {
    if (id === but) continue;
    const text = context.native(id)?.parts['domain'] ?? '';
    taken.add(
      (DOMAIN_NAME.exec(text)?.[1] ?? '').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'),
    );
  }
  const slug = slugOf(name);
  let free = slug;
  for (let n = 2; taken.has(free); n++) free = `${slug}-${n}`;
  return free;
};

// ---- storage ----

export interface Pool {
  readonly id: HubId;
  readonly name: string;
  readonly uuid: string;
  readonly doc: Storage;
}

export const poolOf = (id: HubId, planning: Planning): Pool => {
  const { entry, doc } = found('storage', id, planning);
  if (!doc.accessible) refuse('invalid-state', {}, `The storage ${doc.name} is not accessible.`);
  return { id, name: entry.name, uuid: entry.native, doc };
};

export const volumeOf = (pool: Pool, name: string, { command, context }: Planning): Entry | undefined =>
  context.store.find(command.host, 'volume', volumeNative(pool.uuid, name));

/** libvirt's test driver makes no files: it refuses to preallocate them. */
export const canPreallocate = ({ command, context }: Planning): boolean =>
  String(context.native(command.host)?.facts['type'] ?? '').toUpperCase() !== 'TEST';

export const pathIn = (pool: Pool, name: string): string => `${pool.doc.path.replace(/\/+$/, '')}/${name}`;

/** A medium with the path that a domain can name. What the store knows is asked before anything is composed. */
export const placed = (medium: Medium, planning: Planning, index: number): Medium => {
  if (medium.path !== undefined) return medium;
  const { command, context } = planning;
  const known = medium.volume && context.store.generic('volume', medium.volume);
  if (known) return { ...medium, path: known.path, format: medium.format ?? known.format };
  const storage =
    medium.storage ?? context.store.list('storage', command.host).find(({ name }) => name === medium.storageName)?.id;
  if (storage === undefined || medium.volumeName === undefined)
    return refuse('invalid-device', { index, property: 'medium' }, `There is no storage '${medium.storageName}'.`);
  return { ...medium, path: pathIn(poolOf(storage, planning), medium.volumeName) };
};

/** The volume behind a disk of a VM: told by the document, or the one of its volumes that lies at the disk's path. */
export const volumeBehind = (
  medium: Medium,
  vm: HubId,
  planning: Planning,
): { pool: Pool; name: string; id: HubId; doc: Volume } | undefined => {
  const { command, context } = planning;
  const { store } = context;
  const id =
    medium.volume ?? store.edges(vm, 'volume').find((one) => store.generic('volume', one)?.path === medium.path);
  const entry = id === undefined ? undefined : store.entry(id);
  const doc = id === undefined ? undefined : store.generic('volume', id);
  const storage = entry && store.find(command.host, 'storage', splitVolumeNative(entry.native).poolUuid);
  return (
    entry &&
    doc &&
    storage && { pool: poolOf(storage.id, planning), name: splitVolumeNative(entry.native).name, id: entry.id, doc }
  );
};

/** A free volume name for a disk of a VM, by the path that VMware's clients write. */
export const freeVolumeName = (pool: Pool, vmName: string, taken: Set<string>, planning: Planning): string => {
  const base = slugOf(vmName);
  for (let n = 0; ; n++) {
    const name = volumeNameOf(`${base}/${base}${n === 0 ? '' : `_${n}`}.vmdk`);
    const key = `${pool.id}/${name}`;
    if (taken.has(key) || volumeOf(pool, name, planning)) continue;
    taken.add(key);
    return name;
  }
};

/** Cards whose network the host does not have are refused; '' is the host's own user-mode network. */
export const checkNetworks = (nics: Vm['nics'], before: Vm['nics'], { command, context }: Planning): void => {
  const known = new Set(context.store.list('network', command.host).map(({ name }) => name));
  for (const [index, { networkName }] of nics.entries()) {
    if (networkName === '' || known.has(networkName) || before.some((nic) => nic.networkName === networkName)) continue;
    refuse('invalid-device', { index, property: 'networkName' }, `There is no network '${networkName}'.`);
  }
};
