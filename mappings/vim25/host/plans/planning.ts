/** What plans look up on a vSphere host: names, datastores, volumes and networks, or the refusal. */
import type { HubId, NativeRef } from '../../../generic/ids.ts';
import type { Medium, Vm } from '../../../generic/model.ts';
import type { NativeObject } from '../../../generic/native.ts';
import { found, type Planning, refuse } from '../../../generic/planning.ts';
import type { Entry } from '../../../generic/store-view.ts';
import { uuidFrom } from '../../../generic/uuid.ts';
import { pathOfVolume } from '../../../generic/volume-path.ts';
import { escapeAttribute } from '../../../wire/xml.ts';
import { HOST_NATIVE } from '../estate.ts';
import { hostSlot } from '../spec-devices.ts';
import { splitVolumeNative, volumeNative } from '../volume-natives.ts';
import type { Place } from '../volumes.ts';

export const hostFacts = ({ command, context }: Planning): NativeObject['facts'] => {
  const entry = context.store.find(command.host, 'host', HOST_NATIVE);
  return (entry && context.native(entry.id)?.facts) ?? {};
};

/** A uuid that is this host's and this job's alone. */
export const mintUuid = ({ command, context }: Planning, what: string): string =>
  uuidFrom(command.host, context.store.epoch, context.job, what);

export const checkName = (name: string): void => {
  if (name.trim() === '' || Buffer.byteLength(name) > 80 || /[\u0000-\u001f]/.test(name))
    refuse('invalid-name', { name }, `'${name}' is no name for a virtual machine.`);
};

export const refuseDuplicate = (name: string, { command, context }: Planning, but?: HubId): void => {
  const other = context.store.list('vm', command.host).find((entry) => entry.name === name && entry.id !== but);
  if (other) refuse('duplicate-name', { name, object: other.id }, `The name '${name}' already exists.`);
};

export const checkUuid = (uuid: string, { command, context }: Planning): void => {
  if (context.store.list('vm', command.host).some((entry) => entry.uuid.toLowerCase() === uuid))
    refuse('already-exists', { name: uuid }, `A virtual machine with the UUID ${uuid} exists.`);
};

// ---- datastores ----

/** A datastore with what a plan names of it. */
export interface Store extends Place {
  readonly id: HubId;
  readonly availableBytes: number;
  readonly datacenter: string;
  readonly vmFolder: string;
  readonly pool: string;
  readonly host: string;
}

export const storeOf = (id: HubId, planning: Planning): Store => {
  const { native, doc } = found('storage', id, planning);
  if (!doc.accessible) refuse('invalid-state', {}, `The storage ${doc.name} is not accessible.`);
  const fact = (name: string): string => String(native.facts[name] ?? '');
  return {
    id,
    datastore: native.native,
    name: doc.name,
    browser: fact('browser'),
    datacenterName: fact('datacenterName'),
    availableBytes: doc.availableBytes,
    datacenter: fact('datacenter'),
    vmFolder: fact('vmFolder'),
    pool: fact('pool'),
    host: fact('host'),
  };
};

/** Where nobody says where: the datastore with the most room on which a VM can be made. */
export const roomiestStore = (planning: Planning): Store => {
  const { command, context } = planning;
  const stores = context.store
    .list('storage', command.host)
    .filter(({ id }) => context.store.generic('storage', id)?.accessible === true)
    .map(({ id }) => storeOf(id, planning))
    .filter(({ vmFolder, pool }) => vmFolder !== '' && pool !== '')
    .sort((a, b) => b.availableBytes - a.availableBytes);
  return stores[0] ?? refuse('invalid-state', {}, 'The host has no datastore for a virtual machine.');
};

/** A datastore is read with everything in it. One in which a great deal lies is left to its events and to the next rescan. */
const MOST_REREAD = 500;
export const rereadStore = (datastore: string, { command, context }: Planning): NativeRef[] => {
  const prefix = `${datastore}/`;
  const count = context.store.list('volume', command.host).filter(({ native }) => native.startsWith(prefix)).length;
  return count > MOST_REREAD ? [] : [{ kind: 'storage', native: datastore }];
};

export const shown = ({ name }: Pick<Store, 'name'>, path: string): string => `[${name}] ${path}`;

/** Disks have their ending here, whatever it is elsewhere. */
export const diskPath = (volumeName: string): string => {
  const path = pathOfVolume(volumeName);
  return /\.vmdk$/i.test(path) ? path : `${path}.vmdk`;
};

export const volumeAt = (store: Store, path: string, { command, context }: Planning): Entry | undefined =>
  context.store.find(command.host, 'volume', volumeNative(store.datastore, path));

/** The volume of that name in a storage, under the name it was asked for or the one it has here. */
export const volumeNamed = (store: Store, name: string, planning: Planning): { entry: Entry; path: string } => {
  for (const path of [pathOfVolume(name), diskPath(name)]) {
    const entry = volumeAt(store, path, planning);
    if (entry) return { entry, path };
  }
  return refuse('file-not-found', { path: name }, `There is no ${name} in ${store.name}.`);
};

/** A medium as the host names it: `[datastore] path`. */
export const placed = (medium: Medium, planning: Planning, index: number): Medium => {
  const { command, context } = planning;
  const known = medium.volume === undefined ? undefined : context.store.entry(medium.volume);
  if (known !== undefined) {
    const { datastore, path } = splitVolumeNative(known.native);
    const storage = context.store.find(command.host, 'storage', datastore);
    if (storage) {
      const store = storeOf(storage.id, planning);
      return { ...medium, storage: store.id, storageName: store.name, path: shown(store, path) };
    }
  }
  if (medium.path !== undefined) return medium;
  const storage =
    medium.storage ?? context.store.list('storage', command.host).find(({ name }) => name === medium.storageName)?.id;
  if (storage === undefined || medium.volumeName === undefined)
    return refuse('invalid-device', { index, property: 'medium' }, `There is no storage '${medium.storageName}'.`);
  const store = storeOf(storage, planning);
  return { ...medium, path: shown(store, volumeNamed(store, medium.volumeName, planning).path) };
};

// ---- networks ----

/** The networks that a document's cards name, with what the host wants to know of each, beside the native object for the sheet's input. */
export const withBackings = (native: NativeObject | undefined, nics: Vm['nics'], planning: Planning): NativeObject => {
  const { command, context } = planning;
  const entries = context.store.list('network', command.host);
  const backings = [...new Set(nics.map(({ networkName }) => networkName))].flatMap((name) => {
    const entry = entries.find((one) => one.name === name);
    const facts = entry && context.native(entry.id)?.facts;
    if (!entry || !facts) return [];
    const moid = entry.native.slice(entry.native.indexOf(':') + 1);
    const told = {
      name,
      moid,
      portgroupKey: String(facts['portgroupKey'] ?? ''),
      switchUuid: String(facts['switchUuid'] ?? ''),
    };
    const attributes = Object.entries(told).map(([key, value]) => ` ${key}="${escapeAttribute(value)}"`);
    return [`<network${attributes.join('')}/>`];
  });
  const bare: NativeObject = native ?? { kind: 'vm', native: '', parts: {}, facts: {} };
  return { ...bare, parts: { ...bare.parts, backings: `<backings>${backings.join('')}</backings>` } };
};

export const checkNetworks = (nics: Vm['nics'], before: Vm['nics'], { command, context }: Planning): void => {
  const known = new Set(context.store.list('network', command.host).map(({ name }) => name));
  for (const [index, { networkName }] of nics.entries()) {
    if (known.has(networkName) || before.some((nic) => nic.networkName === networkName)) continue;
    refuse('invalid-device', { index, property: 'networkName' }, `There is no network '${networkName}'.`);
  }
};

/** Its disks have modes, none of which is "read only". */
export const checkWritable = ({ readOnly }: { readonly readOnly?: boolean }): void => {
  if (readOnly === true) refuse('not-supported', {}, 'Disks of this host cannot be read-only.');
};

/** Slots as this host has them. */
export const seated = <T extends { readonly slot: Vm['disks'][number]['slot'] }>(one: T): T => ({
  ...one,
  slot: hostSlot(one.slot),
});

const SPEC = /^<spec\b[^>]*?(?:\/>|>([\s\S]*)<\/spec>)\s*$/;

/** What the sheet wrote, as a value for the encoder. */
export const specValue = (text: string): { _type: string; _xml: string } => {
  const match = SPEC.exec(text);
  if (!match) throw new Error(`no spec in ${text.length} characters`);
  return { _type: 'VirtualMachineConfigSpec', _xml: match[1] ?? '' };
};
