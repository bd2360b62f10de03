/** A native object in, the input of its to-generic sheet out: `<in>` with what had to be computed, and the host's own document. */
import type { NativeObject } from '../../generic/native.ts';
import { attributes, type Kept, readKept, wrap } from './markup.ts';
import { storagePath } from './names.ts';
import { imageOf } from './native-vm.ts';
import { mapGet } from './plain.ts';
import { vmInput } from './vm-input.ts';

const textOf = (object: NativeObject, part: string): string => {
  const text = object.parts[part];
  if (text === undefined) throw new Error(`a ${object.kind} without its ${part} document`);
  return text;
};

const LOCAL = new Set(['ext', 'ext4', 'xfs', 'file', 'udev', 'iso']);
const BLOCK = new Set(['lvm', 'lvmoiscsi', 'lvmohba', 'lvmofcoe', 'gfs2', 'rawhba', 'hba', 'linstor', 'zfs']);
const SHARED_FILES = new Set(['nfs', 'smb', 'cephfs', 'moosefs', 'glusterfs']);

const storageKind = (sr: Kept, device: Readonly<Record<string, string>>): string => {
  const type = sr.text('type');
  // A library of ISO images lies where its mount says.
  if (SHARED_FILES.has(type) || (type === 'iso' && mapGet(device, 'type')?.includes('nfs') === true)) return 'nfs';
  if (LOCAL.has(type)) return 'local';
  return BLOCK.has(type) ? 'block' : 'other';
};

const storageInput = (object: NativeObject): string => {
  const text = textOf(object, 'sr');
  const sr = readKept(text);
  const mounts = sr.joined('pbd');
  const device = mounts[0]?.map('device_config') ?? {};
  const [, remoteHost, remotePath] = /^([^:/]+):(\/.*)$/.exec(mapGet(device, 'location') ?? '') ?? [];
  const capacity = Math.max(0, sr.number('physical_size'));
  const allocation = Math.max(0, sr.number('physical_utilisation'));
  return wrap(
    {
      name: String(object.facts['name'] ?? ''),
      kind: storageKind(sr, device),
      path: storagePath(sr.text('uuid')),
      remoteHost: mapGet(device, 'server') ?? remoteHost,
      remotePath: mapGet(device, 'serverpath') ?? remotePath,
      capacity,
      allocation,
      available: Math.max(0, capacity - allocation),
      accessible: mounts.some((mount) => mount.bool('currently_attached')),
    },
    text,
  );
};

const volumeInput = (object: NativeObject): string => {
  const text = textOf(object, 'vdi');
  const { name, storageName, path, format, capacityBytes, allocationBytes } = imageOf(readKept(text));
  return wrap({ name, storageName, path, format, capacity: capacityBytes, allocation: allocationBytes }, text);
};

const networkInput = (object: NativeObject): string => {
  const text = textOf(object, 'network');
  const network = readKept(text);
  const ports = network.joined('pif');
  return wrap(
    {
      name: String(object.facts['name'] ?? ''),
      mode: ports.length > 0 ? 'bridge' : 'isolated',
      mtu: network.number('MTU') || undefined,
    },
    text,
  );
};

const mhz = (speed: Kept | undefined): number => speed?.number('speed') ?? 0;

const hostInput = (object: NativeObject): string => {
  const text = textOf(object, 'host');
  const host = readKept(text);
  const cpu = host.map('cpu_info');
  const software = host.map('software_version');
  const bios = host.map('bios_strings');
  const other = host.map('other_config');
  const [metrics] = host.joined('state');
  const cpus = host.joined('cpu');
  const threads = Math.max(1, Number(mapGet(cpu, 'cpu_count')) || cpus.length);
  const packages = Math.max(1, Number(mapGet(cpu, 'socket_count')) || 1);
  const first = cpus[0];
  const booted = Number(mapGet(other, 'boot_time')) || 0;
  const ports = host.joined('pif').filter((pif) => pif.bool('physical'));
  const dns = host
    .joined('pif')
    .flatMap((pif) => pif.text('DNS').split(','))
    .map((one) => one.trim())
    .filter((one) => one !== '');
  return wrap(
    {
      name: host.text('name_label'),
      vendor: mapGet(bios, 'system-manufacturer') ?? '',
      model: mapGet(bios, 'system-product-name') ?? '',
      serial: mapGet(bios, 'system-serial-number') ?? '',
      cpuModel: mapGet(cpu, 'modelname') ?? first?.text('modelname') ?? '',
      cpuVendor: mapGet(cpu, 'vendor') ?? first?.text('vendor') ?? '',
      cpuMhz: Math.round(Number(mapGet(cpu, 'speed')) || mhz(first)),
      packages,
      cores: Math.max(packages, Number(mapGet(cpu, 'core_count')) || threads),
      threads,
      memory: metrics?.number('memory_total') ?? 0,
      hypervisor: mapGet(software, 'product_brand') ?? 'XenServer',
      version: mapGet(software, 'product_version') ?? '',
      booted: Math.round(booted * 1000),
      connected: object.facts['connected'] !== false,
      maintenance: !host.bool('enabled'),
    },
    [...new Set(dns)].map((server) => `<dns${attributes({ server })}/>`).join('') +
      ports
        .map((pif) => {
          const [link] = pif.joined('link');
          return `<nic${attributes({
            name: pif.text('device'),
            mac: pif.text('MAC'),
            driver: link?.text('device_name') ?? '',
            pci: link?.text('pci_bus_path') ?? '',
            linkMbps: link?.bool('carrier') === true ? link.number('speed') : 0,
            duplex: link?.bool('duplex') === true,
          })}/>`;
        })
        .join('') +
      text,
  );
};

export const toGenericInput = (object: NativeObject): string => {
  switch (object.kind) {
    case 'vm':
      return vmInput(object);
    case 'storage':
      return storageInput(object);
    case 'volume':
      return volumeInput(object);
    case 'network':
      return networkInput(object);
    case 'host':
      return hostInput(object);
    default:
      return object.kind satisfies never;
  }
};
