/** Retrieving properties: selection, folding, paths, paging, Fetch. */
import { describe, expect, test } from 'vitest';
import { served } from '../../../mappings/vim25/broker/broker.ts';
import { commands } from '../../../mappings/vim25/commands.ts';
import { readXml } from '../../../mappings/wire/xml.ts';
import { job, objectSpec, PC, properties, spec, World } from './broker-fake.ts';

const VM = (n: number) => objectSpec('VirtualMachine', String(n));
const count = (text: string, part: string): number => text.split(part).length - 1;
const wellFormed = (inner: string): boolean =>
  readXml(`<r xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">${inner}</r>`, { maxBytes: 1e8, maxElements: 1e7 })
    .ok;

describe('the command table', () => {
  test('has a service for every broker row and a row for every service', () => {
    const rows = commands.filter(({ route }) => route === 'broker').map(({ method }) => method);
    expect([...served].sort()).toEqual([...rows].sort());
  });
  test('gives every refused method a reason', () => {
    expect(commands.filter(({ route, because }) => route === 'refuse' && !because)).toEqual([]);
  });
});

describe('retrieving properties', () => {
  const world = new World();
  const root = world.login('k');
  const retrieve = (...specSet: object[]): string => world.answer(root, 'RetrieveProperties', PC, { specSet });

  test('slices rendered text with the type of the property', () => {
    const xml = retrieve(
      spec([VM(10)], [properties('VirtualMachine', 'name', 'config.hardware.numCPU', 'runtime.powerState')]),
    );
    expect(xml).toContain(
      '<obj type="VirtualMachine">10</obj><propSet><name>name</name><val xsi:type="xsd:string">vm 10</val></propSet>',
    );
    expect(xml).toContain('<name>config.hardware.numCPU</name><val xsi:type="xsd:int">2</val>');
    expect(xml).toContain('<val xsi:type="VirtualMachinePowerState">poweredOff</val>');
    expect(wellFormed(xml)).toBe(true);
  });

  test('folds specs of base and derived types, and duplicates, into one result', () => {
    const xml = retrieve(
      spec(
        [VM(10), VM(10)],
        [properties('ManagedEntity', 'name', 'name'), properties('VirtualMachine', 'name', 'parent')],
      ),
    );
    expect(count(xml, '<returnval>')).toBe(1);
    expect(count(xml, '<name>name</name>')).toBe(1);
    expect(xml).toContain('<val type="Folder" xsi:type="ManagedObjectReference">ha-folder-vm</val>');
  });

  test('returns objects without properties for an empty path set, and ignores the empty path', () => {
    expect(retrieve(spec([VM(10)], [{ type: 'VirtualMachine' }]))).toBe(
      '<returnval><obj type="VirtualMachine">10</obj></returnval>',
    );
    expect(retrieve(spec([VM(10)], [properties('VirtualMachine', '')]))).toBe(
      '<returnval><obj type="VirtualMachine">10</obj></returnval>',
    );
  });

  test('finds array elements by key, with the quoting of the key type', () => {
    const xml = retrieve(
      spec(
        [VM(10)],
        [
          properties(
            'VirtualMachine',
            'config.hardware.device[4000].deviceInfo.label',
            'config.extraConfig["guestinfo.a"].value',
          ),
        ],
      ),
    );
    expect(xml).toContain('<val xsi:type="xsd:string">Network adapter 1</val>');
    expect(xml).toContain('<val xsi:type="xsd:string">one &amp; two</val>');
    const wrong = retrieve(
      spec(
        [VM(10)],
        [
          properties(
            'VirtualMachine',
            'config.hardware.device["4000"]',
            'config.extraConfig[1]',
            'config.hardware.device[9]',
          ),
        ],
      ),
    );
    expect(count(wrong, '<missingSet>')).toBe(2);
    expect(wrong).not.toContain('<propSet>');
  });

  test('reads members of the dynamic type of an element', () => {
    const xml = retrieve(
      spec(
        [VM(10)],
        [
          properties(
            'VirtualMachine',
            'config.hardware.device[4000].macAddress',
            'config.hardware.device[200].macAddress',
          ),
        ],
      ),
    );
    expect(xml).toContain('00:50:56:00:00:01');
    expect(xml).toContain(
      '<missingSet><path>config.hardware.device[200].macAddress</path><fault><fault xsi:type="InvalidProperty"><name>config.hardware.device[200].macAddress</name>',
    );
  });

  test('tells unknown paths and paths into arrays in the missing set, and returns the rest', () => {
    const xml = retrieve(
      spec([VM(10)], [properties('VirtualMachine', 'nothing', 'config.hardware.device.key', 'parent.name', 'name')]),
    );
    expect(count(xml, '<missingSet>')).toBe(3);
    expect(xml).toContain('>vm 10</val>');
  });

  test('leaves unset scalars out and shows unset arrays empty', () => {
    const xml = retrieve(
      spec(
        [VM(10)],
        [properties('VirtualMachine', 'snapshot', 'parentVApp', 'guest.ipAddress', 'tag', 'config.hardware.device')],
      ),
    );
    expect(xml).not.toContain('<name>snapshot</name>');
    expect(xml).not.toContain('ipAddress');
    expect(xml).toContain('<name>tag</name><val xsi:type="ArrayOfTag"></val>');
    expect(xml).toContain('<VirtualDevice xsi:type="VirtualE1000"><key>4000</key>');
  });

  test('gives every known property with all, and misses none', () => {
    const xml = retrieve(spec([VM(10)], [{ type: 'VirtualMachine', all: true }]));
    expect(xml).not.toContain('<missingSet>');
    for (const name of ['config', 'datastore', 'network', 'capability', 'recentTask', 'effectiveRole'])
      expect(xml).toContain(`<propSet><name>${name}</name>`);
    expect(wellFormed(xml)).toBe(true);
  });

  test('puts references in arrays with a type on each member', () => {
    const xml = retrieve(spec([VM(10)], [properties('VirtualMachine', 'datastore')]));
    expect(xml).toContain(
      '<val xsi:type="ArrayOfManagedObjectReference"><ManagedObjectReference type="Datastore" xsi:type="ManagedObjectReference">datastore-2</ManagedObjectReference></val>',
    );
  });

  test('fills statistics into the summary at reading', () => {
    const item = world.store.items.get('vm-10' as never);
    if (item) item.slots = { cpuMhz: 77, memoryBytes: 1048576 * 5, uptimeMs: 3000 };
    const xml = retrieve(
      spec([VM(10)], [properties('VirtualMachine', 'summary', 'summary.quickStats.overallCpuUsage')]),
    );
    expect(xml).toContain('<quickStats><overallCpuUsage>77</overallCpuUsage>');
    expect(xml).toContain('<val xsi:type="xsd:int">77</val>');
    expect(count(xml, '<quickStats')).toBe(1);
  });

  test('follows named selection specs, recursion included, and visits each object once', () => {
    const selectSet = [
      {
        _type: 'TraversalSpec',
        name: 'folders',
        type: 'Folder',
        path: 'childEntity',
        selectSet: [{ name: 'folders' }, { name: 'dc' }],
      },
      { _type: 'TraversalSpec', name: 'dc', type: 'Datacenter', path: 'vmFolder', selectSet: [{ name: 'folders' }] },
    ];
    const xml = retrieve(
      spec([objectSpec('Folder', 'ha-folder-root', { selectSet })], [properties('ManagedEntity', 'name')]),
    );
    expect([...xml.matchAll(/<obj type="(\w+)">/g)].map(([, type]) => type)).toEqual([
      'Folder',
      'Datacenter',
      'Folder',
      'VirtualMachine',
      'VirtualMachine',
      'VirtualMachine',
    ]);
  });

  test('climbs to the root by parent', () => {
    const selectSet = [
      { _type: 'TraversalSpec', name: 'up', type: 'ManagedEntity', path: 'parent', selectSet: [{ name: 'up' }] },
    ];
    const xml = retrieve(
      spec([objectSpec('VirtualMachine', '10', { selectSet })], [properties('ManagedEntity', 'name', 'parent')]),
    );
    expect([...xml.matchAll(/<obj type="\w+">([^<]*)</g)].map(([, id]) => id)).toEqual([
      '10',
      'ha-folder-vm',
      'ha-datacenter',
      'ha-folder-root',
    ]);
  });

  test('traverses references that stand in rendered text', () => {
    const selectSet = [{ _type: 'TraversalSpec', type: 'HostSystem', path: 'configManager.networkSystem' }];
    const xml = retrieve(
      spec(
        [objectSpec('HostSystem', 'ha-host', { skip: true, selectSet })],
        [properties('HostNetworkSystem', 'networkInfo.vswitch')],
      ),
    );
    expect(xml).toContain('<HostVirtualSwitch xsi:type="HostVirtualSwitch"><name>vSwitch0</name></HostVirtualSwitch>');
  });

  test('refuses a selection spec of an unknown name, and objects that are not there', () => {
    expect(
      retrieve(
        spec(
          [objectSpec('Folder', 'ha-folder-root', { selectSet: [{ name: 'none' }] })],
          [properties('Folder', 'name')],
        ),
      ),
    ).toMatch(/^fault invalid-argument/);
    expect(retrieve(spec([VM(99)], [properties('VirtualMachine', 'name')]))).toBe(
      'fault object-not-found {"type":"VirtualMachine","id":"99"}',
    );
    // Identity is type and value: Terraform asks for a pool as a VirtualApp.
    expect(retrieve(spec([objectSpec('VirtualApp', 'ha-root-pool')], [properties('VirtualApp', 'name')]))).toMatch(
      /^fault object-not-found/,
    );
    expect(
      retrieve({
        ...spec([VM(99), VM(10)], [properties('VirtualMachine', 'name')]),
        reportMissingObjectsInResults: true,
      }),
    ).toContain('ManagedObjectNotFound');
  });

  test('refuses calls on objects that are not there before anything else', () => {
    expect(world.answer(root, 'RetrieveProperties', ['PropertyCollector', 'other'], {})).toMatch(
      /^fault object-not-found/,
    );
  });
});

describe('pages', () => {
  const world = new World(5);
  const root = world.login('k');
  const specSet = [spec([10, 11, 12, 13, 14].map(VM), [properties('VirtualMachine', 'name')])];

  test('come only when asked for, each token once', () => {
    expect(world.answer(root, 'RetrievePropertiesEx', PC, { specSet, options: {} })).not.toContain('<token>');
    const first = world.answer(root, 'RetrievePropertiesEx', PC, { specSet, options: { maxObjects: 2 } });
    expect(first).toMatch(/^<returnval><token>/);
    expect(count(first, '<objects>')).toBe(2);
    const token = /<token>([^<]*)</.exec(first)?.[1];
    const second = world.answer(root, 'ContinueRetrievePropertiesEx', PC, { token });
    expect(second).toContain('>vm 12</val>');
    expect(world.answer(root, 'ContinueRetrievePropertiesEx', PC, { token })).toBe(
      'fault invalid-property {"name":"token"}',
    );
    const last = /<token>([^<]*)</.exec(second)?.[1];
    const third = world.answer(root, 'ContinueRetrievePropertiesEx', PC, { token: last });
    expect(count(third, '<objects>')).toBe(1);
    expect(third).not.toContain('<token>');
  });

  test('can be cancelled', () => {
    const token = /<token>([^<]*)</.exec(
      world.answer(root, 'RetrievePropertiesEx', PC, { specSet, options: { maxObjects: 2 } }),
    )?.[1];
    expect(world.answer(root, 'CancelRetrievePropertiesEx', PC, { token })).toBe('');
    expect(world.answer(root, 'ContinueRetrievePropertiesEx', PC, { token })).toMatch(/^fault/);
  });

  test('nothing selected is nothing returned', () => {
    expect(
      world.answer(root, 'RetrievePropertiesEx', PC, {
        specSet: [spec([objectSpec('Folder', 'ha-folder-vm', { skip: true })], [properties('Folder', 'name')])],
        options: {},
      }),
    ).toBe('');
  });
});

describe('Fetch', () => {
  const world = new World();
  const root = world.login('k');
  const fetch = (type: string, id: string, prop: string): string => world.answer(root, 'Fetch', [type, id], { prop });

  test('reads one property of any object', () => {
    expect(fetch('VirtualMachine', '10', 'name')).toBe('<returnval xsi:type="xsd:string">vm 10</returnval>');
    expect(fetch('ServiceInstance', 'ServiceInstance', 'content')).toContain(
      '<rootFolder type="Folder">ha-folder-root</rootFolder>',
    );
    world.jobs.set(job(7).id, job(7));
    const info = fetch('Task', 'task-7', 'info');
    expect(info).toContain('<descriptionId>VirtualMachine.powerOn</descriptionId>');
    expect(info).toContain('<name>PowerOnVM_Task</name>');
    expect(info).toContain('<reason xsi:type="TaskReasonUser"><userName>root</userName></reason>');
  });

  test('says unset with nothing, and an empty array with its type', () => {
    expect(fetch('VirtualMachine', '10', 'snapshot')).toBe('');
    expect(fetch('VirtualMachine', '10', 'tag')).toBe('<returnval xsi:type="ArrayOfTag"></returnval>');
    expect(fetch('VirtualMachine', '10', 'nothing')).toMatch(/^fault invalid-property/);
  });

  test('reads every property of every furniture object without an error', () => {
    const furniture = [
      ['Folder', 'ha-folder-root'],
      ['Datacenter', 'ha-datacenter'],
      ['SessionManager', 'ha-sessionmgr'],
      ['TaskManager', 'ha-taskmgr'],
      ['EventManager', 'ha-eventmgr'],
      ['ViewManager', 'ViewManager'],
      ['PerformanceManager', 'ha-perfmgr'],
      ['AuthorizationManager', 'ha-authmgr'],
      ['LicenseManager', 'ha-license-manager'],
      ['OptionManager', 'ha-adv-options'],
      ['OptionManager', 'HostAgentSettings'],
      ['SearchIndex', 'ha-searchindex'],
      ['ServiceInstance', 'ServiceInstance'],
      ['PropertyCollector', 'ha-property-collector'],
      ['EnvironmentBrowser', 'ha-env-browser'],
      ['HostDatastoreBrowser', 'ha-host-datastorebrowser'],
      ['ResourcePool', 'ha-root-pool'],
      ['ComputeResource', 'ha-compute-res'],
      ['HostSystem', 'ha-host'],
      ['Datastore', 'datastore-2'],
      ['Network', 'network-3'],
      ['FileManager', 'ha-nfc-file-manager'],
    ] as const;
    for (const [type, id] of furniture) {
      const xml = world.answer(root, 'RetrieveProperties', PC, {
        specSet: [spec([objectSpec(type, id)], [{ type, all: true }])],
      });
      expect(xml, type).toContain(`<obj type="${type}">${id}</obj>`);
      expect(xml, type).not.toContain('missingSet');
      expect(wellFormed(xml), type).toBe(true);
    }
  });
});
