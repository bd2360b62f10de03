/** Plans but for vm.create and vm.change: renames, deletions, clones, snapshots, storage, networks, power; and that the driver knows their probes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STATE_QUESTIONS } from '../../../mappings/libvirt/driver/state-probes.ts';
import {
  type Estate,
  HOST,
  LAN,
  newDisk,
  newVm,
  OFF,
  openFixtures,
  POOL,
  RUNNING,
  SAVED,
  STILL,
  shape,
  xmlOf,
} from './plan-estate.ts';

let estate: Estate;
beforeAll(async () => {
  estate = await openFixtures();
});
afterAll(() => estate.dispose());

describe('vm.rename, vm.delete, vm.clone', () => {
  test('a stopped VM gets its domain renamed', async () => {
    const steps = await estate.steps('vm.rename', estate.id(STILL), { name: 'anders' });
    expect(shape(steps)).toEqual(['pivot DOMAIN_RENAME']);
    expect(steps[0]?.call.args['new_name']).toBe('anders');
  });

  test('one with a title keeps the title in step', async () => {
    const steps = await estate.steps('vm.rename', estate.id(OFF), { name: 'a/b' });
    expect(steps.map(({ call }) => [call.procedure, call.args['new_name'] ?? call.args['metadata']])).toEqual([
      ['DOMAIN_RENAME', 'a-b'],
      ['DOMAIN_SET_METADATA', 'a/b'],
    ]);
  });

  test('a running or saved VM gets a title', async () => {
    for (const [native, flags] of [
      [RUNNING, 3],
      [SAVED, 2],
    ] as const) {
      const [only, ...rest] = await estate.steps('vm.rename', estate.id(native), { name: 'neu' });
      expect(rest).toEqual([]);
      expect(only?.call.args).toMatchObject({ type: 1, metadata: 'neu', flags });
    }
  });

  test('delete needs a VM that is off, and takes only what nobody else uses', async () => {
    expect(await estate.fault('vm.delete', estate.id(RUNNING), { deleteVolumes: true })).toMatchObject({
      kind: 'wrong-state',
    });
    // RUNNING has the same volume.
    expect(shape(await estate.steps('vm.delete', estate.id(STILL), { deleteVolumes: true }))).toEqual([
      'pivot DOMAIN_UNDEFINE_FLAGS',
    ]);
    const [saved] = await estate.steps('vm.delete', estate.id(SAVED), { deleteVolumes: false });
    expect(saved?.call.args['flags']).toBe(1);
  });

  test('a clone copies the volumes and has its own identity', async () => {
    const steps = await estate.steps('vm.clone', estate.id(STILL), {
      name: 'klon',
      uuid: '',
      change: { memoryBytes: 2 ** 28 },
      template: true,
    });
    expect(shape(steps)).toEqual(['compensatable STORAGE_VOL_CREATE_XML_FROM', 'pivot DOMAIN_DEFINE_XML_FLAGS']);
    expect(steps[0]?.call.args).toMatchObject({ clonevol: { pool: 'default', name: 'a%2fa.vmdk' } });
    const xml = xmlOf(steps);
    expect(xml).toContain('/srv/pool/klon%2fklon.vmdk');
    for (const old of [STILL, '52:54:00:00:00:0a', '<name>still', 'a%2fa.vmdk']) expect(xml).not.toContain(old);
    expect(xml).toContain('template>true<');
    expect(xml).toContain('job>job-77<');
    expect(
      await estate.fault('vm.clone', estate.id(RUNNING), { name: 'k2', uuid: '', change: {}, template: false }),
    ).toMatchObject({ kind: 'wrong-state' });
  });
});

describe('the host itself', () => {
  test.each(['host.enterMaintenance', 'host.exitMaintenance', 'host.reboot', 'host.shutdown'] as const)(
    '%s is none of libvirt’s',
    async (verb) => expect(await estate.fault(verb, HOST, {})).toMatchObject({ kind: 'not-supported' }),
  );
});

describe('snapshots', () => {
  test('create, with a mark where the memory shall not come back or the name is none of libvirt’s', async () => {
    const plain = await estate.steps('snapshot.create', estate.id(RUNNING), {
      name: 's',
      description: '<d>',
      memory: true,
      quiesce: false,
    });
    expect(shape(plain)).toEqual(['pivot DOMAIN_SNAPSHOT_CREATE_XML']);
    expect(plain[0]?.call.args['xml_desc']).toBe(
      '<domainsnapshot><name>s</name><description>&lt;d&gt;</description></domainsnapshot>',
    );
    const marked = await estate.steps('snapshot.create', estate.id(RUNNING), {
      name: 'first',
      description: '',
      memory: false,
      quiesce: false,
    });
    expect(shape(marked)).toEqual(['compensatable DOMAIN_SET_METADATA', 'pivot DOMAIN_SNAPSHOT_CREATE_XML']);
    expect(marked[0]?.call.args['metadata']).toContain('<snapshot native="first-2" memory="false">first</snapshot>');
  });

  test('revert is forced, and keeps the display name', async () => {
    const steps = await estate.steps('snapshot.revert', estate.id(RUNNING), { snapshot: 'first', start: false });
    expect(shape(steps)).toEqual(['pivot DOMAIN_REVERT_TO_SNAPSHOT', 'forward-only DOMAIN_DESTROY_FLAGS']);
    expect(steps[0]?.call.args).toEqual({ snap: { name: 'first', dom: { uuid: RUNNING } }, flags: 4 });
  });

  test('rename tells the same snapshot anew', async () => {
    const [redefine] = await estate.steps('snapshot.rename', estate.id(RUNNING), {
      snapshot: 'first',
      name: 'Zweiter/Name',
      description: 'neu',
    });
    const xml = String(redefine?.call.args['xml_desc']);
    expect(redefine?.call.args['flags']).toBe(3);
    expect(xml).toContain('<description>neu</description>');
    expect(xml).toContain('<name>first</name>');
    expect(xml).toMatch(/snapshot native="first" memory="true">Zweiter\/Name</);
  });

  test('delete, alone, with children, and all', async () => {
    expect(
      (await estate.steps('snapshot.delete', estate.id(RUNNING), { snapshot: 'first', children: true }))[0]?.call.args[
        'flags'
      ],
    ).toBe(1);
    expect(shape(await estate.steps('snapshot.deleteAll', estate.id(RUNNING), {}))).toEqual([
      'pivot DOMAIN_SNAPSHOT_DELETE',
    ]);
    expect(
      await estate.fault('snapshot.delete', estate.id(RUNNING), { snapshot: 'no', children: false }),
    ).toMatchObject({ kind: 'object-not-found' });
  });
});

describe('storage, volumes, networks, power', () => {
  test('faults', async () => {
    const storage = estate.id(POOL);
    expect(
      await estate.fault('volume.create', storage, {
        storage,
        name: 'a%2fa.vmdk',
        capacityBytes: 1,
        format: 'qcow2',
        thin: true,
      }),
    ).toMatchObject({ kind: 'file-exists' });
    expect(
      await estate.fault('volume.create', storage, {
        storage,
        name: '../x',
        capacityBytes: 1,
        format: 'qcow2',
        thin: true,
      }),
    ).toMatchObject({ kind: 'invalid-name' });
    expect(await estate.fault('volume.delete', storage, { storage, name: 'a%2fa.vmdk' })).toMatchObject({
      kind: 'file-locked',
    });
    expect(await estate.fault('volume.delete', storage, { storage, name: 'no' })).toMatchObject({
      kind: 'file-not-found',
    });
    expect(await estate.fault('storage.delete', storage, {})).toMatchObject({ kind: 'busy' });
    expect(await estate.fault('storage.create', HOST, { name: 'default', path: '/x' })).toMatchObject({
      kind: 'duplicate-name',
    });
    expect(await estate.fault('network.delete', estate.id(LAN), {})).toMatchObject({ kind: 'busy' });
    expect(await estate.fault('network.addPortgroup', estate.id(LAN), { name: 'blue', vlan: 1 })).toMatchObject({
      kind: 'already-exists',
    });
    expect(await estate.fault('network.addPortgroup', estate.id(LAN), { name: 'red', vlan: 7 })).toMatchObject({
      kind: 'not-supported',
    });
    expect(await estate.fault('vm.start', estate.id(RUNNING), {})).toMatchObject({
      kind: 'wrong-state',
      existing: 'running',
    });
    expect(await estate.fault('vm.start', HOST, {})).toMatchObject({ kind: 'object-not-found' });
  });

  test('a new storage is defined, built, started; each with its probe', async () => {
    const steps = await estate.steps('storage.create', HOST, { name: 'n', path: '/srv/n' });
    expect(shape(steps)).toEqual([
      'compensatable STORAGE_POOL_DEFINE_XML',
      'compensatable STORAGE_POOL_BUILD',
      'pivot STORAGE_POOL_CREATE',
      'forward-only STORAGE_POOL_SET_AUTOSTART',
    ]);
  });

  test('a saved VM is started by its saved state, and turned off by dropping it', async () => {
    expect(shape(await estate.steps('vm.start', estate.id(SAVED), {}))).toEqual(['pivot DOMAIN_CREATE_WITH_FLAGS']);
    expect(shape(await estate.steps('vm.stop', estate.id(SAVED), {}))).toEqual(['pivot DOMAIN_MANAGED_SAVE_REMOVE']);
  });

  test('every probe of a plan is one that the driver answers', async () => {
    const driver = new Set([
      ...Object.keys(STATE_QUESTIONS),
      'volume-exists',
      'volume-absent',
      'domain-exists',
      'domain-absent',
      'snapshot-exists',
      'snapshot-absent',
    ]);
    const storage = estate.id(POOL);
    const plans = await Promise.all([
      estate.steps('storage.create', HOST, { name: 'n', path: '/srv/n' }),
      estate.steps('network.create', HOST, { name: 'n', bridge: 'br0', uplinks: [] }),
      estate.steps('network.removePortgroup', estate.id(LAN), { name: 'blue' }),
      estate.steps('volume.copy', storage, { storage, name: 'a%2fa.vmdk', toStorage: storage, toName: 'b' }),
      estate.steps('vm.create', HOST, { vm: newVm(estate, { autostart: true }), disks: [newDisk(estate, 4096)] }),
      estate.steps('vm.rename', estate.id(OFF), { name: 'z' }),
      estate.steps('snapshot.revert', estate.id(RUNNING), { snapshot: 'first' }),
      estate.steps('storage.refresh', storage, {}),
      estate.steps('vm.setAutostart', estate.id(OFF), { autostart: true }),
      estate.steps('vm.suspend', estate.id(RUNNING), {}),
      estate.steps('vm.pause', estate.id(RUNNING), {}),
    ]);
    for (const step of plans.flat()) expect(driver).toContain(step.probe.probe);
    for (const steps of plans) expect(steps.filter(({ kind }) => kind === 'pivot')).toHaveLength(1);
  });
});
