/** A fault as the host wrote it in; the hub's fault, with the host's own beside it, out. */
import { type Fault, type FaultKind, type FaultMembers, fault, type NativeFault } from '../../generic/faults.ts';
import type { PowerState } from '../../generic/model.ts';
import { table } from '../../generic/table.ts';
import { attributeOf, childOf, type XmlElement, xsiTypeOf } from '../../wire/xml.ts';
import { powerStates } from '../states.ts';
import { isSubtype, memberMap, typeOf, wireTypeOf } from '../types.ts';

type Members<K extends FaultKind> = (element: XmlElement) => FaultMembers[K];
type Row = { readonly [K in FaultKind]: { readonly kind: K; readonly members: Members<K> } }[FaultKind];

const row = <K extends FaultKind>(kind: K, members: Members<K>): Row => ({ kind, members }) as unknown as Row;
const bare = (kind: FaultKind): Row => row(kind, (() => ({})) as never);

const text = (element: XmlElement, member: string): string => childOf(element, member)?.text.trim() ?? '';
const number = (element: XmlElement, member: string): number => Number(text(element, member)) || 0;
const power = (element: XmlElement, member: string): PowerState =>
  powerStates.toGeneric(text(element, member) as 'poweredOn') ?? 'stopped';
const file = (element: XmlElement): { path: string } => ({ path: text(element, 'file') });
const reference = (element: XmlElement, member: string): { type: string; id: string } => {
  const found = childOf(element, member);
  return { type: (found && attributeOf(found, 'type')) ?? '', id: found?.text.trim() ?? '' };
};

/** By type, the nearest base that has a row counting for those that have none. */
const ROWS = table<Row>({
  AlreadyExists: row('already-exists', (found) => ({ name: text(found, 'name') })),
  CannotCreateFile: row('file-locked', file),
  ConcurrentAccess: bare('concurrent-access'),
  DirectoryNotEmpty: row('directory-not-empty', file),
  DuplicateName: row('duplicate-name', (found) => ({ name: text(found, 'name') })),
  FileAlreadyExists: row('file-exists', file),
  FileLocked: row('file-locked', file),
  FileNotFound: row('file-not-found', file),
  HostCommunication: bare('host-communication'),
  HostConfigFault: bare('host-config'),
  HostNotConnected: bare('host-communication'),
  InsufficientCpuResourcesFault: row('insufficient-cpu', (found) => ({
    requested: number(found, 'requested'),
    available: number(found, 'unreserved'),
  })),
  InsufficientMemoryResourcesFault: row('insufficient-memory', (found) => ({
    requestedBytes: number(found, 'requested'),
    availableBytes: number(found, 'unreserved'),
  })),
  InvalidArgument: row('invalid-argument', (found) => ({ property: text(found, 'invalidProperty') })),
  InvalidDatastore: row('invalid-datastore-path', (found) => ({ path: `[${text(found, 'name')}]` })),
  InvalidDatastorePath: row('invalid-datastore-path', (found) => ({ path: text(found, 'datastorePath') })),
  InvalidDeviceSpec: row('invalid-device', (found) => ({
    index: number(found, 'deviceIndex'),
    property: text(found, 'property'),
  })),
  InvalidLogin: bare('invalid-login'),
  InvalidName: row('invalid-name', (found) => ({ name: text(found, 'name') })),
  InvalidPowerState: row('wrong-state', (found) => ({
    requested: power(found, 'requestedState'),
    existing: power(found, 'existingState'),
  })),
  InvalidProperty: row('invalid-property', (found) => ({ name: text(found, 'name') })),
  InvalidRequest: bare('invalid-request'),
  InvalidState: bare('invalid-state'),
  InvalidVmConfig: row('invalid-vm-config', (found) => ({ property: text(found, 'property') })),
  LimitExceeded: row('too-many', (found) => ({ limit: number(found, 'limit') })),
  ManagedObjectNotFound: row('object-not-found', (found) => reference(found, 'obj')),
  MethodDisabled: bare('method-disabled'),
  // The method is one that we called for something else: the host cannot do that.
  MethodNotFound: bare('not-supported'),
  NoDiskSpace: row('no-disk-space', (found) => ({ storage: text(found, 'datastore') })),
  NoPermission: row('no-permission', (found) => ({ privilege: text(found, 'privilegeId') })),
  NotAuthenticated: row('not-authenticated', (found) => ({ privilege: text(found, 'privilegeId') })),
  NotFound: bare('not-found'),
  NotImplemented: bare('not-implemented'),
  NotSupported: bare('not-supported'),
  RequestCanceled: bare('cancelled'),
  ResourceInUse: row('busy', () => ({})),
  RestrictedVersion: bare('restricted'),
  SnapshotFault: bare('snapshot-failed'),
  TaskInProgress: row('busy', () => ({})),
  Timedout: bare('timeout'),
  ToolsUnavailable: bare('tools-unavailable'),
});

const rowOf = (type: string): Row | undefined => {
  for (let at = type; at !== ''; ) {
    const found = ROWS[at];
    if (found) return found;
    const declared = typeOf(at);
    at = declared?.kind === 'data' ? declared.base : '';
  }
  return undefined;
};

/** The members that a front of the same API can say again: no references, which are the host's own. */
const plainMembers = (element: XmlElement, type: string): Record<string, unknown> => {
  const members: Record<string, unknown> = {};
  for (const child of element.children) {
    const declared = memberMap(type).get(child.name);
    if (declared === undefined || declared.array) continue;
    const kind = typeOf(declared.type)?.kind;
    if (kind === 'enum' || wireTypeOf(declared.type) === 'xsd:string') members[child.name] = child.text;
    else if (declared.type === 'int' && /^-?\d{1,9}$/.test(child.text.trim())) members[child.name] = Number(child.text);
    else if (declared.type === 'boolean') members[child.name] = child.text.trim() === 'true';
  }
  return members;
};

/** What the element itself says it is; `XFault` where it says nothing. */
const typeOfFault = (element: XmlElement): string =>
  xsiTypeOf(element)?.name ?? (element.name.endsWith('Fault') ? element.name.slice(0, -5) : element.name);

/** `undefined`: a SOAP fault without detail, which says only its text. */
export const faultOfElement = (element: XmlElement | undefined, message: string): Fault => {
  if (element === undefined)
    return fault('internal', {}, message, { platform: 'vim25', code: 'SystemError', text: message });
  const type = typeOfFault(element);
  const known = isSubtype(type, 'MethodFault');
  const reason = text(element, 'reason');
  const said = message !== '' && message !== type ? message : reason === '' ? type : `${type}: ${reason}`;
  const native: NativeFault = {
    platform: 'vim25',
    code: known ? type : 'SystemError',
    text: said,
    detail: plainMembers(element, type),
  };
  const found = rowOf(type);
  if (found === undefined) return fault('internal', {}, said, native);
  return fault(found.kind, found.members(element) as never, said, native);
};
