/** A simulated XenServer host behind an agent and a server apart: a machine's life with govc, read back with XenAPI.py. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { startXenHost } from '../../fixtures/xenapi-host/server.ts';
import { govcOn } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { startTransvisor } from './transvisor.ts';
import { openXenPython } from './xen-clients.ts';

vi.setConfig({ testTimeout: 120_000 });

const USER = 'root';
const PASSWORD = 'secret of the host';
const VM = 'apart';

describeWith(['govc', 'xenapi-py'], 'a XenServer host behind an agent and a server apart', () => {
  test('a machine is made, powered, snapshotted, reverted and deleted', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tvx-'));
    const passwordFile = join(folder, 'password');
    writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
    const xen = await startXenHost({ user: USER, password: PASSWORD, vms: 3, loginDelayMs: 50, operationMs: 30 });
    const api = await openXenPython({ url: xen.url, user: USER, password: PASSWORD, fingerprint: '' });
    await api.login();
    const named = async (cls: string): Promise<Map<string, Readonly<Record<string, unknown>>>> => {
      const all = await api.call(`${cls}.get_all_records`);
      const records = Object.values(all as Readonly<Record<string, Readonly<Record<string, unknown>>>>);
      return new Map(records.map((record) => [String(record['name_label']), record]));
    };
    const state = async (): Promise<unknown> => (await named('VM')).get(VM)?.['power_state'];
    try {
      await using product = await startTransvisor({
        host: `xenapi+http://127.0.0.1:${xen.port}`,
        options: ['--host-user', USER, '--host-password-file', passwordFile],
        twoProcesses: true,
      });
      const govc = govcOn(product, { GOVC_DATASTORE: 'Local storage' });
      const [network = ''] = (await named('network')).keys();
      await govc('vm.create', '-on=false', '-disk', '1G', '-net', network, VM);
      await govc('vm.power', '-on', VM);
      expect(await state()).toBe('Running');
      await govc('snapshot.create', '-vm', VM, 'live');
      await govc('vm.power', '-off', VM);
      await govc('snapshot.revert', '-vm', VM, 'live');
      expect(await state()).toBe('Running');
      await govc('vm.power', '-off', VM);
      await govc('vm.destroy', VM);
      expect(await state()).toBeUndefined();
      expect([...(await named('VDI')).keys()].filter((label) => label.startsWith(VM))).toEqual([]);
    } finally {
      await api.close();
      await xen.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
