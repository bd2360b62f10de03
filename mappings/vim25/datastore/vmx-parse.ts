/** The text of a `.vmx` file in, the generic VM that it describes out; media are resolved against the datastores. */

import { fault, type Outcome } from '../../generic/faults.ts';
import type { Cdrom, Disk, Floppy, Medium, Nic, ScsiController, Slot, Vm } from '../../generic/model.ts';
import { table } from '../../generic/table.ts';
import { blankVm } from '../central/blank-vm.ts';
import { guestBits, guestOs } from '../guest-os.ts';
import { formatDatastorePath, parseDatastorePath } from '../names.ts';
import { type Datastores, directoryOf, type Place, shownPath } from './tree.ts';
import { BOOT_WORDS } from './vmx.ts';
import type { Attributes } from './vmx-entries.ts';
import { guestIdOfVmx } from './vmx-guest.ts';

const MIB = 1024 * 1024;

/** Where a file name of the .vmx leads; undefined: to no file that is there. */
const mediumOf = (name: string, vmPlace: Place, all: Datastores): { medium: Medium; place: Place } | undefined => {
  const place = ((): Place | undefined => {
    if (name.startsWith('[')) {
      const at = parseDatastorePath(name);
      const tree = at && all.trees.find(({ storage }) => storage.doc.name === at.datastore);
      return tree && at && { tree, path: at.path };
    }
    if (!name.startsWith('/')) {
      const path = parseDatastorePath(`[] ${directoryOf(vmPlace.path)}/${name}`)?.path;
      return path === undefined ? undefined : { tree: vmPlace.tree, path };
    }
    for (const tree of all.trees) {
      const { name: datastore, path: mount } = tree.storage.doc;
      for (const prefix of [`/vmfs/volumes/${datastore}/`, `${mount}/`]) {
        const path = name.startsWith(prefix) ? parseDatastorePath(`[] ${name.slice(prefix.length)}`)?.path : undefined;
        if (path !== undefined) return { tree, path };
      }
    }
    return undefined;
  })();
  const node = place?.tree.nodes.get(place.path);
  if (!place || node?.kind !== 'volume') return undefined;
  const { storage } = place.tree;
  return {
    place,
    medium: { storageName: storage.doc.name, storage: storage.id, volume: node.volume.id, volumeName: node.name },
  };
};

const SCSI_MODELS = table<ScsiController['model']>({
  lsilogic: 'lsilogic',
  lsisas1068: 'lsisas',
  pvscsi: 'pvscsi',
  buslogic: 'buslogic',
});

const NIC_MODELS = table<Nic['model']>({
  e1000: 'e1000',
  e1000e: 'e1000e',
  vmxnet3: 'vmxnet3',
  vmxnet: 'vmxnet3',
  vlance: 'rtl8139',
});

const uuidOf = (text: string | undefined): string | undefined => {
  const hex = (text ?? '').replace(/[\s-]/g, '').toLowerCase();
  return /^[0-9a-f]{32}$/.test(hex) ? hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') : undefined;
};

const numberIn = (entries: Attributes, key: string, otherwise: number): number => {
  const text = entries.get(key);
  return text !== undefined && /^[0-9]{1,9}$/.test(text) ? Number(text) : otherwise;
};

const isTrue = (entries: Attributes, key: string): boolean => entries.get(key)?.toLowerCase() === 'true';

interface Devices {
  readonly scsiControllers: ScsiController[];
  readonly disks: Disk[];
  readonly cdroms: Cdrom[];
  readonly floppies: Floppy[];
}

/** Controllers of the SCSI bus, some of which are ours in disguise. */
const scsiOf = (entries: Attributes): { controllers: ScsiController[]; slot(n: number, unit: number): Slot } => {
  const controllers: ScsiController[] = [];
  const virtio: number[] = [];
  for (let n = 0; n < 4; n++) {
    if (!isTrue(entries, `scsi${n}.present`)) continue;
    const model =
      entries.get(`transvisor.scsi${n}.model`) === 'virtio-scsi'
        ? 'virtio-scsi'
        : SCSI_MODELS[entries.get(`scsi${n}.virtualdev`) ?? 'lsilogic'];
    if (entries.get(`transvisor.scsi${n}.bus`) === 'virtio') virtio.push(n);
    else controllers.push({ ordinal: n, model: model ?? 'lsilogic' });
  }
  const slot = (n: number, unit: number): Slot =>
    virtio.includes(n) ? { bus: 'virtio', controller: virtio.indexOf(n), unit } : { bus: 'scsi', controller: n, unit };
  return { controllers, slot };
};

const UNITS = { scsi: 16, ide: 2, sata: 30, nvme: 15 } as const;
const CONTROLLERS = { scsi: 4, ide: 2, sata: 4, nvme: 4 } as const;

const devicesOf = (entries: Attributes, vmPlace: Place, all: Datastores): Outcome<Devices> => {
  const scsi = scsiOf(entries);
  const found: Devices = { scsiControllers: scsi.controllers, disks: [], cdroms: [], floppies: [] };
  for (const bus of ['scsi', 'ide', 'sata', 'nvme'] as const) {
    for (let n = 0; n < CONTROLLERS[bus]; n++) {
      for (let unit = 0; unit < UNITS[bus]; unit++) {
        const at = `${bus}${n}:${unit}`;
        if (!isTrue(entries, `${at}.present`)) continue;
        const slot = bus === 'scsi' ? scsi.slot(n, unit) : { bus, controller: n, unit };
        const type = (entries.get(`${at}.devicetype`) ?? 'disk').toLowerCase();
        const name = entries.get(`transvisor.${at}.filename`) ?? entries.get(`${at}.filename`) ?? '';
        const file = mediumOf(name, vmPlace, all);
        if (type.includes('cdrom')) {
          found.cdroms.push({ slot, ...(type === 'cdrom-image' && file ? { medium: file.medium } : {}) });
          continue;
        }
        if (!file) {
          const path = formatDatastorePath(vmPlace.tree.storage.doc.name, `${directoryOf(vmPlace.path)}/${name}`);
          return { ok: false, fault: fault('file-not-found', { path }, '') };
        }
        found.disks.push({
          slot,
          medium: file.medium,
          capacityBytes: 0,
          thin: true,
          readOnly: false,
          shareable: entries.get(`${at}.sharing`)?.toLowerCase() === 'multi-writer',
          persistent: !/nonpersistent/i.test(entries.get(`${at}.mode`) ?? ''),
        });
      }
    }
  }
  for (let unit = 0; unit < 2; unit++) {
    if (!isTrue(entries, `floppy${unit}.present`)) continue;
    const file = mediumOf(entries.get(`floppy${unit}.filename`) ?? '', vmPlace, all);
    found.floppies.push({ slot: { bus: 'fdc', controller: 0, unit }, ...(file ? { medium: file.medium } : {}) });
  }
  return { ok: true, value: found };
};

const nicsOf = (entries: Attributes, newMac: () => string): Nic[] => {
  const nics: Nic[] = [];
  for (let n = 0; n < 10; n++) {
    const at = `ethernet${n}`;
    if (!isTrue(entries, `${at}.present`)) continue;
    const fixed = (entries.get(`${at}.addresstype`) ?? 'generated').toLowerCase() === 'static';
    const written =
      entries.get(fixed ? `${at}.address` : `${at}.generatedaddress`) ?? entries.get(`${at}.address`) ?? '';
    const mac = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(written) ? written.toLowerCase() : newMac();
    const model = NIC_MODELS[(entries.get(`${at}.virtualdev`) ?? 'vlance').toLowerCase()] ?? 'e1000';
    nics.push({
      ordinal: nics.length,
      mac,
      macGenerated: !fixed,
      model: entries.get(`transvisor.${at}.model`) === 'virtio' ? 'virtio' : model,
      networkName: entries.get(`${at}.networkname`) ?? '',
      connected: entries.get(`${at}.startconnected`)?.toLowerCase() !== 'false',
    });
  }
  return nics;
};

/** Keys that became fields of the VM; all others are kept as they are, as extraConfig. */
const STRUCTURAL =
  /^(\.encoding|config\.version|virtualhw\.version|displayname|guestos|uuid\.(bios|location)|vc\.uuid|annotation|memsize|numvcpus|cpuid\.corespersocket|vcpu\.hotadd|mem\.hotadd|firmware|uefi\.secureboot\.enabled|bios\.bootorder|(scsi|ide|sata|nvme|floppy|ethernet|serial)[0-9]+[.:].*|transvisor\..*)$/;

export interface VmxContext {
  readonly all: Datastores;
  /** Where the file lies. */
  readonly place: Place;
  readonly newUuid: () => string;
  readonly newMac: () => string;
}

export const vmOfVmx = (entries: Attributes, { all, place, newUuid, newMac }: VmxContext): Outcome<Vm> => {
  const devices = devicesOf(entries, place, all);
  if (!devices.ok) return devices;
  const guestId = guestIdOfVmx(entries.get('guestos') ?? 'other') ?? 'otherGuest';
  const instanceUuid = uuidOf(entries.get('vc.uuid'));
  const cpuCount = Math.max(1, numberIn(entries, 'numvcpus', 1));
  const memoryBytes = Math.max(4, numberIn(entries, 'memsize', 32)) * MIB;
  const boot = (entries.get('bios.bootorder') ?? '')
    .split(',')
    .map((word) => word.trim().replace(/^ethernet\d+$/, 'ethernet0'));
  const bootOrder = (Object.keys(BOOT_WORDS) as (keyof typeof BOOT_WORDS)[]).filter((device) =>
    boot.includes(BOOT_WORDS[device]),
  );
  bootOrder.sort((a, b) => boot.indexOf(BOOT_WORDS[a]) - boot.indexOf(BOOT_WORDS[b]));
  const blank = blankVm();
  const attribute = (key: string, value: string) => ({ owner: 'vim25', key, value });
  const hardware = /^[0-9]{1,2}$/.test(entries.get('virtualhw.version') ?? '')
    ? Number(entries.get('virtualhw.version'))
    : 13;
  return {
    ok: true,
    value: {
      ...blank,
      ...devices.value,
      name: entries.get('displayname') ?? '',
      uuid: uuidOf(entries.get('uuid.bios')) ?? newUuid(),
      ...(instanceUuid === undefined ? {} : { instanceUuid }),
      description: entries.get('annotation') ?? '',
      firmware: entries.get('firmware')?.toLowerCase() === 'efi' ? 'efi' : 'bios',
      secureBoot: isTrue(entries, 'uefi.secureboot.enabled'),
      cpuCount,
      cpuMax: cpuCount,
      coresPerSocket: Math.max(1, numberIn(entries, 'cpuid.corespersocket', 1)),
      memoryBytes,
      memoryMaxBytes: memoryBytes,
      cpuHotAdd: isTrue(entries, 'vcpu.hotadd'),
      memoryHotAdd: isTrue(entries, 'mem.hotadd'),
      osId: guestOs.toGeneric(guestId) ?? '',
      bits: guestBits(guestId),
      bootOrder: bootOrder.length > 0 ? bootOrder : blank.bootOrder,
      nics: nicsOf(entries, newMac),
      serialPorts: [0, 1, 2, 3].filter((n) => isTrue(entries, `serial${n}.present`)).length,
      attributes: [
        attribute('vmPathName', shownPath(place)),
        attribute('guestId', guestId),
        attribute('version', `vmx-${String(hardware).padStart(2, '0')}`),
        ...[...entries.spelled()]
          .filter(([key]) => !STRUCTURAL.test(key.toLowerCase()))
          .map(([key, text]) => attribute(key, text)),
      ],
    },
  };
};
