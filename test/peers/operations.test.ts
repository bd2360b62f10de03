/** What operators use, on a running product that real clients work with: status, log level through the link, metrics, traces, the support bundle. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { traceIdOf } from '../../runtime/trace.ts';
import { type Govc, govcOn, type Output, runProgram } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { newSecretSearch } from './secret-search.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';

const PROGRAM = fileURLToPath(new URL('../../transvisor', import.meta.url));
const { secret, leaks } = newSecretSearch();
const PASSWORD = secret('the password of a client', 'Right-Password-2c9e');
const metric = (text: string, line: string): number =>
  Number(
    text
      .split('\n')
      .find((one) => one.startsWith(`${line} `))
      ?.slice(line.length) ?? 'nothing',
  );

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly service: string;
}
interface Traces {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly { readonly value: { readonly stringValue: string } }[] };
    readonly scopeSpans: readonly { readonly spans: readonly Omit<Span, 'service'>[] }[];
  }[];
}

describeWith(['govc'], 'operations', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tvo-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  describe('server and agent apart', () => {
    let product: Transvisor;
    let govc: Govc;
    let vm: string;
    beforeAll(async () => {
      product = await startTransvisor({ host: 'sim:///default?vms=6', twoProcesses: true, password: PASSWORD });
      secret('the token of the endpoint', product.admin.token);
      govc = govcOn(product);
      [vm = ''] = (await govc('find', '/', '-type', 'm')).split('\n');
      await govc('vm.power', '-off', '-force', vm);
      await govc('vm.change', '-vm', vm, '-m', '256');
    }, 90_000);
    afterAll(() => product[Symbol.asyncDispose]());
    const transvisor = (...args: string[]): Promise<Output> =>
      runProgram(PROGRAM, [...args, '--admin', product.admin.url, '--state', join(product.state, 'server')]);
    const metrics = async (): Promise<string> =>
      (
        await fetch(`${product.admin.url}/metrics`, { headers: { authorization: `Bearer ${product.admin.token}` } })
      ).text();

    test('metrics count what the agent answered by itself and what the server did', async () => {
      const ofFront = (method: string, route: string): string =>
        `transvisor_exchanges_total{front="vim25@local",method="${method}",route="${route}",outcome="value"}`;
      const told = async () => {
        const text = await metrics();
        return [
          metric(text, ofFront('Login', 'session')) > 0,
          metric(text, ofFront('ReconfigVM_Task', 'central')),
          metric(text, 'transvisor_jobs_total{verb="vm.change",outcome="success"}'),
          metric(text, 'transvisor_host_up{host="local"}'),
          metric(text, 'transvisor_sync_lag_seconds{host="local"}'),
        ];
      };
      // Agents tell once a second.
      await expect.poll(told, { timeout: 15_000 }).toEqual([true, 1, 1, 1, 0]);
    });

    test('status shows hosts, fronts and what is unwell, and its exit code says so', async () => {
      const well = await transvisor('status');
      expect(well.stdout).toMatch(/^all is well\n/);
      expect(well.stdout).toMatch(/^local +connected +sim +agent +6$/m);
      expect(well.stdout).toMatch(/^vim25@local +vim25 +\d+ +\d+ +\d+ +\d+ +\d+$/m);
      expect(well.code).toBe(0);
      const json = JSON.parse((await transvisor('status', '--json')).stdout) as { well: boolean; overview: unknown };
      expect(json).toMatchObject({ well: true, hosts: [{ name: 'local', connected: true, listed: true }] });
      // Without a terminal once, whatever is asked for.
      expect((await transvisor('status', '--watch')).stdout).toMatch(/^all is well\n/);
      await product.kill9('agent');
      await expect
        .poll(async () => (await transvisor('status')).stdout, { timeout: 30_000 })
        .toMatch(/^something is wrong\n {2}/);
      expect((await transvisor('status')).code).toBe(1);
      await product.restart('agent');
      await expect.poll(async () => (await transvisor('status')).code, { timeout: 30_000 }).toBe(0);
    }, 120_000);

    test('the log level changes in both programs, and lines carry their exchange', async () => {
      const changed = await transvisor('log-level', 'silent');
      expect([changed.stdout, changed.code]).toEqual(['server: silent\nagent agent: silent\n', 0]);
      const wrong = govcOn({ ...product, password: 'wrong' });
      await wrong.result(['about']);
      expect(product.wholeLog()).not.toContain('login refused');
      expect((await transvisor('log-level', 'info')).code).toBe(0);
      expect((await transvisor('log-level')).stdout).toBe('server: info\n');
      await wrong.result(['about']);
      const logged = () =>
        product
          .wholeLog()
          .split('\n')
          .find((one) => one.includes('login refused'));
      await expect.poll(logged).toBeDefined();
      const { exchange = '' } = JSON.parse(logged() ?? '{}') as { exchange?: string };
      // Hops go in batches.
      await expect
        .poll(async () => (await transvisor('explain', exchange, '--json')).code, { timeout: 10_000 })
        .toBe(0);
      const explained = await transvisor('explain', exchange, '--json');
      expect(JSON.parse(explained.stdout)).toMatchObject({ exchange, method: 'Login', outcome: 'invalid-login' });
      expect((await transvisor('log-level', 'chatty')).code).toBe(64);
    });

    test('the support bundle has what a report needs, and no secret', async () => {
      const file = join(folder, 'support.tar.gz');
      const made = await transvisor('support', file);
      expect([made.code, made.stderr]).toEqual([0, '']);
      const names = execFileSync('tar', ['-tzf', file], { encoding: 'utf8' }).trim().split('\n');
      expect(names).toEqual(
        expect.arrayContaining(['about.json', 'config.json', 'metrics.txt', 'jobs.json', 'audit.json', 'log.txt']),
      );
      expect(names.filter((name) => /^(?:jobs|exchanges)\//.test(name)).length).toBeGreaterThan(5);
      const all = execFileSync('tar', ['-xzOf', file], { encoding: 'utf8', maxBuffer: 1e9 });
      expect(all).toContain('vm.change');
      expect(leaks([['the bundle', all]])).toEqual([]);
      expect((await transvisor('support', file)).code).toBe(78);
    });
  });

  describe('traces', () => {
    const spans: Span[] = [];
    let collector: Server;
    let product: Transvisor;
    beforeAll(async () => {
      collector = createServer((request, answer) => {
        const pieces: Buffer[] = [];
        request.on('data', (piece: Buffer) => pieces.push(piece));
        request.on('end', () => {
          const { resourceSpans } = JSON.parse(Buffer.concat(pieces).toString()) as Traces;
          for (const { resource, scopeSpans } of resourceSpans)
            for (const { spans: some } of scopeSpans)
              spans.push(...some.map((one) => ({ ...one, service: resource.attributes[0]?.value.stringValue ?? '' })));
          answer.end('{}');
        });
      });
      await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
      const { port } = collector.address() as AddressInfo;
      product = await startTransvisor({
        host: 'sim:///default?vms=3',
        password: PASSWORD,
        config: `[telemetry]\notlp = "http://127.0.0.1:${port}"\n`,
      });
    }, 60_000);
    afterAll(async () => {
      await product[Symbol.asyncDispose]();
      await new Promise((resolve) => collector.close(resolve));
    });

    test('one trace for each exchange, with the spans of agent and server, and nothing secret in it', async () => {
      const govc = govcOn(product);
      const [vm = ''] = (await govc('find', '/', '-type', 'm')).split('\n');
      await govc('vm.power', '-off', '-force', vm);
      await govc('vm.change', '-vm', vm, '-m', '256');
      const changed = (): Span | undefined => spans.find(({ name }) => name === 'ReconfigVM_Task');
      await expect.poll(changed, { timeout: 20_000 }).toBeDefined();
      const listed = await fetch(`${product.admin.url}/api/v1/exchanges?method=ReconfigVM_Task`, {
        headers: { authorization: `Bearer ${product.admin.token}` },
      });
      const { items } = (await listed.json()) as { items: { exchange: string }[] };
      expect(changed()?.traceId).toBe(traceIdOf(items[0]?.exchange ?? ''));
      const own = spans.filter(({ traceId }) => traceId === changed()?.traceId);
      expect(new Set(own.map(({ service }) => service))).toEqual(new Set(['transvisor-agent', 'transvisor-server']));
      const ids = new Set(own.map(({ spanId }) => spanId));
      expect(own.filter(({ parentSpanId }) => !ids.has(parentSpanId ?? '')).map(({ name }) => name)).toEqual([
        'ReconfigVM_Task',
      ]);
      expect(own.map(({ name }) => name)).toEqual(expect.arrayContaining(['request', 'link', 'server', 'plan']));
      expect(leaks([['traces', JSON.stringify(spans)]])).toEqual([]);
    });
  });
});
