/** `transvisor user`: accounts of the state directory in and out. A running program reads them at its next start. */
import type { Role } from '../mappings/generic/call.ts';
import { type Account, hashPassword, ROLES } from '../runtime/accounts.ts';
import { accountName, readAccounts, writeAccounts } from '../runtime/accounts-file.ts';
import { ConfigError, nearest } from '../runtime/config.ts';
import { makeSecret } from '../runtime/secret.ts';
import type { FullConfig } from './flags.ts';
import { readPassword } from './password-file.ts';

export const addUser = async (
  state: string,
  name: string,
  flags: { role: string; fullName?: string; passwordFile?: string },
): Promise<{ json: unknown; text: string }> => {
  const checked = accountName.safeParse(name);
  if (!checked.success) throw new ConfigError(`user name: ${checked.error.issues[0]?.message}`);
  if (!ROLES.includes(flags.role as Role)) {
    const near = nearest(flags.role, ROLES);
    throw new ConfigError(`unknown role "${flags.role}"${near === undefined ? '' : `; did you mean "${near}"?`}`);
  }
  const password = flags.passwordFile === undefined ? makeSecret() : readPassword(flags.passwordFile);
  const account: Account = {
    name,
    role: flags.role as Role,
    fullName: flags.fullName ?? '',
    hash: await hashPassword(password.reveal()),
  };
  writeAccounts(state, [...readAccounts(state).filter((one) => one.name !== name), account]);
  const shown = flags.passwordFile === undefined ? { password: password.reveal() } : {};
  return {
    json: { name, role: flags.role, ...shown },
    text: `${name} is ${flags.role}${flags.passwordFile === undefined ? `\npassword ${password.reveal()} (shown this once)` : ''}\n`,
  };
};

export const listUsers = (config: FullConfig): { json: unknown; text: string } => {
  const kept = readAccounts(config.state).map((account) => ({ account, from: 'state' }));
  const rows = [...config.account.map((account) => ({ account, from: 'configuration' })), ...kept].map(
    ({ account, from }) => ({
      name: account.name,
      role: account.role,
      fullName: account.fullName,
      from,
    }),
  );
  return { json: { users: rows }, text: rows.map((row) => `${row.name}\t${row.role}\t${row.from}\n`).join('') };
};

export const removeUser = (state: string, name: string): void => {
  const accounts = readAccounts(state);
  if (!accounts.some((account) => account.name === name))
    throw new ConfigError(`there is no account "${name}" in ${state}`);
  writeAccounts(
    state,
    accounts.filter((account) => account.name !== name),
  );
};
