/** Views, and a whole inventory read through one. */
import { describe, expect, test } from 'vitest';
import { moRef } from '../../../mappings/vim25/values.ts';
import { idIn, PC, properties, VIEWS, viewSpec, World } from './broker-fake.ts';

const count = (text: string, part: string): number => text.split(part).length - 1;

describe('views', () => {
  const world = new World();
  const root = world.login('k');
  const create = (container: readonly [string, string], type: string[] | undefined, recursive = true): string =>
    world.answer(root, 'CreateContainerView', VIEWS, { container: moRef(container[0], container[1]), type, recursive });

  test('contain what matches below the container', () => {
    const view = idIn(create(['Folder', 'ha-folder-root'], ['VirtualMachine']));
    expect(view).toMatch(/^session\[k\]/);
    const xml = world.answer(root, 'RetrieveProperties', PC, {
      specSet: [viewSpec(['ContainerView', view], properties('VirtualMachine', 'name'))],
    });
    expect(count(xml, '<returnval>')).toBe(3);
    const host = idIn(create(['HostSystem', 'ha-host'], ['VirtualMachine'], false));
    expect(
      count(world.answer(root, 'Fetch', ['ContainerView', host], { prop: 'view' }), '<ManagedObjectReference'),
    ).toBe(3);
    const everything = idIn(create(['Folder', 'ha-folder-root'], undefined));
    const all = world.answer(root, 'Fetch', ['ContainerView', everything], { prop: 'view' });
    expect(count(all, '<ManagedObjectReference')).toBe(1 + 4 + 3 + 3 + 1 + 1);
  });

  test('refuse what is no container and types that are none', () => {
    expect(create(['VirtualMachine', '10'], [])).toBe('fault invalid-argument {"property":"container"}');
    expect(create(['Folder', 'ha-folder-root'], ['Nonsense'])).toBe('fault invalid-argument {"property":"type"}');
  });

  test('of lists return what could not be resolved', () => {
    const list = idIn(world.answer(root, 'CreateListView', VIEWS, { obj: [moRef('VirtualMachine', '10')] }));
    const left = world.answer(root, 'ModifyListView', ['ListView', list], {
      add: [moRef('VirtualMachine', '11'), moRef('VirtualMachine', '99')],
      remove: [moRef('VirtualMachine', '10')],
    });
    expect(left).toBe('<returnval type="VirtualMachine">99</returnval>');
    expect(world.answer(root, 'Fetch', ['ListView', list], { prop: 'view' })).toContain('>11</ManagedObjectReference>');
    expect(world.answer(root, 'DestroyView', ['ListView', list])).toBe('');
    expect(world.answer(root, 'DestroyView', ['ListView', list])).toMatch(/^fault object-not-found/);
  });

  test('belong to their session', () => {
    const view = idIn(create(['Folder', 'ha-folder-root'], ['VirtualMachine']));
    expect(world.answer(world.login('other'), 'Fetch', ['ContainerView', view], { prop: 'view' })).toMatch(
      /^fault object-not-found/,
    );
  });
});

test('10,000 VMs: name, summary and config (timing printed, not asserted)', () => {
  const world = new World(10_000, 20);
  const root = world.login('k');
  const view = idIn(
    world.answer(root, 'CreateContainerView', VIEWS, {
      container: moRef('Folder', 'ha-folder-root'),
      type: ['VirtualMachine'],
      recursive: true,
    }),
  );
  const specSet = [viewSpec(['ContainerView', view], properties('VirtualMachine', 'name', 'summary', 'config'))];
  for (const id of world.store.items.keys()) world.store.bringUp([id]);
  let body = '';
  for (let round = 0; round < 3; round++) {
    const began = performance.now();
    ({ body } = world.run(root, 'RetrievePropertiesEx', PC, { specSet, options: {} }));
    const ms = performance.now() - began;
    const bytes = Buffer.byteLength(body);
    console.log(
      `10,000 VMs: ${ms.toFixed(1)} ms, ${(ms / 10).toFixed(2)} µs a VM, ${(bytes / 1e6).toFixed(1)} MB, ${(bytes / 1e3 / ms).toFixed(0)} MB/s`,
    );
  }
  expect(count(body, '<objects>')).toBe(10_000);
});
