/** What the product has of a host in: its ids, and each difference to what the host itself says now, in words, out. */
import { rawSoap } from '../peers/raw-soap.ts';
import { rawXenApi } from '../peers/raw-xenapi.ts';
import type { Admin, DrillHost, Estate } from './estate.ts';

/** `kind name` or `front class name` to the id that is used for it. */
export type IdsSeen = ReadonlyMap<string, string>;

type Shown = {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly native: string;
  readonly stale: boolean;
};

const get = async (admin: Admin, path: string): Promise<unknown> => {
  const answer = await fetch(`${admin.url}/api/v1${path}`, { headers: { authorization: `Bearer ${admin.token}` } });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
};

/** The host's objects only: a server may have more than one. */
const objectsOf = async (admin: Admin, host: DrillHost): Promise<readonly Shown[]> => {
  const { items: hosts } = (await get(admin, '/objects?kind=host&limit=500')) as {
    items: (Shown & { host: string })[];
  };
  const found: Shown[] = [];
  for (const one of hosts) {
    const { items } = (await get(admin, `/objects?host=${one.host}&limit=500`)) as { items: readonly Shown[] };
    if (items.some(({ name }) => name === host.machines[0])) found.push(...items);
  }
  return found;
};

const adminOf = async (estate: Estate, host: DrillHost): Promise<Admin> => {
  const admin = await estate.admin(host);
  if (admin === undefined) throw new Error(`no server has ${host.name}`);
  return admin;
};

const CLASSES = ['VM', 'SR', 'VDI', 'network', 'host'];
const MANAGED = ['VirtualMachine', 'Datastore', 'Network', 'HostSystem'];

/** Each client's own ids as clients see them, and the hub's. */
export const idsOf = async (estate: Estate, host: DrillHost): Promise<IdsSeen> => {
  const ids = new Map<string, string>();
  for (const { id, kind, native } of await objectsOf(await adminOf(estate, host), host))
    ids.set(`${kind} ${native}`, id);
  const xen = rawXenApi(estate.front(host, 'xenapi'));
  const soap = rawSoap(estate.front(host, 'vim25'));
  try {
    await xen.logIn();
    for (const kind of CLASSES)
      for (const [ref, record] of Object.entries((await xen.call(`${kind}.get_all_records`)) as object))
        ids.set(
          `xenapi ${kind} ${(record as { name_label: string }).name_label} ${(record as { uuid: string }).uuid}`,
          ref,
        );
    await soap.logIn();
    const root = await soap.manager('rootFolder');
    const view = await soap.call(
      'CreateContainerView',
      'ViewManager',
      await soap.manager('viewManager'),
      `<container type="Folder">${root}</container>${MANAGED.map((type) => `<type>${type}</type>`).join('')}<recursive>true</recursive>`,
    );
    const moid = /<returnval[^>]*>([^<]*)</.exec(view.text)?.[1] ?? '';
    const listed = (await soap.read('ContainerView', moid, 'view')).get('view') ?? '';
    for (const [, type = '', id = ''] of listed.matchAll(/<ManagedObjectReference[^>]*? type="(\w+)"[^>]*>([^<]*)</g))
      ids.set(`vim25 ${type} ${(await soap.read(type, id, 'name')).get('name')}`, id);
    await soap.call('Logout', 'SessionManager', await soap.manager('sessionManager'));
  } finally {
    xen.close();
    soap.close();
  }
  return ids;
};

export const differencesOfIds = (before: IdsSeen, after: IdsSeen): readonly string[] => [
  ...[...before].flatMap(([what, id]) => (after.get(what) === id ? [] : [`${what} was ${id}, is ${after.get(what)}`])),
  ...[...after.keys()].flatMap((what) => (before.has(what) ? [] : [`${what} is new`])),
];

const POWER = {
  running: { vim25: 'poweredOn', xenapi: 'Running' },
  paused: { vim25: 'suspended', xenapi: 'Paused' },
  'shut off': { vim25: 'poweredOff', xenapi: 'Halted' },
} as const;

/** What the store has of the host's machines word for word, and what both fronts show of them; `expected`: what was written last. */
export const differencesToHost = async (
  estate: Estate,
  host: DrillHost,
  expected: ReadonlyMap<string, string>,
): Promise<readonly string[]> => {
  const { libvirtd } = host;
  const different: string[] = [];
  const look = (what: string, ours: string | undefined, theirs: string): void => {
    if (ours !== theirs) different.push(`${host.name}, ${what}: we have ${short(ours, theirs)}`);
  };
  const admin = await adminOf(estate, host);
  const objects = await objectsOf(admin, host);
  const named = (kind: string): string =>
    objects
      .filter((one) => one.kind === kind)
      .map(({ name }) => name)
      .toSorted()
      .join();
  const lines = (text: string): string =>
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .toSorted()
      .join();
  look('machines', named('vm'), lines(await libvirtd.virsh('list', '--all', '--name')));
  look('storages', named('storage'), lines(await libvirtd.virsh('pool-list', '--all', '--name')));
  look('networks', named('network'), lines(await libvirtd.virsh('net-list', '--all', '--name')));
  const xen = rawXenApi(estate.front(host, 'xenapi'));
  const soap = rawSoap(estate.front(host, 'vim25'));
  try {
    await xen.logIn();
    await soap.logIn();
    const records = Object.values((await xen.call('VM.get_all_records')) as object) as {
      readonly name_label: string;
      readonly name_description: string;
      readonly power_state: string;
    }[];
    for (const { id, name, kind, stale } of objects) {
      if (stale) different.push(`${host.name}, ${kind} ${name} is stale`);
      if (kind !== 'vm') continue;
      const xml = await libvirtd.virsh('dumpxml', name, '--inactive');
      const { parts } = (await get(admin, `/objects/${id}/native`)) as { parts: Readonly<Record<string, string>> };
      look(`the definition of ${name}`, parts['domain']?.trim(), xml.trim());
      const text = /<description>([^<]*)</.exec(xml)?.[1] ?? '';
      const written = expected.get(name);
      if (written !== undefined && written !== text)
        different.push(`${name} was last given '${written}', and has '${text}'`);
      const state = (await libvirtd.virsh('domstate', name)).trim();
      const power = POWER[state as keyof typeof POWER];
      const record = records.find(({ name_label: label }) => label === name);
      look(`description of ${name}, xenapi`, record?.name_description, text);
      look(`power of ${name}, xenapi`, record?.power_state, power?.xenapi ?? state);
      const read = await soap.read('VirtualMachine', await soap.vm(name), 'config.annotation', 'runtime.powerState');
      look(`description of ${name}, vim25`, read.get('config.annotation'), text);
      look(`power of ${name}, vim25`, read.get('runtime.powerState'), power?.vim25 ?? state);
    }
    await soap.call('Logout', 'SessionManager', await soap.manager('sessionManager'));
  } finally {
    xen.close();
    soap.close();
  }
  return different;
};

/** Where two long texts part. */
const short = (ours: string | undefined, theirs: string): string => {
  if (ours === undefined) return 'nothing';
  let at = 0;
  while (ours[at] === theirs[at] && at < ours.length) at += 1;
  const from = Math.max(0, at - 30);
  return `'${ours.slice(from, at + 90)}', it has '${theirs.slice(from, at + 90)}'`;
};
