/** A server killed with -9 under writers: once it is there again each machine takes the next write, none waits for a turn of the dead one's. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, type RawSoap, rawSoap } from './raw-soap.ts';
import { type RunningServer, type Servers, startServers } from './servers.ts';

const VMS = 30;
const KILLS = 2;

let servers: Servers;
let server: RunningServer;
let soap: RawSoap;
let vms: readonly string[];

beforeAll(async () => {
  servers = await startServers({ embedded: true });
  server = await servers.server('a');
  const agent = await servers.agent('one', { hosts: [`local=sim:///default?vms=${VMS}`], servers: ['a'] });
  soap = rawSoap(agent.front('vim25'));
  await soap.logIn();
  const list = await soap.call(
    'RetrievePropertiesEx',
    'PropertyCollector',
    'ha-property-collector',
    `<specSet><propSet><type>Folder</type><pathSet>childEntity</pathSet></propSet><objectSet><obj type="Folder">ha-folder-vm</obj></objectSet></specSet><options/>`,
  );
  vms = [...list.text.matchAll(/type="VirtualMachine"[^>]*>([^<]+)</g)].map(([, vm = '']) => vm);
});
afterAll(async () => {
  soap?.close();
  await servers?.[Symbol.asyncDispose]();
});

const change = (vm: string, text: string): Promise<Answer> =>
  soap.call('ReconfigVM_Task', 'VirtualMachine', vm, `<spec><annotation>${text}</annotation></spec>`);

test('there are machines', () => {
  expect(vms).toHaveLength(VMS);
});

test('no machine is busy for a writer that is dead', { timeout: 170_000 }, async () => {
  for (let kill = 1; kill <= KILLS; kill++) {
    let writing = true;
    // Each machine has a write under way at any time.
    const writers = vms.map(async (vm, at) => {
      for (let n = 0; writing; n++) {
        const { fault } = await change(vm, `${kill}.${at}.${n}`);
        if (fault !== undefined) return;
      }
    });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await server.kill9();
    writing = false;
    await Promise.all(writers);
    server = await servers.server('a');
    const isUp = async (): Promise<boolean> => (await soap.read('VirtualMachine', vms[0] ?? '', 'name')).size === 1;
    await expect.poll(() => isUp().catch(() => false), { timeout: 30_000 }).toBe(true);
    const faults = await Promise.all(
      vms.map((vm, at) =>
        soap.run('ReconfigVM_Task', 'VirtualMachine', vm, `<spec><annotation>after ${kill}.${at}</annotation></spec>`),
      ),
    );
    expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
  }
});
