/** A generic host to the input of `from-generic/host.xsl`: what pool, host, its CPUs, interfaces, control domain, templates and storage managers need beyond the document. */
import { formatDocument } from '../../generic/documents.ts';
import type { Host } from '../../generic/model.ts';
import type { FrontInstance, Joins } from '../../generic/platform.ts';
import { element, type Scalars } from '../../wire/markup.ts';
import { API_VERSION, CAPABILITIES, RESTRICTIONS, softwareVersion } from '../about.ts';
import { addressOf } from '../address.ts';
import { DEFAULT_TEMPLATES } from '../default-templates.ts';
import { refOf, uuidOf, xenId } from '../ids.ts';
import { allowedOperations } from '../lifecycle.ts';
import { STORAGE_MANAGERS } from '../storage-kinds.ts';
import { bootParams, platformOf } from './hardware.ts';
import { dateTime, entries } from './markup.ts';

const GIB = 1024 ** 3;
/** The most that the API's own hosts give one VM, for hosts that do not say. */
const MEMORY_MOST = 1024 * GIB;

const recommendationsOf = (host: Host): string =>
  `<restrictions><restriction field="memory-static-max" max="${host.memoryBytes || MEMORY_MOST}"/>` +
  `<restriction field="vcpus-max" max="${host.vmCpuMax}"/>` +
  '<restriction property="number-of-vbds" max="255"/><restriction property="number-of-vifs" max="16"/>' +
  '<restriction field="allow-gpu-passthrough" value="0"/></restrictions>';

const cpuInfo = (host: Host): Record<string, string> => ({
  cpu_count: String(host.cpuThreads),
  socket_count: String(host.cpuPackages),
  threads_per_core: String(Math.max(1, Math.floor(host.cpuThreads / Math.max(1, host.cpuCores)))),
  vendor: host.cpuVendor,
  speed: String(host.cpuMhz),
  modelname: host.cpuModel,
  family: '0',
  model: '0',
  stepping: '0',
  flags: '',
  features: '',
  features_pv: '',
  features_hvm: '',
  features_hvm_host: '',
  features_pv_host: '',
});

const biosStrings = (host: Host): Record<string, string> => ({
  'system-manufacturer': host.vendor,
  'system-product-name': host.model,
  'system-serial-number': host.serial,
});

/** Only addresses are one: a name is no answer to what a card's address is. */
const isAddress = (text: string): boolean => /^\d+\.\d+\.\d+\.\d+$/.test(text);

/** One of them is the management interface; a host that tells of none still has it. */
const interfacesInput = (host: Host, joins: Joins, front: FrontInstance): string => {
  const nics =
    host.nics.length > 0 ? host.nics : [{ name: '', mac: '', driver: '', pci: '', linkMbps: 0, duplex: false }];
  const address = addressOf(front);
  return nics
    .map((nic, at) => {
      const id = xenId('PIF', joins.host, at);
      const metrics = xenId('PIF_metrics', joins.host, at);
      const network = xenId('network', joins.host, at);
      const isFirst = at === 0;
      return element('interface', {
        ref: refOf(id, front),
        uuid: uuidOf(id, front),
        metrics: refOf(metrics, front),
        metricsUuid: uuidOf(metrics, front),
        network: refOf(network, front),
        networkUuid: uuidOf(network, front),
        device: nic.name,
        mac: nic.mac.toLowerCase(),
        management: isFirst,
        mode: isFirst ? 'Static' : 'None',
        ip: isFirst && isAddress(address) ? address : '',
        speed: nic.linkMbps,
        duplex: nic.duplex,
        carrier: nic.linkMbps > 0,
        driver: nic.driver,
        pci: nic.pci,
      });
    })
    .join('');
};

const cpusInput = (host: Host, joins: Joins, front: FrontInstance): string => {
  let out = '';
  for (let number = 0; number < host.cpuThreads; number++) {
    const id = xenId('host_cpu', joins.host, number);
    out += element('cpu', { ref: refOf(id, front), uuid: uuidOf(id, front), number });
  }
  return out;
};

/** They are the same for every host; what a VM can have at most is the host's. */
const templatesInput = (host: Host, joins: Joins, front: FrontInstance): string =>
  DEFAULT_TEMPLATES.map(({ part, vm, otherConfig }) => {
    const id = xenId('VM', joins.host, part);
    const ref = refOf(id, front);
    const operations = allowedOperations({
      ref,
      state: 'Halted',
      isTemplate: true,
      isDefaultTemplate: true,
      isSnapshot: false,
      isControlDomain: false,
      blocked: {},
    });
    return element(
      'template',
      {
        ref,
        uuid: uuidOf(id, front),
        name: vm.name,
        description: vm.description,
        memory: vm.memoryBytes,
        cpus: vm.cpuCount,
        cpuMax: vm.cpuMax,
        recommendations: recommendationsOf(host),
      },
      operations.map((operation) => element('operation', { name: operation })).join('') +
        entries('HVM_boot_params', bootParams(vm)) +
        entries('platform', platformOf(vm)) +
        entries('other_config', otherConfig),
    );
  }).join('');

const managersInput = (joins: Joins, front: FrontInstance): string =>
  STORAGE_MANAGERS.map(({ type, name, description, configuration, features }, at) => {
    const id = xenId('SM', joins.host, at);
    return element(
      'manager',
      { ref: refOf(id, front), uuid: uuidOf(id, front), type, name, description },
      entries('configuration', configuration) +
        features.map((feature) => element('feature', { name: feature })).join(''),
    );
  }).join('');

export const hostInput = (host: Host, joins: Joins, front: FrontInstance): string => {
  const own = (cls: string): Scalars => {
    const id = xenId(cls, joins.host);
    return { [`${cls}Ref`]: refOf(id, front), [`${cls}Uuid`]: uuidOf(id, front) };
  };
  const booted = host.bootedMs > 0 ? { boot_time: `${Math.floor(host.bootedMs / 1000)}.` } : {};
  const x = element(
    'x',
    {
      ...own('pool'),
      ...own('host'),
      ...own('host_metrics'),
      ...own('VM'),
      ...own('VM_metrics'),
      ...own('SR'),
      ...own('PBD'),
      uuid: host.uuid || uuidOf(xenId('host', joins.host), front),
      name: host.name,
      hostname: host.name.split('.')[0],
      address: addressOf(front),
      major: API_VERSION.major,
      minor: API_VERSION.minor,
      apiVendor: API_VERSION.vendor,
      enabled: host.connected && !host.maintenance,
      booted: dateTime(Math.max(host.bootedMs, 0)),
    },
    [
      entries('software_version', softwareVersion(host)),
      entries('cpu_info', cpuInfo(host)),
      entries('bios_strings', biosStrings(host)),
      entries('restrictions', RESTRICTIONS),
      entries('other_config', {
        ...booted,
        ...(host.bootedMs > 0 ? { agent_start_time: `${Math.floor(host.bootedMs / 1000)}.` } : {}),
      }),
      CAPABILITIES.map((name) => element('capability', { name })).join(''),
      cpusInput(host, joins, front),
      interfacesInput(host, joins, front),
      templatesInput(host, joins, front),
      managersInput(joins, front),
    ].join(''),
  );
  return `<in>${formatDocument('host', host)}${x}</in>`;
};
