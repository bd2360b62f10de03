/** The objects of a host in memory, and how clients refer to them. */
import { type HubId, hubId } from '../../../../mappings/generic/ids.ts';
import type { Vm } from '../../../../mappings/generic/model.ts';
import { blankVm } from '../../../../mappings/xenapi/default-templates.ts';
import { refOf, xenId } from '../../../../mappings/xenapi/ids.ts';
import { vbdId, vifId } from '../../../../mappings/xenapi/seats.ts';
import { GIB, hostDocOf, MIB, networkDocOf, storageDoc, volumeDoc } from '../../sample-documents.ts';

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
export const WEB_REF = ref('VM', WEB);
export const SNAPSHOT_REF = ref('VM', SNAPSHOT);
export const SPARE_VDI = ref('VDI', SPARE);
/** Of the card that `web` has. */
export const MAC = '52:54:00:00:00:01';

/** Arguments of VBD.create: the spare disk as the second of `web`. */
export const newDisk = (more: object = {}) => ({
  args: {
    VM: WEB_REF,
    VDI: SPARE_VDI,
    userdevice: '1',
    mode: 'RW',
    type: 'Disk',
    empty: false,
    bootable: false,
    unpluggable: true,
    other_config: {},
    ...more,
  },
});

/** Arguments of VIF.create: a second card of `web`. */
export const newCard = (more: object = {}) => ({
  args: { VM: WEB_REF, network: ref('network', NETWORK), device: '1', MAC: '', MTU: 1500, other_config: {}, ...more },
});

export const hostDoc = hostDocOf(HOST);
export const networkDoc = networkDocOf('lan');
export { GIB, MIB, storageDoc, volumeDoc };

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
      mac: MAC,
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
