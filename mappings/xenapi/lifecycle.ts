/** A VM's standing and an operation in; whether it is allowed out, or the error that says why not (XenAPI: VM lifecycle, checks in their order). */
import { table } from '../generic/table.ts';

export type XenPowerState = 'Halted' | 'Running' | 'Paused' | 'Suspended';

/** All that the validity of an operation hangs on. */
export interface Standing {
  readonly ref: string;
  readonly state: XenPowerState;
  readonly isTemplate: boolean;
  readonly isDefaultTemplate: boolean;
  readonly isSnapshot: boolean;
  readonly isControlDomain: boolean;
  readonly blocked: Readonly<Record<string, string>>;
  /** The host moves disks between its storages while their machine runs. */
  readonly movesLive?: boolean;
  /** They lie inside its disks, and would be in no copy of them. */
  readonly hasSnapshots?: boolean;
  /** Guest features by XenAPI's names (`feature-suspend`); undefined: PV drivers are there, which have all. */
  readonly features?: ReadonlySet<string>;
}

const ANY: readonly XenPowerState[] = ['Halted', 'Running', 'Paused', 'Suspended'];
const HALTED: readonly XenPowerState[] = ['Halted'];
const RUNNING: readonly XenPowerState[] = ['Running'];
const PAUSED: readonly XenPowerState[] = ['Paused'];
const SUSPENDED: readonly XenPowerState[] = ['Suspended'];
const UP: readonly XenPowerState[] = ['Running', 'Paused'];
const DOWN: readonly XenPowerState[] = ['Halted', 'Suspended'];

/** Power states that an operation of the enumeration `vm_operations` needs; in the order in which they are published. */
const NEEDS = table<readonly XenPowerState[]>({
  start: HALTED,
  start_on: HALTED,
  clone: DOWN,
  copy: DOWN,
  snapshot: ANY,
  checkpoint: ['Running', 'Paused', 'Suspended'],
  export: DOWN,
  metadata_export: ANY,
  provision: HALTED,
  revert: DOWN,
  destroy: DOWN,
  make_into_template: HALTED,
  pause: RUNNING,
  unpause: PAUSED,
  clean_shutdown: RUNNING,
  clean_reboot: RUNNING,
  hard_shutdown: ['Running', 'Paused', 'Suspended'],
  hard_reboot: UP,
  suspend: RUNNING,
  resume: SUSPENDED,
  resume_on: SUSPENDED,
  pool_migrate: RUNNING,
  // While it runs, on hosts that copy a disk under it.
  migrate_send: ['Halted', 'Running'],
  changing_dynamic_range: ['Halted', 'Running'],
  changing_static_range: HALTED,
  changing_memory_limits: HALTED,
  changing_shadow_memory: HALTED,
  changing_NVRAM: HALTED,
  changing_VCPUs: HALTED,
  changing_VCPUs_live: RUNNING,
  changing_memory_live: RUNNING,
  changing_shadow_memory_live: RUNNING,
  awaiting_memory_live: RUNNING,
  create_vtpm: HALTED,
  sysprep: RUNNING,
  send_sysrq: RUNNING,
  send_trigger: RUNNING,
  query_services: RUNNING,
  call_plugin: RUNNING,
  shutdown: ['Running', 'Paused', 'Suspended'],
  csvm: ANY,
  create_template: ANY,
  power_state_reset: ANY,
  get_boot_record: ANY,
  snapshot_with_quiesce: RUNNING,
  data_source_op: ANY,
  update_allowed_operations: ANY,
  assert_operation_valid: ANY,
  import: ANY,
  reverting: ANY,
});

/** Of templates, and of those that are not built in. */
const OF_TEMPLATES = new Set([
  'changing_dynamic_range',
  'changing_static_range',
  'changing_memory_limits',
  'changing_shadow_memory',
  'changing_NVRAM',
  'changing_VCPUs',
  'create_vtpm',
  'clone',
  'copy',
  'export',
  'metadata_export',
  'provision',
]);
const OF_OWN_TEMPLATES = new Set(['destroy', 'migrate_send']);
const OF_SNAPSHOTS = new Set(['revert', 'clone', 'copy', 'export', 'destroy', 'hard_shutdown', 'metadata_export']);

/** Never in `allowed_operations`, though clients may ask about them. */
const UNPUBLISHED = new Set([
  'create_template',
  'power_state_reset',
  'csvm',
  'get_boot_record',
  'send_sysrq',
  'send_trigger',
  'query_services',
  'shutdown',
  'call_plugin',
  'changing_memory_live',
  'changing_shadow_memory_live',
  'awaiting_memory_live',
  'changing_VCPUs',
  'changing_memory_limits',
  'snapshot_with_quiesce',
  'assert_operation_valid',
  'data_source_op',
  'update_allowed_operations',
  'import',
  'reverting',
]);

/** There is no virtual TPM and nothing that prepares a Windows guest: these are refused whatever the state. */
const NEVER_SERVED: ReadonlySet<string> = new Set([
  'create_vtpm',
  'sysprep',
  'export',
  'metadata_export',
  'changing_shadow_memory',
  'changing_NVRAM',
]);

/** A snapshot lies inside the images of its machine: no host takes it, or the memory in it, out of them. */
const UNSERVED_OF_SNAPSHOTS: ReadonlySet<string> = new Set(['clone', 'copy', 'hard_shutdown']);

const FEATURES = table<readonly string[]>({
  clean_shutdown: ['feature-shutdown', 'feature-poweroff'],
  clean_reboot: ['feature-shutdown', 'feature-reboot'],
  suspend: ['feature-suspend'],
  checkpoint: ['feature-suspend'],
  pool_migrate: ['feature-suspend'],
  changing_VCPUs_live: ['feature-vcpu-hotplug'],
});

export type Refused = readonly [code: string, ...params: string[]];

export const badPowerState = (ref: string, expected: readonly XenPowerState[], actual: XenPowerState): Refused => [
  'VM_BAD_POWER_STATE',
  ref,
  expected.join(', ').toLowerCase(),
  actual.toLowerCase(),
];

const UNMOVED: Refused = [
  'OPERATION_NOT_ALLOWED',
  'The snapshots of the machine lie inside its disks: they cannot be moved',
];

const isCopy = (operation: string): boolean => operation === 'clone' || operation === 'copy';

/** `strict`: features of the guest are asked for as well, as for the published list. undefined: allowed. */
export const refusalOf = (operation: string, standing: Standing, strict = false): Refused | undefined => {
  const { ref, state } = standing;
  const needs = NEEDS[operation];
  if (needs === undefined) return ['INVALID_VALUE', 'op', operation];
  const reason = Object.hasOwn(standing.blocked, operation) ? standing.blocked[operation] : undefined;
  if (reason !== undefined) return ['OPERATION_BLOCKED', ref, reason];
  const frozen =
    (isCopy(operation) && state === 'Suspended' && !standing.isSnapshot) ||
    (operation === 'migrate_send' && state === 'Running' && standing.movesLive !== true);
  if (!needs.includes(state) || frozen) return badPowerState(ref, frozen ? HALTED : needs, state);
  if (standing.isSnapshot) {
    if (!OF_SNAPSHOTS.has(operation)) return ['VM_IS_SNAPSHOT', ref, operation];
  } else if (standing.isTemplate) {
    const fits = OF_TEMPLATES.has(operation) || (OF_OWN_TEMPLATES.has(operation) && !standing.isDefaultTemplate);
    if (!fits) return ['VM_IS_TEMPLATE', ref, operation];
  }
  if (operation === 'provision' && !standing.isTemplate) return ['ONLY_PROVISION_TEMPLATE'];
  if (operation === 'revert' && !standing.isSnapshot) return ['ONLY_REVERT_SNAPSHOT'];
  if (standing.isControlDomain) return ['OPERATION_NOT_ALLOWED', 'This operation is not allowed on the control domain'];
  if (operation === 'migrate_send' && standing.hasSnapshots === true) return UNMOVED;
  const { features } = standing;
  const wanted = strict ? FEATURES[operation] : undefined;
  if (features !== undefined && wanted !== undefined && !wanted.some((feature) => features.has(feature)))
    return ['VM_LACKS_FEATURE', ref];
  return undefined;
};

/** The published list: what clients offer their users. */
export const allowedOperations = (standing: Standing): string[] =>
  Object.keys(NEEDS).filter(
    (operation) =>
      !UNPUBLISHED.has(operation) &&
      !NEVER_SERVED.has(operation) &&
      !(standing.isSnapshot && UNSERVED_OF_SNAPSHOTS.has(operation)) &&
      refusalOf(operation, standing, true) === undefined,
  );
