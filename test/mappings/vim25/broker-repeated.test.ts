/** Reads that come again: what is kept of one shows no old selection, no old text, and nothing of another session. */
import { expect, test } from 'vitest';
import { hubId } from '../../../mappings/generic/ids.ts';
import { objectSpec, PC, properties, spec, World } from './broker-fake.ts';

const VMS = 100;
const count = (text: string, part: string): number => text.split(part).length - 1;

const setUp = () => {
  const world = new World(VMS);
  const session = world.login('k');
  const view = (method: string, args: Record<string, unknown>): string =>
    String(
      (world.run(session, method, ['ViewManager', 'ViewManager'], args).reply as { value: { value: string } }).value
        .value,
    );
  const readFrom = (type: string, id: string, paths: readonly string[], who = session): string =>
    world.answer(who, 'RetrievePropertiesEx', PC, {
      specSet: [
        spec(
          [
            {
              ...objectSpec(type, id),
              skip: true,
              selectSet: [{ _type: 'TraversalSpec', name: 'v', type, path: 'view', skip: false }],
            },
          ],
          [properties('VirtualMachine', ...paths)],
        ),
      ],
      options: {},
    });
  const container = view('CreateContainerView', {
    container: { _type: 'ManagedObjectReference', type: 'Folder', value: 'ha-folder-root' },
    type: ['VirtualMachine'],
    recursive: true,
  });
  return { world, session, view, readFrom, container };
};

test('a selection follows the machines that come and go', () => {
  const { world, readFrom, container } = setUp();
  const read = (...paths: string[]): string => readFrom('ContainerView', container, paths);
  for (const paths of [['name'], ['name', 'runtime.powerState'], ['name']])
    expect(count(read(...paths), '<objects>')).toBe(VMS);
  world.addVm(500);
  expect(read('name')).toContain('<val xsi:type="xsd:string">vm 500</val>');
  world.store.remove(hubId('vm', 12));
  const after = read('name');
  expect(count(after, '<objects>')).toBe(VMS);
  expect(after).not.toContain('>12</obj>');
});

test('a value that was read before is read anew when its document changed', () => {
  const { world, readFrom, container } = setUp();
  const paths = [
    'name',
    'config.hardware.memoryMB',
    'runtime.powerState',
    'runtime.host',
    'summary.config.name',
    'summary',
  ];
  const read = (): string => readFrom('ContainerView', container, paths);
  const first = read();
  expect(read()).toBe(first);
  world.store.change(hubId('vm', 15), (text) =>
    text.replaceAll('poweredOff', 'poweredOn').replaceAll('512', '2048').replaceAll('vm 15', 'renamed'),
  );
  const second = read();
  const of = (text: string, id: number): string =>
    text.split('<objects>').find((one) => one.includes(`>${id}</obj>`)) ?? '';
  expect(of(second, 15)).toBe(
    of(first, 15).replaceAll('poweredOff', 'poweredOn').replaceAll('512', '2048').replaceAll('vm 15', 'renamed'),
  );
  expect(of(second, 16)).toBe(of(first, 16));
});

test('statistics of now are in every read', () => {
  const { world, readFrom, container } = setUp();
  const read = (): string => readFrom('ContainerView', container, ['summary', 'summary.quickStats']);
  expect(read()).not.toContain('<overallCpuUsage>');
  const item = world.store.items.get(hubId('vm', 20));
  if (item !== undefined) item.slots = { cpuMhz: 321 };
  expect(count(read(), '<overallCpuUsage>321<')).toBe(2);
  if (item !== undefined) item.slots = { cpuMhz: 654 };
  expect(count(read(), '<overallCpuUsage>654<')).toBe(2);
});

test('a list view shows its members of now, to its own session only', () => {
  const { world, session, view, readFrom } = setUp();
  const ref = (n: number) => ({ _type: 'ManagedObjectReference', type: 'VirtualMachine', value: String(n) });
  const list = view('CreateListView', { obj: Array.from({ length: 80 }, (_, n) => ref(10 + n)) });
  expect(count(readFrom('ListView', list, ['name']), '<objects>')).toBe(80);
  world.run(session, 'ModifyListView', ['ListView', list], { remove: [ref(10)], add: [ref(95), ref(96)] });
  expect(count(readFrom('ListView', list, ['name']), '<objects>')).toBe(81);
  const other = world.login('other');
  expect(readFrom('ListView', list, ['name'], other)).toMatch(/^fault object-not-found/);
  world.run(session, 'DestroyView', ['ListView', list]);
  expect(readFrom('ListView', list, ['name'])).toMatch(/^fault object-not-found/);
});
