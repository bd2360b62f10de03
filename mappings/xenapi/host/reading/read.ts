/** The host in: everything in batches, or exactly what is asked for; native objects and changes out. */
import type { NativeRef } from '../../../generic/ids.ts';
import type { NativeChange, NativeObject } from '../../../generic/native.ts';
import type { DriverSend } from '../../../generic/platform.ts';
import type { KeptClass } from '../kept-fields.ts';
import { isRecord } from '../plain.ts';
import { askFound, listEstate, readNamesakes, readStorageEstate, readVmEstate, refOfUuid } from './estate.ts';
import { type ObjectsOf, objectsOf } from './objects.ts';

const BATCH = 256;
/** So many VMs are read by listing all: one VM takes about a dozen calls. */
const MANY = 64;

const HOST: readonly KeptClass[] = ['pool', 'host', 'host_metrics', 'host_cpu', 'PIF', 'PIF_metrics'];
const VMS: readonly KeptClass[] = ['VM', 'VM_metrics', 'VM_guest_metrics', 'VBD', 'VDI', 'VIF', 'SR', 'network'];
const EVERYTHING: readonly KeptClass[] = [...HOST, ...VMS, 'PBD'];

export async function* listEverything(send: DriverSend): AsyncGenerator<NativeObject[]> {
  const objects = objectsOf(await listEstate(send, EVERYTHING));
  const host = objects.host();
  // Later objects name earlier ones.
  const first = [
    ...(host ? [host] : []),
    ...objects.refs('network').map(objects.network),
    ...objects.refs('storage').map(objects.storage),
  ];
  yield first.filter((object) => object !== undefined);
  for (const kind of ['volume', 'vm'] as const) {
    const refs = objects.refs(kind);
    for (let n = 0; n < refs.length; n += BATCH) {
      const batch = refs.slice(n, n + BATCH).map(objects[kind]);
      yield batch.filter((object) => object !== undefined);
    }
  }
}

const changeOf = (ref: NativeRef, object: NativeObject | undefined): NativeChange =>
  object ? { change: 'put', object } : { change: 'gone', ref };

/** In the order of `natives`; undefined: gone. */
const readVms = async (send: DriverSend, natives: readonly string[]): Promise<(NativeObject | undefined)[]> => {
  if (natives.length >= MANY) {
    const objects = objectsOf(await listEstate(send, VMS));
    const byNative = new Map(
      objects.refs('vm').flatMap((ref) => {
        const object = objects.vm(ref);
        return object ? [[object.native, object] as const] : [];
      }),
    );
    return natives.map((native) => byNative.get(native));
  }
  const refs = await Promise.all(natives.map((uuid) => refOfUuid(send, 'VM', uuid)));
  const objects = objectsOf(
    await readVmEstate(
      send,
      refs.filter((ref) => ref !== undefined),
    ),
  );
  return refs.map((ref) => (ref === undefined ? undefined : objects.vm(ref)));
};

const readVolume = async (send: DriverSend, native: string): Promise<NativeObject | undefined> => {
  const ref = await refOfUuid(send, 'VDI', native);
  const record = ref === undefined ? undefined : await askFound(send, 'VDI.get_record', { self: ref });
  if (ref === undefined || !isRecord(record)) return undefined;
  const few = await listEstate(send, ['SR']);
  const images = new Map([[ref, record]]);
  const namesakes = await readNamesakes(send, images);
  return objectsOf({ of: (cls) => (cls === 'VDI' ? images : few.of(cls)), namesakes }).volume(ref);
};

/** With its volumes, which a scan may have found, unless they are so many that their own events must do. */
const MOST_VOLUMES = 256;

const readStorage = async (send: DriverSend, native: string): Promise<NativeObject[]> => {
  const ref = await refOfUuid(send, 'SR', native);
  const record = ref === undefined ? undefined : await askFound(send, 'SR.get_record', { self: ref });
  if (ref === undefined || !isRecord(record)) return [];
  const objects: ObjectsOf = objectsOf(await readStorageEstate(send, record));
  const found = objects.storage(ref);
  const own = new Set(found?.contains?.natives);
  const volumes = own.size > MOST_VOLUMES ? [] : objects.refs('volume').map(objects.volume);
  return [found, ...volumes.filter((volume) => own.has(volume?.native ?? ''))].filter((object) => object !== undefined);
};

const readNetwork = async (send: DriverSend, native: string): Promise<NativeObject | undefined> => {
  const objects = objectsOf(await listEstate(send, ['network', 'PIF']));
  return objects
    .refs('network')
    .map(objects.network)
    .find((object) => object?.native === native);
};

export const readHost = async (send: DriverSend): Promise<NativeObject | undefined> =>
  objectsOf(await listEstate(send, HOST)).host();

const readOther = async (send: DriverSend, ref: NativeRef): Promise<NativeChange[]> => {
  switch (ref.kind) {
    case 'volume':
      return [changeOf(ref, await readVolume(send, ref.native))];
    case 'storage': {
      const found = await readStorage(send, ref.native);
      return found.length === 0 ? [{ change: 'gone', ref }] : found.map((object) => changeOf(ref, object));
    }
    case 'network':
      return [changeOf(ref, await readNetwork(send, ref.native))];
    case 'host':
      return [changeOf(ref, await readHost(send))];
    default:
      throw new Error(`XenAPI has no ${ref.kind} to read`);
  }
};

export const readRefs = async (send: DriverSend, refs: readonly NativeRef[]): Promise<NativeChange[]> => {
  const vms = refs.filter(({ kind }) => kind === 'vm');
  const [read, ...others] = await Promise.all([
    vms.length === 0
      ? []
      : readVms(
          send,
          vms.map(({ native }) => native),
        ),
    ...refs.filter(({ kind }) => kind !== 'vm').map((ref) => readOther(send, ref)),
  ]);
  return [...vms.map((ref, n) => changeOf(ref, read[n])), ...others.flat()];
};
