/** Records as two clients nobody here wrote read them (PyPI's XenAPI over XML-RPC, npm's xen-api over JSON-RPC) in; what the data model objects to out. */
import {
  classNames,
  classOf,
  enumValues,
  formatType,
  NULL_REF,
  recordFields,
  type Type,
} from '../../mappings/xenapi/types.ts';
import { openXenApi, openXenPython, type XenEndpoint } from './xen-clients.ts';

type Records = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface Reading {
  readonly encoding: 'xml' | 'json';
  /** By class and reference. */
  readonly records: ReadonlyMap<string, Records>;
}

/** Classes that say what they have; withdrawn ones do not. */
const listedClasses = (methods: readonly string[]): string[] =>
  classNames.filter((cls) => classOf(cls)?.listed === true && methods.includes(`${cls}.get_all_records`));

export const readByXmlRpc = async (endpoint: XenEndpoint): Promise<Reading> => {
  const client = await openXenPython(endpoint);
  try {
    await client.login();
    const methods = (await client.call('host.list_methods')) as string[];
    const records = new Map<string, Records>();
    for (const cls of listedClasses(methods))
      records.set(cls, (await client.call(`${cls}.get_all_records`)) as Records);
    return { encoding: 'xml', records };
  } finally {
    await client.close();
  }
};

export const readByJsonRpc = async (endpoint: XenEndpoint): Promise<Reading> => {
  const client = await openXenApi(endpoint, 'json-rpc', { watchEvents: false });
  try {
    const methods = (await client.call('system.listMethods')) as string[];
    const records = new Map<string, Records>();
    for (const cls of listedClasses(methods))
      records.set(cls, (await client.call(`${cls}.get_all_records`)) as Records);
    return { encoding: 'json', records };
  } finally {
    await client.disconnect();
  }
};

const TIME = /^\d{8}T\d\d:\d\d:\d\dZ$/;

const isTime = (value: unknown, encoding: Reading['encoding']): boolean => {
  const text = encoding === 'json' ? value : (value as { time?: unknown } | null)?.time;
  return typeof text === 'string' && TIME.test(text);
};

const isInt = (value: unknown, encoding: Reading['encoding']): boolean =>
  encoding === 'json' ? Number.isSafeInteger(value) : typeof value === 'string' && /^-?\d+$/.test(value);

/** Everything in the records that the data model does not allow. */
export const problemsIn = ({ encoding, records }: Reading): string[] => {
  const problems: string[] = [];
  const classOfRef = new Map<string, string>();
  for (const [cls, all] of records) for (const ref of Object.keys(all)) classOfRef.set(ref, cls);

  const judge = (type: Type, value: unknown, where: string): void => {
    const wrong = (): void => void problems.push(`${where}: ${JSON.stringify(value)} is no ${formatType(type)}`);
    switch (type.kind) {
      case 'string':
        if (typeof value !== 'string') wrong();
        return;
      case 'int':
        if (!isInt(value, encoding)) wrong();
        return;
      case 'float':
        if (typeof value !== 'number') wrong();
        return;
      case 'bool':
        if (typeof value !== 'boolean') wrong();
        return;
      case 'datetime':
        if (!isTime(value, encoding)) wrong();
        return;
      case 'enum':
        if (typeof value !== 'string' || enumValues(type.name)?.has(value) !== true) wrong();
        return;
      case 'ref':
        if (value !== NULL_REF && classOfRef.get(String(value)) !== type.class) wrong();
        return;
      case 'set':
        if (!Array.isArray(value)) wrong();
        else for (const item of value) judge(type.of, item, where);
        return;
      case 'map':
        if (typeof value !== 'object' || value === null || Array.isArray(value)) wrong();
        else
          for (const [key, item] of Object.entries(value)) {
            // Keys are names on both wires: text.
            if (type.key.kind === 'ref' || type.key.kind === 'enum') judge(type.key, key, `${where} key`);
            judge(type.value, item, `${where}[${key}]`);
          }
        return;
      default:
        problems.push(`${where}: ${formatType(type)} is in no record`);
    }
  };

  const uuids = new Map<string, string>();
  for (const [cls, all] of records) {
    const fields = recordFields(cls);
    for (const [ref, record] of Object.entries(all)) {
      const keys = Object.keys(record).filter((key) => !key.startsWith('$'));
      const names = fields.map(({ name }) => name);
      if (keys.length !== names.length || keys.some((key) => !names.includes(key)))
        problems.push(`${cls}: ${ref} has ${keys.length} fields, the data model ${names.length}`);
      for (const { name, type } of fields) judge(type, record[name], `${cls}.${name}`);
      const uuid = String(record['uuid']);
      if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid)) problems.push(`${cls}.uuid: ${uuid}`);
      // Elsewhere the same uuid would be another object's.
      if (uuids.has(`${cls} ${uuid}`)) problems.push(`${cls}.uuid: ${uuid} twice`);
      uuids.set(`${cls} ${uuid}`, ref);
    }
  }
  return problems;
};

const list = (reading: Reading, cls: string): (readonly [string, Readonly<Record<string, unknown>>])[] =>
  Object.entries(reading.records.get(cls) ?? {});

/** Without these the clients stop, show nothing, or write back what they think is missing. */
export const missingFor = (reading: Reading): string[] => {
  const missing: string[] = [];
  const want = (is: boolean, what: string): void => void (is || missing.push(what));
  const map = (value: unknown): Readonly<Record<string, string>> => (value ?? {}) as Readonly<Record<string, string>>;
  const pools = list(reading, 'pool');
  want(pools.length === 1, 'exactly one pool');
  for (const [, pool] of pools) {
    want(reading.records.get('host')?.[String(pool['master'])] !== undefined, 'pool.master');
    for (const key of ['cpu_count', 'socket_count']) want(key in map(pool['cpu_info']), `pool.cpu_info ${key}`);
    for (const key of ['restrict_zstd_export', 'restrict_vtpm'])
      want(key in map(pool['restrictions']), `pool.restrictions ${key}`);
    want(pool['default_SR'] !== NULL_REF || list(reading, 'SR').length === 0, 'pool.default_SR');
  }
  for (const [ref, host] of list(reading, 'host')) {
    const version = map(host['software_version']);
    want(/^\d+(\.\d+){2,}$/.test(version['product_version'] ?? ''), 'host product_version');
    want(/^\d+\.\d+\.\d+$/.test(version['platform_version'] ?? ''), 'host platform_version');
    for (const key of ['product_brand', 'build_number']) want(key in version, `host software_version ${key}`);
    want(
      (host['capabilities'] as string[]).some((one) => one.startsWith('hvm')),
      'host capabilities hvm',
    );
    want(host['metrics'] !== NULL_REF, 'host.metrics');
    want(host['address'] !== '', 'host.address');
    const own = list(reading, 'VM').filter(([, vm]) => vm['is_control_domain'] === true && vm['resident_on'] === ref);
    want(own.length === 1 && own[0]?.[0] === host['control_domain'], 'one control domain');
    const interfaces = list(reading, 'PIF').filter(([, pif]) => pif['host'] === ref && pif['management'] === true);
    want(interfaces.length === 1, 'one management interface');
  }
  for (const [, vm] of list(reading, 'VM')) {
    want('cores-per-socket' in map(vm['platform']), `${vm['name_label']}: platform cores-per-socket`);
    want(vm['is_a_snapshot'] === true || vm['snapshot_of'] === NULL_REF, `${vm['name_label']}: snapshot_of`);
  }
  for (const [, vbd] of list(reading, 'VBD')) {
    want(/^\d+$/.test(String(vbd['userdevice'])), 'VBD.userdevice');
    want(vbd['type'] === 'CD' || vbd['VDI'] !== NULL_REF, 'VDI of a disk');
  }
  for (const [, vif] of list(reading, 'VIF')) want(/^\d+$/.test(String(vif['device'])), 'VIF.device');
  for (const [, vdi] of list(reading, 'VDI')) want(vdi['managed'] === true, 'VDI.managed');
  want(
    list(reading, 'VM').some(([, vm]) => vm['is_default_template'] === true),
    'a template to make machines from',
  );
  return missing;
};

/** Ends of relations: what refers to an object is in that object's set. */
export const oneSided = (reading: Reading): string[] => {
  const found: string[] = [];
  const both = (cls: string, field: string, other: string, set: string): void => {
    for (const [ref, record] of list(reading, cls)) {
      const target = String(record[field]);
      if (target === NULL_REF) continue;
      const refs = reading.records.get(other)?.[target]?.[set];
      if (!Array.isArray(refs) || !refs.includes(ref)) found.push(`${cls}.${field} is not in ${other}.${set}`);
    }
    for (const [ref, record] of list(reading, other))
      for (const one of record[set] as string[])
        if (reading.records.get(cls)?.[one]?.[field] !== ref) found.push(`${other}.${set} is not ${cls}.${field}`);
  };
  both('VBD', 'VM', 'VM', 'VBDs');
  both('VBD', 'VDI', 'VDI', 'VBDs');
  both('VIF', 'VM', 'VM', 'VIFs');
  both('VIF', 'network', 'network', 'VIFs');
  both('VDI', 'SR', 'SR', 'VDIs');
  both('PBD', 'SR', 'SR', 'PBDs');
  both('PBD', 'host', 'host', 'PBDs');
  both('PIF', 'host', 'host', 'PIFs');
  both('PIF', 'network', 'network', 'PIFs');
  both('VM', 'resident_on', 'host', 'resident_VMs');
  both('VM', 'snapshot_of', 'VM', 'snapshots');
  both('VM', 'parent', 'VM', 'children');
  both('VDI', 'snapshot_of', 'VDI', 'snapshots');
  both('console', 'VM', 'VM', 'consoles');
  return found;
};
