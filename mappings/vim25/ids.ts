/** Hub ids in, managed object references out, and back: one row a kind, and the fixed furniture of a standalone ESXi host. */
import { type HubId, hubId, type Kind, kindOf, numberOf, parseHubId } from '../generic/ids.ts';
import { type MoRef, moRef } from './values.ts';

/** Identity of a reference is its type and its value. */
export const sameRef = (left: MoRef, right: MoRef): boolean => left.type === right.type && left.value === right.value;
/** One text for a map key. A type name holds no colon, so it is unambiguous. */
export const refKey = (ref: { readonly type: string; readonly value: string }): string => `${ref.type}:${ref.value}`;
export const refOfKey = (key: string): MoRef => {
  const colon = key.indexOf(':');
  return moRef(key.slice(0, colon), key.slice(colon + 1));
};

/** virsh reads the domain id out of a VM's moid, so that one is the plain integer. */
const ROWS = [
  { kind: 'vm', type: 'VirtualMachine', prefix: '' },
  { kind: 'storage', type: 'Datastore', prefix: 'datastore-' },
  { kind: 'network', type: 'Network', prefix: 'network-' },
  { kind: 'snapshot', type: 'VirtualMachineSnapshot', prefix: 'snapshot-' },
  { kind: 'job', type: 'Task', prefix: 'task-' },
] as const satisfies readonly { kind: Kind; type: string; prefix: string }[];

const rowByKind = new Map<string, (typeof ROWS)[number]>(ROWS.map((row) => [row.kind, row]));
const rowByType = new Map<string, (typeof ROWS)[number]>(ROWS.map((row) => [row.type, row]));

/** Furniture with moids as ESXi gives them. Ansible and govc look for the `ha-` names literally. */
export const FURNITURE = {
  serviceInstance: moRef('ServiceInstance', 'ServiceInstance'),
  rootFolder: moRef('Folder', 'ha-folder-root'),
  datacenter: moRef('Datacenter', 'ha-datacenter'),
  vmFolder: moRef('Folder', 'ha-folder-vm'),
  hostFolder: moRef('Folder', 'ha-folder-host'),
  datastoreFolder: moRef('Folder', 'ha-folder-datastore'),
  networkFolder: moRef('Folder', 'ha-folder-network'),
  computeResource: moRef('ComputeResource', 'ha-compute-res'),
  host: moRef('HostSystem', 'ha-host'),
  rootPool: moRef('ResourcePool', 'ha-root-pool'),
  propertyCollector: moRef('PropertyCollector', 'ha-property-collector'),
  viewManager: moRef('ViewManager', 'ViewManager'),
  sessionManager: moRef('SessionManager', 'ha-sessionmgr'),
  authorizationManager: moRef('AuthorizationManager', 'ha-authmgr'),
  perfManager: moRef('PerformanceManager', 'ha-perfmgr'),
  eventManager: moRef('EventManager', 'ha-eventmgr'),
  taskManager: moRef('TaskManager', 'ha-taskmgr'),
  searchIndex: moRef('SearchIndex', 'ha-searchindex'),
  licenseManager: moRef('LicenseManager', 'ha-license-manager'),
  setting: moRef('OptionManager', 'HostAgentSettings'),
  fileManager: moRef('FileManager', 'ha-nfc-file-manager'),
  virtualDiskManager: moRef('VirtualDiskManager', 'ha-vdiskmanager'),
  datastoreNamespaceManager: moRef('DatastoreNamespaceManager', 'ha-datastore-namespace-manager'),
  environmentBrowser: moRef('EnvironmentBrowser', 'ha-env-browser'),
  datastoreBrowser: moRef('HostDatastoreBrowser', 'ha-host-datastorebrowser'),
  advancedOption: moRef('OptionManager', 'ha-adv-options'),
  networkSystem: moRef('HostNetworkSystem', 'networkSystem'),
  virtualNicManager: moRef('HostVirtualNicManager', 'ha-vnic-mgr'),
  storageSystem: moRef('HostStorageSystem', 'storageSystem'),
  datastoreSystem: moRef('HostDatastoreSystem', 'ha-datastoresystem'),
  serviceSystem: moRef('HostServiceSystem', 'serviceSystem'),
  firewallSystem: moRef('HostFirewallSystem', 'firewallSystem'),
  dateTimeSystem: moRef('HostDateTimeSystem', 'dateTimeSystem'),
  autoStartManager: moRef('HostAutoStartManager', 'ha-autostart-mgr'),
  certificateManager: moRef('HostCertificateManager', 'ha-certificate-manager'),
} as const satisfies Readonly<Record<string, MoRef>>;

/** HostSystem.configManager: exactly these; a sheet that renders it takes them from here. */
export const CONFIG_MANAGER = {
  datastoreSystem: FURNITURE.datastoreSystem,
  storageSystem: FURNITURE.storageSystem,
  networkSystem: FURNITURE.networkSystem,
  virtualNicManager: FURNITURE.virtualNicManager,
  serviceSystem: FURNITURE.serviceSystem,
  firewallSystem: FURNITURE.firewallSystem,
  advancedOption: FURNITURE.advancedOption,
  autoStartManager: FURNITURE.autoStartManager,
  dateTimeSystem: FURNITURE.dateTimeSystem,
  certificateManager: FURNITURE.certificateManager,
} as const satisfies Readonly<Record<string, MoRef>>;

/** The reference of a hub object; undefined for kinds that vim25 shows as no object of its own. A host is HostSystem ha-host. */
export const refOf = (id: HubId): MoRef | undefined => {
  const kind = kindOf(id);
  if (kind === 'host') return FURNITURE.host;
  const row = rowByKind.get(kind);
  return row ? moRef(row.type, `${row.prefix}${numberOf(id)}`) : undefined;
};

/** The hub object a reference names; undefined for furniture and for anything malformed. */
export const hubIdOf = (ref: { readonly type: string; readonly value: string }): HubId | undefined => {
  const row = rowByType.get(ref.type);
  if (!row || !ref.value.startsWith(row.prefix)) return undefined;
  const id = parseHubId(`${row.kind}-${ref.value.slice(row.prefix.length)}`);
  // 017 parses to no id, so every moid has one spelling.
  return id !== undefined && id === hubId(row.kind, numberOf(id)) ? id : undefined;
};

/** Collectors, filters, views and history collectors belong to the session whose key is in their moid. */
export const sessionMoid = (sessionKey: string, uuid: string): string => `session[${sessionKey}]${uuid}`;
