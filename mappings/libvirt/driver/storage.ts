/** Storage pools and their volumes as native objects. */
import { done, fault, type Outcome, refused } from '../../generic/faults.ts';
import type { NativeCall, NativeObject } from '../../generic/native.ts';
import type { DriverSend } from '../../generic/platform.ts';
import type { Pool, Vol } from '../types.ts';
import { splitVolumeNative, volumeNative } from '../volume-names.ts';
import { ask, askFound, askList, askOr, inParallel } from './conversation.ts';

export const listPools = async (send: DriverSend): Promise<readonly Pool[]> =>
  (await askList(send, 'CONNECT_LIST_ALL_STORAGE_POOLS', { need_results: 1, flags: 0 }))?.pools ?? [];

/** A pool may be stopped and started while it is read. */
const TRIES = 3;

const volumeObject = async (
  send: DriverSend,
  pool: Pool,
  vol: Vol,
  tries = TRIES,
): Promise<NativeObject | undefined> => {
  const read = await ask(send, 'STORAGE_VOL_GET_XML_DESC', { vol, flags: 0 });
  if (!read.ok) {
    if (read.fault.kind === 'object-not-found' || read.fault.kind === 'not-found') return undefined;
    // A pool that is not active tells of none, and it may have become so in this moment.
    const known = await askFound(send, 'STORAGE_POOL_IS_ACTIVE', { pool });
    if (known?.active !== 1) return undefined;
    if (tries > 1) return volumeObject(send, pool, vol, tries - 1);
    throw new Error(`STORAGE_VOL_GET_XML_DESC: ${read.fault.text}`);
  }
  return {
    kind: 'volume',
    native: volumeNative(pool.uuid, vol.name),
    parts: { volume: read.value.xml },
    facts: { pool: pool.name },
  };
};

/** The pool and every volume in it; [] when the pool is gone. */
export const readPool = async (send: DriverSend, uuid: string): Promise<NativeObject[]> => {
  const found = await askFound(send, 'STORAGE_POOL_LOOKUP_BY_UUID', { uuid });
  if (!found) return [];
  const { pool } = found;
  const [text, info, autostart] = await Promise.all([
    askFound(send, 'STORAGE_POOL_GET_XML_DESC', { pool, flags: 0 }),
    askOr(send, 'STORAGE_POOL_GET_INFO', { pool }, { state: 0, capacity: 0n, allocation: 0n, available: 0n }),
    askOr(send, 'STORAGE_POOL_GET_AUTOSTART', { pool }, { autostart: 0 }),
  ]);
  if (!text) return [];
  const { vols } = await askOr(
    send,
    'STORAGE_POOL_LIST_ALL_VOLUMES',
    { pool, need_results: 1, flags: 0 },
    { vols: [] },
  );
  const volumes = (await inParallel(vols, 8, (vol) => volumeObject(send, pool, vol))).filter(
    (object) => object !== undefined,
  );
  const storage: NativeObject = {
    kind: 'storage',
    native: uuid,
    parts: { pool: text.xml },
    facts: {
      name: pool.name,
      state: info.state,
      capacity: String(info.capacity),
      allocation: String(info.allocation),
      available: String(info.available),
      autostart: autostart.autostart === 1,
    },
    contains: { kind: 'volume', natives: volumes.map(({ native }) => native) },
  };
  return [storage, ...volumes];
};

/** One volume; undefined when it is gone. */
export const readVolume = async (send: DriverSend, native: string): Promise<NativeObject | undefined> => {
  const { poolUuid, name } = splitVolumeNative(native);
  const found = await askFound(send, 'STORAGE_POOL_LOOKUP_BY_UUID', { uuid: poolUuid });
  return found && volumeObject(send, found.pool, { pool: found.pool.name, name, key: '' });
};

const STREAMS: Readonly<Record<string, 'STORAGE_VOL_DOWNLOAD' | 'STORAGE_VOL_UPLOAD'>> = {
  'volume.download': 'STORAGE_VOL_DOWNLOAD',
  'volume.upload': 'STORAGE_VOL_UPLOAD',
};

/** The hub's transfer of a volume as a stream call; libvirt finds volumes by the name of their pool, which is looked up by its uuid. */
export const volumeStream = async (send: DriverSend, call: NativeCall): Promise<Outcome<NativeCall>> => {
  const procedure = STREAMS[call.procedure];
  if (procedure === undefined) return refused(fault('not-supported', {}, `no such transfer: ${call.procedure}`));
  const { poolUuid, name } = splitVolumeNative(String(call.args['volume']));
  const found = await ask(send, 'STORAGE_POOL_LOOKUP_BY_UUID', { uuid: poolUuid });
  if (!found.ok) return found;
  const length = Number(call.args['lengthBytes'] ?? -1);
  const vol = { pool: found.value.pool.name, name, key: '' };
  // libvirt's 0 is "to the end".
  return done({
    procedure,
    args: { vol, offset: BigInt(Number(call.args['offsetBytes'] ?? 0)), length: BigInt(Math.max(0, length)), flags: 0 },
  });
};

/** A .vmx or a descriptor; whoever wants more than this uses a transfer. */
const READ_MOST_BYTES = 1024 * 1024;

/** Bytes of a small volume, whole. */
export const readBytes = async (
  send: DriverSend,
  args: Readonly<Record<string, unknown>>,
): Promise<Outcome<{ bytes: Uint8Array }>> => {
  const call = await volumeStream(send, { procedure: 'volume.download', args });
  if (!call.ok) return call;
  const gathered = await send.gather(call.value.procedure, call.value.args, READ_MOST_BYTES);
  return gathered.ok ? done({ bytes: gathered.value }) : gathered;
};
