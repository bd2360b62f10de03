/** The support bundle as tar reads it: what is in it, and that none of the secrets that are put everywhere is. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createAccounts, hashPassword } from '../../../runtime/accounts.ts';
import { createLog } from '../../../runtime/log.ts';
import { endOfTar, TAR_END, tarPieces } from '../../../runtime/tar.ts';
import { type Admin, openAdmin } from '../../../transform-server/admin/admin.ts';
import { newSecretSearch } from '../../peers/secret-search.ts';
import { temporaryFolder } from '../../temporary.ts';
import { compose } from '../composed.ts';
import { vm } from '../memory.ts';

const { secret, leaks, secrets } = newSecretSearch();
const TOKEN = secret('the token of the endpoint', 'a-token-of-some-length-77');
let one: Awaited<ReturnType<typeof compose>>;
let admin: Admin;
let hash: string;

beforeEach(async () => {
  one = await compose(temporaryFolder());
  hash = secret('the hash of a password', await hashPassword(secret('the password of ada', 'Right-of-Ada-19')));
  const log = createLog({ write: () => {} });
  log.info({ user: 'ada', exchange: 'run-7' }, 'a line of the log');
  log.warn({ password: secret('a password in a field', 'Field-Pass-8a') } as never, 'logged by mistake');
  log.error(
    { error: new Error(`<password>${secret('a password in an error', 'Error-Pass-8b')}</password>`) },
    'the host said',
  );
  admin = await openAdmin({
    inspected: one.server.inspected,
    token: TOKEN,
    accounts: createAccounts([{ name: 'ada', role: 'administrator', fullName: '', hash }]),
    version: '1.2.3',
    log,
    logLevel: log,
    config: {
      account: [{ name: 'ada', role: 'administrator', hash }],
      redis: { url: `redis://transvisor:${secret('the password of Redis', 'Redis-Pass-55')}@10.0.0.1:6379` },
      front: [{ platform: 'x', options: { password: secret('an option', 'Option-Pass-21') } }],
      logLevel: 'info',
    },
  });
  await one.list([vm('u1', 'alpha')]);
  const { id } = await one.login();
  const names = await one.api.call(one.exchange(id, 'names', { password: secret('an argument', 'Argument-Pass-31') }));
  expect(names.kind).toBe('value');
  await one.api.hops([
    {
      exchange: 'run-7',
      shape: 'call',
      atMs: Date.now(),
      facts: { method: 'Login', front: 'f', outcome: 'invalid-login' },
      detail: {
        args: { user: 'ada', secret: secret('a secret of a client', 'Client-Pass-41') },
        body: `<cookie>${secret('a cookie', 'Cookie-51-abcdef')}</cookie>`,
      },
    },
  ]);
});
afterEach(async () => {
  await admin.close();
  await one.server.close();
});

const bundle = async (): Promise<ReadonlyMap<string, string>> => {
  const answer = await fetch(`${admin.url}/api/v1/support-bundle`, { headers: { authorization: `Bearer ${TOKEN}` } });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/gzip']);
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'bundle'), Buffer.from(await answer.arrayBuffer()));
  const unpacked = join(folder, 'in');
  mkdirSync(unpacked);
  execFileSync('tar', ['-xzf', join(folder, 'bundle'), '-C', unpacked]);
  return new Map(
    readdirSync(unpacked, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(unpacked.length + 1), readFileSync(path, 'utf8')]),
  );
};

it('has versions, configuration, health, figures, exchanges, audit and the end of the log, and no secret', async () => {
  const files = await bundle();
  const json = (name: string) => JSON.parse(files.get(name) ?? '') as Record<string, unknown>;
  expect(json('about.json')).toMatchObject({ transvisor: '1.2.3', node: { node: process.versions.node } });
  expect(json('health.json')).toMatchObject({ ok: true, hosts: [{ name: 'one', connected: true }] });
  expect(json('config.json')).toMatchObject({
    account: [{ name: 'ada', hash: '[secret]' }],
    redis: { url: 'redis://transvisor:[secret]@10.0.0.1:6379' },
    logLevel: 'info',
  });
  expect(files.get('metrics.txt')).toContain('transvisor_host_up{host="one"} 1');
  expect(json('metrics-history.json')['items']).not.toEqual([]);
  expect(json('exchanges/run-7.json')).toMatchObject({ exchange: 'run-7', outcome: 'invalid-login' });
  expect(JSON.stringify(json('audit.json'))).toContain('session.login');
  for (const name of ['hosts', 'agents', 'fronts', 'cells', 'sessions', 'jobs', 'overview', 'log'])
    expect([name, json(`${name}.json`)['status']]).toEqual([name, undefined]);
  expect(files.get('log.txt')).toMatch(/"exchange":"run-7","msg":"a line of the log"/);
  expect(files.get('log.txt')).toContain('the host said');
  expect(secrets.size).toBe(10);
  expect(leaks([...files])).toEqual([]);
});

it('is for administrators', async () => {
  const answer = await fetch(`${admin.url}/api/v1/support-bundle`);
  expect(answer.status).toBe(401);
});

it('can be gone on with where it ends', () => {
  const archive = Buffer.concat([tarPieces([{ name: 'a.txt', text: 'x'.repeat(512) }], 0), TAR_END]);
  expect(endOfTar(archive)).toBe(1024);
  const more = Buffer.concat([archive.subarray(0, 1024), tarPieces([{ name: 'b', text: '' }], 0), TAR_END]);
  expect(execFileSync('tar', ['-tf', '-'], { input: more }).toString()).toBe('a.txt\nb\n');
});
