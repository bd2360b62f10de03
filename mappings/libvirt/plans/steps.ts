/** Steps of plans in libvirt's words: each a call with the probe that tells whether it took effect and, where there is one, its undo. */
import { fault } from '../../generic/faults.ts';
import type { NativeCall } from '../../generic/native.ts';
import type { Step, StepKind } from '../../generic/plan.ts';
import { call, probe, Refusal, step } from '../../generic/planning.ts';
import { METADATA_NAMESPACE, METADATA_PREFIX, METADATA_TYPE } from '../metadata.ts';
import type { Pool } from './planning.ts';

/*
 * The probes (answered by driver/probes.ts and driver/state-probes.ts):
 * - volume-exists (`running` while it is written), volume-absent {pool, poolUuid, name}; volume-capacity {.., capacityBytes}: at least so large
 * - domain-exists, domain-absent, domain-inactive, domain-running, domain-paused, saved-state-absent {uuid}; name-is {uuid, name}; autostart-is {uuid, autostart}
 * - config-differs {uuid, sha256}: the stored definition is no longer the one with that hash
 * - memory-is {uuid, kib}, vcpus-is {uuid, count}: of the running domain
 * - metadata-is {uuid, live, type, text, uri?}: text null where there shall be none
 * - copy-ready {uuid, device}: `running` while the block job copies, `gone` without one
 * - device-present, device-absent {uuid, element, key}: of the running domain; key is a disk's dev, a card's MAC, a controller's `scsi:0`
 * - device-is {uuid, element, key, is}: `is` holds `child@attribute` of the device and the value it shall have, '' none
 * - snapshot-exists, snapshot-absent, snapshot-current {uuid, name}; snapshot-differs {uuid, name, sha256}
 * - pool-exists, pool-absent, pool-active, pool-inactive, network-exists, network-absent, network-active, network-inactive {uuid}
 * - pool-autostart-is, network-autostart-is {uuid, autostart}
 * - portgroup-exists, portgroup-absent {uuid, name}
 * - always {}: a step without an effect to look for
 */

/** virDomainModificationImpact */
export const AFFECT = { live: 1, config: 2, both: 3 } as const;

/** virDomainUndefineFlagsValues. Only those that are needed: the test driver refuses what it does not know. */
export const UNDEFINE = { managedSave: 1, snapshots: 2, nvram: 4 } as const;

export const dom = (uuid: string): { uuid: string } => ({ uuid });

const place = (pool: Pool, name: string) => ({ pool: pool.name, poolUuid: pool.uuid, name });
const volume = (pool: Pool, name: string) => ({ pool: pool.name, name });

/** The pool's record and `name` of a STORAGE_VOL call. */
export const deleteVolume = (pool: Pool, name: string, kind: StepKind): Step =>
  step(
    `delete volume ${name}`,
    kind,
    call('STORAGE_VOL_DELETE', { vol: volume(pool, name), flags: 0 }),
    probe('volume-absent', place(pool, name)),
  );

/** virStorageVolCreateFlags */
const PREALLOCATE = 1;

/*
 * A volume cannot carry a mark: libvirt renames none, and its documents have no place for one. Its name was absent in the store when the
 * plan was made, and the call fails on a name that exists: then the step is refused and nothing is undone. In doubt after a crash, the name
 * that was absent and now exists, with the size that was asked for, is the one that this step made.
 */
export const createVolume = (
  pool: Pool,
  name: string,
  xml: string,
  capacityBytes: number,
  preallocate: boolean,
  kind: StepKind = 'compensatable',
): Step =>
  step(
    `create volume ${name}`,
    kind,
    call('STORAGE_VOL_CREATE_XML', {
      pool: { uuid: pool.uuid, name: pool.name },
      xml,
      flags: preallocate ? PREALLOCATE : 0,
    }),
    probe('volume-capacity', { ...place(pool, name), capacityBytes }),
    { undo: call('STORAGE_VOL_DELETE', { vol: volume(pool, name), flags: 0 }) },
  );

export const copyVolume = (
  from: { pool: Pool; name: string },
  to: { pool: Pool; name: string },
  xml: string,
  kind: StepKind = 'compensatable',
): Step =>
  step(
    `copy volume ${from.name} to ${to.name}`,
    kind,
    call('STORAGE_VOL_CREATE_XML_FROM', {
      pool: { uuid: to.pool.uuid, name: to.pool.name },
      xml,
      clonevol: volume(from.pool, from.name),
      flags: 0,
    }),
    probe('volume-exists', place(to.pool, to.name)),
    { undo: call('STORAGE_VOL_DELETE', { vol: volume(to.pool, to.name), flags: 0 }) },
  );

export const resizeVolume = (pool: Pool, name: string, capacityBytes: number, kind: StepKind): Step =>
  step(
    `resize volume ${name}`,
    kind,
    call('STORAGE_VOL_RESIZE', { vol: volume(pool, name), capacity: String(capacityBytes), flags: 0 }),
    probe('volume-capacity', { ...place(pool, name), capacityBytes }),
  );

/** virDomainBlockResizeFlags */
const BYTES = 1;

export const resizeDisk = (
  uuid: string,
  device: string,
  pool: Pool,
  name: string,
  capacityBytes: number,
  kind: StepKind,
): Step =>
  step(
    `resize disk ${device}`,
    kind,
    call('DOMAIN_BLOCK_RESIZE', { dom: dom(uuid), disk: device, size: String(capacityBytes), flags: BYTES }),
    probe('volume-capacity', { ...place(pool, name), capacityBytes }),
  );

export const setAutostart = (uuid: string, autostart: boolean, kind: StepKind): Step =>
  step(
    'autostart',
    kind,
    call('DOMAIN_SET_AUTOSTART', { dom: dom(uuid), autostart: autostart ? 1 : 0 }),
    probe('autostart-is', { uuid, autostart }),
  );

const setMetadata = (uuid: string, type: keyof typeof METADATA_TYPE, text: string | null, flags: number): NativeCall =>
  call('DOMAIN_SET_METADATA', {
    dom: dom(uuid),
    type: METADATA_TYPE[type],
    metadata: text === '' ? null : text,
    key: type === 'element' ? METADATA_PREFIX : null,
    uri: type === 'element' ? METADATA_NAMESPACE : null,
    flags,
  });

/** Title, description or our own element: these change at any time, running or not. */
export const metadataStep = (
  uuid: string,
  type: keyof typeof METADATA_TYPE,
  text: string | null,
  before: string | null,
  flags: number,
): Step =>
  step(
    `set ${type}`,
    'compensatable',
    setMetadata(uuid, type, text, flags),
    probe('metadata-is', {
      uuid,
      live: flags === AFFECT.live,
      type: METADATA_TYPE[type],
      text: text === '' ? null : text,
      ...(type === 'element' ? { uri: METADATA_NAMESPACE } : {}),
    }),
    { undo: setMetadata(uuid, type, before, flags) },
  );

/** What a plan that changes nothing does. */
export const WITHOUT_EFFECT = call('CONNECT_GET_LIB_VERSION');

export const busy = (text: string): never => {
  throw new Refusal(fault('busy', {}, text));
};
