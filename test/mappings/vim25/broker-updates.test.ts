/** Filters and waits: enter, modify, leave, truncation, cancellation, and versions that outlive the program. */
import { describe, expect, test } from 'vitest';
import { hubId } from '../../../mappings/generic/ids.ts';
import { createBroker } from '../../../mappings/vim25/broker/broker.ts';
import { moRef } from '../../../mappings/vim25/values.ts';
import { idIn, job, objectSpec, PC, properties, spec, VIEWS, viewSpec, vmText, World } from './broker-fake.ts';

const versionIn = (xml: string): string => /<version>([^<]*)</.exec(xml)?.[1] ?? '';
const kinds = (xml: string): string[] =>
  [...xml.matchAll(/<kind>(\w+)<\/kind><obj type="\w+">([^<]*)</g)].map(([, kind, id]) => `${kind} ${id}`);

const setUp = (vms = 3) => {
  const world = new World(vms);
  const root = world.login('k');
  const filter = (filterSpec: object, collector: readonly [string, string] = PC): string =>
    idIn(world.answer(root, 'CreateFilter', collector, { spec: filterSpec, partialUpdates: false }));
  const wait = (
    version: string,
    options: object = { maxWaitSeconds: 0 },
    collector: readonly [string, string] = PC,
  ): string => world.answer(root, 'WaitForUpdatesEx', collector, { version, options });
  const view = (type: string[]): readonly [string, string] => [
    'ContainerView',
    idIn(
      world.answer(root, 'CreateContainerView', VIEWS, {
        container: moRef('Folder', 'ha-folder-root'),
        type,
        recursive: true,
      }),
    ),
  ];
  return { world, root, filter, wait, view };
};

const onVm = (id: string, ...paths: string[]) =>
  spec([objectSpec('VirtualMachine', id)], [properties('VirtualMachine', ...paths)]);

describe('waiting for updates', () => {
  test('begins with the whole state, unset properties as assignments without value', () => {
    const { filter, wait } = setUp();
    const id = filter(onVm('10', 'name', 'guest.ipAddress'));
    const xml = wait('');
    expect(xml).toContain(
      `<filterSet><filter type="PropertyFilter">${id}</filter><objectSet><kind>enter</kind><obj type="VirtualMachine">10</obj>`,
    );
    expect(xml).toContain(
      '<changeSet><name>name</name><op>assign</op><val xsi:type="xsd:string">vm 10</val></changeSet>',
    );
    expect(xml).toContain('<changeSet><name>guest.ipAddress</name><op>assign</op></changeSet>');
    expect(xml.indexOf('<version>')).toBe('<returnval>'.length);
  });

  test('returns nothing when nothing changed', () => {
    const { filter, wait } = setUp();
    filter(onVm('10', 'name'));
    expect(wait(versionIn(wait('')))).toBe('');
  });

  test('tells changes of watched paths only, of parents for children and the reverse', () => {
    const { world, filter, wait } = setUp();
    filter(onVm('10', 'name', 'runtime.powerState', 'config'));
    const first = versionIn(wait(''));
    world.store.change(hubId('vm', 10), () => vmText(10, { power: 'poweredOn' }));
    const xml = wait(first);
    expect(kinds(xml)).toEqual(['modify 10']);
    expect(xml).toContain(
      '<name>runtime.powerState</name><op>assign</op><val xsi:type="VirtualMachinePowerState">poweredOn</val>',
    );
    expect(xml).not.toContain('<name>name</name><op>');
    expect(xml).not.toContain('<name>config</name><op>');
    world.store.change(hubId('vm', 10), () => vmText(10, { power: 'poweredOn', memoryMB: 1024 }));
    const second = wait(versionIn(xml));
    expect(second).toContain('<name>config</name><op>assign</op><val xsi:type="VirtualMachineConfigInfo">');
    // What was told once can be asked for again.
    expect(wait(versionIn(xml))).toContain('<memoryMB>1024</memoryMB>');
    // Not watched: no answer.
    world.store.change(hubId('vm', 10), (text) => text.replace('notRunning', 'running'));
    expect(wait(versionIn(second))).toBe('');
  });

  test('what is out of date again as soon as it is rendered is rendered again, and never told as unset', () => {
    const { world, filter, wait } = setUp();
    const id = hubId('vm', 10);
    filter(onVm('10', 'runtime.powerState'));
    const first = versionIn(wait(''));
    world.store.change(id, () => vmText(10, { power: 'poweredOn' }));
    world.store.afterRender = [() => world.store.dirty(id), () => world.store.dirty(id)];
    expect(wait(first)).toContain('>poweredOn</val>');
  });

  test('blocks until something happens, and only then', () => {
    const { world, filter, wait } = setUp();
    filter(onVm('10', 'name'));
    const version = versionIn(wait(''));
    world.meanwhile = [
      () => {
        world.store.change(hubId('vm', 11), () => vmText(11, { name: 'other' }), 'other');
        return 'changed';
      },
      () => {
        world.store.change(hubId('vm', 10), () => vmText(10, { name: 'new' }), 'new');
        return 'changed';
      },
    ];
    const xml = wait(version, { maxWaitSeconds: 100 });
    expect(world.meanwhile).toEqual([]);
    expect(kinds(xml)).toEqual(['modify 10']);
    expect(xml).toContain('>new</val>');
  });

  test('ends with nothing when its time is over', () => {
    const { world, filter, wait } = setUp();
    filter(onVm('10', 'name'));
    const version = versionIn(wait(''));
    const began = world.nowMs;
    expect(wait(version, { maxWaitSeconds: 7 })).toBe('');
    expect(world.nowMs - began).toBe(7000);
  });

  test('ends with RequestCanceled when it is cancelled or its collector destroyed', () => {
    const { world, root, wait } = setUp();
    const collector = ['PropertyCollector', idIn(world.answer(root, 'CreatePropertyCollector', PC))] as const;
    world.meanwhile = [
      () => {
        const { meanwhile } = world;
        world.answer(root, 'DestroyPropertyCollector', collector);
        world.meanwhile = meanwhile;
        return 'cancelled';
      },
    ];
    expect(wait('', {}, collector)).toBe('fault cancelled {}');
    expect(wait('', {}, collector)).toMatch(/^fault object-not-found/);
  });

  test('a new filter lets a pending wait answer', () => {
    const { world, wait, filter } = setUp();
    world.meanwhile = [
      () => {
        filter(onVm('12', 'name'));
        return 'cancelled';
      },
    ];
    expect(kinds(wait('', { maxWaitSeconds: 100 }))).toEqual(['enter 12']);
  });

  test('refuses versions it never gave', () => {
    const { filter, wait } = setUp();
    filter(onVm('10', 'name'));
    expect(wait('nonsense')).toMatch(/^fault invalid-version/);
    expect(wait('e0.1.1')).toMatch(/^fault invalid-version/);
    expect(wait('e1.99999999.1')).toMatch(/^fault invalid-version/);
  });

  test('collectors belong to their session', () => {
    const { world, filter } = setUp();
    filter(onVm('10', 'name'));
    const other = world.login('other');
    expect(world.answer(other, 'WaitForUpdatesEx', PC, { version: '', options: { maxWaitSeconds: 0 } })).toBe('');
  });

  test('an object that is gone leaves', () => {
    const { world, filter, wait } = setUp();
    filter(onVm('10', 'name'));
    const version = versionIn(wait(''));
    world.store.remove(hubId('vm', 10));
    const xml = wait(version);
    expect(kinds(xml)).toEqual(['leave 10']);
    expect(wait(versionIn(xml))).toBe('');
    expect(kinds(wait(version))).toEqual(['leave 10']);
  });

  test('a value that disappears is assigned nothing, once', () => {
    const { world, filter, wait } = setUp();
    world.store.change(hubId('vm', 10), (text) => text.replace('<guest>', '<guest><ipAddress>10.0.0.1</ipAddress>'));
    filter(onVm('10', 'guest.ipAddress'));
    const first = wait('');
    expect(first).toContain('10.0.0.1');
    world.store.change(hubId('vm', 10), (text) => text.replace('<ipAddress>10.0.0.1</ipAddress>', ''));
    const second = wait(versionIn(first));
    expect(second).toContain('<changeSet><name>guest.ipAddress</name><op>assign</op></changeSet>');
    world.store.change(hubId('vm', 10), (text) => text.replace('notRunning', 'running'));
    expect(wait(versionIn(second))).toBe('');
  });
});

describe('tasks', () => {
  test('that have finished are told at once; changes wake the old form too', () => {
    const { world, root, filter } = setUp();
    world.jobs.set(job(7).id, job(7, { state: 'success', finishedMs: 1, version: 2 }));
    filter(spec([objectSpec('Task', 'task-7')], [properties('Task', 'info.state')]));
    expect(world.answer(root, 'WaitForUpdates', PC, { version: '' })).toContain(
      '<val xsi:type="TaskInfoState">success</val>',
    );
    world.jobs.set(job(8).id, job(8, { version: world.store.version }));
    const id = filter(spec([objectSpec('Task', 'task-8')], [properties('Task', 'info.state')]));
    const version = versionIn(world.answer(root, 'WaitForUpdates', PC, { version: '' }));
    world.meanwhile = [
      () => {
        world.store.version++;
        world.jobs.set(job(8).id, job(8, { state: 'success', version: world.store.version }));
        return 'changed';
      },
    ];
    const xml = world.answer(root, 'WaitForUpdates', PC, { version });
    expect(xml).toContain(`<filter type="PropertyFilter">${id}</filter>`);
    expect(kinds(xml)).toEqual(['modify task-8']);
  });
});

describe('views in filters', () => {
  test('tell members that come and go, and a rename', () => {
    const { world, filter, wait, view } = setUp();
    filter(viewSpec(view(['VirtualMachine']), properties('VirtualMachine', 'name')));
    const first = wait('');
    expect(kinds(first)).toEqual(['enter 10', 'enter 11', 'enter 12']);
    world.addVm(20);
    const second = wait(versionIn(first));
    expect(kinds(second)).toEqual(['enter 20']);
    world.store.remove(hubId('vm', 11));
    world.store.change(hubId('vm', 12), () => vmText(12, { name: 'renamed' }), 'renamed');
    expect(kinds(wait(versionIn(second))).sort()).toEqual(['leave 11', 'modify 12']);
  });

  test('of base types and of more than one view see the same rename', () => {
    const { world, filter, wait, view } = setUp();
    filter(viewSpec(view(['ManagedEntity']), properties('ManagedEntity', 'name')));
    filter(viewSpec(view(['VirtualMachine']), properties('VirtualMachine', 'name')));
    const version = versionIn(wait(''));
    world.store.change(hubId('vm', 10), () => vmText(10, { name: 'renamed' }), 'renamed');
    expect(kinds(wait(version))).toEqual(['modify 10', 'modify 10']);
  });

  test('of lists follow their modification', () => {
    const { world, root, filter, wait } = setUp();
    const list = idIn(world.answer(root, 'CreateListView', VIEWS, { obj: [moRef('VirtualMachine', '10')] }));
    filter(viewSpec(['ListView', list], properties('VirtualMachine', 'name')));
    const version = versionIn(wait(''));
    world.answer(root, 'ResetListView', ['ListView', list], { obj: [moRef('VirtualMachine', '11')] });
    expect(kinds(wait(version)).sort()).toEqual(['enter 11', 'leave 10']);
  });
});

describe('more updates than fit', () => {
  test('come in answers of a hundred, changes in between included', () => {
    const { world, filter, wait, view } = setUp(142);
    filter(viewSpec(view(['VirtualMachine']), properties('VirtualMachine', 'name')));
    const first = wait('');
    expect(kinds(first).length).toBe(100);
    expect(first).toContain('<truncated>true</truncated>');
    world.store.change(hubId('vm', 10), () => vmText(10, { name: 'early' }), 'early');
    const second = wait(versionIn(first));
    expect(kinds(second).length).toBe(43);
    expect(second).not.toContain('truncated');
    expect(second).toContain('>early</val>');
    expect(wait(versionIn(second))).toBe('');
    for (let n = 10; n < 152; n++) world.store.change(hubId('vm', n), () => vmText(n, { name: `again ${n}` }), 'x');
    const third = wait(versionIn(second), { maxWaitSeconds: 0, maxObjectUpdates: 60 });
    const fourth = wait(versionIn(third), { maxWaitSeconds: 0, maxObjectUpdates: 60 });
    const fifth = wait(versionIn(fourth), { maxWaitSeconds: 0, maxObjectUpdates: 60 });
    expect([third, fourth, fifth].map((xml) => kinds(xml).length)).toEqual([60, 60, 22]);
    expect(new Set([third, fourth, fifth].flatMap(kinds)).size).toBe(142);
    expect(wait(versionIn(fifth))).toBe('');
  });
});

describe('a restart of the server', () => {
  test('lets a version from before go on: what came, went and changed since, nothing else', () => {
    const { world, filter, wait, view } = setUp();
    filter(viewSpec(view(['VirtualMachine']), properties('VirtualMachine', 'name')));
    const version = versionIn(wait(''));
    world.broker = createBroker();
    expect(wait(version)).toBe('');
    world.broker = createBroker();
    world.addVm(20);
    world.store.remove(hubId('vm', 11));
    world.store.change(hubId('vm', 12), () => vmText(12, { name: 'renamed' }), 'renamed');
    const xml = wait(version);
    expect(kinds(xml).sort()).toEqual(['enter 20', 'leave 11', 'modify 12']);
    world.broker = createBroker();
    expect(wait(versionIn(xml))).toBe('');
  });

  test('keeps a filter on one object', () => {
    const { world, filter, wait } = setUp();
    filter(onVm('10', 'name'));
    const version = versionIn(wait(''));
    world.broker = createBroker();
    world.store.change(hubId('vm', 10), () => vmText(10, { name: 'renamed' }), 'renamed');
    expect(kinds(wait(version))).toEqual(['modify 10']);
  });
});

describe('statistics', () => {
  test('wake a watcher of the summary after twenty seconds', () => {
    const { world, filter, wait } = setUp();
    filter(onVm('10', 'summary'));
    const version = versionIn(wait(''));
    const item = world.store.items.get(hubId('vm', 10));
    if (item) item.slots = { cpuMhz: 5 };
    const began = world.nowMs;
    const xml = wait(version, { maxWaitSeconds: 100 });
    expect(xml).toContain('<overallCpuUsage>5</overallCpuUsage>');
    expect(world.nowMs - began).toBe(20_000);
  });
});

test('one change among 10,000 watched VMs (timing printed, not asserted)', () => {
  const { world, filter, wait, view } = setUp(10_000);
  filter(viewSpec(view(['VirtualMachine']), properties('VirtualMachine', 'name', 'runtime.powerState')));
  for (const id of world.store.items.keys()) world.store.bringUp([id]);
  let xml = wait('');
  for (; xml.includes('<truncated>'); ) xml = wait(versionIn(xml));
  let version = versionIn(xml);
  const times: number[] = [];
  for (let n = 0; n < 50; n++) {
    let began = 0;
    world.meanwhile = [
      () => {
        world.store.change(hubId('vm', 100 + n), () => vmText(100 + n, { power: 'poweredOn' }));
        began = performance.now();
        return 'changed';
      },
    ];
    xml = wait(version, { maxWaitSeconds: 100 });
    times.push(performance.now() - began);
    version = versionIn(xml);
    expect(kinds(xml)).toEqual([`modify ${100 + n}`]);
  }
  times.sort((a, b) => a - b);
  console.log(`one change of 10,000: median ${times[25]?.toFixed(2)} ms, worst ${times.at(-1)?.toFixed(2)} ms`);
});
