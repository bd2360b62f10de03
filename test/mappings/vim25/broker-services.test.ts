/** Search, sessions, tasks, events, counters and catalogues. Values are checked against the type table: nothing required may be missing. */
import { describe, expect, test } from 'vitest';
import { hubId } from '../../../mappings/generic/ids.ts';
import type { EventKind } from '../../../mappings/generic/jobs.ts';
import { EVENT_TYPES } from '../../../mappings/vim25/broker/event-types.ts';
import { problemsOf } from '../../../mappings/vim25/check.ts';
import { methodOf } from '../../../mappings/vim25/types.ts';
import { moRef } from '../../../mappings/vim25/values.ts';
import { fault, idIn, job, objectSpec, PC, properties, SEARCH, spec, World } from './broker-fake.ts';

const setUp = () => {
  const world = new World();
  const root = world.login('k');
  return { world, root };
};

/** The value a service returned, after the type table has found nothing missing. */
const complete = (
  world: World,
  method: string,
  target: readonly [string, string],
  args: Record<string, unknown> = {},
): unknown => {
  const root = world.sessions[0] ?? world.login('k');
  const { reply } = world.run(root, method, target, args);
  if (reply.kind !== 'value') throw new Error(JSON.stringify(reply));
  const type = methodOf(method)?.result?.type ?? 'anyType';
  for (const each of Array.isArray(reply.value) ? reply.value : [reply.value])
    expect(problemsOf(type, each, '6.7'), method).toEqual([]);
  world.answer(root, method, target, args);
  return reply.value;
};

describe('the search index', () => {
  const { world, root } = setUp();
  const find = (method: string, args: Record<string, unknown>): string => world.answer(root, method, SEARCH, args);

  test('finds by uuid whatever the case, and answers nothing for unknown ones', () => {
    expect(find('FindByUuid', { uuid: 'U-10', vmSearch: true })).toBe(
      '<returnval type="VirtualMachine">10</returnval>',
    );
    expect(find('FindByUuid', { uuid: 'i-11', vmSearch: true, instanceUuid: true })).toBe(
      '<returnval type="VirtualMachine">11</returnval>',
    );
    expect(find('FindByUuid', { uuid: 'h-1', vmSearch: false })).toBe(
      '<returnval type="HostSystem">ha-host</returnval>',
    );
    expect(find('FindByUuid', { uuid: 'none', vmSearch: true })).toBe('');
  });
  test('walks inventory paths', () => {
    expect(find('FindByInventoryPath', { inventoryPath: '/' })).toContain('ha-folder-root');
    expect(find('FindByInventoryPath', { inventoryPath: '' })).toBe('');
    expect(find('FindByInventoryPath', { inventoryPath: 'ha-datacenter/vm/vm 10' })).toContain('>10<');
    expect(find('FindByInventoryPath', { inventoryPath: '/ha-datacenter/host/esx1/Resources' })).toContain(
      'ha-root-pool',
    );
    expect(find('FindByInventoryPath', { inventoryPath: '/ha-datacenter/vm/none' })).toBe('');
    expect(find('FindChild', { entity: moRef('Folder', 'ha-folder-datastore'), name: 'ds' })).toContain('datastore-2');
  });
  test('finds by address, name and datastore path', () => {
    world.store.change(hubId('vm', 10), (text) =>
      text.replace('<guest>', '<guest><hostName>guest1</hostName><ipAddress>10.0.0.1</ipAddress>'),
    );
    expect(find('FindByIp', { ip: '10.0.0.1', vmSearch: true })).toContain('>10<');
    expect(find('FindAllByIp', { ip: '10.0.0.9', vmSearch: true })).toBe('');
    expect(find('FindByDnsName', { dnsName: 'guest1', vmSearch: true })).toContain('>10<');
    expect(find('FindByDnsName', { dnsName: 'esx1', vmSearch: false })).toContain('ha-host');
    expect(
      find('FindByDatastorePath', { datacenter: moRef('Datacenter', 'ha-datacenter'), path: '[ds] v11/v11.vmx' }),
    ).toContain('>11<');
  });
});

describe('sessions', () => {
  test('are listed, and ended by others only', () => {
    const { world, root } = setUp();
    const other = world.login('other');
    const list = world.answer(root, 'Fetch', ['SessionManager', 'ha-sessionmgr'], { prop: 'sessionList' });
    expect(list).toContain('<key>other</key>');
    const terminate = (key: string): string =>
      world.answer(root, 'TerminateSession', ['SessionManager', 'ha-sessionmgr'], { sessionId: [key] });
    expect(terminate('k')).toMatch(/^fault invalid-argument/);
    expect(terminate('none')).toMatch(/^fault not-found/);
    expect(terminate('other')).toBe('');
    expect(world.sessions).not.toContain(other);
    expect(world.answer(root, 'SessionIsActive', ['SessionManager', 'ha-sessionmgr'], {})).toMatch(
      /^fault not-implemented/,
    );
  });
  test('of readers see themselves, in the role of a reader', () => {
    const { world } = setUp();
    const reader = world.login('r', 'read-only');
    expect(world.answer(reader, 'Fetch', ['SessionManager', 'ha-sessionmgr'], { prop: 'sessionList' })).not.toContain(
      '<key>k</key>',
    );
    expect(world.answer(reader, 'Fetch', ['Folder', 'ha-folder-vm'], { prop: 'effectiveRole' })).toContain(
      '<int xsi:type="xsd:int">-2</int>',
    );
    expect(
      world.answer(reader, 'HasPrivilegeOnEntity', ['AuthorizationManager', 'ha-authmgr'], {
        entity: moRef('Folder', 'ha-folder-vm'),
        sessionId: 'r',
        privId: ['System.Read', 'VirtualMachine.Interact.PowerOn'],
      }),
    ).toBe('<returnval>true</returnval><returnval>false</returnval>');
  });
});

describe('tasks', () => {
  test('show their fault, result and entity', () => {
    const { world, root } = setUp();
    const done = job(7, {
      state: 'error',
      fault: fault('wrong-state', { requested: 'running', existing: 'running' }, ''),
      finishedMs: 1,
    });
    world.jobs.set(done.id, done);
    const info = world.answer(root, 'Fetch', ['Task', 'task-7'], { prop: 'info' });
    expect(info).toContain(
      '<fault xsi:type="InvalidPowerState"><requestedState>poweredOn</requestedState><existingState>poweredOn</existingState></fault>',
    );
    expect(info).toContain(
      '<localizedMessage>The attempted operation cannot be performed in the current state (Powered on).</localizedMessage>',
    );
    const made = job(8, {
      method: 'CreateVM_Task',
      nativeTarget: { type: 'Folder', id: 'ha-folder-vm' },
      target: hubId('host', 1),
      state: 'success',
      result: 'vm-10',
    });
    world.jobs.set(made.id, made);
    const created = world.answer(root, 'Fetch', ['Task', 'task-8'], { prop: 'info' });
    expect(created).toContain('<descriptionId>Folder.createVm</descriptionId>');
    expect(created).toContain('<result type="VirtualMachine" xsi:type="ManagedObjectReference">10</result>');
    expect(world.answer(root, 'CancelTask', ['Task', 'task-8'])).toMatch(/^fault invalid-state/);
    expect(world.answer(root, 'Fetch', ['TaskManager', 'ha-taskmgr'], { prop: 'recentTask' })).toContain('task-7');
    expect(world.answer(root, 'Fetch', ['VirtualMachine', '10'], { prop: 'recentTask' })).toContain('task-7');
  });
  test('of another API carry the name a vim25 method has', () => {
    const { world, root } = setUp();
    const foreign = job(9, { method: 'VM.start', nativeTarget: { type: 'VM', id: 'x' } });
    world.jobs.set(foreign.id, foreign);
    expect(world.answer(root, 'Fetch', ['Task', 'task-9'], { prop: 'info' })).toContain('<name>PowerOnVM_Task</name>');
  });
  test('have no history on a standalone host', () => {
    const { world, root } = setUp();
    expect(world.answer(root, 'CreateCollectorForTasks', ['TaskManager', 'ha-taskmgr'], { filter: {} })).toMatch(
      /^fault not-supported/,
    );
  });
});

describe('events', () => {
  test('of every kind are complete', () => {
    const { world } = setUp();
    world.jobs.set(job(7).id, job(7));
    for (const kind of Object.keys(EVENT_TYPES) as EventKind[]) {
      const object = kind.startsWith('storage')
        ? hubId('storage', 2)
        : kind.startsWith('network')
          ? hubId('network', 3)
          : hubId('vm', 10);
      world.events.push({
        key: world.events.length + 1,
        chain: 1,
        kind,
        atMs: 1_700_000_000_000,
        host: hubId('host', 1),
        object,
        objectName: 'o',
        user: 'root',
        text: 't',
        job: hubId('job', 7),
        members: { oldName: 'a', newName: 'b', address: '1.2.3.4', session: 's' },
      });
    }
    const all = complete(world, 'QueryEvents', ['EventManager', 'ha-eventmgr'], { filter: {} }) as {
      fullFormattedMessage: string;
    }[];
    expect(all.length).toBe(Object.keys(EVENT_TYPES).length);
    expect(all.find((event) => event.fullFormattedMessage.includes('{'))).toBeUndefined();
  });

  test('are read from both ends, in pages, and by filter', () => {
    const { world, root } = setUp();
    for (let key = 1; key <= 15; key++)
      world.events.push({
        key,
        chain: key,
        kind: key % 2 ? 'vm.started' : 'vm.stopped',
        atMs: 1_700_000_000_000,
        host: hubId('host', 1),
        object: hubId('vm', 10),
        objectName: 'vm 10',
        user: 'root',
        text: '',
      });
    const manager = ['EventManager', 'ha-eventmgr'] as const;
    const collector = [
      'EventHistoryCollector',
      idIn(world.answer(root, 'CreateCollectorForEvents', manager, { filter: { type: ['VmPoweredOnEvent'] } })),
    ] as const;
    const keys = (xml: string): number[] => [...xml.matchAll(/<key>(\d+)<\/key>/g)].map(([, key]) => Number(key));
    const read = (method: string, maxCount: number): number[] =>
      keys(world.answer(root, method, collector, { maxCount }));
    expect(read('ReadNextEvents', 3)).toEqual([1, 3, 5]);
    expect(read('ReadNextEvents', 100)).toEqual([7, 9, 11, 13, 15]);
    expect(read('ReadNextEvents', 100)).toEqual([]);
    expect(read('ReadPreviousEvents', 2)).toEqual([15, 13]);
    world.answer(root, 'RewindCollector', collector);
    expect(read('ReadNextEvents', 1)).toEqual([1]);
    world.answer(root, 'SetCollectorPageSize', collector, { maxCount: 2 });
    expect(keys(world.answer(root, 'Fetch', collector, { prop: 'latestPage' }))).toEqual([15, 13]);
    expect(world.answer(root, 'SetCollectorPageSize', collector, { maxCount: 5000 })).toMatch(
      /^fault invalid-argument/,
    );
    expect(
      keys(
        world.answer(root, 'QueryEvents', manager, {
          filter: { entity: { entity: moRef('VirtualMachine', '11'), recursion: 'self' } },
        }),
      ),
    ).toEqual([]);
    expect(
      keys(
        world.answer(root, 'QueryEvents', manager, {
          filter: { entity: { entity: moRef('Folder', 'ha-folder-root'), recursion: 'all' }, maxCount: 2 },
        }),
      ),
    ).toEqual([14, 15]);
    for (let n = 1; n < 32; n++) world.answer(root, 'CreateCollectorForEvents', manager, { filter: {} });
    expect(world.answer(root, 'CreateCollectorForEvents', manager, { filter: {} })).toMatch(/^fault invalid-state/);
    world.answer(root, 'DestroyCollector', collector);
    expect(world.answer(root, 'Fetch', collector, { prop: 'latestPage' })).toMatch(/^fault object-not-found/);
  });

  test('that users write are kept, and wake a filter on the latest page', () => {
    const { world, root } = setUp();
    const manager = ['EventManager', 'ha-eventmgr'] as const;
    const collector = idIn(world.answer(root, 'CreateCollectorForEvents', manager, { filter: {} }));
    world.answer(root, 'CreateFilter', PC, {
      spec: spec([objectSpec('EventHistoryCollector', collector)], [properties('EventHistoryCollector', 'latestPage')]),
    });
    const first = world.answer(root, 'WaitForUpdatesEx', PC, { version: '', options: { maxWaitSeconds: 0 } });
    const version = /<version>([^<]*)</.exec(first)?.[1];
    expect(world.answer(root, 'WaitForUpdatesEx', PC, { version, options: { maxWaitSeconds: 0 } })).toBe('');
    world.answer(root, 'LogUserEvent', manager, { entity: moRef('VirtualMachine', '10'), msg: 'hello' });
    expect(world.answer(root, 'WaitForUpdatesEx', PC, { version, options: { maxWaitSeconds: 0 } })).toContain(
      'User logged event: hello',
    );
  });
});

describe('performance', () => {
  test('makes rates of two samples', () => {
    const { world, root } = setUp();
    let cpuNs = 0;
    world.meanwhile = [];
    const vm = { native: 'native-vm-10', memoryBytes: 1024 * 1024, residentBytes: 512 * 1024, readBytes: 0 };
    Object.defineProperty(world, 'statistics', {
      get: () => {
        cpuNs += 500_000_000;
        return { vms: [{ ...vm, cpuNs }], host: {} };
      },
    });
    const xml = world.answer(root, 'QueryPerf', ['PerformanceManager', 'ha-perfmgr'], {
      querySpec: [
        {
          entity: moRef('VirtualMachine', '10'),
          metricId: [
            { counterId: 12, instance: '' },
            { counterId: 65611, instance: '*' },
          ],
          intervalId: 20,
          maxSample: 1,
        },
      ],
    });
    expect(xml).toContain('xsi:type="PerfEntityMetric"');
    expect(xml).toContain('<id><counterId>12</counterId><instance></instance></id><value>500</value>');
    expect(xml).toContain('<id><counterId>65611</counterId><instance></instance></id><value>512</value>');
    expect(
      world.answer(root, 'QueryPerf', ['PerformanceManager', 'ha-perfmgr'], {
        querySpec: [{ entity: moRef('VirtualMachine', '10'), metricId: [{ counterId: 3, instance: '' }] }],
      }),
    ).toMatch(/^fault invalid-argument/);
  });
});

describe('catalogues', () => {
  test('are complete', () => {
    const { world } = setUp();
    const browser = ['EnvironmentBrowser', 'ha-env-browser'] as const;
    complete(world, 'QueryConfigOption', browser, {});
    complete(world, 'QueryConfigOptionEx', browser, { spec: { guestId: ['debian10_64Guest'] } });
    complete(world, 'QueryConfigOptionDescriptor', browser);
    complete(world, 'QueryConfigTarget', browser);
    complete(world, 'QueryPerfProviderSummary', ['PerformanceManager', 'ha-perfmgr'], {
      entity: moRef('HostSystem', 'ha-host'),
    });
    complete(world, 'QueryAvailablePerfMetric', ['PerformanceManager', 'ha-perfmgr'], {
      entity: moRef('VirtualMachine', '10'),
    });
    complete(world, 'QueryPerfCounter', ['PerformanceManager', 'ha-perfmgr'], { counterId: [1] });
    complete(world, 'RetrieveEntityPermissions', ['AuthorizationManager', 'ha-authmgr'], {
      entity: moRef('Folder', 'ha-folder-root'),
      inherited: true,
    });
    complete(world, 'DecodeLicense', ['LicenseManager', 'ha-license-manager'], { licenseKey: 'x' });
  });
  test('answer options by name and by prefix', () => {
    const { world, root } = setUp();
    const query = (name?: string): string =>
      world.answer(root, 'QueryOptions', ['OptionManager', 'ha-adv-options'], name === undefined ? {} : { name });
    expect(query('Config.HostAgent.log.level')).toContain('<value xsi:type="xsd:string">info</value>');
    expect(query('Config.HostAgent.')).toContain('sessionTimeout</key><value xsi:type="xsd:long">30</value>');
    expect(query('ENOENT')).toMatch(/^fault invalid-name/);
  });
});
