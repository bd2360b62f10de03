/** Backup and restore as an operator does them: a stopped program's state goes and comes back, and nothing that clients saw in between is said again of anything else. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { backUp, restore } from '../../cli/backup.ts';
import { issue } from '../../cli/ca-link.ts';
import { addUser } from '../../cli/user.ts';
import { numberOf } from '../../mappings/generic/ids.ts';
import { readAccounts } from '../../runtime/accounts-file.ts';
import { createIds } from '../../transform-server/ids/ids.ts';
import { openStorage } from '../../transform-server/storage/storage.ts';
import { createVersions } from '../../transform-server/store/versions.ts';
import { temporaryFolder } from '../temporary.ts';

const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));
const estate = async () => {
  const state = join(temporaryFolder(), 'state');
  await addUser(state, 'alice', { role: 'administrator' });
  issue(state, { server: ['127.0.0.1'] });
  writeFileSync(join(state, 'admin-token'), 'token\n', { mode: 0o600 });
  writeFileSync(join(state, 'outbox-agent'), 'entries', { mode: 0o600 });
  using storage = openStorage(state);
  const ids = createIds(storage, () => 1);
  const host = ids.mint(undefined, 'host', 'h');
  const vm = ids.mint(host, 'vm', 'u1');
  const { epoch } = createVersions(storage, random);
  createVersions(storage, random).next();
  return { state, host, vm, epoch, file: join(temporaryFolder(), 'backup') };
};

describe('a stopped program', () => {
  test('comes back whole: ids, accounts, tokens, keys, outbox, each as private as it was', async () => {
    const { state, host, vm, file } = await estate();
    const before = readdirSync(join(state, 'tls'));
    await backUp(file, { state });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const elsewhere = join(temporaryFolder(), 'new', 'state');
    await restore(file, { state: elsewhere });
    expect(readdirSync(join(elsewhere, 'tls'))).toEqual(before);
    expect(readFileSync(join(elsewhere, 'tls', 'ca.key'))).toEqual(readFileSync(join(state, 'tls', 'ca.key')));
    for (const name of ['tls/ca.key', 'accounts.json', 'admin-token', 'outbox-agent'])
      expect(statSync(join(elsewhere, name)).mode & 0o777).toBe(0o600);
    expect(statSync(elsewhere).mode & 0o777).toBe(0o700);
    expect(readAccounts(elsewhere)).toEqual(readAccounts(state));
    using storage = openStorage(elsewhere);
    expect(createIds(storage, () => 1).resolve(host, 'vm', 'u1')).toBe(vm);
    expect(readdirSync(elsewhere).filter((name) => /restor|backup/.test(name))).toEqual([]);
  });

  test('after a restore gives no id again that was given after the backup, and has waiting clients read anew', async () => {
    const { state, host, vm, epoch, file } = await estate();
    await backUp(file, { state });
    let lost: number;
    {
      using storage = openStorage(state);
      lost = numberOf(createIds(storage, () => 1).mint(host, 'vm', 'made later'));
    }
    await restore(file, { state });
    using storage = openStorage(state);
    const ids = createIds(storage, () => 1);
    expect(ids.resolve(host, 'vm', 'made later')).toBeUndefined();
    expect(ids.resolve(host, 'vm', 'u1')).toBe(vm);
    expect(numberOf(ids.mint(host, 'vm', 'another'))).toBeGreaterThan(lost + 100_000);
    expect(createVersions(storage, random).epoch).not.toBe(epoch);
  });

  test('keeps what was there beside it', async () => {
    const { state, file } = await estate();
    await backUp(file, { state });
    await addUser(state, 'bob', { role: 'read-only' });
    const { before } = (await restore(file, { state })).json as { before: string };
    expect(readAccounts(state).map(({ name }) => name)).toEqual(['alice']);
    expect(readAccounts(before).map(({ name }) => name)).toEqual(['alice', 'bob']);
    expect(existsSync(join(before, 'transvisor.db'))).toBe(true);
  });

  test('of the agent alone has no database, and comes back all the same', async () => {
    const state = join(temporaryFolder(), 'state');
    await addUser(state, 'alice', { role: 'administrator' });
    const file = join(temporaryFolder(), 'backup');
    await backUp(file, { state });
    const elsewhere = join(temporaryFolder(), 'state');
    await restore(file, { state: elsewhere });
    expect(readdirSync(elsewhere)).toEqual(['accounts.json']);
  });

  test.runIf(process.getuid?.() === 0)('of another user stays that user’s when root restores it', async () => {
    const { state, file } = await estate();
    await backUp(file, { state });
    execFileSync('chown', ['-R', '12345:12345', state]);
    execFileSync('chmod', ['755', join(state, '..')]);
    await restore(file, { state });
    const owners = ['.', 'transvisor.db', 'accounts.json', 'tls', 'tls/ca.key'].map(
      (name) => statSync(join(state, name)).uid,
    );
    expect(owners).toEqual([12345, 12345, 12345, 12345, 12345]);
  });
});

describe('nothing is overwritten', () => {
  test('neither a file by a backup, nor a state by what is none, nor one in use', async () => {
    const { state, file } = await estate();
    writeFileSync(file, 'mine');
    await expect(backUp(file, { state })).rejects.toThrow(/exists already/);
    await expect(restore(file, { state })).rejects.toThrow();
    expect(readFileSync(file, 'utf8')).toBe('mine');
    const good = `${file}2`;
    await backUp(good, { state });
    const damaged = readFileSync(good);
    damaged.fill(0x55, 8192, 12_288);
    writeFileSync(`${file}3`, damaged);
    await expect(restore(`${file}3`, { state })).rejects.toThrow();
    using _storage = openStorage(state);
    await expect(restore(good, { state })).rejects.toThrow(/in use by pid/);
  });

  test('and a file that would lie outside of the state is refused', async () => {
    const { state, file } = await estate();
    await backUp(file, { state });
    const db = new DatabaseSync(file);
    db.prepare('INSERT INTO backup_files VALUES (?, ?, ?)').run('../escaped', 0o600, Buffer.from('x'));
    db.close();
    await expect(restore(file, { state })).rejects.toThrow(/none of a state/);
    expect(existsSync(join(state, '..', 'escaped'))).toBe(false);
    expect(readAccounts(state)).toHaveLength(1);
  });
});
