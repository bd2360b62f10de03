/** A native object in; its name, relations by native name and sub-objects out. */
import { parseDocument } from '../generic/documents.ts';
import type { DocumentKind } from '../generic/model.ts';
import { GUARD, type NativeObject, type Scan } from '../generic/native.ts';
import { volumeNative } from './machine/state.ts';

type Relations = { to: DocumentKind; native: string }[];

const documentText = (object: NativeObject): string => {
  const text = object.parts['document'];
  if (text === undefined) throw new Error(`${object.kind} ${object.native} has no document`);
  return text;
};

const scanVm = (object: NativeObject): Scan => {
  const vm = parseDocument('vm', documentText(object));
  const relations: Relations = [];
  const owns: { kind: 'disk' | 'nic' | 'snapshot'; match: string; slot: string }[] = [];
  const add = (to: DocumentKind, native: string): void => {
    if (!relations.some((one) => one.to === to && one.native === native)) relations.push({ to, native });
  };
  for (const { medium } of [...vm.disks, ...vm.cdroms, ...vm.floppies]) {
    if (!medium || medium.storageName === '') continue;
    add('storage', medium.storageName);
    if (medium.volumeName !== undefined) add('volume', volumeNative(medium.storageName, medium.volumeName));
  }
  for (const { slot, medium } of vm.disks)
    owns.push({ kind: 'disk', match: medium.path ?? '', slot: `${slot.bus}${slot.controller}:${slot.unit}` });
  for (const { mac, ordinal, networkName } of vm.nics) {
    if (networkName !== '') add('network', networkName);
    owns.push({ kind: 'nic', match: mac.toLowerCase(), slot: String(ordinal) });
  }
  for (const { native } of vm.snapshots) owns.push({ kind: 'snapshot', match: native, slot: native });
  const guarded = vm.attributes.some(({ key }) => key === GUARD);
  return { name: vm.name, uuid: vm.uuid, template: vm.template, guarded, relations, owns };
};

export const scan = (object: NativeObject): Scan => {
  const text = documentText(object);
  switch (object.kind) {
    case 'vm':
      return scanVm(object);
    case 'host': {
      const { name, uuid } = parseDocument('host', text);
      return { name, uuid, relations: [], owns: [] };
    }
    case 'storage': {
      const { name, uuid } = parseDocument('storage', text);
      return { name, uuid, relations: [], owns: [] };
    }
    case 'network': {
      const { name, uuid } = parseDocument('network', text);
      return { name, uuid, relations: [], owns: [] };
    }
    case 'volume': {
      const { name, storageName } = parseDocument('volume', text);
      return { name, relations: [{ to: 'storage', native: storageName }], owns: [] };
    }
    default:
      return object.kind satisfies never;
  }
};
