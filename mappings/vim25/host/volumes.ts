/** The disks and images in a datastore, by its browser: search results in, native objects of volumes out. */
import { done, type Outcome } from '../../generic/faults.ts';
import type { NativeObject } from '../../generic/native.ts';
import type { DriverSend } from '../../generic/platform.ts';
import { childOf, childrenOf, type XmlElement, XSI_NS, xsiTypeOf } from '../../wire/xml.ts';
import { type DataObject, moRef } from '../values.ts';
import { elementText } from './properties.ts';
import { ask, retrieveAll } from './reading.ts';
import { FILE_TRANSFER } from './transfers.ts';
import { volumeNative } from './volume-natives.ts';

/** What is needed of a datastore to look into it. */
export interface Place {
  /** Moid. */
  readonly datastore: string;
  readonly name: string;
  readonly browser: string;
  readonly datacenterName: string;
}

const SEARCH: DataObject = {
  query: [
    {
      _type: 'VmDiskFileQuery',
      details: { diskType: true, capacityKb: true, hardwareVersion: false, controllerType: false, thin: true },
    },
    { _type: 'IsoImageFileQuery' },
    { _type: 'FloppyImageFileQuery' },
  ],
  details: { fileType: true, fileSize: true, modification: true, fileOwner: false },
};

const textOf = (element: XmlElement, member: string): string => childOf(element, member)?.text.trim() ?? '';

/** `[name] a/b` without the datastore; hosts write the end of it in several ways. */
const folderOf = (text: string): string => text.replace(/^\[[^\]]*\]\s*/, '').replace(/^\/+|\/+$/g, '');

interface Found {
  readonly path: string;
  readonly file: XmlElement;
}

const foundIn = (result: XmlElement): Found[] => {
  const folder = folderOf(textOf(result, 'folderPath'));
  return childrenOf(result, 'file').map((file) => {
    const name = textOf(file, 'path');
    return { path: folder === '' ? name : `${folder}/${name}`, file };
  });
};

const DESCRIPTOR_BYTES = 4096;
/** `RW 4192256 VMFS "disk-flat.vmdk"`: sectors of 512 bytes. */
const EXTENT = /^(?:RW|RDONLY)\s+(\d+)\s+/gm;
const SECTOR_BYTES = 512;

/** A descriptor's own word; vcsim 0.46 writes nothing into it but the capacity in KB. */
const capacityIn = (descriptor: string): number | undefined => {
  if (/^\d+$/.test(descriptor)) return Number(descriptor) * 1024;
  let sectors = 0;
  for (const [, count] of descriptor.matchAll(EXTENT)) sectors += Number(count);
  return sectors > 0 ? sectors * SECTOR_BYTES : undefined;
};

type Capacities = ReadonlyMap<string, number>;

/** By `[datastore] path`, what VMs say of the disks they have. */
const capacitiesOfVms = async (send: DriverSend): Promise<Capacities> => {
  const found = new Map<string, number>();
  for await (const page of retrieveAll(send, { VirtualMachine: ['config.hardware.device'] }))
    for (const { values } of page)
      for (const device of values.get('config.hardware.device')?.children ?? []) {
        const kib = Number(textOf(device, 'capacityInKB'));
        const backing = childOf(device, 'backing');
        if (kib > 0 && backing) found.set(textOf(backing, 'fileName'), kib * 1024);
      }
  return found;
};

/**
 * Capacities for hosts whose browser does not tell them (vcsim 0.46): from the VMs that have the disks, which are asked once for a listing,
 * else from what can be a descriptor.
 */
const capacityReader = (send: DriverSend, place: Place): ((found: Found) => Promise<number>) => {
  let ofVms: Promise<Capacities> | undefined;
  return async ({ path, file }) => {
    const told = textOf(file, 'capacityKb');
    if (told !== '') return Number(told) * 1024;
    ofVms ??= capacitiesOfVms(send);
    const known = (await ofVms).get(`[${place.name}] ${path}`);
    const size = Number(textOf(file, 'fileSize'));
    if (known !== undefined || !(size > 0 && size <= DESCRIPTOR_BYTES)) return known ?? 0;
    const args = { path, datastore: place.name, datacenter: place.datacenterName };
    const read = await send.gather(FILE_TRANSFER, args, DESCRIPTOR_BYTES);
    return (read.ok ? capacityIn(Buffer.from(read.value).toString('latin1').trim()) : undefined) ?? 0;
  };
};

const volumeObject = async (
  place: Place,
  found: Found,
  capacityOf: (found: Found) => Promise<number>,
): Promise<NativeObject> => {
  const type = xsiTypeOf(found.file)?.name ?? 'FileInfo';
  const size = Number(textOf(found.file, 'fileSize')) || 0;
  const capacity = type === 'VmDiskFileInfo' ? await capacityOf(found) : size;
  return {
    kind: 'volume',
    native: volumeNative(place.datastore, found.path),
    parts: { file: elementText('file', found.file, ` xmlns:xsi="${XSI_NS}"`) },
    facts: {
      datastore: place.name,
      path: found.path,
      type,
      size,
      capacity,
      datacenterName: place.datacenterName,
    },
  };
};

/** System folders of a VMFS, and the parts of a disk that are no disk of their own. */
const isVolume = ({ path }: Found): boolean =>
  !path.split('/').some((step) => step.startsWith('.')) && !/-(flat|delta|ctk|sesparse)\.vmdk$/i.test(path);

/** Everything in the datastore, in its folders too; undefined: the datastore cannot be looked into now. */
export const listVolumes = async (send: DriverSend, place: Place): Promise<NativeObject[] | undefined> => {
  const answer = await ask(send, 'SearchDatastoreSubFolders_Task', moRef('HostDatastoreBrowser', place.browser), {
    datastorePath: `[${place.name}]`,
    searchSpec: { ...SEARCH, matchPattern: ['*'] },
  });
  if (!answer.ok) return undefined;
  const found = (answer.value[0]?.children ?? []).flatMap(foundIn).filter(isVolume);
  const objects: NativeObject[] = [];
  const capacityOf = capacityReader(send, place);
  for (const one of found) objects.push(await volumeObject(place, one, capacityOf));
  return objects;
};

/** One file; undefined: it is not there. */
export const readVolume = async (
  send: DriverSend,
  place: Place,
  path: string,
): Promise<Outcome<NativeObject | undefined>> => {
  const slash = path.lastIndexOf('/');
  const folder = slash < 0 ? '' : path.slice(0, slash);
  const answer = await ask(send, 'SearchDatastore_Task', moRef('HostDatastoreBrowser', place.browser), {
    datastorePath: `[${place.name}] ${folder}`,
    searchSpec: { ...SEARCH, matchPattern: [path.slice(slash + 1)] },
  });
  if (!answer.ok) return answer.fault.kind === 'file-not-found' ? done(undefined) : answer;
  const file = (answer.value[0] === undefined ? [] : childrenOf(answer.value[0], 'file')).find(
    (one) => textOf(one, 'path') === path.slice(slash + 1),
  );
  return done(file && (await volumeObject(place, { path, file }, capacityReader(send, place))));
};

/** Whatever lies at the path: a disk, another file, a directory. */
export const isThere = async (send: DriverSend, place: Place, path: string): Promise<Outcome<boolean>> => {
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  const answer = await ask(send, 'SearchDatastore_Task', moRef('HostDatastoreBrowser', place.browser), {
    datastorePath: `[${place.name}] ${slash < 0 ? '' : path.slice(0, slash)}`,
    searchSpec: { matchPattern: [name] },
  });
  if (!answer.ok) return answer.fault.kind === 'file-not-found' ? done(false) : answer;
  const files = answer.value[0] === undefined ? [] : childrenOf(answer.value[0], 'file');
  return done(files.some((one) => textOf(one, 'path') === name));
};
