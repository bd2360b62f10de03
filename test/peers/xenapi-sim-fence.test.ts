/** The simulated XenServer host as Debian's fence_xenapi sees it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startXenHost, type XenHost } from '../../fixtures/xenapi-host/server.ts';
import { describeWith } from './describe-with.ts';
import { fenceXenapi, type XenEndpoint } from './xen-clients.ts';

const USER = 'root';
const PASSWORD = 'pass word';

describeWith(['fence-xenapi'], 'fence_xenapi', () => {
  let plain: XenHost;
  let fenced: XenEndpoint;
  beforeAll(async () => {
    plain = await startXenHost({ user: USER, password: PASSWORD, loginDelayMs: 20, operationMs: 30 });
    fenced = { url: plain.url, user: USER, password: PASSWORD, fingerprint: '' };
  });
  afterAll(() => plain.close());
  const state = (name: string): unknown => {
    const row = [...plain.sim.db.rows('VM')].find((vm) => vm.own.get('name_label') === name);
    return row === undefined ? undefined : plain.sim.db.valueOf(row, 'power_state');
  };

  test('lists the VMs and leaves out template and control domain', async () => {
    const { code, stdout } = await fenceXenapi(fenced, 'list');
    expect(code).toBe(0);
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(',')[1]);
    expect(names.sort()).toEqual(['vm-0', 'vm-1', 'vm-2', 'vm-3']);
  });
  test('tells, switches on and off, and restarts', async () => {
    expect((await fenceXenapi(fenced, 'status', 'vm-0')).stdout).toContain('ON');
    const off = await fenceXenapi(fenced, 'status', 'vm-1');
    expect([off.code, off.stdout.trim()]).toEqual([2, 'Status: OFF']);
    expect((await fenceXenapi(fenced, 'on', 'vm-1')).code).toBe(0);
    expect(state('vm-1')).toBe('Running');
    expect((await fenceXenapi(fenced, 'reboot', 'vm-1')).code).toBe(0);
    expect(state('vm-1')).toBe('Running');
    expect((await fenceXenapi(fenced, 'off', 'vm-1')).code).toBe(0);
    expect(state('vm-1')).toBe('Halted');
  });
  test('finds a VM by its uuid, and fails with a wrong password or name', async () => {
    const uuid = String(
      [...plain.sim.db.rows('VM')].find((vm) => vm.own.get('name_label') === 'vm-2')?.own.get('uuid'),
    );
    expect((await fenceXenapi(fenced, 'status', uuid)).stdout).toContain('ON');
    expect((await fenceXenapi({ ...fenced, password: 'wrong' }, 'status', 'vm-0')).code).toBe(1);
    expect((await fenceXenapi(fenced, 'status', 'no such VM')).code).not.toBe(0);
  });
});
