/** What XenAPI clients are told: changes made by others and by themselves, tasks to their end, and nothing of a session that is over; fence_xenapi does its work. */
import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';
import {
  fenceXenapi,
  openXenApi,
  openXenPython,
  type PythonXenApi,
  seenBy,
  vmNamed,
  type XenEndpoint,
} from './xen-clients.ts';

const endpointOf = (product: Transvisor): XenEndpoint => {
  const { url, user, password, fingerprint256 } = product.front('xenapi');
  return { url, user, password, fingerprint: fingerprint256 };
};

type Batch = {
  readonly token: string;
  readonly valid_ref_counts: Readonly<Record<string, number>>;
  readonly events: readonly {
    readonly operation: 'add' | 'mod' | 'del';
    readonly class: string;
    readonly ref: string;
    readonly snapshot?: Readonly<Record<string, unknown>>;
  }[];
};

const eventsFrom = async (
  client: PythonXenApi,
  token: string,
  classes: readonly string[],
  seconds: number,
): Promise<Batch> => (await client.call('event.from', classes, token, { float: seconds })) as Batch;

/** Until an event fits, or the time is up. */
const untilEvent = async (
  client: PythonXenApi,
  token: string,
  fits: (event: Batch['events'][number]) => boolean,
): Promise<Batch['events'][number]> => {
  let at = token;
  for (let tries = 0; tries < 40; tries++) {
    const batch = await eventsFrom(client, at, ['*'], 1);
    const found = batch.events.find(fits);
    if (found) return found;
    at = batch.token;
  }
  throw new Error('no such event');
};

const loggedIn = async (product: Transvisor): Promise<PythonXenApi> => {
  const client = await openXenPython(endpointOf(product));
  expect((await client.login()).failure).toBeUndefined();
  return client;
};

const MACHINE = (name: string): string =>
  `<domain type='qemu'><name>${name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type machine='pc'>hvm</type></os><devices/></domain>`;

for (const twoProcesses of [false, true]) {
  describeWith(
    ['xenapi-py', ...LIBVIRT_CLIENTS],
    `events of QEMU, in ${twoProcesses ? 'two processes' : 'one'}`,
    () => {
      let host: Libvirtd;
      let product: Transvisor;
      let client: PythonXenApi;
      const define = async (name: string, xml = MACHINE(name)): Promise<void> => {
        const file = join(host.root, `${name}.xml`);
        writeFileSync(file, xml);
        await host.virsh('define', file);
      };
      beforeAll(async () => {
        host = await startLibvirtd({ qemu: true });
        await define('seen');
        product = await startTransvisor({ host: host.uri, fronts: ['xenapi'], twoProcesses });
        client = await loggedIn(product);
      });
      afterAll(async () => {
        await client?.close();
        await product?.[Symbol.asyncDispose]();
        await host?.stop();
      });

      test('a machine made, started, renamed and deleted with virsh is told to who waits', async () => {
        const { token } = await eventsFrom(client, '', ['VM'], 1);
        const made = untilEvent(client, token, ({ snapshot }) => snapshot?.['name_label'] === 'beside');
        await define('beside');
        const { ref, operation } = await made;
        expect(operation).toBe('add');
        const { token: next } = await eventsFrom(client, '', ['VM'], 1);
        const running = untilEvent(
          client,
          next,
          (event) => event.ref === ref && event.snapshot?.['power_state'] === 'Running',
        );
        await host.virsh('start', 'beside');
        expect((await running).operation).toBe('mod');
        const renamed = untilEvent(client, next, (event) => event.snapshot?.['name_label'] === 'new name');
        await host.virsh('desc', 'beside', '--title', 'new name', '--live', '--config');
        expect((await renamed).ref).toBe(ref);
        await host.virsh('destroy', 'beside');
        const gone = untilEvent(client, next, (event) => event.ref === ref && event.operation === 'del');
        await host.virsh('undefine', 'beside');
        expect((await gone).snapshot).toBeUndefined();
      });

      test('what a client does is there when its call returns, and in its events', async () => {
        const [vm] = (await client.call('VM.get_by_name_label', 'seen')) as string[];
        const { token } = await eventsFrom(client, '', ['VM'], 1);
        await client.call('VM.start', vm, false, false);
        expect(await client.call('VM.get_power_state', vm)).toBe('Running');
        expect((await host.virsh('domstate', 'seen')).trim()).toBe('running');
        await client.call('VM.set_name_label', vm, 'seen <again>');
        expect(await client.call('VM.get_by_name_label', 'seen <again>')).toEqual([vm]);
        await client.call('VM.add_to_other_config', vm, 'k', 'v & w');
        const batch = await eventsFrom(client, token, ['vm'], 1);
        expect(batch.events.find(({ ref }) => ref === vm)?.snapshot).toMatchObject({
          power_state: 'Running',
          name_label: 'seen <again>',
          other_config: { k: 'v & w' },
        });
        const again = await client.ask('VM.start', vm, false, false);
        expect(again.failure).toEqual(['VM_BAD_POWER_STATE', vm, 'halted', 'running']);
      });

      test('a task goes from pending to success in the events, and what it did is there', async () => {
        const [vm] = (await client.call('VM.get_by_name_label', 'seen <again>')) as string[];
        const { token } = await eventsFrom(client, '', ['task'], 1);
        const task = (await client.call('Async.VM.hard_shutdown', vm)) as string;
        const ended = await untilEvent(
          client,
          token,
          ({ ref, snapshot }) => ref === task && snapshot?.['status'] === 'success',
        );
        expect(ended.snapshot).toMatchObject({
          name_label: 'Async.VM.hard_shutdown',
          progress: 1,
          result: '<value></value>',
        });
        expect(await client.call('VM.get_power_state', vm)).toBe('Halted');
        await client.call('task.destroy', task);
        expect((await client.ask('task.get_status', task)).failure).toEqual(['HANDLE_INVALID', 'task', task]);
        const failing = (await client.call('Async.VM.hard_shutdown', vm)) as string;
        const failed = await untilEvent(
          client,
          token,
          ({ ref, snapshot }) => ref === failing && snapshot?.['status'] === 'failure',
        );
        expect(failed.snapshot?.['error_info']).toEqual(['VM_BAD_POWER_STATE', vm, expect.any(String), 'halted']);
      });

      test('a wait ends with its session', async () => {
        const other = await loggedIn(product);
        try {
          const { token } = await eventsFrom(other, '', ['VM'], 1);
          const session = other.session();
          const classes = '<array><data><value>VM</value></data></array>';
          const begun = Date.now();
          const waiting = post(endpointOf(product), 'event.from', session, classes, token, '<double>30.0</double>');
          await new Promise((resolve) => setTimeout(resolve, 300));
          expect(await post(endpointOf(product), 'session.logout', session)).toContain('Success');
          expect(await waiting).toContain(`<value>SESSION_INVALID</value><value>${session}</value>`);
          expect(Date.now() - begun).toBeLessThan(10_000);
        } finally {
          await other.close();
        }
      });
    },
  );
}

/** A call without a client: clients log in again by themselves when a session is over. */
const post = ({ url }: XenEndpoint, method: string, ...params: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const values = params.map((param) => `<param><value>${param}</value></param>`).join('');
    const body = `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${values}</params></methodCall>`;
    const headers = { 'content-length': Buffer.byteLength(body) };
    const sent = request(url, { method: 'POST', rejectUnauthorized: false, headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8');
      });
      response.on('end', () => resolve(text));
    });
    sent.once('error', reject);
    sent.end(body);
  });

describe('on the simulated host', () => {
  describeWith(['xen-api'], "npm's xen-api", () => {
    test.each(['json-rpc', 'xml-rpc'] as const)('sees its own writes in its cache, over %s', async (transport) => {
      await using product = await startTransvisor({ host: 'sim:///default', fronts: ['xenapi'] });
      const xapi = await openXenApi(endpointOf(product), transport, { watchEvents: true });
      try {
        const vm = vmNamed(xapi, 'demo-3');
        if (vm === undefined) throw new Error('no demo-3');
        await xapi.callAsync('VM.start', vm.$ref, false, false);
        await seenBy('running', () => vmNamed(xapi, 'demo-3')?.['power_state'] === 'Running');
        await xapi.call('VM.set_name_label', vm.$ref, 'demo "three"');
        await seenBy('the new name', () => vmNamed(xapi, 'demo "three"'));
        await vmNamed(xapi, 'demo "three"')?.update_other_config('xo:test', 'yes');
        await xapi.barrier();
        expect(vmNamed(xapi, 'demo "three"')?.['other_config']).toMatchObject({ 'xo:test': 'yes' });
        await expect(xapi.callAsync('VM.start', vm.$ref, false, false)).rejects.toMatchObject({
          code: 'VM_BAD_POWER_STATE',
        });
      } finally {
        await xapi.disconnect();
      }
    });

    test('is told that its events are lost after a restart, and goes on', async () => {
      await using product = await startTransvisor({ host: 'sim:///default', fronts: ['xenapi'] });
      // How long it waits after a refused connection; a minute unless told otherwise.
      const options = { watchEvents: true, eventPollDelay: 200 };
      const xapi = await openXenApi(endpointOf(product), 'json-rpc', options);
      try {
        const before = Object.keys(xapi.objects.all).length;
        await product.stop();
        await product.restart();
        const other = await loggedIn(product);
        const [vm] = (await other.call('VM.get_by_name_label', 'demo-1')) as string[];
        await other.call('VM.set_name_description', vm, 'after the restart');
        await seenBy(
          'a change after the restart',
          () => vmNamed(xapi, 'demo-1')?.['name_description'] === 'after the restart',
          60_000,
        );
        expect(Object.keys(xapi.objects.all).length).toBeGreaterThanOrEqual(before - 2);
        await other.close();
      } finally {
        await xapi.disconnect();
      }
    });
  });

  describeWith(['fence-xenapi'], 'fence_xenapi', () => {
    test('lists, reads, turns off, on and over', async () => {
      await using product = await startTransvisor({
        host: 'sim:///default',
        fronts: ['xenapi'],
        options: ['--plain', 'xenapi'],
      });
      const endpoint = endpointOf(product);
      const listed = await fenceXenapi(endpoint, 'list');
      expect(listed.stdout).toContain('demo-1');
      // Templates and the control domain are nobody's to fence.
      expect(listed.stdout).not.toMatch(/Other install media|Control domain/);
      expect((await fenceXenapi(endpoint, 'status', 'demo-1')).code).toBe(0);
      expect((await fenceXenapi(endpoint, 'off', 'demo-1')).code).toBe(0);
      expect((await fenceXenapi(endpoint, 'status', 'demo-1')).code).toBe(2);
      expect((await fenceXenapi(endpoint, 'on', 'demo-1')).code).toBe(0);
      expect((await fenceXenapi(endpoint, 'reboot', 'demo-1')).code).toBe(0);
      expect((await fenceXenapi(endpoint, 'status', 'demo-1')).code).toBe(0);
    });
  });
});
