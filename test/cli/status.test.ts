/** `transvisor status` of an endpoint that tells what the test says: tables, bars of jobs under way, and the live view at a terminal. */
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { status, watchStatus } from '../../cli/status.ts';
import { temporaryFolder } from '../temporary.ts';

const TOKEN = 'a-token-of-some-length';
const HOST = { name: 'kvm-1', platform: 'libvirt', agent: 'a', state: 'connected', vms: 3 };
const JOB = { id: 'job-1', verb: 'vm.clone', targetName: 'web-1', user: 'root', queuedMs: 0 };
const TOLD = {
  '/healthz': { ok: true, hosts: [{ name: 'kvm-1', connected: true, listed: true }] },
  '/api/v1/overview': { counts: { clients: 2, sessions: 3, jobs: 2 }, hosts: [HOST], fronts: [], unwell: [] },
  '/api/v1/jobs': {
    items: [
      { ...JOB, progress: 45 },
      { ...JOB, id: 'job-2', queuedMs: 58_000 },
    ],
  },
  '/api/v1/metrics/history': {
    items: [
      {
        points: [
          [0, 100],
          [10_000, 300],
        ],
      },
      {
        points: [
          [0, 0],
          [10_000, 1000],
        ],
      },
    ],
  },
} as const;

let server: Server;
let told: Record<string, unknown>;
let flags: { readonly admin: string; readonly tokenFile: string };

beforeEach(async () => {
  told = { ...TOLD };
  server = createServer((request, answer) => {
    const { pathname } = new URL(request.url ?? '', 'http://x');
    const isKnown = request.headers.authorization === `Bearer ${TOKEN}`;
    answer.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' });
    answer.end(JSON.stringify(told[pathname] ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const tokenFile = join(temporaryFolder(), 'token');
  writeFileSync(tokenFile, TOKEN, { mode: 0o600 });
  flags = { admin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, tokenFile };
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

test('jobs under way have a bar where their host says how far they are', async () => {
  const { text, well } = await status(flags, () => 60_000);
  expect(well).toBe(true);
  expect(text).toMatch(/^all is well\n20 exchanges\/s, 5\.0 ms each, .*; 2 clients, 3 sessions, 2 jobs under way\n/);
  expect(text).toMatch(/^kvm-1 +connected +libvirt +a +3$/m);
  expect(text).toMatch(/^job-1 +vm\.clone +web-1 +root +60 +\[#########\.{11}\] {2}45 %$/m);
  expect(text).toMatch(/^job-2 +vm\.clone +web-1 +root +2$/m);
});

test('what is unwell comes first', async () => {
  told['/healthz'] = { ok: false, hosts: [{ name: 'kvm-1', connected: false, listed: true }] };
  const unwell = [{ what: 'host', text: 'kvm-1 does not answer', sinceMs: 0 }];
  told['/api/v1/overview'] = { ...TOLD['/api/v1/overview'], unwell };
  const { text, well } = await status(flags);
  expect(well).toBe(false);
  expect(text).toMatch(/^something is wrong\n {2}kvm-1 does not answer \(since 1970-01-01T00:00:00\.000Z\)\n/);
});

test('the live view is written over in place, lives through a server that is away, and ends when it is told', async () => {
  const screens: string[] = [];
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  const watching = watchStatus(flags, 0.05, ended, { write: (text) => screens.push(text) });
  await expect.poll(() => screens.at(-1)).toMatch(/^\x1b\[H\x1b\[J.*all is well/s);
  const { port } = server.address() as AddressInfo;
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await expect.poll(() => screens.at(-1)).toContain('no admin endpoint answers');
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await expect.poll(() => screens.at(-1)).toContain('all is well');
  end();
  expect(await watching).toBe(true);
});
