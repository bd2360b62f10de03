/** Every verb as a plan, carried out on a simulated host: what it makes, what it leaves, and which fault it gives. */
import { afterAll, describe, expect, test } from 'vitest';
import { command, type DiskSpec, type Params, type Verb } from '../../../mappings/generic/commands.ts';
import { emptyVm } from '../../../mappings/generic/empty-vm.ts';
import type { DocumentKind, Vm } from '../../../mappings/generic/model.ts';
import { chooseEngine } from '../../../transform-server/engine/engine.ts';
import { carryOut, contextOf, faultOf, GIB, host, type StartedHost, startHost } from './rig.ts';

const engine = await chooseEngine('libxslt');
afterAll(() => engine.dispose());

let jobs = 100;
/** A command with the store as the host is now. */
const run = async <V extends Verb>(
  started: StartedHost,
  verb: V,
  target: [DocumentKind, string] | 'host',
  params: Params[V] | ((ids: ReturnType<typeof contextOf>) => Params[V]),
) => {
  const seen = contextOf(await started.objects(), ++jobs, engine);
  const id = target === 'host' ? seen.hostId : seen.idOf(...target);
  return carryOut(
    command(verb, seen.hostId, id, typeof params === 'function' ? params(seen) : params),
    seen.context,
    started.send,
  );
};
const vmNamed = async (started: StartedHost, name: string): Promise<Vm | undefined> => {
  const object = (await started.objects()).find((one) => one.kind === 'vm' && host.scan(one).name === name);
  return object && started.read('vm', object.native);
};
const names = async (started: StartedHost, kind: DocumentKind): Promise<string[]> =>
  (await started.objects()).filter((object) => object.kind === kind).map((object) => host.scan(object).name);

const blank = (name: string): Vm => ({
  ...emptyVm(GIB, 64),
  name,
  description: 'a <b> & "c"',
  cpuCount: 2,
  cpuMax: 2,
  bootOrder: ['disk'],
  scsiControllers: [{ ordinal: 0, model: 'pvscsi' }],
  nics: [{ ordinal: 0, mac: '', macGenerated: true, model: 'virtio', networkName: 'VM Network', connected: true }],
  attributes: [{ owner: 'x', key: 'k', value: 'v' }],
});
const diskAt = (
  unit: number,
  ids: ReturnType<typeof contextOf>,
  volumeName: string,
  capacityBytes = 4 * GIB,
  thin = true,
): DiskSpec => {
  const storage = ids.idOf('storage', 'datastore1');
  return {
    slot: { bus: 'scsi', controller: 0, unit },
    medium: { storageName: 'datastore1', storage, volumeName },
    capacityBytes,
    thin,
    readOnly: false,
    shareable: false,
    persistent: true,
    create: { storage, volumeName, capacityBytes, thin },
  };
};
const create = (
  started: StartedHost,
  name: string,
  change: Partial<Vm> = {},
  disks: [string, number?, boolean?][] = [[`${name}%2f${name}.vmdk`]],
) =>
  run(started, 'vm.create', 'host', (ids) => ({
    vm: { ...blank(name), ...change },
    disks: disks.map(([volume, bytes, thin], n) => diskAt(n, ids, volume, bytes, thin)),
  }));

describe('vm.create', () => {
  test('makes the volumes and the VM, with a MAC and a UUID, and names what it made', async () => {
    const started = await startHost();
    const { outcome, plan } = await create(started, 'new', {}, [['new%2fnew.vmdk'], ['new%2fnew_1.vmdk', 5 * GIB]]);
    expect(faultOf(outcome)).toBe('no fault');
    const vm = await vmNamed(started, 'new');
    expect(vm).toMatchObject({
      description: 'a <b> & "c"',
      powerState: 'stopped',
      attributes: [{ owner: 'x', key: 'k', value: 'v' }],
    });
    expect(vm?.nics[0]?.mac).toMatch(/^02(:[0-9a-f]{2}){5}$/);
    expect(vm?.disks.map(({ medium, capacityBytes }) => [medium.path, medium.storage, capacityBytes])).toEqual([
      ['/sim/datastore1/new%2fnew.vmdk', undefined, 4 * GIB],
      ['/sim/datastore1/new%2fnew_1.vmdk', undefined, 5 * GIB],
    ]);
    expect(plan?.makes).toEqual({ kind: 'vm', native: vm?.uuid });
    expect(plan?.steps.map(({ kind }) => kind)).toEqual(['compensatable', 'compensatable', 'pivot']);
    expect(faultOf((await run(started, 'vm.start', ['vm', 'new'], {})).outcome)).toBe('no fault');
  });
  test.each<[string, Partial<Vm>, [string, number?, boolean?][], string]>([
    ['a name that is taken', { name: 'demo-1' }, [['x']], 'duplicate-name'],
    ['no name', { name: '' }, [['x']], 'invalid-name'],
    ['10,000 CPUs', { cpuCount: 10_000 }, [['x']], 'invalid-vm-config'],
    ['no memory', { memoryBytes: 0 }, [['x']], 'invalid-vm-config'],
    ['memory beyond all bounds', { memoryBytes: 2 ** 50 }, [['x']], 'invalid-vm-config'],
    [
      'a network that is not there',
      { nics: [{ ordinal: 0, mac: '', macGenerated: true, model: 'virtio', networkName: 'none', connected: true }] },
      [['x']],
      'invalid-vm-config',
    ],
    ['a disk of 1 PB', {}, [['x'], ['y', 2 ** 50]], 'invalid-argument'],
    ['a thick disk larger than the storage', {}, [['x'], ['y', 3 * 1024 * GIB, false]], 'no-disk-space'],
    ['a volume that is there', {}, [['x'], ['demo-1%2fdemo-1.vmdk']], 'already-exists'],
    ['a volume name that leads out', {}, [['../x']], 'invalid-name'],
    [
      'a CD image that is not there',
      {
        cdroms: [
          {
            slot: { bus: 'ide', controller: 0, unit: 0 },
            medium: { storageName: 'datastore1', volumeName: 'none.iso' },
          },
        ],
      },
      [['x']],
      'file-not-found',
    ],
  ])('%s is a fault and leaves nothing', async (_, change, disks, kind) => {
    const started = await startHost();
    const before = JSON.stringify((await started.objects()).map(({ native, parts }) => [native, parts]));
    expect(faultOf((await create(started, 'new', change, disks)).outcome)).toBe(kind);
    expect(JSON.stringify((await started.objects()).map(({ native, parts }) => [native, parts]))).toBe(before);
  });
  test('names with quotes, markup and other scripts are names', async () => {
    const started = await startHost();
    for (const name of ['a"b\'c<d>&e', '../etc', 'Ünïcode 虚拟机 🙂'])
      expect(faultOf((await create(started, name, {}, [])).outcome)).toBe('no fault');
    expect(await names(started, 'vm')).toEqual(expect.arrayContaining(['a"b\'c<d>&e', '../etc', 'Ünïcode 虚拟机 🙂']));
  });
});

describe('vm.change', () => {
  const change = (started: StartedHost, name: string, to: Params['vm.change']['change']) =>
    run(started, 'vm.change', ['vm', name], { change: to });
  test('changes what is named and keeps the rest', async () => {
    const started = await startHost();
    const before = await vmNamed(started, 'demo-3');
    expect(
      faultOf(
        (
          await change(started, 'demo-3', {
            memoryBytes: 3 * GIB,
            cpuCount: 4,
            description: 'now',
            attributes: [{ owner: 'a', key: 'b', value: 'c' }],
          })
        ).outcome,
      ),
    ).toBe('no fault');
    const after = await vmNamed(started, 'demo-3');
    expect(after).toMatchObject({
      memoryBytes: 3 * GIB,
      cpuCount: 4,
      description: 'now',
      attributes: [{ owner: 'a', key: 'b', value: 'c' }],
    });
    expect({ uuid: after?.uuid, disks: after?.disks, nics: after?.nics, created: after?.createdMs }).toEqual({
      uuid: before?.uuid,
      disks: before?.disks,
      nics: before?.nics,
      created: before?.createdMs,
    });
  });
  test('a disk is added, grown and removed with its volume', async () => {
    const started = await startHost();
    const slot = { bus: 'scsi', controller: 0, unit: 1 } as const;
    expect(
      faultOf(
        (
          await run(started, 'vm.change', ['vm', 'demo-1'], (ids) => ({
            change: { disks: { add: [diskAt(1, ids, 'extra')] } },
          }))
        ).outcome,
      ),
    ).toBe('no fault');
    expect(
      faultOf(
        (await change(started, 'demo-1', { disks: { change: [{ slot, to: { capacityBytes: 9 * GIB } }] } })).outcome,
      ),
    ).toBe('no fault');
    expect((await vmNamed(started, 'demo-1'))?.disks[1]?.capacityBytes).toBe(9 * GIB);
    expect((await started.read('volume', 'datastore1/extra'))?.capacityBytes).toBe(9 * GIB);
    expect(
      faultOf((await change(started, 'demo-1', { disks: { remove: [{ slot, deleteVolume: true }] } })).outcome),
    ).toBe('no fault');
    expect((await vmNamed(started, 'demo-1'))?.disks).toHaveLength(1);
    expect(await names(started, 'volume')).not.toContain('extra');
  });
  test('a refused change takes back the growth of the disk that went before', async () => {
    const started = await startHost();
    const slot = { bus: 'scsi', controller: 0, unit: 0 } as const;
    const { outcome } = await change(started, 'demo-3', {
      cpuCount: 9999,
      disks: { change: [{ slot, to: { capacityBytes: 99 * GIB } }] },
    });
    expect(faultOf(outcome)).toBe('invalid-vm-config');
    expect((await vmNamed(started, 'demo-3'))?.disks[0]?.capacityBytes).toBe(16 * GIB);
  });
  test('a disk moves to another storage, and stays where it was when the change is refused', async () => {
    const started = await startHost();
    const slot = { bus: 'scsi', controller: 0, unit: 0 } as const;
    await run(started, 'storage.create', 'host', { name: 'fast', path: '/srv/fast' });
    const move = (more: Params['vm.change']['change']) =>
      run(started, 'vm.change', ['vm', 'demo-3'], ({ idOf }) => ({
        change: {
          ...more,
          disks: { change: [{ slot, to: {}, moveTo: { storage: idOf('storage', 'fast'), volumeName: 'moved' } }] },
        },
      }));
    const before = await names(started, 'volume');
    expect(faultOf((await move({ cpuCount: 9999 })).outcome)).toBe('invalid-vm-config');
    expect(await names(started, 'volume')).toEqual(before);
    expect(faultOf((await move({})).outcome)).toBe('no fault');
    expect((await vmNamed(started, 'demo-3'))?.disks[0]?.medium).toMatchObject({
      storageName: 'fast',
      volumeName: 'moved',
    });
    expect(await names(started, 'volume')).not.toContain('demo-3%2fdemo-3.vmdk');
    const running = await run(started, 'vm.change', ['vm', 'demo-1'], ({ idOf }) => ({
      change: { disks: { change: [{ slot, to: {}, moveTo: { storage: idOf('storage', 'fast'), volumeName: 'b' } }] } },
    }));
    expect(faultOf(running.outcome)).toBe('wrong-state');
  });
  test.each<[string, Params['vm.change']['change'], string]>([
    ['memory above the maximum', { memoryBytes: 8 * GIB }, 'invalid-vm-config'],
    ['fewer CPUs', { cpuCount: 1, coresPerSocket: 1 }, 'wrong-state'],
    ['other firmware', { firmware: 'bios' }, 'wrong-state'],
    ['a taken name', { name: 'demo-1' }, 'duplicate-name'],
  ])('while it runs, %s is a fault', async (_, to, kind) => {
    const started = await startHost();
    expect(faultOf((await change(started, 'demo-2', to)).outcome)).toBe(kind);
  });
});

describe('vm.delete', () => {
  test('takes the VM and its volumes, not those another VM has, and not a running one', async () => {
    const started = await startHost();
    expect(faultOf((await run(started, 'vm.delete', ['vm', 'demo-1'], { deleteVolumes: true })).outcome)).toBe(
      'wrong-state',
    );
    const shared = (await vmNamed(started, 'demo-4'))?.disks[0];
    if (!shared) throw new Error('no disk');
    await run(started, 'vm.change', ['vm', 'demo-3'], {
      change: { disks: { add: [{ ...shared, slot: { ...shared.slot, unit: 1 } }] } },
    });
    expect(faultOf((await run(started, 'vm.delete', ['vm', 'demo-3'], { deleteVolumes: true })).outcome)).toBe(
      'no fault',
    );
    expect(await names(started, 'vm')).toEqual(['demo-1', 'demo-2', 'demo-4']);
    expect(await names(started, 'volume')).toEqual([1, 2, 4].map((n) => `demo-${n}%2fdemo-${n}.vmdk`));
    await run(started, 'vm.delete', ['vm', 'demo-4'], { deleteVolumes: false });
    expect(await names(started, 'volume')).toContain('demo-4%2fdemo-4.vmdk');
  });
});

test('a host in maintenance starts nothing, and goes into it when nothing runs', async () => {
  const started = await startHost();
  const enter = async () => faultOf((await run(started, 'host.enterMaintenance', 'host', {})).outcome);
  expect(await enter()).toBe('invalid-state');
  for (const name of ['demo-1', 'demo-2']) await run(started, 'vm.stop', ['vm', name], {});
  expect(await enter()).toBe('no fault');
  expect(faultOf((await run(started, 'vm.start', ['vm', 'demo-1'], {})).outcome)).toBe('invalid-state');
  expect(faultOf((await run(started, 'host.reboot', 'host', {})).outcome)).toBe('not-supported');
  await run(started, 'host.exitMaintenance', 'host', {});
  expect(faultOf((await run(started, 'vm.start', ['vm', 'demo-1'], {})).outcome)).toBe('no fault');
});

test('vm.clone copies the volumes and gives the copy a name, a UUID and a MAC of its own', async () => {
  const started = await startHost();
  await run(started, 'snapshot.create', ['vm', 'demo-1'], {
    name: 's',
    description: '',
    memory: false,
    quiesce: false,
  });
  const { outcome } = await run(started, 'vm.clone', ['vm', 'demo-1'], {
    name: 'copy',
    uuid: '',
    change: { memoryBytes: 2 * GIB },
    template: false,
  });
  expect(faultOf(outcome)).toBe('no fault');
  const [source, copy] = [await vmNamed(started, 'demo-1'), await vmNamed(started, 'copy')];
  expect(copy).toMatchObject({
    powerState: 'stopped',
    memoryBytes: 2 * GIB,
    snapshots: [],
    autostart: false,
    cpuCount: source?.cpuCount,
  });
  expect(copy?.disks[0]?.medium.volumeName).toBe('copy%2fcopy.vmdk');
  expect(copy?.uuid).not.toBe(source?.uuid);
  expect(copy?.nics[0]?.mac).not.toBe(source?.nics[0]?.mac);
  expect(
    faultOf(
      (await run(started, 'vm.clone', ['vm', 'demo-1'], { name: 'copy', uuid: '', change: {}, template: false }))
        .outcome,
    ),
  ).toBe('duplicate-name');
});

test('a VM is renamed, marked for autostart, and its snapshots are made, renamed, reverted to and deleted', async () => {
  const started = await startHost();
  const vm: [DocumentKind, string] = ['vm', 'demo-3'];
  expect(faultOf((await run(started, 'vm.rename', vm, { name: 'demo-4' })).outcome)).toBe('duplicate-name');
  expect(faultOf((await run(started, 'vm.setAutostart', vm, { autostart: true })).outcome)).toBe('no fault');
  const { plan } = await run(started, 'snapshot.create', vm, {
    name: 's',
    description: 'd',
    memory: false,
    quiesce: false,
  });
  const native = String(plan?.makes?.native ?? '');
  expect(plan?.makes?.kind).toBe('snapshot');
  await run(started, 'snapshot.rename', vm, { snapshot: native, name: 't' });
  expect(await vmNamed(started, 'demo-3')).toMatchObject({
    autostart: true,
    snapshots: [{ native, name: 't', description: 'd', current: true }],
  });
  await run(started, 'vm.change', vm, { change: { memoryBytes: 3 * GIB } });
  await run(started, 'snapshot.revert', vm, { snapshot: native, start: true });
  expect(await vmNamed(started, 'demo-3')).toMatchObject({ memoryBytes: GIB, powerState: 'running' });
  await run(started, 'snapshot.deleteAll', vm, {});
  expect((await vmNamed(started, 'demo-3'))?.snapshots).toEqual([]);
  expect(faultOf((await run(started, 'snapshot.revert', vm, { snapshot: native })).outcome)).toBe('object-not-found');
});

test('volumes, storages and networks are made and taken away', async () => {
  const started = await startHost();
  const volume = (
    verb: 'volume.create' | 'volume.delete' | 'volume.copy' | 'volume.resize',
    more: Record<string, unknown>,
    name = 'v',
  ) =>
    run(
      started,
      verb,
      ['storage', 'datastore1'],
      (ids) =>
        ({
          storage: ids.idOf('storage', 'datastore1'),
          name,
          toStorage: ids.idOf('storage', 'datastore1'),
          ...more,
        }) as never,
    );
  expect(faultOf((await volume('volume.create', { capacityBytes: GIB, format: 'raw', thin: true })).outcome)).toBe(
    'no fault',
  );
  expect(faultOf((await volume('volume.resize', { capacityBytes: 2 * GIB })).outcome)).toBe('no fault');
  expect(faultOf((await volume('volume.resize', { capacityBytes: GIB })).outcome)).toBe('invalid-argument');
  expect(faultOf((await volume('volume.copy', { toName: 'w' })).outcome)).toBe('no fault');
  expect(faultOf((await volume('volume.delete', {})).outcome)).toBe('no fault');
  expect((await started.read('volume', 'datastore1/w'))?.capacityBytes).toBe(2 * GIB);
  expect(faultOf((await run(started, 'storage.create', 'host', { name: 'second', path: '' })).outcome)).toBe(
    'no fault',
  );
  expect(faultOf((await run(started, 'storage.create', 'host', { name: 'second', path: '' })).outcome)).toBe(
    'duplicate-name',
  );
  expect(faultOf((await run(started, 'storage.delete', ['storage', 'datastore1'], {})).outcome)).toBe('busy');
  expect(faultOf((await run(started, 'storage.delete', ['storage', 'second'], {})).outcome)).toBe('no fault');
  expect(
    faultOf((await run(started, 'network.create', 'host', { name: 'lab', bridge: 'b', uplinks: [] })).outcome),
  ).toBe('no fault');
  expect(
    faultOf((await run(started, 'network.addPortgroup', ['network', 'lab'], { name: 'pg', vlan: 5 })).outcome),
  ).toBe('no fault');
  expect(
    faultOf((await run(started, 'network.addPortgroup', ['network', 'lab'], { name: 'pg', vlan: 5 })).outcome),
  ).toBe('already-exists');
  expect(await started.read('network', 'lab')).toMatchObject({
    mode: 'isolated',
    portgroups: [{ name: 'pg', vlan: 5 }],
  });
  expect(faultOf((await run(started, 'network.delete', ['network', 'VM Network'], {})).outcome)).toBe('busy');
  expect(faultOf((await run(started, 'network.delete', ['network', 'lab'], {})).outcome)).toBe('no fault');
  expect(await names(started, 'network')).toEqual(['VM Network']);
});
