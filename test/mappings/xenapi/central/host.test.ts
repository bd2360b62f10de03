/** The host itself, a pool's only one: disabled and enabled, evacuated, switched off; what each call becomes and what it is refused for. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Host } from '../../../../mappings/generic/model.ts';
import { readOwn } from '../../../../mappings/xenapi/own-data.ts';
import {
  HOST,
  hostDoc,
  NETWORK,
  NULL,
  networkDoc,
  onlyCommand,
  ref,
  type TestHost,
  testHost,
  WEB_REF,
} from './host.ts';

const SELF = ref('host', HOST);
const args = { host: SELF };

let host: TestHost;
beforeEach(() => {
  host = testHost();
});
const hostIs = (more: Partial<Host>): void => host.put('host', HOST, { ...hostDoc, ...more });
const run = (): void => host.setWeb({ powerState: 'running' });
const verbs = (): string[] => host.commands.map(({ command }) => command.verb);

describe('a host without a maintenance mode', () => {
  it('starts nothing while it is disabled, and starts again when it is enabled', () => {
    host.value('host.disable', '', { ...args, auto_enable: true });
    expect(host.value('VM.start', WEB_REF)).toEqual(['NO_HOSTS_AVAILABLE']);
    expect(host.value('VM.start_on', WEB_REF, { host: SELF })).toEqual(['HOST_DISABLED', SELF]);
    expect(host.value('VM.assert_can_boot_here', WEB_REF, { host: SELF })).toEqual(['HOST_DISABLED', SELF]);
    expect(host.value('VM.get_possible_hosts', WEB_REF)).toEqual([]);
    expect(verbs()).toEqual([]);
    host.value('host.enable', '', args);
    expect(host.value('VM.get_possible_hosts', WEB_REF)).toEqual([SELF]);
    host.value('VM.start', WEB_REF);
    expect(onlyCommand(host).verb).toBe('vm.start');
  });

  it('lets run on what runs', () => {
    run();
    host.value('host.disable', '', args);
    expect(host.value('VM.assert_can_boot_here', WEB_REF, { host: SELF })).toBeUndefined();
    host.value('VM.hard_reboot', WEB_REF);
    expect(onlyCommand(host).verb).toBe('vm.reset');
  });

  it('does not resume what is suspended while it is disabled', () => {
    host.setWeb({ powerState: 'suspended' });
    host.value('host.disable', '', args);
    expect(host.value('VM.resume', WEB_REF)).toEqual(['NO_HOSTS_AVAILABLE']);
    expect(host.value('VM.resume_on', WEB_REF, { host: SELF })).toEqual(['HOST_DISABLED', SELF]);
  });
});

describe('a host with a maintenance mode', () => {
  it('is put into it and out of it', () => {
    hostIs({ controls: ['maintenance'] });
    host.value('host.disable', '', args);
    expect(readOwn(host.context, SELF, 'enabled')).toBeUndefined();
    hostIs({ controls: ['maintenance'], maintenance: true });
    expect(host.value('VM.start', WEB_REF)).toEqual(['NO_HOSTS_AVAILABLE']);
    host.value('host.disable', '', args);
    host.value('host.enable', '', args);
    expect(verbs()).toEqual(['host.enterMaintenance', 'host.exitMaintenance']);
  });

  it('is only told here that it is disabled while machines run on it, which that mode would not let', () => {
    hostIs({ controls: ['maintenance'] });
    run();
    host.value('host.disable', '', args);
    expect(verbs()).toEqual([]);
    expect(readOwn(host.context, SELF, 'enabled')).toBe(false);
  });
});

describe('a host that is to be left', () => {
  it('cannot be while machines run: there is no other', () => {
    run();
    expect(host.value('host.evacuate', '', args)).toEqual(['NO_HOSTS_AVAILABLE', WEB_REF]);
    expect(host.value('host.assert_can_evacuate', '', args)).toEqual([
      'CANNOT_EVACUATE_HOST',
      `NO_HOSTS_AVAILABLE,${WEB_REF}`,
    ]);
    expect(host.value('host.get_vms_which_prevent_evacuation', SELF)).toEqual({
      [WEB_REF]: ['NO_HOSTS_AVAILABLE', WEB_REF],
    });
  });

  it('is left when nothing runs', () => {
    expect(host.value('host.evacuate', '', args)).toBeUndefined();
    expect(host.value('host.assert_can_evacuate', '', args)).toBeUndefined();
    expect(host.value('host.get_vms_which_prevent_evacuation', SELF)).toEqual({});
  });
});

describe.each(['reboot', 'shutdown'] as const)('%s', (power) => {
  it('asks for a host that is disabled and on which nothing runs', () => {
    expect(host.value(`host.${power}`, '', args)).toEqual(['HOST_NOT_DISABLED']);
    run();
    host.value('host.disable', '', args);
    expect(host.value(`host.${power}`, '', args)).toEqual(['HOST_IN_USE', SELF, 'vm', WEB_REF]);
    expect(verbs()).toEqual([]);
    host.setWeb({ powerState: 'stopped' });
    host.value(`host.${power}`, '', args);
    expect(verbs()).toEqual([`host.${power}`]);
  });
});

it('a host that is there is neither switched on nor taken out of its pool', () => {
  expect(host.value('host.power_on', '', args)).toEqual(['HOST_IS_LIVE', SELF]);
  expect(host.value('host.destroy', SELF)).toEqual(['HOST_IS_LIVE', SELF]);
  hostIs({ connected: false });
  expect(host.value('host.power_on', '', args)).toEqual(['HOST_POWER_ON_MODE_DISABLED']);
});

it('a restart of the toolstack ends every session, and changes nothing on the host', () => {
  host.value('host.restart_agent', '', args);
  expect([...host.loggedIn]).toEqual([]);
  expect(host.commands).toEqual([]);
});

it('a restart of the toolstack enables a host again, unless it was disabled to stay so', () => {
  const isDisabled = (): boolean => readOwn(host.context, SELF, 'enabled') === false;
  host.value('host.disable', '', { ...args, auto_enable: false });
  host.value('host.restart_agent', '', args);
  expect(isDisabled()).toBe(true);
  host.value('host.disable', '', { ...args, auto_enable: true });
  host.value('host.restart_agent', '', args);
  expect(isDisabled()).toBe(false);
});

it('log messages stay on the host: another place can be written down, and not be told to it', () => {
  host.show(HOST, 'host', SELF, { logging: {} });
  expect(host.value('host.syslog_reconfigure', '', args)).toBeUndefined();
  host.value('host.add_to_logging', SELF, { key: 'syslog_destination', value: 'logs.example' });
  expect(host.value('host.syslog_reconfigure', '', args)).toEqual(['NOT_IMPLEMENTED', 'host.syslog_reconfigure']);
});

describe('what is sent here', () => {
  const network = ref('network', NETWORK);
  it('needs a network in which the host is', () => {
    expect(host.value('host.migrate_receive', '', { ...args, network, options: {} })).toEqual([
      'HOST_CANNOT_ATTACH_NETWORK',
      SELF,
      network,
    ]);
  });

  it('is received by this host, in no session of another pool', () => {
    const eth0 = { name: 'eth0', mac: '02:00:00:00:00:01', driver: '', pci: '', linkMbps: 1000, duplex: true };
    hostIs({ nics: [eth0] });
    host.put('network', NETWORK, { ...networkDoc, uplinks: ['eth0'] });
    expect(host.value('host.migrate_receive', '', { ...args, network, options: {} })).toMatchObject({
      host: SELF,
      session_id: NULL,
      master: 'http://local:443/',
    });
  });
});
