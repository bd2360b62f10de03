/** Names and what differs in; hub documents of one small KVM host out, for tests of what clients change. */
import type { HubId } from '../../mappings/generic/ids.ts';
import type { Host, Network, Storage, Volume } from '../../mappings/generic/model.ts';

export const GIB = 1024 ** 3;
export const MIB = 1024 ** 2;

export const hostDocOf = (id: HubId): Host => ({
  id,
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
  controls: [],
  nics: [],
});

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

export const networkDocOf = (name: string): Network => ({
  name,
  uuid: `uuid-of-${name}`,
  bridge: 'virbr0',
  mode: 'nat',
  active: true,
  autostart: true,
  portgroups: [],
  uplinks: [],
});

export const volumeDoc = (name: string, more: Partial<Volume> = {}): Volume => ({
  name,
  storageName: 'default',
  path: `/srv/default/${name}`,
  format: 'qcow2',
  capacityBytes: 10 * GIB,
  allocationBytes: GIB,
  ...more,
});
