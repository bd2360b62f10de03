/** volume.* and storage.* in, their plans out. */
import type { NativeRef } from '../../generic/ids.ts';
import type { Plan, Step } from '../../generic/plan.ts';
import { call, type Found, found, type Planning, paramsOf, probe, refuse, step } from '../../generic/planning.ts';
import { volumeNative } from '../volume-names.ts';
import { checkVolumeName, copyStep, mustBeFree, volumeRefs } from './copies.ts';
import { checkCapacity } from './create.ts';
import { canPreallocate, isActive, mintUuid, type Pool, poolOf, volumeOf } from './planning.ts';
import { busy, createVolume, deleteVolume, resizeDisk, resizeVolume } from './steps.ts';

const planOf = (
  pool: Pool,
  name: string,
  steps: readonly Step[],
  planning: Planning,
  more: Partial<Plan> = {},
): Plan => ({
  host: planning.command.host,
  queue: volumeNative(pool.uuid, name),
  steps,
  touches: volumeRefs(pool, name),
  ...more,
});

const mustExist = (pool: Pool, name: string, planning: Planning) =>
  volumeOf(pool, name, planning) ?? refuse('file-not-found', { path: name }, `There is no ${name} in ${pool.name}.`);

export const planVolumeCreate = async (planning: Planning): Promise<Plan> => {
  const { storage, name, capacityBytes, format, thin } = paramsOf(planning, 'volume.create');
  const pool = poolOf(storage, planning);
  checkVolumeName(name);
  mustBeFree(pool, name, planning);
  const isImage = format !== 'raw' && format !== 'iso';
  // A file that is uploaded into starts empty; only a disk has a size to speak of.
  if (isImage || capacityBytes > 0) checkCapacity(capacityBytes, thin, 0, pool, new Map());
  const xml = await planning.context.fromGeneric({
    kind: 'volume',
    after: {
      name,
      storageName: pool.name,
      path: '',
      format: format === '' ? 'qcow2' : format,
      capacityBytes,
      allocationBytes: thin ? 0 : capacityBytes,
    },
  });
  const made: NativeRef = { kind: 'volume', native: volumeNative(pool.uuid, name) };
  return planOf(
    pool,
    name,
    [createVolume(pool, name, xml, capacityBytes, !thin && isImage && canPreallocate(planning), 'pivot')],
    planning,
    {
      makes: made,
    },
  );
};

const usersOf = (id: Parameters<Planning['context']['store']['entry']>[0], planning: Planning): Found<'vm'>[] =>
  planning.context.store.edges(id, 'vm').flatMap((vm) => {
    const entry = planning.context.store.entry(vm);
    const native = planning.context.native(vm);
    return entry && native ? [{ id: vm, entry, native, doc: undefined as never }] : [];
  });

export const planVolumeDelete = async (planning: Planning): Promise<Plan> => {
  const { storage, name } = paramsOf(planning, 'volume.delete');
  const pool = poolOf(storage, planning);
  const entry = mustExist(pool, name, planning);
  if (usersOf(entry.id, planning).some(isActive)) refuse('file-locked', { path: name }, `${name} is in use.`);
  return planOf(pool, name, [deleteVolume(pool, name, 'pivot')], planning);
};

export const planVolumeCopy = async (planning: Planning): Promise<Plan> => {
  const { storage, name, toStorage, toName } = paramsOf(planning, 'volume.copy');
  const from = poolOf(storage, planning);
  const to = poolOf(toStorage, planning);
  checkVolumeName(toName);
  const { doc } = found('volume', mustExist(from, name, planning).id, planning);
  mustBeFree(to, toName, planning);
  const copy = await copyStep({ pool: from, name, doc }, { pool: to, name: toName }, planning, 'pivot');
  return planOf(to, toName, [copy.step], planning, {
    makes: { kind: 'volume', native: volumeNative(to.uuid, toName) },
  });
};

export const planVolumeResize = async (planning: Planning): Promise<Plan> => {
  const { storage, name, capacityBytes } = paramsOf(planning, 'volume.resize');
  const pool = poolOf(storage, planning);
  const entry = mustExist(pool, name, planning);
  const { doc } = found('volume', entry.id, planning);
  if (capacityBytes < doc.capacityBytes)
    refuse('invalid-argument', { property: 'capacityBytes' }, 'A volume cannot shrink.');
  checkCapacity(capacityBytes, true, 0, pool, new Map());
  const user = usersOf(entry.id, planning).find(isActive);
  const device =
    user && planning.context.store.generic('vm', user.id)?.disks.find(({ medium }) => medium.path === doc.path)?.device;
  if (user && device === undefined) refuse('file-locked', { path: name }, `${name} is in use.`);
  const resize =
    user && device !== undefined
      ? resizeDisk(user.native.native, device, pool, name, capacityBytes, 'pivot')
      : resizeVolume(pool, name, capacityBytes, 'pivot');
  return planOf(pool, name, [resize], planning);
};

/** The test driver finds pools by their name alone, the others by their uuid. */
const poolArgs = (uuid: string, name: string) => ({ pool: { uuid, name }, flags: 0 });

export const planStorageRefresh = async (planning: Planning): Promise<Plan> => {
  const pool = poolOf(planning.command.target, planning);
  return {
    host: planning.command.host,
    queue: pool.uuid,
    steps: [
      step('refresh', 'pivot', call('STORAGE_POOL_REFRESH', poolArgs(pool.uuid, pool.name)), probe('always', {})),
    ],
    touches: [{ kind: 'storage', native: pool.uuid }],
  };
};

export const planStorageCreate = async (planning: Planning): Promise<Plan> => {
  const { name, path, remoteHost, remotePath, uuid: wanted } = paramsOf(planning, 'storage.create');
  const { command, context } = planning;
  if (name.trim() === '' || name.includes('/')) refuse('invalid-name', { name }, `'${name}' is no name for a storage.`);
  const other = context.store.list('storage', command.host).find((entry) => entry.name === name);
  if (other) refuse('duplicate-name', { name, object: other.id }, `The name '${name}' already exists.`);
  if (!path.startsWith('/')) refuse('invalid-argument', { property: 'path' }, `'${path}' is no absolute path.`);
  const uuid = wanted ?? mintUuid(planning, 'storage');
  const remote = remoteHost !== undefined && remotePath !== undefined ? { remoteHost, remotePath } : undefined;
  const xml = await context.fromGeneric({
    kind: 'storage',
    after: {
      name,
      uuid,
      kind: remote ? 'nfs' : 'local',
      path,
      ...remote,
      capacityBytes: 0,
      allocationBytes: 0,
      availableBytes: 0,
      accessible: false,
      autostart: true,
    },
  });
  const ref: NativeRef = { kind: 'storage', native: uuid };
  return {
    host: command.host,
    queue: `pool:${name}`,
    steps: [
      step(
        'define pool',
        'compensatable',
        call('STORAGE_POOL_DEFINE_XML', { xml, flags: 0 }),
        probe('pool-exists', { uuid }),
        { undo: call('STORAGE_POOL_UNDEFINE', { pool: { uuid, name } }) },
      ),
      step('build pool', 'compensatable', call('STORAGE_POOL_BUILD', poolArgs(uuid, name)), probe('always', {})),
      step('start pool', 'pivot', call('STORAGE_POOL_CREATE', poolArgs(uuid, name)), probe('pool-active', { uuid })),
      step(
        'autostart pool',
        'forward-only',
        call('STORAGE_POOL_SET_AUTOSTART', { pool: { uuid, name }, autostart: 1 }),
        probe('pool-autostart-is', { uuid, autostart: true }),
      ),
    ],
    touches: [ref],
    makes: ref,
  };
};

export const planStorageActive = async (planning: Planning): Promise<Plan> => {
  const { command } = planning;
  const { id, entry, doc } = found('storage', command.target, planning);
  const uuid = entry.native;
  const active = command.verb === 'storage.activate';
  if (!active && usersOf(id, planning).some(isActive)) busy(`${doc.name} is in use.`);
  const start = call('STORAGE_POOL_CREATE', poolArgs(uuid, doc.name));
  const stop = call('STORAGE_POOL_DESTROY', { pool: { uuid, name: doc.name } });
  const name = active ? 'start pool' : 'stop pool';
  const probed = probe(active ? 'pool-active' : 'pool-inactive', { uuid });
  return {
    host: command.host,
    queue: uuid,
    steps: doc.accessible === active ? [] : [step(name, 'pivot', active ? start : stop, probed)],
    touches: [{ kind: 'storage', native: uuid }],
  };
};

/** The pool goes, its files stay. */
export const planStorageDelete = async (planning: Planning): Promise<Plan> => {
  const { command, context } = planning;
  const { entry, doc } = found('storage', command.target, planning);
  if (context.store.edges(entry.id, 'vm').length > 0) busy(`${doc.name} is in use.`);
  const uuid = entry.native;
  const { name } = doc;
  const undefine = call('STORAGE_POOL_UNDEFINE', { pool: { uuid, name } });
  const stop = step(
    'stop pool',
    'compensatable',
    call('STORAGE_POOL_DESTROY', { pool: { uuid, name } }),
    probe('pool-inactive', { uuid }),
    { undo: call('STORAGE_POOL_CREATE', poolArgs(uuid, name)) },
  );
  return {
    host: command.host,
    queue: uuid,
    steps: [
      ...(doc.accessible ? [stop] : []),
      step('undefine pool', 'pivot', undefine, probe('pool-absent', { uuid })),
    ],
    touches: [{ kind: 'storage', native: uuid }],
  };
};
