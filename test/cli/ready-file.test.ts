/** The ready file: its JSON, who may read it, and the account that up makes. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadAccounts } from '../../cli/composition.ts';
import { type Ready, readyOf, readyText, writeReadyFile } from '../../cli/ready-file.ts';
import { createAccounts } from '../../runtime/accounts.ts';
import { checkConfig } from '../../runtime/config.ts';
import { Secret } from '../../runtime/secret.ts';
import { fingerprints, makeCa, makeLeaf } from '../../runtime/tls.ts';
import { fakeFront, fakePlatform } from '../agent/fake-platform.ts';
import { temporaryFolder } from '../temporary.ts';

const tls = makeLeaf(makeCa(Date.now()), ['127.0.0.1'], Date.now());
const front = (host: string, secure: boolean) => ({
  name: `fake@${host}`,
  platform: fakePlatform,
  front: fakeFront,
  host,
  listen: '0.0.0.0',
  port: 0,
  tls: secure ? tls : undefined,
  options: {},
});

test('the ready file holds every front, the first of each kind by name, and the admin endpoint, for its owner only', () => {
  const path = join(temporaryFolder(), 'ready.json');
  const ports = new Map([
    ['fake@a', 4001],
    ['fake@b', 4002],
  ]);
  const credentials = { user: 'root', password: new Secret('pw'), fresh: true };
  writeReadyFile(
    path,
    readyOf([front('a', true), front('b', false)], ports, credentials, { url: 'http://127.0.0.1:1', token: 't' }),
  );
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const ready = JSON.parse(readFileSync(path, 'utf8')) as Ready;
  const { sha1, sha256 } = fingerprints(tls.certificate);
  const login = { user: 'root', password: 'pw' };
  expect(ready.fronts).toEqual([
    { front: 'fake', host: 'a', url: 'https://127.0.0.1:4001/', ...login, fingerprint: sha1, fingerprint256: sha256 },
    { front: 'fake', host: 'b', url: 'http://127.0.0.1:4002/', ...login, fingerprint: '', fingerprint256: '' },
  ]);
  expect(ready['fake']).toEqual({
    url: 'https://127.0.0.1:4001/',
    ...login,
    fingerprint: sha1,
    fingerprint256: sha256,
  });
  expect(ready.admin).toEqual({ url: 'http://127.0.0.1:1', token: 't' });
  expect(readyText(ready, false)).not.toContain('pw');
});

test('a password is made once and works at the next start, when it is not told again', async () => {
  const state = temporaryFolder();
  const config = { ...checkConfig({}), state };
  const first = await loadAccounts(config);
  const made = first.credentials.password?.reveal() ?? '';
  expect(first.credentials.fresh).toBe(true);
  const second = await loadAccounts(config);
  expect(second.credentials).toEqual({ user: first.credentials.user, password: undefined, fresh: false });
  expect((await createAccounts(second.accounts).check(second.credentials.user, made))?.role).toBe('administrator');
});
