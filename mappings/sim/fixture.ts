/** A simulated host's first state: its name and a number of VMs in; one host, storage and network and the VMs, the same every time. */
import type { Vm } from '../generic/model.ts';
import { guestOf } from './machine/power.ts';
import type { SimState, VmRecord, VolumeRecord } from './machine/state.ts';
import { volumeNative } from './machine/state.ts';
import { newVolume } from './machine/volumes.ts';
import { madeUuid } from './names.ts';

const GIB = 1024 ** 3;
const STORAGE = 'datastore1';
const NETWORK = 'VM Network';
const STORAGE_PATH = `/sim/${STORAGE}`;

const macOf = (name: string, n: number): string => {
  const hex = madeUuid(`${name} mac ${n}`).replaceAll('-', '');
  // Locally administered, and different for every n of one host.
  return [
    '02',
    hex.slice(0, 2),
    hex.slice(2, 4),
    ...[n >>> 16, n >>> 8, n].map((byte) => (byte & 255).toString(16).padStart(2, '0')),
  ].join(':');
};

const SYSTEMS = ['debian12', 'ubuntu22.04', 'fedora39', 'win2k22'] as const;

const vmOf = (host: string, n: number, volume: VolumeRecord, nowMs: number): VmRecord => {
  const uuid = madeUuid(`${host} vm ${n}`);
  const name = `demo-${n}`;
  const running = n <= 2 || (n > 4 && n % 2 === 1);
  const doc: Vm = {
    name,
    nativeName: name,
    uuid,
    description: n === 1 ? 'A simulated VM: nothing of it outlives the program.' : '',
    powerState: running ? 'running' : 'stopped',
    permanent: true,
    template: false,
    autostart: n === 1,
    firmware: n % 2 === 0 ? 'efi' : 'bios',
    secureBoot: false,
    cpuCount: n % 2 === 0 ? 2 : 1,
    cpuMax: 8,
    coresPerSocket: 1,
    memoryBytes: (n % 2 === 0 ? 2 : 1) * GIB,
    memoryMaxBytes: 4 * GIB,
    cpuHotAdd: false,
    memoryHotAdd: false,
    osId: SYSTEMS[(n - 1) % 4] ?? '',
    bits: 64,
    bootOrder: ['disk', 'cdrom', 'network'],
    scsiControllers: [{ ordinal: 0, model: 'pvscsi' }],
    disks: [
      {
        slot: { bus: 'scsi', controller: 0, unit: 0 },
        device: 'sda',
        medium: { storageName: STORAGE, volumeName: volume.doc.name, path: volume.doc.path, format: volume.doc.format },
        capacityBytes: volume.doc.capacityBytes,
        allocationBytes: 0,
        thin: true,
        readOnly: false,
        shareable: false,
        persistent: true,
      },
    ],
    cdroms: [{ slot: { bus: 'ide', controller: 0, unit: 0 }, device: 'hda' }],
    floppies: [],
    nics: [
      { ordinal: 0, mac: macOf(host, n), macGenerated: true, model: 'virtio', networkName: NETWORK, connected: true },
    ],
    vnc: { listen: '127.0.0.1', port: -1 },
    serialPorts: 0,
    guest: { toolsInstalled: true, toolsRunning: false, addresses: [] },
    cpuShare: {},
    memoryShare: {},
    attributes: [],
    snapshots: [],
    createdMs: nowMs,
    modifiedMs: nowMs,
    ...(running ? { startedMs: nowMs } : {}),
  };
  return { native: uuid, doc: { ...doc, guest: guestOf(doc, running) }, saved: new Map(), madeBy: '' };
};

export const fixture = (name: string, vmCount: number, nowMs: number): SimState => {
  const vms = new Map<string, VmRecord>();
  const volumes = new Map<string, VolumeRecord>();
  for (let n = 1; n <= vmCount; n++) {
    const volumeName = `demo-${n}%2fdemo-${n}.vmdk`;
    const native = volumeNative(STORAGE, volumeName);
    const volume: VolumeRecord = {
      native,
      doc: newVolume(STORAGE, STORAGE_PATH, volumeName, 16 * GIB, 'qcow2', nowMs),
      thin: true,
      pages: new Map(),
      madeBy: '',
    };
    volumes.set(native, volume);
    const vm = vmOf(name, n, volume, nowMs);
    vms.set(vm.native, vm);
  }
  const capacityBytes = 2 * 1024 * GIB;
  return {
    host: {
      name: 'localhost.localdomain',
      uuid: madeUuid(`${name} host`),
      vendor: 'Transvisor',
      model: 'Simulated host',
      serial: madeUuid(`${name} serial`).slice(0, 8),
      cpuModel: 'Simulated CPU at 2.40 GHz',
      cpuVendor: 'Intel',
      cpuMhz: 2400,
      cpuPackages: 2,
      cpuCores: 16,
      cpuThreads: 32,
      numaNodes: 2,
      memoryBytes: 128 * GIB,
      vmCpuMax: 128,
      hypervisor: 'sim',
      hypervisorVersion: '1.0.0',
      domain: 'localdomain',
      dnsServers: [],
      timeZone: 'UTC',
      bootedMs: nowMs,
      connected: true,
      maintenance: false,
      controls: ['maintenance'],
      nics: [
        {
          name: 'vmnic0',
          mac: macOf(`${name} host`, 0),
          driver: 'sim',
          pci: '0000:02:00.0',
          linkMbps: 10_000,
          duplex: true,
        },
      ],
    },
    vms,
    volumes,
    storages: new Map([
      [
        STORAGE,
        {
          native: STORAGE,
          doc: {
            name: STORAGE,
            uuid: madeUuid(`${name} storage`),
            kind: 'local',
            path: STORAGE_PATH,
            capacityBytes,
            allocationBytes: 0,
            availableBytes: capacityBytes,
            accessible: true,
            autostart: true,
          },
          madeBy: '',
        },
      ],
    ]),
    networks: new Map([
      [
        NETWORK,
        {
          native: NETWORK,
          doc: {
            name: NETWORK,
            uuid: madeUuid(`${name} network`),
            bridge: 'vSwitch0',
            mode: 'bridge',
            active: true,
            autostart: true,
            portgroups: [],
            uplinks: ['vmnic0'],
          },
          madeBy: '',
        },
      ],
    ]),
    due: new Map(),
    marks: new Set(),
  };
};
