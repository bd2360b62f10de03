/** The objects of a host in memory, and how clients refer to them. */
import { type HubId, hubId } from '../../../../mappings/generic/ids.ts';
import type { Host, Network, Storage, Vm, Volume } from '../../../../mappings/generic/model.ts';
import { blankVm } from '../../../../mappings/xenapi/default-templates.ts';
import { refOf, xenId } from '../../../../mappings/xenapi/ids.ts';
import { vbdId, vifId } from '../../../../mappings/xenapi/seats.ts';

export const GIB = 1024 ** 3;
export const MIB = 1024 ** 2;
export const HOST = hubId('host', 1);
export const POOL = hubId('storage', 2);
export const NETWORK = hubId('network', 3);
export const WEB = hubId('vm', 10);
export const SNAPSHOT = hubId('snapshot', 11);
export const VOLUME = hubId('volume', 20);
export const SPARE = hubId('volume', 21);
export const ISO = hubId('volume', 22);
export const NOW = Date.UTC(2024, 4, 5, 6, 7, 8);

export const front = {
  name: 'xenapi@local',
  platform: 'xenapi',
  host: HOST,
  hostName: 'local',
  uuid: '6f1f7f4e-8c55-4f0c-9a3b-0f6f2f6f2f6f',
  certificate: '',
  port: 443,
  options: {},
};

export const ref = (cls: string, owner: HubId, part = 0): string => refOf(xenId(cls, owner, part), front);
export const vbd = (userdevice: number, owner: HubId = WEB): string => refOf(vbdId(owner, userdevice), front);
export const vif = (mac: string): string => refOf(vifId(WEB, mac), front);
export const TEMPLATE = ref('VM', HOST, 1);
export const DOM0 = ref('VM', HOST);
export const NULL = 'OpaqueRef:NULL';

export const hostDoc: Host = {
  id: HOST,
  name: 'kvm1.example',
  uuid: '11111111-2222-3333-4444-555555555555',
  vendor: 'v',
  model: 'm',
  serial: 's',
  cpuModel: 'c',
  cpuVendor: 'Intel',
  cpuMhz: 2000,
  cpuPackages: 1,
  cpuCores: 8,
  cpuThreads: 16,
  numaNodes: 1,
  memoryBytes: 64 * GIB,
  vmCpuMax: 64,
  hypervisor: 'QEMU',
  hypervisorVersion: '7.2',
  domain: '',
  dnsServers: [],
  timeZone: 'UTC',
  bootedMs: 0,
  connected: true,
  maintenance: false,
  nics: [],
};

export const storageDoc = (name: string, more: Partial<Storage> = {}): Storage => ({
  name,
  uuid: `uuid-of-${name}`,
  kind: 'local',
  path: `/srv/${name}`,
  capacityBytes: 1000 * GIB,
  allocationBytes: 0,
  availableBytes: 100 * GIB,
  accessible: true,
  autostart: true,
  ...more,
});

export const networkDoc: Network = {
  name: 'lan',
  uuid: 'uuid-of-lan',
  bridge: 'virbr0',
  mode: 'nat',
  active: true,
  autostart: true,
  portgroups: [],
  uplinks: [],
};

export const volumeDoc = (name: string, more: Partial<Volume> = {}): Volume => ({
  name,
  storageName: 'default',
  path: `/srv/default/${name}`,
  format: 'qcow2',
  capacityBytes: 10 * GIB,
  allocationBytes: GIB,
  ...more,
});

/** `web`: one paravirtual disk, an empty CD-ROM drive, a card, a snapshot. */
export const webDoc = (more: Partial<Vm> = {}): Vm => ({
  ...blankVm(),
  name: 'web',
  nativeName: 'web',
  uuid: 'aaaaaaaa-1111-2222-3333-444444444444',
  cpuCount: 2,
  cpuMax: 2,
  memoryBytes: GIB,
  memoryMaxBytes: GIB,
  disks: [
    {
      slot: { bus: 'virtio', controller: 0, unit: 0 },
      device: 'vda',
      medium: {
        storageName: 'default',
        storage: POOL,
        volume: VOLUME,
        volumeName: 'web.qcow2',
        path: '/srv/default/web.qcow2',
      },
      capacityBytes: 10 * GIB,
      thin: true,
      readOnly: false,
      shareable: false,
      persistent: true,
    },
  ],
  cdroms: [{ slot: { bus: 'ide', controller: 1, unit: 1 }, device: 'hdd' }],
  nics: [
    {
      ordinal: 0,
      mac: '52:54:00:00:00:01',
      macGenerated: false,
      model: 'virtio',
      network: NETWORK,
      networkName: 'lan',
      connected: true,
    },
  ],
  attributes: [
    { owner: 'vim25', key: 'guestinfo.a', value: '1' },
    { owner: 'xenapi', key: 'other_config.mine', value: 'kept' },
  ],
  snapshots: [
    {
      id: SNAPSHOT,
      native: 'before',
      name: 'before',
      description: '',
      createdMs: NOW - 1000,
      powerState: 'stopped',
      hasMemory: false,
      quiesced: false,
      current: true,
    },
  ],
  ...more,
});
