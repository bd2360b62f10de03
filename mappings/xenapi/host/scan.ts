/** A native object in; its name, relations by uuid and sub-objects out. */
import type { DocumentKind } from '../../generic/model.ts';
import { GUARD, type NativeObject, type Scan } from '../../generic/native.ts';
import { attributesOf } from './attributes.ts';
import { type Kept, readKept } from './markup.ts';
import { imageOf, isDisk, readNativeVm } from './native-vm.ts';
import { slotText } from './places.ts';

const part = (object: NativeObject, name: string): Kept => {
  const text = object.parts[name];
  if (text === undefined) throw new Error(`a ${object.kind} without its ${name} document`);
  return readKept(text);
};

const scanVm = (object: NativeObject): Scan => {
  const { kept, drives, cards, snapshots } = readNativeVm(object);
  const relations: { to: DocumentKind; native: string }[] = [];
  const owns: { kind: 'disk' | 'nic' | 'snapshot'; match: string; slot: string }[] = [];
  const relate = (to: DocumentKind, native: string): void => {
    if (native !== '' && !relations.some((one) => one.to === to && one.native === native))
      relations.push({ to, native });
  };
  for (const drive of drives) {
    if (drive.image) {
      relate('storage', drive.image.storageUuid);
      relate('volume', drive.image.uuid);
    }
    if (isDisk(drive)) owns.push({ kind: 'disk', match: drive.image?.uuid ?? '', slot: slotText(drive.slot) });
  }
  for (const { mac, device, networkUuid } of cards) {
    relate('network', networkUuid);
    owns.push({ kind: 'nic', match: mac, slot: device });
  }
  for (const { uuid } of snapshots) owns.push({ kind: 'snapshot', match: uuid, slot: '' });
  return {
    name: kept.text('name_label'),
    uuid: object.native,
    template: kept.bool('is_a_template'),
    guarded: attributesOf(kept).some(({ key }) => key === GUARD),
    relations,
    owns,
  };
};

export const scan = (object: NativeObject): Scan => {
  switch (object.kind) {
    case 'vm':
      return scanVm(object);
    case 'host':
      return { name: part(object, 'host').text('name_label'), uuid: object.native, relations: [], owns: [] };
    case 'storage':
    case 'network':
      return { name: String(object.facts['name'] ?? ''), uuid: object.native, relations: [], owns: [] };
    case 'volume': {
      const { name, storageUuid } = imageOf(part(object, 'vdi'));
      return { name, relations: [{ to: 'storage', native: storageUuid }], owns: [] };
    }
    default:
      return object.kind satisfies never;
  }
};
