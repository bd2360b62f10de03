/** Power of machines and asynchronous calls: what each becomes, and what it is refused for. */
import { beforeEach, describe, expect, it } from 'vitest';
import { hubId } from '../../../../mappings/generic/ids.ts';
import {
  DOM0,
  fault,
  HOST,
  kept,
  NULL,
  onlyCommand,
  POOL,
  ref,
  SNAPSHOT_REF,
  SPARE,
  TEMPLATE,
  type TestHost,
  testHost,
  VOLUME,
  WEB,
  WEB_REF,
} from './host.ts';

let host: TestHost;
beforeEach(() => {
  host = testHost();
});
const verbs = (): string[] => host.commands.map(({ command }) => command.verb);

describe('power', () => {
  it.each([
    ['VM.start', 'stopped', 'vm.start', {}],
    ['VM.start_on', 'stopped', 'vm.start', {}],
    ['VM.resume', 'suspended', 'vm.start', {}],
    ['VM.pause', 'running', 'vm.pause', {}],
    ['VM.unpause', 'paused', 'vm.resume', {}],
    ['VM.suspend', 'running', 'vm.suspend', {}],
    ['VM.hard_shutdown', 'paused', 'vm.stop', {}],
    ['VM.hard_shutdown', 'suspended', 'vm.stop', {}],
    ['VM.hard_reboot', 'running', 'vm.reset', {}],
    ['VM.clean_reboot', 'running', 'vm.rebootGuest', {}],
    ['VM.clean_shutdown', 'running', 'vm.shutdownGuest', { awaitMs: 1_200_000 }],
  ] as const)('%s of a VM that is %s is %s', (method, powerState, verb, params) => {
    host.setWeb({ powerState });
    expect(host.value(method, WEB_REF, { host: ref('host', HOST), start_paused: false, force: false })).toBeUndefined();
    expect(onlyCommand(host)).toMatchObject({ verb, target: WEB, params });
  });

  it('comes up paused when that is asked for', () => {
    host.value('VM.start', WEB_REF, { start_paused: true, force: false });
    expect(onlyCommand(host).params).toEqual({ paused: true });
    expect(host.web().powerState).toBe('paused');
  });

  it('names expected and actual states in lower case', () => {
    host.setWeb({ powerState: 'running' });
    expect(host.value('VM.start', WEB_REF)).toEqual(['VM_BAD_POWER_STATE', WEB_REF, 'halted', 'running']);
    expect(host.value('VM.destroy', WEB_REF)).toEqual(['VM_BAD_POWER_STATE', WEB_REF, 'halted, suspended', 'running']);
    host.setWeb({ powerState: 'stopped' });
    expect(host.value('VM.hard_shutdown', WEB_REF)).toEqual([
      'VM_BAD_POWER_STATE',
      WEB_REF,
      'running, paused, suspended',
      'halted',
    ]);
    expect(host.commands).toEqual([]);
  });

  it('refuses templates, snapshots, the control domain and what is not there', () => {
    host.setWeb({ template: true });
    expect(host.value('VM.start', WEB_REF)).toEqual(['VM_IS_TEMPLATE', WEB_REF, 'start']);
    expect(host.value('VM.start', SNAPSHOT_REF)).toEqual(['VM_IS_SNAPSHOT', SNAPSHOT_REF, 'start']);
    expect(host.value('VM.start', TEMPLATE)).toEqual(['VM_IS_TEMPLATE', TEMPLATE, 'start']);
    expect(host.value('VM.hard_reboot', DOM0)).toMatchObject(['OPERATION_NOT_ALLOWED', expect.any(String)]);
    for (const gone of [
      ref('VM', hubId('vm', 99)),
      ref('VM', HOST, 77),
      ref('VDI', WEB),
      NULL,
      'OpaqueRef:nonsense',
      '',
    ])
      expect(host.value('VM.start', gone)).toEqual(['HANDLE_INVALID', 'VM', gone]);
  });

  it('keeps a blocked operation from being done, and marks the VM for those who would not ask', () => {
    host.value('VM.add_to_blocked_operations', WEB_REF, { key: 'start', value: 'not today' });
    expect(kept(host.web())).toMatchObject({ 'blocked_operations.start': 'not today', guard: '1' });
    expect(host.value('VM.start', WEB_REF)).toEqual(['OPERATION_BLOCKED', WEB_REF, 'not today']);
    host.value('VM.remove_from_blocked_operations', WEB_REF, { key: 'start' });
    expect(kept(host.web())).toEqual({ 'other_config.mine': 'kept' });
  });

  it('stops a guest that does not listen, and asks none that cannot hear', () => {
    host.setWeb({ powerState: 'running', guest: { toolsInstalled: true, toolsRunning: true, addresses: [] } });
    host.failNext('vm.shutdownGuest', fault('timeout', {}, 'too late'));
    host.value('VM.shutdown', WEB_REF);
    expect(verbs()).toEqual(['vm.shutdownGuest', 'vm.stop']);
    host.commands.length = 0;
    host.setWeb({ powerState: 'running', guest: { toolsInstalled: false, toolsRunning: false, addresses: [] } });
    host.value('VM.shutdown', WEB_REF);
    expect(verbs()).toEqual(['vm.stop']);
  });

  it('says which operation holds the VM when its queue stays busy', () => {
    host.setWeb({ powerState: 'stopped' });
    host.call('Async.VM.start', WEB_REF);
    const holder = host.context.jobs.list()[0];
    host.setWeb({ powerState: 'stopped' });
    host.failNext('vm.start', fault('busy', { job: holder?.id as never }, ''));
    expect(host.value('VM.start', WEB_REF)).toEqual([
      'OTHER_OPERATION_IN_PROGRESS',
      'VM',
      WEB_REF,
      'start',
      ref('task', holder?.id as never),
    ]);
  });
});

describe('asynchronous calls', () => {
  it('answer with the task of the command, and settle one where nothing is left to do', () => {
    expect(host.value('Async.VM.start', WEB_REF)).toBe(ref('task', hubId('job', 101)));
    expect(host.commands[0]).toMatchObject({ how: 'start', method: 'Async.VM.start' });
    host.value('Async.VM.assert_operation_valid', WEB_REF, { op: 'pause' });
    expect(host.settled).toEqual([{ ok: true, value: undefined }]);
  });

  it('tell what is wrong by their task', () => {
    expect(host.value('Async.VM.pause', WEB_REF)).toMatch(/^OpaqueRef:/);
    expect(host.settled[0]).toMatchObject({ ok: false, fault: { native: { code: 'VM_BAD_POWER_STATE' } } });
    expect(host.commands).toEqual([]);
  });

  it('run what comes before under the plain name', () => {
    expect(host.value('Async.VDI.destroy', ref('VDI', VOLUME))).toMatch(/^OpaqueRef:/);
    expect(host.commands.map(({ how, method }) => `${how} ${method}`)).toEqual([
      'run VDI.destroy',
      'start Async.VDI.destroy',
    ]);
  });

  it.each([
    ['VM.destroy', WEB_REF, {}],
    ['VDI.copy', ref('VDI', SPARE), { sr: ref('SR', POOL) }],
    ['VDI.clone', ref('VDI', SPARE), {}],
    ['VDI.snapshot', ref('VDI', SPARE), {}],
    ['SR.create', '', { host: ref('host', HOST), type: 'file', name_label: 'x', device_config: { location: '/x' } }],
    ['network.create', '', { args: { name_label: 'x', other_config: { a: 'b' } } }],
  ])('%s: its one command is the task, with all that follows it', (method, self, args) => {
    expect(host.value(`Async.${method}`, self, args)).toBe(ref('task', hubId('job', 101)));
    expect(host.commands.map((one) => `${one.how} ${one.method}`)).toEqual([`start Async.${method}`]);
  });

  it('a shutdown that the guest does not listen to is one task', () => {
    host.setWeb({ powerState: 'running', guest: { ...host.web().guest, toolsRunning: true } });
    host.failNext('vm.shutdownGuest', fault('timeout', {}, 'too late'));
    const task = host.value('Async.VM.shutdown', WEB_REF);
    expect(task).toBe(ref('task', hubId('job', 101)));
    expect(host.commands.map(({ how, command }) => `${how} ${command.verb}`)).toEqual([
      'start vm.shutdownGuest',
      'run vm.stop',
    ]);
    expect(host.context.jobs.get(hubId('job', 101))).toMatchObject({ state: 'success' });
  });

  it('a shutdown that is cancelled pulls no plug', () => {
    host.setWeb({ powerState: 'running', guest: { ...host.web().guest, toolsRunning: true } });
    host.failNext('vm.shutdownGuest', fault('cancelled', {}, 'cancelled'));
    host.value('Async.VM.shutdown', WEB_REF);
    expect(host.commands.map(({ command }) => command.verb)).toEqual(['vm.shutdownGuest']);
    expect(host.context.jobs.get(hubId('job', 101))).toMatchObject({ state: 'error', fault: { kind: 'cancelled' } });
  });
});
