/** A fault of the hub in; the vim25 fault (type, members, VMware's text) out, as a SOAP fault or inside a LocalizedMethodFault. */
import type { Fault, FaultKind, FaultMembers } from '../generic/faults.ts';
import type { HubId, Kind } from '../generic/ids.ts';
import type { PowerState } from '../generic/model.ts';
import { escapeText } from '../wire/xml.ts';
import { encodeInner } from './encode.ts';
import { dataObject, isSubtype, managedObject, memberMap } from './types.ts';
import { type DataObject, type MoRef, moRef } from './values.ts';

export interface VimFault {
  readonly type: string;
  readonly members: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** What a fault refers to beyond itself. */
export interface FaultContext {
  /** The object that was called: receiver of a method not found, object of a missing permission. */
  readonly target?: { readonly type: string; readonly id: string };
  readonly refs?: (id: HubId) => MoRef | undefined;
  /** Replaces VMware's text of InvalidLogin. */
  readonly loginText?: string;
}

const POWER_STATES: Readonly<Record<PowerState, { readonly value: string; readonly text: string }>> = {
  running: { value: 'poweredOn', text: 'Powered on' },
  // vim25 has no paused: to its clients such a VM is on.
  paused: { value: 'poweredOn', text: 'Powered on' },
  suspended: { value: 'suspended', text: 'Suspended' },
  stopped: { value: 'poweredOff', text: 'Powered off' },
};

/** Types of references to objects whose id no longer resolves. */
const TYPES: Readonly<Partial<Record<Kind, string>>> = {
  host: 'HostSystem',
  vm: 'VirtualMachine',
  template: 'VirtualMachine',
  snapshot: 'VirtualMachineSnapshot',
  storage: 'Datastore',
  network: 'Network',
  job: 'Task',
};

interface Facts extends FaultContext {
  readonly text: string;
  ref(id: HubId | undefined): MoRef | undefined;
  readonly receiver: MoRef | undefined;
}

type Renderer<K extends FaultKind> = (members: FaultMembers[K], facts: Facts) => VimFault;

const named =
  (type: string, text: string): (() => VimFault) =>
  () => ({ type, members: {}, text });

const RENDERERS: { readonly [K in FaultKind]: Renderer<K> } = {
  'already-exists': ({ name }) => ({
    type: 'AlreadyExists',
    members: { name },
    text: `The specified key, name, or identifier '${name}' already exists.`,
  }),
  busy: ({ object, job }, facts) => {
    const task = facts.ref(job);
    if (task)
      return {
        type: 'TaskInProgress',
        members: { task },
        text: 'The operation is not allowed in the current state: another task is already in progress.',
      };
    const ref = facts.ref(object) ?? facts.receiver;
    return {
      type: 'ResourceInUse',
      members: ref ? { type: ref.type, name: ref.value } : {},
      text: `The resource '${ref?.value ?? ''}' is in use.`,
    };
  },
  cancelled: named('RequestCanceled', 'The task was canceled by a user.'),
  'concurrent-access': named(
    'ConcurrentAccess',
    'The operation failed due to concurrent modification by another operation.',
  ),
  'directory-not-empty': ({ path }) => ({
    type: 'DirectoryNotEmpty',
    members: { file: path },
    text: `Directory ${path} is not empty.`,
  }),
  'duplicate-name': ({ name, object }, facts) => {
    const ref = facts.ref(object) ?? facts.receiver;
    return {
      type: 'DuplicateName',
      members: { name, ...(ref ? { object: ref } : {}) },
      text: `The name '${name}' already exists.`,
    };
  },
  'file-exists': ({ path }) => ({
    type: 'FileAlreadyExists',
    members: { file: path },
    text: `Cannot complete the operation because the file or folder ${path} already exists`,
  }),
  'file-locked': ({ path }) => ({
    type: 'FileLocked',
    members: { file: path },
    text: `Unable to access file ${path} since it is locked`,
  }),
  'file-not-found': ({ path }) => ({
    type: 'FileNotFound',
    members: { file: path },
    text: `File ${path} was not found`,
  }),
  'host-communication': named(
    'HostNotConnected',
    'Unable to communicate with the remote host, since it is disconnected.',
  ),
  'host-config': named('HostConfigFault', 'An error occurred during host configuration.'),
  'insufficient-cpu': ({ requested, available }) => ({
    type: 'InsufficientCpuResourcesFault',
    members: { unreserved: Math.round(available), requested: Math.round(requested) },
    text: 'The available CPU resources in the parent resource pool are insufficient for the operation.',
  }),
  'insufficient-memory': ({ requestedBytes, availableBytes }) => ({
    type: 'InsufficientMemoryResourcesFault',
    members: { unreserved: Math.round(availableBytes), requested: Math.round(requestedBytes) },
    text: 'The available Memory resources in the parent resource pool are insufficient for the operation.',
  }),
  internal: (_members, { text }) => ({
    type: 'SystemError',
    members: { reason: text },
    text: `A general system error occurred: ${text}`,
  }),
  'invalid-argument': ({ property }) => ({
    type: 'InvalidArgument',
    members: property === '' ? {} : { invalidProperty: property },
    text: `A specified parameter was not correct: ${property}`,
  }),
  'invalid-datastore-path': ({ path }) => ({
    type: 'InvalidDatastorePath',
    members: { datastorePath: path },
    text: `Invalid datastore path '${path}'.`,
  }),
  'invalid-device': ({ index, property }) => ({
    type: 'InvalidDeviceSpec',
    members: { deviceIndex: index, property },
    text: `Invalid configuration for device '${index}'.`,
  }),
  'invalid-login': (_members, { loginText }) => ({
    type: 'InvalidLogin',
    members: {},
    text: loginText ?? 'Cannot complete login due to an incorrect user name or password.',
  }),
  'invalid-name': ({ name }) => ({ type: 'InvalidName', members: { name }, text: `The name '${name}' is not valid.` }),
  'invalid-property': ({ name }) => ({
    type: 'InvalidProperty',
    members: { name },
    text: `The property '${name}' is not valid.`,
  }),
  'invalid-request': (_members, { text }) => ({
    type: 'InvalidRequest',
    members: {},
    text: text || 'The request is not valid.',
  }),
  'invalid-state': named('InvalidState', 'The operation is not allowed in the current state.'),
  'invalid-type': ({ argument }, { text }) => ({
    type: 'InvalidType',
    members: { argument },
    text: text || `The type of ${argument} is not valid.`,
  }),
  'invalid-version': named('InvalidCollectorVersion', 'The version is not valid or no longer known.'),
  'invalid-vm-config': ({ property }) => ({
    type: 'InvalidVmConfig',
    members: property === undefined ? {} : { property },
    text: `Virtual machine's configuration is invalid.`,
  }),
  'method-disabled': (_members, { text }) => ({
    type: 'MethodDisabled',
    members: {},
    text: text || 'The method is disabled.',
  }),
  'method-not-found': ({ method }, facts) => ({
    type: 'MethodNotFound',
    members: { receiver: facts.receiver ?? moRef('ServiceInstance', 'ServiceInstance'), method },
    text: `Unable to resolve WSDL method name ${method}`,
  }),
  'no-disk-space': ({ storage }) => ({
    type: 'NoDiskSpace',
    members: { file: `[${storage}]`, datastore: storage },
    text: `Insufficient disk space on datastore '${storage}'.`,
  }),
  'no-permission': ({ object, privilege }, facts) => ({
    type: 'NoPermission',
    members: { ...objectOf(object, facts), privilegeId: privilege },
    text: 'Permission to perform this operation was denied.',
  }),
  'not-authenticated': ({ object, privilege }, facts) => ({
    type: 'NotAuthenticated',
    members: { ...objectOf(object, facts), privilegeId: privilege || 'System.View' },
    text: 'The session is not authenticated.',
  }),
  'not-found': named('NotFound', 'The object or item referred to could not be found.'),
  'not-implemented': named('NotImplemented', 'The requested functionality is not implemented.'),
  'not-supported': named('NotSupported', 'The operation is not supported on the object.'),
  'object-not-found': ({ type, id }) => {
    const managed = managedObject(type) ?? managedObject(TYPES[type as Kind] ?? 'ManagedEntity');
    return {
      type: 'ManagedObjectNotFound',
      members: { obj: moRef(managed?.name ?? 'ManagedEntity', id) },
      text: `The object '${managed?.vmodl ?? type}:${id}' has already been deleted or has not been completely created`,
    };
  },
  restricted: named(
    'RestrictedVersion',
    'Current license or ESXi version prohibits execution of the requested operation.',
  ),
  'snapshot-failed': (_members, { text }) => ({
    type: 'SnapshotFault',
    members: {},
    text:
      text === '' ? 'An error occurred while taking a snapshot.' : `An error occurred while taking a snapshot: ${text}`,
  }),
  timeout: named('Timedout', 'Operation timed out.'),
  'tools-unavailable': named(
    'ToolsUnavailable',
    'Cannot complete operation because VMware Tools is not running in this virtual machine.',
  ),
  'too-many': ({ limit }) => ({
    type: 'LimitExceeded',
    members: { limit },
    text: `The limit of ${limit} was exceeded.`,
  }),
  'wrong-state': ({ requested, existing }) => ({
    type: 'InvalidPowerState',
    members: { requestedState: POWER_STATES[requested].value, existingState: POWER_STATES[existing].value },
    text: `The attempted operation cannot be performed in the current state (${POWER_STATES[existing].text}).`,
  }),
};

const objectOf = (object: string | undefined, facts: Facts): { object?: MoRef } => {
  const ref = object === undefined ? undefined : facts.ref(object as HubId);
  const shown = ref ?? facts.receiver;
  return shown ? { object: shown } : {};
};

/** Texts that say more than VMware's own go along as a fault message; those of a log-in tell nothing. */
const SILENT: ReadonlySet<FaultKind> = new Set([
  'invalid-login',
  'not-authenticated',
  'no-permission',
  'internal',
  'invalid-request',
  'invalid-state',
  'wrong-state',
]);

const renderOf = <K extends FaultKind>(fault: Fault<K>, facts: Facts): VimFault =>
  (RENDERERS[fault.kind] as Renderer<K>)(fault.members, facts);

const nativeFault = ({ native }: Fault): VimFault | undefined => {
  if (native?.platform !== 'vim25' || !isSubtype(native.code, 'MethodFault')) return undefined;
  const members =
    typeof native.detail === 'object' && native.detail !== null ? (native.detail as Record<string, unknown>) : {};
  return { type: native.code, members, text: native.text };
};

/** The vim25 fault for a fault of the hub; one that came from a vim25 host goes back as it was. */
export const vimFault = (fault: Fault, context: FaultContext = {}): VimFault => {
  const native = nativeFault(fault);
  if (native) return native;
  const { target } = context;
  const facts: Facts = {
    ...context,
    text: fault.text,
    ref: (id) => (id === undefined ? undefined : context.refs?.(id)),
    receiver: target && managedObject(target.type) ? moRef(target.type, target.id) : undefined,
  };
  const rendered = renderOf(fault, facts);
  if (fault.text === '' || rendered.text.includes(fault.text) || SILENT.has(fault.kind)) return rendered;
  const faultMessage = [{ _type: 'LocalizableMessage', key: 'transvisor.detail', message: fault.text }];
  return { ...rendered, members: { ...rendered.members, faultMessage } };
};

const asDataObject = ({ type, members }: VimFault): DataObject => ({ ...members, _type: type });

/** The element inside `detail`. Its name must be a known type's plus 'Fault': pyVmomi cuts five characters off and looks the rest up. */
const detailOf = (fault: VimFault, version: string): string => {
  const inner = encodeInner(fault.type, asDataObject(fault), version);
  return `<${fault.type}Fault xmlns="urn:vim25" xsi:type="${fault.type}">${inner}</${fault.type}Fault>`;
};

/** Content of the SOAP body. */
export const encodeFaultBody = (fault: VimFault, version = ''): string =>
  `<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>${escapeText(fault.text)}</faultstring>` +
  `<detail>${detailOf(fault, version)}</detail></soapenv:Fault>`;

/** For TaskInfo.error and MissingProperty.fault: a value for encode.ts. */
export const localized = (fault: Fault, context: FaultContext = {}): DataObject =>
  localizedOf(vimFault(fault, context));

const localizedOf = (fault: VimFault): DataObject => ({
  _type: 'LocalizedMethodFault',
  fault: asDataObject(fault),
  localizedMessage: fault.text === '' ? fault.type : fault.text,
});

/** Members of a fault type that must be there and are not: tests ask this of every row. */
export const missingMembers = (fault: VimFault): readonly string[] =>
  dataObject(fault.type) === undefined
    ? [`no type ${fault.type}`]
    : [...memberMap(fault.type).values()]
        .filter((member) => !member.optional && fault.members[member.name] === undefined)
        .map((member) => member.name);
