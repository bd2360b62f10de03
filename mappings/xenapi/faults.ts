/** A fault of the hub in, the error of XenAPI (code and parameters) out, and back: tables of both directions. */
import type { Call } from '../generic/call.ts';
import { type Fault, type FaultKind, type FaultMembers, fault } from '../generic/faults.ts';
import { type HubId, type Kind, kindOf } from '../generic/ids.ts';
import type { PowerState } from '../generic/model.ts';
import type { FrontInstance } from '../generic/platform.ts';
import { table } from '../generic/table.ts';
import { NULL_REF, refOf, xenId } from './ids.ts';

/** As on the wire: an array of strings, the code first. */
export interface XenError {
  readonly code: string;
  readonly params: readonly string[];
}

/** What an error refers to beyond itself. */
export interface ErrorContext {
  readonly front: Pick<FrontInstance, 'uuid' | 'host'>;
  readonly call?: Pick<Call, 'method' | 'target' | 'args'>;
  /** The object acted on, where it is not the target of the call. */
  readonly subject?: string;
  /** The reference of the session, as the client gave it. */
  readonly session?: string;
  /** The job that failed. */
  readonly job?: HubId;
}

const CLASS_OF_KIND: Readonly<Record<Kind, string>> = {
  host: 'host',
  vm: 'VM',
  template: 'VM',
  snapshot: 'VM',
  storage: 'SR',
  volume: 'VDI',
  network: 'network',
  disk: 'VBD',
  nic: 'VIF',
  job: 'task',
};

/** Lower case in errors, capitalised in records. */
const POWER_STATES: Readonly<Record<PowerState, string>> = {
  running: 'running',
  paused: 'paused',
  suspended: 'suspended',
  stopped: 'halted',
};

/** The power states in which a method can be called: what an error names as expected. */
const EXPECTED = table<string>({
  start: 'halted',
  start_on: 'halted',
  provision: 'halted',
  clone: 'halted',
  copy: 'halted',
  unpause: 'paused',
  resume: 'suspended',
  resume_on: 'suspended',
  pause: 'running',
  suspend: 'running',
  clean_shutdown: 'running',
  clean_reboot: 'running',
  pool_migrate: 'running',
  hard_reboot: 'paused, running',
  hard_shutdown: 'paused, suspended, running',
  shutdown: 'paused, suspended, running',
  checkpoint: 'paused, suspended, running',
  destroy: 'halted, suspended',
});

interface Facts extends ErrorContext {
  readonly text: string;
  /** Reference of the object acted on. */
  readonly acted: string;
  readonly method: string;
  ref(id: HubId | undefined): string;
}

type Renderer<K extends FaultKind> = (members: FaultMembers[K], facts: Facts) => XenError;

const error = (code: string, ...params: readonly string[]): XenError => ({ code, params });
const plain =
  (code: string): (() => XenError) =>
  () =>
    error(code);
/** What an SM back end says: status, output, error output. */
const backend = (number: string, text: string): XenError => error(`SR_BACKEND_FAILURE${number}`, '', text, '');

const RENDERERS: { readonly [K in FaultKind]: Renderer<K> } = {
  'already-exists': ({ name }) => error('OPERATION_NOT_ALLOWED', `"${name}" exists already`),
  busy: ({ object, job }, facts) => {
    const cls = object === undefined ? (facts.call?.target.type ?? 'VM') : CLASS_OF_KIND[kindOf(object)];
    const ref = object === undefined ? facts.acted : facts.ref(object);
    return job === undefined
      ? error('OTHER_OPERATION_IN_PROGRESS', cls, ref)
      : error('OTHER_OPERATION_IN_PROGRESS', cls, ref, 'unknown', facts.ref(job));
  },
  cancelled: (_members, facts) => error('TASK_CANCELLED', facts.ref(facts.job)),
  'concurrent-access': (_members, { call, acted }) =>
    error('OTHER_OPERATION_IN_PROGRESS', call?.target.type ?? 'VM', acted),
  'directory-not-empty': ({ path }) => backend('', `directory ${path} is not empty`),
  'duplicate-name': ({ name }) => error('OPERATION_NOT_ALLOWED', `the name "${name}" is taken`),
  'file-exists': ({ path }) => backend('', `${path} exists already`),
  'file-locked': (_members, { acted, method }) => error('VDI_IN_USE', acted, method.slice(method.indexOf('.') + 1)),
  'file-not-found': ({ path }) => backend('', `${path} was not found`),
  'host-communication': (_members, { front, ref }) => error('HOST_OFFLINE', ref(front.host)),
  'host-config': (_members, { text }) => error('INTERNAL_ERROR', text),
  'insufficient-cpu': ({ requested, available }) =>
    error('HOST_NOT_ENOUGH_PCPUS', String(Math.round(requested)), String(Math.round(available))),
  'insufficient-memory': ({ requestedBytes, availableBytes }) =>
    error(
      'HOST_NOT_ENOUGH_FREE_MEMORY',
      String(Math.round(requestedBytes / 1024)),
      String(Math.round(availableBytes / 1024)),
    ),
  internal: (_members, { text }) => error('INTERNAL_ERROR', text),
  'invalid-argument': ({ property }, { text }) => error('INVALID_VALUE', property, text),
  'invalid-datastore-path': ({ path }) => error('INVALID_VALUE', 'location', path),
  'invalid-device': ({ index }) => error('INVALID_DEVICE', String(index)),
  'invalid-login': (_members, { call, text }) =>
    error('SESSION_AUTHENTICATION_FAILED', String(call?.args['uname'] ?? ''), text || 'Authentication failure'),
  'invalid-name': ({ name }) => error('INVALID_VALUE', 'name_label', name),
  'invalid-property': ({ name }) => error('FIELD_TYPE_ERROR', name),
  'invalid-request': (_members, { text }) => error('INTERNAL_ERROR', text),
  'invalid-state': (_members, { text }) => error('OPERATION_NOT_ALLOWED', text),
  'invalid-type': ({ argument }) => error('FIELD_TYPE_ERROR', argument),
  'invalid-version': plain('EVENTS_LOST'),
  'invalid-vm-config': ({ property }, { text }) => error('INVALID_VALUE', property ?? '', text),
  'method-disabled': (_members, { text }) => error('OPERATION_NOT_ALLOWED', text),
  'method-not-found': ({ method }) => error('MESSAGE_METHOD_UNKNOWN', method),
  'no-disk-space': ({ storage }) => backend('_44', `there is insufficient space on ${storage}`),
  'no-permission': (_members, { method }) =>
    error('RBAC_PERMISSION_DENIED', method.toLowerCase(), 'No permission in user session'),
  'not-authenticated': (_members, { session }) => error('SESSION_INVALID', session ?? NULL_REF),
  'not-found': (_members, { text }) => error('INVALID_VALUE', '', text),
  'not-implemented': (_members, { method }) => error('NOT_IMPLEMENTED', method),
  'not-supported': (_members, { method }) => error('NOT_IMPLEMENTED', method),
  'object-not-found': ({ type, id }) => error('HANDLE_INVALID', CLASS_OF_KIND[type as Kind] ?? type, id),
  restricted: (_members, { text }) => error('LICENSE_RESTRICTION', text),
  'snapshot-failed': (_members, { method, acted, text }) =>
    method === 'VM.revert' ? error('VM_REVERT_FAILED', acted) : error('INTERNAL_ERROR', text),
  timeout: (_members, { method, acted, text }) =>
    /^VM\.(clean_)?(shutdown|reboot)$/.test(method)
      ? error('VM_SHUTDOWN_TIMEOUT', acted, text)
      : error('INTERNAL_ERROR', text || 'timed out'),
  'tools-unavailable': (_members, { acted }) => error('VM_LACKS_FEATURE', acted),
  'too-many': plain('TOO_BUSY'),
  'wrong-state': ({ requested, existing }, { acted, method }) => {
    const expected = EXPECTED[method.slice(method.indexOf('.') + 1)] ?? POWER_STATES[requested];
    return error('VM_BAD_POWER_STATE', acted, expected, POWER_STATES[existing]);
  },
};

/** `Async.VM.start` and `VM.start` fail alike. */
const syncName = (method: string): string => method.replace(/^(Internal)?Async\./, '');

/** The error for a fault; one that is XenAPI's own goes out as it is. */
export const xenError = (reason: Fault, context: ErrorContext): XenError => {
  const { native } = reason;
  if (native?.platform === 'xenapi') {
    const { code } = native;
    const { session } = context;
    // How a client calls its session only the agent knows, which says it here.
    if (code === 'SESSION_NOT_REGISTERED' && session !== undefined) return { code, params: [session] };
    return { code, params: Array.isArray(native.detail) ? native.detail.map(String) : [] };
  }
  const { front, call } = context;
  const facts: Facts = {
    ...context,
    text: reason.text,
    acted: context.subject ?? (call && call.target.id !== '' ? call.target.id : NULL_REF),
    method: syncName(call?.method ?? ''),
    ref: (id) => (id === undefined ? NULL_REF : refOf(xenId(CLASS_OF_KIND[kindOf(id)], id), front)),
  };
  return (RENDERERS[reason.kind] as Renderer<FaultKind>)(reason.members, facts);
};

/** What a code says to the hub. `p` are its parameters. */
type Meaning = (p: readonly string[]) => { [K in FaultKind]: readonly [K, FaultMembers[K]] }[FaultKind];

const existing = (text: string | undefined): PowerState =>
  (Object.entries(POWER_STATES).find(([, name]) => name === text?.toLowerCase())?.[0] ?? 'stopped') as PowerState;

const invalid: Meaning = ([field]) => ['invalid-argument', { property: field ?? '' }];
const busy: Meaning = () => ['busy', {}];
const state: Meaning = () => ['invalid-state', {}];
const unsupported: Meaning = () => ['not-supported', {}];
const memory: Meaning = ([needed, available]) => [
  'insufficient-memory',
  { requestedBytes: Number(needed) * 1024 || 0, availableBytes: Number(available) * 1024 || 0 },
];

const MEANINGS = table<Meaning>({
  HANDLE_INVALID: ([cls, ref]) => ['object-not-found', { type: cls ?? '', id: ref ?? '' }],
  UUID_INVALID: ([cls, uuid]) => ['object-not-found', { type: cls ?? '', id: uuid ?? '' }],
  OBJECT_NOLONGER_EXISTS: () => ['object-not-found', { type: '', id: '' }],
  VM_BAD_POWER_STATE: ([, expected, actual]) => [
    'wrong-state',
    { requested: existing(expected?.split(/[,;]/)[0]), existing: existing(actual) },
  ],
  SESSION_INVALID: () => ['not-authenticated', { privilege: '' }],
  SESSION_AUTHENTICATION_FAILED: () => ['invalid-login', {}],
  SESSION_AUTHORIZATION_FAILED: () => ['invalid-login', {}],
  RBAC_PERMISSION_DENIED: ([permission]) => ['no-permission', { privilege: permission ?? '' }],
  PERMISSION_DENIED: () => ['no-permission', { privilege: '' }],
  MESSAGE_METHOD_UNKNOWN: ([method]) => ['method-not-found', { method: method ?? '' }],
  MESSAGE_REMOVED: () => ['not-supported', {}],
  NOT_IMPLEMENTED: () => ['not-implemented', {}],
  VALUE_NOT_SUPPORTED: invalid,
  INVALID_VALUE: invalid,
  FIELD_TYPE_ERROR: ([field]) => ['invalid-type', { argument: field ?? '' }],
  MAP_DUPLICATE_KEY: ([, field, , key]) => ['already-exists', { name: `${field ?? ''}.${key ?? ''}` }],
  OTHER_OPERATION_IN_PROGRESS: busy,
  TOO_MANY_PENDING_TASKS: busy,
  TOO_BUSY: () => ['too-many', { limit: 0 }],
  TASK_CANCELLED: () => ['cancelled', {}],
  OPERATION_NOT_ALLOWED: state,
  OPERATION_BLOCKED: () => ['method-disabled', {}],
  VM_IS_TEMPLATE: state,
  VM_IS_SNAPSHOT: state,
  ONLY_PROVISION_TEMPLATE: state,
  ONLY_REVERT_SNAPSHOT: state,
  VM_LACKS_FEATURE: () => ['tools-unavailable', {}],
  VM_LACKS_FEATURE_SHUTDOWN: () => ['tools-unavailable', {}],
  VM_LACKS_FEATURE_SUSPEND: () => ['tools-unavailable', {}],
  VM_MISSING_PV_DRIVERS: () => ['tools-unavailable', {}],
  VM_SHUTDOWN_TIMEOUT: () => ['timeout', {}],
  VM_REVERT_FAILED: () => ['snapshot-failed', {}],
  HOST_NOT_ENOUGH_FREE_MEMORY: memory,
  HOST_NOT_ENOUGH_PCPUS: ([needed, available]) => [
    'insufficient-cpu',
    { requested: Number(needed) || 0, available: Number(available) || 0 },
  ],
  HOST_OFFLINE: () => ['host-communication', {}],
  HOST_IS_SLAVE: ([address]) => ['host-communication', address === undefined ? {} : { host: address }],
  CANNOT_CONTACT_HOST: () => ['host-communication', {}],
  HOST_STILL_BOOTING: () => ['host-communication', {}],
  LICENSE_RESTRICTION: () => ['restricted', {}],
  SR_FULL: () => ['no-disk-space', { storage: '' }],
  SR_BACKEND_FAILURE_44: () => ['no-disk-space', { storage: '' }],
  VDI_IN_USE: ([vdi]) => ['file-locked', { path: vdi ?? '' }],
  VDI_MISSING: ([, vdi]) => ['file-not-found', { path: vdi ?? '' }],
  DEVICE_ALREADY_EXISTS: ([device]) => ['already-exists', { name: device ?? '' }],
  DEVICE_ALREADY_ATTACHED: state,
  DEVICE_ALREADY_DETACHED: state,
  INVALID_DEVICE: ([device]) => ['invalid-device', { index: Number(device) || 0, property: 'userdevice' }],
  MAC_INVALID: () => ['invalid-argument', { property: 'MAC' }],
  EVENTS_LOST: () => ['invalid-version', {}],
  SR_HAS_PBD: state,
  SR_NOT_EMPTY: () => ['directory-not-empty', { path: '' }],
  SR_NO_PBDS: state,
  NETWORK_CONTAINS_VIF: busy,
  VBD_IS_EMPTY: state,
  VBD_NOT_EMPTY: state,
  VBD_NOT_REMOVABLE_MEDIA: state,
  VBD_NOT_UNPLUGGABLE: state,
  VBD_CDS_MUST_BE_READONLY: () => ['invalid-argument', { property: 'mode' }],
  VDI_NOT_MANAGED: unsupported,
  SR_OPERATION_NOT_SUPPORTED: unsupported,
  SR_UNKNOWN_DRIVER: unsupported,
  HA_CONSTRAINT_VIOLATION_SR_NOT_SHARED: unsupported,
  MEMORY_CONSTRAINT_VIOLATION_ORDER: () => ['invalid-argument', { property: 'memory' }],
  EVENT_FROM_TOKEN_PARSE_FAILURE: () => ['invalid-argument', { property: 'token' }],
  DEFAULT_SR_NOT_FOUND: () => ['not-found', {}],
  NO_HOSTS_AVAILABLE: () => ['host-communication', {}],
  DEVICE_DETACH_TIMEOUT: () => ['timeout', {}],
});

/** A fault that goes out to XenAPI clients as exactly this error; to the hub and other fronts it is the nearest kind. */
export const xenFault = (code: string, ...params: readonly string[]): Fault => {
  const [kind, members] = (MEANINGS[code] ?? (() => ['internal', {}] as const))(params);
  const text = params.length === 0 ? code : `${code}: ${params.join(', ')}`;
  return fault(kind, members as never, text, { platform: 'xenapi', code, text, detail: [...params] });
};

/** Codes that mean something to the hub: tests ask each of them. */
export const knownCodes: readonly string[] = Object.keys(MEANINGS);
