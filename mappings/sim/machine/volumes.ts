/** Volumes of the simulated host and their content: pages in memory, bounded over all volumes together. */
import type { Volume } from '../../generic/model.ts';
import {
  type Args,
  CONTENT_MAX_BYTES,
  count,
  DISK_MAX_BYTES,
  drop,
  flag,
  gone,
  isFileName,
  isForeign,
  OBJECTS_MAX,
  PAGE_BYTES,
  type Pages,
  type Procedure,
  put,
  refuse,
  type SimEvent,
  type SimState,
  type Step,
  text,
  textOr,
  took,
  type VolumeRecord,
  volumeNative,
} from './state.ts';

export const volumeEvent = (native: string, hint: string): SimEvent => ({
  procedure: 'EVENT.volume',
  args: { native, hint },
});

/** What it takes of its storage. */
export const allocationOf = ({ doc, thin, pages }: VolumeRecord): number =>
  Math.max(thin ? 0 : doc.capacityBytes, Math.min(pages.size * PAGE_BYTES, doc.capacityBytes));

export const allocatedIn = (state: SimState, storage: string): number => {
  let total = 0;
  for (const record of state.volumes.values()) if (record.doc.storageName === storage) total += allocationOf(record);
  return total;
};

const noSpace = (state: SimState, storage: string): Step =>
  refuse(state, 'no-disk-space', { storage }, `There is not enough space on the storage "${storage}".`);

const hasRoom = (state: SimState, storage: string, moreBytes: number): boolean =>
  moreBytes <= 0 || allocatedIn(state, storage) + moreBytes <= (state.storages.get(storage)?.doc.capacityBytes ?? 0);

/** VMs that have the volume as a disk. */
export const usersOf = (state: SimState, { doc }: VolumeRecord): string[] => {
  const users: string[] = [];
  for (const { native, doc: vm } of state.vms.values()) {
    if (vm.disks.some(({ medium }) => medium.storageName === doc.storageName && medium.volumeName === doc.name))
      users.push(native);
  }
  return users;
};

const isLocked = (state: SimState, record: VolumeRecord): boolean =>
  usersOf(state, record).some((native) => {
    const power = state.vms.get(native)?.doc.powerState;
    return power === 'running' || power === 'paused';
  });

const withVolume = (state: SimState, record: VolumeRecord): SimState => ({
  ...state,
  volumes: put(state.volumes, record.native, record),
});

export const newVolume = (
  storage: string,
  path: string,
  name: string,
  capacityBytes: number,
  format: string,
  nowMs: number,
): Volume => ({
  name,
  storageName: storage,
  path: `${path}/${name}`,
  format,
  capacityBytes,
  allocationBytes: 0,
  modifiedMs: nowMs,
});

const locked = (state: SimState, { doc }: VolumeRecord): Step =>
  refuse(state, 'file-locked', { path: doc.path }, `The volume "${doc.name}" is in use.`);
const badSize = (bytes: number): boolean => bytes < 0 || bytes > DISK_MAX_BYTES;

/** What makes a new volume impossible; undefined: nothing. */
const refusal = (state: SimState, storage: string, name: string, capacityBytes: number): Step | undefined => {
  if (!state.storages.has(storage)) return gone(state, 'storage', storage);
  if (!isFileName(name)) return refuse(state, 'invalid-name', { name }, `"${name}" is no name for a volume.`);
  if (badSize(capacityBytes))
    return refuse(state, 'invalid-argument', { property: 'capacityBytes' }, 'The size of the disk is not possible.');
  if (state.volumes.has(volumeNative(storage, name)))
    return refuse(state, 'already-exists', { name }, `The volume "${name}" already exists.`);
  if (state.volumes.size >= OBJECTS_MAX)
    return refuse(state, 'too-many', { limit: OBJECTS_MAX }, 'The simulated host holds no more volumes.');
  return undefined;
};

const create: Procedure = (state, args, nowMs) => {
  const [storage, name, capacityBytes] = [text(args, 'storage'), text(args, 'name'), count(args, 'capacityBytes')];
  const bad = refusal(state, storage, name, capacityBytes);
  if (bad) return bad;
  const thin = flag(args, 'thin');
  if (!thin && !hasRoom(state, storage, capacityBytes)) return noSpace(state, storage);
  const doc = newVolume(
    storage,
    state.storages.get(storage)?.doc.path ?? '',
    name,
    capacityBytes,
    textOr(args, 'format', 'raw'),
    nowMs,
  );
  const native = volumeNative(storage, name);
  return took(withVolume(state, { native, doc, thin, pages: new Map(), madeBy: textOr(args, 'mark', '') }), [
    volumeEvent(native, 'volume.created'),
  ]);
};

const onVolume =
  (act: (state: SimState, record: VolumeRecord, args: Args, nowMs: number) => Step): Procedure =>
  (state, args, nowMs) => {
    const native = volumeNative(text(args, 'storage'), text(args, 'name'));
    const record = state.volumes.get(native);
    return record && !isForeign(record, args) ? act(state, record, args, nowMs) : gone(state, 'volume', native);
  };

const remove = onVolume((state, record) =>
  isLocked(state, record)
    ? locked(state, record)
    : took({ ...state, volumes: drop(state.volumes, record.native) }, [volumeEvent(record.native, 'volume.deleted')]),
);

const resize: Procedure = (state, args, nowMs) => {
  // Not onVolume: its undo is on a volume that the step did not make.
  const native = volumeNative(text(args, 'storage'), text(args, 'name'));
  const record = state.volumes.get(native);
  if (!record) return gone(state, 'volume', native);
  const capacityBytes = count(args, 'capacityBytes');
  const isBack = args['undoes'] !== undefined;
  if (badSize(capacityBytes) || (capacityBytes < record.doc.capacityBytes && !isBack))
    return refuse(state, 'invalid-argument', { property: 'capacityBytes' }, 'A volume can only grow, up to 62 TiB.');
  const more = record.thin ? 0 : capacityBytes - record.doc.capacityBytes;
  if (!hasRoom(state, record.doc.storageName, more)) return noSpace(state, record.doc.storageName);
  // The disks that lie on it are as large as it is.
  const vms = new Map(state.vms);
  for (const user of usersOf(state, record)) {
    const vm = vms.get(user);
    if (!vm) continue;
    const disks = vm.doc.disks.map((disk) =>
      disk.medium.storageName === record.doc.storageName && disk.medium.volumeName === record.doc.name
        ? { ...disk, capacityBytes }
        : disk,
    );
    vms.set(user, { ...vm, doc: { ...vm.doc, disks } });
  }
  const next = withVolume(state, { ...record, doc: { ...record.doc, capacityBytes, modifiedMs: nowMs } });
  return took({ ...next, vms }, [volumeEvent(native, 'volume.changed')]);
};

const copy = onVolume((state, record, args, nowMs) => {
  const [storage, name] = [text(args, 'toStorage'), text(args, 'toName')];
  const bad = refusal(state, storage, name, record.doc.capacityBytes);
  if (bad) return bad;
  if (!hasRoom(state, storage, allocationOf(record))) return noSpace(state, storage);
  const doc = newVolume(
    storage,
    state.storages.get(storage)?.doc.path ?? '',
    name,
    record.doc.capacityBytes,
    record.doc.format,
    nowMs,
  );
  const native = volumeNative(storage, name);
  // Pages are never changed in place, so both may hold the same ones.
  return took(withVolume(state, { ...record, native, doc, madeBy: textOr(args, 'mark', '') }), [
    volumeEvent(native, 'volume.created'),
  ]);
});

const isZero = (bytes: Uint8Array): boolean => {
  for (const byte of bytes) if (byte !== 0) return false;
  return true;
};

/** Different pages of all volumes and snapshots. */
const storedBytes = (state: SimState): number => {
  const pages = new Set<Uint8Array>();
  for (const record of state.volumes.values()) for (const page of record.pages.values()) pages.add(page);
  for (const { saved } of state.vms.values())
    for (const { contents } of saved.values())
      for (const kept of contents.values()) for (const page of kept.values()) pages.add(page);
  return pages.size * PAGE_BYTES;
};

const written = (pages: Pages, offset: number, bytes: Uint8Array): { pages: Pages; added: number } => {
  const out = new Map(pages);
  let added = 0;
  for (let at = 0; at < bytes.length; ) {
    const page = Math.floor((offset + at) / PAGE_BYTES);
    const start = (offset + at) % PAGE_BYTES;
    const piece = bytes.subarray(at, at + PAGE_BYTES - start);
    at += piece.length;
    const old = out.get(page);
    if (!old && isZero(piece)) continue;
    const fresh = new Uint8Array(PAGE_BYTES);
    if (old) fresh.set(old);
    fresh.set(piece, start);
    if (old && isZero(fresh)) {
      out.delete(page);
      continue;
    }
    added += 1;
    out.set(page, fresh);
  }
  return { pages: out, added: added * PAGE_BYTES };
};

/** One piece of an upload. A volume written past its end grows: what is uploaded is a file. */
const write: Procedure = (state, args, nowMs) => {
  const native = text(args, 'volume');
  const bytes = args['bytes'];
  if (!(bytes instanceof Uint8Array)) throw new Error('argument bytes holds no bytes');
  const record = state.volumes.get(native);
  if (!record) return gone(state, 'volume', native);
  if (isLocked(state, record)) return locked(state, record);
  const offset = count(args, 'offset');
  const { pages, added } = written(record.pages, offset, bytes);
  const capacityBytes = Math.max(record.doc.capacityBytes, offset + bytes.length);
  const next: VolumeRecord = { ...record, pages, doc: { ...record.doc, capacityBytes, modifiedMs: nowMs } };
  const more = allocationOf(next) - allocationOf(record);
  if (badSize(capacityBytes) || !hasRoom(state, record.doc.storageName, more))
    return noSpace(state, record.doc.storageName);
  const after = withVolume(state, next);
  if (added > 0 && storedBytes(after) > CONTENT_MAX_BYTES) return noSpace(state, record.doc.storageName);
  return took(after);
};

/** One piece of a download. */
const read: Procedure = (state, args) => {
  const native = text(args, 'volume');
  const record = state.volumes.get(native);
  if (!record) return gone(state, 'volume', native);
  const offset = count(args, 'offset');
  const length = Math.max(0, Math.min(count(args, 'length'), record.doc.capacityBytes - offset));
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const start = (offset + at) % PAGE_BYTES;
    const size = Math.min(PAGE_BYTES - start, length - at);
    const page = record.pages.get(Math.floor((offset + at) / PAGE_BYTES));
    if (page) bytes.set(page.subarray(start, start + size), at);
    at += size;
  }
  return took(state, [], { bytes });
};

/** Opens a stream: whether it can be read or written, and how long it is. */
const open: Procedure = (state, args) => {
  const native = text(args, 'volume');
  const record = state.volumes.get(native);
  if (!record) return gone(state, 'volume', native);
  if (flag(args, 'writes') && isLocked(state, record)) return locked(state, record);
  return took(state, [], { lengthBytes: record.doc.capacityBytes });
};

/** Ends an upload: who watches the volume hears of it once, not with every piece. */
const close: Procedure = (state, args) => {
  const native = text(args, 'volume');
  return state.volumes.has(native)
    ? took(state, [volumeEvent(native, 'volume.changed')])
    : gone(state, 'volume', native);
};

export const VOLUMES = {
  'VOLUME.create': create,
  'VOLUME.delete': remove,
  'VOLUME.resize': resize,
  'VOLUME.copy': copy,
  'VOLUME.open': open,
  'VOLUME.read': read,
  'VOLUME.write': write,
  'VOLUME.close': close,
} satisfies Record<string, Procedure>;
