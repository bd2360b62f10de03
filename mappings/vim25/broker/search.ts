/** SearchIndex: identifiers, names, paths and addresses in; references, or nothing, out. Not found is no fault. */
import type { Call, Reply } from '../../generic/call.ts';
import type { HubId } from '../../generic/ids.ts';
import type { Brokered } from '../../generic/platform.ts';
import { FURNITURE as F, refOf, sameRef } from '../ids.ts';
import { parseDatastorePath, unescapeName } from '../names.ts';
import type { MoRef } from '../values.ts';
import { unescapeText } from './managed-object.ts';
import { childrenOf, exists, find, furnish, nameOf, renderAll } from './registry.ts';
import { refuse, value } from './retrieve.ts';
import type { Scope } from './scope.ts';
import { objectNotFound } from './select.ts';

const BATCH = 256;

const same = (left: string, right: string): boolean => left.toLowerCase() === right.toLowerCase();

/** Text of a string property as it is now; '' for unset. */
const textOf = (scope: Scope, ref: MoRef, path: string): string => {
  const property = find(scope, ref)?.property(path);
  return property === undefined || typeof property === 'string' ? '' : unescapeText(property.inner);
};

/** VMs whose document satisfies the test, rendered in batches. */
function* vmsWhere(scope: Scope, test: (ref: MoRef) => boolean, limit: number): Brokered<MoRef[]> {
  const found: MoRef[] = [];
  const ids = scope.context.store.list('vm', scope.host).map(({ id }) => id);
  for (let from = 0; from < ids.length && found.length < limit; from += BATCH) {
    const batch = ids.slice(from, from + BATCH);
    yield* renderAll(scope, batch);
    for (const id of batch) {
      const ref = refOf(id);
      if (ref && scope.context.store.entry(id) && test(ref)) found.push(ref);
      if (found.length >= limit) break;
    }
  }
  return found;
}

function* hostsWhere(scope: Scope, test: () => boolean): Brokered<MoRef[]> {
  yield* renderAll(scope, [scope.host]);
  return test() ? [F.host] : [];
}

const inOurDatacenter = (call: Call): boolean => {
  const datacenter = call.args['datacenter'] as MoRef | undefined;
  return datacenter === undefined || sameRef(datacenter, F.datacenter);
};

const argument = (call: Call, name: string): string => String(call.args[name] ?? '');

function* byUuid(scope: Scope, call: Call, limit: number): Brokered<readonly MoRef[]> {
  const uuid = argument(call, 'uuid');
  if (!inOurDatacenter(call) || uuid === '') return [];
  if (call.args['vmSearch'] !== true)
    return yield* hostsWhere(scope, () => same(textOf(scope, F.host, 'hardware.systemInfo.uuid'), uuid));
  // Every VM's BIOS uuid comes from the scan; an instanceUuid only from the document.
  if (call.args['instanceUuid'] !== true) {
    const ids: HubId[] = [];
    for (const entry of scope.context.store.list('vm', scope.host)) {
      if (same(entry.uuid, uuid)) ids.push(entry.id);
      if (ids.length >= limit) break;
    }
    return ids.map(refOf).filter((ref) => ref !== undefined);
  }
  return yield* vmsWhere(scope, (ref) => same(textOf(scope, ref, 'config.instanceUuid'), uuid), limit);
}

/** Every address of a guest, wherever the document has it. */
const addressesOf = (scope: Scope, ref: MoRef): string => {
  const net = find(scope, ref)?.property('guest.net');
  const listed = net === undefined || typeof net === 'string' ? '' : net.inner;
  return `${listed}<ipAddress>${textOf(scope, ref, 'guest.ipAddress')}</ipAddress>`.toLowerCase();
};

function* byAddress(scope: Scope, call: Call, limit: number): Brokered<readonly MoRef[]> {
  const ip = argument(call, 'ip').toLowerCase();
  if (!inOurDatacenter(call) || !/^[0-9a-f.:]+$/.test(ip)) return [];
  const element = `<ipaddress>${ip}</ipaddress>`;
  if (call.args['vmSearch'] === true)
    return yield* vmsWhere(scope, (ref) => addressesOf(scope, ref).includes(element), limit);
  return yield* hostsWhere(scope, () => {
    const vnics = find(scope, F.host)?.property('config.network.vnic');
    const inner = vnics === undefined || typeof vnics === 'string' ? '' : vnics.inner.toLowerCase();
    return inner.includes(element) || same(textOf(scope, F.host, 'summary.managementServerIp'), ip);
  });
}

function* byDnsName(scope: Scope, call: Call, limit: number): Brokered<readonly MoRef[]> {
  const dnsName = argument(call, 'dnsName');
  if (!inOurDatacenter(call) || dnsName === '') return [];
  if (call.args['vmSearch'] === true)
    return yield* vmsWhere(scope, (ref) => same(textOf(scope, ref, 'guest.hostName'), dnsName), limit);
  return yield* hostsWhere(scope, () => {
    const name = textOf(scope, F.host, 'name');
    const host = textOf(scope, F.host, 'config.network.dnsConfig.hostName');
    const domain = textOf(scope, F.host, 'config.network.dnsConfig.domainName');
    return same(name, dnsName) || (host !== '' && (same(host, dnsName) || same(`${host}.${domain}`, dnsName)));
  });
}

type Search = (scope: Scope, call: Call, limit: number) => Brokered<readonly MoRef[]>;

export const findFirst = (search: Search) =>
  function* (scope: Scope, call: Call): Brokered {
    return value((yield* search(scope, call, 1))[0]);
  };
export const findAll = (search: Search) =>
  function* (scope: Scope, call: Call): Brokered {
    return value(yield* search(scope, call, Number.POSITIVE_INFINITY));
  };

export const searches = { byUuid, byAddress, byDnsName };

/** A path's segments may be written with or without their escapes. */
const isNamed = (scope: Scope, ref: MoRef, name: string): boolean => {
  const own = nameOf(scope, ref);
  return own !== undefined && (own === name || unescapeName(own) === name);
};

export function findByInventoryPath(scope: Scope, call: Call): Reply {
  const path = argument(call, 'inventoryPath');
  if (path === '') return value(undefined);
  let at: MoRef = F.rootFolder;
  for (const segment of path.split('/')) {
    if (segment === '') continue;
    const next = childrenOf(scope, at).find((child) => isNamed(scope, child, segment));
    if (!next) return value(undefined);
    at = next;
  }
  return value(at);
}

export function findChild(scope: Scope, call: Call): Reply {
  const entity = call.args['entity'] as MoRef;
  if (!exists(scope, entity)) return refuse(objectNotFound(entity));
  const name = argument(call, 'name');
  return value(childrenOf(scope, entity).find((child) => isNamed(scope, child, name)));
}

export function* findByDatastorePath(scope: Scope, call: Call): Brokered {
  const datacenter = call.args['datacenter'] as MoRef;
  if (!exists(scope, datacenter)) return refuse(objectNotFound(datacenter));
  const path = parseDatastorePath(argument(call, 'path'));
  if (!path) return refuse({ kind: 'invalid-datastore-path', members: { path: argument(call, 'path') }, text: '' });
  const wanted = `[${path.datastore}] ${path.path}`;
  return value((yield* vmsWhere(scope, (ref) => textOf(scope, ref, 'config.files.vmPathName') === wanted, 1))[0]);
}

export const furnishSearch = (): void =>
  furnish('SearchIndex', (_scope, ref) => (sameRef(ref, F.searchIndex) ? { values: {} } : undefined));
