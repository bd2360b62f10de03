/** Everything of a host or vCenter but its VMs, read in one go; and from it the native objects of host, storages and networks. */
import type { NativeObject } from '../../generic/native.ts';
import type { DriverSend } from '../../generic/platform.ts';
import { childOf, childrenOf, escapeText, type XmlElement, XSI_NS } from '../../wire/xml.ts';
import { documentText, READ, refIn, refsIn, type Told, textIn } from './properties.ts';
import { retrieveAll, retrieveThese } from './reading.ts';
import { SERVICE_CONTENT } from './soap-call.ts';

/** There is one host: a vCenter is driven as one, the sum of its own. */
export const HOST_NATIVE = 'host';

export interface Estate {
  readonly about: XmlElement;
  readonly hosts: readonly Told[];
  readonly datastores: readonly Told[];
  readonly networks: readonly Told[];
  readonly switches: readonly Told[];
  readonly datacenters: readonly Told[];
  readonly computes: readonly Told[];
  readonly autostart: Autostart;
}

const TYPES = {
  HostSystem: READ.HostSystem,
  Datastore: READ.Datastore,
  Network: READ.Network,
  DistributedVirtualSwitch: READ.DistributedVirtualSwitch,
  ComputeResource: READ.ComputeResource,
  Datacenter: READ.Datacenter,
};

/** What a type or its subtypes are called: `VmwareDistributedVirtualSwitch`, `ClusterComputeResource`. */
const isA = ({ ref }: Told, type: string): boolean => ref.type.endsWith(type);

export const autostartOf = (manager: Told | undefined): string[] => {
  const config = manager?.values.get('config');
  if (config === undefined) return [];
  return childrenOf(config, 'powerInfo').flatMap((info) => {
    const action = childOf(info, 'startAction')?.text.trim().toLowerCase();
    const vm = refIn(childOf(info, 'key'))?.value;
    return action === 'poweron' && vm !== undefined ? [vm] : [];
  });
};

export interface Autostart {
  /** Moids of the managers there are (vcsim 0.46 names some that it has not). */
  readonly managers: ReadonlySet<string>;
  /** Moids of the VMs that start with their host. */
  readonly vms: ReadonlySet<string>;
}

/** Hosts that are away tell nothing of it. */
export const readAutostart = async (send: DriverSend, hosts: readonly Told[]): Promise<Autostart> => {
  const managers = hosts.flatMap((host) => {
    const found = host.values.get('configManager');
    return refIn(found && childOf(found, 'autoStartManager')) ?? [];
  });
  const told = await retrieveThese(send, managers, { HostAutoStartManager: READ.HostAutoStartManager });
  const there = told.ok ? told.value : [];
  return { managers: new Set(there.map(({ ref }) => ref.value)), vms: new Set(there.flatMap(autostartOf)) };
};

const portgroupsOf = async (send: DriverSend, networks: readonly Told[]): Promise<readonly Told[]> => {
  const refs = networks.filter((told) => isA(told, 'Portgroup')).map(({ ref }) => ref);
  const paths = { DistributedVirtualPortgroup: READ.DistributedVirtualPortgroup };
  const found = await retrieveThese(send, refs, paths);
  return found.ok ? [...networks.filter((told) => !isA(told, 'Portgroup')), ...found.value] : networks;
};

export const readEstate = async (send: DriverSend): Promise<Estate> => {
  const content = await send.call(SERVICE_CONTENT, {}, 'read');
  const about = content.ok && (content.value['elements'] as XmlElement[]).find(({ name }) => name === 'about');
  if (!about) throw new Error('the host does not say what it is');
  const all: Told[] = [];
  for await (const page of retrieveAll(send, TYPES)) all.push(...page);
  const of = (type: string): Told[] => all.filter((told) => isA(told, type));
  const hosts = of('HostSystem');
  const switches = of('DistributedVirtualSwitch');
  // A switch's own way out is no network for VMs.
  const uplinks = new Set(
    switches.flatMap((one) => refsIn(one.values.get('config.uplinkPortgroup')).map(({ value }) => value)),
  );
  const networks = all.filter(
    (told) => (isA(told, 'Network') || isA(told, 'Portgroup')) && !uplinks.has(told.ref.value),
  );
  return {
    about,
    hosts,
    datastores: of('Datastore'),
    networks: await portgroupsOf(send, networks),
    switches,
    datacenters: of('Datacenter'),
    computes: of('ComputeResource'),
    autostart: await readAutostart(send, hosts),
  };
};

const holds = (holder: Told, path: string, { ref }: Told): boolean =>
  refsIn(holder.values.get(path)).some(({ value }) => value === ref.value);

type Facts = Record<string, string | number | boolean>;

const isUp = (host: Told): boolean =>
  textIn(host, 'runtime.connectionState') === 'connected' && textIn(host, 'runtime.inMaintenanceMode') !== 'true';

/** Where a VM with its files in this datastore is made: the folder, the pool and the first of the hosts that mount it. */
const homeFacts = (datastore: Told, { hosts, computes, datacenters }: Estate): Facts => {
  const datacenter = datacenters.find((one) => holds(one, 'datastore', datastore));
  const mounting = hosts.filter((host) => holds(host, 'datastore', datastore));
  const host = mounting.find(isUp) ?? mounting[0];
  const parent = refIn(host?.values.get('parent'));
  const compute = computes.find(({ ref }) => ref.value === parent?.value);
  return {
    datacenter: datacenter?.ref.value ?? '',
    datacenterName: datacenter === undefined ? '' : textIn(datacenter, 'name'),
    vmFolder: refIn(datacenter?.values.get('vmFolder'))?.value ?? '',
    host: host?.ref.value ?? '',
    pool: refIn(compute?.values.get('resourcePool'))?.value ?? '',
    datastoreSystem: managerOf(host, 'datastoreSystem'),
  };
};

const managerOf = (host: Told | undefined, name: string): string => {
  const managers = host?.values.get('configManager');
  return refIn(managers && childOf(managers, name))?.value ?? '';
};

/** Sizes and times that move by themselves stay out: `info` tells only what kind of storage it is. */
const withKindOnly = (told: Told): Told => {
  const info = told.values.get('info');
  if (info === undefined) return told;
  const kind = info.children.filter(({ name }) => name === 'vmfs' || name === 'nas');
  return { ...told, values: new Map([...told.values, ['info', { ...info, children: kind }]]) };
};

export const storageObject = (
  datastore: Told,
  estate: Estate,
  volumes: readonly string[] | undefined,
): NativeObject => ({
  kind: 'storage',
  native: datastore.ref.value,
  parts: { datastore: documentText('Datastore', withKindOnly(datastore), ['name', 'summary', 'info']) },
  facts: {
    ...homeFacts(datastore, estate),
    browser: refIn(datastore.values.get('browser'))?.value ?? '',
  },
  ...(volumes === undefined ? {} : { contains: { kind: 'volume', natives: volumes } }),
});

export const networkNative = ({ type, value }: { type: string; value: string }): string => `${type}:${value}`;

/** What a card on a distributed port group must name; and the VLAN and switch of a plain one. */
const networkFacts = (network: Told, { hosts, switches }: Estate): Facts => {
  const name = textIn(network, 'name');
  if (isA(network, 'Portgroup')) {
    const ref = refIn(network.values.get('config.distributedVirtualSwitch'));
    const found = switches.find((one) => one.ref.value === ref?.value);
    return {
      portgroupKey: textIn(network, 'key'),
      switchUuid: found === undefined ? '' : textIn(found, 'uuid'),
      bridge: found === undefined ? '' : textIn(found, 'name'),
    };
  }
  for (const host of hosts) {
    const config = host.values.get('config.network');
    const group = config && childrenOf(config, 'portgroup').find((one) => specOf(one, 'name') === name);
    if (group)
      return {
        bridge: specOf(group, 'vswitchName'),
        vlan: Number(specOf(group, 'vlanId')) || 0,
        networkSystem: managerOf(host, 'networkSystem'),
      };
  }
  return {};
};

const specOf = (group: XmlElement, member: string): string => {
  const spec = childOf(group, 'spec');
  return (spec && childOf(spec, member)?.text) ?? '';
};

export const networkObject = (network: Told, estate: Estate): NativeObject => ({
  kind: 'network',
  native: networkNative(network.ref),
  parts: { network: documentText('Network', network, ['name', 'config.defaultPortConfig']) },
  facts: networkFacts(network, estate),
});

const HOST_PARTS = [
  'name',
  'summary.hardware',
  'summary.config.product',
  'runtime.connectionState',
  'runtime.inMaintenanceMode',
  'runtime.bootTime',
  'config.network.pnic',
  'config.network.dnsConfig',
  'hardware.numaInfo.numNodes',
  'capability.maxSupportedVcpus',
] as const;

/** Members of `config.network` and `hardware.numaInfo` that are kept, as paths of their own. */
const spread = (host: Told): Told => {
  const values = new Map(host.values);
  const inner = (path: string, member: string): void => {
    const found = values.get(path)?.children.filter(({ name }) => name === member) ?? [];
    const [first] = found;
    if (first === undefined) return;
    values.set(`${path}.${member}`, found.length > 1 || member === 'pnic' ? arrayOf(found, first) : first);
  };
  inner('config.network', 'pnic');
  inner('config.network', 'dnsConfig');
  inner('hardware.numaInfo', 'numNodes');
  return { ...host, values };
};

const arrayOf = (children: readonly XmlElement[], like: XmlElement): XmlElement => ({
  ...like,
  text: '',
  children,
  attributes: [{ ns: XSI_NS, name: 'type', value: 'ArrayOf' }],
});

export const hostObject = ({ about, hosts, autostart }: Estate): NativeObject => {
  const parts: Record<string, string> = {
    about: `<about>${about.children.map(({ name, text }) => `<${name}>${escapeText(text)}</${name}>`).join('')}</about>`,
  };
  for (const host of hosts) parts[`host:${host.ref.value}`] = documentText('HostSystem', spread(host), HOST_PARTS);
  const [first] = hosts;
  return {
    kind: 'host',
    native: HOST_NATIVE,
    parts,
    facts: {
      networkSystem: managerOf(first, 'networkSystem'),
      datastoreSystem: managerOf(first, 'datastoreSystem'),
      ...Object.fromEntries(
        hosts.flatMap((host) => {
          const manager = managerOf(host, 'autoStartManager');
          return autostart.managers.has(manager) ? [[`autoStart:${host.ref.value}`, manager]] : [];
        }),
      ),
      host: first?.ref.value ?? '',
    },
  };
};
