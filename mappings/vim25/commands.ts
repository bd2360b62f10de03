/** The command table of vim25 as a standalone ESXi host: one row a method; every method of the API that has none is refused, with the reason. */
import type { Row } from '../generic/call.ts';
import { methodNames, methodOf } from './types.ts';

const rows = [
  // Service and session
  { method: 'RetrieveServiceContent', on: 'ServiceInstance', route: 'session', access: 'none' },
  { method: 'CurrentTime', on: 'ServiceInstance', route: 'session', access: 'read' },
  { method: 'Login', on: 'SessionManager', route: 'session', access: 'none' },
  { method: 'Logout', on: 'SessionManager', route: 'session', access: 'read' },
  { method: 'AcquireCloneTicket', on: 'SessionManager', route: 'session', access: 'read' },
  { method: 'CloneSession', on: 'SessionManager', route: 'session', access: 'none' },
  { method: 'SessionIsActive', on: 'SessionManager', route: 'broker', access: 'read' },
  { method: 'SetLocale', on: 'SessionManager', route: 'broker', access: 'read' },
  { method: 'TerminateSession', on: 'SessionManager', route: 'broker', access: 'admin' },

  // Property collection
  { method: 'Fetch', on: 'ManagedObject', route: 'broker', access: 'read' },
  { method: 'RetrieveProperties', on: 'PropertyCollector', route: 'broker', access: 'read' },
  { method: 'RetrievePropertiesEx', on: 'PropertyCollector', route: 'broker', access: 'read' },
  { method: 'ContinueRetrievePropertiesEx', on: 'PropertyCollector', route: 'broker', access: 'read' },
  { method: 'CancelRetrievePropertiesEx', on: 'PropertyCollector', route: 'broker', access: 'read' },
  { method: 'CreateFilter', on: 'PropertyCollector', route: 'broker', access: 'read' },
  { method: 'CreatePropertyCollector', on: 'PropertyCollector', route: 'broker', access: 'read' },
  { method: 'DestroyPropertyCollector', on: 'PropertyCollector', route: 'broker', access: 'read' },
  { method: 'CheckForUpdates', on: 'PropertyCollector', route: 'broker', access: 'read' },
  { method: 'WaitForUpdates', on: 'PropertyCollector', route: 'broker', access: 'read' },
  { method: 'WaitForUpdatesEx', on: 'PropertyCollector', route: 'broker', access: 'read' },
  { method: 'CancelWaitForUpdates', on: 'PropertyCollector', route: 'broker', access: 'read' },
  { method: 'DestroyPropertyFilter', on: 'PropertyFilter', route: 'broker', access: 'read' },

  // Views
  { method: 'CreateContainerView', on: 'ViewManager', route: 'broker', access: 'read' },
  { method: 'CreateListView', on: 'ViewManager', route: 'broker', access: 'read' },
  { method: 'CreateListViewFromView', on: 'ViewManager', route: 'broker', access: 'read' },
  { method: 'CreateInventoryView', on: 'ViewManager', route: 'broker', access: 'read' },
  { method: 'ModifyListView', on: 'ListView', route: 'broker', access: 'read' },
  { method: 'ResetListView', on: 'ListView', route: 'broker', access: 'read' },
  { method: 'ResetListViewFromView', on: 'ListView', route: 'broker', access: 'read' },
  { method: 'OpenInventoryViewFolder', on: 'InventoryView', route: 'broker', access: 'read' },
  { method: 'CloseInventoryViewFolder', on: 'InventoryView', route: 'broker', access: 'read' },
  { method: 'DestroyView', on: 'View', route: 'broker', access: 'read' },

  // Search
  { method: 'FindByUuid', on: 'SearchIndex', route: 'broker', access: 'read' },
  { method: 'FindByInventoryPath', on: 'SearchIndex', route: 'broker', access: 'read' },
  { method: 'FindChild', on: 'SearchIndex', route: 'broker', access: 'read' },
  { method: 'FindByDnsName', on: 'SearchIndex', route: 'broker', access: 'read' },
  { method: 'FindByIp', on: 'SearchIndex', route: 'broker', access: 'read' },
  { method: 'FindByDatastorePath', on: 'SearchIndex', route: 'broker', access: 'read' },
  { method: 'FindAllByUuid', on: 'SearchIndex', route: 'broker', access: 'read' },
  { method: 'FindAllByDnsName', on: 'SearchIndex', route: 'broker', access: 'read' },
  { method: 'FindAllByIp', on: 'SearchIndex', route: 'broker', access: 'read' },

  // Tasks and events
  { method: 'CancelTask', on: 'Task', route: 'broker', access: 'operate' },
  { method: 'QueryEvents', on: 'EventManager', route: 'broker', access: 'read' },
  { method: 'CreateCollectorForEvents', on: 'EventManager', route: 'broker', access: 'read' },
  { method: 'RetrieveArgumentDescription', on: 'EventManager', route: 'broker', access: 'read' },
  { method: 'PostEvent', on: 'EventManager', route: 'broker', access: 'operate' },
  { method: 'LogUserEvent', on: 'EventManager', route: 'broker', access: 'operate' },
  { method: 'ReadNextEvents', on: 'EventHistoryCollector', route: 'broker', access: 'read' },
  { method: 'ReadPreviousEvents', on: 'EventHistoryCollector', route: 'broker', access: 'read' },
  { method: 'SetCollectorPageSize', on: 'HistoryCollector', route: 'broker', access: 'read' },
  { method: 'RewindCollector', on: 'HistoryCollector', route: 'broker', access: 'read' },
  { method: 'ResetCollector', on: 'HistoryCollector', route: 'broker', access: 'read' },
  { method: 'DestroyCollector', on: 'HistoryCollector', route: 'broker', access: 'read' },

  // Performance
  { method: 'QueryPerfProviderSummary', on: 'PerformanceManager', route: 'broker', access: 'read' },
  { method: 'QueryAvailablePerfMetric', on: 'PerformanceManager', route: 'broker', access: 'read' },
  { method: 'QueryPerfCounter', on: 'PerformanceManager', route: 'broker', access: 'read' },
  { method: 'QueryPerfCounterByLevel', on: 'PerformanceManager', route: 'broker', access: 'read' },
  { method: 'QueryPerf', on: 'PerformanceManager', route: 'broker', access: 'read' },

  // Catalogues and administration, read only
  { method: 'QueryConfigOption', on: 'EnvironmentBrowser', route: 'broker', access: 'read' },
  { method: 'QueryConfigOptionEx', on: 'EnvironmentBrowser', route: 'broker', access: 'read' },
  { method: 'QueryConfigOptionDescriptor', on: 'EnvironmentBrowser', route: 'broker', access: 'read' },
  { method: 'QueryConfigTarget', on: 'EnvironmentBrowser', route: 'broker', access: 'read' },
  { method: 'QueryTargetCapabilities', on: 'EnvironmentBrowser', route: 'broker', access: 'read' },
  { method: 'QueryOptions', on: 'OptionManager', route: 'broker', access: 'read' },
  { method: 'QueryDateTime', on: 'HostDateTimeSystem', route: 'broker', access: 'read' },
  { method: 'HasPrivilegeOnEntity', on: 'AuthorizationManager', route: 'broker', access: 'read' },
  { method: 'HasPrivilegeOnEntities', on: 'AuthorizationManager', route: 'broker', access: 'read' },
  { method: 'FetchUserPrivilegeOnEntities', on: 'AuthorizationManager', route: 'broker', access: 'read' },
  { method: 'RetrieveEntityPermissions', on: 'AuthorizationManager', route: 'broker', access: 'read' },
  { method: 'RetrieveAllPermissions', on: 'AuthorizationManager', route: 'broker', access: 'read' },
  { method: 'RetrieveRolePermissions', on: 'AuthorizationManager', route: 'broker', access: 'read' },
  { method: 'DecodeLicense', on: 'LicenseManager', route: 'broker', access: 'read' },

  // Power
  { method: 'PowerOnVM_Task', on: 'VirtualMachine', route: 'direct', access: 'operate', verb: 'vm.start', job: true },
  { method: 'PowerOffVM_Task', on: 'VirtualMachine', route: 'direct', access: 'operate', verb: 'vm.stop', job: true },
  { method: 'ResetVM_Task', on: 'VirtualMachine', route: 'direct', access: 'operate', verb: 'vm.reset', job: true },
  { method: 'SuspendVM_Task', on: 'VirtualMachine', route: 'direct', access: 'operate', verb: 'vm.suspend', job: true },
  { method: 'ShutdownGuest', on: 'VirtualMachine', route: 'direct', access: 'operate', verb: 'vm.shutdownGuest' },
  // Must fail with ToolsUnavailable where no tools run, which is data of the VM.
  { method: 'RebootGuest', on: 'VirtualMachine', route: 'central', access: 'operate', verb: 'vm.rebootGuest' },
  // The default standbyAction of a VM is 'checkpoint': standby suspends it.
  { method: 'StandbyGuest', on: 'VirtualMachine', route: 'direct', access: 'operate', verb: 'vm.suspend' },
  { method: 'PowerOnMultiVM_Task', on: 'Datacenter', route: 'central', access: 'operate', job: true },

  // Virtual machines
  { method: 'CreateVM_Task', on: 'Folder', route: 'central', access: 'operate', verb: 'vm.create', job: true },
  {
    method: 'CreateChildVM_Task',
    on: 'ResourcePool',
    route: 'central',
    access: 'operate',
    verb: 'vm.create',
    job: true,
  },
  { method: 'RegisterVM_Task', on: 'Folder', route: 'central', access: 'operate', job: true },
  { method: 'UnregisterVM', on: 'VirtualMachine', route: 'central', access: 'operate' },
  {
    method: 'ReconfigVM_Task',
    on: 'VirtualMachine',
    route: 'central',
    access: 'operate',
    verb: 'vm.change',
    job: true,
  },
  { method: 'CloneVM_Task', on: 'VirtualMachine', route: 'central', access: 'operate', verb: 'vm.clone', job: true },
  { method: 'Destroy_Task', on: 'ManagedEntity', route: 'central', access: 'operate', job: true },
  { method: 'Rename_Task', on: 'ManagedEntity', route: 'central', access: 'operate', job: true },
  { method: 'Reload', on: 'ManagedEntity', route: 'central', access: 'read' },
  { method: 'MarkAsTemplate', on: 'VirtualMachine', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'MarkAsVirtualMachine', on: 'VirtualMachine', route: 'central', access: 'operate', verb: 'vm.change' },
  { method: 'AnswerVM', on: 'VirtualMachine', route: 'central', access: 'operate' },
  { method: 'RefreshStorageInfo', on: 'VirtualMachine', route: 'central', access: 'read' },
  { method: 'AcquireTicket', on: 'VirtualMachine', route: 'central', access: 'operate' },
  { method: 'CreateScreenshot_Task', on: 'VirtualMachine', route: 'central', access: 'operate', job: true },

  // Snapshots
  {
    method: 'CreateSnapshot_Task',
    on: 'VirtualMachine',
    route: 'central',
    access: 'operate',
    verb: 'snapshot.create',
    job: true,
  },
  {
    method: 'CreateSnapshotEx_Task',
    on: 'VirtualMachine',
    route: 'central',
    access: 'operate',
    verb: 'snapshot.create',
    job: true,
  },
  {
    method: 'RevertToCurrentSnapshot_Task',
    on: 'VirtualMachine',
    route: 'central',
    access: 'operate',
    verb: 'snapshot.revert',
    job: true,
  },
  {
    method: 'RemoveAllSnapshots_Task',
    on: 'VirtualMachine',
    route: 'central',
    access: 'operate',
    verb: 'snapshot.deleteAll',
    job: true,
  },
  {
    method: 'RevertToSnapshot_Task',
    on: 'VirtualMachineSnapshot',
    route: 'central',
    access: 'operate',
    verb: 'snapshot.revert',
    job: true,
  },
  {
    method: 'RemoveSnapshot_Task',
    on: 'VirtualMachineSnapshot',
    route: 'central',
    access: 'operate',
    verb: 'snapshot.delete',
    job: true,
  },
  {
    method: 'RenameSnapshot',
    on: 'VirtualMachineSnapshot',
    route: 'central',
    access: 'operate',
    verb: 'snapshot.rename',
  },

  // Host, storage, network
  { method: 'AddVirtualSwitch', on: 'HostNetworkSystem', route: 'central', access: 'admin', verb: 'network.create' },
  { method: 'UpdateVirtualSwitch', on: 'HostNetworkSystem', route: 'central', access: 'admin' },
  { method: 'RemoveVirtualSwitch', on: 'HostNetworkSystem', route: 'central', access: 'admin', verb: 'network.delete' },
  { method: 'AddPortGroup', on: 'HostNetworkSystem', route: 'central', access: 'admin', verb: 'network.addPortgroup' },
  { method: 'UpdatePortGroup', on: 'HostNetworkSystem', route: 'central', access: 'admin' },
  {
    method: 'RemovePortGroup',
    on: 'HostNetworkSystem',
    route: 'central',
    access: 'admin',
    verb: 'network.removePortgroup',
  },
  { method: 'RefreshNetworkSystem', on: 'HostNetworkSystem', route: 'central', access: 'read' },
  {
    method: 'CreateNasDatastore',
    on: 'HostDatastoreSystem',
    route: 'central',
    access: 'admin',
    verb: 'storage.create',
  },
  {
    method: 'CreateLocalDatastore',
    on: 'HostDatastoreSystem',
    route: 'central',
    access: 'admin',
    verb: 'storage.create',
  },
  { method: 'RemoveDatastore', on: 'HostDatastoreSystem', route: 'central', access: 'admin', verb: 'storage.delete' },
  { method: 'RescanAllHba', on: 'HostStorageSystem', route: 'central', access: 'operate' },
  { method: 'RescanHba', on: 'HostStorageSystem', route: 'central', access: 'operate' },
  { method: 'RescanVmfs', on: 'HostStorageSystem', route: 'central', access: 'operate' },
  { method: 'RefreshStorageSystem', on: 'HostStorageSystem', route: 'central', access: 'operate' },
  { method: 'RefreshDatastore', on: 'Datastore', route: 'direct', access: 'operate', verb: 'storage.refresh' },
  {
    method: 'RefreshDatastoreStorageInfo',
    on: 'Datastore',
    route: 'direct',
    access: 'operate',
    verb: 'storage.refresh',
  },
  { method: 'SearchDatastore_Task', on: 'HostDatastoreBrowser', route: 'central', access: 'read', job: true },
  { method: 'SearchDatastoreSubFolders_Task', on: 'HostDatastoreBrowser', route: 'central', access: 'read', job: true },
  {
    method: 'ReconfigureAutostart',
    on: 'HostAutoStartManager',
    route: 'central',
    access: 'operate',
    verb: 'vm.setAutostart',
  },
  {
    method: 'CreateVirtualDisk_Task',
    on: 'VirtualDiskManager',
    route: 'central',
    access: 'operate',
    verb: 'volume.create',
    job: true,
  },
  {
    method: 'DeleteVirtualDisk_Task',
    on: 'VirtualDiskManager',
    route: 'central',
    access: 'operate',
    verb: 'volume.delete',
    job: true,
  },
  {
    method: 'CopyVirtualDisk_Task',
    on: 'VirtualDiskManager',
    route: 'central',
    access: 'operate',
    verb: 'volume.copy',
    job: true,
  },
  { method: 'MoveVirtualDisk_Task', on: 'VirtualDiskManager', route: 'central', access: 'operate', job: true },
  {
    method: 'ExtendVirtualDisk_Task',
    on: 'VirtualDiskManager',
    route: 'central',
    access: 'operate',
    verb: 'volume.resize',
    job: true,
  },
  { method: 'QueryVirtualDiskUuid', on: 'VirtualDiskManager', route: 'central', access: 'read' },
  { method: 'MakeDirectory', on: 'FileManager', route: 'central', access: 'operate' },
  { method: 'DeleteDatastoreFile_Task', on: 'FileManager', route: 'central', access: 'operate', job: true },
  { method: 'MoveDatastoreFile_Task', on: 'FileManager', route: 'central', access: 'operate', job: true },
  { method: 'CopyDatastoreFile_Task', on: 'FileManager', route: 'central', access: 'operate', job: true },

  // Refused by ESXi itself, or by us for a reason of its own
  {
    method: 'CreateCollectorForTasks',
    on: 'TaskManager',
    route: 'refuse',
    access: 'read',
    because: 'a standalone ESXi host keeps no task history',
  },
  {
    method: 'CreateDatacenter',
    on: 'Folder',
    route: 'refuse',
    access: 'admin',
    because: 'a standalone ESXi host has one datacenter',
  },
  {
    method: 'CreateFolder',
    on: 'Folder',
    route: 'refuse',
    access: 'admin',
    because: 'a standalone ESXi host has its fixed folders only',
  },
  {
    method: 'MoveIntoFolder_Task',
    on: 'Folder',
    route: 'refuse',
    access: 'admin',
    because: 'a standalone ESXi host has its fixed folders only',
  },
  { method: 'CreateResourcePool', on: 'ResourcePool', route: 'broker', access: 'operate' },
  { method: 'UpdateConfig', on: 'ResourcePool', route: 'broker', access: 'operate' },
  { method: 'DestroyChildren', on: 'ResourcePool', route: 'broker', access: 'operate' },
  { method: 'MoveIntoResourcePool', on: 'ResourcePool', route: 'broker', access: 'operate' },
  {
    method: 'UpdateOptions',
    on: 'OptionManager',
    route: 'refuse',
    access: 'admin',
    because: 'advanced settings are facts of the host',
  },
  {
    method: 'AcquireLocalTicket',
    on: 'SessionManager',
    route: 'refuse',
    access: 'none',
    because: 'it proves access to files of the host itself',
  },
  { method: 'LoginByToken', on: 'SessionManager', route: 'refuse', access: 'none', because: 'no single sign-on' },
  { method: 'LoginBySSPI', on: 'SessionManager', route: 'refuse', access: 'none', because: 'no single sign-on' },
  {
    method: 'LoginExtensionByCertificate',
    on: 'SessionManager',
    route: 'refuse',
    access: 'none',
    because: 'no extensions on a standalone host',
  },
  {
    method: 'LoginExtensionBySubjectName',
    on: 'SessionManager',
    route: 'refuse',
    access: 'none',
    because: 'no extensions on a standalone host',
  },
] as const satisfies readonly Row[];

/** Why a whole type is refused; the longest reason list first met wins: the type itself, then '*'. */
const REASONS: Readonly<Record<string, string>> = {
  AlarmManager: 'a standalone ESXi host has no alarms',
  Alarm: 'a standalone ESXi host has no alarms',
  ClusterComputeResource: 'a standalone ESXi host is in no cluster',
  CustomFieldsManager: 'custom fields are a service of vCenter',
  CustomizationSpecManager: 'customization is a service of vCenter',
  DistributedVirtualSwitch: 'distributed switches are a service of vCenter',
  DistributedVirtualPortgroup: 'distributed switches are a service of vCenter',
  ExtensionManager: 'extensions are a service of vCenter',
  GuestAuthManager: 'guest operations need an agent we do not drive yet',
  GuestFileManager: 'guest operations need an agent we do not drive yet',
  GuestProcessManager: 'guest operations need an agent we do not drive yet',
  HttpNfcLease: 'import and export of appliances is not built yet',
  OvfManager: 'import and export of appliances is not built yet',
  ScheduledTaskManager: 'scheduled tasks are a service of vCenter',
  ScheduledTask: 'scheduled tasks are a service of vCenter',
  StorageResourceManager: 'storage DRS is a service of vCenter',
  VirtualApp: 'hosts have no appliances of several machines',
  VirtualMachine: 'hosts have no such operation in the hub yet',
  HostSystem: 'the host itself is administered with its own tools',
};
const OTHERWISE = 'not part of what this front serves';

const withRow = new Set<string>(rows.map(({ method }) => method));

const refusal = (method: string): Row => {
  const on = methodOf(method)?.owner ?? 'ManagedObject';
  const because = REASONS[on] ?? (on.startsWith('Host') ? REASONS['HostSystem'] : undefined) ?? OTHERWISE;
  return { method, on, route: 'refuse', access: 'read', because };
};

export const commands: readonly Row[] = [
  ...rows,
  ...methodNames()
    .filter((name) => !withRow.has(name))
    .map(refusal),
];

const byMethod = new Map<string, Row>();
for (const row of commands) {
  if (byMethod.has(row.method)) throw new Error(`two rows for ${row.method}`);
  byMethod.set(row.method, row);
}

export const rowOf = (method: string): Row | undefined => byMethod.get(method);
