/** A native object in; its name, relations by native name and sub-objects out. */
import { GUARD, type NativeObject, type Scan } from '../../generic/native.ts';
import { attributeOf } from '../../wire/xml.ts';
import { unescapeName } from '../names.ts';
import { attributesOf } from './attributes.ts';
import { hardwareOf } from './devices.ts';
import { all, at, flagAt, partOf, textAt } from './native-tree.ts';
import { splitVolumeNative, volumeNative } from './volume-natives.ts';

type Relation = Scan['relations'][number];

const byName = (name: string): string => `name:${name}`;
const byPath = (path: string): string => `path:${path}`;

const snapshotNatives = (vm: Parameters<typeof at>[0]): string[] => {
  const below = (list: readonly NonNullable<typeof vm>[]): string[] =>
    list.flatMap((one) => [textAt(one, 'snapshot').trim(), ...below([...all(one, 'childSnapshotList')])]);
  return below([...all(at(vm, 'snapshot'), 'rootSnapshotList')]);
};

const scanMachine = (object: NativeObject): Scan => {
  const vm = partOf(object, 'vm');
  const hardware = hardwareOf(vm);
  const relations = new Map<string, Relation>();
  const relate = (to: Relation['to'], native: string): void => void relations.set(to + native, { to, native });
  for (const { file } of [...hardware.disks, ...hardware.cdroms, ...hardware.floppies]) {
    if (file === undefined) continue;
    relate('storage', file.datastore === '' ? byName(file.storageName) : file.datastore);
    relate('volume', file.datastore === '' ? byPath(file.fileName) : volumeNative(file.datastore, file.path));
  }
  for (const one of all(vm, 'datastore')) relate('storage', one.text.trim());
  for (const one of all(partOf(object, 'networks'), 'network')) relate('network', attributeOf(one, 'native') ?? '');
  return {
    name: unescapeName(textAt(vm, 'name')),
    uuid: textAt(vm, 'config', 'uuid').toLowerCase(),
    template: flagAt(vm, 'config', 'template'),
    guarded: attributesOf(vm).some(({ key }) => key === GUARD),
    relations: [...relations.values()],
    owns: [
      ...hardware.disks.map(({ file, slot }) => ({
        kind: 'disk' as const,
        match: file?.fileName ?? '',
        slot: `${slot.bus}${slot.controller}:${slot.unit}`,
      })),
      ...hardware.cards.map(({ mac }, ordinal) => ({ kind: 'nic' as const, match: mac, slot: String(ordinal) })),
      ...snapshotNatives(vm).map((match) => ({ kind: 'snapshot' as const, match, slot: '' })),
    ],
  };
};

export const scan = (object: NativeObject): Scan => {
  switch (object.kind) {
    case 'vm':
      return scanMachine(object);
    case 'storage': {
      const name = unescapeName(textAt(partOf(object, 'datastore'), 'name'));
      return { name, relations: [], owns: [], aliases: [byName(name)] };
    }
    case 'volume': {
      const { datastore } = splitVolumeNative(object.native);
      return {
        name: object.native.slice(datastore.length + 1),
        relations: [{ to: 'storage', native: datastore }],
        owns: [],
        aliases: [byPath(`[${String(object.facts['datastore'])}] ${String(object.facts['path'])}`)],
      };
    }
    case 'network':
      return { name: unescapeName(textAt(partOf(object, 'network'), 'name')), relations: [], owns: [] };
    case 'host': {
      const about = partOf(object, 'about');
      const first = Object.keys(object.parts).find((part) => part.startsWith('host:'));
      const isCenter = textAt(about, 'apiType') === 'VirtualCenter' || first === undefined;
      return { name: textAt(isCenter ? about : partOf(object, first), 'name'), relations: [], owns: [] };
    }
    default:
      return object.kind satisfies never;
  }
};
