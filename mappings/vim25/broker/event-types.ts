/** Happenings of the hub by kind: the vim25 event type that tells of each, its category, and the text people read. */
import type { EventKind } from '../../generic/jobs.ts';

export interface EventType {
  readonly type: string;
  readonly category: 'info' | 'warning' | 'error' | 'user';
  readonly description: string;
  /** `{vm.name}`, `{host.name}`, `{userName}`, `{message}`, and members of the event. */
  readonly format: string;
  /** Where the API has no type of its own: EventEx with this id. */
  readonly id?: string;
}

const row = (type: string, category: EventType['category'], description: string, format: string): EventType => ({
  type,
  category,
  description,
  format,
});
const extended = (id: string, category: EventType['category'], description: string, format: string): EventType => ({
  type: 'EventEx',
  id,
  category,
  description,
  format,
});

export const EVENT_TYPES: Readonly<Record<EventKind, EventType>> = {
  'vm.created': row(
    'VmCreatedEvent',
    'info',
    'VM created',
    'Created virtual machine {vm.name} on {host.name} in {datacenter.name}',
  ),
  'vm.changed': row(
    'VmReconfiguredEvent',
    'info',
    'VM reconfigured',
    'Reconfigured {vm.name} on {host.name} in {datacenter.name}',
  ),
  'vm.renamed': row(
    'VmRenamedEvent',
    'info',
    'VM renamed',
    'Renamed {vm.name} from {oldName} to {newName} in {datacenter.name}',
  ),
  'vm.deleted': row('VmRemovedEvent', 'info', 'VM removed', 'Removed {vm.name} on {host.name} from {datacenter.name}'),
  'vm.started': row(
    'VmPoweredOnEvent',
    'info',
    'VM powered on',
    '{vm.name} on {host.name} in {datacenter.name} is powered on',
  ),
  'vm.stopped': row(
    'VmPoweredOffEvent',
    'info',
    'VM powered off',
    '{vm.name} on {host.name} in {datacenter.name} is powered off',
  ),
  'vm.suspended': row(
    'VmSuspendedEvent',
    'info',
    'VM suspended',
    '{vm.name} on {host.name} in {datacenter.name} is suspended',
  ),
  'vm.paused': row(
    'VmSuspendedEvent',
    'info',
    'VM suspended',
    '{vm.name} on {host.name} in {datacenter.name} is suspended',
  ),
  'vm.resumed': row(
    'VmResumingEvent',
    'info',
    'VM resuming',
    '{vm.name} on {host.name} in {datacenter.name} is resumed',
  ),
  'vm.reset': row('VmResettingEvent', 'info', 'VM resetting', '{vm.name} on {host.name} in {datacenter.name} is reset'),
  'vm.crashed': row(
    'VmGuestOSCrashedEvent',
    'error',
    'Guest operating system crashed',
    '{vm.name} on {host.name}: Guest operating system has crashed.',
  ),
  'vm.guestShutdown': row(
    'VmGuestShutdownEvent',
    'info',
    'Guest OS shut down',
    'Guest OS shut down for {vm.name} on {host.name} in {datacenter.name}',
  ),
  'vm.guestReboot': row(
    'VmGuestRebootEvent',
    'info',
    'Guest reboot',
    'Guest OS reboot for {vm.name} on {host.name} in {datacenter.name}',
  ),
  'vm.registered': row(
    'VmRegisteredEvent',
    'info',
    'VM registered',
    'Registered {vm.name} on {host.name} in {datacenter.name}',
  ),
  'vm.unregistered': row(
    'VmRemovedEvent',
    'info',
    'VM removed',
    'Removed {vm.name} on {host.name} from {datacenter.name}',
  ),
  'snapshot.created': extended(
    'transvisor.snapshot.created',
    'info',
    'Snapshot created',
    'Created a snapshot of {vm.name} on {host.name}',
  ),
  'snapshot.reverted': extended(
    'transvisor.snapshot.reverted',
    'info',
    'Reverted to snapshot',
    'Reverted {vm.name} on {host.name} to a snapshot',
  ),
  'snapshot.deleted': extended(
    'transvisor.snapshot.deleted',
    'info',
    'Snapshot removed',
    'Removed a snapshot of {vm.name} on {host.name}',
  ),
  'storage.added': row(
    'DatastoreDiscoveredEvent',
    'info',
    'Discovered datastore',
    'Discovered datastore {datastore.name} on {host.name} in {datacenter.name}',
  ),
  'storage.removed': row(
    'DatastoreRemovedOnHostEvent',
    'info',
    'Datastore removed from host',
    'Removed datastore {datastore.name} from {host.name} in {datacenter.name}',
  ),
  'network.added': extended(
    'transvisor.network.added',
    'info',
    'Network added',
    'Network {name} was added to {host.name}',
  ),
  'network.removed': extended(
    'transvisor.network.removed',
    'info',
    'Network removed',
    'Network {name} was removed from {host.name}',
  ),
  'host.connected': row(
    'HostConnectedEvent',
    'info',
    'Host connected',
    'Connected to {host.name} in {datacenter.name}',
  ),
  'host.disconnected': row(
    'HostConnectionLostEvent',
    'error',
    'Host connection lost',
    'Host {host.name} in {datacenter.name} is not responding',
  ),
  'session.login': row('UserLoginSessionEvent', 'info', 'User login', 'User {userName}@{ipAddress} logged in'),
  'session.logout': row('UserLogoutSessionEvent', 'info', 'User logout', 'User {userName} logged out'),
  'session.loginFailed': row(
    'BadUsernameSessionEvent',
    'error',
    'Invalid user name',
    'Cannot login {userName}@{ipAddress}',
  ),
  'job.started': row('TaskEvent', 'info', 'Task event', 'Task: {message}'),
  'job.failed': extended('transvisor.task.failed', 'error', 'Task failed', '{message}'),
  'user.message': row('GeneralUserEvent', 'user', 'User message', 'User logged event: {message}'),
};

/** EventManager.description.eventInfo, one row a type. */
export const eventDetails = () => {
  const details = new Map<string, object>();
  for (const { type, id, category, description, format } of Object.values(EVENT_TYPES)) {
    const key = id ?? type;
    const short = format.replace(/ (?:on \{host\.name\} )?(?:in|from) \{datacenter\.name\}/, '');
    if (details.has(key)) continue;
    details.set(key, {
      _type: 'EventDescriptionEventDetail',
      key: type,
      description,
      category,
      formatOnDatacenter: short,
      formatOnComputeResource: short,
      formatOnHost: short,
      formatOnVm: short,
      // Clients cut the id of an EventEx off at the bar.
      fullFormat: id === undefined ? format : `${id}|${format}`,
    });
  }
  return [...details.values()];
};
