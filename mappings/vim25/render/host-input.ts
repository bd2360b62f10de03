/** A generic host with its networks and storages to the input of `from-generic/host.xsl`. */
import { formatDocument } from '../../generic/documents.ts';
import type { Host } from '../../generic/model.ts';
import type { FrontInstance, Joins } from '../../generic/platform.ts';
import { element } from '../../wire/markup.ts';
import { about } from '../about.ts';
import { CONFIG_MANAGER } from '../ids.ts';
import { escapeName } from '../names.ts';
import { firewallInput } from './firewall-rules.ts';
import { dateTime } from './markup.ts';

const MIB = 1024 * 1024;

/** The certificate's text as the signed bytes of HostConfigInfo.certificate. */
const certificateInput = (pem: string): string => {
  let out = '';
  for (let n = 0; n < pem.length; n++) out += element('byte', { value: (pem.charCodeAt(n) << 24) >> 24 });
  return out;
};

const packagesInput = (host: Host): string => {
  const perPackage = Math.max(1, Math.floor(host.cpuThreads / Math.max(1, host.cpuPackages)));
  const vendor = /amd/i.test(host.cpuVendor) ? 'amd' : 'intel';
  let out = '';
  for (let index = 0; index < host.cpuPackages; index++) {
    let threads = '';
    for (let n = 0; n < perPackage; n++) threads += element('thread', { id: index * perPackage + n });
    out += element('package', { index, vendor }, threads);
  }
  return out;
};

export const hostInput = (host: Host, joins: Joins, front: FrontInstance): string => {
  const totalMhz = host.cpuMhz * host.cpuCores;
  const inner = [
    ...Object.entries(about(front.uuid)).map(([member, value]) => element('about', { member, value })),
    ...Object.entries(CONFIG_MANAGER).map(([member, ref]) =>
      element('manager', { member, type: ref.type, moid: ref.value }),
    ),
    packagesInput(host),
    ...joins.networks.map(({ id, name }) => element('network', { id, name: escapeName(name) })),
    ...joins.storages.map(({ name, path }) => element('storage', { name: escapeName(name), path })),
    certificateInput(front.certificate),
    firewallInput(),
  ].join('');
  const x = element(
    'x',
    {
      port: front.port,
      thumbprint: front.options['thumbprint'],
      numNics: host.nics.length,
      hz: host.cpuMhz * 1_000_000,
      totalMhz,
      memoryMB: Math.floor(host.memoryBytes / MIB),
      hyperThread: host.cpuThreads > host.cpuCores,
      hostName: host.name.split('.')[0] ?? host.name,
      connection: host.connected ? 'connected' : 'notResponding',
      status: host.connected ? 'green' : 'red',
      power: host.connected ? 'poweredOn' : 'unknown',
      timeZone: host.timeZone || 'UTC',
      bootTime: host.bootedMs > 0 ? dateTime(host.bootedMs) : undefined,
    },
    inner,
  );
  return `<in>${formatDocument('host', host)}${x}</in>`;
};
