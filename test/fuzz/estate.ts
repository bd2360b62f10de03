/** What lives on the fuzzed host now, by the ids clients use; kept at a size that neither dies out nor grows. */
import { escapeXml, type RawSoap } from '../peers/raw-soap.ts';

/** As many at the end of each round: what the program needs for them is the same. */
const VMS = 30;
/** Machines that are made anew at each round: what requests left in them must not grow for ever. */
const RENEWED = 6;
const OWN_MOST = 10;
/** Tasks are history, which has bounds of its own. */
const LIVING = ['VirtualMachine', 'VirtualMachineSnapshot', 'Datastore', 'Network'] as const;

export interface Estate {
  /** Live ids of a managed type; [] for types that are none of the estate's. */
  readonly ids: (type: string) => readonly string[];
  readonly managers: Readonly<Record<string, string>>;
  readonly datastore: string;
  readonly size: () => number;
  /** Reads it anew, makes what is missing and removes what is too much. */
  readonly tend: () => Promise<void>;
}

const createSpec = (name: string, datastore: string): string =>
  `<config><name>${escapeXml(name)}</name><guestId>otherGuest</guestId><files><vmPathName>[${datastore}]</vmPathName></files><numCPUs>1</numCPUs><memoryMB>32</memoryMB></config><pool type="ResourcePool">ha-root-pool</pool>`;

const referencesIn = (xml: string | undefined): readonly string[] =>
  [...(xml ?? '').matchAll(/<(?:ManagedObjectReference|snapshot)[^>]*>([^<]+)<\//g)].map(([, id = '']) => id);

/** What a session made and only it can see: views, filters, collectors, its tasks. Given as part of the estate to the worker that has the session. */
export const createBelongings = (
  estate: Estate,
): { readonly estate: Estate; readonly note: (answer: string) => void; readonly forget: () => void } => {
  const own = new Map<string, string[]>();
  return {
    estate: {
      ...estate,
      ids: (type) => [...estate.ids(type), ...(own.get(type) ?? [])],
      get datastore() {
        return estate.datastore;
      },
    },
    note: (answer) => {
      const [, type = '', id = ''] = /<returnval type="(\w+)"[^>]*>([^<]+)</.exec(answer) ?? [];
      if (id === '' || estate.ids(type).length > 0) return;
      const ids = own.get(type) ?? [];
      own.set(type, [...ids, id].slice(-OWN_MOST));
    },
    forget: () => own.clear(),
  };
};

export const openEstate = async (soap: RawSoap): Promise<Estate> => {
  const content = (await soap.call('RetrieveServiceContent', 'ServiceInstance', 'ServiceInstance')).text;
  const managers: Record<string, string> = {};
  const types: Record<string, string[]> = {};
  for (const [, name = '', type = '', id = ''] of content.matchAll(/<(\w+) type="(\w+)">([^<]+)</g)) {
    managers[name] = id;
    types[type] = [id];
  }
  types['ServiceInstance'] = ['ServiceInstance'];
  types['Folder'] = ['ha-folder-vm', 'ha-folder-root', 'ha-folder-host', 'ha-folder-datastore', 'ha-folder-network'];
  types['ResourcePool'] = ['ha-root-pool'];
  types['HostSystem'] = ['ha-host'];
  types['ComputeResource'] = ['ha-compute-res'];
  types['Datacenter'] = ['ha-datacenter'];
  const config = await soap.read('HostSystem', 'ha-host', 'configManager');
  for (const [, name = '', type = '', id = ''] of (config.get('configManager') ?? '').matchAll(
    /<(\w+) type="(\w+)">([^<]+)</g,
  )) {
    managers[name] = id;
    types[type] = [id];
  }
  let made = 0;
  let datastore = '';
  const read = async (): Promise<void> => {
    const datacenter = await soap.read('Datacenter', 'ha-datacenter', 'datastore', 'network');
    types['Datastore'] = [...referencesIn(datacenter.get('datastore'))];
    types['Network'] = [...referencesIn(datacenter.get('network'))];
    types['VirtualMachine'] = [
      ...referencesIn((await soap.read('Folder', 'ha-folder-vm', 'childEntity')).get('childEntity')),
    ];
    types['Task'] = [
      ...referencesIn((await soap.read('TaskManager', managers['taskManager'] ?? '', 'recentTask')).get('recentTask')),
    ];
    types['VirtualMachineSnapshot'] = [];
    for (const vm of types['VirtualMachine']) {
      const tree = await soap.read('VirtualMachine', vm, 'snapshot').catch(() => new Map<string, string>());
      types['VirtualMachineSnapshot'].push(...referencesIn(tree.get('snapshot')));
    }
    const first = types['Datastore'][0];
    if (first !== undefined) datastore = (await soap.read('Datastore', first, 'name')).get('name') ?? '';
    const browser = first === undefined ? undefined : (await soap.read('Datastore', first, 'browser')).get('browser');
    if (browser !== undefined) types['HostDatastoreBrowser'] = [browser];
    const everything = Object.entries(types)
      .filter(([name]) => name !== 'ManagedEntity')
      .flatMap(([, ids]) => ids);
    types['ManagedObjectReference'] = everything;
    types['ManagedEntity'] = [...(types['VirtualMachine'] ?? []), ...(types['Folder'] ?? []), 'ha-host'];
  };
  const tend = async (): Promise<void> => {
    await read();
    const vms = types['VirtualMachine'] ?? [];
    for (const vm of vms.slice(0, Math.max(RENEWED, vms.length - VMS + RENEWED))) {
      await soap.run('PowerOffVM_Task', 'VirtualMachine', vm);
      await soap.run('Destroy_Task', 'VirtualMachine', vm);
    }
    await read();
    const left = types['VirtualMachine']?.length ?? 0;
    for (let missing = VMS - left; missing > 0; missing--)
      await soap.run('CreateVM_Task', 'Folder', 'ha-folder-vm', createSpec(`fuzzed-${++made}-${left}`, datastore));
    await read();
  };
  await tend();
  return {
    ids: (type) => types[type] ?? [],
    size: () => LIVING.reduce((sum, type) => sum + (types[type]?.length ?? 0), 0),
    managers,
    get datastore() {
      return datastore;
    },
    tend,
  };
};
