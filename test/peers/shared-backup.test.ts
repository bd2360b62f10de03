/** What servers share on a real Redis, backed up beside writers and put into an empty one: clients go on with the sessions and ids that they had. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../temporary.ts';
import { runProgram } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { createSpec } from './malformed.ts';
import { type RawSoap, rawSoap } from './raw-soap.ts';
import { REDIS_CLIENTS } from './redis.ts';
import { type RunningAgent, type RunningServer, type Servers, startServers } from './servers.ts';

const PROGRAM = join(import.meta.dirname, '..', '..', 'transvisor');
const LIMIT = { timeout: 60_000, interval: 250 };

describeWith(REDIS_CLIENTS, 'a backup of what servers share', () => {
  const folder = temporaryFolder();
  const file = join(folder, 'backup');
  let servers: Servers;
  let server: RunningServer;
  let agent: RunningAgent;
  let soap: RawSoap;
  let first: string;
  let config: string;

  const transvisor = (...args: string[]) =>
    runProgram(PROGRAM, [...args, '--state', join(folder, 'state'), '--config', config, '--json']);
  const vm = async (name: string): Promise<string> => soap.vm(name);
  const made = async (name: string): Promise<string> => {
    const fault = await soap.run(
      'CreateVM_Task',
      'Folder',
      'ha-folder-vm',
      createSpec(name).replace('[default]', '[datastore1]'),
    );
    expect(fault).toBeUndefined();
    return vm(name);
  };

  beforeAll(async () => {
    servers = await startServers();
    server = await servers.server('one');
    agent = await servers.agent('agent', { hosts: ['local=sim:///default?vms=3'], servers: ['one'] });
    soap = rawSoap(agent.front('vim25'));
    await soap.logIn();
    first = await vm('demo-1');
    config = join(folder, 'server.toml');
    writeFileSync(
      config,
      `[redis]\nurl = "${servers.redis.url}"\n[link]\naddress = "unix:${join(folder, 'x.sock')}"\n[server]\nname = "spare"\n`,
    );
  });
  afterAll(async () => {
    soap?.close();
    await servers?.[Symbol.asyncDispose]();
  });

  test('is taken beside writers, with every cell', async () => {
    let writing = true;
    const writer = (async () => {
      for (let n = 0; writing; n++)
        await soap.run('ReconfigVM_Task', 'VirtualMachine', first, `<spec><annotation>note ${n}</annotation></spec>`);
    })();
    const state = join(folder, 'state');
    await runProgram('mkdir', ['-p', state]);
    writeFileSync(join(state, 'admin-token'), 'a-token-of-some-length\n', { mode: 0o600 });
    const taken = await transvisor('backup', file);
    writing = false;
    await writer;
    expect([taken.code, taken.stderr]).toEqual([0, '']);
    expect(JSON.parse(taken.stdout)).toMatchObject({ file, cells: 1 });
  });

  test('is refused where there is state, and where no Redis is named', async () => {
    const there = await transvisor('restore', file);
    expect([there.code, there.stderr]).toEqual([69, expect.stringContaining('has state already')]);
    const unnamed = await runProgram(PROGRAM, ['restore', file, '--state', join(folder, 'other')]);
    expect([unnamed.code, unnamed.stderr]).toEqual([78, expect.stringContaining('holds what servers share')]);
    const own = await runProgram(PROGRAM, ['restore', file, '--own', '--state', join(folder, 'other')]);
    expect([own.code, own.stderr]).toEqual([0, '']);
  });

  test('brings sessions and ids back; an id given after it is given to nothing else', {
    timeout: 170_000,
  }, async () => {
    const late = Number(await made('late'));
    await server.kill9();
    await servers.redis.cli('flushall');
    const restored = await transvisor('restore', file);
    expect([restored.code, restored.stderr]).toEqual([0, '']);
    expect(JSON.parse(restored.stdout)).toMatchObject({ cells: 1 });
    server = await servers.server('one');
    // With the cookie from before; nobody logged in again.
    await expect.poll(() => vm('demo-1').catch(String), LIMIT).toBe(first);
    const again = Number(await vm('late'));
    expect(again).toBeGreaterThan(late + 100_000);
    expect(await soap.run('ReconfigVM_Task', 'VirtualMachine', first, '<spec><annotation>on</annotation></spec>')).toBe(
      undefined,
    );
    expect(servers.log('one')).not.toContain('conflict');
  });
});
