/** The fields of each generic type, in order: what `documents.ts` writes and reads. The types themselves are in `model.ts`. */
import type {
  Cdrom,
  Disk,
  DocumentKind,
  Floppy,
  ForeignAttribute,
  GuestAddress,
  GuestFacts,
  Host,
  Medium,
  Network,
  Nic,
  PhysicalNic,
  ScsiController,
  Share,
  Slot,
  Snapshot,
  Storage,
  Vm,
  Volume,
} from './model.ts';

/** `s` text, `n` number, `b` boolean; a name means that struct; `[item, element]` an array and the element each item becomes. */
export type FieldType = 's' | 'n' | 'b' | StructName | readonly ['s' | StructName, string];

interface Structs {
  Slot: Slot;
  Medium: Medium;
  Disk: Disk;
  Cdrom: Cdrom;
  Floppy: Floppy;
  ScsiController: ScsiController;
  Nic: Nic;
  GuestAddress: GuestAddress;
  GuestFacts: GuestFacts;
  ForeignAttribute: ForeignAttribute;
  Snapshot: Snapshot;
  Share: Share;
  Vnc: NonNullable<Vm['vnc']>;
  Vm: Vm;
  PhysicalNic: PhysicalNic;
  Host: Host;
  Storage: Storage;
  Volume: Volume;
  Portgroup: Network['portgroups'][number];
  Network: Network;
}
export type StructName = keyof Structs;

type Schema = { readonly [N in StructName]: { readonly [F in keyof Required<Structs[N]>]: FieldType } };

export const SCHEMA = {
  Slot: { bus: 's', controller: 'n', unit: 'n' },
  Medium: { storageName: 's', storage: 's', volume: 's', volumeName: 's', path: 's', format: 's' },
  Disk: {
    id: 's',
    slot: 'Slot',
    device: 's',
    medium: 'Medium',
    capacityBytes: 'n',
    allocationBytes: 'n',
    thin: 'b',
    readOnly: 'b',
    shareable: 'b',
    persistent: 'b',
    uuid: 's',
  },
  Cdrom: { slot: 'Slot', device: 's', medium: 'Medium' },
  Floppy: { slot: 'Slot', device: 's', medium: 'Medium' },
  ScsiController: { ordinal: 'n', model: 's' },
  Nic: {
    id: 's',
    ordinal: 'n',
    mac: 's',
    macGenerated: 'b',
    model: 's',
    network: 's',
    networkName: 's',
    connected: 'b',
    mtu: 'n',
    vlan: 'n',
  },
  GuestAddress: { mac: 's', address: 's', prefix: 'n' },
  GuestFacts: {
    toolsInstalled: 'b',
    toolsRunning: 'b',
    hostName: 's',
    osName: 's',
    addresses: ['GuestAddress', 'address'],
  },
  ForeignAttribute: { owner: 's', key: 's', value: 's' },
  Snapshot: {
    id: 's',
    native: 's',
    name: 's',
    description: 's',
    createdMs: 'n',
    powerState: 's',
    hasMemory: 'b',
    quiesced: 'b',
    parent: 's',
    current: 'b',
  },
  Share: { reservation: 'n', limit: 'n', shares: 'n' },
  Vnc: { listen: 's', port: 'n' },
  Vm: {
    id: 's',
    name: 's',
    nativeName: 's',
    uuid: 's',
    instanceUuid: 's',
    description: 's',
    powerState: 's',
    permanent: 'b',
    template: 'b',
    autostart: 'b',
    firmware: 's',
    secureBoot: 'b',
    cpuCount: 'n',
    cpuMax: 'n',
    coresPerSocket: 'n',
    memoryBytes: 'n',
    memoryMaxBytes: 'n',
    cpuHotAdd: 'b',
    memoryHotAdd: 'b',
    osId: 's',
    bits: 'n',
    bootOrder: ['s', 'boot'],
    scsiControllers: ['ScsiController', 'scsiController'],
    disks: ['Disk', 'disk'],
    cdroms: ['Cdrom', 'cdrom'],
    floppies: ['Floppy', 'floppy'],
    nics: ['Nic', 'nic'],
    vnc: 'Vnc',
    serialPorts: 'n',
    guest: 'GuestFacts',
    cpuShare: 'Share',
    memoryShare: 'Share',
    attributes: ['ForeignAttribute', 'attribute'],
    snapshots: ['Snapshot', 'snapshot'],
    createdMs: 'n',
    startedMs: 'n',
    modifiedMs: 'n',
  },
  PhysicalNic: { name: 's', mac: 's', driver: 's', pci: 's', linkMbps: 'n', duplex: 'b' },
  Host: {
    id: 's',
    name: 's',
    uuid: 's',
    vendor: 's',
    model: 's',
    serial: 's',
    cpuModel: 's',
    cpuVendor: 's',
    cpuMhz: 'n',
    cpuPackages: 'n',
    cpuCores: 'n',
    cpuThreads: 'n',
    numaNodes: 'n',
    memoryBytes: 'n',
    vmCpuMax: 'n',
    hypervisor: 's',
    hypervisorVersion: 's',
    domain: 's',
    dnsServers: ['s', 'dnsServer'],
    timeZone: 's',
    bootedMs: 'n',
    connected: 'b',
    maintenance: 'b',
    controls: ['s', 'control'],
    nics: ['PhysicalNic', 'nic'],
  },
  Storage: {
    id: 's',
    name: 's',
    uuid: 's',
    kind: 's',
    path: 's',
    remoteHost: 's',
    remotePath: 's',
    capacityBytes: 'n',
    allocationBytes: 'n',
    availableBytes: 'n',
    accessible: 'b',
    autostart: 'b',
  },
  Volume: {
    id: 's',
    name: 's',
    storageName: 's',
    path: 's',
    format: 's',
    capacityBytes: 'n',
    allocationBytes: 'n',
    backingPath: 's',
    modifiedMs: 'n',
  },
  Portgroup: { name: 's', vlan: 'n' },
  Network: {
    id: 's',
    name: 's',
    uuid: 's',
    bridge: 's',
    mode: 's',
    active: 'b',
    autostart: 'b',
    mtu: 'n',
    portgroups: ['Portgroup', 'portgroup'],
    uplinks: ['s', 'uplink'],
  },
} as const satisfies Schema;

export const STRUCT_OF = {
  host: 'Host',
  vm: 'Vm',
  storage: 'Storage',
  volume: 'Volume',
  network: 'Network',
} as const satisfies Record<DocumentKind, StructName>;
