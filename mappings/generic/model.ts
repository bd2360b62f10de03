/** The generic object model: the union of what the platforms know of a host, its VMs, storage and networks. Bytes, milliseconds, UTC. */
import type { HubId } from './ids.ts';

export type PowerState = 'running' | 'paused' | 'suspended' | 'stopped';
export type Bus = 'ide' | 'sata' | 'scsi' | 'virtio' | 'nvme' | 'usb' | 'fdc';
export type ScsiModel = 'lsilogic' | 'lsisas' | 'pvscsi' | 'buslogic' | 'virtio-scsi';
export type NicModel = 'e1000' | 'e1000e' | 'vmxnet3' | 'virtio' | 'rtl8139' | 'other';

/** Where a device sits. `controller` is the ordinal of the controller of that bus, `unit` the place on it. */
export interface Slot {
  bus: Bus;
  controller: number;
  unit: number;
}

/** A volume as a disk or CD-ROM names it. `volume` is set when the store knows the volume; `path` is the host's own path. */
export interface Medium {
  /** Display name of the storage, '' when the medium lies outside every storage. */
  storageName: string;
  storage?: HubId;
  volume?: HubId;
  /** Volume name inside the storage, as the host spells it. */
  volumeName?: string;
  path?: string;
  format?: string;
}

export interface Disk {
  id?: HubId;
  slot: Slot;
  /** The host's own device name (libvirt `vda`), kept so that a change finds its element again. */
  device?: string;
  medium: Medium;
  capacityBytes: number;
  allocationBytes?: number;
  thin: boolean;
  readOnly: boolean;
  shareable: boolean;
  /** false: changes are discarded at power-off. */
  persistent: boolean;
  uuid?: string;
}

export interface Cdrom {
  slot: Slot;
  device?: string;
  /** Absent: the drive is empty. */
  medium?: Medium;
}

export interface Floppy {
  slot: Slot;
  device?: string;
  medium?: Medium;
}

export interface ScsiController {
  ordinal: number;
  model: ScsiModel;
}

export interface Nic {
  id?: HubId;
  ordinal: number;
  mac: string;
  macGenerated: boolean;
  model: NicModel;
  network?: HubId;
  /** Display name of the network, '' when unknown to the hub (user-mode, direct). */
  networkName: string;
  connected: boolean;
  mtu?: number;
  vlan?: number;
}

export interface GuestAddress {
  mac: string;
  address: string;
  prefix: number;
}

export interface GuestFacts {
  toolsInstalled: boolean;
  toolsRunning: boolean;
  hostName?: string;
  osName?: string;
  addresses: GuestAddress[];
}

/** An attribute that the host itself has no place for, kept in the host's own metadata (or in `own`). */
export interface ForeignAttribute {
  /** The API that owns it, such as the front that wrote it. */
  owner: string;
  key: string;
  value: string;
}

export interface Snapshot {
  id?: HubId;
  /** The host's own name of it, unique in the VM. */
  native: string;
  name: string;
  description: string;
  createdMs: number;
  powerState: PowerState;
  hasMemory: boolean;
  quiesced: boolean;
  parent?: string;
  current: boolean;
}

export type BootDevice = 'disk' | 'cdrom' | 'network' | 'floppy';

export interface Share {
  reservation?: number;
  limit?: number;
  shares?: number;
}

export interface Vm {
  id?: HubId;
  /** Display name: the hub's, not the host's slug. */
  name: string;
  /** The host's own name of it (libvirt domain name). */
  nativeName: string;
  uuid: string;
  instanceUuid?: string;
  description: string;
  powerState: PowerState;
  /** false: the definition is gone when it stops. */
  permanent: boolean;
  template: boolean;
  autostart: boolean;
  firmware: 'bios' | 'efi';
  secureBoot: boolean;
  cpuCount: number;
  /** The most CPUs it can have while running. */
  cpuMax: number;
  coresPerSocket: number;
  memoryBytes: number;
  /** The most memory it can have while running. */
  memoryMaxBytes: number;
  cpuHotAdd: boolean;
  memoryHotAdd: boolean;
  /** The operating system by libosinfo short id ('debian12'), '' when unknown. */
  osId: string;
  bits: 32 | 64;
  bootOrder: BootDevice[];
  scsiControllers: ScsiController[];
  disks: Disk[];
  cdroms: Cdrom[];
  floppies: Floppy[];
  nics: Nic[];
  /** VNC display, when it has one. port -1: chosen at start. */
  vnc?: { listen: string; port: number };
  serialPorts: number;
  guest: GuestFacts;
  cpuShare: Share;
  memoryShare: Share;
  attributes: ForeignAttribute[];
  snapshots: Snapshot[];
  createdMs?: number;
  startedMs?: number;
  modifiedMs?: number;
}

export interface PhysicalNic {
  name: string;
  mac: string;
  driver: string;
  pci: string;
  linkMbps: number;
  duplex: boolean;
}

/**
 * What not every host's API lets be done. Of the host itself: maintenance as a state of its own; reboot and shutdown. Of its machines: disks
 * that move to another storage while they run.
 */
export type HostControl = 'maintenance' | 'power' | 'liveMoves';

export interface Host {
  id?: HubId;
  name: string;
  uuid: string;
  vendor: string;
  model: string;
  serial: string;
  cpuModel: string;
  cpuVendor: string;
  cpuMhz: number;
  cpuPackages: number;
  cpuCores: number;
  cpuThreads: number;
  numaNodes: number;
  memoryBytes: number;
  /** The most CPUs one VM can have. */
  vmCpuMax: number;
  hypervisor: string;
  hypervisorVersion: string;
  domain: string;
  dnsServers: string[];
  timeZone: string;
  bootedMs: number;
  connected: boolean;
  maintenance: boolean;
  controls: HostControl[];
  nics: PhysicalNic[];
}

export interface Storage {
  id?: HubId;
  name: string;
  uuid: string;
  kind: 'local' | 'block' | 'nfs' | 'other';
  path: string;
  remoteHost?: string;
  remotePath?: string;
  capacityBytes: number;
  allocationBytes: number;
  availableBytes: number;
  accessible: boolean;
  autostart: boolean;
}

export interface Volume {
  id?: HubId;
  /** As the host spells it. */
  name: string;
  storageName: string;
  path: string;
  format: string;
  capacityBytes: number;
  allocationBytes: number;
  backingPath?: string;
  modifiedMs?: number;
}

export interface Network {
  id?: HubId;
  name: string;
  uuid: string;
  bridge: string;
  mode: 'bridge' | 'nat' | 'route' | 'isolated' | 'open' | 'other';
  active: boolean;
  autostart: boolean;
  mtu?: number;
  portgroups: { name: string; vlan: number }[];
  uplinks: string[];
}

/** The generic document of each kind that has one. */
export interface Documents {
  host: Host;
  vm: Vm;
  storage: Storage;
  volume: Volume;
  network: Network;
}
export type DocumentKind = keyof Documents;
