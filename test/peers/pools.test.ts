/** Child resource pools, by govc and by raw SOAP: made, nested, changed, moved into, destroyed, and there after a restart. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Govc, govcOn } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type RawSoap, rawSoap, textIn, textsIn } from './raw-soap.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';

const ROOT = '*/Resources';
const PLAIN = '<cpuAllocation/><memoryAllocation/>';

describeWith(['govc'], 'child resource pools', () => {
  let product: Transvisor;
  let govc: Govc;
  let soap: RawSoap;
  beforeAll(async () => {
    product = await startTransvisor({ host: 'sim:///default' });
    govc = govcOn(product);
    soap = rawSoap(product);
    await soap.logIn();
  });
  afterAll(async () => {
    soap?.close();
    await product?.[Symbol.asyncDispose]();
  });
  const machines = async (pool: string): Promise<readonly string[]> =>
    textsIn((await soap.read('ResourcePool', pool, 'vm')).get('vm') ?? '', 'ManagedObjectReference');
  const poolOfVm = async (vm: string): Promise<string | undefined> =>
    (await soap.read('VirtualMachine', vm, 'resourcePool')).get('resourcePool');
  const create = (parent: string, name: string, spec = PLAIN) =>
    soap.call('CreateResourcePool', 'ResourcePool', parent, `<name>${name}</name><spec>${spec}</spec>`);
  const made = async (parent: string, name: string): Promise<string> => {
    const answer = await create(parent, name);
    expect(answer.fault).toBeUndefined();
    return textIn(answer.text, 'returnval') ?? '';
  };

  test('are seen where they were made, with what they were given', async () => {
    await govc('pool.create', '-cpu.shares', 'low', '-mem.reservation', '500', `${ROOT}/a`, `${ROOT}/b`);
    await govc('pool.create', `${ROOT}/a/inner`);
    expect((await govc('ls', 'host/*/Resources/a/*')).trim()).toMatch(/\/Resources\/a\/inner$/);
    expect(await govc('pool.info', `${ROOT}/a`)).toMatch(/CPU Shares:\s+low[\s\S]*Mem Reservation:\s+500MB/);
    await govc('pool.change', '-mem.limit', '600', '-name', 'c', `${ROOT}/b`);
    expect(await govc('pool.info', `${ROOT}/c`)).toMatch(/Mem Limit:\s+600MB/);
    expect(await govc('find', '/', '-type', 'p')).toMatch(/Resources\/a\/inner/);
  });

  test('hold the machines made in them, across a restart, and leave them to their parent', async () => {
    await govc('vm.create', '-on=false', '-m', '32', '-pool', `${ROOT}/a/inner`, 'inside');
    const vm = await soap.vm('inside');
    const inner = (await poolOfVm(vm)) ?? '';
    expect(inner).not.toBe('ha-root-pool');
    expect(await machines(inner)).toEqual([vm]);
    expect(await machines('ha-root-pool')).not.toContain(vm);
    await govc('pool.destroy', `${ROOT}/a/inner`);
    expect(await poolOfVm(vm)).not.toBe(inner);
    expect((await soap.call('UpdateConfig', 'ResourcePool', inner)).fault).toBe('ManagedObjectNotFound');
    await govc('pool.destroy', `${ROOT}/a`);
    expect(await poolOfVm(vm)).toBe('ha-root-pool');
    expect(await machines('ha-root-pool')).toContain(vm);
    await govc('vm.destroy', 'inside');
    await product.stop();
    await product.restart();
    expect(await govc('ls', 'host/*/Resources/*')).toContain('/Resources/c');
  });

  test('wake who waits for them', async () => {
    const filter = await soap.filter(
      '<propSet><type>ResourcePool</type><pathSet>resourcePool</pathSet></propSet><objectSet><obj type="ResourcePool">ha-root-pool</obj></objectSet>',
    );
    expect(filter.fault).toBeUndefined();
    const wait = (version: string) => soap.waitForUpdates(version, 20);
    const waiting = wait(textIn((await wait('')).text, 'version') ?? '');
    const pool = await made('ha-root-pool', 'waited-for');
    const told = await waiting;
    expect(told.text).toContain(pool);
    expect((await soap.call('Destroy_Task', 'ResourcePool', pool)).fault).toBeUndefined();
  });

  test('are told of a machine that moves, and of none that does not', async () => {
    const pool = await made('ha-root-pool', 'moving');
    const [vm, other] = [await soap.vm('demo-3'), await soap.vm('demo-4')];
    const set = (type: string, path: string): string =>
      `<propSet><type>${type}</type><pathSet>${path}</pathSet></propSet>`;
    const objects = [vm, other]
      .map((moid) => `<objectSet><obj type="VirtualMachine">${moid}</obj></objectSet>`)
      .join('');
    await soap.filter(`${set('VirtualMachine', 'resourcePool')}${objects}`);
    const wait = (version: string) => soap.waitForUpdates(version, 20);
    const waiting = wait(textIn((await wait('')).text, 'version') ?? '');
    await soap.call('MoveIntoResourcePool', 'ResourcePool', pool, `<list type="VirtualMachine">${vm}</list>`);
    const told = (await waiting).text;
    expect(told).toContain(`<obj type="VirtualMachine">${vm}</obj>`);
    expect(told).toContain(`${pool}</val>`);
    expect(told).not.toContain(`<obj type="VirtualMachine">${other}</obj>`);
  });

  test('take machines and pools that move, as far as that can be', async () => {
    const [one, two] = [await made('ha-root-pool', 'one'), await made('ha-root-pool', 'two')];
    const vm = await soap.vm('demo-2');
    const move = (into: string, type: string, moid: string) =>
      soap.call('MoveIntoResourcePool', 'ResourcePool', into, `<list type="${type}">${moid}</list>`);
    expect((await move(one, 'VirtualMachine', vm)).fault).toBeUndefined();
    expect(await poolOfVm(vm)).toBe(one);
    expect((await move(two, 'ResourcePool', one)).fault).toBeUndefined();
    expect((await soap.read('ResourcePool', one, 'parent')).get('parent')).toBe(two);
    // Not into itself, nor below itself; and nothing was moved.
    expect((await move(one, 'ResourcePool', two)).fault).toBe('InvalidArgument');
    expect((await move(one, 'ResourcePool', 'ha-root-pool')).fault).toBe('InvalidArgument');
    expect((await move(one, 'VirtualMachine', '999999')).fault).toBe('ManagedObjectNotFound');
    expect((await soap.read('ResourcePool', two, 'parent')).get('parent')).toBe('ha-root-pool');
    expect((await soap.call('DestroyChildren', 'ResourcePool', 'ha-root-pool')).fault).toBeUndefined();
    expect(await poolOfVm(vm)).toBe('ha-root-pool');
    expect((await soap.read('ResourcePool', 'ha-root-pool', 'resourcePool')).get('resourcePool') ?? '').toBe('');
  });

  test('bad specs and names get the API’s own faults', async () => {
    const pool = await made('ha-root-pool', 'taken');
    const spec = (inner: string) => `<cpuAllocation>${inner}</cpuAllocation><memoryAllocation/>`;
    expect((await create('ha-root-pool', 'taken')).fault).toBe('DuplicateName');
    expect((await create(pool, 'taken')).fault).toBeUndefined();
    expect((await create('ha-root-pool', '')).fault).toBe('InvalidName');
    expect((await create('ha-root-pool', 'x'.repeat(81))).fault).toBe('InvalidName');
    expect((await create('nowhere', 'x')).fault).toBe('ManagedObjectNotFound');
    for (const bad of [
      '<reservation>-1</reservation>',
      '<limit>-2</limit>',
      '<reservation>9</reservation><limit>5</limit>',
    ])
      expect((await create('ha-root-pool', 'bad', spec(bad))).fault).toBe('InvalidArgument');
    expect((await soap.call('UpdateConfig', 'ResourcePool', 'ha-root-pool', '<name>x</name>')).fault).toBe(
      'NotSupported',
    );
    expect(await soap.run('Destroy_Task', 'ResourcePool', 'ha-root-pool')).toBe('NotSupported');
    expect(await soap.run('Rename_Task', 'ResourcePool', pool, '<newName>renamed</newName>')).toBeUndefined();
    expect((await soap.read('ResourcePool', pool, 'name')).get('name')).toBe('renamed');
  });
});
