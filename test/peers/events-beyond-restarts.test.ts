/** Programs restarted and replaced under XenAPI clients that wait for events: an old token leads on, and tells what changed meanwhile, once, and nothing else. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { copyProgram, type ProgramCopy } from './program-copy.ts';
import { REDIS_CLIENTS } from './redis.ts';
import { startServers } from './servers.ts';
import { type FrontEndpoint, startTransvisor } from './transvisor.ts';
import { openXenPython, type PythonXenApi } from './xen-clients.ts';

const LIMIT_MS = 120_000;
const MACHINE = (name: string): string =>
  `<domain type='qemu'><name>${name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type machine='pc'>hvm</type></os><devices><disk type='file' device='cdrom'><target dev='hdc' bus='ide'/></disk></devices></domain>`;

type Batch = {
  readonly token: string;
  readonly events: readonly {
    readonly operation: string;
    readonly class: string;
    readonly ref: string;
    readonly snapshot?: { readonly name_label?: string; readonly name_description?: string };
  }[];
};

const said = ({ operation, class: cls, snapshot }: Batch['events'][number]): string =>
  [operation, cls, snapshot?.name_label, snapshot?.name_description].filter(Boolean).join(' ');

const loggedIn = async ({ url, user, password, fingerprint256 }: FrontEndpoint): Promise<PythonXenApi> => {
  const client = await openXenPython({ url, user, password, fingerprint: fingerprint256 });
  expect((await client.login()).failure).toBeUndefined();
  return client;
};
const from = async (client: PythonXenApi, token: string, seconds: number): Promise<Batch> =>
  (await client.call('event.from', ['*'], token, { float: seconds })) as Batch;
/** All that is told from the token on, until nothing more comes for a while; and the token then. */
const toldSince = async (client: PythonXenApi, since: string): Promise<{ told: string[]; token: string }> => {
  const told: string[] = [];
  for (let token = since; ; ) {
    const batch = await from(client, token, 2);
    told.push(...batch.events.map(said));
    token = batch.token;
    if (batch.events.length === 0) return { told: told.sort(), token };
  }
};

/** What `change` does, as XenAPI tells it: each machine has a drive and a record of its measurements. */
const CHANGES = [
  ...['add vbd', 'add vm made', 'add vm_metrics'],
  ...['del vbd', 'del vm', 'del vm_metrics'],
  'mod vm renamed as it is now',
];

describeWith(['xenapi-py', ...LIBVIRT_CLIENTS, ...REDIS_CLIENTS], 'event.from beyond the end of a program', () => {
  let host: Libvirtd;
  /** Nobody edits it while programs are started from it. */
  let still: ProgramCopy;
  const define = async (name: string): Promise<void> => {
    const file = join(host.root, `${name}.xml`);
    writeFileSync(file, MACHINE(name));
    await host.virsh('define', file);
  };
  const listed = async (...options: readonly string[]): Promise<string[]> =>
    (await host.virsh('list', '--name', ...options)).split('\n').filter((name) => name !== '');
  beforeAll(async () => {
    still = copyProgram();
    host = await startLibvirtd({ qemu: true });
  });
  beforeEach(async () => {
    for (const name of await listed()) await host.virsh('destroy', name);
    for (const name of await listed('--all')) await host.virsh('undefine', name);
    for (const name of ['on', 'renamed', 'short']) await define(name);
    await host.virsh('start', 'on');
  });
  afterAll(async () => {
    await host?.stop();
    still?.[Symbol.dispose]();
  });
  /** One machine comes, one changes, one goes. */
  const change = async (): Promise<void> => {
    await define('made');
    await host.virsh('desc', 'renamed', '--config', 'as it is now');
    await host.virsh('undefine', 'short');
  };

  test('two servers restarted in turn: a wait goes on, and hears what changed while the host moved', {
    timeout: LIMIT_MS,
  }, async () => {
    await using all = await startServers({ program: still.program });
    let a = await all.server('a');
    const b = await all.server('b');
    const agent = await all.agent('one', { hosts: [`kvm=${host.uri}`], servers: ['a', 'b'], fronts: ['xenapi'] });
    const client = await loggedIn(agent.front('xenapi'));
    const { token } = await toldSince(client, '');
    let answered = false;
    const waiting = from(client, token, 100).finally(() => {
      answered = true;
    });
    waiting.catch(() => {}); // judged below
    expect(await a.stop()).toBe(0);
    a = await all.server('a');
    await sleep(1000);
    expect(answered).toBe(false);
    const [code] = await Promise.all([b.stop(), change()]);
    expect(code).toBe(0);
    const first = await waiting;
    const rest = await toldSince(client, first.token);
    expect([...first.events.map(said), ...rest.told].sort()).toEqual(CHANGES);
    // Who had not asked meanwhile is told the same by whoever is there now.
    expect((await toldSince(client, token)).told).toEqual(CHANGES);
    await client.close();
    expect(all.log()).not.toContain('"level":"error"');
  });

  test('one program stopped and started: who asks again with an old token hears what changed meanwhile; after kill -9 events are lost', {
    timeout: LIMIT_MS,
  }, async () => {
    await using product = await startTransvisor({ host: host.uri, fronts: ['xenapi'], program: still.program });
    const client = await loggedIn(product.front('xenapi'));
    /** The next call finds that its connection has ended. */
    const startAgain = async (): Promise<void> => {
      await product.restart();
      await client.ask('pool.get_all').catch(() => {});
    };
    const { token } = await toldSince(client, '');
    expect(await product.stop()).toEqual([0]);
    await startAgain();
    expect((await toldSince(client, token)).told).toEqual([]);
    expect(await product.stop()).toEqual([0]);
    await change();
    await startAgain();
    expect((await toldSince(client, token)).told).toEqual(CHANGES);
    expect(product.wholeLog()).not.toContain('"level":"error"');
    await product.kill9();
    await startAgain();
    const answer = await client.ask('event.from', ['*'], token, { float: 0 });
    expect(answer.failure).toEqual(['EVENTS_LOST']);
    await client.close();
  });
});
