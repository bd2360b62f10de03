/** What plans look up on a XenServer host: the VM by its reference, names, storages, images and networks, or the refusal. */
import type { Params } from '../../../generic/commands.ts';
import type { HubId } from '../../../generic/ids.ts';
import type { Host, Medium, Vm } from '../../../generic/model.ts';
import type { NativeObject } from '../../../generic/native.ts';
import { type Found, found, notThere, type Planning, refuse } from '../../../generic/planning.ts';
import { type Kept, readKept } from '../markup.ts';
import { type Image, imageOf, type NativeVm, readNativeVm } from '../native-vm.ts';

export interface TargetVm extends Found<'vm'> {
  readonly vm: NativeVm;
  readonly ref: string;
}

export const targetVm = (planning: Planning): TargetVm => {
  const target = found('vm', planning.command.target, planning);
  const vm = readNativeVm(target.native);
  return { ...target, vm, ref: vm.kept.ref };
};

/** Devices come and go while it runs; a suspended one keeps what it was saved with. */
export const isActive = ({ doc }: Found<'vm'>): boolean => doc.powerState === 'running' || doc.powerState === 'paused';

export const wrongState = ({ doc }: Found<'vm'>, text: string): never =>
  refuse('wrong-state', { requested: 'stopped', existing: doc.powerState }, text);

const keptPart = (native: NativeObject | undefined, part: string): Kept | undefined => {
  const text = native?.parts[part];
  return text === undefined ? undefined : readKept(text);
};

// ---- names ----

export const checkName = (name: string): void => {
  if (name.trim() === '' || /[\u0000-\u001f\ufffe\uffff]/.test(name) || !name.isWellFormed())
    refuse('invalid-name', { name }, `'${name}' is no name for a virtual machine.`);
};

/** The host allows two VMs of one name; clients of most other APIs could not tell them apart. */
export const refuseDuplicate = (name: string, { command, context }: Planning, but?: HubId): void => {
  if ((command.params as Params['vm.change']).nameMayRepeat === true) return;
  if ((command.params as Params['vm.create']).nameMayRepeat === true) return;
  const other = context.store.list('vm', command.host).find((entry) => entry.name === name && entry.id !== but);
  if (other) refuse('duplicate-name', { name, object: other.id }, `The name '${name}' already exists.`);
};

const MOST_MEMORY_BYTES = 24 * 1024 ** 4;

export const checkSize = (vm: Pick<Vm, 'cpuCount' | 'memoryBytes'>, { command, context }: Planning): void => {
  const host: Host | undefined = context.store.generic('host', command.host);
  const most = host?.vmCpuMax ?? 64;
  if (!(vm.cpuCount >= 1) || vm.cpuCount > most)
    refuse(
      'invalid-vm-config',
      { property: 'cpuCount' },
      `A virtual machine has 1 to ${most} CPUs on this host, not ${vm.cpuCount}.`,
    );
  if (!(vm.memoryBytes > 0) || vm.memoryBytes > MOST_MEMORY_BYTES)
    refuse('invalid-vm-config', { property: 'memoryBytes' }, `${vm.memoryBytes} bytes are no memory size.`);
};

// ---- storage ----

export interface Repository {
  readonly id: HubId;
  readonly ref: string;
  readonly uuid: string;
  readonly name: string;
  readonly availableBytes: number;
}

export const repositoryOf = (id: HubId, planning: Planning): Repository => {
  const { entry, native, doc } = found('storage', id, planning);
  const sr = keptPart(native, 'sr');
  if (!sr) return notThere('storage', id);
  if (!doc.accessible) refuse('invalid-state', {}, `The storage ${doc.name} is not accessible.`);
  return { id, ref: sr.ref, uuid: entry.native, name: entry.name, availableBytes: doc.availableBytes };
};

export interface VolumeFound {
  readonly id: HubId;
  readonly image: Image;
  readonly kept: Kept;
}

const volumeAt = (id: HubId, { context }: Planning): VolumeFound | undefined => {
  const kept = keptPart(context.native(id), 'vdi');
  return kept && { id, image: imageOf(kept), kept };
};

export const volumeNamed = (storage: HubId, name: string, planning: Planning): VolumeFound | undefined => {
  const { store } = planning.context;
  const id = store.edges(storage, 'volume').find((one) => store.entry(one)?.name === name);
  return id === undefined ? undefined : volumeAt(id, planning);
};

export const mustHaveVolume = (storage: HubId, name: string, planning: Planning): VolumeFound =>
  volumeNamed(storage, name, planning) ?? refuse('file-not-found', { path: name }, `There is no volume '${name}'.`);

/** The image that a medium means: told by its id, its name in a storage, or the host's own path. */
export const imageBehind = (medium: Medium, planning: Planning, index: number): VolumeFound => {
  const { command, context } = planning;
  const storage =
    medium.storage ?? context.store.list('storage', command.host).find(({ name }) => name === medium.storageName)?.id;
  const volume =
    (medium.volume === undefined ? undefined : volumeAt(medium.volume, planning)) ??
    (storage === undefined || medium.volumeName === undefined
      ? undefined
      : volumeNamed(storage, medium.volumeName, planning)) ??
    byPath(medium.path, planning);
  return (
    volume ??
    refuse(
      'invalid-device',
      { index, property: 'medium' },
      `There is no volume '${medium.volumeName ?? medium.path ?? ''}' in '${medium.storageName}'.`,
    )
  );
};

const byPath = (path: string | undefined, planning: Planning): VolumeFound | undefined => {
  const uuid = path?.split('/').at(-1) ?? '';
  const entry = uuid === '' ? undefined : planning.context.store.find(planning.command.host, 'volume', uuid);
  return entry && volumeAt(entry.id, planning);
};

/** Whether another VM has it as well. */
export const isShared = (image: Image, vm: HubId, { command, context }: Planning): boolean => {
  const entry = context.store.find(command.host, 'volume', image.uuid);
  return entry !== undefined && context.store.edges(entry.id, 'vm').some((user) => user !== vm);
};

// ---- networks ----

export const networkRef = (
  nic: { readonly network?: HubId; readonly networkName: string },
  planning: Planning,
  index: number,
): string => {
  const { command, context } = planning;
  const id =
    nic.network ?? context.store.list('network', command.host).find(({ name }) => name === nic.networkName)?.id;
  const kept = id === undefined ? undefined : keptPart(context.native(id), 'network');
  return (
    kept?.ref ??
    refuse('invalid-device', { index, property: 'networkName' }, `There is no network '${nic.networkName}'.`)
  );
};

export const hostRecord = ({ command, context }: Planning): Kept =>
  keptPart(context.native(command.host), 'host') ?? notThere('host', command.host);

export { keptPart };
