/** A backup of the running program, put back after a disaster: clients go on with the sessions and ids that they had. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startXenHost, type XenHost } from '../../fixtures/xenapi-host/server.ts';
import { temporaryFolder } from '../temporary.ts';
import { govcOn, runProgram } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type RawSoap, rawSoap } from './raw-soap.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';

const PROGRAM = join(import.meta.dirname, '..', '..', 'transvisor');

describeWith(['govc'], 'a backup of the running program', () => {
  const folder = temporaryFolder();
  const state = join(folder, 'state');
  const file = join(folder, 'backup');
  let host: XenHost;
  let product: Transvisor;
  let client: RawSoap;
  let vm: string;
  let version: string;

  const transvisor = (...args: string[]) => runProgram(PROGRAM, [...args, '--state', state]);
  const ids = async (): Promise<string> => govcOn(product)('ls', '-i', 'vm');

  beforeAll(async () => {
    host = await startXenHost({ user: 'root', password: 'pw', loginDelayMs: 1, vms: 3 });
    const password = join(folder, 'password');
    writeFileSync(password, 'pw\n', { mode: 0o600 });
    product = await startTransvisor({
      host: `xenapi+${host.url}`,
      options: ['--host-user', 'root', '--host-password-file', password],
      state,
    });
    client = rawSoap(product);
    await client.logIn();
    [, vm = ''] = /VirtualMachine:(\S+)/.exec(await ids()) ?? [];
    version = await client.watch(vm, 'name');
  });
  afterAll(async () => {
    client?.close();
    await product?.[Symbol.asyncDispose]();
    await host?.close();
  });

  test('is taken while clients work, for its owner alone', async () => {
    const { url, token } = product.admin;
    writeFileSync(join(state, 'admin-token'), `${token}\n`, { mode: 0o600 });
    const taken = await transvisor('backup', file, '--admin', url, '--json');
    expect(taken.stderr).toBe('');
    expect(JSON.parse(taken.stdout)).toMatchObject({ file, from: 'the running server' });
  });

  test('is refused under the running program', async () => {
    const refused = await transvisor('restore', file);
    expect(refused.code).toBe(69);
    expect(refused.stderr).toMatch(/in use by pid/);
  });

  test('brings sessions and ids back to clients; a filter that watches is told to begin anew', async () => {
    const before = await ids();
    expect(before.trim().split('\n').length).toBeGreaterThanOrEqual(3);
    await product.kill9();
    for (const lost of ['transvisor.db', 'transvisor.db-wal', 'transvisor.db-shm', 'accounts.json', 'tls'])
      rmSync(join(state, lost), { recursive: true, force: true });
    const restored = await transvisor('restore', file);
    expect(restored).toMatchObject({ code: 0, stderr: '' });
    await product.restart();
    expect(await ids()).toBe(before);
    // With the cookie from before the backup; nobody logged in again.
    const answer = await client.call(
      'FindByInventoryPath',
      'SearchIndex',
      await client.manager('searchIndex'),
      '<inventoryPath>/</inventoryPath>',
    );
    expect([answer.status, answer.fault]).toEqual([200, undefined]);
    const stale = await client.waitForUpdates(version, 1);
    expect(stale.fault).toBe('InvalidCollectorVersion');
    expect((await client.waitForUpdates('', 1)).text).toContain(vm);
  });
});
