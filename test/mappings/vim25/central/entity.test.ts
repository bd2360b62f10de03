/** Destroy, rename, templates, guest power, snapshots, host networks and datastores: the command of each, and its faults. */
import { beforeEach, describe, expect, it } from 'vitest';
import { fault, refused } from '../../../../mappings/generic/faults.ts';
import { hubId } from '../../../../mappings/generic/ids.ts';
import { centralMethods } from '../../../../mappings/vim25/central/central.ts';
import { commands, rowOf } from '../../../../mappings/vim25/commands.ts';
import {
  done,
  faultOf,
  HOST,
  moref,
  NETWORK,
  onlyCommand,
  POOL,
  type TestHost,
  testHost,
  WEB,
  WEB_TARGET,
  webDoc,
} from './host.ts';

let host: TestHost;
beforeEach(() => {
  host = testHost();
});

const web = (more: Parameters<typeof webDoc>[0]) => host.put('vm', WEB, 'web-native', webDoc(more));

describe('the table', () => {
  it('has an answer for every central row, and a row for every answer', () => {
    const central = commands.filter(({ route }) => route === 'central').map(({ method }) => method);
    expect(central.filter((method) => !centralMethods.includes(method))).toEqual([]);
    expect(centralMethods.filter((method) => rowOf(method)?.route !== 'central')).toEqual([]);
  });
});

describe('an entity', () => {
  it('is destroyed with its volumes, when off', () => {
    host.call('Destroy_Task', WEB_TARGET);
    expect(onlyCommand(host)).toMatchObject({ verb: 'vm.delete', target: WEB, params: { deleteVolumes: true } });
  });

  it('is not destroyed while on: the task says so', () => {
    web({ powerState: 'running' });
    const reply = host.call('Destroy_Task', WEB_TARGET);
    expect(reply.kind).toBe('value');
    expect(faultOf(host, reply)).toMatchObject({
      type: 'InvalidPowerState',
      members: { requestedState: 'poweredOff', existingState: 'poweredOn' },
    });
    expect(host.commands).toEqual([]);
  });

  it('of another kind is neither destroyed nor renamed', () => {
    for (const target of [
      { type: 'Folder', id: 'ha-folder-vm' },
      { type: 'Datastore', id: 'datastore-2' },
      { type: 'Datacenter', id: 'ha-datacenter' },
    ]) {
      expect(host.call('Destroy_Task', target)).toMatchObject({ kind: 'fault', fault: { kind: 'not-supported' } });
      expect(host.call('Rename_Task', target, { newName: 'x' })).toMatchObject({
        kind: 'fault',
        fault: { kind: 'not-supported' },
      });
    }
  });

  it('is renamed, its escaped name taken for what it means', () => {
    host.call('Rename_Task', WEB_TARGET, { newName: 'a%2fb' });
    expect(onlyCommand(host)).toMatchObject({ verb: 'vm.rename', params: { name: 'a/b' } });
  });

  it.each([
    ['', 'InvalidName'],
    ['x'.repeat(81), 'InvalidName'],
    ['a\u0000b', 'InvalidName'],
    ['other', 'DuplicateName'],
  ])('is not renamed to %j', (newName, type) => {
    host.put('vm', hubId('vm', 11), 'other', webDoc({ name: 'other' }));
    expect(faultOf(host, host.call('Rename_Task', WEB_TARGET, { newName }))?.type).toBe(type);
    expect(host.commands).toEqual([]);
  });

  it('becomes a template once, and a machine again', () => {
    expect(host.call('MarkAsTemplate', WEB_TARGET)).toEqual({ kind: 'value', value: undefined });
    expect(onlyCommand(host)).toMatchObject({ verb: 'vm.change', params: { change: { template: true } } });
    expect(
      faultOf(host, host.call('MarkAsVirtualMachine', WEB_TARGET, { pool: moref('ResourcePool', 'ha-root-pool') }))
        ?.type,
    ).toBe('NotSupported');
    web({ powerState: 'running' });
    expect(faultOf(host, host.call('MarkAsTemplate', WEB_TARGET))?.type).toBe('InvalidPowerState');
  });

  it('reboots only with tools', () => {
    web({ powerState: 'running' });
    expect(faultOf(host, host.call('RebootGuest', WEB_TARGET))?.type).toBe('ToolsUnavailable');
    web({ powerState: 'running', guest: { toolsInstalled: true, toolsRunning: true, addresses: [] } });
    host.call('RebootGuest', WEB_TARGET);
    expect(onlyCommand(host)).toMatchObject({ verb: 'vm.rebootGuest' });
    web({});
    expect(faultOf(host, host.call('RebootGuest', WEB_TARGET))?.type).toBe('InvalidPowerState');
  });

  it('without a lease is powered from here', () => {
    host.call('PowerOnVM_Task', WEB_TARGET);
    expect(host.commands).toMatchObject([
      { how: 'start', command: { verb: 'vm.start', target: WEB, host: HOST, params: {} } },
    ]);
    host.call('ShutdownGuest', WEB_TARGET);
    expect(host.commands[1]).toMatchObject({ how: 'run', command: { verb: 'vm.shutdownGuest' } });
    web({ template: true });
    expect(faultOf(host, host.call('PowerOnVM_Task', WEB_TARGET))?.type).toBe('InvalidState');
  });

  it('is no business of vCenter', () => {
    expect(host.call('CloneVM_Task', WEB_TARGET)).toMatchObject({ kind: 'fault', fault: { kind: 'not-supported' } });
    expect(
      faultOf(host, host.call('PowerOnMultiVM_Task', { type: 'Datacenter', id: 'ha-datacenter' }, { vm: [] }))?.type,
    ).toBe('NotImplemented');
  });

  it('tells the fault of its command', () => {
    host.onRun(() => fault('busy', {}, ''));
    web({ powerState: 'running', guest: { toolsInstalled: true, toolsRunning: true, addresses: [] } });
    expect(host.call('RebootGuest', WEB_TARGET)).toMatchObject({ kind: 'fault', fault: { kind: 'busy' } });
  });
});

describe('snapshots', () => {
  const snapshots = [
    {
      id: hubId('snapshot', 50),
      native: 'one-native',
      name: 'one',
      description: '',
      createdMs: 1,
      powerState: 'stopped',
      hasMemory: false,
      quiesced: false,
      current: false,
    },
    {
      id: hubId('snapshot', 51),
      native: 'two-native',
      name: 'two',
      description: '',
      createdMs: 2,
      powerState: 'stopped',
      hasMemory: false,
      quiesced: false,
      parent: 'one-native',
      current: true,
    },
  ] as const;
  const target = { type: 'VirtualMachineSnapshot', id: 'snapshot-50' };

  it('keep memory and quiesce only where there is a guest', () => {
    host.call('CreateSnapshot_Task', WEB_TARGET, { name: 's', description: 'd', memory: true, quiesce: true });
    expect(onlyCommand(host)).toMatchObject({
      verb: 'snapshot.create',
      target: WEB,
      params: { name: 's', description: 'd', memory: false, quiesce: false },
    });
    web({ powerState: 'running' });
    host.call('CreateSnapshot_Task', WEB_TARGET, { name: 's', memory: true, quiesce: true });
    expect(host.commands[1]?.command.params).toEqual({ name: 's', description: '', memory: true, quiesce: false });
  });

  it('are found by their reference', () => {
    web({ snapshots: [...snapshots] });
    host.call('RevertToSnapshot_Task', target, { suppressPowerOn: true });
    host.call('RemoveSnapshot_Task', target, { removeChildren: true });
    host.call('RenameSnapshot', target, { name: 'uno' });
    host.call('RevertToCurrentSnapshot_Task', WEB_TARGET);
    host.call('RemoveAllSnapshots_Task', WEB_TARGET);
    expect(host.commands.map(({ command: { verb, target: on, params } }) => [verb, on, params])).toEqual([
      ['snapshot.revert', WEB, { snapshot: 'one-native', start: false }],
      ['snapshot.delete', WEB, { snapshot: 'one-native', children: true }],
      ['snapshot.rename', WEB, { snapshot: 'one-native', name: 'uno' }],
      ['snapshot.revert', WEB, { snapshot: 'two-native' }],
      ['snapshot.deleteAll', WEB, {}],
    ]);
  });

  it('that are not there', () => {
    expect(host.call('RemoveSnapshot_Task', target, { removeChildren: false })).toMatchObject({
      kind: 'fault',
      fault: { kind: 'object-not-found' },
    });
    expect(faultOf(host, host.call('RevertToCurrentSnapshot_Task', WEB_TARGET))?.type).toBe('NotFound');
    host.call('RemoveAllSnapshots_Task', WEB_TARGET);
    expect(host.settled.at(-1)).toEqual({ ok: true, value: undefined });
    expect(host.commands).toEqual([]);
  });
});

describe('the host', () => {
  const network = { type: 'HostNetworkSystem', id: 'networkSystem' };
  const store = { type: 'HostDatastoreSystem', id: 'ha-datastoresystem' };
  const policy = { _type: 'HostNetworkPolicy' };

  it('has switches and port groups', () => {
    host.call('AddVirtualSwitch', network, {
      vswitchName: 'vSwitch1',
      spec: { numPorts: 128, bridge: { _type: 'HostVirtualSwitchBondBridge', nicDevice: ['eth1'] } },
    });
    host.call('AddPortGroup', network, { portgrp: { name: 'blue', vlanId: 7, vswitchName: 'VM Network', policy } });
    host.call('RemoveVirtualSwitch', network, { vswitchName: 'VM Network' });
    expect(host.commands.map(({ command: { verb, params } }) => [verb, params])).toEqual([
      ['network.create', { name: 'vSwitch1', bridge: '', uplinks: ['eth1'] }],
      ['network.addPortgroup', { name: 'blue', vlan: 7 }],
      ['network.delete', {}],
    ]);
  });

  it('keeps what is in use, and has one of a name', () => {
    host.relate(NETWORK, 'vm', [WEB]);
    expect(faultOf(host, host.call('RemoveVirtualSwitch', network, { vswitchName: 'VM Network' }))?.type).toBe(
      'ResourceInUse',
    );
    expect(faultOf(host, host.call('AddVirtualSwitch', network, { vswitchName: 'VM Network' }))?.type).toBe(
      'AlreadyExists',
    );
    expect(
      faultOf(
        host,
        host.call('AddPortGroup', network, { portgrp: { name: 'x', vlanId: 0, vswitchName: 'no', policy } }),
      )?.type,
    ).toBe('NotFound');
    expect(faultOf(host, host.call('RemovePortGroup', network, { pgName: 'no' }))?.type).toBe('NotFound');
    host.relate(POOL, 'vm', [WEB]);
    expect(
      faultOf(host, host.call('RemoveDatastore', store, { datastore: moref('Datastore', 'datastore-2') }))?.type,
    ).toBe('ResourceInUse');
    expect(host.commands).toEqual([]);
  });

  it('makes datastores and answers with their reference', () => {
    host.onRun(() => 'storage-60');
    const spec = { remoteHost: 'nas', remotePath: '/export', localPath: 'nfs', accessMode: 'readWrite' };
    expect(host.call('CreateNasDatastore', store, { spec })).toMatchObject({
      value: { type: 'Datastore', value: 'datastore-60' },
    });
    expect(onlyCommand(host)).toMatchObject({
      verb: 'storage.create',
      target: HOST,
      params: { name: 'nfs', path: '', remoteHost: 'nas', remotePath: '/export' },
    });
    expect(faultOf(host, host.call('CreateLocalDatastore', store, { name: 'x', path: '/a/../../etc' }))?.type).toBe(
      'InvalidArgument',
    );
    expect(faultOf(host, host.call('CreateLocalDatastore', store, { name: 'default', path: '/a' }))?.type).toBe(
      'DuplicateName',
    );
  });

  it('starts machines with itself', () => {
    const info = {
      key: moref('VirtualMachine', '10'),
      startOrder: 1,
      startDelay: -1,
      waitForHeartbeat: 'systemDefault',
      startAction: 'powerOn',
      stopDelay: -1,
      stopAction: 'none',
    };
    host.call(
      'ReconfigureAutostart',
      { type: 'HostAutoStartManager', id: 'ha-autostart-mgr' },
      { spec: { powerInfo: [info] } },
    );
    expect(onlyCommand(host)).toMatchObject({ verb: 'vm.setAutostart', target: WEB, params: { autostart: true } });
  });

  it('shows a screen as a picture in the datastore', () => {
    web({ powerState: 'running' });
    host.onAsk(() => done({ bytes: Buffer.from('P6\n# by hand\n2 1\n255\n\xff\x00\x00\x00\xff\x00', 'latin1') }));
    host.call('CreateScreenshot_Task', WEB_TARGET);
    expect(host.asked).toEqual([{ question: 'screenshot', args: { vm: 'web-native', screen: 0 } }]);
    expect(host.settled).toEqual([{ ok: true, value: '[default] web/web-screenshot.png' }]);
    const kept = host.own.get(`vim25.tree ${POOL}/web/web-screenshot.png`) as { base64: string };
    expect(Buffer.from(kept.base64, 'base64').subarray(1, 4).toString()).toBe('PNG');
    host.onAsk(() => refused(fault('not-supported', {}, '')));
    expect(faultOf(host, host.call('CreateScreenshot_Task', WEB_TARGET))?.type).toBe('NotSupported');
  });
});
