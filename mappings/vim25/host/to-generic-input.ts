/** A native object in, the input of its to-generic sheet out: `<in>` with `<x>` for what had to be computed, and the host's own documents. */
import type { HostControl } from '../../generic/model.ts';
import type { NativeObject } from '../../generic/native.ts';
import { uuidFrom } from '../../generic/uuid.ts';
import { volumeNameOf } from '../../generic/volume-path.ts';
import { element } from '../../wire/markup.ts';
import type { XmlElement } from '../../wire/xml.ts';
import { unescapeName } from '../names.ts';
import { formatOf, machineInput } from './machine-input.ts';
import { all, at, flagAt, numberAt, partOf, textAt, timeAt } from './native-tree.ts';

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;

/** A VMFS has an id that is no UUID (`5f3a-..`): what is none is made into one. */
const storageUuid = (datastore: XmlElement, native: string): string => {
  const told = textAt(datastore, 'info', 'vmfs', 'uuid') || textAt(datastore, 'summary', 'url');
  return UUID.exec(told)?.[0].toLowerCase() ?? uuidFrom('storage', told === '' ? native : told);
};

const storageKind = (type: string): string => {
  if (/^nfs/i.test(type)) return 'nfs';
  if (/^(vmfs|vsan|vvol|pmem)$/i.test(type)) return 'block';
  return 'local';
};

const storageInput = (object: NativeObject): string => {
  const datastore = partOf(object, 'datastore');
  const capacity = numberAt(datastore, 'summary', 'capacity') ?? 0;
  const free = numberAt(datastore, 'summary', 'freeSpace') ?? 0;
  const x = element('x', {
    name: unescapeName(textAt(datastore, 'name')),
    uuid: storageUuid(datastore, object.native),
    kind: storageKind(textAt(datastore, 'summary', 'type').trim()),
    // Thin disks may be promised more than there is (vcsim 0.46 counts below nothing).
    available: Math.max(0, free),
    allocation: Math.min(capacity, Math.max(0, capacity - free)),
    accessible: flagAt(datastore, 'summary', 'accessible'),
  });
  return `<in>${x}${object.parts['datastore']}</in>`;
};

const volumeInput = (object: NativeObject): string => {
  const file = partOf(object, 'file');
  const { facts } = object;
  const path = String(facts['path']);
  const x = element('x', {
    name: volumeNameOf(path),
    storageName: unescapeName(String(facts['datastore'])),
    path: `[${String(facts['datastore'])}] ${path}`,
    format: formatOf(path),
    capacity: Number(facts['capacity'] ?? 0),
    allocation: Number(facts['size'] ?? 0),
    modified: timeAt(file, 'modification'),
  });
  return `<in>${x}${object.parts['file']}</in>`;
};

const networkInput = (object: NativeObject): string => {
  const network = partOf(object, 'network');
  const vlan = object.facts['vlan'] ?? numberAt(network, 'config', 'defaultPortConfig', 'vlan', 'vlanId');
  const x = element('x', {
    name: unescapeName(textAt(network, 'name')),
    uuid: uuidFrom('network', object.native),
    bridge: String(object.facts['bridge'] ?? ''),
    vlan,
  });
  return `<in>${x}${object.parts['network']}</in>`;
};

const nicsInput = (hosts: readonly XmlElement[]): string =>
  hosts
    .flatMap((host) => all(at(host, 'config', 'network'), 'pnic'))
    .map((nic) =>
      element('nic', {
        name: textAt(nic, 'device'),
        mac: textAt(nic, 'mac').toLowerCase(),
        driver: textAt(nic, 'driver'),
        pci: textAt(nic, 'pci'),
        link: numberAt(nic, 'linkSpeed', 'speedMb') ?? 0,
        duplex: flagAt(nic, 'linkSpeed', 'duplex'),
      }),
    )
    .join('');

/** A vCenter is shown as one host with everything that its hosts have together; cards have the same names on each, and are the first one's. */
const CONTROLS: readonly HostControl[] = ['maintenance', 'power'];

const hostInput = (object: NativeObject): string => {
  const about = partOf(object, 'about');
  const parts = Object.keys(object.parts).filter((part) => part.startsWith('host:'));
  const hosts = parts.map((part) => partOf(object, part));
  const [first] = hosts;
  const hardware = (host: XmlElement | undefined, member: string): number =>
    numberAt(host, 'summary', 'hardware', member) ?? 0;
  const sum = (member: string): number => hosts.reduce((total, host) => total + hardware(host, member), 0);
  const isUp = (host: XmlElement): boolean => textAt(host, 'runtime', 'connectionState').trim() === 'connected';
  const isCenter = textAt(about, 'apiType') === 'VirtualCenter';
  const serial = all(at(first, 'summary', 'hardware'), 'otherIdentifyingInfo').find(
    (info) => textAt(info, 'identifierType', 'key') === 'ServiceTag',
  );
  const uuid = isCenter ? textAt(about, 'instanceUuid') : textAt(first, 'summary', 'hardware', 'uuid');
  const cpuModel = textAt(first, 'summary', 'hardware', 'cpuModel');
  const booted = hosts.flatMap((host) => timeAt(host, 'runtime', 'bootTime') ?? []);
  const most = hosts.map((host) => numberAt(host, 'capability', 'maxSupportedVcpus') ?? 0);
  const dns = at(first, 'config', 'network', 'dnsConfig');
  const x = element(
    'x',
    {
      name: isCenter ? textAt(about, 'name') : textAt(first, 'name'),
      uuid: UUID.test(uuid) ? uuid.toLowerCase() : uuidFrom('host', uuid),
      vendor: textAt(first, 'summary', 'hardware', 'vendor'),
      model: textAt(first, 'summary', 'hardware', 'model'),
      serial: textAt(serial, 'identifierValue'),
      cpuModel,
      cpuVendor: /amd/i.test(cpuModel) ? 'AMD' : /intel/i.test(cpuModel) ? 'Intel' : '',
      cpuMhz: hardware(first, 'cpuMhz'),
      packages: sum('numCpuPkgs'),
      cores: sum('numCpuCores'),
      threads: sum('numCpuThreads'),
      nodes: hosts.reduce((total, host) => total + (numberAt(host, 'hardware', 'numaInfo', 'numNodes') || 1), 0),
      memory: sum('memorySize'),
      vmCpuMax: Math.max(0, ...most) || 128,
      domain: textAt(dns, 'domainName'),
      booted: booted.length === 0 ? 0 : Math.min(...booted),
      connected: object.facts['connected'] !== false && hosts.some(isUp),
      maintenance: hosts.length > 0 && hosts.every((host) => flagAt(host, 'runtime', 'inMaintenanceMode')),
    },
    all(dns, 'address')
      .map(({ text }) => element('dns', { address: text }))
      .join('') +
      // Of several hosts behind one address none is the one that is meant.
      (hosts.length === 1 ? CONTROLS.map((name) => element('control', { name })).join('') : '') +
      nicsInput(hosts.slice(0, 1)),
  );
  return `<in>${x}${object.parts['about']}${parts.map((part) => object.parts[part]).join('')}</in>`;
};

export const toGenericInput = (object: NativeObject): string => {
  switch (object.kind) {
    case 'vm':
      return machineInput(object);
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
