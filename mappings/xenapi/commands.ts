/** The command table of XenAPI: a literal row a method that is served by itself; what the data model derives follows by class; all else is refused, with the reason. */
import type { Access, Row } from '../generic/call.ts';
import { table } from '../generic/table.ts';
import { classNames, classOf, type Message } from './types.ts';

const rows = [
  // System and sessions
  { method: 'system.listMethods', on: 'system', route: 'session', access: 'none' },
  { method: 'session.login_with_password', on: 'session', route: 'session', access: 'none' },
  { method: 'session.logout', on: 'session', route: 'session', access: 'read' },
  { method: 'session.local_logout', on: 'session', route: 'session', access: 'read' },
  { method: 'session.get_all_subject_identifiers', on: 'session', route: 'session', access: 'read' },

  // Events
  { method: 'event.from', on: 'event', route: 'broker', access: 'read' },
  { method: 'event.inject', on: 'event', route: 'broker', access: 'read' },
  // Of clients from before event.from
  { method: 'event.register', on: 'event', route: 'broker', access: 'read' },
  { method: 'event.unregister', on: 'event', route: 'broker', access: 'read' },
  { method: 'event.next', on: 'event', route: 'broker', access: 'read' },
  { method: 'event.get_current_id', on: 'event', route: 'broker', access: 'read' },

  // Tasks
  { method: 'task.create', on: 'task', route: 'central', access: 'operate' },
  { method: 'task.destroy', on: 'task', route: 'central', access: 'operate' },
  { method: 'task.cancel', on: 'task', route: 'central', access: 'operate' },
  { method: 'task.set_status', on: 'task', route: 'central', access: 'operate' },
  { method: 'task.set_progress', on: 'task', route: 'central', access: 'operate' },
  { method: 'task.set_result', on: 'task', route: 'central', access: 'operate' },
  { method: 'task.set_error_info', on: 'task', route: 'central', access: 'operate' },
  { method: 'task.add_to_other_config', on: 'task', route: 'central', access: 'operate' },
  { method: 'task.remove_from_other_config', on: 'task', route: 'central', access: 'operate' },
  { method: 'task.set_other_config', on: 'task', route: 'central', access: 'operate' },

  // Power
  { method: 'VM.pause', on: 'VM', route: 'direct', access: 'operate', verb: 'vm.pause' },
  { method: 'VM.unpause', on: 'VM', route: 'direct', access: 'operate', verb: 'vm.resume' },
  { method: 'VM.suspend', on: 'VM', route: 'direct', access: 'operate', verb: 'vm.suspend' },
  { method: 'VM.hard_shutdown', on: 'VM', route: 'direct', access: 'operate', verb: 'vm.stop' },
  { method: 'VM.hard_reboot', on: 'VM', route: 'direct', access: 'operate', verb: 'vm.reset' },

  // Power that depends on more than the host is asked: the state, VBDs not plugged yet, the end of a shutdown
  { method: 'VM.start', on: 'VM', route: 'central', access: 'operate', verb: 'vm.start' },
  { method: 'VM.start_on', on: 'VM', route: 'central', access: 'operate', verb: 'vm.start' },
  { method: 'VM.resume', on: 'VM', route: 'central', access: 'operate', verb: 'vm.start' },
  { method: 'VM.resume_on', on: 'VM', route: 'central', access: 'operate', verb: 'vm.start' },
  { method: 'VM.clean_shutdown', on: 'VM', route: 'central', access: 'operate', verb: 'vm.shutdownGuest' },
  { method: 'VM.clean_reboot', on: 'VM', route: 'central', access: 'operate', verb: 'vm.rebootGuest' },
  { method: 'VM.shutdown', on: 'VM', route: 'central', access: 'operate', verb: 'vm.stop' },

  // Virtual machines, templates and snapshots
  { method: 'VM.create', on: 'VM', route: 'central', access: 'operate', verb: 'vm.create' },
  { method: 'VM.destroy', on: 'VM', route: 'central', access: 'operate', verb: 'vm.delete' },
  { method: 'VM.clone', on: 'VM', route: 'central', access: 'operate', verb: 'vm.clone' },
  { method: 'VM.copy', on: 'VM', route: 'central', access: 'operate', verb: 'vm.clone' },
  { method: 'VM.provision', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.snapshot', on: 'VM', route: 'central', access: 'operate', verb: 'snapshot.create' },
  { method: 'VM.checkpoint', on: 'VM', route: 'central', access: 'operate', verb: 'snapshot.create' },
  { method: 'VM.pool_migrate', on: 'VM', route: 'central', access: 'operate' },
  { method: 'VM.assert_can_migrate', on: 'VM', route: 'broker', access: 'read' },
  { method: 'VM.migrate_send', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.revert', on: 'VM', route: 'central', access: 'operate', verb: 'snapshot.revert' },
  { method: 'VM.set_VCPUs_max', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.set_VCPUs_at_startup', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.set_VCPUs_number_live', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.set_memory', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.set_memory_limits', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.set_memory_static_range', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.set_memory_static_max', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.set_memory_static_min', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.set_memory_dynamic_range', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.set_memory_dynamic_max', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.set_memory_dynamic_min', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.set_HVM_boot_policy', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.set_domain_type', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.set_has_vendor_device', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.set_platform', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.add_to_platform', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.remove_from_platform', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.set_other_config', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.add_to_other_config', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.remove_from_other_config', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.set_blocked_operations', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.add_to_blocked_operations', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.remove_from_blocked_operations', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.set_actions_after_crash', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.set_ha_restart_priority', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.set_start_delay', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.set_shutdown_delay', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.set_order', on: 'VM', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VM.get_allowed_VBD_devices', on: 'VM', route: 'broker', access: 'read' },
  { method: 'VM.get_allowed_VIF_devices', on: 'VM', route: 'broker', access: 'read' },
  { method: 'VM.get_possible_hosts', on: 'VM', route: 'broker', access: 'read' },
  { method: 'VM.assert_can_boot_here', on: 'VM', route: 'broker', access: 'read' },
  { method: 'VM.assert_operation_valid', on: 'VM', route: 'broker', access: 'read' },
  { method: 'VM.update_allowed_operations', on: 'VM', route: 'broker', access: 'read' },
  { method: 'VM.compute_memory_overhead', on: 'VM', route: 'broker', access: 'read' },
  { method: 'VM.maximise_memory', on: 'VM', route: 'broker', access: 'read' },
  { method: 'VM.get_cooperative', on: 'VM', route: 'broker', access: 'read' },
  { method: 'VM.assert_agile', on: 'VM', route: 'broker', access: 'read' },

  // Drives and cards
  { method: 'VBD.create', on: 'VBD', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VBD.destroy', on: 'VBD', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VBD.plug', on: 'VBD', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VBD.unplug', on: 'VBD', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VBD.unplug_force', on: 'VBD', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VBD.insert', on: 'VBD', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VBD.eject', on: 'VBD', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VBD.set_mode', on: 'VBD', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VBD.assert_attachable', on: 'VBD', route: 'broker', access: 'read' },
  { method: 'VIF.create', on: 'VIF', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VIF.destroy', on: 'VIF', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VIF.plug', on: 'VIF', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VIF.unplug', on: 'VIF', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VIF.unplug_force', on: 'VIF', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VIF.move', on: 'VIF', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VIF.set_locking_mode', on: 'VIF', route: 'central', access: 'operate' },
  { method: 'VIF.set_ipv4_allowed', on: 'VIF', route: 'central', access: 'operate' },
  { method: 'VIF.add_ipv4_allowed', on: 'VIF', route: 'central', access: 'operate' },
  { method: 'VIF.remove_ipv4_allowed', on: 'VIF', route: 'central', access: 'operate' },
  { method: 'VIF.set_ipv6_allowed', on: 'VIF', route: 'central', access: 'operate' },
  { method: 'VIF.add_ipv6_allowed', on: 'VIF', route: 'central', access: 'operate' },
  { method: 'VIF.remove_ipv6_allowed', on: 'VIF', route: 'central', access: 'operate' },
  { method: 'VIF.configure_ipv4', on: 'VIF', route: 'central', access: 'operate' },
  { method: 'VIF.configure_ipv6', on: 'VIF', route: 'central', access: 'operate' },

  // Disks
  { method: 'VDI.create', on: 'VDI', route: 'central', access: 'operate', verb: 'volume.create' },
  { method: 'VDI.destroy', on: 'VDI', route: 'central', access: 'operate', verb: 'volume.delete' },
  { method: 'VDI.resize', on: 'VDI', route: 'central', access: 'operate', verb: 'volume.resize' },
  { method: 'VDI.resize_online', on: 'VDI', route: 'central', access: 'operate', verb: 'volume.resize' },
  { method: 'VDI.copy', on: 'VDI', route: 'central', access: 'operate', verb: 'volume.copy' },
  { method: 'VDI.clone', on: 'VDI', route: 'central', access: 'operate', verb: 'volume.copy' },
  { method: 'VDI.snapshot', on: 'VDI', route: 'central', access: 'operate', verb: 'volume.copy' },
  { method: 'VDI.pool_migrate', on: 'VDI', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'VDI.set_name_label', on: 'VDI', route: 'central', access: 'operate' },
  { method: 'VDI.set_name_description', on: 'VDI', route: 'central', access: 'operate' },
  { method: 'VDI.update', on: 'VDI', route: 'central', access: 'operate' },
  { method: 'VDI.forget', on: 'VDI', route: 'central', access: 'operate' },

  // Storage
  { method: 'SR.scan', on: 'SR', route: 'central', access: 'operate', verb: 'storage.refresh' },
  { method: 'SR.create', on: 'SR', route: 'central', access: 'admin', verb: 'storage.create' },
  { method: 'SR.destroy', on: 'SR', route: 'central', access: 'admin', verb: 'storage.delete' },
  { method: 'SR.forget', on: 'SR', route: 'central', access: 'admin', verb: 'storage.delete' },
  { method: 'SR.set_name_label', on: 'SR', route: 'central', access: 'admin' },
  { method: 'SR.set_name_description', on: 'SR', route: 'central', access: 'admin' },
  { method: 'SR.update', on: 'SR', route: 'central', access: 'operate', verb: 'storage.refresh' },
  { method: 'SR.get_supported_types', on: 'SR', route: 'broker', access: 'read' },
  { method: 'SR.introduce', on: 'SR', route: 'central', access: 'admin', verb: 'storage.create' },
  { method: 'SR.probe', on: 'SR', route: 'central', access: 'admin' },
  { method: 'PBD.create', on: 'PBD', route: 'central', access: 'admin' },
  { method: 'PBD.destroy', on: 'PBD', route: 'central', access: 'admin' },
  { method: 'PBD.set_device_config', on: 'PBD', route: 'central', access: 'admin' },
  { method: 'PBD.plug', on: 'PBD', route: 'central', access: 'admin' },
  { method: 'PBD.unplug', on: 'PBD', route: 'central', access: 'admin' },

  // Networks
  { method: 'network.create', on: 'network', route: 'central', access: 'admin', verb: 'network.create' },
  { method: 'network.destroy', on: 'network', route: 'central', access: 'admin', verb: 'network.delete' },
  { method: 'network.add_purpose', on: 'network', route: 'central', access: 'admin' },
  { method: 'network.remove_purpose', on: 'network', route: 'central', access: 'admin' },
  { method: 'network.set_default_locking_mode', on: 'network', route: 'central', access: 'admin' },

  // Host and pool
  { method: 'host.get_servertime', on: 'host', route: 'broker', access: 'read' },
  { method: 'host.get_server_localtime', on: 'host', route: 'broker', access: 'read' },
  { method: 'host.compute_free_memory', on: 'host', route: 'broker', access: 'read' },
  { method: 'host.compute_memory_overhead', on: 'host', route: 'broker', access: 'read' },
  { method: 'host.get_management_interface', on: 'host', route: 'broker', access: 'read' },
  { method: 'host.list_methods', on: 'host', route: 'broker', access: 'read' },
  { method: 'host.get_uncooperative_resident_VMs', on: 'host', route: 'broker', access: 'read' },
  { method: 'host.has_extension', on: 'host', route: 'broker', access: 'read' },
  { method: 'host.disable', on: 'host', route: 'central', access: 'admin', verb: 'host.enterMaintenance' },
  { method: 'host.enable', on: 'host', route: 'central', access: 'admin', verb: 'host.exitMaintenance' },
  { method: 'host.reboot', on: 'host', route: 'central', access: 'admin', verb: 'host.reboot' },
  { method: 'host.shutdown', on: 'host', route: 'central', access: 'admin', verb: 'host.shutdown' },
  // There is one host: nothing can leave it, and it cannot leave its pool
  { method: 'host.evacuate', on: 'host', route: 'central', access: 'admin' },
  { method: 'host.assert_can_evacuate', on: 'host', route: 'central', access: 'read' },
  { method: 'host.get_vms_which_prevent_evacuation', on: 'host', route: 'central', access: 'read' },
  { method: 'host.power_on', on: 'host', route: 'central', access: 'admin' },
  { method: 'host.destroy', on: 'host', route: 'central', access: 'admin' },
  { method: 'host.restart_agent', on: 'host', route: 'central', access: 'admin' },
  { method: 'host.syslog_reconfigure', on: 'host', route: 'central', access: 'admin' },
  { method: 'host.migrate_receive', on: 'host', route: 'central', access: 'operate' },
  // Alerts: there are none, and that is the answer
  { method: 'message.get', on: 'message', route: 'broker', access: 'read' },
  { method: 'message.get_all', on: 'message', route: 'broker', access: 'read' },
  { method: 'message.get_since', on: 'message', route: 'broker', access: 'read' },
  { method: 'message.get_record', on: 'message', route: 'broker', access: 'read' },
  { method: 'message.get_by_uuid', on: 'message', route: 'broker', access: 'read' },
  { method: 'message.get_all_records', on: 'message', route: 'broker', access: 'read' },
  { method: 'message.get_all_records_where', on: 'message', route: 'broker', access: 'read' },

  { method: 'pool.get_license_state', on: 'pool', route: 'broker', access: 'read' },
  { method: 'pool.has_extension', on: 'pool', route: 'broker', access: 'read' },
] as const satisfies readonly Row[];

/** A name that is none: MESSAGE_METHOD_UNKNOWN, once the session is known to be one. */
export const UNKNOWN = 'system.unknown';
const unknown: Row = {
  method: UNKNOWN,
  on: 'system',
  route: 'refuse',
  access: 'read',
  because: 'for every other name: there is no such method',
};

/** Classes of which there can be objects; reads of the others find none, and listMethods does not name them. */
export const CLASSES_WITH_OBJECTS: ReadonlySet<string> = new Set(
  (
    'pool host host_metrics host_cpu VM VM_metrics VM_guest_metrics VBD VDI VIF SR SM PBD network PIF PIF_metrics ' +
    'console task'
  ).split(' '),
);

/** Fields whose derived set_, add_, remove_, add_to_ and remove_from_ are carried out: on the VM itself, or in data of our own. */
const WRITABLE = table<{ readonly access: Access; readonly fields: string }>({
  pool: {
    access: 'operate',
    fields: 'name_label name_description default_SR other_config tags gui_config health_check_config license_server',
  },
  host: {
    access: 'admin',
    fields: 'name_label name_description other_config tags logging license_server guest_VCPUs_params',
  },
  host_cpu: { access: 'admin', fields: 'other_config' },
  host_metrics: { access: 'admin', fields: 'other_config' },
  VM: {
    access: 'operate',
    fields:
      'name_label name_description user_version is_a_template affinity VCPUs_params actions_after_shutdown actions_after_reboot ' +
      'PV_bootloader PV_kernel PV_ramdisk PV_args PV_bootloader_args PV_legacy_args HVM_boot_params recommendations ' +
      'xenstore_data tags suspend_SR',
  },
  VM_metrics: { access: 'operate', fields: 'other_config' },
  VM_guest_metrics: { access: 'operate', fields: 'other_config' },
  VBD: { access: 'operate', fields: 'userdevice bootable unpluggable other_config qos_algorithm_params' },
  VDI: { access: 'operate', fields: 'other_config xenstore_data sm_config tags' },
  VIF: { access: 'operate', fields: 'other_config qos_algorithm_params' },
  SR: { access: 'operate', fields: 'other_config tags sm_config' },
  SM: { access: 'admin', fields: 'other_config' },
  PBD: { access: 'admin', fields: 'other_config' },
  network: { access: 'operate', fields: 'name_label name_description other_config tags' },
  PIF: { access: 'admin', fields: 'other_config' },
  PIF_metrics: { access: 'admin', fields: 'other_config' },
  console: { access: 'operate', fields: 'other_config' },
});

/** Why methods of a class are refused. */
const REASONS = table<string>({
  auth: 'accounts are those of Transvisor',
  subject: 'accounts are those of Transvisor',
  role: 'accounts are those of Transvisor',
  user: 'accounts are those of Transvisor',
  session: 'sessions of pool members and emergency mode do not exist here',
  pool: 'a pool has one host, and that one is administered with its own tools',
  host: 'the host itself is administered with its own tools',
  PIF: 'interfaces of the host are administered with its own tools',
  Bond: 'interfaces of the host are administered with its own tools',
  VLAN: 'interfaces of the host are administered with its own tools',
  tunnel: 'interfaces of the host are administered with its own tools',
  VM: 'the hub has no such operation',
  VM_appliance: 'hosts have no appliances of several machines',
  VMSS: 'there are no snapshot schedules',
  VDI: 'the hub has no such operation',
  VBD: 'the hub has no such operation',
  VIF: 'the hub has no such operation',
  SR: 'the hub has no such operation',
  network: 'the hub has no such operation',
  message: 'there are no alerts',
  secret: 'no secrets of others are kept',
  blob: 'there are no blobs',
});
const OTHERWISE = 'hosts of other kinds have no such objects';
const REMOVED = 'withdrawn from the API: MESSAGE_REMOVED';

const explicit = new Map<string, Row>(rows.map((row) => [row.method, row]));

const READS = new Set<NonNullable<Message['does']>['kind']>([
  'get-record',
  'get-by-uuid',
  'get-by-name-label',
  'get-all',
  'get-all-where',
  'get-all-records',
  'get-all-records-where',
  'get-field',
]);

/** Facts of the session are the agent's own. */
const readRow = ({ wire, class: on }: Message): Row =>
  on === 'session'
    ? { method: wire, on, route: 'session', access: 'read' }
    : { method: wire, on, route: 'broker', access: 'read' };

const rowOfMessage = (message: Message): Row => {
  const { wire, class: on, does, stage } = message;
  const refuse = (because: string): Row => ({ method: wire, on, route: 'refuse', access: 'read', because });
  if (stage === 'removed' && does?.kind !== 'get-field') return refuse(REMOVED);
  const own = explicit.get(wire);
  if (own !== undefined) return own;
  if (does !== undefined && READS.has(does.kind)) return readRow(message);
  const writable = WRITABLE[on];
  if (does !== undefined && 'field' in does && writable?.fields.split(' ').includes(does.field.name) === true)
    return { method: wire, on, route: 'central', access: writable.access };
  return refuse(REASONS[on] ?? OTHERWISE);
};

const isCarriedOut = (row: Row): boolean => row.route === 'direct' || row.route === 'central';

/** What asks whether something could be done is answered at once, and in the background by a task that has ended already. */
const hasTwin = (row: Row): boolean => isCarriedOut(row) || (row.route === 'broker' && row.on === 'VM');

const messageRows = (message: Message): readonly Row[] => {
  const row = rowOfMessage(message);
  const route = row.route === 'broker' ? 'central' : row.route;
  const twin: Row = { ...row, route, method: `Async.${row.method}`, job: true };
  return message.async && hasTwin(row) ? [row, twin] : [row];
};

const messages = classNames.flatMap((name) => classOf(name)?.messages ?? []);

export const commands: readonly Row[] = [
  ...rows.filter(({ on }) => on === 'system'),
  unknown,
  ...messages.flatMap(messageRows),
];

const byMethod = new Map<string, Row>();
for (const row of commands) {
  if (byMethod.has(row.method)) throw new Error(`two rows for ${row.method}`);
  byMethod.set(row.method, row);
}
for (const { method } of rows) if (!byMethod.has(method)) throw new Error(`${method} is no method of the data model`);

export const rowOf = (method: string): Row | undefined => byMethod.get(method);

/** What system.listMethods answers: what is served and not hidden. */
export const listedMethods: readonly string[] = [
  'system.listMethods',
  ...messages
    .filter(({ wire, hidden, class: on }) => {
      const route = byMethod.get(wire)?.route;
      const own = CLASSES_WITH_OBJECTS.has(on) || on === 'session' || on === 'event';
      return !hidden && own && route !== undefined && route !== 'refuse';
    })
    .map(({ wire }) => wire),
];
