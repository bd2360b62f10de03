/** Steps of plans in the API's words: each a call with the probe that tells whether it took effect and, where there is one, its undo. */
import type { NativeCall } from '../../../generic/native.ts';
import type { Probe, Step, StepKind } from '../../../generic/plan.ts';
import { call, probe, step } from '../../../generic/planning.ts';
import { moRef } from '../../values.ts';
import { contentRef } from '../soap-call.ts';
import { type Store, shown } from './planning.ts';

/** The VM that a step of the plan has found. */
export const FOUND_VM = { $from: 'find.vm' } as const;

export const onVm = (method: string, vm: unknown, args: Readonly<Record<string, unknown>> = {}): NativeCall =>
  call(method, { _this: { ...moRef('VirtualMachine', ''), value: vm }, ...args });

const DISKS = contentRef('VirtualDiskManager', 'virtualDiskManager');
export const FILES = contentRef('FileManager', 'fileManager');

const place = ({ datastore, name, browser, datacenterName }: Store) => ({ datastore, name, browser, datacenterName });
const fileProbe = (name: string, store: Store, path: string, more: Readonly<Record<string, unknown>> = {}): Probe =>
  probe(name, { place: place(store), path, ...more });

const inDatacenter = (store: Store) =>
  store.datacenter === '' ? {} : { datacenter: moRef('Datacenter', store.datacenter) };

export const deleteDisk = (store: Store, path: string, kind: StepKind): Step =>
  step(
    `delete disk ${path}`,
    kind,
    call('DeleteVirtualDisk_Task', { _this: DISKS, name: shown(store, path), ...inDatacenter(store) }),
    fileProbe('file-absent', store, path),
  );

export const deleteFile = (store: Store, path: string, kind: StepKind): Step =>
  step(
    `delete file ${path}`,
    kind,
    call('DeleteDatastoreFile_Task', { _this: FILES, name: shown(store, path), ...inDatacenter(store) }),
    fileProbe('file-absent', store, path),
  );

/*
 * A disk's file cannot carry a mark. Its name was absent in the store when the plan was made, and the call fails on a name that exists: then
 * the step is refused and nothing is undone. In doubt after a crash, the name that was absent and now exists is the one this step made.
 */
export const createDisk = (
  store: Store,
  path: string,
  capacityBytes: number,
  thin: boolean,
  kind: StepKind = 'compensatable',
): Step =>
  step(
    `create disk ${path}`,
    kind,
    call('CreateVirtualDisk_Task', {
      _this: DISKS,
      name: shown(store, path),
      ...inDatacenter(store),
      spec: {
        _type: 'FileBackedVirtualDiskSpec',
        diskType: thin ? 'thin' : 'preallocated',
        adapterType: 'lsiLogic',
        capacityKb: Math.ceil(capacityBytes / 1024),
      },
    }),
    fileProbe('file-exists', store, path),
    { undo: deleteDisk(store, path, 'forward-only').call },
  );

export const copyDisk = (
  from: { readonly store: Store; readonly path: string },
  to: { readonly store: Store; readonly path: string },
  kind: StepKind = 'compensatable',
): Step =>
  step(
    `copy ${from.path} to ${to.path}`,
    kind,
    call('CopyVirtualDisk_Task', {
      _this: DISKS,
      sourceName: shown(from.store, from.path),
      ...(from.store.datacenter === '' ? {} : { sourceDatacenter: moRef('Datacenter', from.store.datacenter) }),
      destName: shown(to.store, to.path),
      ...(to.store.datacenter === '' ? {} : { destDatacenter: moRef('Datacenter', to.store.datacenter) }),
      force: false,
    }),
    fileProbe('file-exists', to.store, to.path),
    { undo: deleteDisk(to.store, to.path, 'forward-only').call },
  );

export const extendDisk = (store: Store, path: string, capacityBytes: number): Step =>
  step(
    `extend disk ${path}`,
    'pivot',
    call('ExtendVirtualDisk_Task', {
      _this: DISKS,
      name: shown(store, path),
      ...inDatacenter(store),
      newCapacityKb: Math.ceil(capacityBytes / 1024),
    }),
    fileProbe('file-capacity', store, path, { capacityBytes }),
  );

/** Directories that stay behind are no harm, and may be someone's by then. */
export const ensureDirectory = (store: Store, path: string): Step =>
  step(
    `directory ${path}`,
    'compensatable',
    call('directory.ensure', { name: shown(store, path), ...inDatacenter(store) }),
    probe('always'),
  );

export const directoryOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));

/** What a plan that changes nothing does. */
export const WITHOUT_EFFECT = call('CurrentTime', { _this: moRef('ServiceInstance', 'ServiceInstance') });
