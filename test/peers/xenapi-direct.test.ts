/** Power commands of XenAPI while the transform server is away: carried out by the agent, their tasks there to read when it is back. */
import { expect, test } from 'vitest';
import { rawXenApi } from './raw-xenapi.ts';
import { startTransvisor } from './transvisor.ts';

test('power goes on without the server; what needs it is refused at once; the tasks are there afterwards', {
  timeout: 120_000,
}, async () => {
  await using product = await startTransvisor({ host: 'sim:///direct', twoProcesses: true, fronts: ['xenapi'] });
  const xen = rawXenApi(product.front('xenapi'));
  await xen.logIn();
  const vms = (await xen.call('VM.get_all_records')) as Record<string, { name_label: string; power_state: string }>;
  const [vm = ''] = Object.entries(vms).find(([, { name_label }]) => name_label === 'demo-1') ?? [];
  expect(vms[vm]?.power_state).toBe('Running');
  // The first one brings the lease.
  await xen.call('VM.pause', vm);
  await xen.call('VM.unpause', vm);

  await product.kill9('server');
  await expect
    .poll(() => xen.call('VM.get_power_state', vm).catch((error: Error) => error.message), { timeout: 20_000 })
    .toContain('HOST_OFFLINE');
  await xen.call('VM.pause', vm);
  await expect(xen.call('VM.pause', vm)).rejects.toThrow(`VM_BAD_POWER_STATE ["${vm}","running","paused"]`);
  const task = String(await xen.call('Async.VM.unpause', vm));
  expect(task).toMatch(/^OpaqueRef:/);
  await xen.call('VM.hard_reboot', vm);

  await product.restart('server');
  await expect
    .poll(() => xen.call('task.get_status', task).catch((error: Error) => error.message), { timeout: 30_000 })
    .toBe('success');
  expect(await xen.call('VM.get_power_state', vm)).toBe('Running');
  expect(await xen.call('task.get_name_label', task)).toBe('Async.VM.unpause');
  xen.close();
});
