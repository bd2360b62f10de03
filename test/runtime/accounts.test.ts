/** Accounts, secrets and what must never be printed. */
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { createAccounts, hashPassword, parseHash } from '../../runtime/accounts.ts';
import { accountsPath, readAccounts, writeAccounts } from '../../runtime/accounts-file.ts';
import { createLog } from '../../runtime/log.ts';
import { makeSecret, readSecretFile, Secret } from '../../runtime/secret.ts';
import { temporaryFolder } from '../temporary.ts';

const account = async (name: string, password: string) =>
  ({ name, role: 'operator', fullName: '', hash: await hashPassword(password) }) as const;

describe('accounts', () => {
  test('know the right password, again from memory, and no other', async () => {
    const accounts = createAccounts([await account('ann', 'correct horse'), await account('bob', 'x')]);
    for (let turn = 0; turn < 2; turn++) {
      expect((await accounts.check('ann', 'correct horse'))?.role).toBe('operator');
      expect(await accounts.check('ann', 'x')).toBeUndefined();
      expect(await accounts.check('bob', 'correct horse')).toBeUndefined();
      expect(await accounts.check('eve', 'x')).toBeUndefined();
      expect(await accounts.check('ann', '')).toBeUndefined();
    }
  });
  test('a password may be any Unicode text, in either normal form', async () => {
    const accounts = createAccounts([await account('ann', 'p\u00e4ss & <w\u00f6rd>')]);
    expect(await accounts.check('ann', 'pa\u0308ss & <wo\u0308rd>')).toBeDefined();
  });
  test('two hashes of one password differ, and foreign or ruinous ones are refused', async () => {
    const [a, b] = [await hashPassword('x'), await hashPassword('x')];
    expect(a).not.toBe(b);
    for (const bad of ['', 'x', a.slice(0, -1), a.replace('$15$', '$31$'), a.replace('scrypt', 'md5')]) {
      expect(parseHash(bad)).toBeUndefined();
    }
    await expect(hashPassword('')).rejects.toThrow();
  });
  test('a name that does not exist costs as much as one that does', async () => {
    const accounts = createAccounts([await account('ann', 'x')]);
    const time = async (name: string): Promise<number> => {
      const start = performance.now();
      await accounts.check(name, 'wrong');
      return performance.now() - start;
    };
    await time('warm');
    const [known, unknown] = [await time('ann'), await time('eve')];
    expect(unknown).toBeGreaterThan(known / 4);
  });
  test('the file keeps them for its owner only and refuses what it does not know', async () => {
    const state = temporaryFolder();
    const made = await account('ann', 'x');
    writeAccounts(state, [made]);
    expect(readAccounts(state)).toEqual([made]);
    expect(statSync(accountsPath(state)).mode & 0o777).toBe(0o600);
    writeFileSync(accountsPath(state), JSON.stringify({ accounts: [{ ...made, role: 'god' }] }));
    expect(() => readAccounts(state)).toThrow();
  });
});

describe('a secret', () => {
  test('does not print itself in any of the usual ways', () => {
    const secret = new Secret('hunter2');
    const shown = [
      `${secret}`,
      JSON.stringify({ secret }),
      inspect({ secret }, { depth: 9, showHidden: true }),
      String(secret),
    ];
    for (const text of shown) expect(text).not.toContain('hunter2');
    expect(secret.reveal()).toBe('hunter2');
  });
  test('is blanked in the log by type and by name', () => {
    const lines: string[] = [];
    const log = createLog({ write: (line) => lines.push(line) });
    log.info(
      {
        outcome: 'x',
        error: { password: 'hunter2', nested: { token: 'hunter3' } },
        ...{ cookie: 'hunter4', s: new Secret('hunter5') },
      },
      'text',
    );
    expect(lines.join()).toContain('text');
    expect(lines.join()).not.toMatch(/hunter\d/);
  });
  test('comes from the first line of a file', () => {
    const path = join(temporaryFolder(), 'pw');
    writeFileSync(path, 'two words \r\nsecond line\n');
    expect(readSecretFile(path).reveal()).toBe('two words ');
    writeFileSync(path, '\n');
    expect(() => readSecretFile(path)).toThrow(/first line is empty/);
  });
  test('made ones are long and never the same', () => {
    expect(makeSecret().reveal()).toMatch(/^[A-Za-z2-9]{20}$/);
    expect(makeSecret().reveal()).not.toBe(makeSecret().reveal());
  });
});
